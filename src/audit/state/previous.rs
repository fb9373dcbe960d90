//! The generation that is kept beside the state: brought up to the state's own, before a run changes anything.
//!
//! Where it is known which blocks changed since, they alone are copied. They stand in a file of their own first
//! (`FILE.previous.redo`): a process that dies while they are put in place leaves what it takes to go on, so there is a good
//! generation at every moment. Both generations are read whole each time, so that damage to either is found.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::blocks::{BLOCK, Blocks, Said, Sum, Sums, fill};
use super::generation::{beside, copy_private, previous, remove, said};
use super::io;
use crate::error::Result;
use crate::private;

const FORM: &str = "keysweep state redo 1";

/// Keeps the state, which is as `now` says, as the last good generation.
pub(super) fn keep(path: &Path, now: &Said) -> Result<()> {
    let kept = previous(path);
    settle(&kept)?;
    if catch_up(path, &kept, now)? {
        return Ok(());
    }
    let new = beside(path, ".previous-new");
    copy_private(path, &new)?;
    let sum = beside(&kept, ".sum");
    remove(&sum)?;
    fs::rename(&new, &kept).map_err(io(&kept))?;
    write_said(&kept, now.sum)
}

fn write_said(kept: &Path, sum: Sum) -> Result<()> {
    private::write_private(&beside(kept, ".sum"), Said { sum, since: None }.text().as_bytes())
}

fn redo(kept: &Path) -> PathBuf {
    beside(kept, ".redo")
}

/// Copies the blocks that changed; `false` when that would not do.
fn catch_up(path: &Path, kept: &Path, now: &Said) -> Result<bool> {
    let Some((since, blocks)) = &now.since else { return Ok(false) };
    let is_good = said(kept)?.is_some_and(|said| said.sum == *since);
    if !is_good || !Sums::of(kept).is_ok_and(|sums| sums.sum() == *since) {
        return Ok(false);
    }
    if since == &now.sum {
        return Ok(true);
    }
    // From half of it on a whole copy costs no more.
    if 2 * blocks.len() as u64 * BLOCK > now.sum.length {
        return Ok(false);
    }
    let bytes = pack(path, (*since, now.sum), blocks)?;
    private::write_private(&redo(kept), &bytes)?;
    settle(kept)?;
    Ok(true)
}

/// What has to be written to make one generation of another: a line for the form and each of both, the blocks with their
/// numbers, a CRC-32 of all that.
fn pack(path: &Path, (from, to): (Sum, Sum), blocks: &Blocks) -> Result<Vec<u8>> {
    let mut bytes = format!("{FORM}\n{from}\n{to}\n").into_bytes();
    let (mut file, mut piece) = (File::open(path).map_err(io(path))?, vec![0; BLOCK as usize]);
    for &block in blocks.iter().filter(|&&block| block * BLOCK < to.length) {
        file.seek(SeekFrom::Start(block * BLOCK)).map_err(io(path))?;
        let got = fill(&mut file, &mut piece).map_err(io(path))?;
        bytes.extend_from_slice(&block.to_le_bytes());
        bytes.extend_from_slice(&(got as u64).to_le_bytes());
        bytes.extend_from_slice(&piece[..got]);
    }
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

/// Two generations, and the blocks by number that make the second of the first.
type Unpacked<'b> = ((Sum, Sum), Vec<(u64, &'b [u8])>);

/// What [`pack`] packed; `None` when it is damaged.
fn unpack(bytes: &[u8]) -> Option<Unpacked<'_>> {
    let (bytes, crc) = bytes.split_last_chunk()?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut parts = bytes.splitn(4, |&byte| byte == b'\n');
    let mut line = || std::str::from_utf8(parts.next()?).ok();
    if line()? != FORM {
        return None;
    }
    let sums = (Sum::parse(line()?)?, Sum::parse(line()?)?);
    let (mut rest, mut blocks) = (parts.next()?, Vec::new());
    while !rest.is_empty() {
        let (block, after) = rest.split_first_chunk()?;
        let (length, after) = after.split_first_chunk()?;
        let (bytes, after) = after.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        blocks.push((u64::from_le_bytes(*block), bytes));
        rest = after;
    }
    Some((sums, blocks))
}

/// Ends what a process began, if one died over the generation that is kept.
pub(super) fn settle(kept: &Path) -> Result<()> {
    let redo = redo(kept);
    let bytes = match fs::read(&redo) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(&redo)(error)),
    };
    if let Some(((from, to), blocks)) = unpack(&bytes)
        && said(kept)?.is_some_and(|said| said.sum == from)
    {
        let mut file = OpenOptions::new().write(true).open(kept).map_err(io(kept))?;
        file.set_len(to.length).map_err(io(kept))?;
        for (block, bytes) in blocks {
            file.seek(SeekFrom::Start(block * BLOCK)).map_err(io(kept))?;
            file.write_all(bytes).map_err(io(kept))?;
        }
        file.sync_all().map_err(io(kept))?;
        write_said(kept, to)?;
    }
    remove(&redo)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{keep, pack, redo, settle};
    use crate::audit::state::blocks::{BLOCK, Blocks, Said, Sum, Sums};
    use crate::audit::state::generation::{beside, check_sum, previous};

    /// Two generations in the folder, and what the sum of the second says.
    fn two(folder: &Path) -> (Vec<u8>, Vec<u8>, Sum, Said) {
        let path = folder.join("state");
        let old: Vec<u8> = (0..20 * BLOCK).map(|at| (at / 1000) as u8).collect();
        std::fs::write(&path, &old).expect("written");
        let from = Sums::of(&path).expect("read").sum();
        keep(&path, &Said { sum: from, since: None }).expect("kept");
        let mut new = old.clone();
        new[3 * BLOCK as usize + 5] ^= 1;
        new.extend_from_slice(b"and a piece of a block");
        std::fs::write(&path, &new).expect("written");
        let sum = Sums::of(&path).expect("read").sum();
        (old, new, from, Said { sum, since: Some((from, Blocks::from([3, 20]))) })
    }

    fn is_good(kept: &Path) -> bool {
        check_sum(kept).is_ok_and(|found| found.is_some())
    }

    #[test]
    fn blocks_that_changed_bring_the_kept_generation_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        let (_, new, from, said) = two(folder.path());
        let inode = || {
            use std::os::unix::fs::MetadataExt as _;
            std::fs::metadata(previous(&path)).expect("there").ino()
        };
        let before = inode();
        keep(&path, &said).expect("kept");
        assert_eq!((std::fs::read(previous(&path)).expect("read"), inode()), (new.clone(), before), "not a new copy");
        assert!(is_good(&previous(&path)) && !redo(&previous(&path)).exists());
        // The kept one is another than the blocks are about, or damaged: a whole copy.
        keep(&path, &Said { since: Some((from, Blocks::from([3]))), ..said.clone() }).expect("kept");
        assert_eq!(std::fs::read(previous(&path)).expect("read"), new);
        let mut damaged = new.clone();
        damaged[9 * BLOCK as usize] ^= 1;
        std::fs::write(previous(&path), damaged).expect("written");
        keep(&path, &Said { since: Some((said.sum, Blocks::new())), ..said }).expect("kept");
        assert_eq!(std::fs::read(previous(&path)).expect("read"), new);
        assert!(is_good(&previous(&path)));
    }

    #[test]
    fn a_process_that_dies_at_any_step_leaves_a_good_generation() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        let (old, new, from, said) = two(folder.path());
        let kept = previous(&path);
        let good_sum = std::fs::read(beside(&kept, ".sum")).expect("read");
        let bytes = pack(&path, (from, said.sum), &Blocks::from([3, 20])).expect("packed");
        // Only some of the blocks were written.
        let mut half = old.clone();
        half.resize(new.len(), 0);
        for (content, redo_bytes, then) in [
            (&old, None, &old),
            (&old, Some(&bytes[..bytes.len() / 2]), &old),
            (&old, Some(&bytes[..]), &new),
            (&half, Some(&bytes[..]), &new),
            (&new, Some(&bytes[..]), &new),
        ] {
            std::fs::write(&kept, content).expect("written");
            std::fs::write(beside(&kept, ".sum"), &good_sum).expect("written");
            if let Some(redo_bytes) = redo_bytes {
                std::fs::write(redo(&kept), redo_bytes).expect("written");
            }
            settle(&kept).expect("settled");
            assert_eq!(&std::fs::read(&kept).expect("read"), then);
            assert!(is_good(&kept) && !redo(&kept).exists());
        }
        // All was done but for the end.
        std::fs::write(redo(&kept), &bytes).expect("written");
        settle(&kept).expect("settled");
        assert_eq!(std::fs::read(&kept).expect("read"), new);
        assert!(is_good(&kept) && !redo(&kept).exists());
    }
}
