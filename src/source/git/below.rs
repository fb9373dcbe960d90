//! Everything below many commits: when everything is read (`everything.rs`), following commits is a matter of numbers
//! and bits.

use std::collections::BTreeSet;

use git2::{ObjectType, Oid};
use hashbrown::{HashMap, HashSet};

use super::commit::Links;
use super::everything::Everything;
use super::gaps::Gaps;
use super::missing::{MANY, gone, is_empty_tree};
use super::ranges::peel;
use super::survey::oid;
use super::{Ref, Repo};
use crate::error::Result;
use crate::source::history::leads::{Child, Leads};
use crate::source::history::object::ObjectId;
use crate::source::history::plan::Plan;
use crate::source::history::store::Store;
use crate::source::history::walk;

/// All objects that `tips` reach and the commits `not` do not (but what an older version has again counts), sorted.
/// What is missing on the way is told. With the plan to look at them.
pub(super) fn objects(
    repo: &Repo,
    store: &Store,
    options: &walk::Options,
    gaps: &Gaps,
    (tips, not): (&[Ref], &[Oid]),
) -> Result<(Vec<ObjectId>, Plan)> {
    let plan = Plan::new(store, None);
    let Everything { commits, leads, missing, .. } = Everything::read(store, &plan, options);
    let mut below = Below {
        commits: &commits,
        leads: &leads,
        store,
        reached: vec![0; (store.most_numbers() + missing.len()).div_ceil(64)],
        gone: BTreeSet::new(),
    };
    let (mut asked, mut trees) = (Vec::new(), Vec::new());
    for tip in tips {
        let is_commit = below.commits.contains_key(&tip.target);
        let (kind, id, tags) =
            if is_commit { (Some(ObjectType::Commit), tip.target, Vec::new()) } else { peel(repo, tip.target)? };
        tags.into_iter().for_each(|tag| below.mark(tag));
        match kind {
            Some(ObjectType::Commit) => asked.push(id),
            Some(ObjectType::Tree) => trees.push(id),
            Some(_) => below.mark(id),
            None => {
                below.gone.insert((id, "object"));
            }
        }
    }
    let excluded = below.ancestors(not.to_vec(), &HashSet::new());
    let shallow = repo.shallow();
    // In an order that is the same each time.
    let ancestors: BTreeSet<Oid> = below.ancestors(asked, &excluded).into_iter().collect();
    for id in ancestors {
        below.mark(id);
        let Some(links) = below.commits.get(&id) else { continue };
        for parent in &links.parents {
            if below.number(*parent).is_some() {
                continue;
            }
            if shallow.contains(&id) {
                gaps.shallow(id);
            } else {
                below.gone.insert((*parent, "commit"));
            }
        }
        if not.is_empty() {
            trees.push(links.tree); // all of it, in the end
        } else {
            let before = links.parents.iter().filter_map(|parent| below.commits.get(parent));
            let before = before.filter_map(|links| below.number(links.tree)).collect();
            if let Some(tree) = below.tree(links.tree) {
                below.new_in(tree, before);
            }
        }
    }
    let trees: Vec<u32> = trees.into_iter().filter_map(|tree| below.tree(tree)).collect();
    below.all_of(trees);
    for (id, what) in below.gone {
        gone(gaps, id, what);
    }
    let most = store.most_numbers() as u32;
    let mut ids = Vec::new();
    for number in numbers(&below.reached) {
        match missing.get((number - most.min(number)) as usize).filter(|_| number >= most) {
            Some((id, what)) => gone(gaps, oid(id), what),
            None => ids.extend(store.id(number)),
        }
    }
    if missing.len() >= MANY {
        missing.iter().for_each(|(id, what)| gone(gaps, oid(id), what));
    }
    ids.sort_unstable();
    ids.dedup();
    let plan = plan.narrowed(store, &ids);
    Ok((ids, plan))
}

/// The bits that are set.
fn numbers(bits: &[u64]) -> impl Iterator<Item = u32> + '_ {
    bits.iter()
        .enumerate()
        .flat_map(|(at, &word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at as u32 * 64 + bit))
}

/// What is followed.
struct Below<'b> {
    commits: &'b HashMap<Oid, Links>,
    leads: &'b Leads,
    store: &'b Store,
    /// A bit for every object of the store, then for what is missing.
    reached: Vec<u64>,
    /// What is named outside of trees and not there.
    gone: BTreeSet<(Oid, &'static str)>,
}

impl Below<'_> {
    fn number(&self, id: Oid) -> Option<u32> {
        self.store.number(&ObjectId::new(id.as_bytes())?)
    }

    /// Marks an object, if it is there.
    fn mark(&mut self, id: Oid) {
        if let Some(number) = self.number(id) {
            self.mark_number(number);
        }
    }

    /// Whether the mark is new.
    fn mark_number(&mut self, number: u32) -> bool {
        let word = &mut self.reached[number as usize / 64];
        let before = *word;
        *word |= 1 << (number % 64);
        *word != before
    }

    /// The number of a commit's tree, which should be there.
    fn tree(&mut self, id: Oid) -> Option<u32> {
        let number = self.number(id);
        if number.is_none() && !ObjectId::new(id.as_bytes()).is_some_and(|id| is_empty_tree(&id)) {
            self.gone.insert((id, "tree"));
        }
        number
    }

    /// `tips` and all that they reach, without `except`.
    fn ancestors(&self, mut tips: Vec<Oid>, except: &HashSet<Oid>) -> HashSet<Oid> {
        let mut seen = HashSet::new();
        while let Some(id) = tips.pop() {
            if let Some(links) = self.commits.get(&id)
                && !except.contains(&id)
                && seen.insert(id)
            {
                tips.extend(&links.parents);
            }
        }
        seen
    }

    /// Marks `trees` and everything below.
    fn all_of(&mut self, mut trees: Vec<u32>) {
        let mut blocks = vec![false; self.leads.most_blocks()];
        trees.retain(|&tree| self.mark_number(tree));
        while let Some(tree) = trees.pop() {
            for block in self.leads.blocks(tree) {
                if std::mem::replace(&mut blocks[block as usize], true) {
                    continue;
                }
                for lead in self.leads.block(block) {
                    match lead.child() {
                        Child::Tree(number) => trees.extend(self.mark_number(number).then_some(number)),
                        Child::Wanted(number) => {
                            self.mark_number(number);
                        }
                    }
                }
            }
        }
    }

    /// Marks `tree` and everything below it that none of `before` has at the same path.
    fn new_in(&mut self, tree: u32, before: Vec<u32>) {
        let leads = self.leads;
        let mut pairs = vec![(tree, before)];
        while let Some((tree, before)) = pairs.pop() {
            if before.contains(&tree) {
                continue;
            }
            self.mark_number(tree);
            let mine: HashSet<u32> = leads.blocks(tree).collect();
            let known: HashSet<u32> = before.iter().flat_map(|&tree| leads.blocks(tree)).collect();
            let mut there: HashMap<u32, Vec<Child>> = HashMap::new();
            let others = known.iter().filter(|block| !mine.contains(*block));
            for lead in others.flat_map(|&block| leads.block(block)) {
                there.entry(lead.name).or_default().push(lead.child());
            }
            for block in leads.blocks(tree).filter(|block| !known.contains(block)) {
                for lead in leads.block(block) {
                    let before = there.get(&lead.name).map_or(&[][..], Vec::as_slice);
                    match lead.child() {
                        child if before.contains(&child) => {}
                        Child::Wanted(number) => {
                            self.mark_number(number);
                        }
                        Child::Tree(number) => {
                            let trees = before.iter().filter_map(|child| match child {
                                Child::Tree(tree) => Some(*tree),
                                Child::Wanted(_) => None,
                            });
                            pairs.push((number, trees.collect()));
                        }
                    }
                }
            }
        }
    }
}
