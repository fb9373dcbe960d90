//! A file as a destination: exactly the value's bytes are replaced, in one piece, the file's mode and owner stay. A file
//! that git tracks is refused: a live secret in a commit is where leaks come from.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::span::{self, Form};
use super::{Destination, Values};
use crate::rotate::files;
use crate::rotate::redact::Guard;
use crate::rotate::types::{Outcome, Report};
use crate::secret::Secret;

/// Largest file that is edited, in bytes.
const LARGEST: u64 = 8 << 20;

/// `at.file`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FilePolicy {
    /// Where it is, relative to the policy.
    pub path: PathBuf,
    /// How it is written; what its name suggests unless said.
    pub form: Option<Form>,
}

/// A value that stands in any file.
const REHEARSAL: &str = "AAAAAAAAAAAAAAAA";

/// The driver.
#[derive(Debug)]
pub struct FileDestination {
    path: PathBuf,
    form: Form,
}

impl FileDestination {
    /// The driver of a policy's entry.
    pub fn new(policy: &FilePolicy, folder: &Path) -> Self {
        let name = policy.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { path: folder.join(&policy.path), form: policy.form.unwrap_or_else(|| Form::of(&name)) }
    }

    fn read(&self) -> Result<Zeroizing<String>, Report> {
        let kind = fs::symlink_metadata(&self.path)
            .map_err(|error| Report::refused(format!("{}: {error}", self.path.display())))?;
        if !kind.is_file() {
            return Err(Report::refused(format!("{} is a link or no regular file", self.path.display())));
        }
        let bytes = files::read(&self.path, LARGEST).map_err(|error| Report::later(error.to_string()))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Report::refused(format!("{} is no UTF-8 text", self.path.display())))?;
        Ok(Zeroizing::new(text))
    }

    /// Whether each name holds what `values` says.
    fn compare(&self, text: &str, values: &Values) -> Result<bool, Report> {
        for (key, value) in values {
            let found = span::find(text, self.form, key)
                .map_err(|fault| Report::refused(format!("{}: {fault}", self.path.display())))?;
            if Zeroizing::new(found.value).as_bytes() != value.expose() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn beside(&self) -> PathBuf {
        beside(&self.path)
    }

    /// Why git forbids it; `None` when it does not know the file.
    fn tracked(&self) -> Option<String> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (absolute, name) = (folder.canonicalize().ok()?, self.path.file_name()?);
        let forbidden = format!("{} is tracked by git: a live secret must not be written there", self.path.display());
        // A work tree whose repository lies elsewhere is known by the variables alone.
        if std::env::var_os("GIT_WORK_TREE").is_some()
            && asked(&absolute, name, true).is_ok_and(|status| status.success())
        {
            return Some(forbidden);
        }
        absolute.ancestors().find(|above| above.join(".git").exists())?;
        match asked(&absolute, name, false) {
            Ok(status) if status.code() == Some(1) => None,
            // Another owner's repository, a broken one: then nobody knows.
            Ok(status) if !status.success() => {
                Some(format!("{}: git does not say whether it tracks it ({status})", self.path.display()))
            }
            Ok(_) => Some(forbidden),
            Err(error) => Some(format!("{}: git cannot be asked whether it tracks it ({error})", self.path.display())),
        }
    }
}

/// Variables that name a repository or what is in it: run from a hook, another one's.
const VARIABLES: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// Whether git tracks `name` in `folder`: of the repository that the folder is in, or of the one that the variables name.
fn asked(folder: &Path, name: &std::ffi::OsStr, variables: bool) -> std::io::Result<std::process::ExitStatus> {
    let mut command = Command::new("git");
    // The name is a name, whatever letters it has.
    command.args(["--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
    command.args(["ls-files", "--error-unmatch", "--"]).arg(name).current_dir(folder);
    if !variables {
        for variable in VARIABLES {
            command.env_remove(variable);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
}

impl Destination for FileDestination {
    fn place(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn readable(&self) -> bool {
        true
    }

    fn check(&self, old: &Values) -> Report {
        if let Some(why) = self.tracked() {
            return Report::refused(why);
        }
        let folder = self.path.parent().map(fs::metadata);
        if !matches!(folder, Some(Ok(metadata)) if !metadata.permissions().readonly()) {
            return Report::refused(format!("the folder of {} cannot be written", self.path.display()));
        }
        let refused = |why: String| Report::refused(format!("{}: {why}", self.path.display()));
        #[cfg(unix)]
        if fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| std::os::unix::fs::MetadataExt::nlink(&metadata) > 1 && metadata.is_file())
        {
            return refused(
                "the file has another name as well (a hard link), which would keep the old value".to_owned(),
            );
        }
        let text = match self.read() {
            Ok(text) => text,
            Err(report) => return report,
        };
        match self.compare(&text, old) {
            // Whether another value would be read there is seen before there is one.
            Ok(true) => match old.keys().find_map(|key| edit(&text, self.form, key, REHEARSAL).err()) {
                Some(fault) => refused(fault),
                None => Report::done("it holds the old value"),
            },
            Ok(false) => Report::refused(format!(
                "{} does not hold the leaked value: it may be out of date",
                self.path.display()
            )),
            Err(report) => report,
        }
    }

    fn write(&self, from: &Values, to: &Values) -> Report {
        let _ = fs::remove_file(self.beside());
        if let Some(why) = self.tracked() {
            return Report::refused(why);
        }
        let mut text = match self.read() {
            Ok(text) => text,
            Err(report) => return report,
        };
        match (self.compare(&text, to), self.compare(&text, from)) {
            (Ok(true), _) => return Report::done("it holds it already"),
            (_, Ok(true)) => {}
            (_, Ok(false)) => return Report::refused(format!("{} holds neither value", self.path.display())),
            (_, Err(report)) => return report,
        }
        for (key, value) in to {
            let edited = std::str::from_utf8(value.expose())
                .map_err(|_| "the new value is no text".to_owned())
                .and_then(|value| edit(&text, self.form, key, value));
            match edited {
                Ok(edited) => text = edited,
                Err(fault) => return Report::refused(format!("{}: {fault}", self.path.display())),
            }
        }
        match replace(&self.path, text.as_bytes()) {
            Ok(()) => Report::done("written"),
            // The rename is the only moment that counts, and reading tells whether it came.
            Err(error) => Report::unknown(format!("{}: {error}", self.path.display())),
        }
    }

    fn shows(&self, name: &str) -> Result<Option<Secret>, String> {
        let text = self.read().map_err(|report| report.note)?;
        Ok(span::find(&text, self.form, name).ok().map(|found| Secret::new(Zeroizing::new(found.value).as_bytes())))
    }

    fn elsewhere(&self, old: &Values, value: &Secret) -> Option<String> {
        let text = self.read().ok()?;
        let mut spans: Vec<_> =
            old.keys().filter_map(|key| Some(span::find(&text, self.form, key).ok()?.span)).collect();
        spans.sort_by_key(|span| span.start);
        let mut guard = Guard::default();
        guard.learn(value);
        let mut from = 0;
        for span in spans.into_iter().chain(std::iter::once(text.len()..text.len())) {
            if guard.finds(text.get(from..span.start)?.as_bytes()) {
                let place = self.path.display();
                return Some(format!(
                    "{place} has the leaked value in another place too: name its key, or take it out"
                ));
            }
            from = span.end;
        }
        None
    }

    fn holds(&self, values: &Values) -> Report {
        let _ = fs::remove_file(self.beside());
        match self.read().and_then(|text| self.compare(&text, values)) {
            Ok(true) => Report::done("it holds it"),
            Ok(false) => Report::refused(format!("{} holds something else", self.path.display())),
            Err(report) if matches!(report.outcome, Outcome::NotDone(_)) => Report::unknown(report.note),
            Err(report) => report,
        }
    }
}

/// Where a process that was killed may have left a half-written copy.
fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.keysweep-new", path.file_name().unwrap_or_default().to_string_lossy()))
}

/// Replaces a file in one piece; its mode and owner stay.
pub(in crate::rotate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = beside(path);
    let _ = fs::remove_file(&beside);
    let metadata = fs::metadata(path)?;
    let mut file = files::new_private(&beside).map_err(|error| std::io::Error::other(error.to_string()))?;
    let written = (|| {
        file.write_all(bytes)?;
        file.set_permissions(metadata.permissions())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, fchown};
            let mine = file.metadata()?;
            if (mine.uid(), mine.gid()) != (metadata.uid(), metadata.gid()) {
                fchown(&file, Some(metadata.uid()), Some(metadata.gid()))?;
            }
        }
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written?;
    files::sync_folder(path).map_err(|error| std::io::Error::other(error.to_string()))
}

/// `text` with `key`'s value replaced, and nothing else; proven by reading it again.
fn edit(text: &str, form: Form, key: &str, value: &str) -> Result<Zeroizing<String>, String> {
    let found = span::find(text, form, key)?;
    let written = Zeroizing::new(span::write(value, found.quote)?);
    let edited = Zeroizing::new([&text[..found.span.start], &written, &text[found.span.end..]].concat());
    match span::find(&edited, form, key) {
        Ok(again) if again.value == value => Ok(edited),
        _ => Err(format!("`{key}` would not read as the new value")),
    }
}

#[cfg(test)]
mod tests {
    use super::{FileDestination, FilePolicy};
    use crate::rotate::destinations::{Destination as _, Values};
    use crate::rotate::types::{Fault, Outcome};
    use crate::secret::Secret;

    fn values(value: &str) -> Values {
        Values::from([("KEY".to_owned(), Secret::new(value.as_bytes()))])
    }

    fn destination(folder: &std::path::Path) -> FileDestination {
        FileDestination::new(&FilePolicy { path: "app.env".into(), form: None }, folder)
    }

    #[test]
    fn a_mark_before_the_first_letter_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, file) = (folder.path().join("app.env"), destination(folder.path()));
        std::fs::write(&path, "\u{feff}KEY=one\r\nB=2\r\n").expect("written");
        assert_eq!(file.check(&values("one")).outcome, Outcome::Done);
        assert_eq!(file.write(&values("one"), &values("two")).outcome, Outcome::Done);
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "\u{feff}KEY=two\r\nB=2\r\n");
    }

    #[test]
    fn what_would_keep_the_old_value_is_seen_before_anything_is_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, file) = (folder.path().join("app.env"), destination(folder.path()));
        let (old, secret) = (values("made-up-one"), Secret::new(b"made-up-one"));
        std::fs::write(&path, "KEY=made-up-one\nOTHER=x\n").expect("written");
        assert_eq!((file.check(&old).outcome, file.elsewhere(&old, &secret)), (Outcome::Done, None));
        std::fs::write(&path, "KEY=made-up-one\nOTHER=made-up-one\n").expect("written");
        assert!(file.elsewhere(&old, &secret).is_some_and(|why| why.contains("another place")));
        std::fs::write(&path, "A=bWFkZS11cC1vbmU=\nKEY=made-up-one\n").expect("written");
        assert!(file.elsewhere(&old, &secret).is_some(), "coded as well");
        #[cfg(unix)]
        {
            std::fs::write(&path, "KEY=made-up-one\n").expect("written");
            std::fs::hard_link(&path, folder.path().join("other.env")).expect("linked");
            assert!(file.check(&old).note.contains("hard link"));
        }
        let twice = FileDestination::new(&FilePolicy { path: "a.json".into(), form: None }, folder.path());
        std::fs::write(folder.path().join("a.json"), "{\"k\": \"one\", \"k\": \"one\"}").expect("written");
        let pointer = Values::from([("/k".to_owned(), Secret::new(b"one"))]);
        assert_eq!(twice.check(&pointer).outcome, Outcome::NotDone(Fault::Final), "nobody knows which one counts");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_written_there_and_back_and_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.env");
        std::fs::write(&path, "# a\nKEY=one\nOTHER=x\n").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
        let file = destination(folder.path());
        assert_eq!(file.check(&values("one")).outcome, Outcome::Done);
        assert_eq!(file.check(&values("two")).outcome, Outcome::NotDone(Fault::Final));
        std::fs::write(folder.path().join(".app.env.keysweep-new"), "left over").expect("written");
        for _ in 0..2 {
            assert_eq!(file.write(&values("one"), &values("two")).outcome, Outcome::Done, "twice is once");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "# a\nKEY=two\nOTHER=x\n");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o640);
        assert_eq!(file.holds(&values("two")).outcome, Outcome::Done);
        assert_eq!(file.holds(&values("one")).outcome, Outcome::NotDone(Fault::Final));
        assert_eq!(file.write(&values("two"), &values("one")).outcome, Outcome::Done);
        assert_eq!(file.write(&values("five"), &values("six")).outcome, Outcome::NotDone(Fault::Final), "neither");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1, "nothing is left beside it");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_tracked_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("real.env"), "KEY=one\n").expect("written");
        std::os::unix::fs::symlink("real.env", folder.path().join("app.env")).expect("linked");
        let file = destination(folder.path());
        assert_eq!(file.check(&values("one")).outcome, Outcome::NotDone(Fault::Final));
        std::fs::remove_file(folder.path().join("app.env")).expect("gone");
        std::fs::write(folder.path().join("app.env"), "KEY=one\n").expect("written");
        let git = |arguments: &[&str]| {
            let run = std::process::Command::new("git").args(arguments).current_dir(folder.path()).status();
            assert!(run.expect("git runs").success());
        };
        git(&["init", "--quiet"]);
        assert_eq!(file.check(&values("one")).outcome, Outcome::Done, "not tracked");
        git(&["add", "app.env"]);
        assert_eq!(file.check(&values("one")).outcome, Outcome::NotDone(Fault::Final));
        assert_eq!(file.write(&values("one"), &values("two")).outcome, Outcome::NotDone(Fault::Final));
        // When git cannot say, it may be tracked.
        std::fs::write(folder.path().join(".git/index"), "broken").expect("written");
        let report = file.check(&values("one"));
        assert!(report.outcome == Outcome::NotDone(Fault::Final) && report.note.contains("does not say"), "{report:?}");
    }
}
