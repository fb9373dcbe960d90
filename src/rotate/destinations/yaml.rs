//! The value of a key in YAML's plain block mappings: `name: value` lines, nested by indentation. Anchors, flow
//! collections, block scalars and documents in one file are refused: a whole parser could not write them back to the byte.

use super::span::{Found, Quote};

/// The value of `key`, a path with dots.
///
/// # Errors
/// Why it is not found.
pub(super) fn find(text: &str, key: &str) -> Result<Found, String> {
    let path: Vec<&str> = key.split('.').collect();
    // Indentation and name of each mapping that is open.
    let mut open: Vec<(usize, &str)> = Vec::new();
    let (mut found, mut start) = (None, 0);
    for line in text.split_inclusive('\n') {
        let (at, body) = (start, line.trim_end_matches(['\n', '\r']));
        start += line.len();
        let trimmed = body.trim_start_matches(' ');
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let indent = body.len() - trimmed.len();
        while open.last().is_some_and(|(level, _)| *level >= indent) {
            open.pop();
        }
        let Some((name, value)) = trimmed.split_once(':') else { continue };
        if !(value.is_empty() || value.starts_with(' ')) {
            continue;
        }
        let name = name.trim_matches(['"', '\'']);
        open.push((indent, name));
        let same = open.len() == path.len() && open.iter().zip(&path).all(|((_, name), step)| name == step);
        if !same {
            continue;
        }
        let lead = value.len() - value.trim_start().len();
        let from = at + body.len() - value.len() + lead;
        let this = scalar(value.trim(), from).map_err(|fault| format!("`{key}`: {fault}"))?;
        if found.replace(this).is_some() {
            return Err(format!("`{key}` stands there twice"));
        }
    }
    found.ok_or_else(|| format!("`{key}` is not there"))
}

fn scalar(text: &str, from: usize) -> Result<Found, String> {
    let quoted = |quote: char, kind: Quote| {
        let end = text[1..].find(quote).ok_or("its quotes are not closed")? + 1;
        let rest = text[end + 1..].trim();
        if !(rest.is_empty() || rest.starts_with('#')) {
            return Err("something stands behind its quotes".to_owned());
        }
        if kind == Quote::Double && text[..end].contains('\\') {
            return Err("its quotes hold escapes".to_owned());
        }
        Ok(Found { span: from..from + end + 1, value: text[1..end].to_owned(), quote: kind })
    };
    match text.chars().next() {
        None => Err("it has no value on its line".to_owned()),
        Some('"') => quoted('"', Quote::Double),
        Some('\'') => quoted('\'', Quote::Single),
        Some('&' | '*' | '!' | '|' | '>' | '[' | '{' | '%' | '@' | '`') => Err("it is no plain value".to_owned()),
        Some(_) => {
            let end = text.find(" #").unwrap_or(text.len());
            let value = text[..end].trim_end();
            Ok(Found { span: from..from + value.len(), value: value.to_owned(), quote: Quote::None })
        }
    }
}
