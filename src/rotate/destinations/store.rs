//! Stores as data: `providers/destinations.toml` as types. Tests check every entry.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::rotate::providers::saas::data;
use crate::rotate::types::Proof;

/// A store of a vendor's service: one call reads, one writes, per name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Store {
    /// Its name: `provider = "…"` in `at.service`.
    pub id: String,
    /// Whose it is, for people.
    pub vendor: String,
    /// How its calls are known to work.
    pub proof: Proof,
    /// The published page.
    pub source: String,
    /// Where it is spoken to, unless the policy says.
    pub host: Option<String>,
    /// Headers of every call.
    pub headers: BTreeMap<String, String>,
    /// What the policy must say in `parameters`.
    pub needs: Vec<String>,
    /// The least rights of the token.
    pub rights: String,
    /// Where the public key is that values are sealed for.
    pub seal: Option<Seal>,
    /// How it stands.
    pub state: Stand,
    /// A list that the writing call must repeat.
    pub also: Option<Also>,
    /// How long a value counts there: a new one gets as much.
    pub lifetime: Option<Lifetime>,
    /// What a plan says of it, after "it holds the old value".
    #[serde(default)]
    pub remark: String,
    /// Writes one name.
    pub write: Write,
}

/// A public key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The call.
    pub call: String,
    /// Where the key is: base64, 32 bytes.
    pub key: String,
    /// Where its id is.
    pub id: String,
}

/// The call that tells how a name stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stand {
    /// The call.
    pub call: String,
    /// Where the value is; none where it cannot be read.
    pub value: Option<String>,
    /// The value is in base64.
    #[serde(default)]
    pub base64: bool,
    /// Where the time of the last change is.
    pub updated: Option<String>,
    /// What must be there, where the value cannot be read.
    pub has: Option<String>,
    /// Where its name is, where it is called by another.
    pub named: Option<String>,
    /// What was written may be seen a little later.
    #[serde(default)]
    pub lags: bool,
    /// What the writing call must repeat: name and pointer.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    /// Fields that the writing call must repeat as they are, where they are there.
    #[serde(default)]
    pub copy: Vec<String>,
}

/// Times in seconds since 1970: pointers into the state, the second also into the writing call's body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetime {
    /// When it was made.
    pub from: String,
    /// When it runs out.
    pub until: String,
}

impl Lifetime {
    /// The piece of a body that lets a value of `now` run out after as long a time; none where the old one does not.
    pub(super) fn again(&self, state: &Value, now: i64) -> Option<Value> {
        let time = |pointer: &str| state.pointer(pointer)?.as_i64();
        let (from, until) = (time(&self.from)?, time(&self.until)?);
        let mut out = Value::from(now + (until - from).max(0));
        for name in self.until.rsplit('/').filter(|name| !name.is_empty()) {
            out = serde_json::json!({ name: out });
        }
        Some(out)
    }
}

/// A list that the writing call must repeat.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Also {
    /// The call.
    pub call: String,
    /// When: pointers into the state, and values.
    pub when: BTreeMap<String, Vec<Value>>,
    /// Where the list is.
    pub items: String,
    /// Where an item's id is.
    pub id: String,
    /// Where it says how many there are.
    pub total: String,
    /// The name in the writing call's body.
    pub name: String,
}

/// The call that writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The call.
    pub call: String,
    /// What is sent; names stand for names and values alike.
    pub body: Value,
    /// Its type, unless JSON's.
    #[serde(rename = "type")]
    pub media: Option<String>,
    /// Statuses that mean done.
    pub done: Vec<u16>,
    /// Statuses that mean somebody wrote in between.
    #[serde(default)]
    pub later: Vec<u16>,
}

/// Every store.
///
/// # Errors
/// When the files do not parse (a test holds that they do).
pub fn stores() -> Result<&'static [Store], String> {
    data::stores()
}

/// The store of this name.
pub fn store(id: &str) -> Option<&'static Store> {
    stores().ok()?.iter().find(|store| store.id == id)
}

#[cfg(test)]
mod tests {
    use super::stores;

    #[test]
    fn every_store_is_sourced_and_in_the_guide() {
        let guide = include_str!("../../../docs/providers.md");
        for store in stores().expect("the file parses") {
            assert!(store.source.starts_with("https://") && !store.rights.is_empty(), "{}", store.id);
            let row = format!("| `{}` | {} | {} |", store.id, store.vendor, store.proof);
            assert!(guide.contains(&row), "docs/providers.md lacks: {row}");
            assert_eq!(store.seal.is_some(), store.write.body.to_string().contains("{sealed}"), "{}", store.id);
        }
    }
}
