//! What can be reached: the tips of a repository, which of them were asked for, the objects below them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use git2::{ObjectType, Oid};

use super::commit::links;
use super::gaps::Gaps;
use super::ranges::peel;
use super::tree::{DEEPEST, Objects, entries};
use super::walk;
use super::{Ref, Repo};
use crate::error::Result;

/// Where reachability starts.
#[derive(Debug, Default)]
pub(super) struct Tips {
    /// All refs, and the HEADs of all worktrees (the first is named `HEAD`).
    pub(super) refs: Vec<Ref>,
    /// What reflogs name, sorted.
    pub(super) reflog: Vec<Oid>,
}

impl Tips {
    /// The tips of `repo`.
    pub(super) fn of(repo: &Repo, gaps: &Gaps) -> Result<Self> {
        let mut refs = Vec::new();
        if let Some(target) = repo.head()? {
            refs.push(Ref { name: "HEAD".to_owned(), target });
        }
        refs.extend(repo.refs(gaps)?);
        let main = std::fs::read_to_string(repo.git.commondir().join("HEAD")).unwrap_or_default();
        if repo.git.is_worktree()
            && let Some(target) = repo.parse_id(main.trim())
        {
            refs.push(Ref { name: "main-worktree/HEAD".to_owned(), target });
        }
        // A detached HEAD of another worktree is no ref, but its commits are in use.
        for worktree in std::fs::read_dir(repo.git.commondir().join("worktrees")).into_iter().flatten().flatten() {
            let head = std::fs::read_to_string(worktree.path().join("HEAD")).unwrap_or_default();
            if let Some(target) = repo.parse_id(head.trim()) {
                refs.push(Ref { name: format!("worktrees/{}/HEAD", worktree.file_name().to_string_lossy()), target });
            }
        }
        refs.sort();
        let mut reflog = Vec::new();
        if repo.reftable {
            let said = repo.command(&["rev-list", "--no-walk", "--reflog"]).unwrap_or_default();
            reflog.extend(String::from_utf8_lossy(&said).lines().filter_map(|line| repo.parse_id(line)));
        } else {
            read_logs(repo, &repo.git.commondir().join("logs"), 0, &mut reflog);
            for worktree in std::fs::read_dir(repo.git.commondir().join("worktrees")).into_iter().flatten().flatten() {
                read_logs(repo, &worktree.path().join("logs"), 0, &mut reflog);
            }
        }
        reflog.sort();
        reflog.dedup();
        Ok(Self { refs, reflog })
    }

    /// The refs whose name one of `globs` matches; all when there are none.
    pub(super) fn matching(&self, globs: &[String]) -> Cow<'_, [Ref]> {
        if globs.is_empty() {
            return Cow::Borrowed(&self.refs);
        }
        let wanted = |reference: &&Ref| globs.iter().any(|glob| matches_ref(glob, &reference.name));
        Cow::Owned(self.refs.iter().filter(wanted).cloned().collect())
    }
}

/// All ids in the reflogs below `folder`.
fn read_logs(repo: &Repo, folder: &Path, depth: usize, ids: &mut Vec<Oid>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth < 64 {
            read_logs(repo, &entry.path(), depth + 1, ids);
        } else if kind.is_file() {
            // `<old> <new> name <address> time zone<tab>message`
            let log = std::fs::read(entry.path()).unwrap_or_default();
            for line in log.split(|&byte| byte == b'\n') {
                let words =
                    line.splitn(3, |&byte| byte == b' ').take(2).filter_map(|word| std::str::from_utf8(word).ok());
                ids.extend(words.filter_map(|word| repo.parse_id(word)).filter(|id| !id.is_zero()));
            }
        }
    }
}

/// Whether `glob` (`*` and `?` match `/` as well) means the ref: by its full name, without `refs/`, or without
/// `refs/heads/`, `refs/tags/`, `refs/remotes/`; a folder means all below it.
pub(super) fn matches_ref(glob: &str, name: &str) -> bool {
    let short = ["refs/heads/", "refs/tags/", "refs/remotes/", "refs/"].iter().filter_map(|cut| name.strip_prefix(cut));
    let folder = format!("{}/*", glob.trim_end_matches('/'));
    std::iter::once(name)
        .chain(short)
        .any(|name| wildcard(glob.as_bytes(), name.as_bytes()) || wildcard(folder.as_bytes(), name.as_bytes()))
}

/// Plain wildcards, in linear space and without recursion.
fn wildcard(glob: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_text, mut star) = (0, 0, None);
    while in_text < text.len() {
        if glob.get(at) == Some(&b'*') {
            star = Some((at, in_text));
            at += 1;
        } else if glob.get(at).is_some_and(|&byte| byte == b'?' || byte == text[in_text]) {
            (at, in_text) = (at + 1, in_text + 1);
        } else if let Some((back, taken)) = star {
            star = Some((back, taken + 1));
            (at, in_text) = (back + 1, taken + 1);
        } else {
            return false;
        }
    }
    glob[at..].iter().all(|&byte| byte == b'*')
}

/// All objects reachable from `tips` and not from the commits `not` (but what an older version has again counts),
/// sorted. What is missing on the way is told. `None` when they are more than `most` commits: `below.rs` is better at
/// that.
pub(super) fn objects(
    repo: &Repo,
    read: &Objects<'_>,
    (tips, not): (&[Ref], &[Oid]),
    most: usize,
) -> Result<Option<Vec<Oid>>> {
    let (mut commits, mut trees, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for tip in tips {
        let (kind, id, tags) = peel(repo, tip.target)?;
        seen.extend(tags);
        match kind {
            Some(ObjectType::Commit) => commits.push(id),
            Some(ObjectType::Tree) => trees.push((id, 0)),
            Some(_) => drop(seen.insert(id)),
            None => drop(read.read(id, "object")),
        }
    }
    let Some(range) = walk::range_up_to(most, read, (&commits, not), &repo.shallow()) else { return Ok(None) };
    let tree_of = |id: &Oid| Some(links(read.odb.read(*id).ok()?.data())?.tree);
    for commit in range {
        seen.insert(commit.id);
        if not.is_empty() {
            trees.push((commit.links.tree, 0));
        } else {
            let parents: Vec<Option<Oid>> = commit.links.parents.iter().map(tree_of).collect();
            read.new_objects(commit.links.tree, &parents, 0, &mut |id| {
                seen.insert(id);
            });
        }
    }
    while let Some((tree, depth)) = trees.pop() {
        if !seen.insert(tree) {
            continue;
        }
        if depth > DEEPEST {
            read.too_deep(tree);
            continue;
        }
        let Some(object) = read.read(tree, "tree") else { continue };
        for entry in entries(object.data(), read.id_size).flatten() {
            match entry.kind() {
                Some(ObjectType::Tree) => trees.push((entry.id, depth + 1)),
                Some(_) => drop(seen.insert(entry.id)),
                None => {}
            }
        }
    }
    let mut ids: Vec<Oid> = seen.into_iter().collect();
    ids.sort();
    Ok(Some(ids))
}

#[cfg(test)]
mod tests {
    use super::matches_ref;

    #[test]
    fn globs_mean_refs_by_full_and_short_names() {
        for (glob, name) in [
            ("main", "refs/heads/main"),
            ("refs/heads/*", "refs/heads/feature/x"),
            ("release-?", "refs/tags/release-1"),
            ("origin", "refs/remotes/origin/main"),
            ("*", "HEAD"),
            ("stash", "refs/stash"),
            ("a*b*c", "refs/heads/aXbYbZc"),
        ] {
            assert!(matches_ref(glob, name), "{glob} {name}");
        }
        for (glob, name) in [("main", "refs/heads/maintenance"), ("release-?", "refs/tags/release-10"), ("", "HEAD")] {
            assert!(!matches_ref(glob, name), "{glob} {name}");
        }
    }
}
