//! Confidence: the sum of its reasons, 0 to 100; and the marks of samples in tokens that have a form of their own.

use super::words::{counts_in_hex, distinct, has_run, repeats, surely_reads_as_words};
use crate::finding::Reason;
use crate::rules::Rule;

/// The sum of the reasons' points, from 0 to 100.
pub fn sum(reasons: &[Reason]) -> u8 {
    let total: i32 = reasons.iter().map(|reason| i32::from(reason.points)).sum();
    total.clamp(0, 100) as u8
}

/// Words that only a sample has, and only whole: random text of 40 letters holds one with a chance below 1 in 10^5.
const SAMPLES: [&str; 16] = [
    "example",
    "xxxxx",
    "redacted",
    "placeholder",
    "changeme",
    "your_",
    "yourtoken",
    "notreal",
    "sample",
    "dummy",
    "fake_",
    "123456789",
    "abcdefgh",
    "insert_",
    // The key in Stripe's documentation.
    "4eC39HqLyjWDarjtT1zdp7dc",
    // The token in Telegram's documentation.
    "AAHdqTcvCH1vGWJxfSe1ofS",
];

/// Length of the lower-case word and its `_` or `-` that a token begins with, when more follows: `secret_`, `production-`.
fn prefix(secret: &[u8]) -> usize {
    let word = secret.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    let ends = matches!(secret.get(word), Some(b'_' | b'-'));
    if ends && word <= 12 && secret.len() >= word + 13 { word + 1 } else { 0 }
}

/// Whether an unproven token is a sample: dropped with a reason, or points.
pub(super) fn sample(secret: &[u8], rule: &Rule) -> Result<Option<Reason>, &'static str> {
    let public = rule
        .literals
        .iter()
        .filter(|literal| secret.starts_with(literal.text.as_bytes()))
        .map(|literal| literal.text.len())
        .max()
        .unwrap_or_else(|| prefix(secret));
    let body = &secret[public..];
    if SAMPLES.iter().any(|word| body.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))) {
        return Err("it is a sample: a word that says so stands in it");
    }
    if has_run(body, 8) || counts_in_hex(body) || body.len() >= 12 && (distinct(body) < 6 || repeats(body)) {
        return Err("it repeats or counts");
    }
    // Short random text may have letters that are cheap by chance; samples hold few digits, short ones none.
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    let wordy = if body.len() < 20 { digits == 0 } else { digits * 8 <= body.len() };
    // People make passwords of words.
    let password = rule.tags.iter().any(|tag| tag == "password");
    if !password && body.len() >= 12 && wordy && surely_reads_as_words(body) {
        return Err("it reads as words");
    }
    // The dashes round a key are none of it.
    if body.len() >= 12 && !secret.starts_with(b"-----BEGIN") && has_run(body, 5) {
        return Ok(Some(Reason::new(-15, "a run of equal or counting characters stands in it")));
    }
    Ok(None)
}
