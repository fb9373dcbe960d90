//! A destination that programs of the operator's write and read: the value goes in and out by standard streams, never as
//! an argument. The key's name is in the environment (`KEYSWEEP_KEY`).

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Destination, Values};
use crate::rotate::types::Report;
use crate::secret::Secret;

/// `at.command`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommandPolicy {
    /// Program and arguments that take the value on standard input.
    pub write: Vec<String>,
    /// Program and arguments that print the value; without them the destination cannot be read.
    #[serde(default)]
    pub read: Vec<String>,
}

/// The driver.
#[derive(Debug)]
pub struct CommandDestination(CommandPolicy);

impl CommandDestination {
    /// The driver of a policy's entry.
    pub fn new(policy: &CommandPolicy) -> Self {
        Self(policy.clone())
    }

    fn read(&self, key: &str) -> Result<Secret, Report> {
        let (program, arguments) = self.0.read.split_first().ok_or_else(|| Report::unknown("it cannot be read"))?;
        let run = Command::new(program)
            .args(arguments)
            .env("KEYSWEEP_KEY", key)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .map_err(|error| Report::unknown(format!("{program}: {error}")))?;
        let out = Zeroizing::new(run.stdout);
        if !run.status.success() {
            return Err(Report::unknown(format!("{program} failed ({})", run.status)));
        }
        let value = out.strip_suffix(b"\n").unwrap_or(&out);
        Ok(Secret::new(value.strip_suffix(b"\r").unwrap_or(value)))
    }

    fn write_one(&self, key: &str, value: &Secret) -> Result<(), Report> {
        let (program, arguments) = self.0.write.split_first().ok_or_else(|| Report::refused("`write` is empty"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .env("KEYSWEEP_KEY", key)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Report::refused(format!("{program}: {error}")))?;
        let sent = child.stdin.take().map(|mut stdin| stdin.write_all(value.expose()));
        let status = child.wait().map_err(|error| Report::unknown(format!("{program}: {error}")))?;
        match (sent, status.success()) {
            (Some(Ok(())), true) => Ok(()),
            // It may have written before it failed.
            _ => Err(Report::unknown(format!("{program} failed ({status})"))),
        }
    }
}

impl Destination for CommandDestination {
    fn place(&self) -> String {
        format!("command {}", self.0.write.first().map_or("", String::as_str))
    }

    fn readable(&self) -> bool {
        !self.0.read.is_empty()
    }

    fn check(&self, old: &Values) -> Report {
        if !self.readable() {
            return Report::done("it cannot be read, so nobody knows what it holds");
        }
        match self.holds(old) {
            report if report.outcome == crate::rotate::types::Outcome::Unknown => Report::later(report.note),
            report => report,
        }
    }

    fn write(&self, from: &Values, to: &Values) -> Report {
        if self.readable() {
            let (now, done) = (self.holds(from), self.holds(to));
            if done.outcome == crate::rotate::types::Outcome::Done {
                return done;
            }
            if now.outcome != crate::rotate::types::Outcome::Done && from.len() == 1 {
                return Report::refused("it holds neither the old value nor the new one");
            }
        }
        for (key, value) in to {
            if let Err(report) = self.write_one(key, value) {
                return report;
            }
        }
        Report::done("written")
    }

    fn shows(&self, name: &str) -> Result<Option<Secret>, String> {
        self.read(name).map(Some).map_err(|report| report.note)
    }

    fn holds(&self, values: &Values) -> Report {
        if !self.readable() {
            return Report::done("it cannot be read: the program said that it wrote");
        }
        for (key, value) in values {
            match self.read(key) {
                Ok(found) if found == *value => {}
                Ok(_) => return Report::refused(format!("`{key}` holds something else")),
                Err(report) => return report,
            }
        }
        Report::done("it holds it")
    }
}
