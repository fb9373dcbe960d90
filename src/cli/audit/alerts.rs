//! Alerts at the end of a run, and `keysweep audit alerts`: what waits is sent, or printed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::conclude::now;
use super::log::{Log, LogOptions};
use super::retention::policy_file;
use serde_json::json;

use crate::alert::policy::{Channel, Policy};
use crate::alert::{Delivery, deliver, preview};
use crate::audit::alerts::{Alert, Kind, due};
use crate::audit::document::Document;
use crate::audit::outbox::{self, Entry};
use crate::audit::report::text::count;
use crate::audit::state::State;
use crate::clock;
use crate::error::{Error, Result};
use crate::finding::Severity;

/// Options of every command that may send alerts.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct AlertOptions {
    /// Print alerts to standard error instead of sending them; they stay due
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `keysweep audit alerts`.
#[derive(Debug, clap::Args)]
pub struct AlertArguments {
    /// The state
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
    /// Policy with [alerts] [default: audit.toml in the user's config folder]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Send every channel an alert that says it is a test
    #[arg(long)]
    pub test: bool,
    /// Whether anything is sent.
    #[command(flatten)]
    pub options: AlertOptions,
    /// What is told meanwhile.
    #[command(flatten)]
    pub log: LogOptions,
}

/// Whom to tell.
#[derive(Debug)]
pub(super) struct Telling {
    policy: Option<Policy>,
    options: AlertOptions,
}

impl Telling {
    /// Reads the policy: `[alerts]` of the file that is named, else of the user's config folder. Before anything is scanned.
    ///
    /// # Errors
    /// When it is unusable.
    pub(super) fn new(named: Option<&Path>, options: AlertOptions) -> Result<Self> {
        let policy = policy_file(named).map(|path| Policy::read(&path)).transpose()?.flatten();
        Ok(Self { policy, options })
    }

    /// The log files that alerts are written to.
    pub(super) fn log_files(&self) -> Vec<PathBuf> {
        let files = self.policy.iter().flat_map(|policy| policy.logs.iter().map(move |log| (policy, log)));
        files.filter_map(|(policy, log)| Some(policy.folder.join(log.file.as_ref()?))).collect()
    }

    /// Enters what is due after the run `after`, before that run counts as ended.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub(super) fn enter(&self, state: &State, document: &Document, (after, log): (u64, &Log<'_>)) -> Result<()> {
        let Some(policy) = &self.policy else { return Ok(()) };
        let mut due = due(document, &policy.deadlines, after);
        due.retain(|alert| policy.wants(alert));
        let names: Vec<&str> = policy.channels().iter().map(Channel::name).collect();
        let given_up = outbox::enter(state, &names, &due, &document.run.ended)?;
        if given_up > 0 {
            let sentence = format!("{} could not be sent for a week: given up", count(given_up, "alert"));
            log.tell("alerts-given-up", json!({ "count": given_up }), &sentence);
        }
        Ok(())
    }

    /// Sends what waits. Whether all of it arrived comes back.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub(super) fn send(&self, state: &State, log: &Log<'_>) -> Result<bool> {
        let Some(policy) = &self.policy else { return Ok(true) };
        let entries = outbox::entries(state)?;
        let at = clock::epoch_seconds(SystemTime::now());
        let mut work: Vec<(Channel<'_>, Vec<&Entry>)> = Vec::new();
        for channel in policy.channels() {
            let of: Vec<&Entry> = entries.iter().filter(|entry| entry.channel == channel.name()).collect();
            let (mut waiting, held) = within_limit(policy, &channel, &of, at);
            if held > 0 {
                let name = channel.name();
                let sentence =
                    format!("alerts: `{name}`: {} wait for a later run (most-per-hour)", count(held, "alert"));
                log.tell("alerts-held", json!({ "channel": name, "count": held }), &sentence);
            }
            waiting.sort_by_key(|entry| (std::cmp::Reverse(entry.alert.severity), entry.alert.kind));
            if !waiting.is_empty() {
                work.push((channel, waiting));
            }
        }
        if self.options.dry_run {
            for (channel, entries) in &work {
                let alerts: Vec<&Alert> = entries.iter().map(|entry| &entry.alert).collect();
                anstream::eprint!("alerts for `{}`, not sent:\n{}", channel.name(), preview(channel, &alerts, at));
            }
            return Ok(true);
        }
        let alerts: Vec<(&Channel<'_>, Vec<&Alert>)> = work
            .iter()
            .map(|(channel, entries)| (channel, entries.iter().map(|entry| &entry.alert).collect()))
            .collect();
        let mut all = true;
        for ((channel, entries), delivery) in work.iter().zip(deliver(policy, &alerts, at)) {
            all &= told(channel, &delivery, log);
            let sent: BTreeSet<&str> = delivery.sent.iter().map(String::as_str).collect();
            let sent: Vec<&Entry> = entries.iter().copied().filter(|entry| sent.contains(&*entry.alert.key)).collect();
            outbox::sent(state, &sent, &now())?;
        }
        Ok(all)
    }
}

/// Says why a channel was not told; whether it was comes back.
fn told(channel: &Channel<'_>, delivery: &Delivery, log: &Log<'_>) -> bool {
    let name = channel.name();
    match &delivery.trouble {
        Some(trouble) => {
            let sentence = format!("alerts: `{name}`: {trouble}; they are tried again in the next run");
            log.tell("alerts-not-sent", json!({ "channel": name }), &sentence);
        }
        None => {
            log.event("info", "alerts-sent", json!({ "channel": name, "count": delivery.sent.len() }), &json!({}));
        }
    }
    delivery.trouble.is_none()
}

/// What may be sent to a channel now, and how many are held back: it was told enough in the last hour.
fn within_limit<'e>(policy: &Policy, channel: &Channel<'_>, of: &[&'e Entry], now: i64) -> (Vec<&'e Entry>, u64) {
    let mut waiting: Vec<&Entry> = of.iter().copied().filter(|entry| entry.sent.is_none()).collect();
    if channel.is_log() {
        return (waiting, 0);
    }
    let lately = |sent: &&str| clock::parse_rfc3339(sent).is_some_and(|sent| sent > now - 3600);
    let sent = of.iter().filter_map(|entry| entry.sent.as_deref()).filter(lately);
    let used = match channel.one_each() {
        true => sent.count(),
        false => sent.collect::<BTreeSet<_>>().len(),
    };
    let left = (policy.most_per_hour as usize).saturating_sub(used);
    let most = if channel.one_each() || left == 0 { left } else { waiting.len() };
    let held = waiting.len().saturating_sub(most);
    waiting.truncate(most);
    (waiting, held as u64)
}

/// Sends what waits, or a test; status 2 when a channel was not told.
///
/// # Errors
/// When there is no policy, or the state cannot be used.
pub(super) fn run(arguments: &AlertArguments) -> Result<u8> {
    let telling = Telling::new(arguments.policy.as_deref(), arguments.options)?;
    let Some(policy) = &telling.policy else {
        return Err(Error::Usage("there is no [alerts]: give --policy FILE (docs/audit.md has an example)".to_owned()));
    };
    let log = &Log::new(&arguments.log, None)?;
    let state = State::open(&arguments.state)?;
    if !arguments.test {
        return Ok(if telling.send(&state, log)? { 0 } else { 2 });
    }
    drop(state);
    let at = now();
    let test = Alert {
        key: format!("test {at}"),
        kind: Kind::New,
        at,
        severity: Severity::Low,
        title: "This is a test of keysweep's alerts".to_owned(),
        secret_id: None,
        rule: None,
        repository: None,
        place: None,
        places: 0,
        in_head: false,
        why: String::new(),
    };
    let (channels, now) = (policy.channels(), clock::epoch_seconds(SystemTime::now()));
    let work: Vec<(&Channel<'_>, Vec<&Alert>)> = channels.iter().map(|channel| (channel, vec![&test])).collect();
    if arguments.options.dry_run {
        for (channel, alerts) in &work {
            anstream::eprint!("alerts for `{}`, not sent:\n{}", channel.name(), preview(channel, alerts, now));
        }
        return Ok(0);
    }
    let mut status = 0;
    for (channel, delivery) in channels.iter().zip(deliver(policy, &work, now)) {
        if !told(channel, &delivery, log) {
            status = 2;
        }
    }
    Ok(status)
}
