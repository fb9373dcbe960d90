//! Destinations: who holds a copy that must follow. One file each; the trait is what a run needs of them.

pub mod aws;
pub mod command;
pub mod file;
pub mod service;
mod span;
pub mod store;
pub mod vault_kv;
mod yaml;

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::drill::stand_in::StandIn;
use super::escrow::Material;
use super::policy::{Rotation, matches};
use super::providers::{Target, aws_api, vault_api};
use super::redact::percent;
use super::types::Report;
use crate::error::{Error, Result};
use crate::secret::Secret;

/// `[[rotation.destinations]]`: where copies are, and of what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DestinationPolicy {
    /// What to call it.
    pub name: String,
    /// Whose credentials it holds (`*` for anything).
    #[serde(default)]
    pub owners: Vec<String>,
    /// Found by which rules; any unless said.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Which secrets; any unless said.
    #[serde(default)]
    pub secret_ids: Vec<String>,
    /// Names there, and what they hold: `{value}`, `{user}`, `{id}`, or a text with them (`{value:uri}` percent-encodes).
    pub keys: BTreeMap<String, String>,
    /// Where it is.
    pub at: At,
}

/// Where a destination is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum At {
    /// A file.
    File(file::FilePolicy),
    /// Programs that write and read.
    Command(command::CommandPolicy),
    /// A key-value store of Vault or OpenBao.
    VaultKv(vault_kv::VaultKvPolicy),
    /// AWS Secrets Manager.
    SecretsManager(aws::AwsPolicy),
    /// A parameter of AWS Systems Manager.
    SsmParameter(aws::AwsPolicy),
    /// A secret or variable of a vendor's service.
    Service(service::ServicePolicy),
    /// The drill's stand-in: never read from a policy.
    #[serde(skip)]
    StandIn(StandIn),
}

impl DestinationPolicy {
    /// Whether it holds copies of this credential.
    pub fn holds(&self, owner: &str, rule: &str, secret_id: &str) -> bool {
        let any = |list: &[String], text: &str| list.is_empty() || list.iter().any(|pattern| matches(pattern, text));
        let said = !(self.owners.is_empty() && self.rules.is_empty() && self.secret_ids.is_empty());
        said && any(&self.owners, owner) && any(&self.rules, rule) && any(&self.secret_ids, secret_id)
    }

    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.keys.is_empty() {
            return Err(format!("destination `{}` has no `keys`", self.name));
        }
        if self.owners.is_empty() && self.rules.is_empty() && self.secret_ids.is_empty() {
            return Err(format!("destination `{}`: say of what with `owners`, `rules` or `secret-ids`", self.name));
        }
        for template in self.keys.values() {
            parse(template).map_err(|fault| format!("destination `{}`: `{template}`: {fault}", self.name))?;
        }
        Ok(())
    }

    /// The driver.
    ///
    /// # Errors
    /// When its target is missing or of another kind, or an admin credential cannot be had.
    pub fn open(&self, policy: &Rotation) -> Result<Box<dyn Destination>> {
        let folder = &policy.folder;
        let vault = |name: &str| match policy.target(name) {
            Some(Target::Vault(target)) => vault_api::Api::new(target, folder),
            _ => Err(self.no_target(name, "vault")),
        };
        let account = |name: &str| match policy.target(name) {
            Some(Target::Aws(target)) => aws_api::Api::new(target, folder),
            _ => Err(self.no_target(name, "aws")),
        };
        Ok(match &self.at {
            At::StandIn(stand_in) => Box::new(stand_in.clone()),
            At::File(at) => Box::new(file::FileDestination::new(at, folder)),
            At::Command(at) => Box::new(command::CommandDestination::new(at)),
            At::Service(at) => Box::new(service::Service::new(at, folder)?),
            At::VaultKv(at) => Box::new(vault_kv::VaultKv::new(at, vault(&at.target)?)),
            At::SecretsManager(at) => {
                Box::new(aws::AwsDestination::new(at, aws::Service::SecretsManager, account(&at.target)?))
            }
            At::SsmParameter(at) => Box::new(aws::AwsDestination::new(at, aws::Service::Ssm, account(&at.target)?)),
        })
    }

    fn no_target(&self, name: &str, kind: &str) -> Error {
        Error::Usage(format!("destination `{}`: there is no target `{name}` of kind {kind}", self.name))
    }

    /// What each name should hold for this credential.
    ///
    /// # Errors
    /// When a template names a part that the credential does not have.
    pub fn values(&self, material: &Material) -> Result<Values, String> {
        self.keys.iter().map(|(name, template)| Ok((name.clone(), render(template, material)?))).collect()
    }
}

/// Values by name.
pub type Values = BTreeMap<String, Secret>;

/// Who holds a copy. `old` and `new` are what it should hold before and after, by name.
pub trait Destination {
    /// Where it is, for people.
    fn place(&self) -> String;

    /// Whether it can be read: else it is verified as far as it tells, and the old value cannot be put back.
    fn readable(&self) -> bool;

    /// Whether it can be written, and holds the old value where it can be read. Reads only.
    fn check(&self, old: &Values) -> Report;

    /// Writes. `from` is what it must hold now.
    fn write(&self, from: &Values, to: &Values) -> Report;

    /// What stands under a name, where it can be read; none where nothing does. Reads only.
    ///
    /// # Errors
    /// Why that cannot be told.
    fn shows(&self, name: &str) -> Result<Option<Secret>, String> {
        let _ = name;
        Err("it cannot be read".to_owned())
    }

    /// Where else `value` stands there than in the names of `old`: it would be dead there afterwards. Reads only.
    fn elsewhere(&self, old: &Values, value: &Secret) -> Option<String> {
        let _ = (old, value);
        None
    }

    /// Does it hold this? `Done`, `NotDone` or (it cannot be told) `Unknown`.
    fn holds(&self, values: &Values) -> Report;
}

enum Piece<'t> {
    Text(&'t str),
    Part(&'t str, bool),
}

fn parse(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut pieces, mut rest) = (Vec::new(), template);
    while let Some(at) = rest.find('{') {
        pieces.push(Piece::Text(&rest[..at]));
        let end = rest[at..].find('}').ok_or("a `{` is not closed")? + at;
        let inner = &rest[at + 1..end];
        let (name, uri) = match inner.split_once(':') {
            Some((name, "uri")) => (name, true),
            Some((_, other)) => return Err(format!("`{other}` is no way to write it; only `uri` is")),
            None => (inner, false),
        };
        pieces.push(Piece::Part(name, uri));
        rest = &rest[end + 1..];
    }
    pieces.push(Piece::Text(rest));
    if pieces.iter().any(|piece| matches!(piece, Piece::Part(..))) {
        Ok(pieces)
    } else {
        Err("it holds nothing of the credential".to_owned())
    }
}

/// A template with the parts of a credential in their places.
///
/// # Errors
/// When a part is missing.
pub fn render(template: &str, material: &Material) -> Result<Secret, String> {
    let mut out = Zeroizing::new(Vec::new());
    for piece in parse(template)? {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Part(name, uri) => {
                let part = material.get(name).ok_or_else(|| format!("the credential has no part `{name}`"))?;
                if uri {
                    out.extend_from_slice(Zeroizing::new(percent(part.expose())).as_bytes());
                } else {
                    out.extend_from_slice(part.expose());
                }
            }
        }
    }
    Ok(Secret::new(&out))
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::rotate::escrow::Material;

    #[test]
    fn templates_take_parts() {
        let material = Material::of(b"a/b").with("user", b"app");
        let text = |template: &str| {
            render(template, &material).map(|secret| String::from_utf8_lossy(secret.expose()).into_owned())
        };
        assert_eq!(text("{value}").as_deref(), Ok("a/b"));
        assert_eq!(text("postgres://{user}:{value:uri}@db/app").as_deref(), Ok("postgres://app:a%2Fb@db/app"));
        for wrong in ["{id}", "plain", "{value", "{value:hex}"] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
    }
}
