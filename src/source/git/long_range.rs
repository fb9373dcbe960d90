//! A range of many commits: what each of them changes is known from leads (`everything.rs`), and which secrets stand in the
//! blobs from one walk over the packs. A change that brings no secret is done with: nothing is found in the blob, or what
//! is found stands in a parent's blob at that path as well. What is left is looked at commit by commit, as in a short range;
//! so the result is that of a short range, whatever the walk sees.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use git2::Oid;
use hashbrown::{HashMap, HashSet};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::commit::Links;
use super::everything::Everything;
use super::tree::{DEEPEST, MALFORMED, Objects};
use super::walk::Walked;
use super::{GitOptions, Repo, history};
use crate::source::history::dirty::{Anchor, Near};
use crate::source::history::fault::Fault;
use crate::source::history::leads::Child;
use crate::source::history::object::{Kind, ObjectId};
use crate::source::history::plan::Plan;
use crate::source::history::reader::{Place, Reader, Shown, TextReader};
use crate::source::history::store::Store;
use crate::source::history::walk;

/// A bit for every object.
struct Bits(Vec<AtomicU64>);

impl Bits {
    fn new(count: usize) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn set(&self, number: u32) {
        if let Some(word) = self.0.get(number as usize / 64) {
            word.fetch_or(1 << (number % 64), Ordering::Relaxed);
        }
    }

    fn has(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word.load(Ordering::Relaxed) >> (number % 64) & 1 == 1)
    }
}

/// What is known of the range before its commits are looked at.
pub(super) struct LongRange {
    store: Store,
    everything: Everything,
    /// Blobs that were looked at, with nothing to tell but secrets.
    known: Bits,
    /// The secrets of those that have any.
    secrets: Secrets,
}

/// Secrets (see [`TextReader::secrets`]) by the numbers of blobs, sorted.
type Secrets = HashMap<u32, Vec<u128>>;

/// Path, number of the blob, and of what the parents have there.
type Visit<'v> = dyn FnMut(&[u8], u32, &[Option<u32>]) + 'v;

impl LongRange {
    /// Reads what `commits` need at once; `None` when they are so few that each is better looked at alone.
    pub(super) fn new<T: TextReader>(
        repo: &Repo,
        commits: &[Walked],
        options: &GitOptions,
        make: &(dyn Fn() -> T + Sync),
    ) -> Option<Self> {
        if commits.len() < GitOptions::FEWEST && options.few_commits.is_none() {
            return None;
        }
        // What cannot be opened is told when it is asked for.
        let (store, _) = Store::open_all(&repo.object_folders(), history::format(repo));
        if commits.len() <= options.few_commits(&store) {
            return None;
        }
        let walk = walk::Options { threads: options.threads, ..walk::Options::default() };
        let plan = Plan::new(&store, None);
        let everything = Everything::read(&store, &plan, &walk);
        let known = Bits::new(store.most_numbers());
        let mut range = Self { store, everything, known, secrets: Secrets::default() };
        let changed = Bits::new(range.store.most_numbers());
        commits.par_iter().for_each(|commit| {
            range.changes(&commit.links, None, &mut |_, number, before| {
                before.iter().flatten().chain([&number]).for_each(|&number| changed.set(number));
            });
        });
        let numbers = (0..range.store.most_numbers() as u32).filter(|&number| changed.has(number));
        let mut ids: Vec<ObjectId> = numbers.filter_map(|number| range.store.id(number)).collect();
        ids.sort_unstable();
        let plan = plan.narrowed(&range.store, &ids);
        let gathered = Mutex::default();
        walk::walk(&range.store, &plan, &plan.all, &walk, &|| Sieve {
            store: &range.store,
            known: &range.known,
            gathered: &gathered,
            secrets: Secrets::default(),
            max_size: options.max_size,
            text: make(),
        });
        drop(plan);
        range.secrets = gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
        Some(range)
    }

    /// Whether a change from the blobs `before` to this one brings no secret, and there is nothing else to tell of it.
    pub(super) fn brings_nothing(&self, number: u32, before: &[Option<u32>]) -> bool {
        let secrets = |number| self.secrets.get(number).map_or(&[][..], Vec::as_slice);
        let was_there = |secret| before.iter().flatten().any(|before| secrets(before).binary_search(secret).is_ok());
        self.known.has(number) && secrets(&number).iter().all(was_there)
    }

    /// The id of a number.
    pub(super) fn id(&self, number: u32) -> Option<Oid> {
        self.everything.id(&self.store, number)
    }

    /// Calls `visit` with every blob of the commit that none of its parents has at the same path. What is missing or
    /// makes no sense is told by `objects`.
    pub(super) fn changes(&self, commit: &Links, objects: Option<&Objects<'_>>, visit: &mut Visit<'_>) {
        let tree_of = |id: &Oid| Some(self.everything.commits.get(id)?.tree);
        let parents: Vec<Option<Oid>> = commit.parents.iter().map(tree_of).collect();
        // What is not needed may be missing: nothing is told of it.
        if parents.contains(&Some(commit.tree)) {
            return;
        }
        let Some(tree) = self.tree(commit.tree, objects) else { return };
        let parents: Vec<Option<u32>> = parents.iter().map(|&parent| self.tree(parent?, objects)).collect();
        self.compare(tree, &parents, &mut Vec::new(), 0, objects, visit);
    }

    fn tree(&self, id: Oid, objects: Option<&Objects<'_>>) -> Option<u32> {
        let number = ObjectId::new(id.as_bytes()).and_then(|id| self.store.number(&id));
        if number.is_none()
            && let Some(objects) = objects
        {
            objects.read(id, "tree");
        }
        number
    }

    fn compare(
        &self,
        tree: u32,
        parents: &[Option<u32>],
        path: &mut Vec<u8>,
        depth: usize,
        objects: Option<&Objects<'_>>,
        visit: &mut Visit<'_>,
    ) {
        if parents.contains(&Some(tree)) {
            return;
        }
        if depth > DEEPEST {
            return objects.zip(self.id(tree)).into_iter().for_each(|(objects, id)| objects.too_deep(id));
        }
        if let Some(objects) = objects {
            if !self.check(tree, objects) {
                return;
            }
            for &parent in parents.iter().flatten() {
                self.check(parent, objects);
            }
        }
        let leads = &self.everything.leads;
        let mine: HashSet<u32> = leads.blocks(tree).collect();
        let theirs: Vec<HashSet<u32>> =
            parents.iter().map(|parent| parent.map(|tree| leads.blocks(tree).collect()).unwrap_or_default()).collect();
        let there: Vec<HashMap<u32, Child>> = theirs
            .iter()
            .map(|blocks| {
                let others = blocks.iter().filter(|block| !mine.contains(*block));
                others.flat_map(|&block| leads.block(block)).map(|lead| (lead.name, lead.child())).collect()
            })
            .collect();
        // What stands in a block that a parent has as well, that parent has at the same path.
        for block in leads.blocks(tree).filter(|block| !theirs.iter().any(|theirs| theirs.contains(block))) {
            for lead in leads.block(block) {
                let child = lead.child();
                let there = there.iter().map(|children| children.get(&lead.name).copied());
                if there.clone().any(|other| other == Some(child)) {
                    continue;
                }
                let length = path.len();
                path.extend_from_slice(leads.names().name(lead.name));
                match child {
                    Child::Wanted(blob) => {
                        let there = there.map(|other| match other {
                            Some(Child::Wanted(blob)) => Some(blob),
                            _ => None,
                        });
                        visit(path, blob, &there.collect::<Vec<_>>());
                    }
                    Child::Tree(below) => {
                        let there = there.map(|other| match other {
                            Some(Child::Tree(tree)) => Some(tree),
                            _ => None,
                        });
                        path.push(b'/');
                        self.compare(below, &there.collect::<Vec<_>>(), path, depth + 1, objects, visit);
                    }
                }
                path.truncate(length);
            }
        }
    }

    /// Whether the tree is there. Tells of one that is not, and of one from which there are not leads to all its entries.
    fn check(&self, tree: u32, objects: &Objects<'_>) -> bool {
        let is_bare = self.everything.leads.blocks(tree).len() == 0;
        if !is_bare && self.everything.malformed.is_empty() {
            return true;
        }
        let Some(id) = self.id(tree) else { return true };
        if self.store.id(tree).is_some_and(|id| self.everything.malformed.contains(&id)) {
            objects.malformed(id, MALFORMED);
            return true;
        }
        !is_bare || objects.read(id, "tree").is_some()
    }
}

/// One thread's end of the walk over blobs.
struct Sieve<'s, T: TextReader> {
    store: &'s Store,
    known: &'s Bits,
    gathered: &'s Mutex<Secrets>,
    secrets: Secrets,
    max_size: Option<u64>,
    text: T,
}

impl<T: TextReader> Sieve<'_, T> {
    fn is_too_large(&self, text: &[u8]) -> bool {
        self.max_size.is_some_and(|most| text.len() as u64 > most)
    }
}

impl<T: TextReader> Reader for Sieve<'_, T> {
    type Found = T::Found;

    fn near(&self) -> Near {
        self.text.near()
    }

    fn most_anchors(&self) -> usize {
        self.text.most_anchors()
    }

    fn carries(&self, text: &[u8], fresh: Option<&[Range<u32>]>) -> bool {
        !self.is_too_large(text) && self.text.carries(text, fresh)
    }

    fn look(&mut self, text: &[u8], ranges: &[Range<u32>], _: &[Anchor<T::Found>], out: &mut Vec<Anchor<T::Found>>) {
        self.text.look(text, ranges, out);
    }

    fn blob(&mut self, object: Shown<'_>, text: &[u8], anchors: Option<&[Anchor<T::Found>]>) {
        if !self.is_too_large(text)
            && let Some(secrets) = self.text.secrets(text, anchors)
            && let Some(number) = object.number(self.store)
        {
            self.known.set(number);
            if !secrets.is_empty() {
                self.secrets.insert(number, secrets);
            }
        }
    }

    fn other(&mut self, _: &ObjectId, _: Kind, _: &[u8], _: Option<&[Range<u32>]>) {}

    // What is not known is read again, and told of then.
    fn lost(&mut self, _: &ObjectId, _: Option<Kind>, _: Option<(&Fault, Place<'_>)>) {}

    fn damaged(&mut self, _: &ObjectId, _: &Fault, _: Place<'_>) {}
}

impl<T: TextReader> Drop for Sieve<'_, T> {
    fn drop(&mut self) {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).extend(self.secrets.drain());
    }
}
