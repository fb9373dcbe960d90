//! Decoding: what stands in a text in another form, as bytes to match, with the way back.
//!
//! ```text
//!  text -> runs (every byte, sixteen at a time) -> cheap test: twelve bytes in a row decode to text, or a stream
//!       -> decode to the run's end -> matched like any text, decoded again, to a depth of five
//! ```
//!
//! Two ways lead here. **Runs** (`encodings`) are long stretches that are nothing but an encoding: base64, hex, or
//! escapes for every character. They may reach as far as the text, so the delta walk scans a blob whole for which
//! [`may_pay`] holds. **Escapes** among plain text (`password%3D`, `&quot;`, `\u003d`) are looked at only where a
//! literal was hit and nothing came of it for the escape behind it; what is looked at then is a bounded neighbourhood,
//! which becomes part of the candidate's context (`encoded.rs` has the details).

mod backslash;
mod base64;
mod entity;
mod escape;
mod hex;
mod inflate;
mod percent;
mod piece;
mod quoted_printable;
mod run;
mod utf16;

use std::ops::Range;

pub use piece::Piece;

pub(super) use escape::{Form, begins};

/// How often a text is decoded in turn, at most: base64 of base64 of gzip is three.
pub const DEEPEST: usize = 5;

/// Bytes in a row that must be text for a run to be decoded.
const TEXT: usize = 12;

/// What all streams of one text may decompress to: this much, and [`RATIO`] times the text beside it.
const LEAST_BUDGET: usize = 1 << 20;
/// See [`LEAST_BUDGET`]. Manifests and templates compress to a tenth, bombs to a thousandth.
const RATIO: usize = 64;
/// Never more than this.
const MOST_BUDGET: usize = 64 << 20;

/// How many bytes streams in a text of `length` bytes may decompress to, all together.
pub fn budget(length: usize) -> usize {
    length.saturating_mul(RATIO).saturating_add(LEAST_BUDGET).min(MOST_BUDGET)
}

/// Whether `encodings` finds anything: a pure function of the text, about 0.3 ns a byte on source code. Candidates
/// inside an encoding depend on all of it, so nothing found in such a text may be carried to an edited one.
pub fn may_pay(text: &[u8]) -> bool {
    plans(text).next().is_some()
}

/// Whether more is encoded in what came out of the deepest decoder that is followed.
pub(super) fn goes_on(bytes: &[u8]) -> bool {
    inflate::is_stream(bytes) || may_pay(bytes)
}

/// The same for a text that came from one for which it was false, when only `ranges` are new: the new bytes, and
/// [`NEAR`] bytes or more to each side of them, as far as the text goes. In order.
pub fn may_pay_in(text: &[u8], ranges: impl IntoIterator<Item = Range<usize>>) -> bool {
    let mut plans = plans(text);
    ranges.into_iter().any(|range| {
        plans.runs.between(range);
        plans.next().is_some()
    })
}

/// See [`may_pay_in`].
pub const NEAR: usize = run::LEAST;

/// How a run is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Base64,
    Hex,
    Escapes(Form, usize),
}

/// Escapes are decoded in pieces of this size, since the way back takes some memory for each, and a piece begins so
/// many bytes before the last one's end.
const LARGEST: usize = 1 << 20;
/// See [`LARGEST`].
const OVERLAP: usize = 8 << 10;

/// Runs are decoded in pieces of this size (decoded), so that memory does not grow with the text; compressed streams whole.
const LARGEST_RUN: usize = 8 << 20;
/// How many bytes of the text a piece shares with the one before: more than a private key has.
const RUN_OVERLAP: usize = 96 << 10;

/// The encodings of `text` in order, decoded.
pub(super) fn encodings<'t>(text: &'t [u8]) -> impl Iterator<Item = Piece> + 't {
    let mut plans = plans(text);
    std::iter::from_fn(move || {
        let (plan, start) = plans.next()?;
        let (piece, next) = match plan {
            Plan::Base64 => {
                let piece = base64::decode(text, start, LARGEST_RUN);
                let next = behind_run(&piece);
                (piece, next)
            }
            Plan::Hex => {
                let piece = hex::decode(text, start, LARGEST_RUN);
                let next = behind_run(&piece);
                (piece, next)
            }
            Plan::Escapes(form, end) => {
                let stop = end.min(start + LARGEST);
                (form.decode(text, start..stop), if stop < end { stop - OVERLAP } else { end })
            }
        };
        plans.behind(next);
        Some(piece)
    })
}

/// Where the next run may begin: behind a piece, or in its last bytes when it was cut off.
fn behind_run(piece: &Piece) -> usize {
    let cut = piece.text.len() >= LARGEST_RUN && !inflate::is_stream(&piece.text);
    piece.outer.end - if cut { RUN_OVERLAP } else { 0 }
}

/// What a decoded piece holds once more when it is no text yet: a compressed stream or UTF-16. The limit is taken
/// down by what came out; `false` beside it when the limit was too small.
pub(super) fn binary(bytes: &[u8], limit: &mut usize) -> Option<(Piece, bool)> {
    if inflate::is_stream(bytes) {
        let inflated = inflate::inflate(bytes, *limit)?;
        *limit -= inflated.text.len();
        return Some((Piece::whole(inflated.name, 0..bytes.len(), inflated.text), !inflated.cut));
    }
    utf16::starts(bytes).map(|start| (utf16::decode(bytes, start), true))
}

/// A value that is base64 of text and of nothing else: the text.
pub(super) fn value(bytes: &[u8]) -> Option<Vec<u8>> {
    base64::value(bytes)
}

/// The name [`value`]'s decoder has.
pub(super) const VALUE: &str = base64::NAME;

/// Places where an encoding begins, with how it is read.
struct Plans<'t> {
    text: &'t [u8],
    runs: run::Runs<'t>,
    /// What is left of the run that is being looked at.
    rest: Range<usize>,
}

fn plans(text: &[u8]) -> Plans<'_> {
    Plans { text, runs: run::Runs::new(text), rest: 0..0 }
}

impl Plans<'_> {
    /// Goes on behind `at`.
    fn behind(&mut self, at: usize) {
        self.runs.behind(at);
        self.rest.start = self.rest.start.max(at).min(self.rest.end);
    }
}

impl Iterator for Plans<'_> {
    type Item = (Plan, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.len() < run::LEAST {
                self.rest = self.runs.next()?;
            }
            let run = &self.text[self.rest.clone()];
            if let Some((plan, at)) = plan(run) {
                let start = self.rest.start + at;
                self.rest.start = start + 1;
                return Some((plan.behind(start), start));
            }
            self.rest.start = self.rest.end;
        }
    }
}

impl Plan {
    /// The plan with places in the text instead of in the run.
    fn behind(self, start: usize) -> Self {
        match self {
            Self::Escapes(form, length) => Self::Escapes(form, start + length),
            other => other,
        }
    }
}

/// The first encoding of a run and where it begins in it.
fn plan(run: &[u8]) -> Option<(Plan, usize)> {
    let mut at = 0;
    while at < run.len() {
        // An escape in front of the digits (`\n`) is none of them.
        if run[at] == b'\\' && run.get(at + 1).is_some_and(|byte| matches!(byte, b'n' | b'r' | b't')) {
            at += 2;
            continue;
        }
        if begins(run[at]).is_some() {
            if let Some(form) = escape::dense(&run[at..]) {
                return Some((Plan::Escapes(form, run.len() - at), at));
            }
            at += 1;
            continue;
        }
        let length = run[at..].iter().take_while(|&&byte| base64::is_digit(byte)).count();
        if length >= run::LEAST - 3 {
            let digits = &run[at..at + length];
            if let Some((plan, start)) = digits_plan(digits) {
                return Some((plan, at + start));
            }
        }
        at += length.max(1);
    }
    mixed(run)
}

/// Base64 or hex, for digits of base64.
fn digits_plan(digits: &[u8]) -> Option<(Plan, usize)> {
    let mut at = 0;
    while let Some(found) = hex::find(&digits[at..], run::LEAST) {
        let (start, end) = (at + found.start, at + found.end);
        let hex = &digits[start..end];
        if hex::compressed(hex) {
            return Some((Plan::Hex, start));
        }
        if let Some(inner) = hex::text_at(hex) {
            return Some((Plan::Hex, start + inner));
        }
        // Hex digits are digits of base64 as well, but so many of them are none: most runs of them are digests.
        if hex.len() == digits.len() {
            return None;
        }
        at = end;
    }
    if base64::compressed(digits) {
        return Some((Plan::Base64, 0));
    }
    base64::text_at(digits).map(|start| (Plan::Base64, start))
}

/// How far into a run the first escaped digits are looked for, in bytes.
const MIXED: usize = 64 << 10;

/// Base64 whose `+`, `/` and `=` are escaped: the run with its escapes taken out is looked at once more.
fn mixed(run: &[u8]) -> Option<(Plan, usize)> {
    let head = &run[..run.len().min(MIXED)];
    let form = head.iter().enumerate().find_map(|(at, &byte)| {
        let form = begins(byte).filter(|form| *form != Form::QuotedPrintable)?;
        form.unit(&head[at..]).map(|_| form)
    })?;
    let inner = form.decode(head, 0..head.len());
    let mut stretches = inner.text.split(|&byte| !base64::is_digit(byte));
    stretches
        .any(|digits| digits.len() >= run::LEAST - 3 && digits_plan(digits).is_some())
        .then_some((Plan::Escapes(form, run.len()), 0))
}

/// Whether a byte is one of ASCII text.
fn is_text_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')
}

/// Whether bytes are ASCII text, or UTF-16 of it.
fn is_text(bytes: &[u8; TEXT]) -> bool {
    let wide = |first: usize| {
        bytes.iter().enumerate().all(|(at, &byte)| if at % 2 == first { is_text_byte(byte) } else { byte == 0 })
    };
    bytes.iter().all(|&byte| is_text_byte(byte)) || wide(0) || wide(1)
}

/// The byte of two hex digits.
pub(super) fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}
