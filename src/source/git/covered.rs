//! What an earlier scan of a history covered, and what there is beyond it: the seam for whoever scans again and again.
//!
//! Whole packs are known by their check sums, objects by their ids. Only objects of packs that are not known, and loose
//! ones, are asked about; objects that are covered may still be the bases that new ones build on.

use std::collections::{BTreeSet, HashSet};

use git2::Oid;

use super::gaps::Gaps;
use super::graph::Reach;
use super::history::History;
use super::ranges::peel;
use super::tree::Objects;
use super::{Opener, Repo, walk};
use crate::error::Result;
use crate::source::history::object::ObjectId;
use crate::source::history::store::Store;

/// What was covered before.
pub struct Covered<'c> {
    /// Whether every object of the pack with this check sum was.
    pub pack: &'c dyn Fn(&[u8]) -> bool,
    /// Leaves those of the ids (sorted, each once) that were not.
    pub retain_new: &'c dyn Fn(&mut Vec<ObjectId>),
    /// Objects that have to be looked at again, whatever the others say.
    pub again: &'c [ObjectId],
}

/// What a scan covers, as far as there was no gap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Check sums of all packs.
    pub packs: Vec<Vec<u8>>,
    /// Ids of the objects that were not covered before, sorted, each once.
    pub new: Vec<ObjectId>,
    /// How many objects there are in all packs and loose, doubles counted.
    pub objects: u64,
}

/// The objects of `store` that are not covered.
pub(super) fn new_objects(store: &Store, covered: Option<&Covered<'_>>) -> Vec<ObjectId> {
    let is_known: Vec<bool> =
        store.packs.iter().map(|pack| covered.is_some_and(|covered| (covered.pack)(pack.sum()))).collect();
    let known = || store.packs.iter().zip(&is_known).filter(|(_, known)| **known).map(|(pack, _)| pack);
    let in_known = |id: &ObjectId| known().any(|pack| pack.index.find(id.as_bytes()).is_some());
    let unknown = store.packs.iter().zip(&is_known).filter(|(_, known)| !**known).map(|(pack, _)| pack);
    let packed = unknown.flat_map(|pack| (0..pack.index.count()).map(|position| pack.index.id(position)));
    let mut new: Vec<ObjectId> =
        packed.chain(store.loose.iter().map(|loose| loose.id)).filter(|id| !in_known(id)).collect();
    new.sort_unstable();
    new.dedup();
    if let Some(covered) = covered {
        (covered.retain_new)(&mut new);
        new.extend(covered.again.iter().filter(|id| store.contains(id)));
        new.sort_unstable();
        new.dedup();
    }
    new
}

impl History {
    /// What this scan covers, if it has no gap.
    pub fn inventory(&self) -> Inventory {
        Inventory {
            packs: self.store.packs.iter().map(|pack| pack.sum().to_vec()).collect(),
            new: self.beyond.clone().unwrap_or_else(|| new_objects(&self.store, None)),
            objects: self.store.most_numbers() as u64,
        }
    }

    /// Whether the object with this id in hex is there.
    pub fn contains(&self, id: &str) -> bool {
        ObjectId::from_hex(id.as_bytes()).is_some_and(|id| self.store.contains(&id))
    }
}

/// The ids of all objects that are there, sorted, each once.
pub fn objects(repo: &Repo) -> Vec<ObjectId> {
    new_objects(&Store::open_all(&repo.object_folders(), super::history::format(repo)).0, None)
}

/// Ids in hex, one after the other with a space between: many of them, read and compared as one text.
pub fn tips(history: &History) -> String {
    let ids: BTreeSet<String> = history.tips.refs.iter().map(|reference| reference.target.to_string()).collect();
    ids.into_iter().collect::<Vec<String>>().join(" ")
}

/// Whether today's tips still reach all of `needing` (commits in hex, empty where one is not known), which the tips `before`
/// (see [`tips`]) reached. When in doubt they do not.
///
/// # Errors
/// When the repository cannot be asked.
pub fn still_reaches(repo: &Repo, history: &History, before: &str, needing: &BTreeSet<&str>) -> Result<bool> {
    let now: HashSet<Oid> = history.tips.refs.iter().map(|reference| reference.target).collect();
    let mut left: HashSet<Oid> =
        before.split_ascii_whitespace().filter_map(|id| repo.parse_id(id)).filter(|id| !now.contains(id)).collect();
    let graph = &history.graph;
    for (place, (_, links)) in graph.commits.iter().enumerate() {
        if graph.reach[place] == Reach::Ref {
            // What is new builds on them.
            left.retain(|tip| !links.parents.contains(tip));
        }
    }
    if left.is_empty() {
        return Ok(true);
    }
    let Some(needing) = needing.iter().map(|id| repo.parse_id(id)).collect::<Option<HashSet<Oid>>>() else {
        return Ok(false);
    };
    let commits = |ids: &mut dyn Iterator<Item = Oid>| -> Result<Option<Vec<Oid>>> {
        ids.map(|id| peel(repo, id).map(|(kind, id, _)| kind.map(|_| id))).collect()
    };
    let now: Vec<Oid> = commits(&mut now.into_iter())?.unwrap_or_default();
    // What no tip reaches any more of what the old ones did; where an old one is gone, the commits are asked one by one.
    let from = commits(&mut left.into_iter())?.unwrap_or_else(|| needing.iter().copied().collect());
    let gaps = Gaps::default();
    let objects = Objects::new(repo, &gaps)?;
    let lost = walk::range(&objects, &from, &now, &repo.shallow());
    Ok(!lost.iter().any(|commit| needing.contains(&commit.id)))
}

/// The commits (in hex) whose parents a shallow clone left out.
pub fn cut(repo: &Repo) -> HashSet<String> {
    repo.shallow().iter().map(ToString::to_string).collect()
}

/// HEAD's commit and tree; `None` before the first commit.
///
/// # Errors
/// When the repository cannot be asked.
pub fn head(repo: &Repo) -> Result<Option<(ObjectId, ObjectId)>> {
    let Some(commit) = repo.head()? else { return Ok(None) };
    let tree = repo.odb()?.read(commit).ok().and_then(|object| Some(super::commit::links(object.data())?.tree));
    Ok(tree.and_then(|tree| Some((ObjectId::new(commit.as_bytes())?, ObjectId::new(tree.as_bytes())?))))
}

/// Calls `visit` with the path and id of every blob of the tree.
///
/// # Errors
/// When the repository cannot be opened.
pub fn files(opener: &Opener, tree: &ObjectId, visit: &mut dyn FnMut(&[u8], ObjectId)) -> Result<()> {
    let repo = opener.open()?;
    let gaps = Gaps::default();
    let objects = Objects::new(&repo, &gaps)?;
    objects.changes(super::survey::oid(tree), &[], &mut |path, blob, _| {
        if let Some(id) = ObjectId::new(blob.as_bytes()) {
            visit(path, id);
        }
    });
    Ok(())
}
