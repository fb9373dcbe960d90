//! What a name or a value plainly is when it is no secret: the tests that keep the generic path quiet.
//!
//! Each answers `Err` with the reason in words, which `explain` shows.

use super::assignment::{BACK, Operator, Quoting};
use super::forms::{UUID, basic, beside_uuids, ends_in_a_year, instant, is_mixed, items_of_a_list, numbered, suffixed};
use super::value::Candidate;
use super::words::{has_field, letter_cost, reads_as_words};

/// Words of a name that, behind the keyword, say that its value is about a secret and not one.
#[rustfmt::skip]
const ABOUT: &[&str] = &[
    "mgr", "attribute", "name", "names", "id", "ids", "url", "urls", "uri", "type", "types", "file", "files",
    "filename", "path", "paths", "dir", "field", "fields", "label", "length", "len", "size", "count", "limit",
    "policy", "hash", "hashed", "hashes", "digest", "hint", "prompt", "placeholder", "title", "text", "message",
    "msg", "error", "errors", "regex", "pattern", "format", "expires", "expiry", "expiration", "expire", "ttl",
    "lifetime", "timeout", "age", "date", "time", "status", "state", "header", "headers", "param", "params",
    "parameter", "parameters", "env", "var", "variable", "ref", "class", "style", "icon", "color", "input", "form",
    "page", "view", "selector", "attempts", "strength", "score", "reset", "enabled", "required", "validator",
    "encoder", "algorithm", "algo", "alg", "method", "provider", "service", "manager", "store", "storage",
    "endpoint", "scope", "scopes", "version", "index", "offset", "kind", "issuer", "audience", "owner", "user",
    "username", "description", "desc", "source", "location", "handler", "callback", "generator", "validation",
    "mode", "usage", "rules", "prefix", "suffix", "separator", "delimiter", "chars", "charset", "arn", "list",
    "set", "map", "table", "column", "schema", "config", "settings", "options", "option", "flag", "request",
    "response", "result", "event", "action", "test", "check", "changed", "needed", "found", "missing", "invalid",
    "template", "comment", "note", "help", "link", "protected", "provided", "resolver", "function", "func", "fn",
    "cache", "cookie", "command", "cmd", "script", "tag", "fingerprint", "keyring", "manager", "node", "tree",
    "stream", "iter", "kinds", "lexer", "parser", "spec", "span", "pos", "position", "line", "sha1", "sha256",
    "sha", "sha2", "sha3", "sha512", "md5", "checksum", "thru", "through", "complexity", "commit", "revision", "region", "branch",
];

/// Words of a name that, anywhere in it, say the same.
#[rustfmt::skip]
pub(super) const NOT_SECRET: &[&str] = &[
    "public", "csrf", "xsrf", "pub", "next", "page", "continuation", "cancellation", "max", "min", "num", "has",
    "is", "no", "sort", "primary", "foreign", "partition", "cache", "cached", "idempotency", "sha", "md5", "checksum",
    "integrity", "hash", "hashed", "digest", "translation", "i18n", "label", "authenticity", "antiforgery",
];

/// The keyword ends a word of the name, and no word behind it makes it something about a secret.
pub(super) fn name_fits(candidate: &Candidate<'_>) -> Result<(), &'static str> {
    is_of_a_secret(candidate.name, &candidate.keyword)
}

/// See [`name_fits`].
pub(super) fn is_of_a_secret(name: &[u8], place: &std::ops::Range<usize>) -> Result<(), &'static str> {
    let keyword = &name[place.clone()];
    // A field of a window holds the value itself: `txtPassword.Text`.
    const HOLDS: [&[u8]; 2] = [b".text", b".value"];
    let behind = &name[place.end..];
    let held = HOLDS
        .iter()
        .find(|field| behind.len() >= field.len() && behind[behind.len() - field.len()..].eq_ignore_ascii_case(field));
    let behind = &behind[..behind.len() - held.map_or(0, |field| field.len())];
    if let (Some(&last), Some(&next)) = (keyword.last(), behind.first()) {
        let runs_on = last.is_ascii_lowercase() && next.is_ascii_lowercase()
            || last.is_ascii_uppercase()
                && next.is_ascii_uppercase()
                && keyword.iter().all(|byte| !byte.is_ascii_lowercase());
        if runs_on {
            return Err("the keyword is only a piece of a longer word in the name");
        }
    }
    if words(behind).any(|word| listed(ABOUT, word)) || file_name(name) {
        return Err("the name says that the value is about a secret");
    }
    // The token against forged requests is public, what signs it is not.
    let signs = |word: &[u8]| listed(&["csrf", "xsrf"], word) && keyword.eq_ignore_ascii_case(b"secret");
    if words(&name[..place.start]).any(|word| listed(NOT_SECRET, word) && !signs(word)) {
        return Err("the name says that the value is not secret");
    }
    Ok(())
}

/// Words of a call that asks for a value by its name.
const ASKING: &[&str] = &["get", "read", "fetch", "load", "find", "lookup", "has", "is", "check", "resolve", "require"];

/// Name and value stand as those of a secret do.
pub(super) fn place_fits(candidate: &Candidate<'_>) -> Result<(), &'static str> {
    let name = candidate.name;
    let start = candidate.name_at.start;
    let before = start.checked_sub(1).map(|at| candidate.text[at]);
    // `arn:aws:secretsmanager:eu-west-1:...:secret:name`
    let resource = || memchr::memmem::find(&candidate.text[start.saturating_sub(BACK)..start], b"arn:").is_some();
    if before == Some(b':') && resource() {
        return Err("the name is a piece of a resource's name");
    }
    let line = &candidate.text[start.saturating_sub(BACK)..start];
    if line.len() >= 5 && line[line.len() - 5..].eq_ignore_ascii_case(b"page ") {
        return Err("the value marks a page");
    }
    if line.ends_with(b".svg?") {
        return Err("the token of a badge is public");
    }
    if before == Some(b'/') && candidate.value.iter().all(u8::is_ascii_hexdigit) {
        return Err("the name is a path, the value its digest");
    }
    if candidate.operator == Operator::Space && name.eq_ignore_ascii_case(b"pass") {
        return Err("the keyword is a word of a sentence");
    }
    if items_of_a_list(candidate) {
        return Err("name and value are two items of a list");
    }
    // Of `keyring.get_password` the last part.
    let called = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    if candidate.operator == Operator::Call && words(called).next().is_some_and(|word| listed(ASKING, word)) {
        return Err("the value is asked for by its name");
    }
    Ok(())
}

/// Whether the name is a file's: `token.rs` in a list of checksums.
fn file_name(name: &[u8]) -> bool {
    #[rustfmt::skip]
    const SOURCES: &[&str] = &[
        "rs", "py", "js", "ts", "tsx", "jsx", "go", "java", "rb", "php", "c", "h", "cpp", "hpp", "cs", "swift", "kt", "md", "rst", "txt",
        "css", "scss", "html", "svg", "png", "pem", "der", "bin", "p8", "crt", "cer", "yml", "yaml", "toml", "lock", "conf", "proto",
        "stderr", "stdout",
    ];
    // The page of a manual ends in its section: `passwd.8`.
    let kind = name.iter().rposition(|&byte| byte == b'.').map_or(&[][..], |dot| &name[dot + 1..]);
    matches!(kind, [b'1'..=b'9']) || listed(SOURCES, kind)
}

pub(super) fn listed(list: &[&str], word: &[u8]) -> bool {
    list.iter().any(|entry| entry.as_bytes().eq_ignore_ascii_case(word))
}

/// The words of an identifier: split at signs, and where a capital follows a small letter.
pub(super) fn words(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    word_spans(name).map(|span| &name[span])
}

/// Whether a new word begins with the capital at `at`: behind a small letter, or as in `ai21Key` behind a digit.
fn capital_begins(name: &[u8], at: usize) -> bool {
    let small = |at: usize| name.get(at).is_some_and(u8::is_ascii_lowercase);
    name[at].is_ascii_uppercase() && (small(at - 1) || name[at - 1].is_ascii_digit() && small(at + 1))
}

/// Where the words of an identifier stand.
pub(super) fn word_spans(name: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + name[at..].iter().position(u8::is_ascii_alphanumeric)?;
        at = start + 1;
        while at < name.len() && name[at].is_ascii_alphanumeric() && !capital_begins(name, at) {
            at += 1;
        }
        Some(start..at)
    })
}

/// Bare values that are code: calls, member access, indexes, arithmetic.
pub(super) fn expression(candidate: &Candidate<'_>) -> Result<(), &'static str> {
    let value = candidate.value;
    let quoted = matches!(candidate.quoting, Quoting::Quoted(_) | Quoting::Element);
    if quoted {
        if candidate.password && value.len() < 6 {
            return Err("the value is too short");
        }
        if candidate.quoting == Quoting::Element && value.ends_with(b")") && value.contains(&b'(') {
            return Err("the value is an expression");
        }
        return if value.contains(&b' ') { Err("the value is a phrase") } else { Ok(()) };
    }
    if candidate.quoting == Quoting::BareInside {
        return Err("the value is an expression");
    }
    // `credential_plaintext *name;`
    if candidate.operator == Operator::Space && value[0] == b'*' {
        return Err("the value is the name of a pointer");
    }
    if matches!(candidate.operator, Operator::Compare | Operator::Call) {
        return Err("the value is an expression");
    }
    if value.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{' | b'*')) && !candidate.password {
        return Err("the value is an expression");
    }
    let padded = value.len() >= 16 && value[..value.len() - 2].iter().any(u8::is_ascii_digit);
    if matches!(value[0], b'&' | b'\\' | b'!')
        || matches!(value[value.len() - 1], b'[' | b'(' | b'{')
        || value.ends_with(b"=") && !padded
    {
        return Err("the value is an expression");
    }
    if value.contains(&b'(') || matches!(candidate.after, Some(b'(' | b'[' | b')' | b']')) {
        return Err("the value is an expression");
    }
    if value.windows(2).any(|pair| pair == b"->" || pair == b"::" || pair == b"&&" || pair == b"||") {
        return Err("the value is an expression");
    }
    // `a.b.c`: member access, or a host name.
    if value.contains(&b'.')
        && !value.ends_with(b".")
        && !(candidate.password && ends_in_a_year(value))
        && value.split(|&byte| byte == b'.').all(|part| part.is_empty() || identifier(part))
    {
        return Err("the value is a member access");
    }
    if value.strip_suffix(b"?").is_some_and(|kind| kind.iter().all(u8::is_ascii_alphabetic)) {
        return Err("the value is a type");
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    if !candidate.password && identifier(value) && value.len() < 20 && value.contains(&b'_') {
        return Err("the value is an identifier");
    }
    let parts = value.split(|&byte| byte == b'.').filter(|part| !part.is_empty());
    if parts.clone().count() > 1
        && !(candidate.password && ends_in_a_year(value))
        && parts
            .clone()
            .all(|part| !part[0].is_ascii_digit() && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_'))
        && parts.clone().any(reads_as_words)
    {
        return Err("the value is a member access");
    }
    // Nobody has a name of so many letters that are so unlike words.
    let least = match value.len() {
        14.. => 5.6,
        12.. if is_mixed(value) => 5.8,
        _ => f32::INFINITY,
    };
    let unlike = letter_cost(value).is_some_and(|cost| cost >= least);
    if identifier(value) && (digits == 0 && !unlike || !candidate.password && reads_as_words(value)) {
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
pub(super) fn template(value: &[u8]) -> Result<(), &'static str> {
    const PAIRS: [(&[u8], u8); 9] = [
        (b"${", b'}'),
        (b"{{", b'}'),
        (b"$(", b')'),
        (b"#{", b'}'),
        (b"<%", b'>'),
        (b"%(", b')'),
        (b"%{", b'}'),
        (b"{%", b'}'),
        (b"$[", b']'),
    ];
    let pair = |(open, close): &(&[u8], u8)| {
        memchr::memmem::find(value, open).is_some_and(|at| value[at + open.len()..].contains(close))
    };
    // In a long random value they stand by chance.
    let directive = value.len() < 16 && memchr::memmem::find(value, b"%s").is_some();
    let doubled = memchr::memmem::find_iter(value, b"@@").count() > 1;
    const MARKS: [&[u8]; 6] = [b"ENC[", b"...", b"***", b"$env:", b"process.env", b"getenv"];
    if MARKS.iter().any(|mark| value.windows(mark.len()).any(|window| window.eq_ignore_ascii_case(mark)))
        || directive
        || doubled
        || PAIRS.iter().any(pair)
        || has_field(value)
    {
        return Err("the value is a template or a reference");
    }
    let starts = |prefix: &[u8]| value.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    const REFERENCES: [&[u8]; 20] = [
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
        // Jasypt.
        b"enc(",
    ];
    if REFERENCES.iter().any(|prefix| starts(prefix)) {
        return Err("the value is a reference to a secret store");
    }
    // What is filled in may hold a blank, where a bare value ends.
    const OPEN: [&[u8]; 7] = [b"#{", b"${", b"$(", b"%{", b"{%", b"{{", b"<%"];
    let (first, last) = (value[0], value[value.len() - 1]);
    if matches!(
        (first, last),
        (b'<', b'>') | (b'{', b'}') | (b'[', b']') | (b'%', b'%') | (b'_', b'_') | (b'*', b'*') | (b'$', _)
    ) || OPEN.iter().any(|open| value.starts_with(open))
    {
        return Err("the value is a template or a reference");
    }
    Ok(())
}

/// URLs, paths, file names, UUIDs (but for a random one that is a key),  dates, numbers, versions, media, hashes with a label.
pub(super) fn something_else(value: &[u8], password: bool, random_key: bool) -> Result<(), &'static str> {
    if value.windows(3).any(|window| window == b"://") {
        return Err("the value is a URL");
    }
    if value.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'/' | b',' | b'+'))
        || instant(value)
        || suffixed(value)
        || numbered(value)
    {
        return Err("the value is a number, date or version");
    }
    if value.len() > 2 && value[0] == b'0' && matches!(value[1], b'x' | b'X') {
        let digits = value[2..].iter().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'_').count();
        if digits < 24 && digits + 2 + 3 >= value.len() {
            return Err("the value is a number, date or version");
        }
    }
    if let Some(rest) = beside_uuids(value)
        && rest < 20
        && !random_key
    {
        return Err(UUID);
    }
    if basic(value) == Some(false) {
        return Err("the value encodes a name and a placeholder password");
    }
    let slashes = value.iter().filter(|&&byte| byte == b'/').count();
    let rooted = matches!(value[0], b'/' | b'.' | b'~')
        || value.starts_with(b"C:\\")
        || value.windows(2).any(|pair| pair == b"\\\\") && !password;
    if rooted && (value.len() < 40 || reads_as_words(value) || letter_cost(value).is_some_and(|cost| cost < 5.2)) {
        return Err("the value is a path");
    }
    if slashes > 0 && value.split(|&byte| byte == b'/').all(|part| part.len() < 3 || reads_as_words(part)) {
        return Err("the value is a path");
    }
    // `#password-input`, a selector of a page's element.
    let named = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_');
    if value[0] == b'#' && value[1..].iter().all(named) {
        return Err("the value is a selector of a page's element");
    }
    // `required|min:8|confirmed`: rules of a form.
    let rule = |part: &[u8]| {
        part.first().is_some_and(u8::is_ascii_lowercase)
            && part.iter().all(|b| named(b) || b.is_ascii_digit() || matches!(b, b':' | b','))
    };
    if value.contains(&b'|') && value.split(|byte| *byte == b'|').all(rule) {
        return Err("the value is a list of a form's rules");
    }
    if let Some(dot) = value.iter().rposition(|&byte| byte == b'.') {
        #[rustfmt::skip]
        const EXTENSIONS: &[&str] = &[
            "pem", "json", "txt", "key", "crt", "cer", "yml", "yaml", "toml", "xml", "cfg", "conf", "ini",
            "env", "py", "js", "ts", "go", "rs", "java", "rb", "php", "sh", "html", "css", "md", "com",
            "org", "net", "io", "local", "jks", "p12", "pfx", "svc", "internal", "c", "h",
        ];
        if listed(EXTENSIONS, &value[dot + 1..]) {
            return Err("the value is a file or host name");
        }
    }
    // A secret_id or fingerprint in a report or baseline of ours.
    if value.len() == 35 && value.starts_with(b"v1:") && value[3..].iter().all(u8::is_ascii_hexdigit) {
        return Err("the value is a keyed hash");
    }
    // `user/image@sha256:...`
    if memchr::memmem::find(value, b"@sha256:").is_some() {
        return Err("the value is a digest, a certificate or public data");
    }
    // A sealed secret: a wrapped key of 4096 bits and what it encrypts, readable in its cluster alone.
    if value.len() > 640 && value.starts_with(b"Ag") && matches!(value[2], b'A'..=b'D') {
        return Err("the value is encrypted");
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
