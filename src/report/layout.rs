//! Fitting text into columns, as a terminal counts them: a wide character takes two.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The last columns of `text`, `…` in front when something is cut off.
pub(super) fn keep_end(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let mut start = text.len();
    for (at, character) in text.char_indices().rev() {
        used += character.width().unwrap_or(0);
        if used > columns {
            break;
        }
        start = at;
    }
    if columns == 0 { String::new() } else { format!("…{}", &text[start..]) }
}

/// The first columns of `text`, `…` behind when something is cut off.
pub(super) fn keep_start(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let mut end = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > columns {
            break;
        }
        end = at + character.len_utf8();
    }
    if columns == 0 { String::new() } else { format!("{}…", &text[..end]) }
}

/// Lines of at most `columns` columns, broken at spaces; a longer word stays whole.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{keep_end, keep_start, wrap};

    #[test]
    fn text_is_cut_by_columns_not_bytes() {
        assert_eq!((keep_start("名前です", 8), keep_start("名前です", 6)), ("名前です".into(), "名前…".into()));
        assert_eq!(
            (keep_end("名前です", 5), keep_end("abc", 2), keep_end("abc", 0)),
            ("…です".into(), "…c".into(), "".into())
        );
        assert_eq!(wrap("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrap("incomprehensibilities", 8), ["incomprehensibilities"]);
    }
}
