//! `keysweep audit state export` and `import`: the state as text, from one machine to another.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::state::StateFile;
use crate::audit::check::contents;
use crate::audit::portable::Dump;
use crate::audit::state::{State, make_filled};
use crate::cli::gather::print;
use crate::error::{Error, Result};
use crate::private;

/// Arguments of `keysweep audit state export`.
#[derive(Debug, clap::Args)]
pub struct ExportArguments {
    /// The state
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
    /// Where the text goes
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}

/// Arguments of `keysweep audit state import`.
#[derive(Debug, clap::Args)]
pub struct ImportArguments {
    /// The new state
    #[command(flatten)]
    pub state: StateFile,
    /// An export
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::Io { path: path.to_owned(), source }
}

/// Writes an export of a state that fits together.
///
/// # Errors
/// When the state is damaged, or the export cannot be written.
pub(super) fn export(arguments: &ExportArguments) -> Result<u8> {
    let state = State::open(&arguments.state)?;
    let held = contents(&state)?;
    let dump = Dump::of(&state)?;
    private::write_private_with(&arguments.to, |out| dump.write(out))?;
    print(&format!("{}: {}\n", arguments.to.display(), super::state::words(&held)))?;
    Ok(0)
}

/// Makes a state of an export.
///
/// # Errors
/// When there is a state already, or the export is damaged.
pub(super) fn import(arguments: &ImportArguments) -> Result<u8> {
    let path = &arguments.state.state;
    let dump = read_export(&arguments.from)?;
    make_filled(path, &dump.about, |state| dump.enter(state))?;
    let held = contents(&State::open(path)?)?;
    print(&format!("{}: {}\n", path.display(), super::state::words(&held)))?;
    Ok(0)
}

fn read_export(path: &Path) -> Result<Dump> {
    let file = File::open(path).map_err(io(path))?;
    Dump::read(&mut BufReader::with_capacity(1 << 18, file))
        .map_err(|error| Error::Config { file: path.display().to_string(), message: error.to_string() })
}

/// Reads all of a state, or of an export of one.
///
/// # Errors
/// When it is neither, or damaged.
pub(super) fn read(path: &Path) -> Result<Dump> {
    let mut first = [0; 1];
    let got = File::open(path).and_then(|mut file| file.read(&mut first)).map_err(io(path))?;
    if got == 1 && first == *b"{" { read_export(path) } else { Dump::of(&State::open(path)?) }
}
