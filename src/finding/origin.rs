//! Where a finding's bytes came from: enough to read the secret again, and who brought it.

use serde::{Deserialize, Serialize};

/// What kind of thing the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginKind {
    /// A file on disk.
    File,
    /// A blob staged in a git index.
    Index,
    /// A blob as a commit of the asked range has it.
    Commit,
    /// A blob of a git repository.
    Blob,
    /// A commit or tag message, or a name, author, committer or tagger field.
    Message,
    /// A git note.
    Note,
    /// The name of a ref or of a path in a tree.
    Ref,
    /// Added lines of a patch.
    Patch,
    /// Standard input.
    Stdin,
    /// A member of an archive.
    Archive,
    /// A layer or the configuration of a container image.
    Image,
}

impl OriginKind {
    /// The word reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Index => "index",
            Self::Commit => "commit",
            Self::Blob => "blob",
            Self::Message => "message",
            Self::Note => "note",
            Self::Ref => "ref",
            Self::Patch => "patch",
            Self::Stdin => "stdin",
            Self::Archive => "archive",
            Self::Image => "image",
        }
    }
}

/// Where the bytes came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// What kind of thing.
    pub kind: OriginKind,
    /// The repository's path as the user gave it, for git origins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The object's id in hex, for git origins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Path with `/`, relative to the target or repository where there is one; empty when unknown.
    pub path: String,
    /// Path inside an archive, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub member: Vec<String>,
    /// First byte of the secret in the raw bytes.
    pub byte_start: u64,
    /// One past the last byte of the secret.
    pub byte_end: u64,
    /// How the bytes were decoded before they matched (`utf-16le`, `base64`), outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decode: Vec<String>,
}

impl Origin {
    /// An origin of this kind and path; the rest empty.
    pub fn new(kind: OriginKind, path: impl Into<String>) -> Self {
        Self {
            kind,
            repository: None,
            object: None,
            path: path.into(),
            member: Vec::new(),
            byte_start: 0,
            byte_end: 0,
            decode: Vec::new(),
        }
    }
}

/// A commit that matters for a finding. Fields are lossy UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Commit {
    /// Object id in hex (of a tag object, for tag messages).
    pub id: String,
    /// First line of the message.
    pub summary: String,
    /// Author's name.
    pub author: String,
    /// Author's address.
    pub email: String,
    /// Author date, RFC 3339 with offset.
    pub date: String,
    /// Refs that still contain the secret, sorted: at most twenty, branches before others; empty when unreachable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<String>,
    /// How many refs that are in all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refs_count: u64,
    /// Whether HEAD's tree still has it; `None` when not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_head: Option<bool>,
    /// The commit that removed it, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_by: Option<String>,
    /// When that was: its committer date, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<String>,
    /// Paths at which the same secret stood, beyond the finding's own: the first twenty by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_paths: Vec<String>,
    /// How many paths that are in all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other_paths_count: u64,
    /// No ref reaches it: only a reflog does, or nothing (`reflog`, `unreachable`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
