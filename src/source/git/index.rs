//! What is staged: the entries of the index, as `GIT_INDEX_FILE` says (`git commit -a`, `-p` and `PATH` use their own).

use std::path::PathBuf;

use git2::{Index, ObjectFormat, Oid};

use super::cache_tree::Folders;
use super::{Repo, cache_tree, clean};
use crate::error::Result;

/// `git add --intent-to-add`: a path without content yet. The next commit does not have it.
const INTENT_TO_ADD: u16 = 1 << 13;

/// A staged path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Staged {
    pub(super) path: Vec<u8>,
    pub(super) mode: u32,
    pub(super) id: Oid,
    /// 0, or 1 to 3 in a conflict.
    pub(super) stage: u8,
}

/// All entries of the index.
///
/// # Errors
/// When neither libgit2 nor the `git` program can read it.
pub(super) fn read(repo: &Repo) -> Result<Vec<Staged>> {
    // Split and sparse indexes are beyond libgit2.
    open(repo).map_or_else(|_| listed(repo), |index| Ok(entries(&index)))
}

/// All entries, and the folders that are just as some tree has them.
///
/// # Errors
/// As [`read`].
pub(super) fn read_with_folders(repo: &Repo) -> Result<(Vec<Staged>, Folders)> {
    let Ok(index) = open(repo) else { return Ok((listed(repo)?, Folders::new())) };
    let file = index.path().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    let id_size = match repo.format() {
        ObjectFormat::Sha256 => 32,
        ObjectFormat::Sha1 => 20,
    };
    Ok((entries(&index), cache_tree::read(&file, id_size)))
}

fn open(repo: &Repo) -> std::result::Result<Index, git2::Error> {
    match repo.opener.environment.then(|| std::env::var_os("GIT_INDEX_FILE")).flatten() {
        Some(file) => Index::open_ext(&PathBuf::from(file), repo.format()),
        None => repo.git.index(),
    }
}

fn entries(index: &Index) -> Vec<Staged> {
    index
        .iter()
        .filter(|entry| entry.flags_extended & INTENT_TO_ADD == 0)
        .map(|entry| Staged {
            stage: ((entry.flags >> 12) & 3) as u8,
            path: entry.path,
            mode: entry.mode,
            id: clean(entry.id),
        })
        .collect()
}

/// The same from `git ls-files`.
fn listed(repo: &Repo) -> Result<Vec<Staged>> {
    let list = repo.command(&["ls-files", "--stage", "-z", "--full-name"])?;
    let malformed = || repo.opener.error("`git ls-files --stage` said something unexpected");
    let mut entries = Vec::new();
    for line in list.split(|&byte| byte == 0).filter(|line| !line.is_empty()) {
        // `100644 <id> 0\tpath`
        let tab = memchr::memchr(b'\t', line).ok_or_else(malformed)?;
        let head = std::str::from_utf8(&line[..tab]).map_err(|_| malformed())?;
        let mut words = head.split(' ');
        let mut word = || words.next().ok_or_else(malformed);
        let mode = u32::from_str_radix(word()?, 8).map_err(|_| malformed())?;
        let id = repo.parse_id(word()?).ok_or_else(malformed)?;
        let stage = word()?.parse().map_err(|_| malformed())?;
        entries.push(Staged { path: line[tab + 1..].to_vec(), mode, id, stage });
    }
    Ok(entries)
}
