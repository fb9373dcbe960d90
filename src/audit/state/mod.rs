//! The state file: one redb database, private, one user at a time, with the last good generation beside it.
//!
//! Beside `FILE` stand `FILE.lock` (held while it is open), `FILE.sum` (its length and CRC-32 while nobody has it open: so
//! damage at rest is found whatever byte it hits) and `FILE.previous` (the state as the last run found it). A process
//! that dies leaves no `FILE.sum`; then redb's own check sums are walked instead.

mod blocks;
mod generation;
mod previous;
#[cfg(test)]
mod tests;
mod trouble;

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use redb::backends::FileBackend;
use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::blocks::{Blocks, Seen, Sum, Sums, Watched};
use self::generation::{beside, check_sum, damaged, remove, said, write_sum};
use self::previous::keep;
pub(super) use self::trouble::failed;
use self::trouble::{NAMELESS, is_damage, named};
use super::record::About;
use crate::error::{Error, Result};
use crate::private;

pub use self::generation::{make_filled, previous, restore_bytes, restore_previous};

/// The form of the state. States of older forms are brought up to it when they are opened.
pub const SCHEMA: u32 = 2;

/// Facts about the state itself.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Repositories by number.
pub(super) const REPOSITORIES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("repositories");
/// Check sums of covered packs, by repository.
pub(super) const PACKS: TableDefinition<'_, (u32, &[u8]), ()> = TableDefinition::new("packs");
/// Covered objects: repository, segment, first id of the chunk -> ids.
pub(super) const OBJECTS: TableDefinition<'_, (u32, u32, &[u8]), &[u8]> = TableDefinition::new("objects");
/// Blobs with secrets: repository, blob -> ids of the secrets, then hashes of known paths.
pub(super) const CARRIERS: TableDefinition<'_, (u32, &[u8]), &[u8]> = TableDefinition::new("carriers");
/// Lives of secrets, by the bytes of the secret's id.
pub(super) const SECRETS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("secrets");
/// Secret, repository, fingerprint.
type PlaceKey<'k> = (&'k [u8], u32, &'k [u8]);
/// Places of secrets.
pub(super) const PLACES: TableDefinition<'_, PlaceKey<'_>, &[u8]> = TableDefinition::new("places");
/// Runs by number.
pub(super) const RUNS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("runs");
/// Rule sets by digest: rule id -> digest of the rule.
pub(super) const RULES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("rules");

/// Alerts, by channel and key (form 2).
pub(super) const ALERTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("alerts");

/// An open state. Nobody else has it.
pub struct State {
    path: PathBuf,
    database: Option<Database>,
    about: About,
    /// Sums of all blocks as they were when it was opened, and which of them changed.
    sums: Option<Sums>,
    seen: Arc<Mutex<Seen>>,
    /// The generation that is kept, and the blocks that had changed since when it was opened.
    since: Option<(Sum, Blocks)>,
    _lock: File,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "State({})", self.path.display())
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::Io { path: path.to_owned(), source }
}

impl State {
    /// Opens the state in `path`, which must be there.
    ///
    /// # Errors
    /// When it is not there, somebody has it, it is damaged, or a newer program made it.
    pub fn open(path: &Path) -> Result<Self> {
        let lock = lock(path)?;
        if !path.exists() {
            return Err(Error::Usage(format!(
                "there is no state in {}: name the FILE that `keysweep audit --state FILE` made",
                path.display()
            )));
        }
        Self::open_locked(path, lock, false)
    }

    /// Opens the state in `path`, made when there is none; `key_id` names the key of its hashes.
    ///
    /// # Errors
    /// As [`State::open`], and when it was made with another key.
    pub fn open_or_make(path: &Path, key_id: &str, now: &str) -> Result<Self> {
        let lock = lock(path)?;
        if !path.exists() {
            make(path, &About { schema: SCHEMA, key_id: key_id.to_owned(), made: now.to_owned(), next_run: 1 })?;
        }
        let state = Self::open_locked(path, lock, true)?;
        if state.about.key_id != key_id {
            return Err(Error::Usage(format!(
                "{}: its hashes are made with the key {}, but the key is now {key_id}: give the same \
                 KEYSWEEP_FINGERPRINT_KEY again, or begin a new state",
                path.display(),
                state.about.key_id
            )));
        }
        Ok(state)
    }

    fn open_locked(path: &Path, lock: File, is_run: bool) -> Result<Self> {
        let found = match said(path)? {
            Some(_) => check_sum(path).map_err(|error| match error {
                Error::Io { .. } => error,
                _ => damaged(path, "it is not what was written"),
            })?,
            None => None,
        };
        let clean = found.is_some();
        let (sums, mut since) = (found.as_ref().map(|found| found.1.clone()), None);
        if let Some((said, _)) = found {
            since = said.since.clone();
            // A state that somebody died over is not kept: the generation before it stays.
            if is_run {
                keep(path, &said)?;
                since = Some((said.sum, Blocks::new()));
            }
        }
        let seen: Arc<Mutex<Seen>> = Arc::default();
        // From now on it changes: its sum holds no more.
        remove(&beside(path, ".sum"))?;
        private::sync_folder(path)?;
        let opened = std::panic::catch_unwind(|| -> Result<Database, redb::Error> {
            let file = FileBackend::new(OpenOptions::new().read(true).write(true).open(path)?)?;
            let watched = Watched::new(file, Arc::clone(&seen));
            let mut database = Database::builder().create_with_backend(watched)?;
            if !clean {
                database.check_integrity()?;
            }
            Ok(database)
        });
        let database = match opened {
            Ok(Ok(database)) => database,
            Ok(Err(redb::Error::Io(source))) if !is_damage(&source) => {
                return Err(named(path, failed(redb::Error::Io(source))));
            }
            Ok(Err(redb::Error::Io(_))) => {
                return Err(damaged(path, "it does not begin as a state does, or is cut short"));
            }
            Ok(Err(error)) => return Err(damaged(path, &error.to_string())),
            Err(_) => return Err(damaged(path, "its pages make no sense")),
        };
        let mut state = Self {
            path: path.to_owned(),
            database: Some(database),
            about: About::default(),
            sums,
            seen,
            since,
            _lock: lock,
        };
        let about: Option<About> = state.read(|read| get(&read.open_table(META).map_err(failed)?, "about"))?;
        state.about = about.ok_or_else(|| damaged(path, "it does not say what it is"))?;
        if state.about.schema > SCHEMA {
            return Err(Error::Usage(format!(
                "{}: a newer keysweep made it (form {}, this one knows {SCHEMA}): use that one",
                path.display(),
                state.about.schema
            )));
        }
        state.migrate()?;
        Ok(state)
    }

    /// Brings a state of an older form up to this one, in one commit: a program that dies leaves the old form or the new.
    fn migrate(&mut self) -> Result<()> {
        if self.about.schema == SCHEMA {
            return Ok(());
        }
        let about = About { schema: SCHEMA, ..self.about.clone() };
        self.write(|write| {
            // 1 to 2: alerts.
            write.open_table(ALERTS).map_err(failed)?;
            write.open_table(META).map_err(failed)?.insert("about", &*to_json(&about)?).map_err(failed)?;
            Ok(())
        })?;
        self.about = about;
        Ok(())
    }

    /// Whether writing to the file failed.
    fn has_trouble(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).trouble.is_some()
    }

    /// The same trouble with the name of the file, and what failed first when something did before.
    fn named(&self, error: Error) -> Error {
        let first = self.seen.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone();
        match (first, error) {
            (Some(first), Error::Usage(text)) if text.starts_with(NAMELESS) => {
                named(&self.path, Error::Usage(format!("{NAMELESS}{first}")))
            }
            (_, error) => named(&self.path, error),
        }
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes it and gives its bytes, for a backup.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn into_bytes(mut self) -> Result<Vec<u8>> {
        self.database = None;
        fs::read(&self.path).map_err(io(&self.path))
    }

    fn database(&self) -> Result<&Database> {
        self.database.as_ref().ok_or_else(|| Error::Usage("the state is closed".to_owned()))
    }

    /// Reads.
    ///
    /// # Errors
    /// Those of `with`, and of the database.
    pub fn read<T>(&self, with: impl FnOnce(&ReadTransaction) -> Result<T>) -> Result<T> {
        self.database()?.begin_read().map_err(failed).and_then(|read| with(&read)).map_err(|error| self.named(error))
    }

    /// Changes all that `with` changes, or nothing.
    ///
    /// # Errors
    /// Those of `with`, and of the database; then nothing is changed.
    pub fn write<T>(&self, with: impl FnOnce(&WriteTransaction) -> Result<T>) -> Result<T> {
        let all = || {
            let transaction = self.database()?.begin_write().map_err(failed)?;
            // After trouble with the file the database panics where it would write again: what it holds is left alone.
            if self.has_trouble() {
                std::mem::forget(transaction);
                return Err(Error::Usage(NAMELESS.to_owned()));
            }
            match with(&transaction) {
                Ok(result) => transaction.commit().map_err(failed).map(|()| result),
                Err(error) => {
                    if self.has_trouble() {
                        std::mem::forget(transaction);
                    }
                    Err(error)
                }
            }
        };
        all().map_err(|error| self.named(error))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if self.has_trouble() {
            // As after a kill: the next one who opens it walks all pages.
            if let Some(database) = self.database.take() {
                std::mem::forget(database);
            }
            return;
        }
        self.database = None;
        let Seen { changed, .. } = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let sums = match self.sums.take() {
            Some(mut sums) => sums.refresh(&self.path, &changed).map(|()| sums),
            None => Sums::of(&self.path),
        };
        let since = self.since.take().map(|(sum, before)| (sum, before.into_iter().chain(changed).collect()));
        // Without a sum the next one who opens it walks all pages instead: nothing is lost when this fails.
        let _ = sums.map(|sums| write_sum(&self.path, &sums, since));
    }
}

/// The value of a key, from JSON.
pub(super) fn get<'k, K: redb::Key + 'static, T: DeserializeOwned>(
    table: &impl ReadableTable<K, &'static [u8]>,
    key: impl std::borrow::Borrow<K::SelfType<'k>>,
) -> Result<Option<T>> {
    match table.get(key).map_err(failed)? {
        Some(value) => from_json(value.value()).map(Some),
        None => Ok(None),
    }
}

pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::Usage(format!("the state holds what makes no sense: {error}")))
}

pub(super) fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::Usage(format!("the state: {error}")))
}

fn lock(path: &Path) -> Result<File> {
    let path = beside(path, ".lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = options.open(&path).map_err(io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Error::Usage(format!("another audit has the state open (lock {}): wait for it", path.display())))
        }
        Err(fs::TryLockError::Error(source)) => Err(io(&path)(source)),
    }
}

/// Makes an empty state, complete before it has its name.
fn make(path: &Path, about: &About) -> Result<()> {
    let new = beside(path, ".new");
    remove(&new)?;
    if let Err(error) = make_in(&new, about) {
        // Half of a state only fills the disk.
        let _ = remove(&new);
        return Err(named(path, error));
    }
    fs::rename(&new, path).map_err(io(path))?;
    private::sync_folder(path)
}

fn make_in(new: &Path, about: &About) -> Result<()> {
    drop(private::new_private(new)?);
    let database = Database::builder().create(new).map_err(failed)?;
    let made = fill_new(&database, about);
    if made.is_err() {
        // It would write once more when it goes, and panic where that fails.
        std::mem::forget(database);
    }
    made
}

fn fill_new(database: &Database, about: &About) -> Result<()> {
    let transaction = database.begin_write().map_err(failed)?;
    transaction.open_table(META).map_err(failed)?.insert("about", &*to_json(about)?).map_err(failed)?;
    transaction.open_table(REPOSITORIES).map_err(failed)?;
    transaction.open_table(PACKS).map_err(failed)?;
    transaction.open_table(OBJECTS).map_err(failed)?;
    transaction.open_table(CARRIERS).map_err(failed)?;
    transaction.open_table(SECRETS).map_err(failed)?;
    transaction.open_table(PLACES).map_err(failed)?;
    transaction.open_table(RUNS).map_err(failed)?;
    transaction.open_table(RULES).map_err(failed)?;
    transaction.open_table(ALERTS).map_err(failed)?;
    transaction.commit().map_err(failed)
}
