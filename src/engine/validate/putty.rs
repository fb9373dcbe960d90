//! PuTTY's private key files (appendix C of its manual), versions 2 and 3.

use sha2::{Digest, Sha256};

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
        let code = match version {
            3 => hmac(|bytes| Sha256::digest(bytes).to_vec(), b"", &data),
            _ => hmac(|bytes| sha1(bytes).to_vec(), &sha1(b"putty-private-key-file-mac-key"), &data),
        };
        let code: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        match field("Private-MAC") {
            Some(given) if given.eq_ignore_ascii_case(&code) => weighed.prove(PROVEN, "its authentication code holds"),
            Some(_) => weighed.add(-20, "its authentication code does not hold: an altered key"),
            None => weighed.add(-HOLDS, "its authentication code is missing"),
        }
    }
    weighed.verdict().with("kind", kind).with("encrypted", if encrypted { "yes" } else { "no" })
}

/// HMAC (RFC 2104) over a hash with blocks of 64 bytes; the key is no longer than that.
fn hmac(hash: impl Fn(&[u8]) -> Vec<u8>, key: &[u8], data: &[u8]) -> Vec<u8> {
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect() };
    let inner = hash(&[&pad(0x36)[..], data].concat());
    hash(&[&pad(0x5c)[..], &inner].concat())
}

/// SHA-1 (FIPS 180-4), which version 2 of the format needs; nothing else here uses it.
fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut state = [0x6745_2301u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut message = bytes.to_vec();
    message.push(0x80);
    message.resize(message.len().next_multiple_of(64) + if message.len() % 64 > 56 { 64 } else { 0 } - 8, 0);
    message.extend((bytes.len() as u64 * 8).to_be_bytes());
    for block in message.as_chunks::<64>().0 {
        let mut words = [0u32; 80];
        for (word, four) in words.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*four);
        }
        for at in 16..80 {
            words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (at, word) in words.iter().enumerate() {
            let (mix, constant) = match at / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999u32),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = a.rotate_left(5).wrapping_add(mix).wrapping_add(e).wrapping_add(constant).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (value, add) in state.iter_mut().zip([a, b, c, d, e]) {
            *value = value.wrapping_add(add);
        }
    }
    let mut digest = [0; 20];
    for (four, value) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *four = value.to_be_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base64;
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// FIPS 180's examples, and lengths round a block's end.
    #[test]
    fn sha1_and_hmac_agree_with_their_standards() {
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(&sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(&sha1(long)), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        assert_eq!(hex(&sha1(&[b'a'; 1_000_000])), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
        for length in 50..70 {
            assert_ne!(sha1(&vec![1; length]), sha1(&vec![1; length + 1]));
        }
        // RFC 2202 case 2, RFC 4231 case 2.
        let text = b"what do ya want for nothing?";
        assert_eq!(hex(&hmac(|bytes| sha1(bytes).to_vec(), b"Jefe", text)), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        let code = hmac(|bytes| Sha256::digest(bytes).to_vec(), b"Jefe", text);
        assert!(hex(&code).starts_with("5bdcc146bf60754e6a042426089575c7"));
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

    fn code(version: u8) -> String {
        let mut data = Vec::new();
        for part in [&b"ssh-ed25519"[..], b"none", b"a key", &[1; 51], &[2; 36]] {
            data.extend([&(part.len() as u32).to_be_bytes()[..], part].concat());
        }
        match version {
            3 => hex(&hmac(|bytes| Sha256::digest(bytes).to_vec(), b"", &data)),
            _ => hex(&hmac(|bytes| sha1(bytes).to_vec(), &sha1(b"putty-private-key-file-mac-key"), &data)),
        }
    }

    #[test]
    fn plain_encrypted_and_altered_files() {
        for version in [2, 3] {
            for text in
                [file(version, "none", &code(version)), file(version, "none", &code(version)).replace('\n', "\\r\\n")]
            {
                let checked = check(text.as_bytes(), b"");
                assert!(matches!(checked.verdict, Verdict::Confirmed(_)), "{checked:?}");
                assert_eq!(checked.facts[1], ("encrypted", "no".to_owned()));
            }
            let altered = file(version, "none", &code(version)).replace("a key", "b key");
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
