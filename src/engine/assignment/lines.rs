//! Values on the lines behind their names: literals and blocks below an operator, here-documents.

use super::literal::quoted;
use super::value::Found;
use super::{Operator, Quoting, VALUE, View};

/// A value that begins on the next line; the outer `None` when this line goes on.
pub(super) fn next_line(view: &View<'_>, at: usize, operator: Operator) -> Option<Option<Found>> {
    if !matches!(operator, Operator::Assign | Operator::Call) {
        return None;
    }
    let first = view.get(at)?;
    let opener = matches!(first, b'(' | b'[' | b'\\' | b'|' | b'>');
    let mut end = at + usize::from(opener);
    if matches!(first, b'|' | b'>') && matches!(view.get(end), Some(b'-' | b'+')) {
        end += 1;
    }
    let line = view.line_end(view.skip_blanks(end))?;
    let start = view.skip_blanks(line);
    Some(match view.get(start)? {
        quote @ (b'"' | b'\'') if !matches!(first, b'|' | b'>') => quoted(view, start, quote, operator),
        // A block or a plain scalar of YAML; a word behind a backslash in a shell.
        _ if matches!(first, b'|' | b'>' | b'\\' | b'\r' | b'\n') && (start > line || first == b'\\') => {
            line_of_one_word(view, start)
        }
        _ => None,
    })
}

/// A value that is all of its line.
fn line_of_one_word(view: &View<'_>, start: usize) -> Option<Found> {
    let mut end = start;
    while view.get(end).is_some_and(|byte| byte > b' ') && end - start <= VALUE {
        end += 1;
    }
    let rest = view.skip_blanks(end);
    let ends = view.get(rest).is_none() || view.line_end(rest).is_some();
    // `key: value` and list items are another entry.
    let entry = view.get(end.wrapping_sub(1)) == Some(b':') || view.get(start) == Some(b'-') || end - start > VALUE;
    if ends && !entry { Found::plain(start..end, Quoting::Bare) } else { None }
}

/// `<<EOT`, `<<-EOT`, `<<~EOT`: the line behind.
pub(super) fn here_document(view: &View<'_>, at: usize) -> Option<Found> {
    let at = at + usize::from(matches!(view.get(at), Some(b'-' | b'~')));
    let word = (0..24).take_while(|&offset| {
        view.get(at + offset).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'"' | b'\'' | b'_'))
    });
    let word = word.count();
    let line = view.line_end(at + word).filter(|_| word > 0)?;
    line_of_one_word(view, view.skip_blanks(line))
}
