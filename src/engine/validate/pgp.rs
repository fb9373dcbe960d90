//! OpenPGP's armoured private keys (RFC 4880, RFC 9580): the CRC24 of the armour, and the first packet.

use super::armor;
use super::codec::base64;
use super::der::bits;
use super::{Checked, HOLDS, PROVEN, Weighed, rejected};

/// A private key block. The CRC24 line is optional since RFC 9580; one that is wrong rejects. Facts: kind, bits,
/// encrypted.
pub(super) fn check(secret: &[u8], whole: &[u8]) -> Checked {
    const BEGIN: &[u8] = b"BEGIN PGP PRIVATE KEY BLOCK-----";
    let text = if super::codec::contains(secret, BEGIN) { secret } else { whole };
    if text.len() > 512 * 1024 {
        return rejected("longer than any private key");
    }
    let Some(start) = memchr::memmem::find(text, BEGIN) else { return rejected("no private key in it") };
    let body = &text[start + BEGIN.len()..];
    let stop = memchr::memmem::find(body, b"-----END");
    let armor = armor::clean(&body[..stop.unwrap_or(body.len())]);
    if armor.elided {
        return rejected("a part of the key is left out");
    }
    if armor.junk && stop.is_some() {
        return rejected("its body is not base64");
    }
    let digits = if stop.is_some() { &armor.body[..] } else { &armor.body[..armor.body.len() / 4 * 4] };
    let Some(bytes) = base64(digits).filter(|bytes| bytes.len() > 16) else { return rejected("its body is missing") };
    let mut weighed = Weighed::default();
    if let Some(check) = armor.check.as_deref().and_then(base64) {
        let crc = crc24(&bytes).to_be_bytes();
        if check != crc[1..] {
            return rejected("its checksum (CRC24) does not hold");
        }
        weighed.prove(PROVEN, "its checksum holds");
    }
    let Some(key) = packet(&bytes).and_then(read) else { return rejected("its first packet is no private key") };
    if stop.is_none() {
        weighed.add(-45, "a private key that is cut off");
    } else {
        weighed.prove(HOLDS, "a private key packet");
    }
    match key.protection {
        Protection::None => {}
        Protection::Passphrase => weighed.add(-65, "a private key that a passphrase protects"),
        Protection::Stub => return rejected("only a stub: the private part is on a card or offline"),
    }
    let encrypted = if matches!(key.protection, Protection::Passphrase) { "yes" } else { "no" };
    let size = key.bits.map(|bits| bits.to_string());
    weighed.verdict().with("kind", key.kind).with_some("bits", size).with("encrypted", encrypted)
}

/// CRC-24 (RFC 4880 section 6.1).
fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00b7_04ce, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << 16), |crc, _| {
            let shifted = crc << 1;
            if shifted & 0x0100_0000 != 0 { (shifted ^ 0x0186_4cfb) & 0x00ff_ffff } else { shifted }
        })
    })
}

/// The body (or what is there of it) of the first packet when that is a private key (tag 5).
fn packet(bytes: &[u8]) -> Option<&[u8]> {
    let (first, rest) = bytes.split_first()?;
    let (tag, header) = match first {
        // New format: one, two or five bytes of length.
        0xc0..=0xff => (
            first & 0x3f,
            match rest.first()? {
                0..=191 => 1,
                192..=223 => 2,
                255 => 5,
                _ => return None,
            },
        ),
        0x80..=0xbf => (
            (first >> 2) & 0x0f,
            match first & 3 {
                0 => 1,
                1 => 2,
                2 => 4,
                _ => 0,
            },
        ),
        _ => return None,
    };
    if tag == 5 { rest.get(header..) } else { None }
}

struct Key {
    kind: &'static str,
    bits: Option<usize>,
    protection: Protection,
}

enum Protection {
    None,
    Passphrase,
    Stub,
}

/// Version, time, algorithm, public numbers; then the octet that says how the private ones are protected.
fn read(body: &[u8]) -> Option<Key> {
    let version = *body.first()?;
    let mut rest = match version {
        3 => body.get(7..)?,
        4 => body.get(5..)?,
        5 | 6 => body.get(5..)?,
        _ => return None,
    };
    let algorithm = take(&mut rest, 1)?[0];
    if version > 4 {
        take(&mut rest, 4)?;
    }
    let mut size = None;
    let kind = match algorithm {
        1..=3 => {
            size = Some(bits(number(&mut rest)?));
            number(&mut rest)?;
            "RSA"
        }
        16 | 17 => {
            size = Some(bits(number(&mut rest)?));
            for _ in 0..if algorithm == 17 { 3 } else { 2 } {
                number(&mut rest)?;
            }
            if algorithm == 17 { "DSA" } else { "Elgamal" }
        }
        18 | 19 | 22 => {
            let length = usize::from(take(&mut rest, 1)?[0]);
            take(&mut rest, length)?;
            number(&mut rest)?;
            if algorithm == 18 {
                let length = usize::from(take(&mut rest, 1)?[0]);
                take(&mut rest, length)?;
            }
            if algorithm == 22 { "EdDSA" } else { "EC" }
        }
        25 | 27 => {
            take(&mut rest, 32)?;
            if algorithm == 27 { "Ed25519" } else { "X25519" }
        }
        26 | 28 => {
            take(&mut rest, if algorithm == 28 { 57 } else { 56 })?;
            if algorithm == 28 { "Ed448" } else { "X448" }
        }
        _ => return None,
    };
    let usage = take(&mut rest, 1)?[0];
    let protection = match usage {
        0 => Protection::None,
        // Cipher, then the way to derive its key; 101 is GnuPG's mark of a key that is not there.
        254 | 255 if version < 5 && rest.get(1) == Some(&101) => Protection::Stub,
        _ => Protection::Passphrase,
    };
    Some(Key { kind, bits: size, protection })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

/// A number: its length in bits as two bytes, then its bytes.
fn number<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take(rest, 2)?;
    take(rest, (usize::from(length[0]) * 256 + usize::from(length[1])).div_ceil(8))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base64;
    use super::*;

    fn block(protection: &[u8]) -> Vec<u8> {
        let mut body = vec![4, 0x60, 0, 0, 0, 22, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1, 0x01, 0x07];
        body.push(0x40);
        body.extend([0x5b; 32]);
        body.extend(protection);
        body.extend([0x77; 36]);
        [vec![0x94, body.len() as u8], body].concat()
    }

    fn written(bytes: &[u8], crc: u32) -> String {
        let text = to_base64(bytes);
        format!(
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: made up 1.0 (test)\n\n{}\n{}\n={}\n-----END PGP PRIVATE KEY BLOCK-----",
            &text[..64],
            &text[64..],
            to_base64(&crc.to_be_bytes()[1..])
        )
    }

    fn verdict(text: &str) -> Verdict {
        check(text.as_bytes(), b"").verdict
    }

    /// The check value that catalogues give for "123456789".
    #[test]
    fn crc24_is_openpgp() {
        assert_eq!(crc24(b"123456789"), 0x21_cf02);
    }

    #[test]
    fn keys_with_and_without_a_passphrase() {
        let plain = block(&[0]);
        let text = written(&plain, crc24(&plain));
        let checked = check(text.as_bytes(), b"");
        assert!(matches!(checked.verdict, Verdict::Confirmed(_)), "{checked:?}");
        assert_eq!(checked.facts, [("kind", "EdDSA".to_owned()), ("encrypted", "no".to_owned())]);
        assert!(matches!(verdict(&text.replace('\n', "\\n")), Verdict::Confirmed(_)));
        let protected = block(&[254, 9, 3, 8]);
        assert!(matches!(verdict(&written(&protected, crc24(&protected))), Verdict::Hint(why) if why.points < 0));
        let stub = block(&[255, 0, 101, 0]);
        assert!(matches!(verdict(&written(&stub, crc24(&stub))), Verdict::Rejected(_)));
    }

    #[test]
    fn altered_or_cut_ones() {
        let plain = block(&[0]);
        assert!(matches!(verdict(&written(&plain, crc24(&plain) ^ 1)), Verdict::Rejected(_)));
        let mut public = plain.clone();
        public[0] = 0x98;
        assert!(matches!(verdict(&written(&public, crc24(&public))), Verdict::Rejected(_)));
        let text = written(&plain, crc24(&plain));
        for end in 0..text.len() {
            let _ = verdict(&text[..end]);
        }
        for end in 0..plain.len() {
            let _ = packet(&plain[..end]).and_then(read);
        }
    }
}
