//! Backslash escapes of strings: `\x3d`, `\u003d`, `\u{3d}`, `\U0000003d`, `\075`, `\n`, `\"`, `\/`.

use super::escape::Unit;

/// The decoder's name.
pub(super) const NAME: &str = "escapes";

/// The escape at the start of `text`.
pub(super) fn unit(text: &[u8]) -> Option<Unit> {
    let (&b'\\', rest) = text.split_first()? else { return None };
    Some(match *rest.first()? {
        b'n' => Unit::byte(b'\n', 2),
        b'r' => Unit::byte(b'\r', 2),
        b't' => Unit::byte(b'\t', 2),
        byte @ (b'"' | b'\'' | b'\\' | b'/') => Unit::byte(byte, 2),
        b'x' => Unit::byte(super::hex_byte(*rest.get(1)?, *rest.get(2)?)?, 4),
        b'u' if rest.get(1) == Some(&b'{') => {
            let end = rest.iter().take(9).position(|&byte| byte == b'}')?;
            Unit::character(char::from_u32(number(&rest[2..end])?)?, end + 2)
        }
        b'u' => match number(rest.get(1..5)?)? {
            high @ 0xd800..=0xdbff => {
                let low = rest.get(5..11)?.strip_prefix(b"\\u").and_then(number)?;
                let low = low.checked_sub(0xdc00).filter(|&low| low < 0x400)?;
                Unit::character(char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?, 12)
            }
            unit => Unit::character(char::from_u32(unit)?, 6),
        },
        b'U' => Unit::character(char::from_u32(number(rest.get(1..9)?)?)?, 10),
        b'0'..=b'3' => {
            let digits = rest.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)))?;
            Unit::byte(digits.iter().fold(0, |byte, digit| byte << 3 | (digit - b'0')), 4)
        }
        _ => return None,
    })
}

/// Hex digits alone, as a number.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0u32, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn escapes_are_read() {
        for (text, expected) in [
            ("\\x3d", "="),
            ("\\u003D", "="),
            ("\\u{3d}", "="),
            ("\\u{1F511}x", "\u{1F511}"),
            ("\\ud83d\\udd11", "\u{1F511}"),
            ("\\U0001F511", "\u{1F511}"),
            ("\\075", "="),
            ("\\n", "\n"),
            ("\\/", "/"),
        ] {
            let unit = unit(text.as_bytes()).unwrap_or_else(|| panic!("{text} is an escape"));
            assert_eq!(&unit.bytes[..usize::from(unit.len)], expected.as_bytes(), "{text}");
        }
        for text in ["", "\\", "\\x", "\\x3", "\\xzz", "\\u12", "\\u{}", "\\u{110000}", "\\ud83d", "\\q", "x", "\\08"] {
            assert!(unit(text.as_bytes()).is_none(), "{text}");
        }
    }
}
