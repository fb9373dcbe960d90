//! The rule file format: parsing and checking `rules/*.toml` and a user's own `[[rules]]`.
//!
//! Shared with `build.rs`, so it may use nothing of the crate but [`super::analysis`] and [`super::validators`]. Keys are gitleaks' where the
//! meaning is gitleaks'.

use serde::Deserialize;

use super::analysis::{Analysis, Anchor, ByteSet, analyse};
use super::validators;

/// A rule file: defaults for its rules, and the rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RuleFile {
    /// Provider of rules that name none.
    #[serde(default)]
    pub provider: String,
    /// Link of rules that have none.
    #[serde(default)]
    pub link: String,
    /// The rules.
    #[serde(default)]
    pub rules: Vec<RawRule>,
}

/// One rule as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RawRule {
    /// See [`super::Rule`] for all fields.
    pub id: String,
    /// Who issues it; the file's when empty.
    #[serde(default)]
    pub provider: String,
    /// One line that a person understands.
    pub description: String,
    /// low, medium, high or critical.
    pub severity: String,
    /// Base confidence.
    #[serde(default = "default_confidence")]
    pub confidence: u8,
    /// Fixed text inside the secret.
    #[serde(default)]
    pub literals: Vec<String>,
    /// The pattern.
    #[serde(default)]
    pub regex: String,
    /// Which group is the secret.
    #[serde(default)]
    pub secret_group: u8,
    /// Least entropy.
    #[serde(default)]
    pub entropy: f32,
    /// Words that must stand near (with `literals`), or in the name (without).
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Words that count in a name that also holds a word of a generic rule.
    #[serde(default)]
    pub words: Vec<String>,
    /// Bytes in which they are looked for.
    #[serde(default = "default_within")]
    pub within: u16,
    /// Whether they must be there.
    #[serde(default)]
    pub keywords_required: bool,
    /// Checksum and structure tests.
    #[serde(default)]
    pub validators: Vec<String>,
    /// Word boundaries are not asked for.
    #[serde(default)]
    pub free_standing: bool,
    /// Tried under any name.
    #[serde(default)]
    pub any_name: bool,
    /// The other halves.
    #[serde(default)]
    pub parts: Vec<RawPart>,
    /// A generic kind: its keywords name variables, its values have no shape of their own (no `regex`).
    #[serde(default)]
    pub generic: bool,
    /// The text is so many lines of one word each (1 or 2) and nothing else; the last is the secret (no `regex`).
    #[serde(default)]
    pub lines: u8,
    /// Reported only as a part.
    #[serde(default)]
    pub part_only: bool,
    /// Regular expression over the path.
    #[serde(default)]
    pub path: Option<String>,
    /// Free words.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Identifying request.
    #[serde(default)]
    pub identify: String,
    /// What to do.
    #[serde(default)]
    pub rotate: String,
    /// The provider's page.
    #[serde(default)]
    pub link: String,
    /// Row of the facts.
    #[serde(default)]
    pub fact: String,
    /// Templates that must match.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Templates that must not.
    #[serde(default)]
    pub near_misses: Vec<String>,
}

/// Another half of the credential, as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RawPart {
    /// The other rule's id.
    pub rule: String,
    /// Farthest distance in lines.
    #[serde(default = "default_lines")]
    pub within_lines: u32,
    /// Confidence taken away when it is missing.
    #[serde(default = "default_missing")]
    pub missing: i16,
}

fn default_confidence() -> u8 {
    80
}

fn default_within() -> u16 {
    128
}

fn default_lines() -> u32 {
    10
}

fn default_missing() -> i16 {
    30
}

/// Longest literal the prefilter takes, and the shortest.
pub const LITERAL_LENGTHS: std::ops::RangeInclusive<usize> = 3..=64;

/// The severities a rule may have.
pub const SEVERITIES: [&str; 4] = ["low", "medium", "high", "critical"];

/// How candidates are found; [`super::Method`] without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodKind {
    /// At a literal inside the secret.
    Anchored,
    /// In the value of an assignment whose name holds a keyword.
    Assigned,
    /// The generic path.
    Generic,
    /// Whole texts of so many lines.
    Whole(u8),
}

/// A rule that was checked, with what its pattern told.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// As written.
    pub raw: RawRule,
    /// How candidates are found.
    pub method: MethodKind,
    /// What the prefilter looks for, and whether either case will do.
    pub literals: Vec<(String, bool)>,
    /// One per literal of an anchored rule.
    pub anchors: Vec<Anchor>,
    /// The pattern's last class.
    pub tail: ByteSet,
    /// Longest match in bytes, when bounded.
    pub longest: Option<u32>,
}

/// Checks one rule of a file; the errors are sentences, every one of them.
pub fn prepare(mut raw: RawRule, file: &RuleFile) -> Result<Prepared, Vec<String>> {
    if raw.provider.is_empty() {
        raw.provider.clone_from(&file.provider);
    }
    if raw.link.is_empty() {
        raw.link.clone_from(&file.link);
    }
    let mut faults = raw.faults();
    let mut analysis = Analysis { anchors: Vec::new(), tail: ByteSet::default(), longest: None, groups: 0 };
    if !raw.generic && !raw.regex.is_empty() {
        let literals: Vec<&str> = raw.literals.iter().map(String::as_str).collect();
        match analyse(&raw.regex, &literals) {
            Ok(found) => analysis = found,
            Err(fault) => faults.push(fault),
        }
        // The last number a group may have stands for the first that is not empty.
        let most = if raw.secret_group == u8::MAX && analysis.groups > 0 { usize::MAX } else { analysis.groups };
        if usize::from(raw.secret_group) > most {
            faults.push(format!("`secretGroup` is {}, but `regex` has {} groups", raw.secret_group, analysis.groups));
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let method = if raw.lines > 0 {
        MethodKind::Whole(raw.lines)
    } else if raw.generic {
        MethodKind::Generic
    } else if raw.literals.is_empty() {
        MethodKind::Assigned
    } else {
        MethodKind::Anchored
    };
    let literals = match method {
        MethodKind::Anchored => raw.literals.iter().map(|literal| (literal.clone(), false)).collect(),
        _ => raw.keywords.iter().flat_map(|keyword| spellings(keyword)).map(|keyword| (keyword, true)).collect(),
    };
    let longest = analysis.longest.and_then(|longest| u32::try_from(longest).ok());
    Ok(Prepared { method, literals, anchors: analysis.anchors, tail: analysis.tail, longest, raw })
}

/// `api_key` is also written `apikey`, `api-key` and `api.key`. A keyword that begins with its joint (`_key `) is the end of
/// a name, and stands as it is.
fn spellings(keyword: &str) -> Vec<String> {
    if keyword.contains('_') && !keyword.starts_with('_') {
        ["_", "", "-", "."].iter().map(|joint| keyword.replace('_', joint)).collect()
    } else {
        vec![keyword.to_owned()]
    }
}

impl RawRule {
    /// What is wrong with the rule beyond its pattern; every fault, not the first.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.id.is_empty() || !self.id.bytes().all(kebab) {
            faults.push("`id` must be kebab case: a-z, 0-9 and -".to_owned());
        }
        if !SEVERITIES.contains(&self.severity.as_str()) {
            faults.push(format!("`severity` is `{}`; it must be low, medium, high or critical", self.severity));
        }
        if self.confidence > 100 {
            faults.push("`confidence` goes from 0 to 100".to_owned());
        }
        if self.description.is_empty() {
            faults.push("`description` is empty".to_owned());
        }
        for literal in &self.literals {
            if !LITERAL_LENGTHS.contains(&literal.len()) || !literal.is_ascii() {
                faults.push(format!("literal `{literal}` must be 3 to 64 ASCII characters"));
            }
        }
        for keyword in &self.keywords {
            let shortest = if self.literals.is_empty() { 3 } else { 2 };
            if keyword.len() < shortest || !keyword.is_ascii() {
                faults.push(format!("keyword `{keyword}` must be at least {shortest} ASCII characters"));
            }
            if keyword.bytes().any(|byte| byte.is_ascii_uppercase()) {
                faults.push(format!("keyword `{keyword}` must be lower case (it matches either case)"));
            }
        }
        if self.regex.is_empty() != (self.generic || self.lines > 0) {
            faults.push("a rule needs a `regex`, or `generic = true` or `lines` and none".to_owned());
        }
        if self.lines > 0 {
            let others = self.generic || self.any_name || !self.keywords.is_empty() || !self.words.is_empty();
            if self.lines > 2 || self.path.is_none() || others || !self.literals.is_empty() {
                faults.push("`lines` (1 or 2) is for rules with a `path` and nothing that they look for".to_owned());
            }
            return faults.into_iter().chain(self.samples()).collect();
        }
        for word in &self.words {
            if word.len() < 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
                faults.push(format!(
                    "word `{word}` must be at least 3 small letters or digits (`private_ai`: `privateai`)"
                ));
            }
        }
        if !self.words.is_empty() && (self.generic || !self.literals.is_empty()) {
            faults.push("`words` are for rules without `literals` that are not `generic`".to_owned());
        }
        if self.literals.is_empty() && self.keywords.is_empty() && self.words.is_empty() && !self.any_name {
            faults.push("a rule needs `literals` (inside the secret), `keywords` or `words` (in its name)".to_owned());
        }
        faults.extend(self.samples());
        faults
    }

    /// What is wrong with its validators and samples.
    fn samples(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for name in &self.validators {
            if !validators::NAMES.contains(&name.as_str()) {
                faults.push(format!("validator `{name}` is unknown; there are {}", validators::NAMES.join(", ")));
            }
        }
        if self.examples.is_empty() {
            faults.push("`examples` is empty: give at least one template that must match".to_owned());
        }
        if self.near_misses.is_empty() {
            faults.push("`nearMisses` is empty: give at least one template that must not match".to_owned());
        }
        faults
    }
}
