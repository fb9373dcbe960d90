//! `.keysweepignore`: accepted findings, one per line, each with who, why and until when.
//!
//! ```text
//! # a comment
//! v1:0123456789abcdef0123456789abcdef reason="key of the public sandbox" owner=payments expires=2027-01-31
//! ```
//!
//! The first word is a fingerprint (one place) or a secret id (wherever it stands). An entry whose day has passed
//! counts no more; one that matches nothing is told.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Suppression, Trust, date, nearest};
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::finding::identity::is_identity;

/// The file's usual name.
pub const NAME: &str = ".keysweepignore";

/// One line.
#[derive(Debug, Default)]
pub struct Entry {
    /// Fingerprint or secret id.
    pub id: String,
    /// Why.
    pub reason: Option<String>,
    /// Who.
    pub owner: Option<String>,
    /// Until when (YYYY-MM-DD, included).
    pub expires: Option<String>,
    /// Line in the file.
    pub line: u32,
    used: AtomicBool,
}

/// A whole file.
#[derive(Debug, Default)]
pub struct IgnoreFile {
    /// The file, as shown.
    pub name: String,
    /// Who wrote it.
    pub trust: Trust,
    entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
}

impl IgnoreFile {
    /// Parses a file's text; every fault is told.
    ///
    /// # Errors
    /// [`Error::Config`] with one line per fault.
    pub fn parse(text: &str, name: &str, trust: Trust) -> Result<Self> {
        let mut file = Self { name: name.to_owned(), trust, ..Self::default() };
        let mut faults = Vec::new();
        for (number, line) in (1u32..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match entry(line, number) {
                Ok(entry) => {
                    file.by_id.insert(entry.id.clone(), file.entries.len());
                    file.entries.push(entry);
                }
                Err(fault) => faults.push(format!("line {number}: {fault}")),
            }
        }
        if faults.is_empty() {
            Ok(file)
        } else {
            Err(Error::Config { file: name.to_owned(), message: faults.join("\n") })
        }
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of this identity, expired or not.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.by_id.get(id).map(|&at| &self.entries[at])
    }

    /// What suppresses a finding of this identity on `today`. Err tells of an expired entry.
    pub fn check(&self, id: &str, today: &str) -> Option<Result<Suppression, String>> {
        let entry = self.get(id)?;
        entry.used.store(true, Ordering::Relaxed);
        Some(match &entry.expires {
            Some(day) if day.as_str() < today => {
                Err(format!("its entry in {} (line {}) ran out on {day}", self.name, entry.line))
            }
            _ => Ok(Suppression {
                by: "ignore-file",
                reason: entry.reason.clone().or_else(|| Some(format!("{}:{}", self.name, entry.line))),
                owner: entry.owner.clone(),
                expires: entry.expires.clone(),
            }),
        })
    }

    /// Entries that ran out, and (when the whole was scanned) entries that match nothing.
    pub fn notices(&self, today: &str, whole: bool) -> Vec<Notice> {
        let mut notices = Vec::new();
        for entry in &self.entries {
            let used = entry.used.load(Ordering::Relaxed);
            let owner = entry.owner.as_ref().map(|owner| format!(", owner {owner}")).unwrap_or_default();
            let expired = entry.expires.as_ref().filter(|day| day.as_str() < today);
            if let (Some(day), true) = (expired, used) {
                notices.push(
                    Notice::new(
                        NoticeKind::Expired,
                        format!("line {}: {} ran out on {day}{owner}: its findings count again", entry.line, entry.id),
                    )
                    .at(&self.name)
                    .mend("rotate and remove the secret, or give the entry a new date"),
                );
            } else if !used && whole {
                notices.push(
                    Notice::new(
                        NoticeKind::Information,
                        format!("line {}: {} matches nothing any more", entry.line, entry.id),
                    )
                    .at(&self.name)
                    .mend("remove the line"),
                );
            }
        }
        notices
    }
}

/// A line for the file.
pub fn render(id: &str, reason: Option<&str>, owner: Option<&str>, expires: Option<&str>) -> String {
    let mut line = id.to_owned();
    for (key, value) in [("reason", reason), ("owner", owner), ("expires", expires)] {
        if let Some(value) = value {
            let clean: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let plain = !clean.is_empty() && clean.chars().all(|c| c.is_alphanumeric() || "-_.@/+:".contains(c));
            if plain {
                let _ = write!(line, " {key}={clean}");
            } else {
                let _ = write!(line, " {key}=\"{}\"", clean.replace('\\', "\\\\").replace('"', "\\\""));
            }
        }
    }
    line
}

fn entry(line: &str, number: u32) -> Result<Entry, String> {
    let (id, mut rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if !is_identity(id) {
        return Err("it must begin with a fingerprint: `v1:` and 32 hex digits".to_owned());
    }
    let mut entry = Entry { id: id.to_owned(), line: number, ..Entry::default() };
    loop {
        rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(entry);
        }
        let Some((key, after)) = rest.split_once('=') else {
            return Err(
                "after the fingerprint come `reason=`, `owner=` and `expires=` (quote values with spaces)".to_owned()
            );
        };
        let (value, after) = value(after)?;
        match key {
            "reason" => entry.reason = Some(value),
            "owner" => entry.owner = Some(value),
            "expires" => {
                date(&value)?;
                entry.expires = Some(value);
            }
            _ => return Err(format!("`{key}` is unknown{}", nearest(key, ["reason", "owner", "expires"]))),
        }
        rest = after;
    }
}

/// A value, quoted (with `\"` and `\\`) or up to the next space.
fn value(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.extend(characters.next().map(|(_, next)| next)),
            other => value.push(other),
        }
    }
    Err("a quote is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{IgnoreFile, render};
    use crate::filter::Trust;

    const ID: &str = "v1:0123456789abcdef0123456789abcdef";

    #[test]
    fn a_line_goes_there_and_back() {
        let line = render(ID, Some("a \"quoted\" reason \\ # x"), Some("payments"), Some("2999-01-31"));
        let file = IgnoreFile::parse(&format!("# head\n\n{line} # tail\n"), "i", Trust::Repository).expect("parses");
        let entry = file.get(ID).expect("there");
        assert_eq!(entry.reason.as_deref(), Some("a \"quoted\" reason \\ # x"));
        assert_eq!((entry.owner.as_deref(), entry.expires.as_deref()), (Some("payments"), Some("2999-01-31")));
    }

    #[test]
    fn an_expired_entry_counts_no_more_and_says_so() {
        let file = IgnoreFile::parse(&format!("{ID} expires=2020-01-31"), "i", Trust::Repository).expect("parses");
        assert!(file.check(ID, "2020-01-31").is_some_and(|checked| checked.is_ok()), "the day itself counts");
        assert!(file.check(ID, "2020-02-01").is_some_and(|checked| checked.is_err()));
        assert_eq!(file.notices("2020-02-01", true).len(), 1);
    }

    #[test]
    fn every_fault_is_told() {
        let text = format!("nonsense\n{ID} reson=x\n{ID} expires=2020-13-01\n{ID} free words\n");
        let error = IgnoreFile::parse(&text, "i", Trust::Repository).expect_err("faults").to_string();
        for part in ["line 1", "did you mean `reason`", "line 3", "line 4"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
