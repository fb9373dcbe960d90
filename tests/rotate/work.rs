//! A work folder for one test: policy, leak and state, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with a policy and everything a run leaves.
pub(crate) struct Work {
    folder: tempfile::TempDir,
    /// Given to the program.
    pub(crate) environment: Vec<(String, String)>,
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Run {
    /// `None` when it was killed.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Work {
    pub(crate) fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("home")).expect("made");
        let work = Self { folder, environment: Vec::new() };
        work.write("policy.toml", policy);
        work
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("readable")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keysweep"));
        command
            .current_dir(self.path())
            .args(arguments)
            .env("HOME", self.path().join("home"))
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_STATE_HOME")
            .env("NO_COLOR", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs `keysweep ARGUMENTS --policy policy.toml`.
    pub(crate) fn keysweep(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command.args(["--policy", "policy.toml"]);
        Run::new(&command.output().expect("keysweep runs"))
    }

    /// The same, killed at a fault point.
    pub(crate) fn killed_at(&self, point: &str, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command.args(["--policy", "policy.toml"]).env("KEYSWEEP_TEST_KILL", point);
        let run = Run::new(&command.output().expect("keysweep runs"));
        assert_eq!(run.status, None, "it was not killed at {point}: {run:?}");
        run
    }

    /// Plans for `leak.txt` into `plan.json`, which must have work to do.
    pub(crate) fn plan(&self, more: &[&str]) -> Run {
        let run = self.keysweep(&[&["rotate", "plan", "leak.txt", "--output", "plan.json"], more].concat());
        assert_eq!(run.status, Some(1), "{run:?}");
        run
    }

    /// The names of its runs, oldest first.
    pub(crate) fn runs(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path().join("home/.local/state/keysweep/rotate/runs"));
        let entries =
            entries.into_iter().flatten().flatten().filter(|entry| entry.path().join("journal.jsonl").exists());
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The newest run's name.
    pub(crate) fn run_name(&self) -> String {
        self.runs().pop().expect("a run")
    }

    /// Every longer word of the leak and of the files that follow: whatever a value is, it is among them.
    pub(crate) fn words(&self) -> Vec<String> {
        let deployed = std::fs::read_dir(self.path().join("deploy")).into_iter().flatten().flatten();
        let files = deployed.map(|entry| entry.path()).chain([self.path().join("leak.txt")]);
        let texts = files.map(|path| std::fs::read_to_string(path).unwrap_or_default());
        let words = texts.flat_map(|text| {
            let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"+/".contains(letter));
            // What the operator gives in the environment is theirs, and keys have the same first line.
            let given = |word: &&str| self.environment.iter().any(|(_, value)| value.contains(word));
            parts.filter(|word| word.len() >= 16 && !given(word)).map(str::to_owned).collect::<Vec<_>>()
        });
        words.collect()
    }

    /// The newest run's evidence, checked by the program.
    pub(crate) fn evidence(&self) -> serde_json::Value {
        let name = format!("home/.local/state/keysweep/rotate/runs/{}/evidence.json", self.run_name());
        let run = Run::new(&self.command(&["rotate", "prove", "--check", &name]).output().expect("keysweep runs"));
        assert_eq!(run.status, Some(0), "{run:?}");
        serde_json::from_str(&self.read(&name)).expect("JSON")
    }

    /// No file holds any of `secrets` in clear, but those that are named.
    pub(crate) fn assert_not_on_disk(&self, secrets: &[&str], but: &[&str]) {
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("readable").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(self.path()).expect("below").to_string_lossy().into_owned();
                let bytes = std::fs::read(&path).expect("readable");
                let text = String::from_utf8_lossy(&bytes);
                for secret in secrets {
                    assert!(but.contains(&name.as_str()) || !text.contains(secret), "{name} holds a secret in clear");
                }
            }
        }
    }
}

impl Run {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Nothing that was said holds any of `secrets`.
    pub(crate) fn assert_silent(&self, secrets: &[&str]) {
        for secret in secrets {
            assert!(!self.stdout.contains(secret) && !self.stderr.contains(secret), "a secret was said: {self:?}");
        }
    }
}

/// A made-up value from a template of the rules' generator.
pub(crate) fn made_up(template: &str, seed: u64) -> String {
    keysweep::rules::template::expand(template, seed).expect("a valid template")
}
