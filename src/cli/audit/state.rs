//! `keysweep audit state`: looking after the state.

use std::path::PathBuf;

use crate::audit::check::{Contents, contents};
use crate::audit::report::text::count;
use crate::audit::state::{State, previous, restore_previous};
use crate::cli::gather::print;
use crate::error::Result;

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub enum StateCommand {
    /// Read everything in the state and say whether it fits together.
    Check(StateFile),
    /// Put the generation before the last run in the place of the state.
    Restore(StateFile),
}

/// Which state.
#[derive(Debug, clap::Args)]
pub struct StateFile {
    /// The state
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
}

/// Runs a command; the exit status comes back.
///
/// # Errors
/// When the state is not there, in use or damaged.
pub(super) fn run(command: &StateCommand) -> Result<u8> {
    match command {
        StateCommand::Check(StateFile { state: path }) => {
            let state = State::open(path)?;
            let Contents { repositories, packs, objects, secrets, places, runs, .. } = contents(&state)?;
            let about = state.about();
            print(&format!(
                "{}: good (form {}, key {})\n{}, {}, {}, {}, {}, {}\n",
                path.display(),
                about.schema,
                about.key_id,
                count(repositories, "repository"),
                count(packs, "pack"),
                count(objects, "object"),
                count(secrets, "secret"),
                count(places, "place"),
                count(runs, "run"),
            ))?;
        }
        StateCommand::Restore(StateFile { state: path }) => {
            restore_previous(path)?;
            let state = State::open(path)?;
            contents(&state)?;
            let from = previous(path);
            print(&format!("{}: restored from {}\n", path.display(), from.display()))?;
        }
    }
    Ok(0)
}
