//! An audit when the machine fails it: a full disk, a repository that is rewritten meanwhile, a clock that goes back.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::audit::{Fleet, KEY, env, essence};
use crate::support::Run;

/// Audits with files that cannot grow beyond `blocks` of 512 bytes: what a full disk is to whoever writes.
fn audit_within(fleet: &Fleet, blocks: u64) -> Run {
    let script = format!("trap '' XFSZ; ulimit -f {blocks} 2>/dev/null || exit 77; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_keysweep"), "audit", "repositories", "--state", "state"]);
    command.args(["--report", "json=report.json"]).current_dir(fleet.path()).env("KEYSWEEP_FINGERPRINT_KEY", KEY);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("NO_COLOR", "1");
    Run::new(command.output().expect("runs"))
}

#[test]
fn a_full_disk_ends_a_run_and_loses_nothing() {
    let fleet = Fleet::new();
    for number in 0..3 {
        let name = format!("r{number}");
        fleet.repository(&name);
        fleet.commit(&name, "a.env", &env(number));
    }
    let (_, whole) = fleet.audit_with("whole", &[]);
    let size = std::fs::metadata(fleet.path().join("whole")).expect("a state").len() / 512;
    let mut failed = 0;
    // From "nothing fits" to "all of it does", first without a state, then with one that has to grow.
    for blocks in [0, 1, 8, size / 2, size - 1, size, size + 64, 4 * size] {
        let run = audit_within(&fleet, blocks);
        assert!((0..=2).contains(&run.status), "{blocks} blocks: {} {}", run.status, run.stderr);
        assert!(!run.stderr.contains("panicked"), "{blocks} blocks: {}", run.stderr);
        failed += u32::from(run.status == 2);
        if fleet.path().join("state").exists() {
            let check = fleet.state("check");
            let restored = check.status == 0 || fleet.state("restore").status == 0;
            assert!(restored, "{blocks} blocks: {}{}", run.stderr, check.stderr);
        }
        fleet.commit("r0", "more.txt", &format!("{blocks}\n").repeat(2000));
    }
    assert!(failed >= 3, "the limit was felt: {failed}");
    let (status, document) = fleet.audit(&[]);
    assert!(status < 2, "{document:#}");
    assert_eq!(essence(&document), essence(&whole), "with room again all is there");
    assert_eq!(fleet.state("check").status, 0);
}

#[test]
fn a_repository_that_is_rewritten_meanwhile_is_covered_or_named() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                // A force push and a collection at the worst moment.
                fleet.folder.write("repositories/one/b.env", format!("{round}\n{}", env(round % 5 + 10)));
                fleet.git("one", &["add", "-A"]);
                fleet.git("one", &["commit", "-q", "--amend", "--allow-empty", "-m", &format!("round {round}")]);
                fleet.git("one", &["reflog", "expire", "--expire=now", "--all"]);
                fleet.git("one", &["gc", "--quiet", "--prune=now"]);
            }
        });
        for round in 0..8 {
            let run = fleet.run(&[]);
            let fine = (0..=2).contains(&run.status) && !run.stderr.contains("panicked");
            stop.fetch_or(!fine, Ordering::Relaxed);
            assert!(fine, "round {round}: {} {}", run.status, run.stderr);
            if run.status == 2 {
                let named = run.stdout.contains("not covered: ") || run.stderr.contains("repositories/one");
                stop.fetch_or(!named, Ordering::Relaxed);
                assert!(named, "round {round}: {}{}", run.stdout, run.stderr);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (status, document) = fleet.audit(&[]);
    assert!(status < 2, "quiet again, it is covered: {document:#}");
    let ids = |document: &Value| -> BTreeSet<String> {
        fleet.secrets(document).iter().map(|secret| secret["secret_id"].to_string()).collect()
    };
    // What a whole audit finds now is known; and what was seen once stays known.
    let (_, whole) = fleet.audit_with("whole", &[]);
    assert!(ids(&document).is_superset(&ids(&whole)), "{document:#}");
    let head = |document: &Value| -> Vec<String> {
        essence(document).into_iter().filter(|line| line.ends_with("true")).collect()
    };
    assert_eq!(head(&document), head(&whole));
    assert_eq!(fleet.state("check").status, 0);
}

#[test]
fn a_clock_that_goes_back_makes_nothing_earlier_than_what_was() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.audit(&[]);
    let state = |arguments: &[&str]| {
        let run = fleet.folder.keysweep(&[&["audit", "state"], arguments].concat());
        assert_eq!(run.status, 0, "{}", run.stderr);
    };
    state(&["export", "--state", "state", "--to", "export"]);
    // The same state as a machine wrote it whose clock was ahead by centuries.
    let text = std::fs::read_to_string(fleet.path().join("export")).expect("text");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut end: Value = serde_json::from_str(&lines.pop().expect("an end")).expect("json");
    for line in lines.iter_mut().filter(|line| line.starts_with("{\"record\":\"run\"")) {
        let mut record: Value = serde_json::from_str(line).expect("json");
        record["run"]["began"] = "2999-01-01T00:00:00Z".into();
        record["run"]["ended"] = "2999-01-01T00:10:00Z".into();
        *line = record.to_string();
    }
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let sum: String = Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    end["sha256"] = sum.into();
    fleet.folder.write("export", format!("{body}{end}\n"));
    state(&["import", "--state", "ahead", "--from", "export"]);
    fleet.commit("one", "b.env", &env(2));
    let (status, document) = fleet.audit_with("ahead", &[]);
    assert_eq!(status, 1, "{document:#}");
    assert!(document["notices"].to_string().contains("set the clock"), "{document:#}");
    for date in [&document["run"]["began"], &document["run"]["ended"]] {
        assert_eq!(*date, "2999-01-01T00:10:00Z");
    }
    let (status, document) = fleet.audit_with("ahead", &[]);
    assert_eq!((status, &document["run"]["found"]), (0, &0.into()), "what was told is no news");
}
