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
    if before.ends_with(b"<key>") && view.starts(name.end, b"</key>") {
        let at = view.skip_space(name.end + 6);
        return if view.starts(at, b"<string>") { value::element(view, at + 8) } else { None };
    }
    let lead = if quoted { &before[..before.len() - 1] } else { before };
    if quoted && [&b"variable "[..], b"secret ", b"param "].iter().any(|word| lead.ends_with(word)) {
        return declared(view, name);
    }
    if !labelled(lead) {
        return None;
    }
    let at = if quoted {
        let escaped = usize::from(view.get(name.end) == Some(b'\\'));
        let quote = matches!(view.get(name.end + escaped), Some(b'"' | b'\''));
        quote.then_some(name.end + escaped + 1)?
    } else {
        name.end
    };
    beside(view, at)
}

/// Whether `key=`, `"name": `, `name: ` or the like stands in front.
fn labelled(lead: &[u8]) -> bool {
    const LABELS: [&[u8]; 7] = [b"key", b"name", b"id", b"property", b"field", b"variable", b"setting"];
    let lead = lead.trim_ascii_end();
    let Some(lead) = lead.strip_suffix(b"=").or_else(|| lead.strip_suffix(b":")) else { return false };
    let mut lead = lead.trim_ascii_end();
    while let Some((&(b'"' | b'\'' | b'\\'), rest)) = lead.split_last() {
        lead = rest;
    }
    let length = lead.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &lead[lead.len() - length..];
    LABELS.iter().any(|label| word.eq_ignore_ascii_case(label))
}

/// The value that follows a quoted or bare name.
fn beside(view: &View<'_>, at: usize) -> Option<Found> {
    let limit = at + NEAR;
    let mut at = at;
    // `<entry key="NAME">...`, `<setting name="NAME"><value>...`
    let behind = view.skip_blanks(at);
    if view.get(behind) == Some(b'>') {
        let inner = view.skip_space(behind + 1);
        for tag in [&b"<value>"[..], b"<string>"] {
            if view.starts_ignoring_case(inner, tag) {
                return value::element(view, inner + tag.len());
            }
        }
        return value::element(view, behind + 1);
    }
    while at < limit {
        at = match view.get(at)? {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b'\\' | b'"' | b'\'' => at + 1,
            b'v' | b'V' => {
                let word: usize = if view.starts_ignoring_case(at, b"value") { 5 } else { 3 };
                if word == 3 && !view.starts_ignoring_case(at, b"val") {
                    return None;
                }
                let mut behind = at + word;
                while matches!(view.get(behind), Some(b'"' | b'\'' | b'\\')) {
                    behind += 1;
                }
                let behind = view.skip_blanks(behind);
                if !matches!(view.get(behind), Some(b'=' | b':')) {
                    return None;
                }
                return value::read(view, behind + 1, Operator::Assign, &(at..at + word));
            }
            _ => return None,
        };
    }
    None
}

/// `variable "NAME" { type = string  default = "..." }`.
fn declared(view: &View<'_>, name: &Range<usize>) -> Option<Found> {
    const DEFAULT: &[u8] = b"default";
    let open = view.skip_blanks(name.end + 1);
    if view.get(open) != Some(b'{') {
        return None;
    }
    for at in open..open + NEAR {
        match view.get(at)? {
            b'}' => return None,
            b'd' if view.starts(at, DEFAULT) => {
                let behind = view.skip_blanks(at + DEFAULT.len());
                if view.get(behind) == Some(b'=') {
                    return value::read(view, behind + 1, Operator::Assign, &(at..at + DEFAULT.len()));
                }
            }
            _ => {}
        }
    }
    None
}
