//! Entering what a scan of one repository found and covered: all of it in one commit, or nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use redb::{ReadableTable, WriteTransaction};
use sha2::{Digest as _, Sha256};

use super::coverage;
use super::life::Moment;
use super::record::{Allowed, Event, Kept, Place, Repository, Secret, Standing};
use super::rules::RuleDigests;
use super::state::{CARRIERS, PLACES, REPOSITORIES, RULES, SECRETS, State, failed, from_json, get, to_json};
use crate::error::{Error, Notice, Result};
use crate::finding::{Finding, Status};

/// What is found in one place: a finding without its secret.
#[derive(Debug, Clone)]
pub struct Found {
    /// The secret, as far as this place tells.
    pub secret: Secret,
    /// The place.
    pub place: Place,
}

/// A blob and the secrets in it. Without secrets: what stands in it did not count where it stood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carrier {
    /// Ids of the secrets, as bytes.
    pub secrets: BTreeSet<Vec<u8>>,
    /// Hashes of the paths at which it is known to have been.
    pub paths: BTreeSet<u64>,
}

/// Path and blob id of every file of a tree.
pub type Files = Vec<(Vec<u8>, Vec<u8>)>;

/// What a scan of one repository brought.
pub struct Outcome<'o> {
    /// The repository's number.
    pub repository: u32,
    /// What was found, in new objects only unless `whole`.
    pub found: Vec<Found>,
    /// Blobs with secrets among what was scanned, by id.
    pub carriers: BTreeMap<Vec<u8>, Carrier>,
    /// HEAD's tree in hex and its files, when it is another one than before.
    pub head: Option<(String, Files)>,
    /// What could not be covered, as it is told.
    pub gaps: Vec<Notice>,
    /// All gaps, with what the next run needs to know of them.
    pub kept: Kept,
    /// Whether the rest counts as covered: every gap names its object.
    pub covers: bool,
    /// Check sums of all packs.
    pub packs: Vec<Vec<u8>>,
    /// Objects that were not covered before.
    pub new: Vec<Vec<u8>>,
    /// Everything was scanned: what is not found again is not reported any more.
    pub whole: bool,
    /// Whether an object of the repository is still there, by its id in hex.
    pub exists: &'o dyn Fn(&str) -> bool,
    /// Digest of the rules it was scanned with.
    pub rules: &'o RuleDigests,
    /// Digest of the settings it was scanned under.
    pub settings: &'o str,
    /// As in [`Repository`].
    pub stamp: String,
}

/// The bytes of a secret id or fingerprint (`v1:` and 32 hex digits).
///
/// # Errors
/// When it is none.
pub fn id_bytes(id: &str) -> Result<Vec<u8>> {
    let digits = id.rsplit(':').next().unwrap_or_default().as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    bytes.filter(|bytes| bytes.len() == 16).ok_or_else(|| Error::Usage(format!("`{id}` is no keyed hash")))
}

/// The hash of a path under which a carrier is remembered.
pub fn path_hash(path: &[u8]) -> u64 {
    let digest = Sha256::digest(path);
    digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

impl Found {
    /// What the state keeps of a finding whose texts were scrubbed; nothing of its secret but keyed hashes.
    pub fn of(finding: &Finding, moment: &Moment<'_>) -> Self {
        let commit = finding.commit.as_ref();
        let introduced = commit.map(|commit| commit.date.clone()).filter(|date| !date.is_empty());
        let allowed = match &finding.status {
            Status::Open => None,
            Status::Suppressed { by, reason, owner, expires } => {
                Some(Allowed { by: by.clone(), reason: reason.clone(), owner: owner.clone(), expires: expires.clone() })
            }
        };
        let member: String = finding.origin.member.iter().flat_map(|name| ["!", name]).collect();
        Self {
            secret: Secret {
                secret_id: finding.secret_id.clone(),
                rule: finding.rule.clone(),
                provider: finding.provider.clone(),
                severity: finding.severity,
                redacted: finding.redacted.clone(),
                introduced: introduced.clone(),
                first_seen: moment.now.to_owned(),
                last_seen: moment.now.to_owned(),
                standing: Standing::Open,
                allowed_until: None,
                verified: None,
                events: vec![Event {
                    at: moment.now.to_owned(),
                    run: moment.run,
                    what: "found".to_owned(),
                    why: String::new(),
                }],
            },
            place: Place {
                fingerprint: finding.fingerprint.clone(),
                kind: finding.origin.kind.as_str().to_owned(),
                path: format!("{}{member}", finding.origin.path),
                line: finding.position.start_line,
                object: finding.origin.object.clone(),
                commit: commit.map(|commit| commit.id.clone()),
                introduced,
                in_head: commit.and_then(|commit| commit.in_head).unwrap_or(false),
                first_seen: moment.now.to_owned(),
                allowed,
            },
        }
    }
}

impl Carrier {
    fn read(bytes: &[u8]) -> Self {
        let (count, rest) =
            bytes.split_first_chunk().map_or((0, bytes), |(count, rest)| (u16::from_be_bytes(*count), rest));
        let (secrets, paths) = rest.split_at(rest.len().min(usize::from(count) * 16));
        Self {
            secrets: secrets.chunks_exact(16).map(<[u8]>::to_vec).collect(),
            paths: paths.as_chunks::<8>().0.iter().map(|path| u64::from_be_bytes(*path)).collect(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let secrets: Vec<&Vec<u8>> = self.secrets.iter().take(usize::from(u16::MAX)).collect();
        let mut bytes = (secrets.len() as u16).to_be_bytes().to_vec();
        secrets.iter().for_each(|secret| bytes.extend_from_slice(secret));
        self.paths.iter().for_each(|path| bytes.extend_from_slice(&path.to_be_bytes()));
        bytes
    }
}

/// The carriers of a repository.
///
/// # Errors
/// When the state cannot be read.
pub fn carriers(state: &State, repository: u32) -> Result<BTreeMap<Vec<u8>, Carrier>> {
    state.read(|read| all_carriers(&read.open_table(CARRIERS).map_err(failed)?, repository))
}

fn all_carriers(
    table: &impl ReadableTable<(u32, &'static [u8]), &'static [u8]>,
    repository: u32,
) -> Result<BTreeMap<Vec<u8>, Carrier>> {
    let mut found = BTreeMap::new();
    for entry in table.range((repository, &[][..])..(repository + 1, &[][..])).map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        found.insert(key.value().1.to_vec(), Carrier::read(value.value()));
    }
    Ok(found)
}

/// The rule set of this digest: rule id to digest.
///
/// # Errors
/// When the state cannot be read.
pub fn rule_set(state: &State, digest: &str) -> Result<Option<BTreeMap<String, String>>> {
    state.read(|read| get(&read.open_table(RULES).map_err(failed)?, digest))
}

/// Enters an outcome.
///
/// # Errors
/// When the state cannot be written; then it is as before.
pub fn apply(state: &State, outcome: &Outcome<'_>, moment: &Moment<'_>) -> Result<()> {
    state.write(|write| {
        let number = outcome.repository;
        let mut repositories = write.open_table(REPOSITORIES).map_err(failed)?;
        let mut record: Repository = get(&repositories, number)?
            .ok_or_else(|| Error::Usage(format!("the state knows no repository {number}")))?;
        let changed =
            !record.rules.is_empty() && (record.rules != outcome.rules.all || record.settings != outcome.settings);
        enter_places(write, outcome, moment)?;
        if outcome.whole && outcome.covers && changed {
            drop_unreported(write, outcome)?;
        }
        enter_carriers(write, outcome, &record)?;
        // Where it is not known what a gap is about, everything is scanned again.
        if outcome.whole || !outcome.covers {
            coverage::forget(write, number)?;
            record.objects = 0;
        }
        if outcome.covers {
            let kept: Vec<[u8; 16]> = outcome.new.iter().map(|id| coverage::kept(id)).collect();
            coverage::add(write, number, &outcome.packs, &kept)?;
            record.objects += kept.len() as u64;
            let mut rules = write.open_table(RULES).map_err(failed)?;
            if rules.get(&*outcome.rules.all).map_err(failed)?.is_none() {
                rules.insert(&*outcome.rules.all, &*to_json(&outcome.rules.each)?).map_err(failed)?;
            }
        }
        if outcome.gaps.is_empty() {
            moment.now.clone_into(&mut record.last_complete);
        }
        record.rules = if outcome.covers { outcome.rules.all.clone() } else { String::new() };
        outcome.settings.clone_into(&mut record.settings);
        if let Some((tree, _)) = &outcome.head {
            record.head_tree.clone_from(tree);
        }
        moment.now.clone_into(&mut record.last_run);
        record.gaps.clone_from(&outcome.gaps);
        record.kept.clone_from(&outcome.kept);
        record.stamp.clone_from(&outcome.stamp);
        repositories.insert(number, &*to_json(&record)?).map_err(failed)?;
        Ok(())
    })
}

fn enter_places(write: &WriteTransaction, outcome: &Outcome<'_>, moment: &Moment<'_>) -> Result<()> {
    let mut secrets = write.open_table(SECRETS).map_err(failed)?;
    let mut places = write.open_table(PLACES).map_err(failed)?;
    for Found { secret, place } in &outcome.found {
        let (id, fingerprint) = (id_bytes(&secret.secret_id)?, id_bytes(&place.fingerprint)?);
        let mut life = get(&secrets, &id[..])?.unwrap_or_else(|| secret.clone());
        let key = (&id[..], outcome.repository, &fingerprint[..]);
        let known: Option<Place> = get(&places, key)?;
        let place = match known {
            // What is known of its beginning stays; what the scan decided today counts.
            Some(known) => Place { allowed: place.allowed.clone(), in_head: place.in_head || known.in_head, ..known },
            None => place.clone(),
        };
        life.seen_at(&place, moment);
        life.severity = secret.severity;
        places.insert(key, &*to_json(&place)?).map_err(failed)?;
        secrets.insert(&id[..], &*to_json(&life)?).map_err(failed)?;
    }
    Ok(())
}

/// Places that other rules or settings reported, and today's do not although their objects are there.
fn drop_unreported(write: &WriteTransaction, outcome: &Outcome<'_>) -> Result<()> {
    let mut found = HashSet::new();
    for Found { secret, place } in &outcome.found {
        found.insert((id_bytes(&secret.secret_id)?, id_bytes(&place.fingerprint)?));
    }
    let mut places = write.open_table(PLACES).map_err(failed)?;
    let mut changed = Vec::new();
    for entry in places.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        let (secret, repository, fingerprint) = key.value();
        if repository != outcome.repository || found.contains(&(secret.to_vec(), fingerprint.to_vec())) {
            continue;
        }
        let mut place: Place = from_json(value.value())?;
        if place.object.as_deref().is_some_and(outcome.exists) {
            let reason = Some("today's rules and settings do not report it".to_owned());
            place.allowed = Some(Allowed { by: "rules".to_owned(), reason, owner: None, expires: None });
            changed.push((secret.to_vec(), fingerprint.to_vec(), place));
        }
    }
    for (secret, fingerprint, place) in changed {
        places.insert((&secret[..], outcome.repository, &fingerprint[..]), &*to_json(&place)?).map_err(failed)?;
    }
    Ok(())
}

/// Remembers which blobs have secrets, and with a new HEAD which places it has.
fn enter_carriers(write: &WriteTransaction, outcome: &Outcome<'_>, record: &Repository) -> Result<()> {
    let number = outcome.repository;
    let mut table = write.open_table(CARRIERS).map_err(failed)?;
    let mut all = all_carriers(&table, number)?;
    let mut touched: BTreeSet<Vec<u8>> = BTreeSet::new();
    for (blob, carrier) in &outcome.carriers {
        let known = all.entry(blob.clone()).or_default();
        known.secrets.extend(carrier.secrets.iter().cloned());
        known.paths.extend(&carrier.paths);
        touched.insert(blob.clone());
    }
    if let Some((_, files)) = &outcome.head {
        let mut in_head: HashSet<(Vec<u8>, String)> = HashSet::new();
        for (path, blob) in files {
            let Some(carrier) = all.get_mut(blob) else { continue };
            if carrier.paths.insert(path_hash(path)) {
                touched.insert(blob.clone());
            }
            let path = String::from_utf8_lossy(path);
            in_head.extend(carrier.secrets.iter().map(|secret| (secret.clone(), path.clone().into_owned())));
        }
        mark_head(write, number, &in_head, record)?;
    }
    for blob in touched {
        if let Some(carrier) = all.get(&blob) {
            table.insert((number, &blob[..]), &*carrier.bytes()).map_err(failed)?;
        }
    }
    Ok(())
}

fn mark_head(
    write: &WriteTransaction,
    number: u32,
    in_head: &HashSet<(Vec<u8>, String)>,
    record: &Repository,
) -> Result<()> {
    let mut places = write.open_table(PLACES).map_err(failed)?;
    let mut secrets = write.open_table(SECRETS).map_err(failed)?;
    let mut changed = Vec::new();
    for entry in places.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        let (secret, repository, fingerprint) = key.value();
        if repository != number {
            continue;
        }
        let mut place: Place = from_json(value.value())?;
        let path = place.path.split('!').next().unwrap_or_default().to_owned();
        let has = place.kind == "blob" || place.kind == "archive";
        let has = has && in_head.contains(&(secret.to_vec(), path));
        if has != place.in_head {
            place.in_head = has;
            changed.push((secret.to_vec(), fingerprint.to_vec(), place));
        }
    }
    for (secret, fingerprint, place) in changed {
        if !place.in_head
            && !record.last_complete.is_empty()
            && let Some(mut life) = get::<_, Secret>(&secrets, &secret[..])?
            && life.last_seen < record.last_complete
        {
            // The last run that saw it in HEAD.
            life.last_seen.clone_from(&record.last_complete);
            secrets.insert(&secret[..], &*to_json(&life)?).map_err(failed)?;
        }
        places.insert((&secret[..], number, &fingerprint[..]), &*to_json(&place)?).map_err(failed)?;
    }
    Ok(())
}
