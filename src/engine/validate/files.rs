//! Entries of credential files: Docker's and Basic authentication, .netrc, .pgpass, shadow.

use super::super::words;
use super::codec::base64;
use super::placeholder::{self, Host};
use super::{Checked, HOLDS, Weighed, rejected};

/// Longest entry that is looked at.
const LONGEST: usize = 8192;

/// Docker's `auth`, and HTTP's Basic scheme (RFC 7617): base64 of `user:password`. Fact: user.
pub(super) fn docker_auth(secret: &[u8], _whole: &[u8]) -> Checked {
    let decoded = if secret.len() <= LONGEST { base64(secret) } else { None };
    let Some(text) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return rejected("not the base64 of text");
    };
    let text = text.trim_end_matches(['\n', '\r', '\0']);
    if text.chars().any(char::is_control) {
        return rejected("not the base64 of text");
    }
    let Some((user, password)) = text.split_once(':') else { return rejected("decodes to no user:password") };
    if placeholder::is_placeholder(password) {
        return rejected("its password is a placeholder");
    }
    let mut weighed = Weighed::default();
    match user.eq_ignore_ascii_case(password) {
        true => weighed.add(-30, "user and password are the same"),
        false => weighed.prove(HOLDS, "decodes to user:password"),
    }
    if user.is_empty() {
        weighed.add(-10, "no user");
    }
    // `hello:world`, `user:user_pass`: made up to be encoded.
    let letters = password.chars().all(|letter| letter.is_lowercase() || matches!(letter, '_' | '-'));
    if letters && password.len() < 16 || password.len() < 5 {
        weighed.add(-45, "its password is a word");
    }
    weighed.verdict().with("user", user)
}

/// `.netrc`: `machine HOST login USER password VALUE`, the tokens apart by any white space. Facts: host, user.
pub(super) fn netrc(secret: &[u8], whole: &[u8]) -> Checked {
    if whole.len() > LONGEST {
        return rejected("longer than an entry");
    }
    let text = String::from_utf8_lossy(whole);
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
    let given = String::from_utf8_lossy(secret);
    let password =
        if secret.len() < whole.len() { Some(given.as_ref()) } else { after("password").or(after("passwd")) };
    entry(after("machine"), after("login"), password.unwrap_or_default())
}

/// `.pgpass`: `host:port:database:user:password`, with `\:` and `\\` escaped. Facts: host, user.
pub(super) fn pgpass(_secret: &[u8], whole: &[u8]) -> Checked {
    if whole.len() > LONGEST {
        return rejected("longer than an entry");
    }
    let text = String::from_utf8_lossy(whole);
    let mut fields = vec![String::new()];
    let mut letters = text.trim().chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '\\' => letters.next().unwrap_or('\\'),
            // The password is the rest; a colon in it should be escaped but often is not.
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            other => other,
        };
        if let Some(field) = fields.last_mut() {
            field.push(letter);
        }
    }
    let [host, port, _, user, password] = fields.as_slice() else { return rejected("an entry has five fields") };
    if port != "*" && (port.is_empty() || port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return rejected("its second field is no port");
    }
    entry((host != "*").then_some(host), Some(user), password)
}

/// A password in its place in a file: no placeholder, no template, no word of a sentence.
pub(super) fn password_value(secret: &[u8], _whole: &[u8]) -> Checked {
    let text = String::from_utf8_lossy(secret);
    if secret.len() > LONGEST || placeholder::is_placeholder(&text) {
        return rejected("its password is a placeholder");
    }
    let letters = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if letters
        && (text.len() < 12 && text.bytes().all(|byte| byte.is_ascii_lowercase()) || words::reads_as_words(secret))
    {
        return rejected("it is a word");
    }
    // `Admin123`: a sample's word and hardly more.
    if words::placeholder(secret).is_some_and(|word| word.len() >= 7 || secret.len() < word.len() * 3) {
        return rejected("its password is a sample");
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() < 8 {
        return rejected("it is a number");
    }
    super::silent()
}

fn entry(host: Option<&str>, user: Option<&str>, password: &str) -> Checked {
    if placeholder::is_placeholder(password) {
        return rejected("its password is a placeholder");
    }
    let mut weighed = Weighed::default();
    match host.map(placeholder::host) {
        Some(Host::Example) => return rejected("its host is an example or a template"),
        Some(Host::Real) => weighed.add(HOLDS, "a complete entry for another machine"),
        Some(kind) => {
            let doubt = placeholder::doubt(kind, user.unwrap_or_default(), password);
            doubt.into_iter().for_each(|(points, why)| weighed.add(points, why));
        }
        None => {}
    }
    if user.is_some_and(|user| user.eq_ignore_ascii_case(password)) {
        weighed.add(-30, "user and password are the same");
    }
    weighed.verdict().with_some("host", host).with_some("user", user)
}

/// crypt(3) hashes: `$id$salt$hash` with the length that the scheme has; a locked account has none. Fact: scheme.
pub(super) fn shadow_hash(secret: &[u8], _whole: &[u8]) -> Checked {
    let start = secret.iter().position(|byte| *byte == b'$').unwrap_or(secret.len());
    let text = secret[start..].split(|byte| *byte == b':' || byte.is_ascii_whitespace()).next().unwrap_or_default();
    let parts: Vec<&[u8]> = text.split(|byte| *byte == b'$').skip(1).take(8).collect();
    let Some((id, hash)) = parts.first().zip(parts.last()).filter(|_| parts.len() > 2) else {
        return rejected("no password hash in it");
    };
    let (scheme, length) = match *id {
        b"1" => ("md5crypt", 22..=22),
        b"apr1" => ("apr1", 22..=22),
        b"2" | b"2a" | b"2b" | b"2x" | b"2y" => ("bcrypt", 53..=53),
        b"5" => ("sha256crypt", 43..=43),
        b"6" => ("sha512crypt", 86..=86),
        b"y" => ("yescrypt", 43..=43),
        b"gy" => ("gost-yescrypt", 43..=43),
        b"7" => ("scrypt", 43..=43),
        b"argon2i" | b"argon2d" | b"argon2id" => ("argon2", 16..=128),
        _ => return rejected("no scheme of password hashes that is known"),
    };
    let crypt = |byte: &u8| byte.is_ascii_alphanumeric() || b"./+=".contains(byte);
    if !length.contains(&hash.len()) || !hash.iter().all(crypt) {
        return rejected("the hash does not have the length of its scheme");
    }
    if hash.iter().all(|byte| *byte == hash[0]) {
        return rejected("the hash is a placeholder");
    }
    let mut weighed = Weighed::default();
    weighed.add(HOLDS, "a password hash of the right length");
    weighed.verdict().with("scheme", scheme)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base64;
    use super::*;

    fn rises(checked: &Checked) -> bool {
        matches!(&checked.verdict, Verdict::Confirmed(why) | Verdict::Hint(why) if why.points > 0)
    }

    fn refuses(checked: &Checked) -> bool {
        matches!(checked.verdict, Verdict::Rejected(_))
    }

    #[test]
    fn basic_authentication() {
        let checked = docker_auth(to_base64(b"robot:kV9xw:2Lq").as_bytes(), b"");
        assert!(rises(&checked) && checked.facts == [("user", "robot".to_owned())]);
        for text in ["user:password", "no colon here", "u:${X}", "a:\u{1}b", "user:"] {
            assert!(refuses(&docker_auth(to_base64(text.as_bytes()).as_bytes(), b"")), "{text}");
        }
        assert!(refuses(&docker_auth(&[0xff; 9], b"")));
    }

    #[test]
    fn entries_of_files() {
        let text = b"machine git.company.com\n  login me\n\tpassword kV9xw2Lq";
        let checked = netrc(text, text);
        assert!(rises(&checked) && checked.facts[0] == ("host", "git.company.com".to_owned()));
        assert!(rises(&netrc(b"kV9xw2Lq", text)));
        assert!(refuses(&netrc(b"", b"machine git.company.com login me password")));
        let checked = pgpass(b"", b"db.company.com:5432:*:me:k\\:V9xw\\\\2L:q"); // keysweep:allow made up
        assert!(rises(&checked) && checked.facts[1] == ("user", "me".to_owned()));
        assert!(matches!(pgpass(b"", b"localhost:*:*:me:kV9xw2Lq").verdict, Verdict::Hint(why) if why.points < 0));
        for text in ["a:b:c", "db.company.com:x:*:me:kV9xw2Lq", "db.company.com:5432:*:me:password", "\\"] {
            assert!(refuses(&pgpass(b"", text.as_bytes())), "{text}");
        }
    }

    #[test]
    fn passwords_in_their_place() {
        for text in ["password", "${PW}", "<secret>", "changeme", "word"] {
            assert!(refuses(&password_value(text.as_bytes(), b"")), "{text}");
        }
        for text in ["kV9xw2Lq", "Summer2024!", "four-plain-words-here"] {
            assert!(matches!(password_value(text.as_bytes(), b"").verdict, Verdict::Silent), "{text}");
        }
    }

    #[test]
    fn password_hashes() {
        let line = format!("root:$6$saltsalt${}:19000:0:99999:7:::", "aB3/".repeat(22).get(..86).unwrap());
        assert_eq!(shadow_hash(line.as_bytes(), b"").facts, [("scheme", "sha512crypt".to_owned())]);
        let bcrypt = format!("$2y$10${}", "aB3/x".repeat(11).get(..53).unwrap());
        assert!(rises(&shadow_hash(bcrypt.as_bytes(), b"")));
        for text in ["", "$", "$6$salt$short", "root:!:19000", "$99$salt$hash", "$$$$$$$$$$$"] {
            assert!(refuses(&shadow_hash(text.as_bytes(), b"")), "{text}");
        }
    }
}
