//! Fault points: where a test kills the process. Compiled out of release builds.

/// Dies as by `kill -9` when the test asked for it here: `KEYSWEEP_TEST_KILL=after-act:issue`.
#[cfg(debug_assertions)]
pub(super) fn point(place: &str, step: &str) {
    let asked = std::env::var("KEYSWEEP_TEST_KILL").unwrap_or_default();
    if asked == format!("{place}:{step}") {
        let _ = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}

#[cfg(not(debug_assertions))]
pub(super) fn point(_: &str, _: &str) {}
