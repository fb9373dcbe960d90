//! The commits of a range: reachable from some, not from others. Own walk over raw commits, because libgit2's stops
//! with an error at a shallow boundary or a missing commit, where we go on and tell.

use std::collections::{BinaryHeap, HashMap, HashSet};

use git2::Oid;

use super::commit::{Links, links};
use super::tree::Objects;

/// So many excluded commits are looked at after the last wanted one, against clocks that go wrong (git does the same).
const SLACK: usize = 5;

const MALFORMED: &str = "a commit is malformed: what it adds is not scanned";

/// A commit on the way.
struct Seen {
    links: Links,
    excluded: bool,
    queued: bool,
}

/// A commit of the range.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) id: Oid,
    pub(super) links: Links,
}

/// The commits reachable from `include` and not from `exclude`, newest first. Where history is cut inside the range
/// (a shallow boundary, a missing commit), a gap is told.
pub(super) fn range(objects: &Objects<'_>, include: &[Oid], exclude: &[Oid], shallow: &[Oid]) -> Vec<Walked> {
    range_up_to(usize::MAX, objects, (include, exclude), shallow).unwrap_or_default()
}

/// As [`range`]; `None` when more than `most` commits have to be looked at.
pub(super) fn range_up_to(
    most: usize,
    objects: &Objects<'_>,
    (include, exclude): (&[Oid], &[Oid]),
    shallow: &[Oid],
) -> Option<Vec<Walked>> {
    let mut walk = Walk {
        objects,
        shallow: shallow.iter().copied().collect(),
        seen: HashMap::new(),
        queue: BinaryHeap::new(),
        wanted: 0,
    };
    for &id in exclude {
        walk.push(id, true);
    }
    for &id in include {
        walk.push(id, false);
        if !walk.seen.contains_key(&id) && objects.read(id, "commit").is_some() {
            objects.malformed(id, MALFORMED);
        }
    }
    let mut order = Vec::new();
    let mut slack = SLACK;
    while let Some((_, id)) = walk.queue.pop() {
        let Some(seen) = walk.seen.get_mut(&id) else { continue };
        seen.queued = false;
        let (excluded, parents) = (seen.excluded, seen.links.parents.clone());
        if !excluded {
            walk.wanted -= 1;
            order.push(id);
            if order.len() > most {
                return None;
            }
        }
        for parent in parents {
            walk.push(parent, excluded);
        }
        if walk.wanted > 0 {
            slack = SLACK;
        } else if slack == 0 {
            break;
        } else {
            slack -= 1;
        }
    }
    order.retain(|id| walk.seen.get(id).is_some_and(|seen| !seen.excluded));
    for &id in &order {
        walk.tell_cut(id);
    }
    Some(order.into_iter().filter_map(|id| Some(Walked { id, links: walk.seen.remove(&id)?.links })).collect())
}

struct Walk<'w> {
    objects: &'w Objects<'w>,
    shallow: HashSet<Oid>,
    seen: HashMap<Oid, Seen>,
    /// Newest first; of the same second, the larger id.
    queue: BinaryHeap<(i64, Oid)>,
    /// Commits in the queue that are not excluded.
    wanted: usize,
}

impl Walk<'_> {
    fn push(&mut self, id: Oid, excluded: bool) {
        if let Some(seen) = self.seen.get(&id) {
            if excluded && !seen.excluded {
                self.exclude(id);
            }
            return;
        }
        // A commit that is not there is told of at the end, if the range turns out to need it.
        let Ok(object) = self.objects.odb.read(id) else { return };
        let Some(links) = links(object.data()) else { return };
        self.queue.push((links.time, id));
        self.wanted += usize::from(!excluded);
        self.seen.insert(id, Seen { links, excluded, queued: true });
    }

    /// Excludes a commit that counted as wanted, and what was reached from it.
    fn exclude(&mut self, id: Oid) {
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            let Some(seen) = self.seen.get_mut(&id).filter(|seen| !seen.excluded) else { continue };
            seen.excluded = true;
            if seen.queued {
                self.wanted -= 1;
            } else {
                stack.extend(&seen.links.parents);
            }
        }
    }

    /// Tells where history is cut at a commit of the range.
    fn tell_cut(&self, id: Oid) {
        let Some(seen) = self.seen.get(&id) else { return };
        for &parent in &seen.links.parents {
            if self.seen.contains_key(&parent) {
                continue;
            }
            if self.shallow.contains(&id) {
                self.objects.gaps.shallow(id);
            } else if let Some(object) = self.objects.read(parent, "commit") {
                drop(object);
                self.objects.malformed(parent, MALFORMED);
            }
        }
    }
}
