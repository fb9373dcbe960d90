//! Our own baseline: the secrets that were there when a team began, accepted as they are.
//!
//! JSON lines, sorted: a header with the salt of its hashes, then one line per secret (a keyed hash over rule and
//! secret, so that moved lines, renamed files and copies stay accepted; rule and path are there for people). No line
//! numbers and no order that matters, so two branches merge line by line; `merge=union` in `.gitattributes` lets git
//! do it alone. Two branches that each made a baseline leave two headers: both salts count.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use super::Trust;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::finding::identity::{Key, is_identity};

/// The file's usual name.
pub const NAME: &str = ".keysweep.baseline";

/// The salt line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(rename = "keysweep-baseline")]
    version: u32,
    key: String,
}

/// One accepted secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Keyed hash over rule and secret.
    pub secret: String,
    /// The rule that found it.
    pub rule: String,
    /// Where it stood when it was accepted (a hint; it counts nowhere).
    pub path: String,
}

/// A baseline file.
#[derive(Debug, Default)]
pub struct Baseline {
    /// The file, as shown.
    pub name: String,
    /// Who wrote it.
    pub trust: Trust,
    salts: BTreeSet<String>,
    keys: Vec<Key>,
    lines: BTreeMap<String, Line>,
    used: Mutex<BTreeSet<String>>,
}

impl Baseline {
    /// An empty baseline with this salt.
    pub fn new(name: &str, salt: &str) -> Self {
        let salts = BTreeSet::from([salt.to_owned()]);
        Self { name: name.to_owned(), keys: vec![Key::repository(salt)], salts, ..Self::default() }
    }

    /// Parses a baseline; lines may come in any order and more than once (a union merge).
    ///
    /// # Errors
    /// [`Error::Config`] with one line per fault.
    pub fn parse(text: &str, name: &str, trust: Trust) -> Result<Self> {
        let mut baseline = Self { name: name.to_owned(), trust, ..Self::default() };
        let mut faults = Vec::new();
        for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark)) {
                faults.push(format!("line {number}: a merge conflict: keep the lines of both sides, remove the marks"));
            } else if let Ok(header) = serde_json::from_str::<Header>(line) {
                if header.version != 1 {
                    faults.push(format!("line {number}: baseline version {} is not known here", header.version));
                }
                baseline.salts.insert(header.key);
            } else {
                match serde_json::from_str::<Line>(line) {
                    Ok(entry) if is_identity(&entry.secret) => baseline.insert(entry),
                    Ok(_) => faults.push(format!("line {number}: `secret` must be `v1:` and 32 hex digits")),
                    Err(error) => faults.push(format!("line {number}: {error}")),
                }
            }
        }
        if faults.is_empty() && baseline.salts.is_empty() && !baseline.lines.is_empty() {
            faults.push("the header line with the `key` is missing".to_owned());
        }
        if !faults.is_empty() {
            return Err(Error::Config { file: name.to_owned(), message: faults.join("\n") });
        }
        baseline.keys = baseline.salts.iter().map(|salt| Key::repository(salt)).collect();
        Ok(baseline)
    }

    /// Of two lines for the same secret the one with the smaller path stays, whatever the order.
    fn insert(&mut self, line: Line) {
        match self.lines.get(&line.secret) {
            Some(known) if *known <= line => {}
            _ => drop(self.lines.insert(line.secret.clone(), line)),
        }
    }

    /// The salt that new lines are made with, and that the repository's fingerprints share.
    pub fn salt(&self) -> Option<&str> {
        self.salts.first().map(String::as_str)
    }

    /// Its lines, sorted.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    /// How many secrets it accepts.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether it accepts none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The line that accepts a finding; it is marked as used.
    pub fn check(&self, finding: &Finding) -> Option<&Line> {
        self.check_by(|key| key.secret_id(&finding.rule, &finding.secret).into())
    }

    /// The same; `secret_id` tells the secret's identity under a key.
    pub(crate) fn check_by<'i>(&self, secret_id: impl Fn(&Key) -> Cow<'i, str>) -> Option<&Line> {
        if self.lines.is_empty() {
            return None;
        }
        let line = self.keys.iter().find_map(|key| self.lines.get(&*secret_id(key)))?;
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(line.secret.clone());
        Some(line)
    }

    /// Whether a line was used by a finding of this scan.
    pub fn is_used(&self, line: &Line) -> bool {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).contains(&line.secret)
    }

    /// Adds a finding under the first salt.
    pub fn add(&mut self, finding: &Finding, path: &str) {
        if let Some(key) = self.keys.first() {
            let secret = key.secret_id(&finding.rule, &finding.secret);
            self.insert(Line { secret, rule: finding.rule.clone(), path: path.to_owned() });
        }
    }

    /// The union with another baseline, as a merge of two branches makes it.
    pub fn union(&mut self, other: Self) {
        for line in other.lines.into_values() {
            self.insert(line);
        }
        self.salts.extend(other.salts);
        self.keys = self.salts.iter().map(|salt| Key::repository(salt)).collect();
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let headers = self.salts.iter().map(|key| serde_json::to_string(&Header { version: 1, key: key.clone() }));
        let lines = self.lines.values().map(serde_json::to_string);
        for line in headers.chain(lines).flatten() {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

/// Counts per rule, for people.
pub fn by_rule<'l>(lines: impl Iterator<Item = &'l Line>) -> Vec<(String, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for line in lines {
        *counts.entry(&line.rule).or_default() += 1;
    }
    let mut sorted: Vec<_> = counts.into_iter().map(|(rule, count)| (rule.to_owned(), count)).collect();
    sorted.sort();
    sorted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop_assert_eq, proptest};

    use super::{Baseline, Line};
    use crate::filter::Trust;
    use crate::finding::identity::hex;

    fn lines() -> impl Strategy<Value = Vec<Line>> {
        proptest::collection::vec(
            (proptest::array::uniform16(0u8..4), "[a-z-]{1,8}", "[a-z/\"\\\\ü]{0,9}")
                .prop_map(|(id, rule, path)| Line { secret: format!("v1:{}", hex(&id)), rule, path }),
            0..12,
        )
    }

    fn baseline(salt: &str, lines: Vec<Line>) -> Baseline {
        let mut baseline = Baseline::new("b", salt);
        lines.into_iter().for_each(|line| baseline.insert(line));
        baseline
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(lines in lines()) {
            let text = baseline("aa", lines).render();
            let again = Baseline::parse(&text, "b", Trust::Repository).expect("parses");
            prop_assert_eq!(again.render(), text);
        }

        #[test]
        fn a_union_merge_is_the_union(ours in lines(), theirs in lines(), same_salt in proptest::bool::ANY) {
            let (ours, theirs) = (baseline("aa", ours), baseline(if same_salt { "aa" } else { "bb" }, theirs));
            // What `merge=union` leaves: the lines of both sides, in no useful order.
            let merged = format!("{}{}", theirs.render(), ours.render());
            let parsed = Baseline::parse(&merged, "b", Trust::Repository).expect("parses");
            let mut union = ours;
            union.union(theirs);
            prop_assert_eq!(parsed.render(), union.render());
        }
    }

    #[test]
    fn conflict_marks_and_broken_lines_are_told() {
        let text = "{\"keysweep-baseline\":1,\"key\":\"aa\"}\n<<<<<<< ours\n{\"secret\":\"x\",\"rule\":\"r\",\"path\":\"p\"}\n";
        let error = Baseline::parse(text, "b", Trust::Repository).expect_err("faults").to_string();
        assert!(error.contains("line 2: a merge conflict") && error.contains("line 3"), "{error}");
    }
}
