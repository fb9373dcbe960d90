//! How many random tokens of each rule's own examples come out under that rule, and why the others do not.
//!
//! `cargo run --release --example rule_recall -- [SEEDS]`: a line for each rule that misses one, worst first. Six seeds
//! an example are in the tests; faults of one in a thousand only show here.

use std::collections::BTreeMap;
use std::io::{self, Write};

use keysweep::engine::{Engine, Scanner};
use keysweep::rules::{Rule, RuleSet, template};
use rayon::prelude::*;

/// Misses of one rule by reason.
#[derive(Default)]
struct Misses {
    tries: u64,
    reasons: BTreeMap<String, u64>,
}

/// Why `rule` is not found in `text`; nothing when it is.
fn missed(scanner: &mut Scanner<'_>, text: &str, rule: &Rule) -> Option<String> {
    let engine = scanner.engine();
    let mut found = Vec::new();
    scanner.dropped = Some(Vec::new());
    scanner.candidates(text.as_bytes(), 0..text.len(), &mut found);
    scanner.whole(text.as_bytes(), &mut found);
    if !rule.part_only {
        scanner.resolve(text.as_bytes(), &mut found);
    }
    if found.iter().any(|found| engine.rule(found.rule).id == rule.id) {
        return None;
    }
    let dropped = scanner.dropped.take().unwrap_or_default();
    let own = dropped.iter().rev().find(|dropped| engine.rule(dropped.rule).id == rule.id);
    let instead = found.first().map(|found| format!("found as {}", engine.rule(found.rule).id));
    Some(own.map(|dropped| dropped.why.to_string()).or(instead).unwrap_or_else(|| "not looked at".to_owned()))
}

fn main() -> io::Result<()> {
    let seeds: u64 = std::env::args().nth(1).and_then(|seeds| seeds.parse().ok()).unwrap_or(2000);
    let engine = Engine::new(RuleSet::builtin()).map_err(io::Error::other)?;
    let rules: Vec<&Rule> = engine.rules().rules().iter().collect();
    let mut rows: Vec<(&str, Misses)> = rules
        .par_iter()
        .map(|rule| {
            let mut scanner = engine.scanner();
            let mut misses = Misses::default();
            for template in rule.samples.examples().iter() {
                for seed in 0..seeds {
                    let Ok(text) = template::expand(template, seed) else { continue };
                    misses.tries += 1;
                    if let Some(why) = missed(&mut scanner, &text, rule) {
                        *misses.reasons.entry(why).or_default() += 1;
                    }
                }
            }
            (rule.id.as_ref(), misses)
        })
        .collect();
    let share = |misses: &Misses| misses.reasons.values().sum::<u64>() as f64 / misses.tries.max(1) as f64;
    rows.sort_by(|one, other| share(&other.1).total_cmp(&share(&one.1)));
    let mut out = io::stdout().lock();
    for (id, misses) in rows.iter().filter(|(_, misses)| !misses.reasons.is_empty()) {
        writeln!(out, "{:9.6} {id} {:?}", share(misses), misses.reasons)?;
    }
    Ok(())
}
