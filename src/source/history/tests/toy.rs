//! A toy scanner with every kind of context: short, long to the right, long to the left, failing far away.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use crate::source::history::dirty::{Anchor, Near};
use crate::source::history::fault::Fault;
use crate::source::history::object::{Format, Kind, ObjectId};
use crate::source::history::plan::Plan;
use crate::source::history::reader::{Place, ReadPiece, Reader, Shown};
use crate::source::history::store::Store;
use crate::source::history::walk::{Options, walk};

/// Everything a walk showed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) blobs: BTreeMap<ObjectId, Vec<(usize, String)>>,
    pub(super) others: BTreeMap<ObjectId, Vec<u8>>,
    pub(super) lost: BTreeMap<ObjectId, Option<Fault>>,
    pub(super) damaged: BTreeSet<ObjectId>,
    /// Bytes that were looked at.
    pub(super) looked: u64,
    pub(super) large: u64,
}

pub(super) struct Toy<'s> {
    seen: &'s Mutex<Seen>,
    format: Format,
    check_ids: bool,
    looked: u64,
}

/// What stands at `at`: how far was looked to both sides, and what was found.
fn judge(text: &[u8], at: usize) -> Option<(usize, usize, Option<String>)> {
    let rest = &text[at..];
    let shown = |range: Range<usize>| String::from_utf8_lossy(&text[range]).into_owned();
    if rest.starts_with(b"key=") {
        let free = at == 0 || !text[at - 1].is_ascii_alphanumeric();
        let value = rest[4..].iter().take(64).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let good = free && value >= 8;
        return Some((1, 4 + value + 1, good.then(|| shown(at..at + 4 + value))));
    }
    if rest.starts_with(b"BEGIN") {
        let window = &rest[..rest.len().min(300)];
        let end = window.windows(3).position(|three| three == b"END");
        return Some(match end {
            Some(end) => (0, end + 3, Some(shown(at..at + end + 3))),
            None => (0, 300, None),
        });
    }
    if rest.starts_with(b"tail") {
        let start = at.saturating_sub(100);
        let head = text[start..at].windows(4).any(|four| four == b"head");
        return Some((100, 4, head.then(|| "tail".to_owned())));
    }
    // only at the very end or start of a text
    if rest == b"last\n" {
        return Some((0, 5, Some("last".to_owned())));
    }
    if at == 0 && rest.starts_with(b"first") {
        return Some((0, 5, Some("first".to_owned())));
    }
    None
}

/// All there is to find in a whole text.
pub(super) fn naive(text: &[u8]) -> Vec<(usize, String)> {
    (0..text.len()).filter_map(|at| Some((at, judge(text, at)?.2?))).collect()
}

impl Reader for Toy<'_> {
    type Found = String;

    fn near(&self) -> Near {
        Near { left: 12, right: 1 }
    }

    fn carries(&self, text: &[u8], _: Option<&[Range<u32>]>) -> bool {
        !text.starts_with(b"whole")
    }

    fn look(&mut self, text: &[u8], ranges: &[Range<u32>], _: &[Anchor<String>], out: &mut Vec<Anchor<String>>) {
        self.looked += ranges.iter().map(|range| u64::from(range.end - range.start)).sum::<u64>();
        for at in ranges.iter().cloned().flatten().map(|at| at as usize) {
            let Some((before, after, found)) = judge(text, at) else { continue };
            if found.is_some() || before > 1 || after > 12 {
                let (before, after) = (before.min(at) as u32, after.min(text.len() - at) as u32);
                out.push(Anchor { at: at as u32, before, after, found });
            }
        }
    }

    fn blob(&mut self, object: Shown<'_>, text: &[u8], anchors: Option<&[Anchor<String>]>) {
        let id = object.id();
        if self.check_ids {
            assert_eq!(Kind::Blob.id_of(self.format, text), id);
        }
        let found = match anchors {
            None => naive(text),
            Some(anchors) => {
                anchors.iter().filter_map(|anchor| Some((anchor.at as usize, anchor.found.clone()?))).collect()
            }
        };
        assert!(self.seen.lock().expect("lock").blobs.insert(id, found).is_none(), "{id} was shown twice");
    }

    fn other(&mut self, id: &ObjectId, kind: Kind, text: &[u8], _: Option<&[Range<u32>]>) {
        if self.check_ids {
            assert_eq!(kind.id_of(self.format, text), *id);
        }
        assert!(self.seen.lock().expect("lock").others.insert(*id, text.to_vec()).is_none());
    }

    fn large(&mut self, id: &ObjectId, size: u64, read: &mut ReadPiece<'_>) -> Result<(), Fault> {
        let (mut text, mut buffer) = (Vec::new(), [0; 5000]);
        loop {
            let got = read(&mut buffer)?;
            text.extend_from_slice(&buffer[..got]);
            if got < buffer.len() {
                break;
            }
        }
        let mut seen = self.seen.lock().expect("lock");
        seen.large += 1;
        if text.len() as u64 == size {
            seen.blobs.insert(*id, naive(&text));
        }
        Ok(())
    }

    fn lost(&mut self, id: &ObjectId, _: Option<Kind>, first: Option<(&Fault, Place<'_>)>) {
        let first = first.map(|(fault, _)| fault.clone());
        self.seen.lock().expect("lock").lost.insert(*id, first);
    }

    fn damaged(&mut self, id: &ObjectId, _: &Fault, _: Place<'_>) {
        self.seen.lock().expect("lock").damaged.insert(*id);
    }
}

impl Drop for Toy<'_> {
    fn drop(&mut self) {
        if let Ok(mut seen) = self.seen.lock() {
            seen.looked += self.looked;
        }
    }
}

/// Walks everything in an object folder.
pub(super) fn see(objects: &Path, format: Format, options: &Options) -> (Seen, Vec<crate::Notice>) {
    see_checked(objects, format, options, true)
}

/// The same; in damaged repositories without demanding that content fits its id.
pub(super) fn see_checked(
    objects: &Path,
    format: Format,
    options: &Options,
    check_ids: bool,
) -> (Seen, Vec<crate::Notice>) {
    let (store, notices) = Store::open(objects, format);
    let plan = Plan::new(&store, None);
    let seen = Mutex::new(Seen::default());
    walk(&store, &plan, &plan.all, options, &|| Toy { seen: &seen, format, check_ids, looked: 0 });
    (seen.into_inner().expect("lock"), notices)
}
