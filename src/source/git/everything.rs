//! All commits and trees of a repository, from one walk: what every commit names, and leads to everything that trees
//! name. So what many commits reach or change is a matter of numbers.
//!
//! Reading the trees of ten thousand commits one by one costs a chain of deltas each. The walk over packs unpacks every
//! tree once, and of each only the entries with new bytes, each with its neighbours up to the next end of a block; the
//! entries become leads, as those of attribution do, to everything that is there.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use git2::Oid;
use hashbrown::{HashMap, HashSet};

use super::commit::{Links, links};
use super::lately::Lately;
use super::missing::is_empty_tree;
use super::survey::oid;
use crate::source::history::dirty::{Anchor, Near};
use crate::source::history::fault::Fault;
use crate::source::history::gathered::{Gathered, Gatherer, Names};
use crate::source::history::leads::{Child, Lead, Leads};
use crate::source::history::object::{Kind, ObjectId, Tree, TreeEntry};
use crate::source::history::plan::Plan;
use crate::source::history::reader::{Place, Reader, Shown};
use crate::source::history::store::Store;
use crate::source::history::walk;

/// One name in two to the power of this ends a block of leads. What a tree costs is in proportion to its blocks, what a
/// change in it costs to their length.
const RARITY: u32 = 3;

/// What the walk found.
#[derive(Debug)]
pub(super) struct Everything {
    /// What each commit names.
    pub(super) commits: HashMap<Oid, Links>,
    /// To everything that trees name, by its number in the store; what is missing is numbered behind it.
    pub(super) leads: Leads,
    /// What trees name that is not there: its id, and what it should be. The first has the number that is the store's
    /// [`Store::most_numbers`].
    pub(super) missing: Vec<(ObjectId, &'static str)>,
    /// Trees that make no sense from some entry on.
    pub(super) malformed: HashSet<ObjectId>,
}

impl Everything {
    /// Reads all commits and trees of `store`, of which `plan` is the whole.
    pub(super) fn read(store: &Store, plan: &Plan, options: &walk::Options) -> Self {
        let gathering =
            Gathering { store, names: Names::default(), missing: Mutex::default(), found: Mutex::default() };
        let part = plan.without_blobs(store);
        walk::walk(store, plan, &part, options, &|| EntrySurvey {
            gathering: &gathering,
            is_malformed: false,
            found: Found::default(),
            lately: Lately::new(),
            leads: Gatherer::new(&gathering.names, RARITY),
        });
        drop(part);
        let found = gathering.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        let known = gathering.missing.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<_> = known.into_iter().map(|(id, (number, what))| (number, id, what)).collect();
        missing.sort_unstable();
        Self {
            commits: found.commits.into_iter().collect(),
            leads: Leads::new(store, gathering.names, found.leads),
            missing: missing.into_iter().map(|(_, id, what)| (id, what)).collect(),
            malformed: found.malformed.into_iter().collect(),
        }
    }

    /// The id of a number, of what is there or is missing.
    pub(super) fn id(&self, store: &Store, number: u32) -> Option<Oid> {
        let missing = (number as usize).checked_sub(store.most_numbers());
        match missing {
            Some(place) => self.missing.get(place).map(|(id, _)| oid(id)),
            None => store.id(number).map(|id| oid(&id)),
        }
    }
}

/// What the threads gather.
struct Gathering<'s> {
    store: &'s Store,
    names: Names,
    missing: Mutex<HashMap<ObjectId, (u32, &'static str)>>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    commits: Vec<(Oid, Links)>,
    malformed: Vec<ObjectId>,
    leads: Vec<Gathered>,
}

/// One thread's end of the walk.
struct EntrySurvey<'g> {
    gathering: &'g Gathering<'g>,
    /// Of the tree that is being read.
    is_malformed: bool,
    found: Found,
    lately: Lately,
    leads: Gatherer<'g>,
}

impl EntrySurvey<'_> {
    /// Where an entry leads, if anywhere: links lead to other repositories.
    fn lead(&mut self, entry: &TreeEntry<'_>) -> Option<Lead> {
        let Gathering { store, missing, .. } = self.gathering;
        let id = ObjectId::new(entry.id).filter(|_| !entry.is_link())?;
        let number = match self.lately.number(store, entry.id) {
            Some(number) => number,
            None if is_empty_tree(&id) => return None,
            None => {
                let mut missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
                let next = (store.most_numbers() + missing.len()) as u32;
                missing.entry(id).or_insert((next, if entry.is_tree() { "tree" } else { "blob" })).0
            }
        };
        let child = if entry.is_tree() { Child::Tree(number) } else { Child::Wanted(number) };
        Lead::new(self.leads.name(entry.name), child)
    }

    /// The anchor of the block that these bytes hold.
    fn block(&mut self, bytes: Range<usize>) -> Anchor<u32> {
        Anchor { at: bytes.start as u32, before: 0, after: bytes.len() as u32, found: self.leads.end_block() }
    }

    /// Reads on from the end of the last block that is known, until `range` is behind and a block ends.
    fn look_at(&mut self, text: &[u8], range: Range<usize>, carried: &[Anchor<u32>], out: &mut Vec<Anchor<u32>>) {
        let (before, behind) = carried.split_at(carried.partition_point(|anchor| anchor.at as usize <= range.start));
        let known =
            [before.last(), out.last()].into_iter().flatten().filter(|anchor| anchor.at as usize <= range.start);
        let mut start = known.map(end).max().unwrap_or(0);
        let mut behind = behind.iter().map(|anchor| anchor.at as usize).peekable();
        // Whether nothing more is asked for: a block is known from here on. Behind a name that ends blocks one always is,
        // or another range asks for it; unless the range itself cut it.
        let mut is_end = |at: usize, is_name: bool| {
            while behind.next_if(|&block| block < at).is_some() {}
            let is_known = at == text.len() || behind.peek() == Some(&at);
            at >= range.end && (is_known || is_name && at > range.end)
        };
        if start > range.end || is_end(start, false) {
            return;
        }
        let (from, mut last) = (start, start);
        let mut tree = Tree::new(text.get(from..).unwrap_or_default(), self.gathering.store.format);
        for entry in tree.by_ref() {
            if is_end(from + entry.start, false) {
                break;
            }
            last = from + entry.end;
            let is_name = self.lead(&entry).is_some_and(|lead| self.leads.push(lead));
            if is_name || self.leads.is_full() {
                out.push(self.block(start..last));
                start = last;
                if is_end(start, is_name) {
                    break;
                }
            }
        }
        self.is_malformed |= tree.is_malformed();
        if start < last {
            out.push(self.block(start..last));
        }
    }
}

/// Where the bytes of an anchor end.
fn end(anchor: &Anchor<u32>) -> usize {
    anchor.at as usize + anchor.after as usize
}

/// Each anchor is a block of neighbouring entries, by its number.
impl Reader for EntrySurvey<'_> {
    type Found = u32;

    fn carried(&self) -> Kind {
        Kind::Tree
    }

    fn near(&self) -> Near {
        Near { left: 0, right: 0 }
    }

    fn carries(&self, _: &[u8], _: Option<&[Range<u32>]>) -> bool {
        true
    }

    fn look(&mut self, text: &[u8], ranges: &[Range<u32>], carried: &[Anchor<u32>], out: &mut Vec<Anchor<u32>>) {
        for range in ranges {
            self.look_at(text, range.start as usize..range.end as usize, carried, out);
        }
    }

    fn blob(&mut self, object: Shown<'_>, _: &[u8], anchors: Option<&[Anchor<u32>]>) {
        if std::mem::take(&mut self.is_malformed) {
            self.found.malformed.push(object.id());
        }
        if let Some(number) = object.number(self.gathering.store) {
            // What was read may have been carried as well.
            let mut known = 0;
            let blocks = anchors.unwrap_or_default().iter().filter_map(|anchor| {
                let is_new = anchor.at as usize >= known;
                known = known.max(end(anchor));
                anchor.found.filter(|_| is_new)
            });
            self.leads.tree_of(number, blocks);
        }
    }

    fn other(&mut self, id: &ObjectId, kind: Kind, text: &[u8], _: Option<&[Range<u32>]>) {
        if kind == Kind::Commit {
            self.found.commits.extend(links(text).map(|links| (oid(id), links)));
        }
    }

    // What is lost is told when it is scanned, or asked for and not found.
    fn lost(&mut self, _: &ObjectId, _: Option<Kind>, _: Option<(&Fault, Place<'_>)>) {}

    fn damaged(&mut self, _: &ObjectId, _: &Fault, _: Place<'_>) {}
}

impl Drop for EntrySurvey<'_> {
    fn drop(&mut self) {
        let mut found = self.gathering.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.commits.append(&mut self.found.commits);
        found.malformed.append(&mut self.found.malformed);
        let leads = std::mem::replace(&mut self.leads, Gatherer::new(&self.gathering.names, RARITY));
        found.leads.push(leads.finished());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Everything, Kind, ObjectId, Plan, Store, Tree, oid, walk};
    use crate::source::history::delta::tests::Step;
    use crate::source::history::leads::Child;
    use crate::source::history::object::Format;
    use crate::source::history::tests::packs::{Packed, Write};

    /// One name in eight ends a block, the first that is seen among them; most have another, so that some blocks are full.
    fn name() -> impl Strategy<Value = u8> {
        prop_oneof![12 => Just(1u8), 1 => any::<u8>()]
    }

    fn entry((name, id, is_tree): (u8, u8, bool)) -> Vec<u8> {
        let mode = if is_tree { "40000" } else { "100644" };
        [format!("{mode} {name}\0").as_bytes(), &[id; 20]].concat()
    }

    /// A tree: a run of entries of its base (in thousandths), or new ones, or an entry of the base with another id.
    #[derive(Debug, Clone)]
    enum Edit {
        Run(usize, usize),
        New(Vec<(u8, u8, bool)>),
        Changed(usize, u8),
    }

    fn edits() -> impl Strategy<Value = Vec<Edit>> {
        let run = (0..=1000usize, 0..=1000usize).prop_map(|(from, to)| Edit::Run(from.min(to), from.max(to)));
        let new = prop::collection::vec((name(), 0u8..9, any::<bool>()), 1..4).prop_map(Edit::New);
        let changed = (0..1000usize, 0u8..9).prop_map(|(at, id)| Edit::Changed(at, id));
        prop::collection::vec(prop_oneof![2 => run, 1 => new, 1 => changed], 1..8)
    }

    /// What a tree leads to, by name.
    type Leads = Vec<(Vec<u8>, ObjectId, bool)>;

    fn plain(text: &[u8]) -> Leads {
        let each =
            Tree::new(text, Format::Sha1).map(|entry| (entry.name.to_vec(), ObjectId::new(entry.id), entry.is_tree()));
        each.filter_map(|(name, id, is_tree)| Some((name, id?, is_tree))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        /// The law: whatever the deltas, each tree leads where its entries say.
        #[test]
        fn leads_are_those_of_every_tree_read_alone(
            first in prop::collection::vec((name(), 0u8..9, any::<bool>()), 0..200),
            versions in prop::collection::vec((any::<prop::sample::Index>(), edits()), 1..30),
            threads in 1usize..4, memory in prop_oneof![Just(256u64 << 20), Just(0)],
        ) {
            let mut trees: Vec<Vec<Vec<u8>>> = vec![first.into_iter().map(entry).collect()];
            trees[0].insert(0, entry((0, 0, false)));
            let mut writes = vec![Write::Whole(Kind::Tree, trees[0].concat())];
            for (base, edits) in versions {
                let base = base.index(trees.len());
                let place = |at: usize| trees[base].len() * at / 1000;
                let offset = |at: usize| trees[base][..at].iter().map(Vec::len).sum::<usize>();
                let (mut tree, mut steps) = (Vec::new(), Vec::new());
                for edit in edits {
                    match edit {
                        Edit::Run(from, to) if place(from) < place(to) => {
                            let (from, to) = (place(from), place(to));
                            tree.extend_from_slice(&trees[base][from..to]);
                            steps.push(Step::Copy(offset(from), offset(to) - offset(from)));
                        }
                        Edit::New(entries) => {
                            let entries: Vec<Vec<u8>> = entries.into_iter().map(entry).collect();
                            steps.push(Step::Insert(entries.concat()));
                            tree.extend(entries);
                        }
                        Edit::Changed(at, id) if !trees[base].is_empty() => {
                            let at = place(at);
                            let mut changed = trees[base][at].clone();
                            let named = changed.len() - 20;
                            changed[named..].fill(id);
                            steps.extend([Step::Copy(offset(at), named), Step::Insert(vec![id; 20])]);
                            tree.push(changed);
                        }
                        _ => {}
                    }
                }
                if !trees.iter().any(|known| known.concat() == tree.concat()) {
                    trees.push(tree);
                    writes.push(Write::Offset(base, steps));
                }
            }
            let folder = tempfile::tempdir().expect("folder");
            let packed = Packed::new(Format::Sha1, &writes);
            packed.save(folder.path(), "a", 2, false);
            let (store, notices) = Store::open_all(&[folder.path().to_owned()], Format::Sha1);
            prop_assert_eq!(notices, []);
            let options = walk::Options { threads, memory, ..walk::Options::default() };
            let everything = Everything::read(&store, &Plan::new(&store, None), &options);
            prop_assert!(everything.malformed.is_empty());
            for (id, _, text, ..) in &packed.objects {
                let (leads, tree) = (&everything.leads, store.number(id).expect("it is there"));
                let found: Vec<_> = leads.blocks(tree).flat_map(|block| leads.block(block)).map(|lead| {
                    let (number, is_tree) = match lead.child() {
                        Child::Tree(number) => (number, true),
                        Child::Wanted(number) => (number, false),
                    };
                    (leads.names().name(lead.name).to_vec(), everything.id(&store, number), is_tree)
                }).collect();
                let wanted: Vec<_> = plain(text).into_iter().map(|(name, id, is_tree)| (name, Some(oid(&id)), is_tree)).collect();
                prop_assert_eq!(found, wanted);
            }
        }
    }
}
