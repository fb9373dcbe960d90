//! The forest of a pack: which entry builds on which, in a few bytes an entry.
//!
//! Entries are numbered by their offset. A delta's base is its parent; an entry that is whole, or whose base is in
//! another pack, is a root. Children stand lightest first, so that whoever goes down the heaviest child last holds at
//! most as many bases as the number of entries has bits.

use rayon::iter::{IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSliceMut as _;

use super::fault::Fault;
use super::pack::{EntryKind, Pack};

/// No parent: the entry is a root.
pub const ROOT: u32 = u32::MAX;
/// The base is not in this pack.
pub const ELSEWHERE: u32 = u32::MAX - 1;
/// The header cannot be read or the delta builds on itself: the entry is a root and fails when it is visited.
pub const BROKEN: u32 = u32::MAX - 2;

/// So many headers are worth handing to another thread.
const PIECE: usize = 1 << 14;

/// A pack's entries by offset, and who builds on whom.
#[derive(Debug, Default)]
pub struct Forest {
    offsets: Vec<u64>,
    /// Position in the pack's index.
    positions: Vec<u32>,
    parents: Vec<u32>,
    /// Children of entry `n`: `children[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    children: Vec<u32>,
    /// Trees of entries, heaviest first.
    roots: Vec<u32>,
    /// Positions of the index whose offset is outside the pack, or the same as another's.
    misplaced: Vec<u32>,
    end: u64,
}

impl Forest {
    /// Reads the headers of all entries of `pack`.
    pub fn new(pack: &Pack) -> Self {
        let end = pack.bytes().len() as u64;
        let mut misplaced = Vec::new();
        let mut places = Vec::with_capacity(pack.index.count() as usize);
        for position in 0..pack.index.count() {
            match pack.index.offset(position) {
                Some(offset) if offset >= 12 && offset < end => places.push((offset, position)),
                _ => misplaced.push(position),
            }
        }
        places.par_sort_unstable();
        places.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                misplaced.push(later.1);
            }
            same
        });
        let offsets: Vec<u64> = places.iter().map(|place| place.0).collect();
        let positions: Vec<u32> = places.iter().map(|place| place.1).collect();
        drop(places);
        let mut forest = Self { offsets, positions, misplaced, end, ..Self::default() };
        forest.find_parents(pack);
        forest.link();
        forest
    }

    fn find_parents(&mut self, pack: &Pack) {
        let buckets = Buckets::new(&self.offsets, self.end);
        let parent = |&offset: &u64| match pack.entry(offset).map(|entry| entry.kind) {
            Ok(EntryKind::Whole(_)) => ROOT,
            Ok(EntryKind::OffsetDelta(base)) => buckets.find(&self.offsets, base).unwrap_or(BROKEN),
            Ok(EntryKind::IdDelta(id)) => pack
                .index
                .find(id.as_bytes())
                .and_then(|position| buckets.find(&self.offsets, pack.index.offset(position)?))
                .unwrap_or(ELSEWHERE),
            Err(_) => BROKEN,
        };
        self.parents = self.offsets.par_iter().with_min_len(PIECE).map(parent).collect();
    }

    /// Builds the lists of children, cuts cycles, and puts light children and heavy roots first.
    fn link(&mut self) {
        let count = self.offsets.len();
        let mut weights = vec![1u32; count];
        let mut order = self.list_children();
        if order.len() < count {
            // Whoever no root leads to hangs on a cycle (only deltas by id can make one).
            let mut reached = vec![false; count];
            order.iter().for_each(|&entry| reached[entry as usize] = true);
            for (parent, reached) in self.parents.iter_mut().zip(reached) {
                if !reached {
                    *parent = BROKEN;
                }
            }
            order = self.list_children();
        }
        for &entry in order.iter().rev() {
            let parent = self.parents[entry as usize];
            if parent < BROKEN {
                weights[parent as usize] = weights[parent as usize].saturating_add(weights[entry as usize]);
            }
        }
        for entry in 0..count {
            let children = &mut self.children[self.starts[entry] as usize..self.starts[entry + 1] as usize];
            children.sort_by_key(|&child| weights[child as usize]);
        }
        self.roots = (0..count as u32).filter(|&entry| self.parents[entry as usize] >= BROKEN).collect();
        self.roots.sort_by_key(|&root| std::cmp::Reverse(weights[root as usize]));
    }

    /// Fills the lists of children; all entries that roots lead to, parents before children.
    fn list_children(&mut self) -> Vec<u32> {
        let count = self.offsets.len();
        self.starts = vec![0; count + 1];
        for &parent in &self.parents {
            if parent < BROKEN {
                self.starts[parent as usize + 1] += 1;
            }
        }
        for at in 0..count {
            self.starts[at + 1] += self.starts[at];
        }
        let mut free = self.starts.clone();
        self.children = vec![0; self.starts[count] as usize];
        let mut order = Vec::with_capacity(count);
        for (entry, &parent) in self.parents.iter().enumerate() {
            if parent < BROKEN {
                self.children[free[parent as usize] as usize] = entry as u32;
                free[parent as usize] += 1;
            } else {
                order.push(entry as u32);
            }
        }
        let mut next = 0;
        while let Some(&entry) = order.get(next) {
            next += 1;
            order.extend_from_slice(self.children(entry));
        }
        order
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// The entries no other entry of the pack is needed for, heaviest tree first.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// The entries that build on `entry`, lightest tree first.
    pub fn children(&self, entry: u32) -> &[u32] {
        let entry = entry as usize;
        &self.children[self.starts[entry] as usize..self.starts[entry + 1] as usize]
    }

    /// The entry that `entry` builds on, or [`ROOT`], [`ELSEWHERE`], [`BROKEN`].
    pub fn parent(&self, entry: u32) -> u32 {
        self.parents[entry as usize]
    }

    /// Where the entry starts and the next one does.
    pub fn span(&self, entry: u32) -> (u64, u64) {
        let entry = entry as usize;
        (self.offsets[entry], self.offsets.get(entry + 1).copied().unwrap_or(self.end))
    }

    /// The entry's position in the index.
    pub fn position(&self, entry: u32) -> u32 {
        self.positions[entry as usize]
    }

    /// The entry that starts at `offset`.
    pub fn at_offset(&self, offset: u64) -> Option<u32> {
        self.offsets.binary_search(&offset).ok().map(|entry| entry as u32)
    }

    /// Positions of the index that lead nowhere.
    pub fn misplaced(&self) -> &[u32] {
        &self.misplaced
    }

    /// What is wrong with an entry whose parent is [`BROKEN`].
    pub fn fault(&self, pack: &Pack, entry: u32) -> Fault {
        match pack.entry(self.span(entry).0).map(|entry| entry.kind) {
            Ok(EntryKind::OffsetDelta(_)) => Fault::BaseOffset,
            Ok(_) => Fault::Cycle,
            Err(fault) => fault,
        }
    }
}

/// Sorted offsets in buckets of equal width: a base is found with one look instead of twenty.
struct Buckets {
    shift: u32,
    firsts: Vec<u32>,
}

impl Buckets {
    fn new(offsets: &[u64], end: u64) -> Self {
        let mut shift = 0;
        while end >> shift > 2 * offsets.len() as u64 + 16 {
            shift += 1;
        }
        let mut firsts = vec![offsets.len() as u32; (end >> shift) as usize + 2];
        for (entry, &offset) in offsets.iter().enumerate().rev() {
            firsts[(offset >> shift) as usize] = entry as u32;
        }
        for bucket in (0..firsts.len() - 1).rev() {
            firsts[bucket] = firsts[bucket].min(firsts[bucket + 1]);
        }
        Self { shift, firsts }
    }

    fn find(&self, offsets: &[u64], offset: u64) -> Option<u32> {
        let bucket = (offset >> self.shift) as usize;
        let (from, to) = (*self.firsts.get(bucket)? as usize, *self.firsts.get(bucket + 1)? as usize);
        offsets[from..to].binary_search(&offset).ok().map(|place| (from + place) as u32)
    }
}
