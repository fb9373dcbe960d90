//! The program: one file per command, each thin. Arguments in, library called, exit status out.

pub mod allow;
#[cfg(feature = "audit")]
pub mod audit;
pub mod baseline;
pub mod completions;
pub mod config;
mod dropped;
pub mod explain;
pub mod gather;
#[cfg(feature = "git")]
pub mod hook;
pub mod init;
pub mod man;
pub mod modes;
pub mod output;
pub mod policy;
pub mod progress;
mod provenance;
#[cfg(feature = "rotate")]
pub mod rotate;
pub mod rules;
pub mod scan;
#[cfg(feature = "rotate")]
pub mod verify;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

use crate::error::{Error, Result};

/// keysweep finds leaked credentials.
#[derive(Debug, Parser)]
#[command(name = "keysweep", version, about, propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Scan files, commits or history for credentials.
    Scan(scan::ScanArguments),
    /// Stop credentials before they are committed or pushed: git hooks.
    #[cfg(feature = "git")]
    Hook(hook::HookArguments),
    /// Accept today's findings, and look after the list of what is accepted.
    #[command(subcommand)]
    Baseline(baseline::BaselineCommand),
    /// Accept one finding, with a reason, an owner and an expiry date.
    Allow(allow::AllowArguments),
    /// List, show and check the rules: what is looked for.
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Audit whole histories of many repositories, again and again: only what is new is scanned.
    #[cfg(feature = "audit")]
    Audit(Box<audit::AuditArguments>),
    /// Turn leaked credentials: new ones in place, old ones proven dead.
    #[cfg(feature = "rotate")]
    #[command(subcommand)]
    Rotate(Box<rotate::RotateCommand>),
    /// Ask the issuers whether leaked credentials live, and whose they are.
    #[cfg(feature = "rotate")]
    Verify(Box<verify::VerifyArguments>),
    /// Tell why something was, or was not, reported.
    Explain(explain::ExplainArguments),
    /// Print the settings, and where each comes from.
    Config(config::ConfigArguments),
    /// Write a starter configuration, hook and CI files.
    Init(init::InitArguments),
    /// Print the completions of a shell.
    Completions(completions::CompletionsArguments),
    /// Print or write the manual pages.
    Man(man::ManArguments),
}

/// Commands that builds without a feature lack.
const OPTIONAL: &[(&str, &str, bool)] = &[
    ("hook", "git", cfg!(feature = "git")),
    ("audit", "audit", cfg!(feature = "audit")),
    ("rotate", "rotate", cfg!(feature = "rotate")),
    ("verify", "rotate", cfg!(feature = "rotate")),
];

/// What to say of a command that this build was made without; `None` when the error is another one.
pub fn left_out(error: &clap::Error) -> Option<Error> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let (name, feature, _) = OPTIONAL.iter().find(|(name, _, there)| name == word && !there)?;
    (error.kind() == ErrorKind::InvalidSubcommand).then(|| {
        Error::Usage(format!("this build has no `{name}`: build keysweep with the feature `{feature}`, or as it comes"))
    })
}

/// Runs a command; the exit status (0, 1) comes back, an error means 2.
///
/// # Errors
/// Whatever kept the command from doing what it was asked.
pub fn run(arguments: Arguments) -> Result<u8> {
    match arguments.command {
        Command::Scan(arguments) => scan::run(&arguments),
        #[cfg(feature = "git")]
        Command::Hook(arguments) => hook::run(arguments),
        Command::Baseline(command) => baseline::run(&command),
        Command::Allow(arguments) => allow::run(&arguments),
        Command::Rules(command) => rules::run(&command),
        #[cfg(feature = "audit")]
        Command::Audit(arguments) => audit::run(&arguments),
        #[cfg(feature = "rotate")]
        Command::Rotate(command) => rotate::run(&command),
        #[cfg(feature = "rotate")]
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}
