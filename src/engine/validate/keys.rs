//! Private keys in DER: PKCS#1 (RFC 8017), SEC 1 (RFC 5915), DSA as OpenSSL writes it, PKCS#8 (RFC 5958).

use super::der::{BIT_STRING, OBJECT, OCTET_STRING, Reader, SEQUENCE, bits};

/// The structure that a PEM label promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `RSA PRIVATE KEY`.
    Rsa,
    /// `EC PRIVATE KEY`.
    Ec,
    /// `DSA PRIVATE KEY`.
    Dsa,
    /// `PRIVATE KEY`.
    Pkcs8,
    /// `ENCRYPTED PRIVATE KEY`.
    Encrypted,
}

/// What was read from a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// `RSA`, `EC P-256`, `Ed25519`, ...
    pub(super) kind: &'static str,
    /// Size, where the kind has several.
    pub(super) bits: Option<usize>,
    /// Whether a passphrase protects it.
    pub(super) encrypted: bool,
    /// Whether its numbers fit together, where that can be said.
    pub(super) fits: Option<bool>,
    /// Whether all of it is there.
    pub(super) complete: bool,
}

impl Key {
    fn new(kind: &'static str, bits: Option<usize>) -> Self {
        Self { kind, bits, encrypted: false, fits: None, complete: true }
    }
}

/// Reads a key of `form`; when it is none, of any other form, since labels are confused in the wild.
pub(super) fn parse(form: Form, der: &[u8]) -> Option<Key> {
    [form, Form::Pkcs8, Form::Rsa, Form::Ec, Form::Dsa, Form::Encrypted].into_iter().find_map(|form| as_form(form, der))
}

fn as_form(form: Form, der: &[u8]) -> Option<Key> {
    let (content, complete) = Reader::new(der).take_cut(SEQUENCE)?;
    if !complete {
        return cut(form, content);
    }
    let reader = Reader::new(content);
    match form {
        Form::Rsa => rsa(reader),
        Form::Ec => ec(reader, None),
        Form::Dsa => dsa(reader),
        Form::Pkcs8 => pkcs8(reader),
        Form::Encrypted => encrypted(reader),
    }
}

/// A key of which the end is missing: the start must still be that of the form.
fn cut(form: Form, content: &[u8]) -> Option<Key> {
    let mut reader = Reader::new(content);
    let kind = match form {
        Form::Rsa if reader.unsigned()?.is_empty() => "RSA",
        Form::Dsa if reader.unsigned()?.is_empty() => "DSA",
        Form::Ec if reader.unsigned()? == [1] => "EC",
        Form::Pkcs8 if reader.unsigned()?.len() < 2 => algorithm(reader.enter(SEQUENCE)?.take(OBJECT)?),
        _ => return None,
    };
    Some(Key { complete: false, ..Key::new(kind, None) })
}

/// Version (0, or 1 with more than two primes), modulus, exponents, primes, their exponents and coefficient.
fn rsa(mut reader: Reader<'_>) -> Option<Key> {
    let version = reader.unsigned()?;
    if !matches!(version, [] | [1]) {
        return None;
    }
    let mut numbers = [&[][..]; 8];
    for number in &mut numbers {
        *number = reader.unsigned()?;
    }
    let [modulus, _, private, first, second, ..] = numbers;
    if modulus.is_empty() || private.is_empty() || first.is_empty() {
        return None;
    }
    let fits = version.is_empty().then(|| product_fits(modulus, first, second));
    Some(Key { fits, ..Key::new("RSA", Some(bits(modulus))) })
}

/// Whether the modulus is the product of the primes, seen modulo 2^61 - 1 (one wrong key in 10^18 passes).
fn product_fits(modulus: &[u8], first: &[u8], second: &[u8]) -> bool {
    const PRIME: u128 = (1 << 61) - 1;
    let rest = |number: &[u8]| number.iter().fold(0u128, |rest, byte| (rest * 256 + u128::from(*byte)) % PRIME);
    rest(modulus) == rest(first) * rest(second) % PRIME
}

/// Version 1, the number, then perhaps the curve and the public point.
fn ec(mut reader: Reader<'_>, curve: Option<&[u8]>) -> Option<Key> {
    if reader.unsigned()? != [1] {
        return None;
    }
    let number = reader.take(OCTET_STRING)?;
    if number.is_empty() || number.len() > 72 || number.iter().all(|byte| *byte == 0) {
        return None;
    }
    let mut own = None;
    if reader.peek() == Some(0xa0) {
        own = reader.enter(0xa0)?.take(OBJECT);
    }
    let kind = match own.or(curve) {
        Some([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]) => "EC P-256",
        Some([0x2b, 0x81, 0x04, 0x00, 0x22]) => "EC P-384",
        Some([0x2b, 0x81, 0x04, 0x00, 0x23]) => "EC P-521",
        Some([0x2b, 0x81, 0x04, 0x00, 0x0a]) => "EC secp256k1",
        _ => "EC",
    };
    let size = if kind == "EC P-521" { 521 } else { number.len() * 8 };
    Some(Key::new(kind, Some(size)))
}

/// Version 0, p, q, g, the public and the private number.
fn dsa(mut reader: Reader<'_>) -> Option<Key> {
    let version = reader.unsigned()?;
    let mut numbers = [&[][..]; 5];
    for number in &mut numbers {
        *number = reader.unsigned()?;
    }
    let fits = version.is_empty() && reader.is_empty() && bits(numbers[0]) > bits(numbers[1]) && !numbers[4].is_empty();
    fits.then(|| Key::new("DSA", Some(bits(numbers[0]))))
}

/// Version 0 or 1, the algorithm, the key in a form of the algorithm's own.
fn pkcs8(mut reader: Reader<'_>) -> Option<Key> {
    if !matches!(reader.unsigned()?, [] | [1]) {
        return None;
    }
    let mut parameters = reader.enter(SEQUENCE)?;
    let kind = algorithm(parameters.take(OBJECT)?);
    let mut inner = Reader::new(reader.take(OCTET_STRING)?);
    match kind {
        "RSA" => rsa(inner.enter(SEQUENCE)?),
        "EC" => ec(inner.enter(SEQUENCE)?, parameters.take(OBJECT)),
        "DSA" | "DH" => {
            let size = parameters.enter(SEQUENCE)?.unsigned().map(bits);
            (!inner.unsigned()?.is_empty()).then(|| Key::new(kind, size))
        }
        "Ed25519" | "X25519" => (inner.take(OCTET_STRING)?.len() == 32).then(|| Key::new(kind, None)),
        "Ed448" => (inner.take(OCTET_STRING)?.len() == 57).then(|| Key::new(kind, None)),
        "X448" => (inner.take(OCTET_STRING)?.len() == 56).then(|| Key::new(kind, None)),
        _ => (!inner.is_empty()).then(|| Key::new(kind, None)),
    }
}

/// Names of algorithm identifiers (RFC 8017, 5480, 3279, 8410; FIPS 204).
fn algorithm(object: &[u8]) -> &'static str {
    match object {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 | 0x0a] => "RSA",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => "EC",
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => "DSA",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01] => "DH",
        [0x2b, 0x65, 0x6e] => "X25519",
        [0x2b, 0x65, 0x6f] => "X448",
        [0x2b, 0x65, 0x70] => "Ed25519",
        [0x2b, 0x65, 0x71] => "Ed448",
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11..=0x13] => "ML-DSA",
        _ => "other",
    }
}

/// The cipher's identifier and the encrypted key.
fn encrypted(mut reader: Reader<'_>) -> Option<Key> {
    reader.enter(SEQUENCE)?.take(OBJECT)?;
    let content = reader.take(OCTET_STRING)?;
    // Not to be taken for a public key, whose second element is a bit string.
    (content.len() >= 16 && reader.peek() != Some(BIT_STRING))
        .then(|| Key { encrypted: true, ..Key::new("encrypted PKCS#8", None) })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::der::write::{element, integer, sequence};
    use super::*;

    /// 2^521 - 1 and 2^607 - 1 are primes, which spares the tests a search.
    fn mersenne(exponent: usize) -> Vec<u8> {
        let mut number = vec![0xff; exponent.div_ceil(8)];
        number[0] = 0xff >> (number.len() * 8 - exponent);
        number
    }

    fn product(a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut result = vec![0u8; a.len() + b.len()];
        for (i, x) in a.iter().rev().enumerate() {
            let mut carry = 0u32;
            for (j, y) in b.iter().rev().chain(std::iter::once(&0)).enumerate() {
                let Some(at) = result.len().checked_sub(1 + i + j) else { break };
                let sum = u32::from(result[at]) + u32::from(*x) * u32::from(*y) + carry;
                result[at] = sum as u8;
                carry = sum >> 8;
            }
        }
        result.into_iter().skip_while(|byte| *byte == 0).collect()
    }

    /// An RSA key; its private exponent and what follows the primes is made up, which no reader can see.
    pub(in super::super) fn rsa_der() -> Vec<u8> {
        let (p, q) = (mersenne(521), mersenne(607));
        let n = product(&p, &q);
        let made_up = integer(&[0x55; 60]);
        sequence(&[
            integer(&[]),
            integer(&n),
            integer(&[1, 0, 1]),
            integer(&n[1..]),
            integer(&p),
            integer(&q),
            made_up.clone(),
            made_up.clone(),
            made_up,
        ])
    }

    pub(in super::super) fn ed25519_der() -> Vec<u8> {
        let seed: Vec<u8> = (0..32).map(|at| at * 7 + 3).collect();
        sequence(&[
            integer(&[]),
            sequence(&[element(OBJECT, &[0x2b, 0x65, 0x70])]),
            element(OCTET_STRING, &element(OCTET_STRING, &seed)),
        ])
    }

    pub(in super::super) fn encrypted_der() -> Vec<u8> {
        let scheme =
            sequence(&[element(OBJECT, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d]), sequence(&[])]);
        sequence(&[scheme, element(OCTET_STRING, &[0x9c; 160])])
    }

    fn ec_der(curve: bool) -> Vec<u8> {
        let mut parts = vec![integer(&[1]), element(OCTET_STRING, &[0x42; 32])];
        if curve {
            parts.push(element(0xa0, &element(OBJECT, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07])));
        }
        sequence(&parts)
    }

    #[test]
    fn rsa_numbers_must_fit_together() {
        let der = rsa_der();
        let key = parse(Form::Rsa, &der).unwrap();
        assert_eq!((key.kind, key.bits, key.fits), ("RSA", Some(1128), Some(true)));
        let mut altered = der.clone();
        altered[40] ^= 1;
        assert_eq!(parse(Form::Rsa, &altered).unwrap().fits, Some(false));
        let wrapped = sequence(&[
            integer(&[]),
            sequence(&[element(OBJECT, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), vec![5, 0]]),
            element(OCTET_STRING, &der),
        ]);
        assert_eq!(parse(Form::Pkcs8, &wrapped).unwrap(), key);
        assert_eq!(parse(Form::Pkcs8, &der).unwrap(), key, "a wrong label");
    }

    #[test]
    fn other_kinds() {
        assert_eq!(parse(Form::Ec, &ec_der(true)).unwrap().kind, "EC P-256");
        assert_eq!(parse(Form::Ec, &ec_der(false)).unwrap().bits, Some(256));
        assert_eq!(parse(Form::Pkcs8, &ed25519_der()).unwrap().kind, "Ed25519");
        assert!(parse(Form::Encrypted, &encrypted_der()).unwrap().encrypted);
        let numbers = [vec![], vec![0x81; 128], vec![0x91; 20], vec![0x41; 128], vec![0x31; 128], vec![0x21; 19]];
        let dsa = sequence(&numbers.map(|number| integer(&number)));
        assert_eq!((parse(Form::Dsa, &dsa).unwrap().kind, parse(Form::Dsa, &dsa).unwrap().bits), ("DSA", Some(1024)));
    }

    #[test]
    fn cut_keys_are_known_as_such_and_never_panic() {
        for der in [rsa_der(), ec_der(true), ed25519_der(), encrypted_der()] {
            for end in 0..der.len() {
                for form in [Form::Rsa, Form::Ec, Form::Dsa, Form::Pkcs8, Form::Encrypted] {
                    assert!(parse(form, &der[..end]).is_none_or(|key| !key.complete), "{end}");
                }
            }
        }
        let public = sequence(&[sequence(&[element(OBJECT, &[0x2b, 0x65, 0x70])]), element(BIT_STRING, &[0; 33])]);
        assert_eq!(parse(Form::Pkcs8, &public), None);
    }
}
