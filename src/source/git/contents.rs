//! Where wanted blobs lie in the trees of commits. Trees are reduced to what leads to one (`reduction.rs`), so most
//! commits compare with their parents by one number, however many trees they have.

use std::collections::HashMap;

use super::reduction::{Reduced, reduce};
use crate::source::history::leads::{LeadNames, Leads};

/// Index of a wanted blob.
pub(super) type Blob = u32;

/// What stands under a name in a [`Node`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    Blob(Blob),
    Node(Node),
}

/// The number of a name with what is under it. There are millions, so both are four bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) name: u32,
    child: u32,
}

/// Marks a blob among the children; wanted objects and trees are fewer (see [`leads::Lead::new`]).
const BLOB: u32 = 1 << 31;

impl Entry {
    pub(super) fn new(name: u32, child: Child) -> Self {
        let child = match child {
            Child::Blob(blob) => blob | BLOB,
            Child::Node(node) => node.0,
        };
        Self { name, child }
    }

    pub(super) fn child(self) -> Child {
        if self.child & BLOB == 0 { Child::Node(Node(self.child)) } else { Child::Blob(self.child & !BLOB) }
    }
}

/// A reduced tree; equal ones are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Node(pub(super) u32);

/// The tree that leads to no wanted blob, and what a missing parent has.
pub(super) const EMPTY: Node = Node(0);

/// Path, wanted blob, and what the others have there.
pub(super) type Visit<'v> = dyn FnMut(&[u8], Blob, &[Option<Blob>]) + 'v;

/// The reduced trees of all commits.
#[derive(Debug, Default)]
pub(super) struct Contents {
    names: LeadNames,
    reduced: Reduced,
}

impl Contents {
    /// What is left of the trees of these numbers when only the first `wanted` objects count.
    pub(super) fn new(leads: Leads, wanted: u32, trees: &[Option<u32>]) -> Self {
        let reduced = reduce(&leads, wanted, trees);
        Self { names: leads.into_names(), reduced }
    }

    /// The roots of the trees, in their order.
    pub(super) fn roots(&self) -> &[Node] {
        &self.reduced.roots
    }

    /// Whether folders were nested too deep to be followed.
    pub(super) fn too_deep(&self) -> bool {
        self.reduced.too_deep
    }

    fn entries(&self, node: Node) -> &[Entry] {
        self.reduced.nodes.entries(node)
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
            match self.child(node, self.names.number(name)?)? {
                Child::Blob(blob) => return names.peek().is_none().then_some(blob),
                Child::Node(below) => node = below,
            }
        }
        None
    }

    /// Those of the wanted objects from `first` on that lie below `roots`, each with what stands beside the first root
    /// that leads to it.
    pub(super) fn below<T: Copy>(&self, roots: impl Iterator<Item = (Node, T)>, first: Blob) -> HashMap<Blob, T> {
        let mut blobs = HashMap::new();
        let mut seen = vec![false; self.reduced.nodes.count()];
        let mut stack = Vec::new();
        for (root, beside) in roots {
            stack.push(root);
            while let Some(node) = stack.pop() {
                if std::mem::replace(&mut seen[node.0 as usize], true) {
                    continue;
                }
                for entry in self.reduced.nodes.entries(node) {
                    match entry.child() {
                        Child::Blob(blob) if blob >= first => {
                            blobs.entry(blob).or_insert(beside);
                        }
                        Child::Blob(_) => {}
                        Child::Node(below) if !seen[below.0 as usize] => stack.push(below),
                        Child::Node(_) => {}
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
            path.extend_from_slice(self.names.name(name));
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
