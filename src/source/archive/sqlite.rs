//! SQLite databases: every row of every table as `column = "value"` lines, values that were cut over pages whole again.
//! Rows on pages that no table has any more (deleted, not yet written over) are given without their columns' names.

use std::io;

use super::bytes::{u16_be, u32_be};
use super::damaged;
use super::walker::Walker;

/// What every database begins with.
pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Rows are handed on when their text is about this long.
const BATCH: usize = 4 << 20;
/// Longest value that is put together again, in bytes.
const LONGEST: usize = 16 << 20;
/// Tables in trees of pages, at most this deep.
const DEEPEST: usize = 32;

/// A database.
struct Database<'d> {
    bytes: &'d [u8],
    page: usize,
    usable: usize,
    /// Text is UTF-8, or UTF-16 of either order.
    encoding: u32,
}

/// A table: its name, its columns, and where its rows are.
struct Table {
    name: String,
    columns: Vec<String>,
    root: u32,
}

/// A value of a row.
enum Value {
    Text(Vec<u8>),
    Number(u64),
    Other,
}

/// Looks at every row.
///
/// # Errors
/// When the file is no database; pages that are damaged are passed over.
pub(super) fn read(bytes: &[u8], walker: &mut Walker<'_>) -> io::Result<()> {
    let page = match u16_be(bytes, 16) {
        Some(1) => 65_536,
        Some(size) if size.is_power_of_two() && size >= 512 => usize::from(size),
        _ => return Err(damaged("database header")),
    };
    let reserved = usize::from(bytes.get(20).copied().unwrap_or(0));
    let usable = page.checked_sub(reserved).filter(|&usable| usable >= 480).ok_or_else(|| damaged("page size"))?;
    let database = Database { bytes, page, usable, encoding: u32_be(bytes, 56).unwrap_or(1) };
    // The size in the header counts when the last writer knew of it.
    let told = u32_be(bytes, 28).filter(|_| u32_be(bytes, 24) == u32_be(bytes, 92)).unwrap_or(0);
    if told as usize > bytes.len().div_ceil(page) {
        walker.damage(&io::ErrorKind::UnexpectedEof.into());
    }
    let mut seen = vec![false; bytes.len().div_ceil(page) + 1];
    let mut schema = Vec::new();
    database.tree(1, 0, &mut seen, &mut |row| schema.push(row));
    let tables: Vec<Table> = schema.iter().filter_map(|row| table(row)).collect();
    let schema_text: Vec<u8> = schema.iter().flat_map(|row| lines(row, &[])).collect();
    walker.member("sqlite_schema", |walker| walker.text(&schema_text));
    for table in &tables {
        walker.member(&table.name, |walker| {
            let mut out = Vec::new();
            database.tree(table.root, 0, &mut seen, &mut |row| {
                out.extend(lines(&row, &table.columns));
                if out.len() >= BATCH {
                    walker.text(&out);
                    out.clear();
                }
            });
            walker.text(&out);
        });
    }
    walker.member("deleted", |walker| {
        let mut out = Vec::new();
        for number in (1..seen.len() as u32).filter(|&number| !seen[number as usize]) {
            // Indexes repeat what the tables have.
            if database.kind(number) == Some(0x0d) {
                database.leaf(number, &mut |row| out.extend(lines(&row, &[])));
            }
            if out.len() >= BATCH {
                walker.text(&out);
                out.clear();
            }
        }
        walker.text(&out);
    });
    Ok(())
}

/// A row of the schema that is a table.
fn table(row: &[Value]) -> Option<Table> {
    let text = |at: usize| match row.get(at)? {
        Value::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    };
    let Some(&Value::Number(root)) = row.get(3).filter(|_| text(0).as_deref() == Some("table")) else { return None };
    let root = u32::try_from(root).ok()?;
    Some(Table { name: text(1)?, columns: columns(&text(4).unwrap_or_default()), root })
}

/// The columns' names of a `CREATE TABLE`: the first word of each piece between commas.
fn columns(sql: &str) -> Vec<String> {
    let Some(open) = sql.find('(') else { return Vec::new() };
    let (mut depth, mut piece, mut pieces) = (0, String::new(), Vec::new());
    for character in sql[open + 1..].chars() {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            ',' if depth == 0 => pieces.push(std::mem::take(&mut piece)),
            _ => piece.push(character),
        }
    }
    pieces.push(piece);
    let word = |piece: &String| -> String {
        let piece = piece.trim_start();
        let quoted = piece.starts_with(['"', '`', '[', '\'']);
        let piece = if quoted { &piece[1..] } else { piece };
        let end = |character: char| {
            if quoted { matches!(character, '"' | '`' | ']' | '\'') } else { character.is_whitespace() }
        };
        piece.split(end).next().unwrap_or_default().to_owned()
    };
    pieces.iter().map(word).collect()
}

/// A row as lines. What a row of two says of another's value (`name`, `value`) is a line of its own.
fn lines(row: &[Value], columns: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    let named = |names: &[&str]| {
        let at = columns.iter().position(|column| names.iter().any(|name| column.eq_ignore_ascii_case(name)))?;
        match row.get(at)? {
            Value::Text(text) => Some((at, text)),
            _ => None,
        }
    };
    let name = named(&["name", "key", "option", "option_name", "setting", "variable", "property", "config_key"]);
    let value = named(&["value", "val", "option_value", "content", "data", "config_value"]);
    if let (Some((_, name)), Some((_, value))) = (name, value)
        && name.len() <= 64
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/'))
    {
        push(&mut out, &String::from_utf8_lossy(name), value);
    }
    // A table of two columns, the first of which names the second.
    if let ([Value::Text(name), Value::Text(value)], true) = (row, out.is_empty())
        && (3..=64).contains(&name.len())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    {
        push(&mut out, &String::from_utf8_lossy(name), value);
    }
    let told = value.map(|(at, _)| at).filter(|_| !out.is_empty());
    for (at, value) in row.iter().enumerate() {
        if let Value::Text(text) = value
            && Some(at) != told
        {
            push(&mut out, columns.get(at).map_or("", String::as_str), text);
        }
    }
    out
}

fn push(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    if value.is_empty() {
        return;
    }
    let quote = [b'"', b'\'', b'`'].into_iter().find(|quote| !value.contains(quote));
    if !name.is_empty() {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b" = ");
    }
    match quote.filter(|_| !name.is_empty() && value.len() < 1024 && !value.contains(&b'\n')) {
        Some(quote) => {
            out.push(quote);
            out.extend_from_slice(value);
            out.push(quote);
        }
        None => out.extend_from_slice(value),
    }
    out.push(b'\n');
}

/// A number of one to nine bytes, seven bits in each; and how many bytes.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for at in 0..8 {
        let byte = *bytes.get(at)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, at + 1));
        }
    }
    Some((value << 8 | u64::from(*bytes.get(8)?), 9))
}

impl<'d> Database<'d> {
    fn page(&self, number: u32) -> Option<&'d [u8]> {
        let start = (number.checked_sub(1)? as usize).checked_mul(self.page)?;
        let page = self.bytes.get(start..)?;
        Some(&page[..page.len().min(self.usable)])
    }

    /// Where a page's own header begins: behind the file's on the first.
    fn header(number: u32) -> usize {
        if number == 1 { 100 } else { 0 }
    }

    fn kind(&self, number: u32) -> Option<u8> {
        self.page(number)?.get(Self::header(number)).copied()
    }

    /// All rows of the tree whose root is `number`.
    fn tree(&self, number: u32, depth: usize, seen: &mut [bool], row: &mut dyn FnMut(Vec<Value>)) {
        let Some(known) = seen.get_mut(number as usize) else { return };
        if std::mem::replace(known, true) || depth > DEEPEST {
            return;
        }
        let header = Self::header(number);
        match self.kind(number) {
            Some(0x0d | 0x0a) => self.leaf(number, row),
            Some(kind @ (0x05 | 0x02)) => {
                let Some(page) = self.page(number) else { return };
                if kind == 0x02 {
                    // Tables without numbers of rows keep rows on every level.
                    self.leaf(number, row);
                }
                for cell in self.cells(number) {
                    if let Some(child) = u32_be(page, cell) {
                        self.tree(child, depth + 1, seen, row);
                    }
                }
                if let Some(last) = u32_be(page, header + 8) {
                    self.tree(last, depth + 1, seen, row);
                }
            }
            _ => {}
        }
    }

    /// Where the cells of a page are.
    fn cells(&self, number: u32) -> Vec<usize> {
        let header = Self::header(number);
        let Some(page) = self.page(number) else { return Vec::new() };
        let count = u16_be(page, header + 3).map_or(0, usize::from).min(self.usable / 2);
        let first = header + if matches!(page.get(header), Some(0x0d | 0x0a)) { 8 } else { 12 };
        (0..count).filter_map(|cell| u16_be(page, first + 2 * cell).map(usize::from)).collect()
    }

    /// The rows on one page.
    fn leaf(&self, number: u32, row: &mut dyn FnMut(Vec<Value>)) {
        let Some(page) = self.page(number) else { return };
        let kind = self.kind(number);
        for cell in self.cells(number) {
            let read = || {
                let mut at = cell + if kind == Some(0x02) { 4 } else { 0 };
                let (size, length) = varint(page.get(at..)?)?;
                at += length;
                if kind == Some(0x0d) {
                    at += varint(page.get(at..)?)?.1;
                }
                self.payload(page, at, usize::try_from(size).ok()?, kind == Some(0x0d))
            };
            if let Some(values) = read().and_then(|payload| self.record(&payload)) {
                row(values);
            }
        }
    }

    /// A record's bytes, those on overflow pages behind those here.
    fn payload(&self, page: &[u8], at: usize, size: usize, table: bool) -> Option<Vec<u8>> {
        let usable = self.usable;
        let most = if table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
        if size <= most {
            return page.get(at..at.checked_add(size)?).map(<[u8]>::to_vec);
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let here = least + (size - least) % (usable - 4);
        let here = if here <= most { here } else { least };
        let mut out = page.get(at..at + here)?.to_vec();
        let mut next = u32_be(page, at + here)?;
        let size = size.min(LONGEST);
        // A chain has as many pages as its length needs, so one that turns back on itself ends.
        while next != 0 && out.len() < size {
            let page = self.page(next)?;
            let take = (size - out.len()).min(usable - 4);
            out.extend_from_slice(page.get(4..4 + take)?);
            next = u32_be(page, 0)?;
        }
        Some(out)
    }

    /// The values of a record: a header with the kind of each, then their bytes.
    fn record(&self, payload: &[u8]) -> Option<Vec<Value>> {
        let (length, mut at) = varint(payload)?;
        let mut body = usize::try_from(length).ok()?;
        let header = payload.get(..body)?;
        let mut values = Vec::new();
        while at < header.len() {
            let (kind, used) = varint(&header[at..])?;
            at += used;
            let size = match kind {
                0 | 8..=11 => 0,
                1..=4 => kind as usize,
                5 => 6,
                6 | 7 => 8,
                _ => usize::try_from((kind - 12) / 2).ok()?,
            };
            let stop = body.checked_add(size)?.min(payload.len());
            let bytes = payload.get(body..stop)?;
            body = stop;
            values.push(match kind {
                1..=6 => Value::Number(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))),
                12.. if kind % 2 == 1 => Value::Text(self.text(bytes)),
                12.. => Value::Text(bytes.to_vec()),
                _ => Value::Other,
            });
        }
        Some(values)
    }

    fn text(&self, bytes: &[u8]) -> Vec<u8> {
        let unit: fn([u8; 2]) -> u16 = match self.encoding {
            2 => u16::from_le_bytes,
            3 => u16::from_be_bytes,
            _ => return bytes.to_vec(),
        };
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::{columns, varint};

    #[test]
    fn names_of_columns() {
        let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, \"the key\" TEXT DEFAULT (a, b), [x y] BLOB, z)";
        assert_eq!(columns(sql), ["id", "the key", "x y", "z"]);
        assert_eq!(columns("CREATE VIRTUAL TABLE x"), Vec::<String>::new());
    }

    #[test]
    fn numbers() {
        assert_eq!(varint(&[5]), Some((5, 1)));
        assert_eq!(varint(&[0x81, 0]), Some((128, 2)));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, 9)));
        assert_eq!(varint(&[0xff; 8]), None);
    }
}
