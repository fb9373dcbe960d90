//! Trees, raw: entries of one, every path of one, and what a tree holds that its predecessors do not.
//!
//! Own parsing instead of libgit2's diff: it compares with any number of parents at once, reads only what differs,
//! and does not mind names that are not UTF-8 or malformed order.

use std::collections::HashMap;

use git2::{ObjectType, Odb, OdbObject, Oid};

use super::gaps::Gaps;
use super::kind_of_mode;
use crate::error::{Notice, NoticeKind};

/// Folders nested deeper than this are a trap, not a project (git stops at 2048).
pub(super) const DEEPEST: usize = 2048;

pub(super) const MALFORMED: &str = "a tree is malformed: what follows in it is not scanned";

/// One entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'t> {
    pub(super) mode: u32,
    pub(super) name: &'t [u8],
    pub(super) id: Oid,
}

impl Entry<'_> {
    /// Blob or tree; `None` for a submodule's commit.
    pub(super) fn kind(&self) -> Option<ObjectType> {
        kind_of_mode(self.mode)
    }
}

/// The entries of a raw tree; `None` for the rest once it is malformed.
pub(super) fn entries(data: &[u8], id_size: usize) -> impl Iterator<Item = Option<Entry<'_>>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = parse(&mut rest, id_size);
        if entry.is_none() {
            rest = &[];
        }
        Some(entry)
    })
}

fn parse<'t>(rest: &mut &'t [u8], id_size: usize) -> Option<Entry<'t>> {
    let space = memchr::memchr(b' ', &rest[..rest.len().min(12)])?;
    let mode = u32::from_str_radix(std::str::from_utf8(&rest[..space]).ok()?, 8).ok()?;
    let after = &rest[space + 1..];
    let end = memchr::memchr(0, after)?;
    let id = Oid::from_bytes(after.get(end + 1..end + 1 + id_size)?).ok()?;
    *rest = &after[end + 1 + id_size..];
    Some(Entry { mode, name: &after[..end], id })
}

/// Reads objects and tells of those it cannot read.
pub(super) struct Objects<'o> {
    pub(super) odb: Odb<'o>,
    pub(super) gaps: &'o Gaps,
    pub(super) id_size: usize,
}

impl<'o> Objects<'o> {
    /// A reader of `repo`'s objects.
    pub(super) fn new(repo: &'o super::Repo, gaps: &'o Gaps) -> crate::Result<Self> {
        let id_size = match repo.format() {
            git2::ObjectFormat::Sha256 => 32,
            git2::ObjectFormat::Sha1 => 20,
        };
        Ok(Self { odb: repo.odb()?, gaps, id_size })
    }

    /// The same in a worker, where an error is a gap.
    pub(super) fn or_gap(repo: &'o super::Repo, gaps: &'o Gaps) -> Option<Self> {
        Self::new(repo, gaps)
            .map_err(|error| gaps.add(Notice::new(NoticeKind::Unreadable, error.to_string()).gap()))
            .ok()
    }

    /// The object, or `None` and a gap.
    pub(super) fn read(&self, id: Oid, what: &str) -> Option<OdbObject<'_>> {
        self.odb.read(id).map_err(|error| self.gaps.object(id, what, &error)).ok()
    }

    /// Tells of an object that makes no sense.
    pub(super) fn malformed(&self, id: Oid, message: &str) {
        let notice = Notice::new(NoticeKind::Malformed, message);
        self.gaps.add(notice.object(id.to_string()).mend("see `git fsck`").gap());
    }

    /// Tells that folders are nested too deep.
    pub(super) fn too_deep(&self, id: Oid) {
        let message = format!("folders are nested more than {DEEPEST} deep: deeper ones are not scanned");
        self.gaps.add(Notice::new(NoticeKind::Budget, message).object(id.to_string()).gap());
    }

    /// The entries of a tree, sorted by name; what cannot be read is told and left out.
    fn sorted<'t>(&self, id: Oid, data: &'t [u8]) -> Vec<Entry<'t>> {
        let mut list = Vec::with_capacity(data.len() / (self.id_size + 16));
        for entry in entries(data, self.id_size) {
            match entry {
                Some(entry) => list.push(entry),
                None => self.malformed(id, MALFORMED),
            }
        }
        list.sort_by_key(|entry| entry.name);
        list
    }

    /// Calls `visit` with every blob of the tree `new` that no tree of `parents` has at the same path, and with what
    /// the parents have there (`None` where a parent has no blob).
    pub(super) fn changes(&self, new: Oid, parents: &[Option<Oid>], visit: &mut Visit<'_>) {
        self.descend(new, parents, &mut Vec::new(), 0, visit);
    }

    /// Calls `visit` with every tree and blob below and with `new` that no tree of `parents` has at the same path.
    pub(super) fn new_objects(&self, new: Oid, parents: &[Option<Oid>], depth: usize, visit: &mut dyn FnMut(Oid)) {
        if parents.contains(&Some(new)) {
            return;
        }
        if depth > DEEPEST {
            return self.too_deep(new);
        }
        visit(new);
        let Some(object) = self.read(new, "tree") else { return };
        let before = self.all_read(parents);
        let before: Vec<Vec<Entry<'_>>> = before
            .iter()
            .map(|tree| tree.as_ref().map(|(id, tree)| self.sorted(*id, tree.data())).unwrap_or_default())
            .collect();
        for entry in entries(object.data(), self.id_size).flatten() {
            let Some(kind) = entry.kind() else { continue };
            let there = |entries: &Vec<Entry<'_>>| {
                let at = entries.binary_search_by_key(&entry.name, |entry| entry.name).ok()?;
                (entries[at].kind() == Some(kind)).then_some(entries[at].id)
            };
            let there: Vec<Option<Oid>> = before.iter().map(there).collect();
            if there.contains(&Some(entry.id)) {
                continue;
            }
            match kind {
                ObjectType::Tree => self.new_objects(entry.id, &there, depth + 1, visit),
                _ => visit(entry.id),
            }
        }
    }

    /// The trees of `parents`, read.
    fn all_read(&self, parents: &[Option<Oid>]) -> Vec<Option<(Oid, OdbObject<'_>)>> {
        parents.iter().map(|parent| parent.and_then(|id| Some((id, self.read(id, "tree")?)))).collect()
    }

    fn descend(&self, new: Oid, parents: &[Option<Oid>], path: &mut Vec<u8>, depth: usize, visit: &mut Visit<'_>) {
        if parents.contains(&Some(new)) {
            return;
        }
        if depth > DEEPEST {
            return self.too_deep(new);
        }
        let Some(object) = self.read(new, "tree") else { return };
        let before = self.all_read(parents);
        let before: Vec<Vec<Entry<'_>>> = before
            .iter()
            .map(|tree| tree.as_ref().map(|(id, tree)| self.sorted(*id, tree.data())).unwrap_or_default())
            .collect();
        let mut there = Vec::with_capacity(parents.len());
        for entry in entries(object.data(), self.id_size) {
            let Some(entry) = entry else { return self.malformed(new, MALFORMED) };
            let Some(kind) = entry.kind() else { continue };
            there.clear();
            there.extend(before.iter().map(|entries| {
                let at = entries.binary_search_by_key(&entry.name, |entry| entry.name).ok()?;
                (entries[at].kind() == Some(kind)).then_some(entries[at].id)
            }));
            if there.contains(&Some(entry.id)) {
                continue;
            }
            let length = path.len();
            path.extend_from_slice(entry.name);
            if kind == ObjectType::Tree {
                path.push(b'/');
                self.descend(entry.id, &there, path, depth + 1, visit);
            } else {
                visit(path, entry.id, &there);
            }
            path.truncate(length);
        }
    }

    /// Every blob of a tree with its path, sorted by path. Folders that are just as `same` has them (by path) are left
    /// out and named.
    pub(super) fn flat(&self, tree: Oid, same: &HashMap<Vec<u8>, Oid>) -> Flat {
        let mut flat = Flat::default();
        self.flatten(tree, same, &mut Vec::new(), 0, &mut flat);
        flat.places.sort_by(|a, b| flat.names[a.0..a.1].cmp(&flat.names[b.0..b.1]));
        flat.same.sort();
        flat
    }

    fn flatten(&self, tree: Oid, same: &HashMap<Vec<u8>, Oid>, path: &mut Vec<u8>, depth: usize, flat: &mut Flat) {
        let folder = path.strip_suffix(b"/").unwrap_or(path);
        if same.get(folder) == Some(&tree) {
            return flat.same.push(path.clone());
        }
        if depth > DEEPEST {
            return self.too_deep(tree);
        }
        let Some(object) = self.read(tree, "tree") else { return };
        for entry in entries(object.data(), self.id_size) {
            let Some(entry) = entry else { return self.malformed(tree, MALFORMED) };
            let length = path.len();
            path.extend_from_slice(entry.name);
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    path.push(b'/');
                    self.flatten(entry.id, same, path, depth + 1, flat);
                }
                Some(_) => flat.push(path, entry.id),
                None => {}
            }
            path.truncate(length);
        }
    }
}

/// Path, blob, and what each parent has at that path.
pub(super) type Visit<'v> = dyn FnMut(&[u8], Oid, &[Option<Oid>]) + 'v;

/// All paths of a tree.
#[derive(Debug, Default)]
pub(super) struct Flat {
    names: Vec<u8>,
    places: Vec<(usize, usize, Oid)>,
    /// Folders that were left out, with `/` at the end (the root is empty), sorted.
    same: Vec<Vec<u8>>,
}

impl Flat {
    fn push(&mut self, path: &[u8], id: Oid) {
        let start = self.names.len();
        self.names.extend_from_slice(path);
        self.places.push((start, self.names.len(), id));
    }

    /// Whether `path` lies in a folder that was left out.
    pub(super) fn leaves_out(&self, path: &[u8]) -> bool {
        // Folders do not nest here: only the last that sorts before the path can hold it.
        let after = self.same.partition_point(|folder| folder.as_slice() <= path);
        after > 0 && path.starts_with(&self.same[after - 1])
    }

    /// The blob at `path`.
    pub(super) fn get(&self, path: &[u8]) -> Option<Oid> {
        let at = self.places.binary_search_by(|place| self.names[place.0..place.1].cmp(path)).ok()?;
        Some(self.places[at].2)
    }

    /// All of them, sorted by path.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Oid)> {
        self.places.iter().map(|&(start, end, id)| (&self.names[start..end], id))
    }
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn a_malformed_tree_ends_with_none() {
        let mut raw = b"100644 a\0".to_vec();
        raw.extend([7; 20]);
        raw.extend(b"40000 folder\0");
        raw.extend([8; 19]);
        let list: Vec<_> = entries(&raw, 20).collect();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].expect("whole").name, b"a");
        assert!(list[1].is_none());
        assert_eq!(entries(b"no tree at all", 20).filter(Option::is_some).count(), 0);
    }
}
