//! A secret in a version 2 key-value store of Vault or OpenBao: written with check-and-set, so that two writers are seen;
//! its other keys stay.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Destination, Values};
use crate::rotate::providers::vault_api::Api;
use crate::rotate::types::{Report, Trouble};
use crate::secret::Secret;

/// `at.vault-kv`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VaultKvPolicy {
    /// The target whose address and admin token are used.
    pub target: String,
    /// Where the store is mounted.
    #[serde(default = "mount")]
    pub mount: String,
    /// The secret's path in it.
    pub path: String,
}

fn mount() -> String {
    "secret".to_owned()
}

/// The driver.
#[derive(Debug)]
pub struct VaultKv {
    api: Api,
    policy: VaultKvPolicy,
}

impl VaultKv {
    /// The driver of a policy's entry, with its target's connection.
    pub fn new(policy: &VaultKvPolicy, api: Api) -> Self {
        Self { api, policy: policy.clone() }
    }

    fn path(&self, kind: &str) -> String {
        format!("{}/{kind}/{}", self.policy.mount, self.policy.path)
    }

    /// The secret's keys, and its version.
    fn read(&self) -> Result<(Map<String, Value>, u64), Trouble> {
        let found = self.api.read("GET", &self.path("data"), None)?;
        let found = found.ok_or_else(|| Trouble::Refused(format!("{} is not there", self.path("data"))))?;
        let data = found.pointer("/data/data").and_then(Value::as_object).cloned();
        let version = found.pointer("/data/metadata/version").and_then(Value::as_u64);
        match (data, version) {
            (Some(data), Some(version)) => Ok((data, version)),
            _ => Err(Trouble::Refused(format!("{} has no version 2 data", self.path("data")))),
        }
    }

    fn compare(data: &Map<String, Value>, values: &Values) -> bool {
        values.iter().all(|(key, value)| {
            data.get(key).and_then(Value::as_str).is_some_and(|found| found.as_bytes() == value.expose())
        })
    }
}

impl Destination for VaultKv {
    fn place(&self) -> String {
        format!("vault {}", self.path("data"))
    }

    fn readable(&self) -> bool {
        true
    }

    fn check(&self, old: &Values) -> Report {
        let data = match self.read() {
            Ok((data, _)) => data,
            Err(trouble) => return trouble.report(),
        };
        let path = self.path("data");
        let rights = match self.api.read("POST", "sys/capabilities-self", Some(&json!({ "paths": [path] }))) {
            Ok(answer) => answer.unwrap_or_default(),
            Err(trouble) => return trouble.report(),
        };
        let list = rights.pointer("/data").and_then(|data| data.get(&path)).and_then(Value::as_array).cloned();
        let may = |right: &Value| matches!(right.as_str(), Some("root" | "update"));
        if !list.is_some_and(|list| list.iter().any(may)) {
            return Report::refused(format!("the admin token may not write {path}"));
        }
        if Self::compare(&data, old) {
            Report::done("it holds the old value")
        } else {
            Report::refused(format!("{path} does not hold the leaked value"))
        }
    }

    fn write(&self, from: &Values, to: &Values) -> Report {
        let (mut data, version) = match self.read() {
            Ok(read) => read,
            Err(trouble) => return trouble.report(),
        };
        if Self::compare(&data, to) {
            return Report::done("it holds it already");
        }
        if !Self::compare(&data, from) {
            return Report::refused(format!("{} holds neither value", self.path("data")));
        }
        for (key, value) in to {
            data.insert(key.clone(), String::from_utf8_lossy(value.expose()).into_owned().into());
        }
        // Refused when somebody wrote in between: then it is read again.
        let body = json!({ "options": { "cas": version }, "data": data });
        let (report, _) = self.api.change("POST", &self.path("data"), Some(&body));
        if report.note.contains("check-and-set") { Report::later(report.note) } else { report }
    }

    fn shows(&self, name: &str) -> Result<Option<Secret>, String> {
        let (data, _) = self.read().map_err(|trouble| trouble.to_string())?;
        Ok(data.get(name).and_then(Value::as_str).map(|found| Secret::new(found.as_bytes())))
    }

    fn holds(&self, values: &Values) -> Report {
        match self.read() {
            Ok((data, _)) if Self::compare(&data, values) => Report::done("it holds it"),
            Ok(_) => Report::refused(format!("{} holds something else", self.path("data"))),
            Err(trouble) => Report::unknown(trouble.to_string()),
        }
    }
}
