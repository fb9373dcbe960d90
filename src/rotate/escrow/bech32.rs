//! Bech32 (BIP 173), the text form of age's keys.

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |sum: u32, value| {
        let top = sum >> 25;
        let sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        GENERATOR.iter().enumerate().fold(sum, |sum, (bit, word)| if top >> bit & 1 == 1 { sum ^ word } else { sum })
    })
}

fn expand(prefix: &str) -> Vec<u8> {
    let high = prefix.bytes().map(|byte| byte >> 5);
    high.chain([0]).chain(prefix.bytes().map(|byte| byte & 31)).collect()
}

/// Groups bits anew, from `from` bits a piece to `to`; `None` when padding bits are set or too many.
fn regroup(data: &[u8], from: u32, to: u32, pad: bool) -> Option<Vec<u8>> {
    let (mut held, mut bits, mut out) = (0u32, 0u32, Vec::new());
    for &value in data {
        held = held << from | u32::from(value);
        bits += from;
        while bits >= to {
            bits -= to;
            out.push((held >> bits & ((1 << to) - 1)) as u8);
        }
        held &= (1 << bits) - 1;
    }
    if pad {
        if bits > 0 {
            out.push((held << (to - bits) & ((1 << to) - 1)) as u8);
        }
    } else if bits >= from || held != 0 {
        return None;
    }
    Some(out)
}

/// `data` under `prefix`, in lower case.
pub(super) fn encode(prefix: &str, data: &[u8]) -> String {
    let mut values = regroup(data, 8, 5, true).unwrap_or_default();
    let sum = polymod(expand(prefix).into_iter().chain(values.iter().copied()).chain([0; 6])) ^ 1;
    values.extend((0..6).map(|at| (sum >> (5 * (5 - at)) & 31) as u8));
    let text = values.iter().map(|&value| char::from(ALPHABET[usize::from(value)]));
    format!("{prefix}1{}", text.collect::<String>())
}

/// The data under `prefix`; `None` when it is another prefix, mixes cases or its checksum is wrong.
pub(super) fn decode(prefix: &str, text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) && text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let (found, data) = text.rsplit_once('1')?;
    if found != prefix || data.len() < 6 {
        return None;
    }
    let values: Option<Vec<u8>> =
        data.bytes().map(|byte| ALPHABET.iter().position(|&known| known == byte).map(|at| at as u8)).collect();
    let values = values?;
    if polymod(expand(prefix).into_iter().chain(values.iter().copied())) != 1 {
        return None;
    }
    regroup(&values[..values.len() - 6], 5, 8, false)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn the_published_vectors_hold() {
        // BIP 173, valid Bech32 checksums.
        assert_eq!(decode("a", "A12UEL5L"), Some(vec![]));
        assert!(decode("a", "A12UEL5l").is_none(), "mixed case");
        assert!(decode("a", "a12uel5m").is_none(), "a wrong checksum");
        let data: Vec<u8> = (0..32).collect();
        assert_eq!(decode("age", &encode("age", &data)), Some(data));
    }
}
