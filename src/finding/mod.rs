//! A finding and everything said about it: plain data, filled in as it passes the stations.
//!
//! The engine's [`Match`](crate::engine::Match) comes in; the pipeline places it (position, excerpt), a git source
//! attributes it (path, commit), the filter decides whether it is shown, a report prints it.

#[cfg(feature = "cli")]
pub mod identity;
pub mod origin;
pub mod position;
pub mod redact;
pub mod result;

use serde::{Deserialize, Serialize};

pub use origin::{Commit, Origin, OriginKind};
pub use position::Position;
pub use result::{Coverage, CoverageCount, Exclusion, ScanResult, Summary};

use crate::secret::Secret;

/// How bad it is when this kind of credential leaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Public by design or of little use alone.
    Low,
    /// Limited access.
    Medium,
    /// Access to an account's data.
    High,
    /// Control over an account, code or money.
    Critical,
}

impl Severity {
    /// The word used on the command line and in every report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// One reason that moved the confidence, in words a person understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Points added (or taken away). The first reason of a finding is the rule's base confidence.
    pub points: i16,
    /// Why.
    pub text: std::borrow::Cow<'static, str>,
}

impl Reason {
    /// A reason of so many points.
    pub fn new(points: i16, text: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self { points, text: text.into() }
    }
}

/// Another piece of the same credential (the key id beside a secret key).
#[derive(Debug, Clone)]
pub struct Part {
    /// The rule that found it.
    pub rule: String,
    /// Its bytes.
    pub secret: Secret,
    /// Its masked form.
    pub redacted: String,
    /// Where it stands.
    pub position: Position,
}

/// What became of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Status {
    /// It is shown and counts for the exit status.
    Open,
    /// Somebody accepted it: it is listed as suppressed and does not count.
    Suppressed {
        /// What suppressed it: `inline`, `allowlist`, `ignore-file`, `baseline`.
        by: String,
        /// The reason given, or what matched.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Who accepted it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// Until when (YYYY-MM-DD, included).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<String>,
    },
}

/// An allow comment found beside a finding; the filter decides whether it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineAllow {
    /// The form: `keysweep:allow`, `gitleaks:allow`, `betterleaks:allow`, `pragma: allowlist secret`, ...
    pub form: String,
    /// The rule it names; none means any rule.
    pub rule: Option<String>,
    /// The reason it gives.
    pub reason: Option<String>,
}

/// A leaked credential: what, where, how sure, and what was decided about it.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Rule id.
    pub rule: String,
    /// Who issues this kind of credential.
    pub provider: String,
    /// The kind, in one line.
    pub description: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure we are, 0 to 100.
    pub confidence: u8,
    /// What made the confidence.
    pub reasons: Vec<Reason>,
    /// Where the bytes came from, enough to read the secret again.
    pub origin: Origin,
    /// Line and column range.
    pub position: Position,
    /// The commit that brought it, where git knows.
    pub commit: Option<Commit>,
    /// The secret itself.
    pub secret: Secret,
    /// Its masked form: the rule's public prefix and nothing more.
    pub redacted: String,
    /// The line it stands on, every candidate on it masked, at most 240 characters.
    pub excerpt: String,
    /// Bytes of `excerpt` where the secret or its mask stands; empty when it cannot be shown as one piece.
    pub excerpt_mark: std::ops::Range<usize>,
    /// Other pieces of the same credential.
    pub parts: Vec<Part>,
    /// Things read out of the credential offline (`account` = `123456789012`).
    pub facts: Vec<(String, String)>,
    /// Shannon entropy of the secret, bits per byte.
    pub entropy: f32,
    /// The rule's tags.
    pub tags: Vec<String>,
    /// Keyed hash over rule, secret and path: `v1:` and 32 hex digits; empty until the filter computed it.
    pub fingerprint: String,
    /// Keyed hash over rule and secret; empty until the filter computed it.
    pub secret_id: String,
    /// An allow comment beside it, whether or not it counts.
    pub inline_allow: Option<InlineAllow>,
    /// The rule, for certain files alone, that explains the same text better: in those files this is no finding.
    pub gives_way: Option<String>,
    /// Numbers of the allowlists whose patterns over the match or its line hold, noted while the bytes were there.
    pub context_hits: Vec<u16>,
    /// What was decided.
    pub status: Status,
}
