//! From a hit to a match: gate, anchored pattern, entropy, validators, score.

use std::sync::OnceLock;

use regex_automata::meta::{self, Regex};
use regex_automata::{Anchored, Input};

use super::prefilter::{Hit, Prefilter};
use super::resolve::resolve;
use super::validate::{self, Verdict};
use super::{Dropped, Match};
use crate::error::Error;
use crate::finding::Reason;
use crate::rules::{Anchor, Method, Rule, RuleSet};

/// The rules, ready to match: immutable, shared by all threads. Patterns are compiled on their first use.
#[derive(Debug)]
pub struct Engine {
    rules: RuleSet,
    prefilter: Prefilter,
    /// Literal index of the prefilter -> (rule, literal's place in the rule).
    owners: Vec<(u16, u16)>,
    patterns: Vec<OnceLock<Option<Regex>>>,
}

impl Engine {
    /// Prepares `rules`. Built-in rules cannot fail here.
    ///
    /// # Errors
    /// [`Error::Rule`] when there are more than 65,535 rules.
    pub fn new(rules: RuleSet) -> Result<Self, Error> {
        if rules.rules().len() > usize::from(u16::MAX) {
            return Err(Error::Usage(format!("{} rules are too many: at most 65535", rules.rules().len())));
        }
        let mut owners = Vec::new();
        let mut literals = Vec::new();
        for (index, rule) in rules.rules().iter().enumerate() {
            for (place, literal) in rule.literals.iter().enumerate() {
                let follows = match &rule.method {
                    Method::Anchored(anchors) => anchors[place].gate.set,
                    _ => Default::default(),
                };
                owners.push((index as u16, place as u16));
                literals.push((literal, follows));
            }
        }
        let prefilter = Prefilter::new(literals);
        let patterns = rules.rules().iter().map(|_| OnceLock::new()).collect();
        Ok(Self { rules, prefilter, owners, patterns })
    }

    /// The rules it was made of.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The rule of a match.
    pub fn rule(&self, index: u16) -> &Rule {
        &self.rules.rules()[usize::from(index)]
    }

    /// What one thread needs to scan.
    pub fn scanner(&self) -> Scanner<'_> {
        Scanner { engine: self, caches: self.patterns.iter().map(|_| None).collect(), hits: Vec::new(), dropped: None }
    }

    fn pattern(&self, rule: u16) -> Option<&Regex> {
        self.patterns[usize::from(rule)]
            .get_or_init(|| {
                Regex::builder()
                    .syntax(regex_automata::util::syntax::Config::new().unicode(false).utf8(false))
                    .configure(meta::Config::new().utf8_empty(false).nfa_size_limit(Some(10 << 20)))
                    .build(&self.rule(rule).regex)
                    .ok()
            })
            .as_ref()
    }
}

/// One thread's scanner: caches and buffers, reused from text to text.
#[derive(Debug)]
pub struct Scanner<'e> {
    engine: &'e Engine,
    caches: Vec<Option<meta::Cache>>,
    hits: Vec<Hit>,
    /// When set, every dropped candidate is written down (`explain`).
    pub dropped: Option<Vec<Dropped>>,
}

impl<'e> Scanner<'e> {
    /// The engine behind it.
    pub fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// All matches in `text`, sorted by place.
    pub fn scan(&mut self, text: &[u8]) -> Vec<Match> {
        let mut matches = Vec::new();
        self.candidates(text, 0..text.len(), &mut matches);
        resolve(&self.engine.rules, text, &mut matches);
        matches
    }

    /// Adds the candidates whose literal starts in `range` to `out`, unresolved.
    pub fn candidates(&mut self, text: &[u8], range: std::ops::Range<usize>, out: &mut Vec<Match>) {
        let engine = self.engine;
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        engine.prefilter.scan(text, range.start, range.end, |hit| hits.push(hit));
        for hit in &hits {
            let (rule, place) = engine.owners[hit.literal as usize];
            if let Method::Anchored(anchors) = &engine.rule(rule).method {
                self.anchored(text, hit, rule, &anchors[usize::from(place)], out);
            }
        }
        self.hits = hits;
    }

    fn anchored(&mut self, text: &[u8], hit: &Hit, index: u16, anchor: &Anchor, out: &mut Vec<Match>) {
        let rule = self.engine.rule(index);
        let after = hit.start + self.engine.prefilter.literal_len(hit.literal);
        let least = usize::from(anchor.gate.least);
        let Some(next) = text.get(after..after + least) else { return };
        if !next.iter().all(|&byte| anchor.gate.set.contains(byte)) {
            return;
        }
        let Some(pattern) = self.engine.pattern(index) else { return };
        let cache = self.caches[usize::from(index)].get_or_insert_with(|| pattern.create_cache());
        let start = hit.start.saturating_sub(usize::from(anchor.back_max));
        let input = Input::new(text)
            .span(start..text.len().min(hit.start + super::LONG_REACH))
            .anchored(if anchor.back_max == 0 { Anchored::Yes } else { Anchored::No });
        let mut captures = pattern.create_captures();
        pattern.search_captures_with(cache, &input, &mut captures);
        let (Some(span), Some(secret)) =
            (captures.get_match().map(|found| found.range()), captures.get_group(usize::from(rule.secret_group)))
        else {
            return;
        };
        let secret = secret.range();
        let mut reasons = vec![Reason::new(i16::from(rule.confidence), "shape of the rule")];
        let mut facts = Vec::new();
        let mut confidence = i16::from(rule.confidence);
        for name in rule.validators.iter() {
            let checked = validate::check(name, &text[secret.clone()], &text[span.clone()]);
            facts.extend(checked.facts);
            match checked.verdict {
                Verdict::Confirmed(reason) | Verdict::Hint(reason) => {
                    confidence += reason.points;
                    reasons.push(reason);
                }
                Verdict::Rejected(why) => {
                    if let Some(dropped) = &mut self.dropped {
                        dropped.push(Dropped { rule: index, span, why: why.to_owned() });
                    }
                    return;
                }
                Verdict::Silent => {}
            }
        }
        let confidence = u8::try_from(confidence.clamp(0, 100)).unwrap_or(100);
        out.push(Match { rule: index, span, secret, confidence, reasons, facts, parts: Vec::new() });
    }
}
