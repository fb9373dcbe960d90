//! Calls to AWS: signed by hand, by the server's clock; answers of the query protocol read without an XML library.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use serde::Deserialize;

use crate::clock;
use crate::error::{Error, Result};
use crate::rotate::http::{Client, NoAnswer, Request, Response};
use crate::rotate::net::Reach;
use crate::rotate::policy::Reference;
use crate::rotate::redact::percent;
use crate::rotate::sigv4::{Scope, Signer, sign};
use crate::rotate::types::Report;
use crate::secret::Secret;

/// `kind = "aws"`: an account, for its users' access keys and for destinations in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AwsTarget {
    /// Its name.
    pub name: String,
    /// The environment it belongs to.
    pub environment: String,
    /// Rules whose findings may belong to it; those of AWS keys unless said.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The region of STS and of destinations.
    #[serde(default = "region")]
    pub region: String,
    /// The admin's access key id; without one a user turns their own key.
    pub admin_key_id: Option<Reference>,
    /// Its secret.
    pub admin_secret_key: Option<Reference>,
    /// Its session token, for temporary keys.
    pub admin_session_token: Option<Reference>,
    /// Another place for all services (an emulator, a private endpoint); AWS's own unless said.
    pub endpoint: Option<String>,
    /// Certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// Whether the endpoint may be at a private address.
    #[serde(default)]
    pub private_address: bool,
    /// Whether the endpoint may be spoken to without TLS.
    #[serde(default)]
    pub plain_http: bool,
    /// Its findings are temporary keys of roles, whose sessions are denied.
    #[serde(default)]
    pub sessions: bool,
    /// Seconds that IAM takes until a change holds everywhere.
    #[serde(default = "propagation")]
    pub propagation_seconds: u64,
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn propagation() -> u64 {
    15
}

/// An account's interface.
#[derive(Debug)]
pub struct Api {
    client: Client,
    endpoint: Option<String>,
    region: String,
    /// The operator's key.
    pub admin: Option<Signer>,
    /// Seconds that the server's clock is ahead.
    offset: AtomicI64,
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The service said no: status, code and message.
    Service(u16, String, String),
    /// There is no answer.
    NoAnswer(NoAnswer),
    /// The answer is not the service's.
    Strange(String),
}

impl Fault {
    /// The service's error code.
    pub fn code(&self) -> &str {
        if let Self::Service(_, code, _) = self { code } else { "" }
    }

    /// As the report of a change.
    pub fn report(&self) -> Report {
        match self {
            Self::Service(429, ..) => Report::later(self.to_string()),
            Self::Service(_, code, _) if code.contains("Throttl") || code == "RequestLimitExceeded" => {
                Report::later(self.to_string())
            }
            Self::Service(400..=499, ..) => Report::refused(self.to_string()),
            Self::Service(..) | Self::Strange(_) => Report::unknown(self.to_string()),
            Self::NoAnswer(no_answer) => no_answer.report(),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(status, code, message) => write!(f, "{status} {code}: {message}"),
            Self::NoAnswer(NoAnswer::NotSent(trouble)) => write!(f, "{trouble}"),
            Self::NoAnswer(NoAnswer::Unknown(note)) | Self::Strange(note) => f.write_str(note),
        }
    }
}

impl Api {
    /// The interface of a target.
    ///
    /// # Errors
    /// When the admin's key cannot be had.
    pub fn new(target: &AwsTarget, folder: &Path) -> Result<Self> {
        let reach = Reach::new(target.private_address, target.ca_file.as_ref().map(|path| folder.join(path)));
        let client = Client::new(&reach, target.plain_http)
            .map_err(|trouble| Error::Usage(format!("target `{}`: {trouble}", target.name)))?;
        let read = |reference: &Option<Reference>| reference.as_ref().map(|found| found.read(folder)).transpose();
        let admin = match (read(&target.admin_key_id)?, read(&target.admin_secret_key)?) {
            (Some(id), Some(secret)) => Some(Signer {
                id: String::from_utf8_lossy(id.expose()).into_owned(),
                secret,
                session: read(&target.admin_session_token)?,
            }),
            (None, None) => None,
            _ => {
                let message =
                    format!("target `{}` needs both `admin-key-id` and `admin-secret-key`, or neither", target.name);
                return Err(Error::Usage(message));
            }
        };
        let endpoint = target.endpoint.as_ref().map(|address| address.trim_end_matches('/').to_owned());
        Ok(Self { client, endpoint, region: target.region.clone(), admin, offset: AtomicI64::new(0) })
    }

    /// Seconds since 1970, by the server's clock as far as it is known.
    pub fn now(&self) -> i64 {
        clock::epoch_seconds(SystemTime::now()) + self.offset.load(Ordering::Relaxed)
    }

    /// A call of the query protocol (IAM, STS); the answer's text comes back.
    ///
    /// # Errors
    /// When the service says no or does not answer.
    pub fn query(&self, service: &str, signer: &Signer, parameters: &[(&str, &str)]) -> Result<String, Fault> {
        let version = if service == "sts" { "2011-06-15" } else { "2010-05-08" };
        let all = [("Version", version)];
        let body: Vec<String> = parameters
            .iter()
            .chain(&all)
            .map(|(name, value)| format!("{name}={}", percent(value.as_bytes())))
            .collect();
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let answer = self.send(service, signer, kind, body.join("&").as_bytes(), None)?;
        let text = answer.text();
        if answer.status == 200 && text.contains("Response") {
            return Ok(text);
        }
        match tag(&text, "Code") {
            Some(code) => Err(Fault::Service(
                answer.status,
                code.to_owned(),
                tag(&text, "Message").unwrap_or_default().to_owned(),
            )),
            None => Err(Fault::Strange(format!("{service}: status {} and no answer of the service's", answer.status))),
        }
    }

    /// A call of the JSON protocol (Secrets Manager, SSM); the answer comes back.
    ///
    /// # Errors
    /// When the service says no or does not answer.
    pub fn json(&self, service: &str, action: &str, body: &serde_json::Value) -> Result<serde_json::Value, Fault> {
        let refused = || Fault::Service(403, "NoAdmin".to_owned(), "the target has no admin key".to_owned());
        let signer = self.admin.as_ref().ok_or_else(refused)?;
        let text = zeroize::Zeroizing::new(body.to_string());
        let answer = self.send(service, signer, "application/x-amz-json-1.1", text.as_bytes(), Some(action))?;
        let strange = || Fault::Strange(format!("{service}: status {} and no JSON", answer.status));
        let value = answer.json().ok_or_else(strange)?;
        if answer.status == 200 {
            return Ok(value);
        }
        let code = value["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned();
        let message = value["message"].as_str().or(value["Message"].as_str()).unwrap_or_default().to_owned();
        Err(Fault::Service(answer.status, code, message))
    }

    fn send(
        &self,
        service: &str,
        signer: &Signer,
        kind: &str,
        body: &[u8],
        action: Option<&str>,
    ) -> Result<Response, Fault> {
        // IAM is one service for all regions.
        let region = if service == "iam" { "us-east-1" } else { &self.region };
        let (url, host) = match &self.endpoint {
            Some(address) => {
                let host = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
                (format!("{address}/"), host.split('/').next().unwrap_or_default().to_owned())
            }
            None if service == "iam" => ("https://iam.amazonaws.com/".to_owned(), "iam.amazonaws.com".to_owned()),
            None => {
                let host = format!("{service}.{region}.amazonaws.com");
                (format!("https://{host}/"), host)
            }
        };
        let mut request = Request::new("POST", url).body(kind, body);
        if let Some(action) = action {
            request = request.header("x-amz-target", action);
        }
        let now = self.now();
        let answer =
            self.client.send(&sign(request, &host, signer, Scope { region, service, now })).map_err(Fault::NoAnswer)?;
        let offset = answer.clock_offset();
        // A minute is within everybody's tolerance, and our own waiting.
        self.offset.store(if offset.abs() > 60 { offset } else { 0 }, Ordering::Relaxed);
        Ok(answer)
    }
}

/// The text of the first element of this name.
pub fn tag<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let start = text.find(&open)? + open.len();
    Some(&text[start..start + text[start..].find(&close)?])
}

/// The texts of all elements of this name.
pub fn tags<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let close = format!("</{name}>");
    text.split(&format!("<{name}>")).skip(1).filter_map(|rest| rest.split(&close).next()).collect()
}

/// A key pair that signs.
pub fn signer(id: &str, secret: &Secret, session: Option<&Secret>) -> Signer {
    Signer { id: id.to_owned(), secret: secret.clone(), session: session.cloned() }
}
