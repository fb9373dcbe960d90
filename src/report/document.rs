//! The versioned JSON document, as plain data: what `json` writes, what `jsonl` writes in pieces, what other commands
//! read back. `docs/schema/keysweep-report-1.schema.json` describes it; a change that breaks a reader is schema 2.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ReportOptions;
use super::group::{SecretGroup, by_secret};
use crate::error::Notice;
use crate::finding::{
    Commit, Coverage, Exclusion, Finding, Origin, Part, Position, Reason, ScanResult, Severity, Status, Summary,
};
use crate::secret::Secret;

/// The version of the document.
pub const SCHEMA: u32 = 1;

/// A whole report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this document's form: 1.
    pub schema: u32,
    /// What wrote it.
    pub tool: Tool,
    /// What was asked (`files .`, `staged`, `history /srv/repo`).
    pub mode: String,
    /// When the scan began and ended, RFC 3339 in UTC.
    pub started: String,
    /// See `started`.
    pub ended: String,
    /// Which key fingerprints and secret ids are made with.
    pub key_id: String,
    /// One entry per secret, however many places it stands in.
    pub secrets: Vec<SecretEntry>,
    /// One entry per place, sorted by path, position and rule.
    pub findings: Vec<FindingEntry>,
    /// What would be a finding, had nobody accepted it.
    pub suppressed: Vec<FindingEntry>,
    /// What was covered.
    pub coverage: Coverage,
    /// What the operator left out.
    pub exclusions: Vec<Exclusion>,
    /// Trouble; a `gap` makes the scan incomplete.
    pub notices: Vec<Notice>,
    /// Figures.
    pub summary: Totals,
}

/// What wrote a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `keysweep`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A secret, in all its places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// How many findings it has.
    pub places: usize,
    /// Their indexes in `findings`.
    pub findings: Vec<usize>,
    /// Author date of the oldest commit among its findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// When its last place lost it: the date of the removing commit, or when the scan ended while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Days between the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_exposed: Option<u64>,
}

/// One place of a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingEntry {
    /// Rule id.
    pub rule: String,
    /// Who issues it.
    pub provider: String,
    /// The kind, in one line.
    pub description: String,
    /// How bad a leak is.
    pub severity: Severity,
    /// How sure we are, 0 to 100.
    pub confidence: u8,
    /// What made the confidence; the first is the rule's base.
    pub reasons: Vec<Reason>,
    /// Keyed hash over rule, secret and path.
    pub fingerprint: String,
    /// Keyed hash over rule and secret.
    pub secret_id: String,
    /// Open or suppressed, and by what.
    pub status: Status,
    /// Where the bytes came from.
    pub origin: Origin,
    /// Lines and columns, 1-based, end exclusive.
    pub position: Position,
    /// The commit that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// The secret's masked form.
    pub redacted: String,
    /// The secret in clear, only with `--show-secrets`.
    #[serde(flatten)]
    pub clear: Clear,
    /// The line it stands on, masked.
    pub excerpt: String,
    /// Other pieces of the same credential.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartEntry>,
    /// Things read out of the credential offline.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// Shannon entropy, bits per byte.
    pub entropy: f64,
    /// The rule's tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rotate: String,
    /// The provider's page about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
}

/// A secret in clear: as text where it is UTF-8, else as base64; nothing unless asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clear {
    /// As text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// As base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base64: Option<String>,
}

impl Clear {
    fn new(secret: &Secret, show: bool) -> Self {
        if !show {
            return Self::default();
        }
        match std::str::from_utf8(secret.expose()) {
            Ok(text) => Self { secret: Some(text.to_owned()), secret_base64: None },
            Err(_) => {
                use base64::Engine as _;
                let encoded = base64::engine::general_purpose::STANDARD.encode(secret.expose());
                Self { secret: None, secret_base64: Some(encoded) }
            }
        }
    }
}

/// Another piece of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// The rule that found it.
    pub rule: String,
    /// Its masked form.
    pub redacted: String,
    /// In clear, only with `--show-secrets`.
    #[serde(flatten)]
    pub clear: Clear,
    /// Where it stands.
    pub position: Position,
}

/// Figures of a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Open findings.
    pub findings: usize,
    /// Different secrets among them.
    pub secrets: usize,
    /// Suppressed findings.
    pub suppressed: usize,
    /// Gaps in coverage.
    pub gaps: usize,
    /// Bytes that went through the engine.
    pub bytes: u64,
    /// Rules that were on.
    pub rules: u32,
    /// Wall time in seconds, to the millisecond.
    pub seconds: f64,
}

impl Report {
    /// The document of `result`.
    pub fn new(result: &ScanResult, options: &ReportOptions<'_>) -> Self {
        let open: Vec<&Finding> = result.open().collect();
        let secrets: Vec<SecretEntry> =
            by_secret(&open, &result.ended).into_iter().map(|group| secret(&open, group)).collect();
        Self {
            schema: SCHEMA,
            tool: Tool::this(),
            mode: result.mode.clone(),
            started: result.started.clone(),
            ended: result.ended.clone(),
            key_id: result.key_id.clone(),
            summary: Totals::new(result, secrets.len()),
            secrets,
            findings: open.iter().map(|finding| FindingEntry::new(finding, options)).collect(),
            suppressed: result.suppressed().map(|finding| FindingEntry::new(finding, options)).collect(),
            coverage: result.coverage.clone(),
            exclusions: result.exclusions.clone(),
            notices: result.notices.clone(),
        }
    }
}

impl Tool {
    /// This program.
    pub fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

impl Totals {
    pub(crate) fn new(result: &ScanResult, secrets: usize) -> Self {
        let Summary { bytes, rules, seconds } = result.summary;
        Self {
            findings: result.open().count(),
            secrets,
            suppressed: result.suppressed().count(),
            gaps: result.notices.iter().filter(|notice| notice.gap).count(),
            bytes,
            rules,
            seconds: (seconds * 1000.0).round() / 1000.0,
        }
    }
}

impl FindingEntry {
    /// The entry of `finding`.
    pub fn new(finding: &Finding, options: &ReportOptions<'_>) -> Self {
        let rule = options.rules.get(&finding.rule);
        Self {
            rule: finding.rule.clone(),
            provider: finding.provider.clone(),
            description: finding.description.clone(),
            severity: finding.severity,
            confidence: finding.confidence,
            reasons: finding.reasons.clone(),
            fingerprint: finding.fingerprint.clone(),
            secret_id: finding.secret_id.clone(),
            status: finding.status.clone(),
            origin: finding.origin.clone(),
            position: finding.position,
            commit: finding.commit.clone(),
            redacted: finding.redacted.clone(),
            clear: Clear::new(&finding.secret, options.show_secrets),
            excerpt: finding.excerpt.clone(),
            parts: finding.parts.iter().map(|part| part_entry(part, options)).collect(),
            facts: finding.facts.iter().cloned().collect(),
            entropy: (f64::from(finding.entropy) * 1000.0).round() / 1000.0,
            tags: finding.tags.clone(),
            rotate: rule.map(|rule| rule.rotate.to_string()).unwrap_or_default(),
            link: rule.map(|rule| rule.link.to_string()).unwrap_or_default(),
        }
    }
}

fn part_entry(part: &Part, options: &ReportOptions<'_>) -> PartEntry {
    PartEntry {
        rule: part.rule.clone(),
        redacted: part.redacted.clone(),
        clear: Clear::new(&part.secret, options.show_secrets),
        position: part.position,
    }
}

fn secret(open: &[&Finding], group: SecretGroup) -> SecretEntry {
    let first = open[group.findings[0]];
    SecretEntry {
        secret_id: first.secret_id.clone(),
        rule: first.rule.clone(),
        provider: first.provider.clone(),
        severity: first.severity,
        redacted: first.redacted.clone(),
        places: group.findings.len(),
        findings: group.findings,
        first_seen: group.first_seen,
        last_seen: group.last_seen,
        days_exposed: group.days_exposed,
    }
}
