//! The operator's hooks: a program or an address that is told what becomes of a run. What goes out is one JSON object without
//! secrets; what comes back changes nothing, for a run must not depend on who is told of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::http::{Client, Request};
use super::net::Reach;
use super::policy::{Reference, matches};

/// Longest time for a program or an address.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often an address is tried.
const TRIES: u32 = 3;

/// `[[rotation.hooks]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hook {
    /// What to call it.
    pub name: String,
    /// Of which events it is told; `*` stands for anything. All of them unless said.
    #[serde(default)]
    pub on: Vec<String>,
    /// Program and arguments; the object is its standard input.
    #[serde(default)]
    pub command: Vec<String>,
    /// The address that the object is posted to. Often secret, so it is named.
    pub webhook: Option<Reference>,
    /// Certificates to trust there.
    pub ca_file: Option<PathBuf>,
    /// Whether it may be at a private address.
    #[serde(default)]
    pub private_address: bool,
    /// Whether it may be spoken to without TLS.
    #[serde(default)]
    pub plain_http: bool,
}

impl Hook {
    /// Whether it says whom to tell.
    pub(super) fn check(&self) -> Result<(), String> {
        match (&self.webhook, self.command.is_empty()) {
            (Some(_), true) | (None, false) => Ok(()),
            _ => Err(format!("hook `{}`: give `command` or `webhook`", self.name)),
        }
    }

    /// Whether it is told of this event.
    pub(super) fn hears(&self, event: &str) -> bool {
        self.on.is_empty() || self.on.iter().any(|pattern| matches(pattern, event))
    }

    /// Tells it.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub(super) fn tell(&self, folder: &Path, event: &str, object: &Value) -> Result<(), String> {
        let text = format!("{object}\n");
        match &self.webhook {
            Some(reference) => self.post(folder, reference, object),
            None => run(&self.command, event, &text),
        }
    }

    fn post(&self, folder: &Path, reference: &Reference, object: &Value) -> Result<(), String> {
        let url = reference.read(folder).map_err(|error| error.to_string())?;
        let url = std::str::from_utf8(url.expose()).map_err(|_| "the address is none".to_owned())?;
        let reach = Reach::new(self.private_address, self.ca_file.as_ref().map(|path| folder.join(path)));
        let client = Client::with_patience(&reach, self.plain_http, PATIENCE).map_err(|trouble| trouble.to_string())?;
        let request = Request::new("POST", url).json(object);
        let mut said = String::new();
        for _ in 0..TRIES {
            match client.send(&request) {
                Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
                Ok(answer) if answer.status == 429 || answer.status >= 500 => {
                    said = format!("it answers with status {}", answer.status);
                }
                Ok(answer) => return Err(format!("it refuses with status {}", answer.status)),
                Err(no_answer) => said = no_answer.trouble().to_string(),
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        Err(said)
    }
}

/// Runs a program, for [`PATIENCE`] at most.
fn run(words: &[String], event: &str, input: &str) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or_else(|| "`command` is empty".to_owned())?;
    let failed = |error: std::io::Error| format!("{program}: {error}");
    let mut child = Command::new(program)
        .args(arguments)
        .env("KEYSWEEP_EVENT", event)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    // It fits into a pipe; who does not read it does not want it.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait().map_err(failed)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("{program} failed ({status})")),
            None if Instant::now() >= deadline => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program} did not end in {} s", PATIENCE.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
