//! Leads: which entries of which trees lead to wanted objects, from one pass over all trees.
//!
//! Of every tree its folders are kept and the wanted objects in it; what leads nowhere falls away when the leads are
//! followed. Names are numbered, trees are numbers of the [`Store`].
//!
//! A folder of a thousand folders has tens of thousands of versions, each with one lead changed. So a tree's leads are
//! cut into blocks after certain names, and equal blocks are kept once: a version costs a byte for each lead, and a
//! new block or two.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;

use super::dirty::Anchor;
use super::store::Store;

/// Marks a wanted object among the children.
const WANTED: u32 = 1 << 31;

/// An entry of a tree that may lead to a wanted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// Number of its name.
    pub name: u32,
    child: u32,
}

/// Where a [`Lead`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// A tree, by its number in the store.
    Tree(u32),
    /// A wanted object, by its number among them.
    Wanted(u32),
}

impl Lead {
    /// The lead to `child`; `None` for numbers that no repository has.
    pub fn new(name: u32, child: Child) -> Option<Self> {
        let (number, mark) = match child {
            Child::Tree(number) => (number, 0),
            Child::Wanted(number) => (number, WANTED),
        };
        (number & WANTED == 0).then_some(Self { name, child: number | mark })
    }

    /// Where it goes.
    pub fn child(self) -> Child {
        if self.child & WANTED == 0 { Child::Tree(self.child) } else { Child::Wanted(self.child & !WANTED) }
    }
}

/// Numbers of names, the same for all threads.
#[derive(Debug, Default)]
pub struct Names(Mutex<HashMap<Box<[u8]>, u32>>);

impl Names {
    /// The number of a name.
    pub fn number(&self, name: &[u8]) -> u32 {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = names.len() as u32;
        *names.entry(name.into()).or_insert(next)
    }
}

/// One thread's end of [`Names`]: what it has seen it need not ask for.
#[derive(Debug)]
pub struct KnownNames<'n> {
    all: &'n Names,
    known: HashMap<Box<[u8]>, u32>,
}

impl<'n> KnownNames<'n> {
    /// Knows none yet.
    pub fn new(all: &'n Names) -> Self {
        Self { all, known: HashMap::new() }
    }

    /// The number of a name.
    pub fn number(&mut self, name: &[u8]) -> u32 {
        if let Some(&number) = self.known.get(name) {
            return number;
        }
        let number = self.all.number(name);
        self.known.insert(name.into(), number);
        number
    }
}

/// The names of leads, by number.
#[derive(Debug, Default)]
pub struct LeadNames {
    names: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32>,
}

impl LeadNames {
    fn new(names: Names) -> Self {
        let numbers = names.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut names = vec![Box::default(); numbers.len()];
        #[allow(clippy::iter_over_hash_type, reason = "every name goes to its own place")]
        for (name, &number) in &numbers {
            names[number as usize] = name.clone();
        }
        Self { names, numbers }
    }

    /// A name by its number.
    pub fn name(&self, number: u32) -> &[u8] {
        &self.names[number as usize]
    }

    /// The number of a name; `None` when nothing wanted lies below it.
    pub fn number(&self, name: &[u8]) -> Option<u32> {
        self.numbers.get(name).copied()
    }
}

/// The leads of all trees.
#[derive(Debug, Default)]
pub struct Leads {
    names: LeadNames,
    /// By the tree's number: its first block in the lists of all parts, and how many.
    places: Vec<(u32, u32)>,
    /// What each thread gathered stays where it is: to put it together would take as much room again.
    parts: Vec<Part>,
}

/// The lists and blocks of one thread, behind those of the threads before.
#[derive(Debug)]
struct Part {
    first_list: u32,
    first_block: u32,
    lists: Vec<u32>,
    blocks: Blocks,
}

impl Leads {
    /// What all threads gathered in `store`.
    pub fn new(store: &Store, names: Names, gathered: Vec<Gathered>) -> Self {
        let names = LeadNames::new(names);
        let mut leads = Self { names, places: vec![(0, 0); store.most_numbers()], parts: Vec::new() };
        let (mut first_list, mut first_block) = (0, 0);
        for Gathered { trees, lists, blocks, .. } in gathered {
            let mut first = first_list;
            for (tree, count) in trees {
                if let Some(place) = leads.places.get_mut(tree as usize) {
                    *place = (first, count);
                }
                first += count;
            }
            let next = (first_list + lists.len() as u32, first_block + blocks.count());
            leads.parts.push(Part { first_list, first_block, lists, blocks });
            (first_list, first_block) = next;
        }
        leads
    }

    /// The blocks whose leads are a tree's, by their numbers.
    pub fn blocks(&self, tree: u32) -> impl ExactSizeIterator<Item = u32> + '_ {
        let (first, count) = self.places.get(tree as usize).copied().unwrap_or_default();
        let part = self.parts.iter().rfind(|part| part.first_list <= first).filter(|_| count > 0);
        let (list, base) = part.map_or((&[][..], 0), |part| {
            (&part.lists[(first - part.first_list) as usize..][..count as usize], part.first_block)
        });
        list.iter().map(move |block| base + block)
    }

    /// The leads of a block.
    pub fn block(&self, number: u32) -> &[Lead] {
        let part = self.parts.iter().rfind(|part| part.first_block <= number);
        part.map_or(&[], |part| part.blocks.block(number - part.first_block))
    }

    /// How many blocks there are.
    pub fn count_blocks(&self) -> usize {
        self.parts.last().map_or(0, |part| (part.first_block + part.blocks.count()) as usize)
    }

    /// One more than the largest number of a tree.
    pub fn most_trees(&self) -> usize {
        self.places.len()
    }

    /// Their names.
    pub fn names(&self) -> &LeadNames {
        &self.names
    }

    /// The names alone, when nothing is followed any more.
    pub fn into_names(self) -> LeadNames {
        self.names
    }
}

/// Runs of leads by their numbers.
#[derive(Debug, Default)]
struct Blocks {
    /// Where each ends in `leads`.
    ends: Vec<u32>,
    leads: Vec<Lead>,
}

impl Blocks {
    fn count(&self) -> u32 {
        self.ends.len() as u32
    }

    fn block(&self, number: u32) -> &[Lead] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.leads[start as usize..self.ends[number] as usize]
    }

    fn push(&mut self, block: &[Lead]) -> u32 {
        self.leads.extend_from_slice(block);
        self.ends.push(self.leads.len() as u32);
        self.count() - 1
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

/// What one thread gathers.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Trees in the order of their blocks in `lists`, each with how many those are.
    trees: Vec<(u32, u32)>,
    lists: Vec<u32>,
    blocks: Blocks,
    /// All blocks, by their leads.
    known: HashTable<u32>,
    hasher: BlockHash,
    /// The block at hand.
    block: Vec<Lead>,
}

impl Gathered {
    /// Nothing more comes: what only gathering needs is freed.
    pub fn finished(mut self) -> Self {
        self.known = HashTable::new();
        self
    }

    /// The leads that the anchors of the tree of this number carry. An entry that was carried and read again has two.
    pub fn anchored(&mut self, number: u32, anchors: &[Anchor<Lead>]) {
        let mut last = None;
        let each = anchors.iter().filter(|anchor| last.replace(anchor.at) != Some(anchor.at));
        self.tree(number, each.filter_map(|anchor| anchor.found));
    }

    /// The leads of the tree of this number.
    pub fn tree(&mut self, number: u32, leads: impl Iterator<Item = Lead>) {
        /// No block is longer.
        const LONGEST: usize = 64;
        let first = self.lists.len() as u32;
        let mut hash = BlockHash::EMPTY;
        for lead in leads {
            self.block.push(lead);
            hash = self.hasher.with(hash, lead);
            // One name in four ends a block, wherever it stands: what changes in front of it changes no other block.
            if lead.name.wrapping_mul(0x9E37_79B1) >> 30 == 0 || self.block.len() == LONGEST {
                self.end_block(std::mem::replace(&mut hash, BlockHash::EMPTY));
            }
        }
        if !self.block.is_empty() {
            self.end_block(hash);
        }
        let count = self.lists.len() as u32 - first;
        if count > 0 {
            self.trees.push((number, count));
        }
    }

    fn end_block(&mut self, hash: u64) {
        let Self { blocks, known, hasher, block, .. } = self;
        let number = match known.find(hash, |&number| blocks.block(number) == block.as_slice()) {
            Some(&number) => number,
            None => {
                let number = blocks.push(block);
                known.insert_unique(hash, number, |&number| hasher.of(blocks.block(number)));
                number
            }
        };
        block.clear();
        self.lists.push(number);
    }
}
