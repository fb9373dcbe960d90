//! The prefilter: one pass over the bytes that finds every literal of every rule.
//!
//! Of each literal the rarest four bytes (its gram) are put, case folded and hashed, into a bitmap of 2^17 bits that
//! stays in the first-level cache. The pass takes every position's four bytes, hashes them and asks the bitmap:
//! about six instructions a byte, no dependency from one position to the next, nothing built at start but the
//! bitmap itself. (An Aho-Corasick automaton in DFA form does half to a third of that speed and takes milliseconds
//! to build; the tests hold this pass against one.) A bit that is set leads to the literals with that gram, which
//! are compared byte by byte.
//!
//! Three-byte literals enter once for each byte that may follow: rules say what follows through their gate. The end
//! of the text counts as a NUL.

use crate::rules::{ByteSet, Literal};

const BITS: u32 = 17;
const FOLD: u32 = 0x2020_2020;

/// The literal `literal` (an index into the list given to [`Prefilter::new`]) stands at `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// First byte of the literal.
    pub start: usize,
    /// Which literal.
    pub literal: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    gram: u32,
    literal: u32,
    /// Where the gram stands in the literal.
    offset: u8,
}

#[derive(Debug)]
struct Stored {
    text: Box<[u8]>,
    ignore_case: bool,
}

/// All literals of a rule set, ready to be looked for.
#[derive(Debug)]
pub struct Prefilter {
    bitmap: Box<[u8; 1 << (BITS - 3)]>,
    /// Sorted by gram.
    entries: Vec<Entry>,
    /// Hash of a gram's upper bits -> first entry: a small index into `entries`.
    buckets: Box<[u16; BUCKETS + 1]>,
    literals: Vec<Stored>,
}

const BUCKET_BITS: u32 = 11;
const BUCKETS: usize = 1 << BUCKET_BITS;

impl Prefilter {
    /// Prepares `literals`; each comes with the bytes that may follow it (asked of three-byte literals only).
    pub fn new<'l>(literals: impl IntoIterator<Item = (&'l Literal, ByteSet)>) -> Self {
        let mut stored = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        for (literal, follows) in literals {
            let text = literal.text.as_bytes();
            let index = stored.len() as u32;
            if text.len() >= 4 {
                let (offset, gram) = rarest(text);
                entries.push(Entry { gram, literal: index, offset });
            } else if text.len() == 3 {
                let mut seen = [false; 256];
                for next in 0..=255u8 {
                    let wanted = follows.is_empty() || follows.contains(next);
                    if wanted && !std::mem::replace(&mut seen[usize::from(next | 0x20)], true) {
                        let gram = u32::from_le_bytes([text[0], text[1], text[2], next]) | FOLD;
                        entries.push(Entry { gram, literal: index, offset: 0 });
                    }
                }
            }
            stored.push(Stored { text: text.into(), ignore_case: literal.ignore_case });
        }
        entries.sort_by_key(|entry| (bucket(entry.gram), entry.gram, entry.literal));
        let mut bitmap = Box::new([0u8; 1 << (BITS - 3)]);
        let mut buckets = Box::new([0u16; BUCKETS + 1]);
        for entry in &entries {
            let hash = hash(entry.gram);
            bitmap[(hash >> 3) as usize] |= 1 << (hash & 7);
            buckets[bucket(entry.gram) + 1] += 1;
        }
        for at in 0..BUCKETS {
            buckets[at + 1] += buckets[at];
        }
        Self { bitmap, entries, buckets, literals: stored }
    }

    /// Length of a literal in bytes.
    pub fn literal_len(&self, literal: u32) -> usize {
        self.literals[literal as usize].text.len()
    }

    /// Calls `found` for every literal that starts in `text[from..to]`, in order of the position of its gram.
    ///
    /// The gram may stand up to 64 bytes behind the start, so the order of starts is only nearly ascending.
    #[inline]
    pub fn scan(&self, text: &[u8], from: usize, to: usize, mut found: impl FnMut(Hit)) {
        // A literal that starts in the range has its gram at most 60 bytes behind `to`.
        let last = text.len().saturating_sub(2).min(to.saturating_add(64));
        let mut at = from.min(last);
        let bitmap = &*self.bitmap;
        let test = |gram: u32| {
            let hash = hash(gram);
            bitmap[(hash >> 3) as usize] >> (hash & 7) & 1
        };
        while at + 8 <= last && at + 11 <= text.len() {
            // Eight positions a turn: two words give every four-byte gram by shifting.
            let Some(window) = text.get(at..at + 11) else { break };
            let low = u64::from_le_bytes([
                window[0], window[1], window[2], window[3], window[4], window[5], window[6], window[7],
            ]) | u64::from(FOLD) << 32
                | u64::from(FOLD);
            let high = u64::from_le_bytes([
                window[3], window[4], window[5], window[6], window[7], window[8], window[9], window[10],
            ]) | u64::from(FOLD) << 32
                | u64::from(FOLD);
            let hits = test(low as u32)
                | test((low >> 8) as u32) << 1
                | test((low >> 16) as u32) << 2
                | test((low >> 24) as u32) << 3
                | test((low >> 32) as u32) << 4
                | test((high >> 16) as u32) << 5
                | test((high >> 24) as u32) << 6
                | test((high >> 32) as u32) << 7;
            let mut rest = hits;
            while rest != 0 {
                let position = at + rest.trailing_zeros() as usize;
                rest &= rest - 1;
                self.verify(text, position, from, to, &mut found);
            }
            at += 8;
        }
        while at < last {
            if let Some(gram) = gram(text, at)
                && test(gram) != 0
            {
                self.verify(text, at, from, to, &mut found);
            }
            at += 1;
        }
    }

    fn verify(&self, text: &[u8], position: usize, from: usize, to: usize, found: &mut impl FnMut(Hit)) {
        let Some(gram) = gram(text, position) else { return };
        let bucket = bucket(gram);
        let range = usize::from(self.buckets[bucket])..usize::from(self.buckets[bucket + 1]);
        for entry in &self.entries[range] {
            if entry.gram != gram {
                continue;
            }
            let Some(start) = position.checked_sub(usize::from(entry.offset)) else { continue };
            if start < from || start >= to {
                continue;
            }
            let stored = &self.literals[entry.literal as usize];
            let Some(there) = text.get(start..start + stored.text.len()) else { continue };
            let equal =
                if stored.ignore_case { there.eq_ignore_ascii_case(&stored.text) } else { *there == *stored.text };
            if equal {
                found(Hit { start, literal: entry.literal });
            }
        }
    }
}

/// The folded gram at `at`; a text's last three bytes are followed by a NUL.
fn gram(text: &[u8], at: usize) -> Option<u32> {
    let bytes = text.get(at..)?;
    let (&a, &b, &c) = (bytes.first()?, bytes.get(1)?, bytes.get(2)?);
    Some(u32::from_le_bytes([a, b, c, bytes.get(3).copied().unwrap_or(0)]) | FOLD)
}

#[inline(always)]
fn hash(gram: u32) -> u32 {
    gram.wrapping_mul(0x9E37_79B1) >> (32 - BITS)
}

fn bucket(gram: u32) -> usize {
    (gram.wrapping_mul(0x85EB_CA6B) >> (32 - BUCKET_BITS)) as usize
}

/// The four bytes of `text` that are likely the rarest in source code, and where they stand.
fn rarest(text: &[u8]) -> (u8, u32) {
    let mut best = (0u8, 0u32, i32::MAX);
    for (offset, window) in text.windows(4).enumerate().take(60) {
        let cost: i32 = window.iter().map(|&byte| commonness(byte)).sum();
        if cost < best.2 {
            let gram = u32::from_le_bytes([window[0], window[1], window[2], window[3]]) | FOLD;
            best = (offset as u8, gram, cost);
        }
    }
    (best.0, best.1)
}

/// How common a byte is in source code and prose, roughly on a logarithmic scale.
fn commonness(byte: u8) -> i32 {
    match byte.to_ascii_lowercase() {
        b' ' | b'e' | b't' => 12,
        b'a' | b'i' | b'n' | b'o' | b'r' | b's' => 11,
        b'c' | b'd' | b'l' | b'u' | b'p' | b'm' | b'f' => 9,
        b'h' | b'g' | b'b' | b'_' | b'-' | b'/' | b'.' | b'=' => 7,
        b'y' | b'v' | b'w' | b'0' | b'1' | b':' => 5,
        b'k' | b'x' | b'2' | b'3' => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use aho_corasick::{AhoCorasick, MatchKind};
    use proptest::prelude::*;

    use super::{Hit, Prefilter};
    use crate::rules::{ByteSet, Literal};

    fn literals() -> Vec<Literal> {
        ["ghp_", "password", "token", "hf_", "-----BEGIN", "pass", "xoxb-", "AKIA"]
            .iter()
            .map(|text| Literal { text: (*text).into(), ignore_case: text.starts_with(['p', 't']) })
            .collect()
    }

    proptest! {
        /// The law: the same hits as an Aho-Corasick automaton, whatever the text and the range.
        #[test]
        fn finds_what_aho_corasick_finds(
            pieces in prop::collection::vec(prop_oneof![
                Just("ghp_".to_owned()), Just("PassWord".to_owned()), Just("token".to_owned()), Just("hf_a".to_owned()),
                Just("-----BEGIN".to_owned()), Just("akiaAKIA".to_owned()), "[ -~\\n]{0,9}",
            ], 0..30),
            from in 0usize..80, length in 0usize..200,
        ) {
            let text = pieces.concat().into_bytes();
            let literals = literals();
            let prefilter = Prefilter::new(literals.iter().map(|literal| (literal, ByteSet::default())));
            let from = from.min(text.len());
            let to = (from + length).min(text.len());
            let mut mine = Vec::new();
            prefilter.scan(&text, from, to, |hit| mine.push(hit));
            mine.sort();
            let automaton = AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard)
                .build(literals.iter().map(|literal| literal.text.as_bytes())).expect("builds");
            let mut theirs: Vec<Hit> = automaton.find_overlapping_iter(&text)
                .filter(|found| {
                    let literal = &literals[found.pattern().as_usize()];
                    (from..to).contains(&found.start())
                        && (literal.ignore_case || &text[found.range()] == literal.text.as_bytes())
                })
                .map(|found| Hit { start: found.start(), literal: found.pattern().as_u32() })
                .collect();
            theirs.sort();
            prop_assert_eq!(mine, theirs);
        }
    }
}
