//! Private keys as PEM (RFC 7468, and OpenSSL's older encrypted form of RFC 1421): found, decoded, parsed.

use super::armor::{self, Armor};
use super::codec::{base64, contains};
use super::keys::{self, Form, Key};
use super::{Checked, HOLDS, PROVEN, Weighed, openssh, pgp, rejected};

/// Longest text that is looked at; keys of 16,384 bits have 13,000 characters.
const LONGEST: usize = 256 * 1024;

/// A private key in `secret` (else in `whole`): plain, escaped, or in base64 once more. Facts: kind, bits, encrypted.
pub(super) fn check(secret: &[u8], whole: &[u8]) -> Checked {
    let text = if contains(secret, b"BEGIN ") || !contains(whole, b"BEGIN ") { secret } else { whole };
    if text.len() > LONGEST {
        return rejected("longer than any private key");
    }
    if contains(text, b"BEGIN ") {
        return block(text);
    }
    let text: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    match base64(&text).filter(|inner| contains(inner, b"-----BEGIN ")) {
        Some(inner) => block(&inner),
        None => rejected("no private key in it"),
    }
}

/// The first block that is a private key; blocks of parameters and certificates may stand before it.
fn block(text: &[u8]) -> Checked {
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, b"BEGIN ") {
        rest = &rest[at + 6..];
        // Labels are short; looking no further keeps a text of nothing but beginnings linear.
        let Some(end) = memchr::memmem::find(&rest[..rest.len().min(64)], b"----") else { continue };
        let label = rest[..end].trim_ascii();
        let body = rest[end..].trim_ascii_start();
        let body = &body[body.iter().take_while(|byte| **byte == b'-').count()..];
        let Some(words) = std::str::from_utf8(label).ok().filter(|label| label.contains("PRIVATE KEY")) else {
            rest = body;
            continue;
        };
        let stop = memchr::memmem::find(body, b"-----END").or_else(|| memchr::memmem::find(body, b"---- END"));
        if words.starts_with("PGP") {
            return pgp::check(text, text);
        }
        return judge(words, &armor::clean(&body[..stop.unwrap_or(body.len())]), stop.is_some());
    }
    rejected("no private key in it")
}

fn judge(label: &str, armor: &Armor, closed: bool) -> Checked {
    if armor.elided {
        return rejected("a part of the key is left out");
    }
    if armor.junk && closed {
        return rejected("its body is not base64");
    }
    if armor.body.len() < 32 {
        return rejected("its body is missing");
    }
    // Without an end mark the text may stop, or go on with something else, anywhere.
    let digits = if closed { &armor.body[..] } else { &armor.body[..armor.body.len() / 4 * 4] };
    let Some(bytes) = base64(digits) else { return rejected("its body is not base64") };
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        return rejected("its body is a placeholder");
    }
    let form = match label {
        "RSA PRIVATE KEY" => Form::Rsa,
        "EC PRIVATE KEY" => Form::Ec,
        "DSA PRIVATE KEY" => Form::Dsa,
        "ENCRYPTED PRIVATE KEY" => Form::Encrypted,
        _ => Form::Pkcs8,
    };
    let key = match label {
        "OPENSSH PRIVATE KEY" => openssh::parse(&bytes),
        "SSH2 ENCRYPTED PRIVATE KEY" => openssh::parse_ssh2(&bytes),
        _ if armor.encrypted => {
            let kind = label.split(' ').next().filter(|kind| matches!(*kind, "RSA" | "EC" | "DSA"));
            return encrypted(Weighed::default()).with("kind", kind.unwrap_or("PEM")).with("encrypted", "yes");
        }
        _ => keys::parse(form, &bytes).or_else(|| under_another_label(&bytes)),
    };
    match key {
        Some(key) => weigh(&key, closed),
        None => rejected("its body is no private key"),
    }
}

/// A whole key of another kind than the label says: converters and people mix them up.
fn under_another_label(bytes: &[u8]) -> Option<Key> {
    let forms = [Form::Pkcs8, Form::Rsa, Form::Ec];
    let key = forms.into_iter().find_map(|form| keys::parse(form, bytes).filter(|key| key.complete));
    key.or_else(|| openssh::parse(bytes).filter(|key| key.complete))
}

fn encrypted(mut weighed: Weighed) -> Checked {
    weighed.add(-35, "a private key that a passphrase protects");
    weighed.verdict()
}

fn weigh(key: &Key, closed: bool) -> Checked {
    let mut weighed = Weighed::default();
    match (key.complete, key.fits) {
        (false, _) => weighed.add(-45, "a private key that is cut off"),
        (true, Some(false)) => weighed.add(-35, "its numbers do not fit together: an altered key"),
        (true, Some(true)) => weighed.prove(PROVEN, "a private key whose numbers fit together"),
        (true, None) if !key.encrypted => weighed.prove(HOLDS, "a complete private key"),
        (true, None) => {}
    }
    if !closed && key.complete {
        weighed.add(0, "without an end mark");
    }
    if key.kind == "RSA" && key.bits.is_some_and(|bits| bits < 1024) {
        weighed.add(-20, "shorter than keys in use");
    }
    let checked = if key.encrypted { encrypted(weighed) } else { weighed.verdict() };
    let yes = if key.encrypted { "yes" } else { "no" };
    checked.with("kind", key.kind).with_some("bits", key.bits.map(|bits| bits.to_string())).with("encrypted", yes)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base64;
    use super::super::keys::tests::{ed25519_der, encrypted_der, rsa_der};
    use super::*;

    /// The usual form: lines of 64.
    pub(in super::super) fn written(label: &str, der: &[u8]) -> String {
        let text = to_base64(der);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    fn judged(text: &str) -> Checked {
        check(text.as_bytes(), text.as_bytes())
    }

    #[test]
    fn every_way_to_write_a_key_down() {
        let plain = written("RSA PRIVATE KEY", &rsa_der());
        let quoted: String = plain.lines().map(|line| format!("  \"{line}\\n\" +\n")).collect();
        let commented: String = plain.lines().map(|line| format!("# {line}\n")).collect();
        let patch: String = plain.lines().map(|line| format!("+{line}\n")).collect();
        for text in [
            plain.clone(),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\\n"),
            plain.replace('\n', "\\\\n"),
            plain.replace('\n', " "),
            plain.replace('\n', "\n      "),
            quoted,
            commented,
            patch,
            to_base64(plain.as_bytes()),
            plain.replace("RSA PRIVATE KEY", "PRIVATE KEY"),
            format!("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n{plain}"),
        ] {
            let checked = judged(&text);
            assert!(matches!(&checked.verdict, Verdict::Confirmed(why) if why.points == PROVEN), "{checked:?}\n{text}");
            let facts = [("kind", "RSA".to_owned()), ("bits", "1128".to_owned()), ("encrypted", "no".to_owned())];
            assert_eq!(checked.facts, facts);
        }
    }

    #[test]
    fn a_whole_key_under_another_kinds_label_is_one() {
        let openssh = crate::rules::template::expand("{pem-openssh}", 3).expect("a sound template");
        for (text, kind) in [
            (written("RSA PRIVATE KEY", &ed25519_der()), "Ed25519"),
            (openssh.replace("OPENSSH PRIVATE", "RSA PRIVATE"), "Ed25519"),
        ] {
            let checked = judged(&text);
            assert!(matches!(&checked.verdict, Verdict::Confirmed(_)), "{checked:?}");
            assert!(checked.facts.contains(&("kind", kind.to_owned())), "{checked:?}");
        }
        let noise: Vec<u8> = (0..64u8).map(|byte| byte.wrapping_mul(37) ^ 0x5a).collect();
        assert!(matches!(judged(&written("RSA PRIVATE KEY", &noise)).verdict, Verdict::Rejected(_)));
    }

    #[test]
    fn encrypted_keys_fall() {
        let old = written(
            "RSA PRIVATE KEY",
            &[0x3b; 40].map(|byte: u8| byte).iter().chain(&[1u8; 600]).copied().collect::<Vec<_>>(),
        )
        .replace("KEY-----\nO", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B2C3D\n\nO");
        assert!(old.contains("DEK-Info"));
        for text in [old.clone(), old.replace('\n', " "), written("ENCRYPTED PRIVATE KEY", &encrypted_der())] {
            let checked = judged(&text);
            assert!(matches!(&checked.verdict, Verdict::Hint(why) if why.points < 0), "{checked:?}");
            assert!(checked.facts.contains(&("encrypted", "yes".to_owned())));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let label = "PRIVATE KEY";
        for text in [
            "",
            "-----BEGIN",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
            &written(label, b"hello"),
            &written(label, &[0x5a; 400]),
            &written(label, b"The quick brown fox jumps over the lazy dog."),
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA...\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\n${KEY}\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\\n-----END RSA PRIVATE KEY-----",
        ] {
            assert!(matches!(judged(text).verdict, Verdict::Rejected(_)), "{text}");
        }
    }

    #[test]
    fn a_text_of_nothing_but_beginnings_takes_linear_time() {
        for mark in ["BEGIN ", "-----BEGIN X-----", "-----BEGIN PRIVATE KEY-----"] {
            let _ = judged(&mark.repeat(LONGEST / mark.len()));
        }
    }

    #[test]
    fn keys_that_are_cut_off_fall() {
        let whole = written("RSA PRIVATE KEY", &rsa_der());
        let checked = judged(&whole[..300]);
        assert!(matches!(&checked.verdict, Verdict::Hint(why) if why.points < 0), "{checked:?}");
        for end in 0..whole.len() {
            let _ = judged(&whole[..end]);
        }
        assert!(matches!(judged(&written("PRIVATE KEY", &ed25519_der())).verdict, Verdict::Confirmed(_)));
    }
}
