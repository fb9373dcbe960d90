//! Streams: a text that comes in pieces of any size is cut into windows at fixed absolute offsets.
//!
//! A window is a core of [`BLOCK`] bytes with a context to each side; of its matches those count whose secret starts
//! in the core. Where the cuts lie depends on the text alone, so any chunking of the same text gives the same
//! matches; and when the context is as wide as the engine looks, they are those of the whole (`tests/laws.rs`).

use std::ops::Range;

use super::{Item, Visitor};
use crate::finding::Origin;
use crate::finding::position::Start;

/// Size of a window's core in bytes.
pub const BLOCK: usize = 8 << 20;

/// Scans a text whose first bytes are `head`; `next` fills a buffer with those that follow, none at the end. `context`
/// is how far the engine looks to each side.
///
/// # Errors
/// What `next` says.
pub fn scan<E>(
    head: &[u8],
    next: &mut dyn FnMut(&mut [u8]) -> Result<usize, E>,
    origin: &Origin,
    context: usize,
    visitor: &mut dyn Visitor,
) -> Result<(), E> {
    let mut windows = Windows::new(BLOCK, context);
    let mut scan = |window: &Window<'_>| {
        let core = window.core.clone();
        let accept = move |_: &[u8], secret: Range<usize>| core.contains(&secret.start);
        visitor.item(Item { accept: Some(&accept), start: window.start, ..Item::new(origin.clone(), window.text) });
    };
    windows.feed(head, &mut scan);
    let mut piece = vec![0; 1 << 20];
    loop {
        match next(&mut piece)? {
            0 => break,
            count => windows.feed(&piece[..count], &mut scan),
        }
    }
    windows.finish(&mut scan);
    Ok(())
}

/// A piece of the text, ready to be scanned.
#[derive(Debug)]
pub struct Window<'w> {
    /// The core with its context.
    pub text: &'w [u8],
    /// Matches count whose secret starts here (offsets in `text`).
    pub core: Range<usize>,
    /// Where `text` starts in the whole.
    pub start: Start,
}

/// Cuts a stream into windows.
#[derive(Debug)]
pub struct Windows {
    buffer: Vec<u8>,
    start: Start,
    /// Where the next core begins, in the buffer.
    core: usize,
    block: usize,
    context: usize,
    /// The byte before the buffer was a CR.
    after_cr: bool,
}

impl Windows {
    /// Windows of cores of `block` bytes (at least 1) with `context` bytes to each side.
    pub fn new(block: usize, context: usize) -> Self {
        Self { buffer: Vec::new(), start: Start::default(), core: 0, block: block.max(1), context, after_cr: false }
    }

    /// Takes the next piece; `visit` sees every window that is whole now.
    pub fn feed(&mut self, mut piece: &[u8], mut visit: impl FnMut(&Window<'_>)) {
        while !piece.is_empty() {
            let wanted = self.core + self.block + self.context;
            let take = piece.len().min(wanted - self.buffer.len().min(wanted));
            self.buffer.extend_from_slice(&piece[..take]);
            piece = &piece[take..];
            if self.buffer.len() >= wanted {
                let core = self.core..self.core + self.block;
                visit(&Window { text: &self.buffer, core: core.clone(), start: self.start });
                self.advance(core.end.saturating_sub(self.context));
                self.core = core.end.min(self.context);
            }
        }
    }

    /// The stream is at its end: `visit` sees the last window.
    pub fn finish(self, mut visit: impl FnMut(&Window<'_>)) {
        if !self.buffer.is_empty() {
            visit(&Window { text: &self.buffer, core: self.core..self.buffer.len(), start: self.start });
        }
    }

    /// Forgets the first `count` bytes of the buffer.
    fn advance(&mut self, count: usize) {
        let gone = &self.buffer[..count];
        let mut line_start = None;
        for (at, &byte) in gone.iter().enumerate() {
            let continues = byte == b'\n' && (if at == 0 { self.after_cr } else { gone[at - 1] == b'\r' });
            if matches!(byte, b'\n' | b'\r') {
                self.start.line = self.start.line.saturating_add(u32::from(!continues));
                line_start = Some(at + 1);
            }
        }
        if line_start.is_some() {
            (self.start.column, self.start.column_byte) = (0, 0);
        }
        let rest = &gone[line_start.unwrap_or(0)..];
        self.start.column_byte = self.start.column_byte.saturating_add(rest.len() as u32);
        // Continuation bytes of UTF-8 begin no character; a character cut in two is counted once.
        let characters = rest.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        self.start.column = self.start.column.saturating_add(characters as u32);
        self.start.offset += count as u64;
        if let Some(&last) = gone.last() {
            self.after_cr = last == b'\r';
        }
        self.buffer.drain(..count);
    }
}

#[cfg(test)]
mod tests {
    use super::Windows;

    #[test]
    fn starts_count_lines_and_columns() {
        let text = b"ab\r\ncd\nef\rghijklmnopqrstuvwxyz".repeat(50);
        let mut windows = Windows::new(7, 3);
        let mut check = |window: &super::Window<'_>| {
            let before = &text[..window.start.offset as usize];
            let mut locator = crate::finding::position::Locator::new(&text);
            let position = locator.position(before.len()..before.len() + 1);
            // Between CR and LF the locator counts the LF to its line.
            if before.last() != Some(&b'\r') || text.get(before.len()) != Some(&b'\n') {
                assert_eq!(window.start.line + 1, position.start_line);
                assert_eq!(window.start.column + 1, position.start_column);
            }
        };
        windows.feed(&text, &mut check);
        windows.finish(&mut check);
    }
}
