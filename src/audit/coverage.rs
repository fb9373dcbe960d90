//! Which objects of a repository are covered: ids in sorted chunks, in segments that are merged as they grow.
//!
//! Every run that brings objects adds a segment; segments of a size are merged, so there are few (the logarithm of the
//! number of objects), and an id is written again that many times at most. Of an id the first 16 bytes are kept; a
//! chunk fills a page: about 17 bytes an object.

use redb::{ReadableTable, WriteTransaction};

use super::state::{OBJECTS, PACKS, State, failed};
use crate::error::Result;

/// Bytes kept of an id: 128 bits.
const KEPT: usize = 16;

/// Ids in a chunk: with its key it fills a page of 4096 bytes.
const CHUNK: usize = 250;

/// The part of an id that is kept.
pub fn kept(id: &[u8]) -> [u8; KEPT] {
    let mut bytes = [0; KEPT];
    let length = id.len().min(KEPT);
    bytes[..length].copy_from_slice(&id[..length]);
    bytes
}

/// Whether all objects of this pack are covered.
///
/// # Errors
/// When the state cannot be read.
pub fn has_pack(state: &State, repository: u32, sum: &[u8]) -> Result<bool> {
    state.read(|read| Ok(read.open_table(PACKS).map_err(failed)?.get((repository, sum)).map_err(failed)?.is_some()))
}

/// For each of the sorted `ids` whether it is covered.
///
/// # Errors
/// When the state cannot be read.
pub fn has_objects(state: &State, repository: u32, ids: &[[u8; KEPT]]) -> Result<Vec<bool>> {
    let mut known = vec![false; ids.len()];
    state.read(|read| {
        let table = read.open_table(OBJECTS).map_err(failed)?;
        for segment in segments(&table, repository)? {
            let mut chunk: Vec<u8> = Vec::new();
            // The chunk that was read holds all ids from its first up to (not with) the next chunk's.
            let mut next: Option<Vec<u8>> = Some(Vec::new());
            for (id, known) in ids.iter().zip(&mut known) {
                if next.as_ref().is_some_and(|next| &id[..] >= next.as_slice()) {
                    let lower = (repository, segment, &[][..]);
                    let mut before = table.range(lower..=(repository, segment, &id[..])).map_err(failed)?;
                    chunk = match before.next_back() {
                        Some(found) => found.map_err(failed)?.1.value().to_vec(),
                        None => Vec::new(),
                    };
                    let upper = (repository, segment + 1, &[][..]);
                    let after = (repository, segment, &[&id[..], &[0]].concat()[..]);
                    let mut after = table.range(after..upper).map_err(failed)?;
                    next = match after.next() {
                        Some(found) => Some(found.map_err(failed)?.0.value().2.to_vec()),
                        None => None,
                    };
                }
                *known |= chunk.as_chunks::<KEPT>().0.binary_search(id).is_ok();
            }
        }
        Ok(())
    })?;
    Ok(known)
}

/// Segments of a repository, oldest first.
fn segments(table: &impl ReadableTable<(u32, u32, &'static [u8]), &'static [u8]>, repository: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        let from = (repository, at, &[][..]);
        let Some(first) = table.range(from..(repository + 1, 0, &[][..])).map_err(failed)?.next() else { break };
        let segment = first.map_err(failed)?.0.value().1;
        found.push(segment);
        at = segment + 1;
    }
    Ok(found)
}

/// Adds covered objects (sorted, each once, none of them known) and the packs that hold them.
///
/// # Errors
/// When the state cannot be written.
pub(super) fn add(write: &WriteTransaction, repository: u32, packs: &[Vec<u8>], ids: &[[u8; KEPT]]) -> Result<()> {
    let mut known = write.open_table(PACKS).map_err(failed)?;
    for sum in packs {
        known.insert((repository, &sum[..]), ()).map_err(failed)?;
    }
    if ids.is_empty() {
        return Ok(());
    }
    let mut table = write.open_table(OBJECTS).map_err(failed)?;
    let mut mine = ids.to_vec();
    let mut all = segments(&table, repository)?;
    let mut number = all.last().map_or(0, |last| last + 1);
    // Newer segments are smaller: each is merged that is no larger than twice what is there.
    while let Some(segment) = all.pop() {
        let range = (repository, segment, &[][..])..(repository, segment + 1, &[][..]);
        let mut theirs: Vec<[u8; KEPT]> = Vec::new();
        let mut larger = false;
        for entry in table.range(range.clone()).map_err(failed)? {
            theirs.extend_from_slice(entry.map_err(failed)?.1.value().as_chunks::<KEPT>().0);
            if theirs.len() > 2 * mine.len() {
                larger = true;
                break;
            }
        }
        if larger {
            break;
        }
        table.retain_in(range, |_, _| false).map_err(failed)?;
        mine.append(&mut theirs);
        number = segment;
    }
    mine.sort_unstable();
    mine.dedup();
    for chunk in mine.chunks(CHUNK) {
        table.insert((repository, number, &chunk[0][..]), &*chunk.concat()).map_err(failed)?;
    }
    Ok(())
}

/// Forgets what is covered of a repository.
///
/// # Errors
/// When the state cannot be written.
pub(super) fn forget(write: &WriteTransaction, repository: u32) -> Result<()> {
    let mut objects = write.open_table(OBJECTS).map_err(failed)?;
    let range = (repository, 0, &[][..])..(repository + 1, 0, &[][..]);
    objects.retain_in(range, |_, _| false).map_err(failed)?;
    let mut packs = write.open_table(PACKS).map_err(failed)?;
    packs.retain_in((repository, &[][..])..(repository + 1, &[][..]), |_, ()| false).map_err(failed)
}
