//! The words of rotation as plain data: strategies, outcomes, what a probe says, how an owner is bound to a value.
//!
//! Everything here is safe to write down: no type of this file holds a secret.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How a kind of credential can be turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Old and new live together for a while: no downtime.
    TwoPhase,
    /// Making the new one kills the old one: destinations are checked first, nothing is retried blindly.
    OnePhase,
    /// There is no way to make a new one; the old one can be killed.
    RevokeOnly,
    /// A person does it at a console; death is proven afterwards.
    Manual,
}

impl Strategy {
    /// The word plans and reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwoPhase => "two-phase",
            Self::OnePhase => "one-phase",
            Self::RevokeOnly => "revoke-only",
            Self::Manual => "manual",
        }
    }

    /// Whether a replacement is made.
    pub fn issues(self) -> bool {
        matches!(self, Self::TwoPhase | Self::OnePhase)
    }
}

/// Who thinks of the new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chooser {
    /// We do: it is escrowed before it is set, and setting it again is harmless.
    Us,
    /// The issuer does, and shows it once.
    Issuer,
}

/// What may be done when the answer to a call is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// Doing it twice is the same as doing it once.
    RetrySafe,
    /// Read first what became of it.
    ReconcileFirst,
    /// Read what became of it; where it was not done, a person decides.
    Never,
}

/// Why a step was surely not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It may work later: busy, not reachable, not there yet.
    Transient,
    /// It will not work until somebody changes something.
    Final,
}

/// How a step ended, as far as anybody can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was surely not done.
    NotDone(Fault),
    /// Nobody knows: the answer was lost.
    Unknown,
}

/// An outcome with its story. Never holds a secret: the journal refuses lines that do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, in one sentence.
    pub note: String,
    /// Public facts worth keeping (`id` of the new credential).
    pub facts: BTreeMap<String, String>,
}

impl Report {
    /// It was done.
    pub fn done(note: impl Into<String>) -> Self {
        Self { outcome: Outcome::Done, note: note.into(), facts: BTreeMap::new() }
    }

    /// It was not done and will not be until somebody changes something.
    pub fn refused(note: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotDone(Fault::Final), note: note.into(), facts: BTreeMap::new() }
    }

    /// It was not done, but may be later.
    pub fn later(note: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotDone(Fault::Transient), note: note.into(), facts: BTreeMap::new() }
    }

    /// Nobody knows whether it was done.
    pub fn unknown(note: impl Into<String>) -> Self {
        Self { outcome: Outcome::Unknown, note: note.into(), facts: BTreeMap::new() }
    }

    /// The same report with a public fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// What the issuer says about a value. Only a definite answer counts: an outage proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It was let in.
    Live(String),
    /// The issuer refused this very value, in the way it refuses dead ones.
    Dead(String),
    /// Anything else: an outage, a limit, a page from somewhere between.
    Unknown(String),
}

impl Probe {
    /// The word evidence uses.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Live(_) => "live",
            Self::Dead(_) => "dead",
            Self::Unknown(_) => "unknown",
        }
    }

    /// What was answered.
    pub fn detail(&self) -> &str {
        match self {
            Self::Live(text) | Self::Dead(text) | Self::Unknown(text) => text,
        }
    }
}

/// How we know that the object we are about to change is the leaked value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// The value itself was let in, and the issuer said whose it is.
    SelfEndpoint,
    /// The object's id stands in the value.
    IdInSecret,
    /// A list of values holds exactly this one.
    ExactMatch,
    /// A prefix, the last four characters, "the only one": nothing may be changed.
    Ambiguous,
}

/// Whose a credential is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The owner, as the allow-list names it: `aws:123456789012:user/app`, `postgresql:main:app`.
    pub owner: String,
    /// The object's id at the issuer: what is changed, and what the run is locked by.
    pub id: String,
    /// How the two belong together.
    pub binding: Binding,
    /// Whether it lives: `live`, `dead` or `unknown`.
    pub liveness: String,
    /// More that a person wants to know (rights, last use, expiry). Public.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// What else ends with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_dies: Vec<String>,
}

/// How a call that changes something is known to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// It ran against the real thing, or an independent emulator of it.
    Server,
    /// It was checked against a published description.
    Contract,
    /// A published reference page says so, and the simulator agrees.
    Documented,
    /// From memory: refused unless the operator insists.
    Unproven,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Contract => "contract",
            Self::Documented => "documented",
            Self::Unproven => "unproven",
        })
    }
}

/// Why something could not be read or begun. Its text never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Somebody must change something first.
    #[error("{0}")]
    Refused(String),
    /// Nobody could be asked; later it may work.
    #[error("{0}")]
    Unreachable(String),
}

impl Trouble {
    /// The trouble as the report of a step that reads.
    pub fn report(&self) -> Report {
        match self {
            Self::Refused(note) => Report::refused(note.clone()),
            Self::Unreachable(note) => Report::later(note.clone()),
        }
    }
}
