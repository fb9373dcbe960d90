//! Configuration: what may be set, where it was set, and what holds in the end.
//!
//! ```text
//!  discover (which files) -> read (keysweep.toml) / gitleaks (its own) -> Layer per source -> Settings -> build
//! ```
//!
//! A [`Layer`] is what one source says. [`Settings`] stacks them; the last that says something holds, lists add up:
//! default < the repository's file < environment < policy < command line. Under a policy the repository's layer
//! counts as far as the policy says.

pub mod build;
pub mod discover;
pub mod explain;
pub mod gitleaks;
pub mod gitleaks_raw;
pub mod read;

use std::collections::HashMap;
use std::path::PathBuf;

use super::accept::Accept;
use super::allowlist::Allowlist;
use super::{Policy, Trust};
use crate::error::Notice;
use crate::finding::Severity;
use crate::rules::Rule;

/// Least confidence that is shown when nothing else is said.
pub const MIN_CONFIDENCE: u8 = 50;

/// What kind of value an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 0 to 100.
    Percent,
    /// low, medium, high or critical.
    Level,
    /// Bytes, with or without a unit: `10MB`.
    Size,
    /// true or false.
    Flag,
    /// A path, relative to the file that names it.
    Path,
    /// A list of texts.
    List,
    /// A list of paths, or one.
    Paths,
}

/// One option: the only place where its names, default and meaning are written.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// Key in `keysweep.toml`; the environment variable is `KEYSWEEP_` and the key in capitals.
    pub key: &'static str,
    /// The flag, without dashes; empty when there is none.
    pub flag: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default, as written.
    pub default: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// Every option that is one value or a list of texts.
pub const OPTIONS: &[Opt] = &[
    opt("min-confidence", "min-confidence", Kind::Percent, "50", "Findings below this confidence are not reported"),
    opt("fail-on", "fail-on", Kind::Level, "low", "Least severity that makes the exit status 1"),
    opt("max-size", "max-size", Kind::Size, "none", "Files larger than this are not scanned"),
    opt("inline-allow", "no-inline-allow", Kind::Flag, "true", "Whether allow comments count"),
    opt("score-paths", "", Kind::Flag, "true", "Whether tests, examples and documentation lower the confidence"),
    opt("exclude", "exclude", Kind::List, "[]", "Paths that are not scanned (globs as in .gitignore)"),
    opt("only-rules", "rule", Kind::List, "[]", "The only rules that run (ids; `*` at the end for any)"),
    opt("disabled-rules", "disable-rule", Kind::List, "[]", "Rules that do not run"),
    opt("rule-files", "", Kind::Paths, "[]", "Files with own rules, in the format of `rules show`"),
    opt("baseline", "baseline", Kind::Paths, "[]", "Baselines: ours, gitleaks' or detect-secrets'"),
    opt("ignore-file", "ignore-file", Kind::Paths, "[]", "Files of accepted fingerprints"),
    opt("gitleaks-config", "", Kind::Path, "none", "A gitleaks configuration that holds beside this one"),
];

const fn opt(key: &'static str, flag: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Opt {
    Opt { key, flag, kind, default, doc }
}

/// The tables of `keysweep.toml`, and what they are for.
pub const TABLES: &[(&str, &str)] = &[
    ("severity", "Severities that differ from the rules' own: id = level"),
    ("fingerprint", "The salt of fingerprints (`salt`); in a policy also `key-file`"),
    ("allowlists", "What is accepted: paths, regexes, stopwords, secrets, commits"),
    ("rules", "Own rules"),
    ("coverage", "Known gaps: [[coverage.accept]]"),
    ("policy", "What a repository may decide for itself (in a policy file)"),
];

/// Sections that are read from the operator's own files alone.
pub const OPERATOR_ONLY: &[&str] = &["rotation", "verify", "alerts", "retention"];

/// Where a setting was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Source {
    /// Nowhere.
    #[default]
    Default,
    /// In a file, on a line.
    File(String, usize),
    /// In an environment variable.
    Environment(String),
    /// On the command line.
    Flag(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(file, line) => write!(f, "{file}:{line}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// A value and where it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it was set.
    pub source: Source,
}

impl<T> Setting<T> {
    /// A value set at `source`.
    pub fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }
}

/// What one source says; what it is silent about is empty.
#[derive(Debug, Default)]
pub struct Layer {
    /// Who wrote it.
    pub trust: Trust,
    /// See [`OPTIONS`], for all fields up to `gitleaks_config`.
    pub min_confidence: Option<Setting<u8>>,
    /// See [`OPTIONS`].
    pub fail_on: Option<Setting<Severity>>,
    /// See [`OPTIONS`].
    pub max_size: Option<Setting<u64>>,
    /// See [`OPTIONS`].
    pub inline_allow: Option<Setting<bool>>,
    /// See [`OPTIONS`].
    pub score_paths: Option<Setting<bool>>,
    /// See [`OPTIONS`].
    pub exclude: Vec<Setting<String>>,
    /// See [`OPTIONS`].
    pub only_rules: Vec<Setting<String>>,
    /// See [`OPTIONS`].
    pub disabled_rules: Vec<Setting<String>>,
    /// See [`OPTIONS`].
    pub rule_files: Vec<Setting<PathBuf>>,
    /// See [`OPTIONS`].
    pub baselines: Vec<Setting<PathBuf>>,
    /// See [`OPTIONS`].
    pub ignore_files: Vec<Setting<PathBuf>>,
    /// See [`OPTIONS`].
    pub gitleaks_config: Option<Setting<PathBuf>>,
    /// Severities by rule id.
    pub severity: Vec<Setting<(String, Severity)>>,
    /// The repository's salt.
    pub salt: Option<Setting<String>>,
    /// The organisation's key, in a file.
    pub key_file: Option<Setting<PathBuf>>,
    /// Allowlists.
    pub allowlists: Vec<Allowlist>,
    /// Known gaps.
    pub accepts: Vec<Accept>,
    /// Own rules.
    pub rules: Vec<Rule>,
    /// No built-in rule runs (a gitleaks configuration that does not extend the defaults).
    pub own_rules_only: bool,
    /// gitleaks' `withinColumns`, by rule and part.
    pub within_columns: HashMap<(String, String), u32>,
    /// `[policy]`.
    pub policy: Option<Policy>,
    /// What could not be honoured.
    pub notices: Vec<Notice>,
}

/// All layers, lowest first.
#[derive(Debug, Default)]
pub struct Settings {
    /// The layers.
    pub layers: Vec<Layer>,
    /// Where they come from and what paths are relative to.
    pub places: discover::Places,
}

impl Settings {
    /// The policy, when there is one.
    pub fn policy(&self) -> Option<Policy> {
        self.layers.iter().rev().find_map(|layer| layer.policy)
    }

    /// Whether a layer's settings hold (a repository's do not, where a policy decides).
    fn holds(&self, layer: &Layer) -> bool {
        layer.trust == Trust::Operator || self.policy().is_none()
    }

    /// The last setting among the layers that hold.
    pub fn last<T>(&self, get: impl Fn(&Layer) -> Option<&Setting<T>>) -> Option<&Setting<T>> {
        self.layers.iter().rev().filter(|layer| self.holds(layer)).find_map(get)
    }

    /// All entries of a list in the layers that hold.
    pub fn all<'s, T: 's>(&'s self, get: impl Fn(&'s Layer) -> &'s [T] + 's) -> impl Iterator<Item = &'s T> + 's {
        self.layers.iter().filter(|layer| self.holds(layer)).flat_map(get)
    }
}

/// `low`, `medium`, `high` or `critical`.
///
/// # Errors
/// What it must be.
pub fn level(text: &str) -> Result<Severity, String> {
    [Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|level| level.as_str() == text)
        .ok_or_else(|| format!("`{text}` must be low, medium, high or critical"))
}

/// Bytes: `1048576`, `500 kB`, `10MB` (units of 1024, as other scanners count).
///
/// # Errors
/// What it must look like.
pub fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[end..].trim().to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1u64 << 30,
        _ => return Err(format!("`{text}` must be a number of bytes, or one with kB, MB or GB")),
    };
    let number: Option<u64> = text[..end].parse().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| format!("`{text}` must be a number of bytes, or one with kB, MB or GB"))
}

/// A confidence, 0 to 100.
///
/// # Errors
/// What it must be.
pub fn percent(text: &str) -> Result<u8, String> {
    text.parse().ok().filter(|value| *value <= 100).ok_or_else(|| format!("`{text}` must be a number from 0 to 100"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::read::{Role, read};
    use super::{gitleaks, percent, size};
    use crate::filter::Trust;
    use crate::filter::baseline::Baseline;
    use crate::filter::foreign::Foreign;
    use crate::filter::ignore_file::IgnoreFile;
    use crate::filter::inline;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// Whoever can push writes these files: whatever stands in them, nothing panics.
        #[test]
        fn no_text_breaks_a_reader(
            text in "([\\[\\]a-z\"'=.{}:,#\\\\ 0-9\n\r\t]|keysweep:allow|rules|allowlists|extend|v1:|\\PC){0,60}",
            span in any::<(u8, u8)>(),
        ) {
            let _ = read(&text, "f", Path::new("."), Role::Policy);
            let _ = gitleaks::read(&text, "f", Path::new("/nowhere"), Trust::Repository);
            let _ = IgnoreFile::parse(&text, "f", Trust::Repository);
            let _ = Baseline::parse(&text, "f", Trust::Repository);
            let _ = Foreign::json(&text, "f", Trust::Repository);
            let _ = Foreign::gitleaks_ignore(&text, "f", Trust::Repository);
            let (a, b) = (usize::from(span.0) % (text.len() + 1), usize::from(span.1) % (text.len() + 1));
            let _ = inline::find(text.as_bytes(), a.min(b)..a.max(b), "rule", &|| vec!["rule".to_owned()]);
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("12"), Ok(12));
        assert_eq!(size("10MB"), Ok(10 << 20));
        assert_eq!(size("2 KiB"), Ok(2048));
        assert!(size("ten").is_err() && size("10XB").is_err() && size("99999999999GB").is_err());
        assert!(percent("101").is_err() && percent("100") == Ok(100));
    }
}
