//! Matching: bytes in, matches out. Knows no files and no git.
//!
//! ```text
//!  bytes -> prefilter (one pass, all literals) -> hit -> gate -> anchored pattern ----+
//!        -> decode (base64, hex, escapes ...) -> bytes, once more                     |
//!                                              -> keyword -> assignment -> value -----+-> validate -> score
//!                                                                                     |
//!                                  resolve: halves joined, overlaps settled <---------+
//! ```
//!
//! [`Engine`] is immutable and shared by all threads; a [`Scanner`] holds what one thread needs. Every candidate is
//! a pure function of the bytes round the literal that was hit (at most [`REACH`] to each side, private keys and
//! the like [`LONG_REACH`]); only `resolve` looks at a text's matches together. Never panics, whatever the bytes.

mod assigned;
mod assignment;
mod boundary;
mod compiled;
pub mod decode;
mod encoded;
mod forms;
mod innocent;
mod letters;
mod matcher;
pub mod model;
mod named;
mod of_token;
mod owner;
pub mod prefilter;
mod record;
mod resolve;
pub mod score;
mod search;
#[cfg(test)]
mod tests;
mod texts;
mod token;
pub mod validate;
mod value;
pub mod whole;
pub mod words;
mod wordset;

use std::ops::Range;

pub use matcher::{Engine, Scanner};
use prefilter::HEAD;

use crate::finding::Reason;
use crate::secret::Secret;

/// Raise it with every change that makes the same bytes give other matches and that rules do not show: validators,
/// scoring, the model's weights, decoders, what the prefilter lets through. An audit then scans everything anew; within a
/// release nothing else tells it.
pub const GENERATION: u32 = 4;

/// Farthest a candidate looks to each side of the literal that raised it, in bytes.
pub const REACH: usize = 4096;

/// The same for kinds with a long body: private keys, key files.
pub const LONG_REACH: usize = 64 * 1024;

/// Most matches of one text that are kept, by place: a file made to hold millions must not cost more than its scan.
pub const MOST_MATCHES: usize = 10_000;

/// No more candidates of one text are looked at: whoever makes ten million of them does it on purpose.
pub const MOST_CANDIDATES: usize = 4 * MOST_MATCHES;

/// No more names with a value that comes to nothing (a placeholder, a look-up) are judged in one text, counted by keyword:
/// a name may hold two. Each costs some microseconds; real texts of a hundred megabytes hold a tenth of it.
pub const MOST_IN_VAIN: usize = 2_000_000;

/// A match: which rule, where, how sure.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Index of the rule in the engine's [`RuleSet`](crate::rules::RuleSet).
    pub rule: u16,
    /// The whole match (name, operator and value of an assignment; the pattern's match else).
    pub span: Range<usize>,
    /// The secret inside it.
    pub secret: Range<usize>,
    /// Where the literal stands that raised it.
    pub anchor: usize,
    /// All the bytes that were looked at: the same bytes there give the same candidate.
    pub context: Range<usize>,
    /// How sure, 0 to 100, before the path is known.
    pub confidence: u8,
    /// A checksum or structure proved it.
    pub proven: bool,
    /// What made the confidence; the first is the rule's base.
    pub reasons: Vec<Reason>,
    /// Things read out of the secret offline.
    pub facts: Vec<(&'static str, String)>,
    /// Other halves of the credential: rule and secret.
    pub parts: Vec<(u16, Range<usize>)>,
    /// A rule for certain files alone explains the same text better: this match counts in other files.
    pub gives_way: Option<u16>,
    /// What was decoded, when the bytes of the text are not the secret itself. All places are those of the text.
    pub decoded: Option<Box<Decoded>>,
}

/// The secret of a match that stands in the text in another form.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The decoders in turn, outermost first (`base64`, `gzip`).
    pub chain: Vec<&'static str>,
    /// The secret.
    pub secret: Secret,
    /// The secrets of [`Match::parts`], in the same order.
    pub parts: Vec<Secret>,
}

impl Match {
    /// The secret's bytes; `text` is what was scanned.
    pub fn secret_in<'t>(&'t self, text: &'t [u8]) -> &'t [u8] {
        match &self.decoded {
            Some(decoded) => decoded.secret.expose(),
            None => text.get(self.secret.clone()).unwrap_or_default(),
        }
    }

    /// The bytes of the part at `index` of [`Self::parts`].
    pub fn part_in<'t>(&'t self, text: &'t [u8], index: usize) -> &'t [u8] {
        let decoded = self.decoded.as_ref().and_then(|decoded| decoded.parts.get(index));
        match (decoded, self.parts.get(index)) {
            (Some(secret), _) => secret.expose(),
            (None, Some((_, span))) => text.get(span.clone()).unwrap_or_default(),
            (None, None) => &[],
        }
    }
}

/// How far to each side of its literal's start a hit may look without being listed as [`Open`] (backward, forward). Nearly all
/// of them look farther, so larger numbers save nothing, and the delta walk looks again at so much round each change.
pub const SHORT_REACH: (usize, usize) = (8, HEAD);

/// A hit that came to nothing after looking farther than [`SHORT_REACH`]: a change far from it may make it a match.
/// The delta walk carries these beside the matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Where the literal stands.
    pub anchor: usize,
    /// All the bytes that were looked at.
    pub context: Range<usize>,
}

/// A candidate that was not reported, and why; collected only when asked for (`explain`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The rule that raised it.
    pub rule: u16,
    /// Where.
    pub span: Range<usize>,
    /// What dropped it, in words.
    pub why: String,
}

/// A value that the model weighed, and what it looked at; collected only when asked for (training).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Where the name stands.
    pub name: Range<usize>,
    /// Where the value stands.
    pub value: Range<usize>,
    /// Whether it was weighed as a password, not as a key or token.
    pub password: bool,
    /// The bucket of each feature.
    pub features: model::Features,
}
