//! Files that git tracks although its own ignore rules name them (added with `--force`): a walk that leaves out what
//! is ignored would miss them, and a `.env` is just such a file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Opener, index};
use crate::source::files::path_hash;

/// Tracked files below `target` that a walk did not visit: `visited` holds the [`path_hash`] of every file it did.
///
/// Empty when `target` is in no repository, or the index cannot be read: then nothing is tracked.
pub fn missed(target: &Path, visited: &HashSet<u64>) -> Vec<PathBuf> {
    let Ok(repo) = Opener::at(target).open() else { return Vec::new() };
    let Some(work_tree) = repo.git.workdir().and_then(|folder| folder.canonicalize().ok()) else { return Vec::new() };
    let (Ok(base), Ok(entries)) = (target.canonicalize(), index::read(&repo)) else { return Vec::new() };
    let Ok(below) = base.strip_prefix(&work_tree) else { return Vec::new() };
    let mut missed: Vec<PathBuf> = entries
        .iter()
        .filter(|entry| matches!(entry.mode, 0o100_644 | 0o100_755))
        .filter_map(|entry| {
            let path = PathBuf::from(String::from_utf8(entry.path.clone()).ok()?);
            let path = target.join(path.strip_prefix(below).ok()?);
            let there = || path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
            (!visited.contains(&path_hash(&path)) && there()).then_some(path)
        })
        .collect();
    missed.dedup(); // the stages of a conflict
    missed
}
