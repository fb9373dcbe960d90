//! The drill is the program's own rehearsal: against its stand-in, or on a canary of the operator's.

use crate::redis;
use crate::servers;
use crate::work::{Run, Work};

fn report(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// The lines that drills leave for the audit trail.
fn trail(work: &Work) -> Vec<serde_json::Value> {
    let text = work.read("home/.local/state/keysweep/rotate/drills.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_law_holds_in_the_drill_and_nothing_is_left() {
    let work = Work::new("");
    let run = work.command(&["rotate", "drill", "--stand-in", "--format", "json"]).output().expect("it runs");
    let run = Run::new(&run);
    assert_eq!(run.status, Some(0), "{run:?}");
    let report = report(&run);
    assert_eq!(report["held"], true);
    let scenarios = report["scenarios"].as_array().expect("a list");
    assert!(scenarios.len() >= 25, "{}", scenarios.len());
    let ends = |word: &str| scenarios.iter().filter(|scenario| scenario["end"] == word).count();
    assert_eq!((ends("rolled-back"), ends("proven")), (1, scenarios.len() - 1));
    let left = work.path().join("home/.local/state/keysweep/drill");
    assert_eq!(std::fs::read_dir(left).expect("readable").count(), 0);
    let trail = trail(&work);
    assert_eq!((trail.len(), trail[0]["held"].as_bool(), trail[0]["scenarios"].as_u64()), (1, Some(true), Some(25)));
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_canary_is_turned_once_for_each_fault_and_every_law_holds() {
    let server = servers::redis();
    let (work, password) = redis::leaked(&server, "app", 1);
    let credential = r#"
[[rotation.credentials]]
name = "canary"
rule = "connection-string-redis"
target = "cache"
value = { command = ["sed", "-n", "s/^  password: \"\\(.*\\)\"$/\\1/p", "deploy/settings.yaml"] }
parts = { user = "app" }
made = "2026-01-01"
max-age-days = 30
canary = true
"#;
    work.write("policy.toml", &(work.read("policy.toml") + credential));
    let run = work.keysweep(&["rotate", "drill", "--canary", "canary", "--format", "json"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let report = report(&run);
    assert_eq!(report["held"], true, "{report:#}");
    let scenarios = report["scenarios"].as_array().expect("a list");
    assert!(scenarios.len() >= 10, "{report:#}");
    assert!(scenarios.iter().all(|s| s["provider"] == "cache" && s["end"] == "proven"), "{report:#}");
    assert!(scenarios.iter().all(|s| s["time_to_dead_ms"].as_u64().is_some()), "{report:#}");
    let new = work.read("deploy/settings.yaml").split('"').nth(1).expect("a password").to_owned();
    run.assert_silent(&[&password, &new]);
    redis::assert_turned(&server, &work, "app", &password);
    assert_eq!((trail(&work)[0]["provider"].as_str(), trail(&work)[0]["held"].as_bool()), (Some("cache"), Some(true)));
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn what_is_no_canary_is_not_drilled() {
    let server = servers::redis();
    let (work, password) = redis::leaked(&server, "app", 1);
    let credential = "[[rotation.credentials]]\nname = \"app\"\nrule = \"connection-string-redis\"\ntarget = \"cache\"\n\
                      value = { file = \"value\" }\nparts = { user = \"app\" }\nmade = \"2026-01-01\"\nmax-age-days = 30\n";
    work.write("value", &password);
    work.write("policy.toml", &(work.read("policy.toml") + credential));
    let run = work.keysweep(&["rotate", "drill", "--canary", "app"]);
    assert!(run.status == Some(2) && run.stderr.contains("canary = true"), "{run:?}");
    let run = work.keysweep(&["rotate", "drill", "--canary", "other"]);
    assert!(run.status == Some(2) && run.stderr.contains("no credential `other`"), "{run:?}");
    assert!(work.read("deploy/settings.yaml").contains(&password), "nothing is changed");
    // It is a canary, but no destination of the policy is where its value is read: more than one turn would go wrong.
    work.write(
        "policy.toml",
        &work.read("policy.toml").replace("max-age-days = 30", "max-age-days = 30\ncanary = true"),
    );
    let run = work.keysweep(&["rotate", "drill", "--canary", "app"]);
    assert!(run.status == Some(2) && run.stdout.contains("make it a destination"), "{run:?}");
    assert_eq!(run.stdout.matches("proven").count(), 1, "it stops: {run:?}");
}
