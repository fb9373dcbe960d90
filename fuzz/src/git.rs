//! What the fuzz targets of git's formats do: bytes in, a panic when a promise is broken. Not part of `lib.rs`, since the
//! engine's targets are also run without git.

use keysweep::source::history::delta;
use keysweep::source::history::inflate::Inflater;
use keysweep::source::history::loose::Loose;
use keysweep::source::history::object::{Format, Tree, links};
use keysweep::source::history::pack::index::Index;
use keysweep::source::history::pack::midx::MultiIndex;
use keysweep::source::history::pack::{EntryKind, entry};

const FORMATS: [Format; 2] = [Format::Sha1, Format::Sha256];

/// No object made here is larger.
const LIMIT: u64 = 1 << 20;

/// Headers of pack entries, and the streams behind them.
pub fn pack_entry(data: &[u8]) {
    for format in FORMATS {
        for offset in [0, 1, data.len() as u64 / 2, data.len() as u64, u64::MAX] {
            let Ok(entry) = entry(data, offset, format) else { continue };
            assert!(entry.body > offset && entry.body <= data.len() as u64);
            if let EntryKind::OffsetDelta(base) = entry.kind {
                assert!(base < offset);
            }
            let mut text = Vec::new();
            if entry.size <= LIMIT
                && Inflater::default().inflate(&data[entry.body as usize..], entry.size, &mut text).is_ok()
            {
                assert_eq!(text.len() as u64, entry.size);
            }
        }
    }
}

/// Deltas: what was copied and what was inserted make the result.
pub fn delta(data: &[u8]) {
    let (base, delta) = data.split_at(data.len() / 2);
    let (mut out, mut copied) = (Vec::new(), Vec::new());
    if delta::apply(base, delta, LIMIT, &mut out, &mut copied).is_ok() {
        let mut end = 0;
        for run in &copied {
            assert!(run.to >= end && run.end() as usize <= out.len());
            end = run.end();
            let from = &base[run.from as usize..(run.from + run.len) as usize];
            assert_eq!(from, &out[run.to as usize..run.end() as usize]);
        }
    }
}

/// Pack indexes: whatever they say, asking them is safe.
pub fn index(data: &[u8]) {
    for format in FORMATS {
        let Ok(index) = Index::from_bytes(data.to_vec(), format) else { continue };
        for position in (0..index.count()).take(300) {
            let id = index.id(position);
            let _ = (index.offset(position), index.crc(position), index.find(id.as_bytes()));
        }
        let _ = (index.check(), index.pack_sum());
    }
}

/// Multi-pack-indexes likewise.
pub fn multi_index(data: &[u8]) {
    for format in FORMATS {
        let Ok(index) = MultiIndex::from_bytes(data.to_vec(), format) else { continue };
        for position in (0..index.count()).take(300) {
            let _ = index.id(position);
        }
        let _ = index.check(format);
    }
}

/// Trees: entries follow each other without a gap.
pub fn tree(data: &[u8]) {
    for format in FORMATS {
        let mut tree = Tree::new(data, format);
        let mut end = 0;
        for entry in tree.by_ref() {
            assert!(entry.start == end && entry.end > entry.start && entry.end <= data.len());
            end = entry.end;
        }
        assert!(end == data.len() || tree.is_malformed());
    }
}

/// Commits, tags and loose objects.
pub fn commit(data: &[u8]) {
    assert!(links(data).count() <= data.len() / 40);
    if let Ok(loose) = Loose::new(data) {
        let mut text = Vec::new();
        let size = loose.size;
        if loose.read_all(LIMIT, &mut text).is_ok() {
            assert_eq!(text.len() as u64, size);
        }
    }
}
