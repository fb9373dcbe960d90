//! Generations of the state: its sum while nobody has it open, the one before the last run, damage told, good ones put back.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

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

/// Keeps the state, which is as its sum says, as the last good generation, before a run changes anything.
pub(super) fn keep(path: &Path) -> Result<()> {
    let (kept, new) = (previous(path), beside(path, ".previous-new"));
    copy_private(path, &new)?;
    let sum = beside(&kept, ".sum");
    remove(&sum)?;
    fs::rename(&new, &kept).map_err(io(&kept))?;
    private::write_private(&sum, &private::read(&beside(path, ".sum"), 4096)?)
}

pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(io(path)(source)),
        _ => Ok(()),
    }
}

pub(super) fn damaged(path: &Path, why: &str) -> Error {
    let kept = previous(path);
    let sum = fs::read(beside(&kept, ".sum")).ok();
    let good = sum.is_some_and(|said| sum_of(&kept).is_ok_and(|is| is.as_bytes() == said));
    let way_out = if good {
        format!("the generation before the last run is good: keysweep audit state restore --state {}", path.display())
    } else {
        "restore a backup, or move it away and begin a new state".to_owned()
    };
    Error::Usage(format!("{}: the state is damaged ({why}); {way_out}", path.display()))
}

/// Length and CRC-32 of a file, as its sum says them.
fn sum_of(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(io(path))?;
    let (mut hasher, mut length, mut piece) = (crc32fast::Hasher::new(), 0u64, vec![0; 1 << 18]);
    loop {
        let got = file.read(&mut piece).map_err(io(path))?;
        if got == 0 {
            break;
        }
        hasher.update(&piece[..got]);
        length += got as u64;
    }
    Ok(format!("keysweep state sum 1\n{:08x} {length}\n", hasher.finalize()))
}

pub(super) fn write_sum(path: &Path) -> Result<()> {
    private::write_private(&beside(path, ".sum"), sum_of(path)?.as_bytes())
}

/// Whether the file is as its sum says; false when there is no sum, because a process died.
pub(super) fn check_sum(path: &Path) -> Result<bool> {
    let sum = beside(path, ".sum");
    let said = match fs::read(&sum) {
        Ok(said) => said,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io(&sum)(error)),
    };
    if said == sum_of(path)?.as_bytes() { Ok(true) } else { Err(damaged(path, "it is not what was written")) }
}

/// Copies a file to a new private one.
fn copy_private(from: &Path, to: &Path) -> Result<()> {
    remove(to)?;
    let mut source = File::open(from).map_err(io(from))?;
    let mut target = private::new_private(to)?;
    std::io::copy(&mut source, &mut target).map_err(io(to))?;
    target.flush().and_then(|()| target.sync_all()).map_err(io(to))
}

/// Puts the generation that was kept in the place of the state. What was there stays as `FILE.damaged`.
///
/// # Errors
/// When there is none, it is damaged too, or somebody has the state open.
pub fn restore_previous(path: &Path) -> Result<()> {
    let _lock = lock(path)?;
    let kept = previous(path);
    if !kept.exists() || !check_sum(&kept)? {
        return Err(Error::Usage(format!("there is no good generation in {}", kept.display())));
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
    write_sum(path)?;
    private::sync_folder(path)
}
