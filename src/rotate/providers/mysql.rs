//! Passwords of MariaDB: one-phase. The account's password is changed and its connections are ended.
//!
//! The new password is sent as its stored hash: the server's logs never see it in clear.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha1::{Digest as _, Sha1};

use super::mysql_wire::{Fault, Rows, Server, Session};
use super::{Abilities, Acted, Call, Provider, Subject, random_text};
use crate::error::{Error, Result};
use crate::rotate::escrow::Material;
use crate::rotate::net::Reach;
use crate::rotate::policy::Reference;
use crate::rotate::redact::hex;
use crate::rotate::run::Step;
use crate::rotate::run::course::{Disable, Signer};
use crate::rotate::types::{Binding, Chooser, Identity, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// Rules whose findings may be passwords of a MariaDB server.
pub const RULES: &[&str] = &["connection-string-mysql"];

/// `kind = "mariadb"`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MariadbTarget {
    /// Its name.
    pub name: String,
    /// The environment it belongs to.
    pub environment: String,
    /// Rules whose findings may belong to it; those of addresses unless said.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Host.
    pub host: String,
    /// Port.
    #[serde(default = "port")]
    pub port: u16,
    /// Whether TLS is spoken; it is unless said.
    #[serde(default = "yes")]
    pub tls: bool,
    /// Certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// Whether the server may be at a private address.
    #[serde(default)]
    pub private_address: bool,
    /// The user of passwords that come without one.
    pub user: Option<String>,
    /// Who may change others; without one an account changes itself.
    pub admin_user: Option<String>,
    /// Their password.
    pub admin_password: Option<Reference>,
}

fn port() -> u16 {
    3306
}

fn yes() -> bool {
    true
}

/// The driver.
#[derive(Debug)]
pub struct Mariadb {
    name: String,
    server: Server,
    user: Option<String>,
    admin: Option<(String, Secret)>,
}

impl Mariadb {
    /// The driver of a target.
    ///
    /// # Errors
    /// When the admin's password cannot be had.
    pub fn new(target: &MariadbTarget, folder: &Path) -> Result<Self> {
        let admin = match (&target.admin_user, &target.admin_password) {
            (Some(user), Some(password)) => Some((user.clone(), password.read(folder)?)),
            (None, None) => None,
            _ => {
                let message =
                    format!("target `{}` needs both `admin-user` and `admin-password`, or neither", target.name);
                return Err(Error::Usage(message));
            }
        };
        let reach = Reach::new(target.private_address, target.ca_file.as_ref().map(|path| folder.join(path)));
        let server = Server { host: target.host.clone(), port: target.port, tls: target.tls, reach };
        Ok(Self { name: target.name.clone(), server, user: target.user.clone(), admin })
    }

    fn user<'m>(&'m self, material: &'m Material) -> Result<&'m str, Trouble> {
        material.text("user").or(self.user.as_deref()).ok_or_else(|| {
            Trouble::Refused(format!("the password's user is not known: set `user` in target `{}`", self.name))
        })
    }

    fn login(&self, material: &Material) -> Result<Session, Fault> {
        let user = self.user(material).map_err(Fault::NotSent)?;
        Session::open(&self.server, user, material.get("value").map(Secret::expose).unwrap_or_default())
    }

    /// A session of whoever signs.
    fn session(&self, subject: &Subject<'_>) -> Result<Session, Fault> {
        match (&self.admin, subject.signer, subject.new) {
            (Some((user, password)), ..) => Session::open(&self.server, user, password.expose()),
            (None, Signer::New, Some(new)) => self.login(new),
            (None, ..) => self.login(subject.old),
        }
    }

    fn change(&self, subject: &Subject<'_>, sql: &str, done: &str) -> Report {
        let mut session = match self.session(subject) {
            Ok(session) => session,
            Err(Fault::Broken(note)) => return Report::later(note), // logging in changes nothing
            Err(fault) => return refused(&fault),
        };
        match session.query(sql) {
            Ok(_) => Report::done(done),
            Err(Fault::Broken(note)) => Report::unknown(note),
            Err(fault) => refused(&fault),
        }
    }

    fn ask(&self, subject: &Subject<'_>, sql: &str) -> Result<Rows, Report> {
        let rows = self.session(subject).and_then(|mut session| session.query(sql));
        rows.map_err(|fault| Report::unknown(fault.to_string()))
    }

    /// The account's name and host, as it was let in: `'app'@'%'`.
    fn account(identity: &Identity) -> Option<String> {
        let account = identity.facts.get("account")?;
        let (user, host) = account.rsplit_once('@')?;
        Some(format!("{}@{}", literal(user), literal(host)))
    }

    fn connections(&self, subject: &Subject<'_>) -> Result<Vec<String>, Report> {
        let user = self.user(subject.old).map_err(|trouble| trouble.report())?;
        let sql = format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = {} AND ID <> CONNECTION_ID()",
            literal(user)
        );
        Ok(self.ask(subject, &sql)?.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    fn end_connections(&self, subject: &Subject<'_>) -> Report {
        for _ in 0..20 {
            let left = match self.connections(subject) {
                Ok(left) => left,
                Err(report) => return report,
            };
            if left.is_empty() {
                return Report::done("no connection of the account is left");
            }
            for id in left {
                let report = self.change(subject, &format!("KILL CONNECTION {id}"), "ended");
                // 1094: it ended by itself meanwhile.
                if matches!(report.outcome, crate::rotate::types::Outcome::NotDone(_)) && !report.note.contains("1094")
                {
                    return report;
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Report::later("connections of the account are still there")
    }
}

/// A text as SQL quotes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The stored form of a password: `*` and SHA-1 twice, in hex.
fn stored(password: &[u8]) -> String {
    format!("*{}", hex(&Sha1::digest(Sha1::digest(password))).to_ascii_uppercase())
}

fn refused(fault: &Fault) -> Report {
    match fault {
        Fault::NotSent(trouble) => trouble.report(),
        // Too many connections, or going down.
        Fault::Server(1040 | 1053 | 1203 | 1205, _) => Report::later(fault.to_string()),
        Fault::Server(..) => Report::refused(fault.to_string()),
        Fault::Broken(note) => Report::unknown(note.clone()),
    }
}

impl Provider for Mariadb {
    fn abilities(&self) -> Abilities {
        Abilities {
            strategy: Strategy::OnePhase,
            chooser: Chooser::Us,
            issue: Retry::RetrySafe,
            disable: Some(Disable::Final),
            delete: false,
            delete_retry: Retry::RetrySafe,
            propagation: 0,
            proof: Proof::Server,
        }
    }

    fn normal(&self, leaked: &Material) -> Material {
        match self.user(leaked).map(str::to_owned) {
            Ok(user) => leaked.clone().with("user", user.as_bytes()),
            Err(_) => leaked.clone(),
        }
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        let user = self.user(old)?;
        let mut facts = BTreeMap::new();
        let liveness = match self.login(old) {
            Ok(mut session) => {
                let rows = session
                    .query("SELECT CURRENT_USER(), VERSION()")
                    .map_err(|fault| Trouble::Unreachable(fault.to_string()))?;
                for (name, value) in ["account", "version"].iter().zip(rows.first().into_iter().flatten()) {
                    facts.insert((*name).to_owned(), value.clone().unwrap_or_default());
                }
                "live"
            }
            Err(fault) => match dead(&fault) {
                Some(_) => "dead",
                None => return Err(Trouble::Unreachable(fault.to_string())),
            },
        };
        let id = format!("mariadb:{}:{user}", self.name);
        Ok(Identity {
            owner: id.clone(),
            id,
            binding: Binding::SelfEndpoint,
            liveness: liveness.to_owned(),
            facts,
            also_dies: vec![format!("all open connections of user {user}")],
        })
    }

    fn calls(&self, identity: &Identity) -> Vec<Call> {
        let by = self.admin.as_ref().map_or("the leaked account itself", |(user, _)| user.as_str());
        let account = identity.facts.get("account").map_or("the account", String::as_str);
        let issue = format!("ALTER USER {account} IDENTIFIED BY PASSWORD … (the old one is dead at once)");
        vec![
            Call::new("issue", issue, by, false),
            Call::new("disable", format!("KILL all connections of {account}"), by, false),
        ]
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        let version = subject.identity.facts.get("version").map(String::as_str).unwrap_or_default();
        if !version.contains("MariaDB") {
            return Report::refused(format!("this is no MariaDB ({version}): MySQL is unproven here, do it by hand"));
        }
        if Self::account(subject.identity).is_none() {
            return Report::refused("the account is not known");
        }
        let rows = match self.ask(subject, "SHOW GRANTS") {
            Ok(rows) => rows,
            Err(report) => return Report::later(report.note),
        };
        let grants: Vec<String> = rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
        let has = |words: &[&str]| grants.iter().any(|grant| words.iter().any(|word| grant.contains(word)));
        if self.admin.is_some() && !has(&["ALL PRIVILEGES ON *.*", "CREATE USER"]) {
            return Report::refused("the admin may not change others' passwords (it needs CREATE USER)");
        }
        if self.admin.is_some() && !has(&["ALL PRIVILEGES ON *.*", "CONNECTION ADMIN", "SUPER"]) {
            return Report::refused(
                "the admin may not end others' connections (it needs CONNECTION ADMIN and PROCESS)",
            );
        }
        Report::done("the account can be changed")
    }

    fn choose(&self, subject: &Subject<'_>) -> Result<Material, Trouble> {
        let user = self.user(subject.old)?;
        Ok(Material::of(random_text(32)?.as_bytes()).with("user", user.as_bytes()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        match (step, subject.new.and_then(|new| new.get("value")), Self::account(subject.identity)) {
            (Step::Issue, Some(new), Some(account)) => {
                let hash = stored(new.expose());
                // An account may change itself only by SET PASSWORD.
                let sql = match &self.admin {
                    Some(_) => format!("ALTER USER {account} IDENTIFIED BY PASSWORD '{hash}'"),
                    None => format!("SET PASSWORD = '{hash}'"),
                };
                self.change(subject, &sql, "the account has a new password")
            }
            (Step::Disable, ..) => self.end_connections(subject),
            _ => Report::refused("there is no such step here"),
        }
        .into()
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        match step {
            Step::Issue => match (subject.new.map(|new| self.probe(new)), self.probe(subject.old)) {
                (Some(Probe::Live(note)), _) => Report::done(note),
                (_, Probe::Live(note)) => Report::refused(note),
                _ => Report::unknown("neither the old password nor the new one is let in"),
            },
            Step::Disable => match self.connections(subject) {
                Ok(left) if left.is_empty() => Report::done("no connection is left"),
                Ok(left) => Report::refused(format!("{} connections are left", left.len())),
                Err(report) => Report::unknown(report.note),
            },
            _ => Report::unknown("there is nothing to look at"),
        }
    }

    fn probe(&self, material: &Material) -> Probe {
        match self.login(material) {
            Ok(_) => Probe::Live("it is let in".to_owned()),
            Err(fault) => match dead(&fault) {
                Some(note) => Probe::Dead(note),
                None => Probe::Unknown(fault.to_string()),
            },
        }
    }

    fn signs_with(&self, old: &Material) -> bool {
        match &self.admin {
            Some((user, password)) => self.user(old).is_ok_and(|old| old == user) && old.get("value") == Some(password),
            None => true,
        }
    }

    fn secrets(&self) -> Vec<Secret> {
        self.admin.iter().map(|(_, password)| password.clone()).collect()
    }
}

/// The refusals that mean this value is dead: a wrong password, a locked account.
fn dead(fault: &Fault) -> Option<String> {
    matches!(fault, Fault::Server(1045 | 4151, _)).then(|| fault.to_string())
}
