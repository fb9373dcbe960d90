//! `--diff`, `--since`, `--pre-push`, `--pre-receive`: what commits add, in repositories made by real git.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Folder, Run, git_command, github_token, keysweep};

/// Commits everything; its id.
fn commit(folder: &Folder, message: &str) -> String {
    folder.git(&["add", "-A"]);
    folder.git(&["commit", "-q", "--allow-empty", "-m", message]);
    folder.git(&["rev-parse", "HEAD"])
}

fn token(seed: u32) -> String {
    format!("TOKEN={}\n", github_token(seed))
}

fn diff(folder: &Folder, range: &str) -> Run {
    folder.keysweep(&["scan", "--diff", range])
}

/// Runs with `input` on standard input.
fn fed(folder: &Path, arguments: &[&str], input: &str) -> Run {
    let mut child = keysweep(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("keysweep runs");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
    Run::new(child.wait_with_output().expect("keysweep ends"))
}

#[test]
fn a_secret_counts_where_a_commit_brings_it_and_nowhere_else() {
    let folder = Folder::repository();
    folder.write("old.env", token(1));
    let first = commit(&folder, "first");
    folder.write("new.env", token(2));
    let second = commit(&folder, "second adds");
    folder.write("new.env", "clean\n");
    folder.write("old.env", format!("# a line\n{}", token(1)));
    commit(&folder, "third cleans");
    let run = folder.keysweep(&["scan", "--format", "json", "--since", &first]);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("new.env") && !run.stdout.contains("old.env"), "{}", run.stdout);
    assert!(run.stdout.contains(&second) && run.stdout.contains("second adds"), "{}", run.stdout);
    assert_eq!(diff(&folder, "HEAD~1..HEAD").status, 0, "the last commit adds nothing");
    assert_eq!(diff(&folder, "HEAD~1..").status, 0);
    assert_eq!(diff(&folder, &format!("{first}...{second}")).status, 1);
    assert_eq!(diff(&folder, "HEAD..HEAD").status, 0, "an empty range is clean");
}

#[test]
fn large_blobs_are_left_out_and_listed() {
    let folder = Folder::repository();
    folder.write("large.env", format!("{}{}", token(1), "x\n".repeat(2 << 20)));
    commit(&folder, "large");
    for mode in [&["--history"][..], &["--diff", "HEAD~0..HEAD~0"], &["--pre-push"]] {
        let mut arguments = vec!["scan", "--format", "json", "--max-size", "1"];
        arguments.extend(mode);
        let id = folder.git(&["rev-parse", "HEAD"]);
        let run = fed(folder.path(), &arguments, &format!("refs/heads/main {id} refs/heads/main {}\n", "0".repeat(40)));
        assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
        assert_eq!(run.stdout.contains("blobs larger than the limit"), mode[0] != "--diff", "{mode:?} {}", run.stdout);
    }
}

#[test]
fn bad_ranges_are_errors_with_the_mend() {
    let folder = Folder::repository();
    let run = folder.keysweep(&["scan", "--since", "HEAD"]);
    assert_eq!((run.status, run.stderr.contains("no commit yet")), (2, true), "{}", run.stderr);
    commit(&folder, "one");
    for (range, words) in [("HEAD", "--since A"), ("..", "A..B"), ("nowhere..HEAD", "`nowhere` is no commit here")] {
        let run = diff(&folder, range);
        assert_eq!(run.status, 2, "{range}");
        assert!(run.stderr.contains(words), "{range}: {}", run.stderr);
    }
    assert_eq!(folder.keysweep(&["scan", "--staged", "--since", "HEAD"]).status, 2, "one mode at a time");
}

#[test]
fn renames_are_followed_and_copies_count() {
    let folder = Folder::repository();
    folder.write("a.env", format!("{}one\ntwo\nthree\nfour\n", token(1)));
    commit(&folder, "old");
    folder.git(&["mv", "a.env", "b.env"]);
    folder.write("b.env", format!("{}one\ntwo\nthree\nfive\n{}", token(1), token(2)));
    commit(&folder, "renamed and edited");
    let run = diff(&folder, "HEAD~1..HEAD");
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("6:7") && !run.stdout.contains("1:7"), "{}", run.stdout);
    folder.write("copy.env", format!("{}one\ntwo\nthree\nfive\n", token(1)));
    commit(&folder, "copied");
    assert_eq!(diff(&folder, "HEAD~1..HEAD").status, 1);
}

#[test]
fn a_merge_counts_only_with_what_it_adds_itself() {
    let folder = Folder::repository();
    folder.write("base", "1\n");
    folder.write("both.env", "a\nb\nc\nd\ne\n");
    let base = commit(&folder, "base");
    folder.git(&["checkout", "-qb", "side"]);
    folder.write("both.env", format!("a\nb\nc\nd\ne\n{}", token(1)));
    commit(&folder, "side");
    folder.git(&["checkout", "-q", "main"]);
    folder.write("both.env", "A\nb\nc\nd\ne\n");
    let main = commit(&folder, "main");
    folder.git(&["merge", "-q", "--no-ff", "--no-commit", "side"]);
    folder.write("evil.env", token(2));
    let merge = commit(&folder, "merge");
    let run = folder.keysweep(&["scan", "--format", "json", "--diff", &format!("{base}..HEAD")]);
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("evil.env") && run.stdout.contains(&merge), "{}", run.stdout);
    let text = diff(&folder, &format!("{base}..HEAD")).stdout;
    assert_eq!(text.matches("confidence").count(), 2, "the merged file counts once, with the side's commit: {text}");
    let run = diff(&folder, &format!("{main}..HEAD"));
    assert!(run.stdout.contains("both.env") && run.stdout.contains("evil.env"), "{}", run.stdout);
}

#[test]
fn messages_are_scanned_and_their_secrets_shown_nowhere() {
    let folder = Folder::repository();
    commit(&folder, "base");
    folder.write("a.env", token(2));
    let secret = github_token(1);
    commit(&folder, &format!("use {secret} for now"));
    for format in ["text", "json", "jsonl"] {
        let run = folder.keysweep(&["scan", "--format", format, "--since", "HEAD~1"]);
        assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains("message"), "{}", run.stdout);
        assert!(!run.stdout.contains(&secret), "{format}: {}", run.stdout.replace(&secret, "SECRET"));
    }
}

#[test]
fn many_commits_in_parallel_say_the_same_as_one_thread() {
    let folder = Folder::repository();
    commit(&folder, "base");
    for number in 0..60 {
        folder
            .write(&format!("d{}/f{}.env", number % 7, number % 20), format!("{}{}", token(number), token(number / 2)));
        commit(&folder, &format!("commit {number}"));
    }
    let findings = |threads: &str| {
        let output = keysweep(folder.path())
            .env("RAYON_NUM_THREADS", threads)
            .args(["scan", "--format", "json", "--since", "main~60"])
            .output()
            .expect("runs");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
        report["findings"].as_array().expect("findings").iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let one = findings("1");
    assert!(one.len() >= 60, "{}", one.len());
    assert_eq!(one, findings("4"));
}

#[test]
fn pre_push_reads_gits_lines() {
    let server = Folder::new();
    server.git(&["init", "-q", "--bare"]);
    let folder = Folder::repository();
    folder.git(&["remote", "add", "origin", server.path().to_str().expect("utf-8")]);
    folder.write("a.env", token(1));
    commit(&folder, "pushed before the hook came");
    folder.git(&["push", "-q", "origin", "main"]);
    let hook = folder.write(
        ".git/hooks/pre-push",
        format!("#!/bin/sh\nexec '{}' scan --pre-push --remote \"$1\" >&2\n", env!("CARGO_BIN_EXE_keysweep")),
    );
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let push = |arguments: &[&str]| {
        let output = git_command(folder.path()).arg("push").args(arguments).output().expect("git runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    folder.write("b.env", "clean\n");
    commit(&folder, "clean");
    let (success, said) = push(&["origin", "main"]);
    assert!(success, "{said}");
    folder.git(&["branch", "new"]);
    assert!(push(&["origin", "new"]).0, "a new branch that adds nothing");
    folder.write("b.env", token(2));
    commit(&folder, "leak");
    folder.git(&["checkout", "-q", "new"]);
    let (success, said) = push(&["origin", "main", "new"]);
    assert!(!success && said.contains("b.env") && !said.contains("a.env"), "{said}");
    folder.git(&["branch", "fresh", "main"]);
    assert!(!push(&["origin", "fresh"]).0, "a new branch that adds a secret");
    folder.git(&["tag", "-a", "v1", "-m", &github_token(3), "new"]);
    let (success, said) = push(&["origin", "v1"]);
    assert!(!success && said.contains("message"), "a tag's message: {said}");
    let (success, said) = push(&["origin", ":new"]);
    assert!(success, "deleting pushes nothing: {said}");
    // To an address nothing is known of what is there: all of it counts.
    let other = Folder::new();
    other.git(&["init", "-q", "--bare"]);
    let (success, said) = push(&[other.path().to_str().expect("utf-8"), "new"]);
    assert!(!success && said.contains("a.env"), "{said}");
}

#[test]
fn pre_push_lines_that_are_none_are_refused() {
    let folder = Folder::repository();
    let id = commit(&folder, "one");
    let zeros = "0".repeat(40);
    assert_eq!(fed(folder.path(), &["scan", "--pre-push"], "").status, 0, "nothing pushed");
    let line = format!("refs/heads/main {id} refs/heads/main {zeros}\n");
    assert_eq!(fed(folder.path(), &["scan", "--pre-push"], &line).status, 0);
    let gone = format!("(delete) {zeros} refs/heads/main {id}\n");
    assert_eq!(fed(folder.path(), &["scan", "--pre-push"], &gone).status, 0);
    for line in ["hello\n", "a b c d\n", &format!("refs/heads/main {} refs/heads/main {zeros}\n", &id[..12])] {
        let run = fed(folder.path(), &["scan", "--pre-push"], line);
        assert_eq!(run.status, 2, "{line}");
        assert!(run.stderr.contains("line 1"), "{}", run.stderr);
    }
    let missing = format!("refs/heads/main {} refs/heads/main {zeros}\n", "7".repeat(40));
    let run = fed(folder.path(), &["scan", "--pre-push"], &missing);
    assert_eq!(run.status, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("missing"), "{}", run.stdout);
}

#[test]
fn pre_receive_scans_the_quarantine() {
    for format in ["sha1", "sha256"] {
        let server = Folder::new();
        server.git(&["init", "-q", "--bare", &format!("--object-format={format}")]);
        let folder = Folder::new();
        folder.git(&["init", "-q", "--initial-branch=main", &format!("--object-format={format}")]);
        folder.git(&["config", "user.name", "Test Author"]);
        folder.git(&["config", "user.email", "author@example.invalid"]);
        folder.git(&["remote", "add", "origin", server.path().to_str().expect("utf-8")]);
        folder.write("a.env", token(1));
        commit(&folder, "there before the hook");
        folder.git(&["push", "-q", "origin", "main"]);
        let hook = server.write(
            "hooks/pre-receive",
            format!("#!/bin/sh\nexec '{}' scan --pre-receive\n", env!("CARGO_BIN_EXE_keysweep")),
        );
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let push = |arguments: &[&str]| {
            let output = git_command(folder.path()).args(["push", "origin"]).args(arguments).output().expect("runs");
            (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        folder.write("b.env", "clean\n");
        commit(&folder, "clean");
        let (success, said) = push(&["main", "main:other"]);
        assert!(success, "{format}: {said}");
        folder.write("b.env", token(2));
        commit(&folder, "leak");
        folder.write("b.env", "clean again\n");
        commit(&folder, "too late");
        let (success, said) = push(&["main"]);
        assert!(!success && said.contains("b.env") && !said.contains("a.env"), "{format}: {said}");
        assert!(push(&[":other"]).0, "a deletion");
        let blob = folder.git(&["hash-object", "-w", "b.env"]);
        folder.git(&["tag", "blob", &blob]);
        assert!(push(&["blob"]).0, "a tag of a clean blob");
    }
}

#[test]
fn a_shallow_clone_says_where_history_ends() {
    let origin = Folder::repository();
    origin.write("a.env", token(1));
    commit(&origin, "one");
    commit(&origin, "two");
    let known = commit(&origin, "three");
    origin.git(&["checkout", "-q", "--orphan", "other"]);
    commit(&origin, "apart");
    let folder = Folder::new();
    let url = format!("file://{}", origin.path().display());
    folder.git(&["clone", "-q", "--depth=2", "--no-single-branch", &url, "clone"]);
    let clone = folder.path().join("clone");
    let run = |arguments: &[&str]| Run::new(keysweep(&clone).args(arguments).output().expect("runs"));
    let inside = run(&["scan", "--diff", &format!("{known}~1..{known}")]);
    assert_eq!(inside.status, 0, "the boundary is not inside: {}{}", inside.stdout, inside.stderr);
    let beyond = run(&["scan", "--diff", &format!("{known}~2..{known}")]);
    assert_eq!(beyond.status, 2);
    assert!(beyond.stderr.contains("--unshallow"), "{}", beyond.stderr);
    let across = run(&["scan", "--diff", &format!("origin/other..{known}")]);
    assert_eq!(across.status, 2, "{}{}", across.stdout, across.stderr);
    assert!(across.stdout.contains("shallow") && across.stdout.contains("a.env"), "{}", across.stdout);
}

#[test]
fn a_partial_clone_names_what_is_missing() {
    let origin = Folder::repository();
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    commit(&origin, "one");
    origin.write("a.env", token(1));
    commit(&origin, "two");
    origin.git(&["rm", "-q", "a.env"]);
    commit(&origin, "three");
    let blob = origin.git(&["rev-parse", "HEAD~1:a.env"]);
    let folder = Folder::new();
    let url = format!("file://{}", origin.path().display());
    folder.git(&["clone", "-q", "--filter=blob:none", &url, "clone"]);
    let clone = folder.path().join("clone");
    let scan = || Run::new(keysweep(&clone).args(["scan", "--since", "HEAD~2"]).output().expect("runs"));
    let run = scan();
    assert_eq!(run.status, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains(&blob) && run.stdout.contains("--refetch"), "{}", run.stdout);
    folder.git(&["-C", "clone", "fetch", "-q", "--refetch", "--no-filter"]);
    assert_eq!(scan().status, 1, "the advice helps");
}

#[test]
fn reftable_repositories_are_read_through_git() {
    let folder = Folder::new();
    folder.git(&["init", "-q", "--initial-branch=main", "--ref-format=reftable"]);
    folder.git(&["config", "user.name", "Test Author"]);
    folder.git(&["config", "user.email", "author@example.invalid"]);
    commit(&folder, "one");
    folder.git(&["branch", "old"]);
    folder.write("a.env", token(1));
    commit(&folder, "two");
    assert_eq!(diff(&folder, "old..main").status, 1);
    assert_eq!(folder.keysweep(&["scan", "--since", "HEAD"]).status, 0);
    assert_eq!(diff(&folder, "old..nowhere").status, 2);
}

#[test]
fn a_deep_trap_of_folders_is_a_gap_not_a_crash() {
    let folder = Folder::repository();
    commit(&folder, "base");
    let stream = format!(
        "commit refs/heads/trap\ncommitter a <b> 1700000000 +0000\ndata 4\ntrap\nM 100644 inline {}blob\ndata 1\nx\n",
        "d/".repeat(2100)
    );
    let mut child =
        git_command(folder.path()).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().expect("git runs");
    child.stdin.take().expect("piped").write_all(stream.as_bytes()).expect("written");
    assert!(child.wait().expect("ends").success());
    let run = diff(&folder, "HEAD..trap");
    assert_eq!(run.status, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("nested"), "{}", run.stdout);
}
