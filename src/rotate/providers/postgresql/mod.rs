//! PostgreSQL passwords: one-phase (the role's password is changed and its sessions are ended) or two-phase (a second role
//! with the same memberships takes over, the first is locked and dropped).
//!
//! Passwords are sent as SCRAM verifiers: the server, its logs and its statistics never see them in clear.

mod alternating;
mod target;

use std::collections::BTreeMap;
use std::path::Path;

pub use target::PostgresqlTarget;

use alternating::{mark, other_role};

use super::pg_wire::{Fault, Server, Session, identifier, literal};
use super::{Abilities, Acted, Call, Provider, Subject, random_text};
use crate::error::{Error, Result};
use crate::rotate::escrow::Material;
use crate::rotate::net::Reach;
use crate::rotate::run::Step;
use crate::rotate::run::course::{Disable, Signer};
use crate::rotate::types::{Binding, Chooser, Identity, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// Rules whose findings may be passwords of a PostgreSQL server.
pub const RULES: &[&str] = &["connection-string-postgres"];

/// Characters of a new password.
const LENGTH: usize = 32;

/// The driver.
#[derive(Debug)]
pub struct Postgresql {
    name: String,
    server: Server,
    user: Option<String>,
    admin: Option<(String, Secret)>,
    alternating: bool,
}

impl Postgresql {
    /// The driver of a target.
    ///
    /// # Errors
    /// When the admin's password cannot be had.
    pub fn new(target: &PostgresqlTarget, folder: &Path) -> Result<Self> {
        let admin = match (&target.admin_user, &target.admin_password) {
            (Some(user), Some(password)) => Some((user.clone(), password.read(folder)?)),
            (None, None) => None,
            _ => {
                let message =
                    format!("target `{}` needs both `admin-user` and `admin-password`, or neither", target.name);
                return Err(Error::Usage(message));
            }
        };
        if target.alternating_users && admin.is_none() {
            return Err(Error::Usage(format!("target `{}`: `alternating-users` needs an admin", target.name)));
        }
        let server = Server {
            host: target.host.clone(),
            port: target.port,
            database: target.database.clone(),
            tls: target.tls,
            reach: Reach::new(target.private_address, target.ca_file.as_ref().map(|path| folder.join(path))),
        };
        let alternating = target.alternating_users;
        Ok(Self { name: target.name.clone(), server, user: target.user.clone(), admin, alternating })
    }

    fn user<'m>(&'m self, material: &'m Material) -> Result<&'m str, Trouble> {
        material.text("user").or(self.user.as_deref()).ok_or_else(|| {
            Trouble::Refused(format!("the password's role is not known: set `user` in target `{}`", self.name))
        })
    }

    fn login(&self, material: &Material) -> Result<Session, Fault> {
        let user = self.user(material).map_err(Fault::NotSent)?;
        let password = material.get("value").map(Secret::expose).unwrap_or_default();
        Session::open(&self.server, user, password)
    }

    /// A session of whoever signs.
    fn session(&self, subject: &Subject<'_>) -> Result<Session, Fault> {
        match (subject.signer, &self.admin, subject.new) {
            (Signer::New, _, Some(new)) => self.login(new),
            (Signer::Admin, Some((user, password)), _) => Session::open(&self.server, user, password.expose()),
            _ => self.login(subject.old),
        }
    }

    /// Runs a change: what the server refuses was not done, what broke is unknown.
    fn change(&self, subject: &Subject<'_>, sql: &str, done: &str) -> Report {
        let mut session = match self.session(subject) {
            Ok(session) => session,
            Err(Fault::Broken(note)) => return Report::later(note), // logging in changes nothing
            Err(fault) => return refused(&fault),
        };
        match session.query(sql) {
            Ok(_) => Report::done(done),
            Err(fault @ Fault::Server(..)) => refused(&fault),
            Err(fault) => Report::unknown(fault.to_string()),
        }
    }

    /// Asks something; `Err` when the answer is unknown.
    fn ask(&self, subject: &Subject<'_>, sql: &str) -> Result<super::pg_wire::Rows, Report> {
        let rows = self.session(subject).and_then(|mut session| session.query(sql));
        rows.map_err(|fault| Report::unknown(fault.to_string()))
    }

    fn roles<'s>(&'s self, subject: &'s Subject<'s>) -> Result<(&'s str, &'s str), Report> {
        let old = self.user(subject.old).map_err(|trouble| trouble.report())?;
        let new = match subject.new {
            Some(new) => self.user(new).map_err(|trouble| trouble.report())?,
            None => old,
        };
        Ok((old, new))
    }

    fn issue(&self, subject: &Subject<'_>) -> Report {
        let (old, new) = match self.roles(subject) {
            Ok(roles) => roles,
            Err(report) => return report,
        };
        let Some(password) = subject.new.and_then(|new| new.get("value")) else {
            return Report::refused("there is no new password");
        };
        let verifier = literal(&postgres_protocol::password::scram_sha_256(password.expose()));
        if !self.alternating {
            let sql = format!("ALTER ROLE {} PASSWORD {verifier}", identifier(new));
            return self.change(subject, &sql, &format!("role {new} has a new password")).fact("id", new);
        }
        let sql = alternating::create(old, new, &verifier, subject.run);
        let report = self.change(subject, &sql, &format!("role {new} is made"));
        report.fact("id", new)
    }

    /// Ends the sessions of a role and sees that none is left.
    fn end_sessions(&self, subject: &Subject<'_>, role: &str) -> Report {
        let role_text = literal(role);
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {role_text} AND pid <> pg_backend_pid()"
        );
        for _ in 0..20 {
            let report = self.change(subject, &end, "ended");
            if report.outcome != crate::rotate::types::Outcome::Done {
                return report;
            }
            let left = self.sessions(subject, role);
            if left == Ok(0) {
                return Report::done(format!("no session of role {role} is left"));
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Report::later(format!("sessions of role {role} are still there"))
    }

    fn sessions(&self, subject: &Subject<'_>, role: &str) -> Result<u64, Report> {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = {} AND pid <> pg_backend_pid()",
            literal(role)
        );
        let rows = self.ask(subject, &sql)?;
        first(&rows).and_then(|text| text.parse().ok()).ok_or_else(|| Report::unknown("no count of sessions"))
    }

    /// The mark on a role: `None` when there is no such role.
    fn comment(&self, subject: &Subject<'_>, role: &str) -> Result<Option<String>, Report> {
        let sql = format!(
            "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = {}",
            literal(role)
        );
        Ok(first(&self.ask(subject, &sql)?).map(str::to_owned))
    }
}

fn first(rows: &super::pg_wire::Rows) -> Option<&str> {
    rows.first()?.first()?.as_deref()
}

fn refused(fault: &Fault) -> Report {
    match fault {
        Fault::NotSent(trouble) => trouble.report(),
        // Connections are used up, the server starts or stops: later.
        Fault::Server(code, _) if code.starts_with("53") || code.starts_with("57P") => Report::later(fault.to_string()),
        Fault::Server(..) => Report::refused(fault.to_string()),
        Fault::Broken(note) => Report::unknown(note.clone()),
    }
}

impl Provider for Postgresql {
    fn abilities(&self) -> Abilities {
        let common = Abilities {
            strategy: Strategy::OnePhase,
            chooser: Chooser::Us,
            issue: Retry::RetrySafe,
            disable: Some(Disable::Final),
            delete: false,
            delete_retry: Retry::ReconcileFirst,
            propagation: 0,
            proof: Proof::Server,
        };
        if self.alternating {
            let (strategy, issue) = (Strategy::TwoPhase, Retry::ReconcileFirst);
            return Abilities { strategy, issue, disable: Some(Disable::Reversible), delete: true, ..common };
        }
        common
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
        let liveness = match self.probe(old) {
            Probe::Live(_) => "live",
            Probe::Dead(_) => "dead",
            Probe::Unknown(why) => return Err(Trouble::Unreachable(why)),
        };
        if liveness == "live"
            && let Ok(mut session) = self.login(old)
            && let Ok(rows) = session.query(
                "SELECT rolsuper, coalesce(rolvaliduntil::text, 'never'), (SELECT count(*) FROM pg_stat_activity \
                 WHERE usename = current_user AND pid <> pg_backend_pid()) FROM pg_roles WHERE rolname = current_user",
            )
            && let Some(row) = rows.first()
        {
            for (name, value) in ["superuser", "valid until", "sessions"].iter().zip(row) {
                facts.insert((*name).to_owned(), value.clone().unwrap_or_default());
            }
        }
        let id = format!("postgresql:{}:{user}", self.name);
        Ok(Identity {
            owner: id.clone(),
            id,
            binding: Binding::SelfEndpoint,
            liveness: liveness.to_owned(),
            facts,
            also_dies: vec![format!("all open sessions of role {user}")],
        })
    }

    fn calls(&self, identity: &Identity) -> Vec<Call> {
        let by = self.admin.as_ref().map_or("the leaked role itself", |(user, _)| user.as_str());
        let user = identity.id.rsplit(':').next().unwrap_or_default();
        let sql = |step: &str, text: String, reversible: bool| Call::new(step, text, by, reversible);
        if self.alternating {
            let new = other_role(user);
            return vec![
                sql("issue", format!("CREATE ROLE {new} LOGIN PASSWORD … (memberships and settings of {user})"), true),
                sql("disable", format!("ALTER ROLE {user} NOLOGIN; pg_terminate_backend of its sessions"), true),
                sql("delete", format!("DROP ROLE {user}"), false),
            ];
        }
        vec![
            sql("issue", format!("ALTER ROLE {user} PASSWORD … (SCRAM verifier; the old one is dead at once)"), false),
            sql("disable", format!("pg_terminate_backend of all sessions of {user}"), false),
        ]
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        let (old, _) = match self.roles(subject) {
            Ok(roles) => roles,
            Err(report) => return report,
        };
        let rights = format!(
            "SELECT a.rolsuper, a.rolcreaterole, a.rolname = {role}, o.rolsuper, pg_has_role('pg_signal_backend', 'member') \
             FROM pg_roles a, pg_roles o WHERE a.rolname = current_user AND o.rolname = {role}",
            role = literal(old)
        );
        let rows = match self.ask(subject, &rights) {
            Ok(rows) => rows,
            Err(report) => return Report::later(report.note),
        };
        let Some(row) = rows.first() else { return Report::refused(format!("role {old} is not there")) };
        let is = |at: usize| row.get(at).and_then(Option::as_deref) == Some("t");
        let (root, creator, itself, root_role, signals) = (is(0), is(1), is(2), is(3), is(4));
        if !root && !itself && (!creator || root_role) {
            return Report::refused(format!("the admin may not change role {old} (it needs CREATEROLE, or more)"));
        }
        if !root && !itself && !signals {
            return Report::refused("the admin may not end others' sessions (GRANT pg_signal_backend)");
        }
        if self.alternating
            && let Err(report) = self.check_alternating(subject, old)
        {
            return report;
        }
        Report::done(format!("role {old} can be changed"))
    }

    fn choose(&self, subject: &Subject<'_>) -> Result<Material, Trouble> {
        let old = self.user(subject.old)?;
        let user = if self.alternating { other_role(old) } else { old.to_owned() };
        Ok(Material::of(random_text(LENGTH)?.as_bytes()).with("user", user.as_bytes()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        let (old, new) = match self.roles(subject) {
            Ok(roles) => roles,
            Err(report) => return report.into(),
        };
        let role = identifier(old);
        match step {
            Step::Issue => self.issue(subject),
            Step::Disable if self.alternating => {
                let locked = self.change(subject, &format!("ALTER ROLE {role} NOLOGIN"), "locked");
                if locked.outcome == crate::rotate::types::Outcome::Done {
                    self.end_sessions(subject, old)
                } else {
                    locked
                }
            }
            Step::Disable => self.end_sessions(subject, old),
            Step::Enable => self.change(subject, &format!("ALTER ROLE {role} LOGIN"), "it may log in again"),
            Step::Delete => self.change(subject, &format!("DROP ROLE {role}"), &format!("role {old} is dropped")),
            Step::Discard if self.alternating && new != old => self.change(
                subject,
                &format!("DROP ROLE IF EXISTS {}", identifier(new)),
                &format!("role {new} is dropped"),
            ),
            _ => Report::refused("there is no such step for a password"),
        }
        .into()
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        match self.looked(step, subject) {
            Ok(true) => Report::done("it was done"),
            Ok(false) => Report::refused("it was not done"),
            Err(report) => Report::unknown(report.note),
        }
    }

    fn probe(&self, material: &Material) -> Probe {
        match self.login(material) {
            Ok(mut session) => match session.query("SELECT current_user") {
                Ok(rows) => Probe::Live(format!("logged in as {}", first(&rows).unwrap_or_default())),
                Err(fault) => Probe::Unknown(fault.to_string()),
            },
            Err(Fault::Server(code, message)) if code == "28P01" => Probe::Dead(format!("{message} (28P01)")),
            // The same code also says that no line of pg_hba.conf fits, which proves nothing.
            Err(Fault::Server(code, message)) if code == "28000" && message.contains("not permitted to log in") => {
                Probe::Dead(format!("{message} (28000)"))
            }
            Err(fault) => Probe::Unknown(fault.to_string()),
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

impl Postgresql {
    fn looked(&self, step: Step, subject: &Subject<'_>) -> Result<bool, Report> {
        let (old, new) = self.roles(subject)?;
        let can_log_in = |role: &str| -> Result<Option<bool>, Report> {
            let sql = format!("SELECT rolcanlogin FROM pg_roles WHERE rolname = {}", literal(role));
            Ok(first(&self.ask(subject, &sql)?).map(|text| text == "t"))
        };
        Ok(match step {
            Step::Issue if self.alternating => self.comment(subject, new)? == Some(mark(subject.run)),
            Step::Issue => match (subject.new.map(|new| self.probe(new)), self.probe(subject.old)) {
                (Some(Probe::Live(_)), _) => true,
                (_, Probe::Live(_)) => false,
                _ => return Err(Report::unknown("neither the old password nor the new one is let in")),
            },
            Step::Disable => {
                let locked = !self.alternating || can_log_in(old)? != Some(true);
                locked && self.sessions(subject, old)? == 0
            }
            Step::Enable => can_log_in(old)? == Some(true),
            Step::Delete => can_log_in(old)?.is_none(),
            Step::Discard => self.comment(subject, new)?.is_none(),
            _ => return Err(Report::unknown("there is nothing to look at")),
        })
    }
}
