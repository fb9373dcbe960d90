//! All commits and trees of a repository, from one walk: what every commit names, and leads to everything that trees
//! name. So what many commits reach or change is a matter of numbers.
//!
//! Reading the trees of ten thousand commits one by one costs a chain of deltas each. The walk over packs unpacks every
//! tree once, and of each only the entries with new bytes; the entries become leads, as those of attribution do, to
//! everything that is there.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use git2::Oid;

use super::commit::{Links, links};
use super::missing::is_empty_tree;
use super::survey::oid;
use super::trees::fresh_entries;
use crate::source::history::dirty::{Anchor, Near};
use crate::source::history::fault::Fault;
use crate::source::history::leads::{Child, Gathered, KnownNames, Lead, Leads, Names};
use crate::source::history::object::{Kind, ObjectId};
use crate::source::history::plan::Plan;
use crate::source::history::reader::{Place, Reader, Shown};
use crate::source::history::store::Store;
use crate::source::history::walk;

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
            numbers: KnownNames::new(&gathering.names),
            is_malformed: false,
            found: Found::default(),
            leads: Gathered::default(),
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
    /// Numbers of names.
    numbers: KnownNames<'g>,
    /// Of the tree that is being read.
    is_malformed: bool,
    found: Found,
    leads: Gathered,
}

impl EntrySurvey<'_> {
    /// Where an entry leads: links lead to other repositories.
    fn child(&self, id: ObjectId, is_tree: bool) -> Option<Child> {
        let Gathering { store, missing, .. } = self.gathering;
        let number = match store.number(&id) {
            Some(number) => number,
            None if is_empty_tree(&id) => return None,
            None => {
                let mut missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
                let next = (store.most_numbers() + missing.len()) as u32;
                missing.entry(id).or_insert((next, if is_tree { "tree" } else { "blob" })).0
            }
        };
        Some(if is_tree { Child::Tree(number) } else { Child::Wanted(number) })
    }
}

impl Reader for EntrySurvey<'_> {
    type Found = Lead;

    fn carried(&self) -> Kind {
        Kind::Tree
    }

    fn near(&self) -> Near {
        Near { left: 0, right: 0 }
    }

    fn carries(&self, _: &[u8], _: Option<&[Range<u32>]>) -> bool {
        true
    }

    fn look(&mut self, text: &[u8], range: Range<usize>, carried: &[Anchor<Lead>], out: &mut Vec<Anchor<Lead>>) {
        let format = self.gathering.store.format;
        let malformed = fresh_entries(format, text, range, carried, out, &mut |entry| {
            let id = ObjectId::new(entry.id).filter(|_| !entry.is_link())?;
            let child = self.child(id, entry.is_tree())?;
            Lead::new(self.numbers.number(entry.name), child)
        });
        self.is_malformed |= malformed;
    }

    fn blob(&mut self, object: Shown<'_>, _: &[u8], anchors: Option<&[Anchor<Lead>]>) {
        if std::mem::take(&mut self.is_malformed) {
            self.found.malformed.push(object.id());
        }
        if let Some(number) = object.number(self.gathering.store) {
            self.leads.anchored(number, anchors.unwrap_or_default());
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
        found.leads.push(std::mem::take(&mut self.leads).finished());
    }
}
