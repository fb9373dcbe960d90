//! What the policy says of a MariaDB or MySQL server.

use std::path::PathBuf;

use serde::Deserialize;

use crate::rotate::policy::Reference;

/// `kind = "mariadb"` and `kind = "mysql"`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MysqlTarget {
    /// Its name.
    pub name: String,
    /// The environment it belongs to.
    pub environment: String,
    /// Rules whose findings may belong to it; those of addresses unless said.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Host.
    pub host: String,
    /// Port.
    #[serde(default = "port")]
    pub port: u16,
    /// Whether TLS is spoken; it is unless said.
    #[serde(default = "yes")]
    pub tls: bool,
    /// Certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// Whether the server may be at a private address.
    #[serde(default)]
    pub private_address: bool,
    /// The user of passwords that come without one.
    pub user: Option<String>,
    /// Who may change others; without one an account changes itself.
    pub admin_user: Option<String>,
    /// Their password.
    pub admin_password: Option<Reference>,
}

fn port() -> u16 {
    3306
}

fn yes() -> bool {
    true
}
