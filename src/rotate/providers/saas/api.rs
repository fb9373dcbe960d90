//! The calls of a kind: built from its data, sent to its host, and read with three possible ends.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::data::{By, Change, Kind, Limit};
use super::template::{self, Names};
use crate::error::{Error, Result};
use crate::rotate::http::{Client, NoAnswer, Request, Response};
use crate::rotate::net::Reach;
use crate::rotate::policy::Reference;
use crate::rotate::types::{Report, Trouble};
use crate::secret::Secret;

/// Longest wait for a call's turn or after a 429, while reading, in seconds.
const LONGEST_WAIT: u64 = 60;

/// How often a call that only reads is sent when the vendor says "later".
const READS: u32 = 3;

/// `kind = "saas"`: a vendor's service, by the data of `providers/*.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SaasTarget {
    /// Its name.
    pub name: String,
    /// The environment it belongs to.
    pub environment: String,
    /// The kind of credential, as `keysweep rotate kinds` lists them.
    pub provider: String,
    /// Rules whose findings may belong to it; those of the kind unless said.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Where it is, unless at the vendor's own host: `https://git.example.com`.
    pub address: Option<String>,
    /// What the kind needs to know: organisation, project, account.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The operator's credential, for kinds that cannot turn themselves.
    pub admin: Option<Reference>,
    /// The servers' host keys, for key pairs: no other server is talked to.
    pub known_hosts: Option<PathBuf>,
    /// Where key pairs log in (`host` or `host:port`), unless at the vendor's own host.
    pub ssh_host: Option<String>,
    /// Certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// Whether it may be at a private address.
    #[serde(default)]
    pub private_address: bool,
    /// Whether it may be spoken to without TLS.
    #[serde(default)]
    pub plain_http: bool,
    /// Seconds a change may take until it holds everywhere; the kind's own figure unless said.
    pub propagation_seconds: Option<u64>,
}

/// What a call sends besides its address.
pub(super) struct Sent<'d> {
    pub(super) call: &'d str,
    pub(super) headers: &'d BTreeMap<String, String>,
    pub(super) body: Option<&'d Value>,
    pub(super) form: Option<&'d BTreeMap<String, String>>,
}

impl<'d> From<&'d Change> for Sent<'d> {
    fn from(change: &'d Change) -> Self {
        Self { call: &change.call, headers: &change.headers, body: change.body.as_ref(), form: change.form.as_ref() }
    }
}

/// A vendor's service.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    address: String,
    /// The policy says where the vendor is.
    moved: bool,
    pub(super) kind: &'static Kind,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) admin: Option<Secret>,
    turns: Mutex<VecDeque<Instant>>,
}

impl Api {
    /// # Errors
    /// When the target leaves something out, or the operator's credential cannot be had.
    pub(super) fn new(target: &SaasTarget, kind: &'static Kind, folder: &Path) -> Result<Self> {
        let fail = |message: String| Error::Usage(format!("target `{}`: {message}", target.name));
        let ca_file = target.ca_file.as_ref().map(|path| folder.join(path));
        let client = Client::new(&Reach::new(target.private_address, ca_file), target.plain_http)
            .map_err(|trouble| fail(trouble.to_string()))?;
        let address = target.address.as_ref().or(kind.host.as_ref());
        let address = address.ok_or_else(|| fail(format!("`{}` needs an `address`", kind.id)))?;
        if let Some(missing) = kind.needs.iter().find(|name| !target.parameters.contains_key(*name)) {
            return Err(fail(format!("`{}` needs `{missing}` in `parameters`", kind.id)));
        }
        let admin = target.admin.as_ref().map(|admin| admin.read(folder)).transpose()?;
        Ok(Self {
            client,
            address: address.trim_end_matches('/').to_owned(),
            moved: target.address.is_some(),
            kind,
            parameters: target.parameters.clone(),
            admin,
            turns: Mutex::default(),
        })
    }

    /// Who signs, of these two.
    ///
    /// # Errors
    /// When the call needs the operator's credential and the target has none.
    pub(super) fn token<'t>(&'t self, by: By, leaked: Option<&'t Secret>) -> Result<Option<&'t Secret>, String> {
        match by {
            By::Nobody => Ok(None),
            By::Leaked => leaked.map(Some).ok_or_else(|| "there is no value".to_owned()),
            By::Own if self.admin.is_none() => leaked.map(Some).ok_or_else(|| "there is no value".to_owned()),
            By::Own | By::Admin => {
                let admin = self.admin.as_ref().map(Some);
                admin.ok_or_else(|| format!("`{}` needs an `admin` credential in the target", self.kind.id))
            }
        }
    }

    fn request(&self, sent: &Sent<'_>, by: By, names: &Names<'_>) -> Result<Request, String> {
        let (method, path) = sent.call.split_once(' ').ok_or("the call has no method")?;
        let method = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|known| *known == method);
        let path = template::render(path, names, true)?;
        let path = std::str::from_utf8(&path).map_err(|_| "the path is no text")?;
        // A call may name another host of the vendor's; where the policy says where the vendor is, that holds for all.
        let elsewhere = path.strip_prefix("https://").and_then(|rest| Some(&rest[rest.find('/')?..]));
        let url = match elsewhere {
            Some(_) if !self.moved => path.to_owned(),
            Some(path) => format!("{}{path}", self.address),
            None => format!("{}{path}", self.address),
        };
        let mut request = Request::new(method.ok_or("the method is none")?, url);
        if !self.kind.headers.contains_key("accept") {
            request = request.header("accept", "application/json");
        }
        let mut headers = self.kind.headers.clone();
        headers.extend(sent.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        for (name, value) in &headers {
            // Nobody's calls go without what would sign them.
            if by == By::Nobody && value.contains("{token}") || value.is_empty() {
                continue;
            }
            request = request.header(name, &*template::header(value, names)?);
        }
        if let Some(body) = sent.body {
            request = request.json(&template::body(body, names)?);
        } else if let Some(form) = sent.form {
            request = request.body("application/x-www-form-urlencoded", template::form(form, names)?.as_bytes());
        }
        Ok(request)
    }

    /// Waits for a turn within the vendor's limit.
    fn turn(&self, limit: Limit) -> Result<(), Trouble> {
        let window = Duration::from_secs(limit.seconds);
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        while turns.front().is_some_and(|first| first.elapsed() >= window) {
            turns.pop_front();
        }
        if turns.len() >= limit.calls.max(1) {
            let wait = turns.front().map_or(Duration::ZERO, |first| window.saturating_sub(first.elapsed()));
            if wait > Duration::from_secs(LONGEST_WAIT) {
                let (calls, seconds) = (limit.calls, limit.seconds);
                return Err(Trouble::Unreachable(format!("the vendor takes {calls} calls in {seconds} s: later")));
            }
            std::thread::sleep(wait);
            turns.pop_front();
        }
        turns.push_back(Instant::now());
        Ok(())
    }

    fn send(&self, sent: &Sent<'_>, by: By, names: &Names<'_>) -> Result<Response, NoAnswer> {
        let request = self.request(sent, by, names).map_err(|why| NoAnswer::NotSent(Trouble::Refused(why)))?;
        if let Some(limit) = self.kind.limit {
            self.turn(limit).map_err(NoAnswer::NotSent)?;
        }
        self.client.send(&request)
    }

    /// A call that only reads; waits where the vendor says "later".
    ///
    /// # Errors
    /// When there is no answer.
    pub(super) fn read(&self, sent: &Sent<'_>, by: By, names: &Names<'_>) -> Result<Response, Trouble> {
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = self.send(sent, by, names).map_err(NoAnswer::trouble)?;
            let wait = answer.retry_after().filter(|wait| *wait <= LONGEST_WAIT && tries < READS);
            match wait {
                Some(wait) if matches!(answer.status, 429 | 503) => std::thread::sleep(Duration::from_secs(wait)),
                _ => return Ok(answer),
            }
        }
    }

    /// A call that changes something, once; the answer comes with a report that says Done.
    pub(super) fn change(&self, change: &Change, names: &Names<'_>) -> (Report, Option<Value>) {
        let answer = match self.send(&change.into(), change.signer, names) {
            Ok(answer) => answer,
            Err(no_answer) => return (no_answer.report(), None),
        };
        let call = change.call.split('?').next().unwrap_or_default();
        let json = answer.json();
        let note = format!("{call}: status {}{}", answer.status, said(json.as_ref()));
        let report = match answer.status {
            status if change.done.contains(&status) => match &json {
                _ if change.done_if.is_empty() => Report::done(note),
                Some(json) if holds(json, &change.done_if) => Report::done(note),
                Some(_) => Report::refused(note),
                None => Report::unknown(format!("{note}: the answer is none of the vendor's")),
            },
            status if change.gone.contains(&status) => Report::done(format!("{note}: it was gone already")),
            429 => {
                let report = Report::later(note);
                answer.retry_after().map_or(report.clone(), |wait| report.fact("retry-after", wait.to_string()))
            }
            400..=499 => Report::refused(note),
            _ => Report::unknown(note),
        };
        (report, json)
    }
}

/// Whether an answer holds one of the values at each pointer.
pub(super) fn holds(answer: &Value, conditions: &BTreeMap<String, Vec<Value>>) -> bool {
    conditions.iter().all(|(pointer, values)| answer.pointer(pointer).is_some_and(|found| values.contains(found)))
}

/// The message of an error answer, short.
pub(super) fn said(answer: Option<&Value>) -> String {
    let found = ["/message", "/error/message", "/error", "/errors/0/message", "/errors/0", "/detail"];
    let text = answer.and_then(|answer| found.iter().find_map(|pointer| answer.pointer(pointer)?.as_str()));
    text.map_or_else(String::new, |text| {
        format!(": {}", text.chars().filter(|c| !c.is_control()).take(160).collect::<String>())
    })
}
