//! The built-in rules against their own examples and near misses, and the cost of their literals.

use std::fmt::Write as _;

use keysweep::engine::{Engine, Scanner};
use keysweep::rules::{Rule, RuleSet, template};

/// An example has to hold for each; a rule that holds for some is a rule that misses tokens.
const SEEDS: std::ops::Range<u64> = 0..6;

/// Whether `rule` is found in `text`, all settled. Of a rule that is only ever a part, a candidate is enough.
fn finds(scanner: &mut Scanner<'_>, text: &str, rule: &Rule) -> bool {
    let engine = scanner.engine();
    let mut found = Vec::new();
    scanner.candidates(text.as_bytes(), 0..text.len(), &mut found);
    if !rule.part_only {
        scanner.resolve(text.as_bytes(), &mut found);
    }
    found.iter().any(|found| engine.rule(found.rule).id == rule.id)
}

/// What was found instead, and what was dropped and why.
fn explained(engine: &Engine, text: &str) -> String {
    let mut scanner = engine.scanner();
    scanner.dropped = Some(Vec::new());
    let mut out = String::new();
    for found in scanner.scan(text.as_bytes()) {
        let _ = write!(out, " found {} at {:?};", engine.rule(found.rule).id, found.secret);
    }
    for dropped in scanner.dropped.take().unwrap_or_default() {
        let _ = write!(out, " {} dropped: {};", engine.rule(dropped.rule).id, dropped.why);
    }
    out
}

#[test]
fn every_rule_finds_its_examples_and_leaves_its_near_misses() {
    let engine = Engine::new(RuleSet::builtin()).expect("built-in rules");
    let mut scanner = engine.scanner();
    let mut faults = String::new();
    for rule in engine.rules().rules() {
        let examples = rule.examples.iter().map(|template| (template, true));
        let near_misses = rule.near_misses.iter().map(|template| (template, false));
        for (template, wanted) in examples.chain(near_misses) {
            for seed in SEEDS {
                let text = match template::expand(template, seed) {
                    Ok(text) => text,
                    Err(fault) => {
                        let _ = writeln!(faults, "{}: {fault}", rule.id);
                        break;
                    }
                };
                if finds(&mut scanner, &text, rule) != wanted {
                    let kind = if wanted { "example is missed" } else { "near miss is found" };
                    let _ = writeln!(
                        faults,
                        "{}: {kind}, seed {seed}: {template}\n    {}\n   {}",
                        rule.id,
                        text.escape_debug().to_string().chars().take(200).collect::<String>(),
                        explained(&engine, &text)
                    );
                    break;
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}
