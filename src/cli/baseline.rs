//! `keysweep baseline create|update|audit`: accept the secrets that are there today, and look after the list.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::config::PlainFormat;
use super::gather::{WhatArguments, print, tell};
use super::policy::PolicyArguments;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::filter::baseline::{Baseline, NAME, by_rule};
use crate::filter::candidate::path_of;
use crate::filter::config::build::Plan;
use crate::filter::config::discover;
use crate::filter::{Filter, Trust};
use crate::finding::identity::new_salt;
use crate::finding::{Finding, ScanResult, Status};
use crate::report::summary::plural;

/// The commands of `keysweep baseline`.
#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Accept all that is found today, in a new baseline.
    Create(BaselineArguments),
    /// Accept what is found today as well, and drop what is gone.
    Update(BaselineArguments),
    /// List what is accepted: still present or gone.
    Audit(BaselineArguments),
}

/// Their arguments.
#[derive(Debug, clap::Args)]
pub struct BaselineArguments {
    /// What is scanned.
    #[command(flatten)]
    pub what: WhatArguments,
    /// The baseline's file [default: .keysweep.baseline at the repository's root]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Replace a baseline that is there (create); drop what is gone even when not all was scanned (update)
    #[arg(long)]
    pub force: bool,
    /// Drop what is gone and accept nothing new (update)
    #[arg(long)]
    pub prune_only: bool,
    /// Form of the list
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
    /// What counts.
    #[command(flatten)]
    pub policy: PolicyArguments,
}

/// Runs the command.
///
/// # Errors
/// When the scan cannot begin, or the baseline cannot be read or written.
pub fn run(command: &BaselineCommand) -> Result<u8> {
    let (BaselineCommand::Create(arguments) | BaselineCommand::Update(arguments) | BaselineCommand::Audit(arguments)) =
        command;
    let Plan { rules, mut filter, settings, .. } = arguments.policy.plan(&arguments.what.target())?;
    let path = arguments.file.clone().unwrap_or_else(|| settings.places.root.join(NAME));
    let shown = discover::shown(&path);
    let known = match discover::read(&path) {
        Ok(text) => Some(Baseline::parse(&text, &shown, Trust::Repository)?),
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // Other baselines go on accepting what they accept; this one is about to be made.
    filter.baselines.retain(|baseline| baseline.name != shown);
    let engine = Engine::new(rules)?;
    let work = Work {
        path: &path,
        shown: &shown,
        repository: settings.places.repository.then(|| settings.places.root.clone()),
    };
    let salt = || settings.last(|layer| layer.salt.as_ref()).map_or_else(new_salt, |salt| Ok(salt.value.clone()));
    match (command, known) {
        (BaselineCommand::Create(_), Some(_)) if !arguments.force => Err(Error::Usage(format!(
            "{shown} is there already: `keysweep baseline update` accepts more, `--force` begins anew"
        ))),
        (BaselineCommand::Create(_), known) => {
            let salt = known.as_ref().and_then(Baseline::salt).map_or_else(salt, |salt| Ok(salt.to_owned()))?;
            let result = arguments.what.result(&engine, &filter)?;
            work.write(Baseline::new(&shown, &salt), &result, &filter, 0)
        }
        (_, None) => Err(Error::Usage(format!("{shown} is not there: `keysweep baseline create` makes it"))),
        (BaselineCommand::Update(_), Some(known)) => {
            let result = arguments.what.result(&engine, &filter)?;
            let mut baseline = Baseline::new(&shown, &known.salt().map_or_else(salt, |salt| Ok(salt.to_owned()))?);
            let (old, new): (Vec<&Finding>, Vec<&Finding>) =
                result.open().partition(|finding| known.check(finding).is_some());
            old.iter().for_each(|finding| baseline.add(finding, &path_of(&finding.origin, filter.root.as_deref())));
            let gone = known.lines().filter(|line| !known.is_used(line)).count();
            if result.has_gap() && !arguments.force {
                // What was not scanned may still hold what seems gone.
                baseline.union(known);
            }
            let mut result_old = result.clone();
            result_old
                .findings
                .retain(|finding| !arguments.prune_only && new.iter().any(|new| new.secret_id == finding.secret_id));
            work.write(baseline, &result_old, &filter, gone)
        }
        (BaselineCommand::Audit(_), Some(known)) => {
            let result = arguments.what.result(&engine, &filter)?;
            audit(&known, &result, &shown, arguments.format)
        }
    }
}

struct Work<'w> {
    path: &'w Path,
    shown: &'w str,
    /// The repository's root.
    repository: Option<PathBuf>,
}

impl Work<'_> {
    /// Adds the open findings of `result` and writes the file.
    fn write(&self, mut baseline: Baseline, result: &ScanResult, filter: &Filter, gone: usize) -> Result<u8> {
        let before = baseline.len();
        for finding in result.findings.iter().filter(|finding| finding.status == Status::Open) {
            baseline.add(finding, &path_of(&finding.origin, filter.root.as_deref()));
        }
        write_file(self.path, &baseline.render())?;
        let mut text = format!(
            "{}: {} accepted, {} of them new{}\n",
            self.shown,
            plural(baseline.len() as u64, "secret"),
            baseline.len() - before,
            if gone > 0 { format!(", {gone} gone") } else { String::new() }
        );
        for (rule, count) in by_rule(baseline.lines()) {
            text.push_str(&format!("  {count:5}  {rule}\n"));
        }
        if let Some(root) = &self.repository
            && union_attribute(root, self.path)?
        {
            text.push_str("  .gitattributes now lets git merge the baselines of two branches line by line\n");
        }
        text.push_str("An accepted secret is still a leaked one: rotate those that are live.\n");
        print(&text)?;
        Ok(if tell(&result.notices) { 2 } else { 0 })
    }
}

fn audit(baseline: &Baseline, result: &ScanResult, shown: &str, format: PlainFormat) -> Result<u8> {
    // A finding that something else suppresses as well is present all the same.
    let mut places: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for finding in &result.findings {
        if let Some(line) = baseline.check(finding) {
            let place = format!("{}:{}", finding.origin.path, finding.position.start_line);
            places.entry(line.secret.clone()).or_default().push(place);
        }
    }
    let state = |secret: &str| if places.contains_key(secret) { "present" } else { "gone" };
    match format {
        PlainFormat::Json => {
            let entries: Vec<_> = baseline
                .lines()
                .map(|line| {
                    serde_json::json!({
                        "secret_id": line.secret, "rule": line.rule, "accepted_at": line.path,
                        "state": state(&line.secret), "places": places.get(&line.secret).cloned().unwrap_or_default(),
                    })
                })
                .collect();
            let json = serde_json::json!({
                "schema": 1, "baseline": shown, "complete": !result.has_gap(), "entries": entries,
            });
            print(&format!("{json:#}\n"))?;
        }
        PlainFormat::Text => {
            let mut text = String::new();
            for line in baseline.lines() {
                let place = places.get(&line.secret).and_then(|places| places.first()).unwrap_or(&line.path);
                text.push_str(&format!("{:7}  {}  {}  {place}\n", state(&line.secret), line.secret, line.rule));
            }
            text.push_str(&format!("{} present, {} gone\n", places.len(), baseline.len() - places.len()));
            if places.len() < baseline.len() {
                text.push_str("`keysweep baseline update --prune-only` drops what is gone\n");
            }
            print(&text)?;
        }
    }
    Ok(if tell(&result.notices) { 2 } else { 0 })
}

/// Writes a file by way of a neighbour, so that it is never half there.
pub(super) fn write_file(path: &Path, text: &str) -> Result<()> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let mut neighbour = path.as_os_str().to_owned();
    neighbour.push(format!(".{}.new", std::process::id()));
    let neighbour = PathBuf::from(neighbour);
    fs::write(&neighbour, text).map_err(io)?;
    fs::rename(&neighbour, path).map_err(|source| {
        let _ = fs::remove_file(&neighbour);
        io(source)
    })
}

/// Sees to `merge=union` for the baseline; true when a line was added.
fn union_attribute(root: &Path, baseline: &Path) -> Result<bool> {
    let absolute = std::path::absolute(baseline).unwrap_or_else(|_| baseline.to_owned());
    let Ok(inside) = absolute.strip_prefix(root) else { return Ok(false) };
    let name = inside.to_string_lossy().replace('\\', "/");
    if name.contains(char::is_whitespace) {
        return Ok(false);
    }
    let path = root.join(".gitattributes");
    let mut text = match discover::read(&path) {
        Ok(text) => text,
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if text
        .lines()
        .any(|line| line.split_whitespace().next().is_some_and(|first| first.trim_start_matches('/') == name))
    {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&format!("/{name} merge=union\n"));
    write_file(&path, &text)?;
    Ok(true)
}
