//! Leads: which entries of which trees lead to wanted blobs, from one pass over all trees.
//!
//! Of every tree its folders are kept and the wanted blobs in it, eight bytes each; what leads nowhere falls away when
//! the leads are followed. Names are numbered, objects are numbers of the [`Store`](super::store::Store).

use std::collections::HashMap;

use super::object::ObjectId;
use super::store::Store;

/// Marks a wanted blob among the children.
const BLOB: u32 = 1 << 31;

/// An entry of a tree that may lead to a wanted blob.
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
    /// A wanted blob, by its number among them.
    Blob(u32),
}

impl Lead {
    /// Where it goes.
    pub fn child(self) -> Child {
        if self.child & BLOB == 0 { Child::Tree(self.child) } else { Child::Blob(self.child & !BLOB) }
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
    /// Room for the trees of `store`.
    pub fn new(store: &Store) -> Self {
        Self { places: vec![(0, 0); store.most_numbers()], ..Self::default() }
    }

    /// The leads of a tree.
    pub fn of(&self, tree: u32) -> &[Lead] {
        let (first, count) = self.places.get(tree as usize).copied().unwrap_or_default();
        &self.leads[first as usize..(first + count) as usize]
    }

    /// A name by its number.
    pub fn name(&self, number: u32) -> &[u8] {
        &self.names[number as usize]
    }

    /// The number of a name; `None` when nothing wanted lies below it.
    pub fn number(&self, name: &[u8]) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Takes in what one thread gathered.
    pub fn add(&mut self, part: Gathered) {
        let mut renamed = vec![0; part.names.len()];
        #[allow(clippy::iter_over_hash_type, reason = "numbers of names are never shown or compared")]
        for (name, number) in part.names {
            let next = self.names.len() as u32;
            renamed[number as usize] = *self.numbers.entry(name).or_insert_with_key(|name| {
                self.names.push(name.clone());
                next
            });
        }
        let base = self.leads.len() as u32;
        self.leads.extend(part.leads.iter().map(|lead| Lead { name: renamed[lead.name as usize], ..*lead }));
        for (tree, first, count) in part.trees {
            if let Some(place) = self.places.get_mut(tree as usize) {
                *place = (base + first, count);
            }
        }
    }
}

/// What one thread gathers.
#[derive(Debug)]
pub struct Gathered {
    names: HashMap<Box<[u8]>, u32>,
    /// Tree, its first lead, how many.
    trees: Vec<(u32, u32, u32)>,
    leads: Vec<Lead>,
    /// Folders met lately, with their numbers: neighbouring versions share most of them.
    lately: Vec<Option<(ObjectId, u32)>>,
}

const LATELY: usize = 1 << 12;

impl Default for Gathered {
    fn default() -> Self {
        Self { names: HashMap::new(), trees: Vec::new(), leads: Vec::new(), lately: vec![None; LATELY] }
    }
}

impl Gathered {
    /// A folder in the tree that is being read; whether it is there.
    pub fn folder(&mut self, store: &Store, name: &[u8], id: &[u8]) -> bool {
        let slot = usize::from(u16::from_le_bytes([id[0], id[1]])) % LATELY;
        let number = match &self.lately[slot] {
            Some((known, number)) if known.as_bytes() == id => Some(*number),
            _ => ObjectId::new(id).and_then(|id| {
                let number = store.number(&id)?;
                self.lately[slot] = Some((id, number));
                Some(number)
            }),
        };
        if let Some(number) = number.filter(|number| number & BLOB == 0) {
            self.push(name, number);
        }
        number.is_some()
    }

    /// A wanted object in the tree that is being read.
    pub fn blob(&mut self, name: &[u8], wanted: u32) {
        self.push(name, wanted | BLOB);
    }

    fn push(&mut self, name: &[u8], child: u32) {
        let name = match self.names.get(name) {
            Some(&number) => number,
            None => {
                let number = self.names.len() as u32;
                self.names.insert(name.into(), number);
                number
            }
        };
        self.leads.push(Lead { name, child });
    }

    /// The tree `id` is read.
    pub fn end(&mut self, store: &Store, id: &ObjectId) {
        let first = self.trees.last().map_or(0, |&(_, first, count)| first + count);
        let count = self.leads.len() as u32 - first;
        if count > 0
            && let Some(number) = store.number(id)
        {
            self.trees.push((number, first, count));
        } else {
            self.leads.truncate(first as usize);
        }
    }
}
