//! Key pairs of ours whose public half a vendor knows (deploy keys): made here, listed and removed by the vendor's calls, and
//! proven by logging in.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::api::{SaasTarget, Sent};
use super::data::{By, Change, IdFrom, Pair};
use super::template::{plain, pointed};
use super::{Saas, Subject};
use crate::error::{Error, Result};
use crate::rotate::escrow::Material;
use crate::rotate::net::Reach;
use crate::rotate::providers::Acted;
use crate::rotate::providers::ssh::authorized::blob;
use crate::rotate::providers::ssh::client::{Agent, Client, Host};
use crate::rotate::providers::ssh::{key, target::known_hosts};
use crate::rotate::types::{Binding, Identity, Outcome, Probe, Report, Trouble};

/// Where a kind's keys log in.
#[derive(Debug)]
pub(super) struct Login {
    client: Client,
    host: Host,
    pair: &'static Pair,
}

impl Login {
    /// # Errors
    /// When the target does not name the host keys, or its host is none.
    pub(super) fn new(target: &SaasTarget, pair: &'static Pair, folder: &Path) -> Result<Self> {
        let fail = |message: &str| Error::Usage(format!("target `{}`: {message}", target.name));
        let path = target.known_hosts.as_ref();
        let path = path.ok_or_else(|| fail("it needs `known-hosts`: the host keys of the vendor's servers"))?;
        let host = Host::parse(target.ssh_host.as_ref().unwrap_or(&pair.host));
        let client = Client {
            reach: Reach::new(target.private_address, None),
            known_hosts: known_hosts(&target.name, path, folder)?,
        };
        Ok(Self { client, host: host.ok_or_else(|| fail("`ssh-host` is no host"))?, pair })
    }

    fn agent(material: &Material) -> Result<Agent, Trouble> {
        Agent::with(material.get("value").map(crate::secret::Secret::expose).unwrap_or_default())
    }

    pub(super) fn probe(&self, material: &Material) -> Probe {
        match Self::agent(material) {
            Ok(agent) => self.client.login(&agent, &self.pair.user, &self.host),
            Err(trouble) => Probe::Unknown(trouble.to_string()),
        }
    }
}

impl Saas {
    /// Whose a key pair is: the vendor's list holds exactly its public half.
    pub(super) fn identify_pair(&self, login: &Login, old: &Material) -> Result<Identity, Trouble> {
        let agent = Login::agent(old)?;
        let public = agent.public()?;
        let fingerprint = key::fingerprint(blob(&public)).unwrap_or_default();
        let live = match login.client.login(&agent, &login.pair.user, &login.host) {
            Probe::Live(_) => true,
            Probe::Dead(_) => false,
            Probe::Unknown(why) => return Err(Trouble::Unreachable(why)),
        };
        let Some(IdFrom::List { call, signer, items, value, id }) = &self.kind.id_from else {
            return Err(Trouble::Refused("nothing lists the keys".to_owned()));
        };
        let names = self.names(*signer, None, old, None, None)?;
        let sent = Sent { call, headers: &BTreeMap::new(), body: None, form: None };
        let found = self.items(&sent, *signer, &names, items)?;
        let same = |item: &&Value| item.pointer(value).and_then(Value::as_str).map(blob) == Some(blob(&public));
        let mut same = found.iter().filter(same);
        let owner = pointed(&login.pair.owner, &Value::Null, &self.names(By::Nobody, None, old, None, None)?);
        let mut identity = Identity {
            owner: format!("{}:{}:{owner}", self.kind.id, self.name),
            id: format!("{}:{}:{fingerprint}", self.kind.id, self.name),
            binding: Binding::ExactMatch,
            liveness: if live { "live" } else { "dead" }.to_owned(),
            facts: BTreeMap::from([("fingerprint".to_owned(), fingerprint)]),
            also_dies: self.kind.also_dies.clone(),
        };
        match (same.next(), same.next(), live) {
            (Some(item), None, true) => {
                identity.id.push_str(&format!("#{}", item.pointer(id).map(plain).unwrap_or_default()));
                for (name, pointer) in &login.pair.facts {
                    if let Some(fact) = item.pointer(pointer) {
                        identity.facts.insert(name.clone(), plain(fact));
                    }
                }
            }
            (Some(_), ..) => {
                return Err(Trouble::Refused(format!("{owner} lists it, and it is not let in, or is listed twice")));
            }
            (None, _, true) => {
                return Err(Trouble::Refused(format!(
                    "it is let in, and {owner} does not list it among {}",
                    found.len()
                )));
            }
            // Any private key is refused where it was never known: that says nothing about where it belongs.
            (None, _, false) => identity.binding = Binding::Ambiguous,
        }
        Ok(identity)
    }

    /// Tells the vendor the new public half.
    pub(super) fn issue_pair(&self, change: &Change, subject: &Subject<'_>) -> Acted {
        let Some(new) = subject.new else { return Report::refused("there is no new key").into() };
        let names = match self.names(change.signer, None, new, Some(subject), None) {
            Ok(names) => names,
            Err(trouble) => return trouble.report().into(),
        };
        let (report, answer) = self.api.change(change, &names);
        let id = change.id.as_ref().and_then(|pointer| answer.as_ref()?.pointer(pointer)).map(plain);
        match (report.outcome, id) {
            (Outcome::Done, Some(id)) => report.fact("id", id).into(),
            _ => report.into(),
        }
    }

    pub(super) fn choose_pair(&self, login: &Login) -> Result<Material, Trouble> {
        let (private, public) = key::generate(&login.pair.user)?;
        Ok(Material::of(private.as_bytes()).with("public", public.as_bytes()))
    }
}
