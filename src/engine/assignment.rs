//! Assignments: given a keyword's place, the name it stands in, the operator and the value.
//!
//! One hand-shaped scanner for every common form: `name = value`, `name: value`, `"name": "value"`, `name => value`,
//! `name := value`, `let name: Type = value`, `map["name"] = value`, `--name value`, `set_name("value")`,
//! `put("name", "value")`, `<name>value</name>`, `name="value"` in XML, `Name: Bearer value` in HTTP. It looks at one
//! line and gives up at the first byte that cannot be part of such a form.

use std::ops::Range;

/// Longest name, and longest value, in bytes.
const NAME: usize = 80;
/// See [`NAME`].
pub(crate) const VALUE: usize = 1024;

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
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: Range<usize>,
    pub(crate) operator: Operator,
    pub(crate) value: Range<usize>,
    pub(crate) quoting: Quoting,
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// What [`read`] found, and all the bytes it looked at.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) found: Option<Assignment>,
    pub(crate) looked: Range<usize>,
}

/// Farthest behind the name that an operator may end.
const OPERATOR: usize = 80;

/// Reads the assignment whose name holds `keyword`.
pub(crate) fn read(text: &[u8], keyword: Range<usize>) -> Read {
    let mut looked = keyword.clone();
    let found = find(text, keyword, &mut looked);
    looked.end = looked.end.min(text.len());
    Read { found, looked }
}

fn find(text: &[u8], keyword: Range<usize>, looked: &mut Range<usize>) -> Option<Assignment> {
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
    looked.start = start.saturating_sub(1);
    looked.end = end + 1;
    if end == ceiling && ceiling < text.len() {
        return None; // longer than any name
    }
    while end > keyword.end && matches!(text[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let name = start..end;
    let window = &text[..text.len().min(name.end + OPERATOR)];
    let found = operator(window, &name);
    looked.end = looked.end.max(window.len());
    let (operator, at) = found?;
    let line = text.len().min(at + VALUE + OPERATOR);
    let line = &text[..memchr::memchr2(b'\n', b'\r', &text[at..line]).map_or(line, |length| at + length)];
    let found = value(line, at, operator);
    // Behind a value one looks for what follows on the line; a value that never ends is looked for all along it.
    looked.end = looked.end.max(match &found {
        Some((value, _)) => (value.end + 2).max(skip_blanks(line, value.end) + 2),
        None => line.len() + 1,
    });
    found.map(|(value, quoting)| Assignment { name, operator, value, quoting })
}

fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && matches!(text[at], b' ' | b'\t') {
        at += 1;
    }
    at
}

/// The operator behind `name` and where the value may begin.
fn operator(text: &[u8], name: &Range<usize>) -> Option<(Operator, usize)> {
    let before = name.start.checked_sub(1).map(|at| text[at]);
    let mut at = name.end;
    let mut closed = None;
    // `"name"`, `\"name\"`, `['name']`, `{name}`: what closes the name.
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' | b'\'' | b'`' => closed = Some(byte),
            b'\\' if matches!(text.get(at + 1), Some(b'"' | b'\'')) => {}
            b']' => {}
            _ => break,
        }
        at += 1;
        if at > name.end + 4 {
            return None;
        }
    }
    let spaced = skip_blanks(text, at);
    let byte = *text.get(spaced)?;
    let next = text.get(spaced + 1).copied();
    match byte {
        b'=' => match (next, text.get(spaced + 2)) {
            (Some(b'='), Some(b'=')) => Some((Operator::Compare, spaced + 3)),
            (Some(b'='), _) => Some((Operator::Compare, spaced + 2)),
            (Some(b'>'), _) => Some((Operator::Assign, spaced + 2)),
            (Some(b'~'), _) => None,
            _ => Some((Operator::Assign, spaced + 1)),
        },
        b'!' if next == Some(b'=') => {
            Some((Operator::Compare, spaced + 2 + usize::from(text.get(spaced + 2) == Some(&b'='))))
        }
        b':' => match next {
            Some(b'=') => Some((Operator::Assign, spaced + 2)),
            Some(b':') if text.get(spaced + 2) == Some(&b'=') => Some((Operator::Assign, spaced + 3)),
            Some(b':') => None,
            _ => Some((Operator::Assign, typed(text, spaced + 1).unwrap_or(spaced + 1))),
        },
        b'?' | b'|' | b'+' if next == Some(b'=') => Some((Operator::Assign, spaced + 2)),
        b'?' if next == Some(b':') => Some((Operator::Assign, typed(text, spaced + 2)?)),
        b'|' if next == Some(b'|') && text.get(spaced + 2) == Some(&b'=') => Some((Operator::Assign, spaced + 3)),
        b'<' if next == Some(b'-') => Some((Operator::Assign, spaced + 2)),
        b'>' if before == Some(b'<') => Some((Operator::Assign, spaced)),
        b'(' if closed.is_none() => {
            let at = skip_blanks(text, spaced + 1);
            text.get(at).is_some_and(|byte| matches!(byte, b'"' | b'\'')).then_some((Operator::Call, at))
        }
        b',' if closed.is_some() => {
            let at = skip_blanks(text, spaced + 1);
            text.get(at).is_some_and(|byte| matches!(byte, b'"' | b'\'')).then_some((Operator::Call, at))
        }
        _ if closed.is_none() && spaced > at => {
            let flag = name.len() > 2 && text[name.start] == b'-' && text[name.start + 1] == b'-';
            if flag || matches!(byte, b'"' | b'\'') {
                return Some((Operator::Space, spaced));
            }
            // `password string = "..."`: a type between name and operator (Go, SQL, C declarators are rarer).
            let word = text[spaced..].iter().take(24).take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let after = skip_blanks(text, spaced + word);
            (word > 0 && text.get(after) == Some(&b'=') && text.get(after + 1) != Some(&b'='))
                .then_some((Operator::Assign, after + 1))
        }
        _ => None,
    }
}

/// `: Type = ` behind a name: where the value begins.
fn typed(text: &[u8], at: usize) -> Option<usize> {
    let mut start = skip_blanks(text, at);
    if text.get(start..start + 2) == Some(b"&'") {
        // a reference with its lifetime
        start = text[start..].iter().take(24).position(|&byte| byte == b' ').map(|blank| start + blank + 1)?;
    }
    let length = text[start..]
        .iter()
        .take(48)
        .take_while(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'<' | b'>' | b'[' | b']' | b'&' | b'?' | b'\'' | b'.')
        })
        .count();
    let end = skip_blanks(text, start + length);
    let starts_as_type = text.get(start).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'&');
    // `name: QUJD=` at a line's end is padded base64, no type without a value.
    let follows = !matches!(text.get(skip_blanks(text, end + 1)), None | Some(b'=' | b'\n' | b'\r'));
    (length > 0 && starts_as_type && text.get(end) == Some(&b'=') && follows).then_some(end + 1)
}

/// Words that stand between operator and value in HTTP headers.
const SCHEMES: [&[u8]; 5] = [b"bearer ", b"basic ", b"token ", b"ssws ", b"apikey "];

/// The value at `at`.
fn value(text: &[u8], at: usize, operator: Operator) -> Option<(Range<usize>, Quoting)> {
    if text.get(at) == Some(&b'>') {
        return element(text, at + 1);
    }
    let mut at = skip_blanks(text, at);
    // String prefixes: r"", b'', f"", u"", L"", @"", $"".
    let mut prefix = at;
    while prefix < at + 2
        && text
            .get(prefix)
            .is_some_and(|byte| matches!(byte, b'r' | b'b' | b'f' | b'u' | b'L' | b'R' | b'@' | b'$' | b'('))
    {
        prefix += 1;
    }
    if prefix > at && matches!(text.get(prefix), Some(b'"' | b'\'')) {
        at = prefix;
    }
    match *text.get(at)? {
        b'\\' if matches!(text.get(at + 1), Some(b'"' | b'\'')) => escaped(text, at + 2, text[at + 1]),
        quote @ (b'"' | b'\'' | b'`') => quoted(text, at, quote),
        b'\r' | b'\n' => None,
        _ => bare(text, at, operator),
    }
}

fn quoted(text: &[u8], at: usize, quote: u8) -> Option<(Range<usize>, Quoting)> {
    let triple = text.get(at + 1) == Some(&quote) && text.get(at + 2) == Some(&quote);
    let start = scheme(text, if triple { at + 3 } else { at + 1 });
    let mut end = start;
    while let Some(&byte) = text.get(end) {
        if byte == quote {
            return (end > start).then_some((start..end, Quoting::Quoted(quote)));
        }
        if matches!(byte, b'\n' | b'\r') || end - start > VALUE {
            return None;
        }
        end += if byte == b'\\' { 2 } else { 1 };
    }
    None
}

/// A value in escaped quotes, as in JSON inside a string.
fn escaped(text: &[u8], start: usize, quote: u8) -> Option<(Range<usize>, Quoting)> {
    let mut end = start;
    while let Some(&byte) = text.get(end) {
        if byte == b'\\' && text.get(end + 1) == Some(&quote) {
            return (end > start).then_some((start..end, Quoting::Quoted(quote)));
        }
        if matches!(byte, b'\n' | b'\r') || byte == quote || end - start > VALUE {
            return None;
        }
        end += 1;
    }
    None
}

fn element(text: &[u8], start: usize) -> Option<(Range<usize>, Quoting)> {
    let length = text[start..].iter().take(VALUE).position(|byte| matches!(byte, b'<' | b'\n' | b'\r'))?;
    (length > 0 && text[start + length] == b'<').then_some((start..start + length, Quoting::Element))
}

fn bare(text: &[u8], at: usize, operator: Operator) -> Option<(Range<usize>, Quoting)> {
    if operator == Operator::Call {
        return None;
    }
    let start = scheme(text, at);
    let ends = |byte: u8| {
        byte <= b' '
            || matches!(byte, b'"' | b'\'' | b'`' | b';' | b',' | b')' | b'}' | b']' | b'>' | b'<' | b'|' | 127)
    };
    let mut end = start;
    while let Some(&byte) = text.get(end) {
        if ends(byte) {
            break;
        }
        end += 1;
        if end - start > VALUE {
            return None;
        }
    }
    // An escape in a string that holds the whole assignment (`\n`, `\"`) ends the value.
    if let Some(escape) =
        text[start..end].windows(2).position(|pair| pair[0] == b'\\' && matches!(pair[1], b'n' | b'r' | b't'))
    {
        end = start + escape;
    }
    while end > start && text[end - 1] == b'\\' {
        end -= 1;
    }
    if end == start {
        return None;
    }
    let rest = skip_blanks(text, end);
    let closed = match text.get(rest) {
        None | Some(b'\n' | b'\r' | b'"' | b'\'' | b'\\') => true,
        Some(b';' | b',') => matches!(text.get(skip_blanks(text, rest + 1)), None | Some(b'\n' | b'\r')),
        Some(b'#') => rest > end,
        Some(b'/') => rest > end && text.get(rest + 1) == Some(&b'/'),
        _ => operator == Operator::Space,
    };
    Some((start..end, if closed { Quoting::Bare } else { Quoting::BareInside }))
}

/// Behind an authentication scheme's word, if one stands there.
fn scheme(text: &[u8], at: usize) -> usize {
    for word in SCHEMES {
        if text.get(at..at + word.len()).is_some_and(|there| there.eq_ignore_ascii_case(word)) {
            return skip_blanks(text, at + word.len());
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{Quoting, read};

    fn parse(text: &str, keyword: &str) -> Option<(String, String, Quoting)> {
        let at = text.find(keyword).expect("keyword there");
        let found = read(text.as_bytes(), at..at + keyword.len()).found?;
        Some((text[found.name].to_owned(), text[found.value].to_owned(), found.quoting))
    }

    #[test]
    fn every_common_form_is_read() {
        let double = Quoting::Quoted(b'"');
        let single = Quoting::Quoted(b'\'');
        for (text, name, value, quoting) in [
            ("DB_PASSWORD=abc!23\n", "DB_PASSWORD", "abc!23", Quoting::Bare), // keysweep:allow made up
            ("export password='abc 23'", "password", "abc 23", single),
            ("\"db.password\": \"x\\\"y\",", "db.password", "x\\\"y", double),
            ("  password: v4lue # note", "password", "v4lue", Quoting::Bare), // keysweep:allow made up
            ("  password: djRsdWU=\n", "password", "djRsdWU=", Quoting::Bare), // keysweep:allow made up
            ("let my_password: &'static str = \"vv\";", "my_password", "vv", double),
            ("password string = `vv`", "password", "vv", Quoting::Quoted(b'`')),
            ("config['password'] = 'vv'", "password", "vv", single),
            ("map.put(\"password\", \"vv\")", "password", "vv", double),
            ("set_password(\"vv\")", "set_password", "vv", double),
            ("<password>vv</password>", "password", "vv", Quoting::Element),
            ("--password vv next", "--password", "vv", Quoting::Bare),
            ("password => 'vv',", "password", "vv", single),
            ("password := \"vv\"", "password", "vv", double),
            ("{\\\"password\\\": \\\"vv\\\"}", "password", "vv", double),
            ("X-password: Bearer vvv\r\n", "X-password", "vvv", Quoting::Bare),
            ("password = get(x)", "password", "get(x", Quoting::BareInside),
        ] {
            assert_eq!(
                parse(text, if text.contains("PASS") { "PASSWORD" } else { "password" }),
                Some((name.to_owned(), value.to_owned(), quoting)),
                "{text}"
            );
        }
        for text in ["password", "the password is", "password()", "password::new", "password = \n", "password == "] {
            assert_eq!(parse(text, "password"), None, "{text}");
        }
    }
}
