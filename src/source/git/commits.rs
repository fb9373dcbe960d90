//! What a range of commits adds. A match counts when the commit's blob has the secret and no parent's blob at that
//! path (renames followed) has it; so a merge counts only with what it adds itself. Parents' blobs are read only where
//! something matched. Messages of commits and tags are scanned as well.

use std::cell::{Cell, OnceCell};
use std::ops::Range;

use git2::Oid;

use super::added::Before;
use super::commit::{describe, links};
use super::gaps::Gaps;
use super::long_range::LongRange;
use super::ranges::Selection;
use super::tree::Objects;
use super::walk::{self, Walked};
use super::workers::{Hand, share};
use super::{GitOptions, Repo, origin};
use crate::error::Result;
use crate::finding::{Origin, OriginKind};
use crate::source::history::reader::TextReader;
use crate::source::{Item, Visitor};

/// So many commits are worth a thread.
const PIECE: usize = 16;

/// A blob that a commit has and none of its parents has at that path, and what the parents have there.
struct Changed {
    path: Vec<u8>,
    id: Oid,
    before: Vec<Option<Oid>>,
}

/// Scans what the commits of `selection` add.
///
/// # Errors
/// When the object database cannot be opened.
pub fn scan<T: TextReader>(
    repo: &Repo,
    selection: &Selection,
    options: &GitOptions,
    make: &(dyn Fn() -> T + Sync),
) -> Result<()> {
    let gaps = Gaps::default();
    let objects = Objects::new(repo, &gaps)?;
    let commits = walk::range(&objects, &selection.include, &selection.exclude, &repo.shallow());
    let long = LongRange::new(repo, &commits, options, make);
    share(repo, &commits, PIECE, options.threads, &|| Box::new(make()), &|hand, piece| {
        let Some(objects) = Objects::or_gap(hand.repo, &gaps) else { return };
        for commit in piece {
            one(hand, &objects, commit, (options, long.as_ref()));
        }
    });
    let mut visitor = make();
    let hand = Hand { repo, visitor: &mut visitor };
    for &tag in &selection.tags {
        if let Some(object) = objects.read(tag, "tag") {
            message(repo.shown(), hand.visitor, tag, object.data(), "tags");
        }
    }
    for &missing in &selection.missing {
        objects.read(missing, "object");
    }
    let mut loose: Vec<(Vec<u8>, Oid)> = selection.blobs.iter().map(|&id| (Vec::new(), id)).collect();
    for &tree in &selection.trees {
        objects.changes(tree, &[], &mut |path, id, _| loose.push((path.to_vec(), id)));
    }
    for (path, id) in loose {
        hand.visitor.coverage().kind("blobs").found += 1;
        if let Some(blob) = options.blob(&objects, id, "blobs", hand.visitor) {
            hand.visitor.item(Item::new(repo.origin(OriginKind::Blob, id, &path), blob.data()));
        }
    }
    drop(objects);
    gaps.tell(repo.shown(), &mut visitor);
    Ok(())
}

/// Scans the text of a commit or tag; whether a secret stands in it, so that none of it may be shown.
pub(super) fn message(shown: &str, visitor: &mut dyn Visitor, id: Oid, data: &[u8], kind: &'static str) -> bool {
    let count = visitor.coverage().kind(kind);
    (count.found, count.scanned) = (count.found + 1, count.scanned + 1);
    // The whole object is scanned, so that offsets hold when the secret is read again. Nothing is handed on before
    // it is known whether the summary may be shown: the first pass only looks.
    let any = Cell::new(false);
    let look = |_: &[u8], _: Range<usize>| {
        any.set(true);
        false
    };
    visitor.item(Item { accept: Some(&look), ..Item::new(Origin::new(OriginKind::Message, ""), data) });
    if any.get() {
        let whence = origin(shown, OriginKind::Message, &id.to_string(), b"");
        visitor.item(Item { commit: Some(describe(id, data, true)), ..Item::new(whence, data) });
    }
    any.get()
}

fn one(
    hand: &mut Hand<'_>,
    objects: &Objects<'_>,
    commit: &Walked,
    (options, long): (&GitOptions, Option<&LongRange>),
) {
    let Some(object) = objects.read(commit.id, "commit") else { return };
    let withheld = message(hand.repo.shown(), hand.visitor, commit.id, object.data(), "commits");
    let described = describe(commit.id, object.data(), withheld);
    drop(object);
    let mut changed = Vec::new();
    if let Some(long) = long {
        long.changes(&commit.links, Some(objects), &mut |path, number, before| {
            if long.brings_nothing(number, before) {
                let count = hand.visitor.coverage().kind("blobs");
                (count.found, count.scanned) = (count.found + 1, count.scanned + 1);
            } else if let Some(id) = long.id(number) {
                let before = before.iter().map(|number| long.id((*number)?)).collect();
                changed.push(Changed { path: path.to_vec(), id, before });
            }
        });
        if changed.is_empty() {
            return;
        }
    }
    // A parent that is not there was told of by the walk; it counts as empty.
    let tree_of = |&id: &Oid| objects.odb.read(id).ok().and_then(|object| links(object.data())).map(|links| links.tree);
    let parents: Vec<Option<Oid>> = commit.links.parents.iter().map(tree_of).collect();
    if long.is_none() {
        objects.changes(commit.links.tree, &parents, &mut |path, id, before| {
            changed.push(Changed { path: path.to_vec(), id, before: before.to_vec() });
        });
    }
    if changed.is_empty() {
        return;
    }
    let removed: Vec<OnceCell<Vec<Oid>>> = parents.iter().map(|_| OnceCell::new()).collect();
    let removed: Vec<_> = parents
        .iter()
        .zip(&removed)
        .map(|(&parent, cell)| move || cell.get_or_init(|| gone(objects, parent, commit.links.tree)).as_slice())
        .collect();
    for change in &changed {
        hand.visitor.coverage().kind("blobs").found += 1;
        let Some(blob) = options.blob(objects, change.id, "blobs", hand.visitor) else { continue };
        let bytes = blob.data();
        let before: Vec<Before<'_>> =
            change.before.iter().zip(&removed).map(|(&same, removed)| Before::new(objects, same, removed)).collect();
        let accept = |secret: &[u8], _: Range<usize>| before.iter().all(|before| before.lacks(bytes, secret));
        let origin = hand.repo.origin(OriginKind::Commit, change.id, &change.path);
        let item = Item { commit: Some(described.clone()), accept: Some(&accept), ..Item::new(origin, bytes) };
        hand.visitor.item(item);
    }
}

/// Blobs of paths that `parent` has and `tree` has not.
fn gone(objects: &Objects<'_>, parent: Option<Oid>, tree: Oid) -> Vec<Oid> {
    let mut blobs = Vec::new();
    if let Some(parent) = parent {
        objects.changes(parent, &[Some(tree)], &mut |_, id, there| {
            if there == [None] {
                blobs.push(id);
            }
        });
    }
    blobs
}
