//! Settling all accounts at the end of a run: what proofs and decisions close, what opens again.

use redb::ReadableTable as _;

use super::life::{Moment, Proofs, Verifications};
use super::record::{Allowed, Place, Secret};
use super::state::{PLACES, SECRETS, State, failed, from_json, to_json};
use crate::error::Result;

/// A secret with all its places, each with the number of its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The secret.
    pub secret: Secret,
    /// Its places.
    pub places: Vec<(u32, Place)>,
}

/// Says whether an ignore file accepts an identity (a fingerprint or secret id) today.
pub type Accepts<'a> = dyn Fn(&str) -> Option<Allowed> + 'a;

/// All secrets, by id, with their places.
///
/// # Errors
/// When the state cannot be read.
pub fn lives(state: &State) -> Result<Vec<Life>> {
    state.read(|read| {
        let secrets = read.open_table(SECRETS).map_err(failed)?;
        let places = read.open_table(PLACES).map_err(failed)?;
        let mut places = places.iter().map_err(failed)?.peekable();
        let mut lives = Vec::new();
        // Both tables are in the order of the secrets' ids.
        for entry in secrets.iter().map_err(failed)? {
            let (id, secret) = entry.map_err(failed)?;
            let mut life = Life { secret: from_json(secret.value())?, places: Vec::new() };
            while let Some(entry) = places.next_if(|entry| match entry {
                Ok((key, _)) => key.value().0 <= id.value(),
                Err(_) => true,
            }) {
                let (key, place) = entry.map_err(failed)?;
                life.places.push((key.value().1, from_json(place.value())?));
            }
            lives.push(life);
        }
        Ok(lives)
    })
}

/// Why a place does not count today, if so.
fn allowed(secret: &Secret, place: &Place, accepts: &Accepts<'_>, today: &str) -> Option<Allowed> {
    // What an ignore file said when the place was scanned may have been taken back: the file of today counts.
    let noted = place.allowed.clone().filter(|allowed| allowed.by != "ignore-file" && allowed.holds(today));
    noted.or_else(|| accepts(&place.fingerprint)).or_else(|| accepts(&secret.secret_id))
}

/// Settles with what was proven and what issuers said; all secrets come back.
///
/// # Errors
/// When the state cannot be read or written.
pub fn settle(
    state: &State,
    accepts: &Accepts<'_>,
    (proofs, said): (&Proofs, &Verifications),
    moment: &Moment<'_>,
) -> Result<Vec<Life>> {
    let mut lives = lives(state)?;
    let mut changed = Vec::new();
    for life in &mut lives {
        let Life { secret, places } = life;
        let allowed: Vec<Option<Allowed>> =
            places.iter().map(|(_, place)| allowed(secret, place, accepts, moment.today)).collect();
        let verified = said.get(&secret.secret_id).is_some_and(|said| secret.verified(said, moment));
        if secret.settle(&allowed, proofs.get(&secret.secret_id), moment) || verified {
            changed.push(secret.clone());
        }
    }
    if !changed.is_empty() {
        state.write(|write| {
            let mut table = write.open_table(SECRETS).map_err(failed)?;
            for secret in &changed {
                table.insert(&*super::ledger::id_bytes(&secret.secret_id)?, &*to_json(secret)?).map_err(failed)?;
            }
            Ok(())
        })?;
    }
    Ok(lives)
}
