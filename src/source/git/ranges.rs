//! Which commits were asked for: `A..B`, since a revision, or what git tells its pre-push and pre-receive hooks.

use git2::{ObjectType, Oid};

use super::Repo;
use super::commit::tagged;
use super::gaps::Gaps;
use crate::error::{Error, Result};

/// Commits to scan: reachable from `include`, not from `exclude`; and other things that are pushed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Tips of the wanted history.
    pub include: Vec<Oid>,
    /// Tips of what is there already.
    pub exclude: Vec<Oid>,
    /// Tag objects, for their messages.
    pub tags: Vec<Oid>,
    /// Trees that a pushed ref or tag names directly.
    pub trees: Vec<Oid>,
    /// Blobs that a pushed ref or tag names directly.
    pub blobs: Vec<Oid>,
    /// Pushed objects that are not there.
    pub missing: Vec<Oid>,
}

/// `A..B`: the commits of B that A lacks; an end left out is HEAD. `A...B` asks, as `git diff A...B` does, for what B
/// adds since it parted from A: those are the same commits.
///
/// # Errors
/// When it is no range, or an end is no commit.
pub fn diff(repo: &Repo, range: &str) -> Result<Selection> {
    let ends = range.split_once("...").or_else(|| range.split_once(".."));
    let Some((from, to)) = ends.filter(|(from, to)| !to.contains("..") && (!from.is_empty() || !to.is_empty())) else {
        return Err(Error::Usage(format!(
            "--diff `{range}` is no range: write A..B (what B adds to A), or --since A (what HEAD adds to A)"
        )));
    };
    let end = |revision: &str| repo.resolve(if revision.is_empty() { "HEAD" } else { revision });
    Ok(Selection { include: vec![end(to)?], exclude: vec![end(from)?], ..Selection::default() })
}

/// What HEAD adds to `revision`.
///
/// # Errors
/// When one of the two is no commit.
pub fn since(repo: &Repo, revision: &str) -> Result<Selection> {
    Ok(Selection {
        exclude: vec![repo.resolve(revision)?],
        include: vec![repo.resolve("HEAD")?],
        ..Selection::default()
    })
}

/// What a push adds, from the lines git writes to a pre-push hook: `<local ref> <local id> <remote ref> <remote id>`.
/// What the remote has is known from its ids and its remote-tracking refs: those of `remote` when it is the name of
/// one, of all remotes when it is `None`, of none when it is an address.
///
/// # Errors
/// When a line is malformed.
pub fn pre_push(repo: &Repo, lines: &str, remote: Option<&str>) -> Result<Selection> {
    let mut selection = Selection::default();
    let odb = repo.odb()?;
    for (number, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, local, _, known] = words[..] else { return Err(malformed("pre-push", number)) };
        let ids = (parse(repo, local), parse(repo, known));
        let (Some(local), Some(known)) = ids else { return Err(malformed("pre-push", number)) };
        if local.is_zero() {
            continue; // a deletion pushes nothing
        }
        selection.add(repo, local)?;
        if !known.is_zero() && odb.exists(known) {
            selection.without(repo, known)?;
        }
    }
    if !selection.include.is_empty() {
        let prefix = remote.map_or_else(|| "refs/remotes/".to_owned(), |name| format!("refs/remotes/{name}/"));
        for reference in repo.refs(&Gaps::default())?.iter().filter(|reference| reference.name.starts_with(&prefix)) {
            selection.without(repo, reference.target)?;
        }
    }
    Ok(selection)
}

/// What a push brings to a server, from the lines git writes to a pre-receive hook: `<old id> <new id> <ref>`. All
/// that the existing refs reach is there already; the new objects lie in a quarantine, which the environment names.
///
/// # Errors
/// When a line is malformed.
pub fn pre_receive(repo: &Repo, lines: &str) -> Result<Selection> {
    let mut selection = Selection::default();
    for (number, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let mut words = line.splitn(3, ' ');
        let mut id = || words.next().and_then(|word| parse(repo, word));
        let (Some(_), Some(new)) = (id(), id()) else { return Err(malformed("pre-receive", number)) };
        if !new.is_zero() {
            selection.add(repo, new)?;
        }
    }
    if !selection.include.is_empty() {
        for reference in repo.refs(&Gaps::default())? {
            selection.without(repo, reference.target)?;
        }
    }
    Ok(selection)
}

/// An id of the repository's length; zeros of either length.
fn parse(repo: &Repo, hex: &str) -> Option<Oid> {
    let zeros = matches!(hex.len(), 40 | 64) && hex.bytes().all(|digit| digit == b'0');
    if zeros { Some(Oid::ZERO_SHA1) } else { repo.parse_id(hex) }
}

fn malformed(hook: &str, number: usize) -> Error {
    Error::Usage(format!(
        "--{hook} reads what git writes to its {hook} hook; line {} of standard input is something else",
        number + 1
    ))
}

impl Selection {
    /// Adds what `id` names: a commit, or a tag and what it names in turn.
    fn add(&mut self, repo: &Repo, id: Oid) -> Result<()> {
        let (kind, id, tags) = peel(repo, id)?;
        self.tags.extend(tags);
        match kind {
            Some(ObjectType::Commit) => self.include.push(id),
            Some(ObjectType::Tree) => self.trees.push(id),
            Some(ObjectType::Blob) => self.blobs.push(id),
            _ => self.missing.push(id),
        }
        Ok(())
    }

    /// Leaves out what the commit `id` (or the tag of one) reaches.
    fn without(&mut self, repo: &Repo, id: Oid) -> Result<()> {
        if let (Some(ObjectType::Commit), id, _) = peel(repo, id)? {
            self.exclude.push(id);
        }
        Ok(())
    }
}

/// What stands behind tags: its kind (`None` when it is not there), its id, the tags.
pub(super) fn peel(repo: &Repo, mut id: Oid) -> Result<(Option<ObjectType>, Oid, Vec<Oid>)> {
    let odb = repo.odb()?;
    let mut tags = Vec::new();
    loop {
        let Ok((_, kind)) = odb.read_header(id) else { return Ok((None, id, tags)) };
        if kind != ObjectType::Tag {
            return Ok((Some(kind), id, tags));
        }
        tags.push(id);
        match odb.read(id).ok().and_then(|object| tagged(object.data())) {
            Some(next) => id = next,
            None => return Ok((None, id, tags)),
        }
    }
}
