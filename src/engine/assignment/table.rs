//! Tables: the name heads a column, values stand under it, in the rows that follow at once (as far as a value is looked
//! for at all).
//!
//! `id,user,password` over `1,bob,VALUE`; commas, semicolons, tabs and bars, cells in quotes or bare. A row of heads
//! begins the text or follows a blank line, and all its cells are names: a row in the middle of a table is none, whatever
//! its cells are called.

use std::ops::Range;

use super::value::Found;
use super::{Quoting, View};

/// Most cells of a row.
const CELLS: usize = 64;
/// Most words of a head.
const WORDS: usize = 4;

/// Reads the cells under the head that `name` is all of: of the first row, and of the others.
pub(super) fn read(view: &View<'_>, name: &Range<usize>) -> Option<(Found, Vec<Found>)> {
    let quoted = |at: usize| matches!(view.get(at), Some(b'"'));
    let before = name.start.checked_sub(1);
    let quote = before.is_some_and(quoted) && quoted(name.end);
    let (start, end) = if quote { (name.start - 1, name.end + 1) } else { (name.start, name.end) };
    let separates = |byte: u8| matches!(byte, b',' | b';' | b'\t' | b'|');
    let left = start.checked_sub(1).map(|at| view.text[at]);
    let first = left.is_none_or(|byte| byte == b'\n');
    let by = match view.get(end) {
        Some(byte) if separates(byte) && (first || left == Some(byte)) => byte,
        None | Some(b'\r' | b'\n') => left.filter(|&byte| separates(byte))?,
        _ => return None,
    };
    let (column, begins) = column(view, start, by)?;
    if !view.begins_a_block(begins) {
        return None;
    }
    let mut at = end;
    let mut cells = column + 1;
    while view.line_end(at).is_none() {
        at = head(view, at, by)?;
        cells += 1;
        if cells > CELLS {
            return None;
        }
    }
    if cells < 2 {
        return None;
    }
    let (first, mut at) = row(view, view.line_end(at)?, column, cells, by)?;
    let first = found(view, first)?;
    let mut others = Vec::new();
    while let Some((value, next)) = view.line_end(at).and_then(|at| row(view, at, column, cells, by)) {
        others.extend(found(view, value));
        at = next;
    }
    Some((first, others))
}

/// The cell of `column` in the row of `cells` cells at `at`, and where the row ends.
fn row(view: &View<'_>, at: usize, column: usize, cells: usize, by: u8) -> Option<(Range<usize>, usize)> {
    let mut start = at;
    let mut found = None;
    for index in 0..cells {
        let (value, next) = cell(view, start, by)?;
        let last = index + 1 == cells;
        // Where the view ends but the text goes on, no row does.
        let ends = view.line_end(next).is_some() || next >= view.text.len();
        if last != ends {
            return None;
        }
        if index == column {
            found = Some(value);
        }
        if last {
            return Some((found?, next));
        }
        start = next + 1;
    }
    None
}

fn found(view: &View<'_>, value: Range<usize>) -> Option<Found> {
    let quoting =
        if view.text.get(value.start.wrapping_sub(1)) == Some(&b'"') { Quoting::Quoted(b'"') } else { Quoting::Bare };
    Found::plain(value, quoting)
}

/// How many heads stand in front of the one at `start`, when nothing else does, and where their row begins.
fn column(view: &View<'_>, start: usize, by: u8) -> Option<(usize, usize)> {
    let before = view.line_before(start);
    let row = start - before.len();
    if before.is_empty() {
        return Some((0, row));
    }
    let heads = before.strip_suffix(&[by])?;
    let mut count = 0;
    for head in heads.split(|&byte| byte == by) {
        let plain = head.strip_prefix(b"\"").and_then(|head| head.strip_suffix(b"\"")).unwrap_or(head);
        if !is_head(plain) {
            return None;
        }
        count += 1;
    }
    (count < CELLS).then_some((count, row))
}

/// Whether a cell reads as the name of a column: a few words, the first of which begins with a letter.
fn is_head(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    let named = cell.strip_prefix(b"_").unwrap_or(cell).first().is_some_and(u8::is_ascii_alphabetic);
    named && cell.iter().all(|&byte| may_head(byte)) && cell.split(|&byte| byte == b' ').count() <= WORDS
}

fn may_head(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' ' | b'.')
}

/// Behind the separator at `at` and the head that follows it.
fn head(view: &View<'_>, at: usize, by: u8) -> Option<usize> {
    if view.get(at) != Some(by) {
        return None;
    }
    let quote = usize::from(view.get(at + 1) == Some(b'"'));
    let start = at + 1 + quote;
    let mut end = start;
    while view.get(end).is_some_and(may_head) && end - start < 64 {
        end += 1;
    }
    let closed = quote == 0 || view.get(end) == Some(b'"');
    (closed && is_head(&view.text[start..end])).then_some(end + quote)
}

/// The cell at `at` without its quotes, and where it ends.
fn cell(view: &View<'_>, at: usize, by: u8) -> Option<(Range<usize>, usize)> {
    let quote = view.get(at) == Some(b'"');
    let start = at + usize::from(quote);
    let mut end = start;
    loop {
        match view.get(end) {
            Some(b'"') if quote => return Some((start..end, end + 1)),
            Some(byte) if !quote && byte == by => return Some((start..end, end)),
            None | Some(b'\r' | b'\n') => return (!quote).then_some((start..end, end)),
            Some(_) if end - start > super::VALUE => return None,
            Some(_) => end += 1,
        }
    }
}
