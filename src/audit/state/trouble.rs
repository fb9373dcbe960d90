//! Trouble with the state's database in words: which file, what the system said, what to do.

use std::path::Path;

use crate::error::{Error, mend};

/// What trouble with the database begins with where it is not known which file it is in.
pub(super) const NAMELESS: &str = "the state: ";

/// Trouble of the database, in words.
pub(in crate::audit) fn failed(error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(source) => Error::Usage(format!("{NAMELESS}{source}{}", mend(&source))),
        error => Error::Usage(format!("{NAMELESS}{error}")),
    }
}

/// The same trouble with the name of the file.
pub(super) fn named(path: &Path, error: Error) -> Error {
    match error {
        Error::Usage(text) => Error::Usage(match text.strip_prefix(NAMELESS) {
            Some(what) => format!("{}: the state cannot be used: {what}", path.display()),
            None => text,
        }),
        error => error,
    }
}

/// Whether it is the file's content that makes reading it fail, not the disk or the system.
pub(super) fn is_damage(error: &std::io::Error) -> bool {
    [std::io::ErrorKind::InvalidData, std::io::ErrorKind::UnexpectedEof].contains(&error.kind())
}
