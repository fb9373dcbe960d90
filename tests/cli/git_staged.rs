//! `keysweep scan --staged`: the index against HEAD, in repositories made by real git.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Folder, Run, github_token, keysweep};

fn staged(folder: &Folder) -> Run {
    folder.keysweep(&["scan", "--staged"])
}

/// Installs a pre-commit hook that runs the binary under test on what is staged.
fn install_hook(folder: &Folder) {
    let hook = folder.write(
        ".git/hooks/pre-commit",
        format!("#!/bin/sh\nexec '{}' scan --staged >&2\n", env!("CARGO_BIN_EXE_keysweep")),
    );
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("executable");
}

#[test]
fn before_the_first_commit_everything_staged_counts() {
    let folder = Folder::repository();
    assert_eq!(staged(&folder).status, 0, "nothing staged, no commit, no index");
    folder.write("a.env", format!("TOKEN={}\n", github_token(1)));
    assert_eq!(staged(&folder).status, 0, "not staged");
    folder.git(&["add", "."]);
    let run = staged(&folder);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("a.env"), "{}", run.stdout);
}

#[test]
fn what_is_staged_counts_even_when_the_work_tree_is_clean_again() {
    let folder = Folder::repository();
    folder.write("a.env", format!("TOKEN={}\n", github_token(1)));
    folder.git(&["add", "."]);
    folder.write("a.env", "TOKEN=\n");
    assert_eq!(staged(&folder).status, 1);
    folder.git(&["add", "."]);
    folder.write("a.env", format!("TOKEN={}\n", github_token(1)));
    assert_eq!(staged(&folder).status, 0, "the work tree is not looked at");
}

#[test]
fn only_added_lines_count() {
    let folder = Folder::repository();
    let old = format!("one\nTOKEN={}\ntwo\n", github_token(1));
    folder.write("a.env", &old);
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "old"]);
    folder.write("a.env", format!("zero\n{old}three\n"));
    folder.git(&["add", "."]);
    assert_eq!(staged(&folder).status, 0, "the secret's line was there");
    folder.write("a.env", format!("zero\n{old}SECOND={}\n", github_token(2)));
    folder.git(&["add", "."]);
    let run = staged(&folder);
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("5:8"), "line of the new file: {}", run.stdout);
    assert!(!run.stdout.contains("3:7"), "{}", run.stdout);
}

#[test]
fn renames_deletions_and_mode_changes_add_nothing() {
    let folder = Folder::repository();
    folder.write("a.env", format!("TOKEN={}\nmore\nlines\n", github_token(1)));
    let script = folder.write("b.sh", format!("TOKEN={}\n", github_token(2)));
    folder.write("c.env", format!("TOKEN={}\n", github_token(3)));
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "old"]);
    folder.git(&["mv", "a.env", "moved.env"]);
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).expect("executable");
    folder.git(&["rm", "-q", "c.env"]);
    folder.git(&["add", "."]);
    let run = staged(&folder);
    assert_eq!(run.status, 0, "{}", run.stdout);
    folder.write("moved.env", format!("TOKEN={}\nmore\nlines\nNEW={}\n", github_token(1), github_token(4)));
    folder.git(&["add", "."]);
    let run = staged(&folder);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stdout.contains("4:5") && !run.stdout.contains("1:7"), "renamed and edited: {}", run.stdout);
}

#[test]
fn a_copy_adds_its_secret_again() {
    let folder = Folder::repository();
    folder.write("a.env", format!("TOKEN={}\n", github_token(1)));
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "old"]);
    folder.write("copy.env", format!("TOKEN={}\n", github_token(1)));
    folder.git(&["add", "."]);
    assert_eq!(staged(&folder).status, 1);
}

#[test]
fn binary_files_count_when_the_old_one_lacks_the_secret() {
    let folder = Folder::repository();
    let one = github_token(1);
    folder.write("a.bin", format!("\0\0{one}\0"));
    folder.git(&["add", "."]);
    assert_eq!(staged(&folder).status, 1);
    folder.git(&["commit", "-qm", "old"]);
    folder.write("a.bin", format!("\0changed\0{one}\0"));
    folder.git(&["add", "."]);
    assert_eq!(staged(&folder).status, 0);
    folder.write("a.bin", format!("\0changed\0{one}\0{}\0", github_token(2)));
    folder.git(&["add", "."]);
    assert_eq!(staged(&folder).status, 1);
}

#[test]
fn hooks_see_the_index_of_commit_a_and_commit_path() {
    let folder = Folder::repository();
    folder.write("a.env", "TOKEN=\n");
    folder.write("b.env", "TOKEN=\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "old"]);
    install_hook(&folder);
    let commit = |arguments: &[&str]| {
        let mut all = vec!["commit", "-qm", "new"];
        all.extend(arguments);
        crate::support::git_command(folder.path()).args(all).output().expect("git runs").status.success()
    };
    folder.write("a.env", format!("TOKEN={}\n", github_token(1)));
    folder.write("b.env", "TOKEN=none\n");
    assert!(!commit(&["-a"]), "commit -a");
    assert!(!commit(&["a.env"]), "commit PATH");
    assert!(commit(&["b.env"]), "another path is clean although a.env is not");
    folder.git(&["add", "a.env"]);
    folder.write("b.env", "TOKEN=never\n");
    assert!(commit(&["--only", "b.env"]), "--only leaves out what is staged");
    assert!(!commit(&[]), "what is staged is blocked");
}

#[test]
fn linked_worktrees_and_folders_below_have_their_own_index() {
    let folder = Folder::repository();
    folder.write("dir/a.env", "TOKEN=\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "old"]);
    folder.git(&["worktree", "add", "-q", "linked"]);
    folder.write("linked/dir/a.env", format!("TOKEN={}\n", github_token(1)));
    folder.git(&["-C", "linked", "add", "."]);
    assert_eq!(staged(&folder).status, 0);
    let below = keysweep(&folder.path().join("linked/dir")).args(["scan", "--staged"]).output().expect("runs");
    assert_eq!(below.status.code(), Some(1));
}

#[test]
fn a_merge_adds_only_what_no_parent_has() {
    let folder = Folder::repository();
    folder.write("a", "1\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "base"]);
    folder.git(&["checkout", "-qb", "side"]);
    folder.write("side.env", format!("TOKEN={}\n", github_token(1)));
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "side"]);
    folder.git(&["checkout", "-q", "main"]);
    folder.git(&["merge", "-q", "--no-ff", "--no-commit", "side"]);
    assert_eq!(staged(&folder).status, 0, "the other branch has it already");
    folder.write("evil.env", format!("TOKEN={}\n", github_token(2)));
    folder.git(&["add", "."]);
    let run = staged(&folder);
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("evil.env") && !run.stdout.contains("side.env"), "{}", run.stdout);
}

#[test]
fn every_kind_of_repository_opens() {
    for format in [&["--object-format=sha256"][..], &["--ref-format=reftable"], &["--bare"]] {
        let folder = Folder::new();
        let mut arguments = vec!["init", "-q"];
        arguments.extend(format);
        folder.git(&arguments);
        let _ = folder.git(&["config", "user.name", "Test Author"]);
        let _ = folder.git(&["config", "user.email", "author@example.invalid"]);
        if format == ["--bare"] {
            assert_eq!(staged(&folder).status, 0, "bare: no index, nothing staged");
            continue;
        }
        folder.write("a.env", format!("TOKEN={}\n", github_token(1)));
        folder.git(&["add", "."]);
        let run = staged(&folder);
        assert_eq!(run.status, 1, "{format:?} {}{}", run.stdout, run.stderr);
        folder.git(&["commit", "-qm", "one"]);
        let run = staged(&folder);
        assert_eq!(run.status, 0, "{format:?} {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn folders_the_index_knows_to_be_unchanged_hide_nothing() {
    for (format, version) in [("sha1", "2"), ("sha1", "3"), ("sha1", "4"), ("sha256", "2"), ("sha256", "4")] {
        let folder = Folder::new();
        folder.git(&["init", "-q", &format!("--object-format={format}")]);
        folder.git(&["config", "user.name", "Test Author"]);
        folder.git(&["config", "user.email", "author@example.invalid"]);
        folder.git(&["config", "index.version", version]);
        for number in 0..40 {
            folder.write(&format!("d{}/e{}/f{number}.env", number % 3, number % 4), format!("{number}\n"));
        }
        let long = "n".repeat(200);
        folder.write(&format!("{0}/{0}/{0}/{0}/{0}/{0}/{0}/{0}/{0}/{0}/{0}/{0}/{0}/{0}/a", "l".repeat(200)), "long\n");
        folder.write(&format!("d1-/{long}"), "x\n");
        folder.git(&["add", "."]);
        if version == "3" {
            folder.git(&["update-index", "--skip-worktree", "d2/e2/f2.env"]);
        }
        folder.git(&["commit", "-qm", "old"]);
        let scanned = |expected: &str, status: i32| {
            let run = staged(&folder);
            assert_eq!(run.status, status, "{format} {version}: {}{}", run.stdout, run.stderr);
            assert!(run.stdout.contains(expected), "{format} {version}: {}", run.stdout);
        };
        scanned("No findings", 0);
        folder.write("d1/e1/f1.env", format!("TOKEN={}\n", github_token(1)));
        folder.git(&["add", "d1"]);
        folder.git(&["rm", "-q", "d0/e0/f0.env"]);
        scanned("1 index entry", 1);
        folder.git(&["write-tree"]); // git notes every folder
        scanned("1 index entry", 1);
        folder.write("new/f.env", format!("TOKEN={}\n", github_token(2)));
        folder.git(&["add", "new"]);
        scanned("2 index entries", 1);
    }
}

#[test]
fn split_and_sparse_indexes_are_read_through_git() {
    let folder = Folder::repository();
    folder.write("in/a.env", "TOKEN=\n");
    folder.write("out/b.env", "TOKEN=\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "old"]);
    folder.git(&["update-index", "--split-index"]);
    folder.write("in/a.env", format!("TOKEN={}\n", github_token(1)));
    folder.git(&["add", "."]);
    let run = staged(&folder);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    folder.git(&["update-index", "--no-split-index"]);
    folder.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
    let run = staged(&folder);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(!run.stdout.contains("b.env"), "{}", run.stdout);
}

#[test]
fn nothing_is_written_and_intent_to_add_is_not_content() {
    let folder = Folder::repository();
    folder.write("a.env", format!("TOKEN={}\n", github_token(1)));
    folder.git(&["add", "--intent-to-add", "."]);
    let before = snapshot(&folder.path().join(".git"));
    let run = staged(&folder);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(before, snapshot(&folder.path().join(".git")));
}

/// All files below with their bytes.
fn snapshot(folder: &std::path::Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            files.insert(path.clone(), std::fs::read(&path).expect("readable"));
        }
    }
    files
}

#[test]
fn paths_that_are_not_utf8_symlinks_and_submodules() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = Folder::repository();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.env");
    std::fs::write(folder.path().join(name), format!("TOKEN={}\n", github_token(1))).expect("written");
    std::os::unix::fs::symlink(format!("/nowhere/{}", github_token(2)), folder.path().join("link")).expect("linked");
    folder.git(&["init", "-q", "sub"]);
    folder.git(&["-C", "sub", "-c", "user.name=a", "-c", "user.email=b", "commit", "-q", "--allow-empty", "-m", "x"]);
    folder.git(&["-c", "advice.addEmbeddedRepo=false", "add", "."]);
    let run = staged(&folder);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("caf\u{fffd}.env") && run.stdout.contains("link"), "{}", run.stdout);
}

#[test]
fn outside_a_repository_the_message_says_what_to_do() {
    let folder = Folder::new();
    let run = staged(&folder);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("not a git repository"), "{}", run.stderr);
}
