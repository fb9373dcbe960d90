//! What compiled Python assigns: `NAME = "value"` of its code objects, a line each. Names and constants stand in tables of
//! their own there, and only the instructions tell which belongs to which.
//!
//! Python 3.6 to 3.13, whose instructions are known. Whatever does not parse ends the reading: the strings are found all
//! the same (`pyc.rs`).

use std::collections::HashSet;
use std::rc::Rc;

use super::bytes::{u16_le, u32_le};

/// Objects in objects, at most this deep.
const DEEPEST: usize = 64;

/// Longest value that is told, in bytes.
const LONGEST: usize = 4096;

/// An object, as far as it matters here.
#[derive(Clone)]
enum Object<'b> {
    Text(&'b [u8]),
    Tuple(Rc<[Object<'b>]>),
    Other,
}

/// The instructions that matter, by number.
struct Codes {
    constant: u8,
    /// Those that store under a name of the code's names, and of its locals.
    names: [u8; 2],
    local: u8,
    /// `object.name = value`: the object is loaded in between.
    attribute: u8,
    loads_local: u8,
    extended: u8,
}

const OLD: Codes = Codes { constant: 100, names: [90, 97], local: 125, attribute: 95, loads_local: 124, extended: 144 };
const OF_3_13: Codes =
    Codes { constant: 83, names: [114, 113], local: 110, attribute: 108, loads_local: 85, extended: 71 };

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    version: u16,
    refs: Vec<Object<'b>>,
    codes: &'static Codes,
    out: Vec<u8>,
    told: HashSet<&'b [u8]>,
}

/// The assignments of a `.pyc` file, and which strings are told with them.
pub(super) fn assignments(bytes: &[u8]) -> (Vec<u8>, HashSet<&[u8]>) {
    let version = u16_le(bytes, 0).unwrap_or(0);
    let (at, codes) = match version {
        3361..=3379 => (12, &OLD),
        3390..=3531 => (16, &OLD),
        3550..=3571 => (16, &OF_3_13),
        _ => return (Vec::new(), HashSet::new()),
    };
    let mut reader = Reader { bytes, at, version, refs: Vec::new(), codes, out: Vec::new(), told: HashSet::new() };
    reader.object(0);
    (reader.out, reader.told)
}

impl<'b> Reader<'b> {
    fn byte(&mut self) -> Option<u8> {
        self.at += 1;
        self.bytes.get(self.at - 1).copied()
    }

    fn number(&mut self) -> Option<usize> {
        self.at += 4;
        usize::try_from(u32_le(self.bytes, self.at - 4)?).ok()
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn object(&mut self, depth: usize) -> Option<Object<'b>> {
        if depth > DEEPEST {
            return None;
        }
        let kind = self.byte()?;
        // Objects that are referred to later are numbered, those that hold others before what they hold.
        let place = (kind & 0x80 != 0).then(|| {
            self.refs.push(Object::Other);
            self.refs.len() - 1
        });
        let object = match kind & 0x7f {
            b'0' | b'N' | b'F' | b'T' | b'S' | b'.' => Object::Other,
            b'i' => self.skip(4)?,
            b'g' => self.skip(8)?,
            b'y' => self.skip(16)?,
            b'f' => {
                let length = self.byte()?;
                self.skip(usize::from(length))?
            }
            b'l' => {
                let digits = self.number()? as u32 as i32;
                self.skip(usize::try_from(digits.unsigned_abs()).ok()?.checked_mul(2)?)?
            }
            b's' | b't' | b'u' | b'a' | b'A' => {
                let length = self.number()?;
                Object::Text(self.take(length)?)
            }
            b'z' | b'Z' => {
                let length = self.byte()?;
                Object::Text(self.take(usize::from(length))?)
            }
            b'r' => {
                let place = self.number()?;
                self.refs.get(place)?.clone()
            }
            b')' => {
                let count = self.byte()?;
                self.tuple(usize::from(count), depth)?
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.number()?;
                self.tuple(count, depth)?
            }
            b'c' => {
                self.code(depth)?;
                Object::Other
            }
            _ => return None,
        };
        if let Some(place) = place {
            self.refs[place] = object.clone();
        }
        Some(object)
    }

    fn skip(&mut self, length: usize) -> Option<Object<'b>> {
        self.take(length).map(|_| Object::Other)
    }

    fn tuple(&mut self, count: usize, depth: usize) -> Option<Object<'b>> {
        // Each object takes a byte at least.
        if count > self.bytes.len() - self.at.min(self.bytes.len()) {
            return None;
        }
        (0..count).map(|_| self.object(depth + 1)).collect::<Option<Vec<_>>>().map(|all| Object::Tuple(all.into()))
    }

    /// A code object, with those that its constants hold.
    fn code(&mut self, depth: usize) -> Option<()> {
        // 3.8 counts arguments by position alone, 3.11 no locals.
        let numbers = if (3413..3495).contains(&self.version) { 6 } else { 5 };
        self.skip(numbers * 4)?;
        let Object::Text(code) = self.object(depth + 1)? else { return None };
        let [constants, names, locals] = [self.object(depth + 1)?, self.object(depth + 1)?, self.object(depth + 1)?];
        // Free variables, cells, the file's name and its own; since 3.11 the kinds of all locals, and names of three kinds.
        for _ in 0..4 {
            self.object(depth + 1)?;
        }
        self.number()?;
        self.object(depth + 1)?;
        if self.version >= 3495 {
            self.object(depth + 1)?;
        }
        if let (Object::Tuple(constants), Object::Tuple(names), Object::Tuple(locals)) = (constants, names, locals) {
            self.tell(code, &constants, &names, &locals);
        }
        Some(())
    }

    /// Writes down which constants are stored under which names.
    fn tell(&mut self, code: &[u8], constants: &[Object<'b>], names: &[Object<'b>], locals: &[Object<'b>]) {
        let codes = self.codes;
        let mut loaded = None;
        let mut extension = 0usize;
        for &[operation, argument] in code.as_chunks::<2>().0 {
            let argument = extension << 8 | usize::from(argument);
            extension = if operation == codes.extended { argument & 0xff_ffff } else { 0 };
            // Extensions and the caches of instructions.
            if operation == codes.extended || operation == 0 {
                continue;
            }
            let text = |all: &[Object<'b>]| match all.get(argument) {
                Some(Object::Text(text)) => Some(*text),
                _ => None,
            };
            if operation == codes.constant {
                let constant = text(constants);
                // The key of a dictionary and its value.
                if let (Some(key), Some(value)) = (loaded, constant) {
                    self.line(key, value);
                }
                loaded = constant;
                continue;
            }
            let name = match operation {
                _ if codes.names.contains(&operation) || operation == codes.attribute => text(names),
                _ if operation == codes.local => text(locals),
                // The object whose attribute is set stands between.
                _ if operation == codes.loads_local && loaded.is_some() => continue,
                _ => None,
            };
            if let (Some(name), Some(value)) = (name, loaded) {
                self.line(name, value);
            }
            loaded = None;
        }
    }

    fn line(&mut self, name: &[u8], value: &'b [u8]) {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let quote = [b'"', b'\''].into_iter().find(|quote| !value.contains(quote));
        let Some(quote) = quote.filter(|_| (4..=LONGEST).contains(&value.len()) && !value.contains(&b'\n')) else {
            return;
        };
        if (3..=64).contains(&name.len()) && name.iter().all(plain) {
            for piece in [name, b" = ", &[quote], value, &[quote], b"\n"] {
                self.out.extend_from_slice(piece);
            }
            self.told.insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::assignments;

    /// `API_SECRET = "kkkkkkkk"` and `self.name = "vvvv"`, as Python 3.11 compiles them.
    fn compiled() -> Vec<u8> {
        let mut bytes = b"\xa7\x0d\r\n\0\0\0\0aaaabbbb\xe3".to_vec();
        bytes.extend([0; 20]);
        bytes.extend(b"s\x10\0\0\0\x97\x00d\x00Z\x00d\x02|\x00_\x01d\x01S\x00");
        bytes.extend(b"\xa9\x03\xda\x08kkkkkkkkN\xfa\x04vvvv");
        bytes.extend(b")\x02Z\x0aAPI_SECRETZ\x06secret)\x00s\x00\0\0\0z\x01xz\x01yz\x01z\x01\0\0\0s\0\0\0\0s\0\0\0\0");
        bytes
    }

    #[test]
    fn stores_are_lines() {
        let told = String::from_utf8(assignments(&compiled()).0).expect("text");
        assert_eq!(told, "API_SECRET = \"kkkkkkkk\"\nsecret = \"vvvv\"\n");
    }

    #[test]
    fn pieces_and_lies_end_the_reading() {
        let whole = compiled();
        for end in 0..whole.len() {
            assert!(assignments(&whole[..end]).0.len() <= 64);
            let mut other = whole.clone();
            other[end] ^= 0xff;
            assert!(assignments(&other).0.len() <= 256);
        }
        let mut deep = whole[..16].to_vec();
        deep.extend(b")\x01".repeat(100_000));
        assert!(assignments(&deep).0.is_empty());
        let mut wide = whole[..16].to_vec();
        wide.extend(b"(\xff\xff\xff\x7f");
        assert!(assignments(&wide).0.is_empty());
    }
}
