//! From an assignment to a match: contextual rules by its name, its provider or its value's form, and the generic path
//! for values without one.

use std::ops::Range;

use super::assignment::{self, Assignment};
use super::owner::{Joined, joined};
use super::value::{self, Candidate};
use super::{Judged, Match, REACH, Scanner, boundary, decode, encoded, forms, innocent, model, named, texts};
use crate::finding::Reason;

impl Scanner<'_> {
    /// A keyword of a contextual rule stands in the name of an assignment. Whether more than the assignment was
    /// looked at.
    pub(super) fn assigned(
        &mut self,
        text: &[u8],
        literal: Range<usize>,
        index: u16,
        found: &Assignment,
        out: &mut Vec<Match>,
    ) -> bool {
        if !boundary::is_word(text, &literal) {
            return false;
        }
        let name = &text[found.name.clone()];
        let keyword = literal.start.saturating_sub(found.name.start)..literal.end.saturating_sub(found.name.start);
        if named::tells_of_no_credential(name, &keyword) {
            self.drop_candidate(index, literal, "the name tells of something else of this provider");
            return false;
        }
        let reasons = vec![Reason::new(
            i16::from(self.engine.rule(index).confidence),
            "name and value have the form of the rule",
        )];
        self.whole_value(text, index, found, reasons, out);
        false
    }

    /// The keyword of a contextual rule heads a section or stands in the line above: the value of a plain `key` below it.
    /// The bytes that were looked at.
    pub(super) fn key_below(
        &mut self,
        text: &[u8],
        literal: Range<usize>,
        index: u16,
        out: &mut Vec<Match>,
    ) -> Range<usize> {
        let end = text.len().min(literal.end + BELOW);
        let Some(line) = memchr::memchr(b'\n', &text[literal.end..end]).map(|at| literal.end + at + 1) else {
            return literal.start..end;
        };
        let is_key = |at: &usize| {
            text[at - 1..*at + 3].eq_ignore_ascii_case(b" key")
                || text[at - 1..*at + 3].eq_ignore_ascii_case(b"\"key")
                || text[at - 1..*at + 3].eq_ignore_ascii_case(b"\nkey")
        };
        let Some(key) = (line..end.saturating_sub(3)).find(is_key) else {
            return literal.start..end;
        };
        if !boundary::is_word(text, &literal) {
            return literal.start.saturating_sub(1)..end;
        }
        let read = assignment::read(text, key..key + 3);
        if let Some(found) = read.found.filter(|found| found.name == (key..key + 3)) {
            let reasons = vec![
                Reason::new(i16::from(self.engine.rule(index).confidence), "the value has the form of the rule"),
                Reason::new(-10, "its provider is not in the name but near it"),
            ];
            self.whole_value(text, index, &found, reasons, out);
        }
        read.looked.start.min(literal.start.saturating_sub(1))..read.looked.end.max(end)
    }

    /// A keyword of the generic path stands in the name of an assignment: whether a word of the name is a contextual
    /// rule's, and its pattern matches. What is only a part of a credential may be a secret of the generic path as
    /// well, when its other half is nowhere: `resolve` decides.
    pub(super) fn named(
        &mut self,
        text: &[u8],
        literal: &Range<usize>,
        found: &Assignment,
        out: &mut Vec<Match>,
    ) -> bool {
        let name = &text[found.name.clone()];
        let keyword = literal.start - found.name.start..literal.end.min(found.name.end) - found.name.start;
        let owners = self.engine.compiled.owners_by_name(name);
        if owners.is_empty() || innocent::is_of_a_secret(name, &keyword).is_err() {
            return false;
        }
        for (index, word) in owners {
            if named::tells_of_no_credential(name, &word) {
                continue;
            }
            let confidence = i16::from(self.engine.rule(index).confidence);
            let reasons = vec![Reason::new(confidence, "name and value have the form of the rule")];
            if self.whole_value(text, index, found, reasons, out) && !self.engine.rule(index).part_only {
                return true;
            }
        }
        false
    }

    /// Tries a contextual rule on the value of `found`; whether it matched.
    pub(super) fn whole_value(
        &mut self,
        text: &[u8],
        index: u16,
        found: &Assignment,
        reasons: Vec<Reason>,
        out: &mut Vec<Match>,
    ) -> bool {
        let (whole, secret) = if let Some(joined) = &found.joined {
            // Put together from pieces: the pattern is asked about the whole, and all of it is the secret.
            let Some((whole, _)) = self.run(joined, 0..joined.len(), true, index) else { return false };
            if whole.end != joined.len() {
                return false;
            }
            (found.value.clone(), found.value.clone())
        } else {
            let Some(found) = self.run(text, found.value.clone(), true, index) else { return false };
            found
        };
        if whole.end != found.value.end {
            return false;
        }
        if named::names_a_credential(found.value(text)) {
            self.drop_candidate(index, whole, "the value is the name of a credential");
            return false;
        }
        let before = out.len();
        let span = span_of(found);
        self.conclude(text, index, span.clone(), secret, span, reasons, out);
        out.len() > before
    }

    /// A keyword of the generic path stands in the name of an assignment. Whether more than the assignment was
    /// looked at.
    pub(super) fn generic(
        &mut self,
        text: &[u8],
        literal: Range<usize>,
        index: u16,
        found: &Assignment,
        out: &mut Vec<Match>,
    ) -> bool {
        if self.engine.compiled.key_ends.contains(&index) {
            match joined(text, &literal) {
                Joined::No => {
                    if let Some(far) = self.key_of_provider(text, literal.clone(), index, found, out) {
                        return far;
                    }
                }
                Joined::HitTwice => return false,
                Joined::Yes => {}
            }
        }
        if self.named(text, &literal, found, out) {
            return false;
        }
        if let Some(why) = self.engine.compiled.leaves(index, &text[found.name.clone()], found.value(text)) {
            self.drop_candidate(index, span_of(found), why);
            return false;
        }
        let mut refused = false;
        if self.any_name(text, found, &mut refused, out) {
            return false;
        }
        let rule = self.engine.rule(index);
        let mut candidate = candidate(text, &literal, found, rule.tags.iter().any(|tag| tag == "password"));
        let mut judged = value::judge(&candidate);
        if judged.is_err() && value::may_be_chosen(&candidate) {
            candidate.password = true;
            judged = value::judge(&candidate);
        }
        let judged = match judged {
            Ok(judged) => judged,
            Err(why) => {
                let is_uuid = why == forms::UUID;
                if is_uuid && self.uuid_of_provider(text, index, found, out) {
                    return true;
                }
                self.drop_candidate(index, span_of(found), why);
                return is_uuid;
            }
        };
        let password = candidate.password;
        if let Some(judged_values) = &mut self.judged {
            let (name, value) = (found.name.clone(), found.value.clone());
            judged_values.push(Judged { name, value, password, features: judged });
        }
        if texts::verdict_of_a_test(&candidate, &text[value_context(text, found)]) {
            self.drop_candidate(index, span_of(found), "the value is the name of a test, and PASS the verdict");
            return true;
        }
        if self.by_provider_near(text, found, out) {
            return true;
        }
        if self.depth < decode::DEEPEST && encoded::stands_for_another(text, found) {
            self.drop_candidate(index, span_of(found), "the value is encoded: it is judged decoded");
            return true;
        }
        let weighed = match value::weigh(&judged, password, rule.confidence) {
            _ if value::is_random_key(&candidate) => Ok(vec![Reason::new(6, "a random UUID, under a name of secrets")]),
            _ if value::is_short_key(&candidate) => {
                Ok(vec![Reason::new(5, "random hexadecimal digits, under a name of secrets")])
            }
            Ok(_) if refused || self.fails_as_token(text, found) => {
                Err("it has the form of a token whose checksum or structure fails")
            }
            weighed => weighed,
        };
        let mut reasons = vec![Reason::new(i16::from(rule.confidence), "a name for a secret has a value")];
        match weighed {
            Ok(weighed) => reasons.extend(weighed),
            Err(why) => {
                self.drop_candidate(index, span_of(found), why);
                return true;
            }
        }
        if !password {
            reasons.extend(self.of_known_provider(text, index, found));
        }
        self.conclude(text, index, span_of(found), found.value.clone(), value_context(text, found), reasons, out);
        true
    }
}

/// How far from an assignment its provider's name, or words the model knows, are looked for, in bytes.
pub(super) const NEAR: usize = 160;
const _: () = assert!(model::NEAR <= NEAR);

/// How far below the name of a provider a plain `key` is looked for, in bytes.
const BELOW: usize = 72;

/// What is to be judged of an assignment.
pub(super) fn candidate<'t>(
    text: &'t [u8],
    literal: &Range<usize>,
    found: &'t Assignment,
    password: bool,
) -> Candidate<'t> {
    Candidate {
        text,
        name_at: found.name.clone(),
        value_at: found.value.clone(),
        name: &text[found.name.clone()],
        keyword: literal.start - found.name.start..literal.end.min(found.name.end) - found.name.start,
        value: found.value(text),
        partial: found.partial,
        quoting: found.quoting,
        operator: found.operator,
        after: text.get(found.value.end).copied(),
        password,
    }
}

/// Name, operator and value.
pub(super) fn span_of(found: &Assignment) -> Range<usize> {
    found.name.start.min(found.value.start)..found.value.end.max(found.name.end)
}

pub(super) fn value_context(text: &[u8], found: &Assignment) -> Range<usize> {
    let span = span_of(found);
    span.start.saturating_sub(NEAR + boundary::REACH)..(span.end + NEAR + boundary::REACH).min(text.len())
}

const _: () = assert!(NEAR + assignment::FAR + boundary::REACH < REACH);

#[cfg(test)]
mod tests {
    use crate::engine::Engine;
    use crate::rules::{RuleSet, load};

    const RULES: &str = r#"
        [[rules]]
        id = "copper-key"
        description = "x"
        severity = "low"
        keywords = ["copper"]
        regex = '[a-f0-9]{32}'
        entropy = 2.9
        examples = ["COPPER_KEY={hex:32}"]
        nearMisses = ["COPPER_KEY={hex:31}"]

        [[rules]]
        id = "keys"
        description = "x"
        severity = "low"
        confidence = 40
        generic = true
        keywords = ["_key=", "_key\":"]
        examples = ["acme_key={alnum:32}"]
        nearMisses = ["acme_key={alnum:3}"]

        [[rules]]
        id = "secrets"
        description = "x"
        severity = "low"
        generic = true
        keywords = ["secret"]
        examples = ["secret={alnum:32}"]
        nearMisses = ["secret={alnum:3}"]
    "#;

    fn found(text: &str) -> Vec<String> {
        let engine = Engine::new(RuleSet::from_rules(load::load(RULES, "x.toml").expect("sound rules")));
        let engine = engine.expect("sound rules");
        let matches = engine.scanner().scan(text.as_bytes());
        matches.iter().map(|found| engine.rule(found.rule).id.to_string()).collect()
    }

    const VALUE: &str = "3f2b9c04d71e5a868b5d0e6fa4c29137";

    #[test]
    fn a_plain_key_belongs_to_the_provider_above_it() {
        for text in [
            format!("[copper]\nkey = {VALUE}\n"),
            format!("copper:\n  key: {VALUE}\n"),
            format!("{{\"copper\": {{\n  \"key\": \"{VALUE}\"}}}}"),
            format!("asking the copper API\n[DEBUG] using Key={VALUE}\n"),
            format!("copper API key: {VALUE}\n"),
        ] {
            assert_eq!(found(&text), ["copper-key"], "{text}");
        }
        for text in [
            format!("[copper]\nkeys = {VALUE}\n"),
            format!("[copper]\nmonkey = {VALUE}\n"),
            format!("[copper]\nkey_id = {VALUE}\n"),
            format!("copper = 7\nkey = {VALUE}\n"),
            format!("[coppered]\n{}\nkey = {VALUE}\n", "x".repeat(90)),
            format!("[other]\nkey = {VALUE}\n"),
        ] {
            assert_eq!(found(&text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn a_word_for_a_secret_says_more_than_the_end_of_a_name() {
        let value = "q7RkT2vLx9ZpWm4NbC8sHd3FgJ6yKa1E";
        assert_eq!(found(&format!("acme_key={value}\n")), ["keys"]);
        assert_eq!(found(&format!("{{\"acme_key\":\"{value}\"}}")), ["keys"]);
        assert_eq!(found(&format!("secret_key={value}\n")), ["secrets"]);
        assert_eq!(found("acme_key=q7RkT2vLx9Zp\n"), [] as [&str; 0], "shorter than keys are");
        for quiet in ["cache_key", "primary_key", "monkey"] {
            assert_eq!(found(&format!("{quiet}={value}\n")), [] as [&str; 0], "{quiet}");
        }
    }
}
