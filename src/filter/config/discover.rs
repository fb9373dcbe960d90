//! Which files hold for a target: the repository's root, its config, ignore files and baselines; and how they are read.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::filter::candidate::normal;
use crate::filter::{baseline, ignore_file};

/// Our configuration's name.
pub const NAME: &str = "keysweep.toml";
/// gitleaks' configuration's name.
pub const GITLEAKS: &str = ".gitleaks.toml";
/// gitleaks' ignore file's name.
pub const GITLEAKS_IGNORE: &str = ".gitleaksignore";
/// detect-secrets' baseline's name.
pub const DETECT_SECRETS: &str = ".secrets.baseline";

/// Largest configuration, ignore file or baseline that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// What was found round a target.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// What paths of files on disk are relative to.
    pub root: PathBuf,
    /// Whether `root` is a repository's.
    pub repository: bool,
    /// `keysweep.toml`, upward from the target.
    pub config: Option<PathBuf>,
    /// `.gitleaks.toml` beside the target or at the root.
    pub gitleaks: Option<PathBuf>,
    /// `.keysweepignore`.
    pub ignore_file: Option<PathBuf>,
    /// `.keysweep.baseline`.
    pub baseline: Option<PathBuf>,
    /// `.gitleaksignore`.
    pub gitleaks_ignore: Option<PathBuf>,
    /// `.secrets.baseline`.
    pub detect_secrets: Option<PathBuf>,
}

/// Looks upward from `target` (a file or folder; `-` stands for the current folder).
///
/// A repository is searched up to its root. Outside of one only folders at or below the current one count, so that
/// a file somebody left in a shared parent folder decides nothing.
pub fn discover(target: &Path) -> Places {
    let current = std::env::current_dir().unwrap_or_default();
    let absolute = if target.as_os_str() == "-" { current.clone() } else { normal(&current.join(target)) };
    let start = if absolute.is_dir() { absolute } else { absolute.parent().map(Path::to_owned).unwrap_or_default() };
    let root = start.ancestors().find(|folder| folder.join(".git").exists());
    let repository = root.is_some();
    let inside = |folder: &&Path| match root {
        Some(root) => folder.starts_with(root),
        None => **folder == start || folder.starts_with(&current),
    };
    let config = start.ancestors().take_while(inside).map(|folder| folder.join(NAME)).find(|file| file.is_file());
    let fallback =
        config.as_deref().and_then(Path::parent).unwrap_or(if start.starts_with(&current) { &current } else { &start });
    let root = root.unwrap_or(fallback).to_owned();
    let near = |name: &str| [&root, &start].into_iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    Places {
        gitleaks: near(GITLEAKS),
        ignore_file: near(ignore_file::NAME),
        baseline: near(baseline::NAME),
        gitleaks_ignore: near(GITLEAKS_IGNORE),
        detect_secrets: near(DETECT_SECRETS),
        root,
        repository,
        config,
    }
}

/// Reads a file of settings.
///
/// # Errors
/// When it cannot be read, is too large or is no UTF-8.
pub fn read(path: &Path) -> Result<String> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let config = |message: String| Error::Config { file: shown(path), message };
    let metadata = fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        return Err(config("it is no regular file".to_owned()));
    }
    if metadata.len() > LARGEST {
        return Err(config(format!("it has {} bytes; at most {LARGEST} are read", metadata.len())));
    }
    let bytes = fs::read(path).map_err(io)?;
    String::from_utf8(bytes).map_err(|_| config("it is no UTF-8 text".to_owned()))
}

/// A path as messages show it: relative to the current folder where it lies below it, with `/`.
pub fn shown(path: &Path) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&current).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
