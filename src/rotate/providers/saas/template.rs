//! Texts with `{names}` in them: addresses, headers and bodies of a provider's calls. Values are looked up in what the
//! operator said, in the credential and in what the vendor answered before.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::google;
use crate::rotate::escrow::Material;
use crate::rotate::redact::percent;
use crate::secret::Secret;

/// What names stand for.
#[derive(Debug, Clone, Copy)]
pub(in crate::rotate) struct Names<'n> {
    /// `{token}`: who signs.
    pub(in crate::rotate) token: Option<&'n Secret>,
    /// `{value}`, and the parts beside it.
    pub(in crate::rotate) material: &'n Material,
    /// `{id}`.
    pub(in crate::rotate) id: Option<&'n str>,
    /// `{run}`.
    pub(in crate::rotate) run: &'n str,
    /// What the target says.
    pub(in crate::rotate) parameters: &'n BTreeMap<String, String>,
    /// `{fact.name}`: what was learned of the old one.
    pub(in crate::rotate) facts: &'n BTreeMap<String, String>,
}

impl Names<'_> {
    fn find(&self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = |text: &str| Some(Zeroizing::new(text.as_bytes().to_vec()));
        match name {
            "token" => return Some(Zeroizing::new(self.token?.expose().to_vec())),
            "run" => return bytes(self.run),
            "id" if self.id.is_some() => return bytes(self.id?),
            "jwt" => return google::assertion(self.material),
            _ => {}
        }
        if let Some(fact) = name.strip_prefix("fact.") {
            return bytes(self.facts.get(fact)?);
        }
        // What the operator says comes before what stood near the leak.
        if let Some(text) = self.parameters.get(name) {
            return bytes(text);
        }
        Some(Zeroizing::new(self.material.get(name)?.expose().to_vec()))
    }
}

/// A text with names in their places; in an address every one is percent-encoded.
///
/// # Errors
/// Names what is missing.
pub(in crate::rotate) fn render(
    template: &str,
    names: &Names<'_>,
    address: bool,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut out = Zeroizing::new(Vec::new());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let end = rest[at..].find('}').ok_or_else(|| format!("`{template}`: a brace is not closed"))? + at;
        let name = &rest[at + 1..end];
        let found = names.find(name).ok_or_else(|| format!("`{name}` is not known"))?;
        if address {
            out.extend_from_slice(Zeroizing::new(percent(&found)).as_bytes());
        } else {
            out.extend_from_slice(&found);
        }
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// A header's value: what follows `Basic ` is encoded.
///
/// # Errors
/// As [`render`].
pub(in crate::rotate) fn header(template: &str, names: &Names<'_>) -> Result<Zeroizing<Vec<u8>>, String> {
    match template.strip_prefix("Basic ") {
        Some(rest) => {
            let pair = Zeroizing::new(STANDARD.encode(&*render(rest, names, false)?));
            Ok(Zeroizing::new([b"Basic ", pair.as_bytes()].concat()))
        }
        None => render(template, names, false),
    }
}

/// A JSON body. A text that is one fact and nothing else becomes that fact's JSON (a list of scopes stays a list, `true`
/// stays true).
///
/// # Errors
/// As [`render`].
pub(in crate::rotate) fn body(template: &Value, names: &Names<'_>) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) => {
            let fact = text.strip_prefix("{fact.").and_then(|rest| rest.strip_suffix('}'));
            match fact.and_then(|name| names.facts.get(name)) {
                // Lists, objects and truth only: a version that looks like a number was a text, and stays one.
                Some(json) if json.starts_with(['[', '{']) => {
                    serde_json::from_str(json).unwrap_or_else(|_| Value::from(json.as_str()))
                }
                Some(text) if text == "true" || text == "false" => Value::from(text == "true"),
                Some(text) => Value::from(text.as_str()),
                None => Value::from(String::from_utf8_lossy(&render(text, names, false)?).into_owned()),
            }
        }
        Value::Array(items) => items.iter().map(|item| body(item, names)).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Object(fields) => {
            let filled: Result<Map<_, _>, String> =
                fields.iter().map(|(name, value)| Ok((name.clone(), body(value, names)?))).collect();
            filled?.into()
        }
        other => other.clone(),
    })
}

/// A form body.
///
/// # Errors
/// As [`render`].
pub(in crate::rotate) fn form(
    fields: &BTreeMap<String, String>,
    names: &Names<'_>,
) -> Result<Zeroizing<String>, String> {
    let mut out = Zeroizing::new(String::new());
    for (name, template) in fields {
        let value = Zeroizing::new(percent(&render(template, names, false)?));
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&Zeroizing::new(format!("{}={}", percent(name.as_bytes()), *value)));
    }
    Ok(out)
}

/// A text with pointers into an answer: `user/{/login}`. What is not there is left out.
pub(in crate::rotate) fn pointed(template: &str, answer: &Value, names: &Names<'_>) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}').map(|end| end + at) else { break };
        let name = &rest[at + 1..end];
        match name.starts_with('/') {
            true => out.push_str(&answer.pointer(name).map(plain).unwrap_or_default()),
            // Only what the operator said may stand in an owner's name, never a part of the credential.
            false => out.push_str(names.parameters.get(name).map_or("", String::as_str)),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out.chars().filter(|char| !char.is_control()).take(200).collect()
}

/// A JSON value as plain text.
pub(in crate::rotate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{Names, body, form, header, pointed, render};
    use crate::rotate::escrow::Material;
    use crate::secret::Secret;

    #[test]
    fn names_are_filled_in_and_what_is_missing_is_said() {
        let (token, material) = (Secret::new(b"t/1"), Material::of(b"v&1").with("user", b"near"));
        let parameters = BTreeMap::from([("user".to_owned(), "said".to_owned())]);
        let facts =
            BTreeMap::from([("scopes".to_owned(), "[\"a\"]".to_owned()), ("version".to_owned(), "5".to_owned())]);
        let names = Names {
            token: Some(&token),
            material: &material,
            id: Some("7"),
            run: "r",
            parameters: &parameters,
            facts: &facts,
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&render("/a/{id}/{token}", &names, true).expect("known")), "/a/7/t%2F1");
        assert_eq!(text(&render("{user}", &names, false).expect("known")), "said", "the operator's word comes first");
        assert!(render("{org}", &names, true).expect_err("missing").contains("`org`"));
        assert_eq!(text(&header("Basic u:{token}", &names).expect("known")), "Basic dTp0LzE=");
        let filled = body(
            &json!({ "n": "x-{run}", "s": "{fact.scopes}", "v": "{fact.version}", "l": ["{value}"], "b": true }),
            &names,
        );
        assert_eq!(filled.expect("known"), json!({ "n": "x-r", "s": ["a"], "v": "5", "l": ["v&1"], "b": true }));
        let fields = BTreeMap::from([("token".to_owned(), "{value}".to_owned())]);
        assert_eq!(form(&fields, &names).expect("known").as_str(), "token=v%261");
        assert_eq!(pointed("u/{/a/0}/{user}{value}", &json!({ "a": ["x\n"] }), &names), "u/x/said");
    }
}
