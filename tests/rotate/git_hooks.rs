//! Run from a hook, git's variables name another repository than the one that a destination or a leak lies in.

use std::path::Path;
use std::process::Command;

use crate::saas::{ADMIN, assert_turned, sendgrid};
use crate::simulator::Simulator;
use crate::work::{Run, Work};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let run = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git runs");
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).trim().to_owned()
}

/// The program with the variables of a hook in `other`.
fn in_hook(work: &Work, other: &Path, arguments: &[&str]) -> Run {
    let mut command = work.command(arguments);
    command.args(["--policy", "policy.toml"]);
    command.env("GIT_DIR", other.join(".git")).env("GIT_WORK_TREE", other);
    command.env("GIT_INDEX_FILE", other.join(".git/index")).env("GIT_PREFIX", "deploy/");
    Run::new(&command.output().expect("keysweep runs"))
}

#[test]
fn a_tracked_file_is_refused_whatever_repository_the_variables_name() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let other = tempfile::tempdir().expect("a folder");
    git(other.path(), &["init", "--quiet"]);
    let (work, old) = sendgrid(simulator.port, &simulator, 70, "admin = { env = \"ADMIN\" }");
    git(work.path(), &["init", "--quiet"]);
    git(work.path(), &["add", "-f", "deploy/app.env"]);
    let plan = in_hook(&work, other.path(), &["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("is tracked by git"), "{plan:?}");
    git(work.path(), &["rm", "--quiet", "--cached", "deploy/app.env"]);
    let plan = in_hook(&work, other.path(), &["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert_eq!(plan.status, Some(1), "{plan:?}");
    // Tracked since the plan was made: looked at again before anything is changed.
    git(work.path(), &["add", "-f", "deploy/app.env"]);
    let run = in_hook(&work, other.path(), &["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stderr.contains("is tracked by git"), "{run:?}");
    assert!(simulator.with(|state| state.living()).contains(&old), "nothing was touched");
    std::fs::remove_dir_all(work.path().join("home/.local/state/keysweep/rotate/runs")).expect("removed");
    git(work.path(), &["rm", "--quiet", "--cached", "deploy/app.env"]);
    work.plan(&[]);
    let run = in_hook(&work, other.path(), &["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&simulator, &work, &old);
}

#[test]
fn a_work_tree_whose_repository_lies_elsewhere_is_known_by_the_variables() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let (work, _) = sendgrid(simulator.port, &simulator, 71, "admin = { env = \"ADMIN\" }");
    let bare = tempfile::tempdir().expect("a folder");
    git(bare.path(), &["init", "--quiet", "--bare", "store.git"]);
    let (store, tree) = (bare.path().join("store.git"), work.path());
    let named = ["--git-dir", store.to_str().expect("text"), "--work-tree", tree.to_str().expect("text")];
    git(work.path(), &[&named[..], &["add", "-f", "deploy/app.env"]].concat());
    let mut command = work.command(&["rotate", "plan", "leak.txt", "--policy", "policy.toml"]);
    command.env("GIT_DIR", &store).env("GIT_WORK_TREE", tree);
    let plan = Run::new(&command.output().expect("keysweep runs"));
    assert!(plan.status == Some(2) && plan.stdout.contains("is tracked by git"), "{plan:?}");
}

#[test]
fn a_secret_of_history_is_read_again_from_the_repository_of_its_report() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let other = tempfile::tempdir().expect("a folder");
    git(other.path(), &["init", "--quiet"]);
    git(other.path(), &["commit", "--quiet", "--allow-empty", "-m", "empty"]);
    let (work, old) = sendgrid(simulator.port, &simulator, 72, "admin = { env = \"ADMIN\" }");
    git(work.path(), &["init", "--quiet"]);
    git(work.path(), &["add", "leak.txt"]);
    git(work.path(), &["commit", "--quiet", "-m", "leak"]);
    git(work.path(), &["rm", "--quiet", "leak.txt"]);
    git(work.path(), &["commit", "--quiet", "-m", "gone"]);
    let key = ["--policy", "policy.toml"];
    let scan = ["scan", "--history", ".", "--format", "json", "--output", "report.json"];
    let scan = Run::new(&work.command(&[&scan[..], &key].concat()).output().expect("keysweep runs"));
    assert_eq!(scan.status, Some(1), "{scan:?}");
    let plan = in_hook(&work, other.path(), &["rotate", "plan", "--from", "report.json", "--output", "plan.json"]);
    assert_eq!(plan.status, Some(1), "{plan:?}");
    // A real hook of the other repository.
    let hook = other.path().join(".git/hooks/pre-commit");
    let program = env!("CARGO_BIN_EXE_keysweep");
    let apply = format!("cd '{}' && exec '{program}' rotate apply plan.json --yes --policy policy.toml", tree(&work));
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("made");
    std::fs::write(&hook, format!("#!/bin/sh\nenv | grep -q ^GIT_INDEX_FILE= || exit 9\n{apply}\n")).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).expect("executable");
    let mut commit = Command::new("git");
    commit.args(["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--allow-empty", "-m", "x"]);
    commit.current_dir(other.path()).env("HOME", work.path().join("home")).env("ADMIN", ADMIN);
    commit.env_remove("XDG_CONFIG_HOME").env_remove("XDG_STATE_HOME").env("GIT_CONFIG_GLOBAL", "/dev/null");
    let run = Run::new(&commit.output().expect("git runs"));
    assert_eq!(run.status, Some(0), "{run:?}");
    std::fs::remove_dir_all(work.path().join(".git")).expect("removed");
    assert_turned(&simulator, &work, &old);
}

fn tree(work: &Work) -> String {
    work.path().display().to_string()
}
