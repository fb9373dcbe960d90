//! What the policy says of an account that SSH keys open.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::client::{Client, Host};
use super::{Ssh, edit, key};
use crate::error::{Error, Result};
use crate::rotate::net::Reach;
use crate::rotate::policy::Reference;
use crate::secret::Secret;

/// Rules whose findings may be keys of an account.
pub const RULES: &[&str] =
    &["private-key-openssh", "private-key-pem-rsa", "private-key-pem-ec", "private-key-pem-pkcs8"];

/// `kind = "ssh"`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SshTarget {
    /// Its name.
    pub name: String,
    /// The environment it belongs to.
    pub environment: String,
    /// Rules whose findings may belong to it; those of private keys unless said.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Every server that lets the key in: `host` or `host:port`.
    pub hosts: Vec<String>,
    /// The account.
    pub user: String,
    /// The servers' host keys, in OpenSSH's `known_hosts` form; no other server is talked to.
    pub known_hosts: PathBuf,
    /// The account's file; relative to the home of whoever logs in, or with `local` to the policy.
    #[serde(default = "usual_file")]
    pub authorized_keys: PathBuf,
    /// The file is on this machine (or mounted): it is edited here.
    #[serde(default)]
    pub local: bool,
    /// Who edits the file; the account itself unless said.
    pub admin_user: Option<String>,
    /// Their private key; without one the leaked key turns itself.
    pub admin_key: Option<Reference>,
    /// Whether the servers may be at private addresses.
    #[serde(default)]
    pub private_address: bool,
}

fn usual_file() -> PathBuf {
    ".ssh/authorized_keys".into()
}

/// The file with the host keys that a target names.
///
/// # Errors
/// When it is not there.
pub(in crate::rotate::providers) fn known_hosts(target: &str, path: &Path, folder: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(folder.join(path)).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    if path.is_file() {
        return Ok(path);
    }
    let shown = path.display();
    Err(Error::Usage(format!("target `{target}`: {shown} is not there (`known-hosts`: the servers' host keys)")))
}

impl Ssh {
    /// The driver of a target.
    ///
    /// # Errors
    /// When the target does not hold together, or the admin's key cannot be had.
    pub fn new(target: &SshTarget, folder: &Path) -> Result<Self> {
        let fail = |message: String| Error::Usage(format!("target `{}`: {message}", target.name));
        let host = |text: &String| Host::parse(text).ok_or_else(|| fail(format!("`{text}` is no host")));
        let hosts: Vec<Host> = target.hosts.iter().map(host).collect::<Result<_>>()?;
        if hosts.is_empty() {
            return Err(fail("`hosts` is empty".to_owned()));
        }
        let admin_user = target.admin_user.clone().unwrap_or_else(|| target.user.clone());
        for user in [&target.user, &admin_user] {
            if user.is_empty() || user.starts_with('-') || user.chars().any(|char| char.is_control() || char == ' ') {
                return Err(fail(format!("`{user}` is no account")));
            }
        }
        if admin_user != target.user && target.admin_key.is_none() {
            return Err(fail("`admin-user` needs `admin-key`".to_owned()));
        }
        if admin_user != target.user && !target.local && target.authorized_keys.is_relative() {
            return Err(fail("whose home is `authorized-keys` in? Give the whole path".to_owned()));
        }
        let file = if target.local {
            folder.join(&target.authorized_keys)
        } else {
            edit::plain(&target.authorized_keys)
                .ok_or_else(|| fail("`authorized-keys` may hold letters, digits and /._+@- alone".to_owned()))?
        };
        let known_hosts = known_hosts(&target.name, &target.known_hosts, folder)?;
        let admin_key = target.admin_key.as_ref().map(|reference| reference.read(folder)).transpose()?;
        Ok(Self {
            name: target.name.clone(),
            user: target.user.clone(),
            hosts,
            client: Client { reach: Reach::new(target.private_address, None), known_hosts },
            file,
            local: target.local,
            admin_user,
            admin_key: admin_key.map(|key| Secret::new(&key::lines(key.expose()))),
        })
    }
}
