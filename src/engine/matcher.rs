//! From a hit to a match: gate, anchored pattern, boundaries, validators, score.

use std::ops::Range;

use regex_automata::util::captures::Captures;
use regex_automata::{Anchored, Input, meta};

use super::assignment::{self, Assignment, Read};
use super::compiled::Compiled;
use super::decode::{self, begins};
use super::encoded::{self, Failed};
use super::innocent;
use super::model;
use super::prefilter::Hit;
use super::resolve::resolve;
use super::validate::{self, Verdict};
use super::value::{self, Candidate};
use super::{Dropped, Judged, LONG_REACH, Match, Open, REACH, SHORT_REACH, boundary, score, words};
use crate::error::Error;
use crate::finding::Reason;
use crate::rules::{Anchor, Method, Rule, RuleSet};

/// The rules, ready to match: immutable, shared by all threads. Patterns are compiled on their first use.
#[derive(Debug)]
pub struct Engine {
    compiled: Compiled,
}

impl Engine {
    /// Prepares `rules`. Built-in rules cannot fail here.
    ///
    /// # Errors
    /// [`Error::Usage`] when there are more than 65,535 rules; [`Error::Rule`] when a searched pattern does not
    /// compile within its size limit.
    pub fn new(rules: RuleSet) -> Result<Self, Error> {
        Ok(Self { compiled: Compiled::new(rules)? })
    }

    /// The rules it was made of.
    pub fn rules(&self) -> &RuleSet {
        &self.compiled.rules
    }

    /// The rule of a match.
    pub fn rule(&self, index: u16) -> &Rule {
        self.compiled.rule(index)
    }

    /// Whether every candidate depends on the bytes of its [`Match::context`] alone. A user's [`Method::Search`] rules
    /// depend on the whole text.
    pub fn is_local(&self) -> bool {
        self.rules().rules().iter().all(|rule| rule.method != Method::Search)
    }

    /// What one thread needs to scan.
    pub fn scanner(&self) -> Scanner<'_> {
        Scanner {
            engine: self,
            caches: self.compiled.rules.rules().iter().map(|_| None).collect(),
            hits: Vec::new(),
            open: None,
            dropped: None,
            exhausted: false,
            depth: 0,
            budget: 0,
            judged: None,
            refused: None,
        }
    }
}

/// One thread's scanner: caches and buffers, reused from text to text.
#[derive(Debug)]
pub struct Scanner<'e> {
    engine: &'e Engine,
    caches: Vec<Option<Box<(meta::Cache, Captures)>>>,
    hits: Vec<Hit>,
    /// When set, hits that looked far and came to nothing are written down (the delta walk).
    pub open: Option<Vec<Open>>,
    /// When set, every dropped candidate is written down (`explain`).
    pub dropped: Option<Vec<Dropped>>,
    /// Set when a compressed stream in an encoding was not read to its end, for its size; the caller takes it down.
    pub exhausted: bool,
    /// How many decoders the text at hand has passed.
    pub(super) depth: usize,
    /// What streams may still decompress to.
    pub(super) budget: usize,
    /// When set, every value that the model weighed is written down (for those who train it).
    pub judged: Option<Vec<Judged>>,
    /// The last match that its rule's own tests refused.
    refused: Option<Range<usize>>,
}

impl<'e> Scanner<'e> {
    /// The engine behind it.
    pub fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// All matches in `text`, also in its encodings, sorted by place.
    pub fn scan(&mut self, text: &[u8]) -> Vec<Match> {
        let mut matches = Vec::new();
        self.candidates(text, 0..text.len(), &mut matches);
        self.encoded(text, &mut matches);
        if !matches.is_empty() {
            self.resolve(text, &mut matches);
        }
        matches
    }

    /// Settles the candidates of a whole text among each other; sorted by place.
    pub fn resolve(&mut self, text: &[u8], candidates: &mut Vec<Match>) {
        resolve(&self.engine.compiled.rules, text, candidates, self.dropped.as_mut());
    }

    /// Adds the candidates whose literal starts in `range` to `out`, unresolved and in no certain order. Those that
    /// stand in an encoding are added by [`Self::encoded`].
    ///
    /// Each is a pure function of the bytes of its [`Match::context`]; those of a user's [`Method::Search`] rules
    /// depend on the whole text.
    pub fn candidates(&mut self, text: &[u8], range: Range<usize>, out: &mut Vec<Match>) {
        let compiled = &self.engine.compiled;
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        compiled.prefilter.scan(text, range.start, range.end, |hit| hits.push(hit));
        let mut last: Option<(Range<usize>, Read)> = None;
        let mut searched: Vec<u16> = compiled.searched_always.clone();
        // The literal whose neighbourhood was decoded last: the rules that share it need that once.
        let mut decoded = 0..0;
        for hit in &hits {
            let literal = hit.start..hit.start + compiled.prefilter.literal_len(hit.literal);
            let Some(&(index, place)) = compiled.owners.get(hit.literal as usize) else {
                let before = out.len();
                let looked = self.escaped_literal(text, literal.clone(), out);
                if out.len() == before {
                    self.keep_open(literal.start, looked);
                }
                continue;
            };
            match &compiled.rule(index).method {
                Method::Anchored(anchors) => self.anchored(text, literal, index, &anchors[usize::from(place)], out),
                Method::Search => {
                    if !searched.contains(&index) {
                        searched.push(index);
                    }
                }
                Method::Generic if boundary::is_piece(text, &literal) => {
                    self.drop_candidate(index, literal, "the keyword is only a piece of a longer word");
                }
                method @ (Method::Assigned | Method::Generic) => {
                    let known =
                        last.as_ref().is_some_and(|(name, _)| name.start <= literal.start && literal.end <= name.end);
                    if !known {
                        let read = assignment::read(text, literal.clone());
                        let name = read.found.as_ref().map_or(literal.clone(), |found| found.name.clone());
                        last = Some((name, read));
                    }
                    let Some((_, read)) = &last else { continue };
                    let before = out.len();
                    let mut looked = read.looked.clone();
                    if let Some(found) = &read.found {
                        let hit = literal.start;
                        let far = if *method == Method::Generic {
                            self.generic(text, literal.clone(), index, found, out)
                        } else {
                            self.assigned(text, literal.clone(), index, found, out)
                        };
                        if far {
                            let far = value_context(text, found);
                            looked = looked.start.min(far.start)..looked.end.max(far.end);
                        }
                        for found in &mut out[before..] {
                            found.anchor = hit;
                            found.context = found.context.start.min(looked.start)..found.context.end.max(looked.end);
                        }
                    }
                    if out.len() == before && decoded != literal {
                        let far = self.beside(text, literal.clone(), &Failed::Assignment(read), out);
                        looked = looked.start.min(far.start)..looked.end.max(far.end);
                        for found in &mut out[before..] {
                            found.context = looked.clone();
                        }
                        decoded = literal.clone();
                    }
                    if out.len() == before {
                        self.keep_open(literal.start, looked);
                    }
                }
            }
        }
        for index in searched {
            self.search(text, index, out);
        }
        self.hits = hits;
    }

    /// Writes a hit down that came to nothing, if it looked far.
    fn keep_open(&mut self, anchor: usize, context: Range<usize>) {
        if let Some(open) = &mut self.open
            && (anchor - context.start.min(anchor) > SHORT_REACH.0 || context.end > anchor + SHORT_REACH.1)
        {
            open.push(Open { anchor, context });
        }
    }

    fn drop_candidate(&mut self, rule: u16, span: Range<usize>, why: &str) {
        if let Some(dropped) = &mut self.dropped {
            dropped.push(Dropped { rule, span, why: why.to_owned() });
        }
    }

    /// Runs a rule's pattern over `span` of `text`: the match and the secret in it.
    fn run(
        &mut self,
        text: &[u8],
        span: Range<usize>,
        anchored: bool,
        index: u16,
    ) -> Option<(Range<usize>, Range<usize>)> {
        let pattern = self.engine.compiled.pattern(index)?;
        let slot = self.caches[usize::from(index)]
            .get_or_insert_with(|| Box::new((pattern.create_cache(), pattern.create_captures())));
        let (cache, captures) = &mut **slot;
        let input = Input::new(text).span(span).anchored(if anchored { Anchored::Yes } else { Anchored::No });
        let group = usize::from(self.engine.rule(index).secret_group);
        if group == 0 {
            let found = pattern.search_with(cache, &input)?.range();
            return Some((found.clone(), found));
        }
        pattern.search_captures_with(cache, &input, captures);
        let whole = captures.get_match()?.range();
        let secret = if group == usize::from(crate::rules::FIRST_GROUP) {
            let mut groups = (1..captures.group_len()).filter_map(|group| captures.get_group(group));
            groups.find(|group| !group.is_empty()).map_or(whole.clone(), |group| group.range())
        } else {
            captures.get_group(group)?.range()
        };
        Some((whole, secret))
    }

    /// A literal inside a token was hit.
    fn anchored(&mut self, text: &[u8], literal: Range<usize>, index: u16, anchor: &Anchor, out: &mut Vec<Match>) {
        let least = usize::from(anchor.gate.least);
        let next = &text[literal.end..text.len().min(literal.end + least)];
        let passes = next.iter().take_while(|&&byte| anchor.gate.set.contains(byte)).count();
        if passes < least {
            let at = literal.end + passes;
            let mut looked = literal.start..at + 1;
            if text.get(at).is_some_and(|&byte| begins(byte).is_some()) {
                let before = out.len();
                let far = self.beside(text, literal.clone(), &Failed::Gate(self.engine.rule(index), at), out);
                looked.start = looked.start.min(far.start);
                looked.end = looked.end.max(far.end);
                if out.len() > before {
                    return;
                }
            }
            self.keep_open(literal.start, looked);
            return;
        }
        let rule = self.engine.rule(index);
        // A long run of `A` holds the literal `AAAA` at every byte. Behind `=3D` a token begins all the same.
        let may_be_escaped = literal.start.checked_sub(3).is_some_and(|at| text[at] == b'=');
        if anchor.back_max == 0
            && !rule.free_standing
            && !may_be_escaped
            && boundary::begins_inside(text, literal.start)
        {
            return self.drop_candidate(index, literal, boundary::BEGINS_INSIDE);
        }
        // What the pattern may look at, and the tests round it.
        let back = usize::from(anchor.back_max) + boundary::REACH + usize::from(rule.within);
        let ahead =
            rule.longest.map_or(LONG_REACH, |longest| longest as usize) + boundary::REACH + usize::from(rule.within);
        let looked = literal.start.saturating_sub(back)..text.len().min(literal.end + ahead);
        let before = out.len();
        self.token(text, literal.clone(), index, anchor, out);
        if out.len() == before {
            let far = self.beside(text, literal.clone(), &Failed::Pattern(rule), out);
            let looked = looked.start.min(far.start)..looked.end.max(far.end);
            if out.len() == before {
                self.keep_open(literal.start, looked);
            } else {
                for found in &mut out[before..] {
                    found.context = looked.clone();
                }
            }
        } else if let Some(found) = out.last_mut() {
            found.anchor = literal.start;
            // A greedy pattern may have looked beyond its match: a bounded one by its length, an unbounded one up to
            // the first byte that ended it.
            if rule.longest.is_some() {
                found.context = looked.start.min(found.context.start)..looked.end.max(found.context.end);
            }
        }
    }

    /// The rest of [`Self::anchored`], past the gate.
    fn token(&mut self, text: &[u8], literal: Range<usize>, index: u16, anchor: &Anchor, out: &mut Vec<Match>) {
        let rule = self.engine.rule(index);
        let ahead = rule.longest.map_or(LONG_REACH, |longest| (longest as usize).min(LONG_REACH));
        let last = text.len().min(literal.end + ahead);
        let found = if anchor.back_max == 0 {
            self.run(text, literal.start..last, true, index)
        } else {
            let first = literal.start.saturating_sub(usize::from(anchor.back_max));
            let limit = literal.start - usize::from(anchor.back_min).min(literal.start);
            let mut from = first;
            loop {
                match self.run(text, from..last, false, index) {
                    Some((whole, _)) if whole.start > limit => break None,
                    Some((whole, secret)) if whole.end >= literal.end => break Some((whole, secret)),
                    Some((whole, _)) => from = whole.start + 1,
                    None => break None,
                }
            }
        };
        let Some((whole, secret)) = found else {
            self.drop_candidate(index, literal, "what follows does not have the rule's form");
            return;
        };
        if !rule.free_standing
            && let Err(why) = boundary::check(text, &whole, rule.tail)
        {
            self.drop_candidate(index, whole, why);
            return;
        }
        let mut reasons = vec![Reason::new(i16::from(rule.confidence), "it has the form of the rule")];
        let within = usize::from(rule.within);
        let mut context =
            whole.start.min(literal.start.saturating_sub(usize::from(anchor.back_max))).saturating_sub(boundary::REACH)
                ..(whole.end + boundary::REACH).min(text.len());
        if !rule.keywords.is_empty() {
            context = whole.start.saturating_sub(within).min(context.start)
                ..(whole.end + within).min(text.len()).max(context.end);
            let near = &text[whole.start.saturating_sub(within)..(whole.end + within).min(text.len())];
            match rule.keywords.iter().find(|keyword| contains_ignoring_case(near, keyword.as_bytes())) {
                Some(_) => reasons.push(Reason::new(10, "a word of its provider stands near")),
                None if rule.keywords_required => {
                    self.drop_candidate(index, whole, "no word of its provider stands near");
                    return;
                }
                None => reasons.push(Reason::new(-15, "no word of its provider stands near")),
            }
        }
        self.conclude(text, index, whole, secret, context, reasons, out);
    }

    /// A keyword of a contextual rule stands in the name of an assignment. Whether more than the assignment was
    /// looked at.
    fn assigned(
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
        if innocent::tells_of_no_credential(name, &keyword) {
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

    /// A keyword of the generic path stands in the name of an assignment: whether a word of the name is a contextual
    /// rule's, and its pattern matches.
    fn named(&mut self, text: &[u8], literal: &Range<usize>, found: &Assignment, out: &mut Vec<Match>) -> bool {
        let name = &text[found.name.clone()];
        let keyword = literal.start - found.name.start..literal.end.min(found.name.end) - found.name.start;
        let owners = self.engine.compiled.owners_by_name(name);
        if owners.is_empty() || innocent::is_of_a_secret(name, &keyword).is_err() {
            return false;
        }
        for (index, word) in owners {
            if innocent::tells_of_no_credential(name, &word) {
                continue;
            }
            let confidence = i16::from(self.engine.rule(index).confidence);
            let reasons = vec![Reason::new(confidence, "name and value have the form of the rule")];
            if self.whole_value(text, index, found, reasons, out) {
                return true;
            }
        }
        false
    }

    /// Tries a contextual rule on the value of `found`; whether it matched.
    fn whole_value(
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
        if innocent::names_a_credential(found.value(text)) {
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
    fn generic(
        &mut self,
        text: &[u8],
        literal: Range<usize>,
        index: u16,
        found: &Assignment,
        out: &mut Vec<Match>,
    ) -> bool {
        if self.named(text, &literal, found, out) {
            return false;
        }
        for place in 0..self.engine.compiled.any_name.len() {
            let any_name = self.engine.compiled.any_name[place];
            let reasons = vec![Reason::new(
                i16::from(self.engine.rule(any_name).confidence),
                "the value has the form of the rule",
            )];
            if self.whole_value(text, any_name, found, reasons, out) {
                return false;
            }
        }
        let rule = self.engine.rule(index);
        let candidate = Candidate {
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
            password: rule.tags.iter().any(|tag| tag == "password"),
        };
        let judged = match value::judge(&candidate) {
            Ok(judged) => judged,
            Err(why) => {
                self.drop_candidate(index, span_of(found), why);
                return false;
            }
        };
        let password = candidate.password;
        if let Some(judged_values) = &mut self.judged {
            let (name, value) = (found.name.clone(), found.value.clone());
            judged_values.push(Judged { name, value, password, features: judged });
        }
        if self.by_provider_near(text, found, out) {
            return true;
        }
        if self.depth < decode::DEEPEST && encoded::stands_for_another(text, found) {
            self.drop_candidate(index, found.name.start..found.value.end, "the value is encoded: it is judged decoded");
            return true;
        }
        let weighed = match value::weigh(&judged, password, rule.confidence) {
            Ok(_) if self.fails_as_token(text, found) => {
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
        self.conclude(text, index, span_of(found), found.value.clone(), value_context(text, found), reasons, out);
        true
    }

    /// Whether the value is a token of a rule that its own validators or its look as a sample refuse: then it is no
    /// secret without a form of its own either. Rules that look far round a token are left out.
    fn fails_as_token(&mut self, text: &[u8], found: &Assignment) -> bool {
        if found.joined.is_some() {
            return false;
        }
        let compiled = &self.engine.compiled;
        let mut hits = Vec::new();
        compiled.prefilter.scan(text, found.value.start, found.value.end, |hit| hits.push(hit));
        let dropped = self.dropped.take();
        let mut fails = false;
        for hit in hits {
            // Escaped forms of literals have no owner.
            let Some(&(index, place)) = compiled.owners.get(hit.literal as usize) else { continue };
            let rule = compiled.rule(index);
            let Method::Anchored(anchors) = &rule.method else { continue };
            let anchor = &anchors[usize::from(place)];
            let near = usize::from(anchor.back_max) + usize::from(rule.within) <= NEAR;
            if !near || rule.longest.is_none_or(|longest| longest as usize > assignment::VALUE) {
                continue;
            }
            self.refused = None;
            let literal = hit.start..hit.start + compiled.prefilter.literal_len(hit.literal);
            self.token(text, literal, index, anchor, &mut Vec::new());
            let value = &found.value;
            // All of the value but quotes round it.
            let whole = |span: Range<usize>| {
                value.start <= span.start && span.end <= value.end && span.len() + 2 >= value.len()
            };
            fails |= self.refused.take().is_some_and(whole);
        }
        self.dropped = dropped;
        fails
    }

    /// Whether a contextual rule whose provider is named within [`NEAR`] bytes owns the value.
    fn by_provider_near(&mut self, text: &[u8], found: &Assignment, out: &mut Vec<Match>) -> bool {
        let start = found.name.start.saturating_sub(NEAR);
        let near = &text[start..(found.value.end + NEAR).min(text.len())];
        let owners = self.engine.compiled.providers_near(near);
        for (index, keyword) in owners {
            let keyword = keyword.start + start..keyword.end + start;
            if keyword.start < found.value.end && keyword.end > found.value.start || !boundary::is_word(text, &keyword)
            {
                continue;
            }
            let reasons = vec![
                Reason::new(i16::from(self.engine.rule(index).confidence), "the value has the form of the rule"),
                Reason::new(-10, "its provider is not in the name but near it"),
            ];
            if self.whole_value(text, index, found, reasons, out) {
                return true;
            }
        }
        false
    }

    /// A user's arbitrary pattern over the whole text.
    fn search(&mut self, text: &[u8], index: u16, out: &mut Vec<Match>) {
        let mut at = 0;
        while at <= text.len() {
            let Some((whole, secret)) = self.run(text, at..text.len(), false, index) else { break };
            at = if whole.is_empty() { whole.end + 1 } else { whole.end };
            let rule = self.engine.rule(index);
            if rule.entropy > 0.0 && words::entropy(&text[secret.clone()]) <= rule.entropy {
                self.drop_candidate(index, whole, "the entropy is too low");
                continue;
            }
            let confidence = rule.confidence;
            out.push(Match {
                rule: index,
                anchor: whole.start,
                span: whole,
                secret,
                context: 0..text.len(),
                confidence,
                proven: false,
                reasons: vec![Reason::new(i16::from(confidence), "it matches the rule's pattern")],
                facts: Vec::new(),
                parts: Vec::new(),
                decoded: None,
            });
        }
    }

    /// Entropy, validators and score: the last tests of a candidate.
    #[allow(clippy::too_many_arguments)] // one call for the three ways a candidate arises
    fn conclude(
        &mut self,
        text: &[u8],
        index: u16,
        span: Range<usize>,
        secret: Range<usize>,
        context: Range<usize>,
        mut reasons: Vec<Reason>,
        out: &mut Vec<Match>,
    ) {
        let rule = self.engine.rule(index);
        let bytes = &text[secret.clone()];
        if rule.entropy > 0.0 && words::entropy(bytes) < rule.entropy {
            self.drop_candidate(index, span, "the entropy is too low");
            return;
        }
        let mut facts = Vec::new();
        let mut proven = false;
        for name in rule.validators.iter() {
            let checked = validate::check(name, bytes, &text[span.clone()]);
            facts.extend(checked.facts);
            match checked.verdict {
                Verdict::Confirmed(reason) => {
                    proven = true;
                    reasons.push(reason);
                }
                Verdict::Hint(reason) => reasons.push(reason),
                Verdict::Rejected(why) => {
                    self.refused = Some(span.clone());
                    self.drop_candidate(index, span, why);
                    return;
                }
                Verdict::Silent => {}
            }
        }
        if !proven && rule.entropy > 0.0 && rule.method != Method::Generic {
            match score::sample(bytes, rule) {
                Ok(reason) => reasons.extend(reason),
                Err(why) => {
                    self.refused = Some(span.clone());
                    self.drop_candidate(index, span, why);
                    return;
                }
            }
        }
        let confidence = score::sum(&reasons);
        let anchor = span.start;
        out.push(Match {
            rule: index,
            span,
            secret,
            anchor,
            context,
            confidence,
            proven,
            reasons,
            facts,
            parts: Vec::new(),
            decoded: None,
        });
    }
}

/// How far from an assignment its provider's name, or words the model knows, are looked for, in bytes.
const NEAR: usize = 160;
const _: () = assert!(model::features::NEAR <= NEAR);

/// Name, operator and value.
fn span_of(found: &Assignment) -> Range<usize> {
    found.name.start.min(found.value.start)..found.value.end.max(found.name.end)
}

fn value_context(text: &[u8], found: &Assignment) -> Range<usize> {
    found.name.start.saturating_sub(NEAR + boundary::REACH)..(found.value.end + NEAR + boundary::REACH).min(text.len())
}

fn contains_ignoring_case(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

const _: () = assert!(NEAR + assignment::FAR + boundary::REACH < REACH);
