//! Leads: which entries of which trees lead to wanted objects, from one pass over all trees.
//!
//! Of every tree its folders are kept and the wanted objects in it, eight bytes each; what leads nowhere falls away
//! when the leads are followed. Names are numbered, trees are numbers of the [`Store`](super::store::Store).

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
    /// By the tree's number: its first lead and how many.
    places: Vec<(u32, u32)>,
    leads: Vec<Lead>,
}

impl Leads {
    /// What all threads gathered in `store`.
    pub fn new(store: &Store, names: Names, parts: Vec<Gathered>) -> Self {
        let numbers = names.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut by_number = vec![Box::default(); numbers.len()];
        #[allow(clippy::iter_over_hash_type, reason = "every name goes to its own place")]
        for (name, &number) in &numbers {
            by_number[number as usize] = name.clone();
        }
        let mut leads =
            Self { names: by_number, numbers, places: vec![(0, 0); store.most_numbers()], leads: Vec::new() };
        leads.leads.reserve_exact(parts.iter().map(|part| part.leads.len()).sum());
        for part in parts {
            let base = leads.leads.len() as u32;
            leads.leads.extend_from_slice(&part.leads);
            for (tree, first, count) in part.trees {
                if let Some(place) = leads.places.get_mut(tree as usize) {
                    *place = (base + first, count);
                }
            }
        }
        leads
    }

    /// The leads of a tree.
    pub fn of(&self, tree: u32) -> &[Lead] {
        let (first, count) = self.places.get(tree as usize).copied().unwrap_or_default();
        &self.leads[first as usize..(first + count) as usize]
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
    /// Tree, its first lead, how many.
    trees: Vec<(u32, u32, u32)>,
    leads: Vec<Lead>,
}

impl Gathered {
    /// The leads of the tree of this number.
    pub fn tree(&mut self, number: u32, leads: impl Iterator<Item = Lead>) {
        let first = self.leads.len() as u32;
        self.leads.extend(leads);
        let count = self.leads.len() as u32 - first;
        if count > 0 {
            self.trees.push((number, first, count));
        }
    }
}
