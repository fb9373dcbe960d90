//! From the hits of a text to its matches: each hit goes the way of its rule's method (`token.rs`, `assigned.rs`,
//! `encoded.rs`), and all ways end in the same last tests.

use std::ops::Range;

use regex_automata::util::captures::Captures;
use regex_automata::{Anchored, Input, meta};

use super::assigned::value_context;
use super::assignment::{self, Assignment, Read};
use super::compiled::Compiled;
use super::encoded::Failed;
use super::owner::{Joined, joined};
use super::prefilter::Hit;
use super::resolve::resolve;
use super::validate::{self, Verdict};
use super::{Dropped, Judged, MOST_CANDIDATES, MOST_IN_VAIN, Match, Open, boundary, score, token, words};
use crate::error::Error;
use crate::finding::Reason;
use crate::rules::{Method, Rule, RuleSet};

/// The rules, ready to match: immutable, shared by all threads. Patterns are compiled on their first use.
#[derive(Debug)]
pub struct Engine {
    pub(super) compiled: Compiled,
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
            too_deep: false,
            crowded: false,
            slow: None,
            far: 0,
            vain: 0,
            most_in_vain: MOST_IN_VAIN,
            depth: 0,
            budget: 0,
            judged: None,
            refused: None,
        }
    }
}

/// Hits are gathered in so many bytes of a text at a time.
const PIECE: usize = 1 << 20;

/// What is known from hit to hit.
struct Passing {
    /// The assignment that was read last, and where its name stands.
    last: Option<(Range<usize>, Read)>,
    /// Rules of users whose keyword was hit, and those without one.
    searched: Vec<u16>,
    /// The literal whose neighbourhood was decoded last: the rules that share it need that once.
    decoded: Range<usize>,
}

/// One thread's scanner: caches and buffers, reused from text to text.
#[derive(Debug)]
pub struct Scanner<'e> {
    pub(super) engine: &'e Engine,
    caches: Vec<Option<Box<(meta::Cache, Captures)>>>,
    hits: Vec<Hit>,
    /// When set, hits that looked far and came to nothing are written down (the delta walk).
    pub open: Option<Vec<Open>>,
    /// When set, every dropped candidate is written down (`explain`).
    pub dropped: Option<Vec<Dropped>>,
    /// Set when a compressed stream in an encoding was not read to its end, for its size; the caller takes it down.
    pub exhausted: bool,
    /// Set when an encoding in the text last scanned stands in [`DEEPEST`](super::decode::DEEPEST) others, and was left.
    pub too_deep: bool,
    /// Set when a text held more than [`MOST_MATCHES`](super::MOST_MATCHES), [`MOST_CANDIDATES`] or [`MOST_IN_VAIN`], or
    /// more beginnings of long secrets than are followed, or a user's pattern took too long: the rest is gone; the caller
    /// takes it down.
    pub crowded: bool,
    /// The rule of a user that took too long; the caller takes it down.
    pub slow: Option<u16>,
    /// How many bytes patterns of long secrets may still look at in vain.
    pub(super) far: usize,
    /// How many assignments of the text at hand came to nothing, those in its encodings among them.
    pub(super) vain: usize,
    /// [`MOST_IN_VAIN`].
    pub(super) most_in_vain: usize,
    /// How many decoders the text at hand has passed.
    pub(super) depth: usize,
    /// What streams may still decompress to.
    pub(super) budget: usize,
    /// When set, every value that the model weighed is written down (for those who train it).
    pub judged: Option<Vec<Judged>>,
    /// The last match that its rule's own tests refused.
    pub(super) refused: Option<Range<usize>>,
}

impl<'e> Scanner<'e> {
    /// The engine behind it.
    pub fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// All matches in `text`, the text of a file, also in its encodings, sorted by place.
    pub fn scan(&mut self, text: &[u8]) -> Vec<Match> {
        self.scan_as(text, true)
    }

    /// The same of a text that is no file: a message, a name.
    pub fn scan_message(&mut self, text: &[u8]) -> Vec<Match> {
        self.scan_as(text, false)
    }

    fn scan_as(&mut self, text: &[u8], is_file: bool) -> Vec<Match> {
        let mut matches = Vec::new();
        self.candidates(text, 0..text.len(), &mut matches);
        self.encoded(text, &mut matches);
        if is_file {
            self.whole(text, &mut matches);
        }
        if !matches.is_empty() {
            self.resolve(text, &mut matches);
        }
        matches
    }

    /// Settles the candidates of a whole text among each other; sorted by place.
    pub fn resolve(&mut self, text: &[u8], candidates: &mut Vec<Match>) {
        self.crowded |= resolve(&self.engine.compiled.rules, text, candidates, self.dropped.as_mut());
    }

    /// Adds the candidates whose literal starts in `range` to `out`, unresolved and in no certain order. Those that
    /// stand in an encoding are added by [`Self::encoded`].
    ///
    /// Each is a pure function of the bytes of its [`Match::context`]; those of a user's [`Method::Search`] rules
    /// depend on the whole text.
    pub fn candidates(&mut self, text: &[u8], range: Range<usize>, out: &mut Vec<Match>) {
        self.candidates_in(text, std::iter::once(range), out);
    }

    /// The same for several ranges at once, in order and not overlapping.
    pub fn candidates_in(&mut self, text: &[u8], ranges: impl IntoIterator<Item = Range<usize>>, out: &mut Vec<Match>) {
        let mut hits = std::mem::take(&mut self.hits);
        let mut state = Passing { last: None, searched: self.engine.compiled.searched_always.clone(), decoded: 0..0 };
        let most = out.len() + MOST_CANDIDATES;
        if self.depth == 0 {
            self.far = token::far_budget(text.len());
            (self.vain, self.too_deep) = (0, false);
        }
        // In pieces: a hostile text has a hit at every byte, which would take many times its size.
        let mut room = PIECE;
        let mut goes_on = true;
        hits.clear();
        for mut range in ranges {
            while goes_on && range.start < range.end {
                let end = range.end.min(range.start + room);
                self.engine.compiled.prefilter.scan(text, range.start, end, |hit| hits.push(hit));
                room -= end - range.start;
                range.start = end;
                if room == 0 {
                    goes_on = self.judge(text, &hits, most, &mut state, out);
                    hits.clear();
                    room = PIECE;
                }
            }
        }
        self.crowded |= !(goes_on && self.judge(text, &hits, most, &mut state, out));
        for index in state.searched {
            self.search(text, index, out);
        }
        self.hits = hits;
    }

    /// Judges the hits of a piece of a text; false when there are more than `most` candidates before the last of them, or
    /// more that come to nothing than are looked at. Each of those is listed as open, so the delta walk scans such a text
    /// whole (`most_anchors`).
    fn judge(&mut self, text: &[u8], hits: &[Hit], most: usize, state: &mut Passing, out: &mut Vec<Match>) -> bool {
        let compiled = &self.engine.compiled;
        let Passing { last, searched, decoded } = state;
        for hit in hits {
            if out.len() > most || self.vain > self.most_in_vain {
                return false;
            }
            let mut literal = hit.start..hit.start + compiled.prefilter.literal_len(hit.literal);
            if !compiled.prefilter.is_whole(text, hit) {
                self.keep_open(literal.start, literal);
                continue;
            }
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
                Method::Whole(_) => {}
                Method::Search => {
                    if !searched.contains(&index) {
                        searched.push(index);
                    }
                }
                Method::Generic if boundary::is_piece(text, &literal) => {
                    self.keep_open(literal.start, literal.start.saturating_sub(boundary::REACH)..literal.end + 1);
                    self.drop_candidate(index, literal, "the keyword is only a piece of a longer word");
                }
                method @ (Method::Assigned | Method::Generic) => {
                    // Of `_key=` the name is what stands in front of the sign.
                    while literal.len() > 1 && !assignment::is_name(text[literal.end - 1]) {
                        literal.end -= 1;
                    }
                    let known =
                        last.as_ref().is_some_and(|(name, _)| name.start <= literal.start && literal.end <= name.end);
                    if !known {
                        let read = assignment::read(text, literal.clone());
                        let name = read.found.as_ref().map_or(literal.clone(), |found| found.name.clone());
                        *last = Some((name, read));
                    }
                    let Some((_, read)) = &*last else { continue };
                    let before = out.len();
                    let mut looked = read.looked.clone();
                    let hit = literal.start;
                    for found in read.found.iter().chain(&read.others) {
                        let far = if *method == Method::Generic {
                            self.generic(text, literal.clone(), index, found, out)
                        } else {
                            self.assigned(text, literal.clone(), index, found, out)
                        };
                        if far {
                            let far = value_context(text, found);
                            looked = looked.start.min(far.start)..looked.end.max(far.end);
                        }
                    }
                    // A name with a value of its own heads nothing; an object in JSON does.
                    let heads = |found: &Assignment| found.value(text).starts_with(b"{");
                    let heading = read.found.as_ref().is_none_or(heads);
                    if out.len() == before && *method == Method::Assigned && heading {
                        let far = self.key_below(text, literal.clone(), index, out);
                        looked = looked.start.min(far.start)..looked.end.max(far.end);
                    }
                    for found in &mut out[before..] {
                        found.anchor = hit;
                        found.context = found.context.start.min(looked.start)..found.context.end.max(looked.end);
                    }
                    let plain_key =
                        compiled.key_ends.contains(&index) && !matches!(joined(text, &literal), Joined::Yes);
                    if out.len() == before && *decoded != literal && !plain_key {
                        let far = self.beside(text, literal.clone(), &Failed::Assignment(read), out);
                        looked = looked.start.min(far.start)..looked.end.max(far.end);
                        for found in &mut out[before..] {
                            found.context = looked.clone();
                        }
                        *decoded = literal.clone();
                    }
                    if out.len() == before {
                        self.vain += 1;
                        self.keep_open(literal.start, looked);
                    }
                }
            }
        }
        true
    }

    /// Runs a rule's pattern over `span` of `text`: the match and the secret in it.
    pub(super) fn run(
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

    /// Entropy, validators and score: the last tests of a candidate.
    #[allow(clippy::too_many_arguments)] // one call for the three ways a candidate arises
    pub(super) fn conclude(
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
            gives_way: None,
            decoded: None,
        });
    }
}
