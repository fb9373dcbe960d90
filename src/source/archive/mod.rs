//! Archives and other containers, told by their content: what they hold, handed on piece by piece.
//!
//! ```text
//!  bytes -> sniff -> reader (zip, tar, gzip, 7z, ...) -> member -> sniff -> ...  to a depth of eight
//!                                                            \-> text, whole or in windows
//! ```
//!
//! A [`Walker`] hands every piece to a function with its [`Place`]. Nothing is written to disk; what is compressed is
//! read as a stream where its form allows it, so that memory stays bounded whatever the size. All output of one
//! outermost file is paid from one budget, so a bomb ends early, and so does an archive that holds itself. Damage is
//! told, what was readable is handed on, and a container of which nothing was readable is handed on as it is.

mod bytes;
mod bzip2;
mod gzip;
mod sevenz;
pub(in crate::source) mod tar;
mod xz;
mod zip;
mod zstd;

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::Range;
use std::rc::Rc;

use super::stream::{BLOCK, Windows};
use crate::finding::position::Start;

/// Containers in containers, at most.
pub const DEEPEST: usize = 8;

/// Memory for one decompressor's window, in bytes.
const MEMORY: usize = 128 << 20;
/// Up to this size a member is held and handed on whole.
const WHOLE: usize = 16 << 20;
/// Up to this size a member is held that must be held to be read (a zip in a tar).
const HELD: usize = 256 << 20;

/// What one outermost file may unpack to: this, and [`RATIO`] times its size beside it.
const LEAST_BUDGET: u64 = 64 << 20;
/// See [`LEAST_BUDGET`]. Text compresses to a twentieth at best, bombs to a thousandth.
const RATIO: u64 = 200;
/// But not more than this, or four times its size.
const MOST_BUDGET: u64 = 4 << 30;

/// How many bytes a file of `size` bytes may unpack to, all that is in it taken together.
pub fn budget(size: u64) -> u64 {
    size.saturating_mul(RATIO).saturating_add(LEAST_BUDGET).min(MOST_BUDGET.max(size.saturating_mul(4)))
}

/// Where a piece stands in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Paths of members, outermost first.
    pub member: Vec<String>,
    /// Compressions without a path of their own (`gzip`), outermost first.
    pub decode: Vec<&'static str>,
    /// How many of `decode` come before the first member.
    pub outer: usize,
}

/// What a container holds, or what is wrong with it.
#[derive(Debug)]
pub enum Event<'e> {
    /// A text, or a window of a large one.
    Text {
        /// Its bytes.
        bytes: &'e [u8],
        /// Where they start in the whole.
        start: Start,
        /// Of a window: matches count whose secret starts here.
        core: Option<Range<usize>>,
    },
    /// Something could not be read as it should.
    Trouble(Trouble),
}

/// What went wrong with a container or member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It is damaged or cut off: how, in words.
    Damaged(String),
    /// It needs a password.
    Locked,
    /// Its form is not known here: what, in words.
    Unknown(String),
    /// A limit ended it: which, in words.
    Budget(&'static str),
}

/// Forms of containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bzip2,
    Gzip,
    Lzma,
    SevenZip,
    Tar,
    Xz,
    Zip,
    Zstd,
}

/// The form of a container, by its first bytes (zip: also by its last).
fn sniff(bytes: &[u8]) -> Option<Form> {
    let form = match bytes {
        [b'P', b'K', ..] if zip::is_zip(bytes) => Form::Zip,
        [0x1f, 0x8b, 8, ..] => Form::Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, 0x41 | 0x72, ..] => Form::Bzip2,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Form::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Form::Zstd,
        [b'7', b'z', ..] if bytes.starts_with(sevenz::MAGIC) => Form::SevenZip,
        // The properties that everybody writes, and a dictionary of a whole number of 64 KB.
        [0x5d, 0, 0, _, 0 | 1, _, _, _, 0 | 255, 0 | 255, 0 | 255, 0 | 255, 0 | 255, 0, ..] => Form::Lzma,
        _ if tar::is_tar(bytes) => Form::Tar,
        _ if zip::is_zip(bytes) => Form::Zip,
        _ => return None,
    };
    Some(form)
}

/// Whether `bytes` are a container that [`open`] looks into. Cheap: the first 512 bytes and the last 22 decide.
pub fn is_container(bytes: &[u8]) -> bool {
    sniff(bytes).is_some()
}

/// Looks into a container; `out` gets what it holds. `context` is how far the engine looks to each side, for windows.
pub fn open(bytes: &[u8], context: usize, out: &mut dyn FnMut(&Place, Event<'_>)) {
    let left = budget(bytes.len() as u64);
    let budget = Rc::new(Budget { left: Cell::new(left), over: Cell::new(false) });
    Walker { place: Place::default(), depth: 0, pieces: 0, troubles: 0, budget, context, out }.whole(bytes);
}

/// Tells the names of the files in a layer of an image: a tar archive, compressed or not.
pub(super) fn names(bytes: &[u8], out: &mut dyn FnMut(&str)) {
    let budget = Rc::new(Budget { left: Cell::new(budget(bytes.len() as u64)), over: Cell::new(false) });
    let source: Box<dyn Read + '_> = match sniff(bytes) {
        Some(Form::Gzip) => Box::new(Paid { source: gzip::Gzip::new(bytes), budget }),
        Some(Form::Zstd) => Box::new(Paid { source: zstd::Zstd::new(bytes), budget }),
        Some(Form::Xz) => Box::new(Paid { source: xz::xz(bytes), budget }),
        Some(Form::Bzip2) => Box::new(Paid { source: bzip2::Bzip2::new(bytes), budget }),
        _ => Box::new(bytes),
    };
    let mut tar = tar::Tar::new(source);
    while let Ok(Some(name)) = tar.next() {
        out(&name);
    }
}

/// What may still be unpacked.
#[derive(Debug)]
struct Budget {
    left: Cell<u64>,
    over: Cell<bool>,
}

impl Budget {
    /// Pays for `count` bytes.
    fn pay(&self, count: usize) -> io::Result<()> {
        match self.left.get().checked_sub(count as u64) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.over.set(true);
                Err(io::Error::other("the budget is used up"))
            }
        }
    }
}

/// A decompressor whose output is paid for.
struct Paid<R> {
    source: R,
    budget: Rc<Budget>,
}

impl<R: Read> Read for Paid<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        self.budget.pay(count)?;
        Ok(count)
    }
}

/// Goes through a container and whatever is in it.
struct Walker<'w> {
    place: Place,
    depth: usize,
    /// Texts handed on so far, and troubles told.
    pieces: u64,
    troubles: u64,
    budget: Rc<Budget>,
    context: usize,
    out: &'w mut dyn FnMut(&Place, Event<'_>),
}

impl Walker<'_> {
    /// Whether the budget is used up: nothing more comes.
    fn is_over(&self) -> bool {
        self.budget.over.get()
    }

    fn tell(&mut self, trouble: Trouble) {
        self.troubles += 1;
        (self.out)(&self.place, Event::Trouble(trouble));
    }

    /// Tells of an error of a reader.
    fn damage(&mut self, error: &io::Error) {
        if self.is_over() {
            self.tell(Trouble::Budget("it unpacks to more than the budget allows"));
        } else if error.kind() == io::ErrorKind::OutOfMemory {
            self.tell(Trouble::Budget("it needs more memory to be unpacked than is allowed"));
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            self.tell(Trouble::Damaged("it is cut off".to_owned()));
        } else {
            self.tell(Trouble::Damaged(error.to_string()));
        }
    }

    fn locked(&mut self) {
        self.tell(Trouble::Locked);
    }

    fn unknown(&mut self, what: &str) {
        self.tell(Trouble::Unknown(what.to_owned()));
    }

    /// Hands a text on.
    fn text(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.pieces += 1;
            (self.out)(&self.place, Event::Text { bytes, start: Start::default(), core: None });
        }
    }

    /// Does `work` for a member of this name.
    fn member(&mut self, name: &str, work: impl FnOnce(&mut Self)) {
        if self.is_over() {
            return;
        }
        if self.place.member.is_empty() {
            self.place.outer = self.place.decode.len();
        }
        self.place.member.push(name.to_owned());
        work(self);
        self.place.member.pop();
    }

    /// Does `work` for what a compression without names holds.
    fn decoded(&mut self, name: &'static str, work: impl FnOnce(&mut Self)) {
        self.place.decode.push(name);
        work(self);
        self.place.decode.pop();
    }

    /// Bytes in memory: a container or a text.
    fn whole(&mut self, bytes: &[u8]) {
        let Some(form) = sniff(bytes) else { return self.text(bytes) };
        if self.is_deep() {
            return self.text(bytes);
        }
        self.deeper(|walker| {
            let pieces = walker.pieces;
            let read = match form {
                Form::Zip => zip::read(bytes, walker),
                Form::SevenZip => sevenz::read(bytes, walker),
                _ => {
                    walker.unfold(form, bytes);
                    Ok(())
                }
            };
            if let Err(error) = read {
                walker.damage(&error);
            }
            // Nothing could be read of it: it is a text like any other.
            if walker.pieces == pieces && !walker.is_over() {
                walker.text(bytes);
            }
        });
    }

    /// A decompressor's output: a member.
    fn unpacked(&mut self, source: impl Read) {
        let budget = Rc::clone(&self.budget);
        self.stream(&mut Paid { source, budget });
    }

    /// A member of unknown size.
    fn stream(&mut self, source: &mut dyn Read) {
        let mut head = Vec::new();
        let read = source.take(WHOLE as u64).read_to_end(&mut head);
        if let Err(error) = &read {
            self.damage(error);
        }
        if read.is_err() || head.len() < WHOLE {
            // What came before the trouble is worth a look.
            return self.whole(&head);
        }
        match sniff(&head) {
            Some(form) if form.is_stream() && !self.is_deep() => {
                self.deeper(|walker| walker.unfold(form, io::Cursor::new(head).chain(source)));
            }
            Some(form) if !form.is_stream() => match source.take((HELD - WHOLE) as u64).read_to_end(&mut head) {
                Ok(_) if head.len() < HELD => self.whole(&head),
                Ok(_) => {
                    self.tell(Trouble::Budget("an archive inside it is too large to be held"));
                    self.windows(io::Cursor::new(head).chain(source));
                }
                Err(error) => {
                    self.damage(&error);
                    self.whole(&head);
                }
            },
            _ => self.windows(io::Cursor::new(head).chain(source)),
        }
    }

    /// A large text.
    fn windows(&mut self, mut source: impl Read) {
        let mut windows = Windows::new(BLOCK, self.context);
        let mut piece = vec![0; 1 << 20];
        let (place, out) = (&self.place, &mut *self.out);
        let mut visit = |window: &super::stream::Window<'_>| {
            let core = Some(window.core.clone());
            out(place, Event::Text { bytes: window.text, start: window.start, core });
        };
        let mut trouble = None;
        loop {
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => windows.feed(&piece[..count], &mut visit),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
            }
        }
        windows.finish(&mut visit);
        self.pieces += 1;
        if let Some(error) = trouble {
            self.damage(&error);
        }
    }

    /// Whether a container here is one too many, which is told.
    fn is_deep(&mut self) -> bool {
        let deep = self.depth >= DEEPEST;
        if deep {
            self.tell(Trouble::Budget("containers in containers are too deep to be looked into"));
        }
        deep
    }

    /// Does `work` one level deeper.
    fn deeper(&mut self, work: impl FnOnce(&mut Self)) {
        self.depth += 1;
        work(self);
        self.depth -= 1;
    }

    /// A form that is read as a stream.
    fn unfold(&mut self, form: Form, source: impl Read) {
        match form {
            Form::Gzip => self.decoded("gzip", |walker| walker.unpacked(gzip::Gzip::new(source))),
            Form::Bzip2 => self.decoded("bzip2", |walker| walker.unpacked(bzip2::Bzip2::new(source))),
            Form::Xz => self.decoded("xz", |walker| walker.unpacked(xz::xz(source))),
            Form::Zstd => self.decoded("zstd", |walker| walker.unpacked(zstd::Zstd::new(source))),
            Form::Lzma => match xz::lzma(source) {
                Ok(reader) => self.decoded("lzma", |walker| walker.unpacked(reader)),
                Err(error) => self.damage(&error),
            },
            Form::Tar => self.tar(source),
            // Read from memory.
            Form::SevenZip | Form::Zip => {}
        }
    }

    fn tar(&mut self, source: impl Read) {
        let mut tar = tar::Tar::new(source);
        loop {
            let troubles = self.troubles;
            match tar.next() {
                Ok(Some(name)) => self.member(&name, |walker| walker.stream(&mut tar)),
                Ok(None) => return,
                Err(error) => return self.damage(&error),
            }
            // A source that failed within a member has no more of them.
            if self.is_over() || self.troubles > troubles && tar.failed {
                return;
            }
        }
    }
}

impl Form {
    /// Whether it is read from front to end.
    fn is_stream(self) -> bool {
        !matches!(self, Self::SevenZip | Self::Zip)
    }
}

/// Damage in a container, named.
fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is damaged ({what})"))
}

/// A decompressor asks for more memory than it may have.
fn too_large() -> io::Error {
    io::ErrorKind::OutOfMemory.into()
}
