//! Many objects on all cores, few of them without starting a thread: a repository and a visitor per thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Repo;
use crate::source::{MakeVisitor, Visitor};

/// What one thread works with.
pub(super) struct Hand<'w> {
    pub(super) repo: &'w Repo,
    pub(super) visitor: &'w mut dyn Visitor,
}

/// Hands pieces of `items`, `piece` long, to `work`, in order within a piece. Less than two pieces are done where we
/// stand. `threads`: 0 for one per core.
pub(super) fn share<T: Sync>(
    repo: &Repo,
    items: &[T],
    piece: usize,
    threads: usize,
    make: &MakeVisitor<'_>,
    work: &(dyn Fn(&mut Hand<'_>, &[T]) + Sync),
) {
    let next = AtomicUsize::new(0);
    let turn = |repo: &Repo| {
        let mut visitor = make();
        let mut hand = Hand { repo, visitor: visitor.as_mut() };
        loop {
            let start = next.fetch_add(piece, Ordering::Relaxed).min(items.len());
            let taken = &items[start..items.len().min(start + piece)];
            if taken.is_empty() {
                return;
            }
            work(&mut hand, taken);
        }
    };
    // Asking rayon for its number of threads would start them.
    let threads = if items.len() / piece < 2 || threads == 1 { 1 } else { threads };
    if threads != 1 {
        let threads = if threads == 0 { usize::MAX } else { threads };
        let opener = repo.opener();
        rayon::broadcast(|context| {
            // A thread that cannot open the repository again takes no work; what is left falls to this one.
            if context.index() < threads
                && let Ok(repo) = opener.open()
            {
                turn(&repo);
            }
        });
    }
    turn(repo);
}
