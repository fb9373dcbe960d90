//! The prefilter: one pass over the bytes that finds every literal of every rule.
//!
//! The pass looks at every second position only. There it takes four bytes (a gram), folds their case, hashes them and
//! asks a bitmap of 2^20 bits, which stays in the nearer caches: about five instructions a byte, and no position
//! waits for another. For this each literal is known by two neighbouring grams, the rarest pair it has, so that one of
//! them stands at a position that is looked at. Literals of four bytes have a second gram for each byte that may
//! follow, those of three bytes for each that may follow or stand before: rules say what follows through their gate.
//! A bit that is set leads to the literals with that gram, which are compared byte by byte.
//!
//! Nothing is built at start but the bitmap and a sorted list (a tenth of a millisecond for 700 literals). An
//! Aho-Corasick automaton takes milliseconds to build as a DFA and two to five times the time to run; the tests hold
//! this pass against one.

use crate::rules::{ByteSet, Literal};

/// Large enough that one position in a hundred, not one in fifteen, is taken for a gram it is not.
const BITS: u32 = 20;
const SECOND_BITS: u32 = 19;
const FOLD: u32 = 0x2020_2020;

/// So many bytes of a literal are compared, and only the few literals that are longer have more.
pub const HEAD: usize = 24;

/// The literal `literal` (an index into the list given to [`Prefilter::new`]) stands at `start`, at least its [`HEAD`].
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
    /// Where the gram stands, from the literal's start; -1 for the byte before it.
    offset: i8,
    /// Where another gram of the literal stands (its last, if it is not very long), from the first one.
    check_at: i8,
    /// That other gram.
    check: u32,
}

/// All literals of a rule set, ready to be looked for.
#[derive(Debug)]
pub struct Prefilter {
    bitmap: Box<[u32; 1 << (BITS - 5)]>,
    /// The same of grams with a byte more, asked where the first says yes: most of what it says so of ends here, before
    /// anything farther away is read.
    second: Box<[u32; 1 << (SECOND_BITS - 5)]>,
    /// By bucket.
    entries: Vec<Entry>,
    /// Bucket of a gram -> its first entry.
    buckets: Box<[u32; BUCKETS + 1]>,
    literals: Vec<Literal>,
    /// Farthest a gram begins behind its literal's start.
    deepest: usize,
}

const BUCKET_BITS: u32 = 13;
const BUCKETS: usize = 1 << BUCKET_BITS;

impl Prefilter {
    /// Prepares `literals` of three bytes and more (shorter ones are never found). Each comes with the bytes that may
    /// follow it, asked of literals of three and four bytes; the empty set is any byte.
    pub fn new<'l>(literals: impl IntoIterator<Item = (&'l Literal, ByteSet)>) -> Self {
        let mut stored = Vec::new();
        let mut second = Box::new([0u32; 1 << (SECOND_BITS - 5)]);
        let mut entries: Vec<Entry> = Vec::with_capacity(1 << 15);
        for (literal, follows) in literals {
            let text = literal.text.as_bytes();
            let index = stored.len() as u32;
            let (check_at, check) = match text.len().min(HEAD).checked_sub(4) {
                Some(last) => (last as i8, text[last..].first_chunk().copied()),
                None => (0, None),
            };
            let mut add = |bytes: [u8; 4], offset: i8| {
                let gram = u32::from_le_bytes(bytes) | FOLD;
                let (check_at, check) = match check {
                    Some(check) => (check_at - offset, u32::from_le_bytes(check) | FOLD),
                    None => (0, gram),
                };
                entries.push(Entry { gram, literal: index, offset, check_at, check });
            };
            let mut more = |more: Neighbour, bytes: [u8; 4]| {
                let hash = second_hash(more, u32::from_le_bytes(bytes) | FOLD);
                second[(hash >> 5) as usize] |= 1 << (hash & 31);
            };
            let next = || folded(follows);
            match *text {
                [a, b, c] => {
                    let behind = next().map(|next| ([a, b, c, next], 0));
                    for (gram, offset) in behind.chain(folded(ByteSet::default()).map(|before| ([before, a, b, c], -1)))
                    {
                        add(gram, offset);
                        more(Neighbour::Any, gram);
                    }
                }
                [a, b, c, d] => {
                    add([a, b, c, d], 0);
                    for next in next() {
                        add([b, c, d, next], 1);
                        more(Neighbour::Behind(next), [a, b, c, d]);
                        more(Neighbour::Before(a), [b, c, d, next]);
                    }
                }
                [_, _, _, _, ..] => {
                    let offset = usize::from(literal.rarest);
                    if let Some(&[a, b, c, d, e]) = text.get(offset..offset + 5) {
                        add([a, b, c, d], offset as i8);
                        more(Neighbour::Behind(e), [a, b, c, d]);
                        add([b, c, d, e], offset as i8 + 1);
                        more(Neighbour::Before(a), [b, c, d, e]);
                    }
                }
                _ => {}
            }
            stored.push(literal.clone());
        }
        let deepest = entries.iter().map(|entry| entry.offset.max(0) as usize).max().unwrap_or(0);
        let mut bitmap = Box::new([0u32; 1 << (BITS - 5)]);
        let mut buckets = Box::new([0u32; BUCKETS + 1]);
        for entry in &entries {
            let hash = hash(entry.gram);
            bitmap[(hash >> 5) as usize] |= 1 << (hash & 31);
            buckets[bucket(entry.gram) + 1] += 1;
        }
        for at in 0..BUCKETS {
            buckets[at + 1] += buckets[at];
        }
        let mut next = buckets.clone();
        let mut sorted = entries.clone();
        for entry in entries {
            let place = &mut next[bucket(entry.gram)];
            sorted[*place as usize] = entry;
            *place += 1;
        }
        Self { bitmap, second, entries: sorted, buckets, literals: stored, deepest }
    }

    /// Length of a literal in bytes.
    pub fn literal_len(&self, literal: u32) -> usize {
        self.literals[literal as usize].text.len()
    }

    /// Whether all of the literal stands where it was hit, not only its [`HEAD`].
    pub fn is_whole(&self, text: &[u8], hit: &Hit) -> bool {
        let literal = &self.literals[hit.literal as usize];
        literal.text.len() <= HEAD || stands_at(text, hit.start, literal, literal.text.len())
    }

    /// Calls `found` for every literal whose [`HEAD`] starts in `text[from..to]`, in nearly ascending order: by the place of
    /// its gram, at most [`DEEPEST_GRAM`](crate::rules::DEEPEST_GRAM) bytes behind its start.
    #[inline]
    pub fn scan(&self, text: &[u8], from: usize, to: usize, mut found: impl FnMut(Hit)) {
        let to = to.min(text.len());
        if from >= to {
            return;
        }
        let last = text.len().saturating_sub(2).min(to + self.deepest + 1);
        // One position early: a three-byte literal may be known by the byte before it.
        let mut at = from.saturating_sub(1);
        let bitmap = &*self.bitmap;
        let test = |gram: u32| {
            let hash = hash(gram);
            bitmap[(hash >> 5) as usize] >> (hash & 31) & 1
        };
        while at < last {
            // Four positions of eight bytes a turn, their bits gathered without a branch.
            let Some(window) = text.get(at..at + 10) else { break };
            let (Some(low), Some(high)) = (window.first_chunk::<8>(), window.last_chunk::<4>()) else { break };
            let low = u64::from_le_bytes(*low) | (u64::from(FOLD) << 32 | u64::from(FOLD));
            let high = u32::from_le_bytes(*high) | FOLD;
            let mut bits =
                test(low as u32) | test((low >> 16) as u32) << 2 | test((low >> 32) as u32) << 4 | test(high) << 6;
            while bits != 0 {
                let place = bits.trailing_zeros();
                bits &= bits - 1;
                let gram = if place == 6 { high } else { (low >> (8 * place)) as u32 };
                let position = at + place as usize;
                if self.may_stand(text, position, gram) {
                    self.look(text, position, from, to, &mut found);
                }
            }
            at += 8;
        }
        while at < last {
            if gram(text, at).is_some_and(|gram| test(gram) != 0) {
                self.look(text, at, from, to, &mut found);
            }
            at += 2;
        }
    }

    /// Whether the bytes in front of the gram at `position` and behind it are those of a literal as well.
    #[inline(always)]
    fn may_stand(&self, text: &[u8], position: usize, gram: u32) -> bool {
        let test = |more| {
            let hash = second_hash(more, gram);
            self.second[(hash >> 5) as usize] >> (hash & 31) & 1
        };
        let Some(&behind) = text.get(position + 4) else { return true };
        let before = text.get(position.wrapping_sub(1)).map_or(0, |&before| test(Neighbour::Before(before)));
        before | test(Neighbour::Behind(behind)) | test(Neighbour::Any) != 0
    }

    /// Compares the literals whose gram may stand at `position`.
    #[inline(never)]
    fn look(&self, text: &[u8], position: usize, from: usize, to: usize, found: &mut impl FnMut(Hit)) {
        let Some(here) = gram(text, position) else { return };
        let bucket = bucket(here);
        let range = self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize;
        for entry in &self.entries[range] {
            if entry.gram != here {
                continue;
            }
            let check = position.wrapping_add_signed(isize::from(entry.check_at));
            if gram(text, check) != Some(entry.check) {
                continue;
            }
            let Some(start) = position.checked_add_signed(-isize::from(entry.offset)) else { continue };
            if start < from || start >= to {
                continue;
            }
            let literal = &self.literals[entry.literal as usize];
            if stands_at(text, start, literal, literal.text.len().min(HEAD)) {
                found(Hit { start, literal: entry.literal });
            }
        }
    }
}

/// Whether the first `len` bytes of `literal` stand at `start`.
fn stands_at(text: &[u8], start: usize, literal: &Literal, len: usize) -> bool {
    let (Some(there), Some(wanted)) = (text.get(start..start + len), literal.text.as_bytes().get(..len)) else {
        return false;
    };
    if literal.ignore_case { there.eq_ignore_ascii_case(wanted) } else { there == wanted }
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

/// What is known of a literal beside a gram.
#[derive(Clone, Copy)]
enum Neighbour {
    Before(u8),
    Behind(u8),
    /// Nothing, as it has three bytes.
    Any,
}

#[inline(always)]
fn second_hash(more: Neighbour, gram: u32) -> u32 {
    let more = match more {
        Neighbour::Before(byte) => u64::from(byte | 0x20),
        Neighbour::Behind(byte) => 1 << 8 | u64::from(byte | 0x20),
        Neighbour::Any => 2 << 8,
    };
    ((more << 32 | u64::from(gram)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SECOND_BITS)) as u32
}

fn bucket(gram: u32) -> usize {
    (gram.wrapping_mul(0x85EB_CA6B) >> (32 - BUCKET_BITS)) as usize
}

/// The bytes of `set` (any byte when it is empty) with their case folded, each once.
fn folded(set: ByteSet) -> impl Iterator<Item = u8> {
    let mut seen = [false; 256];
    (0..=255u8)
        .filter(move |&byte| set.is_empty() || set.contains(byte))
        .map(|byte| byte | 0x20)
        .filter(move |&byte| !std::mem::replace(&mut seen[usize::from(byte)], true))
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
            .map(|&text| Literal::new(text, text.starts_with(['p', 't'])))
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
