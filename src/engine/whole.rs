//! Texts that are nothing but a secret: `.vault-token`, `master.key`, `/run/secrets/db_password`, the two lines of a VPN's
//! `auth.txt`.
//!
//! No name and no literal stands there; what file it is, the filter knows, and drops what its rule's `path` does not name.
//! Such a match depends on the whole text, which is short: the delta walk never carries anything to or from texts that
//! [`may_be_one`], so each of them is scanned whole.

use std::ops::Range;

use super::assignment::{Assignment, Operator, Quoting};
use super::value::{self, Candidate};
use super::{Match, Scanner, forms, score, words};
use crate::finding::Reason;
use crate::rules::Method;

/// No longer text is a secret and nothing else, in bytes.
pub const LONGEST: usize = 512;

/// Shortest value that is worth a word.
const LEAST: usize = 5;
/// Longest value.
const VALUE: usize = 256;

/// Whether a text is short enough to be nothing but a secret.
pub fn may_be_one(text: &[u8]) -> bool {
    text.len() <= LONGEST
}

impl Scanner<'_> {
    /// Adds the whole text as a match of the rules for such texts.
    pub fn whole(&mut self, text: &[u8], out: &mut Vec<Match>) {
        if !may_be_one(text) || self.engine.compiled.whole.is_empty() {
            return;
        }
        let Some(lines) = lines(text) else { return };
        for place in 0..self.engine.compiled.whole.len() {
            let index = self.engine.compiled.whole[place];
            let rule = self.engine.rule(index);
            let Method::Whole(count) = rule.method else { continue };
            let secret = lines.last().filter(|last| lines.len() == usize::from(count) && last.len() >= LEAST);
            let Some(secret) = secret.cloned() else { continue };
            let confidence = i16::from(rule.confidence);
            match self.judged_alone(text, &secret) {
                Ok(reasons) => {
                    let first =
                        Reason::new(confidence, "the text is one value, and its file has the name of a secret's");
                    let reasons: Vec<Reason> = std::iter::once(first).chain(reasons).collect();
                    out.push(Match {
                        rule: index,
                        span: secret.clone(),
                        anchor: secret.start,
                        secret,
                        context: 0..text.len(),
                        confidence: score::sum(&reasons),
                        proven: false,
                        reasons,
                        facts: Vec::new(),
                        parts: Vec::new(),
                        gives_way: None,
                        decoded: None,
                    });
                }
                Err(why) => self.drop_candidate(index, secret, why),
            }
        }
    }

    /// Judges a value as if it was assigned to a password, and to a key; the better one counts.
    fn judged_alone(&mut self, text: &[u8], secret: &Range<usize>) -> Result<Vec<Reason>, &'static str> {
        let value = &text[secret.clone()];
        if uuid(value) {
            return Ok(vec![Reason::new(10, "it is a random UUID")]);
        }
        let points = |reasons: &[Reason]| reasons.iter().map(|reason| reason.points).sum::<i16>();
        let (as_password, as_key) = (assigned(value, b"password", true), assigned(value, b"secret_key", false));
        let reasons = match (as_password, as_key) {
            (Ok(password), Ok(key)) => {
                if points(&password) >= points(&key) {
                    password
                } else {
                    key
                }
            }
            (Ok(reasons), Err(_)) | (Err(_), Ok(reasons)) => reasons,
            (Err(why), Err(_)) => return Err(why),
        };
        let found = Assignment {
            name: secret.start..secret.start,
            operator: Operator::Assign,
            value: secret.clone(),
            quoting: Quoting::Bare,
            joined: None,
            partial: false,
        };
        if self.fails_as_token(text, &found) {
            return Err("it has the form of a token whose checksum or structure fails");
        }
        Ok(reasons)
    }
}

/// What the model says of `name="value"`.
fn assigned(value: &[u8], name: &[u8], password: bool) -> Result<Vec<Reason>, &'static str> {
    let text = [name, b"=\"", value, b"\"\n"].concat();
    let start = name.len() + 2;
    let candidate = Candidate {
        name: &text[..name.len()],
        name_at: 0..name.len(),
        keyword: 0..name.len(),
        value: &text[start..start + value.len()],
        value_at: start..start + value.len(),
        text: &text,
        partial: false,
        quoting: Quoting::Quoted(b'"'),
        operator: Operator::Assign,
        after: Some(b'"'),
        password,
    };
    let features = value::judge(&candidate)?;
    value::weigh(&features, password, BASE)
}

/// What the model's points are added to when it is asked whether the value is worth carrying along.
const BASE: u8 = 50;

/// The lines of a text that has one or two, each a value or a name of its own; nothing else stands in it.
fn lines(text: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut lines = Vec::new();
    let mut at = 0;
    for line in text.split(|&byte| byte == b'\n') {
        let span = at..at + line.len() - usize::from(line.ends_with(b"\r"));
        at += line.len() + 1;
        if span.is_empty() {
            continue;
        }
        let value = &text[span.clone()];
        if lines.len() == 2 || !stands_alone(value) {
            return None;
        }
        lines.push(span);
    }
    (!lines.is_empty()).then_some(lines)
}

/// One word, and neither `name=value` nor `name: value`, a path, a tag, a piece of code or of a document.
fn stands_alone(value: &[u8]) -> bool {
    let padding = value.iter().rev().take_while(|&&byte| byte == b'=').count();
    value.len() <= VALUE
        && value.iter().all(|byte| byte.is_ascii_graphic())
        && padding <= 2
        && !value[..value.len() - padding].contains(&b'=')
        && !value.contains(&b':')
        && !matches!(value[0], b'/' | b'.' | b'<' | b'{' | b'[' | b'"' | b'\'' | b'#' | b';' | b'-' | b'*')
        && !matches!(value[value.len() - 1], b'/' | b'>' | b'}' | b']' | b'"' | b'\'' | b';' | b',' | b')')
}

/// A UUID of random bits (RFC 9562, version 4).
fn uuid(value: &[u8]) -> bool {
    value.len() == 36 && value[14] == b'4' && forms::uuid(value) && words::distinct(value) > 8
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::engine::Engine;
    use crate::rules::{RuleSet, template};

    fn found(text: &str) -> Vec<String> {
        let engine = Engine::new(RuleSet::builtin()).expect("the built-in rules");
        let matches = engine.scanner().scan(text.as_bytes());
        matches
            .iter()
            .filter(|found| found.confidence >= 50)
            .map(|found| engine.rule(found.rule).id.to_string())
            .collect()
    }

    fn made(form: &str) -> String {
        template::expand(form, 3).expect("a sound template")
    }

    #[test]
    fn one_value_is_a_match_and_two_lines_are_a_user_and_a_password() {
        for form in [
            "{hex:32}",
            "{hex:32}\n",
            "{alnum:26}\r\n",
            "{base64:44}\n\n",
            "{password}\n",
            "{upperalnum:20}",
            "{uuid}\n",
        ] {
            assert_eq!(found(&made(form)), ["secret-file"], "{form}");
        }
        assert_eq!(found(&made("{word}\n{password}\n")), ["user-and-password-file"]);
    }

    /// Each name of a history is scanned: none of them is a file that holds it.
    #[test]
    fn a_message_or_a_name_is_none() {
        let engine = Engine::new(RuleSet::builtin()).expect("the built-in rules");
        for form in ["{hex:32}", "{alnum:26}\n", "{word}\n{password}\n"] {
            let (text, mut scanner) = (made(form), engine.scanner());
            assert_eq!(scanner.scan(text.as_bytes()).len(), 1, "{form}");
            assert_eq!(scanner.scan_message(text.as_bytes()), [], "{form}");
        }
    }

    #[test]
    fn what_is_more_or_something_else_is_none() {
        for text in [
            "",
            "\n",
            "stable\n",
            "3.11.7\n",
            "node_modules\n",
            "../shared/config\n",
            "refs/heads/main\n",
            "changeme\n",
            "${VAULT_TOKEN}\n",
            "{{ vault_token }}\n",
            "<your token>\n",
            "the password is in the vault\n",
            "your-token-here\n",
            "v20.11.1\n",
            "https://vault.internal:8200\n",
            "1234567890\n",
            "xxxxxxxxxxxxxxxx\n",
            "a\nb\nc\n",
            "export A=b\n",
            "one two\n",
            "[section]\n",
            "# comment\n",
        ] {
            assert!(found(text).is_empty(), "{text:?}");
        }
        for form in ["TOKEN={alnum:8}\n", "{hex:32}  file\n", "{hex:32}\n{hex:32}\n{hex:32}\n", "{alnum:600}\n"] {
            assert!(!found(&made(form)).iter().any(|rule| rule.ends_with("-file")), "{form}");
        }
    }

    #[test]
    fn lines_are_counted_without_empty_ones() {
        assert_eq!(lines(b"\n\nabc\r\n\ndef\n"), Some(vec![2..5, 8..11]));
        assert_eq!(lines(b"a\nb\nc"), None);
        assert_eq!(lines(b"a b"), None);
        assert_eq!(lines(b"\n"), None);
    }
}
