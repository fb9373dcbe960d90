//! Allowlists of configurations: paths, commits, patterns, words and known secrets that are accepted.
//!
//! The same shape and meaning as gitleaks' (`condition`, `regexTarget`, `targetRules`), with `secrets` (fingerprints
//! or secret ids), `reason`, `owner` and `expires` besides.

use std::ops::Range;

use super::pattern::Pattern;
use super::{Candidate, Trust};

/// What an allowlist's `regexes` look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// The secret alone.
    #[default]
    Secret,
    /// The whole match: name, operator and value.
    Match,
    /// The line (or lines) it stands on.
    Line,
}

/// One allowlist.
#[derive(Debug, Clone, Default)]
pub struct Allowlist {
    /// Where it stands (`keysweep.toml:12`).
    pub source: String,
    /// Who wrote it.
    pub trust: Trust,
    /// What it is for.
    pub description: Option<String>,
    /// Who accepted it.
    pub owner: Option<String>,
    /// Until when (YYYY-MM-DD, included).
    pub expires: Option<String>,
    /// Rules it is for; all when empty.
    pub rules: Vec<String>,
    /// Every kind of test given must hold (`condition = "AND"`); else one is enough.
    pub all: bool,
    /// Commit ids.
    pub commits: Vec<String>,
    /// Patterns over the path.
    pub paths: Vec<Pattern>,
    /// What `regexes` look at.
    pub target: Target,
    /// Patterns over the target.
    pub regexes: Vec<Pattern>,
    /// Words inside the secret, lower case.
    pub stopwords: Vec<String>,
    /// Fingerprints or secret ids.
    pub secrets: Vec<String>,
}

impl Allowlist {
    /// Whether it has no test at all (which would allow nothing, or everything).
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
            && self.paths.is_empty()
            && self.regexes.is_empty()
            && self.stopwords.is_empty()
            && self.secrets.is_empty()
    }

    /// Whether it is for this rule.
    pub fn is_for(&self, rule: &str) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|known| known == rule)
    }

    /// Whether its patterns need the bytes round the secret.
    pub fn needs_context(&self) -> bool {
        self.target != Target::Secret && !self.regexes.is_empty()
    }

    /// Whether its patterns hold for a match in `text` (asked in the worker, while the bytes are there).
    pub fn context_holds(&self, text: &[u8], span: Range<usize>, lines: Range<usize>) -> bool {
        let target = if self.target == Target::Line { &text[lines] } else { &text[span] };
        self.regexes.iter().any(|pattern| pattern.is_match(target))
    }

    /// Whether it allows the candidate. `number` is its place in the filter's list.
    pub(super) fn allows(&self, number: u16, candidate: &Candidate<'_>) -> bool {
        let finding = candidate.finding;
        if !self.is_for(&finding.rule) {
            return false;
        }
        let secret = finding.secret.expose();
        let commit = || {
            finding.commit.as_ref().is_some_and(|commit| {
                self.commits.iter().any(|id| id.len() >= 7 && commit.id.starts_with(&id.to_ascii_lowercase()))
            })
        };
        let path = || candidate.every_path(|path| self.paths.iter().any(|pattern| pattern.is_match(path.as_bytes())));
        let regex = || {
            if self.needs_context() {
                finding.context_hits.contains(&number)
            } else {
                self.regexes.iter().any(|pattern| pattern.is_match(secret))
            }
        };
        let stopword = || {
            let lower = zeroize::Zeroizing::new(secret.to_ascii_lowercase());
            self.stopwords.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
        };
        let known = || candidate.is_one_of(|id| self.secrets.iter().any(|secret| secret == id));
        let tests: [(bool, &dyn Fn() -> bool); 5] = [
            (self.commits.is_empty(), &commit),
            (self.paths.is_empty(), &path),
            (self.regexes.is_empty(), &regex),
            (self.stopwords.is_empty(), &stopword),
            (self.secrets.is_empty(), &known),
        ];
        let mut given = tests.iter().filter(|(absent, _)| !absent).peekable();
        given.peek().is_some() && if self.all { given.all(|(_, test)| test()) } else { given.any(|(_, test)| test()) }
    }
}
