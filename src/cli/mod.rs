//! The program: one file per command, each thin. Arguments in, library called, exit status out.

pub mod completions;
#[cfg(feature = "git")]
pub mod hook;
pub mod man;
pub mod modes;
pub mod output;
pub mod progress;
mod provenance;
pub mod scan;

use clap::{Parser, Subcommand};

use crate::error::Result;

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
    Hook(Box<hook::HookArguments>),
    /// Print the completions of a shell.
    Completions(completions::CompletionsArguments),
    /// Print or write the manual pages.
    Man(man::ManArguments),
}

/// Runs a command; the exit status (0, 1) comes back, an error means 2.
///
/// # Errors
/// Whatever kept the command from doing what it was asked.
pub fn run(arguments: Arguments) -> Result<u8> {
    match arguments.command {
        Command::Scan(arguments) => scan::run(&arguments),
        #[cfg(feature = "git")]
        Command::Hook(arguments) => hook::run(*arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}
