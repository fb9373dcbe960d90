//! The secrets in a history's blobs: which stand in which blob, and the one finding that is made for each place.
//!
//! Most secrets stand in hundreds of versions of a file. All of them are kept as [`Sighting`]s; a finding is made of the
//! version that is shown, by reading that blob once more.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::contents::Blob;
use super::gaps::Gaps;
use super::history::History;
use super::trees::Wanted;
use super::{Repo, index};
use crate::error::{Notice, NoticeKind};
use crate::finding::{Commit, Finding, OriginKind};
use crate::source::history::object::ObjectId;
use crate::source::history::reader::{self, Shown, Sighting, TextReader};

/// Index of a secret: a rule and what it found.
pub(super) type Key = u32;

/// From so many blobs on findings are made on all cores.
const PARALLEL: usize = 16;

/// What is known of the secrets in blobs.
pub(super) struct Secrets {
    /// Secrets of each blob, sorted.
    pub(super) of_blob: Vec<Vec<Key>>,
    /// How sure the first sighting of a secret in a blob is.
    sure: HashMap<(Key, Blob), u8>,
    /// Findings that were made already (texts that were decoded, or too large to be held).
    ready: HashMap<(Key, Blob), Finding>,
    keys: Vec<u128>,
    /// Secrets that some commit has.
    pub(super) attributed: HashSet<Key>,
}

/// A finding to be made: which secret in which blob, and what attribution says of it.
pub(super) struct Attributed {
    pub(super) key: Key,
    pub(super) blob: Blob,
    pub(super) path: String,
    pub(super) commit: Option<Commit>,
    /// Only notes reach it.
    pub(super) is_note: bool,
    /// How it can be reached, when no commit has it.
    pub(super) reach: Option<&'static str>,
}

impl Secrets {
    /// The secrets of `sightings` and `findings` in the blobs of `wanted`; the history says which blob a number is.
    pub(super) fn new(
        history: &History,
        wanted: &Wanted,
        sightings: &[Sighting],
        findings: Vec<Finding>,
        key_of: &dyn Fn(&Finding) -> u128,
    ) -> Self {
        let mut secrets = Self {
            of_blob: vec![Vec::new(); wanted.blobs.len()],
            sure: HashMap::new(),
            ready: HashMap::new(),
            keys: Vec::new(),
            attributed: HashSet::new(),
        };
        let mut numbers: HashMap<u128, Key> = HashMap::new();
        let mut number = |secret: u128, keys: &mut Vec<u128>| {
            *numbers.entry(secret).or_insert_with(|| {
                keys.push(secret);
                (keys.len() - 1) as Key
            })
        };
        let mut blobs: HashMap<u32, Option<Blob>> = HashMap::new();
        for sighting in sightings {
            let find = || history.store.id(sighting.blob).and_then(|id| wanted.blobs.get(&id).copied());
            let Some(blob) = *blobs.entry(sighting.blob).or_insert_with(find) else { continue };
            let key = number(sighting.secret, &mut secrets.keys);
            // Sorted by place within a secret and blob: the first counts.
            secrets.sure.entry((key, blob)).or_insert(sighting.confidence);
            secrets.of_blob[blob as usize].push(key);
        }
        for finding in findings {
            let id = finding.origin.object.as_deref().and_then(|hex| ObjectId::from_hex(hex.as_bytes()));
            let Some(&blob) = id.and_then(|id| wanted.blobs.get(&id)) else { continue };
            let key = number(key_of(&finding), &mut secrets.keys);
            secrets.of_blob[blob as usize].push(key);
            match secrets.ready.get_mut(&(key, blob)) {
                Some(first) if first.position <= finding.position => continue,
                Some(first) => *first = finding.clone(),
                None => drop(secrets.ready.insert((key, blob), finding.clone())),
            }
            secrets.sure.insert((key, blob), finding.confidence);
        }
        for keys in &mut secrets.of_blob {
            keys.sort_unstable();
            keys.dedup();
        }
        secrets
    }

    /// The secrets of a blob; what is looked for because it is missing has none.
    pub(super) fn of(&self, blob: Option<Blob>) -> &[Key] {
        blob.and_then(|blob| self.of_blob.get(blob as usize)).map_or(&[], Vec::as_slice)
    }

    /// How sure it is that a blob has a secret; `None` when it has not.
    pub(super) fn confidence(&self, key: Key, blob: Blob) -> Option<u8> {
        self.sure.get(&(key, blob)).copied()
    }

    /// One finding for each secret that no commit has. Those of the index get their path.
    pub(super) fn orphans(&self, repo: &Repo, wanted: &Wanted) -> Vec<Attributed> {
        let mut first: BTreeMap<Key, ObjectId> = BTreeMap::new();
        let mut ids: Vec<(&ObjectId, Blob)> = wanted.blobs.iter().map(|(id, &blob)| (id, blob)).collect();
        ids.sort();
        for (id, blob) in &ids {
            for &key in self.of_blob[*blob as usize].iter().filter(|key| !self.attributed.contains(key)) {
                first.entry(key).or_insert(**id);
            }
        }
        if first.is_empty() {
            return Vec::new();
        }
        let staged = index::read(repo).unwrap_or_default().into_iter();
        let staged: HashMap<String, Vec<u8>> = staged.map(|entry| (entry.id.to_string(), entry.path)).collect();
        let orphan = |(key, id): (Key, ObjectId)| {
            let path = staged.get(&id.to_string());
            Some(Attributed {
                key,
                blob: *wanted.blobs.get(&id)?,
                path: path.map(|path| String::from_utf8_lossy(path).into_owned()).unwrap_or_default(),
                commit: None,
                is_note: false,
                reach: Some(if path.is_some() { "staged, in no commit" } else { "unreachable, in no commit" }),
            })
        };
        first.into_iter().filter_map(orphan).collect()
    }

    /// Makes the findings.
    pub(super) fn findings<T: TextReader>(
        &self,
        history: &History,
        repo: &Repo,
        attributed: Vec<Attributed>,
        gaps: &Gaps,
        make: &(dyn Fn() -> T + Sync),
    ) -> Vec<Finding> {
        let mut by_blob: BTreeMap<Blob, Vec<Attributed>> = BTreeMap::new();
        for one in attributed {
            by_blob.entry(one.blob).or_default().push(one);
        }
        let ids: HashMap<Blob, ObjectId> = history.wanted.blobs.iter().map(|(id, &blob)| (blob, *id)).collect();
        let shown = repo.shown();
        let one = |text: &mut T, (blob, wanted): (Blob, Vec<Attributed>)| {
            let Some(id) = ids.get(&blob) else { return Vec::new() };
            let mut there: HashMap<u128, Finding> = HashMap::new();
            if wanted.iter().any(|one| !self.ready.contains_key(&(one.key, blob))) {
                match history.store.read(id, None, history.walk.memory.max(1 << 20)) {
                    Ok((_, bytes)) => {
                        let origin = reader::Blob { object: Shown::Named(id), shown, store: &history.store }.origin();
                        for finding in text.place(&bytes, origin) {
                            let key = text.secret_key(&finding);
                            match there.get(&key) {
                                Some(first) if first.position <= finding.position => {}
                                _ => drop(there.insert(key, finding)),
                            }
                        }
                    }
                    Err(fault) => gaps.add(
                        Notice::new(
                            NoticeKind::Unreadable,
                            format!("a blob with a secret cannot be read again: {fault}"),
                        )
                        .object(id.to_string())
                        .gap(),
                    ),
                }
            }
            let finding = |one: Attributed| {
                let made = self.ready.get(&(one.key, blob)).or_else(|| there.get(&self.keys[one.key as usize]));
                let mut finding = made?.clone();
                finding.origin.path = one.path;
                finding.origin.repository = Some(shown.to_owned());
                if one.is_note {
                    finding.origin.kind = OriginKind::Note;
                }
                finding.commit = one.commit;
                finding.facts.extend(one.reach.map(|reach| ("reach".to_owned(), reach.to_owned())));
                Some(finding)
            };
            wanted.into_iter().filter_map(finding).collect::<Vec<_>>()
        };
        if by_blob.len() < PARALLEL {
            let mut text = make();
            return by_blob.into_iter().flat_map(|blob| one(&mut text, blob)).collect();
        }
        by_blob.into_par_iter().map_init(make, one).flatten_iter().collect()
    }
}
