//! Secrets Manager and Systems Manager parameters as destinations.
//!
//! A key's name is a name in the secret's JSON object; the empty name is the whole text.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Destination, Values};
use crate::rotate::providers::aws_api::{Api, Fault};
use crate::rotate::types::Report;
use crate::secret::Secret;

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

    fn read(&self) -> Result<String, Fault> {
        let (answer, pointer) = match self.service {
            Service::SecretsManager => {
                let body = json!({ "SecretId": self.name });
                (self.api.json("secretsmanager", "secretsmanager.GetSecretValue", &body)?, "/SecretString")
            }
            Service::Ssm => {
                let body = json!({ "Name": self.name, "WithDecryption": true });
                (self.api.json("ssm", "AmazonSSM.GetParameter", &body)?, "/Parameter/Value")
            }
        };
        let text = answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| Fault::Strange(format!("{} holds no text", self.name)))
    }

    fn put(&self, text: &str) -> Report {
        let put = match self.service {
            Service::SecretsManager => {
                let body = json!({ "SecretId": self.name, "SecretString": text });
                self.api.json("secretsmanager", "secretsmanager.PutSecretValue", &body)
            }
            Service::Ssm => {
                let body = json!({ "Name": self.name, "Value": text, "Type": "SecureString", "Overwrite": true });
                self.api.json("ssm", "AmazonSSM.PutParameter", &body)
            }
        };
        match put {
            Ok(_) => Report::done("written"),
            Err(fault) => fault.report(),
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
            Ok(text) => self.put(&text),
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
