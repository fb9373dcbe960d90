//! Damaged and hostile packs: never a panic, a hang or much memory; what can be read is read, the rest is named.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::law::{entries, pack};
use super::packs::{Packed, Write, save_loose};
use super::toy::{Seen, naive, see, see_checked};
use crate::source::history::delta::tests::Step;
use crate::source::history::fault::Fault;
use crate::source::history::object::{Format, Kind, ObjectId};
use crate::source::history::walk::Options;

const SMALL: Options = Options { threads: 2, memory: 8 << 20, verify_objects: false, most_bytes: Some(1 << 30) };

fn damage(path: &Path, at: prop::sample::Index, bit: u8, cut: bool) {
    let mut bytes = fs::read(path).expect("read");
    let at = at.index(bytes.len());
    if cut {
        bytes.truncate(at);
    } else {
        bytes[at] ^= 1 << bit;
    }
    // Packs are read only by convention; here they are written anew.
    fs::write(path, bytes).expect("write");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_damaged_every_object_is_scanned_or_missed_aloud(
        entries in entries(), version in 1u32..=2, long in any::<bool>(), in_index in any::<bool>(),
        at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().expect("folder");
        let packed = pack(Format::Sha1, &entries);
        let path = packed.save(folder.path(), "a", version, long);
        damage(&if in_index { path.with_extension("idx") } else { path }, at, bit, cut);
        let (seen, notices) = see_checked(folder.path(), Format::Sha1, &SMALL, false);
        for (id, _, content, ..) in &packed.objects {
            let aloud = seen.lost.contains_key(id) || notices.iter().any(|notice| notice.gap);
            prop_assert!(aloud || seen.blobs.get(id) == Some(&naive(content)), "{} is missed in silence", id);
        }
    }

    #[test]
    fn a_damaged_loose_object_is_missed_aloud(
        content in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().expect("folder");
        let id = save_loose(folder.path(), Format::Sha1, Kind::Blob, &content);
        damage(&crate::source::history::loose::path(folder.path(), &id), at, bit, cut);
        let (seen, _) = see_checked(folder.path(), Format::Sha1, &SMALL, false);
        prop_assert!(seen.lost.contains_key(&id) || seen.blobs.get(&id) == Some(&naive(&content)) || seen.others.contains_key(&id));
    }

    #[test]
    fn any_bytes_are_a_multi_pack_index(mut bytes in prop::collection::vec(any::<u8>(), 0..200), good in any::<bool>()) {
        let folder = tempfile::tempdir().expect("folder");
        if good {
            bytes.splice(0..0, *b"MIDX\x01\x01\x04\0\0\0\0\x01");
        }
        fs::create_dir_all(folder.path().join("pack")).expect("folder");
        fs::write(folder.path().join("pack/multi-pack-index"), &bytes).expect("file");
        let (seen, notices) = see(folder.path(), Format::Sha1, &SMALL);
        prop_assert!(seen.blobs.is_empty() && notices.len() == 1);
    }
}

fn one(writes: &[Write], options: &Options) -> Seen {
    let folder = tempfile::tempdir().expect("folder");
    Packed::new(Format::Sha1, writes).save(folder.path(), "a", 2, false);
    see(folder.path(), Format::Sha1, options).0
}

fn id(byte: u8) -> ObjectId {
    ObjectId::new(&[byte; 20]).expect("20 bytes")
}

#[test]
fn deltas_that_build_on_each_other_are_named() {
    let delta = vec![1, 1, 1, b'x'];
    let seen = one(
        &[
            Write::Raw(id(1), 7, 4, Some(id(2)), delta.clone()),
            Write::Raw(id(2), 7, 4, Some(id(1)), delta.clone()),
            Write::Raw(id(3), 7, 4, Some(id(2)), delta.clone()),
            Write::Raw(id(4), 7, 4, Some(id(4)), delta.clone()),
            Write::Raw(id(5), 7, 4, Some(id(9)), delta),
            Write::Whole(Kind::Blob, b"good".to_vec()),
        ],
        &SMALL,
    );
    for cyclic in 1..=4 {
        assert_eq!(seen.lost[&id(cyclic)], Some(Fault::Cycle));
    }
    assert_eq!(seen.lost[&id(5)], Some(Fault::BaseMissing(id(9))));
    assert_eq!((seen.blobs.len(), seen.lost.len()), (1, 5));
}

#[test]
fn chains_of_ten_thousand_take_no_stack() {
    let mut writes = vec![Write::Whole(Kind::Blob, b"start".to_vec())];
    for at in 0..10_000usize {
        let insert = Step::Insert(format!("{at},").into_bytes());
        writes.push(Write::Offset(at, vec![insert, Step::Copy(0, 5)]));
    }
    let seen = one(&writes, &SMALL);
    assert!(seen.lost.is_empty());
    assert_eq!(seen.blobs.len(), 10_001);
}

#[test]
fn bombs_end_at_the_budget() {
    // A kilobyte of delta that asks for 16 MB a hundred times over, and one that claims 2^40 bytes.
    let base = vec![b'.'; 1 << 20];
    let copies = vec![Step::Copy(0, 1 << 20); 100];
    let claims = [0x80, 0x80, 0x40, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0x80];
    let mut writes = vec![Write::Whole(Kind::Blob, base), Write::Offset(0, copies)];
    let mut offset = vec![0x80 | 0x10, 0x00];
    offset.splice(0..0, claims);
    writes.push(Write::Raw(id(7), 7, offset.len(), Some(Kind::Blob.id_of(Format::Sha1, &[b'.'; 1 << 20])), offset));
    let seen = one(&writes, &Options { memory: 32 << 20, ..SMALL });
    assert_eq!(seen.blobs.len(), 1);
    assert!(seen.lost.values().all(|fault| matches!(fault, Some(Fault::Memory(_)))), "{:?}", seen.lost);
    assert_eq!(seen.lost.len(), 2);
    // Many deltas of a megabyte each: honest one by one, too much together.
    let mut writes = vec![Write::Whole(Kind::Blob, vec![b'.'; 1 << 20])];
    for at in 0..200 {
        writes.push(Write::Offset(0, vec![Step::Insert(vec![at]), Step::Copy(0, 1 << 20)]));
    }
    let seen = one(&writes, &Options { most_bytes: Some(50 << 20), ..SMALL });
    assert!(seen.blobs.len() < 60 && seen.blobs.len() + seen.lost.len() == 201);
    assert!(seen.lost.values().all(|fault| *fault == Some(Fault::Work)));
}

#[test]
fn large_blobs_go_by_in_pieces_and_what_does_not_fit_is_named() {
    let large = b"key=abcdefgh12 and more text to fill the line, as text does\n".repeat(100_000);
    let mut writes = vec![Write::Whole(Kind::Blob, large.clone())];
    writes.push(Write::Offset(0, vec![Step::Copy(0, 1000), Step::Insert(b"x".to_vec())]));
    let seen = one(&writes, &Options { memory: 8 << 20, verify_objects: true, ..SMALL });
    assert_eq!((seen.large, seen.blobs.len()), (1, 1));
    assert_eq!(seen.blobs[&Kind::Blob.id_of(Format::Sha1, &large)].len(), 100_000);
    assert!(matches!(seen.lost.values().next(), Some(Some(Fault::Memory(_)))));
    // With room for it the delta is made; a base without room for its children is made again.
    let seen = one(&writes, &Options { memory: 64 << 20, verify_objects: true, ..SMALL });
    assert_eq!((seen.blobs.len(), seen.lost.len()), (2, 0));
    let folder = tempfile::tempdir().expect("folder");
    save_loose(folder.path(), Format::Sha1, Kind::Blob, &large);
    let (seen, _) = see(folder.path(), Format::Sha1, &Options { memory: 8 << 20, ..SMALL });
    assert_eq!((seen.large, seen.blobs.len()), (1, 1));
}

#[test]
fn wide_and_deep_trees_keep_the_budget() {
    let mut writes = vec![Write::Whole(Kind::Blob, b"key=abcdefgh12\n".repeat(5000))];
    for at in 0..300usize {
        let base = at * 7 % (at + 1);
        let insert = Step::Insert(format!("{at} key=abcdefgh{at}\n").into_bytes());
        writes.push(Write::Offset(base, vec![Step::Copy(0, 60_000), insert, Step::Copy(60_000, 15_000)]));
    }
    for memory in [0, 1 << 20, 256 << 20] {
        let folder = tempfile::tempdir().expect("folder");
        let packed = Packed::new(Format::Sha1, &writes);
        packed.save(folder.path(), "a", 2, false);
        let (seen, _) = see(folder.path(), Format::Sha1, &Options { memory, threads: 3, ..SMALL });
        assert!(seen.lost.is_empty());
        for (id, _, content, ..) in &packed.objects {
            assert_eq!(seen.blobs[id], naive(content));
        }
    }
}

#[test]
fn another_copy_stands_in_for_a_damaged_one() {
    let folder = tempfile::tempdir().expect("folder");
    let base = b"key=abcdefgh12 the base, long enough to be worth a delta\n".to_vec();
    let writes = [
        Write::Whole(Kind::Blob, base.clone()),
        Write::Offset(0, vec![Step::Copy(0, 40), Step::Insert(b"one".to_vec())]),
        Write::Offset(1, vec![Step::Copy(0, 30), Step::Insert(b"two".to_vec())]),
        Write::Whole(Kind::Blob, b"broken without a copy".to_vec()),
        Write::Offset(3, vec![Step::Copy(0, 6), Step::Insert(b"lost".to_vec())]),
    ];
    let packed = Packed::new(Format::Sha1, &writes);
    let path = packed.save(folder.path(), "a", 2, false);
    let mut bytes = packed.bytes.clone();
    for broken in [0, 3] {
        bytes[packed.objects[broken].3 as usize + 6] ^= 0x40;
    }
    fs::write(path, bytes).expect("write");
    save_loose(folder.path(), Format::Sha1, Kind::Blob, &base);
    let (seen, _) = see(folder.path(), Format::Sha1, &SMALL);
    let ids: Vec<ObjectId> = packed.objects.iter().map(|object| object.0).collect();
    assert!(seen.damaged.contains(&ids[0]) && seen.damaged.len() == 1);
    assert_eq!(seen.blobs.keys().collect::<std::collections::BTreeSet<_>>(), ids[..3].iter().collect());
    assert_eq!(seen.lost[&ids[3]], Some(Fault::Crc));
    assert_eq!(seen.lost[&ids[4]], None);
}

#[test]
fn packs_without_an_index_and_indexes_without_a_pack_are_named() {
    let folder = tempfile::tempdir().expect("folder");
    let packed = Packed::new(Format::Sha1, &[Write::Whole(Kind::Blob, b"text".to_vec())]);
    fs::remove_file(packed.save(folder.path(), "a", 2, false)).expect("remove");
    fs::remove_file(packed.save(folder.path(), "b", 2, false).with_extension("idx")).expect("remove");
    fs::write(folder.path().join("pack/pack-c.pack"), b"").expect("write");
    fs::write(folder.path().join("pack/tmp_pack_x"), b"half").expect("write");
    let (seen, notices) = see(folder.path(), Format::Sha1, &SMALL);
    assert!(seen.blobs.is_empty());
    assert_eq!(notices.iter().filter(|notice| notice.gap).count(), 3, "{notices:?}");
    let (seen, notices) = see(&folder.path().join("nowhere"), Format::Sha1, &SMALL);
    assert!(seen.blobs.is_empty() && notices.is_empty());
}
