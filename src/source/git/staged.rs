//! `--staged`: what the next commit would add. The index against HEAD (and what a merge under way brings as further
//! parents), read from the object database: the work tree is not looked at, nothing is written.

use std::collections::HashSet;
use std::sync::OnceLock;

use git2::{ObjectType, Oid};

use super::added::Before;
use super::gaps::Gaps;
use super::index::{self, Staged};
use super::tree::{Flat, Objects};
use super::workers::{Hand, share};
use super::{GitOptions, Repo, kind_of_mode};
use crate::error::Result;
use crate::finding::OriginKind;
use crate::source::{Item, MakeVisitor};

/// So many blobs are worth a thread.
const PIECE: usize = 64;

/// A parent of the next commit.
struct Parent<'p> {
    flat: Flat,
    index: &'p [Staged],
    removed: OnceLock<Vec<Oid>>,
}

impl Parent<'_> {
    /// Whether it has something else than `entry` at that path.
    fn adds(&self, entry: &Staged) -> bool {
        !self.flat.leaves_out(&entry.path) && self.flat.get(&entry.path) != Some(entry.id)
    }

    /// Blobs of paths the index no longer has.
    fn removed(&self) -> &[Oid] {
        self.removed.get_or_init(|| {
            let kept: HashSet<&[u8]> = self.index.iter().map(|entry| entry.path.as_slice()).collect();
            self.flat.iter().filter(|(path, _)| !kept.contains(path)).map(|(_, id)| id).collect()
        })
    }
}

/// Hands every blob that the next commit would add or change to a visitor. Whole blobs are matched; a match counts
/// when it touches an added line.
///
/// # Errors
/// When the index or HEAD cannot be read.
pub fn scan(repo: &Repo, options: &GitOptions, make: &MakeVisitor<'_>) -> Result<()> {
    let gaps = Gaps::default();
    let (entries, same) = index::read_with_folders(repo)?;
    let objects = Objects::new(repo, &gaps)?;
    let mut parents = Vec::new();
    for commit in repo.head()?.into_iter().chain(repo.merge_heads()) {
        let tree = objects.read(commit, "commit").and_then(|object| super::commit::links(object.data()));
        let flat = tree.map(|links| objects.flat(links.tree, &same)).unwrap_or_default();
        parents.push(Parent { flat, index: &entries, removed: OnceLock::new() });
    }
    let changed: Vec<&Staged> = entries
        .iter()
        .filter(|entry| entry.stage == 0 && kind_of_mode(entry.mode) == Some(ObjectType::Blob))
        .filter(|entry| parents.iter().all(|parent| parent.adds(entry)))
        .collect();
    share(repo, &changed, PIECE, options.threads, make, &|hand, piece| {
        let Some(objects) = Objects::or_gap(hand.repo, &gaps) else { return };
        for entry in piece {
            one(hand, &objects, entry, &parents, options);
        }
    });
    let mut visitor = make();
    let count = visitor.coverage().kind("index entries");
    count.found += changed.len() as u64;
    let conflicts = entries.iter().filter(|entry| entry.stage == 2).count() as u64;
    if conflicts > 0 {
        count.found += conflicts;
        *count.skipped.entry("unmerged (no commit takes them)".to_owned()).or_default() += conflicts;
    }
    drop(objects);
    gaps.tell(repo.shown(), visitor.as_mut());
    Ok(())
}

fn one(hand: &mut Hand<'_>, objects: &Objects<'_>, entry: &Staged, parents: &[Parent<'_>], options: &GitOptions) {
    let Some(blob) = options.blob(objects, entry.id, "index entries", hand.visitor) else { return };
    let bytes = blob.data();
    let removed: Vec<_> = parents.iter().map(|parent| || parent.removed()).collect();
    let before: Vec<Before<'_>> = parents
        .iter()
        .zip(&removed)
        .map(|(parent, removed)| Before::new(objects, parent.flat.get(&entry.path), removed))
        .collect();
    let accept =
        |secret: &[u8], span: std::ops::Range<usize>| before.iter().all(|before| before.touches(bytes, secret, &span));
    let origin = hand.repo.origin(OriginKind::Index, entry.id, &entry.path);
    hand.visitor.item(Item { accept: Some(&accept), ..Item::new(origin, bytes) });
}
