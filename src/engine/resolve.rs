//! What a text's candidates mean together: halves of one credential are joined, overlaps settled.
//!
//! A pure function of the text and its candidates, so the delta walk may carry candidates from blob to blob and
//! resolve each blob on its own.

use std::collections::HashMap;

use super::{Dropped, MOST_MATCHES, Match, score};
use crate::finding::Reason;
use crate::rules::{Method, PartOf, Rule, RuleSet};
use crate::secret::Secret;

/// Joins parts and keeps, of matches that overlap, the one that says most. Sorted by place. Whether there were more than
/// [`MOST_MATCHES`], of which the rest is gone.
pub(super) fn resolve(
    rules: &RuleSet,
    text: &[u8],
    matches: &mut Vec<Match>,
    mut dropped: Option<&mut Vec<Dropped>>,
) -> bool {
    let rule = |index: u16| &rules.rules()[usize::from(index)];
    matches.sort_by(|a, b| {
        place(a).cmp(&place(b)).then_with(|| hidden(a).cmp(&hidden(b))).then(b.confidence.cmp(&a.confidence))
    });
    matches.dedup_by(|next, kept| place(next) == place(kept) && hidden(next) == hidden(kept));
    // What was decoded shares its place with others of the same encoding, with which it does not compete.
    let (mut decoded, plain): (Vec<Match>, Vec<Match>) = matches.drain(..).partition(|found| found.decoded.is_some());

    // Overlaps first, so that a part is joined once and by its best reading.
    let rank = |found: &Match| {
        let method = match rule(found.rule).method {
            Method::Search => 4,
            Method::Anchored(_) => 3,
            Method::Assigned => 2,
            Method::Generic => 1,
            Method::Whole(_) => 0,
        };
        (found.proven, method, found.confidence, found.secret.len())
    };
    let mut kept: Vec<Match> = Vec::with_capacity(plain.len());
    // Secrets of the generic path that gave way to a part which only its name tells of.
    let mut aside: Vec<Match> = Vec::new();
    // Those that gave way to a rule for certain files alone: what file this is, only the filter knows.
    let mut elsewhere: Vec<Match> = Vec::new();
    for found in plain {
        let Some(last) = kept.last_mut() else {
            kept.push(found);
            continue;
        };
        if found.secret.start >= last.secret.end {
            kept.push(found);
            continue;
        }
        // Of the same bytes, the name of a provider says more than a form that others share (`Bearer ...`).
        let named = |by: &Match, of: &Match| {
            rule(by.rule).method == Method::Assigned
                && matches!(rule(of.rule).method, Method::Anchored(_))
                && !rule(by.rule).part_only
                && !of.proven
                && by.secret == of.secret
                && by.confidence > of.confidence
        };
        let wins = named(&found, last) || !named(last, &found) && rank(&found) > rank(last);
        let (winner, loser) = if wins { (found, last.clone()) } else { (last.clone(), found) };
        *last = winner.clone();
        let (by, method) = (rule(winner.rule), &rule(loser.rule).method);
        if by.path.is_some() && rule(loser.rule).path.is_none() {
            elsewhere.push(Match { gives_way: Some(winner.rule), ..loser });
            continue;
        }
        if by.part_only && by.method == Method::Assigned && *method == Method::Generic {
            aside.push(loser);
            continue;
        }
        if let Some(dropped) = dropped.as_deref_mut() {
            let why = format!("`{}` explains the same text better", by.id);
            dropped.push(Dropped { rule: loser.rule, span: loser.span, why });
        }
    }
    if !decoded.is_empty() {
        unwrap(&rule, &mut kept, &mut decoded, dropped.as_deref_mut());
        kept.append(&mut decoded);
        kept.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| hidden(a).cmp(&hidden(b))));
    }
    *matches = kept;
    let crowded = matches.len() > MOST_MATCHES;
    matches.truncate(MOST_MATCHES);
    aside.truncate(MOST_MATCHES);
    elsewhere.truncate(MOST_MATCHES);
    join(rules, text, matches, &mut aside, dropped);
    elsewhere.retain(|found| {
        let first = matches.partition_point(|by| by.secret.end <= found.secret.start);
        let mut over = matches[first..].iter().take_while(|by| by.secret.start < found.secret.end);
        !over.any(|by| rule(by.rule).path.is_none())
    });
    elsewhere.dedup_by(|next, kept| next.secret.start < kept.secret.end);
    aside.append(&mut elsewhere);
    if !aside.is_empty() {
        matches.append(&mut aside);
        matches.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| hidden(a).cmp(&hidden(b))));
    }
    crowded
}

/// Where a match as it stands and one that was decoded share bytes, one of them goes: what is proven stays, then what
/// has a shape of its own, then what stands there as it is.
fn unwrap<'r>(
    rule: &impl Fn(u16) -> &'r Rule,
    plain: &mut Vec<Match>,
    decoded: &mut Vec<Match>,
    mut dropped: Option<&mut Vec<Dropped>>,
) {
    let rank = |found: &Match| (found.proven, !matches!(rule(found.rule).method, Method::Generic | Method::Whole(_)));
    let overlap = |a: &Match, b: &Match| a.secret.start < b.secret.end && b.secret.start < a.secret.end;
    // The frame of an encoding (a manifest, a header) has a shape as well; what is in it says more. What is a secret in
    // certain files alone hides nothing that is one in all.
    let wins = |inner: &Match, outer: &Match| {
        let shaped = rank(inner).1 && !outer.proven && outer.secret.len() > inner.secret.len().saturating_sub(4);
        let anywhere = matches!(rule(outer.rule).method, Method::Whole(_)) && inner.confidence >= 50;
        rank(inner) > rank(outer) || shaped || anywhere
    };
    let mut tell = |loser: &Match, winner: &Match| {
        if let Some(dropped) = dropped.as_deref_mut() {
            let why = format!("`{}` explains the same text better", rule(winner.rule).id);
            dropped.push(Dropped { rule: loser.rule, span: loser.span.clone(), why });
        }
    };
    decoded.retain(|inner| {
        let first = plain.partition_point(|outer| outer.secret.end <= inner.secret.start);
        let over = plain[first..].iter().take_while(|outer| outer.secret.start < inner.secret.end);
        let winner = over.filter(|outer| overlap(inner, outer)).find(|outer| !wins(inner, outer));
        winner.inspect(|winner| tell(inner, winner)).is_none()
    });
    // Of the decoded ones that start early enough, the one that reaches farthest.
    let mut farthest: Vec<&Match> = Vec::with_capacity(decoded.len());
    for inner in decoded.iter() {
        let before = farthest.last().copied().filter(|before| before.secret.end >= inner.secret.end);
        farthest.push(before.unwrap_or(inner));
    }
    plain.retain(|outer| {
        let early = decoded.partition_point(|inner| inner.secret.start < outer.secret.end);
        let winner = early.checked_sub(1).map(|last| farthest[last]).filter(|inner| overlap(inner, outer));
        winner.inspect(|winner| tell(outer, winner)).is_none()
    });
}

/// The secret of a decoded match.
fn hidden(found: &Match) -> Option<&Secret> {
    found.decoded.as_ref().map(|decoded| &decoded.secret)
}

fn place(found: &Match) -> (usize, usize, u16) {
    (found.secret.start, found.secret.end, found.rule)
}

/// Joins each credential with the nearest other half of each kind its rule names. Of `aside` those stay whose place no
/// other match takes.
fn join(
    rules: &RuleSet,
    text: &[u8],
    matches: &mut Vec<Match>,
    aside: &mut Vec<Match>,
    mut dropped: Option<&mut Vec<Dropped>>,
) {
    let rule = |index: u16| &rules.rules()[usize::from(index)];
    if !matches.iter().any(|found| !rule(found.rule).parts.is_empty() || rule(found.rule).part_only) {
        return;
    }
    let halves = Halves::new(rules, matches);
    let lines = Lines::new(text, matches);
    let mut taken = vec![false; matches.len()];
    for index in 0..matches.len() {
        for part in rule(matches[index].rule).parts.iter() {
            match halves.nearest(matches, index, part, &lines) {
                Some(other) => {
                    taken[other] = true;
                    let joined = (matches[other].rule, matches[other].secret.clone());
                    let facts = matches[other].facts.clone();
                    matches[index].parts.push(joined);
                    matches[index].facts.extend(facts);
                    matches[index].reasons.push(Reason::new(10, "its other half stands near"));
                }
                None if part.missing != 0 => {
                    matches[index].reasons.push(Reason::new(-part.missing, "its other half does not stand near"));
                }
                None => {}
            }
            matches[index].confidence = score::sum(&matches[index].reasons);
        }
    }
    // A part that was joined speaks for its place as well.
    let alone = |index: usize| rule(matches[index].rule).part_only && !taken[index];
    aside.retain(|found| {
        !matches.iter().enumerate().any(|(index, by)| {
            !alone(index) && by.secret.start < found.secret.end && found.secret.start < by.secret.end
        })
    });
    let mut index = 0;
    matches.retain(|found| {
        let alone = rule(found.rule).part_only && !taken[index];
        let keep = !taken[index] && !alone;
        index += 1;
        if alone && let Some(dropped) = dropped.as_deref_mut() {
            let why = "it is no secret without its other half".to_owned();
            dropped.push(Dropped { rule: found.rule, span: found.span.clone(), why });
        }
        keep
    });
}

/// The matches of each rule that is another's part, by their place. A file may hold ten thousand.
struct Halves<'r>(HashMap<&'r str, Vec<Half>>);

struct Half {
    start: usize,
    /// Of this one and those before it, the one that ends last.
    farthest: usize,
    index: usize,
}

impl<'r> Halves<'r> {
    fn new(rules: &'r RuleSet, matches: &[Match]) -> Self {
        let rule = |found: &Match| &rules.rules()[usize::from(found.rule)];
        let parts = matches.iter().flat_map(|found| rule(found).parts.iter());
        let mut lists: HashMap<&str, Vec<Half>> = parts.map(|part| (&*part.rule, Vec::new())).collect();
        for (index, found) in matches.iter().enumerate() {
            let Some(list) = lists.get_mut(&*rule(found).id) else { continue };
            let before = list.last().map(|half| half.farthest);
            let farthest = before.filter(|&before| matches[before].secret.end >= found.secret.end).unwrap_or(index);
            list.push(Half { start: found.secret.start, farthest, index });
        }
        Self(lists)
    }

    /// The nearest other half of `matches[index]` within the part's lines: of each side the nearest has the fewest.
    fn nearest(&self, matches: &[Match], index: usize, part: &PartOf, lines: &Lines) -> Option<usize> {
        let list = self.0.get(&*part.rule)?;
        let mine = &matches[index].secret;
        let behind = list.partition_point(|half| half.start < mine.end);
        let before = list.partition_point(|half| half.start < mine.start);
        let left = before.checked_sub(1).map(|last| list[last].farthest);
        let inside = list[before..behind].iter().map(|half| half.index).find(|&other| other != index);
        let right = list[behind..].iter().map(|half| half.index).find(|&other| other != index);
        let near = [left, inside, right].into_iter().flatten().filter(|&other| other != index).filter_map(|other| {
            let theirs = &matches[other].secret;
            let (from, to) = if mine.end <= theirs.start {
                (mine.end, theirs.start)
            } else {
                (theirs.end.min(mine.start), mine.start)
            };
            (lines.between(from, to) <= part.within_lines).then_some((to - from, other))
        });
        near.min().map(|(_, other)| other)
    }
}

/// How many lines end before each end of a match: counted once, since matches may lie far apart.
struct Lines(Vec<(usize, u32)>);

impl Lines {
    fn new(text: &[u8], matches: &[Match]) -> Self {
        let mut places: Vec<usize> = matches.iter().flat_map(|found| [found.secret.start, found.secret.end]).collect();
        places.sort_unstable();
        places.dedup();
        let (mut at, mut count) = (places.first().copied().unwrap_or(0), 0u32);
        let counted = places.into_iter().map(|place| {
            count = count.saturating_add(memchr::memchr_iter(b'\n', &text[at..place]).count() as u32);
            at = place;
            (place, count)
        });
        Self(counted.collect())
    }

    /// Between two ends of matches.
    fn between(&self, from: usize, to: usize) -> u32 {
        let before =
            |place: usize| self.0.binary_search_by_key(&place, |counted| counted.0).map_or(0, |found| self.0[found].1);
        before(to).saturating_sub(before(from))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Halves, Lines, place};
    use crate::engine::{Engine, MOST_MATCHES, Match};
    use crate::rules::{PartOf, RuleSet, load, template};

    const RULES: &str = r#"
        [[rules]]
        id = "copper-key"
        description = "x"
        severity = "low"
        words = ["copper"]
        regex = '[A-Za-z0-9]{32}'
        partOnly = true
        examples = ["COPPER_API_KEY={alnum:32}"]
        nearMisses = ["COPPER_API_KEY={alnum:31}"]

        [[rules]]
        id = "copper-marked"
        description = "x"
        severity = "low"
        literals = ["cpr_"]
        regex = 'cpr_[A-Za-z0-9]{28}'
        partOnly = true
        examples = ["cpr_{alnum:28}"]
        nearMisses = ["cpr_{alnum:27}"]

        [[rules]]
        id = "copper-secret"
        description = "x"
        severity = "low"
        keywords = ["copper_secret"]
        regex = '[A-Za-z0-9]{24}'
        parts = [{ rule = "copper-key", withinLines = 5, missing = 0 }]
        examples = ["COPPER_SECRET={alnum:24}"]
        nearMisses = ["COPPER_SECRET={alnum:23}"]

        [[rules]]
        id = "keys"
        description = "x"
        severity = "low"
        generic = true
        keywords = ["api_key"]
        examples = ["api_key={alnum:32}"]
        nearMisses = ["api_key={alnum:3}"]
    "#;

    #[test]
    fn a_part_that_only_its_name_tells_of_gives_way_to_the_secret_it_may_be() {
        let rules = RuleSet::from_rules(load::load(RULES, "x.toml").expect("sound rules"));
        let engine = Engine::new(rules).expect("sound rules");
        let found = |template: &str| -> Vec<(String, usize)> {
            let text = template::expand(template, 3).expect("a sound template");
            let matches = engine.scanner().scan(text.as_bytes());
            matches.iter().map(|found| (engine.rule(found.rule).id.to_string(), found.parts.len())).collect()
        };
        assert_eq!(found("COPPER_API_KEY={alnum:32}\n"), [("keys".to_owned(), 0)]);
        let both = "COPPER_API_KEY={alnum:32}\nCOPPER_SECRET={alnum:24}\n";
        assert_eq!(found(both), [("copper-secret".to_owned(), 1)]);
        // An id with a form of its own is known to be no secret.
        assert_eq!(found("COPPER_API_KEY=cpr_{alnum:28}\n"), []);
    }

    proptest! {
        /// The law: what the lists and counted lines give is what comparing all with all gives.
        #[test]
        fn the_nearest_half_is_that_of_comparing_all_with_all(
            places in prop::collection::vec((0usize..60, 1usize..9, any::<bool>()), 1..12),
            breaks in prop::collection::vec(any::<bool>(), 70), within_lines in 0u32..6,
        ) {
            let rules = RuleSet::from_rules(load::load(RULES, "x.toml").expect("sound rules"));
            let number = |id: &str| rules.rules().iter().position(|rule| rule.id == id).expect("a rule") as u16;
            let (key, secret) = (number("copper-key"), number("copper-secret"));
            let text: Vec<u8> = breaks.iter().map(|&is_break| if is_break { b'\n' } else { b'x' }).collect();
            let mut matches: Vec<Match> = places.iter().map(|&(start, length, is_key)| Match {
                rule: if is_key { key } else { secret },
                span: start..start + length, secret: start..start + length, anchor: start, context: 0..0, confidence: 50,
                proven: false, reasons: Vec::new(), facts: Vec::new(), parts: Vec::new(), gives_way: None, decoded: None,
            }).collect();
            matches.sort_by_key(place);
            let part = PartOf { rule: "copper-key".into(), within_lines, missing: 0 };
            let (halves, lines) = (Halves::new(&rules, &matches), Lines::new(&text, &matches));
            for (index, found) in matches.iter().enumerate().filter(|(_, found)| found.rule == secret) {
                let mine = &found.secret;
                let distance = |other: &Match| {
                    let theirs = &other.secret;
                    let (from, to) = if mine.end <= theirs.start {
                        (mine.end, theirs.start)
                    } else {
                        (theirs.end.min(mine.start), mine.start)
                    };
                    let lines = text[from..to].iter().filter(|&&byte| byte == b'\n').count() as u32;
                    (lines <= within_lines).then_some(to - from)
                };
                let all = matches.iter().filter(|other| other.rule == key).filter_map(distance).min();
                let nearest = halves.nearest(&matches, index, &part, &lines);
                prop_assert_eq!(nearest.and_then(|other| distance(&matches[other])), all);
            }
        }
    }

    #[test]
    fn of_too_many_the_first_are_kept_and_it_is_said() {
        let engine = Engine::new(RuleSet::builtin()).expect("the built-in rules");
        let line = template::expand("ghp_{mark}{base62:30}{crc32-base62}\n", 1).expect("a sound template");
        let mut scanner = engine.scanner();
        assert_eq!(scanner.scan(line.repeat(MOST_MATCHES).as_bytes()).len(), MOST_MATCHES);
        assert!(!scanner.crowded);
        assert_eq!(scanner.scan(line.repeat(MOST_MATCHES + 1).as_bytes()).len(), MOST_MATCHES);
        assert!(scanner.crowded);
    }
}
