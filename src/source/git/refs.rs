//! Refs: HEAD, what a merge under way will have as parents, all of them, and what a revision means.

use git2::{ErrorCode, ObjectType, Oid};

use super::gaps::Gaps;
use super::{Repo, clean};
use crate::error::{Notice, NoticeKind, Result};

/// A ref and the object it names (a tag object is not peeled).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ref {
    /// Its full name, lossy where it is not UTF-8.
    pub name: String,
    /// What it points at.
    pub target: Oid,
}

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
        Ok(Some(clean(commit.id())))
    }

    /// The commits a merge under way adds as parents (`MERGE_HEAD`).
    pub(super) fn merge_heads(&self) -> Vec<Oid> {
        let text = std::fs::read_to_string(self.git.path().join("MERGE_HEAD")).unwrap_or_default();
        // While `git merge` runs the pre-merge-commit hook that file is not written yet, but the environment knows.
        let variables = self.opener.environment.then(std::env::vars_os).into_iter().flatten();
        let named: Vec<String> = variables
            .filter_map(|(name, _)| name.to_str().and_then(|name| name.strip_prefix("GITHEAD_")).map(str::to_owned))
            .collect();
        text.lines().chain(named.iter().map(String::as_str)).filter_map(|line| self.parse_id(line.trim())).collect()
    }

    /// All refs, sorted by name, HEAD not among them. A broken one is a gap.
    ///
    /// # Errors
    /// When refs cannot be listed at all.
    pub fn refs(&self, gaps: &Gaps) -> Result<Vec<Ref>> {
        let mut refs = Vec::new();
        if self.reftable {
            let list = self.command(&["for-each-ref", "--format=%(objectname) %(refname)"])?;
            for line in String::from_utf8_lossy(&list).lines() {
                let parsed = line.split_once(' ').and_then(|(id, name)| Some((self.parse_id(id)?, name)));
                let Some((target, name)) = parsed else {
                    return Err(self.opener.error("`git for-each-ref` said something unexpected"));
                };
                refs.push(Ref { name: name.to_owned(), target });
            }
        } else {
            for reference in self.git.references().map_err(|error| self.opener.explain(&error))? {
                let named = reference.and_then(|reference| {
                    let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
                    // To resolve one that names its object already would look it up again.
                    let target = reference.target();
                    Ok((name, if target.is_some() { target } else { reference.resolve()?.target() }))
                });
                match named {
                    Ok((name, Some(target))) => refs.push(Ref { name, target: clean(target) }),
                    // A symbolic ref to a branch without commits yet (refs/remotes/origin/HEAD) names nothing.
                    Ok((_, None)) => {}
                    Err(error) if error.code() == ErrorCode::NotFound => {}
                    Err(error) => {
                        let notice =
                            Notice::new(NoticeKind::Unreadable, format!("a ref is broken: {}", error.message()));
                        gaps.add(notice.mend("see `git fsck`; delete the ref or set it anew").gap());
                    }
                }
            }
        }
        refs.sort();
        Ok(refs)
    }

    /// The commit a revision means.
    ///
    /// # Errors
    /// When it means none, with the mend.
    pub fn resolve(&self, revision: &str) -> Result<Oid> {
        if revision.is_empty() || revision.starts_with('-') {
            return Err(self.opener.error(format!("`{revision}` is no revision")));
        }
        if !self.reftable
            && let Ok(object) = self.git.revparse_single(revision)
            && let Ok(commit) = object.peel(ObjectType::Commit)
        {
            return Ok(clean(commit.id()));
        }
        // The git program knows more forms than libgit2, and reftables.
        let asked = format!("{revision}^{{commit}}");
        let said = self.command(&["rev-parse", "--verify", "--quiet", "--end-of-options", &asked]).unwrap_or_default();
        self.parse_id(String::from_utf8_lossy(&said).trim()).ok_or_else(|| {
            let mend = if self.git.is_shallow() {
                "this is a shallow clone: `git fetch --unshallow` brings the rest (in CI: fetch-depth: 0)"
            } else if revision == "HEAD" {
                "there is no commit yet"
            } else {
                "`git rev-parse` must know it; fetch it first if it is a remote's"
            };
            self.opener.error(format!("`{revision}` is no commit here; {mend}"))
        })
    }

    /// The commits whose parents a shallow clone left out.
    pub(super) fn shallow(&self) -> Vec<Oid> {
        let named = self.opener.environment.then(|| std::env::var_os("GIT_SHALLOW_FILE")).flatten();
        let file = named.filter(|file| !file.is_empty()).map(std::path::PathBuf::from);
        let text = std::fs::read_to_string(file.unwrap_or_else(|| self.git.commondir().join("shallow")));
        text.unwrap_or_default().lines().filter_map(|line| self.parse_id(line.trim())).collect()
    }
}
