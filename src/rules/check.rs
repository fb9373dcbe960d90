//! Checks of a rule beyond its form: does it find its own examples, does it leave its near misses, what will it cost.
//!
//! `keysweep rules check` tells all of it. A fault is something that does not work; advice is something that works
//! and could be better. Running the rule is left to the caller: rules know no engine.

use regex_automata::nfa::thompson;

use super::{Method, Rule, template};

/// Something to say about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// It does not work.
    Fault(String),
    /// It works, and could be better.
    Advice(String),
}

/// What came of running a rule over a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The rule itself found something, after overlaps were settled.
    pub found: bool,
    /// What else happened: other rules' findings, and why candidates were dropped.
    pub instead: String,
}

/// A rule has to hold for each of so many made-up texts.
pub const SEEDS: u64 = 8;

/// Expands every example and near miss, and holds what `run` says of each text against what is wanted.
pub fn try_out(rule: &Rule, run: &mut dyn FnMut(&str) -> Outcome) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let examples = rule.samples.examples().iter().map(|template| (template, true));
    let near_misses = rule.samples.near_misses().iter().map(|template| (template, false));
    for (template, wanted) in examples.chain(near_misses) {
        for seed in 0..SEEDS {
            let outcome = match template::expand(template, seed) {
                Ok(text) => run(&text),
                Err(fault) => {
                    remarks.push(Remark::Fault(fault));
                    break;
                }
            };
            if outcome.found != wanted {
                let what = if wanted { "example is not found" } else { "near miss is found" };
                let instead =
                    if outcome.instead.is_empty() { String::new() } else { format!(" ({})", outcome.instead) };
                remarks.push(Remark::Fault(format!("{what}: `{template}`{instead}")));
                break;
            }
        }
    }
    remarks
}

/// Words that every program's text is full of: as a contextual rule's keyword each leads to a look at thousands of
/// names that have nothing to do with the provider.
const COMMON: [&str; 22] = [
    "key", "api", "app", "auth", "client", "code", "config", "data", "email", "hash", "host", "login", "name", "pass",
    "password", "private", "secret", "token", "url", "user", "value", "access",
];

/// Longest match that is cheap to look for, in bytes.
const LONG: u32 = 4096;

/// What would make the rule cheaper or quieter, and whether its pattern compiles at all.
pub fn advise(rule: &Rule) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut advice = |text: String| remarks.push(Remark::Advice(text));
    match &rule.method {
        Method::Anchored(anchors) => {
            for (literal, anchor) in rule.literals.iter().zip(anchors.iter()) {
                let text = &literal.text;
                if text.len() < 4 && anchor.gate.least < 8 {
                    advice(format!(
                        "weak literal `{text}`: it is short and little has to follow it; take 4 characters or more, or \
                         let a class of 8 or more follow"
                    ));
                } else if text.len() < 7 && anchor.gate.least < 4 && text.bytes().all(|byte| byte.is_ascii_lowercase())
                {
                    advice(format!(
                        "weak literal `{text}`: it is an ordinary word; take one with a sign or a digit in it"
                    ));
                }
                if anchor.back_max > 128 {
                    advice(format!(
                        "slow: `{text}` may stand up to {} bytes behind the pattern's start, and all of them are searched \
                         at every hit; take a literal nearer to the start, or bound what stands before it",
                        anchor.back_max
                    ));
                }
            }
            if rule.longest.is_none_or(|longest| longest > LONG) {
                advice(
                    "slow: a match has no bound (or a far one), so up to 64 kB are read at a hit; bound its repetitions \
                     unless the secret is that long"
                        .to_owned(),
                );
            }
        }
        Method::Assigned => {
            for keyword in rule.keywords.iter().filter(|keyword| COMMON.contains(&keyword.as_ref())) {
                advice(format!(
                    "unanchored, and keyword `{keyword}` stands in names everywhere; take the provider's name, or the \
                     variable's whole name"
                ));
            }
            if rule.any_name {
                advice("unanchored: `anyName` tries it on the value of every secret-sounding name".to_owned());
            }
        }
        Method::Search => advice("unanchored: it is searched in whole texts; give it `literals`".to_owned()),
        Method::Generic | Method::Whole(_) => {}
    }
    let judged = matches!(rule.method, Method::Generic | Method::Whole(_)) || rule.part_only;
    if !judged && rule.entropy <= 0.0 && rule.validators.is_empty() {
        advice("no `entropy` floor and no validator: samples such as `xxxx` and `EXAMPLE` will be reported".to_owned());
    }
    if rule.rotate.is_empty() {
        advice("no `rotate`: nobody is told what to do when it is found".to_owned());
    }
    if !rule.regex.is_empty() && !compiles(&rule.regex) {
        remarks.push(Remark::Fault("`regex` needs more than 10 MB when compiled: lower its repeat counts".to_owned()));
    }
    remarks
}

/// Whether the pattern fits the engine's limit.
fn compiles(regex: &str) -> bool {
    thompson::Compiler::new()
        .syntax(regex_automata::util::syntax::Config::new().unicode(false).utf8(false))
        .configure(thompson::Config::new().utf8(false).nfa_size_limit(Some(10 << 20)))
        .build(regex)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Remark, advise, try_out};
    use crate::rules::Rule;
    use crate::rules::load::load;

    fn rule(fields: &str) -> Rule {
        let text = format!("[[rules]]\nid = \"x\"\ndescription = \"x\"\nseverity = \"low\"\n{fields}\n");
        load(&text, "x.toml").expect("a sound rule").remove(0)
    }

    fn advice(fields: &str) -> String {
        advise(&rule(fields)).into_iter().map(|remark| format!("{remark:?}\n")).collect()
    }

    const TEXTS: &str =
        "examples = [\"tok_{hex:9}\"]\nnearMisses = [\"tok_{hex:8}\"]\nentropy = 2.0\nrotate = \"Turn it.\"\n";

    #[test]
    fn a_good_rule_needs_no_advice() {
        assert_eq!(advice(&format!("{TEXTS}literals = [\"tok_\"]\nregex = 'tok_[a-f0-9]{{9}}'")), "");
    }

    #[test]
    fn weak_slow_and_unanchored_rules_are_told() {
        for (fields, expected) in [
            ("literals = [\"tok\"]\nregex = 'tok_[a-f0-9]{9}'", "weak literal `tok`"),
            ("literals = [\"token\"]\nregex = 'token.[a-f0-9]{9}'", "an ordinary word"),
            ("literals = [\"tok_\"]\nregex = '[a-z]{0,400}tok_[a-f0-9]{9}'", "400 bytes behind"),
            ("literals = [\"tok_\"]\nregex = 'tok_[a-f0-9]+'", "no bound"),
            ("keywords = [\"token\"]\nregex = 'tok_[a-f0-9]{9}'", "keyword `token`"),
            ("keywords = [\"harbor\"]\nanyName = true\nregex = 'tok_[a-f0-9]{9}'", "anyName"),
            ("literals = [\"tok_\"]\nregex = 'tok_(?:[a-z]{900}[0-9]{900}){900}'", "10 MB"),
        ] {
            let said = advice(&format!("{TEXTS}{fields}"));
            assert!(said.contains(expected), "{fields}: {said}");
        }
        let bare = "examples = [\"a\"]\nnearMisses = [\"a\"]\nliterals = [\"tok_\"]\nregex = 'tok_[a-f0-9]{9}'";
        assert!(advice(bare).contains("no `entropy`") && advice(bare).contains("no `rotate`"));
    }

    #[test]
    fn examples_and_near_misses_are_held_against_the_run() {
        let rule = rule(&format!("{TEXTS}literals = [\"tok_\"]\nregex = 'tok_[a-f0-9]{{9}}'"));
        let right = &mut |text: &str| Outcome { found: text.len() == 13, instead: String::new() };
        assert_eq!(try_out(&rule, right), []);
        let wrong = &mut |text: &str| Outcome { found: text.len() != 13, instead: "reason".to_owned() };
        let said = try_out(&rule, wrong);
        assert!(
            matches!(&said[..], [Remark::Fault(a), Remark::Fault(b)]
            if a.contains("not found: `tok_{hex:9}` (reason)") && b.contains("near miss")),
            "{said:?}"
        );
    }
}
