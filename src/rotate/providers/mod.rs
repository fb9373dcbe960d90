//! Providers: who owns a kind of credential. One file each; the trait is what a run needs of them.

pub mod aws;
pub mod aws_api;
pub mod aws_sessions;
pub mod mysql;
pub mod mysql_wire;
pub mod pg_wire;
pub mod postgresql;
pub mod redis;
pub mod saas;
pub mod ssh;
pub mod vault;
pub mod vault_api;
pub mod vault_static;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::drill::stand_in::StandIn;
use super::escrow::Material;
use super::run::Step;
use super::run::course::{Disable, Signer};
use super::types::{Chooser, Identity, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::error::Result;

/// `[[rotation.targets]]`: something that issues credentials, by kind.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Target {
    /// A PostgreSQL server.
    Postgresql(postgresql::PostgresqlTarget),
    /// A Vault or OpenBao server.
    Vault(vault_api::VaultTarget),
    /// An AWS account.
    Aws(aws_api::AwsTarget),
    /// A Redis server.
    Redis(redis::RedisTarget),
    /// A MariaDB server.
    Mariadb(mysql::MysqlTarget),
    /// A MySQL server.
    Mysql(mysql::MysqlTarget),
    /// Accounts of servers that SSH keys open.
    Ssh(ssh::SshTarget),
    /// A vendor's service, by the data of `providers/*.toml`.
    Saas(saas::SaasTarget),
    /// The drill's stand-in: never read from a policy.
    #[serde(skip)]
    StandIn(StandIn),
}

macro_rules! each {
    ($target:expr, $stand_in:expr, $name:ident => $body:expr) => {
        match $target {
            Target::StandIn(_) => $stand_in,
            Target::Postgresql($name) => $body,
            Target::Vault($name) => $body,
            Target::Aws($name) => $body,
            Target::Redis($name) => $body,
            Target::Mariadb($name) | Target::Mysql($name) => $body,
            Target::Ssh($name) => $body,
            Target::Saas($name) => $body,
        }
    };
}

impl Target {
    /// Its name in the policy.
    pub fn name(&self) -> &str {
        each!(self, "stand-in", target => &target.name)
    }

    /// The environment it belongs to.
    pub fn environment(&self) -> &str {
        each!(self, "drill", target => &target.environment)
    }

    /// Whether credentials found by `rule` may belong to it.
    pub fn takes(&self, rule: &str) -> bool {
        let rules: &[String] = each!(self, &[], target => &target.rules);
        if rules.is_empty() {
            let usual = match self {
                Self::Postgresql(_) => postgresql::RULES,
                // Nothing tells a secret id from other texts of its form: the policy must say which rule finds them.
                Self::Vault(target) if target.app_role.is_some() => &[],
                Self::Vault(target) if target.static_role.is_some() => postgresql::RULES,
                Self::Vault(_) => vault::RULES,
                Self::Aws(_) => aws::RULES,
                Self::Redis(_) => redis::RULES,
                Self::Mariadb(_) | Self::Mysql(_) => mysql::RULES,
                Self::Ssh(_) => ssh::RULES,
                Self::Saas(target) => {
                    let kind = saas::data::kind(&target.provider);
                    return kind.is_some_and(|kind| kind.rules.iter().any(|known| known == rule));
                }
                Self::StandIn(_) => &[],
            };
            usual.contains(&rule)
        } else {
            rules.iter().any(|known| known == rule)
        }
    }

    /// Whether it can be opened at all, as far as its text tells.
    pub(in crate::rotate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Saas(target) if saas::data::kind(&target.provider).is_none() => {
                let (name, provider) = (&target.name, &target.provider);
                Err(format!("target `{name}`: there is no provider `{provider}`; `keysweep rotate kinds` lists them"))
            }
            _ => Ok(()),
        }
    }

    /// It takes few of its rule's findings, and tells which before it asks anybody: it is asked first.
    pub fn picky(&self) -> bool {
        matches!(self, Self::Aws(target) if target.sessions)
    }

    /// The driver; reads admin credentials, which `folder` is for.
    ///
    /// # Errors
    /// When an admin credential cannot be had.
    pub fn open(&self, folder: &Path) -> Result<Box<dyn Provider>> {
        Ok(match self {
            Self::Postgresql(target) => Box::new(postgresql::Postgresql::new(target, folder)?),
            Self::Vault(target) => match &target.static_role {
                Some(role) => Box::new(vault_static::VaultStatic::new(target, role, folder)?),
                None => Box::new(vault::Vault::new(target, folder)?),
            },
            Self::Aws(target) if target.sessions => Box::new(aws_sessions::AwsSessions::new(target, folder)?),
            Self::Aws(target) => Box::new(aws::Aws::new(target, folder)?),
            Self::Redis(target) => Box::new(redis::Redis::new(target, folder)?),
            Self::Mariadb(target) => Box::new(mysql::Mysql::new(mysql::Flavour::Mariadb, target, folder)?),
            Self::Mysql(target) => Box::new(mysql::Mysql::new(mysql::Flavour::Mysql, target, folder)?),
            Self::Ssh(target) => Box::new(ssh::Ssh::new(target, folder)?),
            Self::Saas(target) => Box::new(saas::Saas::new(target, folder)?),
            Self::StandIn(stand_in) => Box::new(stand_in.clone()),
        })
    }
}

/// What a kind can do, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// How it is turned.
    pub strategy: Strategy,
    /// Who thinks of the new value.
    pub chooser: Chooser,
    /// What may be done when the answer to issue is lost.
    pub issue: Retry,
    /// Whether and how it can be disabled.
    pub disable: Option<Disable>,
    /// Whether it is deleted.
    pub delete: bool,
    /// What may be done when the answer to delete is lost.
    pub delete_retry: Retry,
    /// Seconds a change may take until it holds everywhere.
    pub propagation: u64,
    /// How its calls are known to work.
    pub proof: Proof,
}

/// A call that a run will make, for the person who reads the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The step.
    pub step: String,
    /// Method and path, or the statement, without secrets.
    pub call: String,
    /// As whom.
    pub by: String,
    /// Whether it can be undone.
    pub reversible: bool,
}

impl Call {
    /// A call of a step.
    pub fn new(step: &str, call: impl Into<String>, by: impl Into<String>, reversible: bool) -> Self {
        Self { step: step.to_owned(), call: call.into(), by: by.into(), reversible }
    }
}

/// What a step is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    /// The run's name: new credentials carry it, so that orphans are found.
    pub run: &'s str,
    /// Whose the old one is.
    pub identity: &'s Identity,
    /// The old one.
    pub old: &'s Material,
    /// The new one, where it is known.
    pub new: Option<&'s Material>,
    /// Public facts that earlier steps left.
    pub facts: &'s BTreeMap<String, String>,
    /// Who signs.
    pub signer: Signer,
}

/// What came of a step: its report, and what the issuer showed.
#[derive(Debug)]
pub struct Acted {
    /// How it ended.
    pub report: Report,
    /// The new credential, from [`Step::Issue`] of a kind whose issuer chooses.
    pub new: Option<Material>,
}

impl From<Report> for Acted {
    fn from(report: Report) -> Self {
        Self { report, new: None }
    }
}

/// Who owns a kind of credential. Every method may block; none retries a change.
pub trait Provider {
    /// What the kind can do here.
    fn abilities(&self) -> Abilities;

    /// The leaked credential with its parts under the names that this kind uses, as destinations name them.
    fn normal(&self, leaked: &Material) -> Material {
        leaked.clone()
    }

    /// Whose is it, does it live? Reads only.
    ///
    /// # Errors
    /// When that cannot be told.
    fn identify(&self, old: &Material) -> Result<Identity, Trouble>;

    /// The calls of a run, for the plan.
    fn calls(&self, identity: &Identity) -> Vec<Call>;

    /// What a person does, or should know.
    fn manual(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the run may be begun: rights, quotas, root accounts. Reads only.
    fn check(&self, subject: &Subject<'_>) -> Report;

    /// A new value, for a kind where we choose.
    ///
    /// # Errors
    /// When none can be made up.
    fn choose(&self, subject: &Subject<'_>) -> Result<Material, Trouble>;

    /// Does a step: issue, disable, enable, delete or discard. Once.
    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted;

    /// What became of a step whose answer was lost? `Done`, `NotDone` or `Unknown`; reads only.
    fn look(&self, step: Step, subject: &Subject<'_>) -> Report;

    /// Does this value live? Reads only.
    fn probe(&self, material: &Material) -> Probe;

    /// Whether the leaked credential is the one this driver signs with.
    fn signs_with(&self, old: &Material) -> bool {
        let _ = old;
        false
    }

    /// Secrets of the operator's that must not be written anywhere.
    fn secrets(&self) -> Vec<crate::secret::Secret> {
        Vec::new()
    }
}

/// Random letters and digits, `length` of them.
///
/// # Errors
/// When the system gives no random bytes.
pub fn random_text(length: usize) -> Result<zeroize::Zeroizing<String>, Trouble> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = zeroize::Zeroizing::new(String::with_capacity(length));
    let mut bytes = zeroize::Zeroizing::new([0u8; 64]);
    while text.len() < length {
        getrandom::fill(&mut *bytes)
            .map_err(|error| Trouble::Refused(format!("the system gives no random bytes: {error}")))?;
        // 248 is the largest multiple of 62 in a byte: no letter is likelier than another.
        for &byte in bytes.iter().filter(|&&byte| byte < 248).take(length - text.len()) {
            text.push(char::from(ALPHABET[usize::from(byte % 62)]));
        }
    }
    Ok(text)
}
