//! Refs: HEAD, what a merge under way will have as parents, all of them, and what a revision means.

use git2::{ErrorCode, ObjectType, Oid};

use super::Repo;
use crate::error::Result;

impl Repo {
    /// The commit HEAD is at; `None` before the first commit.
    ///
    /// # Errors
    /// When HEAD is broken.
    pub fn head(&self) -> Result<Option<Oid>> {
        if self.reftable {
            // It fails before the first commit, too; then everything counts as added.
            let said = self.command(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).unwrap_or_default();
            return Ok(self.parse_id(String::from_utf8_lossy(&said).trim()));
        }
        let head = match self.git.head() {
            Ok(head) => head,
            Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => return Ok(None),
            Err(error) => return Err(self.opener.explain(&error)),
        };
        let commit = head.peel(ObjectType::Commit).map_err(|error| self.opener.explain(&error))?;
        Ok(Some(commit.id()))
    }

    /// The commits a merge under way adds as parents (`MERGE_HEAD`).
    pub(super) fn merge_heads(&self) -> Vec<Oid> {
        let text = std::fs::read_to_string(self.git.path().join("MERGE_HEAD")).unwrap_or_default();
        text.lines().filter_map(|line| self.parse_id(line.trim())).collect()
    }
}
