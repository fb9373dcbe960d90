//! A decoded piece of a text, and the way back: which bytes of the outer text made which of the inner.

use std::ops::Range;

/// Bytes that were made the same way, group by group: `inner` bytes of `outer` bytes.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// Where it starts in the decoded text.
    at: usize,
    /// Where it starts in the outer text.
    from: usize,
    /// Decoded bytes of a group, at least 1.
    inner: usize,
    /// Outer bytes of a group.
    outer: usize,
}

/// A decoded text with its way back.
#[derive(Debug, Clone, Default)]
pub struct Piece {
    /// The decoded bytes.
    pub text: Vec<u8>,
    /// The decoder's name, as `origin.decode` has it.
    pub decoder: &'static str,
    /// The bytes of the outer text that were read.
    pub outer: Range<usize>,
    segments: Vec<Segment>,
}

impl Piece {
    /// An empty piece of `decoder` that reads from `start` on.
    pub fn new(decoder: &'static str, start: usize) -> Self {
        Self { text: Vec::new(), decoder, outer: start..start, segments: Vec::new() }
    }

    /// A piece all of which comes from all of `outer` (compression, where no byte has a place of its own).
    pub fn whole(decoder: &'static str, outer: Range<usize>, text: Vec<u8>) -> Self {
        let segment = Segment { at: 0, from: outer.start, inner: text.len().max(1), outer: outer.len() };
        Self { text, decoder, outer, segments: vec![segment] }
    }

    /// Adds `decoded`, which the outer bytes `from` made. Equal groups that follow each other share a segment.
    pub fn push(&mut self, decoded: &[u8], from: Range<usize>) {
        if decoded.is_empty() {
            self.outer.end = self.outer.end.max(from.end);
            return;
        }
        let (inner, outer, at) = (decoded.len(), from.len(), self.text.len());
        let goes_on = self.segments.last().is_some_and(|last| {
            let groups = (at - last.at) / last.inner;
            last.inner == inner
                && last.outer == outer
                && (at - last.at).is_multiple_of(last.inner)
                && last.from + groups * last.outer == from.start
        });
        if !goes_on {
            self.segments.push(Segment { at, from: from.start, inner, outer });
        }
        self.text.extend_from_slice(decoded);
        self.outer.end = self.outer.end.max(from.end);
    }

    /// Adds the bytes of `range` of `text` as they are.
    pub fn plain(&mut self, text: &[u8], range: Range<usize>) {
        let at = self.text.len();
        let goes_on = self
            .segments
            .last()
            .is_some_and(|last| (last.inner, last.outer) == (1, 1) && last.from + (at - last.at) == range.start);
        if !goes_on {
            self.segments.push(Segment { at, from: range.start, inner: 1, outer: 1 });
        }
        self.text.extend_from_slice(&text[range.clone()]);
        self.outer.end = self.outer.end.max(range.end);
    }

    /// The outer bytes that made the decoded bytes `inner`, whole groups.
    pub fn outer(&self, inner: Range<usize>) -> Range<usize> {
        let start = self.group(inner.start).start;
        let end = if inner.end > inner.start { self.group(inner.end - 1).end } else { start };
        start..end.max(start)
    }

    /// The first decoded byte that `outer` bytes from there on made.
    pub fn inner(&self, outer: usize) -> usize {
        let next = self.segments.partition_point(|segment| segment.from <= outer);
        let Some(segment) = next.checked_sub(1).map(|index| self.segments[index]) else { return 0 };
        let groups = (outer - segment.from).checked_div(segment.outer).unwrap_or(0);
        (segment.at + groups * segment.inner).min(self.text.len())
    }

    /// The outer bytes of the group that holds the decoded byte `at`.
    fn group(&self, at: usize) -> Range<usize> {
        let next = self.segments.partition_point(|segment| segment.at <= at);
        let Some(segment) = next.checked_sub(1).map(|index| self.segments[index]) else {
            return self.outer.clone();
        };
        let start = segment.from + (at - segment.at) / segment.inner * segment.outer;
        start.min(self.outer.end)..(start + segment.outer).min(self.outer.end)
    }
}

#[cfg(test)]
mod tests {
    use super::Piece;

    #[test]
    fn places_go_back_to_whole_groups() {
        let mut piece = Piece::new("x", 10);
        piece.push(b"abc", 10..14);
        piece.push(b"def", 14..18);
        piece.push(b"ghi", 20..24);
        piece.push(b"j", 24..25);
        assert_eq!(piece.text, b"abcdefghij");
        assert_eq!((piece.segments.len(), piece.outer.clone()), (3, 10..25));
        assert_eq!(piece.outer(0..1), 10..14);
        assert_eq!(piece.outer(4..7), 14..24);
        assert_eq!(piece.outer(9..10), 24..25);
        assert_eq!(piece.outer(3..3), 14..14);
        assert_eq!((piece.inner(10), piece.inner(15), piece.inner(21), piece.inner(24)), (0, 3, 6, 9));
        assert_eq!(Piece::whole("x", 5..9, b"0123456789".to_vec()).outer(3..4), 5..9);
    }
}
