//! Assignments: given a keyword's place, the name it stands in, the operator and the value.
//!
//! ```text
//!  keyword -> name -> operator (=, :, ->, (, ||, ...) -> value (quoted, bare, in pieces, on the next line)
//!                  -> or a pair: key="NAME" value="...", <key>NAME</key> <string>...</string>
//!                  -> or the head of a column: `user,password` over `bob,...`, `| password |`, `INSERT INTO ...`
//! ```
//!
//! One hand-shaped scanner for every common form in code, shell, configuration, markup and documentation. It gives up
//! at the first byte that cannot be part of such a form, and knows to the byte how far it has looked.

mod columns;
mod fallback;
mod lines;
mod literal;
mod operator;
mod pair;
mod reverse;
mod table;
mod value;

use std::cell::Cell;
use std::ops::Range;

/// Longest name, and longest value, in bytes.
const NAME: usize = 80;
/// See [`NAME`].
pub(crate) const VALUE: usize = 1024;
/// Farthest behind a name that anything is looked at.
pub(crate) const FAR: usize = VALUE + 640;
/// Farthest in front of a name that anything is looked at.
pub(crate) const BACK: usize = 64;

/// How the value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// In quotes of this kind.
    Quoted(u8),
    /// Between `>` and `<`.
    Element,
    /// Bare, and nothing but a comment or a separator follows on its line.
    Bare,
    /// Bare, with more behind it: likely an expression.
    BareInside,
}

/// How name and value are bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `=`, `:=`, `=>`, `:` and the like.
    Assign,
    /// `==`, `!=`, `===`: a comparison.
    Compare,
    /// `name(value)` or `("name", value)`.
    Call,
    /// `--name value`, `name value`.
    Space,
    /// `name || "value"`, `${NAME:-value}`: what counts when nothing else is set.
    Default,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: Range<usize>,
    pub(crate) operator: Operator,
    /// Where the value stands; from the first piece to the last when it is put together.
    pub(crate) value: Range<usize>,
    pub(crate) quoting: Quoting,
    /// The value itself when it is put together from pieces.
    pub(crate) joined: Option<Box<[u8]>>,
    /// Something that is no literal belongs to the value as well (`"Bearer " + token`).
    pub(crate) partial: bool,
}

impl Assignment {
    /// The value's bytes.
    pub(crate) fn value<'t>(&'t self, text: &'t [u8]) -> &'t [u8] {
        self.joined.as_deref().unwrap_or_else(|| &text[self.value.clone()])
    }
}

/// What [`read`] found, and all the bytes it looked at.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) found: Option<Assignment>,
    /// The same name's values in the other rows of a table.
    pub(crate) others: Vec<Assignment>,
    pub(crate) looked: Range<usize>,
}

/// A text that notes how far it was looked at.
struct View<'t> {
    text: &'t [u8],
    /// Nothing is seen from here on.
    end: usize,
    far: Cell<usize>,
    /// The first byte that was looked at.
    near: Cell<usize>,
}

impl View<'_> {
    fn get(&self, at: usize) -> Option<u8> {
        if at >= self.far.get() {
            self.far.set(at + 1);
        }
        if at < self.end { self.text.get(at).copied() } else { None }
    }

    fn starts(&self, at: usize, word: &[u8]) -> bool {
        word.iter().enumerate().all(|(offset, byte)| self.get(at + offset) == Some(*byte))
    }

    fn starts_ignoring_case(&self, at: usize, word: &[u8]) -> bool {
        (word.iter().enumerate())
            .all(|(offset, byte)| self.get(at + offset).is_some_and(|b| b.eq_ignore_ascii_case(byte)))
    }

    /// Behind blanks and tabs.
    fn skip_blanks(&self, mut at: usize) -> usize {
        while matches!(self.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    }

    /// Behind blanks and line ends, 200 bytes at most.
    fn skip_space(&self, from: usize) -> usize {
        let mut at = from;
        while at < from + 200 && matches!(self.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            at += 1;
        }
        at
    }

    /// Behind the line end at `at`, if one is there.
    fn line_end(&self, at: usize) -> Option<usize> {
        match self.get(at)? {
            b'\n' => Some(at + 1),
            b'\r' if self.get(at + 1) == Some(b'\n') => Some(at + 2),
            _ => None,
        }
    }

    /// The bytes in front of `at`, [`BACK`] at most, from its line alone.
    fn before(&self, at: usize) -> &[u8] {
        let from = at.saturating_sub(BACK);
        let line = memchr::memrchr(b'\n', &self.text[from..at]).map_or(from, |found| from + found + 1);
        &self.text[line..at]
    }

    /// The bytes in front of `at`, as many as a value and what stands round it may have.
    fn back(&self, at: usize) -> &[u8] {
        let from = at.saturating_sub(VALUE + BACK);
        self.near.set(self.near.get().min(from));
        &self.text[from..at]
    }

    /// The same, from the line of `at` alone.
    fn line_before(&self, at: usize) -> &[u8] {
        let text = self.back(at);
        memchr::memrchr(b'\n', text).map_or(text, |found| &text[found + 1..])
    }

    /// Whether `at` begins the text, or a line behind a blank one (of [`BACK`] bytes at most).
    fn begins_a_block(&self, at: usize) -> bool {
        let mut from = at;
        let mut ends = 0;
        let begins = loop {
            let Some(before) = from.checked_sub(1) else { break true };
            match self.text[before] {
                b'\n' if ends == 1 => break true,
                b'\n' => ends = 1,
                b' ' | b'\t' | b'\r' if ends == 1 && at - from < BACK => {}
                _ => break false,
            }
            from = before;
        };
        // What stopped it was looked at; the start of the text is there for whoever looked at its first byte.
        self.near.set(self.near.get().min(from.saturating_sub(1)));
        begins
    }
}

/// Whether a name may hold `byte`.
pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The end of a name of several words, as notes and logs have it (`Acme API key: ...`), given where its first one ends;
/// and the first byte that was not looked at.
fn further_words(text: &[u8], first: usize, ceiling: usize) -> (Option<usize>, usize) {
    const WORDS: [&[u8]; 7] = [b"api", b"access", b"auth", b"secret", b"private", b"key", b"token"];
    let mut end = first;
    for _ in 0..3 {
        let Some(rest) = text.get(end..ceiling).and_then(|rest| rest.strip_prefix(b" ")) else { break };
        let word = rest.iter().take(8).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if !WORDS.iter().any(|known| rest[..word].eq_ignore_ascii_case(known)) {
            break;
        }
        end += 1 + word;
    }
    let blanks = text[end..ceiling].iter().take(8).take_while(|byte| **byte == b' ').count();
    let bound = matches!(text.get(end + blanks), Some(b'=' | b':')) && text.get(end + blanks + 1) != Some(&b':');
    let seen = (end + 10).min(text.len());
    ((end > first && bound).then_some(end), seen)
}

/// Reads the assignment whose name holds `keyword`.
pub(crate) fn read(text: &[u8], keyword: Range<usize>) -> Read {
    let floor = keyword.start.saturating_sub(NAME);
    let mut start = keyword.start;
    while start > floor && is_name(text[start - 1]) {
        start -= 1;
    }
    let ceiling = text.len().min(keyword.end + NAME);
    let mut end = keyword.end;
    while end < ceiling && is_name(text[end]) {
        end += 1;
    }
    let (further, seen) = further_words(text, end, ceiling);
    let looked = start.saturating_sub(BACK);
    if end == ceiling && ceiling < text.len() {
        return Read { found: None, others: Vec::new(), looked: looked..end }; // longer than any name
    }
    while end > keyword.end && matches!(text[end - 1], b'.' | b'-') {
        end -= 1;
    }
    end = further.unwrap_or(end);
    let view = View { text, end: end + FAR, far: Cell::new(ceiling.min(end + 2).max(seen)), near: Cell::new(looked) };
    let mut others = Vec::new();
    let found = find(&view, &(start..end), &mut others);
    // Who judges the value looks at one byte behind its quote.
    Read { found, others, looked: view.near.get()..(view.far.get() + 1).min(text.len()) }
}

fn find(view: &View<'_>, name: &Range<usize>, others: &mut Vec<Assignment>) -> Option<Assignment> {
    if let Some(found) = pair::read(view, name) {
        return Some(found.assignment(name.clone(), Operator::Assign));
    }
    if let Some((found, rows)) = table::read(view, name).or_else(|| columns::read(view, name)) {
        others.extend(rows.into_iter().map(|row| row.assignment(name.clone(), Operator::Assign)));
        return Some(found.assignment(name.clone(), Operator::Assign));
    }
    // The options that follow `--password-stdin` are no value.
    if view.text[name.clone()].ends_with(b"-stdin")
        && let Some((found, name)) = reverse::read(view, name)
    {
        return Some(found.assignment(name, Operator::Assign));
    }
    let behind = operator::read(view, name)
        .and_then(|(operator, at)| Some(value::read(view, at, operator, name)?.assignment(name.clone(), operator)));
    behind.or_else(|| {
        let (found, name) = reverse::read(view, name)?;
        Some(found.assignment(name, Operator::Assign))
    })
}

#[cfg(test)]
mod tests;
