//! `keysweep hook doctor`: proof that the hooks block. A made-up credential is put into a temporary index (and, for a
//! push, into a commit that no ref names), the hook is run the way git runs it, and it must refuse and name the file.
//!
//! Nothing stays behind: index and objects go into a temporary folder (`GIT_INDEX_FILE`, `GIT_OBJECT_DIRECTORY`), refs
//! and the work tree are not touched, and other people's hooks behind ours are left out.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use anstream::println;
use clap::Args;

use super::place::{Place, git};
use super::shim;
use super::stage::Stage;
use crate::error::{Error, Result};
use crate::rules::{RuleSet, template};

/// Arguments of `keysweep hook doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Test hooks that keysweep did not write as well; all they do is done (a formatter may format)
    #[arg(long)]
    any: bool,
}

/// The canary's file. The hook must name it.
const CANARY: &str = "keysweep-doctor-canary.env";
/// The rule whose example is the canary.
const RULE: &str = "github-pat-classic";

/// How a hook fared.
enum Verdict {
    Blocks,
    LetsThrough,
    /// It failed, but not because of the canary. What it said.
    Fails(String),
    Absent,
    Foreign,
}

/// Runs every hook that is installed; 0 when the pre-commit hook and every other hook of ours block.
pub(super) fn run(arguments: &DoctorArguments) -> Result<u8> {
    let place = Place::here()?;
    let trial = Trial::new(&place)?;
    let mut healthy = true;
    for stage in Stage::USUAL {
        let verdict = trial.verdict(stage, arguments.any)?;
        let words = match &verdict {
            Verdict::Blocks => "blocks a credential".to_owned(),
            Verdict::LetsThrough => "LETS A CREDENTIAL THROUGH".to_owned(),
            Verdict::Fails(said) => format!("fails, but not because of the credential. It said:\n{}", said.trim_end()),
            Verdict::Absent => "not installed (`keysweep hook install`)".to_owned(),
            Verdict::Foreign => "not written by keysweep; `--any` runs it all the same, with all it does".to_owned(),
        };
        println!("{:<17} {words}", stage.name());
        healthy &= match verdict {
            Verdict::Blocks => true,
            Verdict::Absent | Verdict::Foreign => stage != Stage::PreCommit,
            Verdict::LetsThrough | Verdict::Fails(_) => false,
        };
    }
    Ok(if healthy { 0 } else { 2 })
}

/// A temporary index with the canary in it, beside the repository.
struct Trial<'p> {
    place: &'p Place,
    scratch: Scratch,
    /// The variables that send git's writing into the scratch folder.
    variables: Vec<(&'static str, PathBuf)>,
}

impl<'p> Trial<'p> {
    fn new(place: &'p Place) -> Result<Self> {
        let scratch = Scratch::new()?;
        let objects = scratch.path.join("objects");
        fs::create_dir(&objects).map_err(|source| Error::Io { path: objects.clone(), source })?;
        let index = scratch.path.join("index");
        let real = place.top.join(git(&place.top, &["rev-parse", "--git-path", "index"])?);
        if real.exists() {
            fs::copy(&real, &index).map_err(|source| Error::Io { path: real, source })?;
        }
        let store = place.top.join(git(&place.top, &["rev-parse", "--git-path", "objects"])?);
        let variables = vec![
            ("GIT_INDEX_FILE", index),
            ("GIT_OBJECT_DIRECTORY", objects),
            ("GIT_ALTERNATE_OBJECT_DIRECTORIES", PathBuf::from(listed(&store))),
        ];
        let trial = Self { place, scratch, variables };
        let blob = trial.ask(&["hash-object", "-w", "--stdin"], format!("TOKEN={}\n", canary()?).as_bytes())?;
        let entry = format!("100644,{blob},{CANARY}");
        trial.ask(&["update-index", "--add", "--cacheinfo", &entry], b"")?;
        Ok(trial)
    }

    fn verdict(&self, stage: Stage, any: bool) -> Result<Verdict> {
        let file = self.place.file(stage);
        if !file.exists() {
            return Ok(Verdict::Absent);
        }
        if !shim::is_ours(&file) && !any {
            return Ok(Verdict::Foreign);
        }
        let output = self.hook(stage)?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok(match (output.status.success(), said.contains(CANARY)) {
            (true, _) => Verdict::LetsThrough,
            (false, true) => Verdict::Blocks,
            (false, false) => Verdict::Fails(said),
        })
    }

    /// Runs a hook as git does.
    fn hook(&self, stage: Stage) -> Result<Output> {
        let mut arguments = vec!["hook".to_owned(), "run".to_owned()];
        if stage == Stage::PrePush {
            let input = self.scratch.path.join("push");
            fs::write(&input, self.push()?).map_err(|source| Error::Io { path: input.clone(), source })?;
            arguments.push(format!("--to-stdin={}", input.display()));
        }
        arguments.push(stage.name().to_owned());
        if stage == Stage::PrePush {
            arguments.extend(["--", "keysweep-doctor", "."].map(str::to_owned));
        }
        let output = self.git(&arguments, b"")?;
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("'hook' is not a git command") {
            return Err(self.error("this git cannot run a hook by itself: git 2.36 or newer is needed".to_owned()));
        }
        Ok(output)
    }

    /// What git would tell the pre-push hook: one commit more than HEAD, and the canary in it.
    fn push(&self) -> Result<String> {
        let tree = self.ask(&["write-tree", "--missing-ok"], b"")?;
        let head = git(&self.place.top, &["rev-parse", "--verify", "--quiet", "HEAD"]).ok();
        let mut arguments = vec!["commit-tree", tree.as_str(), "-m", "keysweep hook doctor"];
        if let Some(head) = &head {
            arguments.extend(["-p", head.as_str()]);
        }
        let commit = self.ask(&arguments, b"")?;
        let name = "refs/heads/keysweep-doctor";
        let known = head.unwrap_or_else(|| "0".repeat(commit.len()));
        Ok(format!("{name} {commit} {name} {known}\n"))
    }

    /// What git says to a question, its writing sent into the scratch folder.
    fn ask(&self, arguments: &[&str], input: &[u8]) -> Result<String> {
        let output = self.git(arguments, input)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(self.error(said.trim().trim_start_matches("fatal: ").to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn git(&self, arguments: &[impl AsRef<std::ffi::OsStr>], input: &[u8]) -> Result<Output> {
        let failed = |reason: std::io::Error| self.error(format!("git cannot be run: {reason}"));
        let mut child = Command::new("git")
            .current_dir(&self.place.top)
            // A split index would write its shared half into the repository, whatever index is named.
            .args(["-c", "core.splitIndex=false"])
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env(shim::DOCTOR, "1")
            .envs(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|name| (name, "keysweep hook doctor")))
            .envs(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|name| (name, "doctor@keysweep.invalid")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A hook need not read what it is told; a command that must says itself what it lacks.
            let _ = stdin.write_all(input);
        }
        child.wait_with_output().map_err(failed)
    }

    fn error(&self, message: String) -> Error {
        Error::Git { repository: self.place.top.display().to_string(), message }
    }
}

/// A made-up credential, another one each time, so that nobody can have allowed it.
fn canary() -> Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = now.as_nanos() as u64 ^ (u64::from(std::process::id()) << 32);
    let rules = RuleSet::builtin();
    let fault = |message: &str| Error::Rule { file: "built in".into(), rule: RULE.into(), message: message.into() };
    let example = rules.rules().iter().find(|rule| &*rule.id == RULE).and_then(|rule| rule.samples.examples().first());
    let example = example.ok_or_else(|| fault("it has no example to try hooks with"))?;
    template::expand(example, seed).map_err(|message| fault(&message))
}

/// A folder as one of git's list of object folders: quoted where it holds the separator.
fn listed(folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    if folder.contains([':', ';', '"']) && cfg!(unix) {
        format!("\"{}\"", folder.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        folder.into_owned()
    }
}

/// A folder that nobody else can read and that goes when this does.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new() -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let path = std::env::temp_dir().join(format!("keysweep-doctor-{}-{}", std::process::id(), now.as_nanos()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done here when it fails; the folder lies among temporary files.
        let _ = fs::remove_dir_all(&self.path);
    }
}
