//! Letters and bytes of a text: what its letter pairs cost, how often each byte stands in it.

/// The number of a letter, 1 to 26, small or capital; 0 for any other byte.
pub(super) static LETTER: [u8; 256] = {
    let mut numbers = [0; 256];
    let mut letter = 0;
    while letter < 26 {
        numbers[b'a' as usize + letter] = letter as u8 + 1;
        numbers[b'A' as usize + letter] = letter as u8 + 1;
        letter += 1;
    }
    numbers
};

/// [`BIGRAMS`] by numbers of letters; what is no letter costs nothing.
static COSTS: [[u8; 32]; 32] = {
    let mut costs = [[0; 32]; 32];
    let mut letter = 0;
    while letter < 27 * 26 {
        costs[letter / 26][letter % 26 + 1] = BIGRAMS[letter / 26][letter % 26];
        letter += 1;
    }
    costs
};

/// What the letters of a text cost, letter by letter, without a branch.
#[derive(Default)]
pub(super) struct LetterCost {
    cost: u32,
    previous: u8,
}

impl LetterCost {
    /// Goes on with the next byte, given by its number in [`LETTER`].
    pub(super) fn add(&mut self, letter: u8) {
        self.cost += u32::from(COSTS[usize::from(self.previous & 31)][usize::from(letter & 31)]);
        self.previous = letter;
    }

    /// What each of the `letters` costs.
    pub(super) fn per_letter(&self, letters: u32) -> Option<f32> {
        (letters > 0).then(|| self.cost as f32 / 16.0 / letters as f32)
    }
}

/// Bits per letter of `text` under the bigram model, digits and signs being word ends; `None` without letters.
pub fn letter_cost(text: &[u8]) -> Option<f32> {
    let (mut cost, mut letters) = (LetterCost::default(), 0);
    for &byte in text {
        let letter = LETTER[usize::from(byte)];
        cost.add(letter);
        letters += u32::from(letter > 0);
    }
    cost.per_letter(letters)
}

/// Shannon entropy in bits per byte.
pub fn entropy(text: &[u8]) -> f32 {
    let mut entropy = Entropy::default();
    for &byte in text {
        entropy.add(byte);
    }
    entropy.per_byte(text.len())
}

/// How often each byte stands in a text.
pub(super) struct Entropy {
    counts: [u32; 256],
    /// A bit for each byte that stands in it.
    seen: [u64; 4],
}

impl Default for Entropy {
    fn default() -> Self {
        Self { counts: [0; 256], seen: [0; 4] }
    }
}

impl Entropy {
    pub(super) fn add(&mut self, byte: u8) {
        self.counts[usize::from(byte)] += 1;
        self.seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// How many different bytes.
    pub(super) fn distinct(&self) -> u32 {
        self.seen.iter().map(|word| word.count_ones()).sum()
    }

    /// Shannon entropy of the `length` bytes. A logarithm is as dear as ten bytes, and most counts are small: each is
    /// taken once. Byte by byte in order, so that the sum is rounded the same way whatever the text's order.
    pub(super) fn per_byte(&self, length: usize) -> f32 {
        const SMALL: usize = 8;
        let mut known = [0.0f32; SMALL];
        let mut sum = 0.0;
        for (high, word) in self.seen.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                let count = self.counts[high * 64 + word.trailing_zeros() as usize] as usize;
                word &= word - 1;
                let share = count as f32 / length as f32;
                sum += match known.get_mut(count) {
                    Some(known) if *known == 0.0 => {
                        *known = -share * share.log(2.0);
                        *known
                    }
                    Some(known) => *known,
                    None => -share * share.log(2.0),
                };
            }
        }
        sum
    }
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
    use proptest::prelude::*;

    use super::{BIGRAMS, entropy, letter_cost};

    /// The cost letter by letter, as its words say.
    fn plain_cost(text: &[u8]) -> Option<f32> {
        let (mut cost, mut letters, mut previous) = (0u32, 0u32, 0usize);
        for &byte in text {
            if byte.is_ascii_alphabetic() {
                let letter = usize::from(byte.to_ascii_lowercase() - b'a');
                cost += u32::from(BIGRAMS[previous][letter]);
                letters += 1;
                previous = letter + 1;
            } else {
                previous = 0;
            }
        }
        (letters > 0).then(|| cost as f32 / 16.0 / letters as f32)
    }

    proptest! {
        /// The law: to the last bit what another implementation says, so that no value changes sides.
        #[test]
        fn entropy_and_cost_are_those_of_the_plain_way(text in prop::collection::vec(prop_oneof![4 => 33u8..127, 1 => any::<u8>()], 0..600)) {
            prop_assert_eq!(entropy(&text).to_bits(), entropy::shannon_entropy(&text).to_bits());
            prop_assert_eq!(letter_cost(&text), plain_cost(&text));
        }
    }
}
