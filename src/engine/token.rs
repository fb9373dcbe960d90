//! From a literal inside a token to a match: gate, anchored pattern, boundaries, words of its provider near it.

use std::ops::Range;

use super::decode::begins;
use super::encoded::Failed;
use super::{LONG_REACH, Match, Scanner, boundary};
use crate::finding::Reason;
use crate::rules::{Anchor, Rule};

/// How many bytes patterns of long secrets may look at in vain in one text: so many, and [`FAR_RATIO`] times its size
/// beside it. Beginnings without an end, by the million, cost no more.
const FAR: usize = 1 << 30;
/// See [`FAR`].
const FAR_RATIO: usize = 32;
/// A pattern that may look at so many bytes is one of a long secret.
const LONG: usize = 2048;
/// What private keys in PEM begin with; none holds another.
const PEM: &[u8] = b"-----BEGIN ";

/// See [`FAR`].
pub(super) fn far_budget(length: usize) -> usize {
    length.saturating_mul(FAR_RATIO).saturating_add(FAR)
}

/// Where a pattern may look at most.
fn last(text: &[u8], literal: &Range<usize>, rule: &Rule) -> usize {
    let ahead = rule.longest.map_or(LONG_REACH, |longest| (longest as usize).min(LONG_REACH));
    let last = text.len().min(literal.end + ahead);
    if text[literal.clone()].starts_with(PEM) {
        return memchr::memmem::find(&text[literal.end..last], PEM).map_or(last, |next| literal.end + next);
    }
    last
}

impl Scanner<'_> {
    /// A literal inside a token was hit.
    pub(super) fn anchored(
        &mut self,
        text: &[u8],
        literal: Range<usize>,
        index: u16,
        anchor: &Anchor,
        out: &mut Vec<Match>,
    ) {
        // A long run of `A` holds the literal `AAAA` at every byte.
        let stands_alone = anchor.back_max == 0 && !self.engine.rule(index).free_standing;
        if stands_alone && boundary::begins_inside(text, literal.start) {
            return self.drop_candidate(index, literal, boundary::BEGINS_INSIDE);
        }
        let first = literal.start.saturating_sub(if stands_alone { boundary::REACH } else { 0 });
        let least = usize::from(anchor.gate.least);
        let most = anchor.gate.then.map_or(least, |(_, most)| usize::from(most));
        let next = &text[literal.end..text.len().min(literal.end + most)];
        let passes = next.iter().take_while(|&&byte| anchor.gate.set.contains(byte)).count();
        if passes < least {
            let at = literal.end + passes;
            let mut looked = first..at + 1;
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
        if let Some((then, _)) = anchor.gate.then {
            let at = literal.end + passes;
            let looked = &text[literal.end..text.len().min(at + 1)];
            // An address without a user, mostly. What stands for another byte goes the long way.
            if text.get(at) != Some(&then) && !looked.iter().any(|&byte| byte > 127 || begins(byte).is_some()) {
                return self.keep_open(literal.start, first..at + 1);
            }
        }
        let rule = self.engine.rule(index);
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
    pub(super) fn token(
        &mut self,
        text: &[u8],
        literal: Range<usize>,
        index: u16,
        anchor: &Anchor,
        out: &mut Vec<Match>,
    ) {
        let rule = self.engine.rule(index);
        let last = last(text, &literal, rule);
        let is_long = last - literal.end >= LONG;
        if is_long && self.far == 0 {
            self.crowded = true;
            return self.drop_candidate(index, literal, "too many long secrets begin in this text");
        }
        let before = out.len();
        self.token_within(text, literal.clone(), last, index, anchor, out);
        if is_long && out.len() == before {
            self.far = self.far.saturating_sub(last - literal.start);
        }
    }

    fn token_within(
        &mut self,
        text: &[u8],
        literal: Range<usize>,
        last: usize,
        index: u16,
        anchor: &Anchor,
        out: &mut Vec<Match>,
    ) {
        let rule = self.engine.rule(index);
        let found = if anchor.back_max == 0 {
            self.run(text, literal.start..last, true, index)
        } else {
            let first = literal.start.saturating_sub(usize::from(anchor.back_max));
            let limit = literal.start - usize::from(anchor.back_min).min(literal.start);
            let mut from = first;
            // A search of a long stretch would look for beginnings in all of it.
            let mut starts = first..limit + 1;
            if last - literal.end >= LONG {
                starts.find_map(|start| {
                    self.run(text, start..last, true, index).filter(|(whole, _)| whole.end >= literal.end)
                })
            } else {
                loop {
                    match self.run(text, from..last, false, index) {
                        Some((whole, _)) if whole.start > limit => break None,
                        Some((whole, secret)) if whole.end >= literal.end => break Some((whole, secret)),
                        Some((whole, _)) => from = whole.start + 1,
                        None => break None,
                    }
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
            let near_start = whole.start.saturating_sub(within);
            let near = &text[near_start..(whole.end + within).min(text.len())];
            match rule.keywords.iter().find(|keyword| contains_ignoring_case(near, keyword.as_bytes())) {
                Some(_) => reasons.push(Reason::new(10, "a word of its provider stands near")),
                None if rule.keywords_required => {
                    self.drop_candidate(index, whole, "no word of its provider stands near");
                    return;
                }
                None if boundary::inside_base64(near, whole.start - near_start) => {
                    self.drop_candidate(index, whole, "it is a piece of base64");
                    return;
                }
                None => reasons.push(Reason::new(-15, "no word of its provider stands near")),
            }
        }
        self.conclude(text, index, whole, secret, context, reasons, out);
    }
}

fn contains_ignoring_case(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}
