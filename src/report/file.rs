//! Writing a report to a file: whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Fills `path` through a neighbour that is renamed over it when `fill` succeeded, so that a reader never sees half a
/// report and a failed scan leaves the old one. With `private`, only the owner can read it. A device or pipe is
/// written directly; a link stays and its target is replaced.
///
/// # Errors
/// What the system or `fill` says.
pub fn write_file(path: &Path, private: bool, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let known = fs::metadata(path).ok();
    if known.as_ref().is_some_and(|known| known.is_dir()) {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if known.as_ref().is_some_and(|known| !known.is_file()) {
        let mut out = BufWriter::new(OpenOptions::new().write(true).open(path)?);
        fill(&mut out)?;
        return out.flush();
    }
    let (file, neighbour) = create_neighbour(path, private)?;
    let written = (|| {
        if let (Some(known), false) = (known, private) {
            file.set_permissions(known.permissions())?;
        }
        let mut out = BufWriter::new(file);
        fill(&mut out)?;
        out.flush()?;
        drop(out);
        fs::rename(&neighbour, path)
    })();
    if written.is_err() {
        // The first error is the one to tell; a neighbour that cannot be removed holds nothing that was not asked for.
        let _ = fs::remove_file(&neighbour);
    }
    written
}

/// Whether `path` could be written, asked before a long scan: its folder must be there and it must not be a folder.
///
/// # Errors
/// Why it could not.
pub fn check_writable(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(known) if known.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => return Ok(()),
        Err(_) => {}
    }
    let folder = folder_of(path);
    if fs::metadata(folder)?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A new file beside `path`, never one that was there.
fn create_neighbour(path: &Path, private: bool) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = private;
    let mut attempt = 0u32;
    loop {
        let mut neighbour = std::ffi::OsString::from(".");
        neighbour.push(name);
        neighbour.push(format!(".{}-{attempt}", std::process::id()));
        let neighbour = folder_of(path).join(neighbour);
        match options.open(&neighbour) {
            Ok(file) => return Ok((file, neighbour)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;

    use super::{check_writable, write_file};

    #[test]
    fn a_failed_report_leaves_the_old_one_and_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        write_file(&path, false, |out| out.write_all(b"old")).expect("written");
        let failed = write_file(&path, false, |out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::Other.into())
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).expect("there"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_report_is_the_owners_alone_and_a_link_stays() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("report"), folder.path().join("link"));
        fs::write(&path, "old").expect("written");
        symlink("report", &link).expect("linked");
        write_file(&link, true, |out| out.write_all(b"new")).expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_cannot_be_written_is_known_before() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(check_writable(folder.path()).is_err());
        assert!(check_writable(&folder.path().join("missing/report")).is_err());
        assert!(check_writable(&folder.path().join("report")).is_ok());
    }
}
