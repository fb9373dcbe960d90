//! Passwords of MariaDB and MySQL. MariaDB's accounts have one: it is changed and its connections are ended (one-phase).
//! MySQL's may have two for a while (`dual.rs`): with an admin they are turned two-phase.
//!
//! The new password is sent as its stored hash: the server's logs never see it in clear.

mod dual;
mod stored;
mod target;

use std::collections::BTreeMap;
use std::path::Path;

pub use self::target::MysqlTarget;
use super::mysql_wire::{Fault, Rows, Server, Session};
use super::{Abilities, Acted, Call, Provider, Subject, random_text};
use crate::error::{Error, Result};
use crate::rotate::escrow::Material;
use crate::rotate::net::Reach;
use crate::rotate::run::Step;
use crate::rotate::run::course::{Disable, Signer};
use crate::rotate::types::{Binding, Chooser, Identity, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// Rules whose findings may be passwords of such a server.
pub const RULES: &[&str] = &["connection-string-mysql"];

/// Which of the two a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// MariaDB.
    Mariadb,
    /// MySQL, from 8.0.14 on.
    Mysql,
}

impl Flavour {
    /// Its word in policies and owners.
    fn word(self) -> &'static str {
        match self {
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
        }
    }
}

/// The driver.
#[derive(Debug)]
pub struct Mysql {
    flavour: Flavour,
    name: String,
    server: Server,
    user: Option<String>,
    admin: Option<(String, Secret)>,
}

impl Mysql {
    /// The driver of a target.
    ///
    /// # Errors
    /// When the admin's password cannot be had.
    pub fn new(flavour: Flavour, target: &MysqlTarget, folder: &Path) -> Result<Self> {
        let admin = match (&target.admin_user, &target.admin_password) {
            (Some(user), Some(password)) => Some((user.clone(), password.read(folder)?)),
            (None, None) => None,
            _ => {
                let message =
                    format!("target `{}` needs both `admin-user` and `admin-password`, or neither", target.name);
                return Err(Error::Usage(message));
            }
        };
        if flavour == Flavour::Mysql && !target.tls {
            let message = format!("target `{}`: MySQL asks for new passwords in clear, so it needs TLS", target.name);
            return Err(Error::Usage(message));
        }
        let reach = Reach::new(target.private_address, target.ca_file.as_ref().map(|path| folder.join(path)));
        let server = Server { host: target.host.clone(), port: target.port, tls: target.tls, reach };
        Ok(Self { flavour, name: target.name.clone(), server, user: target.user.clone(), admin })
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

    /// Whether accounts get a second password here before they lose the first.
    fn dual(&self) -> bool {
        self.flavour == Flavour::Mysql && self.admin.is_some()
    }

    /// A session of whoever signs.
    fn session(&self, subject: &Subject<'_>) -> Result<Session, Fault> {
        match (subject.signer, &self.admin, subject.new) {
            (Signer::New, _, Some(new)) => self.login(new),
            (Signer::Admin, Some((user, password)), _) => Session::open(&self.server, user, password.expose()),
            _ => self.login(subject.old),
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

fn refused(fault: &Fault) -> Report {
    match fault {
        Fault::NotSent(trouble) => trouble.report(),
        // Too many connections, or going down.
        Fault::Server(1040 | 1053 | 1203 | 1205, _) => Report::later(fault.to_string()),
        Fault::Server(..) => Report::refused(fault.to_string()),
        Fault::Broken(note) => Report::unknown(note.clone()),
    }
}

impl Provider for Mysql {
    fn abilities(&self) -> Abilities {
        let one = Abilities {
            strategy: Strategy::OnePhase,
            chooser: Chooser::Us,
            issue: Retry::RetrySafe,
            disable: Some(Disable::Final),
            delete: false,
            delete_retry: Retry::RetrySafe,
            propagation: 0,
            proof: Proof::Server,
        };
        if self.dual() {
            // A second time the new password would be the one that is retained, and the old one be gone.
            let (strategy, issue) = (Strategy::TwoPhase, Retry::ReconcileFirst);
            return Abilities { strategy, issue, disable: None, delete: true, ..one };
        }
        one
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
        let id = format!("{}:{}:{user}", self.flavour.word(), self.name);
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
        if self.dual() {
            return dual::calls(account, by);
        }
        let issue = match (self.flavour, &self.admin) {
            (Flavour::Mariadb, Some(_)) => format!("ALTER USER {account} IDENTIFIED BY PASSWORD …"),
            _ => "SET PASSWORD = …".to_owned(),
        };
        vec![
            Call::new("issue", issue + " (the old one is dead at once)", by, false),
            Call::new("disable", format!("KILL all connections of {account}"), by, false),
        ]
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        let version = subject.identity.facts.get("version").map(String::as_str).unwrap_or_default();
        if version.contains("MariaDB") != (self.flavour == Flavour::Mariadb) {
            let other = if self.flavour == Flavour::Mariadb { "mysql" } else { "mariadb" };
            return Report::refused(format!("the server is {version}: the target's kind should be `{other}`"));
        }
        let Some(account) = Self::account(subject.identity) else { return Report::refused("the account is not known") };
        let rows = match self.ask(subject, "SHOW GRANTS") {
            Ok(rows) => rows,
            Err(report) => return Report::later(report.note),
        };
        let grants: Vec<String> = rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
        let has = |words: &[&str]| grants.iter().any(|grant| words.iter().any(|word| grant.contains(word)));
        if self.admin.is_some() && !has(&["ALL PRIVILEGES ON *.*", "CREATE USER"]) {
            return Report::refused("the admin may not change others' passwords (it needs CREATE USER)");
        }
        if self.admin.is_some() && !has(&["ALL PRIVILEGES ON *.*", "CONNECTION ADMIN", "CONNECTION_ADMIN", "SUPER"]) {
            return Report::refused(
                "the admin may not end others' connections (it needs CONNECTION ADMIN and PROCESS)",
            );
        }
        if self.dual()
            && let Err(report) = self.check_dual(subject, version)
        {
            return report;
        }
        Report::done(format!("account {account} can be changed"))
    }

    fn choose(&self, subject: &Subject<'_>) -> Result<Material, Trouble> {
        let user = self.user(subject.old)?;
        Ok(Material::of(random_text(32)?.as_bytes()).with("user", user.as_bytes()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        let Some(account) = Self::account(subject.identity) else {
            return Report::refused("the account is not known").into();
        };
        if self.dual() {
            return self.act_dual(step, subject, &account).into();
        }
        match (step, subject.new.and_then(|new| new.get("value"))) {
            (Step::Issue, Some(new)) => {
                let (native, done) = (stored::native(new.expose()), "the account has a new password");
                // An account may change itself only by SET PASSWORD; MySQL takes it in clear there, and keeps it out of
                // its logs.
                match (self.flavour, &self.admin) {
                    (Flavour::Mariadb, Some(_)) => {
                        self.change(subject, &format!("ALTER USER {account} IDENTIFIED BY PASSWORD '{native}'"), done)
                    }
                    (Flavour::Mariadb, None) => self.change(subject, &format!("SET PASSWORD = '{native}'"), done),
                    (Flavour::Mysql, _) => match dual::replace(subject.old, new) {
                        Ok(sql) => self.change(subject, &sql, done),
                        Err(report) => report,
                    },
                }
            }
            (Step::Disable, _) => self.end_connections(subject),
            _ => Report::refused("there is no such step here"),
        }
        .into()
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        if self.dual()
            && let Err(report) = self.alone(subject).map(drop)
        {
            return Report::unknown(report.note);
        }
        let ended = || match self.connections(subject) {
            Ok(left) if left.is_empty() => Report::done("no connection is left"),
            Ok(left) => Report::refused(format!("{} connections are left", left.len())),
            Err(report) => Report::unknown(report.note),
        };
        match (step, subject.new) {
            (Step::Issue, new) => match (new.map(|new| self.probe(new)), self.probe(subject.old)) {
                (Some(Probe::Live(note)), _) => Report::done(note),
                (_, Probe::Live(note)) => Report::refused(note),
                // Revoked first in an emergency: the old one does not live any more.
                (Some(Probe::Dead(note)), Probe::Dead(_)) if self.dual() => Report::refused(note),
                _ => Report::unknown("neither the old password nor the new one is let in"),
            },
            (Step::Disable, _) => ended(),
            (Step::Delete, _) => match self.probe(subject.old) {
                Probe::Dead(_) => ended(),
                Probe::Live(note) => Report::refused(note),
                Probe::Unknown(note) => Report::unknown(note),
            },
            (Step::Discard, Some(new)) => match self.probe(new) {
                Probe::Dead(note) => Report::done(note),
                Probe::Live(note) => Report::refused(note),
                Probe::Unknown(note) => Report::unknown(note),
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

/// The refusal that means this value is dead. Of a locked account only the right password is told that it is locked.
fn dead(fault: &Fault) -> Option<String> {
    matches!(fault, Fault::Server(1045, _)).then(|| fault.to_string())
}
