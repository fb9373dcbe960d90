//! Whether what git keeps in files are files: who opens a pipe waits for ever, and a device has no end. For repositories that
//! nobody vouches for, before anything in them is opened.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders are followed so deep.
const DEEPEST: usize = 64;

/// As deep as git has files below the folders of an object folder.
const OBJECTS_DEEP: usize = 2;

/// So many object folders borrow from each other at most; more are not opened, either.
const MOST_FOLDERS: usize = 64;

/// Files that are read wherever they are.
const FILES: [&str; 8] =
    ["HEAD", "config", "config.worktree", "packed-refs", "shallow", "commondir", "gitdir", "objects/info/alternates"];

/// Longest file that names another folder, in bytes.
const LONGEST: u64 = 1 << 16;

/// The first thing in the repository at `path` that is neither file nor folder where git has one of these.
pub fn special(path: &Path) -> Option<PathBuf> {
    let inner = path.join(".git");
    if is_special(&inner) {
        return Some(inner);
    }
    let folder = match inner.is_file() {
        true => path.join(read(&inner)?.strip_prefix("gitdir:")?.trim()),
        false if inner.is_dir() => inner,
        false => path.to_owned(),
    };
    in_folder(&folder).or_else(|| {
        let common = folder.join("commondir");
        common.is_file().then(|| in_folder(&folder.join(read(&common)?.trim())))?
    })
}

fn in_folder(folder: &Path) -> Option<PathBuf> {
    let files = FILES.iter().map(|name| folder.join(name));
    files
        .into_iter()
        .find(|path| is_special(path))
        .or_else(|| ["refs", "logs", "worktrees"].iter().find_map(|name| below(&folder.join(name), DEEPEST)))
        .or_else(|| included(folder))
        .or_else(|| objects(&folder.join("objects")))
}

/// In what the configuration includes.
fn included(folder: &Path) -> Option<PathBuf> {
    let (mut seen, mut files) = (HashSet::new(), vec![folder.join("config"), folder.join("config.worktree")]);
    while let Some(file) = files.pop() {
        if is_special(&file) {
            return Some(file);
        }
        if file.canonicalize().is_ok_and(|canonical| seen.insert(canonical)) && seen.len() <= MOST_FOLDERS {
            let text = read(&file).unwrap_or_default().replace("\\\n", "");
            files.extend(text.lines().filter_map(path_value).map(|path| file.with_file_name(path)));
        }
    }
    None
}

/// The value of a line of a configuration that says `path`.
fn path_value(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let name = key.rsplit([']', ' ', '\t']).find(|word| !word.is_empty())?;
    let (mut text, mut quoted, mut escaped) = (String::new(), false, false);
    for char in value.trim().chars() {
        match char {
            _ if escaped => {
                text.push(char);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => break,
            _ => text.push(char),
        }
    }
    name.eq_ignore_ascii_case("path").then(|| text.trim().to_owned())
}

/// In an object folder, and in those it borrows from, each once.
fn objects(folder: &Path) -> Option<PathBuf> {
    let (mut seen, mut folders) = (HashSet::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let known = folder.canonicalize().is_ok_and(|canonical| !seen.insert(canonical));
        if known || seen.len() > MOST_FOLDERS {
            continue;
        }
        let alternates = folder.join("info/alternates");
        let inner = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        if let Some(found) = inner.into_iter().find_map(|path| below(&path, OBJECTS_DEEP)) {
            return Some(found);
        }
        let text = if alternates.is_file() { read(&alternates) } else { None }.unwrap_or_default();
        let others = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        folders.extend(others.map(|line| folder.join(line)));
    }
    None
}

fn below(folder: &Path, left: usize) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        let found = match () {
            () if kind.is_file() => None,
            () if kind.is_dir() => (left > 0).then(|| below(&path, left - 1)).flatten(),
            () => is_special(&path).then_some(path),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Of a link what it leads to counts; what is not there is nothing.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn read(path: &Path) -> Option<String> {
    use std::io::Read as _;
    let mut text = String::new();
    fs::File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(all(test, unix))]
mod tests {
    use super::special;

    #[test]
    fn a_device_is_found_wherever_git_would_read_it() {
        for name in [
            "HEAD",
            "packed-refs",
            "shallow",
            "refs/heads/x",
            "logs/refs/heads/x",
            "objects/ab/cd",
            "objects/pack/pack-1.idx",
            "objects/pack/multi-pack-index",
            "objects/info/alternates",
            "worktrees/one/HEAD",
            ".git",
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("config"), "").expect("written");
            assert_eq!(special(folder.path()), None);
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::os::unix::fs::symlink("/dev/zero", &path).expect("made");
            assert_eq!(special(folder.path()), Some(path), "{name}");
        }
        // What the configuration includes, however it is written.
        for line in [
            "[include]\npath = /dev/zero",
            "[includeIf \"x\"] PATH=/dev/\"ze\"ro ; y",
            "[include]\n path = /dev\\\n/zero",
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("more"), line).expect("written");
            std::fs::write(folder.path().join("config"), "[include]\npath = more\npath = config\n").expect("written");
            assert_eq!(special(folder.path()), Some("/dev/zero".into()), "{line}");
        }
        // In another folder that objects are borrowed from; one that borrows from itself ends.
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["objects/info", "other/info", "other/pack"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("made");
        }
        std::fs::write(folder.path().join("objects/info/alternates"), "../other\n").expect("written");
        std::fs::write(folder.path().join("other/info/alternates"), "../objects\n../other\n").expect("written");
        assert_eq!(special(folder.path()), None);
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("other/pack/a.pack")).expect("made");
        assert!(special(folder.path()).is_some());
    }
}
