//! BIP-39 mnemonics: 12 to 24 words of a list of 2048, of which the last bits are a SHA-256 checksum (fact 13).
//!
//! The list beside this file is the English one of the standard (BIP-0039, MIT licence), as published.

use sha2::{Digest, Sha256};

use super::{Checked, HOLDS, confirmed, hint, rejected};

static ENGLISH: &str = include_str!("bip39_english.txt");

/// Words apart by white space, commas or quotes; every one must be in the list and the checksum must hold.
pub(super) fn check(secret: &[u8], _whole: &[u8]) -> Checked {
    if secret.len() > 1024 {
        return rejected("longer than 24 words");
    }
    let Ok(text) = std::str::from_utf8(secret) else { return rejected("not words") };
    let words: Vec<&str> =
        text.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty()).collect();
    if !matches!(words.len(), 12 | 15 | 18 | 21 | 24) {
        return rejected("a mnemonic has 12, 15, 18, 21 or 24 words");
    }
    let list: Vec<&str> = ENGLISH.lines().collect();
    let mut bits = Vec::with_capacity(words.len() * 11);
    for word in &words {
        let Ok(index) = list.binary_search(&word.to_ascii_lowercase().as_str()) else {
            return rejected("a word that is not in the BIP-39 list");
        };
        bits.extend((0..11).rev().map(|bit| (index >> bit) & 1 == 1));
    }
    let checksum = words.len() / 3;
    let (entropy, check) = bits.split_at(bits.len() - checksum);
    let bytes: Vec<u8> =
        entropy.chunks(8).map(|byte| byte.iter().fold(0, |value, bit| (value << 1) | u8::from(*bit))).collect();
    let digest = Sha256::digest(&bytes);
    if !check.iter().enumerate().all(|(at, bit)| (digest[0] >> (7 - at)) & 1 == u8::from(*bit)) {
        return rejected("its checksum (BIP-39) does not hold");
    }
    let mut different = words.clone();
    different.sort_unstable();
    different.dedup();
    if bytes.iter().all(|byte| *byte == bytes[0]) || different.len() < words.len() / 2 {
        return rejected("a sample mnemonic: the same words again and again");
    }
    match checksum {
        // Four bits of checksum: one in 16 random lists of words passes.
        4 => hint(HOLDS, "every word is in the BIP-39 list and the checksum holds"),
        _ => confirmed(HOLDS, "every word is in the BIP-39 list and the checksum holds"),
    }
    .with("words", words.len().to_string())
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn mnemonic(entropy: &[u8]) -> Vec<&'static str> {
        let list: Vec<&str> = ENGLISH.lines().collect();
        let mut bits: String = entropy.iter().map(|byte| format!("{byte:08b}")).collect();
        bits.push_str(&format!("{:08b}", Sha256::digest(entropy)[0])[..entropy.len() / 4]);
        bits.as_bytes()
            .chunks(11)
            .map(|word| list[usize::from_str_radix(std::str::from_utf8(word).unwrap(), 2).unwrap()])
            .collect()
    }

    #[test]
    fn the_list_is_the_published_one() {
        let digest: String = Sha256::digest(ENGLISH).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda");
    }

    #[test]
    fn mnemonics_of_every_length() {
        for length in [16, 20, 24, 28, 32] {
            let entropy = &Sha256::digest([length as u8])[..length];
            let words = mnemonic(entropy);
            for joint in [" ", "\n  ", "\", \""] {
                let text = words.join(joint);
                assert!(!matches!(check(text.as_bytes(), b"").verdict, Verdict::Rejected(_)), "{length}");
            }
            let mut swapped = words.clone();
            *swapped.last_mut().unwrap() = if words.last() == Some(&"zoo") { "zone" } else { "zoo" };
            if swapped != words {
                assert!(matches!(check(swapped.join(" ").as_bytes(), b"").verdict, Verdict::Rejected(_)), "{length}");
            }
        }
    }

    #[test]
    fn samples_and_other_words_are_refused() {
        for entropy in [[0u8; 16], [0x7f; 16], [0xff; 16]] {
            assert!(matches!(check(mnemonic(&entropy).join(" ").as_bytes(), b"").verdict, Verdict::Rejected(_)));
        }
        for text in ["", "one two three", "the quick brown fox jumps over the lazy dog and then it sleeps"] {
            assert!(matches!(check(text.as_bytes(), b"").verdict, Verdict::Rejected(_)), "{text}");
        }
    }
}
