//! Leads: which entries of which trees lead to wanted objects, from one pass over all trees.
//!
//! Of every tree its folders are kept and the wanted objects in it, eight bytes each; what leads nowhere falls away
//! when the leads are followed. Names are numbered, trees are numbers of the [`Store`].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

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

/// The leads of all trees.
#[derive(Debug, Default)]
pub struct Leads {
    names: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32>,
    /// By the tree's number: where its leads are and how many.
    places: Vec<(Place, u32)>,
    chunks: Vec<Vec<Lead>>,
}

/// Which chunk, and where in it.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    chunk: u16,
    first: u16,
}

/// Leads lie in chunks of so many, so that memory grows by what is there and nothing is moved; all of a tree's lie in
/// one chunk.
const CHUNK: usize = 1 << 16;

impl Leads {
    /// What all threads gathered in `store`.
    pub fn new(store: &Store, names: Names, parts: Vec<Gathered>) -> Self {
        let numbers = names.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut by_number = vec![Box::default(); numbers.len()];
        #[allow(clippy::iter_over_hash_type, reason = "every name goes to its own place")]
        for (name, &number) in &numbers {
            by_number[number as usize] = name.clone();
        }
        let places = vec![Default::default(); store.most_numbers()];
        let mut leads = Self { names: by_number, numbers, places, chunks: Vec::new() };
        for part in parts {
            let base = leads.chunks.len();
            leads.chunks.extend(part.chunks);
            for (tree, mut at, count) in part.trees {
                // 65,536 chunks are four billion leads.
                let Ok(chunk) = u16::try_from(base + usize::from(at.chunk)) else { break };
                at.chunk = chunk;
                if let Some(place) = leads.places.get_mut(tree as usize) {
                    *place = (at, count);
                }
            }
        }
        leads
    }

    /// The leads of a tree.
    pub fn of(&self, tree: u32) -> &[Lead] {
        let (place, count) = self.places.get(tree as usize).copied().unwrap_or_default();
        let chunk = self.chunks.get(usize::from(place.chunk)).map_or(&[][..], Vec::as_slice);
        chunk.get(usize::from(place.first)..usize::from(place.first) + count as usize).unwrap_or_default()
    }

    /// One more than the largest number of a tree.
    pub fn most_trees(&self) -> usize {
        self.places.len()
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

/// What one thread gathers.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Tree, where its leads are, how many.
    trees: Vec<(u32, Place, u32)>,
    chunks: Vec<Vec<Lead>>,
    /// The leads of the tree at hand.
    these: Vec<Lead>,
}

impl Gathered {
    /// The leads of the tree of this number.
    pub fn tree(&mut self, number: u32, leads: impl Iterator<Item = Lead>) {
        self.these.clear();
        self.these.extend(leads);
        let count = self.these.len();
        if count == 0 {
            return;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() + count > CHUNK) {
            self.chunks.push(Vec::with_capacity(count.max(CHUNK)));
        }
        let Some(last) = self.chunks.len().checked_sub(1) else { return };
        let (Ok(chunk), Ok(first)) = (u16::try_from(last), u16::try_from(self.chunks[last].len())) else { return };
        self.chunks[last].append(&mut self.these);
        self.trees.push((number, Place { chunk, first }, count as u32));
    }
}
