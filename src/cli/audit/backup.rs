//! Backups of the state: sealed with age, opened with an identity, rehearsed.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::state::words;
use crate::audit::check::{Contents, contents};
use crate::audit::report::text::count;
use crate::audit::runs;
use crate::audit::state::{State, restore_bytes};
use crate::cli::gather::print;
use crate::error::{Error, Result};
use crate::private;
use crate::rotate::escrow::age::{self, Identity, Recipient};

/// Largest backup, in bytes.
const LARGEST: u64 = 8 << 30;

/// Arguments of `keysweep audit state backup`.
#[derive(Debug, clap::Args)]
pub struct BackupArguments {
    /// The state
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
    /// Where the backup goes
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Whom it is sealed for (age1…); may be given several times
    #[arg(long, value_name = "AGE", required = true)]
    pub recipient: Vec<String>,
}

/// Arguments of `keysweep audit state drill`.
#[derive(Debug, clap::Args)]
pub struct DrillArguments {
    /// The backup
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// File with the age identity that opens it
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,
}

/// Writes a backup of a state that fits together.
///
/// # Errors
/// When the state is damaged, or the backup cannot be written.
pub(super) fn backup(arguments: &BackupArguments) -> Result<u8> {
    let recipients: Vec<Recipient> = arguments
        .recipient
        .iter()
        .map(|text| Recipient::parse(text).ok_or_else(|| Error::Usage(format!("`{text}` is no age recipient (age1…)"))))
        .collect::<Result<_>>()?;
    let state = State::open(&arguments.state)?;
    let held = contents(&state)?;
    let bytes = state.into_bytes()?;
    let sealed =
        age::seal(&bytes, &recipients).ok_or_else(|| Error::Usage("the backup cannot be sealed".to_owned()))?;
    private::write_private(&arguments.to, &sealed)?;
    print(&format!(
        "{}: {}, sealed for {}\n",
        arguments.to.display(),
        words(&held),
        count(recipients.len() as u64, "recipient")
    ))?;
    Ok(0)
}

fn open(from: &Path, identity: &Path) -> Result<crate::secret::Secret> {
    let text = Zeroizing::new(private::read(identity, 1 << 20)?);
    let identity = std::str::from_utf8(&text).ok().and_then(Identity::parse_file).ok_or_else(|| Error::Config {
        file: identity.display().to_string(),
        message: "there is no age identity in it: a line that begins with AGE-SECRET-KEY-1 is asked for".to_owned(),
    })?;
    age::open(&private::read(from, LARGEST)?, &identity).ok_or_else(|| {
        Error::Usage(format!("{}: it was not sealed for this identity, or it is damaged", from.display()))
    })
}

/// Restores the state in `path` from a backup.
///
/// # Errors
/// When the backup does not open or does not fit together; then the state is as before.
pub(super) fn restore(path: &Path, from: &Path, identity: &Path) -> Result<u8> {
    restore_bytes(path, open(from, identity)?.expose())?;
    print(&format!("{}: restored from {}\n", path.display(), from.display()))?;
    Ok(0)
}

/// Rehearses a restore: opens the backup beside itself, reads everything, and takes it away again.
///
/// # Errors
/// Why the backup is of no use.
pub(super) fn drill(arguments: &DrillArguments) -> Result<u8> {
    let opened = open(&arguments.from, &arguments.identity)?;
    let random = crate::finding::identity::new_salt()?;
    let folder = std::env::temp_dir().join(format!("keysweep-drill-{random}"));
    private::private_folder(&folder)?;
    let tried = rehearse(&folder.join("state"), opened.expose());
    std::fs::remove_dir_all(&folder).map_err(|source| Error::Io { path: folder, source })?;
    let (held, last) = tried?;
    print(&format!("{}: usable: {}; last run {last}\n", arguments.from.display(), words(&held)))?;
    Ok(0)
}

fn rehearse(path: &Path, bytes: &[u8]) -> Result<(Contents, String)> {
    restore_bytes(path, bytes)?;
    let state = State::open(path)?;
    let last = runs::all(&state)?.last().map(|run| run.began.clone()).unwrap_or_else(|| "never".to_owned());
    Ok((contents(&state)?, last))
}
