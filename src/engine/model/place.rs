//! What the model looks at of the place where name and value stand.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::super::assignment::Quoting;
use super::super::value::Candidate;

/// In which quotes the value stands.
pub(super) fn quoting(candidate: &Candidate<'_>) -> u8 {
    let tight = candidate.text.get(candidate.value_at.start.wrapping_sub(1)) == Some(&b'=');
    match candidate.quoting {
        Quoting::Quoted(b'"') => 0,
        Quoting::Quoted(b'\'') => 1,
        Quoting::Quoted(_) => 2,
        Quoting::Element => 3,
        Quoting::Bare if tight => 4,
        Quoting::Bare => 5,
        Quoting::BareInside => 6,
    }
}

/// The byte in front of the name, and what its line begins with.
pub(super) fn in_front(candidate: &Candidate<'_>) -> (u8, u8) {
    let at = candidate.name_at.start;
    let from = at.saturating_sub(32);
    let window = &candidate.text[from..at];
    let line = memchr::memrchr(b'\n', window).map_or(window, |found| &window[found + 1..]);
    let before = match line.last() {
        None => 0,
        Some(b' ' | b'\t') if line.trim_ascii().is_empty() => 0,
        Some(b'"' | b'\'' | b'`') => 1,
        Some(b' ' | b'\t') => 2,
        Some(b'(' | b',' | b'{' | b'[') => 3,
        Some(b'$' | b'@' | b':') => 4,
        Some(b'<' | b'>') => 5,
        Some(b'/' | b'?' | b'&' | b'=') => 6,
        _ => 7,
    };
    let line = line.trim_ascii_start();
    const SETTERS: [&[u8]; 6] = [b"export", b"ENV", b"ARG", b"set", b"env", b"declare"];
    const DECLARATIONS: [&[u8]; 12] = [
        b"const", b"let", b"var", b"val", b"final", b"static", b"private", b"public", b"String", b"string", b"def",
        b"#define",
    ];
    let starts = |list: &[&[u8]]| list.iter().any(|word| line.starts_with(word));
    let lead = match line {
        _ if at - from == 32 && line.len() == window.len() => 5,
        [] => 0,
        _ if starts(&SETTERS) => 1,
        _ if starts(&DECLARATIONS) => 3,
        [b'#' | b'*' | b';' | b'%', ..] | [b'/', b'/', ..] | [b'-', b'-', ..] => 2,
        _ => 4,
    };
    (before, lead)
}

/// The byte behind the value.
pub(super) fn after(byte: Option<u8>) -> u8 {
    match byte {
        None | Some(b'\n' | b'\r') => 0,
        Some(b'"' | b'\'' | b'`') => 1,
        Some(b';') => 2,
        Some(b',') => 3,
        Some(b')' | b']' | b'}') => 4,
        Some(b' ' | b'\t') => 5,
        Some(b'<') => 6,
        Some(_) => 7,
    }
}

/// Words of an account, then those of a sample.
const WORDS: [&str; 18] = [
    "user", "login", "host", "email", "endpoint", "server", "account", "database", "port", "example", "sample",
    "assert", "expect", "mock", "fake", "dummy", "lorem", "should ",
];

/// Looks for [`WORDS`]. Small letters alone, because only so are texts stepped over many bytes at a time: telling capitals
/// from small ones for it costs next to nothing.
static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostFirst).kind(Some(AhoCorasickKind::DFA)).build(WORDS).ok()
});

/// How many of [`WORDS`] are an account's.
const ACCOUNT: usize = 9;

/// How far to each side words are looked for.
pub(in super::super) const NEAR: usize = 128;

/// Words of an account, and of a test or sample, within [`NEAR`] of name and value.
pub(super) fn near(candidate: &Candidate<'_>) -> (u8, u8) {
    let (name, value) = (&candidate.name_at, &candidate.value_at);
    let start = name.start.min(value.start);
    let end = name.end.max(value.end);
    let sides = [
        &candidate.text[start.saturating_sub(NEAR)..start],
        &candidate.text[end..candidate.text.len().min(end + NEAR)],
    ];
    let mut small = [0; NEAR];
    let mut seen = 0u32;
    for side in sides {
        let small = &mut small[..side.len()];
        small.copy_from_slice(side);
        small.make_ascii_lowercase();
        for found in AUTOMATON.iter().flat_map(|automaton| automaton.find_iter(&*small)) {
            seen |= 1 << found.pattern().as_u32();
        }
    }
    let account = (seen & ((1 << ACCOUNT) - 1)).count_ones().min(2) as u8;
    let samples = (seen >> ACCOUNT).count_ones().min(2) as u8;
    (account, samples)
}

#[cfg(test)]
mod tests {
    use super::super::super::assignment::{Operator, Quoting};
    use super::super::super::value::Candidate;
    use super::{NEAR, near};

    fn near_of(text: &str) -> (u8, u8) {
        let at = text.find("token=").expect("a name");
        let (name, value) = (at..at + 5, at + 6..at + 11);
        near(&Candidate {
            text: text.as_bytes(),
            keyword: 0..5,
            name: &text.as_bytes()[name.clone()],
            value: &text.as_bytes()[value.clone()],
            after: None,
            name_at: name,
            value_at: value,
            partial: false,
            quoting: Quoting::Bare,
            operator: Operator::Assign,
            password: false,
        })
    }

    #[test]
    fn words_of_both_sides_count_once_each_and_two_at_most() {
        assert_eq!(near_of("token=kvxqz"), (0, 0));
        assert_eq!(near_of("HOST token=kvxqz host"), (1, 0));
        assert_eq!(near_of("Server, port: token=kvxqz LOGIN Sample"), (2, 1));
        // One of two words that share letters, and none across name and value.
        assert_eq!(near_of("fakemail token=kvxqz"), (0, 1));
        assert_eq!(near_of("us token=kvxqzer"), (0, 0));
    }

    #[test]
    fn words_farther_away_do_not_count() {
        let far = " ".repeat(NEAR);
        assert_eq!(near_of(&format!("user{far}token=kvxqz{far}user")), (0, 0));
        assert_eq!(near_of(&format!("user{}token=kvxqz", &far[4..])), (1, 0));
    }
}
