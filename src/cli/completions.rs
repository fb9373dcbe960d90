//! `keysweep completions SHELL`: what a shell needs to complete keysweep's commands and options.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Arguments;
use crate::error::Result;

/// Arguments of `keysweep completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArguments {
    /// The shell; source what is printed, or put it where the shell looks for completions
    pub shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(arguments: &CompletionsArguments) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "keysweep", &mut script);
    super::output::reader_may_go(std::io::stdout().lock().write_all(&script))?;
    Ok(0)
}
