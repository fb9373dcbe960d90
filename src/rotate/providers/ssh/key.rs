//! Key pairs as text: a new ed25519 one in OpenSSH's form, and leaked ones as they must stand to be read.
//!
//! The form is that of OpenSSH's `PROTOCOL.key`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::rotate::types::Trouble;

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// A new pair: the private half as OpenSSH writes it (without a line end at its end), the public half as a line without
/// a comment.
///
/// # Errors
/// When the system gives no random bytes.
pub(in crate::rotate::providers) fn generate(comment: &str) -> Result<(Zeroizing<String>, String), Trouble> {
    let mut random = Zeroizing::new([0u8; 36]);
    getrandom::fill(&mut *random)
        .map_err(|error| Trouble::Refused(format!("the system gives no random bytes: {error}")))?;
    let (seed, check) = random.split_at(32);
    let pair = Ed25519KeyPair::from_seed_unchecked(seed)
        .map_err(|_| Trouble::Refused("the seed of a key has a wrong length".to_owned()))?;
    let public = pair.public_key().as_ref();
    let blob = [string(b"ssh-ed25519"), string(public)].concat();
    let mut private = Zeroizing::new([check, check, &blob].concat());
    private.extend_from_slice(&Zeroizing::new(string(&Zeroizing::new([seed, public].concat()))));
    private.extend_from_slice(&string(comment.as_bytes()));
    let padding = (8 - private.len() % 8) % 8;
    private.extend((1u8..).take(padding));
    let mut whole = Zeroizing::new(MAGIC.to_vec());
    for part in [&b"none"[..], b"none", b""] {
        whole.extend_from_slice(&string(part));
    }
    whole.extend_from_slice(&1u32.to_be_bytes());
    whole.extend_from_slice(&string(&blob));
    whole.extend_from_slice(&Zeroizing::new(string(&private)));
    let body = Zeroizing::new(STANDARD.encode(&*whole));
    let mut text = Zeroizing::new(String::with_capacity(body.len() + 128));
    text.push_str(BEGIN);
    for (at, letter) in body.chars().enumerate() {
        if at % 70 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push('\n');
    text.push_str(END);
    Ok((text, format!("ssh-ed25519 {}", STANDARD.encode(blob))))
}

/// Bytes with their length before them.
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

/// A key as it stood in some text, in the lines that programs read: escaped line ends are ends, indentation and empty
/// lines are gone (only encrypted keys need one).
pub(in crate::rotate::providers) fn lines(found: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = Zeroizing::new(String::from_utf8_lossy(found).into_owned());
    let text = Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"));
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push(b'\n');
        }
        out.extend_from_slice(line.as_bytes());
    }
    out
}

/// Whether a passphrase protects it: then nobody here can use it.
pub(in crate::rotate::providers) fn encrypted(lines: &[u8]) -> bool {
    let text = Zeroizing::new(String::from_utf8_lossy(lines).into_owned());
    if text.contains("ENCRYPTED") {
        return true;
    }
    let Some(body) = text.strip_prefix(BEGIN).and_then(|rest| rest.split("-----END").next()) else { return false };
    let body = Zeroizing::new(body.split_whitespace().collect::<String>());
    let bytes = Zeroizing::new(STANDARD.decode(&*body).unwrap_or_default());
    let cipher = [MAGIC, &string(b"none")].concat();
    bytes.starts_with(MAGIC) && !bytes.starts_with(&cipher)
}

/// The fingerprint of a public line's key, as OpenSSH prints it.
pub(in crate::rotate::providers) fn fingerprint(blob: &str) -> Option<String> {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(STANDARD.decode(blob).ok()?);
    Some(format!("SHA256:{}", base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest)))
}

#[cfg(test)]
mod tests {
    use super::{encrypted, fingerprint, generate, lines};
    use crate::rules::template::expand;

    #[test]
    fn a_new_key_has_the_form_that_the_rules_know() {
        let (text, public) = generate("made up").expect("random bytes");
        assert!(text.lines().all(|line| line.len() <= 70) && text.ends_with("KEY-----"), "the lines are short");
        assert!(!encrypted(text.as_bytes()));
        let (kind, blob) = public.split_once(' ').expect("two words");
        assert_eq!((kind, blob.len()), ("ssh-ed25519", 68));
        assert_eq!(fingerprint(blob).expect("base64").len(), "SHA256:".len() + 43);
        assert_eq!(fingerprint("no base64!"), None);
        assert_ne!(public, generate("").expect("random bytes").1);
    }

    #[test]
    fn escaped_and_indented_keys_are_lines_again() {
        let text = expand("{pem-openssh}", 1).expect("a template");
        let plain = lines(text.as_bytes());
        assert_eq!(std::str::from_utf8(&plain).expect("text"), text.trim_end());
        assert_eq!(*plain, *lines(text.replace('\n', "\\n").as_bytes()), "escaped");
        assert_eq!(*plain, *lines(text.replace('\n', "\r\n    ").as_bytes()), "indented");
        assert!(!encrypted(&plain));
        for template in ["{pem-openssh:encrypted}", "{pem-encrypted}", "{pem-encrypted:legacy}"] {
            assert!(encrypted(&lines(expand(template, 1).expect("a template").as_bytes())), "{template}");
        }
    }
}
