//! Files made to hurt: each costs bounded time, is told of, and the rest is scanned.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::pack::{deflate, gzip};
use crate::support::{Folder, github_token};

/// Scans a hostile file beside one with a secret: status, findings, notices, time.
fn scan(name: &str, content: &[u8], more: &[&str]) -> (i32, usize, String, Duration) {
    let folder = Folder::new();
    folder.write(name, content);
    folder.write("other.env", format!("TOKEN={}\n", github_token(1)));
    let started = Instant::now();
    let run = folder.keysweep(&[&["scan", "--format", "json"], more].concat());
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    (run.status, report["findings"].as_array().map_or(0, Vec::len), report["notices"].to_string(), started.elapsed())
}

/// A gzip file that unpacks to itself. Its deflate program prints `prefix`, itself and `suffix` by literals of whole
/// five-byte units and repeats of what was printed last; the check sum over itself is solved for, since it is linear.
fn quine() -> Vec<u8> {
    let literal = |length: usize| {
        let length = length as u16;
        [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes()].concat()
    };
    // Two copies with fixed codes, 40 bits with the block's head and end: of ten bytes from 20, of nine from 18 back.
    let twice = |length: usize, far: usize| {
        let (mut bits, mut count) = (0b010u64, 3);
        let mut put = |value: u64, width: u32, high_first: bool| {
            for bit in 0..width {
                let bit = if high_first { width - 1 - bit } else { bit };
                bits |= (value >> bit & 1) << count;
                count += 1;
            }
        };
        for _ in 0..2 {
            put(length as u64 - 2, 7, true);
            put(8, 5, true);
            put(far as u64 - 17, 3, false);
        }
        put(0, 7, true);
        bits.to_le_bytes()[..5].to_vec()
    };
    let build = |sum: u32, size: u32| {
        let prefix = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03quin\0";
        let suffix = [&b"\x01\0\0\xff\xff"[..], &sum.to_le_bytes(), &size.to_le_bytes()].concat();
        let (p, s, r) = (literal(prefix.len() + 5), literal(suffix.len() + 5), twice(10, 20));
        let (one, four, none, last) = (literal(5), literal(20), literal(0), twice(9, 18));
        let parts: [&[u8]; 34] = [
            prefix, &p, prefix, &p, &r, &one, &r, &one, &one, &four, &r, &one, &one, &four, &r, &four, &r, &four, &r,
            &four, &r, &four, &r, &none, &none, &s, &r, &none, &none, &s, &last, &suffix, &last, &suffix,
        ];
        parts.concat()
    };
    let size = build(0, 0).len() as u32;
    let sum = |guess: u32| {
        let file = gzip(&build(guess, size));
        u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().expect("four bytes"))
    };
    // sum(x) ^ x = 0, linear in the bits of x.
    let base = sum(0);
    let mut rows: Vec<u64> = vec![0; 32];
    for bit in 0..32 {
        let column = sum(1 << bit) ^ base ^ 1 << bit;
        (0..32).for_each(|row| rows[row] |= u64::from(column >> row & 1) << bit);
    }
    (0..32).for_each(|row| rows[row] |= u64::from(base >> row & 1) << 32);
    let (mut solved, mut rank) = (0u32, 0);
    let mut pivots = Vec::new();
    for bit in 0..32 {
        let Some(found) = (rank..32).find(|&row| rows[row] >> bit & 1 == 1) else { continue };
        rows.swap(rank, found);
        let pivot = rows[rank];
        rows.iter_mut()
            .enumerate()
            .for_each(|(row, value)| *value ^= if row != rank && *value >> bit & 1 == 1 { pivot } else { 0 });
        pivots.push(bit);
        rank += 1;
    }
    pivots.iter().enumerate().for_each(|(row, bit)| solved |= ((rows[row] >> 32 & 1) as u32) << bit);
    assert_eq!(sum(solved), solved, "the check sum holds");
    build(solved, size)
}

#[test]
fn an_archive_that_holds_itself_ends_as_a_gap() {
    let quine = quine();
    // It prints itself: packed once more it is what it was.
    assert!(quine.len() == 206 && !deflate(&quine).is_empty());
    let (status, findings, notices, _) = scan("quine.gz", &quine, &[]);
    assert_eq!((status, findings), (2, 1), "{notices}");
    assert!(notices.contains("too deep") && notices.contains("quine.gz"), "{notices}");
}

#[test]
fn beginnings_of_keys_without_an_end_cost_little() {
    let heads = "-----BEGIN RSA PRIVATE KEY-----\n".repeat(60_000);
    let (status, findings, notices, time) = scan("heads.txt", heads.as_bytes(), &[]);
    assert_eq!((status, findings), (1, 1), "{notices}");
    assert!(time < Duration::from_secs(20), "{time:?}");
    // A key is found behind a head that only looks like its beginning.
    let body = "MIIEpAIBAAKCAQEA7bq5xY3Kc0Zr9wTnVdQ2sLhGfJm8uPyE".repeat(8);
    let key =
        format!("-----BEGIN PRIVATE KEY-----\n{heads}-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let (_, findings, notices, _) = scan("key.txt", key.as_bytes(), &["--min-confidence", "0"]);
    assert_eq!(findings, 2, "{notices}");
    // Those of another kind have a limit, which is told.
    let heads = "\"type\": \"service_account\" ".repeat(60_000);
    let (status, findings, notices, time) = scan("accounts.txt", heads.as_bytes(), &[]);
    assert_eq!((status, findings), (2, 1), "{notices}");
    assert!(notices.contains("accounts.txt") && notices.contains("without an end"), "{notices}");
    assert!(time < Duration::from_secs(60), "{time:?}");
}

#[test]
fn a_quadratic_pattern_of_a_user_is_left() {
    let folder = Folder::new();
    let rules = "[[rules]]\nid = \"mine\"\ndescription = \"mine\"\nregex = '(?s)foo.*?zz|foo'\n\n[[rules]]\nid = \"token\"\ndescription = \"a token\"\nregex = 'ghp_[A-Za-z0-9]{36}'\n";
    let rules = folder.write("rules.toml", rules);
    let text = "foo ".repeat(400_000);
    let more = ["--config", rules.to_str().expect("a name")];
    let (status, findings, notices, time) = scan("foo.txt", text.as_bytes(), &more);
    assert_eq!(status, 2, "{notices}");
    assert!(findings > 1 && notices.contains("rule `mine` took too long") && notices.contains("foo.txt"), "{notices}");
    assert!(time < Duration::from_secs(30), "{time:?}");
}

#[test]
fn damage_is_told_in_words() {
    let folder = Folder::new();
    // A zstd frame of a stored block that is cut off.
    folder.write("cut.zst", [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, 100, 0x21, 3, 0][..], b"some text"].concat());
    folder.write("cut.pdf", "%PDF-1.4\n4 0 obj<</Length 300>>stream\nBT (some text) Tj");
    let mut database = b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20\0\0\0\x07\0\0\0\x09".to_vec();
    database.resize(4096, 0);
    database[92..96].copy_from_slice(&[0, 0, 0, 7]);
    folder.write("cut.db", database);
    let run = folder.keysweep(&["scan", "-v"]);
    for name in ["cut.zst: in zstd", "cut.pdf", "cut.db"] {
        assert!(run.stderr.contains(name) || run.stdout.contains(name), "{name}: {} {}", run.stdout, run.stderr);
    }
    let told = format!("{}{}", run.stdout, run.stderr);
    assert!(told.matches("it is cut off").count() == 3 && !told.contains("Error"), "{told}");
}
