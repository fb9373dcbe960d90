//! The reduction of trees: a tree becomes the few entries that lead to a wanted object, and equal reductions are one
//! node. What a block of leads comes to is kept: versions of a wide folder share most of theirs.
//!
//! Commits are cut in a few pieces, oldest first, one for each core: neighbours share their trees, so hardly any tree is
//! reduced twice. What the pieces made is then put together, node by node, children first.

use std::hash::BuildHasher as _;
use std::thread;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::contents::{Child, EMPTY, Entry, Node};
use super::tree::DEEPEST;
use crate::source::history::leads::{self, Leads};

/// So many roots are worth a thread.
const PIECE: usize = 4096;
/// Each piece keeps a few bytes for every object.
const MOST_PIECES: usize = 4;
/// Folders nest, and so do calls.
const STACK: usize = 32 << 20;

/// Reduced trees.
#[derive(Debug)]
pub(super) struct Nodes {
    /// Where the entries of each node begin, and where those of the next one will; sorted by their names' numbers.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// All nodes, by their entries.
    known: HashTable<Node>,
    hasher: DefaultHashBuilder,
}

impl Default for Nodes {
    fn default() -> Self {
        Self { starts: vec![0, 0], entries: Vec::new(), known: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }
}

impl Nodes {
    /// The node of these entries.
    fn node(&mut self, children: &[Entry]) -> Node {
        if children.is_empty() {
            return EMPTY;
        }
        let Self { starts, entries, known, hasher } = self;
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

    /// How many nodes there are.
    pub(super) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// What leads on from a node, sorted by name.
    pub(super) fn entries(&self, node: Node) -> &[Entry] {
        entries_of(&self.starts, &self.entries, node)
    }

    /// Takes over the nodes of `other`: which is which.
    fn take_over(&mut self, other: &Self) -> Vec<Node> {
        let count = other.count();
        let mut same = Vec::with_capacity(count);
        let mut children = Vec::new();
        for node in 0..count {
            children.clear();
            children.extend(other.entries(Node(node as u32)).iter().map(|entry| match entry.child() {
                // A child is made before what it stands in.
                Child::Node(below) => Entry::new(entry.name, Child::Node(same[below.0 as usize])),
                blob => Entry::new(entry.name, blob),
            }));
            children.sort_unstable();
            same.push(self.node(&children));
        }
        same
    }
}

fn entries_of<'e>(starts: &[u32], entries: &'e [Entry], node: Node) -> &'e [Entry] {
    let node = node.0 as usize;
    &entries[starts[node] as usize..starts[node + 1] as usize]
}

/// What is left of some trees.
#[derive(Debug, Default)]
pub(super) struct Reduced {
    pub(super) nodes: Nodes,
    /// One for each of the trees.
    pub(super) roots: Vec<Node>,
    /// Whether folders were nested too deep to be followed.
    pub(super) too_deep: bool,
}

/// Reduces the trees of these numbers to what leads to the first `wanted` objects. Trees that could not be read lead
/// nowhere (a gap tells of them).
pub(super) fn reduce(leads: &Leads, wanted: u32, trees: &[Option<u32>]) -> Reduced {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let pieces = trees.len().div_ceil(PIECE).clamp(1, cores.min(MOST_PIECES));
    if pieces == 1 {
        return Reduction::new(leads, wanted).all(trees);
    }
    let reduced = thread::scope(|scope| {
        let pieces = trees.chunks(trees.len().div_ceil(pieces)).map(|piece| {
            let work = || Reduction::new(leads, wanted).all(piece);
            // Where no thread can be had, it is done here.
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map_err(|_| piece)
        });
        let pieces: Vec<_> = pieces.collect();
        let join = |piece: Result<thread::ScopedJoinHandle<'_, Reduced>, &[Option<u32>]>| match piece {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(piece) => Reduction::new(leads, wanted).all(piece),
        };
        pieces.into_iter().map(join).collect::<Vec<Reduced>>()
    });
    let mut reduced = reduced.into_iter();
    let mut all = reduced.next().unwrap_or_default();
    for other in reduced {
        let same = all.nodes.take_over(&other.nodes);
        all.roots.extend(other.roots.iter().map(|root| same[root.0 as usize]));
        all.too_deep |= other.too_deep;
    }
    all
}

/// One thread's part.
struct Reduction<'r> {
    leads: &'r Leads,
    wanted: u32,
    nodes: Nodes,
    too_deep: bool,
    /// By the tree's number: the node and one, 0 where it is not known yet.
    trees: Vec<u32>,
    /// By the block's number: where in `led` what it leads to ends, and one; 0 where it is not known yet.
    blocks: Vec<u32>,
    /// What blocks lead to, after each how many entries that are. The first is that of nothing.
    led: Vec<Entry>,
    /// Entries of blocks that are being followed.
    hand: Vec<Entry>,
}

impl<'r> Reduction<'r> {
    fn new(leads: &'r Leads, wanted: u32) -> Self {
        Self {
            leads,
            wanted,
            nodes: Nodes::default(),
            too_deep: false,
            trees: vec![0; leads.most_trees()],
            blocks: vec![0; leads.most_blocks()],
            led: vec![Entry::default()],
            hand: Vec::new(),
        }
    }

    fn all(mut self, trees: &[Option<u32>]) -> Reduced {
        let roots = trees.iter().map(|tree| tree.map_or(EMPTY, |tree| self.tree(tree, 0))).collect();
        Reduced { nodes: self.nodes, roots, too_deep: self.too_deep }
    }

    fn tree(&mut self, tree: u32, depth: usize) -> Node {
        match self.trees.get(tree as usize) {
            None => return EMPTY,
            Some(0) => {}
            Some(node) => return Node(node - 1),
        }
        let leads = self.leads;
        let mut children: Vec<Entry> = Vec::new();
        if depth >= DEEPEST {
            self.too_deep |= leads.blocks(tree).len() > 0;
        } else {
            for block in leads.blocks(tree) {
                let end = self.block(block, depth);
                let count = self.led[end].name as usize;
                children.extend_from_slice(&self.led[end - count..end]);
            }
        }
        children.sort_unstable();
        let node = self.nodes.node(&children);
        self.trees[tree as usize] = node.0 + 1;
        node
    }

    /// Where in `led` that ends what a block of a tree at this depth leads to.
    fn block(&mut self, block: u32, depth: usize) -> usize {
        if let Some(end) = self.blocks[block as usize].checked_sub(1) {
            return end as usize;
        }
        let (leads, first) = (self.leads, self.hand.len());
        for lead in leads.block(block) {
            let child = match lead.child() {
                leads::Child::Wanted(blob) if blob < self.wanted => Child::Blob(blob),
                leads::Child::Wanted(_) => continue,
                leads::Child::Tree(tree) => match self.tree(tree, depth + 1) {
                    EMPTY => continue,
                    node => Child::Node(node),
                },
            };
            self.hand.push(Entry::new(lead.name, child));
        }
        let count = self.hand.len() - first;
        let end = if count == 0 { 0 } else { self.led.len() + count };
        if count > 0 {
            self.led.extend(self.hand.drain(first..));
            self.led.push(Entry::new(count as u32, Child::Node(EMPTY)));
        }
        self.blocks[block as usize] = end as u32 + 1;
        end
    }
}
