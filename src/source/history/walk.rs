//! The walk: every needed object once, parents before children, on all threads, within a budget of bytes.
//!
//! A task is one entry of a pack together with the text of its base. Visiting it (`visit.rs`) inflates the entry,
//! applies it to the base, shows the object to the [`Reader`] and makes a task of each child. Children go lightest
//! first, so the number of bases held at a time is at most the number of bits of the number of objects; and when even
//! those are more bytes than the budget, a base is dropped and made again from its root when its turn comes.
//!
//! How `memory` is spent: a quarter on bases that wait, a quarter at most on each of base, delta and result of the
//! one large object that is made at a time; objects below `large_from` share what is left by construction.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::delta::Copied;
use super::dirty::Anchor;
use super::inflate::Inflater;
use super::object::Kind;
use super::plan::{Part, Plan};
use super::queue::{Queue, StopOnPanic};
use super::reader::Reader;
use super::store::{LooseAt, Store};

/// How to walk.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads; 0 for one per core.
    pub threads: usize,
    /// Bytes of object texts held at a time.
    pub memory: u64,
    /// Compare every object's hash with its id.
    pub verify_objects: bool,
    /// Stop unfolding deltas after this many bytes; `None` for a thousand times the packs and at least 256 GB.
    pub most_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 0, memory: 256 << 20, verify_objects: false, most_bytes: None }
    }
}

impl Options {
    /// How many threads that is.
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            some => some,
        }
    }
}

/// Shows every object of a part of the plan to a reader; `make` makes one for each thread.
pub fn walk<R: Reader>(store: &Store, plan: &Plan, part: &Part, options: &Options, make: &(dyn Fn() -> R + Sync)) {
    walk_after(|| (), (store, plan, part), options, make);
}

/// As [`walk`]; this thread does `first` before it walks, while the others begin.
pub fn walk_after<R: Reader, A>(
    first: impl FnOnce() -> A,
    (store, plan, part): (&Store, &Plan, &Part),
    options: &Options,
    make: &(dyn Fn() -> R + Sync),
) -> A {
    let threads = options.thread_count();
    let packed: u64 = store.packs.iter().map(|pack| pack.bytes().len() as u64).sum();
    let shared = Shared {
        store,
        plan,
        part,
        queue: Queue::new(threads),
        next: AtomicUsize::new(0),
        held: Arc::new(AtomicU64::new(0)),
        made: AtomicU64::new(0),
        large: Mutex::new(()),
        verify: options.verify_objects,
        hold: options.memory / 4,
        large_from: (options.memory / (24 * threads as u64)).max(1 << 16),
        limit: (options.memory / 4).clamp(1 << 20, u64::from(u32::MAX)),
        most_bytes: options.most_bytes.unwrap_or(packed.saturating_mul(1000).max(256 << 30)),
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| Worker::new(&shared, make()).run());
        }
        let _guard = StopOnPanic(&shared.queue);
        let done = first();
        let mut worker = Worker::new(&shared, make());
        if part.misplaced {
            worker.misplaced();
        }
        worker.run();
        done
    })
}

/// What all threads see.
pub(super) struct Shared<'w, F> {
    pub(super) store: &'w Store,
    pub(super) plan: &'w Plan,
    part: &'w Part,
    queue: Queue<Task<F>>,
    /// The next root or loose object nobody has claimed.
    next: AtomicUsize,
    /// Bytes of bases that wait for their children, and how many may.
    pub(super) held: Arc<AtomicU64>,
    pub(super) hold: u64,
    /// Bytes unfolded so far, and how many may be.
    pub(super) made: AtomicU64,
    pub(super) most_bytes: u64,
    /// Whoever makes an object of `large_from` bytes or more holds this.
    pub(super) large: Mutex<()>,
    pub(super) large_from: u64,
    /// No object is made that has more bytes.
    pub(super) limit: u64,
    pub(super) verify: bool,
}

/// A base that waits for its children.
pub(super) struct Held<F> {
    pub(super) text: Vec<u8>,
    /// `None` when nothing was looked for in it.
    pub(super) anchors: Option<Vec<Anchor<F>>>,
    pub(super) bytes: u64,
    pub(super) count: Arc<AtomicU64>,
}

impl<F> Drop for Held<F> {
    fn drop(&mut self) {
        self.count.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a task's entry builds on.
pub(super) enum Base<F> {
    /// Nothing, or an object outside the pack.
    None,
    /// This.
    Held(Arc<Held<F>>),
    /// An entry that was dropped to keep the budget.
    Dropped,
    /// An entry that cannot be read.
    Lost,
}

/// An entry to visit.
pub(super) struct Task<F> {
    pub(super) pack: u32,
    pub(super) entry: u32,
    /// Its base's kind, which is its own; unknown for roots and below lost entries.
    pub(super) kind: Option<Kind>,
    pub(super) base: Base<F>,
}

enum Work<F> {
    Entry(Task<F>),
    Loose(LooseAt),
}

/// One thread.
pub(super) struct Worker<'w, R: Reader> {
    pub(super) shared: &'w Shared<'w, R::Found>,
    pub(super) reader: R,
    pub(super) stack: Vec<Task<R::Found>>,
    /// What this thread has claimed of the roots and loose objects.
    claimed: Range<usize>,
    pub(super) inflater: Inflater,
    pub(super) delta: Vec<u8>,
    pub(super) copied: Vec<Copied>,
    pub(super) windows: Vec<Range<u32>>,
    pub(super) again: Vec<u32>,
    /// Buffers to use again.
    pub(super) spare: Vec<Vec<u8>>,
}

impl<'w, R: Reader> Worker<'w, R> {
    fn new(shared: &'w Shared<'w, R::Found>, reader: R) -> Self {
        Self {
            shared,
            reader,
            stack: Vec::new(),
            claimed: 0..0,
            inflater: Inflater::default(),
            delta: Vec::new(),
            copied: Vec::new(),
            windows: Vec::new(),
            again: Vec::new(),
            spare: Vec::new(),
        }
    }

    fn run(mut self) {
        let queue = &self.shared.queue;
        let _guard = StopOnPanic(queue);
        while let Some(work) = self.next() {
            match work {
                Work::Entry(task) => self.visit(task),
                Work::Loose(loose) => self.loose(loose),
            }
            queue.share(&mut self.stack);
        }
    }

    /// The next thing to do: my own, then what nobody has begun, then what others give away.
    fn next(&mut self) -> Option<Work<R::Found>> {
        /// So many trees are claimed one at a time, since they are the heaviest; then several at once.
        const SINGLY: usize = 64;
        const CLAIM: usize = 16;
        if let Some(task) = self.stack.pop() {
            return Some(Work::Entry(task));
        }
        let part = self.shared.part;
        if self.claimed.is_empty() {
            let total = part.roots.len() + part.loose.len();
            let count = if self.shared.next.load(Ordering::Relaxed) < SINGLY { 1 } else { CLAIM };
            let first = self.shared.next.fetch_add(count, Ordering::Relaxed).min(total);
            self.claimed = first..(first + count).min(total);
        }
        let Some(place) = self.claimed.next() else {
            return self.shared.queue.take().map(Work::Entry);
        };
        Some(match part.roots.get(place) {
            Some(&(pack, entry)) => Work::Entry(Task { pack, entry, kind: None, base: Base::None }),
            None => Work::Loose(part.loose[place - part.roots.len()]),
        })
    }
}
