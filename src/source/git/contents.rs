//! Where wanted blobs lie in trees: a tree is reduced to the few entries that lead to one, and equal reductions are
//! one node. So most commits compare with their parents by one number, however many trees they have.

use std::collections::HashMap;

use git2::{ObjectType, Oid};

use super::tree::{DEEPEST, Objects, entries};

/// Index of a wanted blob.
pub(super) type Blob = u32;

/// What stands under a name in a [`Node`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Child {
    Blob(Blob),
    Node(Node),
}

/// A reduced tree; equal ones are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Node(u32);

/// The tree that leads to no wanted blob, and what a missing parent has.
pub(super) const EMPTY: Node = Node(0);

/// Names with what is under them, sorted.
type Entries = Box<[(Box<[u8]>, Child)]>;

/// Path, wanted blob, and what the others have there.
pub(super) type Visit<'v> = dyn FnMut(&[u8], Blob, &[Option<Blob>]) + 'v;

/// All reduced trees.
pub(super) struct Contents<'c> {
    objects: &'c Objects<'c>,
    wanted: &'c HashMap<Oid, Blob>,
    nodes: Vec<Entries>,
    known: HashMap<Entries, Node>,
    trees: HashMap<Oid, Node>,
}

impl<'c> Contents<'c> {
    /// Looks for the blobs of `wanted`.
    pub(super) fn new(objects: &'c Objects<'c>, wanted: &'c HashMap<Oid, Blob>) -> Self {
        let nothing: Entries = Box::default();
        Self {
            objects,
            wanted,
            nodes: vec![nothing.clone()],
            known: HashMap::from([(nothing, EMPTY)]),
            trees: HashMap::new(),
        }
    }

    /// The reduction of a tree. Trees that cannot be read lead nowhere (a gap tells of them).
    pub(super) fn of(&mut self, tree: Oid) -> Node {
        self.descend(tree, 0)
    }

    fn descend(&mut self, tree: Oid, depth: usize) -> Node {
        if let Some(&node) = self.trees.get(&tree) {
            return node;
        }
        let objects = self.objects;
        let mut children = Vec::new();
        if depth < DEEPEST
            && let Some(object) = objects.read(tree, "tree")
        {
            for entry in entries(object.data(), objects.id_size).flatten() {
                let child = match entry.kind() {
                    Some(ObjectType::Tree) => {
                        Some(self.descend(entry.id, depth + 1)).filter(|&node| node != EMPTY).map(Child::Node)
                    }
                    Some(_) => self.wanted.get(&entry.id).map(|&blob| Child::Blob(blob)),
                    None => None,
                };
                children.extend(child.map(|child| (Box::from(entry.name), child)));
            }
        }
        children.sort_by(|a: &(Box<[u8]>, Child), b| a.0.cmp(&b.0));
        let children: Entries = children.into();
        let node = match self.known.get(&children) {
            Some(&node) => node,
            None => {
                let node = Node(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
                self.nodes.push(children.clone());
                self.known.insert(children, node);
                node
            }
        };
        self.trees.insert(tree, node);
        node
    }

    fn child(&self, node: Node, name: &[u8]) -> Option<Child> {
        let entries = &self.nodes[node.0 as usize];
        let at = entries.binary_search_by(|entry| (*entry.0).cmp(name)).ok()?;
        Some(entries[at].1)
    }

    /// The wanted blob at `path`.
    pub(super) fn at(&self, mut node: Node, path: &[u8]) -> Option<Blob> {
        let mut names = path.split(|&byte| byte == b'/').peekable();
        while let Some(name) = names.next() {
            match self.child(node, name)? {
                Child::Blob(blob) => return names.peek().is_none().then_some(blob),
                Child::Node(below) => node = below,
            }
        }
        None
    }

    /// Calls `visit` with each path of `node` whose wanted blob none of `others` has there, and with what they have.
    pub(super) fn differences(&self, node: Node, others: &[Node], visit: &mut Visit<'_>) {
        self.compare(node, others, &mut Vec::new(), visit);
    }

    fn compare(&self, node: Node, others: &[Node], path: &mut Vec<u8>, visit: &mut Visit<'_>) {
        if node == EMPTY || others.contains(&node) {
            return;
        }
        for (name, child) in &self.nodes[node.0 as usize] {
            let there: Vec<Option<Child>> = others.iter().map(|&other| self.child(other, name)).collect();
            if there.contains(&Some(*child)) {
                continue;
            }
            let length = path.len();
            path.extend_from_slice(name);
            match *child {
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
