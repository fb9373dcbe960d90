//! The audit's JSON document, as plain data. `docs/schema/keysweep-audit-1.schema.json` describes it; a change that breaks
//! a reader is schema 2.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::record::{Event, Place, Repository, Run, Secret, Standing, Verified};
use super::settle::Life;
use crate::error::Notice;
use crate::finding::Severity;

/// The version of the document.
pub const SCHEMA: u32 = 1;

/// What wrote a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `keysweep`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A whole document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Version of its form: 1.
    pub schema: u32,
    /// `audit`.
    pub kind: String,
    /// What wrote it.
    pub tool: Tool,
    /// Which key the secrets' ids are made with.
    pub key_id: String,
    /// This run.
    pub run: Run,
    /// The runs before it, oldest first.
    pub runs: Vec<Run>,
    /// How much is open and how old, how long it takes to detect and to close, what is covered.
    pub figures: Figures,
    /// All secrets, open ones first, the worst first.
    pub secrets: Vec<SecretEntry>,
    /// All repositories the state knows, by name.
    pub repositories: Vec<RepositoryEntry>,
    /// What this run did not cover, and what else is worth knowing.
    pub notices: Vec<Notice>,
}

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretEntry {
    /// Keyed hash over rule and secret.
    pub secret_id: String,
    /// Rule id.
    pub rule: String,
    /// Who issues it.
    pub provider: String,
    /// How bad a leak is.
    pub severity: Severity,
    /// Its masked form.
    pub redacted: String,
    /// How it stands.
    pub standing: Standing,
    /// Whether this run found it or opened it again.
    pub new: bool,
    /// Whether HEAD of a repository has it.
    pub in_head: bool,
    /// Date of the oldest commit that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduced: Option<String>,
    /// When a run saw it first.
    pub first_seen: String,
    /// When a run saw it last.
    pub last_seen: String,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    /// Until when it is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_until: Option<String>,
    /// What its issuer said last, when somebody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// What happened to it, oldest first.
    pub events: Vec<Event>,
    /// Its places, by repository and path.
    pub places: Vec<PlaceEntry>,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceEntry {
    /// The repository's name.
    pub repository: String,
    /// The place.
    #[serde(flatten)]
    pub place: Place,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryEntry {
    /// Its path or address.
    pub name: String,
    /// Names it had before, the last one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formerly: Vec<String>,
    /// When it was seen first, looked at last, covered whole last (empty when never).
    pub first_seen: String,
    /// See `first_seen`.
    pub last_run: String,
    /// See `first_seen`.
    pub last_complete: String,
    /// Covered objects.
    pub objects: u64,
    /// Open secrets in it.
    pub open: u64,
    /// What could not be covered.
    pub gaps: Vec<Notice>,
}

/// What a document is made of.
#[derive(Debug)]
pub struct Parts<'p> {
    /// Which key the secrets' ids are made with.
    pub key_id: &'p str,
    /// This run, and those before.
    pub run: &'p Run,
    /// See `run`.
    pub runs: &'p [Run],
    /// The last run that ended before this one; 0 for none.
    pub after: u64,
    /// All secrets.
    pub lives: &'p [Life],
    /// All repositories.
    pub repositories: &'p BTreeMap<u32, Repository>,
    /// Trouble.
    pub notices: &'p [Notice],
}

impl Document {
    /// The document of a run.
    pub fn new(parts: &Parts<'_>) -> Self {
        let mut secrets: Vec<SecretEntry> = parts.lives.iter().map(|life| secret(life, parts)).collect();
        secrets.sort_by(|a, b| {
            let order =
                |entry: &SecretEntry| (entry.standing, std::cmp::Reverse((entry.severity, entry.new, entry.in_head)));
            (order(a), &a.first_seen, &a.secret_id).cmp(&(order(b), &b.first_seen, &b.secret_id))
        });
        let mut open: BTreeMap<u32, u64> = BTreeMap::new();
        for life in parts.lives.iter().filter(|life| life.secret.standing == Standing::Open) {
            let of: BTreeSet<u32> = life.places.iter().map(|(number, _)| *number).collect();
            of.into_iter().for_each(|number| *open.entry(number).or_default() += 1);
        }
        let mut repositories: Vec<RepositoryEntry> = parts
            .repositories
            .iter()
            .map(|(number, record)| repository(record, open.get(number).copied().unwrap_or_default()))
            .collect();
        repositories.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            schema: SCHEMA,
            kind: "audit".to_owned(),
            tool: Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            key_id: parts.key_id.to_owned(),
            run: parts.run.clone(),
            runs: parts.runs.to_vec(),
            figures: Figures::of(parts.lives, parts.repositories, &parts.run.ended),
            secrets,
            repositories,
            notices: parts.notices.to_vec(),
        }
    }
}

fn secret(life: &Life, parts: &Parts<'_>) -> SecretEntry {
    let Secret { secret_id, rule, provider, severity, redacted, introduced, standing, allowed_until, .. } =
        &life.secret;
    let name = |number: &u32| parts.repositories.get(number).map(|record| record.name.clone()).unwrap_or_default();
    let mut places: Vec<PlaceEntry> = life
        .places
        .iter()
        .map(|(number, place)| PlaceEntry { repository: name(number), place: place.clone() })
        .collect();
    places.sort_by(|a, b| (&a.repository, &a.place.path).cmp(&(&b.repository, &b.place.path)));
    let in_head = |(_, place): &&(u32, Place)| place.in_head;
    // While HEAD has it, every complete look at the repository sees it.
    let looked = life.places.iter().filter(in_head).filter_map(|(number, _)| parts.repositories.get(number));
    let last_seen = looked.map(|record| &record.last_complete).chain([&life.secret.last_seen]).max();
    SecretEntry {
        secret_id: secret_id.clone(),
        rule: rule.clone(),
        provider: provider.clone(),
        severity: *severity,
        redacted: redacted.clone(),
        standing: *standing,
        new: life.secret.is_new_since(parts.after),
        in_head: life.places.iter().any(|place| in_head(&place)),
        introduced: introduced.clone(),
        first_seen: life.secret.first_seen.clone(),
        last_seen: last_seen.cloned().unwrap_or_default(),
        closed: life.secret.closed_at().map(str::to_owned),
        allowed_until: allowed_until.clone(),
        verified: life.secret.verified.clone(),
        events: life.secret.events.clone(),
        places,
    }
}

fn repository(record: &Repository, open: u64) -> RepositoryEntry {
    RepositoryEntry {
        name: record.name.clone(),
        formerly: record.formerly.clone(),
        first_seen: record.first_seen.clone(),
        last_run: record.last_run.clone(),
        last_complete: record.last_complete.clone(),
        objects: record.objects,
        open,
        gaps: record.gaps.clone(),
    }
}
