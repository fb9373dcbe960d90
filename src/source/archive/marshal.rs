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

/// An object, as far as it matters here. Of a tuple its texts alone, so that no file makes a chain of objects that hold each
/// other: to drop one a thousand deep takes as many calls.
#[derive(Clone)]
enum Object<'b> {
    Text(&'b [u8]),
    Tuple(Rc<[Option<&'b [u8]>]>),
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
    /// How many instructions are still looked at, and bytes of lines written: no more than the file has bytes. Code can be
    /// referred to again and again, and store the same constant under a name each time.
    work: usize,
    room: usize,
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
    let (out, told, size) = (Vec::new(), HashSet::new(), bytes.len());
    let mut reader = Reader { bytes, at, version, refs: Vec::new(), codes, out, told, work: size, room: size };
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
        let text = |object| match object {
            Object::Text(text) => Some(text),
            _ => None,
        };
        let all: Option<Vec<_>> = (0..count).map(|_| self.object(depth + 1).map(text)).collect();
        all.map(|all| Object::Tuple(all.into()))
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
    fn tell(
        &mut self,
        code: &[u8],
        constants: &[Option<&'b [u8]>],
        names: &[Option<&'b [u8]>],
        locals: &[Option<&'b [u8]>],
    ) {
        let codes = self.codes;
        let mut loaded = None;
        let mut extension = 0usize;
        for &[operation, argument] in code.as_chunks::<2>().0 {
            let Some(left) = self.work.checked_sub(1) else { return };
            self.work = left;
            let argument = extension << 8 | usize::from(argument);
            extension = if operation == codes.extended { argument & 0xff_ffff } else { 0 };
            // Extensions and the caches of instructions.
            if operation == codes.extended || operation == 0 {
                continue;
            }
            let text = |all: &[Option<&'b [u8]>]| all.get(argument).copied().flatten();
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
            let Some(room) = self.room.checked_sub(name.len() + value.len()) else { return };
            self.room = room;
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

    fn object(kind: u8, bytes: &[u8]) -> Vec<u8> {
        [&[kind][..], &(bytes.len() as u32).to_le_bytes(), bytes].concat()
    }

    /// A file of hundreds of thousands of tuples, each with a reference to the one before.
    #[test]
    fn objects_that_hold_each_other_are_dropped_one_by_one() {
        const COUNT: u32 = 300_000;
        let mut bytes = [&compiled()[..16], b"(", &COUNT.to_le_bytes(), b"\xa9\x01N"].concat();
        for before in 0..COUNT - 1 {
            bytes.extend([&b"\xa9\x01r"[..], &before.to_le_bytes()].concat());
        }
        assert!(assignments(&bytes).0.is_empty());
    }

    /// One constant, stored a hundred thousand times; and the same code in a thousand objects.
    #[test]
    fn what_is_told_is_no_longer_than_the_file() {
        let code = object(b's', &b"d\x00Z\x00".repeat(100_000));
        let constants = [b")\x01", &object(b's', &[b'k'; 4000])[..]].concat();
        let mut end = b")\x01Z\x03abc)\x00s\0\0\0\0z\x01xz\x01yz\x01z\0\0\0\0".to_vec();
        end.extend(b"s\0\0\0\0s\0\0\0\0");
        let of = |code: &[u8]| [b"\x63", &[0; 20][..], code, &constants, &end].concat();
        let bomb = [&compiled()[..16], &of(&code)].concat();
        let told = assignments(&bomb).0.len();
        assert!(4000 < told && told < 2 * bomb.len(), "{told}");
        let numbered = [&[code[0] | 0x80], &code[1..]].concat();
        let again: Vec<u8> = (0..1000).flat_map(|_| of(b"r\0\0\0\0")).collect();
        let many = [&compiled()[..16], b"(", &1001u32.to_le_bytes(), &of(&numbered), &again].concat();
        let told = assignments(&many).0.len();
        assert!(4000 < told && told < 2 * many.len(), "{told}");
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
