//! AWS Signature Version 4 (docs.aws.amazon.com, "Create a signed AWS API request"): headers for one call, body hashed.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::http::Request;
use super::redact::hex;
use crate::clock;
use crate::secret::Secret;

/// Whose signature.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Access key id.
    pub id: String,
    /// Secret access key.
    pub secret: Secret,
    /// Session token, for temporary keys.
    pub session: Option<Secret>,
}

/// Where a signature counts.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'s> {
    /// `us-east-1`, …
    pub region: &'s str,
    /// `iam`, `sts`, `secretsmanager`, …
    pub service: &'s str,
    /// Seconds since 1970, the server's clock.
    pub now: i64,
}

/// Signs a call to the root path of `host` (host and port as in the address). All headers there are signed too.
pub fn sign(request: Request, host: &str, signer: &Signer, scope: Scope<'_>) -> Request {
    let stamp: String = clock::rfc3339(scope.now).chars().filter(|char| char.is_ascii_alphanumeric()).collect();
    let day = &stamp[..8];
    let mut request = request.header("x-amz-date", &stamp);
    if let Some(session) = &signer.session {
        request = request.header("x-amz-security-token", session.expose());
    }
    let mut headers: Vec<(String, Vec<u8>)> =
        request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.expose().to_vec())).collect();
    headers.push(("host".to_owned(), host.as_bytes().to_vec()));
    headers.sort();
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let mut canonical = Zeroizing::new(format!("{}\n/\n\n", request.method).into_bytes());
    for (name, value) in &headers {
        canonical.extend_from_slice(name.as_bytes());
        canonical.push(b':');
        canonical.extend_from_slice(value.trim_ascii());
        canonical.push(b'\n');
    }
    let body = request.body.as_ref().map(Secret::expose).unwrap_or_default();
    canonical.extend_from_slice(format!("\n{names}\n{}", hex(&Sha256::digest(body))).as_bytes());
    let place = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{place}\n{}", hex(&Sha256::digest(&*canonical)));
    let mut key = Zeroizing::new([b"AWS4", signer.secret.expose()].concat());
    for part in [day, scope.region, scope.service, "aws4_request"] {
        key = mac(&key, part.as_bytes());
    }
    let signature = hex(&mac(&key, text.as_bytes()));
    let header =
        format!("AWS4-HMAC-SHA256 Credential={}/{place}, SignedHeaders={names}, Signature={signature}", signer.id);
    request.header("authorization", header)
}

fn mac(key: &[u8], text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}
