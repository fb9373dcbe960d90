//! What git objects are: ids, kinds, and readers of trees, commits and tags that take any bytes.

use std::fmt;

use sha2::Digest as _;

/// Which hash names the objects of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// SHA-1: ids of 20 bytes.
    Sha1,
    /// SHA-256: ids of 32 bytes.
    Sha256,
}

impl Format {
    /// Bytes of an id.
    pub fn id_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The hash of `bytes`.
    pub fn hash(self, bytes: &[u8]) -> ObjectId {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }
}

/// A hash being made.
pub enum Hasher {
    /// Of 20 bytes.
    Sha1(sha1::Sha1),
    /// Of 32 bytes.
    Sha256(sha2::Sha256),
}

impl Hasher {
    /// Of nothing yet.
    pub fn new(format: Format) -> Self {
        match format {
            Format::Sha1 => Self::Sha1(sha1::Sha1::new()),
            Format::Sha256 => Self::Sha256(sha2::Sha256::new()),
        }
    }

    /// Of an object: its header is in.
    pub fn object(format: Format, kind: Kind, size: u64) -> Self {
        let mut hasher = Self::new(format);
        hasher.update(format!("{} {size}\0", kind.name()).as_bytes());
        hasher
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The hash.
    pub fn finish(self) -> ObjectId {
        let mut bytes = [0; 32];
        let len = match self {
            Self::Sha1(hasher) => {
                bytes[..20].copy_from_slice(&hasher.finalize());
                20
            }
            Self::Sha256(hasher) => {
                bytes.copy_from_slice(&hasher.finalize());
                32
            }
        };
        ObjectId { bytes, len }
    }
}

/// An object's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    bytes: [u8; 32],
    len: u8,
}

impl ObjectId {
    /// The id these 20 or 32 bytes are; `None` for any other number.
    pub fn new(raw: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        // Lengths that the compiler knows are copied without a call.
        match raw.len() {
            20 => *bytes.first_chunk_mut::<20>()? = *raw.first_chunk()?,
            32 => bytes = *raw.first_chunk()?,
            _ => return None,
        }
        Some(Self { bytes, len: raw.len() as u8 })
    }

    /// The id this hexadecimal text is.
    pub fn from_hex(hex: &[u8]) -> Option<Self> {
        if hex.len() != 40 && hex.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (place, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            *place = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Some(Self { bytes, len: (hex.len() / 2) as u8 })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.as_bytes()) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        formatter.write_str(std::str::from_utf8(&hex[..2 * usize::from(self.len)]).unwrap_or_default())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A commit.
    Commit,
    /// A folder.
    Tree,
    /// A file's content.
    Blob,
    /// An annotated tag.
    Tag,
}

impl Kind {
    /// Its name in loose headers (`blob`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    /// Its name in coverage (`blobs`).
    pub fn plural(self) -> &'static str {
        match self {
            Self::Commit => "commits",
            Self::Tree => "trees",
            Self::Blob => "blobs",
            Self::Tag => "tags",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag].into_iter().find(|kind| kind.name().as_bytes() == name)
    }

    /// The id of an object of this kind with this content.
    pub fn id_of(self, format: Format, content: &[u8]) -> ObjectId {
        let mut hasher = Hasher::object(format, self, content.len() as u64);
        hasher.update(content);
        hasher.finish()
    }
}

/// One line of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeEntry<'t> {
    /// The file mode, octal digits.
    pub mode: &'t [u8],
    /// The name: any bytes but NUL.
    pub name: &'t [u8],
    /// The id's bytes.
    pub id: &'t [u8],
    /// Where the entry starts in the tree.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl TreeEntry<'_> {
    /// Whether it is a folder.
    pub fn is_tree(&self) -> bool {
        self.mode == b"40000" || self.mode == b"040000"
    }

    /// Whether it is a submodule's commit, which lives in another repository.
    pub fn is_link(&self) -> bool {
        self.mode == b"160000"
    }
}

/// The entries of a tree. Stops at the first one that is cut off: [`Tree::is_malformed`] tells.
#[derive(Debug, Clone)]
pub struct Tree<'t> {
    text: &'t [u8],
    at: usize,
    id_len: usize,
    malformed: bool,
}

impl<'t> Tree<'t> {
    /// Reads `text` as a tree.
    pub fn new(text: &'t [u8], format: Format) -> Self {
        Self { text, at: 0, id_len: format.id_len(), malformed: false }
    }

    /// Whether reading ended before the text did.
    pub fn is_malformed(&self) -> bool {
        self.malformed
    }
}

impl<'t> Iterator for Tree<'t> {
    type Item = TreeEntry<'t>;

    fn next(&mut self) -> Option<TreeEntry<'t>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty() && !self.malformed)?;
        let parsed = memchr::memchr(0, rest).and_then(|nul| {
            // Nearly all modes have six digits, folders five.
            let space = match &rest[..nul] {
                [b'1', _, _, _, _, _, b' ', ..] if !rest[1..6].contains(&b' ') => 6,
                head => memchr::memchr(b' ', head)?,
            };
            let id = rest.get(nul + 1..nul + 1 + self.id_len)?;
            let (start, end) = (self.at, self.at + nul + 1 + self.id_len);
            Some(TreeEntry { mode: &rest[..space], name: &rest[space + 1..nul], id, start, end })
        });
        match parsed {
            Some(entry) => self.at = entry.end,
            None => self.malformed = true,
        }
        parsed
    }
}

/// The ids a commit or tag names in its header: (field, id), in order.
pub fn links(text: &[u8]) -> impl Iterator<Item = (&[u8], ObjectId)> {
    text.split(|&byte| byte == b'\n').take_while(|line| !line.is_empty()).filter_map(|line| {
        let space = memchr::memchr(b' ', line)?;
        let field = &line[..space];
        if !matches!(field, b"tree" | b"parent" | b"object") {
            return None;
        }
        Some((field, ObjectId::from_hex(&line[space + 1..])?))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Format, Kind, ObjectId, Tree, links};

    #[test]
    fn known_ids() {
        assert_eq!(Kind::Blob.id_of(Format::Sha1, b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        let id = Kind::Tree.id_of(Format::Sha256, b"");
        assert_eq!(id.as_bytes().len(), 32);
        assert_eq!(ObjectId::from_hex(id.to_string().as_bytes()), Some(id));
    }

    #[test]
    fn a_tree_that_is_cut_off_says_so() {
        let mut text = b"100644 a\0".to_vec();
        text.extend([1; 20]);
        text.extend(b"40000 b\0");
        text.extend([2; 19]);
        let mut tree = Tree::new(&text, Format::Sha1);
        assert_eq!(tree.next().map(|entry| entry.name), Some(&b"a"[..]));
        assert_eq!(tree.next(), None);
        assert!(tree.is_malformed());
    }

    #[test]
    fn a_commit_names_tree_and_parents() {
        let id = "0123456789012345678901234567890123456789";
        let text = format!("tree {id}\nparent {id}\nauthor A <a> 1 +0000\n\ntree {id}\n");
        let fields: Vec<_> = links(text.as_bytes()).map(|(field, _)| field).collect();
        assert_eq!(fields, [&b"tree"[..], b"parent"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text in prop::collection::vec(any::<u8>(), 0..300)) {
            for format in [Format::Sha1, Format::Sha256] {
                let mut end = 0;
                for entry in Tree::new(&text, format) {
                    prop_assert!(entry.start == end && entry.end > entry.start);
                    end = entry.end;
                }
            }
            links(&text).for_each(drop);
        }
    }
}
