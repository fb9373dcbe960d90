//! Credentials of vendors' services over HTTP: one driver that does what the data of `providers/*.toml` says.

mod api;
pub mod data;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub use self::api::SaasTarget;
use self::api::{Api, Sent, holds, said};
use self::data::{By, Change, IdFrom, Kind, List};
use self::template::{Names, plain, pointed};
use super::{Abilities, Acted, Call, Provider, Subject};
use crate::error::{Error, Result};
use crate::rotate::escrow::Material;
use crate::rotate::redact::hex;
use crate::rotate::run::Step;
use crate::rotate::run::course::{Disable, Signer};
use crate::rotate::types::{Binding, Chooser, Identity, Outcome, Probe, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// The driver.
#[derive(Debug)]
pub struct Saas {
    name: String,
    api: Api,
    kind: &'static Kind,
    propagation: u64,
}

/// What a probe was answered.
struct Answer {
    probe: Probe,
    json: Value,
}

impl Saas {
    /// The driver of a target.
    ///
    /// # Errors
    /// When there is no such kind, something is left out, or the operator's credential cannot be had.
    pub fn new(target: &SaasTarget, folder: &Path) -> Result<Self> {
        data::kinds().map_err(Error::Usage)?;
        let kind = data::kind(&target.provider)
            .ok_or_else(|| Error::Usage(format!("target `{}`: there is no kind `{}`", target.name, target.provider)))?;
        let propagation = target.propagation_seconds.unwrap_or(kind.propagation);
        Ok(Self { name: target.name.clone(), api: Api::new(target, kind, folder)?, kind, propagation })
    }

    fn names<'n>(
        &'n self,
        by: By,
        signer: Option<&'n Secret>,
        material: &'n Material,
        subject: Option<&Subject<'n>>,
        id: Option<&'n str>,
    ) -> Result<Names<'n>, Trouble> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        let token = self.api.token(by, signer).map_err(Trouble::Refused)?;
        Ok(Names {
            token,
            material,
            id,
            run: subject.map_or("", |subject| subject.run),
            parameters: &self.api.parameters,
            facts: subject.map_or(&NONE, |subject| &subject.identity.facts),
        })
    }

    /// Asks about a value.
    fn ask(&self, material: &Material) -> Result<Answer, Trouble> {
        let probe = self.kind.probe.as_ref();
        let probe = probe.ok_or_else(|| Trouble::Refused(format!("no call tells whether a {} lives", self.kind.id)))?;
        let names = self.names(probe.signer, material.get("value"), material, None, None)?;
        let sent =
            Sent { call: &probe.call, headers: &probe.headers, body: probe.body.as_ref(), form: probe.form.as_ref() };
        let answer = self.api.read(&sent, probe.signer, &names)?;
        let json = answer.json();
        let note = format!("status {}{}", answer.status, said(json.as_ref()));
        let unknown = |why: &str| Probe::Unknown(format!("{note}{why}"));
        let found = match &json {
            Some(json) if probe.live.contains(&answer.status) && holds(json, &probe.live_if) => Probe::Live(note),
            Some(json) if probe.dead.contains(&answer.status) && holds(json, &probe.dead_if) => Probe::Dead(note),
            None if probe.dead.contains(&answer.status)
                && probe.dead_text.as_ref().is_some_and(|text| answer.text().contains(text)) =>
            {
                Probe::Dead(note)
            }
            Some(_) => unknown(": that says neither live nor dead"),
            None => unknown(": the answer is none of the vendor's"),
        };
        Ok(Answer { probe: found, json: json.unwrap_or_default() })
    }

    /// The object's id, and how it belongs to the value; none where it is not proven.
    fn id(&self, material: &Material, answer: &Value) -> Result<(Option<String>, Binding), Trouble> {
        let text = |id: Option<String>, binding| match id.filter(|id| !id.is_empty()) {
            Some(id) => (Some(id), binding),
            None => (None, Binding::Ambiguous),
        };
        Ok(match &self.kind.id_from {
            None => (None, Binding::SelfEndpoint),
            Some(IdFrom::Probe(pointer)) => text(answer.pointer(pointer).map(plain), Binding::SelfEndpoint),
            Some(IdFrom::Value { split, at }) => {
                let piece = material.text("value").and_then(|value| value.split(split.as_str()).nth(*at));
                text(piece.map(str::to_owned), Binding::IdInSecret)
            }
            Some(IdFrom::Part(names)) => {
                text(names.iter().find_map(|name| material.text(name)).map(str::to_owned), Binding::IdInSecret)
            }
            Some(IdFrom::List { call, signer, items, value, id }) => {
                let none = BTreeMap::new();
                let names = self.names(*signer, material.get("value"), material, None, None)?;
                let sent = Sent { call, headers: &none, body: None, form: None };
                let found = self.items(&sent, *signer, &names, items)?;
                let leaked = material.text("value").unwrap_or_default();
                let same = |item: &&Value| item.pointer(value).and_then(Value::as_str) == Some(leaked);
                let mut same = found.iter().filter(same);
                match (same.next(), same.next()) {
                    (Some(item), None) => text(item.pointer(id).map(plain), Binding::ExactMatch),
                    _ => (None, Binding::Ambiguous),
                }
            }
        })
    }

    fn items(&self, sent: &Sent<'_>, by: By, names: &Names<'_>, pointer: &str) -> Result<Vec<Value>, Trouble> {
        let answer = self.api.read(sent, by, names)?;
        let json = answer.json();
        let note = format!("{}: status {}{}", sent.call, answer.status, said(json.as_ref()));
        match answer.status {
            200 => {
                let list = json.as_ref().and_then(|json| json.pointer(pointer)).and_then(Value::as_array).cloned();
                list.ok_or_else(|| Trouble::Unreachable(format!("{note}: the answer holds no list")))
            }
            401 | 403 | 404 => Err(Trouble::Refused(note)),
            _ => Err(Trouble::Unreachable(note)),
        }
    }

    fn signer<'s>(subject: &Subject<'s>) -> Option<&'s Secret> {
        let material = match subject.signer {
            Signer::New => subject.new.unwrap_or(subject.old),
            Signer::Old | Signer::Admin => subject.old,
        };
        material.get("value")
    }

    /// The id of what this run made; `None` when it made nothing.
    fn made(&self, list: &List, subject: &Subject<'_>) -> Result<Option<String>, Trouble> {
        let names = self.names(list.signer, Self::signer(subject), subject.old, Some(subject), None)?;
        let sent = Sent { call: &list.call, headers: &list.headers, body: None, form: None };
        let found = self.items(&sent, list.signer, &names, &list.items)?;
        let tagged = |item: &&Value| {
            item.pointer(&list.tag).and_then(Value::as_str).is_some_and(|name| name.contains(subject.run))
        };
        match found.iter().find(tagged).and_then(|item| item.pointer(&list.id)) {
            Some(id) => Ok(Some(plain(id))),
            None if found.len() >= list.most => Err(Trouble::Unreachable(format!(
                "{}: {} are listed and there may be more: nobody can say",
                list.call,
                found.len()
            ))),
            None => Ok(None),
        }
    }

    fn change(&self, change: &Change, subject: &Subject<'_>, id: Option<&str>) -> (Report, Option<Value>) {
        match self.names(change.signer, Self::signer(subject), subject.old, Some(subject), id) {
            Ok(names) => self.api.change(change, &names),
            Err(trouble) => (trouble.report(), None),
        }
    }

    fn issue(&self, subject: &Subject<'_>) -> Acted {
        let Some(change) = &self.kind.issue else { return Report::refused("no call makes a new one").into() };
        let (report, answer) = self.change(change, subject, object(subject.identity));
        if report.outcome != Outcome::Done {
            return report.into();
        }
        let answer = answer.unwrap_or_default();
        let text = |pointer: &Option<String>| {
            pointer.as_ref().and_then(|pointer| answer.pointer(pointer)).map(plain).filter(|text| !text.is_empty())
        };
        let Some(value) = text(&change.value).map(zeroize::Zeroizing::new) else {
            return Report::unknown("the answer holds no new value").into();
        };
        // What stands beside the value (a user's name) stays; the id is the new one's.
        let mut new = Material::of(value.as_bytes());
        for (name, part) in subject.old.parts().filter(|(name, _)| !["value", "id"].contains(name)) {
            new = new.with(name, part.expose());
        }
        let mut report = Report::done("a new one is made");
        if let Some(id) = text(&change.id) {
            new = new.with("id", id.as_bytes());
            report = report.fact("id", id);
        }
        Acted { report, new: Some(new) }
    }
}

/// What stands in an identity's id for an object of the vendor's.
fn object(identity: &Identity) -> Option<&str> {
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
            chooser: Chooser::Issuer,
            issue: issue.unwrap_or(match kind.strategy {
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

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        let answer = self.ask(old)?;
        let live = match &answer.probe {
            Probe::Live(_) => true,
            Probe::Dead(_) => false,
            Probe::Unknown(note) => return Err(Trouble::Unreachable(note.clone())),
        };
        let (id, binding) = match live && self.kind.id_from.is_some() {
            true => self.id(old, &answer.json)?,
            // A dead one is not changed, so nothing needs to be bound.
            false => (None, Binding::SelfEndpoint),
        };
        let probe = self.kind.probe.as_ref();
        let names = self.names(By::Nobody, None, old, None, None)?;
        let owner = match probe.map(|probe| pointed(&probe.owner, &answer.json, &names)) {
            Some(owner) if live && !owner.is_empty() => owner,
            _ => "unknown".to_owned(),
        };
        let mut facts = BTreeMap::new();
        if let Some(probe) = probe.filter(|_| live) {
            for (name, pointer) in &probe.facts {
                if let Some(value) = answer.json.pointer(pointer).filter(|value| !value.is_null()) {
                    facts.insert(name.clone(), plain(value));
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
            Some(list) => match self.made(list, subject) {
                Ok(None) => Report::done("what is made can be listed"),
                Ok(Some(_)) => Report::refused("this run made one already"),
                Err(trouble) => trouble.report(),
            },
            None => Report::done("nothing speaks against it"),
        }
    }

    fn choose(&self, _: &Subject<'_>) -> Result<Material, Trouble> {
        Err(Trouble::Refused("the vendor chooses".to_owned()))
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
