//! `rotate status` and `rotate prove`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{PolicyFile, places, policy, signing_key};
use crate::cli::config::PlainFormat;
use crate::cli::gather::print;
use crate::error::{Error, Result};
use crate::filter::nearest;
use crate::report::escape::visible;
use crate::rotate::evidence::{Evidence, state_word};
use crate::rotate::execute::{Places, see};
use crate::rotate::files;
use crate::rotate::journal::{self, Entry};
use crate::rotate::run::{End, Next};

/// Arguments of `rotate status`.
#[derive(Debug, clap::Args)]
pub struct StatusArguments {
    /// The run; all unless said
    pub run: Option<String>,
    /// Form of what is printed
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
    /// Which policy holds.
    #[command(flatten)]
    pub policy: PolicyFile,
}

/// Arguments of `rotate prove`.
#[derive(Debug, clap::Args)]
pub struct ProveArguments {
    /// The run whose evidence is written anew
    #[arg(required_unless_present = "check")]
    pub run: Option<String>,
    /// Check evidence instead: its signature, and that it proves what it says
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    pub check: Option<PathBuf>,
    /// With --check: whose signature to trust (a public key in hex)
    #[arg(long, value_name = "KEY", requires = "check")]
    pub signer: Option<String>,
    /// Which policy holds.
    #[command(flatten)]
    pub policy: PolicyFile,
}

/// Whether there is such a run.
pub(super) fn known(places: &Places, name: &str) -> Result<()> {
    let runs = places.runs();
    if runs.iter().any(|run| run == name) {
        return Ok(());
    }
    let hint = nearest(name, runs.iter().map(String::as_str));
    Err(Error::Usage(format!("there is no run `{name}`{hint}")))
}

fn exit(next: Next) -> u8 {
    match next {
        Next::End(end) => end.exit_status(),
        _ => 1,
    }
}

/// Shows runs.
///
/// # Errors
/// When there is no such run.
pub(super) fn run(arguments: &StatusArguments) -> Result<u8> {
    let places = places(&policy(arguments.policy.policy.as_ref())?)?;
    let names = match &arguments.run {
        Some(name) => {
            known(&places, name)?;
            vec![name.clone()]
        }
        None => places.runs(),
    };
    let (mut worst, mut out, mut list) = (0, String::new(), Vec::new());
    for name in &names {
        if journal::read(&places.run(name).join("journal.jsonl"), &places.chain()?)
            .is_ok_and(|records| records.is_empty())
        {
            let _ = writeln!(out, "{name}  never-begun  nothing was changed");
            list.push(serde_json::json!({ "run": name, "state": "never-begun", "over": true }));
            continue;
        }
        let seen = match see(&places, name) {
            Ok(seen) => seen,
            Err(error) => {
                worst = 2;
                let _ = writeln!(out, "{name}  unreadable  {error}");
                list.push(serde_json::json!({ "run": name, "state": "unreadable", "message": error.to_string() }));
                continue;
            }
        };
        worst = worst.max(exit(seen.next));
        let state = state_word(seen.next);
        let owner = seen.item.identity.as_ref().map(|identity| identity.owner.clone()).unwrap_or_default();
        let began = seen.records.first().map(|record| record.time.clone()).unwrap_or_default();
        let _ = writeln!(out, "{name}  {state}  {owner}  {}  since {began}", seen.item.redacted);
        if arguments.run.is_some() {
            for record in &seen.records {
                if let Entry::Event { event, note, .. } = &record.entry {
                    let _ = writeln!(out, "  {}  {event:?}  {}", record.time, visible(note));
                }
            }
        }
        list.push(serde_json::json!({
            "run": name, "state": state, "owner": owner, "secret_id": seen.item.secret_id, "rule": seen.item.rule,
            "began": began, "over": matches!(seen.next, Next::End(end) if end.over()),
        }));
    }
    match arguments.format {
        PlainFormat::Json => print(&format!("{:#}\n", serde_json::json!({ "schema": 1, "runs": list })))?,
        PlainFormat::Text if names.is_empty() => print("There are no runs.\n")?,
        PlainFormat::Text => print(&out)?,
    }
    Ok(worst)
}

/// Proves again, or checks a proof.
///
/// # Errors
/// When the evidence proves nothing.
pub(super) fn prove(arguments: &ProveArguments) -> Result<u8> {
    if let Some(path) = &arguments.check {
        let evidence = Evidence::check(&files::read(path, 64 << 20)?, arguments.signer.as_deref())?;
        let body = &evidence.body;
        let proof = if body.control { "with a living replacement beside it" } else { "without one to compare with" };
        print(&format!("{}: {}, {} ({proof}); signed by {}\n", body.state, body.owner, body.ended, evidence.signer))?;
        return Ok(if body.state == "proven" { 0 } else { 1 });
    }
    let name = arguments.run.as_deref().unwrap_or_default();
    let places = places(&policy(arguments.policy.policy.as_ref())?)?;
    known(&places, name)?;
    let seen = see(&places, name)?;
    if seen.next != Next::End(End::Proven) {
        let advice = format!("run {name} stands at {}: `keysweep rotate resume {name}` goes on", state_word(seen.next));
        return Err(Error::Usage(advice));
    }
    let key = signing_key(&places)?;
    let evidence = Evidence::of(name, &seen, &seen.head, "", &key)?;
    let json = serde_json::to_string_pretty(&evidence).map_err(|error| Error::Usage(error.to_string()))?;
    print(&format!("{json}\n"))?;
    Ok(0)
}
