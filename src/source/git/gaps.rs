//! Objects that should be there and are not: gathered by all threads, told once, the first ones by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use git2::Oid;

use super::Repo;
use crate::error::{Notice, NoticeKind};
use crate::source::Visitor;

/// So many objects are named; the rest are counted.
const NAMED: usize = 20;

/// The gaps of one scan.
#[derive(Debug, Default)]
pub struct Gaps {
    objects: Mutex<BTreeMap<(NoticeKind, String), Notice>>,
}

impl Gaps {
    /// An object could not be read.
    pub fn object(&self, id: Oid, what: &str, error: &git2::Error) {
        let notice = match Repo::trouble(error) {
            None => Notice::new(NoticeKind::MissingObject, format!("a {what} is missing from the repository"))
                .mend("fetch it (in a partial clone: git fetch --refetch --no-filter), or accept the gap"),
            Some(words) => Notice::new(NoticeKind::Unreadable, format!("a {what} cannot be read: {words}"))
                .mend("see `git fsck`; fetch it again, or accept the gap"),
        };
        self.add(notice.object(id.to_string()).gap());
    }

    /// History ends at `id` although the asked range goes on.
    pub fn shallow(&self, id: Oid) {
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

    /// Hands everything to `visitor`, in order, the same on any number of threads.
    pub fn tell(self, repository: &str, visitor: &mut dyn Visitor) {
        let mut named = BTreeMap::new();
        let mut more = BTreeMap::new();
        for ((kind, _), notice) in self.objects.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let count = named.entry(kind).or_insert(0_usize);
            *count += 1;
            if *count <= NAMED {
                visitor.notice(notice.at(repository));
            } else {
                more.entry(kind).or_insert((0_usize, notice)).0 += 1;
            }
        }
        for (kind, (count, example)) in more {
            let mut notice = Notice::new(kind, format!("{count} more objects: {}", example.message));
            (notice.mend, notice.gap) = (example.mend, example.gap);
            visitor.notice(notice.at(repository));
        }
    }
}
