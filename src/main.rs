//! The `keysweep` program: parse, dispatch, exit status.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use keysweep::cli::{self, Arguments};

fn main() -> ExitCode {
    match cli::run(Arguments::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            // Where standard error is gone too, the exit status still tells.
            let _ = writeln!(anstream::stderr(), "keysweep: {error}");
            ExitCode::from(2)
        }
    }
}
