//! A finding on its way to a decision: its path as policies see it, and its identities, made when first asked for.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::{Component, Path, PathBuf};

use crate::finding::identity::{Ids, Key, is_slow};
use crate::finding::{Finding, Origin, OriginKind, Status};

/// What accepted a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suppression {
    /// `inline`, `allowlist`, `config`, `ignore-file` or `baseline`.
    pub by: &'static str,
    /// The reason given, or what matched.
    pub reason: Option<String>,
    /// Who accepted it.
    pub owner: Option<String>,
    /// Until when.
    pub expires: Option<String>,
}

impl From<Suppression> for Status {
    fn from(from: Suppression) -> Self {
        Self::Suppressed { by: from.by.to_owned(), reason: from.reason, owner: from.owner, expires: from.expires }
    }
}

/// A finding and what is derived from it.
pub(crate) struct Candidate<'f> {
    /// The finding.
    pub(crate) finding: &'f Finding,
    /// Its path, relative to the repository where there is one, members of archives behind `!`.
    pub(crate) path: String,
    keys: &'f [Key],
    ids: Vec<OnceCell<Ids>>,
}

impl<'f> Candidate<'f> {
    pub(crate) fn new(finding: &'f Finding, path: String, keys: &'f [Key]) -> Self {
        Self { finding, path, keys, ids: keys.iter().map(|_| OnceCell::new()).collect() }
    }

    fn ids(&self, key: usize) -> &Ids {
        self.ids[key].get_or_init(|| self.keys[key].ids(&self.finding.rule, &self.finding.secret, &self.path))
    }

    /// The secret's identity under `key`: slow hashes are not made twice for a key that is the filter's as well.
    pub(crate) fn secret_id(&self, key: &Key) -> Cow<'_, str> {
        match self.keys.iter().position(|known| known == key) {
            Some(known) => Cow::Borrowed(&self.ids(known).secret_id),
            None => Cow::Owned(key.secret_id(&self.finding.rule, &self.finding.secret)),
        }
    }

    /// The first answer of `ask` about the finding's identities under any key.
    pub(crate) fn first_of<T>(&self, ask: impl Fn(&str) -> Option<T>) -> Option<T> {
        (0..self.keys.len()).find_map(|key| {
            let ids = self.ids(key);
            ask(&ids.fingerprint).or_else(|| ask(&ids.secret_id))
        })
    }

    /// Whether `test` holds for one of the identities.
    pub(crate) fn is_one_of(&self, test: impl Fn(&str) -> bool) -> bool {
        self.first_of(|id| test(id).then_some(())).is_some()
    }

    /// Whether `test` holds for every path it stands at.
    pub(crate) fn every_path(&self, test: impl Fn(&str) -> bool) -> bool {
        test(&self.path) && other_paths(self.finding).iter().all(|path| test(path))
    }

    /// The identities under the first key; unless `all` are wanted, not those that take long and that nobody asked for.
    pub(crate) fn into_ids(self, all: bool) -> Ids {
        let wanted = |known: &OnceCell<Ids>| all || known.get().is_some() || !is_slow(&self.finding.secret);
        if self.ids.first().is_some_and(wanted) { self.ids(0).clone() } else { Ids::default() }
    }
}

/// Paths at which the secret stood in history beside the finding's own, the first of them: where there are more, each
/// is judged by its own finding.
pub(crate) fn other_paths(finding: &Finding) -> &[String] {
    finding.commit.as_ref().map_or(&[], |commit| &commit.other_paths)
}

/// The path policies see: of a file on disk relative to `root`, so that it is the same from every folder a scan is
/// started in.
pub(crate) fn path_of(origin: &Origin, root: Option<&Path>) -> String {
    let on_disk = origin.repository.is_none() && matches!(origin.kind, OriginKind::File | OriginKind::Archive);
    let mut path = match root {
        Some(root) if on_disk => relative(&origin.path, root).into_owned(),
        _ => origin.path.clone(),
    };
    for member in &origin.member {
        path.push('!');
        path.push_str(member);
    }
    path
}

/// `path` (relative to the current folder, or absolute) as seen from `root`; as it is when it lies outside.
pub(crate) fn relative<'p>(path: &'p str, root: &Path) -> Cow<'p, str> {
    let absolute = if Path::new(path).is_absolute() {
        normal(Path::new(path))
    } else {
        match std::env::current_dir() {
            Ok(folder) if folder == root && !path.contains("..") => {
                return Cow::Borrowed(path.trim_start_matches("./"));
            }
            Ok(folder) => normal(&folder.join(path)),
            Err(_) => return Cow::Borrowed(path),
        }
    };
    match absolute.strip_prefix(root) {
        Ok(inside) => Cow::Owned(inside.to_string_lossy().replace('\\', "/")),
        Err(_) => Cow::Borrowed(path),
    }
}

/// `path` without `.` and `..`, by its text alone.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{path_of, relative};
    use crate::finding::{Origin, OriginKind};

    #[test]
    fn a_path_is_the_same_from_every_folder() {
        let folder = std::env::current_dir().expect("a folder");
        assert_eq!(relative("./src/a.rs", &folder), "src/a.rs");
        assert_eq!(relative(&folder.join("src/x/../a.rs").to_string_lossy(), &folder), "src/a.rs");
        assert_eq!(
            relative("a.rs", folder.parent().expect("a parent")),
            format!("{}/a.rs", folder.file_name().expect("a name").to_string_lossy())
        );
        assert_eq!(relative("/elsewhere/a", &folder), "/elsewhere/a");
        let mut origin = Origin::new(OriginKind::Archive, "a.zip");
        origin.member = vec!["b.tar".to_owned(), "c".to_owned()];
        assert_eq!(path_of(&origin, Some(Path::new("/nowhere"))), "a.zip!b.tar!c");
    }
}
