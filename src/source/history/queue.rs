//! Work sharing: every thread has its own stack; whoever runs dry is given the oldest half of another's.
//!
//! The oldest tasks of a depth-first walk lead to the largest parts of a tree, so one giant tree is soon spread over
//! all threads, and a thread that is busy asks one relaxed number whether anybody is hungry, nothing more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Tasks that have been given away, and who waits for some.
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    hungry: AtomicUsize,
    threads: usize,
}

#[derive(Debug)]
struct State<T> {
    tasks: Vec<T>,
    waiting: usize,
    done: bool,
}

impl<T> Queue<T> {
    /// For this many threads.
    pub fn new(threads: usize) -> Self {
        let state = State { tasks: Vec::new(), waiting: 0, done: false };
        Self { state: Mutex::new(state), wake: Condvar::new(), hungry: AtomicUsize::new(0), threads }
    }

    /// Gives half of `stack` away if another thread has nothing to do.
    pub fn share(&self, stack: &mut Vec<T>) {
        if stack.len() < 2 || self.hungry.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.tasks.is_empty() {
            state.tasks.extend(stack.drain(..stack.len() / 2));
            drop(state);
            self.wake.notify_all();
        }
    }

    /// A task somebody gave away; waits for one. `None`: all threads have run dry, the work is done.
    pub fn take(&self) -> Option<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        self.hungry.store(state.waiting, Ordering::Relaxed);
        loop {
            if state.done {
                return None;
            }
            if let Some(task) = state.tasks.pop() {
                state.waiting -= 1;
                self.hungry.store(state.waiting, Ordering::Relaxed);
                return Some(task);
            }
            if state.waiting == self.threads {
                state.done = true;
                drop(state);
                self.wake.notify_all();
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the work: threads that wait, and those that come, go home.
    pub fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).done = true;
        self.wake.notify_all();
    }
}

/// Stops the queue when its thread panics, so that the others do not wait for ever.
pub struct StopOnPanic<'q, T>(pub &'q Queue<T>);

impl<T> Drop for StopOnPanic<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Queue;

    #[test]
    fn a_tree_of_tasks_is_done_by_all_threads() {
        let queue = Queue::new(4);
        let done = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (queue, done) = (&queue, &done);
                scope.spawn(move || {
                    let mut stack = if thread == 0 { vec![16u32] } else { Vec::new() };
                    while let Some(depth) = stack.pop().or_else(|| queue.take()) {
                        done.fetch_add(1, Ordering::Relaxed);
                        if depth > 0 {
                            stack.extend([depth - 1, depth - 1]);
                        }
                        queue.share(&mut stack);
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), (1 << 17) - 1);
    }
}
