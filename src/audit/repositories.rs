//! The records of repositories: entered under a name, found again, renamed.

use std::collections::BTreeMap;

use redb::ReadableTable as _;

use super::record::Repository;
use super::state::{REPOSITORIES, State, failed, from_json, get, to_json};
use crate::error::Result;

/// All repositories, by number.
///
/// # Errors
/// When the state cannot be read.
pub fn all(state: &State) -> Result<BTreeMap<u32, Repository>> {
    state.read(|read| {
        let table = read.open_table(REPOSITORIES).map_err(failed)?;
        let mut all = BTreeMap::new();
        for entry in table.iter().map_err(failed)? {
            let (number, record) = entry.map_err(failed)?;
            all.insert(number.value(), from_json(record.value())?);
        }
        Ok(all)
    })
}

/// Gives a repository another name, and what is told of its gaps another place (`from`, `to`). The record comes back.
///
/// # Errors
/// When the state cannot be written.
pub fn rename(state: &State, number: u32, name: &str, (from, to): (&str, &str)) -> Result<Option<Repository>> {
    state.write(|write| {
        let mut table = write.open_table(REPOSITORIES).map_err(failed)?;
        let Some(mut record) = get::<_, Repository>(&table, number)? else { return Ok(None) };
        let old = std::mem::replace(&mut record.name, name.to_owned());
        for gap in record.gaps.iter_mut().chain(&mut record.kept.gaps) {
            match &mut gap.path {
                Some(path) if *path == old => name.clone_into(path),
                Some(path) if *path == from => to.clone_into(path),
                _ => {}
            }
        }
        record.formerly.retain(|before| *before != name && *before != old);
        record.formerly.push(old);
        table.insert(number, &*to_json(&record)?).map_err(failed)?;
        Ok(Some(record))
    })
}

/// Gives repositories their numbers, all in one commit.
///
/// # Errors
/// When the state cannot be written.
pub fn add(state: &State, names: &[&str], now: &str) -> Result<Vec<(u32, Repository)>> {
    state.write(|write| {
        let mut table = write.open_table(REPOSITORIES).map_err(failed)?;
        let next = table.last().map_err(failed)?.map_or(1, |(number, _)| number.value() + 1);
        let mut added = Vec::new();
        for (number, &name) in (next..).zip(names) {
            let record = Repository { name: name.to_owned(), first_seen: now.to_owned(), ..Repository::default() };
            table.insert(number, &*to_json(&record)?).map_err(failed)?;
            added.push((number, record));
        }
        Ok(added)
    })
}
