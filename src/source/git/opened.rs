//! How a scan of a history begins: the packs are opened, their sums compared and their headers read while the repository's
//! refs are listed.

use std::path::PathBuf;

use crate::error::Notice;
use crate::source::history::object::Format;
use crate::source::history::plan::Plan;
use crate::source::history::store::Store;

/// The packs, and what needs no refs.
pub(super) struct Opened {
    pub(super) store: Store,
    /// When all objects are asked for.
    pub(super) plan: Option<Plan>,
    pub(super) notices: Vec<Notice>,
}

impl Opened {
    /// Opens these folders; plans when the `whole` is asked for, checks all packs unless it is known that they are good.
    pub(super) fn new(folders: &[PathBuf], format: Format, whole: bool, known: bool) -> Self {
        let (store, mut notices) = Store::open_all(folders, format);
        let plan = || whole.then(|| Plan::new(&store, None));
        let check = || if known { Vec::new() } else { store.check_packs(&|_| false) };
        let (plan, wrong) = if whole { rayon::join(plan, check) } else { (None, check()) };
        notices.extend(wrong);
        Self { store, plan, notices }
    }
}

/// Two things at once: `here` on this thread (a repository is of one thread), `there` on another.
pub(super) fn beside<A, B: Send>(here: impl FnOnce() -> A, there: impl FnOnce() -> B + Send) -> (A, B) {
    std::thread::scope(|scope| {
        let there = scope.spawn(there);
        let here = here();
        (here, there.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
