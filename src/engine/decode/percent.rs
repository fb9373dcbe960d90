//! Percent signs, as in URLs: `%3D`.

use super::escape::Unit;

/// The decoder's name.
pub(super) const NAME: &str = "percent";

/// The escape at the start of `text`.
pub(super) fn unit(text: &[u8]) -> Option<Unit> {
    match text {
        [b'%', high, low, ..] => super::hex_byte(*high, *low).map(|byte| Unit::byte(byte, 3)),
        _ => None,
    }
}
