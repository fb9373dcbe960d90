//! Mirrors of repositories that are named by an address: made and fetched by the installed git, with the user's own
//! credentials, proxies and ssh. What fails is tried again, then named.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::audit::ledger::path_hash;

/// Seconds to wait before each further try.
const WAITS: [u64; 2] = [1, 4];

/// Whether a target is an address: `scheme://...`, or `user@host:path` that is no path here.
pub(super) fn is_address(target: &str) -> bool {
    let scheme = target.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    let host = target.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'));
    scheme || (host && !Path::new(target).exists())
}

/// Why an address is not used; it is not shown then.
///
/// # Errors
/// A sentence.
pub(super) fn check(address: &str) -> Result<(), String> {
    let user = address.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
    if user.is_some_and(|(user, _)| user.contains(':')) {
        return Err("an address has a password in it: leave it to git's credential helpers".to_owned());
    }
    if address.starts_with('-') || address.contains("::") && !address.contains("://") {
        return Err("an address names a transport that git would run as a program".to_owned());
    }
    Ok(())
}

/// Where the mirror of an address is kept in `folder`.
pub(super) fn place(folder: &Path, address: &str) -> PathBuf {
    let last = address.trim_end_matches('/').trim_end_matches(".git").rsplit(['/', ':']).next().unwrap_or_default();
    let word: String =
        last.chars().filter(|char| char.is_ascii_alphanumeric() || "-_".contains(*char)).take(40).collect();
    folder.join(format!("{word}-{:016x}.git", path_hash(address.as_bytes())))
}

/// Makes or fetches the mirror; tries again after a while.
///
/// # Errors
/// What git said last.
pub(super) fn update(address: &str, place: &Path) -> Result<(), String> {
    let mut waits = WAITS.iter();
    loop {
        let done = once(address, place);
        match (done, waits.next()) {
            (Err(_), Some(&seconds)) => std::thread::sleep(Duration::from_secs(seconds)),
            (done, _) => return done,
        }
    }
}

fn once(address: &str, place: &Path) -> Result<(), String> {
    let shown = place.to_string_lossy();
    if place.exists() {
        let fetched =
            git(&["-C", &*shown, "fetch", "--quiet", "--prune", "--no-auto-gc", "--", address, "+refs/*:refs/*"]);
        if fetched.is_err() {
            remove_halves(&place.join("objects"));
        }
        return fetched;
    }
    // Complete before it has its name: a run that is killed leaves no half of a mirror.
    let new = place.with_extension("new");
    if new.exists() {
        std::fs::remove_dir_all(&new).map_err(|error| error.to_string())?;
    }
    let cloned = git(&["clone", "--quiet", "--mirror", "--", address, &*new.to_string_lossy()])
        .and_then(|()| std::fs::rename(&new, place).map_err(|error| error.to_string()));
    if cloned.is_err() {
        let _ = std::fs::remove_dir_all(&new);
    }
    cloned
}

/// Takes away the halves of packs and objects that a fetch which failed left in a mirror: with each one more they fill the
/// disk.
fn remove_halves(objects: &Path) {
    let list = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in list(objects).flat_map(|folder| list(&folder)) {
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"tmp_")) {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn git(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("git")
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"])
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("the `git` program does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(why(&String::from_utf8_lossy(&output.stderr)))
}

/// What git said, in a line: its reason comes first, its advice to check the address last.
fn why(said: &str) -> String {
    let is_said = |line: &&str| {
        let line = line.to_ascii_lowercase();
        !line.is_empty()
            && !["warning:", "please make sure", "and the repository exists"].iter().any(|it| line.starts_with(it))
    };
    let mut lines = said.lines().map(|line| line.trim().trim_start_matches("fatal: ")).filter(is_said);
    let Some(first) = lines.next() else { return "git failed".to_owned() };
    lines.next().map_or_else(|| first.to_owned(), |second| format!("{}; {second}", first.trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::{check, is_address, place, why};

    #[test]
    fn git_s_reason_is_told_not_its_advice() {
        let said = "Warning: a key was added\nfatal: '/x' does not appear to be a git repository\nfatal: Could not read from \
                    remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n";
        assert_eq!(why(said), "'/x' does not appear to be a git repository; Could not read from remote repository.");
        assert_eq!(why("fatal: no\n"), "no");
        assert_eq!(why("\n"), "git failed");
    }

    #[test]
    fn addresses_are_told_from_paths_and_passwords_are_refused() {
        for address in ["https://example.invalid/a/b.git", "ssh://host/x", "git@host:a/b", "file:///srv/a"] {
            assert!(is_address(address) && check(address).is_ok(), "{address}");
        }
        for path in ["a/b", "/srv/a", "C:\\a", "./x:y", "a:b"] {
            assert!(!is_address(path), "{path}");
        }
        let password = ["https://user:", "made-up", "@example.invalid/a"].concat();
        assert!(check(&password).is_err_and(|why| !why.contains("made-up")));
        assert!(check("ext::sh -c x@y:z").is_err());
        let folder = std::path::Path::new("m");
        assert_ne!(place(folder, "https://one.invalid/a.git"), place(folder, "https://two.invalid/a.git"));
        assert!(place(folder, "https://one.invalid/a.git").to_string_lossy().starts_with("m/a-"));
    }
}
