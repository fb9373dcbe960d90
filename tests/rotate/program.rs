//! What holds for every kind: plans, approvals, reports, locks, the disk, the policy. Redis stands for all of them.

use std::process::Stdio;

use crate::redis::{assert_turned, leaked, lets_in};
use crate::servers::redis;
use crate::work::Run;

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_report_is_read_again_and_stops_where_the_secret_differs() {
    let server = redis();
    let (work, old) = leaked(&server, "app", 1);
    let scan = work.keysweep(&["scan", "leak.txt", "--format", "json", "--output", "report.json"]);
    assert_eq!(scan.status, Some(1), "{scan:?}");
    let text = work.read("leak.txt");
    work.write("leak.txt", &text.replace(&old, "kV9xw2LqPm4ZtR7b"));
    let plan = ["rotate", "plan", "--from", "report.json", "--output", "plan.json"];
    let run = work.keysweep(&plan);
    assert!(run.status == Some(2) && run.stderr.contains("does not stand there any more"), "{run:?}");
    work.write("leak.txt", &text);
    assert_eq!(work.keysweep(&plan).status, Some(1));
    // Between plan and apply it changes too.
    work.write("leak.txt", &text.replace(&old, "kV9xw2LqPm4ZtR7b"));
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stderr.contains("cannot be read again"), "{run:?}");
    assert!(lets_in(&server, "app", &old), "nothing was touched");
    work.write("leak.txt", &text);
    assert_eq!(work.keysweep(&["rotate", "apply", "plan.json", "--yes"]).status, Some(0));
    assert_turned(&server, &work, "app", &old);
    work.assert_not_on_disk(&[&old], &["leak.txt"]);
}

#[cfg(feature = "git")]
#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_secret_of_a_repositorys_history_is_read_again_from_its_object() {
    let server = redis();
    let (work, old) = leaked(&server, "app", 2);
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.current_dir(work.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
        ]);
        assert!(command.args(arguments).stdout(Stdio::null()).status().expect("git runs").success());
    };
    git(&["init", "--quiet"]);
    git(&["add", "leak.txt"]);
    git(&["commit", "--quiet", "-m", "leak"]);
    git(&["rm", "--quiet", "leak.txt"]);
    git(&["commit", "--quiet", "-m", "mend"]);
    let scan = work.keysweep(&["scan", "--history", "--format", "json", "--output", "report.json"]);
    assert_eq!(scan.status, Some(1), "{scan:?}");
    let plan = work.keysweep(&["rotate", "plan", "--from", "report.json", "--output", "plan.json"]);
    assert_eq!(plan.status, Some(1), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&server, &work, "app", &old);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_plan_that_was_changed_or_whose_policy_was_is_refused() {
    let server = redis();
    let (work, old) = leaked(&server, "app", 3);
    work.plan(&[]);
    let (plan, policy) = (work.read("plan.json"), work.read("policy.toml"));
    work.write("plan.json", &plan.replace("deploy/settings.yaml", "deploy/other.yaml"));
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stderr.contains("digest"), "{run:?}");
    work.write("plan.json", &plan);
    work.write("policy.toml", &format!("{policy}\n# changed\n"));
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stderr.contains("the policy is not the one"), "{run:?}");
    work.write("policy.toml", &policy);
    let run = work.keysweep(&["rotate", "apply", "plan.json"]);
    assert!(run.status == Some(2) && run.stderr.contains("--yes"), "nobody is there to ask: {run:?}");
    assert!(lets_in(&server, "app", &old), "nothing was touched");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn approvals_are_asked_for_and_the_planners_own_does_not_count() {
    let server = redis();
    let (work, old) = leaked(&server, "app", 4);
    work.write("draft.json", "{}");
    // The approver's key is made first, so that the policy can name it.
    let policy = work.read("policy.toml");
    work.plan(&[]);
    let made = Run::new(
        &work.command(&["rotate", "approve", "plan.json", "--key", "keys/approver.pk8"]).output().expect("it runs"),
    );
    let approver = made.stdout.trim().rsplit(' ').next().expect("a key").to_owned();
    let own = Run::new(&work.command(&["rotate", "approve", "plan.json"]).output().expect("it runs"));
    assert!(own.stdout.contains("does not count"), "{own:?}");
    let planner = work.read("plan.json").split("\"planner\": \"").nth(1).expect("a planner")[..64].to_owned();
    let asks = format!("[rotation.environments.test]\napprovals = 1\napprovers = [\"{approver}\", \"{planner}\"]");
    work.write("policy.toml", &policy.replace("[rotation.environments.test]", &asks));
    work.plan(&[]);
    let apply = ["rotate", "apply", "plan.json", "--yes"];
    let run = work.keysweep(&apply);
    assert!(run.status == Some(2) && run.stderr.contains("asks for 1 approvals"), "{run:?}");
    let _ = work.command(&["rotate", "approve", "plan.json"]).output();
    assert_eq!(work.keysweep(&apply).status, Some(2), "the planner's own does not count");
    let _ = work.command(&["rotate", "approve", "plan.json", "--key", "keys/stranger.pk8"]).output();
    assert_eq!(work.keysweep(&apply).status, Some(2), "a stranger's does not count");
    assert!(lets_in(&server, "app", &old), "nothing was touched");
    let _ = work.command(&["rotate", "approve", "plan.json", "--key", "keys/approver.pk8"]).output();
    let run = work.keysweep(&apply);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&server, &work, "app", &old);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_two_runs_at_once_are_one() {
    let server = redis();
    let (work, old) = leaked(&server, "app", 5);
    work.plan(&[]);
    let start = || {
        let mut command = work.command(&["rotate", "apply", "plan.json", "--yes", "--policy", "policy.toml"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
    };
    let both = [start(), start()].map(|child| Run::new(&child.wait_with_output().expect("it ends")));
    // One is turned away by the lock, or finds the work done.
    assert!(both.iter().any(|run| run.status == Some(0)), "{both:?}");
    assert_turned(&server, &work, "app", &old);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_2_a_changed_journal_is_not_gone_on_with() {
    let server = redis();
    let (work, old) = leaked(&server, "app", 6);
    work.plan(&[]);
    work.killed_at("after-outcome:escrow-new", &["rotate", "apply", "plan.json", "--yes"]);
    let name = work.run_name();
    let path = format!("home/.local/state/keysweep/rotate/runs/{name}/journal.jsonl");
    let text = work.read(&path);
    work.write(&path, &text.replacen("escrow-old", "escrow-new", 1));
    let run = work.keysweep(&["rotate", "resume", &name]);
    assert!(run.status == Some(2) && run.stderr.contains("the journal was changed"), "{run:?}");
    assert_eq!(work.keysweep(&["rotate", "status"]).status, Some(2));
    assert!(lets_in(&server, "app", &old));
    work.write(&path, &text);
    assert_eq!(work.keysweep(&["rotate", "resume", &name]).status, Some(0));
    assert_turned(&server, &work, "app", &old);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn what_is_too_old_is_planned_for() {
    let server = redis();
    let (mut work, old) = leaked(&server, "app", 7);
    work.environment.push(("APP_PASSWORD".into(), old.clone()));
    let aging = |days: u32| {
        format!(
            "\n[[rotation.credentials]]\nname = \"cache password\"\nrule = \"connection-string-redis\"\ntarget = \"cache\"\n\
             value = {{ env = \"APP_PASSWORD\" }}\nparts = {{ user = \"app\" }}\nmade = \"2020-01-01\"\nmax-age-days = {days}\n"
        )
    };
    let policy = work.read("policy.toml");
    work.write("policy.toml", &format!("{policy}{}", aging(100_000)));
    let young = work.keysweep(&["rotate", "due"]);
    assert!(young.status == Some(0) && young.stdout.contains("Nothing to turn"), "{young:?}");
    work.write("policy.toml", &format!("{policy}{}", aging(90)));
    let due = work.keysweep(&["rotate", "due", "--output", "plan.json"]);
    assert!(due.status == Some(1) && due.stdout.contains("redis:cache:app (live)"), "{due:?}");
    due.assert_silent(&[&old]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_3_an_escrow_that_does_not_open_stops_the_run_before_anything_is_touched() {
    let server = redis();
    let (work, old) = leaked(&server, "app", 8);
    let policy = work.read("policy.toml");
    let broken = "[rotation.escrow]\nseal = [\"cat\"]\nopen = [\"false\"]\n[rotation.environments.test]";
    work.write("policy.toml", &policy.replace("[rotation.environments.test]", broken));
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stdout.contains("refused:preflight"), "{run:?}");
    assert!(lets_in(&server, "app", &old));
}

#[test]
fn law_11_a_scanned_repositorys_own_policy_is_not_read() {
    let work = crate::work::Work::new("[rotation]\n");
    work.write("keysweep.toml", "[rotation]\nsoak-seconds = 1\n");
    let run = work.command(&["rotate", "plan", "."]).output().expect("it runs");
    let run = Run::new(&run);
    assert!(run.status == Some(2) && run.stderr.contains("there is no policy"), "{run:?}");
    let run = Run::new(&work.command(&["scan", "."]).output().expect("it runs"));
    assert!(run.status == Some(2) && run.stderr.contains("[rotation] is not read from a repository"), "{run:?}");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_2_a_full_disk_stops_the_run_before_anything_is_touched() {
    let server = redis();
    for (seed, blocks) in [1u64, 5, 6, 7, 8, 10, 12].into_iter().enumerate() {
        let user = format!("app{seed}");
        let (work, old) = leaked(&server, &user, 9 + seed as u64);
        work.plan(&[]);
        // No file may grow beyond a few kilobytes: what a full disk looks like to a writer, without root.
        let script = "ulimit -f \"$1\"; trap '' XFSZ; exec \"$0\" rotate apply plan.json --yes --policy policy.toml";
        let template = work.command(&[]);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_keysweep"), &blocks.to_string()]).current_dir(work.path());
        command.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let run = Run::new(&command.output().expect("sh runs"));
        assert_ne!(run.status, Some(0), "the disk is full: {run:?}");
        // What was done is in the journal; with room again it goes on, or begins.
        let names = work.keysweep(&["rotate", "status"]);
        let again = match names.stdout.split("  ").next().filter(|name| name.starts_with("20")) {
            Some(name) => work.keysweep(&["rotate", "resume", name]),
            None => work.keysweep(&["rotate", "apply", "plan.json", "--yes"]),
        };
        assert_eq!(again.status, Some(0), "{blocks} blocks: {run:?} {again:?}");
        assert_turned(&server, &work, &user, &old);
    }
}

/// A disk of its own that is full: mounted where runs are kept, in a namespace of the test's.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_2_a_disk_without_room_stops_the_run_and_room_lets_it_go_on() {
    let server = redis();
    let script = r#"
        state=home/.local/state; program=$0; room=$1
        mkdir -p "$state" && mount -t tmpfs -o size=256k tmpfs "$state" || exit 90
        head -c $((256 * 1024 - room * 4096)) /dev/zero >"$state/ballast" || exit 91
        "$program" rotate apply plan.json --yes --policy policy.toml; first=$?
        rm "$state/ballast"
        name=$("$program" rotate status --policy policy.toml | sed -n 's/^\(20[^ ]*\).*/\1/p' | head -n 1)
        if [ -n "$name" ]; then "$program" rotate resume "$name" --policy policy.toml
        else "$program" rotate apply plan.json --yes --policy policy.toml; fi || exit 92
        cp -a "$state" kept || exit 93
        exit "$first"
    "#;
    let mut stopped = 0;
    for (seed, room) in [0u32, 1, 2, 3, 4, 5, 6, 8, 40].into_iter().enumerate() {
        let user = format!("app{}", 60 + seed);
        let (work, old) = leaked(&server, &user, 40 + seed as u64);
        work.plan(&[]);
        let template = work.command(&[]);
        let mut command = std::process::Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_keysweep")]);
        command.arg(room.to_string()).current_dir(work.path());
        command.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let run = Run::new(&command.output().expect("unshare runs"));
        // 90 and more are the script's own: no namespace, or it did not go on.
        assert!(run.status.is_some_and(|status| status < 90), "{room} pages: {run:?}");
        if run.status != Some(0) {
            assert!(run.stderr.contains("No space left on device"), "{room} pages: {run:?}");
            stopped += 1;
        }
        run.assert_silent(&[&old]);
        std::fs::create_dir_all(work.path().join("home/.local")).expect("made");
        let _ = std::fs::remove_dir(work.path().join("home/.local/state"));
        std::fs::rename(work.path().join("kept"), work.path().join("home/.local/state")).expect("moved");
        assert_turned(&server, &work, &user, &old);
    }
    assert!((1..9).contains(&stopped), "with no room it stops, with room it does not: {stopped}");
}
