//! Values in front of their names: piped into a program's option, given before the label, listed before the name.
//!
//! `echo VALUE | tool login --token-stdin`, `setValue("VALUE", forHTTPHeaderField: "NAME")`,
//! `{"value": "VALUE", "name": "NAME"}`, `- value: VALUE` over `name: NAME`.

use std::ops::Range;

use super::value::{Found, scheme};
use super::{Quoting, View, pair};

/// Reads the value in front of `name`; the second half of the result is the name without what only says where its
/// value comes from (`--token-stdin` is `--token`).
pub(super) fn read(view: &View<'_>, name: &Range<usize>) -> Option<(Found, Range<usize>)> {
    let whole = &view.text[name.clone()];
    const ENDS: [&[u8]; 1] = [b"-stdin"];
    if whole.starts_with(b"--") {
        if let Some(end) = ENDS.iter().find(|end| whole.ends_with(end)) {
            return Some((piped(view, name.start)?, name.start..name.end - end.len()));
        }
        if whole == b"--with-token" {
            return Some((piped(view, name.start)?, name.clone()));
        }
        return None;
    }
    let before = view.before(name.start);
    if [&b"secret set "[..], b"secret put ", b"secrets set "].iter().any(|words| before.ends_with(words)) {
        return Some((piped(view, name.start)?, name.clone()));
    }
    if !matches!(before.last(), Some(b'"' | b'\'' | b' ')) {
        return None;
    }
    // R assigns to the right as well: `"VALUE" -> name`.
    if let Some(rest) = before.strip_suffix(b" -> ").filter(|rest| rest.ends_with(b"\"") || rest.ends_with(b"'")) {
        let found = literal_before(view, name.start - 4 - rest.len(), rest)?;
        let ends = view.get(name.end).is_none() || view.line_end(name.end).is_some();
        return ends.then_some((found, name.clone()));
    }
    let found = labelled(view, name.start, before).or_else(|| listed(view, name.start, before))?;
    Some((found, name.clone()))
}

/// What `echo` or `printf` writes into the pipe in front of `at`.
fn piped(view: &View<'_>, at: usize) -> Option<Found> {
    let line = view.line_before(at);
    let start = at - line.len();
    let pipe = memchr::memrchr(b'|', line)?;
    let command = &line[..pipe];
    let echo = memchr::memmem::rfind(command, b"echo ").map(|found| found + 5);
    let print = memchr::memmem::rfind(command, b"printf ").map(|found| found + 7);
    let mut from = echo.max(print)?;
    // Options and formats: `-n`, `"%s\n"`.
    for word in [&b"-n "[..], b"-e ", b"-ne ", b"-- ", b"%s ", b"'%s' ", b"\"%s\" ", b"'%s\\n' ", b"\"%s\\n\" "] {
        let rest = &command[from..];
        if rest.starts_with(word) {
            from += word.len();
        }
    }
    let rest = &command[from..];
    let value = rest.trim_ascii();
    from += rest.len() - rest.trim_ascii_start().len();
    let (skip, quoting) = match value {
        [quote @ (b'"' | b'\''), inner @ .., last] if quote == last && !inner.contains(quote) => {
            (1, Quoting::Quoted(*quote))
        }
        _ if value.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'|')) => {
            return None;
        }
        _ => (0, Quoting::Bare),
    };
    Found::plain(start + from + skip..start + from + value.len() - skip, quoting)
}

/// `"VALUE", forHTTPHeaderField: ` in front of the quoted name at `at`.
fn labelled(view: &View<'_>, at: usize, before: &[u8]) -> Option<Found> {
    let label = before.strip_suffix(b"\"")?;
    let label = label.strip_suffix(b"@").unwrap_or(label).trim_ascii_end().strip_suffix(b":")?;
    let word = label.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    if !label[label.len() - word..].starts_with(b"for") {
        return None;
    }
    let line = view.line_before(at);
    let label = label[..label.len() - word].trim_ascii_end();
    let behind = line.len() - (before.len() - label.len());
    let rest = line.get(..behind)?.trim_ascii_end();
    literal_before(view, at - line.len(), rest.strip_suffix(b",").unwrap_or(rest))
}

/// `"value": "VALUE", "name": ` or a line `value: VALUE` in front of the name at `at`.
fn listed(view: &View<'_>, at: usize, before: &[u8]) -> Option<Found> {
    let lead = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).unwrap_or(before);
    let label = pair::label(lead)?;
    let text = view.back(at);
    let start = at - text.len();
    let rest = text.get(..text.len() - (before.len() - label.start))?;
    let quote = |rest: &[u8]| matches!(rest.last(), Some(b'"' | b'\''));
    let rest = rest.strip_suffix(b"\"").or_else(|| rest.strip_suffix(b"'")).unwrap_or(rest).trim_ascii_end();
    // Attributes have no comma: `value="VALUE" key="NAME"`.
    if quote(rest)
        && let Some(found) = literal_before(view, start, rest)
        && text[..found.start() - start - 1].ends_with(b"value=")
    {
        return Some(found);
    }
    if let Some(rest) = rest.strip_suffix(b",").map(<[u8]>::trim_ascii_end).filter(|rest| quote(rest)) {
        let found = literal_before(view, start, rest)?;
        return is_value(&text[..found.start() - start - 1]).then_some(found);
    }
    // A line of its own in front of this one.
    let line = memchr::memrchr(b'\n', text)?;
    if !text[line + 1..line + 1 + (rest.len().saturating_sub(line + 1))].is_empty() {
        return None;
    }
    let rest = rest.trim_ascii_end();
    let line = memchr::memrchr(b'\n', rest).map_or(0, |found| found + 1);
    if quote(rest) {
        let found = literal_before(view, start, rest)?;
        return (found.start() > start + line && is_value(&text[line..found.start() - start - 1])).then_some(found);
    }
    let word = rest.iter().rev().take_while(|byte| **byte > b' ').count();
    let from = rest.len() - word;
    (from > line && is_value(&rest[line..from]))
        .then(|| Found::plain(start + from..start + rest.len(), Quoting::Bare))
        .flatten()
}

/// Whether `value:` or `"value" =` stands at the end.
fn is_value(lead: &[u8]) -> bool {
    let lead = lead.trim_ascii_end();
    let Some(lead) = lead.strip_suffix(b":").or_else(|| lead.strip_suffix(b"=")) else { return false };
    let lead = lead.trim_ascii_end();
    let lead = lead.strip_suffix(b"\"").or_else(|| lead.strip_suffix(b"'")).unwrap_or(lead);
    let word = lead.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    lead[lead.len() - word..].eq_ignore_ascii_case(b"value")
}

/// The literal that ends with the text `rest`, which begins at `start`.
fn literal_before(view: &View<'_>, start: usize, rest: &[u8]) -> Option<Found> {
    let (quote, inner) = rest.split_last().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    let open = memchr::memrchr2(*quote, b'\n', inner)?;
    if inner[open] == b'\n' || open > 0 && inner[open - 1] == b'\\' {
        return None;
    }
    let from = scheme(view, start + open + 1);
    (from < start + inner.len()).then(|| Found::plain(from..start + inner.len(), Quoting::Quoted(*quote))).flatten()
}
