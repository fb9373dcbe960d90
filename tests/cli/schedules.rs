//! The schedules in docs/schedules: real validators take them, and their commands are commands of this program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Folder;

fn schedules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schedules")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(schedules().join(name)).expect("readable")
}

fn names(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("readable").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A tool of `.venv`, with what it says when it fails.
fn passes(tool: &str, arguments: &[&str]) {
    let venv = std::env::var_os("KEYSWEEP_TEST_VENV").expect("KEYSWEEP_TEST_VENV is not set: run tests/run");
    let output =
        Command::new(Path::new(&venv).join("bin").join(tool)).args(arguments).current_dir(schedules()).output();
    let output = output.expect("the tool runs: run tests/run");
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn schedules_and_runbooks_are_in_the_documentation() {
    let text = std::fs::read_to_string(schedules().join("../audit.md")).expect("readable");
    for folder in ["schedules", "runbooks"] {
        for name in names(&format!("docs/{folder}")) {
            assert!(text.contains(&format!("({folder}/{name})")), "docs/audit.md does not name {folder}/{name}");
        }
    }
}

#[test]
fn their_commands_are_commands_of_this_program() {
    let folder = Folder::new();
    let values = [
        ("${{ matrix.shard }}", "1"),
        ("$((JOB_COMPLETION_INDEX + 1))", "1"),
        ("$JOB_COMPLETION_INDEX", "0"),
        ("$CI_NODE_INDEX", "1"),
        ("$CI_NODE_TOTAL", "4"),
    ];
    for name in names("docs/schedules") {
        let mut text = read(&name);
        values.iter().for_each(|(variable, value)| text = text.replace(variable, value));
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let commands: Vec<&str> =
            lines.filter_map(|line| line.find("keysweep audit ").map(|at| &line[at + "keysweep ".len()..])).collect();
        assert!(!commands.is_empty() || name.ends_with(".timer"), "{name}: no command was found");
        for command in commands {
            let words: Vec<&str> = command.split(" || ").next().unwrap_or_default().split_whitespace().collect();
            assert!(!words.iter().any(|word| word.contains('$')), "{name}: {words:?}");
            // Help is shown when what stands before it is understood.
            let run = folder.keysweep(&[&words[..], &["--help"]].concat());
            assert_eq!(run.status, 0, "{name}: {command}: {}", run.stderr);
            let bad = folder.keysweep(&[&words[..], &["--no-such-option", "--help"]].concat());
            assert_eq!(bad.status, 2, "an option that is not there is told");
        }
    }
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn github_and_gitlab_take_theirs() {
    passes("check-jsonschema", &["--builtin-schema", "vendor.github-workflows", "github-audit.yml"]);
    let gitlab = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", "gitlab-audit.yml"];
    passes("check-jsonschema", &gitlab);
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn kubernetes_takes_its() {
    passes("kubernetes-validate", &["--strict", "kubernetes-cronjob.yaml", "kubernetes-shards.yaml"]);
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn cron_takes_every_line() {
    let mut jobs = 0;
    let text = read("keysweep-audit.cron");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.split_once('=').is_some_and(|(name, _)| name.chars().all(|char| char.is_ascii_uppercase())) {
            continue;
        }
        let words: Vec<&str> = line.splitn(7, ' ').collect();
        assert_eq!((words.len(), words[5]), (7, "keysweep"), "five fields, a user, a command: {line}");
        assert!(!words[6].contains('%'), "cron takes it for the end of a line");
        let script = "import sys, croniter; sys.exit(not croniter.croniter.is_valid(sys.argv[1]))";
        passes("python", &["-c", script, &words[..5].join(" ")]);
        let syntax = Command::new("sh").args(["-n", "-c", words[6]]).status().expect("sh runs");
        assert!(syntax.success(), "{}", words[6]);
        jobs += 1;
    }
    assert_eq!(jobs, 1);
    let fields = |name: &str, key: &str| {
        let text = read(name);
        let line = text.lines().find(|line| line.trim_start().trim_start_matches("- ").starts_with(key)).expect(key);
        line.split('"').nth(1).expect("in quotes").to_owned()
    };
    for schedule in [fields("github-audit.yml", "cron:"), fields("kubernetes-cronjob.yaml", "schedule:")] {
        let script = "import sys, croniter; sys.exit(not croniter.croniter.is_valid(sys.argv[1]))";
        passes("python", &["-c", script, &schedule]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn systemd_takes_its_where_there_is_one() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else { return };
    assert!(version.status.success());
    let folder = Folder::new();
    let verify = |change: (&str, &str)| {
        for name in ["keysweep-audit.service", "keysweep-audit.timer"] {
            // systemd looks whether the program is there: the one that is tested stands for it.
            let text = read(name).replace("/usr/local/bin/keysweep", env!("CARGO_BIN_EXE_keysweep"));
            folder.write(name, text.replace(change.0, change.1));
        }
        let path = |name: &str| folder.path().join(name);
        let mut command = Command::new("systemd-analyze");
        command.arg("verify").arg(path("keysweep-audit.service")).arg(path("keysweep-audit.timer"));
        let output = command.output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (good, said) = verify(("", ""));
    // What it says of other units of the machine is not ours.
    assert!(good && !said.contains("keysweep-audit"), "{said}");
    assert!(!verify(("OnCalendar=", "OnCalender=")).0, "a fault is found");
}
