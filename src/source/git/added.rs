//! Whether a change brought a secret: asked only where something matched.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

use git2::{DiffOptions, Oid, Patch};

use super::tree::Objects;
use crate::source::encoding::decode;

/// Files that went are looked through for the source of a rename, at most so many.
const SOURCES: usize = 1000;
/// Of a renamed file at least half the lines are the old ones.
const SIMILAR_PERCENT: usize = 50;

/// What stood at a path before, loaded when asked.
pub(super) struct Before<'b> {
    objects: &'b Objects<'b>,
    /// The blob at the same path.
    same: Option<Oid>,
    /// The blobs of paths that the change removed: a rename's source may be among them.
    removed: &'b dyn Fn() -> &'b [Oid],
    blob: OnceCell<Option<Vec<u8>>>,
    lines: OnceCell<Option<Vec<Range<usize>>>>,
}

impl<'b> Before<'b> {
    /// `same` is the old blob at the path, `removed` tells the blobs of paths that are gone.
    pub(super) fn new(objects: &'b Objects<'b>, same: Option<Oid>, removed: &'b dyn Fn() -> &'b [Oid]) -> Self {
        Self { objects, same, removed, blob: OnceCell::new(), lines: OnceCell::new() }
    }

    /// The old bytes, for `secret` in `new`: those at the same path, else those of the file it was renamed from.
    /// A source without the secret is no help (then the change brought it), so only sources with it are compared.
    fn bytes(&self, new: &[u8], secret: &[u8]) -> Option<&[u8]> {
        if let Some(id) = self.same {
            let read = || self.objects.read(id, "blob").map(|object| object.data().to_vec());
            return self.blob.get_or_init(read).as_deref();
        }
        self.blob
            .get_or_init(|| {
                let candidates = (self.removed)().iter().take(SOURCES).filter_map(|&id| {
                    let object = self.objects.odb.read(id).ok()?;
                    let data = object.data();
                    (contains(data, secret) && similar(data, new)).then(|| data.to_vec())
                });
                candidates.max_by_key(|data| common_lines(data, new))
            })
            .as_deref()
    }

    /// Whether the old bytes lack `secret`.
    pub(super) fn lacks(&self, new: &[u8], secret: &[u8]) -> bool {
        self.bytes(new, secret).is_none_or(|old| !contains(old, secret))
    }

    /// Whether `span` of `new`, where `secret` stands, touches a line that was added. In binary files there are no
    /// lines: there it counts when the old bytes lack it.
    pub(super) fn touches(&self, new: &[u8], secret: &[u8], span: &Range<usize>) -> bool {
        let Some(old) = self.bytes(new, secret) else { return true };
        let Some(lines) = self.lines.get_or_init(|| added_lines(old, new)) else { return !contains(old, secret) };
        let line = |at: usize| 1 + memchr::memchr_iter(b'\n', &new[..at.min(new.len())]).count();
        let first = line(span.start);
        let last = line(span.end.saturating_sub(1).max(span.start));
        lines.iter().any(|added| added.start <= last && first < added.end)
    }
}

/// Whether `bytes`, decoded, have `secret`.
fn contains(bytes: &[u8], secret: &[u8]) -> bool {
    memchr::memmem::find(&decode(bytes).text, secret).is_some()
}

/// Lines of `new` (from 1) that `old` lacks; `None` when one of them is binary or they cannot be compared.
fn added_lines(old: &[u8], new: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut options = DiffOptions::new();
    options.context_lines(0).interhunk_lines(0);
    let patch = Patch::from_buffers(old, None, new, None, Some(&mut options)).ok()?;
    if patch.delta().flags().is_binary() {
        return None;
    }
    let mut lines = Vec::with_capacity(patch.num_hunks());
    for index in 0..patch.num_hunks() {
        let (hunk, _) = patch.hunk(index).ok()?;
        let start = hunk.new_start() as usize;
        lines.push(start..start + hunk.new_lines() as usize);
    }
    Some(lines)
}

/// Whether `new` may be `old` under another name, as git judges it.
fn similar(old: &[u8], new: &[u8]) -> bool {
    common_lines(old, new) * 100 >= old.len().max(new.len()) * SIMILAR_PERCENT
}

/// Bytes of lines that both have.
fn common_lines(old: &[u8], new: &[u8]) -> usize {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for line in old.split_inclusive(|&byte| byte == b'\n') {
        *counts.entry(line).or_default() += 1;
    }
    new.split_inclusive(|&byte| byte == b'\n')
        .filter(|line| {
            counts.get_mut(line).is_some_and(|count| {
                let any = *count > 0;
                *count = count.saturating_sub(1);
                any
            })
        })
        .map(<[u8]>::len)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{added_lines, similar};

    #[test]
    fn added_lines_are_those_of_the_new_side() {
        assert_eq!(added_lines(b"a\nb\nc\n", b"a\nX\nY\nc\nd"), Some(vec![2..4, 5..6]));
        assert_eq!(added_lines(b"", b"a\nb\n").expect("text").first(), Some(&(1..3)));
        let deleted = added_lines(b"a\nb\n", b"a\n").expect("text");
        assert!(deleted.iter().all(std::ops::Range::is_empty), "{deleted:?}");
        assert_eq!(added_lines(b"a\0b", b"a\0c"), None, "binary");
    }

    #[test]
    fn similarity_is_half_the_bytes() {
        assert!(similar(b"one\ntwo\nthree\n", b"one\ntwo\nfour\n"));
        assert!(!similar(b"one\n", b"two\n"));
    }
}
