//! What the model looks at: each feature is a bucket, a number below 20.

use super::super::assignment::Operator;
use super::super::value::Candidate;
use super::super::words::holds_placeholder;
use super::super::wordset::WordSet;
use super::known::Words;
use super::name::Name;
use super::place::{after, in_front, near, quoting};
use super::tally::{Tally, sign};

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

/// Short words of samples, which placeholders are not looked for because chance makes them.
static SAMPLES: WordSet<10> =
    WordSet::new(&[b"test", b"demo", b"pass", b"admin", b"user", b"foo", b"bar", b"key", b"token", b"secret"]);

/// Looks at a candidate.
pub(in super::super) fn look(candidate: &Candidate<'_>) -> Features {
    let value = candidate.value;
    let length = value.len() as f32;
    let tally = Tally::of(value);
    let kinds = [tally.lower, tally.upper, tally.digits, tally.others];
    let kinds = kinds.iter().enumerate().fold(0, |bits, (kind, &count)| bits | u8::from(count > 0) << kind);
    let most = length.min(if tally.hex { 16.0 } else { 64.0 }).log2().max(1.0);
    let words = Words::of(value);
    let shape = shape(value, &tally, &words);
    let name = Name::of(candidate);
    let (before, lead) = in_front(candidate);
    let (neighbours, samples) = near(candidate);
    [
        bucket(length, &[6.0, 8.0, 10.0, 12.0, 16.0, 20.0, 24.0, 32.0, 40.0, 64.0, 100.0]),
        tally.cost.map_or(0, |cost| 1 + bucket(cost, &[3.6, 4.1, 4.6, 5.0, 5.4, 5.9, 6.5])),
        bucket(tally.transitions, &[0.01, 0.1, 0.2, 0.3, 0.4, 0.5]),
        bucket(tally.entropy / most, &[0.6, 0.7, 0.78, 0.84, 0.9, 0.95]),
        bucket(tally.digits as f32 / length, &[0.001, 0.1, 0.2, 0.35, 0.5, 0.8]),
        bucket(tally.distinct as f32 / length.min(40.0), &[0.3, 0.4, 0.5, 0.6, 0.75, 0.9]),
        kinds,
        shape,
        sign_kind(tally.signs),
        bucket(words.share(), &[0.01, 0.3, 0.6, 0.85]) + u8::from(words.letters == 0) * 5,
        (words.known.min(4)) as u8,
        bucket(tally.run as f32, &[3.5, 4.5, 5.5]),
        u8::from(tally.year),
        u8::from(SAMPLES.within(value) != 0) + 2 * u8::from(holds_placeholder(value)),
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
fn shape(value: &[u8], tally: &Tally, words: &Words) -> u8 {
    if tally.hex && tally.digits > 0 && matches!(value.len(), 32 | 40 | 64 | 96 | 128) {
        return 1;
    }
    if tally.hex && value.len() >= 16 {
        return 2;
    }
    let base64 = sign::PLUS | sign::SLASH | sign::EQUALS | sign::HYPHEN | sign::UNDERSCORE;
    if value.ends_with(b"=") && value.len().is_multiple_of(4) && tally.only(base64) {
        return 3;
    }
    if human(value) {
        return 4;
    }
    if tally.signs & sign::SLASH != 0 {
        return 5;
    }
    if tally.others > 0 && tally.only(sign::UNDERSCORE) {
        return if tally.upper > 0 && tally.lower == 0 { 6 } else { 7 };
    }
    if tally.others > 0 && tally.only(sign::HYPHEN) {
        return 8;
    }
    if tally.others > 0 && tally.only(sign::DOT | sign::UNDERSCORE | sign::HYPHEN) {
        return 9;
    }
    if tally.others == 0 && tally.lower + tally.upper > 0 {
        return match words.share() {
            share if share > 0.6 => 10,
            _ if tally.digits == 0 => 11,
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

/// The rarest kind of sign there is.
fn sign_kind(signs: u16) -> u8 {
    const KINDS: [u16; 6] = [
        sign::UNDERSCORE | sign::HYPHEN | sign::DOT,
        sign::EQUALS | sign::PLUS | sign::SLASH,
        sign::BANG,
        sign::SEPARATOR,
        sign::BRACKET,
        sign::ELSE,
    ];
    KINDS.iter().rposition(|kind| signs & kind != 0).map_or(0, |at| at as u8 + 1)
}

const _: () = {
    // An operator's number is a bucket.
    assert!(Operator::Default as u8 == 4);
};
