//! Macaroons in the binary format, version 2: PyPI's upload tokens (fact 10).
//!
//! `02`, then fields `type length data`: `01` location, `02` identifier, `00`; each caveat `02` text ... `00`; `00`;
//! `06` and the signature of 32 bytes. Lengths are little-endian base-128 numbers.

use serde_json::Value;

use super::codec::base64;
use super::{Checked, PROVEN, confirmed, rejected};

struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The next field's type and data; type 0 ends a section and has no data.
    fn next(&mut self) -> Option<(u64, &'a [u8])> {
        let kind = self.number()?;
        if kind == 0 {
            return Some((0, &[]));
        }
        let length = usize::try_from(self.number()?).ok()?;
        let (data, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some((kind, data))
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..=28).step_by(7) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

struct Macaroon<'a> {
    location: &'a [u8],
    identifier: &'a [u8],
    caveats: Vec<&'a [u8]>,
}

fn parse(bytes: &[u8]) -> Option<Macaroon<'_>> {
    let mut fields = Fields { bytes: bytes.strip_prefix(&[2])? };
    let (1, location) = fields.next()? else { return None };
    let (2, identifier) = fields.next()? else { return None };
    let (0, _) = fields.next()? else { return None };
    let mut caveats = Vec::new();
    loop {
        match fields.next()? {
            (0, _) => break,
            (2, text) => caveats.push(text),
            _ => return None,
        }
        // A third party's caveat has its verifier's field too.
        while fields.next()?.0 != 0 {}
    }
    let (6, signature) = fields.next()? else { return None };
    (signature.len() == 32).then_some(Macaroon { location, identifier, caveats })
}

/// `pypi-` and the base64url of a macaroon whose location is a host name. Facts: registry, identifier, what it may
/// do where its caveats say so.
pub(super) fn pypi(secret: &[u8], _whole: &[u8]) -> Checked {
    let body = secret.strip_prefix(b"pypi-").unwrap_or(secret);
    if body.len() > 8192 {
        return rejected("longer than any macaroon of this kind");
    }
    let Some(bytes) = base64(body) else { return rejected("not base64url") };
    let Some(macaroon) = parse(&bytes) else { return rejected("not a macaroon") };
    let host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-:".contains(byte);
    if macaroon.location.is_empty() || !macaroon.location.iter().all(host) {
        return rejected("a macaroon whose location is no host name");
    }
    let identifier = std::str::from_utf8(macaroon.identifier).ok();
    confirmed(PROVEN, "a complete macaroon")
        .with("registry", String::from_utf8_lossy(macaroon.location))
        .with_some("identifier", identifier)
        .with_some("scope", macaroon.caveats.iter().find_map(|caveat| scope(caveat)))
}

/// What a caveat allows: `{"version": 1, "permissions": "user" or {"projects": [...]}}`, or the newer forms
/// `[1, [projects]]` and `[3, user]`.
fn scope(caveat: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(caveat).ok()?;
    let projects = |list: &Value| {
        let names: Vec<&str> = list.as_array()?.iter().filter_map(Value::as_str).collect();
        Some(format!("projects {}", names.join(", ")))
    };
    match (&value["permissions"], value.get(0).and_then(Value::as_u64)) {
        (Value::String(_), _) | (_, Some(3)) => Some("the whole account".to_owned()),
        (Value::Object(map), _) => projects(map.get("projects")?),
        (_, Some(1)) => projects(value.get(1)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base64;
    use super::*;

    fn field(kind: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        let mut length = data.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend_from_slice(data);
        bytes
    }

    fn token(caveats: &[&str]) -> String {
        let mut bytes = vec![2];
        bytes.extend(field(1, b"registry.test"));
        bytes.extend(field(2, b"0000-demo"));
        bytes.push(0);
        for caveat in caveats {
            bytes.extend(field(2, caveat.as_bytes()));
            bytes.push(0);
        }
        bytes.push(0);
        bytes.extend(field(6, &[0xa7; 32]));
        format!("pypi-{}", to_base64(&bytes).replace('+', "-").replace('/', "_").replace('=', ""))
    }

    #[test]
    fn a_macaroon_says_what_it_opens() {
        let long = format!("[1, [\"{}\"]]", "p".repeat(200));
        let cases: [(&[&str], Option<&str>); 4] = [
            (&[], None),
            (&[r#"{"version": 1, "permissions": "user"}"#], Some("the whole account")),
            (&["[0, 1, 2]", r#"[1, ["one", "two"]]"#], Some("projects one, two")),
            (&[&long], None),
        ];
        for (caveats, scope) in cases {
            let checked = pypi(token(caveats).as_bytes(), b"");
            assert!(matches!(checked.verdict, Verdict::Confirmed(_)), "{caveats:?}");
            assert!(checked.facts.contains(&("registry", "registry.test".to_owned())));
            if let Some(scope) = scope {
                assert!(checked.facts.contains(&("scope", scope.to_owned())), "{:?}", checked.facts);
            }
        }
    }

    #[test]
    fn cut_or_altered_ones_are_refused() {
        let whole = token(&["[3, \"user\"]"]);
        for end in 0..whole.len() - 1 {
            assert!(matches!(pypi(&whole.as_bytes()[..end], b"").verdict, Verdict::Rejected(_)), "{end}");
        }
        // Lengths that run past the end, and one that never stops.
        for bytes in [&[2, 1, 0xff, 0xff, 0xff, 0xff, 0x7f][..], &[2, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1], &[2]] {
            assert!(matches!(pypi(to_base64(bytes).as_bytes(), b"").verdict, Verdict::Rejected(_)));
        }
    }
}
