//! `keysweep rules`: what is looked for, and whether a rule file works.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::config::PlainFormat;
use super::explain::describe;
use super::gather::print;
use super::policy::PolicyArguments;
use crate::engine::{Engine, Scanner};
use crate::error::{Error, Result};
use crate::filter::nearest_rules;
use crate::rules::check::{Outcome, Remark, advise, try_out};
use crate::rules::schema::RuleFile;
use crate::rules::{Method, Rule, RuleSet, load};

/// What to do with rules.
#[derive(Debug, clap::Subcommand)]
pub enum RulesCommand {
    /// List every rule that counts here.
    List(ListArguments),
    /// Show one rule.
    Show(ShowArguments),
    /// Check a file of your own rules: its form, its examples and near misses, its cost.
    Check(CheckArguments),
}

/// Arguments of `keysweep rules list`.
#[derive(Debug, clap::Args)]
pub struct ListArguments {
    /// Form of the list
    #[arg(long, short = 'f', value_enum, default_value = "table")]
    pub format: ListFormat,
    /// What counts.
    #[command(flatten)]
    pub policy: PolicyArguments,
}

/// The forms of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ListFormat {
    /// For people
    Table,
    /// For programs
    Json,
}

/// Arguments of `keysweep rules show`.
#[derive(Debug, clap::Args)]
pub struct ShowArguments {
    /// The rule's id
    pub id: String,
    /// Form of the answer
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
    /// What counts.
    #[command(flatten)]
    pub policy: PolicyArguments,
}

/// Arguments of `keysweep rules check`.
#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// The rule files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Runs the command: 0, and 2 when a checked file has a fault.
///
/// # Errors
/// When a configuration or a file cannot be read, or no rule has the id.
pub fn run(command: &RulesCommand) -> Result<u8> {
    match command {
        RulesCommand::List(arguments) => list(arguments),
        RulesCommand::Show(arguments) => show(arguments),
        RulesCommand::Check(arguments) => check(arguments),
    }
}

fn list(arguments: &ListArguments) -> Result<u8> {
    let rules = arguments.policy.plan(Path::new("."))?.rules;
    if arguments.format == ListFormat::Json {
        let rules: Vec<Value> = rules.rules().iter().map(as_json).collect();
        print(&format!("{:#}\n", json!({ "schema": 1, "rules": rules })))?;
        return Ok(0);
    }
    let mut sorted: Vec<&Rule> = rules.rules().iter().collect();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    let width = |text: fn(&Rule) -> &str| sorted.iter().map(|rule| text(rule).chars().count()).max().unwrap_or(0);
    let (ids, providers) = (width(|rule| &rule.id), width(|rule| &rule.provider));
    let mut text = String::new();
    for rule in &sorted {
        let Rule { id, provider, description, severity, .. } = rule;
        let _ = writeln!(text, "{id:ids$}  {:8}  {provider:providers$}  {description}", severity.as_str());
    }
    let _ = writeln!(text, "{} rules", sorted.len());
    print(&text)?;
    Ok(0)
}

fn show(arguments: &ShowArguments) -> Result<u8> {
    let rules = arguments.policy.plan(Path::new("."))?.rules;
    let Some(rule) = rules.get(&arguments.id) else {
        let near = nearest_rules(&arguments.id, rules.rules().iter().map(|rule| rule.id.as_ref()));
        return Err(Error::Usage(format!("there is no rule `{}`{near}", arguments.id)));
    };
    match arguments.format {
        PlainFormat::Text => print(&describe(rule))?,
        PlainFormat::Json => print(&format!("{:#}\n", as_json(rule)))?,
    }
    Ok(0)
}

fn as_json(rule: &Rule) -> Value {
    let method = match rule.method {
        Method::Anchored(_) => "anchored",
        Method::Assigned => "contextual",
        Method::Search => "searched",
        Method::Generic => "generic",
        Method::Whole(_) => "whole",
    };
    // The prefilter's spellings of a contextual rule's keywords are no literals of the rule.
    let literals: Vec<&str> = match rule.method {
        Method::Anchored(_) => rule.literals.iter().map(|literal| literal.text.as_ref()).collect(),
        _ => Vec::new(),
    };
    let parts: Vec<Value> = rule
        .parts
        .iter()
        .map(|part| json!({ "rule": part.rule, "withinLines": part.within_lines, "missing": part.missing }))
        .collect();
    json!({
        "id": rule.id, "provider": rule.provider, "description": rule.description,
        "severity": rule.severity.as_str(), "confidence": rule.confidence, "method": method,
        "literals": literals, "keywords": rule.keywords, "keywordsRequired": rule.keywords_required,
        "regex": rule.regex, "secretGroup": rule.secret_group,
        // A float of 32 bits would show its binary fraction.
        "entropy": (f64::from(rule.entropy) * 100.0).round() / 100.0,
        "validators": rule.validators, "parts": parts, "partOnly": rule.part_only, "tags": rule.tags,
        "identify": rule.identify, "rotate": rule.rotate, "link": rule.link,
        "examples": rule.samples.examples(), "nearMisses": rule.samples.near_misses(),
    })
}

fn check(arguments: &CheckArguments) -> Result<u8> {
    let (mut text, mut faults) = (String::new(), 0);
    for path in &arguments.files {
        faults += check_file(path, &mut text)?;
    }
    print(&text)?;
    Ok(if faults == 0 { 0 } else { 2 })
}

/// Checks one file; the number of its faults.
fn check_file(path: &Path, text: &mut String) -> Result<usize> {
    let name = path.to_string_lossy();
    let content = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let parsed: RuleFile = match toml::from_str(&content) {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = writeln!(text, "{name}: {}", error.to_string().trim_end());
            return Ok(1);
        }
    };
    let (rules, errors) = load::sort_out(parsed, &name);
    let mut faults = errors.len();
    for error in &errors {
        let _ = writeln!(text, "{error}");
    }
    // Examples have to be found among all the other rules, as they would be in a scan.
    let mut all = RuleSet::builtin();
    all.extend(rules.iter().cloned());
    let engine = Engine::new(all)?;
    let mut scanner = engine.scanner();
    for rule in &rules {
        let mut remarks = advise(rule);
        for part in rule.parts.iter().filter(|part| engine.rules().get(&part.rule).is_none()) {
            remarks.push(Remark::Fault(format!("its part `{}` is no rule", part.rule)));
        }
        remarks.extend(try_out(rule, &mut |text| outcome(&mut scanner, rule, text)));
        for remark in remarks {
            let (kind, message) = match remark {
                Remark::Fault(message) => ("", message),
                Remark::Advice(message) => ("warning: ", message),
            };
            faults += usize::from(kind.is_empty());
            let _ = writeln!(text, "{name}: rule `{}`: {kind}{message}", rule.id);
        }
    }
    let verdict = match faults {
        0 => "all examples are found, no near miss is".to_owned(),
        1 => "1 fault".to_owned(),
        faults => format!("{faults} faults"),
    };
    let total = rules.len();
    let _ = writeln!(text, "{name}: {total} usable {}: {verdict}", if total == 1 { "rule" } else { "rules" });
    Ok(faults)
}

/// Runs all rules over a made-up text. Of a rule that is only ever a part of another's finding a candidate is enough.
fn outcome(scanner: &mut Scanner<'_>, rule: &Rule, text: &str) -> Outcome {
    let engine = scanner.engine();
    scanner.dropped = Some(Vec::new());
    let mut matches = Vec::new();
    scanner.candidates(text.as_bytes(), 0..text.len(), &mut matches);
    scanner.whole(text.as_bytes(), &mut matches);
    if !rule.part_only {
        scanner.resolve(text.as_bytes(), &mut matches);
    }
    let found = matches.iter().any(|found| engine.rule(found.rule).id == rule.id);
    let others = matches.iter().map(|found| format!("`{}` finds it", engine.rule(found.rule).id));
    let dropped = scanner.dropped.take().unwrap_or_default();
    let dropped = dropped.iter().filter(|dropped| engine.rule(dropped.rule).id == rule.id);
    let mut instead: Vec<String> = dropped.map(|dropped| dropped.why.clone()).chain(others).collect();
    instead.dedup();
    Outcome { found, instead: instead.join("; ") }
}
