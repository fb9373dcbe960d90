//! Quoted-printable, as in mail: `=3D`, and `=` at the end of a line that goes on.

use super::escape::Unit;

/// The decoder's name.
pub(super) const NAME: &str = "quoted-printable";

/// The escape at the start of `text`.
pub(super) fn unit(text: &[u8]) -> Option<Unit> {
    match text {
        [b'=', b'\r', b'\n', ..] => Some(Unit { bytes: [0; 4], len: 0, consumed: 3 }),
        [b'=', b'\n', ..] => Some(Unit { bytes: [0; 4], len: 0, consumed: 2 }),
        [b'=', high, low, ..] => super::hex_byte(*high, *low).map(|byte| Unit::byte(byte, 3)),
        _ => None,
    }
}
