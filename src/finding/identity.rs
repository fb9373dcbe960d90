//! Identity: keyed hashes that say "the same secret" and "the same finding" and never reveal the secret.
//!
//! - [`Ids::secret_id`] over rule and secret: the same key in forty files is one secret.
//! - [`Ids::fingerprint`] over rule, secret and path: survives moved lines and rebases.
//!
//! The key is an organisation's own, else a random salt of the repository, else [`Key::public`], which everybody
//! knows: with it anyone can test a guess against a published fingerprint. So values that could be guessed
//! ([`guessable`]) pass a slow hash first (argon2id, 4 MB, one pass: 2 to 5 ms), computed once per value and only
//! for what is reported or compared.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::{Error, Result};
use crate::secret::Secret;

/// What every identity begins with; another version when anything of its making changes.
pub const VERSION: &str = "v1:";

/// Shortest key an organisation may use, in bytes.
pub const SHORTEST_KEY: usize = 16;

/// Below this many bits (Shannon entropy times length) a value counts as guessable. Frozen for [`VERSION`].
const GUESSABLE_BITS: f64 = 80.0;

/// Longest text of words alone (a passphrase) that counts as guessable. Frozen for [`VERSION`].
const GUESSABLE_WORDS: usize = 48;

/// Memory of the slow hash in KiB. Frozen for [`VERSION`].
const SLOW_KIB: u32 = 4096;

/// The identities of one finding; empty when nobody asked for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// Over rule, secret and path: `v1:` and 32 hex digits.
    pub fingerprint: String,
    /// Over rule and secret: the same form.
    pub secret_id: String,
}

/// A key of identities. Overwritten when it goes.
pub struct Key {
    derived: Zeroizing<[u8; 32]>,
    id: String,
    /// Slow hashes already computed, by the fast hash of rule and value.
    slow: Mutex<HashMap<[u8; 32], [u8; 32]>>,
    /// Memory of slow hashes that are over, for those to come: thousands of them hold no more than the threads need.
    memory: Mutex<Vec<Vec<Block>>>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl PartialEq for Key {
    /// Whether they give the same identities.
    fn eq(&self, other: &Self) -> bool {
        self.derived == other.derived
    }
}

impl Key {
    /// The key everybody knows; used when there is no other.
    pub fn public() -> Self {
        let mut key = Self::new("public", b"keysweep public default key");
        key.id = "public-default".to_owned();
        key
    }

    /// An organisation's own key.
    ///
    /// # Errors
    /// When it is shorter than [`SHORTEST_KEY`].
    pub fn organisation(material: &[u8]) -> Result<Self> {
        let material = material.trim_ascii();
        if material.len() < SHORTEST_KEY {
            return Err(Error::Usage(format!(
                "the fingerprint key has {} bytes; it needs at least {SHORTEST_KEY} (`openssl rand -hex 32` makes one)",
                material.len()
            )));
        }
        Ok(Self::new("organisation", material))
    }

    /// A repository's salt, as its baseline or config keeps it.
    pub fn repository(salt: &str) -> Self {
        Self::new("repository", salt.trim().as_bytes())
    }

    fn new(kind: &str, material: &[u8]) -> Self {
        let derived = Zeroizing::new(hash(material, &[b"keysweep identity v1", kind.as_bytes()]));
        let id = format!("{kind}:{}", hex(&hash(&*derived, &[b"id"])[..4]));
        Self { derived, id, slow: Mutex::default(), memory: Mutex::default() }
    }

    /// Which key this is, safe to publish: `public-default`, `repository:…`, `organisation:…`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Both identities of a finding.
    pub fn ids(&self, rule: &str, secret: &Secret, path: &str) -> Ids {
        let material = self.material(rule, secret);
        Ids {
            fingerprint: self.short(&[b"fingerprint", rule.as_bytes(), &material[..], path.as_bytes()]),
            secret_id: self.short(&[b"secret", rule.as_bytes(), &material[..]]),
        }
    }

    /// The identity of a secret wherever it stands.
    pub fn secret_id(&self, rule: &str, secret: &Secret) -> String {
        self.short(&[b"secret", rule.as_bytes(), &self.material(rule, secret)[..]])
    }

    /// A keyed hash of a name that logs should not tell (of a repository).
    pub fn name_id(&self, name: &str) -> String {
        self.short(&[b"name", name.as_bytes()])
    }

    fn short(&self, fields: &[&[u8]]) -> String {
        format!("{VERSION}{}", hex(&hash(&*self.derived, fields)[..16]))
    }

    /// The secret as it enters the hash: without carriage returns (a key file is the same with either line end),
    /// slowly hashed when it could be guessed.
    fn material(&self, rule: &str, secret: &Secret) -> Zeroizing<Vec<u8>> {
        let mut plain = Zeroizing::new(secret.expose().to_vec());
        plain.retain(|&byte| byte != b'\r');
        if !guessable(&plain) {
            return plain;
        }
        let fast = hash(&*self.derived, &[b"slow", rule.as_bytes(), &plain]);
        let known = self.slow.lock().unwrap_or_else(PoisonError::into_inner).get(&fast).copied();
        let slow = known.unwrap_or_else(|| {
            let salt = hash(&*self.derived, &[b"slow salt", rule.as_bytes()]);
            let mut out = [0; 32];
            let params = Params::new(SLOW_KIB, 1, 1, Some(out.len())).unwrap_or(Params::DEFAULT);
            let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut memory = memory.unwrap_or_else(|| vec![Block::new(); params.block_count()]);
            let hashed = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
                &plain,
                &salt[..16],
                &mut out,
                &mut memory,
            );
            self.memory.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            if hashed.is_err() {
                out = fast; // only for lengths argon2 refuses (beyond 4 GiB), which are not guessable
            }
            self.slow.lock().unwrap_or_else(PoisonError::into_inner).insert(fast, out);
            out
        });
        Zeroizing::new(slow.to_vec())
    }
}

/// Whether the identities of a secret take milliseconds: it is [`guessable`].
pub fn is_slow(secret: &Secret) -> bool {
    let value = secret.expose();
    guessable(value)
        || memchr::memchr(b'\r', value).is_some()
            && guessable(&Zeroizing::new(value.iter().copied().filter(|&byte| byte != b'\r').collect::<Vec<u8>>()))
}

/// Whether a value could be found by guessing against its hash: too few bits, or words alone.
pub fn guessable(value: &[u8]) -> bool {
    let mut counts = [0u32; 256];
    for &byte in value {
        counts[usize::from(byte)] += 1;
    }
    let length = value.len() as f64;
    let bits: f64 = counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f64::from(count) * (length / f64::from(count)).log2())
        .sum();
    let words = || {
        let body = value.trim_ascii_end();
        let body = &body[..body.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1)];
        body.iter().all(|byte| byte.is_ascii_alphabetic() || b" -_.".contains(byte))
    };
    bits < GUESSABLE_BITS || (value.len() <= GUESSABLE_WORDS && words())
}

/// A fresh salt for a repository: 32 hex digits.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_salt() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::Usage(format!("the system gives no random bytes: {error}")))?;
    let salt = hex(&bytes);
    bytes.zeroize();
    Ok(salt)
}

/// Whether `text` has the form of an identity: `v1:` and 32 hex digits.
pub fn is_identity(text: &str) -> bool {
    text.strip_prefix(VERSION).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// HMAC-SHA-256 over fields, each with its length in front so that no two lists of fields collide.
fn hash(key: &[u8], fields: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for field in fields {
        mac.update(&(field.len() as u64).to_be_bytes());
        mac.update(field);
    }
    mac.finalize().into_bytes().into()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{Key, guessable, is_identity, is_slow, new_salt};
    use crate::secret::Secret;

    #[test]
    fn the_same_secret_has_one_id_and_a_fingerprint_per_path() {
        let key = Key::repository("aabbccdd");
        let secret = Secret::new(b"0123456789abcdefghijklmnopqrstuvwxyzABCD");
        let (one, two) = (key.ids("rule-a", &secret, "a"), key.ids("rule-a", &secret, "b"));
        assert_eq!(one.secret_id, two.secret_id);
        assert_eq!(one.secret_id, key.secret_id("rule-a", &secret));
        assert_ne!(one.fingerprint, two.fingerprint);
        assert_ne!(one.secret_id, key.secret_id("rule-b", &secret), "the rule counts");
        assert_ne!(one.secret_id, Key::public().secret_id("rule-a", &secret), "the key counts");
        assert!(is_identity(&one.fingerprint) && is_identity(&one.secret_id));
    }

    #[test]
    fn identities_of_version_one_stay_what_they_are() {
        // Published baselines depend on these bytes: when this test breaks, VERSION must change.
        let key = Key::public();
        let strong = key.ids("rule-a", &Secret::new(b"0123456789abcdefghijklmnopqrstuvwxyzABCD"), "a/b");
        let weak = key.ids("rule-a", &Secret::new(b"hunter2"), "a/b");
        assert_eq!(
            [strong.fingerprint, strong.secret_id, weak.fingerprint, weak.secret_id],
            [
                "v1:90fb6619fee812a292a246985c40153f",
                "v1:006833380a860be707d863b0ca68c639",
                "v1:d7540e3308eeb54a9a27c7859d84b465",
                "v1:27d67e99612b6e23a27c978e6846d09e"
            ]
        );
    }

    #[test]
    fn a_slow_hash_takes_milliseconds_and_is_done_once() {
        let key = Key::public();
        let start = std::time::Instant::now();
        for _ in 0..100 {
            key.secret_id("rule", &Secret::new(b"hunter2"));
        }
        assert!(start.elapsed().as_millis() < 500, "{:?}", start.elapsed());
    }

    #[test]
    fn what_takes_long_is_known_beforehand() {
        assert!(is_slow(&Secret::new(b"hun\r\nter2")) && !is_slow(&Secret::new(b"5f2b8c1d9e0a47368b1c2d3e4f506172")));
    }

    #[test]
    fn line_ends_do_not_change_a_key_file() {
        let key = Key::public();
        assert_eq!(key.secret_id("pem", &Secret::new(b"a\r\nb")), key.secret_id("pem", &Secret::new(b"a\nb")));
    }

    #[test]
    fn what_could_be_guessed_is_hashed_slowly() {
        for weak in
            ["hunter2", "correct horse battery staple", "summer-of-2026", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
        {
            assert!(guessable(weak.as_bytes()), "{weak}");
        }
        assert!(!guessable(b"0123456789abcdefghijklmnopqrstuvwxyzABCD"));
        assert!(!guessable(b"5f2b8c1d9e0a47368b1c2d3e4f506172"));
    }

    #[test]
    fn short_keys_are_refused_and_salts_differ() {
        assert!(Key::organisation(b"short").is_err());
        assert!(Key::organisation(&[b'k'; 32]).is_ok_and(|key| key.id().starts_with("organisation:")));
        assert_ne!(new_salt().expect("random bytes"), new_salt().expect("random bytes"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn an_identity_holds_no_piece_of_the_secret(bytes in proptest::collection::vec(any::<u8>(), 4..40), path in "[a-z/]{0,12}") {
            let secret = Secret::new(&bytes);
            let ids = Key::public().ids("rule", &secret, &path);
            for id in [ids.fingerprint, ids.secret_id] {
                assert!(is_identity(&id));
                // 4 hex-looking bytes could occur by chance (about 1 in 2^11 for all-hex secrets); 8 do not.
                assert!(bytes.len() < 8 || !bytes.windows(8).any(|piece| id.as_bytes().windows(8).any(|w| w == piece)));
            }
        }
    }
}
