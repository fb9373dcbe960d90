//! PuTTY's private key files (appendix C of its manual), versions 2 and 3.

use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::armor;
use super::codec::{base64, contains};
use super::{Checked, HOLDS, PROVEN, Weighed, rejected};

const MARK: &[u8] = b"PuTTY-User-Key-File-";

/// Header lines, base64 of the public and of the private part, and the `Private-MAC` over all of it. Without a
/// passphrase the code's key is known (empty in version 3), so it is computed. Facts: kind, encrypted.
pub(super) fn check(secret: &[u8], whole: &[u8]) -> Checked {
    let text = if contains(secret, MARK) || !contains(whole, MARK) { secret } else { whole };
    if text.len() > 64 * 1024 {
        return rejected("longer than a key file");
    }
    let text = armor::unescaped(text);
    let lines: Vec<&str> =
        text.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    let block = |name: &str| -> Option<Vec<u8>> {
        let start = lines.iter().position(|line| line.starts_with(name))?;
        let count: usize = lines[start].rsplit(':').next()?.trim().parse().ok()?;
        let body: String = lines[start + 1..].iter().filter(|line| !line.is_empty()).take(count).copied().collect();
        base64(body.as_bytes())
    };
    let version = if field("PuTTY-User-Key-File-3").is_some() { 3 } else { 2 };
    let Some(kind) = field("PuTTY-User-Key-File-3").or(field("PuTTY-User-Key-File-2")) else {
        return rejected("no key file of version 2 or 3");
    };
    let cipher = field("Encryption").unwrap_or_default();
    let (Some(public), Some(private)) =
        (block("Public-Lines"), block("Private-Lines").filter(|bytes| !bytes.is_empty()))
    else {
        return rejected("its body is missing");
    };
    let mut weighed = Weighed::default();
    let encrypted = cipher != "none";
    if encrypted {
        weighed.add(-20, "a private key that a passphrase protects");
    } else {
        let mut data = Vec::new();
        let comment = field("Comment").unwrap_or_default();
        for part in [kind.as_bytes(), cipher.as_bytes(), comment.as_bytes(), &public, &private] {
            data.extend((part.len() as u32).to_be_bytes());
            data.extend_from_slice(part);
        }
        let code: String = code(version, &data).iter().flatten().map(|byte| format!("{byte:02x}")).collect();
        match field("Private-MAC") {
            Some(given) if given.eq_ignore_ascii_case(&code) => weighed.prove(PROVEN, "its authentication code holds"),
            Some(_) => weighed.add(-20, "its authentication code does not hold: an altered key"),
            None => weighed.add(-HOLDS, "its authentication code is missing"),
        }
    }
    weighed.verdict().with("kind", kind).with("encrypted", if encrypted { "yes" } else { "no" })
}

/// HMAC-SHA-256 with the empty key (version 3), or HMAC-SHA-1 with the hash of a fixed text (version 2).
fn code(version: u8, data: &[u8]) -> Option<Vec<u8>> {
    Some(match version {
        3 => Hmac::<Sha256>::new_from_slice(b"").ok()?.chain_update(data).finalize().into_bytes().to_vec(),
        _ => {
            let key = Sha1::digest(b"putty-private-key-file-mac-key");
            Hmac::<Sha1>::new_from_slice(&key).ok()?.chain_update(data).finalize().into_bytes().to_vec()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base64;
    use super::*;

    /// HMAC by its definition (RFC 2104), over blocks of 64 bytes, so that the test goes its own way.
    fn by_hand(hash: impl Fn(&[u8]) -> Vec<u8>, key: &[u8], data: &[u8]) -> String {
        let pad = |with: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect() };
        let inner = hash(&[&pad(0x36)[..], data].concat());
        hash(&[&pad(0x5c)[..], &inner].concat()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn file(version: u8, cipher: &str, code: &str) -> String {
        let (public, private) = (to_base64(&[1; 51]), to_base64(&[2; 36]));
        format!(
            "PuTTY-User-Key-File-{version}: ssh-ed25519\nEncryption: {cipher}\nComment: a key\nPublic-Lines: 2\n{}\n{}\n\
            Private-Lines: 1\n{private}\nPrivate-MAC: {code}\n",
            &public[..64],
            &public[64..]
        )
    }

    fn code_of(version: u8) -> String {
        let mut data = Vec::new();
        for part in [&b"ssh-ed25519"[..], b"none", b"a key", &[1; 51], &[2; 36]] {
            data.extend([&(part.len() as u32).to_be_bytes()[..], part].concat());
        }
        match version {
            3 => by_hand(|bytes| Sha256::digest(bytes).to_vec(), b"", &data),
            _ => by_hand(|bytes| Sha1::digest(bytes).to_vec(), &Sha1::digest(b"putty-private-key-file-mac-key"), &data),
        }
    }

    #[test]
    fn plain_encrypted_and_altered_files() {
        for version in [2, 3] {
            for text in [
                file(version, "none", &code_of(version)),
                file(version, "none", &code_of(version)).replace('\n', "\\r\\n"),
            ] {
                let checked = check(text.as_bytes(), b"");
                assert!(matches!(checked.verdict, Verdict::Confirmed(_)), "{checked:?}");
                assert_eq!(checked.facts[1], ("encrypted", "no".to_owned()));
            }
            let altered = file(version, "none", &code_of(version)).replace("a key", "b key");
            assert!(matches!(check(altered.as_bytes(), b"").verdict, Verdict::Hint(why) if why.points < 0));
            let protected = file(version, "aes256-cbc", "00");
            assert!(matches!(check(protected.as_bytes(), b"").verdict, Verdict::Hint(why) if why.points < 0));
        }
        for text in
            ["", "PuTTY-User-Key-File-2: ssh-rsa", "PuTTY-User-Key-File-2: x\nPublic-Lines: 99999999999999999999\n"]
        {
            assert!(matches!(check(text.as_bytes(), b"").verdict, Verdict::Rejected(_)), "{text}");
        }
    }
}
