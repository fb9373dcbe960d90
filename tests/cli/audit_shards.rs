//! Shards of an audit on several machines: `audit merge`, and a state that is carried over as text.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::audit::{Fleet, KEY, env, essence};
use crate::support::{Run, github_token, keysweep};

/// A fleet of six repositories; two secrets are in more than one.
fn fleet() -> Fleet {
    let fleet = Fleet::new();
    for number in 0..6 {
        let name = format!("r{number}");
        fleet.repository(&name);
        fleet.commit(&name, "a.env", &env(number));
        fleet.commit(&name, "b.env", &env(100 + number % 2));
    }
    fleet
}

fn audit_shards(fleet: &Fleet, more: &[&str]) {
    for part in 1..=3 {
        let shard = format!("{part}/3");
        let run = Run::new(
            fleet.command(&format!("part{part}"), &[&["--shard", &shard], more].concat()).output().expect("runs"),
        );
        assert!(run.status < 2, "{}", run.stderr);
    }
}

fn merge(fleet: &Fleet, parts: &[&str], more: &[&str]) -> (i32, Value) {
    let arguments = [&["audit", "merge"], parts, &["--state", "merged", "--format", "json"], more].concat();
    let run = fleet.folder.keysweep(&arguments);
    let document = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    (run.status, document)
}

const ALL: [&str; 3] = ["part1", "part2", "part3"];

#[test]
fn merged_shards_say_what_one_audit_says() {
    let fleet = fleet();
    audit_shards(&fleet, &[]);
    let (_, whole) = fleet.audit_with("whole", &[]);
    let (status, merged) = merge(&fleet, &ALL, &[]);
    assert_eq!(status, 1, "{merged:#}");
    assert_eq!(essence(&merged), essence(&whole));
    for figure in ["open_by_severity", "open_by_age", "coverage"] {
        assert_eq!(merged["figures"][figure], whole["figures"][figure], "{figure}");
    }
    assert_eq!(merged["run"]["found"], whole["run"]["found"]);
    assert_eq!(merged["run"]["new_objects"], whole["run"]["new_objects"]);
    let (status, merged) = merge(&fleet, &ALL, &[]);
    assert_eq!((status, &merged["run"]["found"], &merged["run"]["number"]), (0, &0.into(), &2.into()));
    fleet.commit("r3", "c.env", &env(300));
    fleet.git("r0", &["rm", "-q", "a.env"]);
    fleet.git("r0", &["commit", "-q", "-m", "remove"]);
    audit_shards(&fleet, &[]);
    let (_, whole) = fleet.audit_with("whole", &[]);
    let (status, merged) = merge(&fleet, &ALL, &[]);
    assert_eq!((status, &merged["run"]["found"]), (1, &1.into()));
    assert_eq!(essence(&merged), essence(&whole));
    // It is a state like any other: one machine goes on with all of it.
    let (status, document) = fleet.audit_with("merged", &[]);
    assert_eq!((status, &document["run"]["new_objects"]), (0, &0.into()), "{document:#}");
    assert_eq!(essence(&document), essence(&whole));
}

#[test]
fn a_shard_that_is_missing_or_did_not_end_is_a_gap_and_loses_nothing() {
    let fleet = fleet();
    audit_shards(&fleet, &[]);
    let (_, all) = merge(&fleet, &ALL, &[]);
    let (status, document) = merge(&fleet, &ALL[..2], &[]);
    assert_eq!(status, 2);
    let notices = document["notices"].to_string();
    assert!(notices.contains("shard 3/3 is not among"), "{notices}");
    assert_eq!(essence(&document), essence(&all), "what the missing shard said before still stands");
    // A run that cannot write its report does not end.
    let mut command = fleet.command("part1", &["--shard", "1/3", "--output", "gone/report"]);
    assert_eq!(Run::new(command.output().expect("runs")).status, 2);
    let run = fleet.folder.keysweep(&["audit", "state", "check", "--state", "part1"]);
    assert_eq!(run.status, 0, "refused before anything was touched");
    assert_eq!(merge(&fleet, &ALL, &[]).0, 0);
    // Renamed in its shard: all shards are there, so what none of them knows is the old name.
    fleet.git("r2", &["gc", "--quiet"]);
    fleet.audit_with("one", &[]);
    std::fs::rename(fleet.path().join("repositories/r2"), fleet.path().join("repositories/renamed")).expect("moved");
    fleet.audit_with("one", &["--shard", "1/1"]);
    let (_, document) = merge(&fleet, &["one"], &[]);
    let names: Vec<&str> =
        document["repositories"].as_array().expect("list").iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names.len() == 6 && names.iter().any(|name| name.ends_with("renamed")), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with("r2")), "{names:?}");
    assert_eq!(fleet.folder.keysweep(&["audit", "state", "check", "--state", "merged"]).status, 0);
}

#[test]
fn a_secret_is_accepted_when_all_its_shards_accept_it() {
    // The hash of their paths puts the three repositories of a secret into one shard every ninth time.
    assert!((0..20).any(|_| accepted_shard_by_shard(&fleet())), "the hash of names spreads them");
}

/// Whether the secret was in more than one shard, so that something was tested.
fn accepted_shard_by_shard(fleet: &Fleet) -> bool {
    audit_shards(fleet, &[]);
    let (_, document) = merge(fleet, &ALL, &[]);
    let secrets = fleet.secrets(&document);
    let shared = secrets.iter().find(|secret| secret["places"].as_array().is_some_and(|it| it.len() == 3));
    let shared = shared.expect("a secret of three repositories")["secret_id"].as_str().expect("an id").to_owned();
    fleet.folder.write("ignore", format!("{shared} expires=2999-01-01 owner=ops reason=\"rotated by hand\"\n"));
    let standing = |document: &Value| {
        let all = fleet.secrets(document);
        all.iter().find(|secret| secret["secret_id"] == *shared).expect("kept")["standing"].clone()
    };
    let accept = |part: &str| {
        let ignore = ["--shard", &format!("{part}/3"), "--ignore-file", "ignore"];
        assert!(fleet.audit_with(&format!("part{part}"), &ignore).0 < 2);
    };
    let has = |part: &str| {
        let export = fleet.path().join(format!("{part}.jsonl"));
        let export = export.to_str().expect("a path");
        let _ = fleet.folder.keysweep(&["audit", "state", "export", "--state", &format!("part{part}"), "--to", export]);
        std::fs::read_to_string(export).expect("written").contains(&shared)
    };
    let with: Vec<&str> = ["1", "2", "3"].into_iter().filter(|part| has(part)).collect();
    if with.len() < 2 {
        return false;
    }
    accept(with[0]);
    assert_eq!(standing(&merge(fleet, &ALL, &[]).1), "open", "one shard does not decide for the others");
    with[1..].iter().for_each(|part| accept(part));
    let (_, document) = merge(fleet, &ALL, &[]);
    assert_eq!((standing(&document), &document["run"]["closed"]), ("accepted".into(), &1.into()));
    audit_shards(fleet, &[]);
    let (status, document) = merge(fleet, &ALL, &[]);
    assert_eq!((status, standing(&document), &document["run"]["reopened"]), (1, "open".into(), &1.into()));
    true
}

#[test]
fn another_machine_goes_on_from_an_export() {
    let fleet = fleet();
    let token = github_token(1);
    fleet.audit(&[]);
    fleet.commit("r1", &format!("{token}.txt"), &format!("{token}\n"));
    let (_, document) = fleet.audit(&[]);
    let state = |arguments: &[&str]| fleet.folder.keysweep(&[&["audit", "state"], arguments].concat());
    let run = state(&["export", "--state", "state", "--to", "export.jsonl"]);
    assert!(run.status == 0 && run.stdout.contains("6 repositories"), "{}{}", run.stdout, run.stderr);
    let path = fleet.path().join("export.jsonl");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).expect("text");
    assert!(!text.contains(&token));
    let run = state(&["import", "--state", "elsewhere", "--from", "export.jsonl"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(state(&["check", "--state", "elsewhere"]).status, 0);
    // The same state comes out again, and the next run goes on where the first machine was.
    let run = state(&["export", "--state", "elsewhere", "--to", "again.jsonl"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(fleet.path().join("again.jsonl")).expect("text"), text);
    let (status, next) = fleet.audit_with("elsewhere", &[]);
    assert_eq!((status, &next["run"]["new_objects"], &next["run"]["number"]), (0, &0.into(), &3.into()));
    assert_eq!(essence(&next), essence(&document));
    // Nothing is overwritten, and damage makes no state.
    let run = state(&["import", "--state", "state", "--from", "export.jsonl"]);
    assert!(run.status == 2 && run.stderr.contains("already"), "{}", run.stderr);
    fleet.folder.write("damaged.jsonl", text.replacen("r1", "r2", 1));
    let run = state(&["import", "--state", "new", "--from", "damaged.jsonl"]);
    assert!(run.status == 2 && run.stderr.contains("damaged"), "{}", run.stderr);
    assert!(!fleet.path().join("new").exists());
    // Shards may be given as exports.
    let run = fleet.folder.keysweep(&["audit", "merge", "export.jsonl", "--state", "merged", "--format", "json"]);
    let merged: Value = serde_json::from_str(&run.stdout).expect("json");
    assert_eq!(essence(&merged), essence(&document));
}

#[test]
fn events_of_a_merge_name_repositories_by_the_hashes_that_the_audits_use() {
    let fleet = fleet();
    let log = ["--log-format", "json", "--log-file", "log.jsonl"];
    audit_shards(&fleet, &log);
    let events = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    };
    let found = |events: &[Value]| -> BTreeSet<String> {
        let found = events.iter().filter(|event| event["event"] == "secret-found");
        found
            .flat_map(|event| event["repositories"].as_array().expect("a list").clone())
            .map(|it| it.to_string())
            .collect()
    };
    let theirs = found(&events(&std::fs::read_to_string(fleet.path().join("log.jsonl")).expect("read")));
    assert_eq!(theirs.len(), 6);
    let merge = |key: Option<&str>, state: &str| {
        let mut command = keysweep(fleet.path());
        command.env("XDG_CONFIG_HOME", fleet.path().join("config")).env_remove("KEYSWEEP_FINGERPRINT_KEY");
        command.args(["audit", "merge"]).args(ALL).args(["--state", state, "--log-format", "json"]);
        if let Some(key) = key {
            command.env("KEYSWEEP_FINGERPRINT_KEY", key);
        }
        let run = Run::new(command.output().expect("runs"));
        assert_eq!(run.status, 1, "{}", run.stderr);
        assert!(!run.stderr.contains("repositories/r"), "{}", run.stderr);
        events(&run.stderr)
    };
    assert_eq!(found(&merge(Some(KEY), "with")), theirs);
    // Without the key, or with another one, it merges all the same and says what events lack.
    for (key, state) in [(None, "without"), (Some("another key, long enough"), "another")] {
        let events = merge(key, state);
        assert!(events.iter().any(|event| event["event"] == "no-key"), "{events:?}");
        assert_eq!(found(&events), BTreeSet::from(["null".to_owned()]));
    }
    assert!(!fleet.path().join("config").exists(), "none is made");
    let run = fleet.folder.keysweep(&["audit", "merge", "part1", "with", "--state", "with"]);
    assert!(run.status == 2 && run.stderr.contains("the merged state itself"), "{}", run.stderr);
}
