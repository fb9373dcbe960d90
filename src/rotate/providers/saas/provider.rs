//! The kind's data as the steps of a run.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::data::{By, Change};
use super::template::{plain, pointed};
use super::{Saas, google};
use crate::rotate::escrow::Material;
use crate::rotate::providers::ssh::key;
use crate::rotate::providers::{Abilities, Acted, Call, Provider, Subject};
use crate::rotate::redact::hex;
use crate::rotate::run::Step;
use crate::rotate::run::course::Disable;
use crate::rotate::types::{Binding, Chooser, Identity, Probe, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// What stands in an identity's id for an object of the vendor's.
pub(super) fn object(identity: &Identity) -> Option<&str> {
    identity.id.split_once('#').map(|(_, id)| id)
}

impl Provider for Saas {
    fn abilities(&self) -> Abilities {
        let kind = self.kind;
        let issue = kind.issue.as_ref().and_then(|change| change.retry);
        let delete = kind.delete.as_ref();
        // Signed by the value it kills, a second call would be refused: look first.
        let own = |change: &Change| match change.signer {
            By::Leaked => true,
            By::Own => self.api.admin.is_none(),
            By::Admin | By::Nobody => false,
        };
        let delete_retry = match delete {
            Some(change) if own(change) => Retry::ReconcileFirst,
            _ => Retry::RetrySafe,
        };
        Abilities {
            strategy: kind.strategy,
            chooser: if self.login.is_some() { Chooser::Us } else { Chooser::Issuer },
            issue: issue.unwrap_or(match kind.strategy {
                // Done again it only reads what the first time made.
                Strategy::OnePhase if kind.shown => Retry::RetrySafe,
                Strategy::OnePhase => Retry::Never,
                _ => Retry::ReconcileFirst,
            }),
            disable: kind.disable.as_ref().map(|_| match kind.enable {
                Some(_) => Disable::Reversible,
                None => Disable::Final,
            }),
            delete: delete.is_some(),
            delete_retry: delete.and_then(|change| change.retry).unwrap_or(delete_retry),
            propagation: self.propagation,
            proof: kind.proof,
        }
    }

    fn normal(&self, leaked: &Material) -> Material {
        match (&self.login, leaked.get("value")) {
            (Some(_), Some(value)) => leaked.clone().with("value", &key::lines(value.expose())),
            (None, Some(value)) if self.kind.jwt => google::normal(leaked, value),
            _ => leaked.clone(),
        }
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        if let Some(login) = &self.login {
            return self.identify_pair(login, old);
        }
        let answer = self.ask(old)?;
        let live = match &answer.probe {
            Probe::Live(_) => true,
            Probe::Dead(_) => false,
            Probe::Unknown(note) => return Err(Trouble::Unreachable(note.clone())),
        };
        let (id, binding) = match live && self.kind.id_from.is_some() {
            true => self.id(old, &answer.json)?,
            // Many values stand in no list, and others' living values are refused too: it may belong elsewhere.
            false
                if !live
                    && (self.kind.tied || self.kind.probe.as_ref().is_some_and(|probe| probe.listed.is_some())) =>
            {
                (None, Binding::Ambiguous)
            }
            // A dead one is not changed, so nothing needs to be bound.
            false => (None, Binding::SelfEndpoint),
        };
        let probe = self.kind.probe.as_ref();
        let names = self.names(By::Nobody, None, old, None, None)?;
        // The value signed as this account, and was let in: only then its name is more than what stood near.
        let account = old.text("email").filter(|_| live && self.kind.jwt);
        let owner = match probe.map(|probe| pointed(&probe.owner, &answer.json, &names) + account.unwrap_or_default()) {
            Some(owner) if live && !owner.is_empty() => owner,
            _ => "unknown".to_owned(),
        };
        let mut facts = BTreeMap::new();
        if let Some(probe) = probe.filter(|_| live) {
            for (name, pointer) in &probe.facts {
                if let Some(value) = answer.json.pointer(pointer).filter(|value| !value.is_null()) {
                    let text: String = plain(value).chars().filter(|char| !char.is_control()).collect();
                    facts.insert(name.clone(), text);
                }
            }
        }
        // The same value has the same id in every plan, also where the vendor gives it none. A short digest tells nothing
        // of a token's 100 bits and more.
        let value = old.get("value").map(|value| hex(&Sha256::digest(value.expose())[..4])).unwrap_or_default();
        let id = id.map_or_else(String::new, |id| format!("#{id}"));
        Ok(Identity {
            owner: format!("{}:{}:{owner}", self.kind.id, self.name),
            id: format!("{}:{}:{value}{id}", self.kind.id, self.name),
            binding,
            liveness: if live { "live" } else { "dead" }.to_owned(),
            facts,
            also_dies: self.kind.also_dies.clone(),
        })
    }

    fn calls(&self, identity: &Identity) -> Vec<Call> {
        let fill = |call: &str| {
            let mut call = call.replace("{id}", object(identity).unwrap_or("{id}"));
            for (name, value) in &self.api.parameters {
                call = call.replace(&format!("{{{name}}}"), value);
            }
            call
        };
        let by = |by: By| match by {
            By::Leaked => "the leaked one",
            By::Own if self.api.admin.is_none() => "the leaked one, then its replacement",
            By::Own | By::Admin => "the admin",
            By::Nobody => "nobody",
        };
        let two_phase = self.kind.strategy == Strategy::TwoPhase;
        let back = |step: &str| step == "issue" && two_phase || step == "disable" && self.kind.enable.is_some();
        let changes = self.kind.changes().filter(|(step, _)| *step != "enable");
        changes.map(|(step, change)| Call::new(step, fill(&change.call), by(change.signer), back(step))).collect()
    }

    fn manual(&self) -> Vec<String> {
        let kind = self.kind;
        let mut lines = kind.steps.clone();
        if kind.strategy == Strategy::Manual {
            lines.push(format!("{}'s page: {}", kind.vendor, kind.source));
        }
        lines
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        for (_, change) in self.kind.changes() {
            if let Err(why) = self.api.token(change.signer, subject.old.get("value")) {
                return Report::refused(why);
            }
        }
        let rights = self.kind.probe.as_ref().map(|probe| &probe.rights).filter(|rights| !rights.is_empty());
        // The value turns itself: does it have the rights to?
        if let (Some(rights), None) = (rights, &self.api.admin) {
            let answer = match self.ask(subject.old) {
                Ok(answer) => answer.json,
                Err(trouble) => return trouble.report(),
            };
            for (pointer, words) in rights {
                let list = answer.pointer(pointer).and_then(Value::as_array);
                let has = |word: &String| list.is_some_and(|list| list.iter().any(|right| right == word));
                if !words.iter().any(has) {
                    let words = words.join("` or `");
                    return Report::refused(format!(
                        "it has no right `{words}` to turn itself: give an `admin`, or turn it by hand"
                    ));
                }
            }
        }
        // The list that would find an orphan must be readable before anything is made.
        match &self.kind.list {
            Some(list) if list.tag.is_none() => match self.listed(list, subject) {
                Ok(found) => {
                    let ids: Vec<String> = found.into_iter().map(|(id, _)| id).collect();
                    Report::done("what is made can be listed").fact("listed", ids.join(","))
                }
                Err(trouble) => trouble.report(),
            },
            Some(list) => match self.made(list, subject) {
                Ok(None) => Report::done("what is made can be listed"),
                Ok(Some(_)) => Report::refused("this run made one already"),
                Err(trouble) => trouble.report(),
            },
            None => Report::done("nothing speaks against it"),
        }
    }

    fn choose(&self, _: &Subject<'_>) -> Result<Material, Trouble> {
        match &self.login {
            Some(login) => self.choose_pair(login),
            None => Err(Trouble::Refused("the vendor chooses".to_owned())),
        }
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        let change = match step {
            Step::Issue => return self.issue(subject),
            Step::Disable => &self.kind.disable,
            Step::Enable => &self.kind.enable,
            Step::Delete => &self.kind.delete,
            Step::Discard => {
                let (Some(list), Some(delete)) = (&self.kind.list, &self.kind.delete) else {
                    return Report::refused("no call removes it: do it by hand").into();
                };
                return match self.made(list, subject) {
                    Ok(Some(id)) => self.change(delete, subject, Some(&id)).0.into(),
                    Ok(None) => Report::done("there is nothing of this run").into(),
                    Err(trouble) => trouble.report().into(),
                };
            }
            _ => &None,
        };
        let Some(change) = change else { return Report::refused("there is no such step here").into() };
        let id = object(subject.identity);
        if id.is_none() && self.kind.uses_id() {
            return Report::refused("what would be changed is not proven to be the leaked value").into();
        }
        self.change(change, subject, id).0.into()
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        match (step, &self.kind.list) {
            // Done again, it brings the new value.
            (Step::Issue, _) if self.kind.shown => match self.shown(subject) {
                Ok(_) => Report::refused("it is read anew"),
                Err(trouble) => Report::unknown(trouble.to_string()),
            },
            (Step::Issue | Step::Discard, Some(list)) => match (self.made(list, subject), step) {
                (Ok(Some(id)), Step::Issue) => Report::done("it was made").fact("id", id),
                (Ok(None), Step::Discard) => Report::done("it is gone"),
                (Ok(_), _) => Report::refused("it was not done"),
                (Err(trouble), _) => Report::unknown(trouble.to_string()),
            },
            (Step::Issue, None) if self.kind.strategy != Strategy::OnePhase => {
                Report::unknown("no list tells what was made")
            }
            // Making the new one kills the old one: that is how it is seen.
            (Step::Issue | Step::Delete | Step::Disable, _) => match self.probe(subject.old) {
                Probe::Dead(note) => Report::done(note),
                Probe::Live(note) => Report::refused(note),
                Probe::Unknown(note) => Report::unknown(note),
            },
            (Step::Enable, _) => match self.probe(subject.old) {
                Probe::Live(note) => Report::done(note),
                Probe::Dead(note) => Report::refused(note),
                Probe::Unknown(note) => Report::unknown(note),
            },
            _ => Report::unknown("there is nothing to look at"),
        }
    }

    fn probe(&self, material: &Material) -> Probe {
        match self.ask(material) {
            Ok(answer) => answer.probe,
            Err(trouble) => Probe::Unknown(trouble.to_string()),
        }
    }

    fn signs_with(&self, old: &Material) -> bool {
        let own = self.kind.changes().any(|(_, change)| change.signer == By::Own);
        match &self.api.admin {
            Some(admin) => old.get("value") == Some(admin),
            None => own,
        }
    }

    fn secrets(&self) -> Vec<Secret> {
        self.api.admin.iter().cloned().collect()
    }
}
