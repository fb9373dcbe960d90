//! The built-in rules against their own examples and near misses, and the cost of their literals.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use keysweep::engine::prefilter::Prefilter;
use keysweep::engine::{Engine, Scanner};
use keysweep::rules::{ByteSet, Literal, Method, Rule, RuleSet, template};

/// An example has to hold for each; a rule that holds for some is a rule that misses tokens.
const SEEDS: std::ops::Range<u64> = 0..6;

/// Whether `rule` is found in `text`, all settled. Of a rule that is only ever a part, a candidate is enough.
fn finds(scanner: &mut Scanner<'_>, text: &str, rule: &Rule) -> bool {
    let engine = scanner.engine();
    let mut found = Vec::new();
    scanner.candidates(text.as_bytes(), 0..text.len(), &mut found);
    scanner.whole(text.as_bytes(), &mut found);
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
        let examples = rule.samples.examples().iter().map(|template| (template, true));
        let near_misses = rule.samples.near_misses().iter().map(|template| (template, false));
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

/// Hits a literal may have per megabyte of ordinary source text: each costs a look, so all literals together are a
/// budget.
const HITS_PER_MB: f64 = 40.0;

/// The same for all literals together.
const ALL_HITS_PER_MB: f64 = 8000.0;

/// Literals that may have more, and why.
const FREQUENT: &[(&str, &str)] = &[
    ("al-", "43 letters and digits have to follow, which the gate sees in a few steps"),
    ("credential", "a word of the generic path"),
    ("credentials", "a word of the generic path"),
    ("pa-", "43 letters and digits have to follow, which the gate sees in a few steps"),
    ("ts_", "28 capitals and digits have to follow, which the gate sees in a few steps"),
    ("pass", "a word of the generic path; pieces of other words end at the next byte"),
    ("password", "a word of the generic path"),
    ("secret", "a word of the generic path"),
    ("token", "a word of the generic path"),
    ("key\"", "the end of a name; a value that is short or has no digit ends the look"),
    ("key:", "the end of a name; a value that is short or has no digit ends the look"),
    ("secret_id", "the name of a field of our own reports, which this corpus is full of and ordinary text is not"),
    ("re_", "eight letters and digits have to follow, and a line, which the gate sees in a few steps"),
    ("secret_", "43 letters and digits have to follow, which the gate sees in a few steps"),
];

/// This repository's own sources and documentation; rules, and the page that lists them, left out.
fn corpus() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = Vec::new();
    let mut folders = vec![root.join("src"), root.join("docs"), root.join("benches"), root.join("tests/cli")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("docs/coverage.md") || path.ends_with("docs/providers.md") {
                // Names of rules by the thousand, a table of links: no ordinary text.
            } else if path.extension().is_some_and(|extension| ["rs", "md"].iter().any(|kind| extension == *kind)) {
                text.extend(std::fs::read(path).expect("a source file is readable"));
            }
        }
    }
    text
}

#[test]
fn literals_stay_within_their_budget() {
    let rules = RuleSet::builtin();
    let mut literals: Vec<(&Literal, ByteSet)> = Vec::new();
    for rule in rules.rules() {
        for (place, literal) in rule.literals.iter().enumerate() {
            let follows = match &rule.method {
                Method::Anchored(anchors) if anchors[place].gate.least > 0 => anchors[place].gate.set,
                _ => ByteSet::default(),
            };
            literals.push((literal, follows));
        }
    }
    let text = corpus();
    let mut hits = vec![0u32; literals.len()];
    Prefilter::new(literals.iter().copied()).scan(&text, 0, text.len(), |hit| hits[hit.literal as usize] += 1);
    let megabytes = text.len() as f64 / 1e6;
    let mut faults = BTreeSet::new();
    for ((literal, _), hits) in literals.iter().zip(&hits) {
        let rate = f64::from(*hits) / megabytes;
        let known = FREQUENT.iter().any(|(text, _)| *text == literal.text);
        if rate > HITS_PER_MB && !known {
            faults.insert(format!("literal `{}`: {rate:.0} hits per MB; take a longer or rarer one", literal.text));
        }
    }
    let all = hits.iter().sum::<u32>() as f64 / megabytes;
    assert!(faults.is_empty(), "\n{}", faults.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(all < ALL_HITS_PER_MB, "{all:.0} hits per MB by {} literals", literals.len());
}
