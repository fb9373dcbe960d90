//! What stands inside an item in another form: containers are opened, and trouble with that becomes notices.

use crate::engine::{MOST_CANDIDATES, MOST_IN_VAIN, MOST_MATCHES, decode};
use crate::error::{Notice, NoticeKind};
use crate::finding::Origin;
use crate::source::Item;

impl super::Worker<'_> {
    /// Scans what a container holds; false when `item` is none, and is to be scanned as it is.
    #[cfg(feature = "archive")]
    pub(super) fn unpack(&mut self, item: &Item<'_>) -> bool {
        use crate::engine::LONG_REACH;
        use crate::source::archive::{self, Event};
        use crate::source::is_container;

        // A piece of something longer is no container.
        if item.start.offset > 0 || !is_container(item.bytes) {
            return false;
        }
        archive::open(item.bytes, LONG_REACH, &mut |place, event| match event {
            Event::Trouble(trouble) => self.trouble(&item.origin, place, &trouble),
            Event::Text { bytes, start, core } => {
                let inside = !place.member.is_empty() || !place.decode.is_empty();
                let count = self.mine.coverage.kind("archive members");
                // A large member's windows are one member.
                let first = u64::from(inside && start.offset == 0);
                (count.found, count.scanned) = (count.found + first, count.scanned + first);
                let accept = |secret: &[u8], span: std::ops::Range<usize>| {
                    let core = core.as_ref().is_none_or(|core| core.contains(&span.start));
                    // In a container no byte has a place of its own: a change touches all of it.
                    let whole = if inside { 0..item.bytes.len() } else { span };
                    core && item.accept.is_none_or(|accept| accept(secret, whole))
                };
                let origin = inside_of(&item.origin, place);
                let commit = item.commit.clone();
                self.text(&Item { commit, accept: Some(&accept), start, ..Item::new(origin, bytes) });
            }
        });
        true
    }

    /// Without the readers every item is taken for a text.
    #[cfg(not(feature = "archive"))]
    pub(super) fn unpack(&mut self, _: &Item<'_>) -> bool {
        false
    }

    #[cfg(feature = "archive")]
    fn trouble(
        &mut self,
        origin: &Origin,
        place: &crate::source::archive::Place,
        trouble: &crate::source::archive::Trouble,
    ) {
        use crate::source::archive::Trouble;

        let (kind, what, mend, gap) = match trouble {
            Trouble::Damaged(how) => {
                (NoticeKind::Malformed, format!("{how}: what could be read of it was scanned"), "", false)
            }
            Trouble::Locked => {
                (NoticeKind::Information, "it is encrypted, and was not looked into".to_owned(), "", false)
            }
            Trouble::Unknown(what) => (
                NoticeKind::Unreadable,
                format!("it was not looked into: {what} is not known"),
                "unpack it and scan that, or accept the gap",
                true,
            ),
            Trouble::Budget(why) => (
                NoticeKind::Budget,
                format!("{why}: the rest was not scanned"),
                "look into it by hand, and exclude it or accept the gap",
                true,
            ),
        };
        let inner = place.member.iter().map(String::as_str).chain(place.decode.iter().copied());
        let inner = inner.collect::<Vec<_>>().join("!");
        let message = if inner.is_empty() { what } else { format!("in {inner}: {what}") };
        let mut notice = about(origin, Notice::new(kind, message));
        notice.mend = Some(mend.to_owned()).filter(|mend| !mend.is_empty());
        notice.gap = gap;
        let counted = matches!(trouble, Trouble::Locked | Trouble::Unknown(_));
        if counted {
            let count = self.mine.coverage.kind("archive members");
            count.found += 1;
            let why = if *trouble == Trouble::Locked { "encrypted" } else { "of an unknown form" };
            *count.skipped.entry(why.to_owned()).or_default() += 1;
        }
        self.mine.notices.push(notice);
    }
}

impl super::Worker<'_> {
    /// A notice when more was in the text that was just scanned than is looked at.
    pub(super) fn note_crowd(&mut self, origin: &Origin) {
        let slow = self.scanner.slow.take();
        if std::mem::take(&mut self.scanner.crowded) {
            let (message, mend) = match slow {
                Some(rule) => (
                    format!("rule `{}` took too long on it: it was left there", self.scanner.engine().rule(rule).id),
                    "bound the repeats of its pattern (`.{0,200}` instead of `.*`), exclude the file, or accept the gap",
                ),
                None => (
                    format!(
                        "it holds more than {MOST_MATCHES} findings, {MOST_CANDIDATES} candidates or {MOST_IN_VAIN} \
                         placeholders and the like, or too many beginnings of keys without an end: the rest was left out"
                    ),
                    "look into it by hand, and exclude it or accept the gap",
                ),
            };
            let notice = Notice::new(NoticeKind::Budget, message).mend(mend);
            self.mine.notices.push(about(origin, notice.gap()));
        }
    }
}

/// The origin of a piece of what `origin` names.
#[cfg(feature = "archive")]
fn inside_of(origin: &Origin, place: &crate::source::archive::Place) -> Origin {
    use crate::finding::OriginKind;

    let mut origin = origin.clone();
    if !place.member.is_empty() || !place.decode.is_empty() {
        let (mut member, mut decode) = (&place.member[..], &place.decode[..]);
        match (origin.kind, member.split_first()) {
            (OriginKind::File, _) => origin.kind = OriginKind::Archive,
            // A layer is a file system: its members are files, and how it is packed is nobody's concern.
            (OriginKind::Image, Some((path, inside))) => {
                origin.path = path.trim_start_matches("./").to_owned();
                member = inside;
                decode = place.decode.get(place.outer..).unwrap_or_default();
            }
            _ => {}
        }
        origin.member.extend(member.iter().cloned());
        origin.decode.extend(decode.iter().map(|&name| name.to_owned()));
    }
    origin
}

/// A notice about what `origin` names.
fn about(origin: &Origin, mut notice: Notice) -> Notice {
    notice.path = Some(origin.path.clone()).filter(|path| !path.is_empty());
    notice.object.clone_from(&origin.object);
    notice
}

/// A gap: an encoding stands in more others than are followed.
pub(super) fn encoded_too_often(origin: &Origin) -> Notice {
    let message = format!("an encoding stands in {} others: what is inside it was not looked at", decode::DEEPEST);
    let notice = Notice::new(NoticeKind::Budget, message)
        .mend("decode it by hand and scan what comes out (`keysweep scan -`), or accept the gap");
    about(origin, notice.gap())
}

/// Compressed text in an encoding was cut off for its size.
pub(super) fn decoding_cut(origin: &Origin, length: usize) -> Notice {
    let limit = decode::budget(length);
    let message =
        format!("compressed text in an encoding is larger than {limit} bytes: only its beginning was scanned");
    let notice =
        Notice::new(NoticeKind::Budget, message).mend("look into it by hand, and exclude it or accept the gap");
    about(origin, notice.gap())
}
