//! What looks at the objects: the seam between the walk (git) and whoever reads content (the engine, attribution).

use std::ops::Range;

use super::dirty::{Anchor, Near};
use super::fault::Fault;
use super::object::{Kind, ObjectId};
use super::store::Store;
use crate::finding::{Finding, Origin, OriginKind};
use crate::source::Visitor;

/// One thread's end of whoever looks for something in blobs: it knows what is looked for, nothing of git.
pub trait TextReader: Visitor {
    /// What a literal gave.
    type Found: Clone + Send + Sync;

    /// See [`Reader::near`].
    fn near(&self) -> Near;

    /// See [`Reader::most_anchors`].
    fn most_anchors(&self) -> usize;

    /// See [`Reader::carries`].
    fn carries(&self, text: &[u8], fresh: Option<&[Range<u32>]>) -> bool;

    /// See [`Reader::look`].
    fn look(&mut self, text: &[u8], ranges: &[Range<u32>], out: &mut Vec<Anchor<Self::Found>>);

    /// A whole blob with all its anchors; `None` when nothing was looked for in it yet. What anchors give may be kept
    /// as [`Sighting`]s.
    fn blob(&mut self, text: &[u8], anchors: Option<&[Anchor<Self::Found>]>, blob: &Blob<'_>);

    /// The secrets that stand in a blob, whatever their rules, as numbers: equal ones for equal bytes, sorted. `None` when there is
    /// more to tell of it, or that would take long to say. Arguments as those of [`TextReader::blob`].
    fn secrets(&mut self, text: &[u8], anchors: Option<&[Anchor<Self::Found>]>) -> Option<Vec<u128>>;

    /// The findings in a text of which sightings are known, as if it was scanned now.
    fn place(&mut self, text: &[u8], origin: Origin) -> Vec<Finding>;

    /// The identity of a finding's secret, as in its sightings.
    fn secret_key(&self, finding: &Finding) -> u128;

    /// How many bytes to each side a find may depend on.
    fn reach(&self) -> usize;
}

/// Which object is shown.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'s> {
    /// By its number in a store. Its id stands somewhere in an index, far from everything that was read lately, and
    /// is asked of few.
    Numbered(&'s Store, u32),
    /// By its id.
    Named(&'s ObjectId),
}

impl Shown<'_> {
    /// Its id.
    pub fn id(&self) -> ObjectId {
        match *self {
            Self::Numbered(store, number) => store.id(number).unwrap_or_else(|| store.format.hash(b"")),
            Self::Named(id) => *id,
        }
    }

    /// Its number in `store`.
    pub fn number(&self, store: &Store) -> Option<u32> {
        match *self {
            Self::Numbered(_, number) => Some(number),
            Self::Named(id) => store.number(id),
        }
    }
}

/// Which blob is shown. Only blobs with findings are asked more than that.
pub struct Blob<'b> {
    /// Which object.
    pub object: Shown<'b>,
    /// The repository, as reports show it.
    pub shown: &'b str,
    /// Where it is kept.
    pub store: &'b Store,
}

impl Blob<'_> {
    /// Its origin; the path is not known yet.
    pub fn origin(&self) -> Origin {
        let mut origin = Origin::new(OriginKind::Blob, "");
        origin.repository = Some(self.shown.to_owned());
        origin.object = Some(self.object.id().to_string());
        origin
    }
}

/// A secret that stands in a blob: a few bytes, since most stand in hundreds of versions of a file. A finding is made
/// of the one version that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// Which rule and secret: the same number for the same ones, in one run of the program.
    pub secret: u128,
    /// The blob's number in the [`Store`].
    pub blob: u32,
    /// Where the secret starts in the blob's text.
    pub start: u32,
    /// How sure, 0 to 100.
    pub confidence: u8,
}

/// One thread's end of whoever looks at objects.
pub trait Reader: Send {
    /// What a literal gave.
    type Found: Clone + Send + Sync;

    /// The kind of object whose texts are looked into; all others go to [`Reader::other`].
    fn carried(&self) -> Kind {
        Kind::Blob
    }

    /// How far round new bytes literals are looked for again.
    fn near(&self) -> Near;

    /// A text with more anchors is looked at whole, and none of them is carried.
    fn most_anchors(&self) -> usize {
        usize::MAX
    }

    /// Whether what is found in this blob may be carried to its deltas: false for a text that is decoded before it
    /// is matched, for one so short that it may be a secret and nothing else, and when a rule needs whole texts. Of a delta
    /// of a blob for which it is true, `fresh` are the new bytes with what is [`Reader::near`] them: nothing else but the
    /// text's length can have made it false.
    fn carries(&self, text: &[u8], fresh: Option<&[Range<u32>]>) -> bool;

    /// Adds an anchor for every literal that starts in one of `ranges` of `text` and needs remembering: whatever was found,
    /// and whatever was looked at farther than [`Reader::near`] says without a find. The ranges are in order and do not
    /// overlap. `carried` are those that came with the base, by their place.
    fn look(
        &mut self,
        text: &[u8],
        ranges: &[Range<u32>],
        carried: &[Anchor<Self::Found>],
        out: &mut Vec<Anchor<Self::Found>>,
    );

    /// A whole blob with all its anchors, sorted by place; `None` when nothing was looked for.
    fn blob(&mut self, object: Shown<'_>, text: &[u8], anchors: Option<&[Anchor<Self::Found>]>);

    /// A commit, tag or tree. Of a tree that is a delta of another one that was shown, `fresh` are the new ranges.
    fn other(&mut self, id: &ObjectId, kind: Kind, text: &[u8], fresh: Option<&[Range<u32>]>);

    /// An object too large to be held; `read` gives its next bytes. When nothing is looked for, it is read all the same,
    /// since reading checks it.
    ///
    /// # Errors
    /// Passes on those of `read`.
    fn large(&mut self, _: &ObjectId, _: u64, read: &mut ReadPiece<'_>) -> Result<(), Fault> {
        read_all(read)
    }

    /// An object that could not be read. `first` is where the trouble is; else it builds on an object that is lost.
    fn lost(&mut self, id: &ObjectId, kind: Option<Kind>, first: Option<(&Fault, Place<'_>)>);

    /// A damaged copy of an object that was read from another place.
    fn damaged(&mut self, id: &ObjectId, fault: &Fault, place: Place<'_>);
}

/// Fills a buffer with the next bytes of a text; fewer than asked for at its end.
pub type ReadPiece<'r> = dyn FnMut(&mut [u8]) -> Result<usize, Fault> + 'r;

/// Reads what is left, for its checks.
///
/// # Errors
/// Passes on those of `read`.
pub fn read_all(read: &mut ReadPiece<'_>) -> Result<(), Fault> {
    let mut piece = vec![0; 1 << 16];
    while read(&mut piece)? > 0 {}
    Ok(())
}

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'p> {
    /// In this pack, at this offset.
    Pack(&'p str, u64),
    /// A loose file.
    Loose,
    /// Listed somewhere, found nowhere.
    Nowhere,
}
