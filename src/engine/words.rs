//! Words: how much a text looks like something a person wrote, and which texts stand for a secret without being one.
//!
//! Three tests, all cheap: the cost of its letters under a bigram model of English and program identifiers (a random
//! letter costs about 6.4 bits, a letter of a word about 3.8), how often its characters change class (random base62
//! does at two of three places, `getPasswordFromStore` hardly ever), and words that mark placeholders.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// Bits per letter of `text` under the bigram model, digits and signs being word ends; `None` without letters.
pub fn letter_cost(text: &[u8]) -> Option<f32> {
    let (mut cost, mut letters, mut previous) = (0u32, 0u32, 0usize);
    for &byte in text {
        let letter = usize::from((byte | 0x20).wrapping_sub(b'a'));
        if byte.is_ascii_alphabetic() {
            cost += u32::from(BIGRAMS[previous][letter]);
            letters += 1;
            previous = letter + 1;
        } else {
            previous = 0;
        }
    }
    (letters > 0).then(|| cost as f32 / 16.0 / letters as f32)
}

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
const PLACEHOLDERS: &[&str] = &[
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
    "opensesame",
    "exampleexample",
];

/// The first placeholder word in `text`, if any.
pub fn placeholder(text: &[u8]) -> Option<&'static str> {
    static WORDS: LazyLock<Option<AhoCorasick>> =
        LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PLACEHOLDERS).ok());
    let found = WORDS.as_ref()?.find(text)?;
    Some(PLACEHOLDERS[found.pattern().as_usize()])
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

/// How many different bytes stand in `text`.
pub fn distinct(text: &[u8]) -> u32 {
    let mut seen = [0u64; 4];
    for &byte in text {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|word| word.count_ones()).sum()
}

/// Shannon entropy in bits per byte.
pub fn entropy(text: &[u8]) -> f32 {
    if text.is_empty() { 0.0 } else { entropy::shannon_entropy(text) as f32 }
}

/// Cost of a letter after a letter (row 0: at a word's start), in sixteenths of a bit. Made by
/// `scripts/train_bigrams.py` from the identifiers and words of Python's standard library.
#[rustfmt::skip]
const BIGRAMS: [[u8; 26]; 27] = [
    [66, 75, 57, 65, 71, 72, 79, 86, 66, 124, 106, 74, 69, 78, 83, 62, 119, 65, 51, 68, 80, 100, 87, 104, 127, 130],
    [132, 74, 61, 71, 134, 116, 81, 136, 79, 162, 103, 50, 66, 55, 156, 75, 154, 46, 63, 43, 95, 101, 108, 107, 97, 153],
    [52, 87, 84, 97, 57, 111, 125, 126, 57, 82, 131, 43, 101, 105, 59, 91, 153, 68, 66, 95, 57, 148, 123, 143, 79, 131],
    [52, 138, 89, 111, 54, 117, 132, 55, 78, 179, 62, 69, 104, 115, 37, 116, 143, 71, 90, 53, 76, 123, 137, 169, 103, 190],
    [67, 108, 109, 85, 36, 104, 116, 143, 45, 140, 144, 86, 122, 112, 68, 118, 150, 85, 76, 95, 83, 127, 138, 139, 116, 168],
    [75, 116, 68, 55, 92, 87, 102, 132, 115, 165, 134, 74, 83, 55, 121, 89, 110, 47, 53, 64, 130, 99, 105, 78, 113, 155],
    [65, 122, 102, 93, 59, 53, 116, 147, 35, 167, 162, 68, 117, 112, 50, 107, 146, 62, 79, 78, 69, 147, 131, 152, 98, 182],
    [79, 124, 109, 116, 37, 126, 93, 73, 68, 167, 155, 78, 100, 74, 84, 120, 195, 65, 69, 99, 82, 124, 131, 172, 145, 136],
    [40, 126, 114, 102, 36, 127, 147, 133, 53, 189, 116, 93, 100, 111, 46, 127, 179, 79, 98, 70, 88, 145, 136, 167, 104, 153],
    [80, 88, 64, 74, 79, 86, 75, 175, 143, 181, 135, 65, 73, 30, 60, 86, 157, 78, 59, 56, 157, 87, 184, 103, 193, 85],
    [53, 136, 87, 103, 38, 103, 127, 111, 65, 136, 91, 106, 120, 124, 48, 97, 136, 99, 79, 112, 41, 136, 124, 136, 106, 136],
    [73, 110, 92, 95, 32, 108, 89, 99, 55, 137, 138, 75, 133, 84, 93, 102, 129, 97, 56, 96, 99, 123, 86, 175, 109, 175],
    [53, 122, 107, 81, 37, 116, 134, 137, 42, 164, 133, 58, 127, 113, 53, 103, 180, 128, 79, 78, 86, 124, 147, 165, 67, 171],
    [39, 80, 125, 95, 33, 125, 145, 146, 56, 175, 119, 97, 80, 119, 58, 52, 190, 130, 76, 99, 81, 155, 150, 190, 112, 164],
    [62, 130, 65, 56, 55, 84, 47, 128, 72, 152, 100, 101, 121, 99, 73, 107, 144, 126, 61, 47, 89, 96, 137, 162, 125, 169],
    [102, 89, 69, 67, 124, 97, 91, 142, 100, 158, 96, 67, 64, 37, 80, 67, 199, 47, 72, 72, 66, 91, 76, 111, 144, 151],
    [45, 125, 105, 101, 45, 105, 129, 94, 69, 204, 118, 56, 125, 120, 56, 72, 157, 48, 80, 67, 84, 136, 117, 183, 84, 194],
    [98, 119, 102, 104, 111, 124, 130, 120, 122, 132, 146, 92, 119, 89, 111, 123, 85, 95, 73, 120, 11, 128, 115, 146, 146, 146],
    [53, 121, 84, 88, 35, 110, 95, 140, 55, 183, 104, 98, 83, 94, 58, 104, 198, 83, 64, 69, 95, 114, 123, 167, 93, 187],
    [87, 133, 78, 115, 48, 118, 120, 77, 61, 167, 108, 96, 114, 118, 83, 76, 129, 121, 70, 45, 71, 135, 121, 153, 100, 176],
    [57, 124, 89, 107, 40, 111, 156, 66, 45, 176, 138, 93, 107, 116, 67, 99, 166, 59, 70, 82, 88, 128, 116, 143, 84, 138],
    [77, 65, 78, 94, 69, 85, 93, 153, 76, 183, 139, 57, 65, 41, 97, 63, 179, 52, 57, 51, 137, 179, 161, 143, 175, 167],
    [36, 112, 100, 142, 19, 114, 121, 132, 47, 175, 154, 122, 108, 117, 77, 111, 161, 105, 102, 119, 134, 147, 126, 148, 146, 145],
    [43, 115, 97, 88, 55, 102, 135, 70, 41, 153, 129, 87, 125, 66, 59, 108, 135, 59, 63, 99, 124, 128, 105, 121, 175, 152],
    [77, 92, 64, 87, 54, 71, 127, 102, 61, 171, 141, 87, 88, 120, 96, 50, 155, 97, 91, 41, 114, 114, 124, 85, 97, 137],
    [108, 103, 92, 101, 76, 107, 114, 131, 82, 181, 165, 87, 83, 72, 95, 53, 169, 100, 63, 68, 135, 109, 104, 144, 122, 125],
    [56, 131, 104, 110, 15, 105, 133, 104, 51, 149, 149, 104, 111, 113, 65, 104, 149, 113, 110, 94, 117, 149, 124, 149, 104, 107],
];

#[cfg(test)]
mod tests {
    use super::{has_run, letter_cost, placeholder, reads_as_words, repeats, surely_reads_as_words};

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
        assert!(has_run(b"zz456789q", 6) && has_run(b"a-zyxwv", 5) && !has_run(b"a1b2c3", 4));
    }
}
