//! A JSON array written one element at a time: reports with a hundred thousand findings need no tree of all of them.

use std::cell::Cell;

use serde::{Serialize, Serializer};

/// An iterator that serializes as an array, once.
pub(super) struct Lazily<I>(Cell<Option<I>>);

impl<I> Lazily<I> {
    /// The array of what `items` yields.
    pub(super) fn new(items: I) -> Self {
        Self(Cell::new(Some(items)))
    }
}

impl<I: Iterator<Item: Serialize>> Serialize for Lazily<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::Lazily;

    #[test]
    fn it_is_an_array() {
        assert_eq!(serde_json::to_string(&Lazily::new(1..4)).expect("JSON"), "[1,2,3]");
        assert_eq!(serde_json::to_string_pretty(&Lazily::new(1..1)).expect("JSON"), "[]");
    }
}
