//! Inline allow comments, ours and those of other scanners, looked for beside a match while its bytes are there.
//!
//! On the line (for a secret of several lines: the first or the last): `keysweep:allow [rule] [reason]`,
//! `gitleaks:allow`, `betterleaks:allow`, `pragma: allowlist secret`, `pragma: whitelist secret`. Alone on the line
//! before: `keysweep:allow-next-line [rule] [reason]`, `pragma: allowlist nextline secret`. Any comment syntax will
//! do, and so will a neighbouring string in a format without comments; a mark inside the secret itself does not
//! count. Looked for at most [`REACH`] bytes away, so that a minified line costs no more than a short one.

use std::ops::Range;

use memchr::memmem;

use super::similar;
use crate::finding::InlineAllow;

/// Farthest a comment may stand from the secret, in bytes.
pub const REACH: usize = 4096;

/// Longest reason kept, in characters.
const LONGEST_REASON: usize = 200;

/// Marks on the same line: what is looked for, and the form it is reported as.
const BESIDE: [(&str, &str); 3] = [
    ("keysweep:allow", "keysweep:allow"),
    ("gitleaks:allow", "gitleaks:allow"),
    ("betterleaks:allow", "betterleaks:allow"),
];

/// The allow comment for the match of `rule` whose secret is `secret`, if there is one.
///
/// One that names another rule comes back too (when no better one is there): the filter says why it does not count.
/// `rules` are all ids known: they tell a rule's name from the first word of a reason.
pub fn find(text: &[u8], secret: Range<usize>, rule: &str, rules: &dyn Fn() -> Vec<String>) -> Option<InlineAllow> {
    let mut other = None;
    let mut take = |found: Option<InlineAllow>| -> Option<InlineAllow> {
        let found = found?;
        if found.rule.as_deref().is_none_or(|named| named == rule) {
            return Some(found);
        }
        other.get_or_insert(found);
        None
    };
    let before = secret.start.saturating_sub(REACH);
    let line_start = line_start(text, before, secret.start);
    let line_end = line_end(text, secret.end, REACH);
    let first_end = self::line_end(text, secret.start, REACH);
    let one_line = first_end >= secret.end;
    // A mark inside a secret of one line is part of the secret.
    let pieces = if one_line {
        [line_start..secret.start, secret.end..line_end]
    } else {
        let last_start = self::line_start(text, secret.end.saturating_sub(REACH), secret.end);
        [line_start..first_end, last_start..line_end]
    };
    for piece in pieces {
        for found in beside(&text[piece], rules) {
            if let Some(found) = take(Some(found)) {
                return Some(found);
            }
        }
    }
    if let Some(end) = previous_line_end(text, line_start) {
        let previous = self::line_start(text, end.saturating_sub(REACH), end)..end;
        if let Some(found) = take(above(&text[previous], rules)) {
            return Some(found);
        }
    }
    other
}

/// Replaces every secret of the text that stands in the comment's reason.
pub fn hide(allow: &mut InlineAllow, text: &[u8], secrets: impl Iterator<Item = Range<usize>>) {
    let Some(reason) = &mut allow.reason else { return };
    for secret in secrets {
        let secret = zeroize::Zeroizing::new(String::from_utf8_lossy(&text[secret]).into_owned());
        if !secret.is_empty() && reason.contains(secret.as_str()) {
            *reason = reason.replace(secret.as_str(), "[redacted]");
        }
    }
}

/// Marks that count for their own line.
fn beside(line: &[u8], rules: &dyn Fn() -> Vec<String>) -> Vec<InlineAllow> {
    let mut found = Vec::new();
    for (mark, form) in BESIDE {
        for at in memmem::find_iter(line, mark) {
            let rest = &line[at + mark.len()..];
            if rest.first().is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
                continue; // `keysweep:allow-next-line`, `gitleaks:allowed`
            }
            let (rule, reason) = if mark.starts_with("keysweep") { words(rest, rules) } else { (None, None) };
            found.push(InlineAllow { form: form.to_owned(), rule, reason });
        }
    }
    if let Some(form) = pragma(line, false) {
        found.push(InlineAllow { form, rule: None, reason: None });
    }
    found
}

/// Marks that count for the next line; they stand alone on theirs.
fn above(line: &[u8], rules: &dyn Fn() -> Vec<String>) -> Option<InlineAllow> {
    let trimmed = line.trim_ascii_start();
    let comment = trimmed.first().is_some_and(|byte| !byte.is_ascii_alphanumeric())
        || trimmed.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"rem "));
    if !comment {
        return None;
    }
    for mark in ["keysweep:allow-next-line", "keysweep:allow-nextline"] {
        if let Some(at) = memmem::find(line, mark.as_bytes()) {
            let (rule, reason) = words(&line[at + mark.len()..], rules);
            return Some(InlineAllow { form: "keysweep:allow-next-line".to_owned(), rule, reason });
        }
    }
    pragma(line, true).map(|form| InlineAllow { form, rule: None, reason: None })
}

/// detect-secrets' `pragma: allowlist [nextline] secret`.
fn pragma(line: &[u8], nextline: bool) -> Option<String> {
    let at = memmem::find(line, b"pragma:")?;
    let rest = String::from_utf8_lossy(&line[at + 7..line.len().min(at + 7 + 64)]).replace('-', " ");
    let mut words = rest.split_whitespace();
    let list = words.next().filter(|word| matches!(*word, "allowlist" | "whitelist"))?;
    if nextline {
        (words.next() == Some("nextline")).then_some(())?;
    }
    words.next().filter(|word| word.starts_with("secret"))?;
    Some(format!("pragma: {list} {}secret", if nextline { "nextline " } else { "" }))
}

/// `[rule] [reason]` after a mark, up to the comment's end.
fn words(rest: &[u8], rules: &dyn Fn() -> Vec<String>) -> (Option<String>, Option<String>) {
    let rest = String::from_utf8_lossy(&rest[..rest.len().min(1024)]).into_owned();
    let end = ["*/", "-->", "--}}", "#}", "%>", "*)", "\n", "\r"].iter().filter_map(|end| rest.find(end)).min();
    let mut rest = rest[..end.unwrap_or(rest.len())].trim_matches(|c: char| c.is_whitespace() || ":,".contains(c));
    let mut rule = None;
    let word = rest.split(|c: char| c.is_whitespace() || c == ':').next().unwrap_or("");
    if word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b)) {
        let known = rules();
        // A name that is nearly a rule's was meant as one: it must not become an allowance for every rule.
        if known.iter().any(|id| id == word) || (word.contains('-') && similar(word, known.iter().map(String::as_str)))
        {
            rule = Some(word.to_owned());
            rest = &rest[word.len()..];
        }
    }
    let reason = rest.trim_matches(|c: char| c.is_whitespace() || ":-–—,\"'".contains(c));
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect();
    (rule, (!reason.is_empty()).then_some(reason))
}

/// Start of the line that holds `at`, no earlier than `least`.
fn line_start(text: &[u8], least: usize, at: usize) -> usize {
    memchr::memrchr2(b'\n', b'\r', &text[least..at]).map_or(least, |newline| least + newline + 1)
}

/// End of the line that holds `at`, no farther than `reach`.
fn line_end(text: &[u8], at: usize, reach: usize) -> usize {
    let most = text.len().min(at.saturating_add(reach));
    memchr::memchr2(b'\n', b'\r', &text[at..most]).map_or(most, |newline| at + newline)
}

/// End of the line before the one that starts at `start`; none when it is the first, or starts out of reach.
fn previous_line_end(text: &[u8], start: usize) -> Option<usize> {
    match text.get(start.checked_sub(1)?)? {
        b'\n' if start >= 2 && text[start - 2] == b'\r' => Some(start - 2),
        b'\n' | b'\r' => Some(start - 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{find, hide};
    use crate::finding::InlineAllow;

    fn at(text: &str) -> Option<InlineAllow> {
        let start = text.find("SECRET").expect("a secret");
        let end = text.rfind("TERCES").map_or(start + 6, |end| end + 6);
        find(text.as_bytes(), start..end, "rule-a", &|| vec!["rule-a".to_owned(), "rule-b".to_owned()])
    }

    fn allow(form: &str, rule: Option<&str>, reason: Option<&str>) -> Option<InlineAllow> {
        Some(InlineAllow { form: form.to_owned(), rule: rule.map(str::to_owned), reason: reason.map(str::to_owned) })
    }

    #[test]
    fn forms_and_comment_syntaxes() {
        let ours = "keysweep:allow";
        for (text, expected) in [
            ("k = SECRET # keysweep:allow", allow(ours, None, None)),
            ("k = SECRET; // keysweep:allow rule-a a test key", allow(ours, Some("rule-a"), Some("a test key"))),
            ("k = SECRET /* keysweep:allow well-known sample */ x", allow(ours, None, Some("well-known sample"))),
            ("<k>SECRET</k> <!-- keysweep:allow: of the docs -->", allow(ours, None, Some("of the docs"))),
            ("-- gitleaks:allow\nk SECRET", None),
            ("k SECRET -- gitleaks:allow", allow("gitleaks:allow", None, None)),
            ("k SECRET ' betterleaks:allow", allow("betterleaks:allow", None, None)),
            ("k SECRET # pragma: allowlist secret", allow("pragma: allowlist secret", None, None)),
            ("k SECRET # pragma:whitelist secret", allow("pragma: whitelist secret", None, None)),
            (
                "# keysweep:allow-next-line rule-a why\r\nk SECRET",
                allow("keysweep:allow-next-line", Some("rule-a"), Some("why")),
            ),
            (
                "  // pragma: allowlist nextline secret\nk SECRET",
                allow("pragma: allowlist nextline secret", None, None),
            ),
            ("x = 1 # keysweep:allow-next-line\nk SECRET", None),
            ("k SECRET # keysweep:allow-next-line", None),
            ("k SECRET # keysweep:allowed", None),
            ("k SECRET\n# keysweep:allow", None),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn a_comment_for_another_rule_comes_back_only_when_no_other_does() {
        assert_eq!(at("SECRET # keysweep:allow rule-b"), allow("keysweep:allow", Some("rule-b"), None));
        assert_eq!(at("SECRET # keysweep:allow rule-c"), allow("keysweep:allow", Some("rule-c"), None), "misspelt");
        assert_eq!(
            at("# keysweep:allow-next-line rule-a\nSECRET # keysweep:allow rule-b"),
            allow("keysweep:allow-next-line", Some("rule-a"), None)
        );
    }

    #[test]
    fn secrets_of_several_lines_have_it_at_either_end() {
        assert!(at("SECRET # keysweep:allow\nmiddle\nTERCES").is_some());
        assert!(at("SECRET\nmiddle\nTERCES # keysweep:allow").is_some());
        assert!(at("# keysweep:allow-next-line\nSECRET\nmiddle\nTERCES").is_some());
        assert!(at("SECRET\nmiddle keysweep:allow\nTERCES").is_none());
        assert!(at("k = 'SECRET keysweep:allow TERCES'").is_none(), "inside the secret");
    }

    #[test]
    fn a_reason_shows_no_secret() {
        let text = b"a=SECRET # keysweep:allow like OTHER";
        let mut found = find(text, 2..8, "r", &Vec::new).expect("there");
        hide(&mut found, text, [2..8, 31..36].into_iter());
        assert_eq!(found.reason.as_deref(), Some("like [redacted]"));
    }
}
