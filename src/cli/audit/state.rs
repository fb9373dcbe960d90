//! `keysweep audit state`: looking after the state.

use std::path::PathBuf;

use super::portable;
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
    /// Put the generation before the last run, or a backup, in the place of the state.
    Restore(RestoreArguments),
    /// Write all of the state as text, for another machine or program.
    Export(portable::ExportArguments),
    /// Make a state of an export.
    Import(portable::ImportArguments),
    /// Write a backup, sealed with age.
    #[cfg(feature = "rotate")]
    Backup(super::backup::BackupArguments),
    /// Rehearse the restore of a backup, and say whether it is usable.
    #[cfg(feature = "rotate")]
    Drill(super::backup::DrillArguments),
}

/// Arguments of `keysweep audit state restore`.
#[derive(Debug, clap::Args)]
pub struct RestoreArguments {
    /// The state
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
    /// A backup [default: the generation before the last run]
    #[cfg(feature = "rotate")]
    #[arg(long, value_name = "FILE", requires = "identity")]
    pub from: Option<PathBuf>,
    /// File with the age identity that opens the backup
    #[cfg(feature = "rotate")]
    #[arg(long, value_name = "FILE", requires = "from")]
    pub identity: Option<PathBuf>,
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
        StateCommand::Export(arguments) => return portable::export(arguments),
        StateCommand::Import(arguments) => return portable::import(arguments),
        #[cfg(feature = "rotate")]
        StateCommand::Backup(arguments) => return super::backup::backup(arguments),
        #[cfg(feature = "rotate")]
        StateCommand::Drill(arguments) => return super::backup::drill(arguments),
        #[cfg(feature = "rotate")]
        StateCommand::Restore(RestoreArguments { state, from: Some(from), identity: Some(identity) }) => {
            return super::backup::restore(state, from, identity);
        }
        StateCommand::Restore(RestoreArguments { state: path, .. }) => {
            restore_previous(path)?;
            let state = State::open(path)?;
            contents(&state)?;
            let from = previous(path);
            print(&format!("{}: restored from {}\n", path.display(), from.display()))?;
        }
    }
    Ok(0)
}

/// What a state holds, in words.
pub(super) fn words(held: &Contents) -> String {
    let Contents { repositories, objects, secrets, runs, .. } = *held;
    let list = [(repositories, "repository"), (objects, "object"), (secrets, "secret"), (runs, "run")];
    list.map(|(number, word)| count(number, word)).join(", ")
}
