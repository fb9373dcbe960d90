//! The gaps of a repository from run to run: which are looked at again, which stay told without a scan, which ask for one.
//!
//! A record keeps all of them by name, accepted or not: an acceptance runs out, and what it was about is no scanned thing.

use std::collections::{BTreeSet, HashSet};

use super::scan::UNOPENED;
use crate::audit::record::{Kept, Repository};
use crate::error::{Notice, NoticeKind, Result};
use crate::filter::{Filter, accept};
use crate::source::git::gaps::{NAMED, shorten};
use crate::source::git::history::History;
use crate::source::git::{Repo, covered};
use crate::source::history::object::ObjectId;

/// So many of a kind are kept by name. With more of them everything is scanned in each run.
pub(super) const KEPT: usize = 4096;

/// What a gap means for the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// The object is as it is: it cannot be scanned then, either.
    Stays,
    /// The object may be readable then, or there again.
    Again,
    /// History was cut there.
    Cut,
    /// The repository could not be opened: nothing is known of its objects.
    Unopened,
    /// It is not known which objects it is about.
    Unclear,
}

fn class(gap: &Notice) -> Gap {
    let more_memory = gap.mend.as_ref().is_some_and(|mend| mend.contains("--memory"));
    match (gap.kind, gap.object.is_some()) {
        (NoticeKind::Budget | NoticeKind::Malformed, true) if !more_memory => Gap::Stays,
        (NoticeKind::Budget | NoticeKind::Unreadable | NoticeKind::MissingObject, true) => Gap::Again,
        (NoticeKind::ShallowBoundary, true) => Gap::Cut,
        (NoticeKind::Unreadable, false) if gap.mend.as_deref() == Some(UNOPENED) => Gap::Unopened,
        _ => Gap::Unclear,
    }
}

/// Whether the rest of the repository counts as covered.
pub(super) fn cover(gaps: &[Notice]) -> bool {
    gaps.iter().all(|gap| class(gap) != Gap::Unclear)
}

impl Kept {
    /// What the record says; `None` when that is too little to go on without a scan of everything.
    pub(super) fn of(record: &Repository) -> Option<Self> {
        let kept = &record.kept;
        let is_old = kept.gaps.is_empty() && record.gaps.iter().any(|gap| class(gap) != Gap::Unopened);
        (!is_old && cover(&kept.gaps)).then(|| kept.clone())
    }

    /// What a pass found.
    pub(super) fn found(gaps: Vec<Notice>, history: &History) -> Self {
        Self { gaps, lacks: history.lacks.clone(), tips: String::new() }
    }

    /// Objects to look at again.
    pub(super) fn again(&self) -> Vec<ObjectId> {
        let gaps = self.gaps.iter().filter(|gap| class(gap) == Gap::Again);
        gaps.filter_map(|gap| ObjectId::from_hex(gap.object.as_deref()?.as_bytes())).collect()
    }

    /// Whether they stay as they are while no file of the repository changes.
    pub(super) fn rest(&self) -> bool {
        let rests = |gap: &Notice| match class(gap) {
            Gap::Stays | Gap::Cut => true,
            Gap::Again => gap.kind == NoticeKind::MissingObject,
            Gap::Unopened | Gap::Unclear => false,
        };
        self.gaps.iter().all(rests)
    }

    /// Adds the gaps of `before` that are none of a pass over what is new: objects that stay as they are, and those that
    /// are missing still. `false` when that cannot be said without a scan of everything.
    pub(super) fn carry(&mut self, before: &Self, repo: &Repo, history: &History) -> Result<bool> {
        let is_cut = before.gaps.iter().any(|gap| class(gap) == Gap::Cut);
        let cut = if is_cut { covered::cut(repo) } else { HashSet::new() };
        let mut needing: BTreeSet<&str> = BTreeSet::new();
        for gap in &before.gaps {
            let Some(id) = gap.object.as_ref() else { continue };
            let stays = match class(gap) {
                Gap::Stays => history.contains(id),
                Gap::Cut if !cut.contains(id) => return Ok(false),
                Gap::Cut => true,
                // What is there was looked at again.
                Gap::Again if history.contains(id) => false,
                // It was there and could not be read, and now it is gone: whether refs need it is not known.
                Gap::Again if !before.lacks.contains_key(id) => return Ok(false),
                Gap::Again => true,
                Gap::Unopened | Gap::Unclear => false,
            };
            if !stays {
                continue;
            }
            if let Some(commit) = before.lacks.get(id) {
                needing.insert(commit);
                self.lacks.entry(id.clone()).or_insert_with(|| commit.clone());
            }
            if !self.gaps.contains(gap) {
                self.gaps.push(gap.clone());
            }
        }
        Ok(needing.is_empty() || covered::still_reaches(repo, history, &before.tips, &needing)?)
    }

    /// Brings it into the form that is kept.
    pub(super) fn settle(&mut self, history: &History) {
        self.gaps.sort();
        self.gaps.dedup();
        let missing: HashSet<&String> = self.gaps.iter().filter_map(|gap| gap.object.as_ref()).collect();
        self.lacks.retain(|id, _| missing.contains(id));
        if !self.lacks.is_empty() {
            self.tips = covered::tips(history);
        }
    }

    /// What is told of them today: what was accepted is no gap, and of many the first are named.
    pub(super) fn told(&self, filter: &Filter, stale: Option<&Notice>) -> Vec<Notice> {
        let mut all: Vec<Notice> = self.gaps.iter().chain(stale).cloned().collect();
        accept::apply(&filter.accepts, &mut all, &filter.today);
        let (gaps, mut told): (Vec<Notice>, Vec<Notice>) =
            all.into_iter().partition(|notice| notice.gap && notice.object.is_some());
        shorten(gaps.into_iter(), NAMED, &mut |notice| told.push(notice));
        told
    }
}
