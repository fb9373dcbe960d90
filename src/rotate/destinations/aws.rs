//! Secrets Manager and Systems Manager parameters as destinations.
//!
//! A key's name is a name in the secret's JSON object; the empty name is the whole text. A secret's new version is pending first,
//! read back, and only then the current one; the old one stays as the previous one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{Destination, Values};
use crate::rotate::providers::aws_api::{Api, Fault};
use crate::rotate::providers::random_text;
use crate::rotate::types::Report;
use crate::secret::Secret;

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// `at.secrets-manager` and `at.ssm-parameter`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AwsPolicy {
    /// The target whose account, region and admin key are used.
    pub target: String,
    /// The secret's name or ARN, or the parameter's name.
    pub name: String,
}

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Secrets Manager.
    SecretsManager,
    /// Systems Manager's parameters.
    Ssm,
}

/// The driver.
#[derive(Debug)]
pub struct AwsDestination {
    api: Api,
    name: String,
    service: Service,
}

impl AwsDestination {
    /// The driver of a policy's entry, with its target's account.
    pub fn new(policy: &AwsPolicy, service: Service, api: Api) -> Self {
        Self { api, name: policy.name.clone(), service }
    }

    /// What a secret holds at this stage, and the version's id.
    fn stage(&self, stage: &str) -> Result<(Zeroizing<String>, String), Fault> {
        let body = json!({ "SecretId": self.name, "VersionStage": stage });
        let answer = self.api.json("secretsmanager", "secretsmanager.GetSecretValue", &body)?;
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        match (text("SecretString").map(Zeroizing::new), text("VersionId")) {
            (Some(value), Some(version)) => Ok((value, version)),
            _ => Err(Fault::Strange(format!("{} holds no text", self.name))),
        }
    }

    fn read(&self) -> Result<Zeroizing<String>, Fault> {
        let (answer, pointer) = match self.service {
            Service::SecretsManager => return Ok(self.stage(CURRENT)?.0),
            Service::Ssm => {
                let body = json!({ "Name": self.name, "WithDecryption": true });
                (self.api.json("ssm", "AmazonSSM.GetParameter", &body)?, "/Parameter/Value")
            }
        };
        let text = answer.pointer(pointer).and_then(Value::as_str).map(|text| Zeroizing::new(text.to_owned()));
        text.ok_or_else(|| Fault::Strange(format!("{} holds no text", self.name)))
    }

    fn put(&self, text: &str, to: &Values) -> Report {
        if self.service == Service::SecretsManager {
            return self.put_staged(text, to).unwrap_or_else(|report| report);
        }
        let body = json!({ "Name": self.name, "Value": text, "Type": "SecureString", "Overwrite": true });
        match self.api.json("ssm", "AmazonSSM.PutParameter", &body) {
            Ok(_) => Report::done("written"),
            Err(fault) => fault.report(),
        }
    }

    /// Makes a pending version, reads it back, and makes it the current one if that is still who it was.
    fn put_staged(&self, text: &str, to: &Values) -> Result<Report, Report> {
        let later = |fault: Fault| Report::later(fault.to_string());
        let (_, current) = self.stage(CURRENT).map_err(later)?;
        let pending = match self.stage(PENDING) {
            Ok(found) => Some(found),
            Err(fault) if fault.code().ends_with("ResourceNotFoundException") => None,
            Err(fault) => return Err(later(fault)),
        };
        let version = match pending {
            // An earlier attempt of ours came so far.
            Some((held, version)) if compare(&held, to) => version,
            Some((_, version)) if version != current => {
                return Err(Report::refused(format!(
                    "{}: another rotation of it is under way ({PENDING} is on version {version}): let it end, or take the \
                     label away",
                    self.name
                )));
            }
            _ => {
                // The token becomes the version's id.
                let token = random_text(32).map_err(|trouble| trouble.report())?;
                let body = json!({
                    "SecretId": self.name, "ClientRequestToken": *token, "SecretString": text, "VersionStages": [PENDING],
                });
                let put = self.api.json("secretsmanager", "secretsmanager.PutSecretValue", &body);
                put.map_err(|fault| fault.report())?;
                token.to_string()
            }
        };
        let (held, _) = self.stage(PENDING).map_err(later)?;
        if !compare(&held, to) {
            return Err(Report::refused(format!("{}: the pending version is not what was written", self.name)));
        }
        // Refused when another version became current meanwhile.
        let body = json!({
            "SecretId": self.name, "VersionStage": CURRENT, "MoveToVersionId": version, "RemoveFromVersionId": current,
        });
        let moved = self.api.json("secretsmanager", "secretsmanager.UpdateSecretVersionStage", &body);
        moved.map_err(|fault| fault.report())?;
        // A label that stays on the current version says the same: done.
        let body = json!({ "SecretId": self.name, "VersionStage": PENDING, "RemoveFromVersionId": version });
        let _ = self.api.json("secretsmanager", "secretsmanager.UpdateSecretVersionStage", &body);
        Ok(Report::done("written, read back, and made the current version"))
    }
}

/// Versions of a secret under labels of our own, for the escrow: its readers are those of the secret, and its current version
/// stays what it is.
#[derive(Debug)]
pub struct Versions {
    api: Api,
    name: String,
}

impl Versions {
    /// Those of a policy's entry, with its target's account.
    pub fn new(policy: &AwsPolicy, api: Api) -> Self {
        Self { api, name: policy.name.clone() }
    }

    /// Keeps `plain`; which version it is comes back.
    pub fn keep(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let token = random_text(32).ok()?;
        let text = Zeroizing::new(STANDARD.encode(plain));
        let body = json!({
            "SecretId": self.name, "ClientRequestToken": *token, "SecretString": *text,
            "VersionStages": [format!("keysweep-{}", &token[..8])],
        });
        self.api.json("secretsmanager", "secretsmanager.PutSecretValue", &body).ok()?;
        Some(token.as_bytes().to_vec())
    }

    /// What is kept in this version.
    pub fn get(&self, version: &[u8]) -> Option<Secret> {
        let body = json!({ "SecretId": self.name, "VersionId": std::str::from_utf8(version).ok()? });
        let answer = self.api.json("secretsmanager", "secretsmanager.GetSecretValue", &body).ok()?;
        Some(Secret::new(&Zeroizing::new(STANDARD.decode(answer["SecretString"].as_str()?).ok()?)))
    }

    /// Takes the label away: a version without one is removed by AWS. Whether it is away.
    pub fn forget(&self, version: &[u8]) -> bool {
        let Some((version, label)) = std::str::from_utf8(version).ok().and_then(|id| Some((id, id.get(..8)?))) else {
            return false;
        };
        let label = format!("keysweep-{label}");
        let body = json!({ "SecretId": self.name, "VersionStage": label, "RemoveFromVersionId": version });
        match self.api.json("secretsmanager", "secretsmanager.UpdateSecretVersionStage", &body) {
            Ok(_) => true,
            // It was taken away before.
            Err(fault) => {
                fault.code().ends_with("InvalidParameterException") || fault.code().ends_with("NotFoundException")
            }
        }
    }
}

/// What stands under a name.
fn named(text: &str, name: &str) -> Option<Secret> {
    if name.is_empty() {
        return Some(Secret::new(text.as_bytes()));
    }
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    object.get(name)?.as_str().map(|found| Secret::new(found.as_bytes()))
}

fn compare(text: &str, values: &Values) -> bool {
    values.iter().all(|(key, value)| named(text, key).as_ref() == Some(value))
}

/// `text` with `values` in it.
fn edit(text: &str, values: &Values) -> Result<String, String> {
    let utf8 = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| "the new value is no text".to_owned());
    if let Some(whole) = values.get("") {
        return utf8(whole.expose());
    }
    let mut object: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| "it holds no JSON object".to_owned())?;
    for (key, value) in values {
        object.insert(key.clone(), utf8(value.expose())?.into());
    }
    serde_json::to_string(&object).map_err(|error| error.to_string())
}

impl Destination for AwsDestination {
    fn place(&self) -> String {
        let service = if self.service == Service::Ssm { "parameter" } else { "Secrets Manager" };
        format!("AWS {service} {}", self.name)
    }

    fn readable(&self) -> bool {
        true
    }

    fn check(&self, old: &Values) -> Report {
        match self.read() {
            Ok(text) if compare(&text, old) => Report::done("it holds the old value"),
            Ok(_) => Report::refused(format!("{} does not hold the leaked value", self.name)),
            Err(fault) => fault.report(),
        }
    }

    fn write(&self, from: &Values, to: &Values) -> Report {
        let text = match self.read() {
            Ok(text) => text,
            // Reading changes nothing, whatever became of the answer.
            Err(fault) => return Report::later(fault.to_string()),
        };
        if compare(&text, to) {
            return Report::done("it holds it already");
        }
        if !compare(&text, from) {
            return Report::refused(format!("{} holds neither value", self.name));
        }
        match edit(&text, to) {
            Ok(text) => self.put(&Zeroizing::new(text), to),
            Err(fault) => Report::refused(format!("{}: {fault}", self.name)),
        }
    }

    fn shows(&self, name: &str) -> Result<Option<Secret>, String> {
        self.read().map(|text| named(&text, name)).map_err(|fault| fault.to_string())
    }

    fn holds(&self, values: &Values) -> Report {
        match self.read() {
            Ok(text) if compare(&text, values) => Report::done("it holds it"),
            Ok(_) => Report::refused(format!("{} holds something else", self.name)),
            Err(fault) => Report::unknown(fault.to_string()),
        }
    }
}
