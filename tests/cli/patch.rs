//! `keysweep scan --patch`: what a unified diff adds.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Folder, Run, git_command, github_token, keysweep};

/// Scans `patch` from standard input.
fn scan(folder: &Folder, patch: &[u8]) -> Run {
    let mut child = keysweep(folder.path())
        .args(["scan", "--patch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("keysweep runs");
    child.stdin.take().expect("piped").write_all(patch).expect("written");
    Run::new(child.wait_with_output().expect("keysweep ends"))
}

#[test]
fn added_lines_count_and_context_does_not() {
    let folder = Folder::repository();
    folder.write("a.env", format!("one\nTOKEN={}\ntwo\n", github_token(1)));
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "old"]);
    folder.write("a.env", format!("one\nTOKEN={}\nTWO\nNEW={}\n", github_token(1), github_token(2)));
    let output = git_command(folder.path()).args(["diff"]).output().expect("git runs");
    let run = scan(&folder, &output.stdout);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("a.env") && run.stdout.contains("4:5"), "{}", run.stdout);
    assert_eq!(run.stdout.matches("confidence").count(), 1, "{}", run.stdout);
    folder.write("change.patch", &output.stdout);
    let file = folder.keysweep(&["scan", "--patch", "change.patch"]);
    assert_eq!(file.stdout.split("Scanned").next(), run.stdout.split("Scanned").next());
    folder.git(&["checkout", "-q", "a.env"]);
    folder.write("a.env", "one\ntwo\n");
    let removed = git_command(folder.path()).args(["diff"]).output().expect("git runs");
    assert_eq!(scan(&folder, &removed.stdout).status, 0, "removing a secret adds nothing");
}

#[test]
fn format_patch_messages_are_scanned() {
    let folder = Folder::repository();
    folder.write("a.env", "x\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", &format!("use {}", github_token(1))]);
    let output =
        git_command(folder.path()).args(["format-patch", "--stdout", "--root", "-1"]).output().expect("git runs");
    let run = scan(&folder, &output.stdout);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(!run.stdout.contains(&github_token(1)));
}

#[test]
fn utf16_patches_of_powershell_are_read() {
    let folder = Folder::new();
    let patch = format!("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+T={}\n", github_token(1));
    let mut raw = vec![0xff, 0xfe];
    raw.extend(patch.encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(scan(&folder, &raw).status, 1);
}

#[test]
fn what_is_no_patch_is_a_gap_and_nothing_is_nothing() {
    let folder = Folder::new();
    assert_eq!(scan(&folder, b"").status, 0);
    let run = scan(&folder, b"hello\nworld\n");
    assert_eq!(run.status, 2);
    assert!(run.stdout.contains("no unified diff"), "{}", run.stdout);
    let run = folder.keysweep(&["scan", "--patch", "missing.patch"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("missing.patch"), "{}", run.stderr);
}
