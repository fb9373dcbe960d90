//! Runs: stretches without a blank, quote or bracket, of the bytes that encodings are made of. The only part of
//! decoding that looks at every byte of every text.
//!
//! A run worth decoding is at least [`LEAST`] long, so one of its aligned windows of [`WINDOW`] bytes lies inside it.
//! Nine of ten windows of source code hold a byte below `#` (a blank, a quote, a line end), which is asked of all
//! sixteen at once (25 GB/s); the tables come after that.

use std::ops::Range;

/// Shortest run that is looked at: sixteen bytes in hex, twenty-four in base64.
pub(super) const LEAST: usize = 32;

const WINDOW: usize = 16;

/// Bytes of a run: letters, digits, `+/-_`, and what escapes are made of: `%`, `\`, `&`, `#`, `;`, `=`.
const CLASS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let is = byte as u8;
        table[byte] = is.is_ascii_alphanumeric()
            || matches!(is, b'+' | b'/' | b'-' | b'_' | b'%' | b'\\' | b'&' | b'#' | b';' | b'=');
        byte += 1;
    }
    table
};

fn in_class(byte: u8) -> bool {
    CLASS[usize::from(byte)]
}

/// Whether a byte of `window` is below `#` or not ASCII (negative, when it is taken as signed): one comparison for all
/// sixteen, once the compiler is done with it.
#[inline(always)]
fn broken(window: &[u8; WINDOW]) -> bool {
    !window.iter().fold(true, |whole, &byte| whole & (byte as i8 >= b'#' as i8))
}

/// The runs of a text, in order.
pub(super) struct Runs<'t> {
    text: &'t [u8],
    /// The next window to look at.
    window: usize,
    /// Windows from here on are not looked at.
    end: usize,
    /// Runs begin here or later.
    floor: usize,
}

impl<'t> Runs<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, window: 0, end: usize::MAX, floor: 0 }
    }

    /// Goes on with runs that have [`LEAST`] bytes in `range`, and only those; ranges come in order.
    pub(super) fn between(&mut self, range: Range<usize>) {
        self.window = self.window.max(range.start / WINDOW);
        self.end = range.end.div_ceil(WINDOW);
    }

    /// Goes on behind `at`: what was decoded is not looked at again.
    pub(super) fn behind(&mut self, at: usize) {
        self.floor = self.floor.max(at);
        self.window = self.window.max(at / WINDOW);
    }
}

impl Runs<'_> {
    /// Whether eight bytes before or behind the window at `start` may belong to a run with it.
    #[inline(always)]
    fn goes_on(&self, start: usize) -> bool {
        let may = |at: Option<usize>| {
            let bytes = at.and_then(|at| self.text.get(at..)).and_then(<[u8]>::first_chunk::<8>);
            bytes.is_some_and(|bytes| !bytes.iter().fold(false, |broken, &byte| broken | ((byte as i8) < b'#' as i8)))
        };
        may(start.checked_sub(8)) || may(Some(start + WINDOW))
    }
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let (windows, _) = self.text.as_chunks::<WINDOW>();
        let windows = &windows[..windows.len().min(self.end)];
        loop {
            let found = windows.get(self.window..)?.iter().position(|window| !broken(window))? + self.window;
            self.window = found + 1;
            let start = found * WINDOW;
            // Of sixteen bytes more at both ends together, eight are at one end.
            if !self.goes_on(start) || !windows[found].iter().all(|&byte| in_class(byte)) {
                continue;
            }
            let before = self.text.get(self.floor..start).unwrap_or_default();
            let first = start - before.iter().rev().take_while(|&&byte| in_class(byte)).count();
            let behind = &self.text[start + WINDOW..];
            let last = start + WINDOW + behind.iter().take_while(|&&byte| in_class(byte)).count();
            self.window = self.window.max(last / WINDOW);
            if last - first.max(self.floor) >= LEAST {
                let run = first.max(self.floor)..last;
                self.floor = last;
                return Some(run);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LEAST, Runs, in_class};

    proptest! {
        /// The same runs as one byte after the other gives.
        #[test]
        fn runs_are_those_of_the_plain_loop(text in prop::collection::vec(prop_oneof![9 => Just(b'a'), 1 => any::<u8>()], 0..400)) {
            let mut plain = Vec::new();
            let mut start = 0;
            for at in 0..=text.len() {
                if text.get(at).is_some_and(|&byte| in_class(byte)) {
                    continue;
                }
                if at - start >= LEAST {
                    plain.push(start..at);
                }
                start = at + 1;
            }
            prop_assert_eq!(Runs::new(&text).collect::<Vec<_>>(), plain);
        }
    }
}
