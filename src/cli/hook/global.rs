//! Hooks for every repository of a user, through git's own `core.hooksPath`.
//!
//! A user who has such a folder already gets our hooks in it, chained. Otherwise we make one and name it to git. Such a
//! folder hides the hooks of each repository, so it holds a shim for every hook of git's that runs the repository's
//! own.

use std::fs;
use std::path::{Path, PathBuf};

use anstream::println;

use super::install::{Outcome, program, put, tell_removal};
use super::place::git;
use super::shim::{self, Chain};
use super::stage::Stage;
use crate::error::{Error, Result};

/// git's other hooks. Left out are `push-to-checkout` and `proc-receive`, whose mere presence changes what git does,
/// and `fsmonitor-watchman`, which git knows by another setting.
const OTHERS: [&str; 18] = [
    "applypatch-msg",
    "commit-msg",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-rebase",
    "prepare-commit-msg",
    "reference-transaction",
    "sendemail-validate",
    "update",
    "p4-pre-submit",
];

/// In our folder: what it is for.
const README: &str = "Hooks for all repositories, made by `keysweep hook install --global`.\n\
    Each runs the repository's own hook first. `keysweep hook uninstall --global` removes them.\n";
/// The file that says that a folder is ours.
const README_NAME: &str = "README-keysweep.txt";

/// Whether `folder` is one we made.
pub(super) fn is_ours(folder: &Path) -> bool {
    folder.join(README_NAME).is_file()
}

/// `keysweep hook install --global`.
pub(super) fn install(stages: &[Stage]) -> Result<u8> {
    let program = program()?;
    let set = configured();
    let folder = match &set {
        Some(folder) => folder.clone(),
        None => own_folder()?,
    };
    let own = set.is_none() || is_ours(&folder);
    if own {
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join(README_NAME), README))
            .map_err(|source| Error::Io { path: folder.clone(), source })?;
    }
    let chain = if own { Chain::Repository } else { Chain::Before };
    for &stage in stages {
        let outcome = put(&folder.join(stage.name()), &shim::scanning(stage, Some(&program), chain))?;
        println!("{}: {} ({})", stage.name(), outcome.words(), folder.display());
    }
    if own {
        let unasked = Stage::ALL.iter().map(|stage| stage.name()).filter(|name| !shim::is_ours(&folder.join(name)));
        for name in OTHERS.into_iter().chain(unasked) {
            put(&folder.join(name), &shim::passing(name))?;
        }
    }
    if set.is_none() {
        // Last, so that git never looks into a folder that is not complete.
        let value = folder.to_string_lossy().into_owned();
        git(Path::new("."), &["config", "--global", "core.hooksPath", &value])?;
        println!("git takes the hooks of all your repositories from there now (core.hooksPath).");
    }
    println!("A repository with a core.hooksPath of its own (husky sets one) needs `keysweep hook install` there.");
    Ok(0)
}

/// `keysweep hook uninstall --global`.
pub(super) fn uninstall(stages: &[Stage]) -> Result<u8> {
    let Some(folder) = configured() else {
        println!("There are no hooks for all repositories (core.hooksPath is not set).");
        return Ok(0);
    };
    if !is_ours(&folder) {
        let mut status = 0;
        for &stage in stages {
            status = status.max(tell_removal(&folder.join(stage.name()), stage.name())?);
        }
        return Ok(status);
    }
    for &stage in stages {
        let file = folder.join(stage.name());
        if shim::is_ours(&file) && put(&file, &shim::passing(stage.name()))? == Outcome::Renewed {
            println!("{}: removed", stage.name());
        }
    }
    let scans = |stage: &Stage| {
        fs::read_to_string(folder.join(stage.name())).is_ok_and(|text| text.contains(" hook run --stage "))
    };
    if Stage::ALL.iter().any(scans) {
        return Ok(0);
    }
    // First git, then the files: it never looks into a folder that is half gone.
    git(Path::new("."), &["config", "--global", "--unset", "core.hooksPath"])?;
    for name in OTHERS.into_iter().chain(Stage::ALL.iter().map(|stage| stage.name())) {
        let file = folder.join(name);
        if shim::is_ours(&file) {
            fs::remove_file(&file).map_err(|source| Error::Io { path: file, source })?;
        }
    }
    let readme = folder.join(README_NAME);
    fs::remove_file(&readme).map_err(|source| Error::Io { path: readme, source })?;
    // Somebody else's files keep the folder alive.
    let _ = fs::remove_dir(&folder);
    println!("git takes hooks from each repository again.");
    Ok(0)
}

/// The user's `core.hooksPath`.
fn configured() -> Option<PathBuf> {
    let value = git(Path::new("."), &["config", "--global", "--type=path", "--get", "core.hooksPath"]).ok()?;
    (!value.is_empty()).then(|| PathBuf::from(value))
}

/// The folder we make when the user has none.
fn own_folder() -> Result<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("XDG_CONFIG_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".config")))
        .or_else(|| folder("APPDATA"))
        .map(|config| config.join("keysweep").join("hooks"))
        .ok_or_else(|| Error::Usage("neither HOME nor XDG_CONFIG_HOME is set: where should the hooks go?".to_owned()))
}
