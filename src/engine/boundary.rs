//! Boundaries: whether a match stands for itself or is a piece of something longer.

use std::ops::Range;

use super::decode::hex_byte;
use super::innocent::{listed, word_spans};
use crate::rules::ByteSet;

/// How far the tests look to each side of a match, in bytes.
pub(super) const REACH: usize = 8;

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether the match `span` begins and ends a token. `tail` are the bytes its last class takes.
pub(super) fn check(text: &[u8], span: &Range<usize>, tail: ByteSet) -> Result<(), &'static str> {
    if begins_inside(text, span.start) {
        return Err(BEGINS_INSIDE);
    }
    let ends_as_word = span.end > span.start && is_word_byte(text[span.end - 1]);
    match text.get(span.end) {
        Some(&next) if tail.contains(next) => Err("it goes on behind the rule's length"),
        Some(&next) if ends_as_word && is_word_byte(next) => Err("it ends inside a longer word"),
        _ => Ok(()),
    }
}

/// What [`check`] says of a match that begins inside a longer word.
pub(super) const BEGINS_INSIDE: &str = "it begins inside a longer word";

/// Whether a match at `start` begins inside a longer word.
pub(super) fn begins_inside(text: &[u8], start: usize) -> bool {
    text.get(start).is_some_and(|&byte| is_word_byte(byte))
        && start > 0
        && is_word_byte(text[start - 1])
        && !escape_before(text, start)
}

/// Whether what begins at `at` goes on base64: a sign of it stands in front, and a run of letters of both cases, digits and
/// signs in front of that.
pub(super) fn inside_base64(text: &[u8], at: usize) -> bool {
    const RUN: usize = 24;
    let Some(run) = at.checked_sub(RUN).map(|from| &text[from..at]) else { return false };
    matches!(run[RUN - 1], b'+' | b'/')
        && run.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        && run.iter().any(u8::is_ascii_uppercase)
        && run.iter().any(u8::is_ascii_lowercase)
        && run.iter().any(u8::is_ascii_digit)
}

/// Whether the word byte in front of `at` ends an escape: `\n`, `%3D`, `=3D` (quoted-printable, RFC 2045), `\u003d`,
/// `\x3d`, an ANSI colour.
fn escape_before(text: &[u8], at: usize) -> bool {
    let back = |count: usize| at.checked_sub(count).map(|from| &text[from..at]);
    let hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    if let Some([b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'0']) = back(2) {
        return true;
    }
    if let Some([b'%', rest @ ..]) = back(3) {
        return hex(rest);
    }
    // Mail has `=3D` and the like; `id=22` in front of a token is as likely a number, and none the worse for it.
    if let Some([b'=', high @ (b'2' | b'3' | b'5' | b'7'), low @ (b'0'..=b'9' | b'A'..=b'F')]) = back(3)
        && let Some(byte) = hex_byte(*high, *low)
    {
        return !is_word_byte(byte);
    }
    if let Some([b'\\', b'x', rest @ ..]) = back(4) {
        return hex(rest);
    }
    if let Some([b'\\', b'u', rest @ ..]) = back(6) {
        return hex(rest);
    }
    let digits =
        text[..at].iter().rev().skip(1).take(5).take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    text[at - 1] == b'm' && at >= digits + 3 && text[at - digits - 2] == b'[' && text[at - digits - 3] == 0x1b
}

/// Whether the keyword at `span` is a word of its own: no small letter of the same word runs into or out of it.
/// Words of six and more letters may run into others (`mymailchimp`), and keywords of that length be the beginning of
/// more (`hypertrack_acc`); of a keyword of several words (`es_api_key`) the first one counts.
pub(super) fn is_word(text: &[u8], span: &Range<usize>) -> bool {
    const LONG: usize = 6;
    let first = word_spans(&text[span.clone()]).next().map_or(0, |word| word.len());
    let same = |a: u8, b: u8| {
        a.is_ascii_lowercase() && b.is_ascii_lowercase() || a.is_ascii_uppercase() && b.is_ascii_uppercase()
    };
    let before = first < LONG && span.start > 0 && same(text[span.start - 1], text[span.start]);
    let after = span.len() < LONG && text.get(span.end).is_some_and(|&next| same(text[span.end - 1], next));
    !before && !after
}

/// Whether the keyword at `span` is only a piece of a longer word: `tokenizer`, `bypass`. Short keywords stand alone on
/// both sides, others may end a word.
pub(super) fn is_piece(text: &[u8], span: &Range<usize>) -> bool {
    let keyword = &text[span.clone()];
    let (Some(&last), Some(&next)) = (keyword.last(), text.get(span.end)) else { return false };
    let runs_on = last.is_ascii_lowercase() && next.is_ascii_lowercase()
        || last.is_ascii_uppercase()
            && next.is_ascii_uppercase()
            && keyword.iter().all(|byte| !byte.is_ascii_lowercase());
    runs_on || span.len() <= 4 && !is_word(text, span) && !ends_compound(text, span)
}

/// Whether the keyword `pass` at `span` ends a compound of its own: `dbpass`, `smtppass`, `$controlpass`.
fn ends_compound(text: &[u8], span: &Range<usize>) -> bool {
    #[rustfmt::skip]
    const FIRST: &[&str] = &[
        "db", "sql", "mysql", "pg", "user", "usr", "admin", "root", "smtp", "imap", "pop", "mail", "ftp", "ssh", "http", "web",
        "login", "auth", "wifi", "wlan", "control", "ctrl", "key", "store", "client", "server", "vpn", "proxy", "ldap", "bind",
        "redis", "mongo", "mqtt", "app", "api", "sudo", "vault", "host", "net", "enc", "zip",
    ];
    if !text[span.clone()].eq_ignore_ascii_case(b"pass") {
        return false;
    }
    let from = span.start.saturating_sub(REACH);
    let letters = text[from..span.start].iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = word_spans(&text[span.start - letters..span.start]).last();
    // `.pgpass` is a file.
    if text[..span.start].ends_with(b".pg") {
        return false;
    }
    let inside = letters == REACH; // of what lies further back nothing is known
    word.is_some_and(|word| (word.start > 0 || !inside) && listed(FIRST, &text[span.start - letters..][word]))
}

#[cfg(test)]
mod tests {
    use super::{check, is_piece, is_word};
    use crate::rules::ByteSet;

    #[test]
    fn short_words_of_a_keyword_stand_alone() {
        let word = |text: &str, keyword: &str| {
            let at = text.find(keyword).expect("keyword there");
            is_word(text.as_bytes(), &(at..at + keyword.len()))
        };
        for (text, keyword) in [
            ("ES_API_KEY", "ES_API_KEY"),
            ("my_es_api_key", "es_api_key"),
            ("myEsApiKey", "EsApiKey"),
            ("mymailchimp", "mailchimp"),
            ("mymailchimp_key", "mailchimp_key"),
            ("twitter_secrets", "twitter_secret"),
        ] {
            assert!(word(text, keyword), "{text}");
        }
        for (text, keyword) in [("services_api_key", "es_api_key"), ("ADD_API_KEY", "DD_API_KEY"), ("openers", "open")]
        {
            assert!(!word(text, keyword), "{text}");
        }
    }

    #[test]
    fn pass_ends_compounds_of_its_own_but_no_files_name() {
        let piece = |name: &str| is_piece(format!("{name} = x").as_bytes(), &(name.len() - 4..name.len()));
        for text in ["dbpass", "$smtppass", "pgpass", "DB_PASS"] {
            assert!(!piece(text), "{text}");
        }
        for text in [".pgpass", "bypass", "compass"] {
            assert!(piece(text), "{text}");
        }
    }

    #[test]
    fn escapes_are_boundaries_and_words_are_not() {
        let tail = ByteSet(0).with(b'a');
        for text in ["\\ntok1", "%3Dtok1", "x=3Dtok1", "x=20tok1", "\\u003dtok1", " tok1", "\u{1b}[31mtok1", "=tok1 "] {
            let at = text.find("tok1").expect("there");
            assert_eq!(check(text.as_bytes(), &(at..at + 4), tail), Ok(()), "{text:?}");
        }
        for text in ["xtok1", "x=41tok1", "tok1a", "tok1_", "0tok1"] {
            let at = text.find("tok1").expect("there");
            assert!(check(text.as_bytes(), &(at..at + 4), tail).is_err(), "{text:?}");
        }
    }
}
