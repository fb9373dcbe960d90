//! Objects that are named and not there. Unreachable objects may lack what git has pruned already; of what refs reach,
//! everything must be there, or it is a gap.

use git2::{ErrorCode, ObjectType, Oid};
use hashbrown::{HashMap, HashSet};

use super::contents::Contents;
use super::gaps::Gaps;
use super::graph::{Graph, Reach};
use super::survey::oid;
use crate::source::history::object::ObjectId;
use crate::source::history::store::Store;

/// From so many on nobody asks which of them refs reach: it is a partial clone, and they are all told of.
pub(super) const MANY: usize = 4096;

/// Missing objects that trees name: their numbers among the leads, and whether as a folder.
pub(super) type Missing = HashMap<ObjectId, (u32, bool)>;

/// Tells of what reachable commits and refs name and `store` lacks.
/// At the commits of `shallow` history was cut on purpose.
pub(super) fn tell_commits(shallow: &[Oid], store: &Store, graph: &Graph, gaps: &Gaps) {
    let is_there = |id: &Oid| ObjectId::new(id.as_bytes()).is_some_and(|id| store.contains(&id) || is_empty_tree(&id));
    let shallow: HashSet<&Oid> = shallow.iter().collect();
    for (place, (id, links)) in graph.commits.iter().enumerate() {
        if graph.reach[place] != Reach::Ref {
            continue;
        }
        if !is_there(&links.tree) {
            gone(gaps, links.tree, "tree");
            gaps.needed(links.tree, Some(*id));
        }
        for &parent in links.parents.iter().filter(|parent| !is_there(parent)) {
            if shallow.contains(id) {
                gaps.shallow(*id);
            } else {
                gone(gaps, parent, "commit");
                gaps.needed(parent, Some(*id));
            }
        }
    }
    for (kind, id) in &graph.odd_tips {
        if kind.is_none() && !is_there(id) {
            gone(gaps, *id, "object");
            gaps.needed(*id, None);
        }
    }
}

/// Tells of those `missing` objects that reachable trees lead to.
pub(super) fn tell_reachable(graph: &Graph, (missing, contents): (&Missing, &Contents), gaps: &Gaps) {
    let name = |is_tree| if is_tree { "tree" } else { "blob" };
    let mut numbers: Vec<(u32, ObjectId, bool)> =
        missing.iter().map(|(id, (number, is_tree))| (*number, *id, *is_tree)).collect();
    numbers.sort_unstable();
    let Some(&(first, ..)) = numbers.first() else { return };
    if numbers.len() >= MANY {
        numbers.iter().for_each(|(_, id, is_tree)| gone(gaps, oid(id), name(*is_tree)));
        return;
    }
    let (commits, odd) = contents.roots().split_at(graph.commits.len());
    let commits = graph.reach.iter().zip(&graph.commits).zip(commits);
    let commits = commits.filter(|((reach, _), _)| **reach == Reach::Ref);
    let odd = graph.odd_tips.iter().zip(odd).filter(|((kind, _), _)| *kind == Some(ObjectType::Tree));
    let roots = commits.map(|((_, (id, _)), &root)| (root, Some(*id))).chain(odd.map(|(_, &root)| (root, None)));
    let reached = contents.below(roots, first);
    for (number, id, is_tree) in numbers {
        if let Some(commit) = reached.get(&number) {
            gone(gaps, oid(&id), name(is_tree));
            gaps.needed(oid(&id), *commit);
        }
    }
}

pub(super) fn gone(gaps: &Gaps, id: Oid, what: &str) {
    let missing = git2::Error::new(ErrorCode::NotFound, git2::ErrorClass::Odb, "missing");
    gaps.object(id, what, &missing);
}

/// git knows the empty tree without storing it.
pub(super) fn is_empty_tree(id: &ObjectId) -> bool {
    const EMPTY: [&str; 2] = [
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
    ];
    EMPTY.contains(&id.to_string().as_str())
}
