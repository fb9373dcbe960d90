//! Which two neighbouring grams (four bytes each) of a literal are likely the rarest in source code: the prefilter
//! knows the literal by them.
//!
//! Shared with `build.rs`, which asks a table of common grams (`rules/prefilter/grams.toml`, made by
//! `scripts/common_grams`) for the built-in rules; a user's literals are judged by their bytes alone.

use std::collections::HashMap;

/// Farthest a literal's second gram begins behind its start. The prefilter reads so far behind each range it searches,
/// and a history has millions.
pub const DEEPEST_GRAM: usize = 14;

/// How often grams occur, by their folded bytes (bit 5 set), in ten millionths; those that are missing are rare.
pub type CommonGrams = HashMap<[u8; 4], u32>;

/// Where the five bytes of `text` stand whose two grams are likely the rarest; 0 for shorter ones.
pub fn rarest(text: &[u8], common: &CommonGrams) -> u8 {
    let known = |gram: &[u8]| -> u32 {
        let folded = [gram[0], gram[1], gram[2], gram[3]].map(|byte| byte | 0x20);
        common.get(&folded).copied().unwrap_or(0)
    };
    let cost = |window: &[u8]| {
        let inner: u32 = window[1..4].iter().map(|&byte| commonness(byte)).sum();
        // Each gram is met half the time, so both count.
        (known(&window[..4]) + known(&window[1..]), 2 * inner + commonness(window[0]) + commonness(window[4]))
    };
    let best = text.windows(5).take(DEEPEST_GRAM).enumerate().min_by_key(|(_, window)| cost(window));
    best.map_or(0, |(offset, _)| offset as u8)
}

/// How common a byte is in source code and prose, roughly on a logarithmic scale.
fn commonness(byte: u8) -> u32 {
    match byte.to_ascii_lowercase() {
        b' ' | b'e' | b't' => 12,
        b'a' | b'i' | b'n' | b'o' | b'r' | b's' => 11,
        b'c' | b'd' | b'l' | b'u' | b'p' | b'm' | b'f' => 9,
        b'h' | b'g' | b'b' | b'_' | b'-' | b'/' | b'.' | b'=' => 7,
        b'y' | b'v' | b'w' | b'0' | b'1' | b':' => 5,
        b'k' | b'x' | b'2' | b'3' => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::{CommonGrams, rarest};

    #[test]
    fn common_grams_are_avoided() {
        let none = CommonGrams::new();
        assert_eq!(rarest(b"abc", &none), 0);
        assert_eq!(rarest(b"contentq_z", &none), 5);
        let common = CommonGrams::from([(*b"tq\x7fz", 9), (*b"ntq\x7f", 9), (*b"entq", 1)]);
        assert_eq!(rarest(b"contentq_z", &common), 0);
        assert_eq!(rarest(b"CONTENTQ_Z", &common), 0);
    }
}
