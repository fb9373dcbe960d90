//! What tells without opening a repository that nothing in it has changed: the files that say which objects and refs there
//! are, each with its size, its times and its number on the disk, as one sum. git's own index trusts files likewise.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::finding::identity::hex;

/// A file that changed this short ago may change again without another time: the clock of files is coarse.
const YOUNG: Duration = Duration::from_secs(2);

/// Folders of refs and logs are followed so deep.
const DEEPEST: usize = 64;

/// Files that say what there is; most of them are not there.
const FILES: [&str; 4] = ["HEAD", "config", "packed-refs", "shallow"];

/// What makes a repository depend on folders elsewhere, or keep its refs in another form.
const OTHERS: [&str; 4] = ["commondir", "worktrees", "reftable", "objects/info/alternates"];

struct Stamp {
    sum: Sha256,
    /// What changed later than this is young.
    old: SystemTime,
}

/// The sum for the repository at `path`, another one after any change; `None` where it would not be sure.
pub fn stamp(path: &Path) -> Option<String> {
    sum(path, SystemTime::now().checked_sub(YOUNG)?)
}

fn sum(path: &Path, old: SystemTime) -> Option<String> {
    let inner = path.join(".git");
    let folder = match fs::symlink_metadata(&inner) {
        Ok(found) if found.is_dir() => inner,
        Ok(_) => return None,
        Err(_) => path.to_owned(),
    };
    let mut stamp = Stamp { sum: Sha256::new(), old };
    // Whom it belongs to decides whether it is trusted.
    stamp.sum.update(fs::metadata(&folder).ok()?.uid().to_le_bytes());
    if OTHERS.iter().any(|name| fs::symlink_metadata(folder.join(name)).is_ok()) {
        return None;
    }
    for name in FILES {
        match fs::metadata(folder.join(name)) {
            Ok(found) => stamp.add(name.as_bytes(), &found)?,
            Err(_) => stamp.sum.update([0]),
        }
    }
    stamp.below(&folder.join("refs"), 0)?;
    stamp.below(&folder.join("logs"), 0)?;
    stamp.below(&folder.join("objects/pack"), DEEPEST)?;
    // A loose object is what its name says: which names there are is told by the folders alone.
    stamp.folders(&folder.join("objects"))?;
    Some(hex(&stamp.sum.finalize()[..16]))
}

impl Stamp {
    /// `None` for what is young.
    fn add(&mut self, name: &[u8], found: &Metadata) -> Option<()> {
        let changed = Duration::new(u64::try_from(found.ctime()).ok()?, u32::try_from(found.ctime_nsec()).ok()?);
        if SystemTime::UNIX_EPOCH.checked_add(changed)? > self.old {
            return None;
        }
        self.sum.update((name.len() as u64).to_le_bytes());
        self.sum.update(name);
        for number in [found.ctime(), found.ctime_nsec(), found.mtime(), found.mtime_nsec()] {
            self.sum.update(number.to_le_bytes());
        }
        for number in [found.ino(), found.dev(), found.size(), u64::from(found.mode())] {
            self.sum.update(number.to_le_bytes());
        }
        Some(())
    }

    /// All files below a folder, by name. One that is not there has none.
    fn below(&mut self, folder: &Path, depth: usize) -> Option<()> {
        for (name, found) in listed(folder)? {
            if !found.is_dir() {
                self.add(name.as_encoded_bytes(), &found)?;
            } else if depth < DEEPEST {
                self.sum.update(name.as_encoded_bytes());
                self.below(&folder.join(name), depth + 1)?;
            } else {
                return None;
            }
        }
        self.sum.update([0]);
        Some(())
    }

    fn folders(&mut self, folder: &Path) -> Option<()> {
        for (name, found) in listed(folder)?.into_iter().filter(|(_, found)| found.is_dir()) {
            self.add(name.as_encoded_bytes(), &found)?;
        }
        Some(())
    }
}

/// What is in a folder, by name; links are followed. `None` when it cannot be listed.
fn listed(folder: &Path) -> Option<Vec<(std::ffi::OsString, Metadata)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return (error.kind() == std::io::ErrorKind::NotFound).then(Vec::new),
    };
    let mut list = Vec::new();
    for entry in entries {
        let entry = entry.ok()?;
        list.push((entry.file_name(), fs::metadata(entry.path()).ok()?));
    }
    list.sort_by(|a, b| a.0.cmp(&b.0));
    Some(list)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::{stamp, sum};

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    #[test]
    fn any_change_makes_another_one_and_none_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        for (name, text) in [
            ("HEAD", "ref: refs/heads/main\n"),
            ("config", "[core]\n"),
            ("refs/heads/main", "1\n"),
            ("objects/pack/pack-1.pack", "PACK"),
            ("objects/ab/cd", "an object"),
            ("logs/HEAD", "0 1\n"),
        ] {
            write(path, name, text);
        }
        let later = SystemTime::now() + Duration::from_secs(60);
        let mut last = sum(path, later).expect("sure");
        assert_eq!(sum(path, later), Some(last.clone()));
        assert_eq!(stamp(path), None, "what is young may change unseen");
        let changes: [(&str, &dyn Fn()); 10] = [
            ("a ref of the same length", &|| write(path, "refs/heads/main", "2\n")),
            ("a new ref", &|| write(path, "refs/tags/deep/one", "1\n")),
            ("a ref is gone", &|| std::fs::remove_file(path.join("refs/tags/deep/one")).expect("removed")),
            ("refs are packed", &|| write(path, "packed-refs", "1 refs/heads/main\n")),
            ("HEAD", &|| write(path, "HEAD", "ref: refs/heads/next\n")),
            ("a loose object", &|| write(path, "objects/ab/ef", "another")),
            ("a loose object in a new folder", &|| write(path, "objects/cd/ef", "another")),
            ("a pack of the same length", &|| write(path, "objects/pack/pack-1.pack", "KCAP")),
            ("a log", &|| write(path, "logs/HEAD", "0 1\n1 2\n")),
            ("history is cut", &|| write(path, "shallow", "1\n")),
        ];
        for (what, change) in changes {
            // The clock of files is coarse.
            std::thread::sleep(Duration::from_millis(20));
            change();
            let now = sum(path, later).expect("sure");
            assert_ne!(now, last, "{what}");
            last = now;
        }
        write(path, "objects/info/alternates", "/elsewhere\n");
        assert_eq!(sum(path, later), None, "objects elsewhere");
    }

    #[test]
    fn a_work_tree_s_git_folder_counts_and_a_link_to_one_is_not_sure() {
        let folder = tempfile::tempdir().expect("a folder");
        let later = SystemTime::now() + Duration::from_secs(60);
        write(folder.path(), "a/.git/HEAD", "ref: refs/heads/main\n");
        let before = sum(&folder.path().join("a"), later).expect("sure");
        write(folder.path(), "a/file", "text");
        assert_eq!(sum(&folder.path().join("a"), later), Some(before), "the work tree is no part of it");
        write(folder.path(), "b/.git", "gitdir: ../a/.git\n");
        assert_eq!(sum(&folder.path().join("b"), later), None);
    }
}
