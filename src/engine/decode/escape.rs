//! Escapes that stand among plain bytes: what they have in common, and which form a place begins.
//!
//! One pass takes one form away, so `%2522` needs two.

use std::ops::Range;

use super::piece::Piece;
use super::{backslash, entity, percent, quoted_printable};

/// The bytes an escape stands for, at most four.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Unit {
    pub(in crate::engine) bytes: [u8; 4],
    /// How many of `bytes` count; 0 for a line break that was put in.
    pub(in crate::engine) len: u8,
    /// How many bytes the escape has.
    pub(in crate::engine) consumed: usize,
}

impl Unit {
    /// One byte.
    pub(super) fn byte(byte: u8, consumed: usize) -> Self {
        Self { bytes: [byte, 0, 0, 0], len: 1, consumed }
    }

    /// A character, in UTF-8.
    pub(super) fn character(character: char, consumed: usize) -> Self {
        let mut bytes = [0; 4];
        let len = character.encode_utf8(&mut bytes).len() as u8;
        Self { bytes, len, consumed }
    }
}

/// A form of escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Form {
    /// `%3D`.
    Percent,
    /// `\x3d`, `\u003d`, `\n`, `\"`, `\/`.
    Backslash,
    /// `&quot;`, `&#61;`.
    Entity,
    /// `=3D`, and `=` at a line's end.
    QuotedPrintable,
}

/// The bytes that begin an escape, as a test for `memchr` and friends.
pub(in crate::engine) fn begins(byte: u8) -> Option<Form> {
    match byte {
        b'%' => Some(Form::Percent),
        b'\\' => Some(Form::Backslash),
        b'&' => Some(Form::Entity),
        b'=' => Some(Form::QuotedPrintable),
        _ => None,
    }
}

impl Form {
    /// The decoder's name.
    fn name(self) -> &'static str {
        match self {
            Self::Percent => percent::NAME,
            Self::Backslash => backslash::NAME,
            Self::Entity => entity::NAME,
            Self::QuotedPrintable => quoted_printable::NAME,
        }
    }

    /// The escape at the start of `text`.
    pub(in crate::engine) fn unit(self, text: &[u8]) -> Option<Unit> {
        match self {
            Self::Percent => percent::unit(text),
            Self::Backslash => backslash::unit(text),
            Self::Entity => entity::unit(text),
            Self::QuotedPrintable => quoted_printable::unit(text),
        }
    }

    /// The byte that begins it.
    fn first(self) -> u8 {
        match self {
            Self::Percent => b'%',
            Self::Backslash => b'\\',
            Self::Entity => b'&',
            Self::QuotedPrintable => b'=',
        }
    }

    /// Takes this form's escapes out of `range` of `text`.
    pub(in crate::engine) fn decode(self, text: &[u8], range: Range<usize>) -> Piece {
        let mut piece = Piece::new(self.name(), range.start);
        let mut at = range.start;
        while at < range.end {
            let plain = memchr::memchr(self.first(), &text[at..range.end]).map_or(range.end, |found| at + found);
            if plain > at {
                piece.plain(text, at..plain);
                at = plain;
                continue;
            }
            match self.unit(&text[at..range.end]) {
                Some(unit) => {
                    piece.push(&unit.bytes[..usize::from(unit.len)], at..at + unit.consumed);
                    at += unit.consumed;
                }
                None => {
                    piece.plain(text, at..at + 1);
                    at += 1;
                }
            }
        }
        piece.outer = range;
        piece
    }
}

/// Escapes in a row that make a text of escapes alone.
pub(super) const DENSE: usize = 8;

/// Whether `run` begins with [`DENSE`] escapes of one form that stand for text.
pub(super) fn dense(run: &[u8]) -> Option<Form> {
    let form = begins(*run.first()?)?;
    let mut at = 0;
    for _ in 0..DENSE {
        let unit = form.unit(&run[at..])?;
        // A line break in eight escapes of quoted-printable is no text.
        if unit.len != 1 || !super::is_text_byte(unit.bytes[0]) {
            return None;
        }
        at += unit.consumed;
    }
    Some(form)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Form, dense};

    const FORMS: [Form; 4] = [Form::Percent, Form::Backslash, Form::Entity, Form::QuotedPrintable];

    fn encode(form: Form, byte: u8) -> String {
        match form {
            Form::Percent => format!("%{byte:02X}"),
            Form::Backslash => format!("\\x{byte:02x}"),
            Form::Entity => format!("&#{byte};"),
            Form::QuotedPrintable => format!("={byte:02X}"),
        }
    }

    proptest! {
        /// Escaping any bytes and taking the escapes out again gives them back, with their places.
        #[test]
        fn escapes_come_off(bytes in prop::collection::vec(0u8..0x80, 0..80), which in prop::collection::vec(any::<bool>(), 80), form in 0usize..4) {
            let form = FORMS[form];
            let (mut text, mut places) = (String::new(), Vec::new());
            for (byte, escape) in bytes.iter().zip(which) {
                places.push(text.len());
                if escape || b"%\\&=".contains(byte) {
                    text.push_str(&encode(form, *byte));
                } else {
                    text.push(char::from(*byte));
                }
            }
            let piece = form.decode(text.as_bytes(), 0..text.len());
            prop_assert_eq!(&piece.text, &bytes);
            for (at, place) in places.iter().enumerate() {
                prop_assert_eq!(piece.outer(at..at + 1).start, *place);
                prop_assert_eq!(piece.inner(*place), at);
            }
        }

        /// Any bytes at all come through without a panic, never longer than they were but for entities' UTF-8.
        #[test]
        fn nothing_breaks_it(bytes in prop::collection::vec(prop_oneof![Just(b'%'), Just(b'\\'), Just(b'&'), Just(b'='), Just(b'u'), Just(b'#'), Just(b'\n'), any::<u8>()], 0..60)) {
            for form in FORMS {
                let piece = form.decode(&bytes, 0..bytes.len());
                prop_assert!(piece.text.len() <= bytes.len());
            }
            dense(&bytes);
        }
    }

    #[test]
    fn dense_text_is_told() {
        for form in FORMS {
            let text: String = b"plain text".iter().map(|&byte| encode(form, byte)).collect();
            assert_eq!(dense(text.as_bytes()), Some(form));
            let binary: String = [1u8, 2, 3, 200, 201, 202, 203, 204, 255].map(|byte| encode(form, byte)).concat();
            assert_eq!(dense(binary.as_bytes()), None);
        }
        assert_eq!(dense(b"%41%42%43"), None);
    }
}
