//! Passwords of database roles that Vault or OpenBao owns (static roles): one-phase. The server sets a new password and
//! shows it whenever it is asked, so a lost answer loses nothing. Whether a password lives is asked of the database.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::pg_wire::{Fault, Server, Session};
use super::vault_api::{Api, VaultTarget, text};
use super::{Abilities, Acted, Call, Provider, Subject};
use crate::error::{Error, Result};
use crate::rotate::escrow::Material;
use crate::rotate::net::Reach;
use crate::rotate::run::Step;
use crate::rotate::types::{Binding, Chooser, Identity, Outcome, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// `static-role`: findings are passwords of this role.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StaticRole {
    /// Its name in the secrets engine.
    pub role: String,
    /// Where the engine is mounted.
    #[serde(default = "mount")]
    pub mount: String,
    /// The PostgreSQL server that the role logs in to.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The database to log in to.
    #[serde(default = "database")]
    pub database: String,
    /// Whether TLS is spoken with it; it is unless said.
    #[serde(default = "yes")]
    pub tls: bool,
}

fn mount() -> String {
    "database".to_owned()
}

fn port() -> u16 {
    5432
}

fn database() -> String {
    "postgres".to_owned()
}

fn yes() -> bool {
    true
}

/// The driver.
#[derive(Debug)]
pub struct VaultStatic {
    name: String,
    api: Api,
    role: StaticRole,
    server: Server,
}

impl VaultStatic {
    /// The driver of a target with a static role.
    ///
    /// # Errors
    /// When the admin's token cannot be had, or a name would lead elsewhere.
    pub fn new(target: &VaultTarget, role: &StaticRole, folder: &Path) -> Result<Self> {
        if [&role.role, &role.mount].iter().any(|name| name.is_empty() || name.contains(['?', '#', '%', ' '])) {
            return Err(Error::Usage(format!("target `{}`: `static-role` has a name that is none", target.name)));
        }
        let ca_file = target.ca_file.as_ref().map(|path| folder.join(path));
        let server = Server {
            host: role.host.clone(),
            port: role.port,
            database: role.database.clone(),
            tls: role.tls,
            reach: Reach::new(target.private_address, ca_file),
        };
        Ok(Self { name: target.name.clone(), api: Api::new(target, folder)?, role: role.clone(), server })
    }

    fn path(&self, what: &str) -> String {
        format!("{}/{what}/{}", self.role.mount, self.role.role)
    }

    /// The role's user and password, as the server shows them now.
    fn shown(&self) -> Result<Material, Trouble> {
        let path = self.path("static-creds");
        let found = self.api.read("GET", &path, None)?;
        let found = found.ok_or_else(|| Trouble::Refused(format!("{path}: there is no such role")))?;
        match (text(&found, "/data/username"), text(&found, "/data/password")) {
            (Some(user), Some(password)) => Ok(Material::of(password.as_bytes()).with("user", user.as_bytes())),
            _ => Err(Trouble::Refused(format!("{path} shows no password"))),
        }
    }

    fn login(&self, user: &str, password: &Secret) -> Probe {
        match Session::open(&self.server, user, password.expose()) {
            Ok(_) => Probe::Live(format!("logged in as {user}")),
            Err(Fault::Server(code, message)) if code == "28P01" => Probe::Dead(format!("{message} (28P01)")),
            Err(fault) => Probe::Unknown(fault.to_string()),
        }
    }

    fn user(&self, material: &Material) -> Result<String, Trouble> {
        match material.text("user").filter(|user| !user.is_empty()) {
            Some(user) => Ok(user.to_owned()),
            None => Ok(self.shown()?.text("user").unwrap_or_default().to_owned()),
        }
    }

    fn issue(&self, subject: &Subject<'_>) -> Acted {
        let old = subject.old.get("value");
        match self.shown() {
            // An earlier call whose answer was lost did it.
            Ok(shown) if shown.get("value") != old => {
                return Acted { report: Report::done("it was rotated already"), new: Some(shown) };
            }
            Ok(_) => {}
            Err(trouble) => return trouble.report().into(),
        }
        let (report, _) = self.api.change("POST", &self.path("rotate-role"), Some(&json!({})));
        if report.outcome != Outcome::Done {
            return report.into();
        }
        match self.shown() {
            Ok(shown) if shown.get("value") != old => {
                Acted { report: Report::done("the server set a new password"), new: Some(shown) }
            }
            Ok(_) => Report::unknown("the server says that it rotated, and shows the old password").into(),
            Err(trouble) => Report::unknown(trouble.to_string()).into(),
        }
    }
}

impl Provider for VaultStatic {
    fn abilities(&self) -> Abilities {
        Abilities {
            strategy: Strategy::OnePhase,
            chooser: Chooser::Issuer,
            // Done again it only shows what the first time made.
            issue: Retry::RetrySafe,
            disable: None,
            delete: false,
            delete_retry: Retry::RetrySafe,
            propagation: 0,
            proof: Proof::Server,
        }
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        let shown = self.shown()?;
        let user = shown.text("user").unwrap_or_default();
        let value = old.get("value").ok_or_else(|| Trouble::Refused("there is no value".to_owned()))?;
        if old.text("user").is_some_and(|other| !other.is_empty() && other != user) {
            return Err(Trouble::Refused(format!("it is not the password of {user}")));
        }
        let live = match self.login(user, value) {
            Probe::Live(_) => true,
            Probe::Dead(_) => false,
            Probe::Unknown(why) => return Err(Trouble::Unreachable(why)),
        };
        let same = shown.get("value") == Some(value);
        if live != same {
            let (server, database) =
                (if same { "shows" } else { "does not show" }, if live { "takes" } else { "refuses" });
            return Err(Trouble::Refused(format!(
                "the server {server} it, and the database {database} it: mend that first"
            )));
        }
        Ok(Identity {
            owner: format!("vault:{}:static-role/{}", self.name, self.role.role),
            id: format!("vault:{}:static-role:{}:{}", self.name, self.role.mount, self.role.role),
            binding: Binding::ExactMatch,
            liveness: if live { "live" } else { "dead" }.to_owned(),
            facts: BTreeMap::from([("user".to_owned(), user.to_owned())]),
            also_dies: vec![
                "what reads the password from the server gets the new one; copies elsewhere are dead".to_owned(),
            ],
        })
    }

    fn calls(&self, _: &Identity) -> Vec<Call> {
        vec![Call::new("issue", format!("POST /v1/{}", self.path("rotate-role")), "the admin token", false)]
    }

    fn manual(&self) -> Vec<String> {
        vec!["sessions that are open outlive the password: end them (pg_terminate_backend)".to_owned()]
    }

    fn check(&self, _: &Subject<'_>) -> Report {
        let (rotate, show) = (self.path("rotate-role"), self.path("static-creds"));
        let asked = self.api.read("POST", "sys/capabilities-self", Some(&json!({ "paths": [rotate, show] })));
        let answer = match asked {
            Ok(Some(answer)) => answer,
            Ok(None) => return Report::later("sys/capabilities-self says nothing"),
            Err(trouble) => return trouble.report(),
        };
        for (path, wanted) in [(&rotate, &["root", "update", "create"][..]), (&show, &["root", "read"])] {
            let rights = answer.pointer("/data").and_then(|data| data.get(path)).or_else(|| answer.get(path));
            let mut rights = rights.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            if !rights.any(|right| wanted.contains(&right)) {
                return Report::refused(format!("the admin token lacks `{}` on {path}", wanted[1]));
            }
        }
        Report::done("the admin token may rotate the role and read it")
    }

    fn choose(&self, _: &Subject<'_>) -> Result<Material, Trouble> {
        Err(Trouble::Refused("the server chooses".to_owned()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        match step {
            Step::Issue => self.issue(subject),
            _ => Report::refused("there is no such step here").into(),
        }
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        match (step, self.shown()) {
            (Step::Issue, Ok(shown)) if shown.get("value") == subject.old.get("value") => {
                Report::refused("it was not rotated")
            }
            // Done again, it brings the new value.
            (Step::Issue, Ok(_)) => Report::refused("it was rotated, and its new password is read anew"),
            (_, Err(trouble)) => Report::unknown(trouble.to_string()),
            _ => Report::unknown("there is nothing to look at"),
        }
    }

    fn probe(&self, material: &Material) -> Probe {
        match (self.user(material), material.get("value")) {
            (Ok(user), Some(value)) => self.login(&user, value),
            (Err(trouble), _) => Probe::Unknown(trouble.to_string()),
            (_, None) => Probe::Unknown("there is no value".to_owned()),
        }
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![self.api.token.clone()]
    }
}
