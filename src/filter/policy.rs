//! `--policy`: how far a scanned repository may decide for itself what is shown.
//!
//! Without a policy everything in a repository counts. Under one, its config, ignore files, baselines and inline
//! comments count only where the policy says so, and what they hide is reported as suppressed, never left out.

use std::collections::HashSet;

use super::Candidate;
use super::exclude::Excludes;
use crate::finding::Severity;

/// Who wrote a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Whoever runs the scan: a flag, the environment, the policy.
    Operator,
    /// Whoever can write into the scanned repository.
    #[default]
    Repository,
}

/// By what means a repository hides a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    Inline,
    Config,
    IgnoreFile,
    Baseline,
}

/// `[policy]`: what counts. Nothing does unless it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Inline allow comments.
    pub inline_allow: bool,
    /// The repository's own config: allowlists, exclusions, switched-off rules, severities, own rules.
    pub repository_config: bool,
    /// Its ignore files.
    pub ignore_files: bool,
    /// Its baselines.
    pub baselines: bool,
    /// The worst severity a repository may hide.
    pub max_severity: Option<Severity>,
}

impl Policy {
    /// Why the repository may not hide a finding of this severity by these means; `None` when it may.
    pub(crate) fn refuses(&self, means: Means, severity: Severity) -> Option<&'static str> {
        let allowed = match means {
            Means::Inline => self.inline_allow,
            Means::Config => self.repository_config,
            Means::IgnoreFile => self.ignore_files,
            Means::Baseline => self.baselines,
        };
        if !allowed {
            Some("the policy does not honour it")
        } else if self.max_severity.is_some_and(|most| severity > most) {
            Some("the policy does not let a repository hide findings this severe")
        } else {
            None
        }
    }
}

/// What a repository's config would leave out; under a policy it is scanned and at most suppressed.
#[derive(Debug, Default)]
pub struct RepositoryWishes {
    /// Its least confidence.
    pub min_confidence: Option<u8>,
    /// Rules it switched off.
    pub disabled_rules: HashSet<String>,
    /// The only rules it wants; all when empty.
    pub only_rules: HashSet<String>,
    /// Paths it excludes.
    pub exclude: Excludes,
}

impl RepositoryWishes {
    /// Why the repository would not show the candidate.
    pub(crate) fn hides(&self, candidate: &Candidate<'_>) -> Option<String> {
        let finding = candidate.finding;
        if self.disabled_rules.contains(&finding.rule)
            || (!self.only_rules.is_empty() && !self.only_rules.contains(&finding.rule))
        {
            return Some("the repository switched the rule off".to_owned());
        }
        if let Some(least) = self.min_confidence.filter(|&least| finding.confidence < least) {
            return Some(format!("below the repository's least confidence of {least}"));
        }
        if !candidate.every_path(|path| self.exclude.find(path).is_some()) {
            return None;
        }
        self.exclude.find(&candidate.path).map(|(glob, source)| format!("the repository excludes `{glob}` ({source})"))
    }
}
