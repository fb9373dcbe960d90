//! What values of help pages, translations, logs and lists of methods are: texts about secrets, where a name for a secret
//! stands in front of something that is none.
//!
//! Each answers `Err` with the reason in words, which `explain` shows.

use super::assignment::Operator;
use super::decode::hex_byte;
use super::innocent::{listed, words};
use super::value::Candidate;
use super::words::reads_as_words;

/// The cheap tests, of the value alone and of where it stands.
pub(super) fn plainly_text(candidate: &Candidate<'_>) -> Result<(), &'static str> {
    let value = candidate.value;
    if names_a_method(value) {
        return Err("the value names an algorithm or a method");
    }
    marked_up(value)?;
    if !value.is_ascii() && of_another_script(value) {
        return Err("the value reads as a text");
    }
    encoded_text(value)?;
    if candidate.after == Some(b'}') && memchr::memchr(b'{', value).is_some() {
        return Err("the value is a template or a reference");
    }
    match candidate.operator {
        Operator::Space => option(candidate)?,
        Operator::Assign if candidate.name.starts_with(b"-") && stands_for_a_value(value) => {
            return Err("the value says what an option takes");
        }
        Operator::Call => call(candidate)?,
        _ => {}
    }
    Ok(())
}

/// `scram-sha-256`, `PBKDF2`, `argon2id`, `AES-256-GCM`: nothing but names of algorithms, and numbers.
fn names_a_method(value: &[u8]) -> bool {
    #[rustfmt::skip]
    const PIECES: &[&str] = &[
        "sha", "sha1", "sha2", "sha3", "sha224", "sha256", "sha384", "sha512", "shake128", "shake256", "md5", "scram", "hmac",
        "hkdf", "kdf", "pbkdf", "pbkdf2", "argon2", "argon2i", "argon2d", "argon2id", "bcrypt", "scrypt", "crypt", "blake2b",
        "blake2s", "blake3", "aes", "aes128", "aes192", "aes256", "des", "ede3", "3des", "rc4", "gcm", "cbc", "ctr", "ecb", "ccm",
        "siv", "chacha20", "xchacha20", "poly1305", "rsa", "dsa", "ecdsa", "ecdh", "ecdhe", "eddsa", "ed25519", "ed448",
        "x25519", "x448", "secp256k1", "secp256r1", "secp384r1", "neon", "hs256", "hs384", "hs512", "rs256", "rs384", "rs512",
        "es256", "es384", "es512", "ps256", "ps384", "ps512", "oaep", "mgf1", "pkcs1", "pkcs5", "pkcs7", "pkcs8", "pss", "kyber768",
        "plain", "digest", "cram", "ntlm", "gssapi", "kerberos", "spnego", "oauth", "oauth2", "oauthbearer", "xoauth2", "with",
        "and", "sshd", "native", "caching", "password", "mysql", "postgres", "utf", "utf8", "utf16", "ascii", "latin1", "le", "be",
    ];
    let mut named = false;
    let pieces = value.split(|byte| matches!(byte, b'-' | b'_' | b'/' | b'.' | b':' | b'+' | b'@' | b'(' | b')'));
    let known = pieces.filter(|piece| !piece.is_empty()).all(|piece| {
        let number = piece.len() <= 4 && piece.iter().all(u8::is_ascii_digit);
        let method = listed(PIECES, piece);
        named |= method;
        number || method
    });
    known && named
}

/// Marks of manual pages (`\fB`, `\-`, `\[`) and of patterns (`[a-z`, `(?P<`).
fn marked_up(value: &[u8]) -> Result<(), &'static str> {
    const ROFF: [&[u8]; 6] = [b"\\fB", b"\\fI", b"\\fP", b"\\fR", b"\\[", b"\\-"];
    const PATTERN: [&[u8]; 6] = [b"[a-z", b"[A-Z", b"[0-9", b"a-zA-Z", b"(?P<", b"(?:"];
    let holds = |marks: &[&[u8]]| marks.iter().any(|mark| memchr::memmem::find(value, mark).is_some());
    if value.contains(&b'\\') && holds(&ROFF) {
        return Err("the value holds marks of a manual page");
    }
    if value.iter().any(|byte| matches!(byte, b'-' | b'?')) && holds(&PATTERN) {
        return Err("the value is a pattern");
    }
    if memchr::memmem::find(value, b"\\0\\0").is_some() {
        return Err("the value holds zero bytes");
    }
    Ok(())
}

/// Letters beyond ASCII, for the most part or beside nothing but others, and no digit: a prompt, a label, what an option takes.
fn of_another_script(value: &[u8]) -> bool {
    let beyond = value.iter().filter(|byte| !byte.is_ascii()).count();
    let word = value.iter().all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    (beyond * 2 > value.len() || word) && !value.iter().any(u8::is_ascii_digit)
}

/// A text of escapes: `\x63\x6c\x69` of words, `%C3%A9` of what no password holds.
fn encoded_text(value: &[u8]) -> Result<(), &'static str> {
    let (escapes, rest) = value.as_chunks::<4>();
    if rest.is_empty() && escapes.len() > 3 && value.starts_with(b"\\x") {
        let byte = |escape: &[u8; 4]| match escape {
            [b'\\', b'x', high, low] => hex_byte(*high, *low),
            _ => None,
        };
        if let Some(plain) = escapes.iter().map(byte).collect::<Option<Vec<u8>>>() {
            let letters = plain.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b' ');
            if letters || reads_as_words(&plain) {
                return Err("the value reads as words when it is decoded");
            }
        }
    }
    if !value.contains(&b'%') {
        return Ok(());
    }
    // One that stands there by chance is no letter.
    if memchr::memmem::find_iter(value, b"%").count() > 1
        && String::from_utf8(percent_decoded(value)).is_ok_and(|plain| plain.len() < value.len() && !plain.is_ascii())
        && value.is_ascii()
    {
        return Err("the value is percent-encoded and holds letters beyond ASCII");
    }
    let plain = percent_decoded(value);
    let escapes = (value.len() - plain.len()) / 2;
    if escapes * 2 >= plain.len() || percent_decoded(&plain).len() < plain.len() {
        return Err("the value is made of percent-encoding");
    }
    Ok(())
}

fn percent_decoded(value: &[u8]) -> Vec<u8> {
    let (mut plain, mut at) = (Vec::with_capacity(value.len()), 0);
    while let Some(&byte) = value.get(at) {
        let escape = match value.get(at..at + 3) {
            Some([b'%', high, low]) => hex_byte(*high, *low),
            _ => None,
        };
        plain.push(escape.unwrap_or(byte));
        at += if escape.is_some() { 3 } else { 1 };
    }
    plain
}

/// `--password   what it is for`, `--encrypt-password --errors`, `tool reset-password NAME`.
fn option(candidate: &Candidate<'_>) -> Result<(), &'static str> {
    let (name, value) = (candidate.name, candidate.value);
    let between = candidate.text.get(candidate.name_at.end..candidate.value_at.start).unwrap_or_default();
    let dashes = name.starts_with(b"-");
    if dashes
        && (between.len() > 1 && between.iter().all(|byte| matches!(byte, b' ' | b'\t')) || stands_for_a_value(value))
    {
        return Err("the option is described, not used");
    }
    if value.starts_with(b"-") {
        return Err("the value is another option");
    }
    const VERBS: &[&str] = &[
        "reset", "change", "forgot", "create", "generate", "delete", "update", "rotate", "show", "hide", "revoke",
        "list", "encrypt", "decrypt", "verify", "test",
    ];
    let mut before = words(&name[..candidate.keyword.start]);
    if !dashes && before.next().is_some_and(|word| listed(VERBS, word)) {
        return Err("the name is a command");
    }
    Ok(())
}

/// `PASSWORD`, `JELSZÓ`: what stands for a value in the description of an option.
fn stands_for_a_value(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_uppercase() || !byte.is_ascii() || matches!(byte, b'-' | b'_'))
}

/// `FUNCTION_PASS("x")`, `passValue("x")`, `set_password("service", "user", "x")`.
fn call(candidate: &Candidate<'_>) -> Result<(), &'static str> {
    let (name, keyword) = (candidate.name, &candidate.keyword);
    let word = &name[keyword.clone()];
    let behind = candidate.text.get(candidate.value_at.end..).unwrap_or_default();
    let more = matches!(behind, [b'"' | b'\'', b',', ..]);
    if word == b"PASS" && more || word == b"pass" && keyword.start == 0 && keyword.end < name.len() {
        return Err("the name is that of a function that passes something");
    }
    if more
        && words(&name[..keyword.start])
            .last()
            .is_some_and(|verb| listed(&["set", "store", "put", "save", "add"], verb))
    {
        return Err("the value is not the last one that is handed over");
    }
    Ok(())
}

/// Whether `PASS: value` is the verdict on a test: others stand in the lines near by.
pub(super) fn verdict_of_a_test(candidate: &Candidate<'_>, near: &[u8]) -> bool {
    const VERDICTS: [&[u8]; 6] = [b"\nPASS: ", b"\nFAIL: ", b"\nXFAIL: ", b"\nSKIP: ", b"\nUNSUPPORTED: ", b"\nok "];
    candidate.name == b"PASS" && VERDICTS.iter().any(|verdict| memchr::memmem::find(near, verdict).is_some())
}

#[cfg(test)]
mod tests {
    use super::{encoded_text, marked_up, names_a_method, of_another_script, stands_for_a_value};

    #[test]
    fn methods_are_names_and_passwords_are_not() {
        for name in
            ["scram-sha-256", "PBKDF2", "argon2id", "AES-256-GCM", "x25519_NEON", "RSA/ECB/OAEP", "caching_sha2"]
        {
            assert!(names_a_method(name.as_bytes()) || name == "caching_sha2", "{name}");
        }
        for value in ["12345", "sha-kV9xw2Lq", "Summer2024!", "aes256-x9Kq", "-", "2024-11-30"] {
            assert!(!names_a_method(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn texts_are_told_from_passwords() {
        for text in ["パスワードを入力", "ПАРОЛЬ", "密码提示"] {
            assert!(of_another_script(text.as_bytes()), "{text}");
        }
        for value in ["Größe2024!", "naïve-kV9", "пароль2024"] {
            assert!(!of_another_script(value.as_bytes()), "{value}");
        }
        assert!(
            stands_for_a_value("JELSZÓ".as_bytes()) && stands_for_a_value(b"PASS_WORD") && !stands_for_a_value(b"QX7")
        );
    }

    #[test]
    fn marks_and_escapes() {
        for value in ["DATEI\\fP", "[a-zA-Z0-9-_]+):(?P", "\\[rB]@\\[rB]", "salt\\0\\0\\0"] {
            assert!(marked_up(value.as_bytes()).is_err(), "{value}");
        }
        assert!(marked_up(b"kV9\\xw2-Lq[8a").is_ok());
        for value in [
            "\\x63\\x6c\\x69\\x65\\x6e\\x74\\x20\\x77\\x72\\x69\\x74\\x65",
            "%c3%89t%C3%A9",
            "%F0%9F%92%A9",
            "%60%7B%7D",
            "p%252d",
        ] {
            assert!(encoded_text(value.as_bytes()).is_err(), "{value}");
        }
        for value in ["\\x9b\\xbe\\x43\\x6b\\xa9\\x40", "p%40ss%2Fw0rd9", "100%safe", "Orders%9889", "x%DD3%Lqy"] {
            assert!(encoded_text(value.as_bytes()).is_ok(), "{value}");
        }
    }
}
