//! Stores as data: `providers/destinations.toml` as types. Parsed at first use; tests check every entry.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::rotate::types::Proof;

/// The file.
const TEXT: &str = include_str!("../../../providers/destinations.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    destinations: Vec<Store>,
}

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
    /// What the writing call must repeat: name and pointer.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    /// Fields that the writing call must repeat as they are, where they are there.
    #[serde(default)]
    pub copy: Vec<String>,
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
/// When the file does not parse (a test holds that it does).
pub fn stores() -> Result<&'static [Store], String> {
    static STORES: OnceLock<Result<Vec<Store>, String>> = OnceLock::new();
    let parsed = STORES.get_or_init(|| {
        let file: Result<File, _> = toml::from_str(TEXT);
        file.map(|file| file.destinations).map_err(|error| format!("providers/destinations.toml: {error}"))
    });
    parsed.as_ref().map(Vec::as_slice).map_err(Clone::clone)
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
