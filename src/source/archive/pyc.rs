//! Compiled Python: the strings in its marshalled code, a line each. The bytes as they lie do not do: a string's length
//! and the kind of the next object stand right beside it, and may be letters. What is assigned to a name follows
//! (`marshal.rs`).

/// Shortest string that is worth a line.
const LEAST: usize = 4;

/// Whether `bytes` begin as a `.pyc` file does: a version of the compiler, then CR LF.
pub(super) fn is_pyc(bytes: &[u8]) -> bool {
    match *bytes {
        [low, high, b'\r', b'\n', ..] => {
            let version = u16::from_le_bytes([low, high]);
            // Python 3.0 to far beyond what there is; Python 1.5 to 2.7.
            (3000..4000).contains(&version)
                || matches!(version, 20_121 | 50_428 | 50_823 | 60_202 | 60_717 | 62_011..=62_211)
        }
        _ => false,
    }
}

/// The strings, a line each. How code objects are laid out changes with every version, so strings are told by their
/// own form: a kind, a length, and that many characters.
pub(super) fn strings(bytes: &[u8]) -> Vec<u8> {
    let (assigned, told) = super::marshal::assignments(bytes);
    let mut out = Vec::new();
    let mut at = 8;
    while let Some(&kind) = bytes.get(at) {
        let header = match kind & 0x7f {
            // Short strings tell their length in one byte, others in four.
            b'z' | b'Z' => bytes.get(at + 1).map(|&length| (2, usize::from(length))),
            b'a' | b'A' | b'u' | b't' | b's' => {
                super::bytes::u32_le(bytes, at + 1).and_then(|length| Some((5, usize::try_from(length).ok()?)))
            }
            _ => None,
        };
        let string = header.filter(|(_, length)| *length >= LEAST).and_then(|(header, length)| {
            let start = at + header;
            bytes.get(start..start.checked_add(length)?).filter(|string| is_text(string))
        });
        match string {
            Some(string) => {
                if !told.contains(string) {
                    out.extend_from_slice(string);
                    out.push(b'\n');
                }
                at += header.map_or(1, |(header, _)| header) + string.len();
            }
            None => at += 1,
        }
    }
    out.extend(assigned);
    out
}

/// Whether a string is text; looks no farther than the first byte that is none.
fn is_text(string: &[u8]) -> bool {
    let plain = |byte: u8| byte >= b' ' && byte != 0x7f || matches!(byte, b'\n' | b'\r' | b'\t');
    string.iter().all(|&byte| plain(byte)) && std::str::from_utf8(string).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{is_pyc, strings};

    #[test]
    fn strings_are_told_apart() {
        let mut bytes = b"\xcb\x0d\r\n\0\0\0\0aaaabbbb\xe3\0\0\0\0".to_vec();
        bytes.extend(b"\xfa\x30");
        bytes.extend([b'k'; 0x30]);
        bytes.extend(b"Z\x05names\xe9\x01\0\0\0s\x04\0\0\0d\x00S\x00u\xff\xff\xff\x7fxz\xff");
        assert!(is_pyc(&bytes));
        assert_eq!(strings(&bytes), format!("{}\nnames\n", "k".repeat(0x30)).into_bytes());
        assert!(!is_pyc(b"ab\r\ntext") && !is_pyc(b""));
    }
}
