//! Leads: which entries of which trees lead to wanted objects, from one pass over all trees.
//!
//! Of every tree its folders are kept and the wanted objects in it; what leads nowhere falls away when the leads are
//! followed. Names are numbered, trees are numbers of the [`Store`].
//!
//! A folder of a thousand folders has tens of thousands of versions, each with one lead changed. So a tree's leads are
//! cut into blocks after certain names, and equal blocks are kept once: a version costs a byte for each lead, and a
//! new block or two (`gathered.rs`).

use hashbrown::HashMap;

use super::gathered::{Blocks, CHUNK, Gathered, Names};
use super::store::Store;

/// Marks a wanted object among the children.
const WANTED: u32 = 1 << 31;

/// An entry of a tree that may lead to a wanted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// Number of its name.
    pub name: u32,
    pub(super) child: u32,
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

/// The names of leads, by number.
#[derive(Debug, Default)]
pub struct LeadNames {
    names: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32>,
}

impl LeadNames {
    fn new(names: Names) -> Self {
        let numbers = names.into_numbers();
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
    /// By the chunk of a block's number: the part it is in, and where there the chunk begins.
    chunks: Vec<(u32, u32)>,
}

/// The lists and blocks of one thread, the lists behind those of the threads before.
#[derive(Debug)]
struct Part {
    first_list: u32,
    lists: Vec<u32>,
    blocks: Blocks,
}

impl Leads {
    /// What all threads gathered in `store`.
    pub fn new(store: &Store, names: Names, gathered: Vec<Gathered>) -> Self {
        let chunks = vec![(0, 0); names.chunks() as usize];
        let names = LeadNames::new(names);
        let mut leads = Self { names, places: vec![(0, 0); store.most_numbers()], parts: Vec::new(), chunks };
        let mut first_list = 0;
        for Gathered { trees, lists, blocks, chunks } in gathered {
            let mut first = first_list;
            for (tree, count) in trees {
                if let Some(place) = leads.places.get_mut(tree as usize) {
                    *place = (first, count);
                }
                first += count;
            }
            for (at, chunk) in chunks.into_iter().enumerate() {
                leads.chunks[chunk as usize] = (leads.parts.len() as u32, at as u32 * CHUNK);
            }
            let next = first_list + lists.len() as u32;
            leads.parts.push(Part { first_list, lists, blocks });
            first_list = next;
        }
        leads
    }

    /// The blocks whose leads are a tree's, by their numbers.
    pub fn blocks(&self, tree: u32) -> impl ExactSizeIterator<Item = u32> + '_ {
        let (first, count) = self.places.get(tree as usize).copied().unwrap_or_default();
        let part = self.parts.iter().rfind(|part| part.first_list <= first).filter(|_| count > 0);
        let list = part.map_or(&[][..], |part| &part.lists[(first - part.first_list) as usize..][..count as usize]);
        list.iter().copied()
    }

    /// The leads of a block.
    pub fn block(&self, number: u32) -> &[Lead] {
        let Some(&(part, first)) = self.chunks.get((number / CHUNK) as usize) else { return &[] };
        self.parts[part as usize].blocks.block(first + number % CHUNK)
    }

    /// One more than the largest number of a block.
    pub fn most_blocks(&self) -> usize {
        self.chunks.len() * CHUNK as usize
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
