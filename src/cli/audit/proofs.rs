//! What rotation proved dead: its evidence files, checked, joined by key id and secret id.

use std::path::PathBuf;

use crate::audit::life::{Proof, Proofs};
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
    const DEEPEST: usize = 4;
    let mut proofs = Proofs::new();
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
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.contains("evidence") || !name.ends_with(".json") {
                continue;
            }
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
    }
    Ok(proofs)
}
