//! Unified diffs from anywhere: `git diff`, `git log -p`, `git format-patch`, `diff -u`, combined diffs of merges.
//!
//! Each hunk's new side (context and added lines) is one item; a match counts when it touches an added line. In a
//! combined diff a line is added when no parent has it. Text round the diffs (commit messages, mail headers) is scanned
//! as well. The parser takes what it can from broken patches and says what it could not make sense of.

use std::ops::Range;

use super::{Item, Visitor};
use crate::error::{Notice, NoticeKind};
use crate::finding::position::Start;
use crate::finding::{Origin, OriginKind};
use crate::source::encoding::decode;

/// Scans a patch; `name` is what notices call it. Byte offsets of findings count in the new side of their hunk, from
/// where the hunk starts in the patch.
pub fn scan(raw: &[u8], name: &str, visitor: &mut dyn Visitor) {
    // A patch that PowerShell redirected into a file is UTF-16.
    let decoded = decode(raw);
    let mut recognized = false;
    parse(&decoded.text, &mut |piece| {
        recognized |= !matches!(piece, Piece::Text { .. });
        take(piece, name, visitor);
    });
    if !recognized && !decoded.text.trim_ascii().is_empty() {
        let message = "there is no unified diff in it: only its text was scanned";
        let notice = Notice::new(NoticeKind::Malformed, message).at(name);
        visitor.notice(notice.mend("make one with `git diff` or `diff -u`").gap());
    }
}

fn take(piece: Piece<'_>, name: &str, visitor: &mut dyn Visitor) {
    match piece {
        Piece::Hunk { path, text, added, line, offset } => {
            let count = visitor.coverage().kind("hunks");
            (count.found, count.scanned) = (count.found + 1, count.scanned + 1);
            if added.is_empty() {
                return;
            }
            let touches = |_: &[u8], span: Range<usize>| {
                added.iter().any(|lines| lines.start < span.end && span.start < lines.end)
            };
            let start = Start { offset: offset as u64, line: line.saturating_sub(1), ..Start::default() };
            let origin = Origin::new(OriginKind::Patch, path);
            visitor.item(Item { accept: Some(&touches), start, ..Item::new(origin, &text) });
        }
        Piece::Text { text, line, offset } => {
            let start = Start { offset: offset as u64, line, ..Start::default() };
            visitor.item(Item { start, ..Item::new(Origin::new(OriginKind::Message, ""), text) });
        }
        Piece::Binary => {
            let count = visitor.coverage().kind("binary files");
            count.found += 1;
            *count.skipped.entry("the patch shows no text of them".to_owned()).or_default() += 1;
        }
        Piece::Other => {}
        Piece::Broken { line, what } => {
            let notice = Notice::new(NoticeKind::Malformed, format!("line {line} of the patch: {what}"));
            visitor.notice(notice.at(name));
        }
    }
}

/// What a patch is made of.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'p> {
    /// The new side of a hunk.
    Hunk {
        path: String,
        text: Vec<u8>,
        /// Where added lines stand in `text`.
        added: Vec<Range<usize>>,
        /// Number of the first line in the new file, from 1.
        line: u32,
        /// Where the hunk starts in the patch.
        offset: usize,
    },
    /// Text outside of any diff, `line` lines below the patch's start.
    Text { text: &'p [u8], line: u32, offset: usize },
    /// A binary file changed.
    Binary,
    /// A header of a file.
    Other,
    /// Something that makes no sense; `line` counts from 1.
    Broken { line: u32, what: &'static str },
}

fn parse(patch: &[u8], visit: &mut dyn FnMut(Piece<'_>)) {
    let mut parser = Parser { patch, at: 0, line: 0, path: String::new(), git: false, plain: None };
    while let Some(line) = parser.peek() {
        if parser.header(line, visit) {
            parser.flush(visit);
            parser.skip(line);
        } else if let Some(head) = Head::parse(line) {
            parser.flush(visit);
            parser.hunk(line, head, visit);
        } else {
            parser.plain.get_or_insert((parser.at, parser.line));
            parser.skip(line);
        }
    }
    parser.flush(visit);
}

struct Parser<'p> {
    patch: &'p [u8],
    at: usize,
    line: u32,
    /// The file the next hunks belong to.
    path: String,
    /// Whether `diff --git` was seen: then paths have a prefix to strip.
    git: bool,
    /// Where text outside of diffs began: offset and line.
    plain: Option<(usize, u32)>,
}

impl<'p> Parser<'p> {
    /// The next line with its end.
    fn peek(&self) -> Option<&'p [u8]> {
        let rest = &self.patch[self.at..];
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        (end > 0).then(|| &rest[..end])
    }

    fn skip(&mut self, line: &[u8]) {
        self.at += line.len();
        self.line = self.line.saturating_add(1);
    }

    /// Hands on the text that stood before a header or hunk. Called before that line is skipped.
    fn flush(&mut self, visit: &mut dyn FnMut(Piece<'_>)) {
        if let Some((start, line)) = self.plain.take() {
            let text = &self.patch[start..self.at];
            if !text.trim_ascii().is_empty() {
                visit(Piece::Text { text, line, offset: start });
            }
        }
    }

    /// Takes note of a header line of a file; whether it was one.
    fn header(&mut self, line: &[u8], visit: &mut dyn FnMut(Piece<'_>)) -> bool {
        let line = line.trim_ascii_end();
        if let Some(names) = line.strip_prefix(b"diff --git ") {
            self.git = true;
            // Good enough until `+++` says it: without it there are no hunks.
            let half = names.iter().rposition(|&byte| byte == b' ').map_or(names, |at| &names[at + 1..]);
            self.path = self.shown(half);
        } else if let Some(name) = line.strip_prefix(b"diff --cc ").or_else(|| line.strip_prefix(b"diff --combined ")) {
            self.git = true;
            self.path = String::from_utf8_lossy(&unquote(name)).into_owned();
        } else if let Some(name) = line.strip_prefix(b"+++ ") {
            self.path = self.shown(name);
        } else if line.starts_with(b"--- ") || (line.starts_with(b"diff ") && !line.starts_with(b"diff --")) {
            // The old name says nothing, and neither does the command line that `diff -r` repeats.
            if line.starts_with(b"diff ") {
                self.git = false;
            }
        } else if (line.starts_with(b"Binary files ") && line.ends_with(b" differ")) || line == b"GIT binary patch" {
            visit(Piece::Binary);
        } else {
            return false;
        }
        visit(Piece::Other);
        true
    }

    /// A path as `+++` has it: unquoted, without the date of `diff -u`, without git's prefix (`b/`, and `i/`, `w/`,
    /// `c/`, `o/` with `diff.mnemonicPrefix`).
    fn shown(&self, name: &[u8]) -> String {
        let name = if name.starts_with(b"\"") {
            unquote(name)
        } else {
            let end = memchr::memchr(b'\t', name).unwrap_or(name.len());
            name[..end].to_vec()
        };
        let name = match name.as_slice() {
            [b'b' | b'i' | b'w' | b'c' | b'o', b'/', rest @ ..] if self.git && !rest.is_empty() => rest,
            whole => whole.strip_prefix(b"./").unwrap_or(whole),
        };
        String::from_utf8_lossy(name).into_owned()
    }

    /// Reads a hunk's lines.
    fn hunk(&mut self, head_line: &[u8], mut head: Head, visit: &mut dyn FnMut(Piece<'_>)) {
        let (offset, first) = (self.at, self.line);
        self.skip(head_line);
        let columns = head.old.len();
        let mut text = Vec::new();
        let mut added: Vec<Range<usize>> = Vec::new();
        let mut broken = None;
        while let Some(line) = self.peek() {
            if line.starts_with(b"\\") {
                // `\ No newline at end of file`: an end of line too much is no harm.
                self.skip(line);
                continue;
            }
            let over = head.new == 0 && head.old.iter().all(|&left| left == 0);
            if over && !(columns == 1 && line.starts_with(b"+") && !line.starts_with(b"+++ ")) {
                break;
            }
            // Mailers cut the blank of an empty context line.
            let blank = matches!(line, b"\n" | b"\r\n");
            let marks = if blank { b"" } else { line.get(..columns).unwrap_or_default() };
            if (!blank && marks.len() < columns) || !marks.iter().all(|mark| b" +-".contains(mark)) {
                broken = Some("the hunk ends before it should");
                break;
            }
            if over {
                broken = Some("the hunk goes on after its end");
            }
            let gone = marks.contains(&b'-');
            for (column, left) in head.old.iter_mut().enumerate() {
                let mark = marks.get(column).copied().unwrap_or(b' ');
                if if gone { mark == b'-' } else { mark == b' ' } {
                    *left = left.saturating_sub(1);
                }
            }
            if !gone {
                head.new = head.new.saturating_sub(1);
                let start = text.len();
                text.extend_from_slice(&line[marks.len()..]);
                if !marks.is_empty() && marks.iter().all(|&mark| mark == b'+') {
                    match added.last_mut() {
                        Some(last) if last.end == start => last.end = text.len(),
                        _ => added.push(start..text.len()),
                    }
                }
            }
            self.skip(line);
        }
        if self.at == self.patch.len() && (head.new > 0 || head.old.iter().any(|&left| left > 0)) {
            broken = broken.or(Some("the patch ends inside a hunk"));
        }
        visit(Piece::Hunk { path: self.path.clone(), text, added, line: head.start, offset });
        if let Some(what) = broken {
            visit(Piece::Broken { line: first + 1, what });
        }
    }
}

/// `@@ -1,2 +3,4 @@`, and `@@@ -1,2 -1,2 +3,4 @@@` with a column per parent.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    /// Lines left of each old side.
    old: Vec<u32>,
    /// Lines left of the new side.
    new: u32,
    /// Number of the new side's first line.
    start: u32,
}

impl Head {
    fn parse(line: &[u8]) -> Option<Self> {
        let columns = line.iter().take_while(|&&byte| byte == b'@').count().checked_sub(1).filter(|&n| n > 0)?;
        let rest = line[columns + 1..].strip_prefix(b" ")?;
        let end = memchr::memmem::find(rest, b" @@")?;
        let ranges = std::str::from_utf8(&rest[..end]).ok()?;
        let mut old = Vec::new();
        let mut new = None;
        for range in ranges.split(' ') {
            let (sign, numbers) = range.split_at_checked(1)?;
            let (start, count) = numbers.split_once(',').unwrap_or((numbers, "1"));
            let (start, count) = (start.parse().ok()?, count.parse().ok()?);
            match (sign, new) {
                ("-", None) => old.push(count),
                ("+", None) => new = Some((start, count)),
                _ => return None,
            }
        }
        let (start, new) = new?;
        (old.len() == columns).then_some(Self { old, new, start })
    }
}

/// A name as git quotes it (`"caf\303\251"`), or as it is.
fn unquote(name: &[u8]) -> Vec<u8> {
    let Some(inner) = name.strip_prefix(b"\"") else { return name.to_vec() };
    let mut bytes = Vec::new();
    let mut rest = inner.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => break,
            b'\\' => match rest.next() {
                Some(digit @ b'0'..=b'3') => {
                    let mut value = digit - b'0';
                    for digit in rest.by_ref().take(2) {
                        value = value.wrapping_mul(8).wrapping_add(digit.wrapping_sub(b'0') & 7);
                    }
                    bytes.push(value);
                }
                Some(letter) => bytes.push(match letter {
                    b'a' => 7,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    other => other,
                }),
                None => break,
            },
            other => bytes.push(other),
        }
    }
    bytes
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
