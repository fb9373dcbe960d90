//! Deterministic random text for templates.

/// A small generator (splitmix64): good enough for test secrets, the same on every machine.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Every template has its own sequence for a seed.
    pub(super) fn new(seed: u64, template: &str) -> Self {
        let mixed = template
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(mixed ^ seed.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit` (0 when that is 0).
    pub(super) fn below(&mut self, limit: usize) -> usize {
        match limit as u64 {
            0 => 0,
            limit => (self.next() % limit) as usize,
        }
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.next() >> 24) as u8).collect()
    }

    /// `length` characters of `alphabet`. Long ones are drawn anew when they count or repeat, as a sample does.
    pub(super) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        loop {
            let text: String = (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect();
            if length < 12 || alphabet.len() < 10 || length > 1000 || !looks_made_up(text.as_bytes()) {
                return text;
            }
        }
    }

    /// A number of `length` digits.
    pub(super) fn digits(&mut self, length: usize) -> String {
        if length == 0 {
            return String::new();
        }
        let first = self.text(b"123456789", 1);
        first + &self.text(b"0123456789", length - 1)
    }
}

/// Four characters that repeat or count, or few different ones: no token looks like that for long.
fn looks_made_up(text: &[u8]) -> bool {
    let steps = |step: u8| text.windows(4).any(|four| four.windows(2).all(|two| two[1] == two[0].wrapping_add(step)));
    let mut seen = text.to_vec();
    seen.sort_unstable();
    seen.dedup();
    seen.len() < 7 || steps(0) || steps(1) || steps(255)
}
