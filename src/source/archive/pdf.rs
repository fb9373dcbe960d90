//! PDF: the text that its pages show, and what its object streams hold. Streams packed with Flate, and plain ones, are
//! read; strings are taken as they stand, so the text of fonts with an encoding of their own is not.

use std::io::Read;

use super::gzip::Gzip;
use super::walker::Walker;

/// Bytes before `stream` in which its dictionary is looked for.
const DICTIONARY: usize = 2048;

/// Looks at every stream, and at all that is no stream.
pub(super) fn read(bytes: &[u8], walker: &mut Walker<'_>) {
    let mut plain = Vec::new();
    let mut at = 0;
    let mut number = 0;
    while let Some(found) = memchr::memmem::find(&bytes[at..], b"stream") {
        let word = at + found;
        let mut start = word + b"stream".len();
        // `endstream` is not the beginning of one.
        let begins = !bytes[..word].ends_with(b"end");
        start += match bytes.get(start..) {
            Some([b'\r', b'\n', ..]) if begins => 2,
            Some([b'\n' | b'\r', ..]) if begins => 1,
            _ => {
                plain.extend_from_slice(&bytes[at..start]);
                at = start;
                continue;
            }
        };
        plain.extend_from_slice(&bytes[at..start]);
        let found = memchr::memmem::find(&bytes[start..], b"endstream");
        if found.is_none() {
            walker.damage(&std::io::ErrorKind::UnexpectedEof.into());
        }
        let end = found.map_or(bytes.len(), |end| start + end);
        let dictionary = dictionary(&bytes[..word]);
        number += 1;
        // Pictures and fonts hold no text.
        let names = |name: &[u8]| memchr::memmem::find(dictionary, name).is_some();
        if !names(b"/Image") && !names(b"/FontFile") && !names(b"/Length1") && !names(b"/XRef") {
            let packed = names(b"/FlateDecode") || names(b"/Fl ") || names(b"/Fl]");
            let data = &bytes[start..end];
            walker.member(&format!("stream {number}"), |walker| {
                let decoded;
                let data = if names(b"/ASCII85Decode") || names(b"/A85") {
                    decoded = ascii85(data);
                    &decoded
                } else {
                    data
                };
                if packed {
                    let mut out = Vec::new();
                    let mut source = walker.paid(Gzip::zlib(data));
                    // What came before damage is worth a look; damage in a stream is common, and nobody's concern.
                    let _ = source.by_ref().take(super::walker::WHOLE as u64).read_to_end(&mut out);
                    if walker.is_over() {
                        walker.damage(&std::io::ErrorKind::Other.into());
                    }
                    walker.text(&shown(&out));
                } else if !names(b"/Filter") {
                    walker.text(&shown(data));
                }
            });
        }
        if walker.is_over() {
            return;
        }
        at = end;
    }
    plain.extend_from_slice(&bytes[at..]);
    walker.text(&plain);
}

/// The dictionary in front of a stream.
fn dictionary(before: &[u8]) -> &[u8] {
    let near = &before[before.len().saturating_sub(DICTIONARY)..];
    &near[memchr::memmem::rfind(near, b" obj").unwrap_or(0)..]
}

/// ASCII 85: five characters for four bytes.
fn ascii85(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut value, mut count) = (0u32, 0);
    let text = text.strip_prefix(b"<~").unwrap_or(text);
    for &byte in text.iter().take_while(|&&byte| byte != b'~') {
        match byte {
            b'z' if count == 0 => out.extend([0; 4]),
            b'!'..=b'u' => {
                value = value.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                count += 1;
                if count == 5 {
                    out.extend(value.to_be_bytes());
                    (value, count) = (0, 0);
                }
            }
            _ => {}
        }
    }
    if count > 1 {
        for _ in count..5 {
            value = value.wrapping_mul(85).wrapping_add(84);
        }
        out.extend(&value.to_be_bytes()[..count - 1]);
    }
    out
}

/// What a content stream shows; another stream's text as it is.
fn shown(content: &[u8]) -> Vec<u8> {
    let is_content = memchr::memmem::find(content, b"BT").is_some() && memchr::memmem::find(content, b"ET").is_some();
    if !is_content {
        return content.to_vec();
    }
    let mut out = Vec::new();
    let mut at = 0;
    let mut in_array = false;
    while let Some(&byte) = content.get(at) {
        match byte {
            b'(' => {
                at = string(content, at + 1, &mut out);
                continue;
            }
            b'<' if content.get(at + 1) != Some(&b'<') => {
                let end = memchr::memchr(b'>', &content[at..]).map_or(content.len(), |end| at + end);
                let digits: Vec<u32> =
                    content[at + 1..end].iter().filter_map(|&byte| char::from(byte).to_digit(16)).collect();
                out.extend(digits.chunks(2).map(|pair| (pair[0] << 4 | pair.get(1).unwrap_or(&0)) as u8));
                at = end + 1;
                continue;
            }
            b'[' => in_array = true,
            b']' => in_array = false,
            // Inside an array a large step back is a blank.
            b'-' if in_array => {
                let digits = content[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if digits >= 3 {
                    out.push(b' ');
                }
                at += digits;
            }
            // Operators that go to another line: Td, TD, T*, Tm, ', ET.
            b'T' if matches!(content.get(at + 1), Some(b'd' | b'D' | b'*' | b'm')) => line(&mut out),
            b'E' if content.get(at + 1) == Some(&b'T') => line(&mut out),
            b'\'' => line(&mut out),
            _ => {}
        }
        at += 1;
    }
    out
}

fn line(out: &mut Vec<u8>) {
    if out.last().is_some_and(|&last| last != b'\n') {
        out.push(b'\n');
    }
}

/// The string that begins at `at`, its escapes taken out; where it ends.
fn string(content: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    let mut depth = 1;
    while let Some(&byte) = content.get(at) {
        at += 1;
        match byte {
            b'\\' => {
                let next = content.get(at).copied().unwrap_or(b'\\');
                at += 1;
                match next {
                    b'n' | b'r' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'\r' | b'\n' => {}
                    b'0'..=b'7' => {
                        let digits = content[at - 1..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte));
                        let (count, value) = digits.fold((0, 0u32), |(count, value), &digit| {
                            (count + 1, value << 3 | u32::from(digit - b'0'))
                        });
                        out.push(value as u8);
                        at += count - 1;
                    }
                    other => out.push(other),
                }
            }
            b'(' => {
                depth += 1;
                out.push(byte);
            }
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
                out.push(byte);
            }
            other => out.push(other),
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{ascii85, shown};

    #[test]
    fn ascii_85_is_decoded() {
        assert_eq!(ascii85(b"87cUR D]i,\"Ebo\n80~>"), b"Hello World!");
        assert_eq!(ascii85(b"<~87cURDZ~>"), b"Hello");
        assert_eq!(ascii85(b"zz"), [0; 8]);
        assert_eq!(ascii85(b"uuuuuux").len(), 4, "numbers too large are wrapped, one digit is nothing");
    }

    #[test]
    fn pages_read_as_they_show() {
        let content = b"BT /F1 12 Tf 72 700 Td (key: \\(a\\051) Tj 0 -14 Td [(to) -20 (ken) -300 <6E6578>]TJ ET\n";
        assert_eq!(shown(content), b"key: (a)\ntoken nex\n");
        assert_eq!(shown(b"<< /Title (x) >>"), b"<< /Title (x) >>");
        assert_eq!(shown(b"BT (open \\"), b"BT (open \\");
        assert_eq!(shown(b"BT (open ET \\"), b"open ET \\");
    }
}
