//! Objects that should be there and are not: gathered by all threads, told once, the first ones by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use git2::Oid;

use super::Repo;
use crate::error::{Notice, NoticeKind};
use crate::source::Visitor;

/// So many objects are named; the rest are counted.
pub const NAMED: usize = 20;

/// The gaps of one scan.
#[derive(Debug, Default)]
pub struct Gaps {
    objects: Mutex<BTreeMap<(NoticeKind, String), Notice>>,
    /// Of objects that are missing (or where history was cut): a commit that needs them, in hex, where that is known.
    needed: Mutex<BTreeMap<String, String>>,
}

/// Names the first `most` gaps of objects of each kind and counts the rest.
pub fn shorten(notices: impl Iterator<Item = Notice>, most: usize, tell: &mut dyn FnMut(Notice)) {
    let mut named = BTreeMap::new();
    let mut more = BTreeMap::new();
    for notice in notices {
        let count = named.entry(notice.kind).or_insert(0_usize);
        *count += 1;
        if *count <= most {
            tell(notice);
        } else {
            more.entry(notice.kind).or_insert((0_usize, notice)).0 += 1;
        }
    }
    for (kind, (count, example)) in more {
        let message = format!("{count} more objects: {}", example.message);
        tell(Notice { kind, message, object: None, ..example });
    }
}

/// The kind of an object, with its article.
pub(super) fn one(what: &str) -> String {
    format!("{} {what}", if what.starts_with('o') { "an" } else { "a" })
}

impl Gaps {
    /// An object could not be read.
    pub fn object(&self, id: Oid, what: &str, error: &git2::Error) {
        let notice = match Repo::trouble(error) {
            None => Notice::new(NoticeKind::MissingObject, format!("{} is missing from the repository", one(what)))
                .mend("fetch it (in a partial clone: git fetch --refetch --no-filter), or accept the gap"),
            Some(words) => Notice::new(NoticeKind::Unreadable, format!("{} cannot be read: {words}", one(what)))
                .mend("see `git fsck`; fetch it again, or accept the gap"),
        };
        self.add(notice.object(id.to_string()).gap());
    }

    /// The missing object `id` is needed by `commit`, the oldest that is known to need it.
    pub(super) fn needed(&self, id: Oid, commit: Option<Oid>) {
        let commit = commit.map(|commit| commit.to_string()).unwrap_or_default();
        self.needed.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_string()).or_insert(commit);
    }

    /// By missing object the commit that needs it, empty where it is not known.
    pub(super) fn take_needed(&self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.needed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// History ends at `id` although the asked range goes on.
    pub fn shallow(&self, id: Oid) {
        self.needed(id, Some(id));
        let message = "history ends here (shallow clone), inside what was asked for";
        self.add(
            Notice::new(NoticeKind::ShallowBoundary, message)
                .object(id.to_string())
                .mend("git fetch --unshallow (in CI: a full checkout, fetch-depth: 0)")
                .gap(),
        );
    }

    /// Trouble of another kind with an object.
    pub fn add(&self, notice: Notice) {
        let key = (notice.kind, notice.object.clone().unwrap_or_default());
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(notice);
    }

    /// Hands everything to `visitor`, in order, the same on any number of threads; of each kind the first `most` by name.
    pub fn tell_up_to(self, most: usize, repository: &str, visitor: &mut dyn Visitor) {
        let all = self.objects.into_inner().unwrap_or_else(PoisonError::into_inner);
        shorten(all.into_values().map(|notice| notice.at(repository)), most, &mut |notice| visitor.notice(notice));
    }

    /// Hands everything to `visitor`, as reports have it.
    pub fn tell(self, repository: &str, visitor: &mut dyn Visitor) {
        self.tell_up_to(NAMED, repository, visitor);
    }
}
