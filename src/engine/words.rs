//! Words: how much a text looks like something a person wrote, and which texts stand for a secret without being one.
//!
//! Three tests, all cheap: the cost of its letters under a bigram model of English and program identifiers (a random
//! letter costs about 6.4 bits, a letter of a word about 3.8), how often its characters change class (random base62
//! does at two of three places, `getPasswordFromStore` hardly ever), and words that mark placeholders.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::wordset::WordSet;

pub use super::letters::{entropy, letter_cost};

/// The share of neighbouring characters that differ in class (lower, upper, digit, other), a capital before small
/// letters being one word; 0 to 1.
pub fn transitions(text: &[u8]) -> f32 {
    if text.len() < 2 {
        return 0.0;
    }
    let mut changes = 0u32;
    for pair in text.windows(2) {
        let (a, b) = (class(pair[0]), class(pair[1]));
        changes += u32::from(a != b && !(a == Class::Upper && b == Class::Lower));
    }
    changes as f32 / (text.len() - 1) as f32
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Class {
    Lower,
    Upper,
    Digit,
    Other,
}

fn class(byte: u8) -> Class {
    match byte {
        b'a'..=b'z' => Class::Lower,
        b'A'..=b'Z' => Class::Upper,
        b'0'..=b'9' => Class::Digit,
        _ => Class::Other,
    }
}

/// Whether `text` reads as words or an identifier: its letters are cheap and its class seldom changes.
pub fn reads_as_words(text: &[u8]) -> bool {
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    if letters * 2 < text.len() || digits * 4 > text.len() {
        return false;
    }
    let Some(cost) = letter_cost(text) else { return false };
    let runs = word_runs(text);
    cost < 5.0 && runs >= 3.0 || cost < 4.6 && runs >= 2.5
}

/// Whether `text` reads as words so plainly that random letters and digits hardly do: of those of 16 characters one in
/// 7,000, of 24 one in 400,000. For tokens with a form of their own, which are random when they are real; what people
/// write in their place costs about four bits a letter.
pub fn surely_reads_as_words(text: &[u8]) -> bool {
    let Some(cost) = letter_cost(text).filter(|_| reads_as_words(text)) else { return false };
    let runs = word_runs(text);
    cost < 4.4 && runs >= 3.0 || cost < 4.6 && runs >= 4.0
}

/// Average length of the runs of letters (a capital begins a run).
fn word_runs(text: &[u8]) -> f32 {
    let (mut runs, mut letters, mut inside, mut previous) = (0u32, 0u32, false, 0u8);
    for &byte in text {
        if byte.is_ascii_alphabetic() {
            if !inside || (byte.is_ascii_uppercase() && previous.is_ascii_lowercase()) {
                runs += 1;
            }
            letters += 1;
            inside = true;
        } else {
            inside = false;
        }
        previous = byte;
    }
    letters as f32 / runs.max(1) as f32
}

/// Texts that stand for a secret: found anywhere in a value, in either case.
const PLACEHOLDERS: [&str; 102] = [
    "example",
    "sample",
    "changeme",
    "change_me",
    "change-me",
    "changethis",
    "placeholder",
    "dummy",
    "redacted",
    "your_",
    "your-",
    "yourpass",
    "yoursecret",
    "yourtoken",
    "yourkey",
    "yourapi",
    "replaceme",
    "replace_",
    "replace-",
    "insert_",
    "insert-",
    "todo",
    "fixme",
    "xxxx",
    "notasecret",
    "not_a_secret",
    "not-a-secret",
    "notreal",
    "not-real",
    "not_real",
    "fake",
    "foobar",
    "foo-bar",
    "lorem",
    "mysecret",
    "my_secret",
    "my-secret",
    "mytoken",
    "my_token",
    "my-token",
    "mypassword",
    "my_password",
    "my-password",
    "topsecret",
    "supersecret",
    "super_secret",
    "super-secret",
    "secretpassword",
    "secret_key",
    "secretkey",
    "access_key",
    "access_token",
    "accesstoken",
    "api_key",
    "apikey",
    "api-key",
    "password",
    "passwd",
    "passphrase",
    "01234567",
    "12345678",
    "23456789",
    "87654321",
    "abcdefg",
    "abcd1234",
    "abc123",
    "qwerty",
    "asdfgh",
    "deadbeef",
    "cafebabe",
    "aaaaaa",
    "00000000",
    "11111111",
    "undefined",
    "hunter2",
    "thisis",
    "this_is",
    "this-is",
    "invalid",
    "nosuch",
    "dontcare",
    "whatever",
    "letmein",
    "s3cr3t",
    "p@ssw0rd",
    "passw0rd",
    "pa55w",
    "testtest",
    "test_",
    "test-",
    "test123",
    "testing",
    "tests",
    "mock",
    "stub",
    "default",
    "correcthorse",
    "correct-horse",
    "wjalrxutnfemi",
    "mf_9.b5f", // RFC 6750
    "opensesame",
    "exampleexample",
];

/// The first placeholder word in `text`, if any.
pub fn placeholder(text: &[u8]) -> Option<&'static str> {
    static WORDS: LazyLock<Option<AhoCorasick>> =
        LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PLACEHOLDERS).ok());
    if !holds_placeholder(text) {
        return None;
    }
    let found = WORDS.as_ref()?.find(text)?;
    Some(PLACEHOLDERS[found.pattern().as_usize()])
}

/// Whether a placeholder word stands in `text`: most values hold none, and are told so at the least cost.
pub(super) fn holds_placeholder(text: &[u8]) -> bool {
    static BYTES: [&[u8]; PLACEHOLDERS.len()] = {
        let mut words: [&[u8]; PLACEHOLDERS.len()] = [b""; PLACEHOLDERS.len()];
        let mut word = 0;
        while word < words.len() {
            words[word] = PLACEHOLDERS[word].as_bytes();
            word += 1;
        }
        words
    };
    static WORDS: WordSet<{ PLACEHOLDERS.len() }> = WordSet::new(&BYTES);
    WORDS.any(text)
}

/// Whether a field to be filled in stands in the value: `{name}`, `{user.id}`, `{0}`, `{hex:40}`.
pub fn has_field(value: &[u8]) -> bool {
    memchr::memchr_iter(b'{', value).any(|open| {
        let rest = &value[open + 1..];
        let Some(close) = memchr::memchr(b'}', rest) else { return false };
        let (name, spec) = match memchr::memchr(b':', &rest[..close]) {
            Some(colon) => (&rest[..colon], &rest[colon + 1..close]),
            None => (&rest[..close], &[][..]),
        };
        let named = name.len() > 1
            && (name[0].is_ascii_alphabetic() || name[0] == b'_')
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
        let numbered = name.len() == 1 && name[0].is_ascii_digit();
        (named || numbered) && spec.iter().all(|byte| byte.is_ascii_graphic())
    })
}

/// Whether a run of `length` or more equal, ascending or descending characters stands in `text`.
pub fn has_run(text: &[u8], length: usize) -> bool {
    for step in [0u8, 1, 255] {
        let mut run = 1;
        for pair in text.windows(2) {
            run = if pair[1] == pair[0].wrapping_add(step) { run + 1 } else { 1 };
            if run >= length {
                return true;
            }
        }
    }
    false
}

/// Whether a piece of 2 to 8 bytes stands three times in a row in `text`, over nine bytes and more: `abc123abc123abc123`.
pub fn repeats(text: &[u8]) -> bool {
    (2..=8).any(|period| {
        let mut run = 0;
        text.iter().zip(text.get(period..).unwrap_or_default()).any(|(a, b)| {
            run = if a == b { run + 1 } else { 0 };
            run >= (2 * period).max(7)
        })
    })
}

/// Whether `text` is hex of bytes that count up or down (`000102...`, `00112233...`): a vector of a test.
pub(super) fn counts_in_hex(text: &[u8]) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> =
        (text.chunks_exact(2)).map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect();
    let Some(bytes) = bytes.filter(|bytes| bytes.len() >= 8 && text.len().is_multiple_of(2)) else { return false };
    let steps = bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let counting =
        [0x00, 0x01, 0xff, 0x11, 0xef, 0x22].iter().map(|step| steps.clone().filter(|one| one == step).count());
    counting.max().is_some_and(|most| most * 4 >= (bytes.len() - 1) * 3)
}

/// How many different bytes stand in `text`.
pub fn distinct(text: &[u8]) -> u32 {
    let mut seen = [0u64; 4];
    for &byte in text {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|word| word.count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use aho_corasick::AhoCorasick;
    use proptest::prelude::*;

    use super::{
        PLACEHOLDERS, counts_in_hex, has_run, holds_placeholder, letter_cost, placeholder, reads_as_words, repeats,
        surely_reads_as_words,
    };

    #[test]
    fn words_are_cheap_and_noise_is_not() {
        for words in ["getPasswordFromStore", "connection", "user_name_field", "PasswordEncoder"] {
            assert!(reads_as_words(words.as_bytes()), "{words}");
        }
        for noise in ["xK9dQ2mZpL7vRt4W", "qzxvkjwpqhfg", "9f86d081884c7d65", "Tr0ub4dor&3x"] {
            assert!(!reads_as_words(noise.as_bytes()), "{noise}");
        }
        assert!(letter_cost(b"12345").is_none());
    }

    #[test]
    fn random_tokens_do_not_surely_read_as_words_and_written_ones_do() {
        for written in ["thisIsNotARealTokenValue", "yourSecretTokenGoesHere1", "my_test_token_for_unit_tests"] {
            assert!(surely_reads_as_words(written.as_bytes()), "{written}");
        }
        let token = |seed| crate::rules::template::expand("{alnum:24}", seed).expect("a sound template");
        let read = (0..20_000).filter(|&seed| surely_reads_as_words(token(seed).as_bytes())).count();
        assert!(read <= 2, "{read} of 20,000");
    }

    #[test]
    fn placeholders_and_runs() {
        assert_eq!(placeholder(b"MyExampleKey"), Some("example"));
        assert_eq!(placeholder(b"kT9vQx2Lw"), None);
        assert!(repeats(b"tok_abc123abc123abc123") && !repeats(b"kT9vQx2LwkT9vQx2Lw"));
        for counting in ["000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "0b0b0b0b0b0b0b0b0b0b"]
        {
            assert!(counts_in_hex(counting.as_bytes()), "{counting}");
        }
        assert!(!counts_in_hex(b"8f14e45fceea167a5a36dedd4bea2543") && !counts_in_hex(b"0001"));
        assert!(has_run(b"zz456789q", 6) && has_run(b"a-zyxwv", 5) && !has_run(b"a1b2c3", 4));
    }

    proptest! {
        /// The law: what steps over most of a text finds what an automaton finds.
        #[test]
        fn placeholders_are_those_of_an_automaton(text in "(example|CHANGE_ME|p@ssw0rd|s3cr3t|1234|5678|xx|test|tests|[a-zA-Z0-9_-]){0,10}") {
            let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(PLACEHOLDERS).expect("sound words");
            prop_assert_eq!(holds_placeholder(text.as_bytes()), automaton.is_match(&text));
        }
    }
}
