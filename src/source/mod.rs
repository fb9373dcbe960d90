//! Sources: where bytes come from. Each yields [`Item`]s to a [`Visitor`] per thread and says what it covered.
//!
//! A source never matches and never prints. Trouble with one file or object is a [`Notice`]; what could not be read
//! is a gap.

#[cfg(feature = "archive")]
pub mod archive;
pub mod encoding;
pub mod files;
#[cfg(feature = "git")]
pub mod git;
#[cfg(feature = "git")]
pub mod history;
#[cfg(feature = "archive")]
pub mod image;
pub mod map;
pub mod patch;
pub mod stdin;
pub mod stream;

use std::ops::Range;

use crate::error::Notice;
use crate::finding::position::Start;
use crate::finding::{Commit, Coverage, Origin};

/// Says whether a match (its secret's bytes, their place in the item's bytes) belongs to what was asked for:
/// for the index and for commits, whether the change brought it. Asked only for matches.
pub type Accept<'a> = dyn Fn(&[u8], Range<usize>) -> bool + 'a;

/// One thing to scan.
pub struct Item<'a> {
    /// Where it comes from; the byte range is filled in per finding.
    pub origin: Origin,
    /// Its bytes, raw.
    pub bytes: &'a [u8],
    /// The commit that has it, where the source knows already.
    pub commit: Option<Commit>,
    /// Which matches count; all when `None`.
    pub accept: Option<&'a Accept<'a>>,
    /// Where the bytes start in a longer whole; the default for whole things.
    pub start: Start,
}

impl<'a> Item<'a> {
    /// A whole thing of which every match counts, of no commit.
    pub fn new(origin: Origin, bytes: &'a [u8]) -> Self {
        Self { origin, bytes, commit: None, accept: None, start: Start::default() }
    }
}

/// Whether bytes are a container, which is opened and not scanned as it lies there (without the readers nothing is).
pub fn is_container(bytes: &[u8]) -> bool {
    #[cfg(feature = "archive")]
    return archive::is_container(bytes);
    #[cfg(not(feature = "archive"))]
    return {
        let _ = bytes;
        false
    };
}

/// What a thread does with items.
pub trait Visitor: Send {
    /// Scans one item.
    fn item(&mut self, item: Item<'_>);
    /// Takes trouble.
    fn notice(&mut self, notice: Notice);
    /// The coverage to count in.
    fn coverage(&mut self) -> &mut Coverage;
}

/// Makes a visitor for one more thread; what a visitor gathered is kept when it is dropped.
pub type MakeVisitor<'s> = dyn Fn() -> Box<dyn Visitor + 's> + Sync + 's;
