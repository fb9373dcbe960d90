//! Where a finding is and which one it is, for formats that want a URI and a stable hash.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::escape::uri_path;
use crate::finding::Finding;

/// A path as a URI: relative, or `file:` for an absolute path.
pub(super) fn place_uri(path: &str) -> String {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    if drive {
        format!("file:///{}:{}", &path[..1], uri_path(&path[2..]))
    } else if path.starts_with('/') {
        format!("file://{}", uri_path(path))
    } else {
        uri_path(path)
    }
}

/// The URI of a finding's file; of the object when it has no path (a commit message).
pub(super) fn uri(finding: &Finding) -> String {
    place_uri(&path_or_object(finding))
}

/// The path of a finding; `.git/message/1a2b...` when it has none, since most formats insist on a file.
pub(super) fn path_or_object(finding: &Finding) -> String {
    let origin = &finding.origin;
    if origin.path.is_empty() {
        let object = origin.object.as_deref().or(finding.commit.as_ref().map(|commit| &*commit.id));
        format!(".git/{}/{}", origin.kind.as_str(), object.unwrap_or("unknown"))
    } else {
        origin.path.clone()
    }
}

/// Stable hashes for the findings of one report, asked for in its order.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    seen: HashMap<String, u32>,
}

impl Hashes {
    /// `<hash>:<n>`: the fingerprint, and which of the places that share it this is.
    pub(super) fn next(&mut self, finding: &Finding) -> String {
        let hash = match finding.fingerprint.rsplit(':').next() {
            Some(hash) if !hash.is_empty() => hash.to_owned(),
            // No filter ran: of what is public about it.
            _ => hex(&digest(&[&finding.rule, &path_or_object(finding), &finding.excerpt])[..16]),
        };
        let number = self.seen.entry(hash.clone()).or_default();
        *number += 1;
        format!("{hash}:{number}")
    }

    /// A UUID for the next place of `finding`: version 8, of the same parts.
    pub(super) fn next_uuid(&mut self, finding: &Finding) -> String {
        let digest = digest(&["keysweep finding", &self.next(finding)]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = hex(&bytes);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Hashes, place_uri};
    use crate::report::fixture;

    #[test]
    fn uris() {
        assert_eq!(place_uri("a/b c"), "a/b%20c");
        assert_eq!(place_uri("/etc/x#y"), "file:///etc/x%23y");
        assert_eq!(place_uri("C:/x"), "file:///C:/x");
    }

    #[test]
    fn the_same_place_twice_is_numbered() {
        let result = fixture::result();
        let finding = &result.findings[0];
        let mut hashes = Hashes::default();
        let first = hashes.next(finding);
        assert_eq!(hashes.next(finding), first.replace(":1", ":2"));
        let uuid = Hashes::default().next_uuid(finding);
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"));
        assert_eq!(uuid, Hashes::default().next_uuid(finding), "stable from run to run");
    }
}
