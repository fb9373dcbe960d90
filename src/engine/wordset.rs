//! Which of a few short words stand in a text, in either case: most of the text is stepped over.
//!
//! Any word has two bytes at the end of its first `least` ones, `least` being the length of the shortest word. A table
//! says of any two bytes how many steps farther the next word may have its own (small and capital letters are alike
//! in it, and so are some signs), or that words begin here, and which. Built when the program is.

/// Up to 128 words of small letters, digits and signs, each of two bytes or more; bits are for 64.
pub(crate) struct WordSet<const N: usize> {
    words: &'static [&'static [u8]; N],
    /// Length of the shortest word.
    least: usize,
    /// By [`pair`]: steps to the next place, or [`HERE`] and the place in `order` of the first word that begins here.
    next: [u8; 1024],
    /// Words that have the same two bytes stand side by side here, those of smaller number first, all but the last of
    /// them with [`HERE`].
    order: [u8; N],
}

/// In [`WordSet::next`]: a word may begin here.
const HERE: u8 = 0x80;

/// Two bytes without the bits that tell capitals.
const fn pair(first: u8, second: u8) -> usize {
    ((first & 31) as usize) << 5 | (second & 31) as usize
}

impl<const N: usize> WordSet<N> {
    pub(crate) const fn new(words: &'static [&'static [u8]; N]) -> Self {
        assert!(0 < N && N < HERE as usize);
        let mut least = usize::MAX;
        let mut word = 0;
        while word < N {
            if words[word].len() < least {
                least = words[word].len();
            }
            word += 1;
        }
        assert!(1 < least && least < HERE as usize);
        let mut set = Self { words, least, next: [(least - 1) as u8; 1024], order: [0; N] };
        // Pairs that stand early in a word are far from where they would have to stand.
        let mut steps = least - 2;
        while steps > 0 {
            word = 0;
            while word < N {
                let at = least - 2 - steps;
                set.next[pair(words[word][at], words[word][at + 1])] = steps as u8;
                word += 1;
            }
            steps -= 1;
        }
        let mut placed = 0;
        word = 0;
        while word < N {
            let key = set.key(word);
            // A pair is entered with its first word, and all others that have it.
            if set.next[key] & HERE == 0 {
                set.next[key] = HERE | placed as u8;
                let mut other = word;
                while other < N {
                    if set.key(other) == key {
                        set.order[placed] = HERE | other as u8;
                        placed += 1;
                    }
                    other += 1;
                }
                set.order[placed - 1] &= !HERE;
            }
            word += 1;
        }
        set
    }

    /// The two bytes by which a word is found.
    const fn key(&self, word: usize) -> usize {
        pair(self.words[word][self.least - 2], self.words[word][self.least - 1])
    }

    /// Which words stand in `text`, a bit each.
    pub(crate) fn within(&self, text: &[u8]) -> u64 {
        const { assert!(N <= 64) };
        let mut found = 0;
        self.each(text, |word| {
            found |= 1 << word;
            false
        });
        found
    }

    /// Whether one of the words stands in `text`.
    pub(crate) fn any(&self, text: &[u8]) -> bool {
        self.each(text, |_| true)
    }

    /// Tells each word that stands in it, by place and then by number, until it is told that this is enough; whether it was.
    fn each(&self, text: &[u8], mut tell: impl FnMut(usize) -> bool) -> bool {
        let mut end = self.least;
        while let Some([first, second]) = text.get(end - 2..end) {
            let next = self.next[pair(*first, *second)];
            if next & HERE == 0 {
                end += usize::from(next);
                continue;
            }
            let behind = &text[end - self.least..];
            let mut place = usize::from(next & !HERE);
            while let Some(&entry) = self.order.get(place) {
                let word = usize::from(entry & !HERE);
                let stands = self.words[word];
                let begins = (behind[0] ^ stands[0]) & 31 == 0;
                if begins
                    && behind.get(..stands.len()).is_some_and(|head| head.eq_ignore_ascii_case(stands))
                    && tell(word)
                {
                    return true;
                }
                if entry & HERE == 0 {
                    break;
                }
                place += 1;
            }
            end += 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::WordSet;

    const WORDS: [&[u8]; 8] = [b"db", b"user", b"email", b"fake", b"port", b"should ", b"pass", b"key"];
    static SET: WordSet<8> = WordSet::new(&WORDS);

    proptest! {
        /// The law: what the tables say is what comparing every word at every place says.
        #[test]
        fn words_are_those_of_comparing_all_with_all(text in "([dbuserEMAILfakportKy _0é]|user|fakemail|should |DB){0,12}") {
            let text = text.as_bytes();
            let stands = |word: &[u8]| text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
            let all = (0..WORDS.len()).filter(|&word| stands(WORDS[word])).map(|word| 1u64 << word).sum::<u64>();
            prop_assert_eq!(SET.within(text), all);
            prop_assert_eq!(SET.any(text), all != 0);
        }
    }
}
