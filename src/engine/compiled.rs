//! A rule set made ready: its literals in the prefilter, its patterns compiled on first use, its special lists.

use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex_automata::meta::{self, Regex};

use super::assignment::is_name;
use super::named::Names;
use super::prefilter::Prefilter;
use crate::error::Error;
use crate::rules::{Literal, Method, Rule, RuleSet};

/// See the module.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) rules: RuleSet,
    pub(super) prefilter: Prefilter,
    /// Literal index of the prefilter -> (rule, literal's place in the rule). Those behind the end are escaped forms
    /// of the others.
    pub(super) owners: Vec<(u16, u16)>,
    patterns: Vec<OnceLock<Option<Regex>>>,
    /// Contextual rules that are tried under any name.
    pub(super) any_name: Vec<u16>,
    /// Generic rules that only know the ends of names: each keyword goes on to what binds the name (`key=`).
    pub(super) key_ends: Vec<u16>,
    /// Rules for texts that are nothing but a secret.
    pub(super) whole: Vec<u16>,
    /// Searched rules without a keyword.
    pub(super) searched_always: Vec<u16>,
    /// Keywords of contextual rules and their rules, built when a generic value first asks whose it is.
    providers: OnceLock<(Option<AhoCorasick>, Vec<u16>)>,
    /// Words of contextual rules, built at the first name for a secret.
    names: OnceLock<Names>,
}

impl Compiled {
    pub(super) fn new(rules: RuleSet) -> Result<Self, Error> {
        if rules.rules().len() > usize::from(u16::MAX) {
            return Err(Error::Usage(format!("{} rules are too many: at most 65535", rules.rules().len())));
        }
        let (mut owners, mut literals) = (Vec::new(), Vec::new());
        let (mut any_name, mut searched_always, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for (index, rule) in rules.rules().iter().enumerate() {
            let index = index as u16;
            let short = rule.literals.iter().any(|literal| literal.text.len() < 3);
            if rule.method == Method::Search && (rule.literals.is_empty() || short) {
                searched_always.push(index);
                continue;
            }
            if matches!(rule.method, Method::Whole(_)) {
                whole.push(index);
            }
            if rule.any_name {
                any_name.push(index);
            }
            for (place, literal) in rule.literals.iter().enumerate() {
                let follows = match &rule.method {
                    Method::Anchored(anchors) if anchors[place].gate.least > 0 => anchors[place].gate.set,
                    _ => Default::default(),
                };
                owners.push((index, place as u16));
                literals.push((literal, follows));
            }
        }
        let ends = |rule: &Rule| {
            let bound = |literal: &Literal| !literal.text.as_bytes().last().is_some_and(|&byte| is_name(byte));
            rule.method == Method::Generic && rule.literals.iter().all(bound)
        };
        let key_ends = (0..).zip(rules.rules()).filter(|(_, rule)| ends(rule)).map(|(index, _)| index).collect();
        let escaped = escaped_forms(&rules);
        literals.extend(escaped.iter().map(|literal| (literal, Default::default())));
        let prefilter = Prefilter::new(literals);
        let patterns = rules.rules().iter().map(|_| OnceLock::new()).collect();
        let compiled = Self {
            rules,
            prefilter,
            owners,
            patterns,
            any_name,
            key_ends,
            whole,
            searched_always,
            providers: OnceLock::new(),
            names: OnceLock::new(),
        };
        for (index, rule) in compiled.rules.rules().iter().enumerate() {
            // The built-in patterns are held by a test; a user's could be too large to compile.
            if rule.method == Method::Search && compiled.pattern(index as u16).is_none() {
                return Err(Error::Rule {
                    file: "configuration".to_owned(),
                    rule: rule.id.to_string(),
                    message: "its pattern does not compile, or needs more than 10 MB: lower its repeat counts"
                        .to_owned(),
                });
            }
        }
        Ok(compiled)
    }

    pub(super) fn rule(&self, index: u16) -> &Rule {
        &self.rules.rules()[usize::from(index)]
    }

    /// The rule's pattern, compiled now if it was not; `None` when it cannot be.
    pub(super) fn pattern(&self, index: u16) -> Option<&Regex> {
        self.patterns[usize::from(index)]
            .get_or_init(|| {
                Regex::builder()
                    .syntax(regex_automata::util::syntax::Config::new().unicode(false).utf8(false))
                    .configure(meta::Config::new().utf8_empty(false).nfa_size_limit(Some(10 << 20)))
                    .build(&self.rule(index).regex)
                    .ok()
            })
            .as_ref()
    }

    /// Why a rule that only knows the end of names (`key=`) leaves an assignment: a word of another generic rule says more
    /// (`secret_key`), or the value is shorter than keys are.
    pub(super) fn leaves(&self, index: u16, name: &[u8], value: &[u8]) -> Option<&'static str> {
        const SHORTEST: usize = 16;
        if !self.key_ends.contains(&index) {
            return None;
        }
        let holds = |word: &str| name.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
        let others = self.rules.rules().iter().enumerate();
        let mut words = others
            .filter(|(other, rule)| rule.method == Method::Generic && !self.key_ends.contains(&(*other as u16)))
            .flat_map(|(_, rule)| rule.literals.iter());
        // `{"acme_lucid_key", "acme_rfc1964_data"}` lists names.
        let listed = value.split(|&byte| byte == b'_').count() > 2
            && value.iter().all(|&byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && value.split(|&byte| byte == b'_').all(|part| part.len() < 12);
        match words.any(|literal| holds(&literal.text)) {
            true => Some("another word of the name says more"),
            false if listed => Some("the value is an identifier"),
            false => (value.len() < SHORTEST).then_some("the value is too short"),
        }
    }

    /// Contextual rules that own `name`, a name for a secret, by one of its words, and where that stands.
    pub(super) fn owners_by_name(&self, name: &[u8]) -> Vec<(u16, Range<usize>)> {
        self.names.get_or_init(|| Names::new(&self.rules)).owners(name)
    }

    /// Where providers are named in `name`.
    pub(super) fn providers_in(&self, name: &[u8]) -> Vec<Range<usize>> {
        self.names.get_or_init(|| Names::new(&self.rules)).providers(name)
    }

    /// Contextual rules whose keyword stands in `near`, and where.
    pub(super) fn providers_near(&self, near: &[u8]) -> Vec<(u16, Range<usize>)> {
        let (automaton, owners) = self.providers.get_or_init(|| {
            let (mut words, mut owners) = (Vec::new(), Vec::new());
            for (index, rule) in self.rules.rules().iter().enumerate() {
                if rule.method == Method::Assigned {
                    for literal in rule.literals.iter() {
                        words.push(literal.text.as_bytes());
                        owners.push(index as u16);
                    }
                }
            }
            (AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok(), owners)
        });
        let Some(automaton) = automaton else { return Vec::new() };
        let mut found: Vec<(u16, Range<usize>)> = automaton
            .find_overlapping_iter(near)
            .map(|found| (owners[found.pattern().as_usize()], found.range()))
            .collect();
        found.sort_by_key(|(rule, range)| (*rule, range.start));
        found.dedup_by_key(|(rule, _)| *rule);
        found
    }
}

/// The literals of anchored rules as URLs and JSON strings have them: `postgres%3A%2F%2F`, `hooks.slack.com\/services\/`.
fn escaped_forms(rules: &RuleSet) -> Vec<Literal> {
    let anchored = rules.rules().iter().filter(|rule| matches!(rule.method, Method::Anchored(_)));
    let special = |byte: u8| matches!(byte, b':' | b'/' | b'@' | b'=' | b' ' | b'+' | b'$');
    let mut forms: Vec<Literal> = anchored
        .flat_map(|rule| rule.literals.iter())
        .filter(|literal| literal.text.bytes().any(special))
        .flat_map(|literal| {
            let percent = |kept: &[u8]| {
                let mut text = String::new();
                for character in literal.text.chars() {
                    match u8::try_from(character) {
                        Ok(byte) if special(byte) && !kept.contains(&byte) => text.push_str(&format!("%{byte:02x}")),
                        _ => text.push(character),
                    }
                }
                text.to_ascii_lowercase()
            };
            [percent(b""), percent(b"/"), literal.text.to_ascii_lowercase().replace('/', "\\/")]
        })
        .filter(|text| text.contains(['%', '\\']) && text.len() > 4)
        .map(|text| Literal::new(text, true))
        .collect();
    forms.sort_by(|a, b| a.text.cmp(&b.text));
    forms.dedup();
    forms
}
