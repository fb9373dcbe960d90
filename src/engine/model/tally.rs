//! One pass over a value: what its characters are, and how they follow each other.

use super::super::letters::{Entropy, LETTER, LetterCost};

/// What is counted of a value.
pub(super) struct Tally {
    pub(super) lower: usize,
    pub(super) upper: usize,
    pub(super) digits: usize,
    /// Everything else.
    pub(super) others: usize,
    /// Which signs there are, a bit of [`sign`] each.
    pub(super) signs: u16,
    /// All are hexadecimal digits.
    pub(super) hex: bool,
    /// Bits per letter, as [`letter_cost`](super::super::letters::letter_cost) has them.
    pub(super) cost: Option<f32>,
    /// How often neighbours differ in class, as [`transitions`](super::super::letters::transitions) has it.
    pub(super) transitions: f32,
    /// Bits per byte.
    pub(super) entropy: f32,
    /// How many different bytes.
    pub(super) distinct: u32,
    /// The longest run of equal, counting or neighbouring keys (`4444`, `5678`, `asdf`).
    pub(super) run: usize,
    /// A number that may be a year.
    pub(super) year: bool,
}

/// Bits of [`Tally::signs`].
pub(super) mod sign {
    pub(in super::super) const UNDERSCORE: u16 = 1;
    pub(in super::super) const HYPHEN: u16 = 1 << 1;
    pub(in super::super) const DOT: u16 = 1 << 2;
    pub(in super::super) const EQUALS: u16 = 1 << 3;
    pub(in super::super) const PLUS: u16 = 1 << 4;
    pub(in super::super) const SLASH: u16 = 1 << 5;
    /// Those that people put into passwords.
    pub(in super::super) const BANG: u16 = 1 << 6;
    pub(in super::super) const SEPARATOR: u16 = 1 << 7;
    pub(in super::super) const BRACKET: u16 = 1 << 8;
    /// Blanks, control characters, whatever is not ASCII.
    pub(in super::super) const ELSE: u16 = 1 << 9;
}

const LOWER: u32 = 0;
const UPPER: u32 = 1;
const DIGIT: u32 = 2;
const OTHER: u32 = 3;

/// Of each byte: its class (2 bits), whether it is a hexadecimal digit (1), its key (6), its letter (5, as [`LETTER`] has
/// it), and its sign from bit 16 on. Keys that are neighbours have numbers that are; 0 is no key of the three rows.
const BYTES: [u32; 256] = {
    let rows: [&[u8]; 3] = [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
    let mut bytes = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let (class, sign) = match byte {
            b'a'..=b'z' => (LOWER, 0),
            b'A'..=b'Z' => (UPPER, 0),
            b'0'..=b'9' => (DIGIT, 0),
            b'_' => (OTHER, sign::UNDERSCORE),
            b'-' => (OTHER, sign::HYPHEN),
            b'.' => (OTHER, sign::DOT),
            b'=' => (OTHER, sign::EQUALS),
            b'+' => (OTHER, sign::PLUS),
            b'/' => (OTHER, sign::SLASH),
            b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'*' | b'?' | b'~' | b'$' => (OTHER, sign::BANG),
            b':' | b',' | b';' | b'|' => (OTHER, sign::SEPARATOR),
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'"' | b'\'' | b'`' | b'\\' => {
                (OTHER, sign::BRACKET)
            }
            _ => (OTHER, sign::ELSE),
        };
        bytes[at] = class | (byte.is_ascii_hexdigit() as u32) << 2 | (LETTER[at] as u32) << 9 | (sign as u32) << 16;
        at += 1;
    }
    let mut row = 0;
    while row < 3 {
        let mut key = 0;
        while key < rows[row].len() {
            let number = (row * 16 + key + 2) as u32;
            bytes[rows[row][key] as usize] |= number << 3;
            bytes[rows[row][key].to_ascii_uppercase() as usize] |= number << 3;
            key += 1;
        }
        row += 1;
    }
    bytes
};

/// A bit for each two classes whose neighbourhood is a change; a capital in front of a small letter is none.
const CHANGES: u32 = {
    let mut changes = 0;
    let mut pair = 0;
    while pair < 16 {
        if pair / 4 != pair % 4 && !(pair / 4 == UPPER && pair % 4 == LOWER) {
            changes |= 1 << pair;
        }
        pair += 1;
    }
    changes
};

impl Tally {
    pub(super) fn of(value: &[u8]) -> Self {
        let mut classes = [0u32; 4];
        let (mut all, mut any) = (u32::MAX, 0);
        let (mut cost, mut entropy) = (LetterCost::default(), Entropy::default());
        let mut changes = 0;
        let mut runs = Runs::default();
        // In front of the first byte stands the first byte: no change, and its run begins behind it.
        let mut before = value.first().copied().unwrap_or_default();
        let mut last = BYTES[usize::from(before)];
        for (at, &byte) in value.iter().enumerate() {
            let facts = BYTES[usize::from(byte)];
            let class = facts & 3;
            classes[class as usize] += 1;
            all &= facts;
            any |= facts;
            cost.add((facts >> 9 & 31) as u8);
            entropy.add(byte);
            changes += CHANGES >> ((last & 3) * 4 + class) & 1;
            let step = byte.wrapping_sub(before);
            let (key, last_key) = (facts >> 3 & 63, last >> 3 & 63);
            let walks = last_key > 0 && key == last_key + 1;
            // Hardly ever so in what is random.
            if (step <= 1 || walks) && at > 0 {
                runs.go_on(at, step == 0, step == 1, walks);
            }
            (before, last) = (byte, facts);
        }
        let [lower, upper, digits, others] = classes.map(|count| count as usize);
        Self {
            lower,
            upper,
            digits,
            others,
            signs: (any >> 16) as u16,
            hex: all >> 2 & 1 == 1,
            cost: cost.per_letter((lower + upper) as u32),
            transitions: if value.len() < 2 { 0.0 } else { changes as f32 / (value.len() - 1) as f32 },
            entropy: entropy.per_byte(value.len()),
            distinct: entropy.distinct(),
            run: runs.longest + 1,
            year: digits >= 4 && year(value),
        }
    }

    /// Whether there are no signs but those of `signs`.
    pub(super) fn only(&self, signs: u16) -> bool {
        self.signs & !signs == 0
    }
}

/// Runs of equal, counting and neighbouring keys: how many steps each has.
#[derive(Default)]
struct Runs {
    /// Where the last step led.
    at: usize,
    equal: usize,
    up: usize,
    walk: usize,
    longest: usize,
}

impl Runs {
    /// A step to the byte at `at`, and of which kinds it is.
    #[cold]
    fn go_on(&mut self, at: usize, equal: bool, up: bool, walks: bool) {
        let next = self.at + 1 == at;
        self.at = at;
        for (run, goes_on) in [(&mut self.equal, equal), (&mut self.up, up), (&mut self.walk, walks)] {
            *run = if goes_on { if next { *run + 1 } else { 1 } } else { 0 };
            self.longest = self.longest.max(*run);
        }
    }
}

/// Whether four digits stand in a row, and `19` or `20` with two bytes behind it.
fn year(value: &[u8]) -> bool {
    let mut digits = 0;
    let four = value.iter().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits == 4
    });
    four && value.windows(4).any(|four| matches!(four[..2], [b'1', b'9'] | [b'2', b'0']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::words::{distinct, entropy, letter_cost, transitions};
    use super::{Tally, sign};

    /// The longest run, each kind of run by itself.
    fn plain_run(value: &[u8]) -> usize {
        const ROWS: [&[u8]; 3] = [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
        let key = |byte: u8| {
            let lower = byte.to_ascii_lowercase();
            let places = ROWS.iter().enumerate();
            places.filter_map(|(row, keys)| Some(row * 16 + keys.iter().position(|key| *key == lower)?)).next()
        };
        let tests: [&dyn Fn(u8, u8) -> bool; 3] = [&|a, b| a == b, &|a, b| b == a.wrapping_add(1), &|a, b| {
            key(a).zip(key(b)).is_some_and(|(a, b)| b == a + 1)
        }];
        let longest = |test: &&dyn Fn(u8, u8) -> bool| {
            let (mut run, mut longest) = (1, 1);
            for pair in value.windows(2) {
                run = if test(pair[0], pair[1]) { run + 1 } else { 1 };
                longest = longest.max(run);
            }
            longest
        };
        tests.iter().map(longest).max().unwrap_or(1)
    }

    proptest! {
        /// The law: one pass says what a pass for each question says.
        #[test]
        fn one_pass_says_what_many_say(value in prop_oneof![
            "[ -~é]{0,70}", "[a-f0-9]{0,64}", "(qwerty|1234|aaaa|2024|19|20|[A-Za-z0-9_./+=-]){0,12}",
        ]) {
            let value = value.as_bytes();
            let tally = Tally::of(value);
            let count = |test: fn(&u8) -> bool| value.iter().filter(|byte| test(byte)).count();
            prop_assert_eq!(tally.lower, count(u8::is_ascii_lowercase));
            prop_assert_eq!(tally.upper, count(u8::is_ascii_uppercase));
            prop_assert_eq!(tally.digits, count(u8::is_ascii_digit));
            prop_assert_eq!(tally.others, count(|byte| !byte.is_ascii_alphanumeric()));
            prop_assert_eq!(tally.hex, value.iter().all(u8::is_ascii_hexdigit));
            prop_assert_eq!(tally.cost, letter_cost(value));
            prop_assert_eq!(tally.transitions, transitions(value));
            prop_assert_eq!(tally.entropy, entropy(value));
            prop_assert_eq!(tally.distinct, distinct(value));
            prop_assert_eq!(tally.run, plain_run(value));
            let year = value.windows(4).any(|four| four.starts_with(b"19") || four.starts_with(b"20"))
                && value.windows(4).any(|four| four.iter().all(u8::is_ascii_digit));
            prop_assert_eq!(tally.year, year);
            let only = value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
            prop_assert_eq!(tally.only(sign::UNDERSCORE | sign::HYPHEN), only);
        }
    }
}
