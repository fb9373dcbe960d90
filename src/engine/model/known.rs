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
    pub(super) fn of(value: &[u8]) -> Self {
        let mut words = Self { letters: 0, covered: 0, known: 0 };
        for run in split(value) {
            words.letters += run.len();
            if run.len() >= SHORTEST && is_word(run) {
                words.covered += run.len();
                words.known += 1;
            }
        }
        words
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

fn is_word(run: &[u8]) -> bool {
    let (whole, shorter) = hashes(run);
    let plural = run.len() > SHORTEST && matches!(run[run.len() - 1], b's' | b'S');
    listed(whole) || plural && listed(shorter)
}

/// FNV-1a over the small letters: of the whole run, and of all but its last letter.
fn hashes(run: &[u8]) -> (u32, u32) {
    let (mut hash, mut before) = (0x811c_9dc5u32, 0);
    for byte in run {
        before = hash;
        hash = (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    }
    (hash, before)
}

fn listed(hash: u32) -> bool {
    let high = (hash >> 24) as usize;
    let (words, _) = WORD_LIST.as_chunks::<4>();
    let like = words.get(usize::from(BEGINS[high])..usize::from(BEGINS[high + 1])).unwrap_or_default();
    like.iter().any(|bytes| u32::from_le_bytes(*bytes) == hash)
}

#[cfg(test)]
mod tests {
    use super::{WORD_LIST, hashes, listed, split};

    #[test]
    fn every_word_is_found_and_its_neighbours_are_not() {
        let words: Vec<u32> = WORD_LIST.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        assert!(words.is_sorted());
        for &word in &words {
            assert!(listed(word));
            assert_eq!(listed(word.wrapping_add(1)), words.binary_search(&word.wrapping_add(1)).is_ok());
        }
        assert!(!listed(0) && !listed(u32::MAX));
        assert!(listed(hashes(b"Return").0));
    }

    #[test]
    fn runs_begin_at_capitals_and_behind_signs() {
        let runs = |text: &'static str| split(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(runs("db_userName2X"), [&b"db"[..], b"user", b"Name", b"X"]);
        assert_eq!(runs("HTTPServer"), [&b"HTTPServer"[..]]);
        assert!(runs("").is_empty() && runs("12_3").is_empty());
    }
}
