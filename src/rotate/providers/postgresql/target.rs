//! What the policy says of a PostgreSQL server.

use std::path::PathBuf;

use serde::Deserialize;

use crate::rotate::policy::Reference;

/// `kind = "postgresql"`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PostgresqlTarget {
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
    /// Database to log in to.
    #[serde(default = "database")]
    pub database: String,
    /// Whether TLS is spoken; it is unless said.
    #[serde(default = "yes")]
    pub tls: bool,
    /// Certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// Whether the server may be at a private address.
    #[serde(default)]
    pub private_address: bool,
    /// The role of passwords that come without one.
    pub user: Option<String>,
    /// Who may change others; without one a role changes itself.
    pub admin_user: Option<String>,
    /// Its password.
    pub admin_password: Option<Reference>,
    /// Turn by a second role instead of a new password.
    #[serde(default)]
    pub alternating_users: bool,
}

fn port() -> u16 {
    5432
}

fn database() -> String {
    "postgres".to_owned()
}

fn yes() -> bool {
    true
}
