//! Reads a secret again from where it was found: by its origin, and only if it is still the same one.

use std::io::Read as _;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::finding::{Finding, Origin, OriginKind};
use crate::pipeline::Scan;
use crate::rotate::escrow::Material;
use crate::rotate::execute::SecretSource;
use crate::rotate::plan::Item;
use crate::source::files::{self, FileOptions};
#[cfg(feature = "git")]
use crate::source::{Item as Bytes, Visitor as _};

/// A secret that was given, not found: standard input, or a reference of the policy's.
pub(super) struct Given {
    pub(super) secret_id: String,
    pub(super) material: Material,
}

/// Where secrets are read again.
pub(super) struct Source<'s> {
    pub(super) engine: &'s Engine,
    pub(super) filter: &'s Filter,
    pub(super) given: Vec<Given>,
}

impl SecretSource for Source<'_> {
    fn read(&self, item: &Item) -> Result<Material> {
        if let Some(given) = self.given.iter().find(|given| given.secret_id == item.secret_id) {
            return Ok(given.material.clone());
        }
        let mut troubles = Vec::new();
        for origin in &item.origins {
            match self.find(origin, &item.rule, &item.secret_id) {
                Ok(finding) => return Ok(material(&finding)),
                Err(error) => troubles.push(error.to_string()),
            }
        }
        Err(Error::Usage(format!("{} cannot be read again: {}", item.redacted, troubles.join("; "))))
    }
}

impl Source<'_> {
    /// The finding of this secret at `origin`.
    ///
    /// # Errors
    /// When it is not there any more, or another secret is.
    pub(super) fn find(&self, origin: &Origin, rule: &str, secret_id: &str) -> Result<Finding> {
        let place = place(origin);
        let findings = self.scan(origin)?;
        let mut same = findings.into_iter().filter(|finding| finding.rule == rule);
        same.find(|finding| finding.secret_id == secret_id)
            .ok_or_else(|| Error::Usage(format!("{place}: the secret that was reported does not stand there any more")))
    }

    fn scan(&self, origin: &Origin) -> Result<Vec<Finding>> {
        let mut scan = Scan::new(self.engine, self.filter);
        match origin.kind {
            OriginKind::File => {
                let options = FileOptions {
                    targets: vec![PathBuf::from(&origin.path)],
                    no_ignore: true,
                    ..FileOptions::default()
                };
                files::scan(&options, &|| Box::new(scan.worker()));
            }
            #[cfg(feature = "git")]
            OriginKind::Index | OriginKind::Commit | OriginKind::Blob | OriginKind::Message | OriginKind::Note => {
                let bytes = object(origin)?;
                scan.worker().item(Bytes::new(origin.clone(), &bytes));
            }
            other => {
                return Err(Error::Usage(format!(
                    "{}: what was found in a {} cannot be read again; use --secret-stdin",
                    place(origin),
                    other.as_str()
                )));
            }
        }
        let findings = scan.take_findings();
        Ok(scan.finish(findings).findings)
    }
}

fn place(origin: &Origin) -> String {
    match &origin.object {
        Some(object) => format!("{} in object {object}", origin.path),
        None => origin.path.clone(),
    }
}

/// A git object's bytes.
#[cfg(feature = "git")]
fn object(origin: &Origin) -> Result<Zeroizing<Vec<u8>>> {
    use crate::source::git::Opener;
    let fail = |message: String| Error::Git { repository: origin.repository.clone().unwrap_or_default(), message };
    let opener = origin.repository.as_ref().map_or_else(Opener::here, |path| Opener::at(path.as_ref()));
    let repository = opener.open()?;
    let id = origin.object.as_deref().ok_or_else(|| fail("the report does not name the object".to_owned()))?;
    let id = git2::Oid::from_str(id).map_err(|error| fail(error.to_string()))?;
    let odb = repository.odb()?;
    let object = odb.read(id).map_err(|error| fail(error.to_string()))?;
    Ok(Zeroizing::new(object.data().to_vec()))
}

/// A finding as a credential in parts: the secret, what its address says, the other pieces by their rules.
pub(super) fn material(finding: &Finding) -> Material {
    let secret = finding.secret.expose();
    let in_address = finding.facts.iter().any(|(name, _)| name == "scheme");
    let decoded = if in_address { percent_decoded(secret) } else { Zeroizing::new(secret.to_vec()) };
    let mut material = Material::of(&decoded);
    for (name, value) in &finding.facts {
        if name != "value" {
            material = material.with(name, value.as_bytes());
        }
    }
    for part in &finding.parts {
        material = material.with(&part.rule, part.secret.expose());
    }
    material
}

/// What stands percent-encoded in an address.
fn percent_decoded(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    out
}

/// The secret on standard input.
///
/// # Errors
/// When there is none.
pub(super) fn from_stdin() -> Result<crate::secret::Secret> {
    crate::rotate::policy::secret_from(&mut std::io::stdin().lock().by_ref())
}

#[cfg(test)]
mod tests {
    use super::percent_decoded;

    #[test]
    fn addresses_are_decoded() {
        assert_eq!(&**percent_decoded(b"a%2Fb%zz%"), b"a/b%zz%");
    }
}
