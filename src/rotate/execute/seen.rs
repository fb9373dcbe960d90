//! Where runs live, and how one stands: read without going on with it.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::rotate::journal::{self, Chain, Entry, Record};
use crate::rotate::plan::Item;
use crate::rotate::run::{Course, Next, State, next};

/// Age at which a run that was not begun will not be any more.
const NEVER_BEGUN: Duration = Duration::from_secs(3_600);

/// Where runs live.
#[derive(Debug, Clone)]
pub struct Places {
    /// Runs and locks.
    pub state: PathBuf,
    /// Keys and identities that are made on first use.
    pub config: PathBuf,
}

impl Places {
    /// The folder of a run.
    pub fn run(&self, name: &str) -> PathBuf {
        self.state.join("runs").join(name)
    }

    /// What chains the lines of journals: it lies beside the keys, not beside the journals.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn chain(&self) -> Result<Chain> {
        Chain::load_or_make(&self.config.join("journal.key"))
    }

    /// The names of all runs that were begun, oldest first.
    pub fn runs(&self) -> Vec<String> {
        let folders = self.folders().filter(|folder| folder.join("journal.jsonl").exists());
        let names = folders.filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()));
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    fn folders(&self) -> impl Iterator<Item = PathBuf> {
        std::fs::read_dir(self.state.join("runs")).into_iter().flatten().flatten().map(|entry| entry.path())
    }

    /// Removes what kills have left of runs that were never begun; what is young may be another process' that begins one.
    pub(super) fn sweep(&self) {
        for folder in self.folders().filter(|folder| !folder.join("journal.jsonl").exists()) {
            let age =
                folder.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > NEVER_BEGUN) {
                let _ = std::fs::remove_dir_all(folder);
            }
        }
    }
}

/// What is read of a run without going on with it.
#[derive(Debug)]
pub struct Seen {
    /// What it is about.
    pub item: Item,
    /// The plan's digest.
    pub digest: String,
    /// Where it stands.
    pub state: State,
    /// What would come next.
    pub next: Next,
    /// Its journal.
    pub records: Vec<Record>,
    /// The hash of the journal's last line.
    pub head: String,
}

/// Looks at a run; changes nothing.
///
/// # Errors
/// When its journal cannot be read or was changed.
pub fn see(places: &Places, name: &str) -> Result<Seen> {
    let (records, head) = journal::read_with_head(&places.run(name).join("journal.jsonl"), &places.chain()?)?;
    let (item, digest) = begun(name, &records)?;
    let course = item.course.clone().ok_or_else(|| Error::Usage(format!("run {name} has no course")))?;
    let state = fold(&course, &records);
    let next = next(&course, &state);
    Ok(Seen { item, digest, state, next, records, head })
}

pub(super) fn begun(name: &str, records: &[Record]) -> Result<(Item, String)> {
    let Some(Entry::Begin { entry, digest, .. }) = records.first().map(|record| &record.entry) else {
        return Err(Error::Usage(format!("run {name} was never begun")));
    };
    let item = serde_json::from_value(entry.clone()).map_err(|error| Error::Usage(format!("run {name}: {error}")))?;
    Ok((item, digest.clone()))
}

pub(super) fn fold(course: &Course, records: &[Record]) -> State {
    let events = records.iter().filter_map(|record| match &record.entry {
        Entry::Event { event, .. } => Some(event),
        _ => None,
    });
    State::of(course, events)
}

/// Another run of the same credential that is not over.
pub(super) fn unfinished(places: &Places, id: &str) -> Option<String> {
    places.runs().into_iter().find(|name| {
        see(places, name).is_ok_and(|seen| {
            seen.item.identity.is_some_and(|identity| identity.id == id)
                && !matches!(seen.next, Next::End(end) if end.over())
        })
    })
}
