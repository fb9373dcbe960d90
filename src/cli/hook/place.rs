//! Where git takes hooks from, and who manages them. git itself is asked, so that `core.hooksPath`, worktrees,
//! submodules and bare repositories mean what they mean to git.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::stage::Stage;
use crate::error::{Error, Result};

/// A repository as its hooks see it.
#[derive(Debug)]
pub(super) struct Place {
    /// Where git runs hooks: the top of the work tree, or the git folder of a bare repository.
    pub(super) top: PathBuf,
    /// The folder git takes hooks from.
    pub(super) hooks: PathBuf,
    /// Who sets that folder.
    pub(super) set_by: SetBy,
    /// Whether the folder lies in the work tree, so that its files are committed and shared.
    pub(super) shared: bool,
}

/// Who says where the hooks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetBy {
    /// Nobody: the repository's own `hooks`.
    Default,
    /// `core.hooksPath` of this repository or worktree.
    Repository,
    /// `core.hooksPath` of the user or the system: the folder serves other repositories too.
    User,
}

impl Place {
    /// The repository we stand in.
    ///
    /// # Errors
    /// When there is none, or git cannot be run.
    pub(super) fn here() -> Result<Self> {
        let folder = Path::new(".");
        let (bare, top) = match git(folder, &["rev-parse", "--show-toplevel"]) {
            Ok(top) => (false, PathBuf::from(top)),
            // A bare repository has no work tree; whatever else is wrong, the next question tells.
            Err(_) => (true, PathBuf::from(git(folder, &["rev-parse", "--absolute-git-dir"])?)),
        };
        // Relative paths are relative to where hooks run.
        let hooks = top.join(git(&top, &["rev-parse", "--git-path", "hooks"])?);
        let set_by = match git(&top, &["config", "--show-scope", "--get", "core.hooksPath"]) {
            Err(_) => SetBy::Default,
            Ok(scope) if scope.starts_with("global") || scope.starts_with("system") => SetBy::User,
            Ok(_) => SetBy::Repository,
        };
        let shared = set_by == SetBy::Repository && !bare && hooks.starts_with(&top) && {
            let own = git(&top, &["rev-parse", "--git-common-dir"])?;
            !hooks.starts_with(top.join(own))
        };
        Ok(Self { top, hooks, set_by, shared })
    }

    /// The file of a hook.
    pub(super) fn file(&self, stage: Stage) -> PathBuf {
        self.hooks.join(stage.name())
    }

    /// The tool that writes the hooks here and would write over ours.
    pub(super) fn manager(&self, stage: Stage) -> Option<Manager> {
        let husky = self.hooks.components().any(|part| part.as_os_str() == ".husky");
        if husky {
            return Some(Manager::Husky);
        }
        let text = std::fs::read(self.file(stage)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).to_lowercase();
        text.contains("lefthook").then_some(Manager::Lefthook)
    }

    /// The folder as people know it: relative to the top where it lies there.
    pub(super) fn shown(&self) -> String {
        self.hooks.strip_prefix(&self.top).unwrap_or(&self.hooks).display().to_string()
    }
}

/// A tool that writes hook files anew by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    /// husky: `.husky/_` is generated, `.husky/<hook>` is the project's.
    Husky,
    /// lefthook: hook files are generated from `lefthook.yml`.
    Lefthook,
}

impl Manager {
    /// What to do instead of writing a hook file.
    pub(super) fn advice(self, stage: Stage) -> String {
        let hook = stage.name();
        match self {
            Self::Husky => format!(
                "husky manages the hooks here and would write over ours. Let husky call keysweep:\n\
                 \x20 echo 'keysweep hook run --stage {hook}' >> .husky/{hook}\n\
                 or install all the same with --force."
            ),
            Self::Lefthook => format!(
                "lefthook manages the hooks here and would write over ours. Let lefthook call\n\
                 keysweep; put this into lefthook.yml:\n\
                 \x20 {hook}:\n    commands:\n      keysweep:\n        run: keysweep hook run --stage {hook}\n{}\
                 or install all the same with --force.",
                if stage.reads_input() { "        use_stdin: true\n" } else { "" }
            ),
        }
    }
}

/// What git says to a question, without the final newline.
///
/// # Errors
/// With git's own words when it fails.
pub(super) fn git(folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<String> {
    let error = |message: String| Error::Git { repository: folder.display().to_string(), message };
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|reason| error(format!("git cannot be run: {reason}; is it installed?")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(error(said.trim().trim_start_matches("fatal: ").to_owned()));
    }
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.truncate(said.trim_end_matches(['\n', '\r']).len());
    Ok(said)
}
