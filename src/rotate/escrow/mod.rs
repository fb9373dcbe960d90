//! Escrow: where the old value and the new one are kept until the old one is proven dead. Never in clear on disk.
//!
//! A keeper seals and opens: an age identity (in a file, or in the system's keyring), or two commands of the operator's (a key service, a vault). What is kept
//! is a [`Material`]: the parts of a credential by name.

pub mod age;
mod bech32;
pub mod keyring;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use self::age::{Identity, Recipient};
use super::destinations::aws::Versions;
use super::files;
use crate::error::{Error, Result};
use crate::secret::Secret;

/// Largest sealed file, in bytes.
const LARGEST: u64 = 16 << 20;

/// A credential in parts by name: `value` is the secret itself; `id`, `user` and others stand beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Material(BTreeMap<String, Secret>);

impl Material {
    /// One of a single value.
    pub fn of(value: &[u8]) -> Self {
        Self::default().with("value", value)
    }

    /// The same with one more part.
    #[must_use]
    pub fn with(mut self, name: &str, value: &[u8]) -> Self {
        self.0.insert(name.to_owned(), Secret::new(value));
        self
    }

    /// A part.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// A part as text, in clear. Every call is a place to review.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.0.get(name)?.expose()).ok()
    }

    /// The parts that nothing may show; ids and users stand in plans.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        ["value", "file", "session", "aws-session-token"].into_iter().filter_map(|name| self.get(name))
    }

    /// All parts.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, secret)| (name.as_str(), secret))
    }

    /// As it is sealed: a JSON object of base64 texts.
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(b"{".to_vec());
        for (at, (name, secret)) in self.0.iter().enumerate() {
            let value = Zeroizing::new(STANDARD.encode(secret.expose()));
            let comma = if at == 0 { "" } else { "," };
            let name = serde_json::Value::from(name.as_str());
            out.extend_from_slice(Zeroizing::new(format!("{comma}{name}:\"{}\"", *value)).as_bytes());
        }
        out.push(b'}');
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let parts: BTreeMap<String, Zeroizing<String>> = serde_json::from_slice::<BTreeMap<String, String>>(bytes)
            .ok()?
            .into_iter()
            .map(|(name, value)| (name, Zeroizing::new(value)))
            .collect();
        let mut material = Self::default();
        for (name, value) in parts {
            material = material.with(&name, &Zeroizing::new(STANDARD.decode(&*value).ok()?));
        }
        Some(material)
    }
}

/// Who seals and opens.
#[derive(Debug)]
pub enum Keeper {
    /// An age identity in a file, and further recipients (a colleague's, an offline key).
    Age {
        /// Opens.
        identity: Identity,
        /// Whom everything is sealed for, the identity's own among them.
        recipients: Vec<Recipient>,
    },
    /// Versions of a secret in the operator's own store, beside its current one. What is "sealed" is only which version it is.
    Pending(Versions),
    /// Two programs: each reads standard input and writes standard output.
    Command {
        /// Program and arguments that seal.
        seal: Vec<String>,
        /// Program and arguments that open.
        open: Vec<String>,
    },
}

impl Keeper {
    /// A keeper whose identity stands in `path`.
    ///
    /// # Errors
    /// When there is none.
    pub fn age(path: &Path, more: &[String]) -> Result<Self> {
        let fail = |message: String| Error::Config { file: path.display().to_string(), message };
        let text = Zeroizing::new(files::read(path, 1 << 20)?);
        let text = std::str::from_utf8(&text).map_err(|_| fail("it is no text".to_owned()))?;
        let identity = Identity::parse_file(text)
            .ok_or_else(|| fail("it holds no age identity (AGE-SECRET-KEY-1…)".to_owned()))?;
        Self::of(identity, more)
    }

    /// A keeper of this identity, for it and further recipients.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn of(identity: Identity, more: &[String]) -> Result<Self> {
        let mut recipients = vec![identity.recipient()];
        for text in more {
            let recipient = Recipient::parse(text);
            recipients.push(recipient.ok_or_else(|| Error::Usage(format!("`{text}` is no age recipient")))?);
        }
        Ok(Self::Age { identity, recipients })
    }

    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Age { recipients, .. } => age::seal(plain, recipients),
            Self::Pending(versions) => versions.keep(plain),
            Self::Command { seal, .. } => filter(seal, plain).map(|out| out.to_vec()),
        }
    }

    fn open(&self, sealed: &[u8]) -> Option<Secret> {
        match self {
            Self::Age { identity, .. } => age::open(sealed, identity),
            Self::Pending(versions) => versions.get(sealed),
            Self::Command { open, .. } => filter(open, sealed).map(|out| Secret::new(&out)),
        }
    }
}

impl Keeper {
    /// What was sealed is not needed any more.
    fn forget(&self, sealed: &[u8]) -> bool {
        match self {
            Self::Pending(versions) => versions.forget(sealed),
            Self::Age { .. } | Self::Command { .. } => true,
        }
    }
}

/// Runs a program over `input`; `None` unless it ends well with some output.
fn filter(words: &[String], input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (program, arguments) = words.split_first()?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output().ok()?;
        writer.join().ok()?.ok()?;
        (output.status.success() && !output.stdout.is_empty()).then(|| Zeroizing::new(output.stdout))
    })
}

/// The escrow of one run.
#[derive(Debug)]
pub struct Escrow {
    keeper: Keeper,
    folder: PathBuf,
}

impl Escrow {
    /// What `keeper` keeps in `folder`, which must exist.
    pub fn new(keeper: Keeper, folder: PathBuf) -> Self {
        Self { keeper, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.sealed"))
    }

    fn fail(&self, message: &str) -> Error {
        Error::Config { file: self.folder.display().to_string(), message: message.to_owned() }
    }

    /// Proves that what is sealed can be opened again.
    ///
    /// # Errors
    /// When it cannot: nothing may be begun then.
    pub fn check(&self) -> Result<()> {
        let mut probe = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *probe)
            .map_err(|error| self.fail(&format!("the system gives no random bytes: {error}")))?;
        let sealed = self.keeper.seal(&*probe).ok_or_else(|| self.fail("the escrow cannot seal"))?;
        let opened = self.keeper.open(&sealed);
        let forgotten = self.keeper.forget(&sealed);
        match opened {
            _ if !forgotten => Err(self.fail("the escrow cannot forget what it sealed")),
            Some(opened) if opened.expose() == &probe[..] => Ok(()),
            _ => Err(self.fail("the escrow cannot open what it sealed")),
        }
    }

    /// Keeps a credential under `name` (`old`, `new`), and proves that it can be had back.
    ///
    /// # Errors
    /// When it cannot be sealed, written or opened again.
    pub fn keep(&self, name: &str, material: &Material) -> Result<()> {
        let sealed = self.keeper.seal(&material.encode()).ok_or_else(|| self.fail("the escrow cannot seal"))?;
        let path = self.path(name);
        let before = if path.exists() { files::read(&path, LARGEST)? } else { Vec::new() };
        files::write_private(&path, &sealed)?;
        match self.take(name)? {
            Some(kept) if kept == *material => {
                // What was kept under this name before is kept again now.
                let forgotten = before.is_empty() || before == sealed || self.keeper.forget(&before);
                if forgotten { Ok(()) } else { Err(self.fail("the escrow does not forget what it was given before")) }
            }
            _ => Err(self.fail("the escrow does not give back what it was given")),
        }
    }

    /// What is kept under `name`; `None` when nothing is.
    ///
    /// # Errors
    /// When it is there and cannot be opened.
    pub fn take(&self, name: &str) -> Result<Option<Material>> {
        let path = self.path(name);
        if !path.exists() {
            return Ok(None);
        }
        let sealed = files::read(&path, LARGEST)?;
        let opened = self.keeper.open(&sealed).ok_or_else(|| self.fail("what is kept cannot be opened"))?;
        Material::decode(opened.expose()).map(Some).ok_or_else(|| self.fail("what is kept has a wrong form"))
    }

    /// Forgets what is kept under `name`.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        if path.exists() && !self.keeper.forget(&files::read(&path, LARGEST)?) {
            return Err(self.fail("the escrow does not forget what it was given"));
        }
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::Io { path, source }),
            _ => files::sync_folder(&path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::age::Identity;
    use super::{Escrow, Keeper, Material};

    fn keeper() -> Keeper {
        let identity = Identity::generate().expect("random bytes");
        let recipients = vec![identity.recipient()];
        Keeper::Age { identity, recipients }
    }

    #[test]
    fn law_3_what_is_kept_comes_back_and_is_not_on_disk_in_clear() {
        let folder = tempfile::tempdir().expect("a folder");
        let escrow = Escrow::new(keeper(), folder.path().to_owned());
        escrow.check().expect("it opens what it seals");
        let material = Material::of(b"made up value").with("id", b"AN ID").with("odd \"name", &[0, 255]);
        assert_eq!(escrow.take("old").expect("readable"), None);
        escrow.keep("old", &material).expect("kept");
        assert_eq!(escrow.take("old").expect("readable"), Some(material));
        for entry in std::fs::read_dir(folder.path()).expect("readable") {
            let bytes = std::fs::read(entry.expect("readable").path()).expect("readable");
            assert!(!String::from_utf8_lossy(&bytes).contains("made up"));
        }
        escrow.forget("old").expect("gone");
        escrow.forget("old").expect("gone is gone");
        assert_eq!(escrow.take("old").expect("readable"), None);
    }

    #[test]
    fn another_identity_opens_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        Escrow::new(keeper(), folder.path().to_owned()).keep("old", &Material::of(b"made up")).expect("kept");
        assert!(Escrow::new(keeper(), folder.path().to_owned()).take("old").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn commands_keep_too_and_one_that_fails_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let rot = Keeper::Command { seal: words("tr a-z0-9 b-z0-9a"), open: words("tr b-z0-9a a-z0-9") };
        let escrow = Escrow::new(rot, folder.path().to_owned());
        escrow.keep("new", &Material::of(b"made up")).expect("kept");
        let broken = Keeper::Command { seal: words("cat"), open: words("false") };
        let escrow = Escrow::new(broken, folder.path().to_owned());
        assert!(escrow.check().is_err());
        assert!(escrow.keep("new", &Material::of(b"made up")).is_err());
    }
}
