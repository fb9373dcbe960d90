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

/// How a file system of our own can be mounted here, if at all: as root of a namespace, or as root.
fn unshare() -> Option<Vec<&'static str>> {
    let ways = [vec!["unshare", "-rm"], vec!["unshare", "-m"]];
    ways.into_iter().find(|way| {
        let mut probe = Command::new(way[0]);
        probe.args(&way[1..]).args(["mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]);
        probe.output().is_ok_and(|output| output.status.success())
    })
}

/// What stands in `kept` is put on a disk of `size` KiB, `audit` with these arguments runs there, and all of it comes back.
fn on_disk(fleet: &Fleet, way: &[&str], size: u64, arguments: &[&str]) -> Run {
    let script = "mkdir -p disk kept && mount -t tmpfs -o \"size=$1k\" none disk || exit 77
        cp -pr kept/. disk/ 2>/dev/null
        shift; \"$@\"
        status=$?
        rm -rf kept && mkdir kept && cp -pr disk/. kept/ 2>/dev/null
        exit $status";
    let mut command = Command::new(way[0]);
    command.args(&way[1..]).args([
        "sh",
        "-c",
        script,
        "sh",
        &size.to_string(),
        env!("CARGO_BIN_EXE_keysweep"),
        "audit",
    ]);
    command.args(arguments).current_dir(fleet.path()).env("KEYSWEEP_FINGERPRINT_KEY", KEY);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("NO_COLOR", "1");
    Run::new(command.output().expect("runs"))
}

fn audit_on_disk(fleet: &Fleet, way: &[&str], size: u64) -> Run {
    on_disk(fleet, way, size, &["repositories", "--state", "disk/state", "--report", "json=report.json"])
}

#[cfg(feature = "rotate")]
#[test]
fn logs_reports_and_backups_without_room_are_told_and_no_half_of_one_stays() {
    let Some(way) = unshare() else { return };
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    // Other than zeros, so that nothing makes it small.
    let many: String = (0..4000).map(|number| format!("{number:x}{:x}\n", number * 7919)).collect();
    fleet.commit("one", "b.txt", &many);
    fleet.audit(&[]);
    let full = |arguments: &[&str], room: u64| {
        std::fs::remove_dir_all(fleet.path().join("kept")).unwrap_or_default();
        std::fs::create_dir_all(fleet.path().join("kept")).expect("made");
        fleet.folder.write("kept/filler", vec![b'x'; 40 << 10]);
        fleet.folder.write("kept/events", "{\"time\":\"2026-01-01T00:00:00Z\"}\n");
        let run = on_disk(&fleet, &way, 48 + room, arguments);
        assert!(!run.stderr.contains("panicked"), "{arguments:?}: {}", run.stderr);
        let mut there: Vec<String> = std::fs::read_dir(fleet.path().join("kept"))
            .expect("listed")
            .map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned())
            .collect();
        there.sort();
        (run, there)
    };
    let named = |run: &Run, file: &str| {
        let told = run.stderr.contains(file) && run.stderr.contains("free some room");
        assert!(run.status == 2 && told, "{file}: {} {}", run.status, run.stderr);
    };
    // A log: whole lines, the audit goes on, and it is told that events are missing.
    let personal = ["--log-format", "json", "--log-file", "disk/events", "--log-personal"];
    let log = [&["repositories", "--state", "state", "--jobs", "1"], &personal[..]].concat();
    for number in 0..30 {
        fleet.repository(&format!("{number}/{}", "long-name".repeat(20)));
    }
    let (run, _) = full(&log, 0);
    named(&run, "disk/events: events are missing");
    assert!(run.stdout.contains("open"), "the report is there: {}", run.stdout);
    let events = std::fs::read_to_string(fleet.path().join("kept/events")).expect("read");
    let whole = events.lines().all(|line| serde_json::from_str::<Value>(line).is_ok());
    assert!(events.ends_with('\n') && whole && events.lines().count() > 1, "{events}");
    // Reports, exports and backups: the whole or nothing.
    let report = ["repositories", "--state", "state", "--report", "html=disk/report.html"];
    let recipient = keysweep::rotate::escrow::age::Identity::generate().expect("made").recipient().to_string();
    let backup = ["state", "backup", "--state", "state", "--to", "disk/backup", "--recipient", &recipient];
    let export = ["state", "export", "--state", "state", "--to", "disk/export"];
    for (arguments, file) in [(&report[..], "disk/report.html"), (&backup, "disk/backup"), (&export, "disk/export")] {
        let (run, there) = full(arguments, 0);
        named(&run, file);
        assert_eq!(there, ["events", "filler"], "{arguments:?}");
    }
    // A state that is made of an export or a backup: the whole or nothing, too.
    assert_eq!(fleet.folder.keysweep(&["audit", "state", "export", "--state", "state", "--to", "text"]).status, 0);
    let (run, there) = full(&["state", "import", "--state", "disk/new", "--from", "text"], 0);
    named(&run, "disk/new");
    assert!(!there.contains(&"new".to_owned()), "{there:?}");
    assert_eq!(fleet.state("check").status, 0);
}

#[test]
fn a_mirror_without_room_is_named_and_what_was_fetched_of_it_goes() {
    let Some(way) = unshare() else { return };
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let address = format!("file://{}", fleet.path().join("repositories/one").display());
    let arguments = [address.as_str(), "--state", "state", "--mirrors", "disk/mirrors", "--format", "json"];
    let audit = |room: u64| {
        let run = on_disk(&fleet, &way, room, &arguments);
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        (run.status, document)
    };
    let (status, document) = audit(8);
    assert_eq!((status, fleet.secrets(&document).len()), (2, 0), "{document:#}");
    assert!(document["notices"].to_string().contains("cannot be fetched"), "{document:#}");
    let (status, document) = audit(4096);
    assert_eq!((status, fleet.secrets(&document).len()), (1, 1), "{document:#}");
    // It grows by more than there is room for; what was there is still looked at.
    let mut dice = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (dice >> 24) as u8
    })
    .take(1 << 20)
    .collect();
    fleet.folder.write("repositories/one/noise", noise);
    fleet.commit("one", "b.env", &env(2));
    let (status, document) = audit(700);
    assert!(status == 2 && !fleet.secrets(&document).is_empty(), "{document:#}");
    let left = Command::new("find").args(["kept", "-name", "tmp_*"]).current_dir(fleet.path()).output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "half of a pack fills the disk");
    let (status, document) = audit(8192);
    // What of the fetch that failed was whole was looked at before.
    assert!(status < 2 && fleet.secrets(&document).len() == 2, "{document:#}");
}

#[test]
fn a_disk_without_room_is_named_with_the_file_and_the_last_generation_stays() {
    let Some(way) = unshare() else {
        eprintln!("no file system can be mounted here: only limits on files are tested");
        return;
    };
    let fleet = Fleet::new();
    for number in 0..3 {
        let name = format!("r{number}");
        fleet.repository(&name);
        fleet.commit(&name, "a.env", &env(number));
    }
    let (_, whole) = fleet.audit_with("whole", &[]);
    let size = std::fs::metadata(fleet.path().join("whole")).expect("a state").len() / 1024;
    let kept = |arguments: &[&str]| fleet.folder.keysweep(&[&["audit", "state"], arguments].concat());
    let (mut told, mut later, mut had_state) = (0, 0, false);
    // From no room at all to enough; the state and the generation that is kept need room, and what a run adds.
    for room in [4, 64, size / 2, size, size + 8, 2 * size, 2 * size + 64, 16 * size] {
        let run = audit_on_disk(&fleet, &way, room);
        assert!(!run.stderr.contains("panicked"), "{room} KiB: {}", run.stderr);
        assert!((0..=2).contains(&run.status), "{room} KiB: {} {}", run.status, run.stderr);
        if run.status == 2 {
            let named = run.stderr.contains("disk/state") && run.stderr.contains("free some room");
            assert!(named && !run.stderr.contains("damaged"), "{room} KiB: {}", run.stderr);
            told += 1;
            later += u32::from(had_state);
        }
        if fleet.path().join("kept/state").exists() {
            let check = kept(&["check", "--state", "kept/state"]);
            let restored = check.status == 0 || kept(&["restore", "--state", "kept/state"]).status == 0;
            assert!(restored, "{room} KiB: {}{}", run.stderr, check.stderr);
            had_state = true;
        }
        assert!(!had_state || fleet.path().join("kept/state").exists(), "{room} KiB: the state stays");
        // It grows by more than there is room for.
        fleet.commit("r0", "more.txt", &format!("{room}\n").repeat(2000));
        for number in 0..100 {
            fleet.folder.write(&format!("repositories/r0/{room}/{number}"), format!("{room} {number}\n"));
        }
        fleet.commit("r0", "many.txt", "many\n");
    }
    assert!(told >= 3, "the disk was full: {told} {later}");
    let (status, document) = fleet.audit_with("kept/state", &[]);
    assert!(status < 2, "{document:#}");
    assert_eq!(essence(&document), essence(&whole), "with room again all is there");
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
