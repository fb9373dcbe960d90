//! The HTTP interface of Vault and OpenBao, as far as drivers and destinations need it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::vault_static::StaticRole;
use crate::error::Result;
use crate::rotate::http::{Client, NoAnswer, Request, Response};
use crate::rotate::net::Reach;
use crate::rotate::policy::Reference;
use crate::rotate::types::{Report, Trouble};
use crate::secret::Secret;

/// `kind = "vault"`: a server, for its tokens and AppRole secret ids, and for destinations in its stores.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VaultTarget {
    /// Its name.
    pub name: String,
    /// The environment it belongs to.
    pub environment: String,
    /// Rules whose findings may belong to it; those of tokens unless said.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Where it is: `https://vault.example.com:8200`.
    pub address: String,
    /// Namespace, where the server has them.
    pub namespace: Option<String>,
    /// The token that may issue and revoke.
    pub admin_token: Reference,
    /// Certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// Whether the server may be at a private address.
    #[serde(default)]
    pub private_address: bool,
    /// Whether it may be spoken to without TLS.
    #[serde(default)]
    pub plain_http: bool,
    /// Its findings are secret ids of this AppRole, not tokens.
    pub app_role: Option<AppRole>,
    /// Its findings are passwords of this database role, not tokens.
    pub static_role: Option<StaticRole>,
}

/// An AppRole.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AppRole {
    /// Its name.
    pub role: String,
    /// Its role id (no secret).
    pub role_id: String,
    /// Where the method is mounted.
    #[serde(default = "approle")]
    pub mount: String,
}

fn approle() -> String {
    "approle".to_owned()
}

/// A server, and the admin's token.
#[derive(Debug)]
pub struct Api {
    client: Client,
    address: String,
    namespace: Option<String>,
    /// The admin's token.
    pub token: Secret,
}

impl Api {
    /// The server of a target.
    ///
    /// # Errors
    /// When the admin's token cannot be had.
    pub fn new(target: &VaultTarget, folder: &Path) -> Result<Self> {
        let ca_file = target.ca_file.as_ref().map(|path| folder.join(path));
        let reach = Reach::new(target.private_address, ca_file);
        let client = Client::new(&reach, target.plain_http)
            .map_err(|trouble| crate::error::Error::Usage(format!("target `{}`: {trouble}", target.name)))?;
        Ok(Self {
            client,
            address: target.address.trim_end_matches('/').to_owned(),
            namespace: target.namespace.clone(),
            token: target.admin_token.read(folder)?,
        })
    }

    /// A call as `token`; without one, as nobody.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn call(
        &self,
        method: &'static str,
        path: &str,
        token: Option<&Secret>,
        body: Option<&Value>,
    ) -> Result<Response, NoAnswer> {
        let mut request = Request::new(method, format!("{}/v1/{path}", self.address)).header("x-vault-request", "true");
        if let Some(token) = token {
            request = request.header("x-vault-token", token.expose());
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.client.send(&request)
    }

    /// Reads as the admin; `None` where there is nothing (404, 204, or an empty answer).
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Option<Value>, Trouble> {
        let answer = self.call(method, path, Some(&self.token), body).map_err(NoAnswer::trouble)?;
        match answer.status {
            200 => match answer.json() {
                Some(value) => Ok(Some(value)),
                None => Err(Trouble::Unreachable("the answer is no JSON".to_owned())),
            },
            204 | 404 => Ok(None),
            403 => Err(Trouble::Refused(format!("{path}: the admin token may not: {}", errors(&answer)))),
            status => Err(Trouble::Unreachable(format!("{path}: status {status}: {}", errors(&answer)))),
        }
    }

    /// Changes something as the admin; the answer comes with a report that says Done.
    pub fn change(&self, method: &'static str, path: &str, body: Option<&Value>) -> (Report, Option<Value>) {
        match self.call(method, path, Some(&self.token), body) {
            Ok(answer) => (changed(path, &answer), answer.json()),
            Err(no_answer) => (no_answer.report(), None),
        }
    }
}

/// What a status says about a change.
fn changed(path: &str, answer: &Response) -> Report {
    let note = format!("{path}: status {}: {}", answer.status, errors(answer));
    match answer.status {
        200 | 204 => Report::done(format!("{path}: done")),
        429 => {
            let wait = answer.retry_after();
            let report = Report::later(note);
            wait.map_or(report.clone(), |wait| report.fact("retry-after", wait.to_string()))
        }
        400..=499 => Report::refused(note),
        _ => Report::unknown(note),
    }
}

/// The messages of an error answer.
pub fn errors(answer: &Response) -> String {
    let json = answer.json();
    let list = json.as_ref().and_then(|json| json["errors"].as_array());
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.collect::<Vec<_>>().join("; ").chars().take(300).collect()
}

/// Whether an answer is the server's own "no", not a page of somebody in between.
pub fn says_no(answer: &Response, status: u16) -> bool {
    answer.status == status && answer.json().is_some_and(|json| json["errors"].is_array())
}

/// A text of an answer.
pub fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}
