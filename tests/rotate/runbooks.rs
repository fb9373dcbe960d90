//! The runbooks in docs/runbooks: every command is run as it is printed, and ends as it says.

use std::path::Path;
use std::process::{Command, Stdio};

use keysweep::rotate::escrow::age::Identity;

use crate::redis::leaked;
use crate::servers::{Server, redis};
use crate::work::Work;

const KEY: &str = "a key of the organisation, for tests"; // keysweep:allow made up

/// An audit's folder: a mirror whose history has a live secret, a policy that knows how to turn it, a state.
struct Audit {
    work: Work,
    old: String,
    _server: Server,
}

impl Audit {
    fn new(seed: u64) -> Self {
        let server = redis();
        let (mut work, old) = leaked(&server, "app", seed);
        work.environment.push(("KEYSWEEP_FINGERPRINT_KEY".into(), KEY.into()));
        let policy = work.read("policy.toml");
        work.write("policy.toml", &format!("{policy}\n[[alerts.logs]]\nname = \"log\"\nfile = \"alerts.jsonl\"\n"));
        let leak = work.read("leak.txt");
        work.write("origin/leak.txt", &leak);
        let audit = Self { work, old, _server: server };
        audit.git(&["-C", "origin", "init", "--quiet"]);
        audit.git(&["-C", "origin", "add", "-A"]);
        audit.git(&["-C", "origin", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "leak"]);
        audit.git(&["clone", "--quiet", "--mirror", "origin", "mirrors/app"]);
        audit
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.current_dir(self.work.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").args(arguments);
        assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("git runs").success());
    }

    fn audit(&self) -> i32 {
        let run = self.work.keysweep(&["audit", "mirrors", "--state", "state"]);
        assert!(run.status.is_some(), "{run:?}");
        run.status.unwrap_or(-1)
    }

    /// Runs block number `at` (from 0) of a runbook, line by line.
    fn run(&self, runbook: &str, at: usize) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks").join(runbook);
        let text = std::fs::read_to_string(path).expect("a runbook");
        let blocks: Vec<&str> = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let mut script = String::new();
        for line in blocks[at].lines().map(str::trim).filter(|line| !line.is_empty()) {
            let said = line.rsplit_once("   # ").and_then(|(_, comment)| comment.split(':').next()?.parse::<u8>().ok());
            let expected = said.unwrap_or(0);
            script += &format!(
                "{line}\nstatus=$?\n[ $status -eq {expected} ] || {{ echo \"status $status:\" >&2; exit 9; }}\n"
            );
        }
        let bin = Path::new(env!("CARGO_BIN_EXE_keysweep")).parent().expect("a folder");
        let mut paths = vec![bin.to_owned()];
        paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        // As the program is run elsewhere in these tests.
        let plain = self.work.command(&[]);
        let mut command = Command::new("sh");
        command.current_dir(self.work.path()).args(["-c", &script]);
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("PATH", std::env::join_paths(paths).expect("paths")).env("ORIGIN", self.work.path().join("origin"));
        let output = command.output().expect("sh runs");
        let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
        assert!(output.status.success(), "{runbook}, block {at}: {said}\n{script}");
        assert!(!said.contains(&self.old), "{runbook}, block {at}: {said}");
    }

    fn standing(&self) -> String {
        let run = self.work.command(&["audit", "state", "export", "--state", "state", "--to", "export"]).output();
        assert!(run.expect("runs").status.success());
        let text = self.work.read("export");
        let secret = text.lines().find(|line| line.starts_with("{\"record\":\"secret\"")).expect("a secret");
        let secret: serde_json::Value = serde_json::from_str(secret).expect("json");
        secret["secret"]["standing"].as_str().expect("a standing").to_owned()
    }
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_leak_was_found() {
    let audit = Audit::new(41);
    audit.run("leak-found.md", 0);
    audit.run("leak-found.md", 1);
    assert_eq!(audit.standing(), "accepted");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_live_leak_was_found() {
    let audit = Audit::new(42);
    assert_eq!(audit.audit(), 1);
    audit.run("live-leak-found.md", 0);
    assert!(audit.work.read("alerts.jsonl").contains("\"kind\":\"live\""), "{}", audit.work.read("alerts.jsonl"));
    audit.run("live-leak-found.md", 1);
    assert_eq!(audit.standing(), "open", "only evidence closes it");
    audit.run("live-leak-found.md", 2);
    assert_eq!(audit.standing(), "proven");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn an_audit_did_not_finish() {
    let audit = Audit::new(43);
    assert_eq!(audit.audit(), 1);
    audit.work.write("mirrors/app/HEAD", "nonsense");
    for at in 0..3 {
        audit.run("audit-did-not-finish.md", at);
    }
    assert_eq!(audit.standing(), "open");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn the_state_is_lost() {
    let mut audit = Audit::new(44);
    let identity = Identity::generate().expect("random bytes");
    std::fs::write(audit.work.path().join("identity.txt"), identity.line().as_bytes()).expect("written");
    audit.work.environment.push(("RECIPIENT".into(), identity.recipient().to_string()));
    audit.run("leak-found.md", 0);
    audit.run("leak-found.md", 1);
    audit.run("state-lost.md", 3);
    let state = audit.work.path().join("state");
    let mut bytes = std::fs::read(&state).expect("a state");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&state, bytes).expect("written");
    audit.run("state-lost.md", 0);
    for file in ["state", "state.sum", "state.previous", "state.previous.sum", "state.damaged"] {
        let _ = std::fs::remove_file(audit.work.path().join(file));
    }
    audit.run("state-lost.md", 1);
    assert_eq!(audit.standing(), "accepted", "the backup knows the decision");
    audit.run("state-lost.md", 2);
}
