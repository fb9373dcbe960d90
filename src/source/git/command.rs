//! The `git` program, for the little libgit2 cannot read (reftable refs, split and sparse indexes). The repository is
//! not trusted: hooks, file system monitors, ssh commands, transports and lazy fetching are off.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs git on the repository at `git_dir`; its standard output.
///
/// # Errors
/// A sentence: git is not there, or what git said.
pub(super) fn git(git_dir: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("git")
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.sshCommand=false"])
        .args(["-c", "protocol.allow=never", "-c", "core.pager=cat"])
        .arg("--git-dir")
        .arg(git_dir)
        .args(arguments)
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("the `git` program is needed here and does not start: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.trim().trim_start_matches("fatal: ").lines().next().unwrap_or("git failed").to_owned())
}
