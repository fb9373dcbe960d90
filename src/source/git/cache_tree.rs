//! The index's own notes on which folders are as some tree has them (the `TREE` extension): most folders need no
//! comparing then. Git itself commits by these notes, so what they say is what the next commit has.

use std::collections::HashMap;

use git2::Oid;

use super::tree::DEEPEST;

/// Bytes of an entry before its object id.
const STAT: usize = 40;
/// An entry has a second word of flags.
const EXTENDED: u16 = 0x4000;
/// Bits of the flags that hold the name's length; all set when it is longer.
const NAME: u16 = 0x0fff;

/// Folders by path, each with the tree that its staged content is.
pub(super) type Folders = HashMap<Vec<u8>, Oid>;

/// Folders (`""` for the root, `a/b` for others) whose staged content is just the tree; empty when the index has no
/// such notes or they make no sense.
pub(super) fn read(index: &[u8], id_size: usize) -> Folders {
    let mut folders = Folders::new();
    if let Some(mut notes) = extension(index, id_size, *b"TREE") {
        let whole = node(&mut notes, id_size, &mut Vec::new(), 0, &mut folders);
        if whole.is_none() || !notes.is_empty() {
            folders.clear();
        }
    }
    folders
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The content of an extension, found behind the entries.
fn extension(index: &[u8], id_size: usize, wanted: [u8; 4]) -> Option<&[u8]> {
    let version = word(index, 4)?;
    if !index.starts_with(b"DIRC") || !(2..=4).contains(&version) {
        return None;
    }
    let mut at = 12;
    for _ in 0..word(index, 8)? {
        let flags_at = at + STAT + id_size;
        let flags = u16::from_be_bytes(index.get(flags_at..flags_at + 2)?.try_into().ok()?);
        let name = flags_at + if flags & EXTENDED != 0 { 4 } else { 2 };
        let nul = |from: usize| Some(from + memchr::memchr(0, index.get(from..)?)?);
        at = if version == 4 {
            // A number in 7-bit pieces, then the rest of the name.
            let number = index.get(name..)?.iter().position(|byte| byte & 0x80 == 0)?;
            nul(name + number + 1)? + 1
        } else {
            let end = if flags & NAME == NAME { nul(name)? } else { name + usize::from(flags & NAME) };
            // Padded with one to eight NULs.
            at + ((end - at) / 8 + 1) * 8
        };
    }
    let end = index.len().checked_sub(id_size)?;
    while at + 8 <= end {
        let size = word(index, at + 4)? as usize;
        let content = index.get(at + 8..(at + 8).checked_add(size)?)?;
        if index[at..at + 4] == wanted {
            return Some(content);
        }
        at += 8 + size;
    }
    None
}

/// One folder and those below: `name NUL entries SP folders LF id`; the id is left out where entries is negative.
fn node(rest: &mut &[u8], id_size: usize, path: &mut Vec<u8>, depth: usize, folders: &mut Folders) -> Option<()> {
    let mut until = |end: u8| {
        let at = memchr::memchr(end, rest)?;
        let taken = &rest[..at];
        *rest = &rest[at + 1..];
        Some(taken)
    };
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
    let name = until(0)?;
    let entries = number(until(b' ')?)?;
    let below = number(until(b'\n')?)?;
    let length = path.len();
    if depth > 0 {
        if length > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(name);
    }
    if entries >= 0 {
        let (id, after) = rest.split_at_checked(id_size)?;
        *rest = after;
        folders.insert(path.clone(), Oid::from_bytes(id).ok()?);
    }
    if depth > DEEPEST {
        return None;
    }
    for _ in 0..below {
        node(rest, id_size, path, depth + 1, folders)?;
    }
    path.truncate(length);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn no_bytes_make_it_panic() {
        let mut index = b"DIRC\0\0\0\x02\0\0\0\x01".to_vec();
        index.extend([0; 60]);
        index.extend([0, 1, b'a', 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let notes = b"\x001 1\n01234567890123456789dir\0-1 0\n";
        index.extend(b"TREE");
        index.extend((notes.len() as u32).to_be_bytes());
        index.extend(notes);
        index.extend([0; 20]);
        let folders = read(&index, 20);
        assert_eq!(folders.len(), 1, "the root is valid, `dir` is not");
        assert!(folders.contains_key(&b""[..]));
        for at in 0..index.len() {
            let _ = read(&index[..at], 20);
            let mut broken = index.clone();
            broken[at] ^= 0xff;
            let _ = read(&broken, 20);
            let _ = read(&broken, 32);
        }
    }
}
