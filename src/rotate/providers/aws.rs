//! Access keys of IAM users: two-phase, with a step that can be undone (inactive). A user may have two keys: that is the
//! quota, and it is checked first. Keys of the root account and temporary keys are refused with the way out.

use std::collections::BTreeMap;
use std::path::Path;

use super::aws_api::{Api, AwsTarget, Fault, signer, tag, tags};
use super::{Abilities, Acted, Call, Provider, Subject};
use crate::error::Result;
use crate::rotate::escrow::Material;
use crate::rotate::run::Step;
use crate::rotate::run::course::{Disable, Signer as By};
use crate::rotate::sigv4::Signer;
use crate::rotate::types::{Binding, Chooser, Identity, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// Rules whose findings may be access keys.
pub const RULES: &[&str] = &["aws-secret-access-key"];

/// Keys a user may have.
const QUOTA: usize = 2;

/// The driver.
#[derive(Debug)]
pub struct Aws {
    name: String,
    api: Api,
    propagation: u64,
}

impl Aws {
    /// The driver of a target.
    ///
    /// # Errors
    /// When the admin's key cannot be had.
    pub fn new(target: &AwsTarget, folder: &Path) -> Result<Self> {
        let propagation = target.propagation_seconds;
        Ok(Self { name: target.name.clone(), api: Api::new(target, folder)?, propagation })
    }

    /// The key pair of a credential.
    pub(super) fn pair(material: &Material) -> Result<Signer, Trouble> {
        let part = |names: &[&str]| names.iter().find_map(|name| material.get(name));
        let id = part(&["id", "aws-access-key-id", "aws-session-access-key-id"]);
        let id = id.and_then(|id| std::str::from_utf8(id.expose()).ok());
        let id =
            id.ok_or_else(|| Trouble::Refused("the access key id is not known: it did not stand near".to_owned()))?;
        let secret = part(&["value"]).ok_or_else(|| Trouble::Refused("there is no secret key".to_owned()))?;
        Ok(signer(id, secret, part(&["session", "aws-session-token"])))
    }

    fn by(&self, subject: &Subject<'_>) -> Result<Signer, Report> {
        match (&self.api.admin, subject.signer, subject.new) {
            (Some(admin), By::Admin, _) => Ok(admin.clone()),
            (_, By::New, Some(new)) => Self::pair(new).map_err(|trouble| trouble.report()),
            _ => Self::pair(subject.old).map_err(|trouble| trouble.report()),
        }
    }

    /// A call about the old key's user.
    fn iam(&self, subject: &Subject<'_>, parameters: &[(&str, &str)]) -> Result<String, Fault> {
        let by = self.by(subject).map_err(|report| Fault::Service(400, "NoKey".to_owned(), report.note))?;
        let user = user_of(subject.identity);
        let with_user: Vec<(&str, &str)> = parameters.iter().copied().chain([("UserName", user)]).collect();
        self.api.query("iam", &by, &with_user)
    }

    /// The user's keys: id and status.
    fn keys(&self, subject: &Subject<'_>) -> Result<Vec<(String, String)>, Fault> {
        let text = self.iam(subject, &[("Action", "ListAccessKeys")])?;
        let members = tags(&text, "member").into_iter();
        Ok(members
            .filter_map(|member| Some((tag(member, "AccessKeyId")?.to_owned(), tag(member, "Status")?.to_owned())))
            .collect())
    }

    fn change(&self, subject: &Subject<'_>, parameters: &[(&str, &str)], done: &str) -> Report {
        match self.iam(subject, parameters) {
            Ok(_) => Report::done(done),
            Err(fault) => fault.report(),
        }
    }

    fn delete(&self, subject: &Subject<'_>, id: &str) -> Report {
        match self.iam(subject, &[("Action", "DeleteAccessKey"), ("AccessKeyId", id)]) {
            Ok(_) => Report::done(format!("{id} is deleted")),
            Err(fault) if fault.code() == "NoSuchEntity" => Report::done(format!("{id} was gone already")),
            Err(fault) => fault.report(),
        }
    }

    /// The key that this run made: its id is known, or it was not there before.
    fn made(&self, subject: &Subject<'_>) -> Result<Option<String>, Fault> {
        let old = key_of(subject.identity);
        let before: Vec<&str> = subject.facts.get("keys").map(|list| list.split(',').collect()).unwrap_or_default();
        let keys = self.keys(subject)?;
        Ok(keys.into_iter().map(|(id, _)| id).find(|id| id != old && !before.contains(&id.as_str())))
    }

    fn issue(&self, subject: &Subject<'_>) -> Acted {
        let text = match self.iam(subject, &[("Action", "CreateAccessKey")]) {
            Ok(text) => zeroize::Zeroizing::new(text),
            Err(fault) => return fault.report().into(),
        };
        match (tag(&text, "AccessKeyId"), tag(&text, "SecretAccessKey")) {
            (Some(id), Some(secret)) => Acted {
                report: Report::done(format!("{id} is made")).fact("id", id),
                new: Some(Material::of(secret.as_bytes()).with("id", id.as_bytes())),
            },
            _ => Report::unknown("the answer holds no new key").into(),
        }
    }
}

/// `aws:123456789012:user/path/app` is the user `app`.
fn user_of(identity: &Identity) -> &str {
    identity.owner.rsplit(['/', ':']).next().unwrap_or_default()
}

fn key_of(identity: &Identity) -> &str {
    identity.id.rsplit(':').next().unwrap_or_default()
}

impl Provider for Aws {
    fn abilities(&self) -> Abilities {
        Abilities {
            strategy: Strategy::TwoPhase,
            chooser: Chooser::Issuer,
            issue: Retry::ReconcileFirst,
            disable: Some(Disable::Reversible),
            delete: true,
            delete_retry: Retry::RetrySafe,
            propagation: self.propagation,
            proof: Proof::Server,
        }
    }

    fn normal(&self, leaked: &Material) -> Material {
        let Ok(pair) = Self::pair(leaked) else { return leaked.clone() };
        let plain = leaked.clone().with("id", pair.id.as_bytes());
        match &pair.session {
            Some(session) => plain.with("session", session.expose()),
            None => plain,
        }
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        let pair = Self::pair(old)?;
        let id = format!("aws:{}", pair.id);
        let mut identity = Identity {
            owner: "aws:unknown".to_owned(),
            id,
            binding: Binding::SelfEndpoint,
            liveness: "dead".to_owned(),
            facts: BTreeMap::new(),
            also_dies: Vec::new(),
        };
        match self.api.query("sts", &pair, &[("Action", "GetCallerIdentity")]) {
            Ok(text) => {
                let arn = tag(&text, "Arn").unwrap_or_default().to_owned();
                let account = tag(&text, "Account").unwrap_or_default();
                let rest = arn.splitn(6, ':').nth(5).unwrap_or("unknown");
                identity.owner = format!("aws:{account}:{rest}");
                identity.facts.insert("arn".to_owned(), arn);
                identity.liveness = "live".to_owned();
                Ok(identity)
            }
            Err(fault) if fault.code() == "InvalidClientTokenId" => Ok(identity),
            Err(fault) if fault.code() == "SignatureDoesNotMatch" => {
                Err(Trouble::Refused("the secret key is not that of the key id beside it".to_owned()))
            }
            Err(fault) => Err(Trouble::Unreachable(fault.to_string())),
        }
    }

    fn calls(&self, identity: &Identity) -> Vec<Call> {
        let by = self.api.admin.as_ref().map_or("the leaked key itself", |admin| admin.id.as_str());
        let (user, key) = (user_of(identity), key_of(identity));
        let call =
            |step: &str, text: String, reversible: bool| Call::new(step, format!("POST iam {text}"), by, reversible);
        vec![
            call("issue", format!("CreateAccessKey UserName={user}"), true),
            call("disable", format!("UpdateAccessKey {key} Status=Inactive"), true),
            call("delete", format!("DeleteAccessKey {key}"), false),
        ]
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        let arn = subject.identity.facts.get("arn").map(String::as_str).unwrap_or_default();
        if arn.ends_with(":root") {
            return Report::refused("it is a key of the root account: delete it at the console, as root, and use none");
        }
        if key_of(subject.identity).starts_with("ASIA") || !arn.contains(":user/") {
            return Report::refused(
                "it is a temporary key: it runs out by itself; deny its role what was issued before now \
                 (AWSRevokeOlderSessions), and look for the key that it was made with",
            );
        }
        let keys = match self.keys(subject) {
            Ok(keys) => keys,
            Err(fault) => return fault.report(),
        };
        if !keys.iter().any(|(id, _)| id == key_of(subject.identity)) {
            return Report::refused("the user does not have this key");
        }
        if keys.len() >= QUOTA {
            let other = keys.iter().find(|(id, _)| id != key_of(subject.identity));
            let other = other.map(|(id, status)| format!("{id} ({status})")).unwrap_or_default();
            return Report::refused(format!(
                "user {} has {QUOTA} keys, as many as may be: delete the other one first, if nobody uses it: {other}",
                user_of(subject.identity)
            ));
        }
        let list: Vec<&str> = keys.iter().map(|(id, _)| id.as_str()).collect();
        Report::done("there is room for a second key").fact("keys", list.join(","))
    }

    fn choose(&self, _: &Subject<'_>) -> Result<Material, Trouble> {
        Err(Trouble::Refused("AWS chooses".to_owned()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        let key = key_of(subject.identity);
        let status = |status: &str| {
            let parameters = [("Action", "UpdateAccessKey"), ("AccessKeyId", key), ("Status", status)];
            self.change(subject, &parameters, &format!("{key} is {status}"))
        };
        match step {
            Step::Issue => return self.issue(subject),
            Step::Disable => status("Inactive"),
            Step::Enable => status("Active"),
            Step::Delete => self.delete(subject, key),
            Step::Discard => match self.made(subject) {
                Ok(Some(id)) => self.delete(subject, &id),
                Ok(None) => Report::done("there is no other key"),
                Err(fault) => fault.report(),
            },
            _ => Report::refused("there is no such step here"),
        }
        .into()
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        let key = key_of(subject.identity);
        let done = |yes: bool| if yes { Report::done("it was done") } else { Report::refused("it was not done") };
        if matches!(step, Step::Issue | Step::Discard) {
            return match (self.made(subject), step) {
                (Ok(Some(id)), Step::Issue) => Report::done(format!("{id} was made")).fact("id", id),
                (Ok(made), _) => done(made.is_none() == (step == Step::Discard)),
                (Err(fault), _) => Report::unknown(fault.to_string()),
            };
        }
        match self.keys(subject) {
            Ok(keys) => {
                let status = keys.iter().find(|(id, _)| id == key).map(|(_, status)| status.as_str());
                done(match step {
                    Step::Disable => status != Some("Active"),
                    Step::Enable => status == Some("Active"),
                    _ => status.is_none(),
                })
            }
            Err(fault) => Report::unknown(fault.to_string()),
        }
    }

    fn probe(&self, material: &Material) -> Probe {
        let pair = match Self::pair(material) {
            Ok(pair) => pair,
            Err(trouble) => return Probe::Unknown(trouble.to_string()),
        };
        match self.api.query("sts", &pair, &[("Action", "GetCallerIdentity")]) {
            Ok(text) => Probe::Live(tag(&text, "Arn").unwrap_or_default().to_owned()),
            Err(fault) if fault.code() == "InvalidClientTokenId" => Probe::Dead(fault.to_string()),
            // A wrong secret is refused too, whether or not the key lives.
            Err(fault) => Probe::Unknown(fault.to_string()),
        }
    }

    fn signs_with(&self, old: &Material) -> bool {
        match (&self.api.admin, Self::pair(old)) {
            (Some(admin), Ok(pair)) => admin.id == pair.id,
            (None, _) => true,
            _ => false,
        }
    }

    fn secrets(&self) -> Vec<Secret> {
        let _ = &self.name;
        self.api.admin.iter().map(|admin| admin.secret.clone()).collect()
    }
}
