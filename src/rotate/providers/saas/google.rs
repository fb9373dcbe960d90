//! Google's service accounts: the signed token that shows that a key lives, its public half, and the file that a new key
//! comes in.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::clock;
use crate::rotate::escrow::Material;
use crate::secret::Secret;

/// Whom the token is for, as Google's page says; the same where the policy names another address.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

/// The least that a token can be asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/userinfo.email";

/// How long the signed token counts, in seconds.
const LIFETIME: i64 = 300;

/// The rules that find what stands beside a key, and what we call it.
const PARTS: [(&str, &str); 2] = [("google-service-account-email", "email"), ("google-service-account-key-id", "id")];

/// A key with its account and id beside it. It may come as the whole file, or as a piece of one.
pub(super) fn normal(leaked: &Material, value: &Secret) -> Material {
    let mut material = leaked.clone();
    for (rule, name) in PARTS {
        if let Some(part) = leaked.get(rule).filter(|_| leaked.get(name).is_none()) {
            material = material.with(name, part.expose());
        }
    }
    let text = Zeroizing::new(String::from_utf8_lossy(value.expose()).into_owned());
    if let Ok(file @ Value::Object(_)) = serde_json::from_str::<Value>(&text) {
        material = material.with("file", text.as_bytes());
        for (field, name) in [("private_key", "value"), ("client_email", "email"), ("private_key_id", "id")] {
            if let Some(found) = file.get(field).and_then(Value::as_str) {
                material = material.with(name, found.as_bytes());
            }
        }
        return material;
    }
    // Between the quotes of a file, line ends are written as such.
    match serde_json::from_str::<String>(&Zeroizing::new(format!("\"{}\"", *text))) {
        Ok(plain) => material.with("value", Zeroizing::new(plain).as_bytes()),
        Err(_) => material,
    }
}

fn key(material: &Material) -> Option<RsaKeyPair> {
    let text = material.text("value")?;
    let body = text.split("-----BEGIN PRIVATE KEY-----").nth(1)?.split("-----END").next()?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
    RsaKeyPair::from_pkcs8(&Zeroizing::new(STANDARD.decode(&*body).ok()?)).ok()
}

/// A token that the key signs in its account's name; `None` where it is no key, or nobody knows whose.
pub(super) fn assertion(material: &Material) -> Option<Zeroizing<Vec<u8>>> {
    let (key, email) = (key(material)?, material.text("email")?);
    let now = clock::epoch_seconds(SystemTime::now());
    let mut head = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = material.text("id") {
        head["kid"] = id.into();
    }
    let claims = json!({ "iss": email, "scope": SCOPE, "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut token = format!("{}.{}", part(&head), part(&claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &ring::rand::SystemRandom::new(), token.as_bytes(), &mut signature).ok()?;
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Some(Zeroizing::new(token.into_bytes()))
}

/// Whether this is the public half, as the vendor shows it: PEM in base64.
pub(super) fn fits(material: &Material, public: &str) -> bool {
    let (Some(key), Ok(pem)) = (key(material), STANDARD.decode(public)) else { return false };
    let text = String::from_utf8_lossy(&pem);
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let own: &[u8] = key.public_key().as_ref();
    // The shown one has what kind of key it is before the same numbers.
    STANDARD.decode(body).is_ok_and(|shown| shown.len() > own.len() && shown.ends_with(own))
}

/// A key's file from its base64.
pub(super) fn unpacked(text: &str) -> Option<Value> {
    let file = Zeroizing::new(STANDARD.decode(text).ok()?);
    let mut value: Value = serde_json::from_slice(&file).ok()?;
    value["file"] = String::from_utf8_lossy(&file).into_owned().into();
    Some(value)
}
