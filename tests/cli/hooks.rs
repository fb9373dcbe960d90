//! `keysweep hook` with real git: install, block, chain, uninstall, doctor.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::support::{Folder, Run, git_command, github_token, keysweep};

/// A repository with our hooks.
fn installed() -> Folder {
    let folder = Folder::repository();
    ok(&folder.keysweep(&["hook", "install"]));
    folder
}

fn ok(run: &Run) -> &Run {
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    run
}

/// Runs git where it may fail.
fn git(folder: &Path, arguments: &[&str]) -> Run {
    Run::new(git_command(folder).env("NO_COLOR", "1").args(arguments).output().expect("git runs"))
}

fn said(run: &Run) -> String {
    format!("{}{}", run.stdout, run.stderr)
}

/// Stages a secret, another one for each seed.
fn stage_secret(folder: &Folder, seed: u32) {
    folder.write("config.env", format!("TOKEN={}\n", github_token(seed)));
    folder.git(&["add", "."]);
}

/// An executable hook that writes what it got into `ran` at the top and ends with `status`.
fn foreign_hook(folder: &Folder, name: &str, status: u8) -> String {
    let script = format!("#!/bin/sh\n{{ echo \"$@\"; [ -t 0 ] || cat; }} >>ran\nexit {status}\n");
    let path = folder.write(name, &script);
    make_executable(&path);
    script
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions are set");
}

/// Every file below `folder` with its content (hashed, so that a difference stays readable) and mode.
fn snapshot(folder: &Path) -> BTreeMap<String, (u32, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("the folder is readable") {
            let path = entry.expect("the folder is readable").path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
                continue;
            }
            let mode = path.symlink_metadata().expect("the file is there").permissions().mode();
            files
                .insert(path.display().to_string(), (crc32fast::hash(&std::fs::read(&path).unwrap_or_default()), mode));
        }
    }
    files
}

#[test]
fn a_commit_with_a_secret_is_blocked_and_the_message_helps() {
    let folder = installed();
    let token = github_token(1);
    folder.write("src/config.env", format!("A=1\nTOKEN={token}\n"));
    folder.git(&["add", "."]);
    let run = git(folder.path(), &["commit", "-qm", "x"]);
    assert_eq!(run.status, 1, "{}", said(&run));
    let text = said(&run);
    for words in [
        "src/config.env",
        "2:7",
        "github-pat-classic",
        "keysweep stopped this commit",
        "stage the file again",
        "secret store",
        "rotate it",
        "keysweep allow v1:",
        "keysweep:allow github-pat-classic",
        "git commit --no-verify",
    ] {
        assert!(text.contains(words), "`{words}` in:\n{text}");
    }
    assert!(!text.contains(&token[4..]), "the secret must not be shown");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "80 columns are enough:\n{text}");
    assert_ne!(git(folder.path(), &["rev-parse", "--verify", "-q", "HEAD"]).status, 0, "nothing was committed");
}

#[test]
fn a_clean_commit_passes_without_a_word() {
    let folder = installed();
    folder.write("a.txt", "hello\n");
    folder.git(&["add", "."]);
    let run = git(folder.path(), &["commit", "-qm", "x"]);
    assert_eq!((run.status, said(&run).as_str()), (0, ""));
}

#[test]
fn the_index_counts_in_every_way_to_commit() {
    let folder = installed();
    folder.write("kept.txt", "1\n");
    folder.write("config.env", "TOKEN=\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "first"]);
    folder.write("config.env", format!("TOKEN={}\n", github_token(1)));
    folder.write("kept.txt", "2\n");

    // git makes a temporary index for each of these.
    for arguments in [&["commit", "-qam", "x"][..], &["commit", "-qm", "x", "config.env"]] {
        assert_eq!(git(folder.path(), arguments).status, 1, "{arguments:?}");
    }
    let patch = git_command(folder.path())
        .args(["commit", "-p", "-qm", "x"])
        .stdin(answers(&folder, "y\ny\n"))
        .output()
        .expect("git runs");
    assert_eq!(patch.status.code(), Some(1), "{}", String::from_utf8_lossy(&patch.stderr));

    // The secret stays in the work tree and is not committed: that is nobody's business.
    let run = git(folder.path(), &["commit", "-qm", "x", "kept.txt"]);
    assert_eq!(run.status, 0, "{}", said(&run));
    // From a folder below as well, where paths are relative to.
    folder.write("below/a.env", format!("TOKEN={}\n", github_token(2)));
    folder.git(&["add", "below"]);
    assert_eq!(git(&folder.path().join("below"), &["commit", "-qm", "x"]).status, 1);
}

/// A file to read answers from.
fn answers(folder: &Folder, text: &str) -> std::fs::File {
    std::fs::File::open(folder.write(".git/answers", text)).expect("the file is there")
}

#[test]
fn a_merge_is_checked_for_what_it_adds_itself() {
    let folder = installed();
    folder.write("a.txt", "1\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "first"]);
    folder.git(&["checkout", "-qb", "side"]);
    stage_secret(&folder, 1);
    folder.git(&["commit", "-qnm", "a secret that got in"]);
    folder.git(&["checkout", "-q", "main"]);
    folder.write("b.txt", "1\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "second"]);

    // The merge brings nothing that is not committed already.
    let run = git(folder.path(), &["merge", "-q", "--no-edit", "side"]);
    assert_eq!(run.status, 0, "{}", said(&run));
    assert_eq!(folder.git(&["rev-list", "--count", "--merges", "HEAD"]), "1");

    // A merge that is finished by hand goes through pre-commit, and what the hand adds counts.
    folder.git(&["checkout", "-qb", "other", "HEAD~1"]);
    folder.write("c.txt", "1\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "third"]);
    folder.git(&["merge", "-q", "--no-commit", "main"]);
    folder.write("evil.env", format!("TOKEN={}\n", github_token(2)));
    folder.git(&["add", "."]);
    let run = git(folder.path(), &["commit", "-qm", "merge"]);
    assert_eq!(run.status, 1);
    assert!(said(&run).contains("evil.env") && !said(&run).contains("config.env"), "{}", said(&run));
}

#[test]
fn a_hook_that_is_there_runs_first_and_keeps_its_exit_status() {
    let folder = Folder::repository();
    let script = foreign_hook(&folder, ".git/hooks/pre-commit", 0);
    let hooks = folder.path().join(".git/hooks");
    let as_it_was = snapshot(&hooks);
    let run = folder.keysweep(&["hook", "install"]);
    assert!(ok(&run).stdout.contains("runs first"), "{}", run.stdout);

    stage_secret(&folder, 1);
    assert_eq!(git(folder.path(), &["commit", "-qm", "x"]).status, 1, "ours blocks");
    assert_eq!(std::fs::read_to_string(folder.path().join("ran")).expect("the other ran"), "\n");

    folder.write("config.env", "TOKEN=\n");
    folder.git(&["add", "config.env"]);
    assert_eq!(git(folder.path(), &["commit", "-qm", "x"]).status, 0);

    let kept = hooks.join("pre-commit.before-keysweep");
    std::fs::write(&kept, script.replace("exit 0", "exit 7")).expect("the hook is changed");
    let direct = Command::new(hooks.join("pre-commit")).current_dir(folder.path()).output().expect("the hook runs");
    assert_eq!(direct.status.code(), Some(7), "the other's exit status comes through");
    std::fs::write(&kept, script).expect("the hook is changed back");

    ok(&folder.keysweep(&["hook", "uninstall"]));
    assert_eq!(snapshot(&hooks), as_it_was, "everything is as it was");
}

#[test]
fn a_hook_that_git_would_not_run_is_not_run_by_us() {
    let folder = Folder::repository();
    folder.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n");
    let as_it_was = snapshot(&folder.path().join(".git/hooks"));
    ok(&folder.keysweep(&["hook", "install"]));
    folder.write("a.txt", "1\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "x"]);
    ok(&folder.keysweep(&["hook", "uninstall"]));
    assert_eq!(snapshot(&folder.path().join(".git/hooks")), as_it_was);
}

#[test]
fn a_link_to_a_hook_in_the_work_tree_survives() {
    let folder = Folder::repository();
    foreign_hook(&folder, "scripts/check", 0);
    let link = folder.path().join(".git/hooks/pre-commit");
    let _ = std::fs::create_dir_all(link.parent().expect("a parent"));
    std::os::unix::fs::symlink("../../scripts/check", &link).expect("a link");
    ok(&folder.keysweep(&["hook", "install"]));
    folder.git(&["add", "scripts"]);
    folder.git(&["commit", "-qm", "x"]);
    assert!(folder.path().join("ran").exists(), "it ran");
    ok(&folder.keysweep(&["hook", "uninstall"]));
    assert_eq!(std::fs::read_link(&link).expect("a link"), Path::new("../../scripts/check"));
}

#[test]
fn installing_and_uninstalling_again_changes_nothing() {
    let folder = Folder::repository();
    let hooks = folder.path().join(".git/hooks");
    let bare = snapshot(&hooks);
    ok(&folder.keysweep(&["hook", "install"]));
    let first = snapshot(&hooks);
    let again = folder.keysweep(&["hook", "install"]);
    assert!(ok(&again).stdout.contains("installed already"), "{}", again.stdout);
    assert_eq!(snapshot(&hooks), first);

    // A damaged shim is mended.
    let shim = hooks.join("pre-commit");
    let text = std::fs::read_to_string(&shim).expect("our hook");
    std::fs::write(&shim, text.replace("hook run", "hook rum")).expect("written");
    let again = folder.keysweep(&["hook", "install"]);
    assert!(ok(&again).stdout.contains("renewed"), "{}", again.stdout);
    assert_eq!(snapshot(&hooks), first);

    ok(&folder.keysweep(&["hook", "uninstall"]));
    assert_eq!(snapshot(&hooks), bare);
    ok(&folder.keysweep(&["hook", "uninstall"]));
    assert_eq!(snapshot(&hooks), bare);
}

#[test]
fn a_hook_written_over_ours_is_not_lost_either() {
    let folder = Folder::repository();
    foreign_hook(&folder, ".git/hooks/pre-commit", 0);
    ok(&folder.keysweep(&["hook", "install", "--hook", "pre-commit"]));
    foreign_hook(&folder, ".git/hooks/pre-commit", 3);
    let hooks = snapshot(&folder.path().join(".git/hooks"));
    for command in ["install", "uninstall"] {
        let run = folder.keysweep(&["hook", command, "--hook", "pre-commit"]);
        assert_eq!(run.status, 2, "{}", said(&run));
        assert!(said(&run).contains("before-keysweep"), "{}", said(&run));
        assert_eq!(snapshot(&folder.path().join(".git/hooks")), hooks);
    }
}

#[test]
fn the_hook_goes_where_git_looks_for_it() {
    // core.hooksPath, relative to the top, from a folder below.
    let folder = Folder::repository();
    folder.git(&["config", "core.hooksPath", "tools/hooks"]);
    folder.write("below/a.txt", "1\n");
    let run = Run::new(keysweep(&folder.path().join("below")).args(["hook", "install"]).output().expect("it runs"));
    ok(&run);
    let shim = std::fs::read_to_string(folder.path().join("tools/hooks/pre-commit")).expect("our hook");
    assert!(!shim.contains(env!("CARGO_BIN_EXE_keysweep")), "a shared folder names no path of this machine");
    assert!(!folder.path().join(".git/hooks/pre-commit").exists());
    let path = Path::new(env!("CARGO_BIN_EXE_keysweep")).parent().expect("a folder");
    stage_secret(&folder, 1);
    let mut commit = git_command(folder.path());
    let search = format!("{}:{}", path.display(), std::env::var("PATH").expect("a path"));
    let output = commit.env("PATH", search).args(["commit", "-qm", "x"]).output().expect("git runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));

    // A linked worktree shares the hooks of its repository.
    let folder = Folder::repository();
    folder.write("a.txt", "1\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "first"]);
    folder.git(&["worktree", "add", "-q", "linked"]);
    let linked = folder.path().join("linked");
    ok(&Run::new(keysweep(&linked).args(["hook", "install"]).output().expect("it runs")));
    assert!(folder.path().join(".git/hooks/pre-commit").exists());
    std::fs::write(linked.join("b.env"), format!("TOKEN={}\n", github_token(1))).expect("written");
    git(&linked, &["add", "."]);
    assert_eq!(git(&linked, &["commit", "-qm", "x"]).status, 1);
    assert_eq!(ok(&Run::new(keysweep(&linked).args(["hook", "doctor"]).output().expect("it runs"))).status, 0);
}

#[test]
fn tools_that_would_write_over_ours_are_noticed() {
    let folder = Folder::repository();
    folder.git(&["config", "core.hooksPath", ".husky/_"]);
    let run = folder.keysweep(&["hook", "install"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("husky") && run.stderr.contains(".husky/pre-commit"), "{}", run.stderr);
    assert!(!folder.path().join(".husky").exists(), "nothing is written");
    ok(&folder.keysweep(&["hook", "install", "--force"]));

    let folder = Folder::repository();
    let path = folder.write(".git/hooks/pre-commit", "#!/bin/sh\ncall_lefthook run \"pre-commit\" \"$@\"\n");
    make_executable(&path);
    let run = folder.keysweep(&["hook", "install"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("lefthook.yml"), "{}", run.stderr);
}

#[test]
fn the_pre_commit_framework_may_come_after_us() {
    let folder = installed();
    let hooks = folder.path().join(".git/hooks");
    // What `pre-commit install` does to a hook that is there.
    std::fs::rename(hooks.join("pre-commit"), hooks.join("pre-commit.legacy")).expect("renamed");
    let path = folder.write(".git/hooks/pre-commit", "#!/bin/sh\n\"$0.legacy\" \"$@\"\n");
    make_executable(&path);
    stage_secret(&folder, 1);
    assert_eq!(git(folder.path(), &["commit", "-qm", "x"]).status, 1);
    let run = folder.keysweep(&["hook", "install"]);
    assert!(ok(&run).stdout.contains("behind"), "{}", run.stdout);
    ok(&folder.keysweep(&["hook", "uninstall"]));
    assert!(path.exists() && !hooks.join("pre-commit.legacy").exists());
}

#[test]
fn without_the_program_the_hook_blocks_and_says_so() {
    let folder = installed();
    let path = folder.path().join(".git/hooks/pre-commit");
    let text = std::fs::read_to_string(&path).expect("our hook");
    std::fs::write(&path, text.replace(env!("CARGO_BIN_EXE_keysweep"), "/nowhere/keysweep")).expect("written");
    let run = Run::new(Command::new(&path).current_dir(folder.path()).env("PATH", "/bin").output().expect("it runs"));
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("not installed"), "{}", run.stderr);
}

#[test]
fn global_hooks_run_everywhere_and_let_each_repository_keep_its_own() {
    let home = Folder::new();
    let config = home.write("gitconfig", "[user]\n\tname = Test Author\n\temail = author@example.invalid\n");
    let as_it_was = std::fs::read_to_string(&config).expect("the configuration");
    let global = |arguments: &[&str], folder: &Path| {
        let mut command = keysweep(folder);
        command.env("GIT_CONFIG_GLOBAL", &config).env("XDG_CONFIG_HOME", home.path()).args(arguments);
        Run::new(command.output().expect("it runs"))
    };
    let repository = Folder::repository();
    let commit = || {
        let mut command = git_command(repository.path());
        command.env("GIT_CONFIG_GLOBAL", &config).args(["commit", "-qm", "x"]);
        Run::new(command.output().expect("git runs"))
    };
    foreign_hook(&repository, ".git/hooks/commit-msg", 0);
    foreign_hook(&repository, ".git/hooks/pre-commit", 0);
    ok(&global(&["hook", "install", "--global"], home.path()));
    ok(&global(&["hook", "install", "--global"], home.path()));

    stage_secret(&repository, 1);
    let run = commit();
    assert_eq!(run.status, 1, "{}", said(&run));
    repository.write("config.env", "TOKEN=\n");
    repository.git(&["add", "config.env"]);
    let run = commit();
    assert_eq!(run.status, 0, "{}", said(&run));
    let ran = std::fs::read_to_string(repository.path().join("ran")).expect("its own hooks ran");
    assert_eq!(ran.lines().filter(|line| line.is_empty()).count(), 2, "pre-commit, twice: {ran}");
    assert!(ran.contains("COMMIT_EDITMSG"), "commit-msg: {ran}");

    let run = global(&["hook", "install"], repository.path());
    assert!(ok(&run).stdout.contains("active here already"), "{}", run.stdout);
    ok(&global(&["hook", "doctor"], repository.path()));
    ok(&global(&["hook", "status"], repository.path()));

    ok(&global(&["hook", "uninstall", "--global"], home.path()));
    assert_eq!(std::fs::read_to_string(&config).expect("the configuration").trim_end(), as_it_was.trim_end());
    assert!(!home.path().join("keysweep/hooks").exists());
    stage_secret(&repository, 1);
    assert_eq!(commit().status, 0, "no hook any more");
}

#[test]
fn a_users_own_global_folder_is_used_and_given_back() {
    let home = Folder::new();
    foreign_hook(&home, "hooks/pre-commit", 0);
    let hooks = home.path().join("hooks");
    let config = home.write("gitconfig", format!("[core]\n\thooksPath = {}\n", hooks.display()));
    let as_it_was = (snapshot(&hooks), std::fs::read_to_string(&config).expect("the configuration"));
    let global = |arguments: &[&str], folder: &Path| {
        let mut command = keysweep(folder);
        command.env("GIT_CONFIG_GLOBAL", &config).env("XDG_CONFIG_HOME", home.path()).args(arguments);
        Run::new(command.output().expect("it runs"))
    };
    let repository = Folder::repository();
    let run = global(&["hook", "install"], repository.path());
    assert_eq!(run.status, 2, "the folder serves other repositories too: {}", said(&run));
    ok(&global(&["hook", "install", "--global"], home.path()));
    ok(&global(&["hook", "doctor"], repository.path()));
    assert!(!repository.path().join("ran").exists(), "the doctor leaves other hooks out");
    ok(&global(&["hook", "uninstall", "--global"], home.path()));
    assert_eq!((snapshot(&hooks), std::fs::read_to_string(&config).expect("the configuration")), as_it_was);
}

#[test]
fn the_doctor_tells_a_hook_that_blocks_from_one_that_does_not() {
    let folder = Folder::repository();
    let doctor = || folder.keysweep(&["hook", "doctor"]);
    assert_eq!(doctor().status, 2, "nothing installed");
    ok(&folder.keysweep(&["hook", "install"]));
    let run = doctor();
    assert!(ok(&run).stdout.contains("blocks a credential"), "{}", run.stdout);

    // With a commit, staged changes and a split index, and nothing of it is touched.
    folder.write("a.txt", "1\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "first"]);
    folder.git(&["config", "core.splitIndex", "true"]);
    folder.write("a.txt", "2\n");
    folder.git(&["add", "."]);
    folder.write("a.txt", "3\n");
    let as_it_was = snapshot(folder.path());
    ok(&doctor());
    assert_eq!(snapshot(folder.path()), as_it_was, "no trace");

    // A hook that says yes to everything.
    let path = folder.path().join(".git/hooks/pre-commit");
    let text = std::fs::read_to_string(&path).expect("our hook");
    let muted: String = text
        .lines()
        .map(|line| if line.contains(" hook run ") { "true\n".into() } else { format!("{line}\n") })
        .collect();
    std::fs::write(&path, muted).expect("written");
    let run = doctor();
    assert_eq!(run.status, 2);
    assert!(run.stdout.contains("LETS A CREDENTIAL THROUGH"), "{}", run.stdout);

    // Somebody else's is not run unasked.
    let folder = Folder::repository();
    foreign_hook(&folder, ".git/hooks/pre-commit", 1);
    let run = folder.keysweep(&["hook", "doctor"]);
    assert_eq!(run.status, 2);
    assert!(!folder.path().join("ran").exists());
    let run = folder.keysweep(&["hook", "doctor", "--any"]);
    assert_eq!(run.status, 2);
    assert!(run.stdout.contains("not because of the credential"), "{}", run.stdout);
}

#[test]
fn status_tells_what_is_there() {
    let folder = Folder::repository();
    let run = folder.keysweep(&["hook", "status"]);
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("not installed"), "{}", run.stdout);
    foreign_hook(&folder, ".git/hooks/pre-commit", 0);
    assert!(folder.keysweep(&["hook", "status"]).stdout.contains("does not call keysweep"));
    ok(&folder.keysweep(&["hook", "install"]));
    assert!(ok(&folder.keysweep(&["hook", "status"])).stdout.contains("runs first"));
    let outside = Folder::new();
    let run = outside.keysweep(&["hook", "status"]);
    assert_eq!(run.status, 2, "{}", said(&run));
}

/// A repository with our hooks and a bare remote named `origin`.
fn with_remote() -> (Folder, Folder) {
    let (folder, remote) = (installed(), Folder::new());
    assert_eq!(git(remote.path(), &["init", "-q", "--bare"]).status, 0);
    folder.git(&["remote", "add", "origin", &remote.path().display().to_string()]);
    folder.write("a.txt", "1\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "first"]);
    (folder, remote)
}

#[test]
fn every_ref_of_a_push_is_checked() {
    let (folder, _remote) = with_remote();
    let chained = foreign_hook(&folder, ".git/hooks/pre-push.before-keysweep", 0);
    folder.git(&["push", "-q", "origin", "main"]);
    let told = std::fs::read_to_string(folder.path().join("ran")).expect("the hook from before ran");
    assert!(told.starts_with("origin ") && told.contains("refs/heads/main "), "{told}");
    assert!(chained.starts_with("#!"));

    folder.git(&["branch", "clean"]);
    folder.git(&["checkout", "-qb", "dirty"]);
    stage_secret(&folder, 1);
    folder.git(&["commit", "-qnm", "unchecked"]);
    let run = git(folder.path(), &["push", "-q", "origin", "clean", "dirty"]);
    assert_eq!(run.status, 1);
    let text = said(&run);
    for words in ["config.env", "stopped this push", "out of the commits", "git push --no-verify"] {
        assert!(text.contains(words), "`{words}` in:\n{text}");
    }
    assert!(text.lines().filter(|line| !line.starts_with("error: ")).all(|line| line.chars().count() <= 80), "{text}");
    folder.git(&["push", "-q", "origin", "clean"]);
    folder.git(&["push", "-q", "origin", "--delete", "clean"]);
}

#[test]
fn a_server_refuses_a_push_with_a_secret() {
    let (folder, remote) = with_remote();
    ok(&remote.keysweep(&["hook", "install", "--hook", "pre-receive"]));
    let push = || git(folder.path(), &["push", "-q", "--no-verify", "origin", "HEAD:main"]);
    assert_eq!(push().status, 0);
    stage_secret(&folder, 1);
    folder.git(&["commit", "-qnm", "unchecked"]);
    let run = push();
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("config.env") && run.stderr.contains("stopped this push"), "{}", run.stderr);
    assert!(!run.stderr.contains("--no-verify"), "{}", run.stderr);
}
