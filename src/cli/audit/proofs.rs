//! What rotation proved dead and what issuers said: evidence files, checked, and what `verify` wrote, joined by key id and
//! secret id.

use std::path::PathBuf;

use serde::Deserialize;

use crate::audit::life::{Proof, Proofs, Verifications};
use crate::audit::record::{Standing, Verified};
use crate::audit::settle::Life;
use crate::clock::parse_rfc3339;
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::rotate::evidence::Evidence;

/// Reads the evidence in `folders`, those below them too. What proves nothing is a notice.
///
/// # Errors
/// When a folder cannot be read.
pub(super) fn read(
    folders: &[PathBuf],
    signer: Option<&str>,
    key_id: &str,
    notices: &mut Vec<Notice>,
) -> Result<Proofs> {
    let mut proofs = Proofs::new();
    for path in evidence_files(folders)? {
        match crate::private::read(&path, 16 << 20).and_then(|bytes| Evidence::check(&bytes, signer)) {
            Ok(Evidence { body, .. }) if body.state == "proven" && body.key_id == key_id => {
                let proof = Proof { at: body.ended, run: body.run };
                let latest = proofs.get(&body.secret_id).is_none_or(|known| known.at < proof.at);
                if latest {
                    proofs.insert(body.secret_id, proof);
                }
            }
            Ok(Evidence { body, .. }) if body.key_id != key_id => {
                let message = format!("evidence of another key ({}): it cannot be joined", body.key_id);
                notices.push(Notice::new(NoticeKind::Information, message).at(path.to_string_lossy()));
            }
            Ok(_) => {}
            Err(error) => {
                let message = format!("it proves nothing: {error}");
                notices.push(Notice::new(NoticeKind::Configuration, message).at(path.to_string_lossy()));
            }
        }
    }
    Ok(proofs)
}

/// The files of evidence in `folders` and below them.
fn evidence_files(folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    const DEEPEST: usize = 4;
    let mut found = Vec::new();
    let mut waiting: Vec<(PathBuf, usize)> = folders.iter().map(|folder| (folder.clone(), 0)).collect();
    while let Some((folder, depth)) = waiting.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                if depth < DEEPEST {
                    waiting.push((path, depth + 1));
                }
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.contains("evidence") && name.ends_with(".json") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Takes runs of rotation away that ended long ago (`past` says so of a date): those whose evidence proves a death that the
/// state has entered. Journal and evidence go together; a run that is not over has no such evidence. How many comes back.
///
/// # Errors
/// When a folder or file cannot be read or removed.
pub(super) fn remove(
    folders: &[PathBuf],
    (signer, key_id): (Option<&str>, &str),
    lives: &[Life],
    past: &dyn Fn(&str) -> bool,
) -> Result<u64> {
    let entered =
        |id: &str| lives.iter().any(|life| life.secret.secret_id == id && life.secret.standing == Standing::Proven);
    let mut removed = 0;
    for path in evidence_files(folders)? {
        let Ok(Evidence { body, .. }) =
            crate::private::read(&path, 16 << 20).and_then(|bytes| Evidence::check(&bytes, signer))
        else {
            continue;
        };
        if body.state != "proven" || body.key_id != key_id || !entered(&body.secret_id) || !past(&body.ended) {
            continue;
        }
        let remove = |path: PathBuf| match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::Io { path, source }),
            _ => Ok(()),
        };
        remove(path.with_file_name("journal.jsonl"))?;
        remove(path.clone())?;
        // Where something else stands in it, the folder stays.
        let _ = path.parent().map(std::fs::remove_dir);
        removed += 1;
    }
    Ok(removed)
}

/// What `keysweep verify --format json` writes, as far as it matters here.
#[derive(Deserialize)]
struct Said {
    key_id: String,
    at: String,
    secrets: Vec<SaidOf>,
}

#[derive(Deserialize)]
struct SaidOf {
    secret_id: String,
    liveness: String,
}

/// Reads what issuers said. What is unknown to them says nothing.
///
/// # Errors
/// When a file cannot be read or is none that `verify` wrote.
pub(super) fn verifications(files: &[PathBuf], key_id: &str, notices: &mut Vec<Notice>) -> Result<Verifications> {
    let mut all = Verifications::new();
    for path in files {
        let fail = |message: String| Error::Config { file: path.display().to_string(), message };
        let said: Said = serde_json::from_slice(&crate::private::read(path, 64 << 20)?)
            .map_err(|error| fail(format!("`keysweep verify --format json` did not write it: {error}")))?;
        if parse_rfc3339(&said.at).is_none() {
            return Err(fail(format!("`{}` is no date", said.at)));
        }
        if said.key_id != key_id {
            let message =
                format!("what issuers said of secrets under another key ({}): it cannot be joined", said.key_id);
            notices.push(Notice::new(NoticeKind::Information, message).at(path.to_string_lossy()));
            continue;
        }
        for SaidOf { secret_id, liveness } in said.secrets {
            let live = match &*liveness {
                "live" => true,
                "dead" => false,
                _ => continue,
            };
            let later = all.get(&secret_id).is_none_or(|known| known.at < said.at);
            if later {
                all.insert(secret_id, Verified { at: said.at.clone(), live });
            }
        }
    }
    Ok(all)
}
