//! Which repositories are audited: named ones, those in folders, those in lists.

use std::path::{Path, PathBuf};

use crate::error::{Notice, NoticeKind};

/// How deep folders are searched for repositories (`mirrors/organisation/project.git`).
const DEEPEST: usize = 4;

/// The repositories, each once, in order; and what could not be found.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// By their canonical paths.
    pub(super) repositories: Vec<PathBuf>,
    pub(super) notices: Vec<Notice>,
}

/// Whether a git repository begins here: one with files, or a bare one.
fn is_repository(path: &Path) -> bool {
    path.join(".git").exists() || (path.join("HEAD").is_file() && path.join("objects").is_dir())
}

fn missing(path: &Path, message: impl Into<String>) -> Notice {
    Notice::new(NoticeKind::Unreadable, message).at(path.to_string_lossy()).gap()
}

impl Targets {
    /// Finds the repositories that `named` means.
    pub(super) fn find(named: &[PathBuf]) -> Self {
        let mut targets = Self::default();
        for path in named {
            targets.add(path, true);
        }
        targets.repositories.sort();
        targets.repositories.dedup();
        targets
    }

    fn add(&mut self, path: &Path, may_list: bool) {
        let canonical = match path.canonicalize() {
            Ok(canonical) => canonical,
            Err(error) => return self.notices.push(missing(path, error.to_string())),
        };
        if is_repository(&canonical) {
            self.repositories.push(canonical);
        } else if canonical.is_dir() {
            let before = self.repositories.len();
            self.folder(&canonical, 0);
            if self.repositories.len() == before {
                self.notices.push(missing(path, "there is no repository in this folder"));
            }
        } else if may_list {
            self.list(&canonical);
        } else {
            self.notices.push(missing(path, "this is no repository"));
        }
    }

    fn folder(&mut self, folder: &Path, depth: usize) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.notices.push(missing(folder, error.to_string())),
        };
        let mut paths: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        paths.sort();
        for path in paths {
            // A link may lead anywhere, back up too.
            if path.is_symlink() {
                continue;
            }
            if is_repository(&path) {
                self.repositories.push(path);
            } else if depth + 1 < DEEPEST {
                self.folder(&path, depth + 1);
            }
        }
    }

    /// A file with a path on each line, relative to its own folder; `#` begins a comment.
    fn list(&mut self, list: &Path) {
        let text = match std::fs::read_to_string(list) {
            Ok(text) => text,
            Err(error) => return self.notices.push(missing(list, format!("the list cannot be read: {error}"))),
        };
        let folder = list.parent().unwrap_or(Path::new("."));
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            self.add(&folder.join(line), false);
        }
    }
}
