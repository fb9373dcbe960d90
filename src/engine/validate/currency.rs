//! Checksums of currency wallets and of seeds that borrow their encodings: bech32, Base58Check, CRC16.

use sha2::{Digest, Sha256};

use super::codec::{base32, base58};
use super::{Checked, PROVEN, confirmed, hint, rejected};

/// Longest text that is asked for a checksum.
const LONGEST: usize = 4096;
const HELD: &str = "its checksum holds";

/// Bech32 (BIP-173; age's secret keys, Nostr's nsec; fact 12): the polymod over the expanded prefix, the data and
/// the six check characters is 1. All upper or all lower case.
pub(super) fn bech32(secret: &[u8], _whole: &[u8]) -> Checked {
    if secret.len() > LONGEST {
        return rejected("longer than any bech32 key");
    }
    match bech32_holds(secret) {
        true => confirmed(PROVEN, HELD),
        false => rejected("its checksum (bech32) does not hold"),
    }
}

/// The same where only the form of a kind is told, not how it is checked.
pub(super) fn bech32_hint(secret: &[u8], _whole: &[u8]) -> Checked {
    match secret.len() <= LONGEST && bech32_holds(secret) {
        true => confirmed(PROVEN, "its checksum (bech32) holds"),
        false => hint(-20, "its checksum (bech32) does not hold"),
    }
}

fn bech32_holds(text: &[u8]) -> bool {
    const CHARACTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    if text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase) {
        return false;
    }
    let Some(separator) = text.iter().rposition(|byte| *byte == b'1') else { return false };
    let (prefix, data) = (&text[..separator], &text[separator + 1..]);
    if prefix.is_empty() || data.len() < 6 {
        return false;
    }
    let mut value = 1u32;
    let mut step = |digit: u8| {
        const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let top = value >> 25;
        value = ((value & 0x01ff_ffff) << 5) ^ u32::from(digit);
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if (top >> bit) & 1 == 1 {
                value ^= generator;
            }
        }
    };
    prefix.iter().for_each(|byte| step(byte.to_ascii_lowercase() >> 5));
    step(0);
    prefix.iter().for_each(|byte| step(byte.to_ascii_lowercase() & 31));
    for byte in data {
        let Some(digit) = CHARACTERS.iter().position(|known| *known == byte.to_ascii_lowercase()) else { return false };
        step(digit as u8);
    }
    value == 1
}

/// Base58Check (fact 13): Bitcoin's WIF keys and BIP-32's extended private keys. The last four bytes are the first
/// four of the double SHA-256 of the rest; version and length say which of the two it is.
pub(super) fn base58check(secret: &[u8], _whole: &[u8]) -> Checked {
    let Some(bytes) = base58(secret) else { return rejected("not base58") };
    let Some((data, check)) = bytes.split_last_chunk::<4>() else { return rejected("too short for its checksum") };
    if Sha256::digest(Sha256::digest(data))[..4] != check[..] {
        return rejected("its checksum (Base58Check) does not hold");
    }
    let public = data.len() == 78 && data[45] != 0;
    if public {
        return rejected("an extended public key");
    }
    let network = match data {
        [0x80, ..] if matches!(data.len(), 33 | 34) => Some("main"),
        [0xef, ..] if matches!(data.len(), 33 | 34) => Some("test"),
        _ => None,
    };
    confirmed(PROVEN, HELD).with_some("network", network)
}

/// Stellar secret seeds (SEP-23; fact 13): base32 of the version byte 0x90, 32 bytes, CRC16-XModem little-endian.
pub(super) fn stellar(secret: &[u8], _whole: &[u8]) -> Checked {
    match crc16_holds(secret, 35).as_deref() {
        Some([0x90, ..]) => confirmed(PROVEN, HELD),
        _ => rejected("no Stellar seed: version or checksum (CRC16) is wrong"),
    }
}

/// NATS nkey seeds (fact 13): base32 of two prefix bytes (S and the role), 32 bytes, CRC16-XModem little-endian.
pub(super) fn nats(secret: &[u8], _whole: &[u8]) -> Checked {
    let Some(bytes) = crc16_holds(secret, 36) else { return rejected("its checksum (CRC16) does not hold") };
    // Five bits 18 ("S"), then five bits that are the role's letter.
    let role = ((bytes[0] & 7) << 5) | (bytes[1] >> 3);
    let role = match (bytes[0] >> 3, role >> 3) {
        (18, 0) => "account",
        (18, 2) => "cluster",
        (18, 13) => "server",
        (18, 14) => "operator",
        (18, 20) => "user",
        (18, 23) => "curve",
        _ => return rejected("no NATS seed: the letters after S name no role"),
    };
    confirmed(PROVEN, HELD).with("role", role)
}

/// The decoded bytes when there are so many and the last two are the CRC16 of the others.
fn crc16_holds(text: &[u8], length: usize) -> Option<Vec<u8>> {
    let bytes = if text.len() <= 64 { base32(text)? } else { return None };
    let (data, check) = bytes.split_last_chunk::<2>()?;
    (bytes.len() == length && crc16(data) == u16::from_le_bytes(*check)).then_some(bytes)
}

/// CRC-16/XMODEM: polynomial 0x1021, starts at 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .fold(0, |crc, byte| (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| (crc << 1) ^ (0x1021 * (crc >> 15))))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base32;
    use super::*;

    fn holds(validator: super::super::Validator, text: &str) -> bool {
        matches!(validator(text.as_bytes(), b"").verdict, Verdict::Confirmed(_))
    }

    /// The check value that catalogues give for "123456789".
    #[test]
    fn crc16_is_xmodem() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn bech32_keys() {
        let key = format!("AGE-SECRET-KEY-1{}{}", "Q".repeat(52), "8H00W3");
        assert!(holds(bech32, &key) && holds(bech32, &key.to_ascii_lowercase()));
        // BIP-173's shortest valid string, and its wrong forms.
        assert!(holds(bech32, "A12UEL5L"));
        for text in ["A12UEL5M", "a12UEL5L", "1", "", "12uel5l", "age-secret-key-1qqqqqq", "A12UEL"] {
            assert!(!holds(bech32, text), "{text}");
        }
        assert!(!holds(bech32, &key.replace("KEY-1QQ", "KEY-1QP")));
    }

    /// Base58 by long division over decimal digits would be slow to read; encode by repeated division instead.
    fn to_base58(bytes: &[u8]) -> String {
        let digits = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let mut text: Vec<u8> = Vec::new();
        let mut value = bytes.to_vec();
        while value.iter().any(|byte| *byte != 0) {
            let rest = value.iter_mut().fold(0u32, |rest, byte| {
                let sum = rest * 256 + u32::from(*byte);
                *byte = (sum / 58) as u8;
                sum % 58
            });
            text.push(digits[rest as usize]);
        }
        text.extend(bytes.iter().take_while(|byte| **byte == 0).map(|_| b'1'));
        text.reverse();
        String::from_utf8(text).unwrap()
    }

    fn with_check(data: &[u8]) -> String {
        to_base58(&[data, &Sha256::digest(Sha256::digest(data))[..4]].concat())
    }

    #[test]
    fn wallet_keys() {
        let wif = with_check(&[&[0x80][..], &Sha256::digest(b"seed")].concat());
        let checked = base58check(wif.as_bytes(), b"");
        assert_eq!(checked.facts, [("network", "main".to_owned())]);
        assert!(wif.starts_with('5') && wif.len() == 51);
        let compressed = with_check(&[&[0x80][..], &Sha256::digest(b"seed"), &[1]].concat());
        assert!(holds(base58check, &compressed) && compressed.len() == 52);
        let mut extended = vec![0x04, 0x88, 0xad, 0xe4];
        extended.extend([7; 41]);
        extended.push(0);
        extended.extend(Sha256::digest(b"key"));
        assert!(with_check(&extended).starts_with("xprv") && holds(base58check, &with_check(&extended)));
        extended[..4].copy_from_slice(&[0x04, 0x88, 0xb2, 0x1e]);
        extended[45] = 2;
        assert!(with_check(&extended).starts_with("xpub") && !holds(base58check, &with_check(&extended)));
        let altered = wif.replace(&wif[20..21], if &wif[20..21] == "a" { "b" } else { "a" });
        assert!(!holds(base58check, &altered));
    }

    #[test]
    fn stellar_and_nats_seeds() {
        let zero = format!("SA{}BSU2", "A".repeat(50));
        assert!(holds(stellar, &zero));
        let seal = |data: &[u8]| to_base32(&[data, &crc16(data).to_le_bytes()].concat());
        let seed = seal(&[&[0x90][..], &Sha256::digest(b"seed")].concat());
        assert!(holds(stellar, &seed) && !holds(stellar, &seed.replace(&seed[9..12], "ABC")));
        for (letter, role) in [(0u8, "account"), (20, "user"), (14, "operator"), (23, "curve")] {
            let prefix = [(18 << 3) | (letter >> 2), letter << 6];
            let seed = seal(&[&prefix[..], &Sha256::digest(b"seed")].concat());
            let checked = nats(seed.as_bytes(), b"");
            assert_eq!(checked.facts, [("role", role.to_owned())], "{seed}");
        }
        assert!(!holds(nats, &zero) && !holds(nats, ""));
    }
}
