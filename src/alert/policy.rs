//! `[alerts]`: whom to tell of what. Read from `--policy FILE` or the user's config folder and nowhere else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::payload::Shape;
use crate::audit::alerts::{Alert, Deadlines, Kind};
use crate::error::{Error, Result};
use crate::finding::Severity;
use crate::private;
use crate::rotate::policy::Reference;

/// Largest policy that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// The section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Policy {
    /// Which kinds are sent; all unless it is said.
    pub on: Vec<Kind>,
    /// Least severity that is sent; all unless it is said.
    pub min_severity: Severity,
    /// Days that a secret may be open, by severity.
    pub deadlines: Deadlines,
    /// Most messages to a channel in an hour; what is more waits for a later run.
    pub most_per_hour: u32,
    /// Webhooks.
    pub webhooks: Vec<Webhook>,
    /// E-mail.
    pub mail: Vec<Mail>,
    /// Files and syslog.
    pub logs: Vec<Log>,
    /// What paths are relative to.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            on: Kind::ALL.to_vec(),
            min_severity: Severity::Low,
            deadlines: Deadlines::default(),
            most_per_hour: 60,
            webhooks: Vec::new(),
            mail: Vec::new(),
            logs: Vec::new(),
            folder: PathBuf::from("."),
        }
    }
}

/// `[[alerts.webhooks]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Webhook {
    /// What to call it.
    pub name: String,
    /// The form of what is sent.
    #[serde(default)]
    pub shape: Shape,
    /// The address: it lets whoever knows it write, so it is a secret. PagerDuty's own unless it is said.
    #[serde(default)]
    pub url: Option<Reference>,
    /// What `json` is signed with; PagerDuty's routing key.
    #[serde(default)]
    pub key: Option<Reference>,
    /// Seconds for a call, 1 to 60.
    #[serde(default = "ten")]
    pub timeout_seconds: u8,
    /// Addresses of private networks and of this machine are allowed.
    #[serde(default)]
    pub private: bool,
    /// `http:` is allowed.
    #[serde(default)]
    pub plain: bool,
    /// Certificates to trust instead of the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn ten() -> u8 {
    10
}

/// How a connection to a mail server is secured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Plain first, then TLS (port 587); without it nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte (port 465).
    Implicit,
    /// None: for a relay on this machine or network. No password is sent.
    None,
}

/// `[[alerts.mail]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mail {
    /// What to call it.
    pub name: String,
    /// `host:port`.
    pub server: String,
    /// How the connection is secured.
    #[serde(default)]
    pub tls: Tls,
    /// Whom to log in as.
    #[serde(default)]
    pub user: Option<String>,
    /// With which password.
    #[serde(default)]
    pub password: Option<Reference>,
    /// Who writes.
    pub from: String,
    /// Who reads.
    pub to: Vec<String>,
    /// Addresses of private networks and of this machine are allowed.
    #[serde(default)]
    pub private: bool,
    /// Certificates to trust instead of the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// `[[alerts.logs]]`: a line for each alert.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Log {
    /// What to call it.
    pub name: String,
    /// A file that gets a JSON line for each.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// syslog: `unix:/dev/log`, `udp:host:514`.
    #[serde(default)]
    pub syslog: Option<String>,
}

/// One of those who are told.
#[derive(Debug, Clone, Copy)]
pub enum Channel<'p> {
    /// A webhook.
    Webhook(&'p Webhook),
    /// E-mail.
    Mail(&'p Mail),
    /// A log.
    Log(&'p Log),
}

impl<'p> Channel<'p> {
    /// What to call it.
    pub fn name(&self) -> &'p str {
        match *self {
            Self::Webhook(it) => &it.name,
            Self::Mail(it) => &it.name,
            Self::Log(it) => &it.name,
        }
    }

    /// Whether it gets a message for each alert, not one for all of a run.
    pub fn one_each(&self) -> bool {
        matches!(self, Self::Webhook(hook) if hook.shape == Shape::Pagerduty)
    }

    /// Whether it is a log, which takes as much as there is.
    pub fn is_log(&self) -> bool {
        matches!(self, Self::Log(_))
    }
}

/// Addresses of hooks, keys and passwords do not stand in the policy; said before a message would repeat one.
fn no_secret_in_clear(section: &toml::Value) -> Result<(), String> {
    for (list, key) in [("webhooks", "url"), ("webhooks", "key"), ("mail", "password")] {
        let channels = section.get(list).and_then(toml::Value::as_array).into_iter().flatten();
        if channels.filter_map(|channel| channel.get(key)).any(|value| !value.is_table()) {
            return Err(format!(
                "[[alerts.{list}]]: `{key}` is a secret: say where it is, with {{ env = \"NAME\" }}, {{ file = \"PATH\" }} or \
                 {{ command = [\"PROGRAM\"] }}"
            ));
        }
    }
    Ok(())
}

/// Whether an e-mail address can stand in a header and a command: no blanks, brackets or control characters.
fn is_address(text: &str) -> bool {
    let fits = |char: char| char.is_ascii_graphic() && !"<>()[],;:\\\"".contains(char);
    text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()) && text.chars().all(fits)
}

impl Policy {
    /// Reads the section of a policy file; `None` when it has none.
    ///
    /// # Errors
    /// When the file cannot be read, or something in the section is unknown or cannot be.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let fail = |message: String| Error::Config { file: path.display().to_string(), message };
        let bytes = private::read(path, LARGEST)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| fail("it is no UTF-8 text".to_owned()))?;
        let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| fail(error.to_string()))?;
        let Some(section) = table.remove("alerts") else { return Ok(None) };
        no_secret_in_clear(&section).map_err(fail)?;
        let mut policy: Self =
            section.try_into().map_err(|error: toml::de::Error| fail(format!("[alerts]: {}", error.message())))?;
        policy.folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        policy.check().map_err(|message| fail(format!("[alerts]: {message}")))?;
        Ok(Some(policy))
    }

    fn check(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for channel in self.channels() {
            let name = channel.name();
            if name.is_empty() || name.contains(char::is_control) || !names.insert(name) {
                return Err(format!("`{name}`: every channel has a name of its own"));
            }
            let wrong = match channel {
                Channel::Webhook(hook) => match hook.shape {
                    _ if !(1..=60).contains(&hook.timeout_seconds) => Some("timeout-seconds must be 1 to 60"),
                    Shape::Pagerduty if hook.key.is_none() => Some("PagerDuty needs its routing key as `key`"),
                    Shape::Slack | Shape::Teams if hook.key.is_some() => Some("only `json` is signed with a `key`"),
                    Shape::Slack | Shape::Teams | Shape::Json if hook.url.is_none() => Some("it needs a `url`"),
                    _ => None,
                },
                Channel::Mail(mail) => match () {
                    () if !mail.to.iter().chain([&mail.from]).all(|it| is_address(it)) || mail.to.is_empty() => {
                        Some("`from` and `to` must be e-mail addresses")
                    }
                    () if mail.user.is_some() != mail.password.is_some() => Some("`user` and `password` go together"),
                    () if mail.tls == Tls::None && mail.password.is_some() => Some("no password without TLS"),
                    () if super::smtp::host_and_port(&mail.server).is_none() => Some("`server` must be host:port"),
                    () => None,
                },
                Channel::Log(log) => match (&log.file, &log.syslog) {
                    (Some(_), None) => None,
                    (None, Some(to)) if super::log::Place::parse(to).is_some() => None,
                    (None, Some(_)) => Some("`syslog` must be unix:PATH or udp:HOST:PORT"),
                    _ => Some("it needs a `file` or `syslog`"),
                },
            };
            if let Some(wrong) = wrong {
                return Err(format!("`{name}`: {wrong}"));
            }
        }
        Ok(())
    }

    /// Those who are told.
    pub fn channels(&self) -> Vec<Channel<'_>> {
        let webhooks = self.webhooks.iter().map(Channel::Webhook);
        webhooks.chain(self.mail.iter().map(Channel::Mail)).chain(self.logs.iter().map(Channel::Log)).collect()
    }

    /// Whether an alert is wanted.
    pub fn wants(&self, alert: &Alert) -> bool {
        self.on.contains(&alert.kind) && alert.severity >= self.min_severity
    }
}

#[cfg(test)]
mod tests {
    use super::Policy;

    fn read(text: &str) -> Result<Option<Policy>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("policy.toml");
        std::fs::write(&path, text).expect("written");
        Policy::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_unknown_or_cannot_be_is_an_error() {
        assert!(read("[policy]\n").expect("a policy").is_none());
        let policy = read("[alerts]\non = [\"new\"]\ndeadlines = { critical = 1 }\n").expect("good").expect("there");
        assert_eq!((policy.deadlines.critical, policy.channels().len()), (Some(1), 0));
        let hook = "[[alerts.webhooks]]\nname = \"a\"\n";
        let mail = "[[alerts.mail]]\nname = \"m\"\nserver = \"h:25\"\nto = [\"a@b\"]\n";
        for (wrong, why) in [
            ("[alerts]\nwhen = 1\n".to_owned(), "when"),
            ("[alerts]\non = [\"old\"]\n".to_owned(), "old"),
            (hook.to_owned(), "url"),
            (format!("{hook}url = \"https://example.invalid\"\n"), "env = "),
            (format!("{hook}url = {{ env = \"U\" }}\nshape = \"slack\"\nkey = {{ env = \"K\" }}\n"), "signed"),
            (format!("{hook}shape = \"pagerduty\"\n"), "routing key"),
            (format!("{hook}url = {{ env = \"U\" }}\ntimeout-seconds = 0\n"), "1 to 60"),
            (format!("{hook}url = {{ env = \"U\" }}\n{hook}url = {{ env = \"U\" }}\n"), "name of its own"),
            (format!("{mail}from = \"a@b\\r\\nBcc: c@d\"\n"), "addresses"),
            (format!("{mail}from = \"a@b\"\ntls = \"none\"\nuser = \"u\"\npassword = {{ env = \"P\" }}\n"), "TLS"),
            (format!("{mail}from = \"a@b\"\nuser = \"u\"\n"), "together"),
            ("[[alerts.logs]]\nname = \"l\"\n".to_owned(), "file"),
            ("[[alerts.logs]]\nname = \"l\"\nsyslog = \"tcp:h:1\"\n".to_owned(), "unix:PATH"),
        ] {
            let error = read(&wrong).expect_err(&wrong);
            assert!(!error.contains("example.invalid"), "an address of a hook is a secret: {error}");
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
