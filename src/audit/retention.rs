//! How long the state keeps what it need not know for ever.
//!
//! Records of secrets stay, closed ones too: under new rules everything is scanned again, and what was closed must not look
//! new then. What goes is where a secret was that is proven dead, and old runs.

use std::collections::BTreeMap;

use super::record::{Run, Standing};
use super::settle;
use super::state::{PLACES, RUNS, State, failed};
use super::{ledger, runs};
use crate::clock::parse_rfc3339;
use crate::error::Result;

/// What was taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Runs.
    pub runs: u64,
    /// Places of secrets.
    pub places: u64,
}

/// Whether `date` is more than `days` before `now` (seconds since 1970).
pub fn is_past(date: &str, days: Option<u16>, now: i64) -> bool {
    match (days, parse_rfc3339(date)) {
        (Some(days), Some(at)) => now - at > i64::from(days) * 86_400,
        _ => false,
    }
}

/// Takes runs away that began more than `runs_days` ago, but the last ten that ended, and places of secrets that were proven
/// dead more than `places_days` ago.
///
/// # Errors
/// When the state cannot be read or written.
pub fn enforce(state: &State, runs_days: Option<u16>, places_days: Option<u16>, now: i64) -> Result<Removed> {
    const KEPT: usize = 10;
    let all = runs::all(state)?;
    let kept = all.iter().rev().filter(|run| !run.ended.is_empty()).take(KEPT).map(|run| run.number).min().unwrap_or(0);
    let old: Vec<u64> = all
        .iter()
        .filter(|run: &&Run| run.number < kept && is_past(&run.began, runs_days, now))
        .map(|run| run.number)
        .collect();
    let mut dead: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    if places_days.is_some() {
        for life in settle::lives(state)?.iter().filter(|life| life.secret.standing == Standing::Proven) {
            if !life.places.is_empty() && life.secret.closed_at().is_some_and(|at| is_past(at, places_days, now)) {
                dead.insert(ledger::id_bytes(&life.secret.secret_id)?, life.places.len() as u64);
            }
        }
    }
    if old.is_empty() && dead.is_empty() {
        return Ok(Removed::default());
    }
    state.write(|write| {
        let mut table = write.open_table(RUNS).map_err(failed)?;
        for number in &old {
            table.remove(number).map_err(failed)?;
        }
        let mut places = write.open_table(PLACES).map_err(failed)?;
        places.retain(|(secret, _, _), _| !dead.contains_key(secret)).map_err(failed)?;
        Ok(Removed { runs: old.len() as u64, places: dead.values().sum() })
    })
}
