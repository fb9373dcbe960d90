//! Pairs: the name is itself a value, of an attribute or field called key or name, and the secret stands beside it.
//!
//! `key="NAME" value="..."`, `<entry key="NAME">...</entry>`, `{"name": "NAME", "value": "..."}`, `- name: NAME` over
//! `value: ...`, `<key>NAME</key>` over `<string>...</string>`, `variable "NAME" { default = "..." }`.

use std::ops::Range;

use super::value::{self, Found};
use super::{Operator, View};

/// Farthest behind the name that the other half may begin.
const NEAR: usize = 160;

/// Reads the other half of a pair.
pub(super) fn read(view: &View<'_>, name: &Range<usize>) -> Option<Found> {
    let before = view.before(name.start);
    let quoted = before.last().is_some_and(|byte| matches!(byte, b'"' | b'\''));
    let tag = before.len().saturating_sub(5);
    if before[tag..].eq_ignore_ascii_case(b"<key>") && view.starts_ignoring_case(name.end, b"</key>") {
        let at = view.skip_space(name.end + 6);
        if view.starts(at, b"<string>") {
            return value::element(view, at + 8);
        }
        // KeePass: `<Key>Password</Key><Value ProtectInMemory="True">...</Value>`
        let open = view.starts_ignoring_case(at, b"<value").then_some(at + 6)?;
        let close = (open..open + 64).take_while(|&at| !matches!(view.get(at), None | Some(b'\n' | b'<')));
        return value::element(view, close.into_iter().find(|&at| view.get(at) == Some(b'>'))? + 1);
    }
    if before.last() == Some(&b'>')
        && view.starts(name.end, b"</")
        && let Some(found) = sibling(view, name, before)
    {
        return Some(found);
    }
    let lead = if quoted { &before[..before.len() - 1] } else { before };
    if quoted && [&b"variable "[..], b"secret ", b"param ", b"output "].iter().any(|word| lead.ends_with(word)) {
        return declared(view, name);
    }
    label(lead)?;
    let at = if quoted {
        let escaped = usize::from(view.get(name.end) == Some(b'\\'));
        let quote = matches!(view.get(name.end + escaped), Some(b'"' | b'\''));
        quote.then_some(name.end + escaped + 1)?
    } else {
        name.end
    };
    beside(view, at)
}

/// Where in `lead`, which ends in front of a name, the label stands that says so: `key=`, `"name": `, `name: `.
pub(super) fn label(lead: &[u8]) -> Option<Range<usize>> {
    const LABELS: [&[u8]; 7] = [b"key", b"name", b"id", b"property", b"field", b"variable", b"setting"];
    let lead = lead.trim_ascii_end();
    let lead = lead.strip_suffix(b"=").or_else(|| lead.strip_suffix(b":"))?;
    let mut lead = lead.trim_ascii_end();
    while let Some((&(b'"' | b'\'' | b'\\'), rest)) = lead.split_last() {
        lead = rest;
    }
    let length = lead.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = lead.len() - length..lead.len();
    LABELS.iter().any(|label| lead[word.clone()].eq_ignore_ascii_case(label)).then_some(word)
}

/// The element behind one that holds the name: `<name>NAME</name> <value>...`, `<param-name>`, `<env-entry-name>`.
fn sibling(view: &View<'_>, name: &Range<usize>, before: &[u8]) -> Option<Found> {
    let open = memchr::memrchr(b'<', before)?;
    let tag = &before[open + 1..before.len() - 1];
    let called = [&b"name"[..], b"key"].iter().any(|end| tag.ends_with(end)) && tag.len() <= 24;
    if !called || !view.starts(name.end + 2, tag) || view.get(name.end + 2 + tag.len()) != Some(b'>') {
        return None;
    }
    let next = view.skip_space(name.end + 3 + tag.len());
    let word = (next + 1..next + 32).take_while(|&at| {
        view.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'))
    });
    let end = next + 1 + word.count();
    let holds = view.get(next) == Some(b'<') && view.get(end) == Some(b'>') && view.text[next..end].ends_with(b"value");
    if holds { value::element(view, end + 1) } else { None }
}

/// The value that follows a quoted or bare name.
fn beside(view: &View<'_>, at: usize) -> Option<Found> {
    let limit = at + NEAR;
    let mut at = at;
    // `<entry key="NAME">...`, `<setting name="NAME"><value>...`
    let behind = view.skip_blanks(at);
    if view.get(behind) == Some(b'>') {
        return markup(view, behind);
    }
    while at < limit {
        at = match view.get(at)? {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b'\\' | b'"' | b'\'' => at + 1,
            b'>' => return markup(view, at),
            byte if byte.is_ascii_alphabetic() => {
                let (word, behind) = field(view, at)?;
                const VALUES: [&[u8]; 3] = [b"value", b"val", b"content"];
                // `android:value="..."`
                let own = view.text[word.clone()].rsplit(|byte| *byte == b':').next().unwrap_or_default();
                if VALUES.iter().any(|known| own.eq_ignore_ascii_case(known)) {
                    return value::read(view, behind, Operator::Assign, &word);
                }
                skip(view, view.skip_blanks(behind))?
            }
            _ => return None,
        };
    }
    None
}

/// What a tag that ends at `at` holds: text, or an element with it.
fn markup(view: &View<'_>, at: usize) -> Option<Found> {
    let inner = view.skip_space(at + 1);
    for tag in [&b"<value>"[..], b"<string>"] {
        if view.starts_ignoring_case(inner, tag) {
            return value::element(view, inner + tag.len());
        }
    }
    value::element(view, at + 1)
}

/// The word at `at`, and where the value behind its equals sign or colon may begin.
fn field(view: &View<'_>, at: usize) -> Option<(Range<usize>, usize)> {
    let length = (0..24).take_while(|&offset| {
        view.get(at + offset).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            // A namespace: `xml:space="preserve"`.
            || view.get(at + offset) == Some(b':') && view.get(at + offset + 1).is_some_and(|b| b.is_ascii_lowercase())
    });
    let end = at + length.count();
    let mut behind = end;
    while matches!(view.get(behind), Some(b'"' | b'\'' | b'\\')) && behind < end + 4 {
        behind += 1;
    }
    let behind = view.skip_blanks(behind);
    matches!(view.get(behind), Some(b'=' | b':')).then_some((at..end, behind + 1))
}

/// Behind the short value of another field: `"string"`, `true`, `12`.
fn skip(view: &View<'_>, at: usize) -> Option<usize> {
    let quote = view.get(at).filter(|byte| matches!(byte, b'"' | b'\''));
    let start = at + usize::from(quote.is_some());
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b' ');
    let length = (0..48).take_while(|&offset| {
        view.get(start + offset).is_some_and(|byte| inside(byte) && (quote.is_some() || byte != b' '))
    });
    let end = start + length.count();
    match quote {
        Some(quote) => (view.get(end) == Some(quote)).then_some(end + 1),
        None => (end > start).then_some(end),
    }
}

/// `variable "NAME" { type = string  default = "..." }`, `output "NAME" { value = "..." }`.
fn declared(view: &View<'_>, name: &Range<usize>) -> Option<Found> {
    const DEFAULT: &[u8] = b"default";
    const VALUE: &[u8] = b"value";
    let open = view.skip_blanks(name.end + 1);
    if view.get(open) != Some(b'{') {
        return None;
    }
    for at in open..open + NEAR {
        match view.get(at)? {
            b'}' => return None,
            b'd' | b'v' if view.starts(at, DEFAULT) || view.starts(at, VALUE) => {
                let word = if view.starts(at, VALUE) { VALUE } else { DEFAULT };
                let behind = view.skip_blanks(at + word.len());
                if view.get(behind) == Some(b'=') {
                    return value::read(view, behind + 1, Operator::Assign, &(at..at + word.len()));
                }
            }
            _ => {}
        }
    }
    None
}

/// The end of a tag behind its attributes, on one line: `<password type="plain">`.
pub(super) fn attributes(view: &View<'_>, at: usize) -> Option<usize> {
    const FAR: usize = 200;
    let inside = |&at: &usize| view.get(at).is_some_and(|byte| !matches!(byte, b'<' | b'\n'));
    let end = (at..at + FAR).take_while(inside).find(|&at| view.get(at) == Some(b'>'))?;
    matches!(view.get(end - 1), Some(b'"' | b'\'')).then_some(end)
}

/// Whether a tag's prefix ends in front of the colon at `at`: `<con:`.
pub(super) fn prefixed(view: &View<'_>, at: usize) -> bool {
    let before = view.before(at);
    let word = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    (1..=16).contains(&word) && before[..before.len() - word].ends_with(b"<")
}
