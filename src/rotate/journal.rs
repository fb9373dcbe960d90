//! The journal of a run: JSON lines, each chained to the one before by a hash, on disk before anything is done.
//!
//! A line is `{"hash":"…","body":{…}}`, where the hash is a keyed one (HMAC-SHA-256) over the hash before and the body's text: who
//! can write the file but not read the key, which lies elsewhere, cannot make a line that follows. A last line
//! without its end was being written when the power went: it is dropped. Any other fault means that somebody changed
//! the file: it is refused. No line holds a secret: the [`Guard`] sees each before it is written.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files;
use super::redact::{Guard, hex};
use super::run::{Event, Step};
use crate::clock;
use crate::error::{Error, Result};

/// Longest journal that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// The first line: what the run is about. `entry` is the plan's entry, whole.
    Begin {
        /// The run's name.
        run: String,
        /// The plan's digest, in hex.
        digest: String,
        /// The plan's entry that is carried out.
        entry: serde_json::Value,
    },
    /// Something happened.
    Event {
        /// What.
        event: Event,
        /// In one sentence.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
        /// Public facts that later steps need (`id` of the new credential).
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        facts: BTreeMap<String, String>,
    },
    /// The issuer was asked whether a value lives.
    Probe {
        /// During which step.
        step: Step,
        /// `old` or `new`.
        which: String,
        /// `live`, `dead` or `unknown`.
        answer: String,
        /// What was answered.
        detail: String,
    },
}

/// The key that chains lines.
#[derive(Debug, Clone)]
pub struct Chain(hmac::Key);

impl Chain {
    /// The key in `path`, made when there is none.
    ///
    /// # Errors
    /// When it cannot be read or made, or others can read it.
    pub fn load_or_make(path: &Path) -> Result<Self> {
        let fail = |message: &str| Error::Config { file: path.display().to_string(), message: message.to_owned() };
        if !path.exists() {
            let mut key = Zeroizing::new([0u8; 32]);
            SystemRandom::new().fill(&mut *key).map_err(|_| fail("the system gives no random bytes"))?;
            files::make_once(path, &*key)?;
        }
        files::only_ours(path)?;
        match Zeroizing::new(files::read(path, 32)?) {
            key if key.len() == 32 => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key))),
            _ => Err(fail("it is no journal key (32 bytes)")),
        }
    }

    fn next(&self, last: &str, body: &str) -> String {
        let mut hash = hmac::Context::with_key(&self.0);
        hash.update(last.as_bytes());
        hash.update(body.as_bytes());
        hex(hash.sign().as_ref())
    }
}

/// A line that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When it was written, RFC 3339 in UTC.
    pub time: String,
    /// What it says.
    pub entry: Entry,
}

#[derive(Serialize, Deserialize)]
struct Body {
    n: u64,
    time: String,
    entry: Entry,
}

/// A journal that is open for more.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    chain: Chain,
    last: String,
    lines: u64,
}

const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const HEAD: &str = "{\"hash\":\"";
const MIDDLE: &str = "\",\"body\":";

impl Journal {
    /// A new journal; its folder must exist.
    ///
    /// # Errors
    /// When there is one already, or it cannot be made.
    pub fn create(path: &Path, chain: Chain) -> Result<Self> {
        let file = files::new_private(path)?;
        files::sync_folder(path)?;
        Ok(Self { file, path: path.to_owned(), chain, last: FIRST.to_owned(), lines: 0 })
    }

    /// Gives it its place.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn rename(&mut self, path: &Path) -> Result<()> {
        let renamed = std::fs::rename(&self.path, path);
        renamed.map_err(|source| Error::Io { path: path.to_owned(), source })?;
        self.path = path.to_owned();
        files::sync_folder(path)
    }

    /// Opens a journal to go on with it: its records come with it. A torn last line is cut off.
    ///
    /// # Errors
    /// When it cannot be read, or was changed by somebody else.
    pub fn open(path: &Path, chain: Chain) -> Result<(Self, Vec<Record>)> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(io)?;
        let mut text = Vec::new();
        (&file).take(LONGEST).read_to_end(&mut text).map_err(io)?;
        let read = parse(&text, path, &chain)?;
        if read.length < text.len() {
            file.set_len(read.length as u64).map_err(io)?;
            file.sync_all().map_err(io)?;
        }
        file.seek(SeekFrom::Start(read.length as u64)).map_err(io)?;
        let lines = read.records.len() as u64;
        Ok((Self { file, path: path.to_owned(), chain, last: read.last, lines }, read.records))
    }

    /// Writes a line and waits until it is on disk.
    ///
    /// # Errors
    /// When it holds a secret, or the disk does not take it. Nothing may be changed then.
    pub fn append(&mut self, entry: Entry, guard: &Guard) -> Result<()> {
        let io = |source| Error::Io { path: self.path.clone(), source };
        let body =
            Body { n: self.lines, time: clock::rfc3339(clock::epoch_seconds(std::time::SystemTime::now())), entry };
        let body = serde_json::to_string(&body).map_err(|error| self.fault(&error.to_string()))?;
        if guard.finds(body.as_bytes()) {
            return Err(self.fault("a line would have held a secret; nothing was written, and the run stops here"));
        }
        let hash = self.chain.next(&self.last, &body);
        let start = self.file.stream_position().map_err(io)?;
        let line = format!("{HEAD}{hash}{MIDDLE}{body}}}\n");
        if let Err(source) = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_all()) {
            // A half line must not stand before the next one.
            let _ = self.file.set_len(start).and_then(|()| self.file.seek(SeekFrom::Start(start)).map(|_| ()));
            return Err(Error::Io { path: self.path.clone(), source });
        }
        self.last = hash;
        self.lines += 1;
        Ok(())
    }

    fn fault(&self, message: &str) -> Error {
        Error::Config { file: self.path.display().to_string(), message: message.to_owned() }
    }
}

/// Reads a journal without touching it.
///
/// # Errors
/// When it cannot be read, or was changed by somebody else.
pub fn read(path: &Path, chain: &Chain) -> Result<Vec<Record>> {
    let text = files::read(path, LONGEST)?;
    Ok(parse(&text, path, chain)?.records)
}

/// As [`read`], with the hash of the last line: it stands for the whole journal.
///
/// # Errors
/// As [`read`].
pub fn read_with_head(path: &Path, chain: &Chain) -> Result<(Vec<Record>, String)> {
    let text = files::read(path, LONGEST)?;
    let parsed = parse(&text, path, chain)?;
    Ok((parsed.records, parsed.last))
}

struct Parsed {
    records: Vec<Record>,
    last: String,
    /// Bytes up to the end of the last whole line.
    length: usize,
}

fn parse(text: &[u8], path: &Path, chain: &Chain) -> Result<Parsed> {
    let mut parsed = Parsed { records: Vec::new(), last: FIRST.to_owned(), length: 0 };
    while let Some(end) = memchr::memchr(b'\n', &text[parsed.length..]) {
        let number = parsed.records.len() + 1;
        let line = &text[parsed.length..parsed.length + end];
        let broken = |what: &str| Error::Config {
            file: path.display().to_string(),
            message: format!("line {number} {what}: the journal was changed, and the run cannot be trusted to go on"),
        };
        let line = std::str::from_utf8(line).map_err(|_| broken("is no text"))?;
        let (hash, body) = line
            .strip_prefix(HEAD)
            .and_then(|rest| rest.split_at_checked(64))
            .and_then(|(hash, rest)| Some((hash, rest.strip_prefix(MIDDLE)?.strip_suffix('}')?)))
            .ok_or_else(|| broken("has a wrong form"))?;
        if chain.next(&parsed.last, body) != hash {
            return Err(broken("does not follow from the one before"));
        }
        let body: Body = serde_json::from_str(body).map_err(|_| broken("says something unknown"))?;
        if body.n != parsed.records.len() as u64 {
            return Err(broken("has a wrong number"));
        }
        hash.clone_into(&mut parsed.last);
        parsed.records.push(Record { time: body.time, entry: body.entry });
        parsed.length += end + 1;
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::{Chain, Entry, Journal};
    use crate::rotate::redact::Guard;
    use crate::rotate::run::{Event, Step};
    use crate::rotate::types::Outcome;
    use crate::secret::Secret;

    fn entry(step: Step, note: &str) -> Entry {
        Entry::Event { event: Event::Ended(step, Outcome::Done), note: note.to_owned(), facts: Default::default() }
    }

    fn chain() -> Chain {
        Chain(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"of this test"))
    }

    fn read(path: &std::path::Path) -> crate::error::Result<Vec<super::Record>> {
        super::read(path, &chain())
    }

    fn written(folder: &std::path::Path) -> std::path::PathBuf {
        let path = folder.join("journal.jsonl");
        let mut journal = Journal::create(&path, chain()).expect("it is made");
        for step in [Step::Identify, Step::Issue, Step::Distribute(3)] {
            journal.append(entry(step, "fine"), &Guard::default()).expect("it is written");
        }
        path
    }

    #[test]
    fn law_2_a_torn_journal_is_read_up_to_its_last_whole_line_at_every_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path());
        let whole = std::fs::read(&path).expect("readable");
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("writable");
            let lines = whole[..cut].iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(read(&path).expect("a torn tail is dropped").len(), lines, "cut at {cut}");
            let (mut journal, records) = Journal::open(&path, chain()).expect("a torn tail is dropped");
            assert_eq!(records.len(), lines);
            journal.append(entry(Step::Scrub, "more"), &Guard::default()).expect("it goes on");
            assert_eq!(read(&path).expect("the chain holds").len(), lines + 1);
        }
    }

    #[test]
    fn law_2_a_changed_journal_is_refused_wherever_it_was_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path());
        let whole = std::fs::read(&path).expect("readable");
        for at in 0..whole.len() - 1 {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).expect("writable");
            // A changed line end joins two lines; the rest cannot follow from it.
            assert!(read(&path).is_err() || changed[at] == b'\x0b', "byte {at} was changed and nobody saw it");
        }
        let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
        std::fs::write(&path, [lines[0], lines[2]].concat()).expect("writable");
        assert!(read(&path).is_err(), "a line that was taken out");
    }

    #[test]
    fn law_2_who_does_not_have_the_key_cannot_make_a_line_that_follows() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path());
        let whole = std::fs::read(&path).expect("readable");
        let stranger = Chain::load_or_make(&folder.path().join("keys/journal.key")).expect("made");
        std::fs::remove_file(&path).expect("gone");
        // The same lines, every hash right under another key.
        let mut forged = Journal::create(&path, stranger.clone()).expect("it is made");
        for step in [Step::Identify, Step::Issue, Step::Distribute(3)] {
            forged.append(entry(step, "fine"), &Guard::default()).expect("it is written");
        }
        assert_eq!(super::read(&path, &stranger).expect("whole").len(), 3);
        assert!(read(&path).is_err());
        std::fs::write(&path, &whole).expect("written");
        assert_eq!(read(&path).expect("whole").len(), 3);
        let again = Chain::load_or_make(&folder.path().join("keys/journal.key")).expect("read");
        assert_eq!(again.next("a", "b"), stranger.next("a", "b"), "one key, made once");
    }

    #[test]
    fn law_2_no_line_holds_a_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path());
        let mut guard = Guard::default();
        guard.learn(&Secret::new(b"correct horse"));
        let (mut journal, _) = Journal::open(&path, chain()).expect("readable");
        assert!(journal.append(entry(Step::Scrub, "said \"correct horse\""), &guard).is_err());
        assert_eq!(read(&path).expect("readable").len(), 3, "nothing was written");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let mode = std::fs::metadata(written(folder.path())).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
