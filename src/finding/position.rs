//! Byte offsets to lines and columns, computed only for findings.
//!
//! A line ends at LF, CR LF or a lone CR. Columns count from 1: characters (Unicode scalar values; each byte of
//! invalid UTF-8 counts as one) for people, bytes for programs.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A range of a text, 1-based, end column exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Position {
    /// Line of the first character.
    pub start_line: u32,
    /// Column of the first character, in characters.
    pub start_column: u32,
    /// Line of the last character.
    pub end_line: u32,
    /// Column one past the last character, in characters.
    pub end_column: u32,
    /// Column of the first byte, in bytes.
    pub start_column_byte: u32,
    /// Column one past the last byte, in bytes.
    pub end_column_byte: u32,
}

/// Where a piece starts in the whole, all counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Start {
    /// Bytes before it.
    pub offset: u64,
    /// Lines before it.
    pub line: u32,
    /// Characters of its first line before it.
    pub column: u32,
    /// Bytes of its first line before it.
    pub column_byte: u32,
}

impl Start {
    /// A position in the piece as a position in the whole.
    pub fn shift(self, mut position: Position) -> Position {
        if position.start_line == 1 {
            position.start_column = position.start_column.saturating_add(self.column);
            position.start_column_byte = position.start_column_byte.saturating_add(self.column_byte);
        }
        if position.end_line == 1 {
            position.end_column = position.end_column.saturating_add(self.column);
            position.end_column_byte = position.end_column_byte.saturating_add(self.column_byte);
        }
        position.start_line = position.start_line.saturating_add(self.line);
        position.end_line = position.end_line.saturating_add(self.line);
        position
    }
}

/// Farther behind a place the end of its line is not looked for: a line may have gigabytes, and ten thousand findings.
const LINE_REACH: usize = 64 << 10;

/// Answers positions in one text with a single forward pass over the line ends, asked in any order.
pub struct Locator<'t> {
    text: &'t [u8],
    /// Where the pass stands: offset of a line's start and its number.
    line_start: usize,
    line: u32,
}

impl<'t> Locator<'t> {
    /// A locator for `text`.
    pub fn new(text: &'t [u8]) -> Self {
        Self { text, line_start: 0, line: 1 }
    }

    /// Lines and columns of `span` (byte offsets; clipped to the text).
    pub fn position(&mut self, span: Range<usize>) -> Position {
        let start = span.start.min(self.text.len());
        let end = span.end.clamp(start, self.text.len());
        let (start_line, start_of_line) = self.seek(start);
        let (end_line, end_of_line) = self.seek(end.saturating_sub(usize::from(end > start)));
        Position {
            start_line,
            start_column: column(&self.text[start_of_line..start]),
            end_line,
            end_column: column(&self.text[end_of_line..end]),
            start_column_byte: clamp(start - start_of_line + 1),
            end_column_byte: clamp(end - end_of_line + 1),
        }
    }

    /// The span of the line (without its end) that holds `offset`, up to 64 KB beyond that.
    pub fn line_span(&mut self, offset: usize) -> Range<usize> {
        let offset = offset.min(self.text.len());
        let (_, start) = self.seek(offset);
        // From one byte before: `offset` may be the LF of a CR LF.
        let from = offset.saturating_sub(1).max(start);
        let last = self.text.len().min(offset.saturating_add(LINE_REACH));
        let end = memchr::memchr2(b'\n', b'\r', &self.text[from..last]).map_or(last, |at| from + at);
        start..end
    }

    /// Line number of `offset` and where that line starts.
    fn seek(&mut self, offset: usize) -> (u32, usize) {
        if offset < self.line_start {
            self.line_start = 0;
            self.line = 1;
        }
        while let Some(at) = memchr::memchr2(b'\n', b'\r', &self.text[self.line_start..offset]) {
            let mut next = self.line_start + at + 1;
            if self.text[next - 1] == b'\r' && self.text.get(next) == Some(&b'\n') {
                if next >= offset {
                    break; // offset is the LF of a CR LF: it still belongs to the line
                }
                next += 1;
            }
            self.line_start = next;
            self.line = self.line.saturating_add(1);
        }
        (self.line, self.line_start)
    }
}

fn clamp(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn column(before: &[u8]) -> u32 {
    let mut characters = 0usize;
    for chunk in before.utf8_chunks() {
        characters += chunk.valid().chars().count() + chunk.invalid().len();
    }
    clamp(characters + 1)
}

#[cfg(test)]
mod tests {
    use super::Locator;

    #[test]
    fn lines_end_at_lf_crlf_and_cr() {
        let text = "ä=1\r\nb\rcc\nd\u{1F511}e".as_bytes();
        let mut locator = Locator::new(text);
        let at = |locator: &mut Locator<'_>, needle: &str| {
            let start = std::str::from_utf8(text).expect("utf-8").find(needle).expect("there");
            locator.position(start..start + needle.len())
        };
        let one = at(&mut locator, "1");
        assert_eq!((one.start_line, one.start_column, one.start_column_byte), (1, 3, 4));
        assert_eq!(at(&mut locator, "cc").start_line, 3);
        let e = at(&mut locator, "e");
        assert_eq!((e.start_line, e.start_column, e.start_column_byte), (4, 3, 6));
        assert_eq!(at(&mut locator, "b").start_line, 2, "going back works");
    }

    #[test]
    fn invalid_bytes_count_one_column_each() {
        let position = Locator::new(b"\xff\xfeX").position(2..3);
        assert_eq!((position.start_column, position.end_column), (3, 4));
    }
}
