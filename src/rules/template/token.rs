//! Tokens with an inner structure.

use base64::Engine as _;
use sha2::{Digest, Sha256};

use super::encode::{self, BASE36, BASE58, BASE62};
use super::random::Random;

/// The mnemonic list that the validator reads as well.
const MNEMONICS: &str = include_str!("../../engine/validate/bip39_english.txt");

/// What generator `name` makes.
pub(super) fn generate(name: &str, argument: &str, random: &mut Random) -> Option<String> {
    if !argument.is_empty() && !["aws-key-id", "jwt", "pypi-macaroon", "bech32-age", "base58check-xprv"].contains(&name)
    {
        return None;
    }
    Some(match name {
        "uuid" => uuid(random),
        "word" => word(random).to_owned(),
        "password" => password(random),
        "aws-key-id" => aws_key_id(if argument.is_empty() { "AKIA" } else { argument }, random),
        "aws-secret" => aws_secret(random),
        "pypi-macaroon" => pypi_macaroon(argument, random)?,
        "jwt" => jwt(argument, random)?,
        "sentry-org" => sentry_org(random),
        "discord-id" => encode::base64url(random.digits(18).as_bytes()),
        "ngrok-ksuid" => ngrok_ksuid(random),
        "bech32-age" => {
            let prefix = match argument {
                "" => "age-secret-key-",
                "pq" => "age-secret-key-pq-",
                _ => return None,
            };
            bech32(prefix, &random.bytes(32)).to_ascii_uppercase()
        }
        "bech32-nsec" => bech32("nsec", &random.bytes(32)),
        "base58check-wif" => base58check(&[&[0x80][..], &random.bytes(32), &[1]].concat()),
        "base58check-xprv" => xprv(argument, random)?,
        "stellar-seed" => with_crc16(&[&[0x90][..], &random.bytes(32)].concat()),
        "nats-seed" => with_crc16(&[&[(18 << 3) | (20 >> 2), 20 << 6][..], &random.bytes(32)].concat()),
        "bip39" => bip39(random),
        "wireguard" => {
            let mut key = random.bytes(32);
            key[0] &= 0xf8;
            key[31] = key[31] & 0x7f | 0x40;
            encode::base64(&key)
        }
        "docker-auth" | "basic-auth-base64" => {
            let password = password(random);
            encode::base64(format!("{}:{password}", word(random)).as_bytes())
        }
        _ => return None,
    })
}

fn uuid(random: &mut Random) -> String {
    let hex = |random: &mut Random, length| random.text(b"0123456789abcdef", length);
    let variant = random.text(b"89ab", 1);
    let all = random.text(b"0123456789abcdef", 20);
    format!("{}-{}-4{}-{variant}{}-{}", &all[..8], &all[8..12], &all[12..15], &all[15..18], hex(random, 12))
}

/// A word for names of users and machines: none that a scanner takes for a placeholder.
pub(super) fn word(random: &mut Random) -> &'static str {
    const WORDS: [&str; 16] = [
        "harbor", "falcon", "meadow", "juniper", "copper", "glacier", "orchid", "lantern", "pelican", "saffron",
        "timber", "velvet", "walnut", "zephyr", "cobalt", "magnet",
    ];
    WORDS[random.below(WORDS.len())]
}

/// A letter, then letters of both cases, digits and signs that URLs allow; at least one of each kind.
fn password(random: &mut Random) -> String {
    const SIGNS: &[u8] = b"!~-";
    let length = 12 + random.below(5);
    let half = length / 2;
    let first = random.text(&BASE62[10..], 1);
    let (left, right) = (random.text(BASE62, half), random.text(BASE62, length - half - 3));
    let (sign, digit, lower, upper) = (
        random.text(SIGNS, 1),
        random.text(b"23456789", 1),
        random.text(&BASE62[36..], 1),
        random.text(&BASE62[10..36], 1),
    );
    format!("{first}{left}{sign}{upper}{digit}{lower}{right}")
}

/// Payload, version, the payload's length, and the checksum of all that with the `prefix` before it.
pub(super) fn gitlab_routable(prefix: &str, random: &mut Random) -> String {
    let organisation = random.text(b"123456789abc", 1);
    let mut payload = format!("o:{organisation}\nu:{}\n", random.text(&BASE36[1..], 5)).into_bytes();
    payload.extend(random.bytes(16));
    payload.push(16);
    let payload = encode::base64url(&payload);
    let text = format!("{payload}.01.{}", encode::number(payload.len() as u64, BASE36, 2));
    let crc = crc32fast::hash(format!("{prefix}{text}").as_bytes());
    text + &encode::number(u64::from(crc), BASE36, 7)
}

/// Base32 of ten bytes: one set bit, the account's number in 40 bits, 39 random bits.
fn aws_key_id(prefix: &str, random: &mut Random) -> String {
    let account = 100_000_000_000 + random.next() % 900_000_000_000;
    let head = (1 << 47) | (account << 7) | (random.next() & 0x7f);
    let bytes = [&head.to_be_bytes()[2..], &random.bytes(4)].concat();
    format!("{prefix}{}", encode::base32(&bytes))
}

fn aws_secret(random: &mut Random) -> String {
    loop {
        let text = encode::base64(&random.bytes(30));
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        if digits > 2 && text.bytes().filter(|byte| *byte == b'/').count() < 3 {
            return text;
        }
    }
}

/// A macaroon of version 2: location, identifier, one caveat, signature.
fn pypi_macaroon(which: &str, random: &mut Random) -> Option<String> {
    // The registries' host names, as the tokens hold them.
    let location = match which {
        "" => "cHlwaS5vcmc",
        "test" => "dGVzdC5weXBpLm9yZw",
        _ => return None,
    };
    let location = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(location).ok()?;
    let mut bytes = vec![2];
    let field = |bytes: &mut Vec<u8>, kind: u8, data: &[u8]| {
        bytes.extend([kind, data.len() as u8]);
        bytes.extend(data);
    };
    field(&mut bytes, 1, &location);
    field(&mut bytes, 2, uuid(random).as_bytes());
    bytes.push(0);
    field(&mut bytes, 2, format!("[3,\"{}\"]", uuid(random)).as_bytes());
    bytes.extend([0, 0]);
    field(&mut bytes, 6, &random.bytes(32));
    Some(encode::base64url(&bytes))
}

fn jwt(kind: &str, random: &mut Random) -> Option<String> {
    let issued = 1_700_000_000 + random.next() % 10_000_000;
    let expires = if kind == "expired" { issued + 3600 } else { 4_070_908_800 + issued % 1000 };
    let subject = random.text(BASE62, 20);
    let hs256 = r#"{"alg":"HS256","typ":"JWT"}"#.to_owned();
    let reference = random.text(&BASE62[36..], 20);
    let supabase = |role: &str| {
        format!(r#"{{"iss":"supabase","ref":"{reference}","role":"{role}","iat":{issued},"exp":{expires}}}"#)
    };
    let (header, payload, signature) = match kind {
        "" | "expired" => (
            hs256,
            format!(r#"{{"iss":"{}","sub":"{subject}","iat":{issued},"exp":{expires}}}"#, word(random)),
            encode::base64url(&random.bytes(32)),
        ),
        "none" => (
            r#"{"alg":"none","typ":"JWT"}"#.to_owned(),
            format!(r#"{{"sub":"{subject}","iat":{issued},"exp":{expires}}}"#),
            String::new(),
        ),
        "service-role" => (hs256, supabase("service_role"), encode::base64url(&random.bytes(32))),
        "anon" => (hs256, supabase("anon"), encode::base64url(&random.bytes(32))),
        "kubernetes" => (
            format!(r#"{{"alg":"RS256","kid":"{}"}}"#, random.text(BASE62, 43)),
            format!(
                r#"{{"iss":"kubernetes/serviceaccount","kubernetes.io/serviceaccount/namespace":"{0}","kubernetes.io/serviceaccount/secret.name":"{0}-token-{1}","kubernetes.io/serviceaccount/service-account.uid":"{2}","sub":"system:serviceaccount:{0}:{0}"}}"#,
                word(random),
                random.text(&BASE36[10..], 5),
                uuid(random)
            ),
            encode::base64url(&random.bytes(256)),
        ),
        "jfrog" => (
            format!(r#"{{"ver":"2","typ":"JWT","alg":"RS256","kid":"{}"}}"#, random.text(BASE62, 43)),
            format!(
                r#"{{"sub":"jfac@{}/users/{}","scp":"applied-permissions/user","aud":"*@*","iss":"jfac@{}","iat":{issued},"jti":"{}"}}"#,
                random.text(&BASE36[10..], 26),
                word(random),
                random.text(&BASE36[10..], 26),
                uuid(random)
            ),
            encode::base64url(&random.bytes(256)),
        ),
        _ => return None,
    };
    Some(format!("{}.{}.{signature}", encode::base64url(header.as_bytes()), encode::base64url(payload.as_bytes())))
}

fn sentry_org(random: &mut Random) -> String {
    let (org, seconds) = (word(random), 1_700_000_000 + random.next() % 50_000_000);
    let json = format!(
        r#"{{"iat":{seconds}.{},"url":"https://sentry.io","region_url":"https://us.sentry.io","org":"{org}"}}"#,
        random.digits(6)
    );
    format!("{}_{}", encode::base64(json.as_bytes()), &encode::base64(&random.bytes(33))[..43])
}

/// A KSUID: four bytes of seconds since 2014, 16 random ones, in base 62.
fn ngrok_ksuid(random: &mut Random) -> String {
    let seconds = 200_000_000 + (random.next() % 150_000_000) as u32;
    let text = encode::long_number(&[&seconds.to_be_bytes()[..], &random.bytes(16)].concat(), BASE62);
    format!("{text:0>27}")
}

fn bech32(prefix: &str, bytes: &[u8]) -> String {
    const CHARACTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let data = encode::fives(bytes);
    let expanded = prefix.bytes().map(|byte| byte >> 5).chain([0]).chain(prefix.bytes().map(|byte| byte & 31));
    let sum = expanded.chain(data.iter().copied()).chain([0; 6]).fold(1u32, |sum, digit| {
        let top = sum >> 25;
        let next = ((sum & 0x01ff_ffff) << 5) ^ u32::from(digit);
        GENERATOR
            .iter()
            .enumerate()
            .fold(next, |next, (bit, generator)| next ^ if top >> bit & 1 == 1 { *generator } else { 0 })
    }) ^ 1;
    let check = (0..6).map(|place| (sum >> (5 * (5 - place)) & 31) as u8);
    let body: String =
        data.iter().copied().chain(check).map(|digit| char::from(CHARACTERS[usize::from(digit)])).collect();
    format!("{prefix}1{body}")
}

fn base58check(data: &[u8]) -> String {
    let check = Sha256::digest(Sha256::digest(data));
    encode::long_number(&[data, &check[..4]].concat(), BASE58)
}

/// BIP-32's version bytes, and those of SLIP-132.
fn xprv(kind: &str, random: &mut Random) -> Option<String> {
    let version: u32 = match kind {
        "" => 0x0488_ade4,
        "yprv" => 0x049d_7878,
        "zprv" => 0x04b2_430c,
        "tprv" => 0x0435_8394,
        _ => return None,
    };
    let mut data = version.to_be_bytes().to_vec();
    data.push(3);
    data.extend(random.bytes(40));
    data.push(0);
    data.extend(random.bytes(32));
    Some(base58check(&data))
}

/// Base32 of `data` and its CRC-16/XMODEM, little-endian.
fn with_crc16(data: &[u8]) -> String {
    let crc = data.iter().fold(0u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| (crc << 1) ^ (0x1021 * (crc >> 15)))
    });
    encode::base32(&[data, &crc.to_le_bytes()].concat())
}

/// 128 random bits and the first four bits of their SHA-256, eleven bits a word.
fn bip39(random: &mut Random) -> String {
    let words: Vec<&str> = MNEMONICS.lines().collect();
    let entropy = random.bytes(16);
    let check = Sha256::digest(&entropy)[0] >> 4;
    let bits = u128::from_be_bytes(std::array::from_fn(|at| entropy[at]));
    let word = |place: u32| {
        let index = match place {
            11 => (bits & 0x7f) << 4 | u128::from(check),
            place => bits >> (128 - 11 * (place + 1)) & 0x7ff,
        };
        words[index as usize % words.len()]
    };
    (0..12).map(word).collect::<Vec<_>>().join(" ")
}
