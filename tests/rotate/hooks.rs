//! The operator's hooks: told what becomes of a run, never a secret, and never in its way.

use std::time::{Duration, Instant};

use crate::proxy::{Proxy, answer};
use crate::redis;
use crate::saas::{ADMIN, apply, assert_turned, sendgrid};
use crate::servers;
use crate::simulator::Simulator;
use crate::work::Work;

fn events(work: &Work, file: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(work.path().join(file)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn add(work: &Work, hook: &str) {
    let policy = work.read("policy.toml");
    work.write("policy.toml", &format!("{policy}\n[[rotation.hooks]]\n{hook}\n"));
}

#[test]
fn hooks_are_told_in_order_and_hear_no_secret() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let team = Proxy::start(simulator.port, |_| answer("204 No Content", "", ""));
    let (mut work, old) = sendgrid(simulator.port, &simulator, 80, "admin = { env = \"ADMIN\" }");
    work.environment.push(("TEAM".into(), format!("http://127.0.0.1:{}/hooks/made-up-path", team.port)));
    add(&work, "name = \"all\"\ncommand = [\"sh\", \"-c\", \"cat >>all.jsonl\"]");
    let on = "on = [\"done:distribute-*\", \"ended:*\"]";
    add(&work, &format!("name = \"some\"\n{on}\ncommand = [\"sh\", \"-c\", \"cat >>some.jsonl\"]"));
    let there = "webhook = { env = \"TEAM\" }\nprivate-address = true\nplain-http = true";
    add(&work, &format!("name = \"team\"\non = [\"ended:*\"]\n{there}"));
    work.plan(&[]);
    assert_eq!(events(&work, "all.jsonl").len(), 0, "planning tells nobody");
    work.killed_at("after-outcome:distribute-0", &["rotate", "apply", "plan.json", "--yes"]);
    let run = work.keysweep(&["rotate", "resume", &work.run_name()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&simulator, &work, &old);
    let words = |file: &str| -> Vec<String> {
        let word = |event: &serde_json::Value| event["event"].as_str().expect("a word").to_owned();
        events(&work, file).iter().map(word).collect()
    };
    let all = words("all.jsonl");
    assert_eq!(
        (all.first().map(String::as_str), all.last().map(String::as_str)),
        (Some("begun"), Some("ended:proven"))
    );
    for word in ["done:issue", "done:distribute-0", "resumed", "done:delete", "done:prove-deleted"] {
        assert!(all.iter().any(|known| known == word), "{word}: {all:?}");
    }
    assert_eq!(words("some.jsonl"), ["done:distribute-0", "ended:proven"]);
    let last = events(&work, "all.jsonl").pop().expect("an event");
    assert_eq!(
        (last["owner"].as_str(), last["environment"].as_str()),
        (Some("sendgrid-key:service:account"), Some("test"))
    );
    assert_eq!(team.count("\"event\":\"ended:proven\""), 1);
    assert_eq!(team.count(&old), 0);
    // What is over is told once.
    assert_eq!(work.keysweep(&["rotate", "resume", &work.run_name()]).status, Some(0));
    assert_eq!(words("all.jsonl").len(), all.len());
}

#[test]
fn a_hook_that_fails_hangs_or_is_not_there_stops_nothing() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let (mut work, old) = sendgrid(simulator.port, &simulator, 81, "admin = { env = \"ADMIN\" }");
    work.environment.push(("INNER".into(), "http://169.254.169.254/made-up-path".into()));
    add(&work, "name = \"failing\"\non = [\"begun\"]\ncommand = [\"false\"]");
    add(&work, "name = \"missing\"\non = [\"begun\"]\ncommand = [\"no-such-program\"]");
    add(&work, "name = \"hanging\"\non = [\"done:issue\"]\ncommand = [\"sleep\", \"600\"]");
    add(&work, "name = \"inner\"\non = [\"begun\"]\nwebhook = { env = \"INNER\" }\nplain-http = true");
    work.plan(&[]);
    let began = Instant::now();
    let run = apply(&work);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(began.elapsed() < Duration::from_secs(60));
    for name in ["failing", "missing", "hanging", "inner"] {
        assert!(run.stderr.contains(&format!("hook `{name}` was not told of")), "{name}: {run:?}");
    }
    assert!(!run.stdout.contains("made-up-path") && !run.stderr.contains("made-up-path"), "addresses may be secret");
    assert_turned(&simulator, &work, &old);
}

#[test]
fn a_hook_that_tells_nobody_is_an_error() {
    let simulator = Simulator::start();
    let (work, _) = sendgrid(simulator.port, &simulator, 82, "");
    add(&work, "name = \"idle\"");
    let run = work.keysweep(&["rotate", "plan", "leak.txt"]);
    assert!(run.status == Some(2) && run.stderr.contains("hook `idle`: give `command` or `webhook`"), "{run:?}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn drills_are_not_told() {
    let server = servers::redis();
    let (work, old) = redis::leaked(&server, "app", 83);
    work.write("canary", &old);
    let policy = work
        .read("policy.toml")
        .replace("at.file.path = \"deploy/settings.yaml\"", "at.file = { path = \"canary\", form = \"whole\" }");
    let aging = "[[rotation.credentials]]\nname = \"canary\"\nrule = \"connection-string-redis\"\ntarget = \"cache\"\n\
                 value = { file = \"canary\" }\nparts = { user = \"app\" }\nmade = \"2026-01-31\"\nmax-age-days = 90\ncanary = true\n";
    work.write("policy.toml", &format!("{}\n{aging}", policy.replace("\"cache.password\"", "value")));
    add(&work, "name = \"all\"\ncommand = [\"sh\", \"-c\", \"cat >>all.jsonl\"]");
    let run = work.keysweep(&["rotate", "drill", "--canary", "canary"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(events(&work, "all.jsonl").len(), 0);
}
