//! What the model looks at of a name.

use super::super::value::Candidate;
use super::super::wordset::WordSet;
use super::known::split;

/// What the name says.
pub(super) struct Name {
    pub(super) style: u8,
    pub(super) words: usize,
    pub(super) keyword: u8,
    pub(super) before: u8,
    pub(super) behind: u8,
    pub(super) in_value: bool,
}

/// Words of names of samples and tests.
static WEAK: WordSet<10> = WordSet::new(&[
    b"test",
    b"example",
    b"fake",
    b"mock",
    b"dummy",
    b"sample",
    b"wrong",
    b"invalid",
    b"expected",
    b"bad",
]);

/// Words of what has credentials.
static STRONG: WordSet<22> = WordSet::new(&[
    b"db",
    b"admin",
    b"root",
    b"client",
    b"api",
    b"access",
    b"auth",
    b"jwt",
    b"app",
    b"smtp",
    b"mail",
    b"mysql",
    b"redis",
    b"postgres",
    b"user",
    b"login",
    b"private",
    b"service",
    b"prod",
    b"bot",
    b"refresh",
    b"webhook",
]);

/// Kinds of keywords; the first that stands in one counts.
static KINDS: WordSet<7> = WordSet::new(&[b"phrase", b"pwd", b"pass", b"secret", b"token", b"key", b"credential"]);

impl Name {
    pub(super) fn of(candidate: &Candidate<'_>) -> Self {
        let name = candidate.name;
        let (mut upper, mut lower, mut underscore, mut dot, mut hyphen) = (false, false, false, false, false);
        for byte in name {
            upper |= byte.is_ascii_uppercase();
            lower |= byte.is_ascii_lowercase();
            underscore |= *byte == b'_';
            dot |= *byte == b'.';
            hyphen |= *byte == b'-';
        }
        let style = match (upper, lower) {
            (true, false) => 1,
            _ if underscore => 2,
            _ if dot => 3,
            _ if hyphen => 4,
            (true, true) => 5,
            _ => 0,
        };
        let before = &name[..candidate.keyword.start];
        let behind = &name[candidate.keyword.end..];
        let (mut words, mut in_value) = (0, false);
        for word in split(name) {
            words += 1;
            in_value = in_value || contains(candidate.value, word);
        }
        Self {
            style,
            words,
            keyword: match KINDS.within(&name[candidate.keyword.clone()]) {
                0 => 0,
                kinds => kinds.trailing_zeros() as u8 + 1,
            },
            before: match before {
                _ if WEAK.within(name) != 0 => 3,
                _ if before.iter().all(|byte| !byte.is_ascii_alphanumeric()) => 0,
                _ if STRONG.within(before) != 0 => 1,
                _ => 2,
            },
            behind: match behind {
                _ if behind.iter().all(|byte| !byte.is_ascii_alphanumeric()) => 0,
                _ if behind.iter().all(|byte| !byte.is_ascii_alphabetic()) => 1,
                _ => 2,
            },
            in_value,
        }
    }
}

/// Whether a word of four letters and more stands in a text, in either case.
fn contains(text: &[u8], word: &[u8]) -> bool {
    const SMALL: u32 = 0x2020_2020;
    let Some((first, rest)) = word.split_first_chunk::<4>() else { return false };
    let first = u32::from_le_bytes(*first) | SMALL;
    text.windows(4).enumerate().any(|(at, four)| {
        // Signs may look like letters here; the bytes themselves decide.
        <[u8; 4]>::try_from(four).is_ok_and(|four| u32::from_le_bytes(four) | SMALL == first)
            && four.eq_ignore_ascii_case(&word[..4])
            && text.get(at + 4..at + word.len()).is_some_and(|tail| tail.eq_ignore_ascii_case(rest))
    })
}
