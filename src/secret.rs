//! `Secret`: bytes that must not leave in clear.
//!
//! Comes in from the engine's matches, goes out only through [`Secret::expose`], which is easy to grep for.
//! Its memory is overwritten when it is dropped, and `Debug` shows its length alone.

use std::fmt;

use zeroize::Zeroize;

/// A secret's bytes: redacted in `Debug`, zeroized on drop, compared byte for byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Copies `bytes` into a container that is overwritten when it goes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes in clear. Every call is a place to review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[redacted; {} bytes]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_the_length_alone() {
        let secret = Secret::new(b"correct horse");
        assert_eq!(format!("{secret:?}"), "[redacted; 13 bytes]");
    }
}
