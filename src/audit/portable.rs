//! A state as text, to carry it to another machine or program: one JSON record a line, the last one with a sum of all.
//!
//! ```text
//! {"record":"state","form":1,...}   {"record":"rules",...}   {"record":"repository",...}   {"record":"pack",...}
//! {"record":"objects",...}   {"record":"carrier",...}   {"record":"secret",...}   {"record":"place",...}
//! {"record":"run",...}   {"record":"alert",...}   {"record":"end","lines":N,"sha256":"..."}
//! ```

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use redb::{ReadableTable as _, WriteTransaction};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::outbox::Entry;
use super::record::{About, Place, Repository, Run, Secret};
use super::settle::{self, Life};
use super::state::{
    ALERTS, CARRIERS, META, OBJECTS, PACKS, PLACES, REPOSITORIES, RULES, RUNS, SECRETS, State, failed, from_json,
    to_json,
};
use super::{coverage, ledger, outbox, repositories, runs};
use crate::error::{Error, Result};
use crate::finding::identity::hex;

/// The version of the text's form.
pub const FORM: u32 = 1;

/// Longest line that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// Ids of objects on a line.
const IDS: usize = 3000;

/// What is covered of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Check sums of packs.
    pub packs: Vec<Vec<u8>>,
    /// Objects, sorted.
    pub objects: Vec<[u8; 16]>,
    /// Blobs with secrets, and what is known of each.
    pub carriers: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// All that a state holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dump {
    /// What it says of itself.
    pub about: About,
    /// Rule sets by digest.
    pub rules: BTreeMap<String, BTreeMap<String, String>>,
    /// Repositories by number.
    pub repositories: BTreeMap<u32, Repository>,
    /// Coverage by number of the repository.
    pub coverage: BTreeMap<u32, Coverage>,
    /// Secrets with their places.
    pub lives: Vec<Life>,
    /// Runs, oldest first.
    pub runs: Vec<Run>,
    /// Alerts that wait or were sent.
    pub alerts: Vec<Entry>,
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    State { form: u32, about: About },
    Rules { digest: String, rules: BTreeMap<String, String> },
    Repository { number: u32, repository: Repository },
    Pack { repository: u32, sum: String },
    Objects { repository: u32, ids: String },
    Carrier { repository: u32, blob: String, known: String },
    Secret { secret: Secret },
    Place { secret_id: String, repository: u32, place: Place },
    Run { run: Run },
    Alert { alert: Entry },
    End { lines: u64, sha256: String },
}

fn wrong(message: impl std::fmt::Display) -> Error {
    Error::Usage(format!("this is no export of a state, or it is damaged: {message}; export it again"))
}

fn bytes_of(text: &str) -> Result<Vec<u8>> {
    BASE64.decode(text).map_err(wrong)
}

impl Dump {
    /// All that `state` holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(state: &State) -> Result<Self> {
        let mut dump = Self {
            about: state.about().clone(),
            repositories: repositories::all(state)?,
            lives: settle::lives(state)?,
            runs: runs::all(state)?,
            alerts: outbox::entries(state)?,
            ..Self::default()
        };
        state.read(|read| {
            for entry in read.open_table(RULES).map_err(failed)?.iter().map_err(failed)? {
                let (digest, rules) = entry.map_err(failed)?;
                dump.rules.insert(digest.value().to_owned(), from_json(rules.value())?);
            }
            for entry in read.open_table(PACKS).map_err(failed)?.iter().map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let (number, sum) = entry.0.value();
                dump.coverage.entry(number).or_default().packs.push(sum.to_vec());
            }
            for entry in read.open_table(OBJECTS).map_err(failed)?.iter().map_err(failed)? {
                let (key, ids) = entry.map_err(failed)?;
                let coverage = dump.coverage.entry(key.value().0).or_default();
                coverage.objects.extend_from_slice(ids.value().as_chunks::<16>().0);
            }
            for entry in read.open_table(CARRIERS).map_err(failed)?.iter().map_err(failed)? {
                let (key, known) = entry.map_err(failed)?;
                let (number, blob) = key.value();
                let coverage = dump.coverage.entry(number).or_default();
                coverage.carriers.insert(blob.to_vec(), known.value().to_vec());
            }
            Ok(())
        })?;
        // Segments overlap in order.
        dump.coverage.values_mut().for_each(|coverage| coverage.objects.sort_unstable());
        Ok(dump)
    }

    /// Enters all of it into a state that is empty, in one commit.
    ///
    /// # Errors
    /// When the state cannot be written, or something in it makes no sense.
    pub fn enter(&self, state: &State) -> Result<()> {
        state.write(|write| {
            let mut meta = write.open_table(META).map_err(failed)?;
            let about = About { schema: state.about().schema, ..self.about.clone() };
            meta.insert("about", &*to_json(&about)?).map_err(failed)?;
            enter_rules(write, &self.rules)?;
            let mut repositories = write.open_table(REPOSITORIES).map_err(failed)?;
            for (number, record) in &self.repositories {
                repositories.insert(number, &*to_json(record)?).map_err(failed)?;
            }
            for (number, coverage) in &self.coverage {
                enter_coverage(write, *number, coverage)?;
            }
            let mut secrets = write.open_table(SECRETS).map_err(failed)?;
            let mut places = write.open_table(PLACES).map_err(failed)?;
            for Life { secret, places: all } in &self.lives {
                let id = ledger::id_bytes(&secret.secret_id)?;
                secrets.insert(&id[..], &*to_json(secret)?).map_err(failed)?;
                for (number, place) in all {
                    let fingerprint = ledger::id_bytes(&place.fingerprint)?;
                    places.insert((&id[..], *number, &fingerprint[..]), &*to_json(place)?).map_err(failed)?;
                }
            }
            let mut runs = write.open_table(RUNS).map_err(failed)?;
            for run in &self.runs {
                runs.insert(run.number, &*to_json(run)?).map_err(failed)?;
            }
            let mut alerts = write.open_table(ALERTS).map_err(failed)?;
            for entry in &self.alerts {
                alerts.insert(&*entry.key(), &*to_json(entry)?).map_err(failed)?;
            }
            Ok(())
        })
    }

    fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let head = Line::State { form: FORM, about: self.about.clone() };
        let rules =
            self.rules.iter().map(|(digest, rules)| Line::Rules { digest: digest.clone(), rules: rules.clone() });
        let repositories = self.repositories.iter();
        let repositories =
            repositories.map(|(&number, record)| Line::Repository { number, repository: record.clone() });
        let coverage = self.coverage.iter().flat_map(|(&repository, coverage)| {
            let packs = coverage.packs.iter().map(move |sum| Line::Pack { repository, sum: BASE64.encode(sum) });
            let objects = coverage.objects.chunks(IDS);
            let objects = objects.map(move |ids| Line::Objects { repository, ids: BASE64.encode(ids.as_flattened()) });
            let carriers = coverage.carriers.iter().map(move |(blob, known)| Line::Carrier {
                repository,
                blob: BASE64.encode(blob),
                known: BASE64.encode(known),
            });
            packs.chain(objects).chain(carriers)
        });
        let lives = self.lives.iter().flat_map(|life| {
            let places = life.places.iter().map(|(repository, place)| Line::Place {
                secret_id: life.secret.secret_id.clone(),
                repository: *repository,
                place: place.clone(),
            });
            std::iter::once(Line::Secret { secret: life.secret.clone() }).chain(places)
        });
        let runs = self.runs.iter().map(|run| Line::Run { run: run.clone() });
        let runs = runs.chain(self.alerts.iter().map(|alert| Line::Alert { alert: alert.clone() }));
        std::iter::once(head).chain(rules).chain(repositories).chain(coverage).chain(lives).chain(runs)
    }

    /// Writes it as text.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (mut hasher, mut lines) = (Sha256::new(), 0);
        for line in self.lines() {
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            hasher.update(&text);
            lines += 1;
            out.write_all(&text)?;
        }
        serde_json::to_writer(&mut *out, &Line::End { lines, sha256: hex(&hasher.finalize()) })?;
        out.write_all(b"\n")
    }

    /// Reads it from text.
    ///
    /// # Errors
    /// When a byte of it is not as it was written, or a newer program wrote it.
    pub fn read(input: &mut dyn BufRead) -> Result<Self> {
        let (mut dump, mut hasher, mut lines, mut line) = (Self::default(), Sha256::new(), 0_u64, Vec::new());
        let mut at: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            line.clear();
            input.take(LONGEST).read_until(b'\n', &mut line).map_err(wrong)?;
            if line.last() != Some(&b'\n') {
                return Err(wrong("it ends too early"));
            }
            let record: Line =
                serde_json::from_slice(&line).map_err(|error| wrong(format!("line {}: {error}", lines + 1)))?;
            if (lines == 0) != matches!(record, Line::State { .. }) {
                return Err(wrong("it must begin with what it is"));
            }
            if let Line::End { lines: said, sha256 } = record {
                let rest = input.fill_buf().map_err(wrong)?;
                return match said == lines && sha256 == hex(&hasher.finalize()) && rest.is_empty() {
                    true => Ok(dump),
                    false => Err(wrong("its sum is another one")),
                };
            }
            hasher.update(&line);
            lines += 1;
            dump.add(record, &mut at)?;
        }
    }

    fn add(&mut self, line: Line, at: &mut BTreeMap<String, usize>) -> Result<()> {
        let of = match &line {
            Line::Pack { repository, .. } | Line::Objects { repository, .. } => Some(repository),
            Line::Carrier { repository, .. } | Line::Place { repository, .. } => Some(repository),
            _ => None,
        };
        if of.is_some_and(|number| !self.repositories.contains_key(number)) {
            return Err(wrong("it names a repository that is not there"));
        }
        match line {
            Line::State { form, .. } if form > FORM => {
                return Err(Error::Usage(format!("a newer keysweep wrote this export (form {form}): use that one")));
            }
            Line::State { about, .. } if about.next_run > 1 << 40 => return Err(wrong("nobody ran so often")),
            Line::State { about, .. } => self.about = about,
            Line::Repository { number: u32::MAX, .. } => return Err(wrong("nobody has so many repositories")),
            Line::Rules { digest, rules } => drop(self.rules.insert(digest, rules)),
            Line::Repository { number, repository } => drop(self.repositories.insert(number, repository)),
            Line::Pack { repository, sum } => self.coverage.entry(repository).or_default().packs.push(bytes_of(&sum)?),
            Line::Objects { repository, ids } => {
                let bytes = bytes_of(&ids)?;
                let (ids, rest) = bytes.as_chunks::<16>();
                if !rest.is_empty() {
                    return Err(wrong("ids of objects are cut"));
                }
                self.coverage.entry(repository).or_default().objects.extend_from_slice(ids);
            }
            Line::Carrier { repository, blob, known } => {
                let carriers = &mut self.coverage.entry(repository).or_default().carriers;
                carriers.insert(bytes_of(&blob)?, bytes_of(&known)?);
            }
            Line::Secret { secret } => {
                at.insert(secret.secret_id.clone(), self.lives.len());
                self.lives.push(Life { secret, places: Vec::new() });
            }
            Line::Place { secret_id, repository, place } => {
                let life = at.get(&secret_id).and_then(|at| self.lives.get_mut(*at));
                life.ok_or_else(|| wrong("a place has no secret"))?.places.push((repository, place));
            }
            Line::Run { run } => self.runs.push(run),
            Line::Alert { alert } => self.alerts.push(alert),
            Line::End { .. } => {}
        }
        Ok(())
    }
}

/// Enters rule sets that are not there.
pub(super) fn enter_rules(write: &WriteTransaction, all: &BTreeMap<String, BTreeMap<String, String>>) -> Result<()> {
    let mut table = write.open_table(RULES).map_err(failed)?;
    for (digest, rules) in all {
        table.insert(&**digest, &*to_json(rules)?).map_err(failed)?;
    }
    Ok(())
}

/// Enters what is covered of a repository of which nothing was.
pub(super) fn enter_coverage(write: &WriteTransaction, number: u32, covered: &Coverage) -> Result<()> {
    coverage::add(write, number, &covered.packs, &covered.objects)?;
    let mut carriers = write.open_table(CARRIERS).map_err(failed)?;
    for (blob, known) in &covered.carriers {
        carriers.insert((number, &blob[..]), &known[..]).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Coverage, Dump};
    use crate::audit::record::{About, Repository};

    fn dump() -> Dump {
        let mut dump =
            Dump { about: About { schema: 1, key_id: "k".to_owned(), ..About::default() }, ..Dump::default() };
        dump.repositories.insert(3, Repository { name: "a\u{2028}b".to_owned(), ..Repository::default() });
        let objects = (0..7000_u32).map(|n| u128::from(n).to_be_bytes()).collect();
        dump.coverage.insert(3, Coverage { packs: vec![vec![7; 20]], objects, ..Coverage::default() });
        dump
    }

    #[test]
    fn an_export_is_read_as_it_was_written() {
        let mut text = Vec::new();
        dump().write(&mut text).expect("written");
        assert_eq!(Dump::read(&mut &text[..]).expect("read"), dump());
    }

    #[test]
    fn no_byte_of_an_export_can_change_unseen() {
        let mut text = Vec::new();
        dump().write(&mut text).expect("written");
        for at in (0..text.len()).step_by(997).chain(text.len() - 120..text.len()) {
            let mut damaged = text.clone();
            damaged[at] ^= 1;
            assert!(Dump::read(&mut &damaged[..]).is_err(), "byte {at}");
            assert!(Dump::read(&mut &text[..at]).is_err(), "cut at {at}");
        }
        text.extend_from_slice(b"more");
        assert!(Dump::read(&mut &text[..]).is_err(), "something after its end");
    }
}
