//! The value: in quotes, bare, in an element, wrapped in a call, put together from pieces, on the next line.

use std::ops::Range;

use super::fallback::instead;
use super::lines::{here_document, next_line};
use super::literal::{bracketed, escaped, joined, quoted};
use super::{Assignment, Operator, Quoting, VALUE, View};

/// A value and how it stands.
pub(super) struct Found {
    value: Range<usize>,
    quoting: Quoting,
    joined: Option<Box<[u8]>>,
    partial: bool,
}

impl Found {
    /// A value that stands as it is; `None` when it is empty.
    pub(super) fn plain(value: Range<usize>, quoting: Quoting) -> Option<Self> {
        (!value.is_empty()).then_some(Self { value, quoting, joined: None, partial: false })
    }

    /// Where it begins.
    pub(super) fn start(&self) -> usize {
        self.value.start
    }

    /// A value that is put together from pieces in quotes.
    pub(super) fn pieces(value: Range<usize>, text: Vec<u8>, quote: u8) -> Self {
        Self { value, quoting: Quoting::Quoted(quote), joined: Some(text.into_boxed_slice()), partial: false }
    }

    /// Whether something that is no literal belongs to it as well.
    pub(super) fn and_more(self, partial: bool) -> Self {
        Self { partial, ..self }
    }

    pub(super) fn assignment(self, name: Range<usize>, operator: Operator) -> Assignment {
        let Self { value, quoting, joined, partial } = self;
        Assignment { name, operator, value, quoting, joined, partial }
    }
}

/// Words that stand between operator and value in HTTP headers; and Spring's mark of a password that is not hashed.
const SCHEMES: [&[u8]; 6] = [b"bearer ", b"basic ", b"token ", b"ssws ", b"apikey ", b"{noop}"];

/// The value at `at`.
pub(super) fn read(view: &View<'_>, at: usize, operator: Operator, name: &Range<usize>) -> Option<Found> {
    if view.get(at) == Some(b'>') && view.get(at.wrapping_sub(1)) != Some(b'=') {
        return element(view, at + 1);
    }
    let mut at = view.skip_blanks(at);
    if let Some(next) = next_line(view, at, operator) {
        return next;
    }
    if view.starts(at, b"<<") {
        return here_document(view, at + 2);
    }
    if operator == Operator::Assign
        && let Some(literal) = instead(view, at)
    {
        return quoted(view, literal, view.get(literal)?, Operator::Default);
    }
    if operator == Operator::Assign {
        at = marks(view, at);
        if let Some(found) = joined(view, at).or_else(|| bracketed(view, at)) {
            return Some(found);
        }
    }
    if operator != Operator::Space {
        at = wrapper(view, at);
    }
    // String prefixes: r"", b'', f"", u"", L"", @"", $"", N'', raw"".
    let mut prefix = if view.starts(at, b"raw\"") { at + 3 } else { at };
    while prefix < at + 2
        && matches!(view.get(prefix), Some(b'r' | b'b' | b'f' | b'u' | b'L' | b'R' | b'N' | b'@' | b'$' | b'('))
    {
        prefix += 1;
    }
    if prefix > at && matches!(view.get(prefix), Some(b'"' | b'\'')) {
        at = prefix;
    }
    match view.get(at)? {
        b'\\' if matches!(view.get(at + 1), Some(b'"' | b'\'')) => escaped(view, at + 2, view.get(at + 1)?),
        quote @ (b'"' | b'\'' | b'`') => quoted(view, at, quote, operator),
        b'\r' | b'\n' => None,
        _ => bare(view, at, operator, name),
    }
}

/// Behind a tag or anchor of YAML: `!!str value`, `&name value`.
fn marks(view: &View<'_>, at: usize) -> usize {
    if !matches!(view.get(at), Some(b'&' | b'!')) {
        return at;
    }
    let word = (1..32).take_while(|&offset| {
        view.get(at + offset).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'!' | b'_' | b'-'))
    });
    let end = at + 1 + word.count();
    let tag = view.starts(at, b"!!str") || view.get(at) == Some(b'&') && end > at + 1;
    if tag && matches!(view.get(end), Some(b' ')) { view.skip_blanks(end) } else { at }
}

/// Behind a constructor or conversion that a literal is handed to: `String::from(`, `[]byte(`, `ConvertTo-SecureString `.
pub(super) fn wrapper(view: &View<'_>, at: usize) -> usize {
    const WRAPPERS: &[&[u8]] = &[
        b"from",
        b"string",
        b"str",
        b"byte",
        b"bytes",
        b"some",
        b"securestring",
        b"secretstring",
        b"secretstr",
        b"secret",
        b"sensitive",
        b"quote",
        b"text",
        b"just",
        b"of",
        b"raw",
        b"buffer",
        b"char",
        b"value",
        b"password",
        b"token",
        b"qstring",
        b"qstringliteral",
        b"qlatin1string",
        b"bytestring",
        b"strdup",
        // What stands in an encoding is decoded where it is used.
        b"decode",
        b"decodestring",
        b"decodebase64",
        b"decodehex",
        b"b64decode",
        b"frombase64string",
        b"fromhex",
        b"fromhexstring",
        b"unhexlify",
        b"parsehex",
        b"atob",
    ];
    if view.get(at).is_some_and(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'\r' | b'\n')) {
        return at;
    }
    let mut end = at;
    let mut last = at; // where the last word begins
    while let Some(byte) = view.get(end).filter(|_| end < at + 48) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' => {}
            b':' | b'.' | b'[' | b']' | b'-' => last = end + 1,
            b' ' if matches!(&view.text[last..end], b"new" | b"await") => last = end + 1,
            _ => break,
        }
        end += 1;
    }
    let word = &view.text[last.min(end)..end];
    // `SecretString::new("value".into())`
    let keeps = [&b"secret"[..], b"zeroizing", b"password"].iter().any(|kind| view.starts_ignoring_case(at, kind));
    if word == b"new" && keeps && last > at && view.get(end) == Some(b'(') {
        return literal_behind(view, end + 1).unwrap_or(at);
    }
    if !WRAPPERS.iter().any(|known| word.eq_ignore_ascii_case(known)) {
        return match view.get(end) {
            Some(b'(' | b'[') if end == at => literal_behind(view, at + 1).unwrap_or(at),
            _ => at,
        };
    }
    match view.get(end) {
        Some(b'(' | b'{' | b' ') => literal_behind(view, end + 1).unwrap_or(at),
        _ => at,
    }
}

fn literal_behind(view: &View<'_>, at: usize) -> Option<usize> {
    let at = view.skip_blanks(at);
    matches!(view.get(at), Some(b'"' | b'\'' | b'`')).then_some(at)
}

/// What stands between `>` and `<`, blanks and line ends round it left out.
pub(super) fn element(view: &View<'_>, start: usize) -> Option<Found> {
    let mut start = view.skip_space(start);
    if view.starts_ignoring_case(start, b"<value>") {
        start += 7;
    }
    const CDATA: &[u8] = b"<![CDATA[";
    if view.starts(start, CDATA) {
        let start = start + CDATA.len();
        let mut end = start;
        while !view.starts(end, b"]]>") {
            end += 1;
            if view.get(end).is_none() || end - start > VALUE {
                return None;
            }
        }
        return Found::plain(start..end, Quoting::Element);
    }
    let mut end = start;
    while view.get(end).is_some_and(|byte| !matches!(byte, b'<' | b'\n' | b'\r')) {
        end += 1;
        if end - start > VALUE {
            return None;
        }
    }
    // An element ends with its end tag: other angle brackets stand in patterns, usage lines and names of compilers.
    let closing = view.skip_space(end);
    if !view.starts(closing, b"</") {
        return None;
    }
    let blanks = view.text[start..end].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    Found::plain(start..end - blanks, Quoting::Element)
}

fn bare(view: &View<'_>, at: usize, operator: Operator, name: &Range<usize>) -> Option<Found> {
    if operator == Operator::Call {
        return None;
    }
    let before = name.start.checked_sub(1).map(|at| view.text[at]);
    let query = matches!(before, Some(b'?' | b'&')) && view.get(at.wrapping_sub(1)) == Some(b'=');
    let start = scheme(view, at);
    let ends = |byte: u8| {
        byte <= b' '
            || matches!(byte, b'"' | b'\'' | b'`' | b';' | b',' | b')' | b'}' | b']' | b'>' | b'<' | b'|' | 127)
            || query && matches!(byte, b'&' | b'#')
    };
    let mut end = start;
    while view.get(end).is_some_and(|byte| !ends(byte)) {
        end += 1;
        if end - start > VALUE {
            return None;
        }
    }
    let text = &view.text[start..end];
    // An escape in a string that holds the whole assignment (`\n`, `\"`) ends the value.
    if let Some(escape) = text.windows(2).position(|pair| pair[0] == b'\\' && matches!(pair[1], b'n' | b'r' | b't')) {
        end = start + escape;
    }
    // The end of a paragraph in rich text.
    if let Some(mark) = memchr::memmem::find(&view.text[start..end], b"\\par") {
        end = start + mark;
    }
    while end > start && view.text[end - 1] == b'\\' {
        end -= 1;
    }
    // A sentence ends behind its last word.
    let words = view.text.get(name.end..at).unwrap_or_default().trim_ascii();
    let sentence = operator == Operator::Space && (words.starts_with(b"is") || words.starts_with(b"was"));
    if sentence && view.text[start..end].ends_with(b".") {
        end -= 1;
    }
    if end == start {
        return None;
    }
    // `NAME=value` without a blank, in a shell or a log: a word of its own whatever follows.
    let tight = view.text[at - 1] == b'=' && view.text[at - 2..at].iter().all(|byte| *byte != b' ') && at == start;
    let rest = view.skip_blanks(end);
    let closed = match view.get(rest) {
        None | Some(b'\n' | b'\r' | b'"' | b'\'' | b'\\') => true,
        // Code in a sentence: `NAME=value`.
        Some(b'`') => rest == end && before == Some(b'`'),
        Some(b'}') if operator == Operator::Default => true,
        Some(b'|') if rest > end && operator == Operator::Assign => true,
        // The next command of a shell.
        Some(b'&') if tight && rest > end => view.get(rest + 1) == Some(b'&'),
        // A mapping of YAML in one line; code has names and calls there.
        Some(b'}') if operator == Operator::Assign && at == name.end + 2 => {
            view.text[start..end]
                .iter()
                .any(|byte| matches!(byte, b'!' | b'#' | b'%' | b'@' | b'$' | b'^' | b'&' | b'?'))
                || numbered(&view.text[start..end]) && closes(view, rest)
        }
        Some(b',')
            if matches!(operator, Operator::Assign | Operator::Default)
                && at == name.end + 2
                && end - start > 5
                && numbered(&view.text[start..end]) =>
        {
            rest == end && entry(view, rest + 1)
        }
        Some(b'}') if operator == Operator::Assign && rest > end => {
            numbered(&view.text[start..end]) && closes(view, rest)
        }
        Some(b'&' | b'#' | b'>' | b')') if query => true,
        Some(b';') if tight && rest == end && parameter(view, rest + 1) => true,
        // The text of an element.
        Some(b'<') if rest == end && operator != Operator::Call => view.get(rest + 1) == Some(b'/'),
        // A comment of an INI file.
        Some(b';') if rest > end && view.get(rest + 1) == Some(b' ') => true,
        // One parameter of several between commas: `host:6380,password=VALUE,ssl=True`.
        Some(b',') if tight && rest == end && before == Some(b',') && end - start >= 16 => {
            numbered(&view.text[start..end]) && view.get(rest + 1).is_some_and(|byte| byte.is_ascii_alphabetic())
        }
        Some(b';' | b',') => {
            operator == Operator::Space || matches!(view.get(view.skip_blanks(rest + 1)), None | Some(b'\n' | b'\r'))
        }
        Some(b'#') => rest > end,
        Some(b'/') if !tight => rest > end && view.get(rest + 1) == Some(b'/'),
        Some(byte) if tight && rest > end => byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'/' | b'_'),
        _ => operator == Operator::Space,
    };
    Found::plain(start..end, if closed { Quoting::Bare } else { Quoting::BareInside })
}

/// Whether a word has two digits and a letter, as few names in code have.
fn numbered(word: &[u8]) -> bool {
    word.iter().filter(|byte| byte.is_ascii_digit()).count() > 1 && word.iter().any(u8::is_ascii_alphabetic)
}

/// Whether another entry of a mapping follows, or the line ends: ` NAME: `.
fn entry(view: &View<'_>, at: usize) -> bool {
    if view.get(at).is_none() || view.line_end(at).is_some() {
        return true;
    }
    let start = at + 1;
    let word = (start..start + 48).take_while(|&at| {
        view.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    });
    let end = start + word.count();
    view.get(at) == Some(b' ') && end > start && view.starts(end, b": ")
}

/// Whether nothing but closing braces stands from `at` to the line's end.
fn closes(view: &View<'_>, at: usize) -> bool {
    let braces = (at..at + 8).take_while(|&at| matches!(view.get(at), Some(b'}' | b' '))).count();
    let end = at + braces;
    view.get(end).is_none() || view.line_end(end).is_some()
}

/// Whether another parameter of a connection string follows, or its end: `Password=value;Database=x"`.
fn parameter(view: &View<'_>, at: usize) -> bool {
    let word =
        (0..32).take_while(|&offset| view.get(at + offset).is_some_and(|b| b.is_ascii_alphabetic() || b == b' '));
    let word = word.count();
    match view.get(at + word) {
        Some(b'=') => word > 2,
        Some(b'"' | b'\'' | b'\\') => word == 0,
        _ => false,
    }
}

/// Behind an authentication scheme's word, if one stands there.
pub(super) fn scheme(view: &View<'_>, at: usize) -> usize {
    for word in SCHEMES {
        if view.starts_ignoring_case(at, word) {
            let behind = view.skip_blanks(at + word.len());
            return if words(view, behind) { at } else { behind };
        }
    }
    at
}

/// Whether two words of a text stand at `at`: what is in front of them is another word of it (a mnemonic may begin with
/// `token`), no scheme.
fn words(view: &View<'_>, at: usize) -> bool {
    const LONGEST: usize = 8;
    let small = |at: usize| view.get(at).is_some_and(|byte| byte.is_ascii_lowercase());
    let length = (0..=LONGEST).take_while(|&offset| small(at + offset)).count();
    (1..=LONGEST).contains(&length) && view.get(at + length) == Some(b' ') && small(at + length + 1)
}
