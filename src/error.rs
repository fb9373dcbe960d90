//! What can go wrong: [`Error`] ends a command, [`Notice`] is trouble with one file or object that the scan survives.
//!
//! Neither ever holds scanned content, so neither can leak a secret.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Why a command could not do what it was asked. Ends with exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}{mend}", path = path.display(), mend = mend(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A rule is unusable.
    #[error("{file}: rule `{rule}`: {message}")]
    Rule {
        /// The file the rule stands in.
        file: String,
        /// The rule's id.
        rule: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// A configuration, ignore or baseline file is unusable.
    #[error("{file}: {message}")]
    Config {
        /// The file.
        file: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// A git repository cannot be opened or asked.
    #[error("{repository}: {message}")]
    Git {
        /// The repository's path.
        repository: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// The command line asks for something impossible.
    #[error("{0}")]
    Usage(String),
}

#[cfg(feature = "cli")]
impl Error {
    /// What is wrong in `file`, in words that go behind its name: they do not tell it again.
    pub(crate) fn within(&self, file: &str) -> String {
        let words = self.to_string();
        words.strip_prefix(file).and_then(|rest| rest.strip_prefix(": ")).map(str::to_owned).unwrap_or(words)
    }
}

/// What a person can do about a file that cannot be read or written, behind what the system said.
pub(crate) fn mend(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "; check the path and the folder you run it in",
        ErrorKind::PermissionDenied => "; check who owns it and may read or write it",
        ErrorKind::IsADirectory => "; a file is asked for, not a folder",
        ErrorKind::NotADirectory => "; a folder is asked for, not a file",
        ErrorKind::AlreadyExists => "; something else is there: name another place",
        ErrorKind::StorageFull => "; free some room and run it again",
        ErrorKind::ReadOnlyFilesystem => "; name a place that can be written",
        _ => "",
    }
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of trouble a [`Notice`] tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// A file or object exists but could not be read.
    Unreadable,
    /// An object that must exist is missing (partial clone, corrupt repository).
    MissingObject,
    /// History ends at a shallow boundary inside the asked range.
    ShallowBoundary,
    /// A budget (time, memory, size of output) was used up.
    Budget,
    /// Content is malformed (encoding, archive, pack entry) and was scanned as raw bytes or not at all.
    Malformed,
    /// A setting or foreign configuration cannot be honoured.
    Configuration,
    /// An accepted finding, ignore entry or baseline entry has run out or matches nothing any more.
    Expired,
    /// Something worth knowing that changes nothing.
    Information,
}

/// Trouble with one file, object or setting: counted, shown, in every report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notice {
    /// What kind of trouble.
    pub kind: NoticeKind,
    /// The file it is about, with `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The git object it is about, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What happened, in one sentence.
    pub message: String,
    /// How to mend it, where we know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// Whether something that should have been scanned was not: exit status 2.
    pub gap: bool,
}

impl Notice {
    /// A notice about a file. Set `mend`, `object` and `gap` with struct update where they apply.
    pub fn new(kind: NoticeKind, message: impl Into<String>) -> Self {
        Self { kind, path: None, object: None, message: message.into(), mend: None, gap: false }
    }

    /// The same notice about `path`.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same notice about the git object `id` (hex).
    #[must_use]
    pub fn object(mut self, id: impl Into<String>) -> Self {
        self.object = Some(id.into());
        self
    }

    /// The same notice with advice.
    #[must_use]
    pub fn mend(mut self, advice: impl Into<String>) -> Self {
        self.mend = Some(advice.into());
        self
    }

    /// The same notice as a gap in coverage: the scan is incomplete (exit status 2).
    #[must_use]
    pub fn gap(mut self) -> Self {
        self.gap = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn what_the_system_says_comes_with_a_mend() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        let said = Error::Io { path: "rules.toml".into(), source }.to_string();
        assert!(
            said.starts_with("rules.toml: ") && said.ends_with("; check the path and the folder you run it in"),
            "{said}"
        );
    }
}
