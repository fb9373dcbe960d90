//! The plan: what will be done, read-only, for people to look at. It has a digest; what was looked at is what is done.

mod entry;
mod users;

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::escrow::Material;
use super::keys::{self, SigningKey};
use super::policy::{Environment, Rotation};
use super::providers::Call;
use super::redact::{Guard, hex};
use super::run::Course;
use super::types::{Identity, Proof, Strategy};
use crate::clock;
use crate::error::{Error, Result};
use crate::finding::Origin;

/// How long a plan holds, in seconds.
const LIFETIME: i64 = 24 * 3600;

/// A secret that leaked, as the program found it.
#[derive(Debug)]
pub struct Leak {
    /// The rule that found it.
    pub rule: String,
    /// Its keyed hash.
    pub secret_id: String,
    /// Its masked form.
    pub redacted: String,
    /// What to do by hand, where nothing else is known.
    pub advice: String,
    /// The vendor's page about it; empty when none is known.
    pub link: String,
    /// Everywhere it stands.
    pub origins: Vec<Origin>,
    /// The credential in parts.
    pub material: Material,
}

/// What the operator asks for beyond the policy.
#[derive(Debug, Default, Clone)]
pub struct Wishes {
    /// Revoke first.
    pub emergency: bool,
    /// Destinations (by name) that may keep the old value.
    pub accept_missing: Vec<String>,
    /// Kinds whose calls are unproven and are used all the same.
    pub allow_unproven: Vec<String>,
    /// The target to ask, where the rule does not say.
    pub target: Option<String>,
}

impl Wishes {
    /// Names that the policy does not know are mistakes.
    fn check(&self, policy: &Rotation) -> Result<()> {
        let known: Vec<&str> = policy.destinations.iter().map(|destination| destination.name.as_str()).collect();
        if let Some(name) = self.accept_missing.iter().find(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            return Err(Error::Usage(format!("--accept-missing {name}: the policy's destinations are: {known}")));
        }
        let targets: Vec<&str> = policy.targets.iter().map(|target| target.name()).collect();
        match self.allow_unproven.iter().chain(&self.target).find(|name| !targets.contains(&name.as_str())) {
            Some(name) => {
                Err(Error::Usage(format!("there is no target `{name}`; the policy's are: {}", targets.join(", "))))
            }
            None => Ok(()),
        }
    }
}

/// An entry without what an issuer's words may hold of the value that it was asked about. Who owns it and where it was found
/// stay as they are: they are compared later.
fn silent(item: &Item, leak: &Leak, drivers: &entry::Drivers) -> Result<Item> {
    fn walk(value: &mut serde_json::Value, guard: &Guard) {
        match value {
            serde_json::Value::String(text) => *text = guard.redact(text),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| walk(item, guard)),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(|field| walk(field, guard)),
            _ => {}
        }
    }
    let mut guard = Guard::default();
    leak.material.secrets().for_each(|secret| guard.learn(secret));
    drivers.secrets().iter().for_each(|secret| guard.learn(secret));
    let failed = |error: serde_json::Error| Error::Usage(error.to_string());
    let mut value = serde_json::to_value(item).map_err(failed)?;
    for place in ["/calls", "/destinations", "/users", "/manual", "/refused", "/identity/facts", "/identity/also_dies"]
    {
        value.pointer_mut(place).into_iter().for_each(|found| walk(found, &guard));
    }
    serde_json::from_value(value).map_err(failed)
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form: 1.
    pub schema: u32,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it stops counting.
    pub expires: String,
    /// SHA-256 of the policy it was made with.
    pub policy: String,
    /// The key of secret ids.
    pub key_id: String,
    /// Who made it: a public key in hex.
    pub planner: String,
    /// One entry per secret.
    pub entries: Vec<Item>,
    /// SHA-256 over all of the above, in hex.
    pub digest: String,
    /// Who approved it.
    #[serde(default)]
    pub approvals: Vec<Approval>,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Whose: a public key in hex.
    pub by: String,
    /// Over the plan's digest.
    pub signature: String,
}

/// What is planned for one secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its keyed hash.
    pub secret_id: String,
    /// The rule that found it.
    pub rule: String,
    /// Its masked form.
    pub redacted: String,
    /// Everywhere it stands.
    pub origins: Vec<Origin>,
    /// Who owns it: a target of the policy; none for manual ones.
    pub target: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// Whose it is.
    pub identity: Option<Identity>,
    /// How it is turned.
    pub strategy: Strategy,
    /// How the calls are known to work.
    pub proof: Option<Proof>,
    /// The order of steps.
    pub course: Option<Course>,
    /// The calls that change something.
    pub calls: Vec<Call>,
    /// Where copies are.
    pub destinations: Vec<Planned>,
    /// Who else holds it, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
    /// What a person does.
    pub manual: Vec<String>,
    /// Why nothing will be done; none when something will.
    pub refused: Option<String>,
}

/// A destination in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Its name in the policy.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// Whether it can be read.
    pub readable: bool,
    /// What was seen there.
    pub state: String,
    /// The operator accepts that it may keep the old value.
    pub accepted: bool,
}

/// A destination that holds the leaked value, or may, and is none of the entry's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its name in the policy.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// Whether it holds it; none where nobody can say.
    pub holds: Option<bool>,
    /// What was seen there.
    pub note: String,
}

impl Plan {
    /// Plans for `leaks`. Reads only: each unique secret is identified once.
    ///
    /// # Errors
    /// When an admin credential of the policy cannot be had.
    pub fn make(policy: &Rotation, leaks: &[Leak], wishes: &Wishes, key_id: &str, planner: &str) -> Result<Self> {
        let now = clock::epoch_seconds(SystemTime::now());
        wishes.check(policy)?;
        let mut drivers = entry::Drivers::default();
        let mut entries = Vec::new();
        for leak in leaks {
            let item = entry::item(policy, leak, wishes, &mut drivers)?;
            entries.push(silent(&item, leak, &drivers)?);
        }
        let mut plan = Self {
            schema: 1,
            created: clock::rfc3339(now),
            expires: clock::rfc3339(now + LIFETIME),
            policy: policy.digest.clone(),
            key_id: key_id.to_owned(),
            planner: planner.to_owned(),
            entries,
            digest: String::new(),
            approvals: Vec::new(),
        };
        plan.digest = plan.compute_digest()?;
        Ok(plan)
    }

    /// One plan of several, made for the same policy.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn joined(plans: Vec<Self>, policy: &Rotation, key_id: &str, planner: &str) -> Result<Self> {
        let mut whole = Self::make(policy, &[], &Wishes::default(), key_id, planner)?;
        whole.entries = plans.into_iter().flat_map(|plan| plan.entries).collect();
        whole.digest = whole.compute_digest()?;
        Ok(whole)
    }

    fn compute_digest(&self) -> Result<String> {
        let bare = Self { digest: String::new(), approvals: Vec::new(), ..self.clone() };
        let text = serde_json::to_vec(&bare).map_err(|error| Error::Usage(error.to_string()))?;
        Ok(hex(&Sha256::digest(&text)))
    }

    /// Reads a plan and checks that nobody changed it.
    ///
    /// # Errors
    /// When it is none, or its digest does not fit.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let plan: Self =
            serde_json::from_slice(text).map_err(|error| Error::Usage(format!("this is no plan: {error}")))?;
        if plan.schema != 1 {
            return Err(Error::Usage(format!("the plan has schema {}; 1 is read", plan.schema)));
        }
        if plan.compute_digest()? != plan.digest {
            return Err(Error::Usage("the plan was changed after it was made (its digest does not fit)".to_owned()));
        }
        Ok(plan)
    }

    /// Adds an approval.
    pub fn approve(&mut self, key: &SigningKey) {
        let by = key.public();
        self.approvals.retain(|approval| approval.by != by);
        self.approvals.push(Approval { signature: key.sign("approval", self.digest.as_bytes()), by });
    }

    /// Whether the plan may be carried out now, under this policy.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, policy: &Rotation) -> Result<()> {
        let refuse = |message: String| Err(Error::Usage(message));
        let now = clock::epoch_seconds(SystemTime::now());
        if clock::parse_rfc3339(&self.expires).is_none_or(|end| end <= now) {
            return refuse(format!("the plan has run out ({}): make it anew", self.expires));
        }
        if self.policy != policy.digest {
            return refuse("the policy is not the one that the plan was made with: make it anew".to_owned());
        }
        for item in self.entries.iter().filter(|item| item.refused.is_none()) {
            let Some(name) = &item.environment else { continue };
            let environment = policy.environments.get(name);
            let environment =
                environment.ok_or_else(|| Error::Usage(format!("environment `{name}` is not defined")))?;
            let approvals = self.approvals_for(environment);
            if approvals < environment.approvals {
                return refuse(format!(
                    "environment `{name}` asks for {} approvals, the plan has {approvals} (`keysweep rotate approve`; the \
                     planner's own does not count)",
                    environment.approvals
                ));
            }
        }
        Ok(())
    }

    fn approvals_for(&self, environment: &Environment) -> usize {
        let mut by: Vec<&str> = self
            .approvals
            .iter()
            .filter(|approval| approval.by != self.planner && environment.approvers.contains(&approval.by))
            .filter(|approval| keys::verify(&approval.by, "approval", self.digest.as_bytes(), &approval.signature))
            .map(|approval| approval.by.as_str())
            .collect();
        by.sort_unstable();
        by.dedup();
        by.len()
    }
}
