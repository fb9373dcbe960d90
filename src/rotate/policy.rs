//! `[rotation]`: what the operator allows, read from `--policy FILE` or the user's config folder and nowhere else.
//!
//! Hosts, accounts, destinations and admin credentials are named here. Nothing of it is ever read from scanned text.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::destinations::At;
use super::destinations::aws::Versions;
use super::files;
use super::hooks::Hook;
use super::providers::aws_api::Api;
use super::redact::hex;
use crate::error::{Error, Result};
use crate::secret::Secret;

pub use super::destinations::DestinationPolicy;
pub use super::providers::Target;

/// Largest policy that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Rotation {
    /// Where runs are kept; the user's state folder unless said.
    pub state_folder: Option<PathBuf>,
    /// Seconds between "every destination holds the new one" and "the old one is switched off".
    pub soak_seconds: u64,
    /// Seconds over which death must hold; a kind's own propagation time where that is longer.
    pub proof_seconds: u64,
    /// How many answers in a row must say dead; 3 unless said.
    pub proof_samples: Option<u32>,
    /// Where values are kept meanwhile.
    pub escrow: EscrowPolicy,
    /// Environments by name.
    pub environments: BTreeMap<String, Environment>,
    /// What can be turned.
    pub targets: Vec<Target>,
    /// What must follow.
    pub destinations: Vec<DestinationPolicy>,
    /// Who is told what becomes of runs.
    pub hooks: Vec<Hook>,
    /// What is turned by age (`rotate due`).
    pub credentials: Vec<Aging>,
    /// SHA-256 of the file, in hex: a plan holds for one policy.
    #[serde(skip)]
    pub digest: String,
    /// What paths are relative to.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// `[rotation.escrow]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct EscrowPolicy {
    /// File with an age identity.
    pub age_identity: Option<PathBuf>,
    /// Further age recipients.
    pub age_recipients: Vec<String>,
    /// Whether an identity of our own is kept in the system's keyring (Secret Service) and not in a file.
    pub keyring: bool,
    /// The destination (a secret of Secrets Manager) in whose versions values are kept, beside the current one.
    pub pending: Option<String>,
    /// A program that seals standard input.
    pub seal: Vec<String>,
    /// A program that opens it.
    pub open: Vec<String>,
}

/// `[rotation.environments.NAME]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Environment {
    /// Whose credentials may be changed; `*` at the end stands for anything. Nobody's unless it is said.
    pub owners: Vec<String>,
    /// How many approvals a plan needs.
    pub approvals: usize,
    /// Who may approve: ed25519 public keys in hex.
    pub approvers: Vec<String>,
}

/// `[[rotation.credentials]]`: one that is turned when it is old.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Aging {
    /// What to call it.
    pub name: String,
    /// The rule that finds it.
    pub rule: String,
    /// The target that owns it.
    pub target: String,
    /// Where the current value is.
    pub value: Reference,
    /// Its other parts (`user`, `id`).
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
    /// Oldest it may get, in days.
    pub max_age_days: u32,
    /// When it was made (YYYY-MM-DD); a run of ours that turned it counts when it is later.
    pub made: String,
    /// Nobody needs it: it exists for `rotate drill --canary`.
    #[serde(default)]
    pub canary: bool,
}

/// Where a secret is: never in the policy itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Reference {
    /// An environment variable.
    Env(String),
    /// A file; a line end at its end does not belong to it.
    File(PathBuf),
    /// The standard output of a program, likewise.
    Command(Vec<String>),
}

impl Reference {
    /// The secret.
    ///
    /// # Errors
    /// When there is none.
    pub fn read(&self, folder: &Path) -> Result<Secret> {
        let usage = |message: String| Error::Usage(message);
        let bytes = match self {
            Self::Env(name) => {
                let value =
                    std::env::var_os(name).ok_or_else(|| usage(format!("environment variable {name} is not set")))?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            Self::File(path) => Zeroizing::new(files::read(&folder.join(path), LARGEST)?),
            Self::Command(words) => {
                let (program, arguments) = words.split_first().ok_or_else(|| usage("`command` is empty".to_owned()))?;
                let run = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
                let output = run.map_err(|source| Error::Io { path: program.into(), source })?;
                let bytes = Zeroizing::new(output.stdout);
                if !output.status.success() {
                    return Err(usage(format!("{program} failed ({})", output.status)));
                }
                bytes
            }
        };
        let value = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        if value.is_empty() {
            return Err(usage(format!("{self:?} is empty")));
        }
        Ok(Secret::new(value))
    }
}

impl Rotation {
    /// Reads the section of a policy file.
    ///
    /// # Errors
    /// When the file cannot be read, or something in it is unknown.
    pub fn read(path: &Path) -> Result<Self> {
        let fail = |message: String| Error::Config { file: path.display().to_string(), message };
        let bytes = files::read(path, LARGEST)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| fail("it is no UTF-8 text".to_owned()))?;
        let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| fail(error.to_string()))?;
        let section = table.remove("rotation").ok_or_else(|| fail("it has no [rotation]".to_owned()))?;
        let mut policy: Self =
            section.try_into().map_err(|error: toml::de::Error| fail(format!("[rotation]: {}", error.message())))?;
        policy.digest = hex(&Sha256::digest(&bytes));
        policy.folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        policy.check().map_err(fail)?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), String> {
        let mut names: Vec<&str> = self.targets.iter().map(Target::name).collect();
        names.extend(self.destinations.iter().map(|destination| destination.name.as_str()));
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("two targets or destinations are called `{}`", pair[0]));
        }
        for target in &self.targets {
            target.check()?;
            if !self.environments.contains_key(target.environment()) {
                return Err(format!(
                    "target `{}`: environment `{}` is not defined; add [rotation.environments.{}] with its `owners`",
                    target.name(),
                    target.environment(),
                    target.environment()
                ));
            }
        }
        for (name, environment) in &self.environments {
            if environment.approvals > environment.approvers.len() {
                return Err(format!("environment `{name}` asks for more approvals than it has approvers"));
            }
        }
        self.hooks.iter().try_for_each(Hook::check)?;
        self.destinations.iter().try_for_each(DestinationPolicy::check)
    }

    /// The target of this name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name() == name)
    }

    /// The versions of the secret that this destination is, for the escrow.
    ///
    /// # Errors
    /// When there is no such destination, or it has no versions of this kind.
    pub(super) fn versions(&self, name: &str) -> Result<Versions> {
        let found = self.destinations.iter().find(|destination| destination.name == name);
        let found = found.and_then(|destination| match &destination.at {
            At::SecretsManager(at) => Some((at, self.target(&at.target))),
            _ => None,
        });
        match found {
            Some((at, Some(Target::Aws(target)))) => Ok(Versions::new(at, Api::new(target, &self.folder)?)),
            _ => Err(Error::Usage(format!(
                "[rotation.escrow]: `pending` names a destination with `at.secrets-manager`, and `{name}` is none"
            ))),
        }
    }

    /// How many answers in a row must say dead.
    pub fn samples(&self) -> u32 {
        self.proof_samples.unwrap_or(3).max(1)
    }
}

/// Whether `text` is what `pattern` says: the same, or with `*` for anything at each place it stands.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Reads a secret from standard input, for `--secret-stdin`.
///
/// # Errors
/// When it is empty or cannot be read.
pub fn secret_from(input: &mut dyn std::io::Read) -> Result<Secret> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = input.take(LARGEST).read_to_end(&mut bytes);
    read.map_err(|source| Error::Io { path: "standard input".into(), source })?;
    let value = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    if value.is_empty() {
        Err(Error::Usage("standard input holds no secret".to_owned()))
    } else {
        Ok(Secret::new(value))
    }
}

#[cfg(test)]
mod tests {
    use super::{Rotation, matches};

    fn read(text: &str) -> Result<Rotation, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("policy.toml");
        std::fs::write(&path, text).expect("written");
        Rotation::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn stars_stand_for_anything() {
        assert!(matches("aws:1:*", "aws:1:user/app") && matches("*", "") && matches("a*c", "abc") && matches("a", "a"));
        assert!(!matches("aws:1:*", "aws:12") && !matches("a", "ab") && !matches("a*c*", "ab") && !matches("", "a"));
    }

    #[test]
    fn what_is_unknown_or_missing_is_an_error() {
        assert!(read("[rotation]\n").is_ok());
        assert!(read("[policy]\n").expect_err("no section").contains("no [rotation]"));
        assert!(read("[rotation]\nsoak = 1\n").expect_err("unknown").contains("soak"));
        let target = "[[rotation.targets]]\nkind = \"postgresql\"\nname = \"a\"\nenvironment = \"dev\"\nhost = \"h\"\n\
                      admin-user = \"p\"\nadmin-password = { env = \"X\" }\n";
        let missing = read(&format!("[rotation]\n{target}")).expect_err("no environment");
        assert!(missing.contains("environment `dev`"), "{missing}");
        let inline = target.replace("{ env = \"X\" }", "\"in clear\""); // keysweep:allow made up
        assert!(read(&format!("[rotation]\n[rotation.environments.dev]\n{inline}")).is_err(), "never inline");
        let whole = format!("[rotation]\n[rotation.environments.dev]\nowners = [\"*\"]\n{target}");
        assert_eq!(read(&whole).expect("it holds").targets[0].name(), "a");
        assert!(read(&format!("{whole}{target}")).expect_err("twice").contains("two targets"));
    }
}
