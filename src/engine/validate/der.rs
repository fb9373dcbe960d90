//! A small reader of DER (ITU-T X.690), and PKCS#12 files, which are DER with a header of their own.

use super::codec::base64;
use super::{Checked, HOLDS, confirmed, rejected};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// Reads one element after the other. Lengths are checked against what is there; nothing is copied.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from the start.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element's tag, if there is one.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element's tag, the length it declares, and what stands after that header.
    fn header(&self) -> Option<(u8, usize, &'a [u8])> {
        let (tag, rest) = self.rest.split_first()?;
        let (first, rest) = rest.split_first()?;
        match first {
            0..=0x7f => Some((*tag, usize::from(*first), rest)),
            // Up to four bytes of length: more than any text that is scanned.
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = length.iter().fold(0usize, |length, byte| (length << 8) | usize::from(*byte));
                Some((*tag, length, rest))
            }
            _ => None,
        }
    }

    /// The content of the next element when it has this tag and is complete.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, length, rest) = self.header()?;
        let (content, rest) = rest.split_at_checked(length)?;
        if found != tag {
            return None;
        }
        self.rest = rest;
        Some(content)
    }

    /// The content of the next element, whatever is there of it, and whether that is all.
    pub(super) fn take_cut(&mut self, tag: u8) -> Option<(&'a [u8], bool)> {
        let (found, length, rest) = self.header()?;
        let (content, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        self.rest = after;
        (found == tag).then_some((content, content.len() == length))
    }

    /// A reader of the next element's content.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.take(tag).map(Reader::new)
    }

    /// The next element as a positive number: big-endian bytes without leading zeros.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let content = self.take(INTEGER)?;
        if content.is_empty() || content[0] & 0x80 != 0 {
            return None;
        }
        let zeros = content.iter().take_while(|byte| **byte == 0).count();
        Some(&content[zeros..])
    }
}

/// Bits of a number given as big-endian bytes without leading zeros.
pub(super) fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// PKCS#12 (RFC 7292) in base64: SEQUENCE, version 3, content of type pkcs7-data (or signed data).
pub(super) fn pkcs12(secret: &[u8], _whole: &[u8]) -> Checked {
    const DATA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
    if secret.len() > 512 * 1024 {
        return rejected("longer than a key store");
    }
    let text: Vec<u8> = secret.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    // A match may end inside the text: only whole groups of four count.
    let Some(bytes) = base64(&text).or_else(|| base64(&text[..text.len() / 4 * 4])) else {
        return rejected("not base64");
    };
    let header = || {
        let (content, complete) = Reader::new(&bytes).take_cut(SEQUENCE)?;
        let mut store = Reader::new(content);
        if store.unsigned()? != [3] {
            return None;
        }
        let (content, _) = store.take_cut(SEQUENCE)?;
        let kind = Reader::new(content).take(OBJECT)?;
        (kind.starts_with(&DATA) && kind.len() == 9).then_some(complete)
    };
    match header() {
        Some(true) => confirmed(HOLDS, "a complete key store").with("kind", "PKCS#12"),
        Some(false) => super::hint(-20, "a key store that is cut off").with("kind", "PKCS#12"),
        None => rejected("not a key store (PKCS#12, version 3)"),
    }
}

#[cfg(test)]
pub(super) mod write {
    //! The other direction, for tests.

    /// One element.
    pub(in super::super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match content.len() {
            length @ 0..0x80 => bytes.push(length as u8),
            length @ 0x80..0x100 => bytes.extend([0x81, length as u8]),
            length => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
        }
        bytes.extend_from_slice(content);
        bytes
    }

    /// A sequence of elements.
    pub(in super::super) fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
        element(super::SEQUENCE, &elements.concat())
    }

    /// A positive number.
    pub(in super::super) fn integer(number: &[u8]) -> Vec<u8> {
        let sign: &[u8] = if number.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
        element(super::INTEGER, &[sign, number].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base64;
    use super::write::{element, integer, sequence};
    use super::*;

    #[test]
    fn lengths_are_checked_against_what_is_there() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x80],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x05, 1],
            &[0x02, 0x00],
            &[0x30, 0x82, 0x01],
        ] {
            assert_eq!(Reader::new(bytes).take(SEQUENCE), None, "{bytes:x?}");
            assert_eq!(Reader::new(bytes).unsigned(), None, "{bytes:x?}");
        }
        let nested = sequence(&[integer(&[0x80]), integer(&[]), element(OCTET_STRING, &[7; 300])]);
        let mut reader = Reader::new(&nested).enter(SEQUENCE).unwrap();
        assert_eq!(reader.unsigned(), Some(&[0x80][..]));
        assert_eq!(reader.unsigned(), Some(&[][..]));
        assert_eq!(reader.take(OCTET_STRING).map(<[u8]>::len), Some(300));
        assert!(reader.is_empty());
    }

    #[test]
    fn key_stores() {
        let data = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
        let content = sequence(&[element(OBJECT, &data), element(0xa0, &[5; 400])]);
        let store = sequence(&[integer(&[3]), content.clone()]);
        assert!(matches!(pkcs12(to_base64(&store).as_bytes(), b"").verdict, Verdict::Confirmed(_)));
        assert!(matches!(pkcs12(to_base64(&store[..90]).as_bytes(), b"").verdict, Verdict::Hint(_)));
        let other = sequence(&[integer(&[2]), content]);
        assert!(matches!(pkcs12(to_base64(&other).as_bytes(), b"").verdict, Verdict::Rejected(_)));
    }
}
