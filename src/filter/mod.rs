//! Deciding what to show: every finding passes here once, and each drop says why.
//!
//! ```text
//!  finding -> the rule's own path test -> excluded path -> severity of the config -> score by path -> confidence
//!          -> identity -> inline allow -> allowlists -> ignore files -> baselines -> open
//! ```
//!
//! What comes before the identity drops a finding; what comes after suppresses it: it stays in the result, marked.
//! Everything here needs the finding alone, so it works the same for files, commits and history.

pub mod accept;
pub mod allowlist;
pub mod baseline;
pub(crate) mod candidate;
pub mod config;
pub mod exclude;
pub mod foreign;
mod hints;
pub mod ignore_file;
pub mod inline;
pub mod path;
pub mod pattern;
pub mod policy;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) use candidate::Candidate;
pub use candidate::Suppression;
pub use hints::{date, nearest, nearest_rules, similar};
pub use policy::{Policy, Trust};

use crate::error::Notice;
use crate::finding::identity::Key;
use crate::finding::{Exclusion, Finding, Severity, Status};

/// What the filter made of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It stays in the result (open, or suppressed as its status says).
    Keep,
    /// It is none: below the asked confidence, or in an excluded path.
    Drop,
}

/// The effective policy of one scan. Immutable, shared by threads (what it counts is atomic).
#[derive(Debug)]
pub struct Filter {
    /// Findings below this confidence are dropped.
    pub min_confidence: u8,
    /// Whether tests, examples, documentation and the like lower the confidence.
    pub score_paths: bool,
    /// Keys of identities; reports show those of the first, ignore files may use any.
    pub keys: Vec<Key>,
    /// Whether every finding gets its identities. If not, those of values that could be guessed are made only where an
    /// ignore file, a baseline or an allowlist asks for them: each takes milliseconds, and not every report shows them.
    pub name_all: bool,
    /// Folder that paths are relative to (the repository's), when it is known.
    pub root: Option<PathBuf>,
    /// Severities that differ from the rules' own.
    pub severity: BTreeMap<String, Severity>,
    /// Rules that are for certain files only.
    pub rule_paths: HashMap<String, pattern::Pattern>,
    /// Rules that are switched off, and where.
    pub disabled: HashMap<String, String>,
    /// Ids of the rules that run.
    pub rules: HashSet<String>,
    /// How many columns may lie between a rule's match and its part (gitleaks' `withinColumns`).
    pub within_columns: HashMap<(String, String), u32>,
    /// Excluded paths.
    pub exclude: exclude::Excludes,
    /// Files and blobs larger than this are left out by the sources.
    pub max_size: Option<u64>,
    /// Whether inline allow comments are looked at.
    pub inline: bool,
    /// Allowlists.
    pub allowlists: Vec<allowlist::Allowlist>,
    /// `.keysweepignore` files.
    pub ignore_files: Vec<ignore_file::IgnoreFile>,
    /// Our baselines.
    pub baselines: Vec<baseline::Baseline>,
    /// Ignore files and baselines of other scanners.
    pub foreign: Vec<foreign::Foreign>,
    /// Known gaps.
    pub accepts: Vec<accept::Accept>,
    /// What a repository may decide for itself; all when `None`.
    pub policy: Option<Policy>,
    /// What the repository's own config would not show (under a policy only).
    pub repository: policy::RepositoryWishes,
    /// Trouble met while the configuration was read.
    pub notices: Vec<Notice>,
    /// Today, `YYYY-MM-DD`.
    pub today: String,
    /// Whether all of the repository is scanned, so that an entry without a finding is out of date.
    pub whole: AtomicBool,
    /// What the policy did not honour.
    pub refused: AtomicU64,
}

impl Default for Filter {
    /// Keeps everything, with the public key.
    fn default() -> Self {
        Self {
            min_confidence: 0,
            score_paths: true,
            keys: vec![Key::public()],
            name_all: true,
            root: None,
            severity: BTreeMap::new(),
            rule_paths: HashMap::new(),
            disabled: HashMap::new(),
            rules: HashSet::new(),
            within_columns: HashMap::new(),
            exclude: exclude::Excludes::default(),
            max_size: None,
            inline: true,
            allowlists: Vec::new(),
            ignore_files: Vec::new(),
            baselines: Vec::new(),
            foreign: Vec::new(),
            accepts: Vec::new(),
            policy: None,
            repository: policy::RepositoryWishes::default(),
            notices: Vec::new(),
            today: crate::clock::day(crate::clock::epoch_seconds(std::time::SystemTime::now())),
            whole: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        }
    }
}

/// The steps of a decision, in words, for `explain`; nothing is written down when `None`.
type Trace<'t> = Option<&'t mut Vec<String>>;

impl Filter {
    /// Fills in fingerprint and secret id, sets the status, or drops the finding.
    pub fn decide(&self, finding: &mut Finding) -> Decision {
        self.judge(finding, &mut None)
    }

    /// Decides, and tells every step.
    pub fn explain(&self, finding: &mut Finding) -> (Decision, Vec<String>) {
        let mut steps = Vec::new();
        let decision = self.judge(finding, &mut Some(&mut steps));
        (decision, steps)
    }

    fn judge(&self, finding: &mut Finding, trace: &mut Trace<'_>) -> Decision {
        let path = candidate::path_of(&finding.origin, self.root.as_deref());
        if let Some(source) = self.disabled.get(&finding.rule) {
            say(trace, || format!("dropped: the rule is switched off ({source})"));
            return Decision::Drop;
        }
        if self.foreign.iter().any(|foreign| foreign.holds(&path, &finding.secret)) {
            say(trace, || "dropped: it is a hash in another scanner's baseline".to_owned());
            return Decision::Drop;
        }
        // A blob of history may have had several paths: what is excluded under one may count under another.
        let others = candidate::other_paths(finding);
        let every = |test: &dyn Fn(&str) -> bool| test(&path) && others.iter().all(|path| test(path));
        if let Some(pattern) = self.rule_paths.get(&finding.rule)
            && every(&|path| pattern.test(path.as_bytes()) == Some(false))
        {
            say(trace, || "dropped: its rule is not for files of this path".to_owned());
            return Decision::Drop;
        }
        if let Some(by) = finding.gives_way.as_ref().filter(|by| !self.disabled.contains_key(*by))
            && let Some(pattern) = self.rule_paths.get(by)
            && every(&|path| pattern.test(path.as_bytes()) == Some(true))
        {
            say(trace, || format!("dropped: `{by}` explains the same text better in files of this path"));
            return Decision::Drop;
        }
        if !self.exclude.is_empty() && every(&|path| self.exclude.find(path).is_some()) {
            self.exclude.excludes(&path);
            say(trace, || match self.exclude.find(&path) {
                Some((glob, source)) => format!("dropped: the path is excluded by `{glob}` ({source})"),
                None => "dropped: the path is excluded".to_owned(),
            });
            return Decision::Drop;
        }
        if let Some(why) = self.too_far(finding) {
            say(trace, || why);
            return Decision::Drop;
        }
        if let Some(&severity) = self.severity.get(&finding.rule) {
            say(trace, || format!("severity {} instead of {}", severity.as_str(), finding.severity.as_str()));
            finding.severity = severity;
        }
        let paths = std::iter::once(&path).chain(candidate::other_paths(finding));
        // The rules of the generic path: a name and the look of a value.
        let formless = finding.rule.starts_with("generic-");
        let score = path::score_all(paths, finding.confidence, formless);
        if let Some(reason) = score.filter(|_| self.score_paths) {
            let lowered = i16::from(finding.confidence) + reason.points;
            finding.confidence = u8::try_from(lowered.max(0)).unwrap_or(0);
            finding.reasons.push(reason);
        }
        say(trace, || {
            let reasons: Vec<String> =
                finding.reasons.iter().map(|reason| format!("{:+} {}", reason.points, reason.text)).collect();
            format!("confidence {}: {}", finding.confidence, reasons.join(", "))
        });
        if finding.confidence < self.min_confidence {
            say(trace, || format!("dropped: below the least confidence of {}", self.min_confidence));
            return Decision::Drop;
        }
        let mut candidate = Candidate::new(finding, path, &self.keys);
        let suppression = self.suppression(&mut candidate, trace);
        let ids = candidate.into_ids(self.name_all);
        (finding.fingerprint, finding.secret_id) = (ids.fingerprint, ids.secret_id);
        finding.status = match suppression {
            Some(suppression) => suppression.into(),
            None => Status::Open,
        };
        say(trace, || match &finding.status {
            Status::Open => "reported".to_owned(),
            Status::Suppressed { by, reason, .. } => {
                format!("suppressed by {by}{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())
            }
        });
        Decision::Keep
    }

    /// gitleaks' `withinColumns` of required rules.
    fn too_far(&self, finding: &Finding) -> Option<String> {
        if self.within_columns.is_empty() {
            return None;
        }
        finding.parts.iter().find_map(|part| {
            let most = *self.within_columns.get(&(finding.rule.clone(), part.rule.clone()))?;
            let distance = finding.position.start_column.abs_diff(part.position.start_column);
            (distance > most)
                .then(|| format!("dropped: {} stands {distance} columns away, at most {most} are asked", part.rule))
        })
    }

    /// The first thing that accepts the finding and may do so.
    fn suppression(&self, candidate: &mut Candidate<'_>, trace: &mut Trace<'_>) -> Option<Suppression> {
        let severity = candidate.finding.severity;
        let allowed = |what: policy::Means, trust: Trust, trace: &mut Trace<'_>, by: &str| {
            let refusal = self
                .policy
                .as_ref()
                .filter(|_| trust == Trust::Repository)
                .and_then(|policy| policy.refuses(what, severity));
            if let Some(why) = refusal {
                self.refused.fetch_add(1, Ordering::Relaxed);
                say(trace, || format!("{by} does not count: {why}"));
            }
            refusal.is_none()
        };
        if let Some(allow) = &candidate.finding.inline_allow {
            let named = allow.rule.as_deref().is_none_or(|rule| rule == candidate.finding.rule);
            if !named {
                say(trace, || {
                    format!("the comment `{}` names another rule, {}", allow.form, allow.rule.as_deref().unwrap_or(""))
                });
            } else if !self.inline {
                say(trace, || "an inline allow comment does not count here (--no-inline-allow)".to_owned());
            } else if allowed(policy::Means::Inline, Trust::Repository, trace, "the inline allow comment") {
                let reason = allow.reason.clone().or_else(|| Some(allow.form.clone()));
                return Some(Suppression { by: "inline", reason, ..Suppression::default() });
            }
        }
        for (number, list) in (0u16..).zip(&self.allowlists) {
            if !list.allows(number, candidate) {
                continue;
            }
            if let Some(day) = list.expires.as_ref().filter(|day| day.as_str() < self.today.as_str()) {
                say(trace, || format!("the allowlist at {} ran out on {day}", list.source));
            } else if allowed(policy::Means::Config, list.trust, trace, "an allowlist") {
                let reason = list
                    .description
                    .clone()
                    .map_or_else(|| list.source.clone(), |text| format!("{text} ({})", list.source));
                return Some(Suppression {
                    by: "allowlist",
                    reason: Some(reason),
                    owner: list.owner.clone(),
                    expires: list.expires.clone(),
                });
            }
        }
        if let Some(reason) = self.repository.hides(candidate)
            && allowed(policy::Means::Config, Trust::Repository, trace, "the repository's config")
        {
            return Some(Suppression { by: "config", reason: Some(reason), ..Suppression::default() });
        }
        for file in self.ignore_files.iter().filter(|file| !file.is_empty()) {
            match candidate.first_of(|id| file.check(id, &self.today)) {
                Some(Ok(found)) if allowed(policy::Means::IgnoreFile, file.trust, trace, "the ignore file") => {
                    return Some(found);
                }
                Some(Err(why)) => say(trace, || why),
                Some(Ok(_)) | None => {}
            }
        }
        for baseline in &self.baselines {
            if let Some(line) = baseline.check_by(|key| candidate.secret_id(key))
                && allowed(policy::Means::Baseline, baseline.trust, trace, "the baseline")
            {
                let reason = format!("{} ({})", baseline.name, line.path);
                return Some(Suppression { by: "baseline", reason: Some(reason), ..Suppression::default() });
            }
        }
        for foreign in &self.foreign {
            let means = if foreign.by == "baseline" { policy::Means::Baseline } else { policy::Means::IgnoreFile };
            if let Some(reason) = foreign.check(candidate, |rule| self.rules.contains(rule))
                && allowed(means, foreign.trust, trace, &foreign.name)
            {
                return Some(Suppression { by: foreign.by, reason: Some(reason), ..Suppression::default() });
            }
        }
        None
    }

    /// Numbers of the allowlists whose patterns over the match or its line hold. Asked in the worker.
    pub fn context_hits(
        &self,
        rule: &str,
        text: &[u8],
        span: std::ops::Range<usize>,
        lines: std::ops::Range<usize>,
    ) -> Vec<u16> {
        (0u16..)
            .zip(&self.allowlists)
            .filter(|(_, list)| list.needs_context() && list.is_for(rule))
            .filter(|(_, list)| list.context_holds(text, span.clone(), lines.clone()))
            .map(|(number, _)| number)
            .collect()
    }

    /// Which key reports show identities of.
    pub fn key_id(&self) -> String {
        self.keys.first().map(|key| key.id().to_owned()).unwrap_or_default()
    }

    /// Whether a path (relative to the root; a folder's ends with `/`) is excluded; counted.
    pub fn excludes(&self, path: &str) -> bool {
        !self.exclude.is_empty() && self.exclude.excludes(path)
    }

    /// The same for a path on disk, relative to the current folder or absolute.
    pub fn excludes_on_disk(&self, path: &str) -> bool {
        if self.exclude.is_empty() {
            return false;
        }
        let Some(root) = &self.root else { return self.exclude.excludes(path) };
        let mut inside = candidate::relative(path, root).into_owned();
        if path.ends_with('/') && !inside.ends_with('/') {
            inside.push('/');
        }
        self.exclude.excludes(&inside)
    }

    /// What was left out.
    pub fn exclusions(&self) -> Vec<Exclusion> {
        self.exclude.exclusions()
    }

    /// Accepts known gaps in `notices`, and adds what the policy has to tell when all findings were decided.
    pub fn conclude(&self, notices: &mut Vec<Notice>) {
        use crate::error::NoticeKind::{Expired, Information};
        accept::apply(&self.accepts, notices, &self.today);
        notices.extend(self.notices.iter().cloned());
        let whole = self.whole.load(Ordering::Relaxed);
        for file in &self.ignore_files {
            notices.extend(file.notices(&self.today, whole));
        }
        for foreign in &self.foreign {
            notices.extend(foreign.notices(whole));
        }
        for list in &self.allowlists {
            if let Some(day) = list.expires.as_ref().filter(|day| day.as_str() < self.today.as_str()) {
                notices.push(
                    Notice::new(Expired, format!("the allowlist ran out on {day} and counts no more")).at(&list.source),
                );
            }
        }
        let refused = self.refused.load(Ordering::Relaxed);
        if refused > 0 {
            notices.push(Notice::new(
                Information,
                format!("the policy did not honour {refused} allowances of the repository (see `keysweep explain`)"),
            ));
        }
    }
}

fn say(trace: &mut Trace<'_>, text: impl FnOnce() -> String) {
    if let Some(trace) = trace {
        trace.push(text());
    }
}
