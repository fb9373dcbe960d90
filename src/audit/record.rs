//! What the state keeps, as plain data: one record per repository, secret, place and run. Serialized as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Notice;
use crate::finding::Severity;

/// What a state says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The form: see [`super::state::SCHEMA`].
    pub schema: u32,
    /// Which key its hashes are made with.
    pub key_id: String,
    /// When it was made, RFC 3339 in UTC.
    pub made: String,
    /// The number of the next run.
    pub next_run: u64,
}

/// A repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its path, absolute, or its address.
    pub name: String,
    /// When it was seen first, RFC 3339 in UTC.
    pub first_seen: String,
    /// When it was looked at last.
    pub last_run: String,
    /// When all of it was covered last; empty when never.
    #[serde(default)]
    pub last_complete: String,
    /// Digest of the rule set that covered it; empty when nothing did.
    #[serde(default)]
    pub rules: String,
    /// Digest of the settings it was covered under.
    #[serde(default)]
    pub settings: String,
    /// Covered objects.
    #[serde(default)]
    pub objects: u64,
    /// Tree of HEAD when it was looked at last, in hex.
    #[serde(default)]
    pub head_tree: String,
    /// What could not be covered, as it is told: of many the first are named, and accepted ones are none.
    #[serde(default)]
    pub gaps: Vec<Notice>,
    /// What the next run goes on from.
    #[serde(default, skip_serializing_if = "Kept::is_empty")]
    pub kept: Kept,
    /// Names it had before, the last one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formerly: Vec<String>,
    /// What its files were when nothing was left to look at (`source::git::stamp`); empty where that is not sure.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stamp: String,
}

/// What is known of the gaps of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// All of them by name, as they were found: what is accepted today may count tomorrow.
    pub gaps: Vec<Notice>,
    /// Of missing objects a commit that needs them (both in hex; empty where it is not known).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lacks: BTreeMap<String, String>,
    /// What refs named when that was found, ids in hex with spaces between; empty when nothing is missing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tips: String,
}

impl Kept {
    fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }
}

/// How a secret stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Nobody proved it dead, nobody accepted it.
    #[default]
    Open,
    /// Rotated, and its death was proven.
    Proven,
    /// Somebody accepted it.
    Accepted,
}

/// What happened to a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// In which run.
    pub run: u64,
    /// `found`, `reopened`, `proven`, `accepted`, `live`, `dead`.
    pub what: String,
    /// Why, in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A secret over all repositories and places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
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
    /// Date of the oldest commit that brought it, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduced: Option<String>,
    /// When a run saw it first.
    pub first_seen: String,
    /// When a run saw it last: in new objects, or still in HEAD.
    pub last_seen: String,
    /// How it stands.
    pub standing: Standing,
    /// Until when it is accepted (YYYY-MM-DD, included).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_until: Option<String>,
    /// What its issuer said last, when somebody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// What happened to it, oldest first.
    pub events: Vec<Event>,
}

/// What the issuer said of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When it was asked, RFC 3339 in UTC.
    pub at: String,
    /// Whether the secret lives.
    pub live: bool,
}

/// Why a place does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// What says so: `inline`, `allowlist`, `ignore-file`, `baseline`, `config`.
    pub by: String,
    /// The reason given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when (YYYY-MM-DD, included).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// A place of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Keyed hash over rule, secret and path.
    pub fingerprint: String,
    /// `blob`, `message`, `ref`, `note`, ...
    pub kind: String,
    /// The path; empty where there is none.
    pub path: String,
    /// Line of the version that was seen first, from 1.
    pub line: u32,
    /// The object that was seen first, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The commit that brought it, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// That commit's date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduced: Option<String>,
    /// Whether HEAD has it.
    pub in_head: bool,
    /// When a run saw it first.
    pub first_seen: String,
    /// Why it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Allowed>,
}

/// A run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its number, from 1.
    pub number: u64,
    /// When it began and ended, RFC 3339 in UTC.
    pub began: String,
    /// See `began`; empty while it runs, and when it never ended.
    #[serde(default)]
    pub ended: String,
    /// Which part of the repositories it was about, as `K/N`; nothing when it was about all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Repositories that were asked for.
    pub repositories: u64,
    /// Of those, how many were covered without a gap.
    pub complete: u64,
    /// Objects that were new.
    pub new_objects: u64,
    /// Secrets found for the first time.
    pub found: u64,
    /// Secrets that were closed and are open again.
    pub reopened: u64,
    /// Secrets that were closed.
    pub closed: u64,
    /// Open secrets at its end, by severity.
    #[serde(default)]
    pub open: BTreeMap<String, u64>,
}
