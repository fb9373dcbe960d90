//! Which of up to 32 short words stand in a text, in either case: three bytes at a time, without a branch for most.
//!
//! For each of the first three letters of a word a table says which words have it there; the three answers together are
//! the words that may begin here. Built when the program is.

use super::super::letters::LETTER;

/// Up to 32 words of small letters; the first three bytes of each are letters (two of a word of two).
pub(super) struct WordSet {
    words: &'static [&'static [u8]],
    /// By number of the letter: which words have it as first, second, third letter.
    at: [[u32; 32]; 3],
}

impl WordSet {
    pub(super) const fn new(words: &'static [&'static [u8]]) -> Self {
        assert!(words.len() <= 32);
        let mut at = [[0u32; 32]; 3];
        let mut word = 0;
        while word < words.len() {
            let mut place = 0;
            while place < 3 {
                if place < words[word].len() {
                    let letter = LETTER[words[word][place] as usize];
                    assert!(letter > 0);
                    at[place][letter as usize] |= 1 << word;
                } else {
                    assert!(place == 2);
                    let mut any = 0;
                    while any < 32 {
                        at[place][any] |= 1 << word;
                        any += 1;
                    }
                }
                place += 1;
            }
            word += 1;
        }
        Self { words, at }
    }

    /// Which words stand in `text`, a bit each.
    pub(super) fn within(&self, text: &[u8]) -> u32 {
        self.find::<false>(text)
    }

    /// The same, of words that share letters (`fakemail`) the first alone.
    pub(super) fn apart(&self, text: &[u8]) -> u32 {
        self.find::<true>(text)
    }

    fn find<const APART: bool>(&self, text: &[u8]) -> u32 {
        let Some(mut second) = text.first().map(|&byte| letter(byte)) else { return 0 };
        let mut third = text.get(1).map_or(0, |&byte| letter(byte));
        let (mut found, mut free) = (0, 0);
        for start in 0..text.len() {
            let first = std::mem::replace(&mut second, third);
            third = text.get(start + 2).map_or(0, |&byte| letter(byte));
            let mut may = self.at[0][first] & self.at[1][second] & self.at[2][third];
            while may != 0 {
                let index = may.trailing_zeros();
                may &= may - 1;
                let word = self.words[index as usize];
                let stands = text.get(start..start + word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
                if stands && (!APART || start >= free) {
                    found |= 1 << index;
                    free = start + word.len();
                }
            }
        }
        found
    }
}

fn letter(byte: u8) -> usize {
    usize::from(LETTER[usize::from(byte)] & 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::WordSet;

    const WORDS: [&[u8]; 8] = [b"db", b"user", b"email", b"fake", b"port", b"should ", b"pass", b"key"];
    static SET: WordSet = WordSet::new(&WORDS);

    proptest! {
        /// The law: what the tables say is what comparing every word at every place says.
        #[test]
        fn words_are_those_of_comparing_all_with_all(text in "([dbuserEMAILfakportKy _0é]|user|fakemail|should |DB){0,12}") {
            let text = text.as_bytes();
            let stands = |word: &[u8]| text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
            let all = (0..WORDS.len()).filter(|&word| stands(WORDS[word])).map(|word| 1u32 << word).sum::<u32>();
            prop_assert_eq!(SET.within(text), all);
            let automaton = aho_corasick::AhoCorasick::builder().ascii_case_insensitive(true).build(WORDS).expect("sound words");
            let apart = automaton.find_iter(text).fold(0, |seen, found| seen | 1 << found.pattern().as_usize());
            prop_assert_eq!(SET.apart(text), apart);
        }
    }
}
