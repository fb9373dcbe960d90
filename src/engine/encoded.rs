//! Encodings met by the scanner: whole runs, and escapes beside a literal that was hit.
//!
//! - [`Scanner::encoded`]: runs of base64, hex and escapes in a whole text, decoded and scanned, five deep.
//! - [`Scanner::beside`]: a literal was hit, nothing came of it, and an escape stands where that was decided
//!   (`password%3D`, `ghp_ab=⏎cd`), or its value is base64 of a text. A bounded neighbourhood is decoded and the same
//!   literal judged there. So the candidate stays a pure function of the bytes of its context.

use std::ops::Range;

use super::assignment::{Assignment, Operator, Read};
use super::decode::{self, DEEPEST, Form, Piece};
use super::{Decoded, Dropped, MOST_CANDIDATES, Match, Scanner};
use crate::finding::Reason;
use crate::rules::{Method, Rule};
use crate::secret::Secret;

/// What made a scanner look for an escape.
pub(super) enum Failed<'r> {
    /// The pattern of an anchored rule did not match.
    Pattern(&'r Rule),
    /// Its gate did not hold at this place.
    Gate(&'r Rule, usize),
    /// No credential was assigned.
    Assignment(&'r Read),
}

/// Farthest behind a keyword that its assignment is decoded, on one line, in bytes: a long key, some of its characters
/// three bytes wide. A text full of escaped assignments costs so much for each.
const ASSIGNED: usize = 300;
/// Farthest behind the beginning of an address that the `@` behind its user is looked for, in bytes.
const USER: usize = 160;
/// Farthest behind a literal that is decoded for a pattern, in bytes.
const BEHIND: usize = 1600;
/// Farthest behind a literal that is decoded for a pattern without a bound, in bytes.
const LONG: usize = 8192;
/// How far into a token the first escape is looked for, in bytes.
const TOKEN: usize = 256;
/// Most blanks to each side of the sign behind a name that a value in escapes may have.
const BLANKS: usize = 4;
/// Longest name of an assignment, in bytes.
const NAME: usize = 80;

impl Scanner<'_> {
    /// Adds what stands in the encodings of a whole text. See [`decode::may_pay`]: nothing comes of a text for which
    /// it is false. Streams that were cut off for their size are noted in [`Scanner::exhausted`].
    pub fn encoded(&mut self, text: &[u8], out: &mut Vec<Match>) {
        let open = self.open.take();
        self.budget = decode::budget(text.len());
        self.runs(text, out);
        self.open = open;
    }

    fn runs(&mut self, text: &[u8], out: &mut Vec<Match>) {
        if self.depth < DEEPEST {
            let most = out.len() + MOST_CANDIDATES;
            for piece in decode::encodings(text) {
                if out.len() > most || self.vain > self.most_in_vain {
                    self.crowded = true;
                    break;
                }
                self.piece(&piece, out);
            }
        } else {
            self.too_deep |= decode::goes_on(text);
        }
    }

    /// Scans a decoded piece; its matches are added with places in the outer text.
    fn piece(&mut self, piece: &Piece, out: &mut Vec<Match>) {
        let outer_dropped = self.dropped.as_mut().map(std::mem::take);
        self.depth += 1;
        let mut inner = Vec::new();
        let binary = if self.depth < DEEPEST { decode::binary(&piece.text, &mut self.budget) } else { None };
        if let Some((next, complete)) = binary {
            self.exhausted |= !complete;
            self.piece(&next, &mut inner);
        } else {
            self.candidates(&piece.text, 0..piece.text.len(), &mut inner);
            self.runs(&piece.text, &mut inner);
            self.resolve(&piece.text, &mut inner);
        }
        self.depth -= 1;
        self.keep_dropped(outer_dropped, piece);
        out.extend(inner.into_iter().map(|found| {
            let mut found = outward(found, piece);
            (found.anchor, found.context) = (piece.outer.start, piece.outer.clone());
            found
        }));
    }

    /// Puts what was dropped inside `piece` behind what was dropped before, with places in the outer text.
    fn keep_dropped(&mut self, before: Option<Vec<Dropped>>, piece: &Piece) {
        let Some(mut all) = before else { return };
        let inside = self.dropped.take().unwrap_or_default();
        all.extend(inside.into_iter().map(|dropped| Dropped { span: piece.outer(dropped.span.clone()), ..dropped }));
        self.dropped = Some(all);
    }

    /// Looks for an escape where a literal came to nothing, and judges the literal again without it. All the bytes
    /// that were looked at come back.
    pub(super) fn beside(
        &mut self,
        text: &[u8],
        literal: Range<usize>,
        failed: &Failed<'_>,
        out: &mut Vec<Match>,
    ) -> Range<usize> {
        if self.depth >= DEEPEST {
            return literal;
        }
        let piece = match failed {
            Failed::Assignment(read) => {
                let (form, looked) = behind_name(text, &literal);
                match form {
                    Some(form) => form.decode(text, line(text, &literal, form)),
                    None => match read.found.as_ref().and_then(|found| value_piece(text, found)) {
                        Some(piece) => piece,
                        None => return looked,
                    },
                }
            }
            Failed::Gate(rule, at) => match escape_at(text, *at) {
                Some(form) => form.decode(text, reach(text, &literal, rule)),
                None => return literal.start..at + ESCAPE,
            },
            Failed::Pattern(rule) => {
                let region = reach(text, &literal, rule);
                if is_address(&text[literal.clone()]) && !has_user(&text[literal.end..region.end]) {
                    return region;
                }
                match escape_within(text, &literal, region.end) {
                    Some(form) => form.decode(text, region),
                    None => return region,
                }
            }
        };
        self.again(&piece, &literal, out);
        let end = if matches!(failed, Failed::Assignment(_)) {
            literal.end + NAME + 2 * BLANKS + 1 + ESCAPE
        } else {
            literal.end
        };
        piece.outer.start..piece.outer.end.max(end.min(text.len()))
    }

    /// An escaped form of a literal stands in the text (`postgres%3A%2F%2F`). The bytes that were looked at.
    pub(super) fn escaped_literal(&mut self, text: &[u8], literal: Range<usize>, out: &mut Vec<Match>) -> Range<usize> {
        if self.depth >= DEEPEST {
            return literal;
        }
        let written = &text[literal.clone()];
        let form = if written.contains(&b'%') { Form::Percent } else { Form::Backslash };
        let region = line(text, &literal, form);
        if is_address(written) && !has_user(&text[literal.end..region.end]) {
            return region;
        }
        let piece = form.decode(text, region.clone());
        self.again(&piece, &literal, out);
        region
    }

    /// Judges the literal at `literal` again, in a decoded piece.
    fn again(&mut self, piece: &Piece, literal: &Range<usize>, out: &mut Vec<Match>) {
        let outer_dropped = self.dropped.as_mut().map(std::mem::take);
        let (open, vain) = (self.open.take(), self.vain);
        self.depth += 1;
        let at = piece.inner(literal.start);
        let mut inner = Vec::new();
        self.candidates(&piece.text, at..at + 1, &mut inner);
        self.depth -= 1;
        (self.open, self.vain) = (open, vain);
        self.keep_dropped(outer_dropped, piece);
        out.extend(inner.into_iter().map(|found| {
            let mut found = outward(found, piece);
            (found.anchor, found.context) = (literal.start, piece.outer.clone());
            found
        }));
    }
}

/// The most bytes that are looked at to read one escape.
const ESCAPE: usize = 14;

/// The escape at `at` that may have kept a token from being one.
fn escape_at(text: &[u8], at: usize) -> Option<Form> {
    let rest = text.get(at..)?;
    let form = decode::begins(*rest.first()?)?;
    let unit = form.unit(rest)?;
    let counts = match form {
        // The usual escapes of strings are boundaries to everybody.
        Form::Backslash => matches!(rest.get(1), Some(b'x' | b'u' | b'U' | b'/' | b'\\' | b'0'..=b'3')),
        Form::QuotedPrintable => unit.len == 0 || matches!(unit.bytes[0], b' '..=b'~'),
        Form::Percent | Form::Entity => true,
    };
    counts.then_some(form)
}

/// Whether a literal is the beginning of an address. Those are everywhere.
fn is_address(literal: &[u8]) -> bool {
    literal.ends_with(b"//") || literal.ends_with(b"\\/\\/") || literal.to_ascii_lowercase().ends_with(b"%2f%2f")
}

/// Whether an address names a user, as those with a password do. `rest` is what follows its `//`.
fn has_user(rest: &[u8]) -> bool {
    let rest = &rest[..rest.len().min(USER)];
    memchr::memchr(b'@', rest).is_some() || memchr::memchr_iter(b'%', rest).any(|at| rest[at..].starts_with(b"%40"))
}

/// The first escape behind a literal that may have ended its token: before the next blank or quote, or anywhere in a
/// block (`-----BEGIN ...`).
fn escape_within(text: &[u8], literal: &Range<usize>, end: usize) -> Option<Form> {
    if text[literal.clone()].starts_with(b"-----") {
        let mut places = memchr::memchr3_iter(b'%', b'&', b'=', &text[literal.end..end]);
        return places.find_map(|at| escape_at(text, literal.end + at));
    }
    let end = end.min(literal.end + TOKEN);
    let mut places = (literal.end..end).take_while(|&at| text[at] > b' ' && !matches!(text[at], b'"' | b'\'' | b'`'));
    places.find_map(|at| decode::begins(text[at]).and_then(|_| escape_at(text, at)))
}

/// The escape that ends the name a keyword stands in or begins its value (`name = &quot;value&quot;`), and the bytes that
/// were looked at.
fn behind_name(text: &[u8], literal: &Range<usize>) -> (Option<Form>, Range<usize>) {
    let name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'_' | b'-' | b'.');
    let end = literal.end + text[literal.end..].iter().take(NAME).take_while(name).count();
    let escape = |at: usize| {
        escape_at(text, at).filter(|form| match form {
            Form::QuotedPrintable => text[at..].starts_with(b"=3D"),
            Form::Backslash => !text[at..].starts_with(b"\\/"),
            Form::Percent | Form::Entity => true,
        })
    };
    let blanks = |at: usize| at + text[at..].iter().take(BLANKS).take_while(|byte| **byte == b' ').count();
    let sign = blanks(end);
    let value = if matches!(text.get(sign), Some(b'=' | b':')) { blanks(sign + 1) } else { sign };
    let form = escape(end).or_else(|| escape(sign)).or_else(|| escape(value));
    (form, literal.start..(end + 2 * BLANKS + 1 + ESCAPE).min(text.len()))
}

/// Whether a value is not to be judged as it stands: [`Scanner::beside`] decodes it.
pub(super) fn stands_for_another(text: &[u8], found: &Assignment) -> bool {
    let quoted_printable = found.value.start == found.name.end + 1 && text[found.name.end..].starts_with(b"=3D");
    quoted_printable || value_piece(text, found).is_some()
}

/// `name="value"` with the value decoded, when it is base64 of a text.
fn value_piece(text: &[u8], found: &Assignment) -> Option<Piece> {
    if found.operator == Operator::Compare || found.value.start < found.name.end {
        return None;
    }
    let value = decode::value(&text[found.value.clone()])?;
    let quote = [b'"', b'\'', b'`'].into_iter().find(|quote| !value.contains(quote) && !value.contains(&b'\\'))?;
    let mut piece = Piece::new(decode::VALUE, found.name.start);
    piece.plain(text, found.name.clone());
    piece.push(&[b'=', quote], found.name.end..found.value.start);
    piece.push(&value, found.value.clone());
    piece.push(&[quote], found.value.end..found.value.end);
    Some(piece)
}

/// A keyword's name and the rest of its line, at most [`ASSIGNED`] bytes of it; lines that quoted-printable broke go on.
fn line(text: &[u8], literal: &Range<usize>, form: Form) -> Range<usize> {
    let region = around(text, literal, NAME, ASSIGNED);
    let mut ends = memchr::memchr_iter(b'\n', &text[literal.end..region.end]).map(|at| literal.end + at);
    let broken = |end: usize| {
        let line = text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]);
        form == Form::QuotedPrintable && line.ends_with(b"=")
    };
    // The byte behind the line was looked at.
    let end = ends.find(|&end| !broken(end)).map_or(region.end, |end| end + 1);
    let name = |byte: &&u8| !matches!(**byte, b'\n' | b'\r' | b' ');
    let before = text[region.start..literal.start].iter().rev().take_while(name).count();
    (literal.start - before).max(region.start + 1).saturating_sub(1)..end
}

/// `before` and `behind` bytes round a literal, no farther than the text.
fn around(text: &[u8], literal: &Range<usize>, before: usize, behind: usize) -> Range<usize> {
    literal.start.saturating_sub(before)..text.len().min(literal.end + behind)
}

/// What a rule's pattern may look at, and room for escapes.
fn reach(text: &[u8], literal: &Range<usize>, rule: &Rule) -> Range<usize> {
    let back = match &rule.method {
        Method::Anchored(anchors) => anchors.iter().map(|anchor| usize::from(anchor.back_max)).max().unwrap_or(0),
        _ => 0,
    };
    let within = usize::from(rule.within);
    let longest = match rule.longest {
        Some(longest) => (2 * longest as usize + within + 32).min(BEHIND),
        None if text[literal.clone()].starts_with(b"-----") => LONG,
        None => BEHIND,
    };
    around(text, literal, (2 * back + within).max(32), longest)
}

/// A match inside `piece` as one of the outer text.
fn outward(mut found: Match, piece: &Piece) -> Match {
    let inner_secret = found.secret.clone();
    match &mut found.decoded {
        Some(decoded) => decoded.chain.insert(0, piece.decoder),
        None => {
            let parts = found.parts.iter().map(|(_, part)| Secret::new(&piece.text[part.clone()])).collect();
            let secret = Secret::new(&piece.text[inner_secret.clone()]);
            found.decoded = Some(Box::new(Decoded { chain: vec![piece.decoder], secret, parts }));
            found.reasons.push(Reason::new(0, "it was decoded first"));
        }
    }
    found.span = piece.outer(found.span.clone());
    found.secret = piece.outer(inner_secret);
    for (_, part) in &mut found.parts {
        *part = piece.outer(part.clone());
    }
    found
}
