//! Is this value a secret? The judgement of the generic path, cheapest test first, every verdict in words.
//!
//! A value is dropped when it is plainly something else (a call, a template, a placeholder, a path, a UUID, an
//! identifier). What is left gets points for what random text has: class changes, costly letters, entropy.

use base64::Engine as _;

use super::assignment::{Operator, Quoting};
use super::words::{distinct, entropy, has_run, letter_cost, placeholder, reads_as_words, transitions};
use crate::finding::Reason;

/// A value and how it stands.
pub(crate) struct Candidate<'t> {
    /// The whole name.
    pub(crate) name: &'t [u8],
    /// Where the keyword stands in the name.
    pub(crate) keyword: std::ops::Range<usize>,
    pub(crate) value: &'t [u8],
    pub(crate) quoting: Quoting,
    pub(crate) operator: Operator,
    /// The byte behind the value.
    pub(crate) after: Option<u8>,
    /// Passwords may be chosen by people; tokens and keys are made by machines.
    pub(crate) password: bool,
}

/// Words of a name that, behind the keyword, say that its value is about a secret and not one.
const ABOUT: &[&str] = &[
    "mgr",
    "attribute",
    "name",
    "names",
    "id",
    "ids",
    "url",
    "urls",
    "uri",
    "type",
    "types",
    "file",
    "files",
    "filename",
    "path",
    "paths",
    "dir",
    "field",
    "fields",
    "label",
    "length",
    "len",
    "size",
    "count",
    "limit",
    "policy",
    "hash",
    "hashed",
    "hashes",
    "digest",
    "hint",
    "prompt",
    "placeholder",
    "title",
    "text",
    "message",
    "msg",
    "error",
    "errors",
    "regex",
    "pattern",
    "format",
    "expires",
    "expiry",
    "expiration",
    "expire",
    "ttl",
    "lifetime",
    "timeout",
    "age",
    "date",
    "time",
    "status",
    "state",
    "header",
    "headers",
    "param",
    "params",
    "parameter",
    "parameters",
    "env",
    "var",
    "variable",
    "ref",
    "class",
    "style",
    "icon",
    "color",
    "input",
    "form",
    "page",
    "view",
    "selector",
    "attempts",
    "strength",
    "score",
    "reset",
    "enabled",
    "required",
    "validator",
    "encoder",
    "algorithm",
    "algo",
    "alg",
    "method",
    "provider",
    "service",
    "manager",
    "store",
    "storage",
    "endpoint",
    "scope",
    "scopes",
    "version",
    "index",
    "offset",
    "kind",
    "issuer",
    "audience",
    "owner",
    "user",
    "username",
    "description",
    "desc",
    "source",
    "location",
    "handler",
    "callback",
    "generator",
    "validation",
    "mode",
    "usage",
    "rules",
    "prefix",
    "suffix",
    "separator",
    "delimiter",
    "chars",
    "charset",
    "arn",
    "list",
    "set",
    "map",
    "table",
    "column",
    "schema",
    "config",
    "settings",
    "options",
    "option",
    "flag",
    "request",
    "response",
    "result",
    "event",
    "action",
    "test",
    "check",
    "changed",
    "needed",
    "found",
    "missing",
    "invalid",
    "template",
    "comment",
    "note",
    "help",
    "link",
    "protected",
    "provided",
    "resolver",
    "function",
    "func",
    "fn",
    "cache",
    "cookie",
    "command",
    "cmd",
    "script",
    "tag",
    "fingerprint",
    "keyring",
    "manager",
    "node",
    "tree",
    "stream",
    "iter",
    "kinds",
    "lexer",
    "parser",
    "spec",
    "span",
    "pos",
    "position",
    "line",
];

/// Words of a name that, anywhere in it, say the same.
const NOT_SECRET: &[&str] = &[
    "public",
    "csrf",
    "xsrf",
    "pub",
    "next",
    "page",
    "continuation",
    "cancellation",
    "max",
    "min",
    "num",
    "has",
    "is",
    "no",
    "sort",
    "primary",
    "foreign",
    "partition",
    "cache",
    "idempotency",
    "sha",
    "md5",
    "checksum",
    "integrity",
    "hash",
    "digest",
    "translation",
    "i18n",
    "label",
];

/// Points for the value, or why it is none.
pub(crate) fn judge(candidate: &Candidate<'_>) -> Result<Vec<Reason>, &'static str> {
    let value = candidate.value;
    let least = if candidate.password { 5 } else { 8 };
    if value.len() < least {
        return Err("the value is too short");
    }
    if value.len() > 512 {
        return Err("the value is too long for a secret without a shape of its own");
    }
    name_fits(candidate)?;
    expression(candidate)?;
    template(value)?;
    something_else(value, candidate.password)?;
    if let Some(word) = placeholder(value) {
        // A long random value may hold a short word by chance; a placeholder is mostly the word.
        if value.len() < word.len() * 4 || letter_cost(value).is_some_and(|cost| cost < 5.0) {
            return Err("the value holds a placeholder word");
        }
    }
    if distinct(value) < 5 || has_run(value, 6) {
        return Err("the value repeats or counts");
    }
    points(candidate)
}

/// The keyword ends a word of the name, and no word behind it makes it something about a secret.
fn name_fits(candidate: &Candidate<'_>) -> Result<(), &'static str> {
    let name = candidate.name;
    let keyword = &name[candidate.keyword.clone()];
    let behind = &name[candidate.keyword.end..];
    if let (Some(&last), Some(&next)) = (keyword.last(), behind.first()) {
        let runs_on = last.is_ascii_lowercase() && next.is_ascii_lowercase()
            || last.is_ascii_uppercase()
                && next.is_ascii_uppercase()
                && keyword.iter().all(|byte| !byte.is_ascii_lowercase());
        if runs_on {
            return Err("the keyword is only a piece of a longer word in the name");
        }
    }
    if words(behind).any(|word| listed(ABOUT, word)) {
        return Err("the name says that the value is about a secret");
    }
    if words(&name[..candidate.keyword.start]).any(|word| listed(NOT_SECRET, word)) {
        return Err("the name says that the value is not secret");
    }
    Ok(())
}

fn listed(list: &[&str], word: &[u8]) -> bool {
    list.iter().any(|entry| entry.as_bytes().eq_ignore_ascii_case(word))
}

/// The words of an identifier: split at signs, and where a capital follows a small letter.
fn words(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let start = rest.iter().position(u8::is_ascii_alphanumeric)?;
        rest = &rest[start..];
        let mut end = 1;
        while end < rest.len()
            && rest[end].is_ascii_alphanumeric()
            && !(rest[end].is_ascii_uppercase() && rest[end - 1].is_ascii_lowercase())
        {
            end += 1;
        }
        let word = &rest[..end];
        rest = &rest[end..];
        Some(word)
    })
}

/// Bare values that are code: calls, member access, indexes, arithmetic.
fn expression(candidate: &Candidate<'_>) -> Result<(), &'static str> {
    let value = candidate.value;
    let quoted = matches!(candidate.quoting, Quoting::Quoted(_) | Quoting::Element);
    if quoted {
        if candidate.password && value.len() < 6 {
            return Err("the value is too short");
        }
        return if value.contains(&b' ') { Err("the value is a phrase") } else { Ok(()) };
    }
    if candidate.quoting == Quoting::BareInside {
        return Err("the value is an expression");
    }
    if matches!(candidate.operator, Operator::Compare | Operator::Call) {
        return Err("the value is an expression");
    }
    if value.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{' | b'*')) && !candidate.password {
        return Err("the value is an expression");
    }
    if matches!(value[0], b'&' | b'\\' | b'!') || matches!(value[value.len() - 1], b'[' | b'(' | b'{' | b'=') {
        return Err("the value is an expression");
    }
    if value.contains(&b'(') || matches!(candidate.after, Some(b'(' | b'[' | b')' | b']')) {
        return Err("the value is an expression");
    }
    if value.windows(2).any(|pair| pair == b"->" || pair == b"::" || pair == b"&&" || pair == b"||") {
        return Err("the value is an expression");
    }
    // `a.b.c`: member access, or a host name.
    if value.contains(&b'.') && value.split(|&byte| byte == b'.').all(|part| part.is_empty() || identifier(part)) {
        return Err("the value is a member access");
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    if identifier(value) && (digits == 0 || reads_as_words(value)) {
        return Err("the value is an identifier");
    }
    Ok(())
}

fn identifier(text: &[u8]) -> bool {
    text.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && (text.len() < 24 || reads_as_words(text))
}

/// Templates, references and encrypted values.
fn template(value: &[u8]) -> Result<(), &'static str> {
    const MARKS: [&[u8]; 17] = [
        b"${",
        b"{{",
        b"}}",
        b"$(",
        b"#{",
        b"<%",
        b"%(",
        b"@@",
        b"ENC[",
        b"%{",
        b"{%",
        b"...",
        b"***",
        b"$env:",
        b"process.env",
        b"getenv",
        b"%s",
    ];
    if MARKS.iter().any(|mark| value.windows(mark.len()).any(|window| window.eq_ignore_ascii_case(mark))) {
        return Err("the value is a template or a reference");
    }
    let starts = |prefix: &[u8]| value.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    const REFERENCES: [&[u8]; 19] = [
        b"vault:",
        b"op://",
        b"!vault",
        b"!ref",
        b"!sub",
        b"arn:",
        b"secretsmanager",
        b"ssm:",
        b"env.",
        b"env:",
        b"file:",
        b"secret:",
        b"keyring:",
        b"encrypted:",
        b"{cipher}",
        b"sops:",
        b"sm://",
        b"gcp:",
        b"projects/",
    ];
    if REFERENCES.iter().any(|prefix| starts(prefix)) {
        return Err("the value is a reference to a secret store");
    }
    let (first, last) = (value[0], value[value.len() - 1]);
    if matches!((first, last), (b'<', b'>') | (b'{', b'}') | (b'[', b']') | (b'%', b'%') | (b'_', b'_') | (b'$', _)) {
        return Err("the value is a template or a reference");
    }
    Ok(())
}

/// URLs, paths, file names, UUIDs, dates, numbers, versions, media, hashes with a label.
fn something_else(value: &[u8], password: bool) -> Result<(), &'static str> {
    if value.windows(3).any(|window| window == b"://") {
        return Err("the value is a URL");
    }
    if value.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'/' | b',' | b'+'))
    {
        return Err("the value is a number, date or version");
    }
    if value.len() > 2 && value[0] == b'0' && matches!(value[1], b'x' | b'X') {
        let digits = value[2..].iter().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'_').count();
        if digits < 24 && digits + 2 + 3 >= value.len() {
            return Err("the value is a number, date or version");
        }
    }
    if value.windows(36).any(uuid) {
        return Err("the value is a UUID");
    }
    if basic(value) == Some(false) {
        return Err("the value encodes a name and a placeholder password");
    }
    let slashes = value.iter().filter(|&&byte| byte == b'/').count();
    if matches!(value[0], b'/' | b'.' | b'~')
        || value.starts_with(b"C:\\")
        || value.windows(2).any(|pair| pair == b"\\\\") && !password
    {
        if value.len() < 40 || reads_as_words(value) || letter_cost(value).is_some_and(|cost| cost < 5.2) {
            return Err("the value is a path");
        }
    }
    if slashes > 0 && value.split(|&byte| byte == b'/').all(|part| part.len() < 3 || reads_as_words(part)) {
        return Err("the value is a path");
    }
    if let Some(dot) = value.iter().rposition(|&byte| byte == b'.') {
        const EXTENSIONS: &[&str] = &[
            "pem", "json", "txt", "key", "crt", "cer", "yml", "yaml", "toml", "xml", "cfg", "conf", "ini", "env", "py",
            "js", "ts", "go", "rs", "java", "rb", "php", "sh", "html", "css", "md", "com", "org", "net", "io", "local",
            "jks", "p12", "pfx", "svc", "internal", "c", "h",
        ];
        if listed(EXTENSIONS, &value[dot + 1..]) {
            return Err("the value is a file or host name");
        }
    }
    for label in [
        "sha1-", "sha256-", "sha384-", "sha512-", "sha256:", "sha1:", "md5:", "h1:", "data:", "MIIB", "MIIC", "MIID",
        "MIIE", "ssh-rsa", "iVBOR", "urn:", "$2a$", "$2b$", "$2y$", "$argon2", "pbkdf2", "{SSHA}", "{bcrypt}",
    ] {
        if value.starts_with(label.as_bytes()) {
            return Err("the value is a digest, a certificate or public data");
        }
    }
    Ok(())
}

/// Whether the value is base64 of `name:password` with a password worth reporting; `None` when it is no such thing.
fn basic(value: &[u8]) -> Option<bool> {
    if value.len() > 400 || value.len() % 4 != 0 {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(value).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let (name, password) = (&decoded[..colon], &decoded[colon + 1..]);
    if name.is_empty() || !decoded.iter().all(|byte| (b' '..0x7f).contains(byte)) {
        return None;
    }
    Some(password.len() >= 6 && !reads_as_words(password) && placeholder(password).is_none() && password != name)
}

fn uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What random text has, in points.
fn points(candidate: &Candidate<'_>) -> Result<Vec<Reason>, &'static str> {
    let value = candidate.value;
    let mut reasons = Vec::new();
    let entropy = entropy(value);
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let most = (value.len() as f32).min(if hex { 16.0 } else { 64.0 }).log2();
    let share = entropy / most;
    let changes = transitions(value);
    let cost = letter_cost(value).unwrap_or(0.0);
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let signs = value.len() - digits - letters;
    if reads_as_words(value) {
        if !candidate.password {
            return Err("the value reads as words");
        }
        // A password of plain words and nothing else cannot be told from a label.
        if digits == 0 && signs == 0 || !matches!(candidate.quoting, Quoting::Quoted(_) | Quoting::Bare) {
            return Err("the value reads as words");
        }
        if value.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.')) {
            return Err("the value reads as an identifier");
        }
        reasons.push(Reason::new(-10, "it reads as words with digits or signs"));
    } else if changes > 0.35 || cost > 5.6 {
        reasons.push(Reason::new(20, "its characters look random"));
    } else if cost > 5.0 || changes > 0.25 {
        reasons.push(Reason::new(10, "its characters look fairly random"));
    }
    if candidate.password {
        let kinds = u8::from(digits > 0)
            + u8::from(signs > 0)
            + u8::from(value.iter().any(u8::is_ascii_uppercase))
            + u8::from(value.iter().any(u8::is_ascii_lowercase));
        if kinds < 2 && !(hex && value.len() >= 16) && cost < 5.6 {
            return Err("the value is too plain for a password");
        }
        if disguised(value) {
            reasons.push(Reason::new(-20, "it is the word password with digits for letters"));
        }
        if kinds >= 3 {
            reasons.push(Reason::new(10, "it mixes kinds of characters as passwords do"));
        }
    } else {
        if share < 0.8 || entropy < 2.8 {
            return Err("the value's entropy is too low");
        }
        if digits == 0 && (value.len() < 20 || cost < 5.4) {
            return Err("the value has no digit and is too plain for a key");
        }
        if value.len() >= 16 && share > 0.85 {
            reasons.push(Reason::new(10, "its entropy is that of random text"));
        }
        match value.len() {
            ..12 => reasons.push(Reason::new(-30, "it is short for a key")),
            12..16 => reasons.push(Reason::new(-15, "it is short for a key")),
            _ => {}
        }
    }
    if hex && matches!(value.len(), 32 | 40 | 64) && !candidate.password {
        reasons.push(Reason::new(-5, "it has the form of a digest as well"));
    }
    if candidate.operator == Operator::Compare {
        reasons.push(Reason::new(-10, "it is compared, not assigned"));
    }
    if candidate.operator == Operator::Call {
        reasons.push(Reason::new(-5, "it is an argument"));
    }
    Ok(reasons)
}

/// `P4ssw0rd` and the like: a placeholder word written with digits and signs for letters.
fn disguised(value: &[u8]) -> bool {
    let plain: Vec<u8> = value
        .iter()
        .map(|byte| match byte {
            b'0' => b'o',
            b'1' | b'!' => b'i',
            b'3' => b'e',
            b'4' | b'@' => b'a',
            b'5' | b'$' => b's',
            b'7' => b't',
            other => *other,
        })
        .collect();
    placeholder(&plain).is_some()
}

#[cfg(test)]
mod tests {
    use super::{Candidate, judge};
    use crate::engine::assignment::read;

    fn verdict(text: &str, keyword: &str) -> Result<i16, &'static str> {
        let at = text.find(keyword).expect("keyword there");
        let found = read(text.as_bytes(), at..at + keyword.len()).found.ok_or("no assignment")?;
        judge(&Candidate {
            name: &text.as_bytes()[found.name.clone()],
            keyword: at - found.name.start..at - found.name.start + keyword.len(),
            value: &text.as_bytes()[found.value.clone()],
            quoting: found.quoting,
            operator: found.operator,
            after: text.as_bytes().get(found.value.end).copied(),
            password: keyword.contains("pass"),
        })
        .map(|reasons| reasons.iter().map(|reason| reason.points).sum())
    }

    #[test]
    fn quiet_about_what_is_no_secret() {
        for (text, keyword) in [
            ("password = getPassword()", "password"),
            ("password = ${VAR}", "password"),
            ("password: \"{{ vault_pw }}\"", "password"),
            ("password = changeme", "password"),
            ("password=\"Enter your password\"", "password"),
            ("token: 123e4567-e89b-12d3-a456-426614174000", "token"),
            ("password = request.form.password", "password"),
            ("token = nextToken;", "token"),
            ("token_type = \"Zx81kLmQ99pRtYv2\"", "token"),
            ("tokenizer = \"Zx81kLmQ99pRtYv2\"", "token"),
            ("secret = \"/run/secrets/db_pw1\"", "secret"),
            ("secret: 'aws-load-balancer-tls'", "secret"),
            ("password: null", "password"),
            ("token = os.environ[\"A1b2C3d4E5f6\"]", "token"),
            ("WRONG_password: STATUS = 0xC000006AL;", "password"),
            ("self.password = module.params['password']", "password"),
            ("'PWDpassword' => \\&PWD_ftp9", "password"),
            ("password_hash = \"x9$kQ2mZpL7v\"", "password"),
        ] {
            assert!(verdict(text, keyword).is_err(), "{text}: {:?}", verdict(text, keyword));
        }
    }

    #[test]
    fn loud_about_what_is() {
        for (text, keyword) in [
            ("password = \"kV9#xw2!pQ\"", "password"),
            ("DB_password=Summer2024!\n", "password"),
            ("secret: 'q7Gf0ZxT2mV8LkWp3Rb6YdNc'", "secret"),
            ("token = \"8f14e45fceea167a5a36dedd4bea2543\"", "token"),
        ] {
            assert!(verdict(text, keyword).is_ok(), "{text}: {:?}", verdict(text, keyword));
        }
    }
}
