//! Where wanted blobs lie in trees: a tree is reduced to the few entries that lead to one, and equal reductions are
//! one node. So most commits compare with their parents by one number, however many trees they have.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::tree::DEEPEST;
use crate::source::history::leads::{self, Leads};

/// Index of a wanted blob.
pub(super) type Blob = u32;

/// What stands under a name in a [`Node`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Child {
    Blob(Blob),
    Node(Node),
}

/// The number of a name with what is under it. There are millions, so both are four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Entry {
    name: u32,
    child: u32,
}

/// Marks a blob among the children; wanted objects and trees are fewer (see [`leads::Lead::new`]).
const BLOB: u32 = 1 << 31;

impl Entry {
    fn new(name: u32, child: Child) -> Self {
        let child = match child {
            Child::Blob(blob) => blob | BLOB,
            Child::Node(node) => node.0,
        };
        Self { name, child }
    }

    fn child(self) -> Child {
        if self.child & BLOB == 0 { Child::Node(Node(self.child)) } else { Child::Blob(self.child & !BLOB) }
    }
}

/// A reduced tree; equal ones are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Node(u32);

/// The tree that leads to no wanted blob, and what a missing parent has.
pub(super) const EMPTY: Node = Node(0);

/// Path, wanted blob, and what the others have there.
pub(super) type Visit<'v> = dyn FnMut(&[u8], Blob, &[Option<Blob>]) + 'v;

/// All reduced trees.
pub(super) struct Contents<'c> {
    leads: &'c Leads,
    /// Numbers of the wanted objects that count.
    wanted: Range<u32>,
    /// Where the entries of each node begin, and where those of the next one will; sorted by their names' numbers.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// All nodes, by their entries.
    known: HashTable<Node>,
    hasher: DefaultHashBuilder,
    /// Whether folders were nested too deep to be followed.
    pub(super) too_deep: bool,
    /// By the tree's number: the node and one, 0 where it is not known yet.
    trees: Vec<u32>,
}

impl<'c> Contents<'c> {
    /// Follows `leads` to the objects whose numbers are in `wanted`.
    pub(super) fn new(leads: &'c Leads, wanted: Range<u32>) -> Self {
        Self {
            leads,
            wanted,
            starts: vec![0, 0],
            entries: Vec::new(),
            known: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            too_deep: false,
            trees: vec![0; leads.most_trees()],
        }
    }

    /// The reduction of a tree, by its number. Trees that could not be read lead nowhere (a gap tells of them).
    pub(super) fn of(&mut self, tree: u32) -> Node {
        self.descend(tree, 0)
    }

    fn descend(&mut self, tree: u32, depth: usize) -> Node {
        match self.trees.get(tree as usize) {
            None => return EMPTY,
            Some(0) => {}
            Some(node) => return Node(node - 1),
        }
        let leads = self.leads;
        let mut children: Vec<Entry> = Vec::new();
        if depth >= DEEPEST {
            self.too_deep |= leads.of(tree).next().is_some();
        } else {
            for lead in leads.of(tree) {
                let child = match lead.child() {
                    leads::Child::Wanted(blob) if self.wanted.contains(&blob) => Child::Blob(blob),
                    leads::Child::Wanted(_) => continue,
                    leads::Child::Tree(tree) => match self.descend(tree, depth + 1) {
                        EMPTY => continue,
                        node => Child::Node(node),
                    },
                };
                children.push(Entry::new(lead.name, child));
            }
        }
        children.sort_unstable();
        let node = self.node(&children);
        self.trees[tree as usize] = node.0 + 1;
        node
    }

    /// The node of these entries.
    fn node(&mut self, children: &[Entry]) -> Node {
        if children.is_empty() {
            return EMPTY;
        }
        let Self { starts, entries, known, hasher, .. } = self;
        let hash = hasher.hash_one(children);
        if let Some(&node) = known.find(hash, |&node| entries_of(starts, entries, node) == children) {
            return node;
        }
        let node = Node(starts.len() as u32 - 1);
        entries.extend_from_slice(children);
        starts.push(entries.len() as u32);
        known.insert_unique(hash, node, |&node| hasher.hash_one(entries_of(starts, entries, node)));
        node
    }

    fn entries(&self, node: Node) -> &[Entry] {
        entries_of(&self.starts, &self.entries, node)
    }

    fn child(&self, node: Node, name: u32) -> Option<Child> {
        let entries = self.entries(node);
        let at = entries.binary_search_by_key(&name, |entry| entry.name).ok()?;
        Some(entries[at].child())
    }

    /// The wanted blob at `path`.
    pub(super) fn at(&self, mut node: Node, path: &[u8]) -> Option<Blob> {
        let mut names = path.split(|&byte| byte == b'/').peekable();
        while let Some(name) = names.next() {
            match self.child(node, self.leads.number(name)?)? {
                Child::Blob(blob) => return names.peek().is_none().then_some(blob),
                Child::Node(below) => node = below,
            }
        }
        None
    }

    /// The wanted blobs below `roots`, each with what stands beside the first root that leads to it.
    pub(super) fn all_blobs<T: Copy>(&self, roots: &[(Node, T)]) -> HashMap<Blob, T> {
        let mut blobs = HashMap::new();
        let mut seen: HashSet<Node> = HashSet::new();
        let mut stack: Vec<Node> = Vec::new();
        for &(root, beside) in roots {
            stack.extend(seen.insert(root).then_some(root));
            while let Some(node) = stack.pop() {
                for entry in self.entries(node) {
                    match entry.child() {
                        Child::Blob(blob) => {
                            blobs.entry(blob).or_insert(beside);
                        }
                        Child::Node(below) => stack.extend(seen.insert(below).then_some(below)),
                    }
                }
            }
        }
        blobs
    }

    /// Calls `visit` with each path of `node` whose wanted blob none of `others` has there, and with what they have.
    pub(super) fn differences(&self, node: Node, others: &[Node], visit: &mut Visit<'_>) {
        self.compare(node, others, &mut Vec::new(), visit);
    }

    fn compare(&self, node: Node, others: &[Node], path: &mut Vec<u8>, visit: &mut Visit<'_>) {
        if node == EMPTY || others.contains(&node) {
            return;
        }
        for entry in self.entries(node) {
            let (name, child) = (entry.name, entry.child());
            let there: Vec<Option<Child>> = others.iter().map(|&other| self.child(other, name)).collect();
            if there.contains(&Some(child)) {
                continue;
            }
            let length = path.len();
            path.extend_from_slice(self.leads.name(name));
            match child {
                Child::Blob(blob) => {
                    let blobs: Vec<Option<Blob>> = there
                        .iter()
                        .map(|child| if let Some(Child::Blob(blob)) = child { Some(*blob) } else { None })
                        .collect();
                    visit(path, blob, &blobs);
                }
                Child::Node(below) => {
                    let nodes: Vec<Node> = there
                        .iter()
                        .map(|child| if let Some(Child::Node(node)) = child { *node } else { EMPTY })
                        .collect();
                    path.push(b'/');
                    self.compare(below, &nodes, path, visit);
                }
            }
            path.truncate(length);
        }
    }
}

fn entries_of<'e>(starts: &[u32], entries: &'e [Entry], node: Node) -> &'e [Entry] {
    let node = node.0 as usize;
    &entries[starts[node] as usize..starts[node + 1] as usize]
}
