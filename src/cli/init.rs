//! `keysweep init`: a configuration with a salt, the hook, the CI job. Nothing that is there is overwritten.

use std::fs;
use std::path::{Path, PathBuf};

use super::baseline::write_file;
use super::config::reference;
use super::gather::print;
use crate::error::{Error, Result};
use crate::filter::config::discover::{discover, shown};
use crate::finding::identity::new_salt;

/// Arguments of `keysweep init`.
#[derive(Debug, clap::Args)]
pub struct InitArguments {
    /// The repository
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// The CI job that is written; auto looks at the repository's remotes and folders
    #[arg(long, value_enum, default_value = "auto")]
    pub ci: Ci,
    /// Overwrite files that are there
    #[arg(long)]
    pub force: bool,
}

/// Which CI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ci {
    /// What the repository seems to use
    Auto,
    /// GitHub Actions
    Github,
    /// GitLab CI
    Gitlab,
    /// None
    None,
}

const PRE_COMMIT: &str = "\
repos:
  - repo: local
    hooks:
      - id: keysweep
        name: keysweep (leaked credentials)
        entry: keysweep hook run
        language: system
        pass_filenames: false
        always_run: true
        require_serial: true
        stages: [pre-commit, pre-merge-commit, pre-push, manual]
";

const GITHUB: &str = "\
name: keysweep
on:
  push:
  pull_request:
permissions:
  contents: read
jobs:
  leaked-credentials:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
          persist-credentials: false
      - run: cargo install keysweep --locked
      - run: keysweep scan --format github --report sarif=keysweep.sarif
";

const GITLAB: &str = "\
keysweep:
  stage: test
  image: rust:latest
  variables:
    GIT_DEPTH: \"0\"
  script:
    - cargo install keysweep --locked
    - keysweep scan --report gitlab=gl-secret-detection-report.json
  artifacts:
    when: always
    reports:
      secret_detection: gl-secret-detection-report.json
";

/// Runs the command.
///
/// # Errors
/// When a file cannot be written.
pub fn run(arguments: &InitArguments) -> Result<u8> {
    if !arguments.folder.is_dir() {
        return Err(Error::Usage(format!("{} is no folder", arguments.folder.display())));
    }
    let root = discover(&arguments.folder).root;
    let mut said = String::new();
    let salt = new_salt()?;
    put(&root.join("keysweep.toml"), &reference(Some(&salt)), None, arguments.force, &mut said)?;
    put(&root.join(".pre-commit-config.yaml"), PRE_COMMIT, Some(PRE_COMMIT), arguments.force, &mut said)?;
    let ci = if arguments.ci == Ci::Auto { detect(&root) } else { arguments.ci };
    match ci {
        Ci::Github => put(&root.join(".github/workflows/keysweep.yml"), GITHUB, None, arguments.force, &mut said)?,
        Ci::Gitlab => put(&root.join(".gitlab-ci.yml"), GITLAB, Some(GITLAB), arguments.force, &mut said)?,
        Ci::Auto | Ci::None => {}
    }
    if ci == Ci::None && arguments.ci == Ci::Auto {
        said.push_str("No CI job was written: --ci github or --ci gitlab says which\n");
    }
    said.push_str(
        "Next: `keysweep scan` shows what is there; `keysweep baseline create` accepts it for now, so that only new \
         secrets fail.\n",
    );
    print(&said)?;
    Ok(0)
}

/// Writes a file that is not there; else says so, with the text to add when one is given.
fn put(path: &Path, text: &str, add: Option<&str>, force: bool, said: &mut String) -> Result<()> {
    let name = shown(path);
    if path.symlink_metadata().is_ok() && !force {
        said.push_str(&format!("{name} is there and was left as it is (--force overwrites it)\n"));
        if let Some(add) = add.filter(|_| !fs::read_to_string(path).unwrap_or_default().contains("keysweep")) {
            said.push_str("  add to it:\n");
            add.lines().for_each(|line| said.push_str(&format!("    {line}\n")));
        }
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
    }
    write_file(path, text)?;
    said.push_str(&format!("{name} was written\n"));
    Ok(())
}

fn detect(root: &Path) -> Ci {
    let remotes = fs::read_to_string(root.join(".git/config")).unwrap_or_default();
    if root.join(".github").is_dir() || remotes.contains("github") {
        Ci::Github
    } else if root.join(".gitlab-ci.yml").is_file() || remotes.contains("gitlab") {
        Ci::Gitlab
    } else {
        Ci::None
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::filter::Trust;
    use crate::filter::config::read::{Role, read};

    #[test]
    fn the_starter_config_is_valid_as_it_is_and_with_every_line_switched_on() {
        let text = super::reference(Some("0123456789abcdef"));
        let layer = read(&text, "keysweep.toml", Path::new("."), Role::Config(Trust::Repository)).expect("valid");
        assert!(layer.salt.is_some());
        let on: String = text
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.contains(" = ") && !line.contains("\"\"") && !line.contains(": id = "))
            .map(|line| format!("{line}\n"))
            .collect();
        let layer = read(&on, "keysweep.toml", Path::new("."), Role::Config(Trust::Repository)).expect("valid");
        assert_eq!(layer.min_confidence.map(|setting| setting.value), Some(50), "{on}");
    }
}
