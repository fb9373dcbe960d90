//! Credentials of vendors' services over HTTP: one driver that does what the data of `providers/*.toml` says.

mod api;
pub mod data;
mod google;
mod judge;
mod pair;
mod provider;
pub(in crate::rotate) mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

pub use self::api::SaasTarget;
use self::api::{Api, Sent, said};
use self::data::{By, Change, IdFrom, Kind, List};
use self::provider::object;
use self::template::{Names, plain};

use super::{Acted, Subject};
use crate::error::{Error, Result};
use crate::rotate::escrow::Material;
use crate::rotate::run::course::Signer;
use crate::rotate::types::{Binding, Outcome, Probe, Report, Trouble};
use crate::secret::Secret;

/// The driver.
#[derive(Debug)]
pub struct Saas {
    name: String,
    api: Api,
    kind: &'static Kind,
    propagation: u64,
    /// For key pairs.
    login: Option<pair::Login>,
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
        let login = kind.pair.as_ref().map(|pair| pair::Login::new(target, pair, folder)).transpose()?;
        Ok(Self { name: target.name.clone(), api: Api::new(target, kind, folder)?, kind, propagation, login })
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
        if let Some(login) = &self.login {
            return Ok(Answer { probe: login.probe(material), json: Value::Null });
        }
        let probe = self.kind.probe.as_ref();
        let probe = probe.ok_or_else(|| Trouble::Refused(format!("no call tells whether a {} lives", self.kind.id)))?;
        let names = self.names(probe.signer, material.get("value"), material, None, None)?;
        let sent =
            Sent { call: &probe.call, headers: &probe.headers, body: probe.body.as_ref(), form: probe.form.as_ref() };
        let answer = self.api.read(&sent, probe.signer, &names)?;
        let json = answer.json();
        let found = judge::judge(probe, &answer, json.as_ref(), material);
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
            Some(IdFrom::Public { call, value }) => {
                let names = self.names(By::Admin, None, material, None, None)?;
                let sent = Sent { call, headers: &BTreeMap::new(), body: None, form: None };
                let answer = self.api.read(&sent, By::Admin, &names)?;
                let json = answer.json().filter(|_| answer.status == 200).unwrap_or_default();
                let public = json.pointer(value).and_then(Value::as_str).unwrap_or_default();
                match google::fits(material, public) {
                    true => text(material.text("id").map(str::to_owned), Binding::ExactMatch),
                    false => (None, Binding::Ambiguous),
                }
            }
            Some(IdFrom::Lookup { call, id, within }) => {
                let names = self.names(By::Admin, None, material, None, None)?;
                let sent = Sent { call, headers: &BTreeMap::new(), body: None, form: None };
                let answer = self.api.read(&sent, By::Admin, &names)?;
                let json = answer.json().filter(|_| answer.status == 200).unwrap_or_default();
                let within = template::render(within, &names, false).map_err(Trouble::Refused)?;
                let name = json.pointer(id).and_then(Value::as_str).unwrap_or_default();
                let rest = name.strip_prefix(&*String::from_utf8_lossy(&within)).filter(|rest| !rest.contains('/'));
                text(rest.map(str::to_owned), Binding::ExactMatch)
            }
            Some(IdFrom::List { call, signer, items, value, id }) => {
                let none = BTreeMap::new();
                let names = self.names(*signer, material.get("value"), material, None, None)?;
                let sent = Sent { call, headers: &none, body: None, form: None };
                let found = self.items(&sent, *signer, &names, items)?;
                let leaked = material.get("value").map(Secret::expose).unwrap_or_default();
                let same =
                    |item: &&Value| item.pointer(value).and_then(Value::as_str).map(str::as_bytes) == Some(leaked);
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

    /// The ids of a list, each with whether it carries the run's name.
    fn listed(&self, list: &List, subject: &Subject<'_>) -> Result<Vec<(String, bool)>, Trouble> {
        let names = self.names(list.signer, Self::signer(subject), subject.old, Some(subject), None)?;
        let sent = Sent { call: &list.call, headers: &list.headers, body: None, form: None };
        let found = self.items(&sent, list.signer, &names, &list.items)?;
        if found.len() >= list.most {
            return Err(Trouble::Unreachable(format!(
                "{}: {} are listed and there may be more: nobody can say",
                list.call,
                found.len()
            )));
        }
        let tagged = |item: &Value| {
            let tag = list.tag.as_ref().and_then(|tag| item.pointer(tag)?.as_str());
            tag.is_some_and(|name| name.contains(subject.run))
        };
        let id = |item: &Value| {
            let id = item.pointer(&list.id).map(plain)?;
            Some(if list.last { id.rsplit('/').next().unwrap_or_default().to_owned() } else { id })
        };
        Ok(found.iter().filter_map(|item| Some((id(item)?, tagged(item)))).collect())
    }

    /// The id of what this run made; `None` when it made nothing.
    fn made(&self, list: &List, subject: &Subject<'_>) -> Result<Option<String>, Trouble> {
        let found = self.listed(list, subject)?;
        if list.tag.is_some() {
            return Ok(found.into_iter().find(|(_, tagged)| *tagged).map(|(id, _)| id));
        }
        // Nothing carries a name: what was not there when the run began is the run's, if it is one.
        let before = subject.facts.get("listed").map(String::as_str).unwrap_or_default();
        let known = |id: &str| before.split(',').any(|known| known == id) || object(subject.identity) == Some(id);
        let mut new = found.into_iter().map(|(id, _)| id).filter(|id| !known(id));
        match (new.next(), new.next()) {
            (Some(id), None) => Ok(Some(id)),
            (None, _) => Ok(None),
            _ => {
                Err(Trouble::Unreachable(format!("{}: several are new: nobody can say which is the run's", list.call)))
            }
        }
    }

    /// The value that the list of `id-from` shows under the old one's id.
    fn shown(&self, subject: &Subject<'_>) -> Result<Secret, Trouble> {
        let Some(IdFrom::List { call, signer, items, value, id }) = &self.kind.id_from else {
            return Err(Trouble::Refused("nothing shows values".to_owned()));
        };
        let names = self.names(*signer, None, subject.old, Some(subject), None)?;
        let sent = Sent { call, headers: &BTreeMap::new(), body: None, form: None };
        let found = self.items(&sent, *signer, &names, items)?;
        let wanted = object(subject.identity);
        let mut same = found.iter().filter(|item| item.pointer(id).map(plain).as_deref() == wanted);
        let shown = same.next().and_then(|item| item.pointer(value)?.as_str());
        shown
            .map(|text| Secret::new(text.as_bytes()))
            .ok_or_else(|| Trouble::Refused(format!("{call} does not show it")))
    }

    /// Makes a new one where it can be read again at any time.
    fn issue_shown(&self, change: &Change, subject: &Subject<'_>) -> Acted {
        let old = subject.old.get("value");
        let new = |value: &Secret| Some(subject.old.clone().with("value", value.expose()));
        match self.shown(subject) {
            // An earlier call whose answer was lost did it.
            Ok(value) if Some(&value) != old => {
                return Acted { report: Report::done("it was changed already"), new: new(&value) };
            }
            Ok(_) => {}
            Err(trouble) => return trouble.report().into(),
        }
        let (report, _) = self.change(change, subject, object(subject.identity));
        if report.outcome != Outcome::Done {
            return report.into();
        }
        match self.shown(subject) {
            Ok(value) if Some(&value) != old => Acted { report: Report::done("a new one is made"), new: new(&value) },
            Ok(_) => Report::unknown("the vendor says that it made one, and shows the old one").into(),
            Err(trouble) => Report::unknown(trouble.to_string()).into(),
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
        if self.login.is_some() {
            return self.issue_pair(change, subject);
        }
        if self.kind.shown {
            return self.issue_shown(change, subject);
        }
        let (report, answer) = self.change(change, subject, object(subject.identity));
        if report.outcome != Outcome::Done {
            return report.into();
        }
        let mut answer = answer.unwrap_or_default();
        if let Some(pointer) = &change.file {
            answer = answer.pointer(pointer).and_then(Value::as_str).and_then(google::unpacked).unwrap_or_default();
        }
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
        if let Some(file) = answer.get("file").and_then(Value::as_str).filter(|_| change.file.is_some()) {
            new = new.with("file", file.as_bytes());
        }
        let mut report = Report::done("a new one is made");
        if let Some(id) = text(&change.id) {
            new = new.with("id", id.as_bytes());
            report = report.fact("id", id);
        }
        Acted { report, new: Some(new) }
    }
}
