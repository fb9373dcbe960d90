//! Passwords of Redis users: two-phase. A user may have several passwords at once; the new one is added, the old one is
//! removed, and the connections that were made with it are ended.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Abilities, Acted, Call, Provider, Subject, random_text};
use crate::error::Result;
use crate::rotate::escrow::Material;
use crate::rotate::net::{Reach, Stream};
use crate::rotate::policy::Reference;
use crate::rotate::run::Step;
use crate::rotate::run::course::Signer;
use crate::rotate::types::{Binding, Chooser, Identity, Outcome, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// Rules whose findings may be passwords of a Redis server.
pub const RULES: &[&str] = &["connection-string-redis"];

/// `kind = "redis"`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RedisTarget {
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
    #[serde(default = "default_user")]
    pub user: String,
    /// Who may change users (`ACL SETUSER`).
    pub admin_user: String,
    /// Their password.
    pub admin_password: Reference,
}

fn port() -> u16 {
    6379
}

fn yes() -> bool {
    true
}

fn default_user() -> String {
    "default".to_owned()
}

/// The driver.
#[derive(Debug)]
pub struct Redis {
    name: String,
    host: String,
    port: u16,
    tls: bool,
    reach: Reach,
    user: String,
    admin: (String, Secret),
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// The server said no.
    Server(String),
    /// Nothing was sent.
    NotSent(Trouble),
    /// What was sent last may have been done.
    Broken(String),
}

impl Fault {
    fn report(&self) -> Report {
        match self {
            Self::Server(message) if message.starts_with("LOADING") || message.starts_with("BUSY") => {
                Report::later(message.clone())
            }
            Self::Server(message) => Report::refused(message.clone()),
            Self::NotSent(trouble) => trouble.report(),
            Self::Broken(message) => Report::unknown(message.clone()),
        }
    }
}

struct Connection(BufReader<Stream>);

impl Connection {
    fn call(&mut self, words: &[&[u8]]) -> Result<String, Fault> {
        let mut out = Zeroizing::new(format!("*{}\r\n", words.len()).into_bytes());
        for word in words {
            out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            out.extend_from_slice(word);
            out.extend_from_slice(b"\r\n");
        }
        let stream = self.0.get_mut();
        stream.write_all(&out).and_then(|()| stream.flush()).map_err(broken)?;
        self.answer(0)
    }

    /// An answer as text: simple strings, numbers and bulk strings as they are, lists joined by commas.
    fn answer(&mut self, depth: u8) -> Result<String, Fault> {
        let mut line = String::new();
        let read = (&mut self.0).take(64 << 10).read_line(&mut line).map_err(broken)?;
        if read == 0 || depth > 4 {
            return Err(broken("the server closed it"));
        }
        let (kind, rest) = line.trim_end().split_at_checked(1).ok_or_else(|| broken("an empty answer"))?;
        let length = || rest.parse::<i64>().map_err(broken);
        match kind {
            "+" | ":" => Ok(rest.to_owned()),
            "-" => Err(Fault::Server(rest.to_owned())),
            "$" => {
                let length = length()?;
                let Ok(length) = usize::try_from(length) else { return Ok(String::new()) };
                if length > 16 << 20 {
                    return Err(broken("the server says too much"));
                }
                let mut bytes = vec![0; length + 2];
                self.0.read_exact(&mut bytes).map_err(broken)?;
                Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
            }
            "*" => (0..length()?.min(10_000))
                .map(|_| self.answer(depth + 1))
                .collect::<Result<Vec<_>, _>>()
                .map(|all| all.join(",")),
            _ => Err(broken("an answer of an unknown kind")),
        }
    }
}

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::Broken(format!("the connection broke: {error}"))
}

impl Redis {
    /// The driver of a target.
    ///
    /// # Errors
    /// When the admin's password cannot be had.
    pub fn new(target: &RedisTarget, folder: &Path) -> Result<Self> {
        Ok(Self {
            name: target.name.clone(),
            host: target.host.clone(),
            port: target.port,
            tls: target.tls,
            reach: Reach::new(target.private_address, target.ca_file.as_ref().map(|path| folder.join(path))),
            user: target.user.clone(),
            admin: (target.admin_user.clone(), target.admin_password.read(folder)?),
        })
    }

    fn user<'m>(&'m self, material: &'m Material) -> &'m str {
        material.text("user").filter(|user| !user.is_empty()).unwrap_or(&self.user)
    }

    fn login(&self, user: &str, password: &[u8]) -> Result<Connection, Fault> {
        let stream = self.reach.connect(&self.host, self.port).map_err(Fault::NotSent)?;
        let stream = if self.tls {
            self.reach.secure(&self.host, stream).map_err(Fault::NotSent)?
        } else {
            Stream::Plain(stream)
        };
        let mut connection = Connection(BufReader::new(stream));
        connection.call(&[b"AUTH", user.as_bytes(), password])?;
        Ok(connection)
    }

    /// A connection of whoever signs: the admin, who may be the leaked one itself.
    fn signed(&self, subject: &Subject<'_>) -> Result<Connection, Fault> {
        let new = subject.new.and_then(|new| new.get("value")).filter(|_| subject.signer == Signer::New);
        self.login(&self.admin.0, new.unwrap_or(&self.admin.1).expose())
    }

    /// Changes a user's passwords, and sees to it that a restart does not bring the old ones back.
    fn set(&self, subject: &Subject<'_>, sign: &str, password: &Secret, done: &str) -> Report {
        let user = self.user(subject.old);
        // What breaks while logging in changed nothing.
        let mut connection = match self.signed(subject) {
            Ok(connection) => connection,
            Err(Fault::Broken(note)) => return Report::later(note),
            Err(fault) => return fault.report(),
        };
        let word = Zeroizing::new([sign.as_bytes(), password.expose()].concat());
        match connection.call(&[b"ACL", b"SETUSER", user.as_bytes(), &word]) {
            Ok(_) => {}
            Err(Fault::Server(message)) if sign == "<" && message.contains("does not exist") => {}
            Err(fault) => return fault.report(),
        }
        match keep(&mut connection) {
            Ok(how) => Report::done(format!("{done} ({how})")),
            Err(fault) => Report::unknown(format!("{done}, but it is not kept: {fault:?}")),
        }
    }

    fn remove(&self, subject: &Subject<'_>, value: Option<&Secret>) -> Report {
        let Some(value) = value else { return Report::refused("there is no such password") };
        let user = self.user(subject.old);
        let report = self.set(subject, "<", value, &format!("a password of user {user} is removed"));
        if report.outcome != Outcome::Done {
            return report;
        }
        // Connections do not say which password they were made with: all of the user's are ended.
        let ended = self.signed(subject).and_then(|mut connection| {
            connection.call(&[b"CLIENT", b"KILL", b"USER", user.as_bytes(), b"SKIPME", b"yes"])
        });
        match ended {
            Ok(count) => Report { note: format!("{}, {count} connections ended", report.note), ..report },
            Err(fault) => Report::unknown(format!("{}, but its connections are not ended: {fault:?}", report.note)),
        }
    }
}

/// Makes changes last: the ACL file where there is one, else the configuration file.
fn keep(connection: &mut Connection) -> Result<&'static str, Fault> {
    let file = connection.call(&[b"CONFIG", b"GET", b"aclfile"])?;
    if !file.trim_start_matches("aclfile").trim_start_matches(',').is_empty() {
        return connection.call(&[b"ACL", b"SAVE"]).map(|_| "kept in the ACL file");
    }
    match connection.call(&[b"CONFIG", b"REWRITE"]) {
        Ok(_) => Ok("kept in the configuration file"),
        Err(Fault::Server(message)) if message.contains("without a config file") => {
            Ok("the server has no file to keep it in: a restart forgets it")
        }
        Err(fault) => Err(fault),
    }
}

impl Provider for Redis {
    fn abilities(&self) -> Abilities {
        Abilities {
            strategy: Strategy::TwoPhase,
            chooser: Chooser::Us,
            issue: Retry::RetrySafe,
            disable: None,
            delete: true,
            delete_retry: Retry::RetrySafe,
            propagation: 0,
            proof: Proof::Server,
        }
    }

    fn normal(&self, leaked: &Material) -> Material {
        let user = self.user(leaked).to_owned();
        leaked.clone().with("user", user.as_bytes())
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        let user = self.user(old);
        let liveness = match self.probe(old) {
            Probe::Live(_) => "live",
            Probe::Dead(_) => "dead",
            Probe::Unknown(why) => return Err(Trouble::Unreachable(why)),
        };
        let id = format!("redis:{}:{user}", self.name);
        Ok(Identity {
            owner: id.clone(),
            id,
            binding: Binding::SelfEndpoint,
            liveness: liveness.to_owned(),
            facts: BTreeMap::new(),
            also_dies: vec![format!("all open connections of user {user}")],
        })
    }

    fn calls(&self, identity: &Identity) -> Vec<Call> {
        let (user, by) = (identity.id.rsplit(':').next().unwrap_or_default(), self.admin.0.as_str());
        vec![
            Call::new("issue", format!("ACL SETUSER {user} >…"), by, true),
            Call::new("delete", format!("ACL SETUSER {user} <…; CLIENT KILL USER {user}"), by, false),
        ]
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        let user = self.user(subject.old);
        let asked = self.login(&self.admin.0, self.admin.1.expose());
        match asked.and_then(|mut connection| connection.call(&[b"ACL", b"GETUSER", user.as_bytes()])) {
            Ok(text) if text.split(',').any(|word| word == "nopass") => {
                Report::refused(format!("user {user} needs no password at all: mend that first"))
            }
            Ok(_) => Report::done(format!("user {user} can be changed")),
            Err(fault @ Fault::Broken(_)) => Report::later(format!("{fault:?}")),
            Err(fault) => fault.report(),
        }
    }

    fn choose(&self, subject: &Subject<'_>) -> Result<Material, Trouble> {
        Ok(Material::of(random_text(40)?.as_bytes()).with("user", self.user(subject.old).as_bytes()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        let new = subject.new.and_then(|new| new.get("value"));
        match (step, new) {
            (Step::Issue, Some(new)) => {
                let user = self.user(subject.old);
                self.set(subject, ">", new, &format!("user {user} has a second password")).fact("id", user)
            }
            (Step::Discard, Some(new)) => self.remove(subject, Some(new)),
            (Step::Delete, _) => self.remove(subject, subject.old.get("value")),
            _ => Report::refused("there is no such step here"),
        }
        .into()
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        let (probe, dead_is_done) = match (step, subject.new) {
            (Step::Delete, _) => (self.probe(subject.old), true),
            (Step::Discard, Some(new)) => (self.probe(new), true),
            (Step::Issue, Some(new)) => (self.probe(new), false),
            _ => return Report::unknown("there is nothing to look at"),
        };
        match probe {
            Probe::Unknown(note) => Report::unknown(note),
            Probe::Dead(note) if dead_is_done => Report::done(note),
            Probe::Live(note) if !dead_is_done => Report::done(note),
            other => Report::refused(other.detail()),
        }
    }

    fn probe(&self, material: &Material) -> Probe {
        let password = material.get("value").map(Secret::expose).unwrap_or_default();
        match self.login(self.user(material), password) {
            // A user that may not even ask who it is was let in all the same.
            Ok(_) => Probe::Live(format!("user {} is let in", self.user(material))),
            Err(Fault::Server(message)) if message.starts_with("WRONGPASS") => Probe::Dead(message),
            Err(fault) => Probe::Unknown(format!("{fault:?}")),
        }
    }

    fn signs_with(&self, old: &Material) -> bool {
        self.user(old) == self.admin.0 && old.get("value") == Some(&self.admin.1)
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![self.admin.1.clone()]
    }
}
