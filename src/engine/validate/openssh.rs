//! Private keys of SSH programs: OpenSSH's own format (PROTOCOL.key) and that of SSH.com.

use super::der::bits;
use super::keys::Key;

/// Reads length-prefixed fields (RFC 4251 section 5).
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}

/// `openssh-key-v1`, NUL, cipher, key derivation and its options, how many keys, the public ones, the private part.
/// Unencrypted, the private part begins with the same number twice.
pub(super) fn parse(bytes: &[u8]) -> Option<Key> {
    let mut fields = Fields(bytes.strip_prefix(b"openssh-key-v1\0")?);
    let cipher = fields.string()?;
    let (_derivation, _options) = (fields.string()?, fields.string()?);
    let keys = fields.number()?;
    let mut public = Fields(fields.string()?);
    let kind = public.string()?;
    let (name, size) = match kind {
        b"ssh-ed25519" => ("Ed25519", None),
        b"ssh-rsa" => {
            let _exponent = public.string()?;
            let modulus = public.string()?;
            let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            ("RSA", Some(bits(&modulus[zeros..])))
        }
        b"ssh-dss" => ("DSA", None),
        b"ecdsa-sha2-nistp256" => ("EC P-256", Some(256)),
        b"ecdsa-sha2-nistp384" => ("EC P-384", Some(384)),
        b"ecdsa-sha2-nistp521" => ("EC P-521", Some(521)),
        _ if kind.starts_with(b"sk-") => ("security key handle", None),
        _ => ("other", None),
    };
    for _ in 1..keys.min(16) {
        fields.string()?;
    }
    let encrypted = cipher != b"none";
    let mut key = Key { kind: name, bits: size, encrypted, fits: None, complete: true };
    let Some(private) = fields.string() else {
        key.complete = false;
        return Some(key);
    };
    if !encrypted {
        let mut private = Fields(private);
        let numbers = (private.number()?, private.number()?);
        if numbers.0 != numbers.1 {
            return None;
        }
        key.fits = Some(private.string()? == kind);
    }
    Some(key)
}

/// SSH.com's: magic number, length, type, cipher; `none` is not encrypted, whatever the label says.
pub(super) fn parse_ssh2(bytes: &[u8]) -> Option<Key> {
    let mut fields = Fields(bytes.strip_prefix(&[0x3f, 0x6f, 0xf9, 0xeb])?);
    let _length = fields.number()?;
    let kind = fields.string()?;
    let cipher = fields.string()?;
    let kind = if kind.starts_with(b"dl-") { "DSA" } else { "RSA" };
    Some(Key { kind, bits: None, encrypted: cipher != b"none", fits: None, complete: true })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::pem;
    use super::*;

    fn string(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
    }

    fn key(cipher: &str, check: [u32; 2]) -> Vec<u8> {
        let public = [string(b"ssh-ed25519"), string(&[0x61; 32])].concat();
        let private = [
            check[0].to_be_bytes().to_vec(),
            check[1].to_be_bytes().to_vec(),
            string(b"ssh-ed25519"),
            string(&[0x61; 32]),
            vec![1, 2, 3],
        ]
        .concat();
        [
            b"openssh-key-v1\0".to_vec(),
            string(cipher.as_bytes()),
            string(b"none"),
            string(b""),
            vec![0, 0, 0, 1],
            string(&public),
            string(&private),
        ]
        .concat()
    }

    #[test]
    fn plain_and_encrypted_keys() {
        let plain = parse(&key("none", [7, 7])).unwrap();
        assert_eq!((plain.kind, plain.encrypted, plain.fits), ("Ed25519", false, Some(true)));
        assert_eq!(parse(&key("none", [7, 8])), None);
        assert!(parse(&key("aes256-ctr", [7, 8])).unwrap().encrypted);
        let text = pem::tests::written("OPENSSH PRIVATE KEY", &key("none", [7, 7]));
        assert!(matches!(pem::check(text.as_bytes(), b"").verdict, Verdict::Confirmed(_)));
    }

    #[test]
    fn cut_keys_never_panic() {
        let whole = key("none", [7, 7]);
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_none_or(|key| !key.complete));
            let _ = parse_ssh2(&whole[..end]);
        }
        let mut huge = whole.clone();
        huge[15..19].copy_from_slice(&[0xff; 4]);
        assert_eq!(parse(&huge), None);
    }

    #[test]
    fn ssh2_keys() {
        let bytes = |cipher: &str| {
            [
                vec![0x3f, 0x6f, 0xf9, 0xeb, 0, 0, 1, 0],
                string(b"if-modn{sign{rsa-pkcs1-sha1}}"),
                string(cipher.as_bytes()),
                string(&[1; 64]),
            ]
            .concat()
        };
        assert!(!parse_ssh2(&bytes("none")).unwrap().encrypted);
        assert!(parse_ssh2(&bytes("3des-cbc")).unwrap().encrypted);
    }
}
