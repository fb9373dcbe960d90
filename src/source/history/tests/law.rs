//! The law: whatever the deltas, the result is that of scanning every blob whole.

use proptest::prelude::*;

use super::packs::{Packed, Write, save_loose};
use super::toy::{naive, see};
use crate::source::history::delta::tests::Step;
use crate::source::history::object::{Format, Kind};
use crate::source::history::walk::Options;

/// Text in which secrets begin, end, break and heal.
pub(super) fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just("key=".to_owned()), 4 => "[a-z0-9]{1,12}", 2 => Just("\n".to_owned()), 1 => Just("BEGIN".to_owned()),
        1 => Just("END".to_owned()), 1 => Just("head".to_owned()), 1 => Just("tail".to_owned()), 2 => Just(" ".to_owned()),
        1 => "[ -~\\n]{1,60}", 1 => Just("first".to_owned()), 1 => Just("last\n".to_owned()), 1 => "[ .]{40,150}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

/// A delta before its base is known: borders in thousandths of the base.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    Copy(usize, usize),
    Insert(Vec<u8>),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let copy = (0..=1000usize, 0..=1000usize).prop_map(|(from, to)| Edit::Copy(from.min(to), from.max(to)));
    let whole = Just(Edit::Copy(0, 1000));
    let small =
        prop_oneof![Just("key="), Just("="), Just("ke"), Just("END"), Just("9"), Just("\n"), Just("he"), Just("il")];
    let insert = prop_oneof![text(), small.prop_map(|text| text.as_bytes().to_vec())];
    let insert = insert.prop_filter("an insert is not empty", |text| !text.is_empty()).prop_map(Edit::Insert);
    prop::collection::vec(prop_oneof![4 => copy, 1 => whole, 3 => insert], 1..8)
}

/// Entries of a pack: (base, 0 = whole, 1 = by offset, 2 = by id; edits or text).
pub(super) fn entries() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, Vec<Edit>, Vec<u8>)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0u8..5, edits(), text()), 1..24)
}

/// Makes the pack of these entries.
pub(super) fn pack(format: Format, entries: &[(prop::sample::Index, u8, Vec<Edit>, Vec<u8>)]) -> Packed {
    let mut writes: Vec<Write> = Vec::new();
    let mut contents: Vec<Vec<u8>> = Vec::new();
    for (base, how, edits, text) in entries {
        if contents.is_empty() || *how == 0 {
            if !contents.contains(text) {
                writes.push(Write::Whole(Kind::Blob, text.clone()));
                contents.push(text.clone());
            }
            continue;
        }
        let base = base.index(contents.len());
        let mut steps = Vec::new();
        let mut made = Vec::new();
        for edit in edits {
            match edit {
                Edit::Copy(from, to) => {
                    let (from, to) = (contents[base].len() * from / 1000, contents[base].len() * to / 1000);
                    if from < to {
                        made.extend_from_slice(&contents[base][from..to]);
                        steps.push(Step::Copy(from, to - from));
                    }
                }
                Edit::Insert(bytes) => {
                    made.extend_from_slice(bytes);
                    steps.push(Step::Insert(bytes.clone()));
                }
            }
        }
        if made.len() > 200_000 || contents.contains(&made) {
            continue;
        }
        contents.push(made);
        writes.push(if *how % 2 == 0 { Write::Offset(base, steps) } else { Write::Id(base, steps) });
    }
    Packed::new(format, &writes)
}

fn check(objects: &std::path::Path, packed: &Packed, options: &Options) {
    let (seen, notices) = see(objects, packed.format, options);
    assert_eq!(notices, []);
    assert!(seen.lost.is_empty() && seen.damaged.is_empty(), "{:?}", seen.lost);
    for (id, _, content, ..) in &packed.objects {
        assert_eq!(seen.blobs.get(id), Some(&naive(content)), "{:?}", String::from_utf8_lossy(content));
    }
    let ids: std::collections::BTreeSet<_> = packed.objects.iter().map(|object| object.0).collect();
    assert_eq!(seen.blobs.len(), ids.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_walk_equals_scanning_every_blob_whole(
        entries in entries(), sha256 in any::<bool>(), version in 1u32..=2, long in any::<bool>(),
        threads in 1usize..4, memory in prop_oneof![Just(256u64 << 20), Just(0)], verify in any::<bool>(),
    ) {
        let format = if sha256 { Format::Sha256 } else { Format::Sha1 };
        let folder = tempfile::tempdir().expect("folder");
        let packed = pack(format, &entries);
        packed.save(folder.path(), "a", version, long);
        check(folder.path(), &packed, &Options { threads, memory, verify_objects: verify, most_bytes: None });
    }
}

#[test]
fn only_new_bytes_are_looked_at() {
    let base = b"some line of a long file without anything\n".repeat(500);
    let len = base.len();
    let mut writes = vec![Write::Whole(Kind::Blob, base)];
    for at in 0..50 {
        let steps = vec![
            Step::Copy(0, 42 * at),
            Step::Insert(b"key=abcdefgh12\n".to_vec()),
            Step::Copy(42 * at, len - 42 * at),
        ];
        writes.push(Write::Offset(0, steps.into_iter().filter(|step| !matches!(step, Step::Copy(_, 0))).collect()));
    }
    let folder = tempfile::tempdir().expect("folder");
    let packed = Packed::new(Format::Sha1, &writes);
    packed.save(folder.path(), "a", 2, false);
    let (seen, _) = see(folder.path(), Format::Sha1, &Options::default());
    assert!(seen.looked < (len + 50 * 40) as u64, "{} bytes were looked at", seen.looked);
    assert_eq!(seen.blobs.values().filter(|found| found.len() == 1).count(), 50);
}

#[test]
fn several_packs_loose_objects_and_alternates_are_each_looked_at_once() {
    let folder = tempfile::tempdir().expect("folder");
    let (mine, theirs) = (folder.path().join("mine"), folder.path().join("theirs"));
    let text = |name: &str| format!("{name} key=abcdefgh12\n").into_bytes();
    let insert = |name: &str| vec![Step::Copy(0, 5), Step::Insert(text(name))];
    let one = [
        Write::Whole(Kind::Blob, text("base one")),
        Write::Offset(0, insert("a")),
        Write::Offset(1, insert("b")),
        Write::Whole(Kind::Commit, b"tree x\n\nmessage".to_vec()),
    ];
    // The same base again, a delta of an object that only the other pack has, and one on a loose object.
    let two = [
        Write::Whole(Kind::Blob, text("base one")),
        Write::Offset(0, insert("c")),
        Write::Outside(Kind::Blob, [b"base ".to_vec(), text("a")].concat(), insert("d")),
        Write::Outside(Kind::Blob, text("loose"), insert("e")),
    ];
    Packed::new(Format::Sha1, &one).save(&theirs, "one", 2, false);
    Packed::new(Format::Sha1, &two).save(&mine, "two", 1, false);
    for name in ["loose", "base one", "loose too"] {
        save_loose(&mine, Format::Sha1, Kind::Blob, &text(name));
        save_loose(&theirs, Format::Sha1, Kind::Blob, &text(name));
    }
    std::fs::create_dir_all(mine.join("info")).expect("folder");
    std::fs::write(mine.join("info/alternates"), "../theirs\n").expect("file");
    std::fs::create_dir_all(theirs.join("info")).expect("folder");
    std::fs::write(theirs.join("info/alternates"), "../mine\n../nowhere\n").expect("file");
    for threads in 1..3 {
        let (seen, notices) = see(&mine, Format::Sha1, &Options { threads, ..Options::default() });
        assert!(seen.lost.is_empty(), "{:?}", seen.lost);
        // base one, a, b, c, d, e, loose, loose too; Toy asserts that none comes twice
        assert_eq!(seen.blobs.len(), 8);
        assert!(seen.blobs.values().all(|found| !found.is_empty()));
        assert_eq!(seen.others.len(), 1);
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].gap && notices[0].message.contains("borrowed"));
    }
}
