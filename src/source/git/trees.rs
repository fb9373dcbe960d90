//! The history's second walk, over trees: names of entries, entries that lead to wanted objects, objects that are named
//! and missing.
//!
//! Of a tree that is a delta only the entries with new bytes are read. What stands in an entry is an anchor of the walk:
//! folders and wanted objects are carried as leads from tree to tree, and every so often an entry is carried for its
//! place alone, so that reading can begin near the new bytes.

use hashbrown::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::lately::Lately;
use super::missing::{self, is_empty_tree};
use super::survey::Shared;
use super::tree::MALFORMED;
use crate::source::Visitor;
use crate::source::history::dirty::{Anchor, Near};
use crate::source::history::fault::Fault;
use crate::source::history::gathered::{Gathered, Gatherer, Names};
use crate::source::history::leads::{Child, Lead, Leads};
use crate::source::history::object::{Format, Kind, ObjectId, Tree, TreeEntry};
use crate::source::history::reader::{Place, Reader, Shown};

/// What an object that is shown by its id has for a number.
const NO_NUMBER: u32 = u32::MAX;

/// After so many entries without an anchor one is carried for its place.
const STRIDE: usize = 16;

/// One name in two to the power of this ends a block of leads.
const RARITY: u32 = 2;

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
            let bit = first_bytes(id.as_bytes());
            wanted.filter[bit / 64] |= 1 << (bit % 64);
        }
        wanted
    }

    fn find(&self, id: &[u8]) -> Option<u32> {
        let bit = first_bytes(id);
        if self.filter.get(bit / 64)? >> (bit % 64) & 1 == 0 {
            return None;
        }
        self.blobs.get(&ObjectId::new(id)?).copied()
    }
}

fn first_bytes(id: &[u8]) -> usize {
    id.first_chunk().map_or(0, |bytes| usize::from(u16::from_le_bytes(*bytes)))
}

/// What the walk over trees is about, and what its threads gather.
pub(super) struct Trees<'s> {
    shared: &'s Shared<'s>,
    wanted: &'s Wanted,
    /// Whether to look if what trees name is there.
    look_for_missing: bool,
    names: Names,
    gathered: Mutex<Found>,
}

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Found {
    parts: Vec<Gathered>,
    /// Names of entries, each with the smallest tree that has it.
    pub(super) names: HashMap<Box<[u8]>, ObjectId>,
    /// What is named and not there, each with its number behind the wanted ones, and whether it is a folder.
    pub(super) missing: HashMap<ObjectId, (u32, bool)>,
}

impl<'s> Trees<'s> {
    pub(super) fn new(shared: &'s Shared<'s>, wanted: &'s Wanted, look_for_missing: bool) -> Self {
        Self { shared, wanted, look_for_missing, names: Names::default(), gathered: Mutex::default() }
    }

    /// One thread's end.
    pub(super) fn survey<'t>(&'t self, visitor: Box<dyn Visitor + 't>) -> TreeSurvey<'t> {
        TreeSurvey {
            trees: self,
            visitor,
            names: HashMap::new(),
            smallest: Vec::new(),
            fresh: Vec::new(),
            malformed: false,
            lately: Lately::new(),
            leads: Gatherer::new(&self.names, RARITY),
        }
    }

    /// What was found, and the leads.
    pub(super) fn end(self) -> (Found, Leads) {
        let mut found = self.gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
        let leads = Leads::new(self.shared.store, self.names, std::mem::take(&mut found.parts));
        (found, leads)
    }

    /// The number of a missing object; `None` when there are too many to follow.
    fn missing(&self, id: ObjectId, is_folder: bool) -> Option<u32> {
        let mut found = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (self.wanted.blobs.len() + found.missing.len()) as u32;
        let number = found.missing.entry(id).or_insert((next, is_folder)).0;
        (found.missing.len() < missing::MANY).then_some(number)
    }
}

/// Calls `lead` with each entry that has a byte in `range`, and adds an anchor for where it leads; every so often an
/// entry gets one for its place alone. An entry begins where one was carried to. Whether the tree is malformed.
pub(super) fn fresh_entries(
    format: Format,
    text: &[u8],
    range: Range<usize>,
    carried: &[Anchor<Lead>],
    out: &mut Vec<Anchor<Lead>>,
    lead: &mut dyn FnMut(&TreeEntry<'_>) -> Option<Lead>,
) -> bool {
    let before = carried.partition_point(|anchor| anchor.at as usize <= range.start);
    let from = carried[..before].last().map_or(0, |anchor| anchor.at as usize);
    let mut bare = 0;
    let mut tree = Tree::new(text.get(from..).unwrap_or_default(), format);
    for entry in tree.by_ref() {
        let (start, end) = (entry.start + from, entry.end + from);
        if start >= range.end {
            break;
        }
        bare += 1;
        if end <= range.start {
            continue;
        }
        let found = lead(&entry);
        if found.is_some() || bare >= STRIDE {
            bare = 0;
            out.push(Anchor { at: start as u32, before: 0, after: (end - start) as u32, found });
        }
    }
    tree.is_malformed()
}

/// One thread's end of the walk over trees.
pub(super) struct TreeSurvey<'t> {
    trees: &'t Trees<'t>,
    visitor: Box<dyn Visitor + 't>,
    /// All names, each with its place in `smallest`.
    names: HashMap<Box<[u8]>, u32>,
    smallest: Vec<Option<(ObjectId, u32)>>,
    /// Places of the names that are new in the tree that is being read.
    fresh: Vec<u32>,
    malformed: bool,
    lately: Lately,
    leads: Gatherer<'t>,
}

impl TreeSurvey<'_> {
    /// Where a new entry leads, if anywhere.
    fn lead(&mut self, entry: &TreeEntry<'_>) -> Option<Child> {
        let Trees { shared, wanted, look_for_missing, .. } = *self.trees;
        let store = shared.store;
        if entry.is_link() {
            return None;
        }
        if entry.is_tree() {
            if let Some(number) = self.lately.number(store, entry.id) {
                return Some(Child::Tree(number));
            }
        } else if let Some(number) = wanted.find(entry.id) {
            return Some(Child::Wanted(number));
        }
        let id = ObjectId::new(entry.id).filter(|_| look_for_missing)?;
        if self.lately.number(store, entry.id).is_some() || is_empty_tree(&id) {
            return None;
        }
        self.trees.missing(id, entry.is_tree()).map(Child::Wanted)
    }

    /// Reads what is new in `range`.
    fn look_at(&mut self, text: &[u8], range: Range<usize>, carried: &[Anchor<Lead>], out: &mut Vec<Anchor<Lead>>) {
        let store = self.trees.shared.store;
        self.malformed |= fresh_entries(store.format, text, range, carried, out, &mut |entry| {
            let place = match self.names.get(entry.name) {
                Some(&place) => place,
                None => {
                    let place = self.smallest.len() as u32;
                    self.smallest.push(None);
                    self.names.insert(entry.name.into(), place);
                    place
                }
            };
            self.fresh.push(place);
            self.lead(entry).and_then(|child| Lead::new(self.leads.name(entry.name), child))
        });
    }

    /// A tree that no walk shows.
    pub(super) fn tree(&mut self, id: &ObjectId, text: &[u8]) {
        let mut anchors = Vec::new();
        self.look_at(text, 0..text.len(), &[], &mut anchors);
        self.blob(Shown::Named(id), text, Some(&anchors));
    }
}

impl Reader for TreeSurvey<'_> {
    type Found = Lead;

    fn carried(&self) -> Kind {
        Kind::Tree
    }

    fn near(&self) -> Near {
        Near { left: 0, right: 0 }
    }

    fn carries(&self, _: &[u8], _: Option<&[Range<u32>]>) -> bool {
        true
    }

    fn look(&mut self, text: &[u8], ranges: &[Range<u32>], carried: &[Anchor<Lead>], out: &mut Vec<Anchor<Lead>>) {
        for range in ranges {
            self.look_at(text, range.start as usize..range.end as usize, carried, out);
        }
    }

    fn blob(&mut self, object: Shown<'_>, _: &[u8], anchors: Option<&[Anchor<Lead>]>) {
        let count = self.visitor.coverage().kind("trees");
        (count.found, count.scanned) = (count.found + 1, count.scanned + 1);
        if std::mem::take(&mut self.malformed) {
            self.trees.shared.malformed(&object.id(), MALFORMED);
        }
        for place in self.fresh.drain(..) {
            let smallest = &mut self.smallest[place as usize];
            let mine = if let Shown::Numbered(_, number) = object { number } else { NO_NUMBER };
            // An id stands far from everything that was read lately.
            if smallest.is_none_or(|(_, known)| !self.trees.shared.store.is_behind(mine, known)) {
                let id = object.id();
                *smallest = Some(smallest.map_or((id, mine), |known| known.min((id, mine))));
            }
        }
        if let Some(number) = object.number(self.trees.shared.store) {
            self.leads.tree(number, anchors.unwrap_or_default());
        }
    }

    fn other(&mut self, _: &ObjectId, _: Kind, _: &[u8], _: Option<&[Range<u32>]>) {}

    fn lost(&mut self, id: &ObjectId, kind: Option<Kind>, first: Option<(&Fault, Place<'_>)>) {
        self.trees.shared.lost(id, kind, first, self.visitor.as_mut());
    }

    fn damaged(&mut self, id: &ObjectId, fault: &Fault, place: Place<'_>) {
        self.trees.shared.damaged(id, fault, place);
    }
}

impl Drop for TreeSurvey<'_> {
    fn drop(&mut self) {
        let mut found = self.trees.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let leads = std::mem::replace(&mut self.leads, Gatherer::new(&self.trees.names, RARITY));
        found.parts.push(leads.finished());
        #[allow(clippy::iter_over_hash_type, reason = "the smallest tree wins, in whatever order they come")]
        for (name, place) in self.names.drain() {
            if let Some((tree, _)) = self.smallest[place as usize] {
                found.names.entry(name).and_modify(|known| *known = tree.min(*known)).or_insert(tree);
            }
        }
    }
}
