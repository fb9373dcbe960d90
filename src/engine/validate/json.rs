//! Credentials that are JSON, or base64 of JSON: service accounts, JSON Web Keys, Mapbox, Sentry, Grafana Cloud.

use serde_json::Value;

use super::codec::base64;
use super::{Checked, HOLDS, PROVEN, Verdict, Weighed, confirmed, date, hint, pem, rejected};

/// Longest text that is parsed.
const LONGEST: usize = 64 * 1024;

fn object(text: &[u8]) -> Option<Value> {
    let text = if text.len() <= LONGEST { text } else { return None };
    serde_json::from_slice(text).ok().filter(Value::is_object)
}

/// Base64 of a JSON object, perhaps after a prefix that ends in `_` (Grafana's `glc_` and old keys). Facts: the
/// organisation, name and region that Grafana writes there.
pub(super) fn base64_json(secret: &[u8], _whole: &[u8]) -> Checked {
    let decode = |text: &[u8]| if text.len() <= LONGEST { object(&base64(text)?) } else { None };
    let after = |text: &'_ [u8]| text.iter().position(|byte| *byte == b'_').map_or(text.len(), |at| at + 1);
    let Some(value) = decode(secret).or_else(|| decode(&secret[after(secret)..])) else {
        return rejected("does not decode to JSON");
    };
    if value.as_object().is_none_or(serde_json::Map::is_empty) {
        return rejected("decodes to empty JSON");
    }
    hint(HOLDS, "decodes to JSON")
        .with_some("organisation", text_or_number(&value["o"]))
        .with_some("name", value["n"].as_str())
        .with_some("region", value["m"]["r"].as_str())
}

fn text_or_number(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()))
}

/// Mapbox: `sk.`, `pk.` or `tk.`, base64url of JSON with `u` (the account), `.`, 22 characters.
pub(super) fn mapbox(secret: &[u8], _whole: &[u8]) -> Checked {
    let middle = secret.split(|byte| *byte == b'.').nth(1).unwrap_or_default();
    let value = if middle.len() <= LONGEST { base64(middle).and_then(|bytes| object(&bytes)) } else { None };
    match value {
        Some(value) if value["u"].is_string() => {
            hint(HOLDS, "an account can be read from it").with_some("account", value["u"].as_str())
        }
        _ => rejected("its middle part is no JSON with an account"),
    }
}

/// Sentry's organisation tokens (fact 11): `sntrys_`, base64 of JSON with `iat`, `url`, `region_url`, `org`, `_`,
/// 43 characters.
pub(super) fn sentry_org(secret: &[u8], _whole: &[u8]) -> Checked {
    let body = secret.strip_prefix(b"sntrys_").unwrap_or(secret);
    let first = body.split(|byte| *byte == b'_').next().unwrap_or_default();
    let value = if first.len() <= LONGEST { base64(first).and_then(|bytes| object(&bytes)) } else { None };
    let Some(value) = value.filter(|value| value["org"].is_string() || value["iat"].is_number()) else {
        return rejected("its first part is no JSON with an organisation");
    };
    let url = value["region_url"].as_str().or(value["url"].as_str());
    hint(HOLDS, "an organisation can be read from it")
        .with_some("organisation", value["org"].as_str())
        .with_some("url", url)
        .with_some("issued", value["iat"].as_f64().and_then(|seconds| date::day(seconds as i64)))
}

/// Google service account keys: JSON (or the fields of it, where the text round them is no JSON) with a PEM that
/// parses, a key id of 40 hex digits and an account's address.
pub(super) fn google_service_account(secret: &[u8], whole: &[u8]) -> Checked {
    let text = if whole.len() >= secret.len() { whole } else { secret };
    if text.len() > LONGEST {
        return rejected("longer than a service account's key file");
    }
    let Some(key) = field(text, "private_key") else { return rejected("no private key in it") };
    let parsed = pem::check(key.as_bytes(), key.as_bytes());
    let mut weighed = Weighed::default();
    match parsed.verdict {
        Verdict::Rejected(why) => return rejected(why),
        Verdict::Confirmed(_) => weighed.prove(HOLDS, "its private key parses"),
        Verdict::Hint(reason) => weighed.add(reason.points, "its private key is doubtful"),
        Verdict::Silent => {}
    }
    match field(text, "private_key_id") {
        Some(id) if id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            let same = id.bytes().all(|byte| Some(byte) == id.bytes().next());
            weighed.add(
                if same { -40 } else { HOLDS },
                if same { "its key id is a placeholder" } else { "its key id fits" },
            );
        }
        _ => weighed.add(-20, "no key id of 40 hex digits"),
    }
    let account = field(text, "client_email");
    if account.is_none() {
        weighed.add(-10, "no account's address");
    }
    let mut checked = weighed.verdict().with_some("account", account).with_some("project", field(text, "project_id"));
    checked.facts.extend(parsed.facts);
    checked
}

/// The string value of `"name": "..."` in JSON, or in text that only resembles JSON (cut, or inside another string).
fn field(text: &[u8], name: &str) -> Option<String> {
    if let Some(value) = object(text) {
        return value[name].as_str().map(str::to_owned);
    }
    for quote in ["\"", "\\\"", "'"] {
        let label = format!("{quote}{name}{quote}");
        let Some(at) = memchr::memmem::find(text, label.as_bytes()) else { continue };
        let rest = text[at + label.len()..].trim_ascii_start();
        let Some(rest) = rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"=>")) else { continue };
        let Some(rest) = rest.trim_ascii_start().strip_prefix(quote.as_bytes()) else { continue };
        let end = memchr::memmem::find(rest, quote.as_bytes()).unwrap_or(rest.len());
        return Some(String::from_utf8_lossy(&rest[..end]).into_owned());
    }
    None
}

/// JSON Web Keys (RFC 7517, 7518): `kty` and a private member, `d` of RSA, EC and OKP or `k` of symmetric keys, that
/// decodes as base64url to a length that the kind has.
pub(super) fn jwk(secret: &[u8], whole: &[u8]) -> Checked {
    let text = if whole.len() >= secret.len() { whole } else { secret };
    if text.len() > LONGEST {
        return rejected("longer than a key");
    }
    // In a string of code its quotes have a backslash each.
    let plain: Vec<u8>;
    let text = if memchr::memmem::find(text, b"\\\"").is_some() {
        plain = text.iter().copied().filter(|&byte| byte != b'\\').collect();
        &plain
    } else {
        text
    };
    let Some(kind) = field(text, "kty") else { return rejected("no kind of key (kty) in it") };
    let member = if kind == "oct" { "k" } else { "d" };
    let Some(value) = field(text, member) else { return rejected("only the public half of a key") };
    let Some(bytes) = base64(value.as_bytes()) else { return rejected("its private member is no base64url") };
    if bytes.len() < 8 || bytes.iter().all(|byte| *byte == bytes[0]) {
        return rejected("its private member is empty or a placeholder");
    }
    let curve = field(text, "crv");
    let expected = match (kind.as_str(), curve.as_deref()) {
        ("EC", Some("P-256" | "secp256k1")) | ("OKP", Some("Ed25519" | "X25519")) => Some(32),
        ("EC", Some("P-384")) => Some(48),
        ("EC", Some("P-521")) => Some(66),
        ("OKP", Some("Ed448")) => Some(57),
        ("OKP", Some("X448")) => Some(56),
        ("RSA", _) => field(text, "n").and_then(|modulus| base64(modulus.as_bytes())).map(|modulus| modulus.len()),
        _ => None,
    };
    let checked = match expected {
        // RSA's d may be shorter than the modulus.
        Some(length) if bytes.len() == length || kind == "RSA" && bytes.len() <= length => {
            confirmed(PROVEN, "a private key with numbers of the right length")
        }
        Some(_) => hint(-20, "its private number does not have the length of its kind"),
        None => confirmed(HOLDS, "a private member that decodes"),
    };
    let bits = matches!(kind.as_str(), "RSA" | "oct").then(|| expected.unwrap_or(bytes.len()) * 8);
    checked.with("kind", &kind).with_some("curve", curve).with_some("bits", bits.map(|bits| bits.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::Validator;
    use super::super::codec::to_base64;
    use super::super::keys::tests::{encrypted_der, rsa_der};
    use super::super::pem::tests::written;
    use super::*;

    fn judged(validator: Validator, text: &str) -> Checked {
        validator(text.as_bytes(), text.as_bytes())
    }

    fn refuses(validator: Validator, text: &str) -> bool {
        matches!(judged(validator, text).verdict, Verdict::Rejected(_))
    }

    #[test]
    fn tokens_with_json_inside() {
        let inner = to_base64(br#"{"o":"123","n":"stack-1","k":"x","m":{"r":"eu"}}"#);
        for text in [format!("glc_{inner}"), inner] {
            let facts = judged(base64_json, &text).facts;
            assert_eq!(
                facts,
                [("organisation", "123".to_owned()), ("name", "stack-1".to_owned()), ("region", "eu".to_owned())]
            );
        }
        for text in ["glc_", "glc_e30=", "e30=", "glc_notbase64!", "W10=", ""] {
            assert!(refuses(base64_json, text), "{text}");
        }
        let inner = to_base64(br#"{"u":"somebody","a":"ck"}"#).replace('=', "");
        assert_eq!(judged(mapbox, &format!("sk.{inner}.{}", "aB".repeat(11))).facts[0].1, "somebody");
        assert!(refuses(mapbox, &format!("sk.e30.{}", "aB".repeat(11))) && refuses(mapbox, "sk."));
        let inner = to_base64(br#"{"iat":1700000000.5,"url":"u","region_url":"https://us.test","org":"acme"}"#);
        let facts = judged(sentry_org, &format!("sntrys_{inner}_{}", "a".repeat(43))).facts;
        assert!(
            facts.contains(&("organisation", "acme".to_owned()))
                && facts.contains(&("issued", "2023-11-14".to_owned()))
        );
        assert!(facts.contains(&("url", "https://us.test".to_owned())));
        assert!(refuses(sentry_org, "sntrys_e30=_") && refuses(sentry_org, ""));
    }

    fn account(key: &str) -> String {
        let value = serde_json::json!({
            "type": "service_account", "project_id": "p-1", "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": key, "client_email": "robot@p-1.iam.gserviceaccount.com",
        });
        serde_json::to_string_pretty(&value).unwrap()
    }

    #[test]
    fn service_accounts() {
        let text = account(&written("RSA PRIVATE KEY", &rsa_der()));
        // Whole, inside another string, and with the end cut off.
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        for text in [text.clone(), quoted, text[..text.len() - 2].to_owned()] {
            let checked = judged(google_service_account, &text);
            assert!(matches!(checked.verdict, Verdict::Confirmed(_)), "{checked:?}\n{text}");
            assert!(checked.facts.contains(&("account", "robot@p-1.iam.gserviceaccount.com".to_owned())));
            assert!(checked.facts.contains(&("bits", "1128".to_owned())));
        }
        assert!(refuses(
            google_service_account,
            &account("-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----")
        ));
        assert!(
            refuses(google_service_account, "{\"type\": \"service_account\"}") && refuses(google_service_account, "")
        );
        let doubtful = judged(google_service_account, &account(&written("ENCRYPTED PRIVATE KEY", &encrypted_der())));
        assert!(doubtful.facts.contains(&("encrypted", "yes".to_owned())));
    }

    #[test]
    fn web_keys() {
        let number = |length: usize| to_base64(&(1..=length as u8).collect::<Vec<_>>()).replace('=', "");
        let ec = format!(r#"{{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"{}"}}"#, number(32));
        let checked = judged(jwk, &ec);
        assert!(
            matches!(checked.verdict, Verdict::Confirmed(_)) && checked.facts.contains(&("curve", "P-256".to_owned()))
        );
        let inside = format!("key = '{{\"kty\": \"oct\", \"k\": \"{}\"' + x", number(32));
        assert!(judged(jwk, &inside).facts.contains(&("bits", "256".to_owned())));
        let short = format!(r#"{{"kty":"EC","crv":"P-256","d":"{}"}}"#, number(31));
        assert!(matches!(judged(jwk, &short).verdict, Verdict::Hint(why) if why.points < 0));
        let public = r#"{"kty":"EC","crv":"P-256","x":"a","y":"b"}"#;
        let zeros = format!(r#"{{"kty":"oct","k":"{}"}}"#, "A".repeat(43));
        for text in [public, &zeros, r#"{"kty":"oct","k":"<key>"}"#, r#"{"kty":"oct","k":1}"#, "{}", ""] {
            assert!(refuses(jwk, text), "{text}");
        }
        assert!(refuses(jwk, &"[".repeat(60_000)) && refuses(jwk, &"{\"a\":".repeat(10_000)));
    }
}
