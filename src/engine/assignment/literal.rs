//! Values in quotes: literals, what is put together from several of them, arrays that are joined.

use super::value::{Found, scheme};
use super::{Operator, Quoting, VALUE, View};

/// Most pieces of one value.
const PIECES: usize = 16;

/// The literal whose opening quote stands at `at`, with all that is put together with it.
pub(super) fn quoted(view: &View<'_>, at: usize, quote: u8, operator: Operator) -> Option<Found> {
    let triple = view.get(at + 1) == Some(quote) && view.get(at + 2) == Some(quote);
    let opened = if triple { at + 3 } else { at + 1 };
    let opened = if triple && view.line_end(opened).is_some() { view.skip_space(opened) } else { opened };
    let start = scheme(view, opened);
    let (end, behind, mut joined) = literal(view, start, quote, triple)?;
    if end == start {
        return None;
    }
    // `"name", "key": ...`: what follows is a key itself.
    if operator == Operator::Call && view.get(view.skip_blanks(behind)) == Some(b':') {
        return None;
    }
    let mut last = end;
    let mut behind = behind;
    let mut partial = false;
    let mut pieces = 0;
    while operator != Operator::Space && pieces < PIECES {
        match piece(view, behind, quote, operator) {
            Piece::Literal(from) => {
                let (to, after, inner) = literal(view, from, quote, false)?;
                let mut text = joined.take().unwrap_or_else(|| view.text[start..end].to_vec());
                text.extend(inner.unwrap_or_else(|| view.text[from..to].to_vec()));
                if text.len() > VALUE {
                    return None;
                }
                joined = Some(text);
                (last, behind) = (to, after);
                pieces += 1;
            }
            Piece::Expression => {
                partial = true;
                break;
            }
            Piece::None => break,
        }
    }
    Some(match joined {
        Some(text) => Found::pieces(start..last, text, quote).and_more(partial),
        None => Found::plain(start..last, Quoting::Quoted(quote))?.and_more(partial),
    })
}

/// What a literal of several lines is put together to, when it is.
type Joined = Option<Vec<u8>>;

/// The literal that begins at `start`: its end, what is behind its quote, its text when a backslash joins its lines.
fn literal(view: &View<'_>, start: usize, quote: u8, triple: bool) -> Option<(usize, usize, Joined)> {
    let mut joined: Joined = None;
    let (mut from, mut end) = (start, start);
    while let Some(byte) = view.get(end) {
        if byte == quote {
            if let Some(joined) = &mut joined {
                joined.extend(&view.text[from..end]);
            }
            let behind = if triple { end + 3 } else { end + 1 };
            return Some((end, behind, joined));
        }
        if matches!(byte, b'\n' | b'\r') {
            // The first line of a block of text is the value when nothing but the closing quotes follows.
            let closing = view.skip_space(end);
            let closed = triple && view.get(closing) == Some(quote);
            return closed.then_some((end, closing + 3, None));
        }
        if end - start > VALUE {
            return None;
        }
        if byte == b'\\'
            && let Some(next) = view.line_end(end + 1)
        {
            joined.get_or_insert_default().extend(&view.text[from..end]);
            (from, end) = (next, next);
            continue;
        }
        end += if byte == b'\\' { 2 } else { 1 };
    }
    None
}

/// What follows a literal.
enum Piece {
    /// Another one, whose text begins there.
    Literal(usize),
    /// Something that is none but belongs to the value.
    Expression,
    /// Nothing that belongs to it.
    None,
}

/// What is put together with the literal that ends in front of `at`.
fn piece(view: &View<'_>, at: usize, quote: u8, operator: Operator) -> Piece {
    let mut next = view.skip_blanks(at);
    let mut lines = 0;
    let mut margin = false;
    while let Some(line) =
        view.line_end(next).or_else(|| (view.get(next) == Some(b'\\')).then(|| view.line_end(next + 1)).flatten())
    {
        next = view.skip_blanks(line);
        margin = next == line;
        lines += 1;
        if lines > 1 {
            return Piece::None;
        }
    }
    let spaced = next > at;
    let length = match view.get(next) {
        // What a patch adds.
        Some(b'+') if margin => return Piece::None,
        Some(b'+') if view.get(next + 1) == Some(b'+') => 2,
        Some(b'+' | b'~') => 1,
        Some(b'&') if view.get(next + 1) == Some(b' ') => 1,
        Some(b'.') if view.get(next + 1) == Some(b'.') => 2,
        Some(b'.') if spaced && lines == 0 && view.get(next + 1) == Some(b' ') => 1,
        Some(b'<') if view.get(next + 1) == Some(b'>') => 2,
        Some(byte) if byte == quote && spaced && operator == Operator::Assign => 0,
        _ => return Piece::None,
    };
    let behind = view.skip_space(next + length);
    match view.get(behind) {
        Some(byte) if byte == quote && length == 0 && is_key(view, behind + 1, quote) => Piece::None,
        Some(byte) if byte == quote => Piece::Literal(behind + 1),
        Some(byte) if length > 0 && (byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'(' | b'@')) => {
            Piece::Expression
        }
        _ => Piece::None,
    }
}

/// Whether the literal that begins at `start` is the name of something else: `"key": ...`, `"key" => ...`.
fn is_key(view: &View<'_>, start: usize, quote: u8) -> bool {
    literal(view, start, quote, false)
        .is_some_and(|(_, behind, _)| matches!(view.get(view.skip_blanks(behind)), Some(b':' | b'=')))
}

/// A value in escaped quotes, as in JSON inside a string.
pub(super) fn escaped(view: &View<'_>, start: usize, quote: u8) -> Option<Found> {
    let mut end = start;
    while let Some(byte) = view.get(end) {
        if byte == b'\\' && view.get(end + 1) == Some(quote) {
            return Found::plain(start..end, Quoting::Quoted(quote));
        }
        if matches!(byte, b'\n' | b'\r') || byte == quote || end - start > VALUE {
            return None;
        }
        end += 1;
    }
    None
}

/// Behind the opening bracket of an array whose literals the program joins to one text: `["a", "b"].join("")`,
/// `"".join(["a", "b"])`, `implode("", ["a", "b"])`.
fn array_at(view: &View<'_>, at: usize) -> Option<usize> {
    let empty = |at: usize| matches!(view.get(at), Some(b'"' | b'\'')) && view.get(at + 1) == view.get(at);
    let open = if empty(at) && view.starts(at + 2, b".join(") {
        at + 8
    } else if view.starts(at, b"implode(") && empty(at + 8) && view.get(at + 10) == Some(b',') {
        view.skip_blanks(at + 11)
    } else {
        return None;
    };
    matches!(view.get(open), Some(b'[' | b'(')).then_some(open + 1)
}

/// An array of literals that is joined without anything between them.
pub(super) fn joined(view: &View<'_>, at: usize) -> Option<Found> {
    let before = array_at(view, at);
    let mut next = match before {
        Some(open) => open,
        None if view.get(at) == Some(b'[') => at + 1,
        None => return None,
    };
    let mut text = Vec::new();
    let mut span: Option<(usize, usize)> = None;
    for _ in 0..PIECES {
        next = view.skip_space(next);
        let quote = view.get(next).filter(|byte| matches!(byte, b'"' | b'\''))?;
        let (end, behind, inner) = literal(view, next + 1, quote, false)?;
        text.extend(inner.unwrap_or_else(|| view.text[next + 1..end].to_vec()));
        span = Some((span.map_or(next + 1, |(start, _)| start), end));
        next = view.skip_space(behind);
        match view.get(next)? {
            b',' => next += 1,
            b']' | b')' => break,
            _ => return None,
        }
    }
    let (start, end) = span.filter(|_| text.len() <= VALUE && matches!(view.get(next), Some(b']' | b')')))?;
    if before.is_none() {
        if !view.starts(next + 1, b".join") {
            return None;
        }
        // Ruby joins with nothing when nothing is said, JavaScript with commas.
        let behind = next + 6;
        let empty = view.get(behind) == Some(b'(')
            && matches!(view.get(behind + 1), Some(b'"' | b'\''))
            && view.get(behind + 2) == view.get(behind + 1);
        let bare =
            !matches!(view.get(behind), Some(b'(')) && !view.get(behind).is_some_and(|b| b.is_ascii_alphanumeric());
        if !empty && !bare {
            return None;
        }
    }
    Some(Found::pieces(start..end, text, view.text[start - 1]))
}

/// `[[value]]` of Lua, `q{value}` and `q(value)` of Perl, on one line.
pub(super) fn bracketed(view: &View<'_>, at: usize) -> Option<Found> {
    let (start, close): (usize, &[u8]) = if view.starts(at, b"[[") {
        (at + 2, b"]]")
    } else {
        let open = at + 1 + usize::from(view.get(at + 1) == Some(b'q'));
        match view.get(open).filter(|_| view.get(at) == Some(b'q'))? {
            b'{' => (open + 1, b"}"),
            b'(' => (open + 1, b")"),
            _ => return None,
        }
    };
    let mut end = start;
    while !view.starts(end, close) {
        if view.get(end).is_none_or(|byte| matches!(byte, b'\n' | b'\r' | b'"' | b'\'')) || end - start > VALUE {
            return None;
        }
        end += 1;
    }
    Found::plain(start..end, Quoting::Quoted(b'\''))
}
