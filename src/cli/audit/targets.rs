//! Which repositories are audited: named ones, those in folders, those in lists.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::mirror;
use crate::audit::record::Repository;
use crate::audit::runs::Untouched;
use crate::error::{Notice, NoticeKind};

/// How deep folders are searched for repositories (`mirrors/organisation/project.git`).
const DEEPEST: usize = 4;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    /// Its canonical path, or its address.
    pub(super) name: String,
    /// Where it is, or its mirror.
    pub(super) path: PathBuf,
    /// Whether it is an address.
    pub(super) remote: bool,
}

/// The repositories, each once, in order; and what could not be found.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) repositories: Vec<Target>,
    /// Where mirrors are kept.
    mirrors: PathBuf,
    /// Folders that were searched.
    folders: Vec<PathBuf>,
    pub(super) notices: Vec<Notice>,
}

/// Whether a git repository begins here: one with files, or a bare one. One that lost a part is one: it is named then.
fn is_repository(path: &Path) -> bool {
    let has = |name: &str| path.join(name).exists();
    has(".git") || [has("HEAD"), has("objects"), has("refs")].into_iter().filter(|has| *has).count() > 1
}

fn missing(path: &Path, message: impl Into<String>, mend: &str) -> Notice {
    Notice::new(NoticeKind::Unreadable, message).at(path.to_string_lossy()).mend(mend).gap()
}

const CHECK: &str = "check the path and the folder the audit runs in, or take it off the targets";
const DEEPER: &str =
    "repositories are looked for four folders deep: name a folder further down, or the repository itself";
const LIST: &str = "a target is a repository, a folder of them, an address, or a text file with one of these a line";
const LOST: &str = "see what became of it: bring it back, or move what is left of it away";
const READABLE: &str = "let the audit's user read it";

impl Targets {
    /// Finds the repositories that `named` means.
    pub(super) fn find(named: &[PathBuf], mirrors: &Path) -> Self {
        let mut targets = Self { mirrors: mirrors.to_owned(), ..Self::default() };
        for path in named {
            targets.add(path, true);
        }
        targets.repositories.sort();
        targets.repositories.dedup();
        targets
    }

    /// Names those of the `known` repositories that are where they were, in a folder that was searched, and none any more.
    pub(super) fn name_lost(&mut self, known: &BTreeMap<u32, Repository>) -> BTreeMap<u32, Untouched> {
        let found: HashSet<&str> = self.repositories.iter().map(|target| target.name.as_str()).collect();
        let searched = |path: &Path| self.folders.iter().any(|folder| path.starts_with(folder));
        let is_lost = |name: &str| {
            let path = Path::new(name);
            !found.contains(name) && !mirror::is_address(name) && searched(path) && path.exists()
        };
        let mut lost = BTreeMap::new();
        for (&number, record) in known.iter().filter(|(_, record)| is_lost(&record.name)) {
            let gap = missing(Path::new(&record.name), "it was a repository and is none any more", LOST);
            lost.insert(number, Untouched { gaps: vec![gap], stamp: None });
        }
        self.notices.extend(lost.values().flat_map(|lost| lost.gaps.iter().cloned()));
        lost
    }

    fn repository(&mut self, path: PathBuf) {
        self.repositories.push(Target { name: path.to_string_lossy().into_owned(), path, remote: false });
    }

    fn add(&mut self, path: &Path, may_list: bool) {
        if let Some(address) = path.to_str().filter(|text| mirror::is_address(text)) {
            return match mirror::check(address) {
                Ok(()) => {
                    let path = mirror::place(&self.mirrors, address);
                    self.repositories.push(Target { name: address.to_owned(), path, remote: true });
                }
                Err(why) => self.notices.push(Notice::new(NoticeKind::Unreadable, why).gap()),
            };
        }
        let canonical = match path.canonicalize() {
            Ok(canonical) => canonical,
            Err(error) => return self.notices.push(missing(path, error.to_string(), CHECK)),
        };
        if is_repository(&canonical) {
            self.repository(canonical);
        } else if canonical.is_dir() {
            let before = self.repositories.len();
            self.folders.push(canonical.clone());
            self.folder(&canonical, 0);
            if self.repositories.len() == before {
                self.notices.push(missing(path, "there is no repository in this folder", DEEPER));
            }
        } else if may_list {
            self.list(&canonical);
        } else {
            self.notices.push(missing(path, "this is no repository", CHECK));
        }
    }

    fn folder(&mut self, folder: &Path, depth: usize) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.notices.push(missing(folder, error.to_string(), READABLE)),
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
                self.repository(path);
            } else if depth + 1 < DEEPEST {
                self.folder(&path, depth + 1);
            }
        }
    }

    /// A file with a path (relative to its own folder) or an address on each line; `#` begins a comment.
    fn list(&mut self, list: &Path) {
        let text = match std::fs::read_to_string(list) {
            Ok(text) => text,
            Err(error) => {
                return self.notices.push(missing(list, format!("the list cannot be read: {error}"), LIST));
            }
        };
        let folder = list.parent().unwrap_or(Path::new("."));
        let mut lines =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
        if lines.peek().is_none() {
            self.notices.push(missing(list, "the list names nothing", LIST));
        }
        for line in lines {
            match mirror::is_address(line) {
                true => self.add(Path::new(line), false),
                false => self.add(&folder.join(line), false),
            }
        }
    }
}
