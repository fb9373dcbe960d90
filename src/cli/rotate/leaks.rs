//! The secrets a plan is about: found by a scan, named by a report, or given on standard input.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::source::{self, Source};
use crate::cli::gather::{WhatArguments, tell};
use crate::cli::policy::PolicyArguments;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::filter::config::build::Plan as ScanPlan;
use crate::filter::{Filter, nearest_rules};
use crate::finding::{Finding, Status};
use crate::report::document::{Report, SCHEMA};
use crate::rotate::plan::Leak;

/// Which secrets.
#[derive(Debug, clap::Args)]
pub struct LeakArguments {
    /// What to scan.
    #[command(flatten)]
    pub what: WhatArguments,
    /// Take the secrets from a JSON report; each is read again where it was found
    #[arg(long, value_name = "REPORT.json", conflicts_with_all = ["targets", "mode"])]
    pub from: Option<PathBuf>,
    /// Take one secret from standard input; --rule says of what kind
    #[arg(long, conflicts_with_all = ["targets", "mode", "from"])]
    pub secret_stdin: bool,
    /// The same as --rule, for the secret on standard input
    #[arg(long, value_name = "ID", requires = "secret_stdin", conflicts_with = "rule")]
    pub secret_rule: Option<String>,
    /// Another part of it, not secret: `user=app`; may be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "secret_stdin")]
    pub part: Vec<String>,
    /// What counts in a scan.
    #[command(flatten)]
    pub policy: PolicyArguments,
}

/// What was found, and what is needed to read it again.
pub(in crate::cli) struct Leaks {
    /// One per unique secret.
    pub leaks: Vec<Leak>,
    /// Which key their ids are made with.
    pub key_id: String,
    /// Whether anything that was asked for could not be looked at.
    pub gap: bool,
    engine: Engine,
    filter: Filter,
}

/// Gathers them.
///
/// # Errors
/// When the scan cannot begin, the report cannot be read, or a secret does not stand where the report says.
pub(in crate::cli) fn gather(arguments: &LeakArguments) -> Result<Leaks> {
    let ScanPlan { rules, filter, .. } = arguments.policy.plan(&arguments.what.target())?;
    let engine = Engine::new(rules)?;
    let key_id = filter.key_id();
    let mut leaks = Leaks { leaks: Vec::new(), key_id, gap: false, engine, filter };
    if arguments.secret_stdin {
        let named = arguments.secret_rule.iter().chain(&arguments.policy.rule).collect::<Vec<_>>();
        let [rule] = named[..] else {
            let many = "--secret-stdin needs one --rule ID: of what kind is it? `keysweep rules list` shows them";
            return Err(Error::Usage(many.to_owned()));
        };
        given(&mut leaks, rule, &arguments.part)?;
    } else if let Some(path) = &arguments.from {
        from_report(&mut leaks, path)?;
    } else {
        let result = arguments.what.result(&leaks.engine, &leaks.filter)?;
        leaks.gap = tell(&result.notices);
        let open: Vec<Finding> = result.findings.into_iter().filter(|finding| finding.status == Status::Open).collect();
        leaks.leaks = unique(&leaks.engine, open);
    }
    Ok(leaks)
}

/// One leak per secret, in order of their first places.
fn unique(engine: &Engine, findings: Vec<Finding>) -> Vec<Leak> {
    let mut leaks: Vec<Leak> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        match known.get(&finding.secret_id) {
            Some(&at) => leaks[at].origins.push(finding.origin),
            None => {
                known.insert(finding.secret_id.clone(), leaks.len());
                let rule = engine.rules().get(&finding.rule);
                let (advice, link) =
                    rule.map(|rule| (rule.rotate.to_string(), rule.link.to_string())).unwrap_or_default();
                leaks.push(Leak {
                    material: source::material(&finding),
                    rule: finding.rule,
                    secret_id: finding.secret_id,
                    redacted: finding.redacted,
                    advice,
                    link,
                    origins: vec![finding.origin],
                });
            }
        }
    }
    leaks
}

fn from_report(leaks: &mut Leaks, path: &PathBuf) -> Result<()> {
    let fail = |message: String| Error::Config { file: path.display().to_string(), message };
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.clone(), source })?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| fail(format!("this is no report: {error}")))?;
    if report.schema != SCHEMA {
        return Err(fail(format!("it has schema {}, and this version reads schema {SCHEMA}", report.schema)));
    }
    if report.key_id != leaks.key_id {
        return Err(fail(format!(
            "its secret ids are made with key `{}`, ours with `{}`: scan with the same key and configuration",
            report.key_id, leaks.key_id
        )));
    }
    let source = Source { engine: &leaks.engine, filter: &leaks.filter, given: Vec::new() };
    let mut found = Vec::new();
    for entry in report.secrets {
        let places: Vec<_> = entry.findings.iter().filter_map(|&at| report.findings.get(at)).collect();
        let mut trouble = String::from("it names no place");
        let first = places.iter().find_map(|place| {
            source.find(&place.origin, &entry.rule, &entry.secret_id).map_err(|error| trouble = error.to_string()).ok()
        });
        let finding = first.ok_or_else(|| fail(format!("{}: {trouble}", entry.redacted)))?;
        let first = finding.origin.clone();
        let rest = places.iter().map(|place| &place.origin).filter(|origin| **origin != first).cloned();
        let mut leak = unique(&leaks.engine, vec![finding]);
        leak.iter_mut().for_each(|leak| leak.origins.extend(rest.clone()));
        found.append(&mut leak);
    }
    leaks.leaks = found;
    Ok(())
}

fn given(leaks: &mut Leaks, rule: &str, parts: &[String]) -> Result<()> {
    let known = leaks.engine.rules();
    let Some(found) = known.get(rule) else {
        let hint = nearest_rules(rule, known.rules().iter().map(|rule| &*rule.id));
        return Err(Error::Usage(format!("there is no rule `{rule}`{hint}")));
    };
    let (advice, link) = (found.rotate.to_string(), found.link.to_string());
    let secret = source::from_stdin()?;
    let key = leaks.filter.keys.first().ok_or_else(|| Error::Usage("there is no fingerprint key".to_owned()))?;
    let secret_id = key.secret_id(rule, &secret);
    let mut material = crate::rotate::escrow::Material::of(secret.expose());
    for part in parts {
        let (name, value) =
            part.split_once('=').ok_or_else(|| Error::Usage(format!("--part {part}: it must be NAME=VALUE")))?;
        material = material.with(name, value.as_bytes());
    }
    leaks.leaks.push(Leak {
        rule: rule.to_owned(),
        secret_id,
        redacted: format!("[{} bytes]", secret.len()),
        advice,
        link,
        origins: vec![crate::finding::Origin::new(crate::finding::OriginKind::Stdin, "standard input")],
        material,
    });
    Ok(())
}
