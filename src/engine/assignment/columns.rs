//! Columns: the name heads a column of a table in Markdown, or stands among the columns of an INSERT of SQL; the values
//! stand in the rows behind.
//!
//! `| user | password |` over `|---|---|` over `| bob | VALUE |`; `INSERT INTO t (name, password) VALUES ('bob', 'VALUE')`.

use std::ops::Range;

use super::value::Found;
use super::{Quoting, View};

/// Most cells of a row, and most rows.
const CELLS: usize = 32;
/// Longest head of a column, and longest list of columns, in bytes.
const HEAD: usize = 32;
/// See [`HEAD`].
const LIST: usize = 400;

/// Reads the values of the column that `name` names: of the first row, and of the others.
pub(super) fn read(view: &View<'_>, name: &Range<usize>) -> Option<(Found, Vec<Found>)> {
    let rows = match view.get(name.end)? {
        b' ' | b'|' | b'*' | b'`' | b'\t' if view.before(name.start).contains(&b'|') => {
            markdown(view, name).or_else(|| inserted(view, name))
        }
        b',' | b')' | b'`' | b'"' | b']' | b' ' => inserted(view, name),
        _ => None,
    };
    let mut rows = rows?.into_iter();
    let first = rows.next()?;
    Some((first, rows.collect()))
}

fn markdown(view: &View<'_>, name: &Range<usize>) -> Option<Vec<Found>> {
    let before = view.line_before(name.start);
    let column = before.iter().filter(|byte| **byte == b'|').count();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'*' | b'`' | b'_' | b'-');
    let lead = before.iter().rev().take_while(|byte| **byte != b'|').count();
    if !before.trim_ascii_start().starts_with(b"|")
        || lead > HEAD
        || !before[before.len() - lead..].iter().all(plain)
        || column > CELLS
    {
        return None;
    }
    let mut at = name.end;
    while view.get(at)? != b'|' {
        if at - name.end > HEAD || !plain(&view.get(at)?) {
            return None;
        }
        at += 1;
    }
    let (_, line) = line(view, at)?;
    let (rule, mut next) = self::line(view, line)?;
    let rule = &view.text[rule];
    if !rule.iter().all(|byte| matches!(byte, b'|' | b'-' | b':' | b' '))
        || !rule.windows(3).any(|dashes| dashes == b"---")
    {
        return None;
    }
    let mut rows = Vec::new();
    while rows.len() < CELLS
        && let Some((row, behind)) = self::line(view, next)
    {
        let text = &view.text[row.clone()];
        if !text.trim_ascii_start().starts_with(b"|") {
            break;
        }
        let mut start = row.start;
        for (index, cell) in text.split(|byte| *byte == b'|').enumerate() {
            if index == column {
                rows.extend(word(start, cell));
                break;
            }
            start += cell.len() + 1;
        }
        next = behind;
    }
    Some(rows)
}

/// The one word of a cell that begins at `start`, without the marks of code and bold text round it.
fn word(start: usize, cell: &[u8]) -> Option<Found> {
    let mark = |byte: &u8| matches!(byte, b' ' | b'\t' | b'`' | b'*');
    let lead = cell.iter().take_while(|byte| mark(byte)).count();
    let trail = cell[lead..].iter().rev().take_while(|byte| mark(byte)).count();
    let inner = &cell[lead..cell.len() - trail];
    if inner.contains(&b' ') {
        return None;
    }
    Found::plain(start + lead..start + lead + inner.len(), Quoting::Bare)
}

/// The rest of the line at `at`, and where the next one begins.
fn line(view: &View<'_>, at: usize) -> Option<(Range<usize>, usize)> {
    let mut end = at;
    loop {
        match view.get(end) {
            None if end == at || end < view.text.len() => return None, // nothing more is seen
            None => return Some((at..end, end)),
            Some(b'\n' | b'\r') => return Some((at..end, view.line_end(end)?)),
            Some(_) => end += 1,
        }
    }
}

fn inserted(view: &View<'_>, name: &Range<usize>) -> Option<Vec<Found>> {
    let quote = |byte: Option<u8>| matches!(byte, Some(b'`' | b'"' | b'[' | b']'));
    let near = view.before(name.start);
    let lead = near.strip_suffix(b"`").or_else(|| near.strip_suffix(b"\"")).or_else(|| near.strip_suffix(b"["));
    if !lead.unwrap_or(near).trim_ascii_end().ends_with(b",") && !lead.unwrap_or(near).trim_ascii_end().ends_with(b"(")
    {
        return None;
    }
    let mut at = name.end + usize::from(quote(view.get(name.end)));
    at = view.skip_space(at);
    if !matches!(view.get(at)?, b',' | b')') {
        return None;
    }
    let line = view.line_before(name.start);
    let open = memchr::memrchr(b'(', line)?;
    let into = line[..open].trim_ascii_end();
    let from = into.len().saturating_sub(160);
    if !into[from..].windows(5).any(|word| word.eq_ignore_ascii_case(b"into ")) {
        return None;
    }
    let column = line[open..].iter().filter(|byte| **byte == b',').count();
    let start = at;
    while view.get(at)? != b')' {
        at += 1;
        if at - start > LIST {
            return None;
        }
    }
    at = view.skip_space(at + 1);
    if !view.starts_ignoring_case(at, b"values") {
        return None;
    }
    at = view.skip_space(at + 6);
    let mut rows = Vec::new();
    while rows.len() < CELLS && view.get(at) == Some(b'(') {
        let Some((value, end)) = row(view, at + 1, column) else { break };
        rows.extend(value);
        at = view.skip_space(end);
        if view.get(at) != Some(b',') {
            break;
        }
        at = view.skip_space(at + 1);
    }
    Some(rows)
}

/// The literal of `column` in the row behind `at`, and what is behind the row.
fn row(view: &View<'_>, at: usize, column: usize) -> Option<(Option<Found>, usize)> {
    let mut at = at;
    let mut found = None;
    for index in 0..CELLS {
        at = view.skip_space(at);
        let literal = at + usize::from(view.get(at) == Some(b'N') && view.get(at + 1) == Some(b'\''));
        let mut depth = 0;
        let mut first = true;
        loop {
            match view.get(at.max(literal))? {
                quote @ (b'\'' | b'"') => {
                    let start = at.max(literal) + 1;
                    let end = closing(view, start, quote)?;
                    let behind = view.skip_space(end + 1);
                    if index == column && first && matches!(view.get(behind), Some(b',' | b')')) {
                        found = Found::plain(start..end, Quoting::Quoted(quote));
                    }
                    at = end + 1;
                }
                b'(' => (depth, at) = (depth + 1, at + 1),
                b')' if depth == 0 => return Some((found, at + 1)),
                b')' => (depth, at) = (depth - 1, at + 1),
                b',' if depth == 0 => break,
                _ => at = at.max(literal) + 1,
            }
            first = false;
        }
        at += 1;
    }
    None
}

/// Where the literal that begins at `start` is closed.
fn closing(view: &View<'_>, start: usize, quote: u8) -> Option<usize> {
    let mut at = start;
    loop {
        match view.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote && view.get(at + 1) == Some(quote) => at += 2,
            byte if byte == quote => return Some(at),
            _ => at += 1,
        }
    }
}
