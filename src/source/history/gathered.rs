//! Gathering leads: what one thread of a walk over trees writes down, in blocks that are kept once.
//!
//! A block's number is its own among those of all threads, so that what one of them made of a tree another may carry on
//! to the tree's versions.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use hashbrown::{HashMap, HashTable};

use super::dirty::Anchor;
use super::leads::Lead;

/// Threads take numbers for so many blocks at a time.
pub(super) const CHUNK: u32 = 1 << 12;

/// No block is longer.
const LONGEST: usize = 64;

/// Numbers of names and of blocks, the same for all threads.
#[derive(Debug, Default)]
pub struct Names {
    numbers: Mutex<HashMap<Box<[u8]>, u32>>,
    chunks: AtomicU32,
}

impl Names {
    fn number(&self, name: &[u8]) -> u32 {
        let mut names = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = names.len() as u32;
        *names.entry(name.into()).or_insert(next)
    }

    pub(super) fn into_numbers(self) -> HashMap<Box<[u8]>, u32> {
        self.numbers.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many chunks were taken.
    pub(super) fn chunks(&self) -> u32 {
        self.chunks.load(Ordering::Relaxed)
    }
}

/// Runs of leads by their numbers.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Where each ends in `leads`.
    ends: Vec<u32>,
    leads: Vec<Lead>,
}

impl Blocks {
    pub(super) fn block(&self, number: u32) -> &[Lead] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.leads[start as usize..self.ends[number] as usize]
    }

    fn push(&mut self, block: &[Lead]) -> u32 {
        self.leads.extend_from_slice(block);
        self.ends.push(self.leads.len() as u32);
        self.ends.len() as u32 - 1
    }
}

/// Hashes blocks lead by lead, as they grow. With a key of its own, so that no repository can be made to collide.
#[derive(Debug)]
struct BlockHash(u64);

impl Default for BlockHash {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0) | 1)
    }
}

impl BlockHash {
    /// The hash of no lead.
    const EMPTY: u64 = 0x243F_6A88_85A3_08D3;

    /// The hash of a block with one more lead.
    fn with(&self, hash: u64, lead: Lead) -> u64 {
        let value = u64::from(lead.name) << 32 | u64::from(lead.child);
        let product = u128::from(hash ^ value) * u128::from(self.0);
        product as u64 ^ (product >> 64) as u64
    }

    fn of(&self, block: &[Lead]) -> u64 {
        block.iter().fold(Self::EMPTY, |hash, &lead| self.with(hash, lead))
    }
}

/// What one thread has gathered.
#[derive(Debug)]
pub struct Gathered {
    /// Trees in the order of their blocks in `lists`, each with how many those are.
    pub(super) trees: Vec<(u32, u32)>,
    pub(super) lists: Vec<u32>,
    pub(super) blocks: Blocks,
    /// The chunks that the numbers of its blocks are of, in their order.
    pub(super) chunks: Vec<u32>,
}

/// One thread's end.
#[derive(Debug)]
pub struct Gatherer<'n> {
    names: &'n Names,
    /// What it has seen it need not ask for.
    numbers: HashMap<Box<[u8]>, u32>,
    gathered: Gathered,
    /// All blocks, by their leads.
    known: HashTable<u32>,
    hasher: BlockHash,
    /// One name in two to the power of this ends a block.
    rarity: u32,
    /// The block at hand, and its hash.
    block: Vec<Lead>,
    hash: u64,
}

impl<'n> Gatherer<'n> {
    /// Has gathered nothing yet. One name in two to the power of `rarity` (1 to 31) ends a block, wherever it stands: what
    /// changes in front of it changes no other block.
    pub fn new(names: &'n Names, rarity: u32) -> Self {
        Self {
            names,
            numbers: HashMap::new(),
            gathered: Gathered { trees: Vec::new(), lists: Vec::new(), blocks: Blocks::default(), chunks: Vec::new() },
            known: HashTable::new(),
            hasher: BlockHash::default(),
            rarity,
            block: Vec::new(),
            hash: BlockHash::EMPTY,
        }
    }

    /// The number of a name.
    pub fn name(&mut self, name: &[u8]) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.number(name);
        self.numbers.insert(name.into(), number);
        number
    }

    /// The leads that the anchors of the tree of this number carry. An entry that was carried and read again has two.
    pub fn tree(&mut self, number: u32, anchors: &[Anchor<Lead>]) {
        let mut last = None;
        let each = anchors.iter().filter(|anchor| last.replace(anchor.at) != Some(anchor.at));
        let before = self.gathered.lists.len();
        for lead in each.filter_map(|anchor| anchor.found) {
            if self.push(lead) || self.is_full() {
                let block = self.end_block();
                self.gathered.lists.extend(block);
            }
        }
        let block = self.end_block();
        self.gathered.lists.extend(block);
        self.end_tree(number, before);
    }

    /// The tree of this number has these blocks.
    pub fn tree_of(&mut self, number: u32, blocks: impl Iterator<Item = u32>) {
        let before = self.gathered.lists.len();
        self.gathered.lists.extend(blocks);
        self.end_tree(number, before);
    }

    fn end_tree(&mut self, number: u32, before: usize) {
        let count = (self.gathered.lists.len() - before) as u32;
        if count > 0 {
            self.gathered.trees.push((number, count));
        }
    }

    /// Adds a lead to the block at hand. Whether the block ends with it, as it does wherever that name stands.
    pub fn push(&mut self, lead: Lead) -> bool {
        self.block.push(lead);
        self.hash = self.hasher.with(self.hash, lead);
        lead.name.wrapping_mul(0x9E37_79B1) >> (32 - self.rarity) == 0
    }

    /// Whether the block at hand takes no more.
    pub fn is_full(&self) -> bool {
        self.block.len() >= LONGEST
    }

    /// The number of the block at hand; `None` when it has no lead.
    pub fn end_block(&mut self) -> Option<u32> {
        if self.block.is_empty() {
            return None;
        }
        let Self { gathered: Gathered { blocks, chunks, .. }, known, hasher, block, .. } = self;
        let hash = std::mem::replace(&mut self.hash, BlockHash::EMPTY);
        let number = match known.find(hash, |&number| blocks.block(number) == block.as_slice()) {
            Some(&number) => number,
            None => {
                let number = blocks.push(block);
                known.insert_unique(hash, number, |&number| hasher.of(blocks.block(number)));
                if number % CHUNK == 0 {
                    chunks.push(self.names.chunks.fetch_add(1, Ordering::Relaxed));
                }
                number
            }
        };
        block.clear();
        Some(chunks[(number / CHUNK) as usize] * CHUNK + number % CHUNK)
    }

    /// What was gathered, nothing more to come.
    pub fn finished(self) -> Gathered {
        self.gathered
    }
}
