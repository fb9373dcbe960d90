//! `keysweep audit merge`: the states of shards, and exports of them, as one.

use std::path::PathBuf;

use serde_json::json;

use super::alerts::{AlertOptions, Telling};
use super::conclude::{Ending, check_places, conclude, last_ended, not_before, now, seconds};
use super::log::{Log, LogOptions};
use super::retention::Retention;
use super::{ReportArguments, key};
use crate::audit::life::Moment;
use crate::audit::merge::Merge;
use crate::audit::record::{Repository, Run};
use crate::audit::state::State;
use crate::audit::{repositories, runs};
use crate::error::{Error, Result};
use crate::filter::config::level;
use crate::finding::Severity;

/// Arguments of `keysweep audit merge`.
#[derive(Debug, clap::Args)]
pub struct MergeArguments {
    /// States of shards, or exports of them
    #[arg(required = true, value_name = "SHARD")]
    pub shards: Vec<PathBuf>,
    /// The merged state; made when there is none. What is new is what came since the last merge
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
    /// Least severity that makes the exit status 1
    #[arg(long, value_name = "LEVEL", value_parser = level, default_value = "low")]
    pub fail_on: Severity,
    /// Policy with [alerts] [default: audit.toml in the user's config folder]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Whom to tell.
    #[command(flatten)]
    pub alerts: AlertOptions,
    /// What is told while it runs.
    #[command(flatten)]
    pub log: LogOptions,
    /// What is reported.
    #[command(flatten)]
    pub report: ReportArguments,
}

/// Merges and reports; the exit status comes back, as that of an audit.
///
/// # Errors
/// When a shard cannot be read or has another key, or the merged state or a report cannot be written.
pub(super) fn run(arguments: &MergeArguments) -> Result<u8> {
    check_places(&arguments.report, &arguments.state)?;
    let is_merged = |path: &PathBuf| {
        path.canonicalize().is_ok_and(|path| arguments.state.canonicalize().is_ok_and(|it| it == path))
    };
    if let Some(path) = arguments.shards.iter().find(|path| is_merged(path)) {
        let path = path.display();
        return Err(Error::Usage(format!(
            "{path} is the merged state itself: take it off the shards, or name another --state"
        )));
    }
    let telling = &Telling::new(arguments.policy.as_deref(), arguments.alerts)?;
    let retention = Retention::read(arguments.policy.as_deref())?;
    let mut next = arguments.shards.iter();
    let Some(mut path) = next.next() else { return Err(Error::Usage("what is to be merged?".to_owned())) };
    let mut dump = super::portable::read(path)?;
    let (mut merge, mut notices, began) = (Merge::default(), Vec::new(), now());
    let key_id = dump.about.key_id.clone();
    let state = State::open_or_make(&arguments.state, &key_id, &began)?;
    let logs: Vec<PathBuf> = telling.log_files().into_iter().chain(arguments.log.log_file.clone()).collect();
    let lines = retention.shorten_logs(&logs, seconds())?;
    let key = key::find(&key_id)?;
    let log = &Log::new(&arguments.log, key.as_ref())?;
    let runs = runs::all(&state)?;
    let began = not_before(&runs, began, &mut notices);
    let mut run = Run { number: state.about().next_run, began: began.clone(), ..Run::default() };
    runs::write(&state, &run)?;
    let before = objects(&state)?;
    log.begin(run.number, None);
    if key.is_none() {
        let why = format!("the key {key_id} is not here: give KEYSWEEP_FINGERPRINT_KEY, or events name no repository");
        log.event("warning", "no-key", json!({ "key": key_id, "message": why }), &json!({}));
    }
    let moment = Moment { run: run.number, now: &began, today: began.get(..10).unwrap_or_default() };
    // One after the other: what a shard covers is large.
    loop {
        if dump.about.key_id != key_id {
            let (path, theirs) = (path.display(), &dump.about.key_id);
            return Err(Error::Usage(format!(
                "{path}: its hashes are made with the key {theirs}, the others with {key_id}: they cannot be joined"
            )));
        }
        merge.enter(&state, &path.to_string_lossy(), &dump, &moment)?;
        let Some(another) = next.next() else { break };
        (path, dump) = (another, super::portable::read(another)?);
    }
    let lives = merge.finish(&state, &moment)?;
    let repositories = repositories::all(&state)?;
    run.repositories = repositories.len() as u64;
    run.complete = repositories.values().filter(|record| is_complete(record)).count() as u64;
    run.new_objects = objects(&state)?.saturating_sub(before);
    notices.append(&mut merge.notices);
    retention.enforce(&state, (lines, &|_| Ok(0)), (seconds(), log, &mut notices))?;
    for record in repositories.values().filter(|record| !record.gaps.is_empty()) {
        log.looked_at(&record.name, 0, &record.gaps);
    }
    notices.extend(repositories.values().flat_map(|record| record.gaps.iter().cloned()));
    notices.sort();
    notices.dedup();
    let ending = Ending {
        report: &arguments.report,
        telling,
        log,
        fail_on: arguments.fail_on,
        key_id: &key_id,
        runs: &runs,
        after: last_ended(&runs),
    };
    conclude(&state, &mut run, &lives, (&notices, &ending))
}

fn is_complete(record: &Repository) -> bool {
    record.gaps.is_empty() && !record.last_complete.is_empty()
}

/// Objects that are covered.
fn objects(state: &State) -> Result<u64> {
    Ok(repositories::all(state)?.values().map(|record| record.objects).sum())
}
