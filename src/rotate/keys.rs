//! Signing keys (ed25519): who made a plan, who approved it, who vouches for evidence. Private files, made on first use.

use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::Zeroizing;

use super::files;
use super::redact::{hex, unhex};
use crate::error::{Error, Result};

/// A key that signs.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key in `path`, made when there is none; whether it was made comes with it.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn load_or_make(path: &Path) -> Result<(Self, bool)> {
        let fail = |message: &str| Error::Config { file: path.display().to_string(), message: message.to_owned() };
        let mut made = false;
        if !path.exists() {
            let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                .map_err(|_| fail("the system gives no random bytes"))?;
            made = files::make_once(path, key.as_ref())?;
        }
        files::only_ours(path)?;
        let bytes = Zeroizing::new(files::read(path, 4096)?);
        let key = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| fail("it is no ed25519 key (PKCS#8)"))?;
        Ok((Self(key), made))
    }

    /// The public half, in hex.
    pub fn public(&self) -> String {
        hex(self.0.public_key().as_ref())
    }

    /// A signature, in hex. `purpose` keeps a signature for one thing from counting for another.
    pub fn sign(&self, purpose: &str, text: &[u8]) -> String {
        hex(self.0.sign(&framed(purpose, text)).as_ref())
    }
}

/// Whether `signature` is `public`'s over `text` for this purpose.
pub fn verify(public: &str, purpose: &str, text: &[u8], signature: &str) -> bool {
    let (Some(public), Some(signature)) = (unhex(public), unhex(signature)) else { return false };
    UnparsedPublicKey::new(&ED25519, public).verify(&framed(purpose, text), &signature).is_ok()
}

fn framed(purpose: &str, text: &[u8]) -> Vec<u8> {
    [b"keysweep ", purpose.as_bytes(), b" v1\0", text].concat()
}

#[cfg(test)]
mod tests {
    use super::{SigningKey, verify};

    #[test]
    fn a_signature_counts_for_its_text_key_and_purpose_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/key.pk8");
        let (key, made) = SigningKey::load_or_make(&path).expect("made");
        assert!(made);
        let (again, made) = SigningKey::load_or_make(&path).expect("read");
        assert!(!made && again.public() == key.public());
        let signature = key.sign("plan", b"text");
        assert!(verify(&key.public(), "plan", b"text", &signature));
        assert!(!verify(&key.public(), "plan", b"texx", &signature));
        assert!(!verify(&key.public(), "evidence", b"text", &signature));
        assert!(!verify(&key.public(), "plan", b"text", "00"));
        let (other, _) = SigningKey::load_or_make(&folder.path().join("other.pk8")).expect("made");
        assert!(!verify(&other.public(), "plan", b"text", &signature));
    }
}
