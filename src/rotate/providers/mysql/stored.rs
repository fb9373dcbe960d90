//! The forms in which servers store passwords: what is sent instead of a new password, so that no log has it in clear.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::rotate::providers::random_text;
use crate::rotate::redact::hex;
use crate::rotate::types::Trouble;

/// MariaDB's: `*` and SHA-1 twice, in hex.
pub(super) fn native(password: &[u8]) -> String {
    format!("*{}", hex(&Sha1::digest(Sha1::digest(password))).to_ascii_uppercase())
}

/// Letters of a salt.
const SALT: usize = 20;

/// MySQL's for `caching_sha2_password`: SHA-crypt with SHA-256 in 5,000 rounds and a fresh salt.
pub(super) fn caching(password: &[u8]) -> Result<String, Trouble> {
    let salt = random_text(SALT)?;
    Ok(format!("$A$005${}{}", *salt, sha_crypt(password, salt.as_bytes(), 5_000)))
}

fn hash(parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Zeroizing::new(hasher.finalize().into())
}

/// `digest` again and again, `length` bytes of it.
fn stretch(digest: &[u8; 32], length: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(digest.iter().copied().cycle().take(length).collect())
}

/// Ulrich Drepper's scheme ("Unix crypt using SHA-256"): the 43 letters after the salt.
fn sha_crypt(password: &[u8], salt: &[u8], rounds: u32) -> String {
    let second = hash(&[password, salt, password]);
    let mut first = Zeroizing::new([password, salt, &stretch(&second, password.len())].concat());
    let mut bits = password.len();
    while bits > 0 {
        first.extend_from_slice(if bits & 1 == 1 { &second[..] } else { password });
        bits >>= 1;
    }
    let mut digest = hash(&[&first]);
    let repeated = Zeroizing::new(password.repeat(password.len()));
    let p = stretch(&hash(&[&repeated]), password.len());
    let s = stretch(&hash(&[&salt.repeat(16 + usize::from(digest[0]))]), salt.len());
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let (before, after): (&[u8], &[u8]) = if odd { (&p, &digest[..]) } else { (&digest[..], &p) };
        let s = if round % 3 == 0 { &[] } else { &s[..] };
        let middle = if round % 7 == 0 { &[] } else { &p[..] };
        digest = hash(&[before, s, middle, after]);
    }
    letters(&digest)
}

/// The scheme's own order of bytes and alphabet.
fn letters(digest: &[u8; 32]) -> String {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(43);
    let mut put = |high: u8, middle: u8, low: u8, count: usize| {
        let mut word = u32::from_be_bytes([0, high, middle, low]);
        for _ in 0..count {
            text.push(char::from(ALPHABET[(word & 63) as usize]));
            word >>= 6;
        }
    };
    // Each group's first byte is ten places behind the one before, in turns of three.
    let (mut a, mut b, mut c) = (0, 10, 20);
    for _ in 0..10 {
        put(digest[a], digest[b], digest[c], 4);
        (a, b, c) = (c + 1, a + 1, b + 1);
    }
    put(0, digest[31], digest[30], 3);
    text
}
