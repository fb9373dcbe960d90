//! Many objects on all cores, few of them without starting a thread: a repository and a visitor per thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Repo;
use crate::source::{MakeVisitor, Visitor};

/// Work is taken in pieces of so many; less than two pieces are done where we stand.
pub(super) const PIECE: usize = 64;

/// What one thread works with.
pub(super) struct Hand<'w> {
    pub(super) repo: &'w Repo,
    pub(super) visitor: &'w mut dyn Visitor,
}

/// Hands pieces of `items` to `work`, in order within a piece. `threads`: 0 for one per core.
pub(super) fn share<T: Sync>(
    repo: &Repo,
    items: &[T],
    threads: usize,
    make: &MakeVisitor<'_>,
    work: &(dyn Fn(&mut Hand<'_>, &[T]) + Sync),
) {
    let next = AtomicUsize::new(0);
    let turn = |repo: &Repo| {
        let mut visitor = make();
        let mut hand = Hand { repo, visitor: visitor.as_mut() };
        loop {
            let start = next.fetch_add(PIECE, Ordering::Relaxed).min(items.len());
            let piece = &items[start..items.len().min(start + PIECE)];
            if piece.is_empty() {
                return;
            }
            work(&mut hand, piece);
        }
    };
    let threads = if threads == 0 { rayon::current_num_threads() } else { threads }.min(items.len() / PIECE);
    if threads > 1 {
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
