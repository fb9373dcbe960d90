//! The state's file as blocks: what its sum says, which blocks changed while it was open, and which since the generation
//! that is kept. So the end of a run reads only what changed, and the next one copies only that.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::error::mend;

/// Bytes in a block.
pub(super) const BLOCK: u64 = 1 << 16;

/// The first line of a sum.
const FORM: &str = "keysweep state sum 2";

/// Numbers of blocks.
pub(super) type Blocks = BTreeSet<u64>;

/// Length of a file, and CRC-32 over the CRC-32 of each of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) crc: u32,
    pub(super) length: u64,
}

impl fmt::Display for Sum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:08x} {}", self.crc, self.length)
    }
}

impl Sum {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (crc, length) = text.split_once(' ')?;
        Some(Self { crc: u32::from_str_radix(crc, 16).ok()?, length: length.parse().ok()? })
    }
}

/// What stands in the file of a sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) sum: Sum,
    /// Another generation and the blocks that changed since.
    pub(super) since: Option<(Sum, Blocks)>,
}

impl Said {
    pub(super) fn text(&self) -> String {
        let since = self.since.as_ref().map(|(sum, blocks)| {
            let blocks: Vec<String> = blocks.iter().map(u64::to_string).collect();
            format!("since {sum}: {}\n", blocks.join(" "))
        });
        format!("{FORM}\n{}\n{}", self.sum, since.unwrap_or_default())
    }

    /// `None` for a form that this program does not know, or half of one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_prefix(FORM)?.strip_prefix('\n')?.lines();
        let sum = Sum::parse(lines.next()?)?;
        let since = lines.next().and_then(|line| {
            let (since, blocks) = line.strip_prefix("since ")?.split_once(':')?;
            let blocks: Option<Blocks> = blocks.split_ascii_whitespace().map(|block| block.parse().ok()).collect();
            Some((Sum::parse(since)?, blocks?))
        });
        Some(Self { sum, since })
    }
}

/// The CRC-32 of each block of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    blocks: Vec<u32>,
    length: u64,
}

impl Sums {
    /// Reads all of a file.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (mut sums, mut piece) = (Self::default(), vec![0; 4 * BLOCK as usize]);
        loop {
            let got = fill(&mut file, &mut piece)?;
            sums.blocks.extend(piece[..got].chunks(BLOCK as usize).map(crc32fast::hash));
            sums.length += got as u64;
            if got < piece.len() {
                return Ok(sums);
            }
        }
    }

    /// Reads those blocks again that changed.
    pub(super) fn refresh(&mut self, path: &Path, changed: &Blocks) -> io::Result<()> {
        let mut file = File::open(path)?;
        self.length = file.metadata()?.len();
        self.blocks.resize(self.length.div_ceil(BLOCK) as usize, 0);
        let mut piece = vec![0; BLOCK as usize];
        for &block in changed {
            let Some(sum) = self.blocks.get_mut(block as usize) else { continue };
            file.seek(SeekFrom::Start(block * BLOCK))?;
            let got = fill(&mut file, &mut piece)?;
            *sum = crc32fast::hash(&piece[..got]);
        }
        Ok(())
    }

    /// All of them as one.
    pub(super) fn sum(&self) -> Sum {
        let mut hasher = crc32fast::Hasher::new();
        self.blocks.iter().for_each(|block| hasher.update(&block.to_le_bytes()));
        Sum { crc: hasher.finalize(), length: self.length }
    }
}

/// Reads until `piece` is full or the file ends.
pub(super) fn fill(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < piece.len() {
        match file.read(&mut piece[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// What happened to the file of an open database.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Blocks that were written.
    pub(super) changed: Blocks,
    /// Why writing failed first, in words: afterwards the database only says that something did.
    pub(super) trouble: Option<String>,
}

/// The database's file, watched.
#[derive(Debug)]
pub(super) struct Watched {
    file: FileBackend,
    seen: Arc<Mutex<Seen>>,
}

impl Watched {
    pub(super) fn new(file: FileBackend, seen: Arc<Mutex<Seen>>) -> Self {
        Self { file, seen }
    }

    fn note(&self, from: u64, to: u64) {
        if from < to {
            let blocks = from / BLOCK..to.div_ceil(BLOCK);
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).changed.extend(blocks);
        }
    }

    fn done(&self, result: io::Result<()>) -> io::Result<()> {
        if let Err(error) = &result {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.trouble.get_or_insert_with(|| format!("{error}{}", mend(error)));
        }
        result
    }
}

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        // Noted first: what fails half way may have changed something.
        let now = self.file.len()?;
        self.note(length.min(now), length.max(now));
        self.done(self.file.set_len(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.done(self.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.note(offset, offset + data.len() as u64);
        self.done(self.file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Blocks, Said, Sum, Sums};

    #[test]
    fn a_sum_reads_as_it_was_written_and_an_unknown_form_is_none() {
        let sum = |crc| Sum { crc, length: 70_000 };
        for since in [None, Some((sum(1), Blocks::new())), Some((sum(2), Blocks::from([0, 7, 8])))] {
            let said = Said { sum: sum(0xab), since };
            assert_eq!(Said::parse(&said.text()), Some(said));
        }
        assert_eq!(Said::parse("keysweep state sum 1\n00000000 12\n"), None);
        assert_eq!(Said::parse("keysweep state sum 2\n0000"), None);
    }

    #[test]
    fn blocks_that_changed_are_all_that_has_to_be_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let mut bytes = vec![7; 5 * BLOCK as usize + 99];
        std::fs::write(&path, &bytes).expect("written");
        let mut sums = Sums::of(&path).expect("read");
        bytes[2 * BLOCK as usize] ^= 1;
        bytes.truncate(4 * BLOCK as usize + 1);
        std::fs::write(&path, &bytes).expect("written");
        sums.refresh(&path, &Blocks::from([2, 4, 5])).expect("read");
        assert_eq!(sums.sum(), Sums::of(&path).expect("read").sum());
        bytes.resize(6 * BLOCK as usize, 0);
        std::fs::write(&path, &bytes).expect("written");
        sums.refresh(&path, &Blocks::from([4, 5])).expect("read");
        assert_eq!(sums.sum(), Sums::of(&path).expect("read").sum());
        assert_ne!(sums.sum(), Sums::default().sum());
    }
}
