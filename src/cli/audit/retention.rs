//! `[retention]`: how long the state, rotation's runs and logs are kept; enforced at the end of a run, and reported.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::key;
use super::log::Log;
use crate::audit::report::text::count;
use crate::audit::retention::{enforce, is_past};
use crate::audit::state::State;
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::private;

/// Largest log or policy that is read, in bytes.
const LARGEST: u64 = 1 << 30;

/// The section; without a number nothing is taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Retention {
    /// Days that runs are kept in the state.
    runs_days: Option<u16>,
    /// Days that the state keeps where a secret was that is proven dead.
    places_days: Option<u16>,
    /// Days that rotation's runs (journal and evidence) are kept once the secret is proven dead.
    rotations_days: Option<u16>,
    /// Days that lines of logs are kept.
    logs_days: Option<u16>,
}

/// The file that is named, else `audit.toml` of the user's config folder when it is there.
pub(super) fn policy_file(named: Option<&Path>) -> Option<PathBuf> {
    let of_user = || key::config_file("audit.toml").ok().filter(|path| path.exists());
    named.map(Path::to_owned).or_else(of_user)
}

/// Takes rotation's runs away whose end, by the closure it is given, is past; how many comes back.
pub(super) type Rotations<'r> = dyn Fn(&dyn Fn(&str) -> bool) -> Result<u64> + 'r;

impl Retention {
    /// Reads the section.
    ///
    /// # Errors
    /// When the policy cannot be read or something in the section is unknown.
    pub(super) fn read(named: Option<&Path>) -> Result<Self> {
        let Some(path) = policy_file(named) else { return Ok(Self::default()) };
        let fail = |message: String| Error::Config { file: path.display().to_string(), message };
        let bytes = private::read(&path, LARGEST)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| fail("it is no UTF-8 text".to_owned()))?;
        let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| fail(error.to_string()))?;
        let Some(section) = table.remove("retention") else { return Ok(Self::default()) };
        section.try_into().map_err(|error: toml::de::Error| fail(format!("[retention]: {}", error.message())))
    }

    /// Takes old lines of logs away, before anybody has one open; how many comes back.
    ///
    /// # Errors
    /// When a log cannot be written.
    pub(super) fn shorten_logs(&self, logs: &[PathBuf], now: i64) -> Result<u64> {
        let there = logs.iter().filter(|path| self.logs_days.is_some() && path.exists());
        there.map(|path| self.shorten(path, now)).sum()
    }

    /// Takes away what is past. `rotations` takes away rotation's runs of which the closure it is given says so of their end;
    /// `lines` of logs went already. What went is a notice.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub(super) fn enforce(
        &self,
        state: &State,
        (lines, rotations): (u64, &Rotations<'_>),
        (now, log, notices): (i64, &Log<'_>, &mut Vec<Notice>),
    ) -> Result<()> {
        if *self == Self::default() {
            return Ok(());
        }
        let removed = enforce(state, self.runs_days, self.places_days, now)?;
        let rotations = match self.rotations_days {
            Some(_) => rotations(&|ended: &str| is_past(ended, self.rotations_days, now))?,
            None => 0,
        };
        let counts = [(removed.runs, "run"), (removed.places, "place"), (rotations, "rotation"), (lines, "log line")];
        let said: Vec<String> =
            counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| count(*number, word)).collect();
        if !said.is_empty() {
            let message = format!("retention took away {}", said.join(", "));
            notices.push(Notice::new(NoticeKind::Information, message));
            let counts = json!({
                "runs": removed.runs, "places": removed.places, "rotations": rotations, "log_lines": lines,
            });
            log.event("info", "retention", counts, &json!({}));
        }
        Ok(())
    }

    /// Takes the lines of a log away that are past; a line without a date stays with the one before it.
    fn shorten(&self, path: &Path, now: i64) -> Result<u64> {
        let bytes = private::read(path, LARGEST)?;
        let (mut kept, mut removed, mut past) = (Vec::with_capacity(bytes.len()), 0, false);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let event: Option<Value> = serde_json::from_slice(line).ok();
            let date = event.as_ref().and_then(|event| event.get("time").or_else(|| event.get("at"))?.as_str());
            past = date.map_or(past, |date| is_past(date, self.logs_days, now));
            match past {
                true => removed += 1,
                false => kept.extend_from_slice(line),
            }
        }
        if removed > 0 {
            private::write_private_with(path, |out| out.write_all(&kept))?;
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::Retention;

    #[test]
    fn old_lines_go_and_what_follows_them_without_a_date_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let (old, new) = ("{\"time\":\"2026-01-01T00:00:00Z\"}\n", "{\"at\":\"2026-03-01T00:00:00Z\"}\n");
        std::fs::write(&path, format!("{old}more\n{new}more\n{old}")).expect("written");
        let retention = Retention { logs_days: Some(30), ..Retention::default() };
        let now = crate::clock::parse_rfc3339("2026-03-02T00:00:00Z").expect("a date");
        assert_eq!(retention.shorten(&path, now).expect("shortened"), 3);
        assert_eq!(std::fs::read_to_string(&path).expect("read"), format!("{new}more\n"));
    }
}
