//! `keysweep audit`: whole histories of many repositories, again and again, only what is new each time.

#[cfg(feature = "rotate")]
mod alerts;
#[cfg(not(feature = "rotate"))]
#[path = "no_alerts.rs"]
mod alerts;
#[cfg(feature = "rotate")]
mod backup;
mod conclude;
mod gaps;
mod key;
mod log;
mod merge;
mod mirror;
mod portable;
#[cfg(feature = "rotate")]
mod proofs;
mod renames;
mod retention;
mod run;
mod scan;
mod settings;
mod state;
mod targets;

use std::path::PathBuf;

use super::policy::PolicyArguments;
use crate::audit::ledger::path_hash;
use crate::audit::report::AuditFormat;
use crate::error::{Error, Result};

/// Arguments of `keysweep audit`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditArguments {
    /// Look after the state.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// Repositories, folders of repositories, addresses, files that list them one a line
    pub targets: Vec<PathBuf>,
    /// Where the audit keeps what it knows; made when there is none
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Where mirrors of addresses are kept [default: beside the state]
    #[arg(long, value_name = "FOLDER")]
    pub mirrors: Option<PathBuf>,
    /// Folder of rotation evidence: what was proven dead is closed; may be given several times
    #[cfg(feature = "rotate")]
    #[arg(long, value_name = "FOLDER")]
    pub evidence: Vec<PathBuf>,
    /// Trust evidence of this signer alone (public key in hex)
    #[cfg(feature = "rotate")]
    #[arg(long, value_name = "KEY", requires = "evidence")]
    pub signer: Option<String>,
    /// What issuers said (`keysweep verify --format json`); may be given several times
    #[cfg(feature = "rotate")]
    #[arg(long, value_name = "FILE")]
    pub verified: Vec<PathBuf>,
    /// Megabytes of object texts held at a time, in all repositories together [default: 256]
    #[arg(long, value_name = "MB", value_parser = crate::cli::modes::megabytes)]
    pub memory: Option<u64>,
    /// Repositories that are scanned at a time [default: one for each core]
    #[arg(long, short = 'j', value_name = "N", value_parser = jobs)]
    pub jobs: Option<std::num::NonZeroU8>,
    /// Audit the Kth of N parts of the repositories: the same ones each time, whoever asks
    #[arg(long, value_name = "K/N", value_parser = Shard::parse)]
    pub shard: Option<Shard>,
    /// What is reported.
    #[command(flatten)]
    pub report: ReportArguments,
    /// Whom to tell.
    #[command(flatten)]
    pub alerts: alerts::AlertOptions,
    /// What is told while it runs.
    #[command(flatten)]
    pub log: log::LogOptions,
    /// What counts.
    #[command(flatten)]
    pub policy: PolicyArguments,
}

/// What is reported of a run, and which exit status it has.
#[derive(Debug, clap::Args)]
pub struct ReportArguments {
    /// Exit status 1 when any secret is open, not only for new ones
    #[arg(long)]
    pub any: bool,
    /// Form of the report
    #[arg(long, short = 'f', value_enum, value_name = "FORMAT", default_value = "text")]
    pub format: AuditFormat,
    /// Write the report to FILE instead of standard output
    #[arg(long, short = 'o', value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write another report; may be given several times
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = parse_report)]
    pub reports: Vec<(AuditFormat, PathBuf)>,
    /// List all open secrets, not only new ones (text)
    #[arg(long, short = 'v')]
    pub verbose: bool,
}

/// Bytes of object texts held at a time when nothing else is asked for.
const MEMORY: u64 = 256 << 20;

/// A part of the repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    part: u64,
    /// How many parts there are.
    of: u64,
}

impl Shard {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { part, of }),
            _ => Err("it must be K/N with K from 1 to N, for example 2/8".to_owned()),
        }
    }

    /// As it is given: `K/N`.
    fn name(self) -> String {
        format!("{}/{}", self.part, self.of)
    }

    /// Whether the repository of this name belongs to it.
    fn has(self, name: &str) -> bool {
        path_hash(name.as_bytes()) % self.of == self.part - 1
    }
}

/// Commands of `keysweep audit`.
#[derive(Debug, clap::Subcommand)]
pub enum AuditCommand {
    /// Look after the state.
    #[command(subcommand)]
    State(state::StateCommand),
    /// Merge the states of shards into one, and report on all of them.
    Merge(merge::MergeArguments),
    /// Send the alerts that wait, or a test.
    #[cfg(feature = "rotate")]
    Alerts(alerts::AlertArguments),
}

fn jobs(text: &str) -> std::result::Result<std::num::NonZeroU8, String> {
    text.parse().map_err(|_| "it must be a number from 1 to 255".to_owned())
}

fn parse_report(text: &str) -> std::result::Result<(AuditFormat, PathBuf), String> {
    use clap::ValueEnum as _;
    let (format, path) = text.split_once('=').ok_or("it must be FORMAT=FILE, for example `html=audit.html`")?;
    let format = AuditFormat::from_str(format, true)
        .map_err(|_| format!("`{format}` is no format; there are text, json, markdown, csv, html"))?;
    if path.is_empty() {
        return Err("the file's name is missing after `=`".to_owned());
    }
    Ok((format, path.into()))
}

/// Runs the command; the exit status comes back: 0 nothing new and all covered, 1 new secrets, 2 something not covered.
///
/// # Errors
/// When the audit cannot begin.
pub fn run(arguments: &AuditArguments) -> Result<u8> {
    match &arguments.command {
        Some(AuditCommand::State(command)) => return state::run(command),
        Some(AuditCommand::Merge(arguments)) => return merge::run(arguments),
        #[cfg(feature = "rotate")]
        Some(AuditCommand::Alerts(arguments)) => return alerts::run(arguments),
        None => {}
    }
    let Some(state) = &arguments.state else {
        return Err(Error::Usage("where is the state? give --state FILE (it is made when there is none)".to_owned()));
    };
    run::run(arguments, state)
}
