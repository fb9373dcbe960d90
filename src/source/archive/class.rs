//! Compiled Java: the strings of a class file's constants, a line each.

use super::bytes::u16_be;

/// Whether `bytes` begin as a class file does. (Universal programs of macOS do too; they have no constants.)
pub(super) fn is_class(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xca\xfe\xba\xbe") && u16_be(bytes, 6).is_some_and(|version| (45..200).contains(&version))
}

/// The strings, a line each; `None` when the constants are damaged.
pub(super) fn strings(bytes: &[u8]) -> Option<Vec<u8>> {
    let count = u16_be(bytes, 8)?;
    let (mut out, mut at, mut index) = (Vec::new(), 10, 1);
    while index < count {
        let kind = *bytes.get(at)?;
        at += 1;
        at += match kind {
            1 => {
                let length = usize::from(u16_be(bytes, at)?);
                out.extend_from_slice(bytes.get(at + 2..at + 2 + length)?);
                out.push(b'\n');
                2 + length
            }
            7 | 8 | 16 | 19 | 20 => 2,
            15 => 3,
            3 | 4 | 9 | 10 | 11 | 12 | 17 | 18 => 4,
            5 | 6 => {
                // Long numbers take two places.
                index += 1;
                8
            }
            _ => return None,
        };
        index = index.checked_add(1)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{is_class, strings};

    #[test]
    fn constants_are_read() {
        let bytes = b"\xca\xfe\xba\xbe\0\0\0\x41\0\x06\x01\0\x03abc\x05\0\0\0\0\0\0\0\0\x08\0\x01\x01\0\x02de";
        assert!(is_class(bytes));
        assert_eq!(strings(bytes), Some(b"abc\nde\n".to_vec()));
        for end in 8..bytes.len() {
            assert_eq!(strings(&bytes[..end]), None);
        }
    }
}
