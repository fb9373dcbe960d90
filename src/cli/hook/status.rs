//! `keysweep hook status`: which hooks are installed, where, and what runs before them.

use std::fs;
use std::path::Path;

use anstream::println;

use super::place::{Place, SetBy};
use super::shim;
use super::stage::Stage;
use crate::error::Result;

/// Prints it; 1 when no hook of ours is there.
pub(super) fn run() -> Result<u8> {
    let place = Place::here()?;
    println!(
        "Hooks in {}{}",
        place.shown(),
        match place.set_by {
            SetBy::Default => "",
            SetBy::Repository => " (core.hooksPath of this repository)",
            SetBy::User => " (core.hooksPath, for all repositories)",
        }
    );
    let mut installed = false;
    for stage in Stage::ALL {
        let file = place.file(stage);
        let (ours, words) = describe(&file);
        installed |= ours;
        if ours || Stage::USUAL.contains(&stage) {
            println!("  {:<17} {words}", stage.name());
        }
    }
    Ok(u8::from(!installed))
}

/// Whether keysweep runs there, and what is there, in words.
fn describe(file: &Path) -> (bool, &'static str) {
    let Ok(text) = fs::read(file) else { return (false, "not installed") };
    let text = String::from_utf8_lossy(&text);
    if shim::is_ours(file) {
        return match (text.contains(" hook run --stage "), shim::before(file).exists()) {
            (true, true) => (true, "installed; the hook that was there runs first"),
            (true, false) => (true, "installed"),
            (false, _) => (false, "not installed; the repository's own hook runs"),
        };
    }
    if text.contains("keysweep") {
        return (true, "another hook that calls keysweep (`keysweep hook doctor` tests it)");
    }
    if text.contains("pre-commit.com") || text.contains("pre_commit") {
        return (false, "the pre-commit framework (is keysweep in .pre-commit-config.yaml?)");
    }
    (false, "another hook, which does not call keysweep")
}
