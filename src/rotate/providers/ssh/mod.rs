//! SSH keys that open an account of one or more servers: two-phase. A line for a new key is put beside the old one's in
//! `authorized_keys`, the new key logs in, and the old one's lines go.
//!
//! Dead means: every server of the target lets the new key in and refuses the old one.

pub(in crate::rotate::providers) mod authorized;
pub(in crate::rotate::providers) mod client;
mod edit;
pub(in crate::rotate::providers) mod key;
pub(in crate::rotate::providers) mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;

use self::authorized::{Change, blob, holding};
use self::client::{Agent, Client, Host};
use self::edit::Place;
pub use self::target::{RULES, SshTarget};
use super::{Abilities, Acted, Call, Provider, Subject};
use crate::rotate::escrow::Material;
use crate::rotate::run::Step;
use crate::rotate::run::course::Signer;
use crate::rotate::types::{Binding, Chooser, Identity, Outcome, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// The driver.
#[derive(Debug)]
pub struct Ssh {
    name: String,
    user: String,
    hosts: Vec<Host>,
    client: Client,
    file: PathBuf,
    local: bool,
    admin_user: String,
    admin_key: Option<Secret>,
}

impl Ssh {
    fn agent(material: &Material) -> Result<Agent, Trouble> {
        Agent::with(material.get("value").map(Secret::expose).unwrap_or_default())
    }

    /// The agent of who signs; nobody needs to where the file is here.
    fn signer(&self, signer: Signer, old: &Material, new: Option<&Material>) -> Result<Option<Agent>, Trouble> {
        if self.local {
            return Ok(None);
        }
        let agent = match (signer, &self.admin_key, new) {
            (Signer::New, _, Some(new)) => Self::agent(new),
            (Signer::Admin, Some(key), _) => Agent::with(key.expose()),
            _ => Self::agent(old),
        };
        agent.map(Some)
    }

    fn subject_signer(&self, subject: &Subject<'_>) -> Result<Option<Agent>, Trouble> {
        self.signer(subject.signer, subject.old, subject.new)
    }

    /// The account's files, each with the host it is for.
    fn places<'p>(&'p self, agent: Option<&'p Agent>, path: &'p str) -> Vec<(String, Place<'p>)> {
        match agent {
            None => vec![("this machine".to_owned(), Place::Here(&self.file))],
            Some(agent) => self
                .hosts
                .iter()
                .map(|host| {
                    (host.name.clone(), Place::There(&self.client, agent, self.admin_user.as_str(), host, path))
                })
                .collect(),
        }
    }

    /// Changes every file by `change` of its text. What is half done is said to be unknown: doing it again ends it.
    fn change(&self, subject: &Subject<'_>, change: impl Fn(&str) -> Option<Change>, done: &str) -> Report {
        let agent = match self.subject_signer(subject) {
            Ok(agent) => agent,
            Err(trouble) => return trouble.report(),
        };
        let path = self.file.to_string_lossy();
        let mut changed = 0;
        for (host, place) in self.places(agent.as_ref(), &path) {
            let report = match place.read() {
                Ok(text) => match change(&text) {
                    Some(change) => place.change(&text, &change),
                    None => continue,
                },
                Err(trouble) => trouble.report(),
            };
            match report.outcome {
                Outcome::Done => changed += 1,
                _ if changed == 0 => return report,
                _ => return Report::unknown(format!("{changed} servers are changed, {host} is not: {}", report.note)),
            }
        }
        Report::done(format!("{done} ({changed} files changed)"))
    }

    fn public(material: &Material) -> Result<String, Trouble> {
        match material.text("public") {
            Some(public) => Ok(public.to_owned()),
            None => Self::agent(material)?.public(),
        }
    }

    fn add(&self, subject: &Subject<'_>) -> Report {
        let Some(new) = subject.new.and_then(|new| new.text("public")) else {
            return Report::refused("there is no new key");
        };
        let old = match Self::public(subject.old) {
            Ok(old) => old,
            Err(trouble) => return trouble.report(),
        };
        let missed = std::cell::Cell::new(false);
        let beside = |text: &str| {
            let change = Change::add(text, blob(&old), new);
            missed.set(missed.get() || (change.is_none() && holding(text, blob(new)).is_empty()));
            change
        };
        let report = self.change(subject, beside, "the new key stands beside it");
        if report.outcome == Outcome::Done && missed.get() {
            // The old one had gone from there meanwhile, so nothing was added.
            return self.look(Step::Issue, subject);
        }
        report.fact("id", key::fingerprint(blob(new)).unwrap_or_default())
    }

    fn remove(&self, subject: &Subject<'_>, material: Option<&Material>) -> Report {
        match material.map(Self::public) {
            Some(Ok(public)) => self.change(subject, |text| Change::remove(text, blob(&public)), "its lines are gone"),
            Some(Err(trouble)) => trouble.report(),
            None => Report::refused("there is no such key"),
        }
    }

    /// Where a key stands: all files, none, or some.
    fn standing(&self, subject: &Subject<'_>, material: &Material) -> Result<Report, Trouble> {
        let agent = self.subject_signer(subject)?;
        let path = self.file.to_string_lossy();
        let places = self.places(agent.as_ref(), &path);
        let public = Self::public(material)?;
        let mut without = Vec::new();
        for (host, place) in &places {
            if holding(&place.read()?, blob(&public)).is_empty() {
                without.push(host.as_str());
            }
        }
        Ok(match without.len() {
            0 => Report::done("it stands everywhere"),
            none if none == places.len() => Report::refused("it stands nowhere"),
            _ => Report::unknown(format!("it does not stand at {}", without.join(", "))),
        })
    }
}

impl Provider for Ssh {
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
        let value = leaked.get("value").map(|value| key::lines(value.expose())).unwrap_or_default();
        leaked.clone().with("value", &value).with("user", self.user.as_bytes())
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        let agent = Self::agent(old)?;
        let public = agent.public()?;
        let fingerprint = key::fingerprint(blob(&public)).unwrap_or_default();
        let probes: Vec<Probe> = self.hosts.iter().map(|host| self.client.login(&agent, &self.user, host)).collect();
        let lives = probes.iter().any(|probe| matches!(probe, Probe::Live(_)));
        if let (false, Some(Probe::Unknown(why))) =
            (lives, probes.iter().find(|probe| matches!(probe, Probe::Unknown(_))))
        {
            return Err(Trouble::Unreachable(why.clone()));
        }
        let mut identity = Identity {
            owner: format!("ssh:{}:{}", self.name, self.user),
            id: format!("ssh:{}:{}:{fingerprint}", self.name, self.user),
            binding: Binding::ExactMatch,
            liveness: if lives { "live" } else { "dead" }.to_owned(),
            facts: BTreeMap::from([("fingerprint".to_owned(), fingerprint)]),
            also_dies: Vec::new(),
        };
        if !lives && !self.local && self.admin_key.is_none() {
            identity.binding = Binding::Ambiguous; // nobody can read where it stood, if it did
            return Ok(identity);
        }
        let signer = self.signer(if self.admin_key.is_some() { Signer::Admin } else { Signer::Old }, old, None)?;
        let path = self.file.to_string_lossy();
        let places = self.places(signer.as_ref(), &path);
        let (mut without, mut options) = (Vec::new(), Vec::new());
        for (host, place) in &places {
            let text = place.read()?;
            let lines = holding(&text, blob(&public));
            if lines.is_empty() {
                without.push(host.clone());
            }
            lines.iter().for_each(|line| options.extend(line.options()));
        }
        let there = places.len() - without.len();
        options.sort_unstable();
        options.dedup();
        if options.iter().any(|option| option == "cert-authority") {
            return Err(Trouble::Refused(
                "it is a certificate authority: its certificates must be made anew".to_owned(),
            ));
        }
        if !options.is_empty() {
            identity.facts.insert("options".to_owned(), options.join(", "));
        }
        match (lives, there) {
            // Any private key is refused where it was never known: that says nothing about where it belongs.
            (false, 0) => identity.binding = Binding::Ambiguous,
            (false, _) => {
                return Err(Trouble::Refused(format!(
                    "it stands in {path} and is not let in from here (options: {}): its death could not be told",
                    options.join(", ")
                )));
            }
            (true, 0) => return Err(Trouble::Refused(format!("it is let in, and does not stand in {path}"))),
            (true, _) if !without.is_empty() => {
                return Err(Trouble::Refused(format!(
                    "it does not stand at {}: give the servers without it another target",
                    without.join(", ")
                )));
            }
            (true, _) => {}
        }
        Ok(identity)
    }

    fn calls(&self, _: &Identity) -> Vec<Call> {
        let hosts: Vec<&str> = self.hosts.iter().map(|host| host.name.as_str()).collect();
        let at = if self.local { "this machine".to_owned() } else { hosts.join(", ") };
        let by = match (&self.admin_key, self.local) {
            (_, true) => "whoever runs keysweep".to_owned(),
            (Some(_), _) => self.admin_user.clone(),
            (None, _) => format!("{} (the leaked key, then the new one)", self.user),
        };
        let file = self.file.display();
        vec![
            Call::new("issue", format!("add a line to {file} at {at}"), &by, true),
            Call::new("delete", format!("remove the old key's lines from {file} at {at}"), &by, false),
        ]
    }

    fn manual(&self) -> Vec<String> {
        vec![
            format!("sessions that are open outlive their key: end those of {} that you do not know", self.user),
            "the same key may open other accounts and services: each needs a target of its own".to_owned(),
        ]
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        if let Some(admin) = self.admin_key.as_ref().filter(|_| self.admin_user != self.user) {
            let same = Agent::with(admin.expose()).and_then(|agent| Ok(agent.public()? == Self::public(subject.old)?));
            match same {
                Ok(false) => {}
                Ok(true) => {
                    return Report::refused(format!(
                        "the leaked key also opens {}: turn it there first",
                        self.admin_user
                    ));
                }
                Err(trouble) => return trouble.report(),
            }
        }
        match self.standing(subject, subject.old) {
            Ok(report) => report,
            Err(trouble) => trouble.report(),
        }
    }

    fn choose(&self, _: &Subject<'_>) -> Result<Material, Trouble> {
        let (private, public) = key::generate(&format!("{} keysweep", self.user))?;
        let material = Material::of(private.as_bytes()).with("public", public.as_bytes());
        Ok(material.with("user", self.user.as_bytes()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        match step {
            Step::Issue => self.add(subject),
            Step::Delete => self.remove(subject, Some(subject.old)),
            Step::Discard => self.remove(subject, subject.new),
            _ => Report::refused("there is no such step here"),
        }
        .into()
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        let (material, gone_is_done) = match (step, subject.new) {
            (Step::Delete, _) => (subject.old, true),
            (Step::Discard, Some(new)) => (new, true),
            (Step::Issue, Some(new)) => (new, false),
            _ => return Report::unknown("there is nothing to look at"),
        };
        match (self.standing(subject, material), gone_is_done) {
            (Err(trouble), _) => Report::unknown(trouble.to_string()),
            (Ok(report), false) => report,
            (Ok(report), true) => match report.outcome {
                Outcome::Done => Report::refused(report.note),
                Outcome::NotDone(_) => Report::done(report.note),
                Outcome::Unknown => report,
            },
        }
    }

    /// Live where every server lets it in, dead where every server refuses it.
    fn probe(&self, material: &Material) -> Probe {
        let agent = match Self::agent(material) {
            Ok(agent) => agent,
            Err(trouble) => return Probe::Unknown(trouble.to_string()),
        };
        let mut first: Option<Probe> = None;
        for host in &self.hosts {
            let probe = self.client.login(&agent, &self.user, host);
            match (&first, &probe) {
                (_, Probe::Unknown(why)) => return Probe::Unknown(format!("{}: {why}", host.name)),
                (Some(before), _) if before.word() != probe.word() => {
                    return Probe::Unknown(format!("{} at {}, not at all servers", probe.word(), host.name));
                }
                _ => first = Some(probe),
            }
        }
        first.unwrap_or_else(|| Probe::Unknown("there is no server".to_owned()))
    }

    fn signs_with(&self, old: &Material) -> bool {
        let Some(admin) = &self.admin_key else { return !self.local };
        let same = Agent::with(admin.expose()).and_then(|agent| Ok(agent.public()? == Self::public(old)?));
        !self.local && self.admin_user == self.user && same.unwrap_or(false)
    }

    fn secrets(&self) -> Vec<Secret> {
        self.admin_key.iter().cloned().collect()
    }
}
