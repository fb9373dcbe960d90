//! Git repositories as sources: the index, commits of a range, the whole history.
//!
//! ```text
//!  Repo (open, refs, objects) --+-- staged    index against HEAD
//!                               +-- commits   what a range adds (--diff, --since, --pre-push, --pre-receive)
//!                               |             a long one with what everything and long_range know beforehand
//!                               +-- history   every object  -> attribution, for findings alone
//! ```
//!
//! Objects are read through libgit2; nothing is ever written into a repository. What libgit2 cannot read (refs stored
//! as a reftable, split and sparse indexes) the `git` program is asked for.

mod added;
mod attribution;
mod below;
mod cache_tree;
mod command;
mod commit;
pub mod commits;
mod contents;
pub mod covered;
mod everything;
mod extensions;
pub mod gaps;
mod graph;
pub mod history;
mod index;
mod lately;
mod long_range;
mod missing;
mod opened;
pub mod plain;
pub mod ranges;
mod reach;
mod reduction;
mod refs;
mod secrets;
pub mod staged;
#[cfg(unix)]
pub mod stamp;
#[cfg(not(unix))]
#[path = "no_stamp.rs"]
pub mod stamp;
mod survey;
pub mod tracked;
mod tree;
mod trees;
mod walk;
mod workers;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, ObjectFormat, ObjectType, Odb, OdbObject, Oid, Repository, RepositoryOpenFlags};

use crate::error::{Error, Result};
use crate::finding::{Origin, OriginKind};
use crate::source::Visitor;
use crate::source::history::store::Store;
pub use refs::Ref;
use tree::Objects;

/// What all git sources can be told.
#[derive(Debug, Clone, Default)]
pub struct GitOptions {
    /// Blobs larger than this many bytes are left out.
    pub max_size: Option<u64>,
    /// Threads; 0 for one per core.
    pub threads: usize,
    /// Up to so many commits of a range are followed one by one; for more, all trees of the repository are read in one
    /// walk. `None` for what is quicker. It changes how long a scan takes, not what it finds.
    pub few_commits: Option<usize>,
}

impl GitOptions {
    /// So many commits are always few.
    const FEWEST: usize = 256;

    /// How many commits of a range are few: one costs as much as the walk over about 200 objects.
    fn few_commits(&self, store: &Store) -> usize {
        self.few_commits.unwrap_or_else(|| (store.most_numbers() / 200).max(Self::FEWEST))
    }

    /// Reads a blob and counts it under `kind`: read, or too large. What cannot be read is told.
    fn blob<'o>(
        &self,
        objects: &'o Objects<'_>,
        id: Oid,
        kind: &'static str,
        visitor: &mut dyn Visitor,
    ) -> Option<OdbObject<'o>> {
        if let Some(limit) = self.max_size
            && objects.odb.read_header(id).is_ok_and(|(size, _)| size as u64 > limit)
        {
            *visitor.coverage().kind(kind).skipped.entry(TOO_LARGE.to_owned()).or_default() += 1;
            return None;
        }
        let object = objects.read(id, "blob")?;
        visitor.coverage().kind(kind).scanned += 1;
        Some(object)
    }
}

/// Why blobs are passed over, in the coverage.
pub const TOO_LARGE: &str = "larger than the limit";

/// Where a repository is and how to open it, again and again: one [`Repo`] per thread.
#[derive(Debug, Clone)]
pub struct Opener {
    /// What the user named, as reports show it.
    shown: String,
    path: PathBuf,
    /// Whether git's environment variables apply: they are about the repository we stand in, not about others.
    environment: bool,
    /// Whether it may be a folder above.
    above: bool,
}

/// An open repository. Not shared between threads.
pub struct Repo {
    opener: Opener,
    git: Repository,
    reftable: bool,
}

impl Opener {
    /// The repository at or above the current folder, as git's environment variables say (hooks set them).
    pub fn here() -> Self {
        Self { shown: ".".to_owned(), path: PathBuf::from("."), environment: true, above: true }
    }

    /// The repository at or above `path`, whatever the environment says.
    pub fn at(path: &Path) -> Self {
        Self {
            shown: path.to_string_lossy().replace('\\', "/"),
            path: path.to_owned(),
            environment: false,
            above: true,
        }
    }

    /// The repository at `path` itself: where it is broken, another one above it is not meant.
    pub fn exactly_at(path: &Path) -> Self {
        Self { above: false, ..Self::at(path) }
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`Error::Git`] that says how to mend it.
    pub fn open(&self) -> Result<Repo> {
        extensions::allow();
        let variable = |name: &str| self.environment.then(|| std::env::var_os(name)).flatten();
        let git = match variable("GIT_DIR") {
            Some(folder) => Repository::open_ext(
                folder,
                RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT,
                std::iter::empty::<OsString>(),
            ),
            None => {
                let flags = if self.above { RepositoryOpenFlags::empty() } else { RepositoryOpenFlags::NO_SEARCH };
                Repository::open_ext(&self.path, flags, std::iter::empty::<OsString>())
            }
        };
        let git = git.map_err(|error| self.explain(&error))?;
        let repo = Repo { reftable: is_reftable(&git), opener: self.clone(), git };
        // A quarantine (pre-receive) keeps the incoming objects apart and names the real store as an alternate.
        let folders = variable("GIT_OBJECT_DIRECTORY").into_iter().map(PathBuf::from);
        let alternates = variable("GIT_ALTERNATE_OBJECT_DIRECTORIES").map(|list| alternates(&list)).unwrap_or_default();
        let odb = repo.odb()?;
        for folder in folders.chain(alternates) {
            let Some(folder) = folder.to_str() else {
                return Err(self.error(format!("{}: an object folder must be UTF-8", folder.display())));
            };
            odb.add_disk_alternate(folder).map_err(|error| self.explain(&error))?;
        }
        drop(odb);
        Ok(repo)
    }

    /// An error of this repository.
    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::Git { repository: self.shown.clone(), message: message.into() }
    }

    /// libgit2's error with the mend.
    fn explain(&self, error: &git2::Error) -> Error {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let path = path.display();
        self.error(match error.code() {
            ErrorCode::NotFound if !self.path.exists() => {
                "there is no such folder; check the path and the folder you run it in".to_owned()
            }
            ErrorCode::NotFound if error.class() == git2::ErrorClass::Repository && !self.above => {
                "this is no whole git repository: HEAD, objects and refs are asked for".to_owned()
            }
            ErrorCode::NotFound if error.class() == git2::ErrorClass::Repository => {
                "not a git repository, nor any folder above it; go into one, or name one".to_owned()
            }
            ErrorCode::Owner => {
                // libgit2 names the folder that counts: "repository path '/x/' is not owned by current user".
                let named = error.message().split('\'').nth(1).map(|named| named.trim_end_matches('/').to_owned());
                let folder = named.unwrap_or_else(|| path.to_string());
                format!(
                    "the repository belongs to another user, and git does not trust it; \
                     if you do: git config --global --add safe.directory '{folder}'"
                )
            }
            _ => format!("{}; `git -C '{path}' fsck` tells more", error.message()),
        })
    }
}

/// The folders of a `GIT_ALTERNATE_OBJECT_DIRECTORIES`. Git quotes a folder with a separator in it.
fn alternates(list: &OsString) -> Vec<PathBuf> {
    std::env::split_paths(list)
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(|folder| match folder.to_str().and_then(|text| text.strip_prefix('"')?.strip_suffix('"')) {
            Some(inner) => PathBuf::from(inner),
            None => folder,
        })
        .collect()
}

fn is_reftable(git: &Repository) -> bool {
    git.config()
        .and_then(|config| config.get_string("extensions.refstorage"))
        .is_ok_and(|storage| storage.eq_ignore_ascii_case("reftable"))
}

impl Repo {
    /// How to open it once more, for another thread.
    pub fn opener(&self) -> &Opener {
        &self.opener
    }

    /// As reports show it.
    pub fn shown(&self) -> &str {
        &self.opener.shown
    }

    /// SHA-1 or SHA-256.
    pub fn format(&self) -> ObjectFormat {
        self.git.object_format()
    }

    /// The object database.
    ///
    /// # Errors
    /// When libgit2 cannot open it.
    pub fn odb(&self) -> Result<Odb<'_>> {
        self.git.odb().map_err(|error| self.opener.explain(&error))
    }

    /// An object id in hex, 40 or 64 digits as the repository has them; `None` for anything else.
    pub(super) fn parse_id(&self, hex: &str) -> Option<Oid> {
        let digits = match self.format() {
            ObjectFormat::Sha256 => 64,
            ObjectFormat::Sha1 => 40,
        };
        (hex.len() == digits).then(|| Oid::from_str_ext(hex, self.format()).ok())?
    }

    /// Runs the `git` program here.
    pub(super) fn command(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        command::git(self.git.path(), arguments).map_err(|said| self.opener.error(said))
    }

    /// The origin of an object's bytes.
    pub(super) fn origin(&self, kind: OriginKind, id: Oid, path: &[u8]) -> Origin {
        origin(&self.opener.shown, kind, &id.to_string(), path)
    }

    /// The folders that objects are kept in, as the environment says where it applies.
    pub(super) fn object_folders(&self) -> Vec<PathBuf> {
        let variable = |name: &str| self.opener.environment.then(|| std::env::var_os(name)).flatten();
        let own = self.git.commondir().join("objects");
        let mut folders: Vec<PathBuf> = variable("GIT_OBJECT_DIRECTORY").map(PathBuf::from).into_iter().collect();
        folders.push(own);
        folders.extend(variable("GIT_ALTERNATE_OBJECT_DIRECTORIES").iter().flat_map(alternates));
        folders
    }

    /// What keeps an object from being read, in words; `None` when it is simply not there.
    pub(super) fn trouble(error: &git2::Error) -> Option<String> {
        (error.code() != ErrorCode::NotFound).then(|| error.message().to_owned())
    }
}

/// The origin of the bytes of an object (its id in hex) of the repository that is `shown` so.
fn origin(shown: &str, kind: OriginKind, id: &str, path: &[u8]) -> Origin {
    let mut origin = Origin::new(kind, String::from_utf8_lossy(path));
    origin.repository = Some(shown.to_owned());
    origin.object = Some(id.to_owned());
    origin
}

/// What kind of object a tree entry's mode promises.
pub(super) fn kind_of_mode(mode: u32) -> Option<ObjectType> {
    match mode & 0o170_000 {
        0o040_000 => Some(ObjectType::Tree),
        0o160_000 => None,
        _ => Some(ObjectType::Blob),
    }
}

/// The same id without what libgit2 leaves behind it: for SHA-1 the last 12 of its 32 bytes may be garbage from the
/// stack, and git2 hashes them with the rest. Every id that comes out of libgit2 and may become a key passes here.
fn clean(id: Oid) -> Oid {
    Oid::from_bytes(id.as_bytes()).unwrap_or(id)
}
