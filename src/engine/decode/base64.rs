//! Base64: both alphabets, padded or not, on one line or wrapped over many, with the escapes that strings put in.

use super::piece::Piece;

/// The decoder's name.
pub(super) const NAME: &str = "base64";

/// Four groups of four characters in a row, a bit for where each begins.
const STREAK: u32 = 0x1111;

/// Six bits of a character and three tests of them; [`NONE`] for every other byte.
const NONE: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < 26 {
        table[b'A' as usize + value] = value as u8;
        table[b'a' as usize + value] = value as u8 + 26;
        value += 1;
    }
    value = 0;
    while value < 10 {
        table[b'0' as usize + value] = value as u8 + 52;
        value += 1;
    }
    table[b'+' as usize] = 62;
    table[b'-' as usize] = 62;
    table[b'/' as usize] = 63;
    table[b'_' as usize] = 63;
    table
};

/// As the first, second or third character of a group: whether the byte it makes the top of is ASCII (bits 0 to 2);
/// bit 3: it is of the alphabet.
const ASCII: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = VALUES[byte];
        if value != NONE {
            table[byte] = 8 | (value < 32) as u8 | ((value & 8 == 0) as u8) << 1 | ((value & 2 == 0) as u8) << 2;
        }
        byte += 1;
    }
    table
};

/// Whether a byte is of the alphabet.
pub(super) fn is_digit(byte: u8) -> bool {
    VALUES[usize::from(byte)] != NONE
}

/// Where in `run` (all of the alphabet) groups begin of which four in a row are text: the cheap test. The place is
/// that of the first group of its alignment, at most three bytes behind the run's start.
pub(super) fn text_at(run: &[u8]) -> Option<usize> {
    // A bit for each of the last places, whether a group of text may begin there: no branch for a byte of a random run.
    let mut begins = 0u32;
    for (at, group) in run.windows(4).enumerate() {
        let [a, b, c, _] = *group else { break };
        let may = ASCII[usize::from(a)] & ASCII[usize::from(b)] >> 1 & ASCII[usize::from(c)] >> 2 & 1;
        begins = begins << 1 | u32::from(may);
        if begins & STREAK == STREAK {
            let first = at - 12;
            let mut bytes = [0; 12];
            let groups = run.get(first..at + 4).unwrap_or_default();
            for (out, group) in bytes.chunks_exact_mut(3).zip(groups.chunks_exact(4)) {
                out.copy_from_slice(&three(group));
            }
            if super::is_text(&bytes) {
                return Some(first & 3);
            }
        }
    }
    None
}

/// The three bytes of a group of four digits.
fn three(group: &[u8]) -> [u8; 3] {
    let bits = group.iter().fold(0u32, |bits, &byte| bits << 6 | u32::from(VALUES[usize::from(byte)] & 63));
    let [_, a, b, c] = bits.to_be_bytes();
    [a, b, c]
}

/// Whether `run` begins with a compressed stream (gzip or zlib).
pub(super) fn compressed(run: &[u8]) -> bool {
    run.get(..8).is_some_and(|head| {
        let [a, b, c] = three(&head[..4]);
        super::inflate::is_stream(&[a, b, c])
    })
}

/// Decodes from `start` on, as far as it goes, or until `largest` bytes came out that are no compressed stream.
pub(super) fn decode(text: &[u8], start: usize, mut largest: usize) -> Piece {
    let mut piece = Piece::new(NAME, start);
    let mut at = start;
    // The digits of an unfinished group and where each stands.
    let (mut group, mut places, mut count) = ([0u8; 4], [start; 4], 0);
    let mut line = start;
    loop {
        if piece.text.len() >= largest && count == 0 {
            if !super::inflate::is_stream(&piece.text) {
                return piece;
            }
            largest = usize::MAX;
        }
        if count == 0
            && let Some(four) = text.get(at..at + 4)
            && four.iter().all(|&byte| is_digit(byte))
        {
            piece.push(&three(four), at..at + 4);
            at += 4;
            continue;
        }
        match text.get(at) {
            Some(&byte) if is_digit(byte) => {
                (group[count], places[count]) = (byte, at);
                count += 1;
                at += 1;
                if count == 4 {
                    piece.push(&three(&group), places[0]..at);
                    count = 0;
                }
            }
            _ => match joint(text, at, line) {
                Some(next) => {
                    at = next;
                    line = next;
                }
                None => break,
            },
        }
    }
    // Two or three digits are one or two bytes, padded or not.
    if count >= 2 {
        group[count..].fill(b'A');
        let end = places[count - 1] + 1;
        let padding = text[end..].iter().take(4 - count).take_while(|&&byte| byte == b'=').count();
        piece.push(&three(&group)[..count - 1], places[0]..end + padding);
    }
    piece
}

/// Shortest line that is taken for one of several.
const LINE: usize = 32;

/// Where digits go on behind what is not one at `at`: an escaped slash or line end, or the next line when that holds
/// nothing else. `line` is where this line's digits began.
fn joint(text: &[u8], at: usize, line: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    match rest {
        [b'\\', b'/', ..] => return Some(at + 1),
        [b'\\', b'r', b'\\', b'n', ..] => return Some(at + 4),
        [b'\\', b'n' | b'r', ..] => return Some(at + 2),
        _ => {}
    }
    let end = match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => return None,
    };
    if at - line < LINE {
        return None;
    }
    let blanks = rest[end..].iter().take(80).take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
    let next = at + end + blanks;
    let digits = text[next..].iter().take_while(|&&byte| is_digit(byte)).count();
    let padding = text[next + digits..].iter().take(2).take_while(|&&byte| byte == b'=').count();
    let closed = match text.get(next + digits + padding) {
        None | Some(b'\r' | b'\n' | b'"' | b'\'' | b'`' | b'<' | b' ' | b'\t' | b')' | b',') => true,
        Some(b'\\') => true,
        Some(_) => false,
    };
    // A line of a few letters is more likely a word than the end of what went before.
    (closed && digits > 0 && (digits + padding).is_multiple_of(4) || closed && digits >= LINE).then_some(next)
}

/// A whole value that is base64 of text: the text. What is no base64, or not of text, is `None`.
pub(super) fn value(value: &[u8]) -> Option<Vec<u8>> {
    let digits = value.iter().take_while(|&&byte| is_digit(byte)).count();
    let padding = value.len() - digits;
    let whole = padding <= 2 && value[digits..].iter().all(|&byte| byte == b'=');
    if !whole || digits < 10 || digits % 4 == 1 || padding > 0 && !value.len().is_multiple_of(4) {
        return None;
    }
    let text = decode(value, 0, usize::MAX).text;
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    text.iter().all(|byte| (b' '..=b'~').contains(byte)).then(|| text.to_vec())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::{decode, is_digit, text_at, value};

    proptest! {
        #[test]
        fn every_form_is_decoded(bytes in prop::collection::vec(any::<u8>(), 0..300), width in 9usize..20, form in 0usize..6) {
            let mut text = match form {
                0 => STANDARD.encode(&bytes),
                1 => STANDARD_NO_PAD.encode(&bytes),
                2 => URL_SAFE.encode(&bytes),
                _ => URL_SAFE_NO_PAD.encode(&bytes),
            };
            if form > 3 {
                text = STANDARD.encode(&bytes);
                let lines: Vec<&[u8]> = text.as_bytes().chunks(4 * width).collect();
                let end: &[u8] = if form == 4 { b"\n  " } else { b"\\r\\n" };
                text = String::from_utf8(lines.join(end)).expect("ascii");
            }
            let piece = decode(text.as_bytes(), 0, usize::MAX);
            prop_assert_eq!(&piece.text, &bytes);
            for at in 0..bytes.len() {
                let outer = piece.outer(at..at + 1);
                prop_assert!(outer.end <= text.len() && outer.start < outer.end);
                let part = decode(text.as_bytes(), outer.start, usize::MAX);
                prop_assert_eq!(part.text[0], bytes[at - at % 3]);
            }
        }
    }

    #[test]
    fn text_is_told_from_chance() {
        let encoded = STANDARD.encode("some plain text that goes on");
        for junk in ["", "x", "ab", "abc", "_-/a"] {
            let run = format!("{junk}{encoded}");
            let run = run.trim_end_matches('=').as_bytes();
            assert!(run.iter().all(|&byte| is_digit(byte)));
            assert_eq!(text_at(run), Some(junk.len() % 4), "{junk}");
        }
        assert_eq!(text_at(b"someVeryLongIdentifierThatGoesOnAndOnAndOn"), None);
        assert_eq!(text_at(b"src/main/java/org/example/internal/Factory"), None);
        assert_eq!(text_at(STANDARD.encode([0; 60]).as_bytes()), None);
    }

    #[test]
    fn a_value_is_text_or_none() {
        assert_eq!(value(b"aHVudGVyMi5zZWNyZXQ="), Some(b"hunter2.secret".to_vec()));
        assert_eq!(value(b"aHVudGVyMi5zZWNyZXQ"), Some(b"hunter2.secret".to_vec()));
        for other in ["", "password", "Passw0rdPassw0rd", "aHVudGVyMi5zZWNyZXQ==", "aHVu dGVy"] {
            assert_eq!(value(other.as_bytes()), None, "{other}");
        }
    }
}
