//! Generations of the state: its sum while nobody has it open, the one before the last run, damage told, good ones put back.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::blocks::{Blocks, Said, Sum, Sums};
use super::previous::settle;
use super::{State, io, lock, make};
use crate::audit::check;
use crate::audit::record::About;
use crate::error::{Error, Result};
use crate::private;

/// The file beside `path` with this ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The generation that is kept of `path`.
pub fn previous(path: &Path) -> PathBuf {
    beside(path, ".previous")
}

pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(io(path)(source)),
        _ => Ok(()),
    }
}

pub(super) fn damaged(path: &Path, why: &str) -> Error {
    let kept = previous(path);
    let good = settle(&kept).is_ok() && check_sum(&kept).is_ok_and(|found| found.is_some());
    let way_out = if good {
        format!("the generation before the last run is good: keysweep audit state restore --state {}", path.display())
    } else {
        "restore a backup, or move it away and begin a new state".to_owned()
    };
    Error::Usage(format!("{}: the state is damaged ({why}); {way_out}", path.display()))
}

/// What the sum of a file says; `None` when there is none, because a process died, or it is of another form.
pub(super) fn said(path: &Path) -> Result<Option<Said>> {
    let sum = beside(path, ".sum");
    match fs::read_to_string(&sum) {
        Ok(text) => Ok(Said::parse(&text)),
        Err(error) if [ErrorKind::NotFound, ErrorKind::InvalidData].contains(&error.kind()) => Ok(None),
        Err(error) => Err(io(&sum)(error)),
    }
}

/// Writes down what a file is now, and which blocks changed since another generation.
pub(super) fn write_sum(path: &Path, sums: &Sums, since: Option<(Sum, Blocks)>) -> Result<()> {
    private::write_private(&beside(path, ".sum"), Said { sum: sums.sum(), since }.text().as_bytes())
}

/// What the sum of a file says, and its blocks, read; `None` when there is no sum.
///
/// # Errors
/// When it cannot be read, or is another than its sum says.
pub(super) fn check_sum(path: &Path) -> Result<Option<(Said, Sums)>> {
    let Some(said) = said(path)? else { return Ok(None) };
    let sums = Sums::of(path).map_err(io(path))?;
    match sums.sum() == said.sum {
        true => Ok(Some((said, sums))),
        false => Err(Error::Usage(format!("{}: it is not what was written", path.display()))),
    }
}

/// Copies a file to a new private one.
pub(super) fn copy_private(from: &Path, to: &Path) -> Result<()> {
    remove(to)?;
    let mut source = File::open(from).map_err(io(from))?;
    let mut target = private::new_private(to)?;
    let copied = std::io::copy(&mut source, &mut target).and_then(|_| target.flush()).and_then(|()| target.sync_all());
    if copied.is_err() {
        // Half of a copy only fills the disk.
        let _ = remove(to);
    }
    copied.map_err(io(to))
}

/// Puts the generation that was kept in the place of the state. What was there stays as `FILE.damaged`.
///
/// # Errors
/// When there is none, it is damaged too, or somebody has the state open.
pub fn restore_previous(path: &Path) -> Result<()> {
    let _lock = lock(path)?;
    let kept = previous(path);
    settle(&kept)?;
    if !kept.exists() || check_sum(&kept)?.is_none() {
        return Err(Error::Usage(format!(
            "there is no good generation in {}: restore a backup (--from FILE --identity FILE)",
            kept.display()
        )));
    }
    let new = beside(path, ".new");
    copy_private(&kept, &new)?;
    put_in_place(path, &new)
}

/// Puts the state with these bytes in the place of the state, when they hold one. What was there stays as `FILE.damaged`.
///
/// # Errors
/// When they hold no state, or somebody has the state open.
pub fn restore_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let _lock = lock(path)?;
    let new = beside(path, ".new");
    private::write_private(&new, bytes)?;
    prove(path, &new, |_| Ok(()))
}

/// Makes a new state in `path` and lets `fill` fill it: it has its name once all of it fits together.
///
/// # Errors
/// When there is a state already, or what `fill` and the check say.
pub fn make_filled(path: &Path, about: &About, fill: impl FnOnce(&State) -> Result<()>) -> Result<()> {
    let _lock = lock(path)?;
    if path.exists() {
        return Err(Error::Usage(format!("there is a state in {} already: name another file", path.display())));
    }
    let new = beside(path, ".import");
    remove(&new)?;
    remove(&beside(&new, ".sum"))?;
    make(&new, about)?;
    prove(path, &new, fill)
}

/// Opens the state `new`, lets `fill` change it, reads it whole, and puts it in the place of `path` when it fits together.
fn prove(path: &Path, new: &Path, fill: impl FnOnce(&State) -> Result<()>) -> Result<()> {
    let tried = State::open(new).and_then(|state| {
        fill(&state)?;
        check::contents(&state)
    });
    remove(&beside(new, ".lock"))?;
    remove(&beside(new, ".sum"))?;
    if let Err(error) = tried {
        remove(new)?;
        return Err(error);
    }
    put_in_place(path, new)
}

fn put_in_place(path: &Path, new: &Path) -> Result<()> {
    if path.exists() {
        let damaged = beside(path, ".damaged");
        fs::rename(path, &damaged).map_err(io(&damaged))?;
    }
    remove(&beside(path, ".sum"))?;
    fs::rename(new, path).map_err(io(path))?;
    write_sum(path, &Sums::of(path).map_err(io(path))?, None)?;
    private::sync_folder(path)
}
