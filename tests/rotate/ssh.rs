//! SSH keys on a real OpenSSH server.

use std::process::Command;

use crate::crash::{Does, matrix, random, steps};
use crate::servers::{Account, key_pair, openssh};
use crate::work::{Work, made_up};

/// Logs in with the key in this file, as people do.
fn lets_in(account: &Account, work: &Work, key: &str) -> bool {
    let run = Command::new("ssh")
        .args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"])
        .args(["-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=known_hosts", "-i", key])
        .args(["-p", &account.server.port.to_string(), "-l", &account.name, "127.0.0.1", "true"])
        .current_dir(work.path())
        .output()
        .expect("ssh runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() || said.contains("Permission denied (publickey)"), "{said}");
    run.status.success()
}

/// The body of a private key: what must not be on disk.
fn body(text: &str) -> String {
    text.lines().nth(2).expect("a key has lines").trim().to_owned()
}

/// A leaked key of the account and an admin's, with `more` in the target.
fn leaked(account: &Account, kind: &str, before: &str, more: &str) -> (Work, String) {
    let mut work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["ssh:web:*"]
[[rotation.targets]]
kind = "ssh"
name = "web"
environment = "test"
hosts = ["127.0.0.1:{}"]
user = "{}"
known-hosts = "known_hosts"
private-address = true
{more}
[[rotation.destinations]]
name = "runner"
owners = ["ssh:web:*"]
keys = {{ key = "{{value}}" }}
at.file = {{ path = "deploy/id", form = "whole" }}
"#,
        account.server.port, account.name
    ));
    work.write("known_hosts", &account.known_host());
    key_pair(&work.path().join("leak.txt"), kind);
    key_pair(&work.path().join("admin"), "ed25519");
    let admin = work.read("admin");
    std::fs::remove_file(work.path().join("admin")).expect("gone");
    work.environment.push(("SSH_ADMIN".into(), admin));
    let old = work.read("leak.txt");
    work.write("deploy/id", &old);
    std::fs::set_permissions(work.path().join("deploy/id"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("set");
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMade0up0made0up0made0up0made0up0made0up0mad colleague";
    account.write_keys(&format!("# keys\n{other}\n{before}{}{}", work.read("leak.txt.pub"), work.read("admin.pub")));
    (work, old)
}

const ADMIN: &str = "admin-key = { env = \"SSH_ADMIN\" }";

fn assert_turned(account: &Account, work: &Work, old: &str) {
    let new = work.read("deploy/id");
    assert!(new.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") && new != old);
    assert!(lets_in(account, work, "deploy/id") && !lets_in(account, work, "leak.txt"), "law 8");
    let keys = account.keys();
    assert_eq!(keys.lines().filter(|line| line.contains("ssh-")).count(), 3, "law 8: one line each: {keys}");
    assert!(keys.starts_with("# keys\nssh-ed25519 AAAA") && keys.contains(" colleague\n"), "{keys}");
    work.assert_not_on_disk(&[&body(old)], &["leak.txt"]);
    work.assert_not_on_disk(&[&body(&new)], &["deploy/id"]);
    let left: Vec<_> = std::fs::read_dir(account.path("home/.ssh")).expect("readable").collect();
    assert_eq!(left.len(), 1, "nothing is left beside the file");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_leaked_key_is_turned_and_its_options_and_comment_stay() {
    let account = openssh("deploy");
    let options = "no-pty,environment=\"A=it's 5 $ \\\"here\\\"\",no-agent-forwarding ";
    let (work, old) = leaked(&account, "ed25519", options, ADMIN);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("two-phase") && plan.stdout.contains("authorized_keys"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&account, &work, &old);
    let keys = account.keys();
    let line = keys.lines().find(|line| line.contains("no-pty")).expect("its options stay");
    assert!(line.starts_with(&format!("{options}ssh-ed25519 ")) && line.ends_with(" made up"), "{line}");
    assert_eq!(work.evidence()["body"]["state"], "proven");
    run.assert_silent(&[&body(&old)]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_forced_command_is_never_run_by_a_proof() {
    let account = openssh("deploy");
    let (work, old) = leaked(&account, "ed25519", "command=\"touch ran\" ", ADMIN);
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(!account.path("home/ran").exists(), "both keys were proven, and neither ran it");
    assert_turned(&account, &work, &old);
    assert!(account.path("home/ran").exists(), "the new key has the command of the old one");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_9_a_key_without_an_admin_turns_itself_and_old_kinds_are_replaced() {
    let account = openssh("deploy");
    let (work, old) = leaked(&account, "rsa", "", "");
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&account, &work, &old);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_file_on_this_machine_is_edited_here() {
    let account = openssh("deploy");
    let file = account.path("home/.ssh/authorized_keys");
    let (work, old) =
        leaked(&account, "ed25519", "", &format!("local = true\nauthorized-keys = \"{}\"", file.display()));
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&account, &work, &old);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_6_dead_is_what_every_server_of_the_target_refuses() {
    let (account, other) = (openssh("deploy"), openssh("deploy"));
    let (work, old) = leaked(&account, "ed25519", "", ADMIN);
    let policy =
        work.read("policy.toml").replace("hosts = [", &format!("hosts = [\"127.0.0.1:{}\", ", other.server.port));
    work.write("policy.toml", &policy);
    work.write("known_hosts", &(account.known_host() + &other.known_host()));
    other.write_keys(&work.read("admin.pub"));
    let run = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(run.stdout.contains("give the servers without it another target"), "{run:?}");
    other.write_keys(&account.keys());
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&account, &work, &old);
    assert_turned(&other, &work, &old);
    // One of two is not reached: nothing is known of the key.
    other.write_keys("");
    work.write("leak.txt", &work.read("deploy/id"));
    drop(other);
    let run = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(!run.stdout.contains("dead") && run.stdout.contains("REFUSED"), "{run:?}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn rollback_takes_the_new_line_away() {
    let account = openssh("deploy");
    let (work, _) = leaked(&account, "ed25519", "", ADMIN);
    let before = account.keys();
    work.plan(&[]);
    work.killed_at("after-act:verify-at-0", &["rotate", "apply", "plan.json", "--yes"]);
    assert_ne!(account.keys(), before);
    let run = work.keysweep(&["rotate", "rollback", &work.run_name()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(account.keys(), before);
    assert!(lets_in(&account, &work, "deploy/id"), "the old key is back");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_11_a_server_with_another_host_key_is_not_talked_to() {
    let account = openssh("deploy");
    let (work, _) = leaked(&account, "ed25519", "", ADMIN);
    let before = account.keys();
    key_pair(&work.path().join("another"), "ed25519");
    let another = format!("[127.0.0.1]:{} {}", account.server.port, work.read("another.pub"));
    work.write("known_hosts", &another);
    let run = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(run.stdout.contains("Host key verification failed"), "law 6: that is no proof of death: {run:?}");
    assert_eq!(account.keys(), before);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_1_keys_that_cannot_be_told_dead_or_belong_elsewhere_are_refused() {
    let account = openssh("deploy");
    let refused = |work: &Work, why: &str| {
        let run = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
        assert!(run.stdout.contains(why), "{why}: {run:?}");
    };
    let (work, _) = leaked(&account, "ed25519", "from=\"10.9.8.7\" ", ADMIN);
    refused(&work, "is not let in from here (options: from)");
    // What opens nothing here may be the key of anything.
    account.write_keys(&work.read("admin.pub"));
    refused(&work, "not proven to be the leaked value");
    let verify = work.keysweep(&["verify", "leak.txt"]);
    assert!(verify.status == Some(2) && verify.stdout.starts_with("unknown"), "{verify:?}");
    let (work, _) = leaked(&account, "ed25519", "", ADMIN);
    let encrypted = made_up("{pem-openssh:encrypted}", 1);
    work.write("leak.txt", &encrypted);
    refused(&work, "passphrase");
    // Others than its owner could put another file in its place.
    if crate::servers::am_root() {
        let (work, _) = leaked(&account, "ed25519", "", ADMIN);
        std::os::unix::fs::chown(account.path("home/.ssh"), Some(1), None).expect("owned");
        refused(&work, "does not own it");
    }
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_key_that_died_between_plan_and_apply_is_proven_dead() {
    let account = openssh("deploy");
    let (work, old) = leaked(&account, "ed25519", "", ADMIN);
    work.plan(&[]);
    account.write_keys(&work.read("admin.pub"));
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stdout.contains("dead already") || run.stderr.contains("dead already"), "{run:?}");
    assert_eq!(account.keys(), work.read("admin.pub"), "nothing is changed");
    assert_eq!(work.read("deploy/id"), old);
}

/// Killed at one place of every step, and gone on with. Logins take their time: a test for each place uses all cores.
fn crash_matrix(place: &str) {
    let account = openssh("deploy");
    let points: Vec<String> = steps(true, Does::Delete).iter().map(|step| format!("{place}:{step}")).collect();
    matrix(&points, |_| leaked(&account, "ed25519", "", ADMIN), |_, _, work, old| assert_turned(&account, work, &old));
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix_before_the_intent() {
    crash_matrix("before-intent");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix_after_the_intent() {
    crash_matrix("after-intent");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix_after_the_act() {
    crash_matrix("after-act");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix_after_the_outcome() {
    crash_matrix("after-outcome");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_kills_at_random_moments() {
    let account = openssh("deploy");
    random(|_| leaked(&account, "ed25519", "", ADMIN), |_, work, old| assert_turned(&account, work, &old));
}
