//! Tokens and AppRole secret ids of Vault and OpenBao: two-phase. New ones carry the run's name in their metadata, so that
//! one whose answer was lost is found again, revoked, and made anew.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::vault_api::{Api, AppRole, VaultTarget, errors, says_no, text};
use super::{Abilities, Acted, Call, Provider, Subject};
use crate::error::Result;
use crate::rotate::escrow::Material;
use crate::rotate::http::NoAnswer;
use crate::rotate::run::Step;
use crate::rotate::types::{Binding, Chooser, Identity, Outcome, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// Rules whose findings may be tokens.
pub const RULES: &[&str] = &["vault-service-token", "vault-service-token-legacy"];

/// Name of the run in the metadata of what it makes.
const TAG: &str = "keysweep_run";

/// Most tokens that are looked through for an orphan.
const MOST: usize = 20_000;

/// The driver.
#[derive(Debug)]
pub struct Vault {
    name: String,
    api: Api,
    role: Option<AppRole>,
}

impl Vault {
    /// The driver of a target.
    ///
    /// # Errors
    /// When the admin's token cannot be had.
    pub fn new(target: &VaultTarget, folder: &Path) -> Result<Self> {
        Ok(Self { name: target.name.clone(), api: Api::new(target, folder)?, role: target.app_role.clone() })
    }

    fn role_path(role: &AppRole, rest: &str) -> String {
        format!("auth/{}/role/{}/{rest}", role.mount, role.role)
    }

    /// What the server says about a value; `None` when it knows none such.
    fn lookup(&self, value: &Secret) -> Result<Option<Value>, Trouble> {
        if let Some(role) = &self.role {
            let body = json!({ "secret_id": String::from_utf8_lossy(value.expose()) });
            let found = self.api.read("POST", &Self::role_path(role, "secret-id/lookup"), Some(&body))?;
            return Ok(found.filter(|found| text(found, "/data/secret_id_accessor").is_some()));
        }
        // Asked as the admin: a token without rights of its own may not even ask about itself, and would look dead.
        let body = json!({ "token": String::from_utf8_lossy(value.expose()) });
        let answer = self.api.call("POST", "auth/token/lookup", Some(&self.api.token), Some(&body));
        let answer = answer.map_err(NoAnswer::trouble)?;
        match (answer.status, answer.json()) {
            (200, Some(found)) if text(&found, "/data/accessor").is_some() => Ok(Some(found)),
            _ if says_no(&answer, 403) && errors(&answer).trim() == "bad token" => Ok(None),
            (403, Some(_)) => {
                Err(Trouble::Refused(format!("auth/token/lookup: the admin token may not: {}", errors(&answer))))
            }
            (status, _) => {
                Err(Trouble::Unreachable(format!("auth/token/lookup: status {status}: {}", errors(&answer))))
            }
        }
    }

    /// The accessor of what this run made; `None` when it made nothing.
    fn made(&self, subject: &Subject<'_>) -> Result<Option<String>, Trouble> {
        let (list, look) = match &self.role {
            Some(role) => (Self::role_path(role, "secret-id"), Self::role_path(role, "secret-id-accessor/lookup")),
            None => ("auth/token/accessors".to_owned(), "auth/token/lookup-accessor".to_owned()),
        };
        let (body_name, meta) = match &self.role {
            Some(_) => ("secret_id_accessor", "/data/metadata"),
            None => ("accessor", "/data/meta"),
        };
        let Some(found) = self.api.read("GET", &format!("{list}?list=true"), None)? else { return Ok(None) };
        let keys = found.pointer("/data/keys").and_then(Value::as_array).cloned().unwrap_or_default();
        if keys.len() > MOST {
            return Err(Trouble::Refused(format!("there are {} to look through; at most {MOST} are", keys.len())));
        }
        for key in keys.iter().filter_map(Value::as_str) {
            let looked = match self.api.read("POST", &look, Some(&json!({ body_name: key }))) {
                Ok(Some(looked)) => looked,
                // It ran out between the list and the look.
                Ok(None) | Err(Trouble::Refused(_)) => continue,
                Err(trouble) => return Err(trouble),
            };
            if text(&looked, &format!("{meta}/{TAG}")) == Some(subject.run) {
                return Ok(Some(key.to_owned()));
            }
        }
        Ok(None)
    }

    fn issue(&self, subject: &Subject<'_>) -> Acted {
        let (path, body, value, accessor) = match &self.role {
            Some(role) => {
                let metadata = json!({ TAG: subject.run }).to_string();
                let path = Self::role_path(role, "secret-id");
                (path, json!({ "metadata": metadata }), "/data/secret_id", "/data/secret_id_accessor")
            }
            None => {
                let like = match self.lookup(subject.old.get("value").unwrap_or(&Secret::new(b""))) {
                    Ok(Some(like)) => like,
                    Ok(None) => return Report::refused("the old token died meanwhile").into(),
                    Err(trouble) => return trouble.report().into(),
                };
                (path_for(&like), like_body(&like, subject.run), "/auth/client_token", "/auth/accessor")
            }
        };
        let (report, answer) = self.api.change("POST", &path, Some(&body));
        if report.outcome != Outcome::Done {
            return report.into();
        }
        let answer = answer.unwrap_or_default();
        match (text(&answer, value), text(&answer, accessor)) {
            (Some(value), Some(accessor)) => Acted {
                report: Report::done("a new one is made").fact("id", accessor),
                new: Some(Material::of(value.as_bytes()).with("id", accessor.as_bytes())),
            },
            // Made, but the answer does not show it: it is found by its tag.
            _ => Report::unknown("the answer holds no new value").into(),
        }
    }

    fn revoke(&self, accessor: &str) -> Report {
        let (path, body) = match &self.role {
            Some(role) => {
                (Self::role_path(role, "secret-id-accessor/destroy"), json!({ "secret_id_accessor": accessor }))
            }
            None => ("auth/token/revoke-accessor".to_owned(), json!({ "accessor": accessor })),
        };
        let (report, _) = self.api.change("POST", &path, Some(&body));
        // What is gone already needs no revoking; the probe decides.
        if report.outcome != Outcome::Done && report.note.contains("invalid accessor") {
            return Report::done("it was gone already");
        }
        report
    }
}

/// A token like the old one: same policies, time to live and kind.
fn like_body(like: &Value, run: &str) -> Value {
    let data = &like["data"];
    let mut body = json!({
        "policies": data["policies"],
        "meta": { TAG: run },
        "renewable": data["renewable"],
        "no_default_policy": !data["policies"].as_array().is_some_and(|list| list.contains(&"default".into())),
    });
    let display = data["display_name"].as_str().unwrap_or_default();
    body["display_name"] = display.strip_prefix("token-").unwrap_or(display).into();
    for (from, to) in [("creation_ttl", "ttl"), ("explicit_max_ttl", "explicit_max_ttl"), ("period", "period")] {
        if let Some(seconds) = data[from].as_u64().filter(|&seconds| seconds > 0) {
            body[to] = format!("{seconds}s").into();
        }
    }
    if let Some(Value::Object(meta)) = data.get("meta") {
        for (name, value) in meta.iter().filter(|(name, _)| *name != TAG) {
            body["meta"][name] = value.clone();
        }
    }
    body
}

fn path_for(like: &Value) -> String {
    let orphan = like["data"]["orphan"].as_bool() == Some(true);
    if orphan { "auth/token/create-orphan" } else { "auth/token/create" }.to_owned()
}

impl Provider for Vault {
    fn abilities(&self) -> Abilities {
        Abilities {
            strategy: Strategy::TwoPhase,
            chooser: Chooser::Issuer,
            issue: Retry::ReconcileFirst,
            disable: None,
            delete: true,
            delete_retry: Retry::RetrySafe,
            propagation: 0,
            proof: Proof::Server,
        }
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        let value = old.get("value").ok_or_else(|| Trouble::Refused("there is no value".to_owned()))?;
        let found = self.lookup(value)?;
        let kind = self.role.as_ref().map_or("token", |_| "secret-id");
        let live = found.is_some();
        let found = found.unwrap_or_default();
        let (accessor, owner) = match &self.role {
            Some(role) => (text(&found, "/data/secret_id_accessor"), format!("approle/{}", role.role)),
            None => {
                (text(&found, "/data/accessor"), text(&found, "/data/display_name").unwrap_or("unknown").to_owned())
            }
        };
        let mut facts = BTreeMap::new();
        for name in ["policies", "ttl", "type", "path", "orphan", "secret_id_num_uses", "secret_id_ttl"] {
            if let Some(value) = found["data"].get(name).filter(|value| !value.is_null()) {
                facts.insert(name.to_owned(), value.to_string().replace('"', ""));
            }
        }
        let dies = match &self.role {
            Some(_) => "nothing else; tokens that were made with it live on until they run out",
            None => "every token made with it, and every lease they hold",
        };
        Ok(Identity {
            owner: format!("vault:{}:{owner}", self.name),
            id: format!("vault:{}:{kind}:{}", self.name, accessor.unwrap_or("unknown")),
            binding: if self.role.is_some() { Binding::ExactMatch } else { Binding::SelfEndpoint },
            liveness: if live { "live" } else { "dead" }.to_owned(),
            facts,
            also_dies: vec![dies.to_owned()],
        })
    }

    fn calls(&self, identity: &Identity) -> Vec<Call> {
        let accessor = identity.id.rsplit(':').next().unwrap_or_default();
        let (issue, revoke) = match &self.role {
            Some(role) => (Self::role_path(role, "secret-id"), Self::role_path(role, "secret-id-accessor/destroy")),
            None => ("auth/token/create".to_owned(), "auth/token/revoke-accessor".to_owned()),
        };
        vec![
            Call::new("issue", format!("POST /v1/{issue}"), "the admin token", true),
            Call::new("delete", format!("POST /v1/{revoke} ({accessor})"), "the admin token", false),
        ]
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        let facts = &subject.identity.facts;
        let has = |name: &str, word: &str| facts.get(name).is_some_and(|value| value.contains(word));
        if self.role.is_none() && (has("policies", "[root") || has("policies", ",root")) {
            return Report::refused(
                "it is a root token: make a new one by `operator generate-root`, then revoke this one",
            );
        }
        if has("type", "batch") {
            return Report::refused("it is a batch token: no call revokes it, it runs out by itself");
        }
        let paths: Vec<String> = match &self.role {
            Some(role) => ["secret-id", "secret-id-accessor/destroy", "secret-id-accessor/lookup"]
                .iter()
                .map(|rest| Self::role_path(role, rest))
                .collect(),
            None => ["create", "create-orphan", "lookup", "revoke-accessor", "lookup-accessor"]
                .iter()
                .filter(|rest| **rest != if has("orphan", "true") { "create" } else { "create-orphan" })
                .map(|rest| format!("auth/token/{rest}"))
                .collect(),
        };
        let asked = self.api.read("POST", "sys/capabilities-self", Some(&json!({ "paths": paths })));
        let answer = match asked {
            Ok(Some(answer)) => answer,
            Ok(None) => return Report::later("sys/capabilities-self says nothing"),
            Err(trouble) => return trouble.report(),
        };
        for path in &paths {
            let rights = answer.pointer("/data").and_then(|data| data.get(path)).or_else(|| answer.get(path));
            let rights: Vec<&str> =
                rights.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            if !rights.iter().any(|right| matches!(*right, "root" | "update" | "create")) {
                return Report::refused(format!("the admin token may not write {path}"));
            }
        }
        Report::done("the admin token may do all of it")
    }

    fn choose(&self, _: &Subject<'_>) -> Result<Material, Trouble> {
        Err(Trouble::Refused("the server chooses".to_owned()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        match step {
            Step::Issue => return self.issue(subject),
            Step::Delete => match subject.identity.id.rsplit(':').next() {
                Some(accessor) if accessor != "unknown" => self.revoke(accessor),
                _ => Report::refused("its accessor is not known"),
            },
            Step::Discard => match self.made(subject) {
                Ok(Some(accessor)) => self.revoke(&accessor),
                Ok(None) => Report::done("there is nothing of this run"),
                Err(trouble) => trouble.report(),
            },
            _ => Report::refused("there is no such step here"),
        }
        .into()
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        match step {
            Step::Issue | Step::Discard => match (self.made(subject), step) {
                (Ok(Some(accessor)), Step::Issue) => Report::done("it was made").fact("id", accessor),
                (Ok(None), Step::Discard) => Report::done("it is gone"),
                (Ok(_), _) => Report::refused("it was not done"),
                (Err(trouble), _) => Report::unknown(trouble.to_string()),
            },
            Step::Delete => match self.probe(subject.old) {
                Probe::Dead(note) => Report::done(note),
                Probe::Live(note) => Report::refused(note),
                Probe::Unknown(note) => Report::unknown(note),
            },
            _ => Report::unknown("there is nothing to look at"),
        }
    }

    fn probe(&self, material: &Material) -> Probe {
        let Some(value) = material.get("value") else { return Probe::Unknown("there is no value".to_owned()) };
        match self.lookup(value) {
            Ok(Some(_)) => Probe::Live("the server knows it".to_owned()),
            Ok(None) => Probe::Dead("the server refuses it".to_owned()),
            Err(trouble) => Probe::Unknown(trouble.to_string()),
        }
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![self.api.token.clone()]
    }
}
