//! The lines of an `authorized_keys` file: which of them hold a key, and how the file changes. Text in, text out.
//!
//! A line is `[options] type base64 [comment]`; options are separated by commas and may hold quoted blanks (sshd(8)).

use std::ops::Range;

/// A line that holds a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Its number, from 0.
    pub(super) number: usize,
    /// The text before the key's type, with the blank.
    before: &'t str,
    /// The text behind the key, with the blank.
    behind: &'t str,
}

impl Line<'_> {
    /// The same line with another key.
    pub(super) fn with(&self, public: &str) -> String {
        format!("{}{public}{}", self.before, self.behind)
    }

    /// Its options, without what they say: `command`, `from`.
    pub(super) fn options(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut rest = self.before.trim();
        while !rest.is_empty() {
            let end = end_of(rest, ',');
            let option = &rest[..end];
            names.push(option.split('=').next().unwrap_or_default().to_ascii_lowercase());
            rest = rest[end..].trim_start_matches(',');
        }
        names
    }
}

/// Where the first `stop` outside quotes stands; the end where there is none.
fn end_of(text: &str, stop: char) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == stop && !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// The type and the base64 of a line, as places in it.
fn key(line: &str) -> Option<(Range<usize>, &str)> {
    let is_type = |word: &str| {
        ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| word.starts_with(start))
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-@.".contains(&byte))
    };
    let mut start = line.len() - line.trim_start().len();
    if line[start..].starts_with('#') {
        return None;
    }
    // The first word is the type, or options with the type behind them.
    for _ in 0..2 {
        let rest = line.get(start..)?;
        let end = end_of(&rest.replace('\t', " "), ' ');
        if is_type(&rest[..end]) {
            let after = &rest[end..];
            let blob_at = end + (after.len() - after.trim_start().len());
            let blob = rest[blob_at..].split_whitespace().next()?;
            return Some((start..start + blob_at + blob.len(), blob));
        }
        start += end + (rest[end..].len() - rest[end..].trim_start().len());
    }
    None
}

/// The lines of `text` that hold the key of this base64.
pub(super) fn holding<'t>(text: &'t str, blob: &str) -> Vec<Line<'t>> {
    let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).enumerate();
    lines
        .filter_map(|(number, line)| {
            let (span, found) = key(line)?;
            // Padding may be left out; the key is the same.
            (found.trim_end_matches('=') == blob.trim_end_matches('=')).then(|| Line {
                number,
                before: &line[..span.start],
                behind: &line[span.end..],
            })
        })
        .collect()
}

/// A change of a file: lines that go, and lines that are added at its end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Numbers from 0, rising.
    pub(super) gone: Vec<usize>,
    /// Without line ends.
    pub(super) added: Vec<String>,
}

impl Change {
    /// The change that puts `new` beside every line of `old`; `None` where it stands there already.
    pub(super) fn add(text: &str, old: &str, new: &str) -> Option<Self> {
        let there: Vec<String> = holding(text, blob(new)).iter().map(|line| line.with(new)).collect();
        let wanted = holding(text, old).into_iter().map(|line| line.with(new));
        let mut added: Vec<String> = wanted.filter(|line| !there.contains(line)).collect();
        added.dedup();
        (!added.is_empty()).then_some(Self { gone: Vec::new(), added })
    }

    /// The change that removes every line of a key; `None` where there is none.
    pub(super) fn remove(text: &str, blob: &str) -> Option<Self> {
        let gone: Vec<usize> = holding(text, blob).iter().map(|line| line.number).collect();
        (!gone.is_empty()).then_some(Self { gone, added: Vec::new() })
    }

    /// The file after it.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut out: String = text
            .split_inclusive('\n')
            .enumerate()
            .filter_map(|(number, line)| (!self.gone.contains(&number)).then_some(line))
            .collect();
        for line in &self.added {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

/// The base64 of a public line (`type base64`).
pub(in crate::rotate::providers) fn blob(public: &str) -> &str {
    public.split(' ').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Change, holding};

    const FILE: &str = "# keys of app\n\nssh-ed25519 AAAAold first comment\nfrom=\"10.0.0.0/8, 1.2.3.4\",command=\"echo \\\"ssh-rsa \
                        x\\\"\" ssh-ed25519 AAAAold\r\nssh-rsa AAAAother me@there\n  no-pty\tssh-ed25519  AAAAold  tabs";

    #[test]
    fn lines_are_found_by_their_key_alone() {
        let found = holding(FILE, "AAAAold");
        assert_eq!(found.iter().map(|line| line.number).collect::<Vec<_>>(), [2, 3, 5]);
        assert_eq!(found[1].options(), ["from", "command"]);
        assert_eq!(found[2].options(), ["no-pty"]);
        assert_eq!(found[2].with("ssh-ed25519 AAAAnew"), "  no-pty\tssh-ed25519 AAAAnew  tabs");
        assert!(holding(FILE, "AAAA").is_empty() && holding("#ssh-rsa AAAA", "AAAA").is_empty());
        assert!(holding("command=\"ssh-rsa AAAA\"", "AAAA\"").is_empty(), "what stands in quotes is no key");
        assert!(holding("ssh-rsa", "").is_empty() && holding("\u{e9} \u{e9}", "\u{e9}").is_empty());
    }

    #[test]
    fn a_key_is_added_beside_the_old_one_with_its_options_and_goes_without_a_trace() {
        let add = Change::add(FILE, "AAAAold", "ssh-ed25519 AAAAnew").expect("a change");
        assert_eq!(add.added.len(), 3);
        assert_eq!(add.added[0], "ssh-ed25519 AAAAnew first comment");
        assert!(add.added[1].starts_with("from=\"10.0.0.0/8, 1.2.3.4\",command=") && add.added[1].ends_with("AAAAnew"));
        let both = add.apply(FILE);
        assert_eq!(Change::add(&both, "AAAAold", "ssh-ed25519 AAAAnew"), None, "twice is once");
        let without = Change::remove(&both, "AAAAold").expect("a change").apply(&both);
        assert!(holding(&without, "AAAAold").is_empty());
        assert_eq!(holding(&without, "AAAAnew").len(), 3);
        assert!(without.starts_with("# keys of app\n\nssh-rsa AAAAother me@there\n"), "{without}");
        assert_eq!(Change::remove(&without, "AAAAold"), None);
    }
}
