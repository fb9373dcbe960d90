//! Files as they lie on disk: a parallel walk, one read per file.

use std::fs;
use std::path::{Path, PathBuf};

use ignore::{WalkBuilder, WalkState};

use super::{Item, MakeVisitor, Visitor};
use crate::error::{Notice, NoticeKind};
use crate::finding::{Origin, OriginKind};

/// What to walk and what to leave out.
#[derive(Debug, Clone, Default)]
pub struct FileOptions {
    /// Files and folders.
    pub targets: Vec<PathBuf>,
    /// Scan what git ignores as well.
    pub no_ignore: bool,
    /// Files larger than this many bytes are excluded.
    pub max_size: Option<u64>,
    /// Threads; 0 for one per core.
    pub threads: usize,
}

/// Walks the targets and hands every file to a visitor.
pub fn scan(options: &FileOptions, make: &MakeVisitor<'_>) {
    let Some((first, rest)) = options.targets.split_first() else { return };
    let mut builder = WalkBuilder::new(first);
    for target in rest {
        builder.add(target);
    }
    builder.hidden(false).ignore(false).parents(true).threads(options.threads).follow_links(false);
    if options.no_ignore {
        builder.git_ignore(false).git_exclude(false).git_global(false);
    }
    builder.build_parallel().run(|| {
        let mut visitor = make();
        let mut buffer = Vec::new();
        Box::new(move |entry| {
            match entry {
                Ok(entry) => {
                    if entry.file_type().is_some_and(|kind| kind.is_file()) {
                        file(entry.path(), &mut buffer, visitor.as_mut());
                    }
                }
                Err(error) => visitor.notice(Notice::new(NoticeKind::Unreadable, error.to_string()).gap()),
            }
            WalkState::Continue
        })
    });
}

fn file(path: &Path, buffer: &mut Vec<u8>, visitor: &mut dyn Visitor) {
    use std::io::Read as _;
    let shown = path.strip_prefix("./").unwrap_or(path).to_string_lossy().replace('\\', "/");
    visitor.coverage().kind("files").found += 1;
    buffer.clear();
    match fs::File::open(path).and_then(|mut file| file.read_to_end(buffer)) {
        Ok(_) => {
            visitor.coverage().kind("files").scanned += 1;
            visitor.item(Item {
                origin: Origin::new(OriginKind::File, shown),
                bytes: buffer,
                commit: None,
                accept: None,
            });
        }
        Err(error) => visitor.notice(Notice::new(NoticeKind::Unreadable, error.to_string()).at(shown).gap()),
    }
}
