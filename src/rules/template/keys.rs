//! Private keys and key files: real structure round random numbers. The numbers belong to no key pair.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::encode;
use super::random::Random;
use super::token::word;

/// What generator `name` makes.
pub(super) fn generate(name: &str, argument: &str, random: &mut Random) -> Option<String> {
    Some(match (name, argument) {
        ("pem-rsa", "") => pem("RSA PRIVATE KEY", &rsa(2048, random)),
        ("pem-rsa", bits) => {
            let bits = bits.parse().ok().filter(|bits| (512..=16384).contains(bits))?;
            pem("RSA PRIVATE KEY", &rsa(bits, random))
        }
        ("pem-ec", "") => pem("EC PRIVATE KEY", &ec(&number(32, random), random)),
        ("pem-dsa", "") => pem("DSA PRIVATE KEY", &dsa(random)),
        ("pem-pkcs8", "") => pem("PRIVATE KEY", &pkcs8(random)),
        ("pem-openssh", "" | "encrypted") => pem("OPENSSH PRIVATE KEY", &openssh(argument == "encrypted", random)),
        ("pem-encrypted", "") => pem("ENCRYPTED PRIVATE KEY", &encrypted(random)),
        ("pem-encrypted", "legacy") => {
            let body = pem("RSA PRIVATE KEY", &random.bytes(1200));
            let iv = random.text(b"0123456789ABCDEF", 32);
            let headers = format!("KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{iv}\n\n");
            body.replacen("KEY-----\n", &headers, 1)
        }
        ("putty", "") => putty(random),
        ("pgp", "") => pgp(random),
        ("pkcs12", "") => encode::base64(&pkcs12(random)),
        ("jwk", "") => {
            let mut part = || encode::base64url(&number(32, random));
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}","d":"{}"}}"#, part(), part(), part())
        }
        ("json-service-account", "" | "sorted") => service_account(argument == "sorted", random),
        _ => return None,
    })
}

/// A block of lines of 64 characters.
fn pem(label: &str, bytes: &[u8]) -> String {
    let body = encode::base64(bytes);
    let lines: Vec<&str> = (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"))
}

/// An element of DER: tag, length, content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..=0x7f => out.push(length as u8),
        0x80..=0xff => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(content);
    out
}

fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &elements.concat())
}

/// A positive number: a zero in front where its first bit is set.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zero = bytes.first().is_none_or(|byte| byte & 0x80 != 0);
    element(0x02, &if zero { [&[0], bytes].concat() } else { bytes.to_vec() })
}

/// Random bytes that are a number of exactly that length.
fn number(length: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = random.bytes(length);
    if let Some(first) = bytes.first_mut() {
        *first |= 0xc0;
    }
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
    bytes
}

/// The product of two big-endian numbers.
fn product(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sums = vec![0u64; a.len() + b.len()];
    for (at, x) in a.iter().enumerate() {
        for (place, y) in b.iter().enumerate() {
            sums[at + place + 1] += u64::from(*x) * u64::from(*y);
        }
    }
    let mut carry = 0;
    for sum in sums.iter_mut().rev() {
        carry += *sum;
        *sum = carry & 0xff;
        carry >>= 8;
    }
    sums.into_iter().map(|sum| sum as u8).collect()
}

fn rsa(bits: usize, random: &mut Random) -> Vec<u8> {
    let half = bits / 16;
    let (first, second) = (number(half, random), number(half, random));
    let modulus = product(&first, &second);
    let rest =
        [number(half * 2, random), first, second, number(half, random), number(half, random), number(half, random)];
    let mut numbers = vec![element(2, &[0]), integer(&modulus), integer(&[1, 0, 1])];
    numbers.extend(rest.iter().map(|number| integer(number)));
    sequence(&numbers)
}

const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn ec(private: &[u8], random: &mut Random) -> Vec<u8> {
    let point = [&[0, 4][..], &random.bytes(64)].concat();
    sequence(&[element(2, &[1]), element(4, private), element(0xa0, &P256), element(0xa1, &element(3, &point))])
}

fn dsa(random: &mut Random) -> Vec<u8> {
    let mut numbers = vec![element(2, &[0])];
    numbers.extend([128, 20, 127, 127, 19].map(|length| integer(&number(length, random))));
    sequence(&numbers)
}

fn pkcs8(random: &mut Random) -> Vec<u8> {
    let algorithm = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    sequence(&[element(2, &[0]), element(0x30, &algorithm), element(4, &rsa(2048, random))])
}

/// PBES2's identifier with made-up parameters, then the encrypted key.
fn encrypted(random: &mut Random) -> Vec<u8> {
    let scheme = element(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d]);
    let salt = element(4, &random.bytes(16));
    let parameters = sequence(&[salt, integer(&[8, 0])]);
    sequence(&[sequence(&[scheme, parameters]), element(4, &random.bytes(1232))])
}

/// A length in four bytes, then the bytes (RFC 4251).
fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

fn openssh(encrypted: bool, random: &mut Random) -> Vec<u8> {
    let point = random.bytes(32);
    let public = [string(b"ssh-ed25519"), string(&point)].concat();
    let check = random.bytes(4);
    let secret = [random.bytes(32), point.clone()].concat();
    let comment = format!("{}@{}", word(random), word(random));
    let mut private = [check.clone(), check, public.clone(), string(&secret), string(comment.as_bytes())].concat();
    private.extend((1..).take((8 - private.len() % 8) % 8));
    let (cipher, derivation, options) = match encrypted {
        true => {
            private = random.bytes(private.len().next_multiple_of(16));
            (&b"aes256-ctr"[..], &b"bcrypt"[..], [string(&random.bytes(16)), vec![0, 0, 0, 16]].concat())
        }
        false => (&b"none"[..], &b"none"[..], Vec::new()),
    };
    [
        b"openssh-key-v1\0".to_vec(),
        string(cipher),
        string(derivation),
        string(&options),
        vec![0, 0, 0, 1],
        string(&public),
        string(&private),
    ]
    .concat()
}

fn putty(random: &mut Random) -> String {
    let comment = format!("{}-key-20240611", word(random));
    let public = [string(b"ssh-ed25519"), string(&random.bytes(32))].concat();
    let private = string(&random.bytes(32));
    let data = [string(b"ssh-ed25519"), string(b"none"), string(comment.as_bytes()), string(&public), string(&private)];
    let code = Hmac::<Sha256>::new_from_slice(b"").map(|mac| mac.chain_update(data.concat()).finalize().into_bytes());
    let code: String = code.map(|code| code.iter().map(|byte| format!("{byte:02x}")).collect()).unwrap_or_default();
    let lines = |bytes: &[u8]| {
        let text = encode::base64(bytes);
        let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
        format!("{}\n{}", lines.len(), lines.join("\n"))
    };
    format!(
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: {comment}\nPublic-Lines: {}\nPrivate-Lines: {}\nPrivate-MAC: {code}\n",
        lines(&public),
        lines(&private)
    )
}

/// A version 4 EdDSA secret key packet without a passphrase, a user's name, and the armour's CRC24.
fn pgp(random: &mut Random) -> String {
    let mut body = vec![4];
    body.extend((1_700_000_000u32 + random.below(50_000_000) as u32).to_be_bytes());
    body.extend([22, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1, 0x01, 0x07, 0x40]);
    body.extend(random.bytes(32));
    body.extend([0, 1, 0]);
    let private = number(32, random);
    body.extend(&private);
    let sum = [1, 0].iter().chain(&private).fold(0u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    body.extend(sum.to_be_bytes());
    let user = format!("{0} <{0}@{1}.invalid>", word(random), word(random));
    let mut bytes = [vec![0x94, body.len() as u8], body, vec![0xb4, user.len() as u8], user.into_bytes()].concat();
    // Signatures fill such a block up in real life.
    let signature = random.bytes(150);
    bytes.extend([0x88, signature.len() as u8]);
    bytes.extend(signature);
    let crc = bytes.iter().fold(0x00b7_04ceu32, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << 16), |crc, _| {
            (crc << 1) ^ if crc & 0x0080_0000 != 0 { 0x0186_4cfb } else { 0 }
        })
    });
    let crc = encode::base64(&crc.to_be_bytes()[1..]);
    let text = pem("PGP PRIVATE KEY BLOCK", &bytes).replacen("-----\n", "-----\n\n", 1);
    text.replacen("\n-----END", &format!("\n={crc}\n-----END"), 1)
}

fn pkcs12(random: &mut Random) -> Vec<u8> {
    let kind = element(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]);
    let content = element(0xa0, &element(4, &random.bytes(2300)));
    let mac = sequence(&[element(4, &random.bytes(32)), element(4, &random.bytes(8)), integer(&[8, 0])]);
    sequence(&[element(2, &[3]), sequence(&[kind, content]), mac])
}

/// As the console writes it, or its fields in the order of their names.
fn service_account(sorted: bool, random: &mut Random) -> String {
    let key = encode::escaped(&format!("{}\n", pem("PRIVATE KEY", &pkcs8(random))));
    let project = format!("{}-{}-{}", word(random), word(random), random.digits(6));
    let (id, client, name) = (random.text(b"0123456789abcdef", 40), random.digits(21), word(random));
    let mut fields = [
        ("type", "service_account"),
        ("project_id", &project),
        ("private_key_id", &id),
        ("private_key", &key),
        ("client_email", &format!("{name}@{project}.iam.gserviceaccount.com")),
        ("client_id", &client),
        ("token_uri", "https://oauth2.googleapis.com/token"),
    ];
    if sorted {
        fields.sort_unstable();
    }
    let fields = fields.map(|(field, value)| format!("  \"{field}\": \"{value}\""));
    format!("{{\n{}\n}}", fields.join(",\n"))
}
