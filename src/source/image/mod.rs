//! Container images as sources: an OCI layout or what `docker save` writes, as a tar archive or a folder.
//!
//! Every layer is handed on by itself, so that a file which a later layer deletes is seen; the configuration (variables,
//! history, labels) is handed on as text. Findings carry the layer's digest, and [`Image::place`] says which layer of
//! how many it is, and which later one no longer has the file.

mod config;
mod manifest;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::archive::tar::{self, Indexed};
use super::map::Map;
use super::{Item, MakeVisitor, Visitor, archive};
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::finding::{Finding, Origin, OriginKind};
use manifest::Manifest;

/// The path of what belongs to an image and to none of its files.
const CONFIG: &str = ".image/config";
/// The path of a layer that is no tar archive.
const LAYER: &str = ".image/layer";

/// An image, opened.
pub struct Image {
    /// As the user named it.
    shown: String,
    store: Store,
    manifests: Vec<Manifest>,
}

/// Where an image's files are.
enum Store {
    Archive { bytes: Map, files: HashMap<String, Indexed> },
    Folder(PathBuf),
}

/// A file of the store.
enum Bytes<'s> {
    Here(&'s [u8]),
    Mapped(Map),
}

impl std::ops::Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Here(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl Store {
    fn open(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let bytes = Map::open(path)?;
        let files = tar::index(&bytes)?.into_iter().map(|(name, entry)| (normal(&name), entry)).collect();
        Ok(Self::Archive { bytes, files })
    }

    /// The file of this name; links are followed a few steps.
    fn get(&self, name: &str) -> Option<Bytes<'_>> {
        match self {
            Self::Folder(folder) => {
                let inside = !name.starts_with('/') && !name.split('/').any(|part| part == "..");
                let path = inside.then(|| folder.join(name))?;
                File::open(&path).ok()?;
                Map::open(&path).ok().map(Bytes::Mapped)
            }
            Self::Archive { bytes, files } => {
                let mut name = normal(name);
                for _ in 0..4 {
                    match files.get(&name)? {
                        Indexed::Bytes(range) => return bytes.get(Range::clone(range)).map(Bytes::Here),
                        Indexed::Link(target) => {
                            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                            let beside = normal(&format!("{folder}/{target}"));
                            name = if files.contains_key(&beside) { beside } else { normal(target) };
                        }
                    }
                }
                None
            }
        }
    }
}

/// A path without `.`, `..` and empty parts.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

impl Image {
    /// Opens the image at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Usage`] when it is no image.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.to_string_lossy().replace('\\', "/");
        let store = Store::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Error::Usage(format!(
                "{shown}: it is no tar archive, or cut off ({source}); a compressed one must be decompressed first"
            )),
            _ => Error::Io { path: path.to_owned(), source },
        })?;
        let manifests = manifest::read(&|name| store.get(name).map(|bytes| bytes.to_vec()));
        let there = ["manifest.json", "index.json"].into_iter().find(|name| store.get(name).is_some());
        if let Some(name) = there.filter(|_| manifests.is_empty()) {
            return Err(Error::Usage(format!(
                "{shown}: its `{name}` is damaged or names nothing that is there, so no layers are known; \
                 `keysweep scan {shown}` scans any archive"
            )));
        }
        if manifests.is_empty() {
            return Err(Error::Usage(format!(
                "{shown}: it is no image: it has neither `manifest.json` (docker save) nor `index.json` (OCI layout); \
                 `keysweep scan {shown}` scans any archive"
            )));
        }
        Ok(Self { shown, store, manifests })
    }

    /// The image in words: its file and its names.
    pub fn title(&self) -> String {
        let mut names: Vec<&str> =
            self.manifests.iter().flat_map(|manifest| &manifest.names).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() { self.shown.clone() } else { format!("{} ({})", self.shown, names.join(", ")) }
    }

    /// Hands every layer and configuration to a visitor, each once, layers in parallel.
    pub fn scan(&self, make: &MakeVisitor<'_>) {
        let mut first = make();
        let mut configs: Vec<&manifest::Blob> = self.manifests.iter().filter_map(|one| one.config.as_ref()).collect();
        configs.sort_by(|a, b| a.digest.cmp(&b.digest));
        configs.dedup_by(|a, b| a.digest == b.digest);
        for blob in configs {
            first.coverage().kind("image configurations").found += 1;
            let Some(bytes) = self.blob(blob, first.as_mut()) else { continue };
            for (part, text) in config::texts(&bytes) {
                first.item(Item::new(self.origin(&blob.digest, &format!("{CONFIG}/{part}")), text.as_bytes()));
            }
            first.coverage().kind("image configurations").scanned += 1;
        }
        drop(first);
        let layers: BTreeMap<&str, &manifest::Blob> =
            self.manifests.iter().flat_map(|one| &one.layers).map(|blob| (blob.digest.as_str(), blob)).collect();
        let layers: Vec<&manifest::Blob> = layers.into_values().collect();
        layers.par_iter().for_each(|blob| {
            let mut visitor = make();
            visitor.coverage().kind("layers").found += 1;
            if let Some(bytes) = self.blob(blob, visitor.as_mut()) {
                visitor.item(Item::new(self.origin(&blob.digest, LAYER), &bytes));
                visitor.coverage().kind("layers").scanned += 1;
            }
        });
    }

    fn origin(&self, digest: &str, path: &str) -> Origin {
        let mut origin = Origin::new(OriginKind::Image, path);
        origin.repository = Some(self.shown.clone());
        origin.object = Some(digest.to_owned());
        origin
    }

    /// A blob's bytes; told when it is missing.
    fn blob(&self, blob: &manifest::Blob, visitor: &mut dyn Visitor) -> Option<Bytes<'_>> {
        let bytes = self.store.get(&blob.path);
        if bytes.is_none() {
            let notice = Notice::new(NoticeKind::MissingObject, "the image names a blob that is not in it");
            visitor
                .notice(notice.at(self.shown.as_str()).object(blob.digest.as_str()).mend("save it again, whole").gap());
        }
        bytes
    }

    /// Says of each finding which layer it is in, and which later layer no longer has the file.
    pub fn place(&self, findings: &mut [Finding]) {
        if findings.is_empty() {
            return;
        }
        let mut known: HashMap<&str, Vec<String>> = HashMap::new();
        for finding in findings {
            let digest = finding.origin.object.clone().unwrap_or_default();
            let place = self.manifests.iter().find_map(|one| {
                let at = one.layers.iter().position(|blob| blob.digest == digest)?;
                Some((&one.layers, at))
            });
            let Some((layers, at)) = place else { continue };
            finding.facts.push(("layer".to_owned(), format!("{} of {}", at + 1, layers.len())));
            let gone = (at + 1..layers.len()).find(|&later| {
                let names = known.entry(&layers[later].digest).or_insert_with(|| self.names(&layers[later]));
                names.iter().any(|name| hides(name, &finding.origin.path))
            });
            if let Some(gone) = gone {
                finding.facts.push(("gone since layer".to_owned(), (gone + 1).to_string()));
            }
        }
    }

    fn names(&self, blob: &manifest::Blob) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(bytes) = self.store.get(&blob.path) {
            archive::names(&bytes, &mut |name| names.push(normal(name)));
        }
        names
    }
}

/// Whether an entry `name` of a later layer takes the file at `path` away: a mark for it or for a folder above, or a
/// file in its place.
fn hides(name: &str, path: &str) -> bool {
    let path = path.trim_start_matches("./");
    if name == path {
        return true;
    }
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
    let Some(inside) = (if folder.is_empty() { Some(path) } else { path.strip_prefix(folder) }) else { return false };
    let inside = inside.trim_start_matches('/');
    match file.strip_prefix(".wh.") {
        Some(".wh..opq") => !inside.is_empty(),
        Some(gone) => inside == gone || inside.strip_prefix(gone).is_some_and(|rest| rest.starts_with('/')),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{hides, normal};

    #[test]
    fn marks_take_files_and_folders_away() {
        for (name, path, expected) in [
            ("app/.wh.key.env", "app/key.env", true),
            ("app/.wh.key.env", "app/key.env.txt", false),
            (".wh.app", "app/key.env", true),
            ("app/.wh..wh..opq", "app/sub/key.env", true),
            ("other/.wh..wh..opq", "app/key.env", false),
            ("app/key.env", "./app/key.env", true),
            ("app/.wh.x", "app/key.env", false),
            ("ap/.wh.x", "app/x", false),
        ] {
            assert_eq!(hides(name, path), expected, "{name} {path}");
        }
        assert_eq!(normal("./a//b/../c"), "a/c");
    }
}
