//! Commit and tag objects, raw: libgit2's parser refuses some that exist, and hides parents behind grafts.

use git2::{ObjectFormat, Oid};

use crate::clock;
use crate::finding::Commit;

/// What a commit says about history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Links {
    pub(super) tree: Oid,
    pub(super) parents: Vec<Oid>,
    /// Committer date, seconds since 1970.
    pub(super) time: i64,
}

/// The header lines of a commit or tag (name, value; continuation lines have an empty name), then its message.
fn split(data: &[u8]) -> (impl Iterator<Item = (&[u8], &[u8])>, &[u8]) {
    let end = memchr::memmem::find(data, b"\n\n");
    let (head, message) = end.map_or((data, &[][..]), |end| (&data[..end], &data[end + 2..]));
    let lines = head.split(|&byte| byte == b'\n').map(|line| {
        let space = memchr::memchr(b' ', line).unwrap_or(line.len());
        (&line[..space], line.get(space + 1..).unwrap_or_default())
    });
    (lines, message)
}

/// An id in hex.
pub(super) fn id(hex: &[u8]) -> Option<Oid> {
    let format = match hex.len() {
        64 => ObjectFormat::Sha256,
        40 => ObjectFormat::Sha1,
        _ => return None,
    };
    Oid::from_str_ext(std::str::from_utf8(hex).ok()?, format).ok()
}

/// Tree, parents and date; `None` when there is no tree (malformed).
pub(super) fn links(data: &[u8]) -> Option<Links> {
    let mut links = None;
    for (name, value) in split(data).0 {
        match (name, &mut links) {
            (b"tree", None) => links = Some(Links { tree: id(value)?, parents: Vec::with_capacity(1), time: 0 }),
            (b"parent", Some(links)) => links.parents.push(id(value)?),
            (b"committer", Some(links)) => links.time = signature(value).2,
            _ => {}
        }
    }
    links
}

/// What a tag object points at.
pub(super) fn tagged(data: &[u8]) -> Option<Oid> {
    split(data).0.find(|(name, _)| *name == b"object").and_then(|(_, value)| id(value))
}

/// Name, address, seconds and offset in minutes of `Name <address> seconds +hhmm`.
fn signature(value: &[u8]) -> (String, String, i64, i64) {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let close = memchr::memrchr(b'>', value).unwrap_or(value.len());
    let open = memchr::memchr(b'<', &value[..close]).unwrap_or(close);
    let date = lossy(value.get(close + 1..).unwrap_or_default());
    let (seconds, zone) = date.split_once(' ').unwrap_or((&date, "+0000"));
    let zone: i64 = zone.parse().unwrap_or(0);
    let minutes = (zone / 100) * 60 + zone % 100;
    let minutes = if minutes.abs() < 24 * 60 { minutes } else { 0 };
    (
        lossy(&value[..open]),
        lossy(value.get(open + 1..close).unwrap_or_default()),
        seconds.parse().unwrap_or(0),
        minutes,
    )
}

/// The commit (or tag) as reports tell of it. `withheld`: its own text holds a secret, so none of it is shown.
pub(super) fn describe(id: Oid, data: &[u8], withheld: bool) -> Commit {
    let (headers, message) = split(data);
    let who = headers.filter(|(name, _)| *name == b"author" || *name == b"tagger").map(|(_, value)| value).next();
    let (author, email, seconds, minutes) = signature(who.unwrap_or_default());
    let line = message.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let mut commit = Commit {
        id: id.to_string(),
        summary: String::from_utf8_lossy(line).trim().to_owned(),
        author,
        email,
        date: local(seconds, minutes),
        refs: Vec::new(),
        refs_count: 0,
        in_head: None,
        removed_by: None,
        removed_at: None,
        other_paths: Vec::new(),
        other_paths_count: 0,
        reach: None,
    };
    if withheld {
        let withheld = "[withheld: it holds a secret]";
        (commit.summary, commit.author, commit.email) = (withheld.to_owned(), withheld.to_owned(), withheld.to_owned());
    }
    commit
}

/// RFC 3339 with the author's offset.
fn local(seconds: i64, minutes: i64) -> String {
    // Years beyond four digits are nonsense some commits have.
    let seconds = seconds.clamp(0, 253_402_300_799 - 86_400);
    let mut date = clock::rfc3339(seconds + minutes * 60);
    date.pop();
    let sign = if minutes < 0 { '-' } else { '+' };
    date.push_str(&format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60));
    date
}

#[cfg(test)]
mod tests {
    use git2::{ObjectFormat, Oid};

    use super::{describe, links, tagged};

    const ID: &str = "1234567890123456789012345678901234567890";

    #[test]
    fn a_commit_is_read() {
        let text = format!(
            "tree {ID}\nparent {ID}\nauthor A <b> C <a@example.invalid> 1700000000 -0130\n\
             committer D <d> 1700000001 +0000\ngpgsig x\n tree y\n\n\nsubject\n\nbody\n"
        );
        let read = links(text.as_bytes()).expect("a commit");
        assert_eq!((read.parents.len(), read.time), (1, 1_700_000_001));
        let oid = Oid::from_str_ext(ID, ObjectFormat::Sha1).expect("an id");
        let commit = describe(oid, text.as_bytes(), false);
        assert_eq!(commit.summary, "subject");
        assert_eq!(commit.date, "2023-11-14T20:43:20-01:30");
        assert!(commit.author.starts_with('A'));
        assert!(describe(oid, text.as_bytes(), true).summary.contains("withheld"));
    }

    #[test]
    fn malformed_objects_do_not_panic() {
        for text in ["", "tree", "tree 12\n", "author <<>> x y\n\n", "\n\n\n", "author > < 99999999999999999999 +9"] {
            assert!(links(text.as_bytes()).is_none());
            assert!(tagged(text.as_bytes()).is_none());
            let _ = describe(Oid::ZERO_SHA1, text.as_bytes(), false);
        }
    }
}
