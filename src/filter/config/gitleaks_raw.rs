//! The text of a gitleaks (or betterleaks) configuration as plain data; every key that is there is accounted for.
//!
//! Keys are read whatever their case, as gitleaks' own reader does.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Keys that nothing here reads, by name.
pub(super) type Rest = BTreeMap<String, toml::Value>;

/// A whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawConfig {
    pub(super) extend: RawExtend,
    pub(super) rules: Vec<RawRule>,
    pub(super) allowlist: Option<RawAllowlist>,
    pub(super) allowlists: Vec<RawAllowlist>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

/// `[extend]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawExtend {
    pub(super) path: String,
    pub(super) url: String,
    pub(super) usedefault: bool,
    pub(super) disabledrules: Vec<String>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

/// `[[rules]]`; what is not given is `None`, so that a rule can adjust one it extends.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct RawRule {
    pub(super) id: String,
    pub(super) description: Option<String>,
    pub(super) regex: Option<String>,
    pub(super) path: Option<String>,
    pub(super) secretgroup: Option<u8>,
    pub(super) entropy: Option<f32>,
    pub(super) keywords: Option<Vec<String>>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) skipreport: bool,
    pub(super) allowlist: Option<RawAllowlist>,
    pub(super) allowlists: Vec<RawAllowlist>,
    pub(super) required: Vec<RawRequired>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

/// `[[rules.required]]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct RawRequired {
    pub(super) id: String,
    pub(super) withinlines: Option<u32>,
    pub(super) withincolumns: Option<u32>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

/// `[[allowlists]]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct RawAllowlist {
    pub(super) description: Option<String>,
    pub(super) condition: String,
    pub(super) commits: Vec<String>,
    pub(super) paths: Vec<String>,
    pub(super) regextarget: String,
    pub(super) regexes: Vec<String>,
    pub(super) stopwords: Vec<String>,
    pub(super) targetrules: Vec<String>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

/// Parses a file.
pub(super) fn parse(text: &str) -> Result<RawConfig, String> {
    let table: toml::Table = toml::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| error.to_string())?;
    lower(toml::Value::Table(table)).try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

/// Every key in lower case.
fn lower(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::Table(table) => {
            toml::Value::Table(table.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), lower(value))).collect())
        }
        toml::Value::Array(items) => toml::Value::Array(items.into_iter().map(lower).collect()),
        other => other,
    }
}

/// Whether a configuration is gitleaks' rather than ours, by the keys that only one of the two has.
pub(super) fn looks_like(text: &str) -> bool {
    const THEIRS: &[&str] =
        &["title", "description", "minversion", "betterleaksminversion", "extend", "allowlist", "prefilter", "filter"];
    let Ok(table) = toml::from_str::<toml::Table>(text.trim_start_matches('\u{feff}')) else { return false };
    let has = |key: &str| table.keys().any(|have| have.eq_ignore_ascii_case(key));
    if THEIRS.iter().any(|key| has(key)) {
        return true;
    }
    // Only rules and allowlists: ours must have a severity.
    let rules = table.get("rules").and_then(toml::Value::as_array);
    table.keys().all(|key| key == "rules" || key == "allowlists")
        && rules.is_some_and(|rules| rules.iter().any(|rule| rule.get("severity").is_none()))
}
