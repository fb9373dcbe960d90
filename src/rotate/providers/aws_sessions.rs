//! Temporary keys of AWS roles: revoke-only. No call ends one session; the role gets the inline policy
//! `AWSRevokeOlderSessions`, as the console's "revoke active sessions" writes it, which denies everything to every session
//! that began before now.
//!
//! `GetCallerIdentity` answers denied sessions too, so what is asked is a call that a policy can deny, and AWS' own words say
//! which policy did.

use std::collections::BTreeMap;
use std::path::Path;

use super::aws::Aws;
use super::aws_api::{Api, AwsTarget, Fault, tag};
use super::{Abilities, Acted, Call, Provider, Subject};
use crate::clock;
use crate::error::Result;
use crate::rotate::escrow::Material;
use crate::rotate::run::Step;
use crate::rotate::sigv4::Signer;
use crate::rotate::types::{Binding, Chooser, Identity, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// The name that AWS' console gives the policy.
const POLICY: &str = "AWSRevokeOlderSessions";

/// A call that changes nothing, needs nothing, and can be denied.
const ASKED: &str = "GetAccountSummary";

/// The driver.
#[derive(Debug)]
pub struct AwsSessions {
    api: Api,
    propagation: u64,
}

impl AwsSessions {
    /// The driver of a target with `sessions`.
    ///
    /// # Errors
    /// When the admin's key cannot be had.
    pub fn new(target: &AwsTarget, folder: &Path) -> Result<Self> {
        Ok(Self { api: Api::new(target, folder)?, propagation: target.propagation_seconds })
    }

    fn session(material: &Material) -> Result<Signer, Trouble> {
        let pair = Aws::pair(material)?;
        match pair.session {
            Some(_) => Ok(pair),
            None => Err(Trouble::Refused("it is no temporary key, or its session token did not stand near".to_owned())),
        }
    }

    fn iam(&self, parameters: &[(&str, &str)]) -> Result<String, Fault> {
        let admin = self.api.admin.as_ref();
        let admin =
            admin.ok_or_else(|| Fault::Service(400, "NoKey".to_owned(), "the target needs an admin key".to_owned()))?;
        self.api.query("iam", admin, parameters)
    }

    /// The role's policy of our name; `None` where it has none.
    fn policy(&self, role: &str) -> Result<Option<String>, Fault> {
        match self.iam(&[("Action", "GetRolePolicy"), ("RoleName", role), ("PolicyName", POLICY)]) {
            Ok(text) => Ok(Some(text)),
            Err(fault) if fault.code() == "NoSuchEntity" => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// May it do anything? A call that no policy allows was let in all the same.
    fn ask(&self, pair: &Signer) -> Probe {
        match self.api.query("iam", pair, &[("Action", ASKED)]) {
            Ok(_) => Probe::Live(format!("{ASKED} is answered")),
            Err(fault) if matches!(fault.code(), "ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId") => {
                Probe::Dead(fault.to_string())
            }
            Err(fault) if fault.code() == "AccessDenied" => {
                let note = fault.to_string();
                if note.contains("with an explicit deny in an identity-based policy") {
                    Probe::Dead(note)
                } else if note.contains("because no ") {
                    Probe::Live(note)
                } else {
                    Probe::Unknown(note)
                }
            }
            Err(fault) => Probe::Unknown(fault.to_string()),
        }
    }
}

/// `aws:123456789012:role/app` is the role `app`.
fn role_of(identity: &Identity) -> &str {
    identity.owner.rsplit('/').next().unwrap_or_default()
}

impl Provider for AwsSessions {
    fn abilities(&self) -> Abilities {
        Abilities {
            strategy: Strategy::RevokeOnly,
            chooser: Chooser::Issuer,
            issue: Retry::Never,
            disable: None,
            delete: true,
            delete_retry: Retry::RetrySafe,
            propagation: self.propagation,
            // moto denies such sessions, and does not say in AWS' words which policy did: that is AWS' page's.
            proof: Proof::Documented,
        }
    }

    fn normal(&self, leaked: &Material) -> Material {
        match Self::session(leaked) {
            Ok(Signer { id, session: Some(session), .. }) => {
                leaked.clone().with("id", id.as_bytes()).with("session", session.expose())
            }
            _ => leaked.clone(),
        }
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        let pair = Self::session(old)?;
        let mut identity = Identity {
            owner: "aws:unknown".to_owned(),
            id: format!("aws:{}", pair.id),
            binding: Binding::SelfEndpoint,
            liveness: "dead".to_owned(),
            facts: BTreeMap::new(),
            also_dies: Vec::new(),
        };
        let answer = match self.api.query("sts", &pair, &[("Action", "GetCallerIdentity")]) {
            Ok(answer) => answer,
            Err(fault) if matches!(fault.code(), "ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId") => {
                return Ok(identity);
            }
            Err(fault) => return Err(Trouble::Unreachable(fault.to_string())),
        };
        let arn = tag(&answer, "Arn").unwrap_or_default().to_owned();
        let role = arn.split(":assumed-role/").nth(1).and_then(|rest| rest.split('/').next());
        let role = role.ok_or_else(|| {
            Trouble::Refused(format!("{arn} is no role's session: turn the key that it was made with, it dies then"))
        })?;
        identity.owner = format!("aws:{}:role/{role}", tag(&answer, "Account").unwrap_or_default());
        identity.also_dies = vec![format!(
            "every session of role {role} that began before: services get new ones by themselves, people log in again"
        )];
        identity.liveness = match self.ask(&pair) {
            Probe::Live(_) => "live".to_owned(),
            Probe::Unknown(why) => return Err(Trouble::Unreachable(why)),
            // Denied by whom? Where the policy is not ours, the role may always have been denied this call.
            Probe::Dead(_) => match self.policy(role) {
                Ok(Some(_)) => "dead".to_owned(),
                Ok(None) => {
                    return Err(Trouble::Refused(format!(
                        "role {role} is denied iam:{ASKED} by itself: its death could not be told"
                    )));
                }
                Err(fault) => return Err(Trouble::Unreachable(fault.to_string())),
            },
        };
        identity.facts.insert("arn".to_owned(), arn);
        Ok(identity)
    }

    fn calls(&self, identity: &Identity) -> Vec<Call> {
        let by = self.api.admin.as_ref().map_or("nobody: the target has no admin", |admin| admin.id.as_str());
        let role = role_of(identity);
        vec![Call::new("delete", format!("POST iam PutRolePolicy RoleName={role} PolicyName={POLICY}"), by, false)]
    }

    fn manual(&self) -> Vec<String> {
        vec!["look for the key or the machine that the session was made with: it can make new ones".to_owned()]
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        let role = role_of(subject.identity);
        if role.starts_with("AWSReservedSSO_") || role.starts_with("AWSServiceRoleFor") {
            return Report::refused(format!(
                "nobody may change role {role}: end its sessions in IAM Identity Center, or at the service that owns it"
            ));
        }
        match self.policy(role) {
            Ok(_) => Report::done(format!("role {role} can be read")),
            Err(fault) => fault.report(),
        }
    }

    fn choose(&self, _: &Subject<'_>) -> Result<Material, Trouble> {
        Err(Trouble::Refused("no call makes a session of a leaked one's".to_owned()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        if step != Step::Delete {
            return Report::refused("there is no such step here").into();
        }
        let role = role_of(subject.identity);
        let document = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Action": ["*"], "Resource": ["*"],
            "Condition": { "DateLessThan": { "aws:TokenIssueTime": clock::rfc3339(self.api.now()) } },
        }]})
        .to_string();
        let parameters =
            [("Action", "PutRolePolicy"), ("RoleName", role), ("PolicyName", POLICY), ("PolicyDocument", &*document)];
        match self.iam(&parameters) {
            Ok(_) => {
                Report::done(format!("sessions of role {role} that began before now are denied everything")).into()
            }
            Err(fault) => fault.report().into(),
        }
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        match (step, self.probe(subject.old)) {
            (Step::Delete, Probe::Dead(note)) => Report::done(note),
            (Step::Delete, Probe::Live(note)) => Report::refused(note),
            (_, probe) => Report::unknown(probe.detail().to_owned()),
        }
    }

    fn probe(&self, material: &Material) -> Probe {
        match Self::session(material) {
            Ok(pair) => self.ask(&pair),
            Err(trouble) => Probe::Unknown(trouble.to_string()),
        }
    }

    fn secrets(&self) -> Vec<Secret> {
        self.api.admin.iter().map(|admin| admin.secret.clone()).collect()
    }
}
