//! Files as they lie on disk: a parallel walk, one read per file.
//!
//! Hidden files are in, what git ignores is out (and counted), of `.git` only `config` and `hooks` are looked at,
//! symbolic links are not followed, devices, pipes and sockets are passed over.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::{Item, MakeVisitor, Visitor, map};
use crate::error::{Notice, NoticeKind};
use crate::finding::{Origin, OriginKind};

/// From this size on a file is mapped, not read.
const MAPPED: u64 = 8 << 20;

/// Says whether a path (with `/`, as shown; a folder's ends with `/`) is left out.
pub type Excluded<'o> = dyn Fn(&str) -> bool + Sync + 'o;

/// What to walk and what to leave out.
#[derive(Default)]
pub struct FileOptions<'o> {
    /// Files and folders.
    pub targets: Vec<PathBuf>,
    /// Scan what git ignores as well.
    pub no_ignore: bool,
    /// Files larger than this many bytes are left out.
    pub max_size: Option<u64>,
    /// Paths that are left out (folders with all they hold).
    pub excluded: Option<&'o Excluded<'o>>,
    /// Threads; 0 for one per core.
    pub threads: usize,
    /// Remember which files were visited ([`LeftOut::visited`]).
    pub remember: bool,
}

/// What a walk left out on purpose.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// Files and folders that git ignores (a folder counts once).
    pub ignored: u64,
    /// Files larger than the limit.
    pub large: u64,
    /// Files and folders excluded by path.
    pub excluded: u64,
    /// The [`path_hash`] of every file of a walked folder, when asked for.
    pub visited: HashSet<u64>,
}

/// A path as a number, to remember many of them in little memory.
pub fn path_hash(path: &Path) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    path.as_os_str().hash(&mut hasher);
    hasher.finish()
}

/// Counts shared by the walk's threads.
#[derive(Default)]
struct Counts {
    /// Entries of the walked folders, whatever became of them, and of those the ones the walk let us see.
    present: AtomicU64,
    seen: AtomicU64,
    large: AtomicU64,
    excluded: AtomicU64,
    visited: Mutex<HashSet<u64>>,
}

/// Walks the targets and hands every file to a visitor; tells what was left out.
pub fn scan(options: &FileOptions<'_>, make: &MakeVisitor<'_>) -> LeftOut {
    let counts = Counts::default();
    let (files, folders): (Vec<&PathBuf>, Vec<&PathBuf>) = options.targets.iter().partition(|target| !target.is_dir());
    if !files.is_empty() {
        let mut reader = Reader { options, counts: &counts, visitor: make(), buffer: Vec::new(), visited: Vec::new() };
        for path in files {
            reader.target(path);
        }
    }
    if let Some((first, rest)) = folders.split_first() {
        let mut builder = WalkBuilder::new(first);
        for folder in rest {
            builder.add(folder);
        }
        // A linked worktree's or a submodule's `.git` is a file; what lies in `.git` is never ignored by git.
        builder.hidden(false).ignore(false).parents(true).follow_links(false).threads(options.threads);
        if options.no_ignore {
            builder.git_ignore(false).git_exclude(false).git_global(false);
        }
        builder.build_parallel().run(|| {
            let mut reader =
                Reader { options, counts: &counts, visitor: make(), buffer: Vec::new(), visited: Vec::new() };
            Box::new(move |entry| reader.entry(entry))
        });
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    LeftOut {
        ignored: count(&counts.present).saturating_sub(count(&counts.seen)),
        large: count(&counts.large),
        excluded: count(&counts.excluded),
        visited: counts.visited.into_inner().unwrap_or_else(PoisonError::into_inner),
    }
}

/// One thread's reader.
struct Reader<'r> {
    options: &'r FileOptions<'r>,
    counts: &'r Counts,
    visitor: Box<dyn Visitor + 'r>,
    buffer: Vec<u8>,
    visited: Vec<u64>,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.counts.visited.lock().unwrap_or_else(PoisonError::into_inner).extend(self.visited.drain(..));
    }
}

impl Reader<'_> {
    /// A file that was named: it is read whatever git ignores, but not when its path is excluded (a commit hook names
    /// every file).
    fn target(&mut self, path: &Path) {
        let shown = shown(path);
        if self.options.excluded.is_some_and(|excluded| excluded(&shown)) {
            self.counts.excluded.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => self.file(path, &shown),
            Ok(_) => {
                let message = "it is neither a file nor a folder";
                self.visitor.notice(Notice::new(NoticeKind::Unreadable, message).at(shown).gap());
            }
            Err(error) => self.unreadable(&shown, &error),
        }
    }

    fn entry(&mut self, entry: Result<DirEntry, ignore::Error>) -> WalkState {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let mut path = None;
                let mut inner = &error;
                while let ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } = inner {
                    if let ignore::Error::WithPath { path: named, .. } = inner {
                        path = Some(shown(named));
                    }
                    inner = err;
                }
                let mut notice = Notice::new(NoticeKind::Unreadable, inner.to_string()).gap();
                notice.path = path;
                self.visitor.notice(notice.mend("make it readable, or exclude it"));
                return WalkState::Continue;
            }
        };
        if entry.depth() > 0 {
            self.counts.seen.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(error) = entry.error() {
            // A broken pattern in an ignore file: the rest of it still holds.
            self.visitor.notice(Notice::new(NoticeKind::Configuration, format!("an ignore file is broken: {error}")));
        }
        let path = entry.path();
        let shown = shown(path);
        let excluded = |excluded: &Excluded<'_>| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            if is_folder { excluded(&format!("{shown}/")) } else { excluded(&shown) }
        };
        if entry.depth() > 0 && self.options.excluded.is_some_and(excluded) {
            self.counts.excluded.fetch_add(1, Ordering::Relaxed);
            return WalkState::Skip;
        }
        let Some(kind) = entry.file_type() else { return WalkState::Continue };
        if kind.is_dir() {
            return self.folder(path);
        }
        if kind.is_file() {
            if self.options.remember {
                self.visited.push(path_hash(path));
            }
            self.file(path, &shown);
        } else if !kind.is_symlink() {
            let count = self.visitor.coverage().kind("files");
            count.found += 1;
            *count.skipped.entry("device, pipe or socket".to_owned()).or_default() += 1;
        }
        WalkState::Continue
    }

    fn folder(&mut self, path: &Path) -> WalkState {
        if path.file_name().is_some_and(|name| name == ".git") {
            self.git_folder(path);
            return WalkState::Skip;
        }
        if !self.options.no_ignore {
            // The walk does not tell what it ignores, so the folder's entries are counted beside it.
            let present = fs::read_dir(path).map_or(0, Iterator::count);
            self.counts.present.fetch_add(present as u64, Ordering::Relaxed);
        }
        WalkState::Continue
    }

    /// Of a repository's own folder the parts that people edit: configuration (remotes with passwords) and hooks.
    fn git_folder(&mut self, path: &Path) {
        for name in ["config", "config.worktree"] {
            let file = path.join(name);
            if file.is_file() {
                self.file(&file, &shown(&file));
            }
        }
        let Ok(hooks) = fs::read_dir(path.join("hooks")) else { return };
        let mut hooks: Vec<PathBuf> = hooks.filter_map(|entry| Some(entry.ok()?.path())).collect();
        hooks.sort();
        for hook in hooks {
            if hook.is_file() && hook.extension().is_none_or(|extension| extension != "sample") {
                self.file(&hook, &shown(&hook));
            }
        }
    }

    fn file(&mut self, path: &Path, shown: &str) {
        self.visitor.coverage().kind("files").found += 1;
        match self.scan_file(path, shown) {
            Ok(true) => self.visitor.coverage().kind("files").scanned += 1,
            Ok(false) => {}
            Err(error) => self.unreadable(shown, &error),
        }
    }

    /// Reads and scans; false when the file was left out.
    fn scan_file(&mut self, path: &Path, shown: &str) -> io::Result<bool> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file any more"));
        }
        let size = metadata.len();
        if let Some(limit) = self.options.max_size
            && size > limit
        {
            self.counts.large.fetch_add(1, Ordering::Relaxed);
            let skipped = &mut self.visitor.coverage().kind("files").skipped;
            *skipped.entry(format!("larger than {limit} bytes")).or_default() += 1;
            return Ok(false);
        }
        let origin = Origin::new(OriginKind::File, shown);
        if size >= MAPPED {
            let map = map::map(&file)?;
            self.visitor.item(Item::new(origin, &map));
        } else {
            let length = read(&mut file, size as usize, &mut self.buffer)?;
            self.visitor.item(Item::new(origin, &self.buffer[..length]));
        }
        Ok(true)
    }

    fn unreadable(&mut self, shown: &str, error: &io::Error) {
        let mend = match error.kind() {
            io::ErrorKind::NotFound => "check the path",
            _ => "make it readable, or exclude it",
        };
        self.visitor.notice(Notice::new(NoticeKind::Unreadable, error.to_string()).at(shown).mend(mend).gap());
    }
}

/// Reads a file of `size` bytes to the front of `buffer`, which only grows; how many bytes it has. As many calls into the
/// system as it takes: `read_to_end` makes three more to learn the size and to see the end, and trees have many files.
fn read(file: &mut File, size: usize, buffer: &mut Vec<u8>) -> io::Result<usize> {
    if size == 0 {
        // The kernel's own files (`/proc`) do not say how long they are.
        buffer.clear();
        return file.read_to_end(buffer);
    }
    if buffer.len() < size {
        buffer.resize(size, 0);
    }
    let mut length = 0;
    while length < size {
        match file.read(&mut buffer[length..size]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// A path as reports show it: with `/`, without a leading `./`.
fn shown(path: &Path) -> String {
    let path = path.strip_prefix("./").unwrap_or(path).to_string_lossy();
    if cfg!(windows) { path.replace('\\', "/") } else { path.into_owned() }
}
