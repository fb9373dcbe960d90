//! The walk through a container and whatever is in it: depth, budget, and which bytes are handed on how.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use super::super::stream::{BLOCK, Window, Windows};
use super::{
    DEEPEST, Event, Form, Place, Trouble, bzip2, class, damaged, gzip, pack, pdf, pyc, sevenz, sniff, sqlite, tar,
    words, xz, zip, zstd,
};
use crate::finding::position::Start;

/// Up to this size a member is held and handed on whole.
pub(super) const WHOLE: usize = 16 << 20;
/// Up to this size a member is held that must be held to be read (a zip in a tar).
const HELD: usize = 256 << 20;

/// What may still be unpacked.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<u64>,
    over: Cell<bool>,
}

impl Budget {
    pub(super) fn new(bytes: u64) -> Rc<Self> {
        Rc::new(Self { left: Cell::new(bytes), over: Cell::new(false) })
    }

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
pub(super) struct Paid<R> {
    pub(super) source: R,
    pub(super) budget: Rc<Budget>,
}

impl<R: Read> Read for Paid<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        self.budget.pay(count)?;
        Ok(count)
    }
}

/// Goes through a container and whatever is in it.
pub(super) struct Walker<'w> {
    place: Place,
    depth: usize,
    /// Texts handed on so far, and troubles told.
    pieces: u64,
    troubles: u64,
    pub(super) budget: Rc<Budget>,
    context: usize,
    out: &'w mut dyn FnMut(&Place, Event<'_>),
}

impl<'w> Walker<'w> {
    /// A walk that may unpack `bytes` bytes.
    pub(super) fn new(bytes: u64, context: usize, out: &'w mut dyn FnMut(&Place, Event<'_>)) -> Self {
        let budget = Budget::new(bytes);
        Self { place: Place::default(), depth: 0, pieces: 0, troubles: 0, budget, context, out }
    }
}

impl Walker<'_> {
    /// Whether the budget is used up: nothing more comes.
    pub(super) fn is_over(&self) -> bool {
        self.budget.over.get()
    }

    fn tell(&mut self, trouble: Trouble) {
        self.troubles += 1;
        (self.out)(&self.place, Event::Trouble(trouble));
    }

    /// Tells of an error of a reader.
    pub(super) fn damage(&mut self, error: &io::Error) {
        if self.is_over() {
            self.tell(Trouble::Budget("it unpacks to more than the budget allows"));
        } else if error.kind() == io::ErrorKind::OutOfMemory {
            self.tell(Trouble::Budget("it needs more memory to be unpacked than is allowed"));
        } else {
            self.tell(Trouble::Damaged(described(error)));
        }
    }

    pub(super) fn locked(&mut self) {
        self.tell(Trouble::Locked);
    }

    pub(super) fn unknown(&mut self, what: &str) {
        self.tell(Trouble::Unknown(what.to_owned()));
    }

    /// Hands a text on.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.pieces += 1;
            let name = self.place.member.last().filter(|name| words::is_document(name));
            let joined = name.and_then(|_| words::joined(bytes));
            let bytes = joined.as_deref().unwrap_or(bytes);
            (self.out)(&self.place, Event::Text { bytes, start: Start::default(), core: None });
        }
    }

    /// Does `work` for a member of this name.
    pub(super) fn member(&mut self, name: &str, work: impl FnOnce(&mut Self)) {
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
    pub(super) fn decoded(&mut self, name: &'static str, work: impl FnOnce(&mut Self)) {
        self.place.decode.push(name);
        work(self);
        self.place.decode.pop();
    }

    /// Bytes in memory: a container or a text.
    pub(super) fn whole(&mut self, bytes: &[u8]) {
        let Some(form) = sniff(bytes) else { return self.text(bytes) };
        if self.is_deep() {
            return self.text(bytes);
        }
        self.deeper(|walker| {
            let pieces = walker.pieces;
            let read = match form {
                Form::Zip => zip::read(bytes, walker),
                Form::SevenZip => sevenz::read(bytes, walker),
                Form::Sqlite => sqlite::read(bytes, walker),
                Form::Pack => pack::read(bytes, walker),
                Form::Pdf => {
                    pdf::read(bytes, walker);
                    Ok(())
                }
                Form::Pyc => {
                    walker.decoded("pyc", |walker| walker.text(&pyc::strings(bytes)));
                    Ok(())
                }
                Form::Class => match class::strings(bytes) {
                    Some(strings) => {
                        walker.decoded("class", |walker| walker.text(&strings));
                        Ok(())
                    }
                    None => Err(damaged("class file")),
                },
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

    /// A decompressor whose output is paid for.
    pub(super) fn paid<R: Read>(&self, source: R) -> Paid<R> {
        Paid { source, budget: Rc::clone(&self.budget) }
    }

    /// Pays for bytes that were made in memory.
    pub(super) fn pay(&self, count: usize) -> io::Result<()> {
        self.budget.pay(count)
    }

    /// A decompressor's output: a member.
    pub(super) fn unpacked(&mut self, source: impl Read) {
        self.stream(&mut self.paid(source));
    }

    /// A member of unknown size.
    pub(super) fn stream(&mut self, source: &mut dyn Read) {
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
        let mut visit = |window: &Window<'_>| {
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
            Form::Class | Form::Pack | Form::Pdf | Form::Pyc | Form::SevenZip | Form::Sqlite | Form::Zip => {}
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

/// What is wrong with a container, in words: those of a library tell only part of it.
fn described(error: &io::Error) -> String {
    let text = error.to_string();
    let is_cut = |text: &str| text.contains("UnexpectedEof") || text.contains("failed to fill whole buffer");
    if error.kind() == io::ErrorKind::UnexpectedEof || is_cut(&text) {
        "it is cut off".to_owned()
    } else if text.starts_with("it is ") {
        text
    } else {
        // Libraries tell of the causes in Rust's words behind the first of them.
        let what = text.split([':', '(', '{']).next().unwrap_or_default().trim();
        format!("it is damaged ({})", what.to_lowercase())
    }
}
