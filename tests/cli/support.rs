//! What the areas share: run the binary, make folders and git repositories, make up secrets.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that goes when the test ends.
pub(crate) struct Folder {
    temporary: tempfile::TempDir,
}

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { temporary: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A git repository on branch `main` with a neutral identity.
    #[allow(dead_code)]
    pub(crate) fn repository() -> Self {
        let folder = Self::new();
        folder.git(&["init", "--quiet", "--initial-branch=main"]);
        folder.git(&["config", "user.name", "Test Author"]);
        folder.git(&["config", "user.email", "author@example.invalid"]);
        folder
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Writes a file, folders and all.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders are made");
        std::fs::write(&path, content).expect("the file is written");
        path
    }

    /// Runs git here; its standard output, trimmed. Fails the test when git fails.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = git_command(self.path()).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs keysweep in a folder below.
    #[allow(dead_code)]
    pub(crate) fn keysweep_in(&self, below: &str, arguments: &[&str]) -> Run {
        Run::new(keysweep(&self.path().join(below)).args(arguments).output().expect("keysweep runs"))
    }

    /// Runs keysweep here.
    pub(crate) fn keysweep(&self, arguments: &[&str]) -> Run {
        Run::new(keysweep(self.path()).args(arguments).output().expect("keysweep runs"))
    }
}

/// git with no configuration but the repository's.
pub(crate) fn git_command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// The binary under test, in `folder`, with a clean environment for git and colours.
pub(crate) fn keysweep(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keysweep"));
    command
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("NO_COLOR", "1");
    command
}

/// What a run said.
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    #[allow(dead_code)]
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A classic GitHub token with a valid checksum, made up; another one for each seed.
pub(crate) fn github_token(seed: u32) -> String {
    keysweep::rules::template::expand("ghp_{mark}{base62:30}{crc32-base62}", u64::from(seed)).expect("a valid template")
}
