//! Words of programs: which runs of letters in a text are words that most packages have.

/// The runs of letters of a value, and which of them are words.
pub(super) struct Words {
    pub(super) letters: usize,
    covered: usize,
    pub(super) known: usize,
}

/// Shortest run that may be a word.
const SHORTEST: usize = 4;

impl Words {
    /// The runs are those of [`split`], each hashed as it is read.
    pub(super) fn of(value: &[u8]) -> Self {
        let mut words = Self { letters: 0, covered: 0, known: 0 };
        let mut run = Run::default();
        for &byte in value {
            let small = byte.is_ascii_lowercase();
            if !byte.is_ascii_alphabetic() || run.small && !small {
                words.count(&std::mem::take(&mut run));
            }
            if byte.is_ascii_alphabetic() {
                run.add(byte, small);
            }
        }
        words.count(&run);
        words
    }

    fn count(&mut self, run: &Run) {
        self.letters += run.length;
        if run.length >= SHORTEST && run.is_word() {
            self.covered += run.length;
            self.known += 1;
        }
    }

    /// The share of the letters that stand in words.
    pub(super) fn share(&self) -> f32 {
        self.covered as f32 / self.letters.max(1) as f32
    }
}

/// Runs of letters; a capital behind a small letter begins one.
pub(super) fn split(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while value.get(at).is_some_and(|byte| !byte.is_ascii_alphabetic()) {
            at += 1;
        }
        let start = at;
        let mut small = false;
        while let Some(byte) = value.get(at).filter(|byte| byte.is_ascii_alphabetic()) {
            if small && byte.is_ascii_uppercase() {
                break;
            }
            small = byte.is_ascii_lowercase();
            at += 1;
        }
        (at > start).then(|| &value[start..at])
    })
}

/// Hashes of the words that most packages have, ascending; written by the training script.
static WORD_LIST: &[u8] = include_bytes!("words.bin");

/// Where in [`WORD_LIST`] the hashes begin that start with each byte; its length at the end.
static BEGINS: [u16; 257] = {
    let mut begins = [0; 257];
    let count = WORD_LIST.len() / 4;
    assert!(count <= u16::MAX as usize);
    let (mut high, mut word) = (0, 0);
    while high <= 256 {
        while word < count && (WORD_LIST[word * 4 + 3] as usize) < high {
            word += 1;
        }
        begins[high] = word as u16;
        high += 1;
    }
    begins
};

/// How many words are known.
#[cfg(test)]
pub(super) fn known_words() -> usize {
    WORD_LIST.len() / 4
}

/// A run of letters: FNV-1a over the small letters of all of it, and of all but its last letter.
struct Run {
    hash: u32,
    before: u32,
    length: usize,
    last: u8,
    small: bool,
}

impl Default for Run {
    fn default() -> Self {
        Self { hash: 0x811c_9dc5, before: 0, length: 0, last: 0, small: false }
    }
}

impl Run {
    fn add(&mut self, letter: u8, small: bool) {
        self.before = self.hash;
        self.last = letter | 0x20;
        self.hash = (self.hash ^ u32::from(self.last)).wrapping_mul(0x0100_0193);
        self.length += 1;
        self.small = small;
    }

    fn is_word(&self) -> bool {
        let plural = self.length > SHORTEST && self.last == b's';
        listed(self.hash) || plural && listed(self.before)
    }
}

fn listed(hash: u32) -> bool {
    let high = (hash >> 24) as usize;
    let (words, _) = WORD_LIST.as_chunks::<4>();
    let like = words.get(usize::from(BEGINS[high])..usize::from(BEGINS[high + 1])).unwrap_or_default();
    like.iter().any(|bytes| u32::from_le_bytes(*bytes) == hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Run, SHORTEST, WORD_LIST, Words, listed, split};

    fn run(letters: &[u8]) -> Run {
        let mut run = Run::default();
        letters.iter().for_each(|&letter| run.add(letter, letter.is_ascii_lowercase()));
        run
    }

    #[test]
    fn every_word_is_found_and_its_neighbours_are_not() {
        let words: Vec<u32> = WORD_LIST.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        assert!(words.is_sorted());
        for &word in &words {
            assert!(listed(word));
            assert_eq!(listed(word.wrapping_add(1)), words.binary_search(&word.wrapping_add(1)).is_ok());
        }
        assert!(!listed(0) && !listed(u32::MAX));
        assert!(listed(run(b"Return").hash) && run(b"RETURNS").is_word());
    }

    #[test]
    fn runs_begin_at_capitals_and_behind_signs() {
        let runs = |text: &'static str| split(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(runs("db_userName2X"), [&b"db"[..], b"user", b"Name", b"X"]);
        assert_eq!(runs("HTTPServer"), [&b"HTTPServer"[..]]);
        assert!(runs("").is_empty() && runs("12_3").is_empty());
    }

    proptest! {
        /// The law: one pass counts the runs of `split`.
        #[test]
        fn one_pass_counts_the_runs(value in "(user|Return|Values|get|[a-zA-Z0-9_.é-]){0,14}") {
            let words = Words::of(value.as_bytes());
            let runs: Vec<&[u8]> = split(value.as_bytes()).collect();
            let known: Vec<_> = runs.iter().filter(|letters| letters.len() >= SHORTEST && run(letters).is_word()).collect();
            prop_assert_eq!(words.letters, runs.iter().map(|run| run.len()).sum::<usize>());
            prop_assert_eq!(words.known, known.len());
            prop_assert_eq!(words.covered, known.iter().map(|run| run.len()).sum::<usize>());
        }
    }
}
