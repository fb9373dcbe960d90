//! Files and folders that hold state: private from the first byte, on disk before we go on, one run at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::finding::identity::hex;

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::Io { path: path.to_owned(), source }
}

/// A new file that only its owner can read or write.
///
/// # Errors
/// When there is one already, or it cannot be made.
pub fn new_private(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map_err(io(path))
}

/// A folder that only its owner can enter, with those above it.
///
/// # Errors
/// When it cannot be made.
pub fn private_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path).map_err(io(path))
}

/// Waits until the folder of `path` knows its file.
///
/// # Errors
/// When the disk says no.
pub fn sync_folder(path: &Path) -> Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io(folder))?;
    }
    Ok(())
}

/// Where the new content of a file stands before it is renamed.
fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.keysweep-new", path.file_name().unwrap_or_default().to_string_lossy()))
}

/// Replaces a private file in one piece: the old content or the new is there, never a part.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    write_private_with(path, |file| file.write_all(bytes))
}

/// The same for what `write` writes.
///
/// # Errors
/// When it cannot be written.
pub fn write_private_with(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let beside = beside(path);
    match fs::remove_file(&beside) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(io(&beside)(source)),
        _ => {}
    }
    let mut file = BufWriter::with_capacity(1 << 16, new_private(&beside)?);
    let written = write(&mut file).and_then(|()| file.flush()).and_then(|()| file.get_ref().sync_all());
    if written.is_err() {
        // Half of a file only fills the disk.
        let _ = fs::remove_file(&beside);
    }
    written.map_err(io(path))?;
    fs::rename(&beside, path).map_err(io(path))?;
    sync_folder(path)
}

/// Makes a private file that is not there yet, whole or not at all. Of several that come at once the first one's stays; whether it
/// was ours comes back.
///
/// # Errors
/// When it cannot be written.
pub fn make_once(path: &Path, bytes: &[u8]) -> Result<bool> {
    private_folder(path.parent().unwrap_or(Path::new(".")))?;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (process, thread) = (std::process::id(), std::thread::current().id());
    let own = path.with_file_name(format!(".{name}.{process}-{thread:?}-{}", since.as_nanos()));
    let mut file = new_private(&own)?;
    let linked = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&own, path));
    fs::remove_file(&own).map_err(io(&own))?;
    match linked {
        Ok(()) => sync_folder(path).map(|()| true),
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(io(path)(source)),
    }
}

/// Refuses a file that others can read: what lies in it is no secret any more.
///
/// # Errors
/// When it is so, or is not there.
pub fn only_ours(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_err(io(path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Error::Config {
                file: path.display().to_string(),
                message: format!(
                    "others can read or write it (mode {:o}); chmod 600 it, and make a new one if they did",
                    mode & 0o777
                ),
            });
        }
    }
    let _ = path;
    Ok(())
}

/// Adds to a private file; made when it is not there. No link is followed.
///
/// # Errors
/// When it cannot be written.
pub fn append_private(path: &Path, bytes: &[u8]) -> Result<()> {
    private_folder(path.parent().unwrap_or(Path::new(".")))?;
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        return Err(io(path)(std::io::Error::other("it is a link; remove it")));
    }
    let mut file = open_append(path).map_err(io(path))?;
    append(&mut file, bytes).and_then(|()| file.sync_all()).map_err(io(path))?;
    sync_folder(path)
}

/// Opens a private file to append to; made when there is none.
///
/// # Errors
/// What the system says.
pub fn open_append(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Appends all of `bytes`. Where the disk has no room for them the part that was written is taken away again.
///
/// # Errors
/// What the system says.
pub fn append(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    let before = file.metadata()?;
    let written = file.write_all(bytes);
    if written.is_err() && before.is_file() {
        let (from, to) = (before.len(), before.len() + bytes.len() as u64);
        // Somebody else's lines stay.
        if file.metadata().is_ok_and(|now| (from..=to).contains(&now.len())) {
            let _ = file.set_len(from);
        }
    }
    written
}

/// Reads a file of at most `longest` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub fn read(path: &Path, longest: u64) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(io(path))?;
    let mut bytes = Vec::new();
    file.take(longest + 1).read_to_end(&mut bytes).map_err(io(path))?;
    if bytes.len() as u64 > longest {
        return Err(Error::Config {
            file: path.display().to_string(),
            message: format!("it is longer than {longest} bytes"),
        });
    }
    Ok(bytes)
}

/// One run at a time of what it names: held as long as it lives, given back by the system when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of what `name` says (any text), in `folder`.
    ///
    /// # Errors
    /// When another process has it, or it cannot be made.
    pub fn take(folder: &Path, name: &str) -> Result<Self> {
        private_folder(folder)?;
        let path: PathBuf = folder.join(format!("{}.lock", &hex(&Sha256::digest(name.as_bytes()))[..32]));
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(Error::Usage(format!("another run works on {name} (lock {})", path.display())))
            }
            Err(fs::TryLockError::Error(source)) => Err(io(&path)(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lock, read, write_private};

    #[test]
    fn of_several_first_runs_one_makes_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/key");
        let made: Vec<bool> = std::thread::scope(|scope| {
            let path = &path;
            let make = |at: u8| scope.spawn(move || super::make_once(path, &[at; 32]).expect("made"));
            let threads: Vec<_> = (0..8).map(make).collect();
            threads.into_iter().map(|thread| thread.join().expect("ends")).collect()
        });
        assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
        let first = made.iter().position(|made| *made).and_then(|at| u8::try_from(at).ok()).expect("one");
        assert_eq!(super::read(&path, 64).expect("readable"), [first; 32], "whole, and the first one's");
        assert_eq!(std::fs::read_dir(folder.path().join("deep")).expect("readable").count(), 1, "nothing is left");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        super::make_once(&path, b"made up").expect("made");
        super::only_ours(&path).expect("ours");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
        assert!(super::only_ours(&path).expect_err("not ours alone").to_string().contains("chmod 600"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_added_to_is_no_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("log"), folder.path().join("other"));
        for line in [b"one\n", b"two\n"] {
            super::append_private(&path, line).expect("added");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "one\ntwo\n");
        std::fs::remove_file(&path).expect("gone");
        std::fs::write(&other, "").expect("written");
        std::os::unix::fs::symlink(&other, &path).expect("linked");
        assert!(super::append_private(&path, b"three\n").is_err());
        assert_eq!(std::fs::read_to_string(&other).expect("readable"), "");
    }

    #[test]
    fn law_8_one_run_per_credential() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Lock::take(folder.path(), "aws:1:AKIA").expect("free");
        assert!(Lock::take(folder.path(), "aws:1:AKIA").is_err(), "taken");
        Lock::take(folder.path(), "aws:1:AKIB").expect("another one is free");
        drop(first);
        Lock::take(folder.path(), "aws:1:AKIA").expect("free again");
    }

    #[test]
    fn files_are_replaced_in_one_piece_and_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        write_private(&path, b"one").expect("written");
        std::fs::write(super::beside(&path), b"left over").expect("written");
        write_private(&path, b"two").expect("replaced, whatever an earlier process left");
        assert_eq!(read(&path, 3).expect("readable"), b"two");
        assert!(read(&path, 2).is_err());
    }
}
