//! Secrets and variables of vendors' services as destinations: one driver that does what `providers/destinations.toml` says.
//!
//! Where a value cannot be read, it counts as there when this process wrote it and the service says that it changed since.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dryoc::dryocbox::{DryocBox, PublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::store::{Also, Store, store};
use super::{Destination, Values};
use crate::clock;
use crate::error::{Error, Result};
use crate::rotate::escrow::Material;
use crate::rotate::http::{Client, NoAnswer, Request, Response};
use crate::rotate::net::Reach;
use crate::rotate::policy::Reference;
use crate::rotate::providers::saas::template::{self, Names};
use crate::rotate::types::{Report, Trouble};
use crate::secret::Secret;

/// `at.service`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServicePolicy {
    /// The store, by its name in docs/providers.md.
    pub provider: String,
    /// Where it is, unless at the vendor's own host.
    pub address: Option<String>,
    /// What the store needs to know.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The operator's token.
    pub token: Reference,
    /// Certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// Whether it may be at a private address.
    #[serde(default)]
    pub private_address: bool,
    /// Whether it may be spoken to without TLS.
    #[serde(default)]
    pub plain_http: bool,
}

/// The driver.
#[derive(Debug)]
pub struct Service {
    client: Client,
    address: String,
    store: &'static Store,
    parameters: BTreeMap<String, String>,
    token: Secret,
    /// Names that this process wrote, and when the service said they changed before.
    written: RefCell<BTreeMap<String, Option<String>>>,
}

impl Service {
    /// The driver of a policy's entry.
    ///
    /// # Errors
    /// When there is no such store, something is left out, or the token cannot be had.
    pub fn new(policy: &ServicePolicy, folder: &Path) -> Result<Self> {
        let fail = |message: String| Error::Usage(format!("destination store `{}`: {message}", policy.provider));
        let store = store(&policy.provider).ok_or_else(|| fail("there is none of this name".to_owned()))?;
        let address = policy.address.as_ref().or(store.host.as_ref());
        let address = address.ok_or_else(|| fail("it needs an `address`".to_owned()))?;
        if let Some(missing) = store.needs.iter().find(|name| !policy.parameters.contains_key(*name)) {
            return Err(fail(format!("it needs `{missing}` in `parameters`")));
        }
        let ca_file = policy.ca_file.as_ref().map(|path| folder.join(path));
        let client = Client::new(&Reach::new(policy.private_address, ca_file), policy.plain_http)
            .map_err(|trouble| fail(trouble.to_string()))?;
        Ok(Self {
            client,
            address: address.trim_end_matches('/').to_owned(),
            store,
            parameters: policy.parameters.clone(),
            token: policy.token.read(folder)?,
            written: RefCell::default(),
        })
    }

    fn names<'n>(&'n self, parts: &'n Material, facts: &'n BTreeMap<String, String>) -> Names<'n> {
        Names { token: Some(&self.token), material: parts, id: None, run: "", parameters: &self.parameters, facts }
    }

    fn request(&self, call: &str, names: &Names<'_>) -> Result<Request, Trouble> {
        let refuse = |why: String| Trouble::Refused(why);
        let (method, path) = call.split_once(' ').unwrap_or(("GET", call));
        let method = ["GET", "POST", "PUT", "PATCH"].into_iter().find(|known| *known == method).unwrap_or("GET");
        let path = template::render(path, names, true).map_err(refuse)?;
        let mut request = Request::new(method, format!("{}{}", self.address, String::from_utf8_lossy(&path)));
        request = request.header("accept", "application/json");
        for (name, value) in &self.store.headers {
            request = request.header(name, &*template::header(value, names).map_err(refuse)?);
        }
        Ok(request)
    }

    fn read(&self, call: &str, parts: &Material) -> Result<Value, Trouble> {
        let none = BTreeMap::new();
        let answer = self.client.send(&self.request(call, &self.names(parts, &none))?).map_err(NoAnswer::trouble)?;
        match (answer.status, answer.json()) {
            (200, Some(json)) => Ok(json),
            (status @ (401 | 403 | 404), _) => Err(Trouble::Refused(format!("{call}: status {status}"))),
            (status, _) => Err(Trouble::Unreachable(format!("{call}: status {status}"))),
        }
    }

    /// How a name stands, and its value where it can be read.
    fn stand(&self, key: &str) -> Result<(Value, Option<Secret>), Trouble> {
        let parts = Material::default().with("key", key.as_bytes());
        let state = self.read(&self.store.state.call, &parts)?;
        let at = |pointer: &str| pointer.replace("{key}", &key.replace('~', "~0").replace('/', "~1"));
        let there = self.store.state.has.as_ref().is_none_or(|pointer| state.pointer(&at(pointer)).is_some());
        let named = self.store.state.named.as_ref().and_then(|pointer| state.pointer(pointer)?.as_str());
        if !there || named.is_some_and(|named| named != key) {
            return Err(Trouble::Refused(format!("`{key}` is not there")));
        }
        let Some(pointer) = &self.store.state.value else { return Ok((state, None)) };
        let pointer = at(pointer);
        let text = state.pointer(&pointer).and_then(Value::as_str);
        let text = text.ok_or_else(|| Trouble::Refused(format!("`{key}` is not there, or it is hidden")))?;
        let value = match self.store.state.base64 {
            true => Secret::new(&Zeroizing::new(
                STANDARD.decode(text).map_err(|_| Trouble::Refused(format!("`{key}` is no base64")))?,
            )),
            false => Secret::new(text.as_bytes()),
        };
        Ok((state, Some(value)))
    }

    /// What the call that writes fills in: the value in the forms that stores want, and what must stay.
    fn parts(&self, key: &str, value: &Secret, state: &Value) -> Result<(Material, BTreeMap<String, String>), Trouble> {
        let encoded = Zeroizing::new(STANDARD.encode(value.expose()));
        let mut parts = Material::of(value.expose()).with("key", key.as_bytes()).with("value64", encoded.as_bytes());
        if let Some(seal) = &self.store.seal {
            let answer = self.read(&seal.call, &parts)?;
            let text = |pointer: &str| answer.pointer(pointer).map(template::plain).unwrap_or_default();
            parts = parts.with("sealed", sealed(value, &text(&seal.key))?.as_bytes());
            parts = parts.with("key-id", text(&seal.id).as_bytes());
        }
        let keep = self.store.state.keep.iter();
        let facts = keep.filter_map(|(name, pointer)| Some((name.clone(), template::plain(state.pointer(pointer)?))));
        Ok((parts, facts.collect()))
    }

    fn put(&self, key: &str, value: &Secret, state: &Value) -> Result<Response, NoAnswer> {
        let (parts, facts) = self.parts(key, value, state).map_err(NoAnswer::NotSent)?;
        let names = self.names(&parts, &facts);
        let refuse = |why: String| NoAnswer::NotSent(Trouble::Refused(why));
        let mut sent = template::body(&self.store.write.body, &names).map_err(refuse)?;
        named(&mut sent, key);
        let mut body = Value::Object(Map::new());
        for name in &self.store.state.copy {
            if let Some(field) = state.get(name).filter(|field| !field.is_null()) {
                body[name.as_str()] = field.clone();
            }
        }
        merge(&mut body, sent);
        if let Some(lifetime) = &self.store.lifetime
            && let Some(runs_out) = lifetime.again(state, clock::epoch_seconds(SystemTime::now()))
        {
            merge(&mut body, runs_out);
        }
        if let Some(also) = &self.store.also
            && also.when.iter().all(|(at, values)| state.pointer(at).is_some_and(|found| values.contains(found)))
        {
            body[also.name.as_str()] = self.list(also, &parts).map_err(NoAnswer::NotSent)?;
        }
        let request = self.request(&self.store.write.call, &names).map_err(NoAnswer::NotSent)?;
        let media = self.store.write.media.as_deref().unwrap_or("application/json");
        let text = Zeroizing::new(body.to_string());
        self.client.send(&request.body(media, text.as_bytes()))
    }

    fn list(&self, also: &Also, parts: &Material) -> Result<Value, Trouble> {
        let answer = self.read(&also.call, parts)?;
        let items = answer.pointer(&also.items).and_then(Value::as_array).cloned().unwrap_or_default();
        let ids: Vec<Value> = items.iter().filter_map(|item| item.pointer(&also.id)).cloned().collect();
        match answer.pointer(&also.total).and_then(Value::as_u64) {
            Some(total) if total == ids.len() as u64 => Ok(ids.into()),
            _ => Err(Trouble::Refused(format!("{}: not all of the list can be seen, so it cannot be kept", also.call))),
        }
    }

    fn write_one(&self, key: &str, to: &Secret, from: &Secret) -> Report {
        let (state, value) = match self.stand(key) {
            Ok(found) => found,
            Err(trouble) => return trouble.report(),
        };
        match &value {
            Some(value) if value == to => return Report::done("it holds it already"),
            Some(value) if value != from => return Report::refused(format!("`{key}` holds neither value")),
            _ => {}
        }
        let answer = match self.put(key, to, &state) {
            Ok(answer) => answer,
            Err(no_answer) => return no_answer.report(),
        };
        let write = &self.store.write;
        let note = format!("{}: status {}", write.call, answer.status);
        match answer.status {
            status if write.done.contains(&status) => {
                self.written.borrow_mut().insert(key.to_owned(), self.updated(&state));
                Report::done(note)
            }
            status if write.later.contains(&status) => Report::later(format!("{note}: somebody wrote in between")),
            429 => match answer.retry_after() {
                Some(wait) => Report::later(note).fact("retry-after", wait.to_string()),
                None => Report::later(note),
            },
            400..=499 => Report::refused(note),
            _ => Report::unknown(note),
        }
    }

    fn updated(&self, state: &Value) -> Option<String> {
        state.pointer(self.store.state.updated.as_ref()?).map(template::plain)
    }
}

/// A value sealed for a public key in base64, in base64.
fn sealed(value: &Secret, key: &str) -> Result<String, Trouble> {
    let refuse = || Trouble::Refused("the store's public key is none".to_owned());
    let key = STANDARD.decode(key).map_err(|_| refuse())?;
    let key = PublicKey::try_from(key.as_slice()).map_err(|_| refuse())?;
    let sealed = DryocBox::seal_to_vecbox(value.expose(), &key)
        .map_err(|_| Trouble::Refused("the value cannot be sealed".to_owned()))?;
    Ok(STANDARD.encode(sealed.to_vec()))
}

/// Puts `from` over `into`, field by field.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in new {
                merge(old.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// A body with the key's name where a field is called `{key}`.
fn named(body: &mut Value, key: &str) {
    if let Value::Object(fields) = body {
        let old = std::mem::take(fields);
        let renamed: Map<String, Value> = old
            .into_iter()
            .map(|(name, mut value)| {
                named(&mut value, key);
                (if name == "{key}" { key.to_owned() } else { name }, value)
            })
            .collect();
        *fields = renamed;
    }
}

impl Destination for Service {
    fn place(&self) -> String {
        let parameters: Vec<&str> =
            self.store.needs.iter().filter_map(|name| self.parameters.get(name)).map(String::as_str).collect();
        format!("{} {}", self.store.id, parameters.join("/"))
    }

    fn readable(&self) -> bool {
        self.store.state.value.is_some()
    }

    fn check(&self, old: &Values) -> Report {
        for (key, value) in old {
            match self.stand(key) {
                Ok((_, Some(found))) if found != *value => {
                    return Report::refused(format!("`{key}` does not hold the leaked value"));
                }
                Ok(_) => {}
                Err(trouble) => return trouble.report(),
            }
            // That it can be written is not known before; that values can be sealed for it is.
            if let Some(seal) = &self.store.seal
                && let Err(trouble) = self.read(&seal.call, &Material::default())
            {
                return trouble.report();
            }
        }
        match self.readable() {
            true => Report::done(format!("it holds the old value{}", self.store.remark)),
            false => Report::done("it is there; what it holds cannot be read"),
        }
    }

    fn write(&self, from: &Values, to: &Values) -> Report {
        for (key, value) in to {
            let Some(old) = from.get(key) else { return Report::refused(format!("`{key}` has no old value")) };
            let report = self.write_one(key, value, old);
            if report.outcome != crate::rotate::types::Outcome::Done {
                return report;
            }
        }
        Report::done("written")
    }

    fn shows(&self, name: &str) -> Result<Option<Secret>, String> {
        self.stand(name).map(|(_, value)| value).map_err(|trouble| trouble.to_string())
    }

    fn holds(&self, values: &Values) -> Report {
        let mut unread = BTreeSet::new();
        for (key, value) in values {
            let (state, found) = match self.stand(key) {
                Ok(found) => found,
                Err(trouble) => return Report::unknown(trouble.to_string()),
            };
            match found {
                Some(found) if found == *value => {}
                // What was just written may be seen a little later.
                Some(_) if self.store.state.lags && self.written.borrow().contains_key(key) => {
                    return Report::later(format!("`{key}` does not show it yet"));
                }
                Some(_) => return Report::refused(format!("`{key}` holds something else")),
                None => {
                    // Not written by this process: written once more, which is harmless.
                    let Some(before) = self.written.borrow().get(key).cloned() else {
                        return Report::refused(format!("nobody can say what `{key}` holds"));
                    };
                    if self.updated(&state) == before && before.is_some() {
                        return Report::refused(format!("`{key}` did not change"));
                    }
                    unread.insert(key.as_str());
                }
            }
        }
        match unread.is_empty() {
            true => Report::done("it holds it"),
            false => Report::done("it changed since it was written; what it holds cannot be read"),
        }
    }
}
