//! Everything a repository keeps objects in: packs, loose objects, and the object folders it borrows from.
//!
//! [`Store::open`] finds it all; [`Store::read`] reads one object by id, wherever it is (bases in other packs,
//! another copy of a damaged object). The walk over everything is in `walk.rs`.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::delta;
use super::fault::Fault;
use super::inflate::Inflater;
use super::loose;
use super::object::{Format, Kind, ObjectId};
use super::pack::midx::MultiIndex;
use super::pack::{EntryKind, Pack};
use crate::error::{Notice, NoticeKind};

/// How many object folders may borrow from each other in a row (git allows five).
const MOST_FOLDERS: usize = 64;

/// A loose object's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LooseAt {
    /// Which object folder.
    pub folder: usize,
    /// Its id.
    pub id: ObjectId,
}

/// The objects of a repository.
#[derive(Debug)]
pub struct Store {
    /// Which hash names them.
    pub format: Format,
    /// Object folders: the repository's own, then those it borrows from.
    pub folders: Vec<PathBuf>,
    /// All packs, the largest first.
    pub packs: Vec<Pack>,
    /// Loose objects, by folder and id.
    pub loose: Vec<LooseAt>,
    /// Ids that a multi-pack-index lists and no pack's own index has.
    pub unindexed: Vec<ObjectId>,
}

impl Store {
    /// Opens the object folder `objects` and all it borrows from. What cannot be read is told in the notices.
    pub fn open(objects: &Path, format: Format) -> (Self, Vec<Notice>) {
        let (store, mut notices) = Self::open_all(&[objects.to_owned()], format);
        notices.extend(store.check_packs(&|_| false));
        (store, notices)
    }

    /// Opens several object folders and all they borrow from. Sums are not compared yet ([`Self::check_packs`]).
    pub fn open_all(objects: &[PathBuf], format: Format) -> (Self, Vec<Notice>) {
        let mut notices = Vec::new();
        let folders = folders(objects, &mut notices);
        let mut store = Self { format, folders, packs: Vec::new(), loose: Vec::new(), unindexed: Vec::new() };
        for at in 0..store.folders.len() {
            let folder = store.folders[at].clone();
            store.open_packs(&folder.join("pack"), &mut notices);
            let (ids, unreadable) = loose::list(&folder, format);
            store.loose.extend(ids.into_iter().map(|id| LooseAt { folder: at, id }));
            for (path, error) in unreadable {
                notices.push(Notice::new(NoticeKind::Unreadable, error).at(path.to_string_lossy()).gap());
            }
        }
        store.packs.sort_by(|a, b| (b.index.count(), &a.name).cmp(&(a.index.count(), &b.name)));
        for at in 0..store.folders.len() {
            store.check_multi_index(&store.folders[at].join("pack/multi-pack-index"), &mut notices);
        }
        (store, notices)
    }

    fn open_packs(&mut self, folder: &Path, notices: &mut Vec<Notice>) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                notices.push(Notice::new(NoticeKind::Unreadable, error.to_string()).at(folder.to_string_lossy()).gap());
                return;
            }
        };
        let names: BTreeSet<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        for path in &names {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is = |extension: &str| name.starts_with("pack-") && name.ends_with(extension);
            let shown = path.to_string_lossy();
            if is(".idx") && !names.contains(&path.with_extension("pack")) {
                let notice = Notice::new(NoticeKind::Unreadable, "a pack index without its pack").at(shown);
                notices.push(notice.mend("fetch again, or delete it if the pack was removed on purpose").gap());
            } else if is(".pack") {
                match Pack::open(path, self.format) {
                    Ok(pack) => self.packs.push(pack),
                    Err(fault) => {
                        let notice = Notice::new(NoticeKind::Malformed, fault.to_string()).at(shown);
                        notices.push(notice.mend("`git index-pack` makes a new index for a pack").gap());
                    }
                }
            }
        }
    }

    /// Compares the check sums and counts of all packs. What is `known` by its pack's sum is not read whole for it.
    pub fn check_packs(&self, known: &dyn Fn(&[u8]) -> bool) -> Vec<Notice> {
        self.packs.iter().flat_map(|pack| check_pack(pack, self.format, known(pack.sum()))).collect()
    }

    fn check_multi_index(&mut self, path: &Path, notices: &mut Vec<Notice>) {
        if !path.exists() {
            return;
        }
        let shown = path.to_string_lossy();
        let opened = MultiIndex::open(path, self.format).and_then(|multi| multi.check(self.format).map(|()| multi));
        let multi = match opened {
            Ok(multi) => multi,
            Err(fault) => {
                // The packs' own indexes say the same, so nothing is lost by this alone.
                notices.push(Notice::new(NoticeKind::Malformed, fault.to_string()).at(shown));
                return;
            }
        };
        let missing = (0..multi.count()).filter_map(|position| multi.id(position)).filter(|id| self.find(id).is_none());
        let missing: Vec<ObjectId> = missing.collect();
        self.unindexed.extend(missing);
    }

    /// The first pack that lists `id`, and its position in that pack's index.
    pub fn find(&self, id: &ObjectId) -> Option<(usize, u32)> {
        self.packs.iter().enumerate().find_map(|(at, pack)| Some((at, pack.index.find(id.as_bytes())?)))
    }

    /// Whether any pack or loose file has `id`.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.find(id).is_some() || self.loose_place(id).is_some()
    }

    /// Its place among the loose objects of all folders.
    fn loose_place(&self, id: &ObjectId) -> Option<usize> {
        let mut first = 0;
        (0..self.folders.len()).find_map(|folder| {
            let mine = &self.loose[first..];
            let mine = &mine[..mine.partition_point(|loose| loose.folder == folder)];
            let place = mine.binary_search_by(|loose| loose.id.cmp(id)).ok().map(|place| first + place);
            first += mine.len();
            place
        })
    }

    /// A number of its own for every object, below [`Self::most_numbers`]; `None` when it is not there.
    pub fn number(&self, id: &ObjectId) -> Option<u32> {
        let mut base = 0;
        for pack in &self.packs {
            if let Some(position) = pack.index.find(id.as_bytes()) {
                return Some(base + position);
            }
            base += pack.index.count();
        }
        Some(base + self.loose_place(id)? as u32)
    }

    /// The number of the first object of a pack.
    pub fn base_number(&self, pack: usize) -> u32 {
        self.packs[..pack].iter().map(|pack| pack.index.count()).sum()
    }

    /// Whether one pack has both of these numbers and `behind` is not before `number`: then its id is not smaller either.
    pub fn is_behind(&self, behind: u32, number: u32) -> bool {
        let mut ends = self.packs.iter().scan(0, |end, pack| {
            *end += pack.index.count();
            Some(*end)
        });
        ends.find(|&end| number < end).is_some_and(|end| (number..end).contains(&behind))
    }

    /// The object of a [`Self::number`].
    pub fn id(&self, number: u32) -> Option<ObjectId> {
        let mut position = number;
        for pack in &self.packs {
            if position < pack.index.count() {
                return Some(pack.index.id(position));
            }
            position -= pack.index.count();
        }
        self.loose.get(position as usize).map(|loose| loose.id)
    }

    /// One more than the largest [`Self::number`].
    pub fn most_numbers(&self) -> usize {
        self.packs.iter().map(|pack| pack.index.count() as usize).sum::<usize>() + self.loose.len()
    }

    /// How many different objects there are.
    pub fn distinct(&self) -> usize {
        let in_earlier = |at: usize, id: &[u8]| self.packs[..at].iter().any(|pack| pack.index.find(id).is_some());
        let packed: usize = (0..self.packs.len())
            .map(|at| {
                let index = &self.packs[at].index;
                (0..index.count()).filter(|&position| at == 0 || !in_earlier(at, index.raw_id(position))).count()
            })
            .sum();
        let loose: BTreeSet<_> = self.loose.iter().map(|at| at.id).filter(|id| self.find(id).is_none()).collect();
        packed + loose.len()
    }

    /// What kind of object `id` is, from headers alone; `None` when it is missing or damaged.
    pub fn kind(&self, id: &ObjectId) -> Option<Kind> {
        let mut at = *id;
        // A chain of deltas by id is as long as the repository has objects, at most.
        'chain: for _ in 0..self.most_numbers().max(1) {
            let Some((pack, position)) = self.find(&at) else {
                return self.folders.iter().find_map(|folder| loose::kind(folder, &at));
            };
            let pack = &self.packs[pack];
            let mut offset = pack.index.offset(position)?;
            loop {
                match pack.entry(offset).ok()?.kind {
                    EntryKind::Whole(kind) => return Some(kind),
                    // Always to a smaller offset, so this ends.
                    EntryKind::OffsetDelta(base) => offset = base,
                    EntryKind::IdDelta(base) => {
                        at = base;
                        continue 'chain;
                    }
                }
            }
        }
        None
    }

    /// Reads the object `id` from any place but the pack `except`; at most `limit` bytes.
    ///
    /// # Errors
    /// When every copy is damaged, or there is none ([`Fault::Missing`]).
    pub fn read(&self, id: &ObjectId, except: Option<usize>, limit: u64) -> Result<(Kind, Vec<u8>), Fault> {
        Reading { store: self, inflater: Inflater::default(), seen: HashSet::new(), limit }.by_id(id, except)
    }
}

/// The reading of one object: what has been looked at, so that no delta builds on itself.
struct Reading<'s> {
    store: &'s Store,
    inflater: Inflater,
    seen: HashSet<(usize, u64)>,
    limit: u64,
}

impl Reading<'_> {
    /// Any good copy of the object.
    fn by_id(&mut self, id: &ObjectId, except: Option<usize>) -> Result<(Kind, Vec<u8>), Fault> {
        let mut worst = Fault::Missing;
        for (at, pack) in self.store.packs.iter().enumerate() {
            if Some(at) == except {
                continue;
            }
            let Some(offset) = pack.index.find(id.as_bytes()).and_then(|position| pack.index.offset(position)) else {
                continue;
            };
            match self.chain(at, offset) {
                Ok(found) => return Ok(found),
                Err(fault) => worst = fault,
            }
        }
        for folder in &self.store.folders {
            let mut out = Vec::new();
            let found = loose::file(folder, id).and_then(|file| {
                let loose = loose::Loose::new(&file)?;
                let kind = loose.kind;
                loose.read_all(self.limit, &mut out).map(|()| kind)
            });
            match found {
                Ok(kind) => return Ok((kind, out)),
                Err(Fault::Missing) => {}
                Err(fault) => worst = fault,
            }
        }
        Err(worst)
    }

    /// The object whose entry starts at `offset` of a pack: down to its root, if need be in other packs,
    /// then up again delta by delta.
    fn chain(&mut self, mut at: usize, mut offset: u64) -> Result<(Kind, Vec<u8>), Fault> {
        self.seen.clear();
        let mut deltas: Vec<(usize, u64, u64)> = Vec::new();
        let (kind, mut text) = loop {
            if !self.seen.insert((at, offset)) {
                return Err(Fault::Cycle);
            }
            let pack = &self.store.packs[at];
            let entry = pack.entry(offset)?;
            match entry.kind {
                EntryKind::Whole(kind) => {
                    if entry.size > self.limit {
                        return Err(Fault::Memory(entry.size));
                    }
                    let mut text = Vec::new();
                    self.inflater.inflate(pack.slice(entry.body, u64::MAX), entry.size, &mut text)?;
                    break (kind, text);
                }
                EntryKind::OffsetDelta(base) => {
                    deltas.push((at, entry.body, entry.size));
                    offset = base;
                }
                EntryKind::IdDelta(base) => {
                    deltas.push((at, entry.body, entry.size));
                    let here = pack.index.find(base.as_bytes()).map(|position| (at, position));
                    match here.or_else(|| self.store.find(&base)) {
                        Some((next, position)) => {
                            at = next;
                            offset = self.store.packs[at].index.offset(position).ok_or(Fault::BaseMissing(base))?;
                        }
                        None => break self.loose(&base)?,
                    }
                }
            }
        };
        let (mut delta, mut next, mut copied) = (Vec::new(), Vec::new(), Vec::new());
        for (at, body, size) in deltas.into_iter().rev() {
            if size > self.limit {
                return Err(Fault::Memory(size));
            }
            self.inflater.inflate(self.store.packs[at].slice(body, u64::MAX), size, &mut delta)?;
            delta::apply(&text, &delta, self.limit, &mut next, &mut copied)?;
            std::mem::swap(&mut text, &mut next);
        }
        Ok((kind, text))
    }

    fn loose(&self, id: &ObjectId) -> Result<(Kind, Vec<u8>), Fault> {
        for folder in &self.store.folders {
            if let Ok(file) = loose::file(folder, id) {
                let loose = loose::Loose::new(&file)?;
                let (kind, mut out) = (loose.kind, Vec::new());
                loose.read_all(self.limit, &mut out)?;
                return Ok((kind, out));
            }
        }
        Err(Fault::BaseMissing(*id))
    }
}

/// The check sums and counts that tie a pack and its index together.
fn check_pack(pack: &Pack, format: Format, known: bool) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut tell = |what: &str| notices.push(Notice::new(NoticeKind::Malformed, what).at(&*pack.path).gap());
    if !known && let Err(fault) = pack.index.check() {
        tell(&fault.to_string());
    }
    if pack.index.pack_sum() != pack.sum() {
        tell("the pack's check sum is not the one in its index");
    } else if !known && pack.index.crc(0).is_none() && format.hash(pack.bytes()).as_bytes() != pack.sum() {
        // A changed distance to a base may fit another base, and an index of version 1 has no sums of entries.
        tell("the pack's check sum is wrong");
    }
    if pack.index.count() != pack.count() {
        tell("the pack holds another number of objects than its index lists");
    }
    notices
}

/// `objects` and every folder that `info/alternates` leads to, each once.
fn folders(objects: &[PathBuf], notices: &mut Vec<Notice>) -> Vec<PathBuf> {
    let mut known: HashSet<PathBuf> = HashSet::new();
    // What does not exist is not the same as anything.
    let is_new = |folder: &&PathBuf| folder.canonicalize().map_or(true, |real| known.insert(real));
    let mut found: Vec<PathBuf> = objects.iter().filter(is_new).cloned().collect();
    let mut next = 0;
    while let Some(folder) = found.get(next).cloned() {
        next += 1;
        let file = folder.join("info/alternates");
        let lines = match fs::read(&file) {
            Ok(lines) => lines,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                notices.push(Notice::new(NoticeKind::Unreadable, error.to_string()).at(file.to_string_lossy()).gap());
                continue;
            }
        };
        for line in lines.split(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches('\r');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let path = folder.join(line);
            match path.canonicalize() {
                Ok(real) if real.is_dir() => {
                    if known.insert(real) && found.len() < MOST_FOLDERS {
                        found.push(path);
                    }
                }
                _ => {
                    let notice = Notice::new(NoticeKind::MissingObject, "a borrowed object folder is missing");
                    notices.push(notice.at(path.to_string_lossy()).gap());
                }
            }
        }
    }
    found
}
