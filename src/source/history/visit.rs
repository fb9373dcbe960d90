//! One object: inflated, applied to its base, looked at, and its children made tasks.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::delta::{self, Copied};
use super::dirty::{self, Anchor, Near};
use super::fault::Fault;
use super::forest::{BROKEN, ELSEWHERE};
use super::inflate::{Stream, plausible};
use super::loose::{self, Loose};
use super::object::{Hasher, Kind, ObjectId};
use super::pack::{Entry, EntryKind, Pack};
use super::plan::PackPlan;
use super::reader::{Place, Reader, Shown};
use super::store::LooseAt;
use super::walk::{Base, Held, Task, Worker};

/// Buffers a thread keeps for the next object.
const SPARE: usize = 4;

/// How an entry was read.
enum Read<'w> {
    /// Its text is there; a large object's comes with the right to have one.
    Text(Kind, Option<MutexGuard<'w, ()>>),
    /// It went by in pieces.
    Streamed(Kind),
}

/// What becomes of the children.
enum Next<F> {
    /// The base's text is there, with its anchors.
    Text(Option<Vec<Anchor<F>>>),
    /// It has to be made again.
    Dropped,
    /// It cannot be read.
    Lost,
}

impl<'w, R: Reader> Worker<'w, R> {
    fn place_of(&self, task: &Task<R::Found>) -> (&'w Pack, &'w PackPlan) {
        let place = task.pack as usize;
        (&self.shared.store.packs[place], &self.shared.plan.packs[place])
    }

    /// Reads the entry, shows it, and goes on to its children.
    pub(super) fn visit(&mut self, task: Task<R::Found>) {
        let (pack, plan) = self.place_of(&task);
        let position = plan.forest.position(task.entry);
        let wanted = plan.is_wanted(task.entry);
        let mut text = self.spare.pop().unwrap_or_default();
        let read = self.read(&task, &mut text);
        let (kind, next) = match read {
            Ok(Read::Text(kind, _large)) => {
                let base = match &task.base {
                    Base::Held(base) => Some(&**base),
                    _ => None,
                };
                let number = self.shared.store.base_number(task.pack as usize) + position;
                let object = Shown::Numbered(self.shared.store, number);
                let anchors = if wanted { self.look(object, kind, &text, base) } else { None };
                (Some(kind), Next::Text(anchors))
            }
            Ok(Read::Streamed(kind)) => (Some(kind), Next::Dropped),
            Err(fault) => {
                let place = Place::Pack(&pack.name, plan.forest.span(task.entry).0);
                let first = (fault != Fault::BaseLost).then_some((&fault, place));
                match self.another_copy(&pack.index.id(position), Some(task.pack as usize), task.kind, wanted, first) {
                    Some((kind, copy, anchors)) => {
                        text = copy;
                        (Some(kind), Next::Text(anchors))
                    }
                    None => (task.kind, Next::Lost),
                }
            }
        };
        let (pack, entry) = (task.pack, task.entry);
        if let Base::Held(base) = task.base
            && let Some(mut base) = Arc::into_inner(base)
        {
            self.keep(std::mem::take(&mut base.text));
        }
        self.push_children(pack, entry, kind, text, next);
    }

    /// The entry's text in `text`, or passed on in pieces.
    fn read(&mut self, task: &Task<R::Found>, text: &mut Vec<u8>) -> Result<Read<'w>, Fault> {
        let shared = self.shared;
        let (pack, plan) = self.place_of(task);
        if shared.made.load(Ordering::Relaxed) > shared.most_bytes {
            return Err(Fault::Work);
        }
        let (offset, end) = plan.forest.span(task.entry);
        let entry = pack.entry(offset)?;
        if entry.body >= end {
            return Err(Fault::Header);
        }
        let position = plan.forest.position(task.entry);
        if let Some(crc) = pack.index.crc(position)
            && crc32fast::hash(pack.slice(offset, end)) != crc
        {
            return Err(Fault::Crc);
        }
        let input = pack.slice(entry.body, end);
        let read = match entry.kind {
            EntryKind::Whole(kind) => self.whole(task, kind, &entry, input, text)?,
            _ => self.delta(task, &entry, input, text)?,
        };
        if let Read::Text(kind, _) = &read {
            shared.made.fetch_add(text.len() as u64, Ordering::Relaxed);
            if shared.verify {
                verify(kind.id_of(shared.store.format, text), &pack.index.id(position))?;
            }
        }
        Ok(read)
    }

    fn whole(
        &mut self,
        task: &Task<R::Found>,
        kind: Kind,
        entry: &Entry,
        input: &'w [u8],
        text: &mut Vec<u8>,
    ) -> Result<Read<'w>, Fault> {
        let shared = self.shared;
        let (pack, plan) = self.place_of(task);
        plausible(input, entry.size)?;
        let large = entry.size >= shared.large_from;
        let is_base = plan.forest.children(task.entry).iter().any(|&child| plan.is_needed(child));
        if kind == Kind::Blob && large && plan.is_wanted(task.entry) && (!is_base || entry.size > shared.limit) {
            let mut stream = Stream::new(input);
            self.stream(&pack.index.id(plan.forest.position(task.entry)), entry.size, &mut |out| stream.read(out))?;
            if !stream.at_end()? {
                return Err(Fault::Size);
            }
            return Ok(Read::Streamed(kind));
        }
        if entry.size > shared.limit {
            return Err(Fault::Memory(entry.size));
        }
        let guard = large.then(|| self.one_at_a_time());
        self.inflater.inflate(input, entry.size, text)?;
        Ok(Read::Text(kind, guard))
    }

    fn delta(
        &mut self,
        task: &Task<R::Found>,
        entry: &Entry,
        input: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<Read<'w>, Fault> {
        let shared = self.shared;
        let (pack, plan) = self.place_of(task);
        let mut guard = None;
        let mut made = Vec::new();
        let (kind, base): (Kind, &[u8]) = match &task.base {
            Base::Held(base) => (task.kind.ok_or(Fault::BaseLost)?, &base.text),
            Base::Lost => return Err(Fault::BaseLost),
            Base::Dropped => {
                guard = Some(self.one_at_a_time());
                let kind = self.make_again(pack, plan, plan.forest.parent(task.entry), &mut made)?;
                (kind, &made)
            }
            Base::None => match (plan.forest.parent(task.entry), entry.kind) {
                (ELSEWHERE, EntryKind::IdDelta(base)) => {
                    guard = Some(self.one_at_a_time());
                    let found = shared.store.read(&base, None, shared.limit);
                    let (kind, text) = found.map_err(|fault| match fault {
                        Fault::Missing => Fault::BaseMissing(base),
                        other => other,
                    })?;
                    made = text;
                    (kind, &made)
                }
                _ => return Err(plan.forest.fault(pack, task.entry)),
            },
        };
        self.inflate_delta(input, entry.size)?;
        let (_, size, _) = delta::sizes(&self.delta)?;
        if size >= shared.large_from && guard.is_none() {
            guard = Some(self.one_at_a_time());
        }
        delta::apply(base, &self.delta, shared.limit, text, &mut self.copied)?;
        if self.delta.capacity() as u64 > shared.large_from {
            self.delta = Vec::new();
        }
        Ok(Read::Text(kind, guard))
    }

    fn inflate_delta(&mut self, input: &[u8], size: u64) -> Result<(), Fault> {
        if size > self.shared.limit {
            return Err(Fault::Memory(size));
        }
        self.inflater.inflate(input, size, &mut self.delta)
    }

    /// Makes the text of `entry` again, from its root on.
    fn make_again(&mut self, pack: &Pack, plan: &PackPlan, entry: u32, text: &mut Vec<u8>) -> Result<Kind, Fault> {
        let shared = self.shared;
        let mut chain = vec![entry];
        let root = loop {
            let at = chain.last().copied().unwrap_or(entry);
            match plan.forest.parent(at) {
                parent if parent < BROKEN => chain.push(parent),
                end => break end,
            }
        };
        let mut next = Vec::new();
        let mut kind = None;
        for (step, &entry) in chain.iter().rev().enumerate() {
            if shared.made.load(Ordering::Relaxed) > shared.most_bytes {
                return Err(Fault::Work);
            }
            let (offset, end) = plan.forest.span(entry);
            let header = pack.entry(offset)?;
            let input = pack.slice(header.body, end);
            match header.kind {
                EntryKind::Whole(whole) if step == 0 => {
                    if header.size > shared.limit {
                        return Err(Fault::Memory(header.size));
                    }
                    self.inflater.inflate(input, header.size, text)?;
                    kind = Some(whole);
                }
                EntryKind::IdDelta(base) if step == 0 && root == ELSEWHERE => {
                    let (whole, base) = shared.store.read(&base, None, shared.limit)?;
                    self.inflate_delta(input, header.size)?;
                    delta::apply(&base, &self.delta, shared.limit, text, &mut self.copied)?;
                    kind = Some(whole);
                }
                _ if step > 0 => {
                    self.inflate_delta(input, header.size)?;
                    delta::apply(text, &self.delta, shared.limit, &mut next, &mut self.copied)?;
                    std::mem::swap(text, &mut next);
                }
                _ => return Err(Fault::BaseLost),
            }
            shared.made.fetch_add(text.len() as u64, Ordering::Relaxed);
        }
        kind.ok_or(Fault::BaseLost)
    }

    /// Shows an object; the anchors its children may use.
    fn look(
        &mut self,
        object: Shown<'_>,
        kind: Kind,
        text: &[u8],
        base: Option<&Held<R::Found>>,
    ) -> Option<Vec<Anchor<R::Found>>> {
        let base = base.and_then(|base| Some((base.text.len() as u32, base.anchors.as_deref()?)));
        let len = text.len() as u32;
        let mut anchors = Vec::new();
        if kind != self.reader.carried() {
            let fresh = base.map(|(base_len, _)| {
                dirty::windows(&self.copied, base_len, len, Near { left: 0, right: 0 }, &mut self.windows);
                &self.windows[..]
            });
            self.reader.other(&object.id(), kind, text, fresh);
            return Some(anchors);
        }
        if let Some((base_len, _)) = base {
            dirty::windows(&self.copied, base_len, len, self.reader.near(), &mut self.windows);
        }
        if !self.reader.carries(text, base.map(|_| &self.windows[..])) {
            self.reader.blob(object, text, None);
            return None;
        }
        match base {
            None => self.reader.look(text, std::slice::from_ref(&(0..len)), &[], &mut anchors),
            Some((base_len, carried)) => {
                self.again.clear();
                let copied: &[Copied] = &self.copied;
                dirty::carry(carried, base_len, copied, len, &self.windows, &mut anchors, &mut self.again);
                let mut fresh = Vec::new();
                dirty::insert(&self.again, &mut self.windows);
                self.reader.look(text, &self.windows, &anchors, &mut fresh);
                anchors.append(&mut fresh);
            }
        }
        if anchors.len() > self.reader.most_anchors() {
            self.reader.blob(object, text, None);
            return None;
        }
        anchors.sort_by_key(|anchor| anchor.at);
        self.reader.blob(object, text, Some(&anchors));
        Some(anchors)
    }

    /// An object that cannot be read where it should be: another copy of it is shown, or it is lost.
    #[allow(clippy::type_complexity)] // kind, text and anchors of the copy
    fn another_copy(
        &mut self,
        id: &ObjectId,
        except: Option<usize>,
        kind: Option<Kind>,
        wanted: bool,
        first: Option<(&Fault, Place<'_>)>,
    ) -> Option<(Kind, Vec<u8>, Option<Vec<Anchor<R::Found>>>)> {
        // Budgets are not got round by reading elsewhere.
        let budget = matches!(first, Some((Fault::Work | Fault::Memory(_), _)));
        let copy = if budget { None } else { self.shared.store.read(id, except, self.shared.limit).ok() };
        let copy = copy.filter(|(kind, text)| !self.shared.verify || kind.id_of(self.shared.store.format, text) == *id);
        let Some((kind, text)) = copy else {
            if wanted {
                self.reader.lost(id, kind, first);
            }
            return None;
        };
        if let Some((fault, place)) = first {
            self.reader.damaged(id, fault, place);
        }
        let anchors = if wanted { self.look(Shown::Named(id), kind, &text, None) } else { None };
        Some((kind, text, anchors))
    }

    fn push_children(&mut self, pack: u32, entry: u32, kind: Option<Kind>, text: Vec<u8>, next: Next<R::Found>) {
        let shared = self.shared;
        let plan = &shared.plan.packs[pack as usize];
        let children = plan.forest.children(entry).iter().filter(|&&child| plan.is_needed(child));
        let count = children.clone().count();
        if count == 0 {
            self.keep(text);
            return;
        }
        let held = match next {
            Next::Text(anchors) => {
                let anchors_size = anchors.as_ref().map_or(0, Vec::capacity) * size_of::<Anchor<R::Found>>();
                let bytes = (text.capacity() + anchors_size) as u64;
                // The only child comes next and frees its base, so it costs no budget worth the name.
                let next_anyway = count == 1 && bytes < shared.large_from;
                if next_anyway || shared.held.load(Ordering::Relaxed) + bytes <= shared.hold {
                    shared.held.fetch_add(bytes, Ordering::Relaxed);
                    Some(Arc::new(Held { text, anchors, bytes, count: Arc::clone(&shared.held) }))
                } else {
                    self.keep(text);
                    None
                }
            }
            Next::Dropped => None,
            Next::Lost => {
                let tasks = children.map(|&entry| Task { pack, entry, kind, base: Base::Lost });
                self.stack.extend(tasks);
                return;
            }
        };
        // The stack is taken from its end: the lightest child goes last, and comes first.
        self.stack.extend(children.rev().map(|&entry| {
            let base = held.as_ref().map_or(Base::Dropped, |held| Base::Held(Arc::clone(held)));
            Task { pack, entry, kind, base }
        }));
    }

    fn keep(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE && buffer.capacity() as u64 <= self.shared.large_from {
            self.spare.push(buffer);
        }
    }

    fn one_at_a_time(&self) -> MutexGuard<'w, ()> {
        self.shared.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a large blob on in pieces.
    fn stream(
        &mut self,
        id: &ObjectId,
        size: u64,
        read: &mut dyn FnMut(&mut [u8]) -> Result<usize, Fault>,
    ) -> Result<(), Fault> {
        let mut left = size;
        let mut hasher = self.shared.verify.then(|| Hasher::object(self.shared.store.format, Kind::Blob, size));
        self.reader.large(id, size, &mut |out| {
            let wanted = usize::try_from(left).map_or(out.len(), |left| left.min(out.len()));
            let got = read(&mut out[..wanted])?;
            left -= got as u64;
            if let Some(hasher) = &mut hasher {
                hasher.update(&out[..got]);
            }
            Ok(got)
        })?;
        if left > 0 {
            return Err(Fault::Size);
        }
        self.shared.made.fetch_add(size, Ordering::Relaxed);
        hasher.map_or(Ok(()), |hasher| verify(hasher.finish(), id))
    }

    /// A loose object.
    pub(super) fn loose(&mut self, at: LooseAt) {
        let mut text = self.spare.pop().unwrap_or_default();
        match self.read_loose(&at, &mut text) {
            Ok(Read::Text(kind, _large)) => {
                self.look(Shown::Named(&at.id), kind, &text, None);
            }
            Ok(Read::Streamed(_)) => {}
            Err(fault) => {
                self.another_copy(&at.id, None, None, true, Some((&fault, Place::Loose)));
            }
        }
        self.keep(text);
    }

    fn read_loose(&mut self, at: &LooseAt, text: &mut Vec<u8>) -> Result<Read<'w>, Fault> {
        let shared = self.shared;
        let file = loose::file(&shared.store.folders[at.folder], &at.id)?;
        let mut loose = Loose::new(&file)?;
        let kind = loose.kind;
        if loose.size >= shared.large_from && kind == Kind::Blob {
            let size = loose.size;
            self.stream(&at.id, size, &mut |out| loose.read(out))?;
            return if loose.at_end()? { Ok(Read::Streamed(kind)) } else { Err(Fault::Size) };
        }
        let guard = (loose.size >= shared.large_from).then(|| self.one_at_a_time());
        loose.read_all(shared.limit, text)?;
        if shared.verify {
            verify(kind.id_of(shared.store.format, text), &at.id)?;
        }
        Ok(Read::Text(kind, guard))
    }

    /// Ids that are listed but have no entry of their own.
    pub(super) fn misplaced(&mut self) {
        let shared = self.shared;
        for (at, (pack, plan)) in shared.store.packs.iter().zip(&shared.plan.packs).enumerate() {
            for position in plan.misplaced() {
                let fault = Fault::File("the index points outside the pack or to another object's entry");
                let place = Place::Pack(&pack.name, pack.index.offset(position).unwrap_or(u64::MAX));
                self.another_copy(&pack.index.id(position), Some(at), None, true, Some((&fault, place)));
            }
        }
        for id in &shared.store.unindexed {
            self.another_copy(id, None, None, true, Some((&Fault::Missing, Place::Nowhere)));
        }
    }
}

fn verify(found: ObjectId, id: &ObjectId) -> Result<(), Fault> {
    if found == *id { Ok(()) } else { Err(Fault::Hash(found)) }
}
