//! What the walk will do: the forest of every pack, and which entry of it is looked at.
//!
//! An object that several packs hold (or a pack and a loose file) is looked at once, in the largest pack that has it.
//! An entry is *needed* when it is looked at itself or a delta above it is.

use std::collections::HashSet;

use super::forest::{BROKEN, Forest};
use super::loose;
use super::object::{Kind, ObjectId};
use super::pack::{EntryKind, Pack};
use super::store::{LooseAt, Store};

/// One bit an entry.
#[derive(Debug, Default, Clone)]
struct Bits(Vec<u64>);

impl Bits {
    fn all(count: usize) -> Self {
        Self(vec![u64::MAX; count.div_ceil(64)])
    }

    fn has(&self, at: u32) -> bool {
        self.0.get(at as usize / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn set(&mut self, at: u32) {
        if let Some(word) = self.0.get_mut(at as usize / 64) {
            *word |= 1 << (at % 64);
        }
    }

    fn clear(&mut self, at: u32) {
        if let Some(word) = self.0.get_mut(at as usize / 64) {
            *word &= !(1 << (at % 64));
        }
    }
}

/// A pack's part of the plan.
#[derive(Debug)]
pub struct PackPlan {
    /// Who builds on whom.
    pub forest: Forest,
    /// By position in the index; `None` when all are.
    wanted: Option<Bits>,
    /// By entry; `None` when all are.
    needed: Option<Bits>,
}

impl PackPlan {
    /// Whether the entry is looked at.
    pub fn is_wanted(&self, entry: u32) -> bool {
        self.wanted.as_ref().is_none_or(|bits| bits.has(self.forest.position(entry)))
    }

    /// Whether the entry is looked at or one that builds on it is.
    pub fn is_needed(&self, entry: u32) -> bool {
        self.needed.as_ref().is_none_or(|bits| bits.has(entry))
    }

    /// Positions of the index that are to be looked at but lead nowhere.
    pub fn misplaced(&self) -> impl Iterator<Item = u32> {
        let is_wanted = |position: &u32| self.wanted.as_ref().is_none_or(|bits| bits.has(*position));
        self.forest.misplaced().iter().copied().filter(is_wanted)
    }
}

/// The whole plan.
#[derive(Debug, Default)]
pub struct Plan {
    /// One for every pack of the store.
    pub packs: Vec<PackPlan>,
    /// Everything there is to walk.
    pub all: Part,
}

/// What one walk visits.
#[derive(Debug, Default)]
pub struct Part {
    /// (pack, root) of every tree of entries with something to look at, heaviest first.
    pub roots: Vec<(u32, u32)>,
    /// Loose objects to look at.
    pub loose: Vec<LooseAt>,
    /// Whether ids that are listed and lead nowhere are told of.
    pub misplaced: bool,
}

impl Part {
    /// Whether there is nothing to visit.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.loose.is_empty()
    }
}

impl Plan {
    /// Plans to look at every object of `store` once; of those only the ones `only` (sorted) holds, if given.
    pub fn new(store: &Store, only: Option<&[ObjectId]>) -> Self {
        Self::of(store, store.packs.iter().map(Forest::new).collect(), only)
    }

    /// The plan for `only` (sorted) of the same store.
    pub fn narrowed(self, store: &Store, only: &[ObjectId]) -> Self {
        Self::of(store, self.packs.into_iter().map(|pack| pack.forest).collect(), Some(only))
    }

    fn of(store: &Store, forests: Vec<Forest>, only: Option<&[ObjectId]>) -> Self {
        let mut packs = Vec::with_capacity(store.packs.len());
        for (at, (pack, forest)) in store.packs.iter().zip(forests).enumerate() {
            let wanted = wanted(&store.packs[..at], pack, only);
            let needed = wanted.as_ref().map(|wanted| needed(&forest, wanted));
            packs.push(PackPlan { forest, wanted, needed });
        }
        let mut roots: Vec<(u32, u32)> = Vec::new();
        for (at, plan) in packs.iter().enumerate() {
            let needed = plan.forest.roots().iter().filter(|&&root| plan.is_needed(root));
            roots.extend(needed.map(|&root| (at as u32, root)));
        }
        let mut known = HashSet::new();
        let loose = store.loose.iter().filter(|loose| {
            only.is_none_or(|only| only.binary_search(&loose.id).is_ok())
                && store.find(&loose.id).is_none()
                && (store.folders.len() == 1 || known.insert(loose.id))
        });
        let loose = loose.copied().collect();
        Self { packs, all: Part { roots, loose, misplaced: true } }
    }

    /// The whole in two: what certainly are trees (folders), and the rest.
    pub fn trees_apart(&self, store: &Store) -> (Part, Part) {
        self.apart(store, &|kind| kind == Some(Kind::Tree))
    }

    /// All that certainly is no blob.
    pub fn without_blobs(&self, store: &Store) -> Part {
        self.apart(store, &|kind| kind.is_some_and(|kind| kind != Kind::Blob)).0
    }

    /// The whole in two, by kind. A delta has its root's kind, so whole trees of entries go to one side.
    fn apart(&self, store: &Store, first: &dyn Fn(Option<Kind>) -> bool) -> (Part, Part) {
        let kind = |&(pack, root): &(u32, u32)| {
            let at = &store.packs[pack as usize];
            let offset = self.packs[pack as usize].forest.span(root).0;
            match at.entry(offset).map(|entry| entry.kind) {
                Ok(EntryKind::Whole(kind)) => Some(kind),
                Ok(EntryKind::IdDelta(base)) => store.kind(&base),
                _ => None,
            }
        };
        let (ones, roots) = self.all.roots.iter().partition(|root| first(kind(root)));
        let loose_kind = |at: &LooseAt| loose::kind(&store.folders[at.folder], &at.id);
        let (loose_ones, loose) = self.all.loose.iter().partition(|at| first(loose_kind(at)));
        (
            Part { roots: ones, loose: loose_ones, misplaced: false },
            Part { roots, loose, misplaced: self.all.misplaced },
        )
    }
}

/// Which positions of `pack`'s index are looked at there: those no pack in `before` has.
fn wanted(before: &[Pack], pack: &Pack, only: Option<&[ObjectId]>) -> Option<Bits> {
    if before.is_empty() && only.is_none() {
        return None;
    }
    let count = pack.index.count();
    let mut bits = match only {
        None => Bits::all(count as usize),
        Some(only) => {
            let mut bits = Bits(vec![0; (count as usize).div_ceil(64)]);
            only.iter().filter_map(|id| pack.index.find(id.as_bytes())).for_each(|position| bits.set(position));
            bits
        }
    };
    for position in 0..count {
        let id = pack.index.raw_id(position);
        if bits.has(position) && before.iter().any(|other| other.index.find(id).is_some()) {
            bits.clear(position);
        }
    }
    Some(bits)
}

/// Which entries of `forest` have a wanted one at or above them.
fn needed(forest: &Forest, wanted: &Bits) -> Bits {
    let mut needed = Bits(vec![0; forest.len().div_ceil(64)]);
    for entry in 0..forest.len() as u32 {
        if !wanted.has(forest.position(entry)) {
            continue;
        }
        let mut at = entry;
        // Up to the first that is marked already: every entry is marked once.
        while !needed.has(at) {
            needed.set(at);
            match forest.parent(at) {
                parent if parent < BROKEN => at = parent,
                _ => break,
            }
        }
    }
    needed
}
