//! Our hooks in the real pre-commit framework, as `.pre-commit-hooks.yaml` describes them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Folder, Run, git_command, github_token};

/// A repository that uses a hook of ours through the framework.
struct Project {
    folder: Folder,
    /// The framework's cache.
    home: Folder,
    /// What the framework takes for our repository.
    source: Folder,
}

impl Project {
    /// With the hook that calls the keysweep on the PATH: its repository needs to hold nothing but the manifest.
    fn new() -> Self {
        let source = Folder::repository();
        let manifest = package().join(".pre-commit-hooks.yaml");
        source.write(".pre-commit-hooks.yaml", std::fs::read(manifest).expect("the manifest"));
        Self::with("keysweep-system", source)
    }

    fn with(id: &str, source: Folder) -> Self {
        source.git(&["add", "."]);
        source.git(&["commit", "-qm", "the hook's repository"]);
        let project = Self { folder: Folder::repository(), home: Folder::new(), source };
        let (address, revision) = (project.source.path().display(), project.source.git(&["rev-parse", "HEAD"]));
        project.folder.write(
            ".pre-commit-config.yaml",
            format!("repos:\n- repo: {address}\n  rev: {revision}\n  hooks:\n  - id: {id}\n"),
        );
        project.folder.git(&["add", "."]);
        let types = ["pre-commit", "pre-merge-commit", "pre-push"].map(|hook| ["--hook-type", hook]);
        let run = project.run("pre-commit", &[&["install"], types.as_flattened()].concat());
        assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
        project
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut search = vec![tools(), binaries()];
        search.extend(std::env::split_paths(&std::env::var_os("PATH").expect("a PATH")));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("PATH", std::env::join_paths(search).expect("a PATH"))
            .env("PRE_COMMIT_HOME", self.home.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("SKIP");
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Run {
        let program = if program == "pre-commit" { tools().join(program) } else { program.into() };
        Run::new(self.command(&program.to_string_lossy(), arguments).output().expect("the program runs"))
    }

    /// Commits what is staged; what the framework said when it did not let it through.
    fn commit(&self) -> Result<(), String> {
        outcome(self.run("git", &["commit", "-qm", "x"]))
    }

    fn stage_secret(&self, name: &str, seed: u32) {
        self.folder.write(name, format!("TOKEN={}\n", github_token(seed)));
        self.folder.git(&["add", name]);
    }
}

fn outcome(run: Run) -> Result<(), String> {
    if run.status == 0 { Ok(()) } else { Err(run.stdout + &run.stderr) }
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where the framework is.
fn tools() -> PathBuf {
    let folder = std::env::var_os("KEYSWEEP_TEST_VENV").expect("tests/run sets KEYSWEEP_TEST_VENV");
    Path::new(&folder).join("bin")
}

/// Where the keysweep under test is.
fn binaries() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_keysweep")).parent().expect("a folder").to_owned()
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn the_manifest_is_valid() {
    let output = Command::new(tools().join("pre-commit"))
        .args(["validate-manifest", ".pre-commit-hooks.yaml"])
        .current_dir(package())
        .output()
        .expect("pre-commit runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn a_commit_is_blocked_only_for_a_secret() {
    let project = Project::new();
    project.folder.write("a.txt", "hello\n");
    project.folder.git(&["add", "."]);
    project.commit().expect("a clean commit passes");

    // Several files, one of them with a name that needs care; each is named.
    for (seed, name) in ["one.env", "two words.env", "deep/er/three.env"].into_iter().enumerate() {
        project.stage_secret(name, seed as u32);
    }
    // A change that is not staged is stashed by the framework and not looked at.
    project.folder.write("a.txt", format!("TOKEN={}\n", github_token(9)));
    let said = project.commit().expect_err("a secret is staged");
    for words in ["one.env", "two words.env", "deep/er/three.env", "keysweep stopped this commit", "3 credentials"] {
        assert!(said.contains(words), "`{words}` in:\n{said}");
    }
    assert!(!said.contains("a.txt") && !said.contains(&github_token(1)[4..]), "{said}");

    let mut skipped = project.command("git", &["commit", "-qm", "x"]);
    let skipped = Run::new(skipped.env("SKIP", "keysweep-system").output().expect("git runs"));
    assert_eq!(skipped.status, 0, "{}", skipped.stderr);
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn all_files_by_hand_means_the_work_tree() {
    let project = Project::new();
    project.stage_secret("old.env", 1);
    project.folder.git(&["commit", "-qnm", "before there was a hook"]);
    let run = project.run("pre-commit", &["run", "--all-files"]);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stdout.contains("old.env"), "{}", run.stdout);
    let manual = project.run("pre-commit", &["run", "--all-files", "--hook-stage", "manual"]);
    assert_eq!(manual.status, 1, "{}", manual.stdout);
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn a_push_is_checked_for_the_commits_it_brings() {
    let project = Project::new();
    let remote = Folder::new();
    assert!(git_command(remote.path()).args(["init", "-q", "--bare"]).status().expect("git runs").success());
    project.folder.git(&["remote", "add", "origin", &remote.path().display().to_string()]);
    let push = || outcome(project.run("git", &["push", "-q", "origin", "HEAD"]));
    let commit_unchecked = || project.folder.git(&["commit", "-qnm", "x"]);

    // The very first push brings everything.
    project.stage_secret("first.env", 1);
    commit_unchecked();
    let said = push().expect_err("the root commit has a secret");
    assert!(said.contains("first.env") && said.contains("stopped this push"), "{said}");
    project.folder.git(&["rm", "-qf", "first.env"]);
    project.folder.git(&["commit", "-qn", "--amend", "-m", "clean"]);
    push().expect("nothing is left to find");

    // Later ones bring a range; a secret that a later commit of it takes away still goes out.
    project.stage_secret("second.env", 2);
    commit_unchecked();
    project.folder.git(&["rm", "-qf", "second.env"]);
    commit_unchecked();
    let said = push().expect_err("a commit of the range has a secret");
    assert!(said.contains("second.env"), "{said}");
    project.folder.git(&["reset", "-q", "--hard", "origin/main"]);
    project.folder.write("a.txt", "hello\n");
    project.folder.git(&["add", "."]);
    project.commit().expect("clean");
    push().expect("clean");

    // `--from-ref --to-ref`, as CI jobs call it.
    project.stage_secret("third.env", 3);
    commit_unchecked();
    let run = project.run("pre-commit", &["run", "--from-ref", "HEAD~1", "--to-ref", "HEAD"]);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stdout.contains("third.env"), "{}", run.stdout);
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn the_doctor_tests_the_framework_too() {
    let project = Project::new();
    project.folder.git(&["commit", "-qnm", "configuration"]);
    let keysweep = env!("CARGO_BIN_EXE_keysweep");
    let run = project.run(keysweep, &["hook", "doctor"]);
    assert_eq!(run.status, 2, "somebody else's hooks are not run unasked: {}", run.stdout);
    let run = project.run(keysweep, &["hook", "doctor", "--any"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("blocks a credential"), "{}", run.stdout);
    assert_eq!(project.folder.git(&["status", "--porcelain"]), "");
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn both_may_be_installed() {
    let project = Project::new();
    let keysweep = env!("CARGO_BIN_EXE_keysweep");
    let run = project.run(keysweep, &["hook", "install"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    project.commit().expect("clean");
    project.stage_secret("a.env", 1);
    project.commit().expect_err("a secret is staged");
    let run = project.run(keysweep, &["hook", "uninstall"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    project.commit().expect_err("the framework's hook is back");
}

/// The hook that the framework builds: a plain `cargo install --path .`, without the lock file. It takes a release
/// build, so only `.ci/run` asks for it.
#[test]
#[ignore = "needs the tools that tests/run installs"]
fn the_framework_builds_the_hook_from_source() {
    if std::env::var_os("KEYSWEEP_TEST_INSTALL").is_none() {
        return;
    }
    let source = Folder::repository();
    let files = git_command(package())
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .expect("git runs");
    for name in String::from_utf8_lossy(&files.stdout).split('\0').filter(|name| !name.is_empty()) {
        if let Ok(content) = std::fs::read(package().join(name)) {
            source.write(name, content);
        }
    }
    // What is built once serves the next time; nothing is shared with the build that runs this test.
    let target = package().join("target/pre-commit");
    let project = Project::with("keysweep", source);
    project.folder.write("a.txt", "hello\n");
    project.folder.git(&["add", "."]);
    let commit = || {
        let mut command = project.command("git", &["commit", "-qm", "x"]);
        outcome(Run::new(command.env("CARGO_TARGET_DIR", &target).output().expect("git runs")))
    };
    commit().expect("a clean commit passes");
    project.stage_secret("a.env", 1);
    let said = commit().expect_err("a secret is staged");
    assert!(said.contains("a.env"), "{said}");
}
