//! The `keysweep` program: parse, dispatch, exit status.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use keysweep::cli::{self, Arguments};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => match cli::left_out(&error) {
            Some(error) => return failed(&error),
            None => error.exit(),
        },
    };
    match cli::run(arguments) {
        Ok(status) => ExitCode::from(status),
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    // Where standard error is gone too, the exit status still tells.
    let _ = writeln!(anstream::stderr(), "keysweep: {error}");
    ExitCode::from(2)
}
