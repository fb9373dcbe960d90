//! All commits as a graph: in topological order, how each can be reached, from which refs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use git2::{ObjectType, Oid};
use rayon::iter::ParallelIterator as _;
use rayon::slice::ParallelSlice as _;

use super::commit::Links;
use super::ranges::peel;
use super::survey::oid;
use super::{Ref, Repo};
use crate::error::Result;
use crate::finding::Finding;
use crate::source::history::object::{Kind, ObjectId};
use crate::source::history::store::Store;

/// Index of a commit, in topological order: parents first, of those the oldest first.
pub(super) type Place = usize;

/// How a commit can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Ref,
    Reflog,
    Nothing,
}

/// So many refs are named; a busy repository has tens of thousands.
const NAMED: usize = 20;

/// So many questions are followed through the graph at once: one number per commit.
const BATCH: usize = 64;

/// The refs that hold something.
#[derive(Debug, Clone, Default)]
pub(super) struct Reaching {
    /// The first of them, by [`rank`] and name.
    pub(super) names: Vec<String>,
    pub(super) count: u64,
}

impl Reaching {
    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.names.len() < NAMED {
            self.names.push(name.to_owned());
        }
    }
}

/// Branches first, then what people look at next; notes, which are no code, last.
fn rank(name: &str) -> usize {
    const FIRST: [&str; 3] = ["refs/heads/", "refs/remotes/", "refs/tags/"];
    let known = FIRST.iter().position(|folder| name.starts_with(folder));
    known.unwrap_or(FIRST.len() + usize::from(name.starts_with("refs/notes/")))
}

/// The parents of all commits: two allocations, not one for each commit.
#[derive(Debug, Default)]
struct Parents {
    /// Where those of each commit end in `list`.
    ends: Vec<u32>,
    list: Vec<Place>,
}

impl Parents {
    fn push(&mut self, parents: impl Iterator<Item = Place>) {
        self.list.extend(parents);
        self.ends.push(self.list.len() as u32);
    }

    /// The children of each of `count` commits, sorted.
    fn turned(parents: &Self, count: usize) -> Self {
        let mut ends = vec![0_u32; count];
        parents.list.iter().for_each(|&parent| ends[parent] += 1);
        let mut total = 0;
        for end in &mut ends {
            (*end, total) = (total, total + *end); // where they begin, for now
        }
        let mut list = vec![0; parents.list.len()];
        for place in 0..count {
            for &parent in parents.of(place) {
                list[ends[parent] as usize] = place;
                ends[parent] += 1;
            }
        }
        Self { ends, list }
    }

    fn of(&self, place: Place) -> &[Place] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.list[start as usize..self.ends[place] as usize]
    }
}

/// All commits in topological order, and how they are reached.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Of their parents, those are named that are no commits here.
    pub(super) commits: Vec<(Oid, Links)>,
    parents: Parents,
    pub(super) reach: Vec<Reach>,
    /// Names and places of refs that lead to a commit, sorted by rank and name; HEAD not among them.
    pub(super) refs: Vec<(String, Place)>,
    pub(super) head: Option<Place>,
    /// Commits that HEAD reaches.
    pub(super) of_head: Vec<bool>,
    /// What refs name that is no commit; the kind is not known of what is missing.
    pub(super) odd_tips: Vec<(Option<ObjectType>, Oid)>,
    /// Refs by what they name directly (tag objects, trees, blobs).
    pub(super) direct: HashMap<String, Vec<String>>,
}

impl Graph {
    /// The graph of `commits`; `refs` are named, `reflog` is another way to reach.
    pub(super) fn new(
        repo: &Repo,
        store: &Store,
        mut commits: Vec<(Oid, Links)>,
        (refs, reflog): (&[Ref], &[Oid]),
    ) -> Result<Self> {
        commits.sort_unstable_by_key(|commit| commit.0); // the same in every run
        let ids = Ids::new(&commits);
        let mut graph = Self::default();
        let mut head = None;
        for Ref { name, target } in refs {
            let is_commit = ids.find(&commits, *target).is_some()
                || ObjectId::new(target.as_bytes()).and_then(|id| store.kind(&id)) == Some(Kind::Commit);
            let (kind, id, tags) = match is_commit {
                true => (Some(ObjectType::Commit), *target, Vec::new()),
                false => peel(repo, *target)?,
            };
            if kind != Some(ObjectType::Commit) {
                graph.odd_tips.push((kind, id));
            }
            for id in tags.iter().chain((kind != Some(ObjectType::Commit)).then_some(&id)) {
                graph.direct.entry(id.to_string()).or_default().push(name.clone());
            }
            let Some(place) = ids.find(&commits, id) else { continue };
            if name == "HEAD" {
                head = Some(place);
            } else {
                graph.refs.push((name.clone(), place));
            }
        }
        let reflog: Vec<Place> = reflog.iter().filter_map(|&id| ids.find(&commits, id)).collect();
        let Sorted { commits, parents, becomes } = topological(commits, &ids);
        // One of a cycle, which only a broken hash can make, is nowhere.
        let place_of = |place: Place| becomes.get(place).copied().filter(|&place| place < commits.len());
        graph.refs.retain_mut(|(_, place)| place_of(*place).map(|now| *place = now).is_some());
        graph.refs.sort_by(|a, b| (rank(&a.0), &a.0).cmp(&(rank(&b.0), &b.0)));
        graph.head = head.and_then(place_of);
        let reflog: Vec<Place> = reflog.into_iter().filter_map(place_of).collect();
        (graph.reach, graph.of_head) = (vec![Reach::Nothing; commits.len()], vec![false; commits.len()]);
        (graph.commits, graph.parents) = (commits, parents);
        let from_refs = graph.refs.iter().map(|reference| reference.1).chain(graph.head).collect();
        for (tips, reach) in [(reflog, Reach::Reflog), (from_refs, Reach::Ref)] {
            for place in graph.below(tips) {
                graph.reach[place] = reach;
            }
        }
        for place in graph.below(graph.head.into_iter().collect()) {
            graph.of_head[place] = true;
        }
        Ok(graph)
    }

    /// The parents of a commit that are there.
    pub(super) fn parents(&self, place: Place) -> &[Place] {
        self.parents.of(place)
    }

    /// `tips` and all their ancestors.
    fn below(&self, mut tips: Vec<Place>) -> Vec<Place> {
        let mut seen = vec![false; self.commits.len()];
        let mut list = Vec::new();
        while let Some(place) = tips.pop() {
            if !std::mem::replace(&mut seen[place], true) {
                list.push(place);
                tips.extend(self.parents(place));
            }
        }
        list
    }

    /// The refs that reach one of the commits in each of `starts`.
    pub(super) fn refs_reaching(&self, starts: &[Vec<Place>]) -> Vec<Reaching> {
        // Secrets that came together have the same starts.
        let mut different: Vec<&[Place]> = starts.iter().map(Vec::as_slice).collect();
        different.sort_unstable();
        different.dedup();
        let found: Vec<Reaching> = match different.len() {
            ..=BATCH => self.reaching(&different),
            _ => different.par_chunks(BATCH).flat_map_iter(|batch| self.reaching(batch)).collect(),
        };
        let found_of = |starts: &Vec<Place>| different.binary_search(&starts.as_slice()).map(|at| found[at].clone());
        starts.iter().map(|starts| found_of(starts).unwrap_or_default()).collect()
    }

    /// The refs that reach one of the commits in each of at most [`BATCH`] `starts`.
    fn reaching(&self, starts: &[&[Place]]) -> Vec<Reaching> {
        let mut found = vec![Reaching::default(); starts.len()];
        let mut holds = vec![0_u64; self.commits.len()];
        for (bit, places) in starts.iter().enumerate() {
            for &place in *places {
                holds[place] |= 1 << bit;
            }
        }
        let first = starts.iter().filter_map(|places| places.iter().min()).min();
        for place in first.copied().unwrap_or(holds.len())..holds.len() {
            let above = self.parents(place).iter().fold(0, |bits, &parent| bits | holds[parent]);
            holds[place] |= above;
        }
        for (name, place) in &self.refs {
            let mut bits = holds[*place];
            while bits != 0 {
                found[bits.trailing_zeros() as usize].add(name);
                bits &= bits - 1;
            }
        }
        found
    }

    pub(super) fn reach_in_words(&self, place: Place) -> Option<String> {
        match self.reach[place] {
            Reach::Ref => None,
            Reach::Reflog => Some("reflog".to_owned()),
            Reach::Nothing => Some("unreachable".to_owned()),
        }
    }

    /// Findings in commits, tags and names: which refs reach them. They have their commit already.
    pub(super) fn messages(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        let id_of = |finding: &Finding| {
            let hex = finding.origin.object.as_deref()?;
            ObjectId::from_hex(hex.as_bytes()).map(|id| oid(&id))
        };
        let asked: HashSet<Oid> = findings.iter().filter_map(id_of).collect();
        let commits = self.commits.iter().enumerate().filter(|(_, commit)| asked.contains(&commit.0));
        let places: HashMap<Oid, Place> = commits.map(|(place, commit)| (commit.0, place)).collect();
        let place_of = |finding: &Finding| id_of(finding).and_then(|id| places.get(&id)).copied();
        let starts: Vec<Vec<Place>> = findings.iter().map(|finding| place_of(finding).into_iter().collect()).collect();
        for (finding, mut refs) in findings.iter_mut().zip(self.refs_reaching(&starts)) {
            let place = place_of(finding);
            let direct = finding.origin.object.as_ref().and_then(|id| self.direct.get(id));
            let Some(commit) = &mut finding.commit else { continue };
            direct.into_iter().flatten().for_each(|name| refs.add(name));
            refs.names.sort();
            commit.reach = match place {
                Some(place) => self.reach_in_words(place),
                None => (refs.count == 0).then(|| "unreachable".to_owned()),
            };
            (commit.refs, commit.refs_count) = (refs.names, refs.count);
        }
        findings
    }
}

/// Where ids stand among sorted commits: by their first two bytes, which takes no room worth naming.
struct Ids(Vec<u32>);

impl Ids {
    fn new(commits: &[(Oid, Links)]) -> Self {
        let mut ends = vec![0; 1 << 16];
        commits.iter().for_each(|(id, _)| ends[Self::bucket(*id)] += 1);
        let mut total = 0;
        for end in &mut ends {
            total += *end;
            *end = total;
        }
        Self(ends)
    }

    fn bucket(id: Oid) -> usize {
        id.as_bytes().first_chunk().map_or(0, |bytes| usize::from(u16::from_be_bytes(*bytes)))
    }

    fn find(&self, commits: &[(Oid, Links)], id: Oid) -> Option<Place> {
        let bucket = Self::bucket(id);
        let start = if bucket == 0 { 0 } else { self.0[bucket - 1] as usize };
        let found = commits[start..self.0[bucket] as usize].binary_search_by_key(&id, |commit| commit.0).ok()?;
        Some(start + found)
    }
}

/// Commits in topological order, the places of their parents, and where each went.
struct Sorted {
    commits: Vec<(Oid, Links)>,
    parents: Parents,
    /// By the old place; beyond all commits where one is gone.
    becomes: Vec<Place>,
}

/// Parents before children; of those that are ready, the oldest first. Those of a cycle, which only a broken hash can
/// make, fall away.
fn topological(mut commits: Vec<(Oid, Links)>, ids: &Ids) -> Sorted {
    let mut parents = Parents::default();
    let mut is_here: Vec<bool> = Vec::new();
    for (_, links) in &commits {
        let places = links.parents.iter().map(|&parent| ids.find(&commits, parent));
        let places = places.inspect(|place| is_here.push(place.is_some()));
        parents.push(places.flatten());
    }
    let mut is_here = is_here.into_iter();
    for (_, links) in &mut commits {
        links.parents.retain(|_| is_here.next() == Some(false));
        links.parents.shrink_to_fit();
    }
    let mut order = Vec::with_capacity(commits.len());
    {
        let children = Parents::turned(&parents, commits.len());
        let mut waiting: Vec<u32> = (0..commits.len()).map(|place| parents.of(place).len() as u32).collect();
        let mut ready: BinaryHeap<_> = (0..commits.len())
            .filter(|&place| waiting[place] == 0)
            .map(|place| Reverse((commits[place].1.time, place)))
            .collect();
        while let Some(Reverse((_, place))) = ready.pop() {
            order.push(place);
            for &child in children.of(place) {
                waiting[child] -= 1;
                if waiting[child] == 0 {
                    ready.push(Reverse((commits[child].1.time, child)));
                }
            }
        }
    }
    let count = order.len();
    let mut becomes = vec![usize::MAX; commits.len()];
    order.iter().enumerate().for_each(|(new, &old)| becomes[old] = new);
    let mut moved = Parents::default();
    order.iter().for_each(|&place| moved.push(parents.of(place).iter().map(|&parent| becomes[parent])));
    drop((order, parents));
    let gone = becomes.iter_mut().filter(|place| **place == usize::MAX);
    gone.enumerate().for_each(|(more, place)| *place = count + more);
    // Where they stand, since a second list of all commits would be the most that is held.
    let mut left = becomes.clone();
    for place in 0..left.len() {
        while left[place] != place {
            let to = left[place];
            commits.swap(place, to);
            left.swap(place, to);
        }
    }
    commits.truncate(count);
    Sorted { commits, parents: moved, becomes }
}
