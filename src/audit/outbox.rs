//! The alerts that wait for a channel and those it was sent: so that nobody is told twice, and nothing is lost when a
//! channel does not answer.

use std::collections::BTreeSet;

use redb::ReadableTable as _;
use serde::{Deserialize, Serialize};

use super::alerts::{Alert, Kind};
use super::state::{ALERTS, State, failed, from_json, get, to_json};
use crate::clock::parse_rfc3339;
use crate::error::Result;

/// Seconds after which an alert that could not be sent is given up.
const PATIENCE: i64 = 7 * 86_400;

/// Seconds for which it is remembered that something was sent, once it is not due any more.
const MEMORY: i64 = 30 * 86_400;

/// An alert for a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The channel's name.
    pub channel: String,
    /// What it is told.
    pub alert: Alert,
    /// When it was entered, RFC 3339 in UTC.
    pub entered: String,
    /// When it was sent; nothing while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
}

impl Entry {
    pub(super) fn key(&self) -> String {
        format!("{}\n{}", self.channel, self.alert.key)
    }
}

/// All entries, those that were sent too.
///
/// # Errors
/// When the state cannot be read.
pub fn entries(state: &State) -> Result<Vec<Entry>> {
    state.read(|read| {
        let table = read.open_table(ALERTS).map_err(failed)?;
        let all = table.iter().map_err(failed)?;
        all.map(|entry| from_json(entry.map_err(failed)?.1.value())).collect()
    })
}

/// Enters alerts for these channels, each once, and forgets what is long past. How many were given up comes back.
///
/// # Errors
/// When the state cannot be written.
pub fn enter(state: &State, channels: &[&str], due: &[Alert], now: &str) -> Result<u64> {
    let known = entries(state)?;
    if known.is_empty() && (channels.is_empty() || due.is_empty()) {
        return Ok(0);
    }
    let keys: BTreeSet<&str> = due.iter().map(|alert| &*alert.key).collect();
    let age = |since: &str| parse_rfc3339(now).unwrap_or_default() - parse_rfc3339(since).unwrap_or_default();
    let mut given_up = 0;
    state.write(|write| {
        let mut table = write.open_table(ALERTS).map_err(failed)?;
        for entry in &known {
            let lasts = [Kind::Overdue, Kind::CoverageLost].contains(&entry.alert.kind);
            let past = match &entry.sent {
                // It is over: the next time is another one.
                Some(_) if lasts => !keys.contains(&*entry.alert.key),
                Some(sent) => age(sent) > MEMORY,
                None => age(&entry.entered) > PATIENCE,
            };
            if past {
                given_up += u64::from(entry.sent.is_none());
                table.remove(&*entry.key()).map_err(failed)?;
            }
        }
        for channel in channels {
            for alert in due {
                let entry =
                    Entry { channel: (*channel).to_owned(), alert: alert.clone(), entered: now.to_owned(), sent: None };
                let key = entry.key();
                if table.get(&*key).map_err(failed)?.is_none() {
                    table.insert(&*key, &*to_json(&entry)?).map_err(failed)?;
                }
            }
        }
        Ok(given_up)
    })
}

/// Notes that these were sent.
///
/// # Errors
/// When the state cannot be written.
pub fn sent(state: &State, entries: &[&Entry], now: &str) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    state.write(|write| {
        let mut table = write.open_table(ALERTS).map_err(failed)?;
        for entry in entries {
            let key = entry.key();
            let Some(known) = get::<_, Entry>(&table, &*key)? else { continue };
            table.insert(&*key, &*to_json(&Entry { sent: Some(now.to_owned()), ..known })?).map_err(failed)?;
        }
        Ok(())
    })
}
