//! What the history walk shows, taken in: texts go to whoever looks for secrets, commits and trees are read for what
//! they name, what is lost or missing becomes a gap.
//!
//! Two walks: [`Survey`] sees blobs, commits and tags; [`TreeSurvey`] sees trees, when it is known which blobs have
//! findings. So every object is unpacked once.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use git2::Oid;

use super::commit::{Links, links};
use super::commits::message;
use super::gaps::Gaps;
use super::missing::{Missing, is_empty_tree};
use super::{TOO_LARGE, origin};
use crate::error::{Notice, NoticeKind};
use crate::finding::OriginKind;
use crate::source::encoding::is_plain;
use crate::source::history::dirty::{Anchor, Near};
use crate::source::history::fault::Fault;
use crate::source::history::leads;
use crate::source::history::object::{Kind, ObjectId, Tree};
use crate::source::history::reader::{Place, ReadPiece, Reader, TextReader};
use crate::source::history::store::Store;
use crate::source::{Visitor, stream};

/// A blob in UTF-16 that is larger is scanned as raw bytes.
const DECODED: u64 = 64 << 20;

/// What all threads of both walks see.
pub(super) struct Shared<'s> {
    pub(super) shown: &'s str,
    pub(super) store: &'s Store,
    pub(super) gaps: &'s Gaps,
    /// Blobs larger than this many bytes are left out.
    pub(super) max_size: Option<u64>,
    /// Whether to look if what trees name is there.
    pub(super) look_for_missing: bool,
    /// Of trees only the leads are wanted.
    pub(super) leads_only: bool,
    pub(super) seen: Mutex<Seen>,
}

/// What the threads gather.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) commits: Vec<(Oid, Links)>,
    /// Names of tree entries, each with the smallest tree that has it.
    pub(super) names: HashMap<Box<[u8]>, Oid>,
    /// What trees name that is not there.
    pub(super) missing: Missing,
    /// Trees that the first walk met.
    pub(super) trees: Vec<ObjectId>,
    pub(super) leads: leads::Leads,
}

/// The id as libgit2 has it.
pub(super) fn oid(id: &ObjectId) -> Oid {
    Oid::from_bytes(id.as_bytes()).unwrap_or(Oid::ZERO_SHA1)
}

impl Shared<'_> {
    fn malformed(&self, id: &ObjectId, message: &str) {
        let notice = Notice::new(NoticeKind::Malformed, message);
        self.gaps.add(notice.object(id.to_string()).mend("see `git fsck`").gap());
    }

    /// Tells of an object that could not be read.
    fn lost(&self, id: &ObjectId, kind: Option<Kind>, first: Option<(&Fault, Place<'_>)>, visitor: &mut dyn Visitor) {
        visitor.coverage().kind(kind.map_or("objects", Kind::plural)).found += 1;
        let what = kind.map_or("object", Kind::name);
        let (mut trouble, mut mend) = (NoticeKind::Unreadable, "see `git fsck`; fetch it again, or accept the gap");
        let message = match first {
            None => format!("a {what} cannot be read: the object its delta builds on is lost"),
            Some((fault, place)) => {
                match fault {
                    Fault::Memory(_) => (trouble, mend) = (NoticeKind::Budget, "raise --memory"),
                    Fault::Work => trouble = NoticeKind::Budget,
                    Fault::BaseMissing(_) | Fault::Missing => trouble = NoticeKind::MissingObject,
                    _ => {}
                }
                format!("a {what} cannot be read: {fault}{}", in_words(place))
            }
        };
        self.gaps.add(Notice::new(trouble, message).object(id.to_string()).mend(mend).gap());
    }

    /// Tells of a damaged copy of an object that was read from another place.
    fn damaged(&self, id: &ObjectId, fault: &Fault, place: Place<'_>) {
        let message = format!("one copy is damaged, another was read: {fault}{}", in_words(place));
        self.gaps.add(Notice::new(NoticeKind::Malformed, message).object(id.to_string()).mend("see `git fsck`"));
    }
}

fn in_words(place: Place<'_>) -> String {
    match place {
        Place::Pack(name, offset) if offset != u64::MAX => format!(" ({name}, offset {offset})"),
        Place::Pack(name, _) => format!(" ({name})"),
        Place::Loose => " (a loose object)".to_owned(),
        Place::Nowhere => String::new(),
    }
}

/// The first walk: blobs, commits, tags.
pub(super) struct Survey<'s, T: TextReader> {
    shared: &'s Shared<'s>,
    text: T,
    commits: Vec<(Oid, Links)>,
    trees: Vec<ObjectId>,
}

impl<'s, T: TextReader> Survey<'s, T> {
    pub(super) fn new(shared: &'s Shared<'s>, text: T) -> Self {
        Self { shared, text, commits: Vec::new(), trees: Vec::new() }
    }

    fn is_too_large(&self, size: u64) -> bool {
        self.shared.max_size.is_some_and(|most| size > most)
    }

    fn count_blob(&mut self, size: u64) -> bool {
        let too_large = self.is_too_large(size);
        let count = self.text.coverage().kind("blobs");
        count.found += 1;
        if too_large {
            *count.skipped.entry(TOO_LARGE.to_owned()).or_default() += 1;
        } else {
            count.scanned += 1;
        }
        !too_large
    }
}

impl<T: TextReader> Reader for Survey<'_, T> {
    type Found = T::Found;

    fn near(&self) -> Near {
        self.text.near()
    }

    fn carries(&self, text: &[u8]) -> bool {
        !self.is_too_large(text.len() as u64) && self.text.carries(text)
    }

    fn look(&mut self, text: &[u8], range: Range<usize>, out: &mut Vec<Anchor<T::Found>>) {
        self.text.look(text, range, out);
    }

    fn blob(&mut self, id: &ObjectId, text: &[u8], anchors: Option<&[Anchor<T::Found>]>) {
        if self.count_blob(text.len() as u64) {
            let shown = self.shared.shown;
            self.text.blob(text, anchors, &|| origin(shown, OriginKind::Blob, &id.to_string(), b""));
        }
    }

    fn other(&mut self, id: &ObjectId, kind: Kind, text: &[u8], _: Option<&[Range<u32>]>) {
        let shared = self.shared;
        match kind {
            Kind::Commit => {
                message(shared.shown, &mut self.text, oid(id), text, "commits");
                match links(text) {
                    Some(links) => self.commits.push((oid(id), links)),
                    None => shared.malformed(id, "a commit is malformed: where its files came from is not known"),
                }
            }
            Kind::Tag => drop(message(shared.shown, &mut self.text, oid(id), text, "tags")),
            Kind::Tree => self.trees.push(*id),
            Kind::Blob => {}
        }
    }

    fn large(&mut self, id: &ObjectId, size: u64, read: &mut ReadPiece<'_>) -> Result<(), Fault> {
        let shared = self.shared;
        if !self.count_blob(size) {
            let mut piece = vec![0; 1 << 16];
            while read(&mut piece)? > 0 {}
            return Ok(());
        }
        let mut head = vec![0; 256];
        let got = read(&mut head)?;
        head.truncate(got);
        let whence = || origin(shared.shown, OriginKind::Blob, &id.to_string(), b"");
        if !is_plain(&head) && size <= DECODED {
            head.resize(size as usize, 0);
            let got = got + read(&mut head[got..])?;
            head.truncate(got);
            self.text.blob(&head, None, &whence);
            return Ok(());
        }
        if !is_plain(&head[..]) && !head.starts_with(b"\xef\xbb\xbf") {
            let message = "a blob is UTF-16 and larger than 64 MB: it was scanned as raw bytes";
            shared.gaps.add(Notice::new(NoticeKind::Malformed, message).object(id.to_string()).gap());
        }
        let reach = self.text.reach();
        stream::scan(&head, read, &whence(), reach, &mut self.text)
    }

    fn lost(&mut self, id: &ObjectId, kind: Option<Kind>, first: Option<(&Fault, Place<'_>)>) {
        self.shared.lost(id, kind, first, &mut self.text);
    }

    fn damaged(&mut self, id: &ObjectId, fault: &Fault, place: Place<'_>) {
        self.shared.damaged(id, fault, place);
    }
}

impl<T: TextReader> Drop for Survey<'_, T> {
    fn drop(&mut self) {
        let mut seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.commits.append(&mut self.commits);
        seen.trees.append(&mut self.trees);
    }
}

/// The second walk: trees.
pub(super) struct TreeSurvey<'s> {
    shared: &'s Shared<'s>,
    wanted: &'s Wanted,
    visitor: Box<dyn Visitor + 's>,
    names: HashMap<Box<[u8]>, Oid>,
    missing: Missing,
    leads: leads::Gathered,
}

/// Objects whose places are looked for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Their numbers.
    pub(super) blobs: HashMap<ObjectId, u32>,
    /// By the first two bytes of their ids: whether there is one.
    filter: Vec<u64>,
}

impl Wanted {
    /// Objects, numbered as they come, each once.
    pub(super) fn new(ids: impl Iterator<Item = ObjectId>) -> Self {
        let mut wanted = Self { blobs: HashMap::new(), filter: vec![0; 1 << 10] };
        for id in ids {
            let next = wanted.blobs.len() as u32;
            wanted.blobs.entry(id).or_insert(next);
            let bit = usize::from(u16::from_le_bytes([id.as_bytes()[0], id.as_bytes()[1]]));
            wanted.filter[bit / 64] |= 1 << (bit % 64);
        }
        wanted
    }

    fn find(&self, id: &[u8]) -> Option<u32> {
        let bit = usize::from(u16::from_le_bytes([id[0], id[1]]));
        if self.filter[bit / 64] >> (bit % 64) & 1 == 0 {
            return None;
        }
        self.blobs.get(&ObjectId::new(id)?).copied()
    }
}

impl<'s> TreeSurvey<'s> {
    pub(super) fn new(shared: &'s Shared<'s>, wanted: &'s Wanted, visitor: Box<dyn Visitor + 's>) -> Self {
        Self {
            shared,
            wanted,
            visitor,
            names: HashMap::new(),
            missing: Missing::new(),
            leads: leads::Gathered::default(),
        }
    }

    /// Reads a tree; names and missing objects are looked for in the `fresh` ranges alone.
    pub(super) fn tree(&mut self, id: &ObjectId, text: &[u8], fresh: Option<&[Range<u32>]>) {
        let shared = self.shared;
        if !shared.leads_only {
            let count = self.visitor.coverage().kind("trees");
            (count.found, count.scanned) = (count.found + 1, count.scanned + 1);
        }
        let fresh = if shared.leads_only { Some(&[][..]) } else { fresh };
        let mut fresh = fresh.map(|ranges| ranges.iter().peekable());
        let mut tree = Tree::new(text, shared.store.format);
        for entry in tree.by_ref() {
            let is_folder = entry.is_tree();
            let is_known = is_folder && self.leads.folder(shared.store, entry.name, entry.id);
            if !is_known
                && !self.wanted.blobs.is_empty()
                && let Some(wanted) = self.wanted.find(entry.id)
                && !entry.is_link()
            {
                self.leads.blob(entry.name, wanted);
            }
            let is_fresh = fresh.as_mut().is_none_or(|ranges| {
                while ranges.next_if(|range| (range.end as usize) <= entry.start).is_some() {}
                ranges.peek().is_some_and(|range| (range.start as usize) < entry.end)
            });
            if !is_fresh {
                continue;
            }
            if shared.look_for_missing
                && !is_known
                && !entry.is_link()
                && let Some(id) = ObjectId::new(entry.id)
                && !shared.store.contains(&id)
                && !is_empty_tree(&id)
            {
                self.missing.insert(id, is_folder);
            }
            match self.names.get_mut(entry.name) {
                Some(smallest) => *smallest = oid(id).min(*smallest),
                None => drop(self.names.insert(entry.name.into(), oid(id))),
            }
        }
        if tree.is_malformed() && !shared.leads_only {
            shared.malformed(id, super::tree::MALFORMED);
        }
        self.leads.end(shared.store, id);
    }
}

impl Reader for TreeSurvey<'_> {
    type Found = ();

    fn near(&self) -> Near {
        Near { left: 0, right: 0 }
    }

    fn carries(&self, _: &[u8]) -> bool {
        false
    }

    fn look(&mut self, _: &[u8], _: Range<usize>, _: &mut Vec<Anchor<()>>) {}

    fn blob(&mut self, _: &ObjectId, _: &[u8], _: Option<&[Anchor<()>]>) {}

    fn other(&mut self, id: &ObjectId, kind: Kind, text: &[u8], fresh: Option<&[Range<u32>]>) {
        if kind == Kind::Tree {
            self.tree(id, text, fresh);
        }
    }

    fn large(&mut self, _: &ObjectId, _: u64, read: &mut ReadPiece<'_>) -> Result<(), Fault> {
        let mut piece = vec![0; 1 << 16];
        while read(&mut piece)? > 0 {}
        Ok(())
    }

    fn lost(&mut self, id: &ObjectId, kind: Option<Kind>, first: Option<(&Fault, Place<'_>)>) {
        self.shared.lost(id, kind, first, self.visitor.as_mut());
    }

    fn damaged(&mut self, id: &ObjectId, fault: &Fault, place: Place<'_>) {
        self.shared.damaged(id, fault, place);
    }
}

impl Drop for TreeSurvey<'_> {
    fn drop(&mut self) {
        let mut seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.missing.append(&mut self.missing);
        seen.leads.add(std::mem::take(&mut self.leads));
        #[allow(clippy::iter_over_hash_type, reason = "the smallest tree wins, in whatever order they come")]
        for (name, tree) in self.names.drain() {
            seen.names.entry(name).and_modify(|smallest| *smallest = tree.min(*smallest)).or_insert(tree);
        }
    }
}
