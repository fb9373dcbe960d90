//! Escaping: text that a scanned repository controls (paths, names, messages) made harmless for each output.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::finding::redact::is_bidirectional;

/// For a terminal or any text for people: control characters and those that turn the reading direction become
/// visible (`\u{1b}`, `\n`), so that a file's name cannot repaint the screen or forge a line.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |character: char| character.is_control() || is_bidirectional(character);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// For HTML and XML, as text or inside a quoted attribute. Control characters become visible first: most are not
/// allowed in XML at all.
pub(crate) fn markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in visible(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

/// For Markdown's running text and table cells: nothing in it can become a link, an image, a mention or markup.
pub(crate) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in visible(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A zero-width space keeps a name from being notified, the entity an address from becoming a link.
            '@' => escaped.push_str("@\u{200b}"),
            ':' => escaped.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '!' | '|' | '~' => {
                escaped.push('\\');
                escaped.push(character);
            }
            character => escaped.push(character),
        }
    }
    escaped
}

/// For Markdown's code spans in a table: fenced by more backticks than it holds; `|` would end the cell.
pub(crate) fn markdown_code(text: &str) -> String {
    let text = visible(text).replace('|', "\\|");
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if longest > 0 || text.is_empty() || text.starts_with(' ') {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// A path as the path of a relative URI: everything but unreserved characters and `/` percent-encoded.
pub(crate) fn uri_path(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::{markdown, markdown_code, markup, uri_path, visible};

    #[test]
    fn control_characters_and_direction_marks_become_visible() {
        assert_eq!(visible("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\n\\u{202e}c");
        assert!(matches!(visible("plain/påth"), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn markup_cannot_be_left() {
        assert_eq!(markup("<a b='c' d=\"e\">&\0"), "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;\\u{0}");
    }

    #[test]
    fn markdown_stays_text() {
        assert_eq!(markdown("![x](http://y) @z | <b>"), "\\!\\[x\\]\\(http&#58;//y\\) @\u{200b}z \\| &lt;b&gt;");
        assert_eq!(markdown_code("a`b``c"), "``` a`b``c ```");
        assert_eq!(markdown_code("a|b"), "`a\\|b`");
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri_path("a b/ü#%:.txt"), "a%20b/%C3%BC%23%25%3A.txt");
    }
}
