//! Merging the states of shards into one that knows all of them: coverage is taken over, lives of secrets are joined.
//!
//! The merged state is a state like any other. Each merge is a run of its own in it, so that "new" means: since the last
//! merge. A repository belongs to the shard that looked at it last. A secret is proven dead when one shard has the proof,
//! accepted when every shard that has it accepted it, and open else.

use std::collections::{BTreeMap, BTreeSet};

use redb::WriteTransaction;

use super::life::{Moment, Proof};
use super::portable::{self, Dump};
use super::record::{Allowed, Event, Place, Repository, Secret, Standing};
use super::settle::Life;
use super::state::{CARRIERS, PLACES, REPOSITORIES, SECRETS, State, failed, get, to_json};
use super::{coverage, ledger, repositories, settle};
use crate::error::{Notice, NoticeKind, Result};

/// A merge under way.
#[derive(Debug, Default)]
pub struct Merge {
    /// By secret, how it stands in each shard.
    standings: BTreeMap<String, Vec<Secret>>,
    /// Numbers of the repositories that were entered.
    entered: BTreeSet<u32>,
    /// Names of shards, as `K/N`.
    shards: BTreeSet<String>,
    /// How many states were entered.
    count: usize,
    /// What was not covered.
    pub notices: Vec<Notice>,
}

impl Merge {
    /// Enters the state of one shard, in one commit. `name` is what messages call it.
    ///
    /// # Errors
    /// When the merged state cannot be written.
    pub fn enter(&mut self, state: &State, name: &str, dump: &Dump, moment: &Moment<'_>) -> Result<()> {
        let last = dump.runs.last();
        if last.is_none_or(|run| run.ended.is_empty()) {
            let message = "the last run of this shard did not end: what it covers is what it was at";
            self.notices.push(Notice::new(NoticeKind::Unreadable, message).at(name).mend("run that shard again").gap());
        }
        self.shards.extend(last.and_then(|run| run.shard.clone()));
        self.count += 1;
        let known: BTreeMap<String, (u32, Repository)> =
            repositories::all(state)?.into_iter().map(|(number, it)| (it.name.clone(), (number, it))).collect();
        let mut next = known.values().map(|(number, _)| number + 1).max().unwrap_or(1);
        state.write(|write| {
            portable::enter_rules(write, &dump.rules)?;
            let mut table = write.open_table(REPOSITORIES).map_err(failed)?;
            // By number in the shard: number here, and whether the shard knows it best.
            let mut numbers: BTreeMap<u32, (u32, bool)> = BTreeMap::new();
            for (&theirs, record) in &dump.repositories {
                let mut record = record.clone();
                let (number, best) = match known.get(&record.name) {
                    Some((number, here)) => {
                        record.first_seen = record.first_seen.min(here.first_seen.clone());
                        (*number, record.last_run >= here.last_run)
                    }
                    None => (next, true),
                };
                next = next.max(number + 1);
                numbers.insert(theirs, (number, best));
                self.entered.insert(number);
                if best {
                    table.insert(number, &*to_json(&record)?).map_err(failed)?;
                    forget(write, number)?;
                    portable::enter_coverage(write, number, &dump.coverage.get(&theirs).cloned().unwrap_or_default())?;
                }
            }
            for life in &dump.lives {
                enter_life(write, life, &numbers, moment)?;
            }
            Ok(())
        })?;
        for life in &dump.lives {
            self.standings.entry(life.secret.secret_id.clone()).or_default().push(life.secret.clone());
        }
        Ok(())
    }

    /// Joins the lives; all secrets come back.
    ///
    /// # Errors
    /// When the merged state cannot be read or written.
    pub fn finish(&mut self, state: &State, moment: &Moment<'_>) -> Result<Vec<Life>> {
        let complete = self.missing_shards();
        let mut lives = settle::lives(state)?;
        let gone: Vec<u32> = match complete {
            // All parts are there: what none of them knows has another name today.
            true => repositories::all(state)?.into_keys().filter(|number| !self.entered.contains(number)).collect(),
            false => Vec::new(),
        };
        state.write(|write| {
            let mut table = write.open_table(REPOSITORIES).map_err(failed)?;
            for number in gone {
                table.remove(number).map_err(failed)?;
                forget(write, number)?;
                let mut places = write.open_table(PLACES).map_err(failed)?;
                places.retain(|(_, repository, _), _| repository != number).map_err(failed)?;
                lives.iter_mut().for_each(|life| life.places.retain(|place| place.0 != number));
            }
            let mut secrets = write.open_table(SECRETS).map_err(failed)?;
            for Life { secret, .. } in &mut lives {
                let Some(standings) = self.standings.get(&secret.secret_id) else { continue };
                if join(secret, standings, moment) {
                    let id = ledger::id_bytes(&secret.secret_id)?;
                    secrets.insert(&id[..], &*to_json(secret)?).map_err(failed)?;
                }
            }
            Ok(())
        })?;
        Ok(lives)
    }

    /// Whether all parts are known to be there; a gap for each that is not.
    fn missing_shards(&mut self) -> bool {
        let mut of: Vec<u64> = self.shards.iter().filter_map(|shard| shard.split_once('/')?.1.parse().ok()).collect();
        of.dedup();
        let [of] = of[..] else { return false };
        // A number from a file that anybody may have written: only the missing ones that can be told are.
        let missing: Vec<String> =
            (1..=of.min(10_000)).map(|part| format!("{part}/{of}")).filter(|it| !self.shards.contains(it)).collect();
        for shard in &missing {
            let message = format!("shard {shard} is not among what was merged");
            self.notices.push(Notice::new(NoticeKind::Unreadable, message).mend("give its state as well").gap());
        }
        missing.is_empty() && of <= 10_000 && self.count >= self.shards.len()
    }
}

/// Forgets what is covered of a repository, its blobs with secrets too.
fn forget(write: &WriteTransaction, number: u32) -> Result<()> {
    coverage::forget(write, number)?;
    let mut carriers = write.open_table(CARRIERS).map_err(failed)?;
    carriers.retain_in((number, &[][..])..(number + 1, &[][..]), |_, _| false).map_err(failed)
}

fn enter_life(
    write: &WriteTransaction,
    life: &Life,
    numbers: &BTreeMap<u32, (u32, bool)>,
    moment: &Moment<'_>,
) -> Result<()> {
    let mut secrets = write.open_table(SECRETS).map_err(failed)?;
    let mut places = write.open_table(PLACES).map_err(failed)?;
    let theirs = &life.secret;
    let id = ledger::id_bytes(&theirs.secret_id)?;
    let known: Option<Secret> = get(&secrets, &id[..])?;
    let mut secret = known.unwrap_or_else(|| Secret {
        standing: Standing::Open,
        allowed_until: None,
        verified: None,
        events: vec![Event {
            at: theirs.first_seen.clone(),
            run: moment.run,
            what: "found".to_owned(),
            why: String::new(),
        }],
        ..theirs.clone()
    });
    let last_seen = secret.last_seen.clone().max(theirs.last_seen.clone());
    for (number, place) in &life.places {
        let Some(&(number, best)) = numbers.get(number) else { continue };
        let fingerprint = ledger::id_bytes(&place.fingerprint)?;
        let key = (&id[..], number, &fingerprint[..]);
        let here: Option<Place> = get(&places, key)?;
        if here.is_none() {
            secret.seen_at(place, moment);
        }
        let place = match here {
            Some(here) if !best => here,
            Some(here) => Place { first_seen: here.first_seen.min(place.first_seen.clone()), ..place.clone() },
            // Another shard looked at the repository later: it knows HEAD.
            None => Place { in_head: place.in_head && best, ..place.clone() },
        };
        places.insert(key, &*to_json(&place)?).map_err(failed)?;
    }
    if let Some(said) = &theirs.verified {
        secret.verified(said, moment);
    }
    secret.first_seen = secret.first_seen.min(theirs.first_seen.clone());
    secret.last_seen = last_seen;
    secret.severity = theirs.severity;
    secrets.insert(&id[..], &*to_json(&secret)?).map_err(failed)?;
    Ok(())
}

/// Settles a secret by how it stands in each shard. Whether that changed it comes back.
fn join(secret: &mut Secret, standings: &[Secret], moment: &Moment<'_>) -> bool {
    let last = |one: &Secret, what: &str| one.events.iter().rev().find(|event| event.what == what).cloned();
    let proof = standings
        .iter()
        .filter(|one| one.standing == Standing::Proven)
        .filter_map(|one| last(one, "proven"))
        .max_by(|a, b| a.at.cmp(&b.at))
        .map(|event| Proof { at: event.at, run: event.why.trim_start_matches("rotation ").to_owned() });
    let allowed: Vec<Option<Allowed>> = standings
        .iter()
        .map(|one| {
            let event = last(one, "accepted").filter(|_| one.standing == Standing::Accepted)?;
            let reason = Some(event.why).filter(|why| !why.is_empty());
            Some(Allowed { by: "shard".to_owned(), reason, owner: None, expires: one.allowed_until.clone() })
        })
        .collect();
    // It happened when it happened in the shard, not when it was merged.
    let happened = |event: &&Event| ["accepted", "reopened"].contains(&&*event.what);
    let at = standings.iter().flat_map(|one| &one.events).filter(happened).map(|event| event.at.clone()).max();
    let now = at.as_deref().unwrap_or(moment.now);
    secret.settle(&allowed, proof.as_ref(), &Moment { now, ..*moment })
}
