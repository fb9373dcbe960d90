//! The age format (C2SP age.md, version 1) for X25519 recipients: enough to seal and open what is kept, without the many
//! crates of the full tool. `tests/rotate` opens with the real age what this writes, and the other way round.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use curve25519_dalek::montgomery::MontgomeryPoint;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::secret::Secret;

const INTRO: &str = "age-encryption.org/v1";
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// Whom a text is sealed for: `age1…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

/// Who can open it: `AGE-SECRET-KEY-1…`. Overwritten when it goes.
pub struct Identity(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity([redacted])")
    }
}

impl Recipient {
    /// Reads `age1…`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(super::bech32::decode("age", text.trim())?.as_slice().try_into().ok()?))
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::bech32::encode("age", &self.0))
    }
}

impl Identity {
    /// A fresh one; `None` when the system gives no random bytes.
    pub fn generate() -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).ok()?;
        Some(Self(key))
    }

    /// The first identity of an identity file (lines; `#` begins a comment).
    pub fn parse_file(text: &str) -> Option<Self> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let bytes = super::bech32::decode("age-secret-key-", line)?;
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// The line of an identity file. In clear: for a private file alone.
    pub fn line(&self) -> Zeroizing<String> {
        Zeroizing::new(super::bech32::encode("age-secret-key-", &*self.0).to_ascii_uppercase())
    }

    /// Whom to seal for, so that this one can open.
    pub fn recipient(&self) -> Recipient {
        Recipient(MontgomeryPoint::mul_base_clamped(*self.0).to_bytes())
    }
}

/// Seals `plain` for all recipients; `None` when the system gives no random bytes or a recipient is no point.
pub fn seal(plain: &[u8], recipients: &[Recipient]) -> Option<Vec<u8>> {
    let mut file_key = Zeroizing::new([0u8; 16]);
    getrandom::fill(&mut *file_key).ok()?;
    let mut header = format!("{INTRO}\n");
    for recipient in recipients {
        let ephemeral = Identity::generate()?;
        let share = ephemeral.recipient().0;
        let key = wrap_key(&ephemeral, &recipient.0, &share, &recipient.0)?;
        let mut body = file_key.to_vec();
        key.seal_in_place_append_tag(nonce([0; 12]), Aad::empty(), &mut body).ok()?;
        header += &format!("-> X25519 {}\n{}\n", STANDARD_NO_PAD.encode(share), STANDARD_NO_PAD.encode(&body));
    }
    header += "---";
    let mac = hmac::sign(&mac_key(&file_key)?, header.as_bytes());
    header += &format!(" {}\n", STANDARD_NO_PAD.encode(mac));
    let mut sealed = header.into_bytes();
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).ok()?;
    sealed.extend_from_slice(&salt);
    let key = payload_key(&file_key, &salt)?;
    let mut chunks: Vec<&[u8]> = plain.chunks(CHUNK).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    for (count, chunk) in chunks.iter().enumerate() {
        let mut body = chunk.to_vec();
        key.seal_in_place_append_tag(counter(count as u64, count + 1 == chunks.len()), Aad::empty(), &mut body).ok()?;
        sealed.append(&mut body);
    }
    Some(sealed)
}

/// Opens what was sealed for `identity`; `None` when it was not, or was changed.
pub fn open(sealed: &[u8], identity: &Identity) -> Option<Secret> {
    let at = memchr::memmem::find(sealed, b"\n---")? + 4;
    let header = std::str::from_utf8(&sealed[..at]).ok()?;
    let end = at + memchr::memchr(b'\n', &sealed[at..])?;
    let mac = STANDARD_NO_PAD.decode(sealed[at..end].strip_prefix(b" ")?).ok()?;
    let mut lines = header.lines();
    if lines.next()? != INTRO {
        return None;
    }
    let mine = identity.recipient().0;
    let mut file_key = None;
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        let Some(share) = line.strip_prefix("-> X25519 ") else { continue };
        let share: [u8; 32] = STANDARD_NO_PAD.decode(share).ok()?.try_into().ok()?;
        let mut body = STANDARD_NO_PAD.decode(lines.peek()?).ok()?;
        let Some(key) = wrap_key(identity, &share, &share, &mine) else { continue };
        if let Ok(opened) = key.open_in_place(nonce([0; 12]), Aad::empty(), &mut body) {
            let opened: [u8; 16] = (&*opened).try_into().ok()?;
            file_key = Some(Zeroizing::new(opened));
        }
    }
    let file_key = file_key?;
    hmac::verify(&mac_key(&file_key)?, header.as_bytes(), &mac).ok()?;
    let (salt, body) = sealed[end + 1..].split_at_checked(16)?;
    let key = payload_key(&file_key, salt)?;
    let mut plain = Zeroizing::new(Vec::new());
    let chunks: Vec<&[u8]> = body.chunks(CHUNK + TAG).collect();
    if chunks.is_empty() {
        return None;
    }
    for (count, chunk) in chunks.iter().enumerate() {
        let mut chunk = Zeroizing::new(chunk.to_vec());
        let last = count + 1 == chunks.len();
        let opened = key.open_in_place(counter(count as u64, last), Aad::empty(), &mut chunk).ok()?;
        plain.extend_from_slice(opened);
    }
    Some(Secret::new(&plain))
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    key.expand(&[info], Length(32)).ok()?.fill(&mut *out).ok()?;
    Some(out)
}

fn aead(key: &[u8]) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).ok()?))
}

fn wrap_key(identity: &Identity, point: &[u8; 32], share: &[u8; 32], recipient: &[u8; 32]) -> Option<LessSafeKey> {
    let shared = Zeroizing::new(MontgomeryPoint(*point).mul_clamped(*identity.0).to_bytes());
    if shared.iter().all(|&byte| byte == 0) {
        return None; // a point of small order: the key would be known to everybody
    }
    let salt = [share.as_slice(), recipient.as_slice()].concat();
    aead(&*derive(&*shared, &salt, b"age-encryption.org/v1/X25519")?)
}

fn mac_key(file_key: &[u8; 16]) -> Option<hmac::Key> {
    Some(hmac::Key::new(hmac::HMAC_SHA256, &*derive(file_key, &[], b"header")?))
}

fn payload_key(file_key: &[u8; 16], salt: &[u8]) -> Option<LessSafeKey> {
    aead(&*derive(file_key, salt, b"payload")?)
}

fn nonce(bytes: [u8; 12]) -> Nonce {
    Nonce::assume_unique_for_key(bytes)
}

fn counter(count: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[3..11].copy_from_slice(&count.to_be_bytes());
    bytes[11] = u8::from(last);
    nonce(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Identity, Recipient, open, seal};

    #[test]
    fn what_is_sealed_is_opened_by_its_identity_alone() {
        let mine = Identity::generate().expect("random bytes");
        let other = Identity::generate().expect("random bytes");
        for length in [0, 1, 65_535, 65_536, 65_537, 131_072] {
            let plain = vec![7; length];
            let sealed = seal(&plain, &[other.recipient(), mine.recipient()]).expect("sealed");
            assert_eq!(open(&sealed, &mine).expect("opened").expose(), plain, "{length}");
            assert_eq!(open(&sealed, &other).expect("opened").expose(), plain, "{length}");
            let sealed = seal(&plain, &[other.recipient()]).expect("sealed");
            assert!(open(&sealed, &mine).is_none(), "not for me");
        }
    }

    #[test]
    fn any_changed_byte_is_seen() {
        let mine = Identity::generate().expect("random bytes");
        let sealed = seal(b"made up", &[mine.recipient()]).expect("sealed");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&changed, &mine).is_none(), "byte {at}");
            assert!(open(&sealed[..at], &mine).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn identities_and_recipients_are_texts() {
        let mine = Identity::generate().expect("random bytes");
        let line = mine.line();
        assert!(line.starts_with("AGE-SECRET-KEY-1"));
        let again = Identity::parse_file(&format!("# a comment\n\n{}\n", *line)).expect("readable");
        assert_eq!(again.recipient(), mine.recipient());
        assert_eq!(Recipient::parse(&mine.recipient().to_string()), Some(mine.recipient()));
        assert_eq!(Recipient::parse("age1qqqq"), None);
    }
}
