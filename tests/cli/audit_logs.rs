//! What an audit logs, and for how long it keeps what.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

#[cfg(feature = "rotate")]
use crate::audit::essence;
use crate::audit::{Fleet, env};
use crate::support::github_token;

fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["event"].as_str()).collect()
}

#[test]
fn events_name_nobody_unless_they_are_asked_to() {
    let fleet = Fleet::new();
    fleet.repository("salaries");
    fleet.commit("salaries", "alice.env", &env(1));
    let run = fleet.run(&["--log-format", "json"]);
    assert_eq!(run.status, 1);
    let told = events(&run.stderr);
    assert_eq!(names(&told), ["run-began", "repository-looked-at", "secret-found", "run-ended"]);
    for private in ["salaries", "alice", &github_token(1)] {
        assert!(!run.stderr.contains(private), "{private}: {}", run.stderr);
    }
    assert_eq!((&told[3]["status"], &told[3]["found"], &told[3]["run"]), (&1.into(), &1.into(), &1.into()));
    let repository = told[1]["repository"].as_str().expect("a hash").to_owned();
    assert!(repository.starts_with("v1:") && told[2]["repositories"] == serde_json::json!([repository]));
    assert!(told[2]["secret_id"].as_str().is_some_and(|id| id.starts_with("v1:")));
    // Into a file, run by run, with names; what could not be covered too.
    fleet.repository("broken");
    std::fs::write(fleet.path().join("repositories/broken/.git/HEAD"), "nonsense").expect("written");
    for _ in 0..2 {
        let run = fleet.run(&["--log-format", "json", "--log-file", "log.jsonl", "--log-personal"]);
        assert!(run.status == 2 && run.stderr.is_empty(), "{}", run.stderr);
    }
    let path = fleet.path().join("log.jsonl");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let told = events(&std::fs::read_to_string(path).expect("read"));
    assert_eq!(names(&told).iter().filter(|name| **name == "run-began").count(), 2);
    let known = told.iter().find(|event| event["repository"] == *repository).expect("the same hash in every run");
    assert!(known["repository_name"].as_str().is_some_and(|name| name.ends_with("salaries")), "{known}");
    let lost = told.iter().find(|event| event["event"] == "not-covered").expect("told");
    assert!(lost["repository_name"].as_str().is_some_and(|name| name.ends_with("broken")), "{lost}");
    assert_eq!(told.last().expect("events")["level"], "error");
    assert_eq!(fleet.run(&["--log-file", "log.jsonl"]).status, 2, "a file for events needs events");
}

#[cfg(feature = "rotate")]
#[test]
fn what_is_past_goes_is_reported_and_nothing_looks_new_for_it() {
    use keysweep::rotate::evidence::{Answer, Body, Evidence};
    use keysweep::rotate::keys::SigningKey;
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.commit("one", "b.env", &env(2));
    let (_, document) = fleet.audit(&[]);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let dead = text(&fleet.secrets(&document)[0]["secret_id"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let now = keysweep::clock::rfc3339(keysweep::clock::epoch_seconds(std::time::SystemTime::now()));
    let probe = Answer {
        time: now.clone(),
        step: "prove".to_owned(),
        which: "old".to_owned(),
        answer: "dead".to_owned(),
        detail: String::new(),
    };
    let (signer, _) = SigningKey::load_or_make(&fleet.path().join("signing.pk8")).expect("made");
    let evidence = |run: &str, state: &str, secret_id: &str| {
        let body = Body {
            schema: 1,
            run: run.to_owned(),
            state: state.to_owned(),
            plan: String::new(),
            key_id: text(&document["key_id"]),
            secret_id: secret_id.to_owned(),
            rule: "github-pat-classic".to_owned(),
            owner: String::new(),
            object: String::new(),
            strategy: "alternating".to_owned(),
            destinations: Default::default(),
            began: now.clone(),
            ended: now.clone(),
            probes: vec![probe.clone()],
            control: true,
            journal: String::new(),
        };
        let signature = signer.sign("evidence", &serde_json::to_vec(&body).expect("json"));
        let evidence = Evidence { body, signer: signer.public(), signature };
        fleet.folder.write(&format!("runs/{run}/evidence.json"), serde_json::to_vec(&evidence).expect("json"));
        fleet.folder.write(&format!("runs/{run}/journal.jsonl"), "{}\n");
    };
    evidence("proven", "proven", &dead);
    evidence("unfinished", "stopped", &dead);
    evidence("unknown", "proven", &format!("v1:{}", "0".repeat(32)));
    fleet.folder.write("runs/going/journal.jsonl", "{}\n");
    fleet.folder.write("log.jsonl", "{\"time\":\"2020-01-01T00:00:00Z\",\"event\":\"run-began\"}\n");
    let log = ["--log-format", "json", "--log-file", "log.jsonl", "--evidence", "runs"];
    let (_, document) = fleet.audit(&log);
    assert_eq!(document["run"]["closed"], 1, "{document:#}");
    assert!(!document["notices"].to_string().contains("retention"), "nothing goes unless it is asked for");
    for _ in 0..11 {
        fleet.audit(&[]);
    }
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let policy = "[retention]\nruns-days = 0\nplaces-days = 0\nrotations-days = 0\nlogs-days = 0\n";
    fleet.folder.write("policy.toml", policy);
    let (status, document) = fleet.audit(&[&log[..], &["--policy", "policy.toml"]].concat());
    assert_eq!(status, 0, "{document:#}");
    let notices = document["notices"].to_string();
    assert!(notices.contains("3 runs, 1 place, 1 rotation, "), "{notices}");
    assert!(!fleet.path().join("runs/proven").exists());
    for kept in ["unfinished", "unknown", "going"] {
        assert!(fleet.path().join("runs").join(kept).join("journal.jsonl").exists(), "{kept}");
    }
    let log = std::fs::read_to_string(fleet.path().join("log.jsonl")).expect("read");
    assert!(!log.contains("2020-01-01") && names(&events(&log)).contains(&"retention"), "{log}");
    assert_eq!(names(&events(&log)).last(), Some(&"run-ended"), "what came after it is there");
    assert_eq!(fleet.state("check").status, 0);
    // Everything is scanned again under other settings: what was proven dead is no news, and its place is known again.
    let (status, document) = fleet.audit(&["--min-confidence", "49"]);
    assert_eq!((status, &document["run"]["found"], &document["run"]["reopened"]), (0, &0.into(), &0.into()));
    let secrets = fleet.secrets(&document);
    let proven = secrets.iter().find(|secret| secret["secret_id"] == *dead).expect("kept");
    assert_eq!(proven["standing"], "proven", "{proven:#}");
    assert_eq!(essence(&document).len(), 2);
    fleet.folder.write("policy.toml", "[retention]\nyears = 1\n");
    let run = fleet.run(&["--policy", "policy.toml"]);
    assert!(run.status == 2 && run.stderr.contains("years"), "{}", run.stderr);
}
