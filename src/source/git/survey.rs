//! The history's first walk, over blobs, commits and tags: texts go to whoever looks for secrets, commits are kept for
//! what they name, what is lost becomes a gap. Trees come second (`trees.rs`), when it is known which blobs have findings;
//! so every object is unpacked once.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use git2::Oid;

use super::TOO_LARGE;
use super::commit::{Links, links};
use super::commits::message;
use super::gaps::{Gaps, one};
use super::missing::is_empty_tree;
use crate::error::{Notice, NoticeKind};
use crate::source::encoding::is_plain;
use crate::source::history::dirty::{Anchor, Near};
use crate::source::history::fault::Fault;
use crate::source::history::object::{Kind, ObjectId};
use crate::source::history::reader::{Blob, Place, ReadPiece, Reader, Shown, TextReader, read_all};
use crate::source::history::store::Store;
use crate::source::{Visitor, is_container, stream};

/// A blob in UTF-16 that is larger is scanned as raw bytes.
const DECODED: u64 = 64 << 20;

/// What all threads of both walks see.
pub(super) struct Shared<'s> {
    pub(super) shown: &'s str,
    pub(super) store: &'s Store,
    pub(super) gaps: &'s Gaps,
    /// Blobs larger than this many bytes are left out.
    pub(super) max_size: Option<u64>,
}

/// What the threads gather.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) commits: Vec<(Oid, Links)>,
    /// Trees that were met before their turn.
    pub(super) trees: Vec<ObjectId>,
}

/// The id as libgit2 has it.
pub(super) fn oid(id: &ObjectId) -> Oid {
    Oid::from_bytes(id.as_bytes()).unwrap_or(Oid::ZERO_SHA1)
}

impl Shared<'_> {
    pub(super) fn malformed(&self, id: &ObjectId, message: &str) {
        let notice = Notice::new(NoticeKind::Malformed, message);
        self.gaps.add(notice.object(id.to_string()).mend("see `git fsck`").gap());
    }

    /// Tells of an object that could not be read.
    pub(super) fn lost(
        &self,
        id: &ObjectId,
        kind: Option<Kind>,
        first: Option<(&Fault, Place<'_>)>,
        visitor: &mut dyn Visitor,
    ) {
        visitor.coverage().kind(kind.map_or("objects", Kind::plural)).found += 1;
        let what = one(kind.map_or("object", Kind::name));
        let (mut trouble, mut mend) = (NoticeKind::Unreadable, "see `git fsck`; fetch it again, or accept the gap");
        let message = match first {
            None => format!("{what} cannot be read: the object its delta builds on is lost"),
            Some((fault, place)) => {
                match fault {
                    Fault::Memory(_) => (trouble, mend) = (NoticeKind::Budget, "raise --memory"),
                    Fault::Work => trouble = NoticeKind::Budget,
                    Fault::BaseMissing(_) | Fault::Missing => trouble = NoticeKind::MissingObject,
                    _ => {}
                }
                format!("{what} cannot be read: {fault}{}", in_words(place))
            }
        };
        self.gaps.add(Notice::new(trouble, message).object(id.to_string()).mend(mend).gap());
    }

    /// Tells of a damaged copy of an object that was read from another place.
    pub(super) fn damaged(&self, id: &ObjectId, fault: &Fault, place: Place<'_>) {
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
    seen: &'s Mutex<Seen>,
    text: T,
    commits: Vec<(Oid, Links)>,
    trees: Vec<ObjectId>,
}

impl<'s, T: TextReader> Survey<'s, T> {
    pub(super) fn new(shared: &'s Shared<'s>, seen: &'s Mutex<Seen>, text: T) -> Self {
        Self { shared, seen, text, commits: Vec::new(), trees: Vec::new() }
    }

    /// Reads these objects one by one.
    pub(super) fn each(mut self, ids: &[ObjectId], limit: u64) {
        for id in ids.iter().filter(|id| !is_empty_tree(id)) {
            match self.shared.store.read(id, None, limit) {
                Ok((Kind::Blob, text)) => self.blob(Shown::Named(id), &text, None),
                Ok((kind, text)) => self.other(id, kind, &text, None),
                Err(fault) => self.lost(id, None, Some((&fault, Place::Nowhere))),
            }
        }
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

    fn most_anchors(&self) -> usize {
        self.text.most_anchors()
    }

    fn carries(&self, text: &[u8], fresh: Option<&[Range<u32>]>) -> bool {
        !self.is_too_large(text.len() as u64) && self.text.carries(text, fresh)
    }

    fn look(&mut self, text: &[u8], ranges: &[Range<u32>], _: &[Anchor<T::Found>], out: &mut Vec<Anchor<T::Found>>) {
        self.text.look(text, ranges, out);
    }

    fn blob(&mut self, object: Shown<'_>, text: &[u8], anchors: Option<&[Anchor<T::Found>]>) {
        if self.count_blob(text.len() as u64) {
            let Shared { shown, store, .. } = *self.shared;
            self.text.blob(text, anchors, &Blob { object, shown, store });
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
            Kind::Tag => {
                message(shared.shown, &mut self.text, oid(id), text, "tags");
            }
            Kind::Tree => self.trees.push(*id),
            Kind::Blob => {}
        }
    }

    fn large(&mut self, id: &ObjectId, size: u64, read: &mut ReadPiece<'_>) -> Result<(), Fault> {
        let shared = self.shared;
        if !self.count_blob(size) {
            return read_all(read);
        }
        let mut head = vec![0; 512];
        let got = read(&mut head)?;
        head.truncate(got);
        let blob = Blob { object: Shown::Named(id), shown: shared.shown, store: shared.store };
        if (!is_plain(&head) || is_container(&head)) && size <= DECODED {
            head.resize(size as usize, 0);
            let got = got + read(&mut head[got..])?;
            head.truncate(got);
            self.text.blob(&head, None, &blob);
            return Ok(());
        }
        if !is_plain(&head[..]) && !head.starts_with(b"\xef\xbb\xbf") {
            let message = "a blob is UTF-16 and larger than 64 MB: it was scanned as raw bytes";
            shared.gaps.add(Notice::new(NoticeKind::Malformed, message).object(id.to_string()).gap());
        }
        if is_container(&head) {
            let message = "a blob is an archive larger than 64 MB: it was scanned as raw bytes";
            shared.gaps.add(Notice::new(NoticeKind::Budget, message).object(id.to_string()).gap());
        }
        let reach = self.text.reach();
        stream::scan(&head, read, &blob.origin(), reach, &mut self.text)
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
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.commits.append(&mut self.commits);
        seen.trees.append(&mut self.trees);
    }
}
