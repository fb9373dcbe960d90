//! The `keysweep` program: parse, dispatch, exit status.

use std::process::ExitCode;

use clap::Parser as _;
use keysweep::cli::{self, Arguments};

fn main() -> ExitCode {
    match cli::run(Arguments::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            anstream::eprintln!("keysweep: {error}");
            ExitCode::from(2)
        }
    }
}
