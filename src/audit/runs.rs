//! What is written down of a run itself: that it began and ended, and what it only looked at.

use std::collections::BTreeMap;

use redb::ReadableTable;

use super::life::Moment;
use super::record::{Repository, Run};
use super::state::{META, REPOSITORIES, RUNS, State, failed, from_json, get, to_json};
use crate::error::{Error, Notice, Result};

/// What there is to note of a repository in which nothing was new.
#[derive(Debug, Default)]
pub struct Untouched {
    /// What could not be covered.
    pub gaps: Vec<Notice>,
    /// As [`Repository::stamp`]; `None` leaves it as it is.
    pub stamp: Option<String>,
}

/// Notes that repositories were looked at and nothing was new (or that they could not be read), all in one commit.
///
/// # Errors
/// When the state cannot be written.
pub fn touch(state: &State, looked_at: &BTreeMap<u32, Untouched>, moment: &Moment<'_>) -> Result<()> {
    if looked_at.is_empty() {
        return Ok(());
    }
    state.write(|write| {
        let mut table = write.open_table(REPOSITORIES).map_err(failed)?;
        for (&number, Untouched { gaps, stamp }) in looked_at {
            let Some(mut record) = get::<_, Repository>(&table, number)? else { continue };
            moment.now.clone_into(&mut record.last_run);
            record.gaps.clone_from(gaps);
            if let Some(stamp) = stamp {
                record.stamp.clone_from(stamp);
            }
            if gaps.is_empty() {
                moment.now.clone_into(&mut record.last_complete);
            }
            table.insert(number, &*to_json(&record)?).map_err(failed)?;
        }
        Ok(())
    })
}

/// Writes a run down; a new one gets the next number.
///
/// # Errors
/// When the state cannot be written.
pub fn write(state: &State, run: &Run) -> Result<()> {
    state.write(|write| {
        let mut meta = write.open_table(META).map_err(failed)?;
        let mut about: super::record::About =
            get(&meta, "about")?.ok_or_else(|| Error::Usage("the state does not say what it is".to_owned()))?;
        about.next_run = about.next_run.max(run.number + 1);
        meta.insert("about", &*to_json(&about)?).map_err(failed)?;
        write.open_table(RUNS).map_err(failed)?.insert(run.number, &*to_json(run)?).map_err(failed)?;
        Ok(())
    })
}

/// All runs, oldest first.
///
/// # Errors
/// When the state cannot be read.
pub fn all(state: &State) -> Result<Vec<Run>> {
    state.read(|read| {
        let table = read.open_table(RUNS).map_err(failed)?;
        let runs = table.iter().map_err(failed)?;
        runs.map(|entry| from_json(entry.map_err(failed)?.1.value())).collect()
    })
}
