//! Bzip2: blocks of at most 900 KB, each sorted and coded by itself; one or several streams in a row.

use std::io::{self, Read};

use super::damaged;

/// Most symbols of a block's alphabet, and longest code.
const SYMBOLS: usize = 258;
const LONGEST: u8 = 20;
/// Symbols after which the code table may change.
const GROUP: usize = 50;

/// Decompresses bzip2.
pub(super) struct Bzip2<R> {
    bits: Bits<R>,
    /// Largest block of the stream, in bytes; 0 before its header.
    largest: usize,
    first: bool,
    block: Block,
}

/// Reads bits, the highest first.
struct Bits<R> {
    source: R,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    held: u64,
    count: u32,
}

impl<R: Read> Bits<R> {
    /// Another byte into `held`; false at the end of the source.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            self.start = 0;
            self.end = self.source.read(&mut self.input)?;
            if self.end == 0 {
                return Ok(false);
            }
        }
        self.held = self.held << 8 | u64::from(self.input[self.start]);
        self.start += 1;
        self.count += 8;
        Ok(true)
    }

    /// The next `count` bits, at most 32.
    fn take(&mut self, count: u32) -> io::Result<u32> {
        while self.count < count {
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.count -= count;
        Ok((self.held >> self.count & ((1 << count) - 1)) as u32)
    }

    fn bit(&mut self) -> io::Result<bool> {
        Ok(self.take(1)? == 1)
    }

    /// Drops the rest of a byte; whether anything follows.
    fn another(&mut self) -> io::Result<bool> {
        self.count -= self.count % 8;
        Ok(self.count > 0 || self.fill()?)
    }
}

/// A code: how many codes of each length, and the symbols in the order of their codes.
#[derive(Clone)]
struct Code {
    /// First code of each length, and the place of its symbol less that code.
    limits: [(u32, i32); LONGEST as usize + 1],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> io::Result<Self> {
        let mut limits = [(0, 0); LONGEST as usize + 1];
        let mut symbols = Vec::with_capacity(lengths.len());
        let mut code = 0u32;
        for length in 1..=LONGEST {
            let first = code;
            let place = symbols.len() as i32 - first as i32;
            for (symbol, _) in lengths.iter().enumerate().filter(|(_, own)| **own == length) {
                symbols.push(symbol as u16);
                code += 1;
            }
            if code > 1 << length {
                return Err(damaged("bzip2 code"));
            }
            // One past the last code of this length.
            limits[usize::from(length)] = (code, place);
            code <<= 1;
        }
        Ok(Self { limits, symbols })
    }

    fn read<R: Read>(&self, bits: &mut Bits<R>) -> io::Result<u16> {
        let mut code = 0;
        for (limit, place) in &self.limits[1..] {
            code = code << 1 | bits.take(1)?;
            if code < *limit {
                let symbol = usize::try_from(code as i32 + place).ok().and_then(|at| self.symbols.get(at));
                return symbol.copied().ok_or_else(|| damaged("bzip2 code"));
            }
        }
        Err(damaged("bzip2 code"))
    }
}

/// A block while it is given out: the sorted text, walked by its links.
#[derive(Default)]
struct Block {
    /// Byte in the lowest eight bits, link above.
    text: Vec<u32>,
    at: u32,
    /// Bytes of `text` still to come.
    left: usize,
    /// The run of equal bytes before the next one: four in a row are followed by a count.
    last: Option<u8>,
    equal: u8,
    /// Times `last` is to be given once more.
    again: u8,
}

impl Block {
    fn next_byte(&mut self) -> Option<u8> {
        if self.again > 0 {
            self.again -= 1;
            return self.last;
        }
        loop {
            if self.left == 0 {
                return None;
            }
            self.left -= 1;
            let entry = *self.text.get(self.at as usize)?;
            self.at = entry >> 8;
            let byte = entry as u8;
            if self.equal == 4 {
                self.equal = 0;
                let repeated = self.last;
                if byte > 0 {
                    self.again = byte - 1;
                    return repeated;
                }
                continue;
            }
            self.equal = if self.last == Some(byte) { self.equal + 1 } else { 1 };
            self.last = Some(byte);
            return self.last;
        }
    }
}

impl<R: Read> Bzip2<R> {
    pub(super) fn new(source: R) -> Self {
        let bits = Bits { source, input: vec![0; 32 << 10].into(), start: 0, end: 0, held: 0, count: 0 };
        Self { bits, largest: 0, first: true, block: Block::default() }
    }

    /// Reads the next block; false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        loop {
            if self.largest == 0 {
                if !self.bits.another()? {
                    return Ok(false);
                }
                let header = self.bits.take(32)?.to_be_bytes();
                match header {
                    [b'B', b'Z', b'h', size @ b'1'..=b'9'] => self.largest = usize::from(size - b'0') * 100_000,
                    // Rubbish behind the last stream.
                    _ if !self.first => return Ok(false),
                    _ => return Err(damaged("no bzip2 header")),
                }
                self.first = false;
            }
            let magic = u64::from(self.bits.take(24)?) << 24 | u64::from(self.bits.take(24)?);
            self.bits.take(32)?; // check sum
            match magic {
                0x3141_5926_5359 => {
                    self.read_block()?;
                    return Ok(true);
                }
                0x1772_4538_5090 => self.largest = 0,
                _ => return Err(damaged("bzip2 block")),
            }
        }
    }

    fn read_block(&mut self) -> io::Result<()> {
        if self.bits.bit()? {
            return Err(damaged("randomised bzip2 block"));
        }
        let origin = self.bits.take(24)? as usize;
        let mut used = Vec::with_capacity(256);
        let rows = self.bits.take(16)?;
        for row in (0..16u8).filter(|row| rows >> (15 - row) & 1 == 1) {
            let columns = self.bits.take(16)?;
            used.extend((0..16u8).filter(|column| columns >> (15 - column) & 1 == 1).map(|column| row << 4 | column));
        }
        let alphabet = used.len() + 2;
        if used.is_empty() {
            return Err(damaged("bzip2 alphabet"));
        }
        let (codes, selectors) = self.codes(alphabet)?;
        let mut text = std::mem::take(&mut self.block.text);
        text.clear();
        let mut counts = [0usize; 256];
        let mut symbols = Symbols { selectors: &selectors, codes: &codes, left: 0, at: 0 };
        let (mut run, mut weight) = (0usize, 1usize);
        loop {
            let symbol = symbols.next(&mut self.bits)?;
            if symbol < 2 {
                // Runs are numbers with digits 1 and 2.
                run += weight << symbol;
                weight <<= 1;
                if run > self.largest {
                    return Err(damaged("bzip2 run"));
                }
                continue;
            }
            if run > 0 {
                let byte = used[0];
                counts[usize::from(byte)] += run;
                if text.len() + run > self.largest {
                    return Err(damaged("bzip2 run"));
                }
                text.resize(text.len() + run, u32::from(byte));
                (run, weight) = (0, 1);
            }
            let symbol = usize::from(symbol);
            if symbol == alphabet - 1 {
                break;
            }
            if text.len() >= self.largest {
                return Err(damaged("bzip2 block"));
            }
            let place = symbol - 1;
            used.get_mut(..=place).ok_or_else(|| damaged("bzip2 symbol"))?.rotate_right(1);
            counts[usize::from(used[0])] += 1;
            text.push(u32::from(used[0]));
        }
        if origin >= text.len() {
            return Err(damaged("bzip2 block"));
        }
        let mut sum = 0;
        for count in &mut counts {
            let before = sum;
            sum += *count;
            *count = before;
        }
        for at in 0..text.len() {
            let place = &mut counts[usize::from(text[at] as u8)];
            text[*place] |= (at as u32) << 8;
            *place += 1;
        }
        let (at, left) = (text[origin] >> 8, text.len());
        self.block = Block { text, at, left, ..Block::default() };
        Ok(())
    }

    /// The code tables of a block and which group of symbols uses which.
    fn codes(&mut self, alphabet: usize) -> io::Result<(Vec<Code>, Vec<u8>)> {
        let tables = self.bits.take(3)? as usize;
        let groups = self.bits.take(15)? as usize;
        if !(2..=6).contains(&tables) || groups == 0 || alphabet > SYMBOLS {
            return Err(damaged("bzip2 tables"));
        }
        let mut recent: Vec<u8> = (0..tables as u8).collect();
        let mut selectors = Vec::with_capacity(groups);
        for _ in 0..groups {
            let mut place = 0;
            while self.bits.bit()? {
                place += 1;
                if place >= tables {
                    return Err(damaged("bzip2 selector"));
                }
            }
            recent[..=place].rotate_right(1);
            selectors.push(recent[0]);
        }
        let mut codes = Vec::with_capacity(tables);
        for _ in 0..tables {
            let mut length = self.bits.take(5)? as i32;
            let mut lengths = Vec::with_capacity(alphabet);
            for _ in 0..alphabet {
                while self.bits.bit()? {
                    length += if self.bits.bit()? { -1 } else { 1 };
                    if !(1..=i32::from(LONGEST)).contains(&length) {
                        return Err(damaged("bzip2 code"));
                    }
                }
                if !(1..=i32::from(LONGEST)).contains(&length) {
                    return Err(damaged("bzip2 code"));
                }
                lengths.push(length as u8);
            }
            codes.push(Code::new(&lengths)?);
        }
        Ok((codes, selectors))
    }
}

/// Reads symbols, fifty by each table that the selectors name.
struct Symbols<'c> {
    selectors: &'c [u8],
    codes: &'c [Code],
    left: usize,
    at: usize,
}

impl Symbols<'_> {
    fn next<R: Read>(&mut self, bits: &mut Bits<R>) -> io::Result<u16> {
        if self.left == 0 {
            self.left = GROUP;
            self.at += 1;
        }
        self.left -= 1;
        let table = self.selectors.get(self.at - 1).and_then(|&table| self.codes.get(usize::from(table)));
        table.ok_or_else(|| damaged("bzip2 selectors"))?.read(bits)
    }
}

impl<R: Read> Read for Bzip2<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < out.len() {
            match self.block.next_byte() {
                Some(byte) => {
                    out[filled] = byte;
                    filled += 1;
                }
                None if filled > 0 => break,
                None if self.next_block()? => {}
                None => break,
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::Bzip2;

    /// `bzip2` of "hello hello hello, and aaaaaaaaaaaaaaaaaaaaaaaa\n", made with Python's bz2.
    const HELLO: &[u8] = include_bytes!("samples/hello.bz2");

    #[test]
    fn streams_in_a_row_are_read() {
        let mut text = Vec::new();
        Bzip2::new(&[HELLO, HELLO, &[0; 9]].concat()[..]).read_to_end(&mut text).expect("decompresses");
        assert_eq!(text, b"hello hello hello, and aaaaaaaaaaaaaaaaaaaaaaaa\n".repeat(2));
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        for at in 0..HELLO.len() {
            for flip in [1u8, 0x10, 0x80] {
                let mut bytes = HELLO.to_vec();
                bytes[at] ^= flip;
                let _ = Bzip2::new(&bytes[..]).read_to_end(&mut Vec::new());
            }
            let cut = Bzip2::new(&HELLO[..at]).read_to_end(&mut Vec::new());
            assert!(cut.is_err() || at == 0, "{at}");
        }
    }
}
