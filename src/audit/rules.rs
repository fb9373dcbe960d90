//! Which rules covered something: a digest of each rule as it is compiled, and one of the whole set.
//!
//! The program itself (its checks, decoders, weights) counts as a rule without a name: another version of it scans
//! everything anew.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::finding::identity::hex;
use crate::rules::{Method, PartOf, PathTest, Rule, RuleSet, Text};

/// The name that the program itself has among the rules.
const PROGRAM: &str = "";

/// The digests of a rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDigests {
    /// Of the whole.
    pub all: String,
    /// By rule id.
    pub each: BTreeMap<String, String>,
}

/// What differs between the rules that covered something and those of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// These rules are new or changed, and those old ones changed or gone.
    Rules {
        /// To be looked for in what is covered.
        look_for: Vec<String>,
        /// What was found by these has to be looked at again.
        doubtful: Vec<String>,
    },
    /// Everything has to be scanned anew.
    All,
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..8])
}

/// Bytes one after the other, each piece with its length before it.
#[derive(Default)]
struct Pieces(Vec<u8>);

impl Pieces {
    fn add(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(&(piece.len() as u64).to_le_bytes());
        self.0.extend_from_slice(piece);
    }

    fn list(&mut self, list: &[Text]) {
        self.add(&list.len().to_le_bytes());
        list.iter().for_each(|text| self.add(text.as_bytes()));
    }
}

/// The digest of what decides where a rule matches and how bad that is. What it tells people is no part of it, nor what is
/// computed of the rest (anchors, the tail, the longest match).
fn of_rule(rule: &Rule, pieces: &mut Pieces) -> String {
    let Rule { id, provider, severity, confidence, literals, method, regex, secret_group, entropy, keywords, .. } =
        rule;
    let Rule { words, within, keywords_required, validators, free_standing, any_name, parts, part_only, path, .. } =
        rule;
    pieces.0.clear();
    for text in [id, provider, regex] {
        pieces.add(text.as_bytes());
    }
    let method = match method {
        Method::Anchored(_) => 0,
        Method::Assigned => 1,
        Method::Search => 2,
        Method::Generic => 3,
        Method::Whole(lines) => 3 + lines,
    };
    let yes = [*keywords_required, *free_standing, *any_name, *part_only].map(u8::from);
    pieces.add(&[*severity as u8, *confidence, method, *secret_group]);
    pieces.add(&yes);
    pieces.add(&entropy.to_le_bytes());
    pieces.add(&within.to_le_bytes());
    pieces.add(&literals.len().to_le_bytes());
    for literal in literals.iter() {
        pieces.add(literal.text.as_bytes());
        pieces.add(&[u8::from(literal.ignore_case)]);
    }
    for list in [keywords, words, validators] {
        pieces.list(list);
    }
    pieces.add(&parts.len().to_le_bytes());
    for PartOf { rule, within_lines, missing } in parts.iter() {
        pieces.add(rule.as_bytes());
        pieces.add(&within_lines.to_le_bytes());
        pieces.add(&missing.to_le_bytes());
    }
    if let Some(PathTest { regex }) = path {
        pieces.add(regex.as_bytes());
    }
    hex(&Sha256::digest(&pieces.0)[..8])
}

impl RuleDigests {
    /// The digests of `rules`, under this version of the program.
    pub fn of(rules: &RuleSet, version: &str) -> Self {
        let mut pieces = Pieces::default();
        let mut each: BTreeMap<String, String> =
            rules.rules().iter().map(|rule| (rule.id.to_string(), of_rule(rule, &mut pieces))).collect();
        each.insert(PROGRAM.to_owned(), digest(version));
        Self { all: digest(&format!("{each:?}")), each }
    }

    /// What changed since `before`. A rule that only gives parts to others changes what those say.
    pub fn since(&self, before: &BTreeMap<String, String>, rules: &RuleSet) -> Change {
        if *before == self.each {
            return Change::None;
        }
        if before.get(PROGRAM) != self.each.get(PROGRAM) {
            return Change::All;
        }
        let differs = |(id, digest): &(&String, &String)| self.each.get(*id) != Some(*digest);
        let doubtful: Vec<String> = before.iter().filter(differs).map(|(id, _)| id.clone()).collect();
        let look_for: Vec<String> = self
            .each
            .iter()
            .filter(|(id, digest)| before.get(*id) != Some(*digest))
            .map(|(id, _)| id.clone())
            .collect();
        let gives_parts = |id: &String| {
            rules.get(id).is_some_and(|rule| rule.part_only)
                || rules.rules().iter().any(|rule| rule.parts.iter().any(|part| part.rule == **id))
        };
        if look_for.iter().chain(&doubtful).any(gives_parts) {
            return Change::All;
        }
        Change::Rules { look_for, doubtful }
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, RuleDigests};
    use crate::finding::Severity;
    use crate::rules::RuleSet;

    #[test]
    fn a_changed_rule_is_looked_for_and_what_it_found_is_doubtful() {
        let rules = RuleSet::builtin();
        let before = RuleDigests::of(&rules, "1");
        assert_eq!(before, RuleDigests::of(&rules, "1"), "the same rules have the same digests");
        assert_eq!(before.since(&before.each, &rules), Change::None);
        let mut changed = rules.rules().to_vec();
        let at = changed.iter().position(|rule| rule.id == "github-pat-classic").expect("a rule");
        let id = changed[at].id.to_string();
        changed[at].severity = Severity::Low;
        let last = changed.iter().rposition(|rule| !rule.part_only && rule.parts.is_empty()).expect("a rule");
        let gone = changed.remove(last).id.to_string();
        let changed = RuleSet::from_rules(changed);
        let after = RuleDigests::of(&changed, "1");
        assert_ne!(after.all, before.all);
        let Change::Rules { look_for, mut doubtful } = after.since(&before.each, &changed) else { panic!("rules") };
        doubtful.sort();
        let mut expected = vec![id.clone(), gone];
        expected.sort();
        assert_eq!((look_for, doubtful), (vec![id], expected));
        let mut told = changed.rules().to_vec();
        told[0].rotate = "otherwise".into();
        assert_eq!(RuleDigests::of(&RuleSet::from_rules(told), "1"), after, "what people are told finds nothing");
        assert_eq!(RuleDigests::of(&changed, "2").since(&before.each, &changed), Change::All, "another program");
    }
}
