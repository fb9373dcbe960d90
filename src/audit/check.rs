//! Checking a state: every record is read and must fit the others.

use redb::ReadableTable as _;

use super::record::{Place, Run, Secret};
use super::state::{CARRIERS, OBJECTS, PACKS, PLACES, RUNS, SECRETS, State, failed, from_json};
use super::{ledger, outbox, repositories};
use crate::error::{Error, Result};

/// What a state holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Repositories.
    pub repositories: u64,
    /// Covered packs.
    pub packs: u64,
    /// Covered objects.
    pub objects: u64,
    /// Blobs with finds.
    pub carriers: u64,
    /// Secrets.
    pub secrets: u64,
    /// Places of secrets.
    pub places: u64,
    /// Runs.
    pub runs: u64,
}

fn fault(message: String) -> Error {
    Error::Usage(format!("the state is damaged: {message}"))
}

/// Reads everything.
///
/// # Errors
/// The first thing that does not fit.
pub fn contents(state: &State) -> Result<Contents> {
    let repositories = repositories::all(state)?;
    let mut found = Contents { repositories: repositories.len() as u64, ..Contents::default() };
    let known = |number: u32| match repositories.contains_key(&number) {
        true => Ok(()),
        false => Err(fault(format!("it names a repository {number} that is not there"))),
    };
    state.read(|read| {
        for entry in read.open_table(PACKS).map_err(failed)?.iter().map_err(failed)? {
            known(entry.map_err(failed)?.0.value().0)?;
            found.packs += 1;
        }
        for entry in read.open_table(OBJECTS).map_err(failed)?.iter().map_err(failed)? {
            let (key, ids) = entry.map_err(failed)?;
            known(key.value().0)?;
            let (ids, rest) = ids.value().as_chunks::<16>();
            if !rest.is_empty() || !ids.is_sorted() || ids.first().is_none_or(|first| first[..] != *key.value().2) {
                return Err(fault("a list of covered objects makes no sense".to_owned()));
            }
            found.objects += ids.len() as u64;
        }
        for entry in read.open_table(CARRIERS).map_err(failed)?.iter().map_err(failed)? {
            known(entry.map_err(failed)?.0.value().0)?;
            found.carriers += 1;
        }
        let secrets = read.open_table(SECRETS).map_err(failed)?;
        for entry in secrets.iter().map_err(failed)? {
            let (key, secret) = entry.map_err(failed)?;
            let secret: Secret = from_json(secret.value())?;
            if ledger::id_bytes(&secret.secret_id)? != key.value() || secret.events.is_empty() {
                return Err(fault(format!("the record of {} makes no sense", secret.secret_id)));
            }
            found.secrets += 1;
        }
        for entry in read.open_table(PLACES).map_err(failed)?.iter().map_err(failed)? {
            let (key, place) = entry.map_err(failed)?;
            let (secret, repository, fingerprint) = key.value();
            known(repository)?;
            let place: Place = from_json(place.value())?;
            if ledger::id_bytes(&place.fingerprint)? != fingerprint || secrets.get(secret).map_err(failed)?.is_none() {
                return Err(fault(format!("the place {} belongs to nothing", place.fingerprint)));
            }
            found.places += 1;
        }
        for entry in read.open_table(RUNS).map_err(failed)?.iter().map_err(failed)? {
            let (number, run) = entry.map_err(failed)?;
            let run: Run = from_json(run.value())?;
            if run.number != number.value() {
                return Err(fault(format!("run {} makes no sense", run.number)));
            }
            found.runs += 1;
        }
        Ok(())
    })?;
    outbox::entries(state)?;
    Ok(found)
}
