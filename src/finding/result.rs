//! What a scan brings home: findings, coverage, exclusions, notices. Reports print it; the exit status is read off it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Finding, Severity, Status};
use crate::error::Notice;

/// Objects of one kind: how many were there, scanned, passed over and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageCount {
    /// How many there are.
    pub found: u64,
    /// How many were scanned.
    pub scanned: u64,
    /// How many were not, by reason (`git-ignored`, `larger than 10 MB`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<String, u64>,
}

/// What was covered, by kind of object (`files`, `blobs`, `commits`, `tags`, `index entries`, ...).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Whether all that was asked for was scanned. A gap makes it false (exit status 2).
    pub complete: bool,
    /// By kind.
    pub kinds: BTreeMap<Cow<'static, str>, CoverageCount>,
}

impl Coverage {
    /// The count of one kind, made when missing.
    pub fn kind(&mut self, kind: &'static str) -> &mut CoverageCount {
        self.kinds.entry(Cow::Borrowed(kind)).or_default()
    }

    /// Adds another's counts (of another worker or target).
    pub fn merge(&mut self, other: Coverage) {
        for (kind, count) in other.kinds {
            let mine = self.kinds.entry(kind).or_default();
            mine.found += count.found;
            mine.scanned += count.scanned;
            for (reason, skipped) in count.skipped {
                *mine.skipped.entry(reason).or_default() += skipped;
            }
        }
    }
}

/// Something the operator left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exclusion {
    /// What: `path`, `size`, `refs`, `git-ignored`.
    pub kind: String,
    /// The pattern, limit or path.
    pub what: String,
    /// Where it was asked for: a flag or a file.
    pub source: String,
    /// How many files or objects it left out.
    pub count: u64,
}

/// The figures of the summary line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Bytes that went through the engine.
    pub bytes: u64,
    /// Rules that were on.
    pub rules: u32,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// The result of one scan, sorted: the same input gives the same bytes out on any number of threads.
#[derive(Debug, Clone, Default)]
pub struct ScanResult {
    /// What was asked, as words (`files .`, `staged`, `history /srv/repo`).
    pub mode: String,
    /// Which key the fingerprints are made with (`public-default`, `repository:…`, `organisation:…`).
    pub key_id: String,
    /// When it began and ended, RFC 3339 in UTC without fraction.
    pub started: String,
    /// See `started`.
    pub ended: String,
    /// Everything found, suppressed ones included, sorted by path, position and rule.
    pub findings: Vec<Finding>,
    /// What was covered.
    pub coverage: Coverage,
    /// What was left out on purpose.
    pub exclusions: Vec<Exclusion>,
    /// Trouble.
    pub notices: Vec<Notice>,
    /// Figures.
    pub summary: Summary,
}

impl ScanResult {
    /// Findings that are shown.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.status == Status::Open)
    }

    /// Findings that somebody accepted.
    pub fn suppressed(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.status != Status::Open)
    }

    /// Whether anything that should have been scanned was not.
    pub fn has_gap(&self) -> bool {
        self.notices.iter().any(|notice| notice.gap)
    }

    /// 2 for a gap, else 1 when an open finding is at least `fail_on`, else 0.
    pub fn exit_status(&self, fail_on: Severity) -> u8 {
        if self.has_gap() { 2 } else { u8::from(self.open().any(|finding| finding.severity >= fail_on)) }
    }

    /// Sorts findings and notices, removes doubles, and settles `coverage.complete`.
    pub fn settle(&mut self) {
        self.findings.sort_by(|a, b| {
            (&a.origin.path, &a.origin.member, a.position, &a.rule, &a.origin.object, commit_id(a)).cmp(&(
                &b.origin.path,
                &b.origin.member,
                b.position,
                &b.rule,
                &b.origin.object,
                commit_id(b),
            ))
        });
        self.notices.sort();
        self.notices.dedup();
        self.exclusions.sort();
        self.coverage.complete = !self.has_gap();
    }
}

fn commit_id(finding: &Finding) -> Option<&str> {
    finding.commit.as_ref().map(|commit| commit.id.as_str())
}
