//! What the model looks at: each feature is a bucket, a number below 20.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::super::assignment::{Operator, Quoting};
use super::super::value::Candidate;
use super::super::words::{distinct, entropy, letter_cost, placeholder, transitions};

/// How many features there are.
pub const COUNT: usize = 28;

/// The bucket of each feature.
pub type Features = [u8; COUNT];

/// Names of the features, for those who train the model.
pub const NAMES: [&str; COUNT] = [
    "length",
    "letter cost",
    "class changes",
    "entropy",
    "digits",
    "distinct",
    "kinds",
    "shape",
    "signs",
    "word share",
    "word count",
    "runs",
    "year",
    "sample word",
    "name in value",
    "name style",
    "name words",
    "keyword",
    "word before",
    "words behind",
    "quoting",
    "operator",
    "before name",
    "after value",
    "lead",
    "neighbours",
    "samples near",
    "keyword and shape",
];

/// What reasons are given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Random,
    Shape,
    Words,
    Name,
    Place,
    Near,
}

impl Group {
    pub(super) const ALL: [Self; 6] = [Self::Random, Self::Shape, Self::Words, Self::Name, Self::Place, Self::Near];

    pub(super) fn good(self) -> &'static str {
        match self {
            Self::Random => "its characters look random",
            Self::Shape => "it is made up as secrets are",
            Self::Words => "its words are none of a program or a text",
            Self::Name => "the name is one that secrets have",
            Self::Place => "it stands where a literal stands",
            Self::Near => "a user, a host or the like stands near",
        }
    }

    pub(super) fn bad(self) -> &'static str {
        match self {
            Self::Random => "its characters do not look random",
            Self::Shape => "it is made up as names, digests or numbers are",
            Self::Words => "it reads as words, a count or a sample",
            Self::Name => "the name is used for other things as well",
            Self::Place => "it stands where code or text stands",
            Self::Near => "nothing of an account stands near, or words of samples do",
        }
    }
}

/// The group of each feature.
pub(super) const GROUPS: [Group; COUNT] = {
    use Group::{Name, Near, Place, Random, Shape, Words};
    [
        Random, Random, Random, Random, Random, Random, Shape, Shape, Shape, Words, Words, Words, Words, Words, Words,
        Name, Name, Name, Name, Name, Place, Place, Place, Place, Place, Near, Near, Shape,
    ]
};

/// The first bucket whose limit is above `value`.
fn bucket(value: f32, limits: &[f32]) -> u8 {
    limits.iter().take_while(|limit| value >= **limit).count() as u8
}

/// Looks at a candidate.
pub(in super::super) fn look(candidate: &Candidate<'_>) -> Features {
    let value = candidate.value;
    let length = value.len() as f32;
    let count = |test: fn(&u8) -> bool| value.iter().filter(|byte| test(byte)).count();
    let digits = count(u8::is_ascii_digit);
    let lower = count(u8::is_ascii_lowercase);
    let upper = count(u8::is_ascii_uppercase);
    let signs = value.len() - digits - lower - upper;
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let kinds = u8::from(lower > 0) | u8::from(upper > 0) << 1 | u8::from(digits > 0) << 2 | u8::from(signs > 0) << 3;
    let cost = letter_cost(value);
    let most = length.min(if hex { 16.0 } else { 64.0 }).log2().max(1.0);
    let words = Words::of(value);
    let shape = shape(value, hex, (lower, upper, digits, signs), &words);
    let name = Name::of(candidate);
    let (before, lead) = in_front(candidate);
    let (neighbours, samples) = near(candidate);
    [
        bucket(length, &[6.0, 8.0, 10.0, 12.0, 16.0, 20.0, 24.0, 32.0, 40.0, 64.0, 100.0]),
        cost.map_or(0, |cost| 1 + bucket(cost, &[3.6, 4.1, 4.6, 5.0, 5.4, 5.9, 6.5])),
        bucket(transitions(value), &[0.01, 0.1, 0.2, 0.3, 0.4, 0.5]),
        bucket(entropy(value) / most, &[0.6, 0.7, 0.78, 0.84, 0.9, 0.95]),
        bucket(digits as f32 / length, &[0.001, 0.1, 0.2, 0.35, 0.5, 0.8]),
        bucket(distinct(value) as f32 / length.min(40.0), &[0.3, 0.4, 0.5, 0.6, 0.75, 0.9]),
        kinds,
        shape,
        sign_kind(value),
        bucket(words.share(), &[0.01, 0.3, 0.6, 0.85]) + u8::from(words.letters == 0) * 5,
        (words.known.min(4)) as u8,
        bucket(longest_run(value) as f32, &[3.5, 4.5, 5.5]),
        u8::from(has_year(value)),
        u8::from(short_sample(value)) + 2 * u8::from(placeholder(value).is_some()),
        u8::from(name.in_value),
        name.style,
        bucket(name.words as f32, &[1.5, 2.5, 3.5, 4.5]),
        name.keyword,
        name.before,
        name.behind,
        quoting(candidate),
        candidate.operator as u8,
        before,
        after(candidate.after),
        lead,
        neighbours,
        samples,
        if candidate.password { shape } else { 0 },
    ]
}

/// What kind of text the value is as a whole.
fn shape(value: &[u8], hex: bool, (lower, upper, digits, signs): (usize, usize, usize, usize), words: &Words) -> u8 {
    let only = |extra: &[u8]| value.iter().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(byte));
    if hex && digits > 0 && matches!(value.len(), 32 | 40 | 64 | 96 | 128) {
        return 1;
    }
    if hex && value.len() >= 16 {
        return 2;
    }
    if value.ends_with(b"=") && value.len().is_multiple_of(4) && only(b"+/=-_") {
        return 3;
    }
    if human(value) {
        return 4;
    }
    if value.contains(&b'/') {
        return 5;
    }
    if signs > 0 && only(b"_") {
        return if upper > 0 && lower == 0 { 6 } else { 7 };
    }
    if signs > 0 && only(b"-") {
        return 8;
    }
    if signs > 0 && only(b"._-") {
        return 9;
    }
    if signs == 0 && lower + upper > 0 {
        return match words.share() {
            share if share > 0.6 => 10,
            _ if digits == 0 => 11,
            _ => 12,
        };
    }
    13
}

/// `Word2024!`, `Word_word12`, `word-word-word-12`: letters in words, then a number, a sign or two.
fn human(value: &[u8]) -> bool {
    let end = value.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |at| at + 1);
    let tail = value.len() - end;
    let number = value[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let letters = value[..end - number].iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let breaks = end - number - letters;
    tail <= 2 && (1..=6).contains(&number) && letters >= 3 && breaks <= 3 && value.len() <= 32
}

fn sign_kind(value: &[u8]) -> u8 {
    let mut kind = 0;
    for byte in value {
        kind = kind.max(match byte {
            b'_' | b'-' | b'.' => 1,
            b'=' | b'+' | b'/' => 2,
            b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'*' | b'?' | b'~' | b'$' => 3,
            b':' | b',' | b';' | b'|' => 4,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'"' | b'\'' | b'`' | b'\\' => 5,
            byte if byte.is_ascii_alphanumeric() => 0,
            _ => 6,
        });
    }
    kind
}

/// The runs of letters of a value, and which of them are words.
struct Words {
    letters: usize,
    covered: usize,
    known: usize,
}

impl Words {
    fn of(value: &[u8]) -> Self {
        let mut words = Self { letters: 0, covered: 0, known: 0 };
        for run in split(value) {
            words.letters += run.len();
            if run.len() >= 4 && is_word(run) {
                words.covered += run.len();
                words.known += 1;
            }
        }
        words
    }

    /// The share of the letters that stand in words.
    fn share(&self) -> f32 {
        self.covered as f32 / self.letters.max(1) as f32
    }
}

/// Runs of letters; a capital behind a small letter begins one.
fn split(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| !byte.is_ascii_alphabetic()).flat_map(|run| {
        let mut rest = run;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = rest.windows(2).position(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
            let (word, more) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            rest = more;
            Some(word)
        })
    })
}

/// Hashes of the words that most packages have, ascending; written by the training script.
static WORD_LIST: &[u8] = include_bytes!("words.bin");

/// How many words are known.
#[cfg(test)]
pub(super) fn known_words() -> usize {
    WORD_LIST.len() / 4
}

fn is_word(run: &[u8]) -> bool {
    let word = hash(run);
    let plural = run.len() > 4 && matches!(run[run.len() - 1], b's' | b'S');
    listed(word) || plural && listed(hash(&run[..run.len() - 1]))
}

/// FNV-1a over the small letters.
fn hash(word: &[u8]) -> u32 {
    word.iter()
        .fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193))
}

fn listed(hash: u32) -> bool {
    let (words, _) = WORD_LIST.as_chunks::<4>();
    words.binary_search_by_key(&hash, |bytes| u32::from_le_bytes(*bytes)).is_ok()
}

/// The longest run of equal, counting or neighbouring keys (`4444`, `5678`, `asdf`).
fn longest_run(value: &[u8]) -> usize {
    const ROWS: [&[u8]; 3] = [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
    let key = |byte: u8| {
        let lower = byte.to_ascii_lowercase();
        ROWS.iter()
            .enumerate()
            .find_map(|(row, keys)| keys.iter().position(|key| *key == lower).map(|at| row * 16 + at))
    };
    let (mut longest, mut equal, mut up, mut walk) = (1, 1, 1, 1);
    for pair in value.windows(2) {
        equal = if pair[0] == pair[1] { equal + 1 } else { 1 };
        up = if pair[1] == pair[0].wrapping_add(1) { up + 1 } else { 1 };
        let next = key(pair[0]).zip(key(pair[1])).is_some_and(|(a, b)| b == a + 1);
        walk = if next { walk + 1 } else { 1 };
        longest = longest.max(equal).max(up).max(walk);
    }
    longest
}

fn has_year(value: &[u8]) -> bool {
    value.windows(4).any(|four| (four[0], four[1]) == (b'1', b'9') || (four[0], four[1]) == (b'2', b'0'))
        && value.windows(4).any(|four| four.iter().all(u8::is_ascii_digit))
}

/// Short words of samples, which placeholders are not looked for because chance makes them.
fn short_sample(value: &[u8]) -> bool {
    const SAMPLES: [&[u8]; 10] =
        [b"test", b"demo", b"pass", b"admin", b"user", b"foo", b"bar", b"key", b"token", b"secret"];
    SAMPLES.iter().any(|word| value.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word)))
}

/// What the name says.
struct Name {
    style: u8,
    words: usize,
    keyword: u8,
    before: u8,
    behind: u8,
    in_value: bool,
}

impl Name {
    fn of(candidate: &Candidate<'_>) -> Self {
        let name = candidate.name;
        let upper = name.iter().any(u8::is_ascii_uppercase);
        let lower = name.iter().any(u8::is_ascii_lowercase);
        let has = |sign: u8| name.contains(&sign);
        let style = match (upper, lower) {
            (true, false) => 1,
            _ if has(b'_') => 2,
            _ if has(b'.') => 3,
            _ if has(b'-') => 4,
            (true, true) => 5,
            _ => 0,
        };
        let keyword = &name[candidate.keyword.clone()];
        let before = &name[..candidate.keyword.start];
        let behind = &name[candidate.keyword.end..];
        let listed = |list: &[&[u8]], text: &[u8]| list.iter().any(|word| contains(text, word));
        const WEAK: [&[u8]; 10] =
            [b"test", b"example", b"fake", b"mock", b"dummy", b"sample", b"wrong", b"invalid", b"expected", b"bad"];
        const STRONG: [&[u8]; 22] = [
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
        ];
        Self {
            style,
            words: split(name).count(),
            keyword: kind(keyword),
            before: match before {
                _ if listed(&WEAK, name) => 3,
                _ if before.iter().all(|byte| !byte.is_ascii_alphanumeric()) => 0,
                _ if listed(&STRONG, before) => 1,
                _ => 2,
            },
            behind: match behind {
                _ if behind.iter().all(|byte| !byte.is_ascii_alphanumeric()) => 0,
                _ if behind.iter().all(|byte| !byte.is_ascii_alphabetic()) => 1,
                _ => 2,
            },
            in_value: split(name).any(|word| word.len() > 3 && contains(candidate.value, word)),
        }
    }
}

fn kind(keyword: &[u8]) -> u8 {
    const KINDS: [&[u8]; 7] = [b"phrase", b"pwd", b"pass", b"secret", b"token", b"key", b"credential"];
    KINDS.iter().position(|word| contains(keyword, word)).map_or(0, |at| at as u8 + 1)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

fn quoting(candidate: &Candidate<'_>) -> u8 {
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
fn in_front(candidate: &Candidate<'_>) -> (u8, u8) {
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

fn after(byte: Option<u8>) -> u8 {
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

/// How far to each side words are looked for.
pub(in super::super) const NEAR: usize = 128;

/// Words of an account, and of a test or sample, within [`NEAR`] of name and value.
fn near(candidate: &Candidate<'_>) -> (u8, u8) {
    const ACCOUNT: [&str; 9] = ["user", "login", "host", "email", "endpoint", "server", "account", "database", "port"];
    const SAMPLES: [&str; 9] = ["example", "sample", "assert", "expect", "mock", "fake", "dummy", "lorem", "should "];
    static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder().ascii_case_insensitive(true).build(ACCOUNT.iter().chain(&SAMPLES)).ok()
    });
    let Some(words) = WORDS.as_ref() else { return (0, 0) };
    let (name, value) = (&candidate.name_at, &candidate.value_at);
    let start = name.start.min(value.start);
    let end = name.end.max(value.end);
    let sides = [
        &candidate.text[start.saturating_sub(NEAR)..start],
        &candidate.text[end..candidate.text.len().min(end + NEAR)],
    ];
    let mut seen = 0u32;
    for side in sides {
        for found in words.find_iter(side) {
            seen |= 1 << found.pattern().as_usize();
        }
    }
    let account = (seen & ((1 << ACCOUNT.len()) - 1)).count_ones().min(2) as u8;
    let samples = (seen >> ACCOUNT.len()).count_ones().min(2) as u8;
    (account, samples)
}

const _: () = {
    // An operator's number is a bucket.
    assert!(Operator::Default as u8 == 4);
};
