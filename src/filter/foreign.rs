//! What other scanners left: `.gitleaksignore`, gitleaks' JSON baselines, detect-secrets' `.secrets.baseline`.
//!
//! Read as they are, never written. gitleaks names a place (file, rule, line, perhaps commit), which any edit above
//! it moves; where its report holds the secret in clear the secret itself is compared. detect-secrets names the
//! SHA-1 of the secret and the file.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use sha2::Digest as _;

use super::{Candidate, Trust};
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::secret::Secret;

/// How an entry knows its finding.
#[derive(Debug)]
enum Test {
    /// The same line, found by the same rule (or by one the other tool does not know).
    Place { commit: Option<String>, rule: String, line: u32 },
    /// The same secret.
    Sha256([u8; 32]),
    /// The same secret, as detect-secrets keeps it.
    Sha1([u8; 20]),
}

#[derive(Debug)]
struct Entry {
    file: String,
    test: Test,
    line: u32,
    used: AtomicBool,
}

/// A foreign ignore file or baseline.
#[derive(Debug, Default)]
pub struct Foreign {
    /// The file, as shown.
    pub name: String,
    /// Who wrote it.
    pub trust: Trust,
    /// What suppressed by it is called: `ignore-file` or `baseline`.
    pub by: &'static str,
    /// Entries that cannot be matched.
    pub notices: Vec<Notice>,
    entries: Vec<Entry>,
    by_file: HashMap<String, Vec<usize>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GitleaksFinding {
    #[serde(rename = "RuleID", default)]
    rule: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    start_line: u32,
    #[serde(default)]
    commit: String,
    #[serde(default)]
    secret: String,
}

#[derive(Deserialize)]
struct DetectSecrets {
    results: HashMap<String, Vec<DetectSecretsResult>>,
}

#[derive(Deserialize)]
struct DetectSecretsResult {
    #[serde(default)]
    hashed_secret: String,
    #[serde(default)]
    line_number: u32,
}

impl Foreign {
    fn new(name: &str, trust: Trust, by: &'static str) -> Self {
        Self { name: name.to_owned(), trust, by, ..Self::default() }
    }

    fn push(&mut self, file: &str, line: u32, test: Test) {
        let file = clean(file);
        self.by_file.entry(file.clone()).or_default().push(self.entries.len());
        self.entries.push(Entry { file, test, line, used: AtomicBool::new(false) });
    }

    /// `.gitleaksignore`: `file:rule:line` or `commit:file:rule:line` per line.
    pub fn gitleaks_ignore(text: &str, name: &str, trust: Trust) -> Self {
        let mut foreign = Self::new(name, trust, "ignore-file");
        for (number, line) in (1u32..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut parts = line.rsplitn(3, ':');
            let (at, rule, file) = (parts.next().and_then(|at| at.parse().ok()), parts.next(), parts.next());
            let (Some(at), Some(rule), Some(file)) = (at, rule, file) else {
                let message = format!("line {number} is no gitleaks fingerprint and matches nothing");
                foreign.notices.push(Notice::new(NoticeKind::Configuration, message).at(name));
                continue;
            };
            let (commit, file) = match file.split_once(':') {
                Some((id, file)) if matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit()) => {
                    (Some(id.to_ascii_lowercase()), file)
                }
                _ => (None, file),
            };
            foreign.push(file, number, Test::Place { commit, rule: rule.to_owned(), line: at });
        }
        foreign
    }

    /// A JSON baseline of gitleaks (an array) or detect-secrets (an object with `results`).
    ///
    /// # Errors
    /// When it is neither.
    pub fn json(text: &str, name: &str, trust: Trust) -> Result<Self> {
        let error = |error: serde_json::Error| Error::Config {
            file: name.to_owned(),
            message: format!("neither a baseline of keysweep nor one of gitleaks or detect-secrets: {error}"),
        };
        let mut foreign = Self::new(name, trust, "baseline");
        if text.trim_start().starts_with('[') {
            let findings: Vec<GitleaksFinding> = serde_json::from_str(text).map_err(error)?;
            for finding in findings {
                let secret = zeroize::Zeroizing::new(finding.secret);
                let hidden = secret.is_empty() || secret.contains("REDACTED") || secret.ends_with("...");
                let test = if hidden {
                    let commit = Some(finding.commit).filter(|id| !id.is_empty());
                    Test::Place { commit, rule: finding.rule, line: finding.start_line }
                } else {
                    Test::Sha256(sha2::Sha256::digest(secret.as_bytes()).into())
                };
                foreign.push(&finding.file, finding.start_line, test);
            }
            return Ok(foreign);
        }
        let baseline: DetectSecrets = serde_json::from_str(text).map_err(error)?;
        let mut results: Vec<_> = baseline.results.into_iter().collect();
        results.sort_by(|a, b| a.0.cmp(&b.0));
        for (file, list) in results {
            for result in list {
                match unhex(&result.hashed_secret) {
                    Some(hash) => foreign.push(&file, result.line_number, Test::Sha1(hash)),
                    None => foreign.notices.push(
                        Notice::new(
                            NoticeKind::Configuration,
                            format!("an entry of {file} has no SHA-1 and matches nothing"),
                        )
                        .at(name),
                    ),
                }
            }
        }
        Ok(foreign)
    }

    /// Whether an entry knows the candidate; it is marked as used. `known_rule` tells our rules from unknown ones.
    pub(super) fn check(&self, candidate: &Candidate<'_>, known_rule: impl Fn(&str) -> bool) -> Option<String> {
        let finding = candidate.finding;
        let mut places = vec![clean(&candidate.path)];
        if finding.origin.path != candidate.path {
            places.push(clean(&finding.origin.path));
        }
        let secret = finding.secret.expose();
        let parts = || std::iter::once(secret).chain(finding.parts.iter().map(|part| part.secret.expose()));
        let numbers = places.iter().filter_map(|path| self.by_file.get(path)).flatten();
        let entry = numbers.map(|&number| &self.entries[number]).find(|entry| match &entry.test {
            Test::Place { commit, rule, line } => {
                *line == finding.position.start_line
                    && (*rule == finding.rule || !known_rule(rule))
                    && commit.as_ref().is_none_or(|id| finding.commit.as_ref().is_some_and(|have| have.id == *id))
            }
            Test::Sha256(hash) => parts().any(|secret| sha2::Sha256::digest(secret)[..] == hash[..]),
            Test::Sha1(hash) => parts().any(|secret| sha1::Sha1::digest(secret)[..] == hash[..]),
        })?;
        entry.used.store(true, Ordering::Relaxed);
        Some(format!("{}:{}", self.name, entry.line))
    }

    /// Whether `secret`, found in the file at `path`, is one of the hashes this very baseline holds.
    pub fn holds(&self, path: &str, secret: &Secret) -> bool {
        let named = || Path::new(path).file_name() == Path::new(&self.name).file_name();
        let Some(hash) = std::str::from_utf8(secret.expose()).ok().and_then(unhex) else { return false };
        named() && self.entries.iter().any(|entry| matches!(entry.test, Test::Sha1(known) if known == hash))
    }

    /// What could not be matched: unreadable entries, and (when the whole was scanned) entries without a finding.
    pub fn notices(&self, whole: bool) -> Vec<Notice> {
        let mut notices = self.notices.clone();
        let unused: Vec<&Entry> = self.entries.iter().filter(|entry| !entry.used.load(Ordering::Relaxed)).collect();
        if let (Some(first), true) = (unused.first(), whole) {
            notices.push(
                Notice::new(
                    NoticeKind::Information,
                    format!(
                        "{} of {} entries match nothing that keysweep reports, the first for {}",
                        unused.len(),
                        self.entries.len(),
                        first.file
                    ),
                )
                .at(&self.name)
                .mend("`keysweep baseline create` keeps what is accepted in a form that survives moved lines"),
            );
        }
        notices
    }
}

fn clean(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.trim_start_matches("./").to_owned()
}

fn unhex(text: &str) -> Option<[u8; 20]> {
    let mut out = [0; 20];
    if text.len() != 40 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(out)
}
