//! A repository under another name: one that is new among the targets and has the history of one that is gone from them is
//! that one, and its record goes on. Where both are among the targets (a fork, a copy) they stay two.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::mirror;
use super::scan::open;
use super::targets::Target;
use crate::audit::record::Repository;
use crate::audit::state::State;
use crate::audit::{coverage, repositories};
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::source::git::covered;

/// So many objects are asked about first: of another history none is known.
const SAMPLE: usize = 16;

/// Names that records go by, and repositories that are gone from theirs.
pub(super) struct Names<'n> {
    state: &'n State,
    now: &'n str,
    mirrors: &'n Path,
    inner: Mutex<Inner>,
}

struct Inner {
    gone: BTreeMap<u32, Repository>,
    notices: Vec<Notice>,
}

impl<'n> Names<'n> {
    /// Of the `known` repositories those are gone whose path is not there any more, or whose address is none of `named`;
    /// without these no address is.
    pub(super) fn new(
        (state, now, mirrors): (&'n State, &'n str, &'n Path),
        known: &BTreeMap<u32, Repository>,
        named: Option<&HashSet<String>>,
    ) -> Self {
        let is_gone = |record: &Repository| match mirror::is_address(&record.name) {
            true => named.is_some_and(|named| !named.contains(&record.name)),
            false => !Path::new(&record.name).exists(),
        };
        let gone = known.iter().filter(|(_, record)| is_gone(record));
        let gone = gone.map(|(number, record)| (*number, record.clone())).collect();
        Self { state, now, mirrors, inner: Mutex::new(Inner { gone, notices: Vec::new() }) }
    }

    /// Enters all of these that are `known` by no name, unless they may be ones that are gone: those are looked at first.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub(super) fn enter_all(&self, known: &mut BTreeMap<u32, Repository>, targets: &[Target]) -> Result<()> {
        if !self.inner.lock().unwrap_or_else(PoisonError::into_inner).gone.is_empty() {
            return Ok(());
        }
        let names: HashSet<&str> = known.values().map(|record| record.name.as_str()).collect();
        let new = targets.iter().map(|target| target.name.as_str()).filter(|name| !names.contains(name));
        let new: Vec<&str> = new.collect();
        if !new.is_empty() {
            known.extend(repositories::add(self.state, &new, self.now)?);
        }
        Ok(())
    }

    /// The record of a repository that no record has the name of: of one that is gone and has its history, or a new one.
    ///
    /// # Errors
    /// When the state cannot be used.
    pub(super) fn enter(&self, target: &Target) -> Result<(u32, Repository)> {
        let lost = || Error::Usage(format!("the state lost the record of {}: run again", target.name));
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(number) = self.same(&inner.gone, target)? else {
            return repositories::add(self.state, &[&target.name], self.now)?.pop().ok_or_else(lost);
        };
        let before = inner.gone.remove(&number).ok_or_else(lost)?;
        let place = |name: &str| match mirror::is_address(name) {
            true => mirror::place(self.mirrors, name),
            false => name.into(),
        };
        let old = place(&before.name);
        let shown = (old.to_string_lossy(), target.path.to_string_lossy());
        let record = repositories::rename(self.state, number, &target.name, (&shown.0, &shown.1))?;
        let mut notice =
            Notice::new(NoticeKind::Information, format!("this is {}, renamed: its record goes on", before.name));
        if mirror::is_address(&before.name) && old.exists() {
            notice = notice.mend(format!("its old mirror is needed no more: {}", old.display()));
        }
        inner.notices.push(notice.at(&target.name));
        Ok((number, record.ok_or_else(lost)?))
    }

    /// The one that is gone and has at least half of its objects in common with what is at `target` now; the nearest of many.
    fn same(&self, gone: &BTreeMap<u32, Repository>, target: &Target) -> Result<Option<u32>> {
        if gone.is_empty() {
            return Ok(None);
        }
        // What cannot be opened is told when it is looked at.
        let Ok(ids) = open(&target.path).map(|repo| covered::objects(&repo)) else { return Ok(None) };
        let ids: Vec<[u8; 16]> = ids.iter().map(|id| coverage::kept(id.as_bytes())).collect();
        let sample: Vec<[u8; 16]> = ids.iter().step_by((ids.len() / SAMPLE).max(1)).copied().collect();
        let known = |number: u32, ids: &[[u8; 16]]| -> Result<u64> {
            Ok(coverage::has_objects(self.state, number, ids)?.into_iter().filter(|known| *known).count() as u64)
        };
        let (mut best, count) = (None, ids.len() as u64);
        for (&number, record) in gone {
            let objects = record.objects;
            if 2 * objects.min(count) < objects.max(count) || count == 0 || known(number, &sample)? == 0 {
                continue;
            }
            let common = known(number, &ids)?;
            if 2 * common < objects.max(count) {
                continue;
            }
            // Fewest that the one has and the other has not; then the likest name.
            let apart = (objects + count).saturating_sub(2 * common);
            let ending = record.name.bytes().rev().zip(target.name.bytes().rev()).take_while(|(a, b)| a == b).count();
            best = best.max(Some((std::cmp::Reverse(apart), ending, number)));
        }
        Ok(best.map(|(.., number)| number))
    }

    /// Which were renamed, and which are gone for all that is known.
    pub(super) fn notices(self) -> Vec<Notice> {
        let Inner { gone, mut notices } = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        for record in gone.values() {
            let message = match mirror::is_address(&record.name) {
                true => "the address is none of the targets; what was found there stays as it is",
                false => "the repository is gone; what was found in it stays as it is",
            };
            notices.push(Notice::new(NoticeKind::Information, message).at(&record.name));
        }
        notices
    }
}
