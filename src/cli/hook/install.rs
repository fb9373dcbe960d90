//! Puts hooks into a folder and takes them away again. A hook that is there is moved aside, runs first, and comes back
//! when ours goes: it is never lost, and its exit status is kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anstream::println;

use super::place::{Place, SetBy};
use super::shim::{self, Chain};
use super::stage::Stage;
use crate::error::{Error, Result};

/// What became of a hook file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Written; nothing was there.
    Installed,
    /// Written; what was there runs first.
    Chained,
    /// Ours was there, older or damaged, and is written anew.
    Renewed,
    /// Ours was there.
    Already,
    /// Ours was there, behind the pre-commit framework's.
    Behind,
}

impl Outcome {
    /// In words, for people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Chained => "installed; the hook that was there runs first",
            Self::Renewed => "renewed",
            Self::Already => "installed already",
            Self::Behind => "installed already, behind the hook of the pre-commit framework",
        }
    }
}

/// What became of a hook file that should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// Removed.
    Removed,
    /// Removed, and the hook that was there before is back.
    Restored,
    /// There was none of ours.
    Absent,
    /// Somebody wrote another hook over ours; it stays, and so does the one from before.
    Replaced,
}

/// `keysweep hook install`.
pub(super) fn here(stages: &[Stage], force: bool) -> Result<u8> {
    let place = Place::here()?;
    if place.set_by == SetBy::User {
        if super::global::is_ours(&place.hooks) {
            println!("The hooks for all repositories ({}) are active here already.", place.hooks.display());
            return Ok(0);
        }
        return Err(Error::Usage(format!(
            "git takes the hooks of all your repositories from {} (core.hooksPath);\n\
             install there with `keysweep hook install --global`, or give this repository a folder of its own:\n\
             \x20 git config core.hooksPath .git/hooks",
            place.hooks.display()
        )));
    }
    if !force {
        // All or nothing: ask before the first file is written.
        for &stage in stages {
            if let Some(manager) = place.manager(stage) {
                return Err(Error::Usage(manager.advice(stage)));
            }
        }
    }
    let program = if place.shared { None } else { Some(program()?) };
    for &stage in stages {
        let file = place.file(stage);
        let outcome = put(&file, &shim::scanning(stage, program.as_deref(), Chain::Before))?;
        println!("{}: {} ({})", stage.name(), outcome.words(), place.shown());
    }
    if place.shared {
        println!("The folder {} is part of the work tree: commit it, and everybody has the hook.", place.shown());
    }
    println!("`keysweep hook doctor` proves that they block.");
    Ok(0)
}

/// `keysweep hook uninstall`.
pub(super) fn away(stages: &[Stage]) -> Result<u8> {
    let place = Place::here()?;
    if place.set_by == SetBy::User {
        return Err(Error::Usage(format!(
            "the hooks come from {} (core.hooksPath, for all your repositories);\n\
             take them away with `keysweep hook uninstall --global`",
            place.hooks.display()
        )));
    }
    let mut status = 0;
    for &stage in stages {
        status = status.max(tell_removal(&place.file(stage), stage.name())?);
    }
    Ok(status)
}

/// Takes a hook away and says so; 2 when it could not be done.
pub(super) fn tell_removal(file: &Path, name: &str) -> Result<u8> {
    match take(file)? {
        Removal::Removed => println!("{name}: removed"),
        Removal::Restored => println!("{name}: removed; the hook from before is back"),
        Removal::Absent => {}
        Removal::Replaced => {
            println!(
                "{name}: another tool wrote its own hook over keysweep's; nothing is changed. The hook from\n\
                 before keysweep is {}: delete it or move it back.",
                shim::before(file).display()
            );
            return Ok(2);
        }
    }
    Ok(0)
}

/// The program that hooks call: this one.
pub(super) fn program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|source| Error::Io { path: "keysweep".into(), source })
}

/// Puts our hook at `file`.
///
/// # Errors
/// When a file cannot be written, or when an earlier hook would have to be thrown away.
pub(super) fn put(file: &Path, text: &str) -> Result<Outcome> {
    if shim::is_ours(&legacy(file)) {
        return Ok(Outcome::Behind);
    }
    if shim::is_ours(file) {
        if fs::read(file).is_ok_and(|there| there == text.as_bytes()) && is_executable(file) {
            return Ok(Outcome::Already);
        }
        write(file, text)?;
        return Ok(Outcome::Renewed);
    }
    if !exists(file) {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
        }
        write(file, text)?;
        return Ok(Outcome::Installed);
    }
    let before = shim::before(file);
    if exists(&before) {
        return Err(Error::Usage(format!(
            "{} was written after keysweep's hook, and {} is the hook from before:\n\
             delete or merge one of them, then install again",
            file.display(),
            before.display()
        )));
    }
    rename(file, &before)?;
    if let Err(error) = write(file, text) {
        rename(&before, file)?;
        return Err(error);
    }
    Ok(Outcome::Chained)
}

/// Takes our hook away from `file` and brings back what was there.
///
/// # Errors
/// When a file cannot be removed or renamed.
pub(super) fn take(file: &Path) -> Result<Removal> {
    let before = shim::before(file);
    let Some(ours) = [file.to_owned(), legacy(file)].into_iter().find(|file| shim::is_ours(file)) else {
        return Ok(if exists(&before) { Removal::Replaced } else { Removal::Absent });
    };
    if exists(&before) {
        rename(&before, &ours)?;
        return Ok(Removal::Restored);
    }
    fs::remove_file(&ours).map_err(|source| Error::Io { path: ours, source })?;
    Ok(Removal::Removed)
}

/// Where the pre-commit framework puts the hook it found (and goes on calling it).
fn legacy(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".legacy");
    file.with_file_name(name)
}

/// Whether anything is there, a broken link included.
fn exists(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok()
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|source| Error::Io { path: from.into(), source })
}

/// Writes an executable file in one step: git never sees half a hook.
fn write(file: &Path, text: &str) -> Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".keysweep-new");
    let new = file.with_file_name(name);
    let written = fs::write(&new, text).and_then(|()| make_executable(&new)).and_then(|()| fs::rename(&new, file));
    written.map_err(|source| {
        // What is half written helps nobody; why it failed is told already.
        let _ = fs::remove_file(&new);
        Error::Io { path: file.into(), source }
    })
}

#[cfg(unix)]
fn make_executable(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|known| known.permissions().mode() & 0o111 != 0)
}

/// git for Windows runs a hook because of its first line.
#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}
