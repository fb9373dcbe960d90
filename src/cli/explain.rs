//! `keysweep explain`: why something was, or was not, reported.
//!
//! FILE:LINE tells of every candidate on the line, the engine's drops and the filter's steps; a fingerprint finds its
//! findings and tells the same; a rule's id shows what is looked for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::allow::place;
use super::config::PlainFormat;
use super::gather::{WhatArguments, print};
use super::policy::PolicyArguments;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::filter::config::build::Plan;
use crate::filter::{Decision, Filter, nearest_rules};
use crate::finding::identity::is_identity;
use crate::finding::position::Locator;
use crate::finding::{Finding, Status};
use crate::rules::{Method, Rule};
use crate::source::encoding::decode;
use crate::source::is_container;

/// Arguments of `keysweep explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArguments {
    /// FILE:LINE, a fingerprint or secret id from a report, or a rule's id
    #[arg(value_name = "FILE:LINE|FINGERPRINT|RULE")]
    pub what: String,
    /// Form of the explanation
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
    /// Where a fingerprint is looked for.
    #[command(flatten)]
    pub within: WhatArguments,
    /// What counts.
    #[command(flatten)]
    pub policy: PolicyArguments,
}

/// One candidate and its fate.
#[derive(Debug, serde::Serialize)]
struct Candidate {
    rule: String,
    path: String,
    line: u32,
    column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_id: Option<String>,
    outcome: &'static str,
    steps: Vec<String>,
}

/// Runs the command: 0 when there is something to tell, an error when there is not.
///
/// # Errors
/// When the file cannot be read, or nothing is known by that name.
pub fn run(arguments: ExplainArguments) -> Result<u8> {
    let ExplainArguments { what, format, within, policy } = arguments;
    if is_identity(&what) {
        let plan = policy.plan(&within.target())?;
        return by_identity(&what, &within, plan, format);
    }
    if let Some((file, line)) = place(&what) {
        let plan = policy.plan(&file)?;
        return by_place(&file, line, plan, format);
    }
    let plan = policy.plan(Path::new("."))?;
    let Some(rule) = plan.rules.get(&what) else {
        let near = nearest_rules(&what, plan.rules.rules().iter().map(|rule| rule.id.as_ref()));
        return Err(Error::Usage(format!("`{what}` is no FILE:LINE, no fingerprint and no rule{near}")));
    };
    print(&describe(rule))?;
    Ok(0)
}

fn by_identity(id: &str, within: &WhatArguments, plan: Plan, format: PlainFormat) -> Result<u8> {
    let Plan { rules, filter, .. } = plan;
    let mut said = listed(id, &filter);
    let engine = Engine::new(rules)?;
    let (_, findings) = within.run(&engine, &filter, true)?;
    let mut candidates = Vec::new();
    for mut finding in findings {
        let known = filter.keys.iter().any(|key| {
            let path = crate::filter::candidate::path_of(&finding.origin, filter.root.as_deref());
            let ids = key.ids(&finding.rule, &finding.secret, &path);
            ids.fingerprint == id || ids.secret_id == id
        });
        if known {
            candidates.push(explain(&mut finding, &filter));
        }
    }
    if candidates.is_empty() && said.is_empty() {
        return Err(Error::Usage(format!(
            "nothing here has the identity {id}: it may stand elsewhere (try --history), or be made with another key \
             (here: {})",
            filter.key_id()
        )));
    }
    if candidates.is_empty() {
        said.push("it stands nowhere in what was looked at".to_owned());
    }
    show(&candidates, &said, format)
}

/// Where an identity is accepted by name.
fn listed(id: &str, filter: &Filter) -> Vec<String> {
    let in_files = filter.ignore_files.iter().filter_map(|file| {
        let entry = file.get(id)?;
        let mut text = format!("{}:{} accepts it", file.name, entry.line);
        for (name, value) in [("reason", &entry.reason), ("owner", &entry.owner), ("expires", &entry.expires)] {
            if let Some(value) = value {
                let _ = write!(text, ", {name}: {value}");
            }
        }
        Some(text)
    });
    let in_baselines = filter.baselines.iter().flat_map(|baseline| {
        baseline
            .lines()
            .filter(|line| line.secret == id)
            .map(|line| format!("{} accepts it ({} in {})", baseline.name, line.rule, line.path))
    });
    in_files.chain(in_baselines).collect()
}

fn by_place(file: &PathBuf, line: u32, plan: Plan, format: PlainFormat) -> Result<u8> {
    let Plan { rules, filter, .. } = plan;
    let bytes = std::fs::read(file).map_err(|source| Error::Io { path: file.clone(), source })?;
    let engine = Engine::new(rules)?;
    let what = WhatArguments { targets: vec![file.clone()], no_ignore: true, ..WhatArguments::default() };
    let (_, findings) = what.run(&engine, &filter, true)?;
    let on_line = |from: u32, to: u32| (from..=to).contains(&line);
    let mut candidates: Vec<Candidate> = findings
        .into_iter()
        .filter(|finding| on_line(finding.position.start_line, finding.position.end_line))
        .map(|mut finding| explain(&mut finding, &filter))
        .collect();
    // A second pass writes down what the engine itself dropped. A container's own bytes mean nothing.
    let decoded = decode(if is_container(&bytes) { &[] } else { &bytes });
    let mut scanner = engine.scanner();
    scanner.dropped = Some(Vec::new());
    scanner.scan(&decoded.text);
    let mut locator = Locator::new(&decoded.text);
    for dropped in scanner.dropped.take().unwrap_or_default() {
        let position = locator.position(dropped.span);
        if on_line(position.start_line, position.end_line) {
            candidates.push(Candidate {
                rule: engine.rule(dropped.rule).id.to_string(),
                path: file.to_string_lossy().into_owned(),
                line: position.start_line,
                column: position.start_column,
                excerpt: None,
                fingerprint: None,
                secret_id: None,
                outcome: "dropped",
                steps: vec![format!("dropped by the engine: {}", dropped.why)],
            });
        }
    }
    candidates.sort_by(|a, b| (a.line, a.column, &a.rule, &a.steps).cmp(&(b.line, b.column, &b.rule, &b.steps)));
    candidates.dedup_by(|a, b| (a.line, a.column, &a.rule, &a.steps) == (b.line, b.column, &b.rule, &b.steps));
    let lines = decoded.text.split(|&byte| byte == b'\n').count();
    let said = if candidates.is_empty() && !is_container(&bytes) && line as usize > lines {
        vec![format!("{} has {lines} lines, so there is no line {line}", file.display())]
    } else if candidates.is_empty() {
        vec![format!("no rule sees anything on line {line}: no literal or keyword of a rule leads to a value there")]
    } else {
        Vec::new()
    };
    show(&candidates, &said, format)
}

fn explain(finding: &mut Finding, filter: &Filter) -> Candidate {
    let (decision, steps) = filter.explain(finding);
    let identity = |id: &str| (!id.is_empty()).then(|| id.to_owned());
    Candidate {
        rule: finding.rule.clone(),
        path: std::iter::once(&finding.origin.path)
            .chain(&finding.origin.member)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("!"),
        line: finding.position.start_line,
        column: finding.position.start_column,
        excerpt: Some(finding.excerpt.clone()),
        fingerprint: identity(&finding.fingerprint),
        secret_id: identity(&finding.secret_id),
        outcome: match (decision, &finding.status) {
            (Decision::Drop, _) => "dropped",
            (Decision::Keep, Status::Open) => "reported",
            (Decision::Keep, Status::Suppressed { .. }) => "suppressed",
        },
        steps,
    }
}

fn show(candidates: &[Candidate], said: &[String], format: PlainFormat) -> Result<u8> {
    if format == PlainFormat::Json {
        let json = serde_json::json!({ "schema": 1, "candidates": candidates, "notes": said });
        print(&format!("{json:#}\n"))?;
        return Ok(0);
    }
    let mut text = String::new();
    for line in said {
        let _ = writeln!(text, "{line}");
    }
    for candidate in candidates {
        let Candidate { rule, path, line, column, outcome, .. } = candidate;
        let _ = writeln!(text, "{path}:{line}:{column} {rule}: {outcome}");
        if let Some(excerpt) = &candidate.excerpt {
            let _ = writeln!(text, "    {excerpt}");
        }
        for step in &candidate.steps {
            let _ = writeln!(text, "  - {step}");
        }
        if let Some(fingerprint) = &candidate.fingerprint {
            let _ = writeln!(text, "  fingerprint {fingerprint}");
        }
    }
    print(&text)?;
    Ok(0)
}

/// A rule in words.
pub(super) fn describe(rule: &Rule) -> String {
    let list = |texts: &[crate::rules::Text]| texts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
    let method = match rule.method {
        Method::Anchored(_) => "a literal of the rule stands in the text, and the pattern matches there",
        Method::Assigned => "a keyword stands in the name of an assignment, and the pattern matches its value",
        Method::Search => "a keyword stands in the text (any text when there is none), and the pattern matches",
        Method::Whole(_) => "the whole text is one value (or a name and one), and the path names it",
        Method::Generic => "a keyword stands in the name of an assignment, and the value looks like a secret",
    };
    let literals: Vec<&str> = rule.literals.iter().map(|literal| literal.text.as_ref()).collect();
    let parts: Vec<&str> = rule.parts.iter().map(|part| part.rule.as_ref()).collect();
    let mut text = format!("{}: {}\n", rule.id, rule.description);
    let rows = [
        ("provider", rule.provider.to_string()),
        ("severity", rule.severity.as_str().to_owned()),
        ("confidence", rule.confidence.to_string()),
        ("found when", method.to_owned()),
        ("literals", literals.join(", ")),
        ("pattern", rule.regex.to_string()),
        (
            "entropy",
            if rule.entropy > 0.0 { format!("at least {} bits per byte", rule.entropy) } else { String::new() },
        ),
        ("keywords", list(&rule.keywords)),
        ("validators", list(&rule.validators)),
        ("identify", rule.identify.to_string()),
        ("with", parts.join(", ")),
        ("tags", list(&rule.tags)),
        ("to do", rule.rotate.to_string()),
        ("link", rule.link.to_string()),
    ];
    for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {name:10}  {value}");
    }
    text
}
