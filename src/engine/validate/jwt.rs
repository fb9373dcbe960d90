//! JSON Web Tokens (RFC 7519, 7515): header and payload are read, and what they say about the token's worth.

use serde_json::Value;

use super::codec::base64;
use super::{Checked, HOLDS, Weighed, date, rejected};

/// Longest part that is decoded; tokens travel in HTTP headers, so real ones are far shorter.
const LONGEST: usize = 64 * 1024;

/// Facts: issuer, expiry date, algorithm, role.
pub(super) fn check(secret: &[u8], _whole: &[u8]) -> Checked {
    check_at(secret, date::now(), false)
}

/// The same of a token whose provider is known by something else: claims that cannot be read only count against it.
pub(super) fn of_known_provider(secret: &[u8], _whole: &[u8]) -> Checked {
    check_at(secret, date::now(), true)
}

fn check_at(token: &[u8], now: i64, known: bool) -> Checked {
    let parts: Vec<&[u8]> = token.splitn(6, |byte| *byte == b'.').collect();
    let object = |part: &[u8]| -> Option<Value> {
        let bytes = if part.len() <= LONGEST { base64(part)? } else { return None };
        serde_json::from_slice(&bytes).ok().filter(Value::is_object)
    };
    let json = |part: &[u8]| base64(part).is_some_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok());
    let Some(header) = object(parts[0]) else { return rejected("its header is no JSON") };
    let Some(algorithm) = header["alg"].as_str() else { return rejected("its header names no algorithm") };
    let mut weighed = Weighed::default();
    if parts.len() == 5 && header["enc"].is_string() {
        weighed.prove(HOLDS, "an encrypted token with a complete header");
        return weighed.verdict().with("algorithm", algorithm);
    }
    if !matches!(parts.len(), 2 | 3) {
        return rejected("a token has three parts");
    }
    // A compressed or nested payload is no JSON, and a detached one is empty. Any bytes may be signed (RFC 7515); what begins
    // like claims has to be some.
    let opaque = header.get("zip").is_some() || header.get("cty").is_some() || header.get("b64").is_some();
    let payload = match object(parts[1]) {
        Some(payload) => payload,
        None if opaque => Value::Null,
        None if known => {
            weighed.add(-25, "its claims cannot be read");
            return weighed.verdict().with("algorithm", algorithm);
        }
        None if !parts[1].is_empty() && !parts[1].starts_with(b"ey") && !json(parts[1]) => {
            weighed.add(-10, "what it signs are no claims that can be read");
            Value::Null
        }
        None => return rejected("its payload is no JSON"),
    };
    if payload["sub"] == "1234567890" && (payload["name"] == "John Doe" || payload["iat"] == 1_516_239_022) {
        return rejected("the sample token of the format's documentation");
    }
    let signature = parts.get(2).copied().unwrap_or_default();
    signed(algorithm, signature, &mut weighed);
    let expiry = payload["exp"].as_f64().map(|seconds| seconds as i64);
    let expired = expiry.is_some_and(|expiry| expiry < now);
    if expired {
        weighed.add(-30, "it has expired");
    }
    let role = ["role", "scope"].iter().find_map(|name| payload[*name].as_str());
    if role.is_some_and(|role| ["anon", "public", "anonymous"].contains(&role)) {
        weighed.add(-50, "its role is the public one");
    } else if role == Some("service_role") {
        weighed.add(HOLDS, "its role is the service's own");
    }
    if let Some(claims) = payload.as_object() {
        if claims.is_empty() {
            weighed.add(-30, "it claims nothing");
        } else if public(claims) {
            weighed.add(-40, "its claims are all public: they tell of a person and grant nothing");
        } else if claims.keys().all(|name| ["iss", "iat", "nbf", "jti"].contains(&name.as_str())) {
            // An app that speaks for itself sets an end (`exp`); what has none is often a test's.
            weighed.add(-15, "it names neither a subject nor a permission nor its end");
        }
    }
    let issuer = payload["iss"].as_str();
    let placeholder =
        |issuer: &str| ["example.com", "example.org", "localhost"].iter().any(|host| issuer.contains(host));
    if issuer.is_some_and(placeholder) {
        weighed.add(-20, "its issuer is a local or an example host");
    }
    weighed
        .verdict()
        .with("algorithm", algorithm)
        .with_some("issuer", issuer)
        .with_some(if expired { "expired" } else { "expires" }, expiry.and_then(date::day))
        .with_some("role", role)
}

/// Whether claims tell what a person's profile shows (OpenID Connect Core, section 5.1), and when and for whom that was
/// said, but name no subject and grant nothing.
fn public(claims: &serde_json::Map<String, Value>) -> bool {
    const PROFILE: [&str; 12] = [
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "picture",
        "website",
        "profile",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
    ];
    const SAID: [&str; 6] = ["iat", "nbf", "exp", "iss", "aud", "updated_at"];
    let profile = |name: &String| PROFILE.contains(&name.as_str());
    claims.keys().any(profile) && claims.keys().all(|name| profile(name) || SAID.contains(&name.as_str()))
}

/// What the signature's presence and length say (lengths: RFC 7518 section 3).
fn signed(algorithm: &str, signature: &[u8], weighed: &mut Weighed) {
    if algorithm.eq_ignore_ascii_case("none") {
        return weighed.add(-40, "it is not signed (algorithm none)");
    }
    if signature.is_empty() {
        return weighed.add(-30, "its signature is missing");
    }
    let length = match algorithm {
        "HS256" => Some(32),
        "HS384" => Some(48),
        "HS512" => Some(64),
        "ES256" | "EdDSA" | "Ed25519" => Some(64),
        "ES384" => Some(96),
        "ES512" => Some(132),
        _ => None,
    };
    match (base64(signature), length) {
        (None, _) => weighed.add(-30, "its signature is no base64"),
        (Some(bytes), Some(length)) if bytes.len() != length => {
            weighed.add(-20, "its signature does not have the length of its algorithm");
        }
        _ => weighed.prove(HOLDS, "header, payload and signature are complete"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base64;
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn part(text: &str) -> String {
        to_base64(text.as_bytes()).replace('+', "-").replace('/', "_").replace('=', "")
    }

    fn token(header: &str, payload: &str, signature: usize) -> String {
        let signature: String = part(&"\u{1}q".repeat(signature / 2));
        format!("{}.{}.{signature}", part(header), part(payload))
    }

    fn points(text: &str) -> i16 {
        match check_at(text.as_bytes(), NOW, false).verdict {
            Verdict::Confirmed(reason) | Verdict::Hint(reason) => reason.points,
            Verdict::Rejected(why) => panic!("{why}"),
            Verdict::Silent => 0,
        }
    }

    fn refuses(text: &str) -> bool {
        matches!(check_at(text.as_bytes(), NOW, false).verdict, Verdict::Rejected(_))
    }

    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    #[test]
    fn a_live_token_rises_and_a_dead_one_falls() {
        let live = token(HS256, r#"{"iss":"login","exp":1800000000}"#, 32);
        assert_eq!(points(&live), HOLDS);
        let facts = check_at(live.as_bytes(), NOW, false).facts;
        assert!(
            facts.contains(&("expires", "2027-01-15".to_owned())) && facts.contains(&("issuer", "login".to_owned()))
        );
        let dead = token(HS256, r#"{"exp":1600000000}"#, 32);
        assert!(points(&dead) < 0);
        assert!(check_at(dead.as_bytes(), NOW, false).facts.contains(&("expired", "2020-09-13".to_owned())));
    }

    #[test]
    fn worthless_tokens_fall() {
        let unsigned = format!("{}.{}.", part(r#"{"alg":"none"}"#), part(r#"{"sub":"x"}"#));
        assert!(points(&unsigned) < -30);
        assert!(points(&token(HS256, r#"{"iss":"supabase","role":"anon"}"#, 32)) < -30);
        assert!(points(&token(HS256, r#"{"iss":"supabase","role":"service_role"}"#, 32)) > HOLDS);
        assert!(points(&token(HS256, r#"{"sub":"x"}"#, 30)) < 0, "a short signature");
        assert!(points(&token(HS256, r#"{"iss":"x","iat":1600000000}"#, 32)) < 0, "it grants nothing that it names");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let sample = token(HS256, r#"{"sub":"1234567890","name":"John Doe","iat":1516239022}"#, 32);
        for text in [sample.as_str(), "", "eyJ", "eyJ.eyJ.x", &token("{}", "{}", 32), &token(HS256, "[]", 32), "....."]
        {
            assert!(refuses(text), "{text}");
        }
        assert!(refuses(&"eyJhbGciOiJub25lIn0.".repeat(4)));
    }

    #[test]
    fn any_bytes_may_be_signed_but_what_looks_like_claims_has_to_be_some() {
        let signed = |payload: &str| format!("{}.{payload}.{}", part(HS256), part(&"q7".repeat(16)));
        let (bytes, broken) = (signed("qzV1x0Zr8Jm3Kd5Tn7Wc9Yb"), signed("eyJqzV1x0Zr8Jm3Kd5Tn7Wc9"));
        assert_eq!(points(&bytes), HOLDS - 10);
        assert!(refuses(&broken) && refuses(&signed("")));
        assert!(matches!(check_at(broken.as_bytes(), NOW, true).verdict, Verdict::Hint(reason) if reason.points < 0));
        assert!(matches!(check_at(b"eyJ.eyJ.x", NOW, true).verdict, Verdict::Rejected(_)));
    }

    #[test]
    fn numbers_out_of_range_are_harmless() {
        for expiry in ["1e400", "-1e308", "1e308", "99999999999999999999", "\"soon\"", "null"] {
            let _ = check_at(token(HS256, &format!("{{\"exp\":{expiry}}}"), 32).as_bytes(), NOW, false);
        }
    }
}
