//! Where the value of a key stands in a file, to the byte, and how another value is written in its place.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::yaml;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `NAME=value`, also with `export`.
    Env,
    /// `[section]` and `name = value`; keys are `section.name` (`~/.aws/credentials`, `.npmrc`, `.pypirc`).
    Ini,
    /// Keys are JSON pointers (`/database/password`).
    Json,
    /// Keys are paths with dots (`database.password`).
    Toml,
    /// Keys are paths with dots; plain block mappings.
    Yaml,
    /// The file is the value; a line end at its end stays. The key's name is free.
    Whole,
}

impl Form {
    /// The form that a name suggests.
    pub fn of(name: &str) -> Self {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "json" => Self::Json,
            "toml" => Self::Toml,
            "yaml" | "yml" => Self::Yaml,
            "ini" | "cfg" | "npmrc" | "pypirc" | "conf" => Self::Ini,
            _ if name == "credentials" => Self::Ini,
            _ => Self::Env,
        }
    }
}

/// A value in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The bytes to replace, quotes and all.
    pub span: Range<usize>,
    /// What they say.
    pub value: String,
    /// How they are quoted.
    pub quote: Quote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    None,
    Single,
    Double,
    Json,
    Toml,
    Whole,
}

/// The value of `key`. Two of the same name are refused: nobody knows which one counts.
///
/// # Errors
/// Why it is not found.
pub(super) fn find(text: &str, form: Form, key: &str) -> Result<Found, String> {
    // Editors of Windows put a mark before the first letter; it stays where it is.
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        let found = find(rest, form, key)?;
        let mark = text.len() - rest.len();
        return Ok(Found { span: found.span.start + mark..found.span.end + mark, ..found });
    }
    match form {
        Form::Env => lines(text, None, key),
        Form::Ini => match key.rsplit_once('.') {
            Some((section, name)) => lines(text, Some(section), name),
            None => lines(text, Some(""), key),
        },
        Form::Json => json(text, key),
        Form::Toml => in_toml(text, key),
        Form::Yaml => yaml::find(text, key),
        Form::Whole => {
            let value = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
            Ok(Found { span: 0..value.len(), value: value.to_owned(), quote: Quote::Whole })
        }
    }
}

/// `value` as it is written in place of what was found.
///
/// # Errors
/// When it cannot be written there.
pub(super) fn write(value: &str, quote: Quote) -> Result<String, String> {
    let plain = |value: &str| {
        !value.is_empty()
            && value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'#$`\\;&|<>(){}[]*?!%@,:".contains(&byte))
            || value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+=_.:@%-".contains(&byte))
                && !value.is_empty()
    };
    let line = !value.contains(['\n', '\r', '\0']);
    match quote {
        Quote::Whole => Ok(value.to_owned()),
        Quote::Json => serde_json::to_string(value).map_err(|error| error.to_string()),
        Quote::Toml => Ok(toml::Value::from(value).to_string()),
        Quote::None if plain(value) => Ok(value.to_owned()),
        Quote::None => Err("the new value cannot stand there without quotes".to_owned()),
        Quote::Single if line && !value.contains('\'') => Ok(format!("'{value}'")),
        Quote::Double if line && !value.contains(['"', '\\', '$', '`']) => Ok(format!("\"{value}\"")),
        Quote::Single | Quote::Double => Err("the new value cannot stand in those quotes".to_owned()),
    }
}

/// `NAME=value` lines; with `section` those of an ini file.
fn lines(text: &str, section: Option<&str>, key: &str) -> Result<Found, String> {
    let (mut found, mut current, mut start) = (None, "", 0);
    for line in text.split_inclusive('\n') {
        let (at, body) = (start, line.trim_end_matches(['\n', '\r']));
        start += line.len();
        let trimmed = body.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if section.is_some() && trimmed.starts_with('[') {
            current = trimmed.trim_matches(['[', ']']).trim();
            continue;
        }
        let Some((name, value)) = body.split_once('=') else { continue };
        let name = name.trim();
        let name = if section.is_none() { name.strip_prefix("export ").map_or(name, str::trim) } else { name };
        if name != key || section.is_some_and(|section| section != current) {
            continue;
        }
        let lead = value.len() - value.trim_start().len();
        let from = at + body.len() - value.len() + lead;
        let this = one(value.trim(), from)?;
        if found.replace(this).is_some() {
            return Err(format!("`{key}` stands there twice"));
        }
    }
    found.ok_or_else(|| format!("`{key}` is not there"))
}

/// The value at the start of `text`, which stands at byte `from`.
fn one(text: &str, from: usize) -> Result<Found, String> {
    let quoted = |quote: char, kind: Quote| {
        let end = text[1..].find(quote).ok_or("its quotes are not closed")? + 1;
        let rest = text[end + 1..].trim();
        if !(rest.is_empty() || rest.starts_with(['#', ';'])) {
            return Err("something stands behind its quotes".to_owned());
        }
        let value = &text[1..end];
        if kind == Quote::Double && value.contains(['\\', '$', '`']) {
            return Err("its quotes hold escapes or variables".to_owned());
        }
        Ok(Found { span: from..from + end + 1, value: value.to_owned(), quote: kind })
    };
    match text.chars().next() {
        Some('"') => quoted('"', Quote::Double),
        Some('\'') => quoted('\'', Quote::Single),
        _ => {
            let end = text.find([' ', '\t']).unwrap_or(text.len());
            let rest = text[end..].trim();
            if !(rest.is_empty() || rest.starts_with(['#', ';'])) {
                return Err("it is several words without quotes".to_owned());
            }
            Ok(Found { span: from..from + end, value: text[..end].to_owned(), quote: Quote::None })
        }
    }
}

fn in_toml(text: &str, key: &str) -> Result<Found, String> {
    let table = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    let missing = || format!("`{key}` is not there");
    let (mut table, mut path) = (table.get_ref(), key.split('.').peekable());
    while let Some(name) = path.next() {
        let value: &Spanned<DeValue<'_>> = table.get(name).ok_or_else(missing)?;
        match (value.get_ref(), path.peek()) {
            (DeValue::Table(inner), Some(_)) => table = inner,
            (DeValue::String(said), None) => {
                return Ok(Found { span: value.span(), value: said.to_string(), quote: Quote::Toml });
            }
            _ => return Err(format!("`{key}` is no text")),
        }
    }
    Err(missing())
}

/// The value at a JSON pointer (RFC 6901); its span includes the quotes.
fn json(text: &str, pointer: &str) -> Result<Found, String> {
    let whole: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let pointer = if pointer.starts_with('/') { pointer.to_owned() } else { format!("/{}", pointer.replace('.', "/")) };
    let value = whole.pointer(&pointer).ok_or_else(|| format!("`{pointer}` is not there"))?;
    let value = value.as_str().ok_or_else(|| format!("`{pointer}` is no text"))?.to_owned();
    let mut path = pointer[1..].split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
    let mut walker = Walker { text: text.as_bytes(), at: 0 };
    let span = walker.descend(&mut path).ok_or_else(|| format!("`{pointer}` is not there"))?;
    Ok(Found { span, value, quote: Quote::Json })
}

/// Walks over JSON that is known to be well formed.
struct Walker<'t> {
    text: &'t [u8],
    at: usize,
}

impl Walker<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Over one value; its span.
    fn skip(&mut self) -> Option<Range<usize>> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => {
                self.at += 1;
                while *self.text.get(self.at)? != b'"' {
                    self.at += if self.text[self.at] == b'\\' { 2 } else { 1 };
                }
                self.at += 1;
            }
            b'{' | b'[' => {
                let mut depth = 0usize;
                loop {
                    match self.peek()? {
                        b'"' => {
                            self.skip()?;
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => {
                while self.text.get(self.at).is_some_and(|byte| !b",]} \t\r\n".contains(byte)) {
                    self.at += 1;
                }
            }
        }
        Some(start..self.at)
    }

    fn descend(&mut self, path: &mut dyn Iterator<Item = String>) -> Option<Range<usize>> {
        let Some(step) = path.next() else { return self.skip() };
        let open = self.peek()?;
        self.at += 1;
        let mut index = 0usize;
        loop {
            let here = match open {
                b'{' => {
                    self.peek()?;
                    let name = self.skip()?;
                    let name: String = serde_json::from_slice(self.text.get(name)?).ok()?;
                    (self.peek()? == b':').then_some(())?;
                    self.at += 1;
                    name == step
                }
                b'[' => step.parse() == Ok(index),
                _ => return None,
            };
            if here {
                return self.descend(path);
            }
            self.skip()?;
            index += 1;
            (self.peek()? == b',').then_some(())?;
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, find, write};

    /// Replaces `key`'s value by `new` and returns the text, checking that only the span changed.
    fn replaced(text: &str, form: Form, key: &str, new: &str) -> Result<String, String> {
        let found = find(text, form, key)?;
        let out = format!("{}{}{}", &text[..found.span.start], write(new, found.quote)?, &text[found.span.end..]);
        assert_eq!(find(&out, form, key)?.value, new, "{out}");
        Ok(out)
    }

    #[test]
    fn only_the_value_changes() {
        let cases = [
            (Form::Env, "K", "# c\nexport K=old # why\nL=1\n", "# c\nexport K=new # why\nL=1\n"),
            (Form::Env, "K", "K='old'\r\nL=1", "K='new'\r\nL=1"),
            (Form::Env, "K", "A=1\nK = \"old\"\n", "A=1\nK = \"new\"\n"),
            (Form::Env, "K", "K=", "K=new"),
            (Form::Ini, "b.K", "[a]\nK = x\n[b]\nK = old\n", "[a]\nK = x\n[b]\nK = new\n"),
            (Form::Json, "/a/1/k", r#"{"b":"\"}", "a":[0,{"k" : "old"}]}"#, r#"{"b":"\"}", "a":[0,{"k" : "new"}]}"#),
            (Form::Json, "a.k", r#"{"a":{"j":[{}],"k":"old"}}"#, r#"{"a":{"j":[{}],"k":"new"}}"#),
            (Form::Toml, "a.k", "[a] # c\nk = 'old' # d\n", "[a] # c\nk = \"new\" # d\n"),
            (Form::Yaml, "a.k", "a:\n  # c\n  k: old # d\nk: x\n", "a:\n  # c\n  k: new # d\nk: x\n"),
            (Form::Yaml, "a.k", "a:\n    j: 1\n    k: \"old\"\n", "a:\n    j: 1\n    k: \"new\"\n"),
            (Form::Whole, "", "old\n", "new\n"),
        ];
        for (form, key, before, after) in cases {
            assert_eq!(replaced(before, form, key, "new").as_deref(), Ok(after), "{form:?} {before}");
        }
    }

    #[test]
    fn what_is_not_plain_is_refused() {
        let cases = [
            (Form::Env, "K", "L=1\n"),
            (Form::Env, "K", "K=1\nK=2\n"),
            (Form::Env, "K", "K=\"a$B\"\n"),
            (Form::Env, "K", "K=one two\n"),
            (Form::Json, "/k", "{\"k\":1}"),
            (Form::Json, "/k", "{"),
            (Form::Toml, "k", "k = 1\n"),
            (Form::Yaml, "k", "k: |\n  text\n"),
            (Form::Yaml, "k", "k: &a x\n"),
            (Form::Yaml, "k", "k: [x]\n"),
        ];
        for (form, key, text) in cases {
            assert!(find(text, form, key).is_err(), "{form:?} {text}");
        }
        assert!(replaced("K=old\n", Form::Env, "K", "two words").is_err());
        assert!(replaced("K='old'\n", Form::Env, "K", "it's").is_err());
    }
}
