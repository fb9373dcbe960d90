//! Checksums and structure: what a secret proves about itself offline. One file per family of tests.
//!
//! A rule names its validators; [`check`] runs one. In comes a candidate that already has the rule's shape, out goes
//! a [`Verdict`] with its reason in words and the facts that were read on the way. Numbers such as "fact 5" in the
//! families' files are those of the list of verified checksums that the rules were made from.
//!
//! [`Verdict::Confirmed`] is for what chance and hand cannot make: a checksum, a parsed key, a decoded token. Looks
//! that fit (a mark in its place, a date inside) are a [`Verdict::Hint`] with points, so that tests for samples still
//! apply. Two kinds of failure are kept apart: a checksum that is confirmed for every token of its kind *rejects*, one that
//! is only known from samples (or a structure that issuers have varied) lowers the confidence. Nothing here panics,
//! whatever the bytes, and nothing allocates more than a few times the candidate's length.

mod armor;
mod assigned;
mod aws;
mod bip39;
mod checksum;
mod codec;
mod currency;
mod date;
mod der;
mod files;
mod json;
mod jwt;
mod keys;
mod macaroon;
mod openssh;
mod pem;
mod pgp;
mod placeholder;
mod putty;
mod shape;
mod uri;

#[cfg(test)]
mod tests;

use crate::finding::Reason;
pub use crate::rules::validators::NAMES;

/// Points of a checksum or signature of 24 bits and more that holds: chance is ruled out.
const PROVEN: i16 = 20;

/// Points of an inner structure that holds, a mark in its place, a date that is plausible.
const HOLDS: i16 = 10;

/// What a validator says of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Proven: the checksum or structure holds. Points (0 to 100 added) and why.
    Confirmed(Reason),
    /// Nothing against it, or a hint either way.
    Hint(Reason),
    /// It cannot be a real credential: dropped, with the reason that `explain` shows.
    Rejected(&'static str),
    /// Nothing to say.
    Silent,
}

/// A verdict and what was read out of the secret on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The verdict.
    pub verdict: Verdict,
    /// Facts, `account` = `123456789012`.
    pub facts: Vec<(&'static str, String)>,
}

impl From<Verdict> for Checked {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, facts: Vec::new() }
    }
}

impl Checked {
    /// Adds a fact. It was read from untrusted bytes, so control characters go and 120 characters are enough.
    fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let value: String = value.as_ref().chars().filter(|letter| !letter.is_control()).take(120).collect();
        if !value.is_empty() {
            self.facts.push((name, value));
        }
        self
    }

    /// The same for a fact that may be missing.
    fn with_some(self, name: &'static str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// It is proven; `points` more, for the reason `text`.
fn confirmed(points: i16, text: &'static str) -> Checked {
    Verdict::Confirmed(Reason::new(points, text)).into()
}

/// A hint of `points`, either way.
fn hint(points: i16, text: &'static str) -> Checked {
    Verdict::Hint(Reason::new(points, text)).into()
}

/// It cannot be a credential.
fn rejected(why: &'static str) -> Checked {
    Verdict::Rejected(why).into()
}

/// Nothing to say.
fn silent() -> Checked {
    Verdict::Silent.into()
}

/// Points gathered over several observations, told as one reason.
#[derive(Debug, Default)]
struct Weighed {
    points: i16,
    proven: bool,
    texts: Vec<&'static str>,
}

impl Weighed {
    /// One more observation.
    fn add(&mut self, points: i16, text: &'static str) {
        self.points = self.points.saturating_add(points);
        self.texts.push(text);
    }

    /// An observation that proves it.
    fn prove(&mut self, points: i16, text: &'static str) {
        self.add(points, text);
        self.proven = true;
    }

    /// All of them: confirmed when one proved it and they speak for it on balance, else a hint; silent without any.
    fn verdict(self) -> Checked {
        if self.texts.is_empty() {
            return silent();
        }
        let reason = Reason::new(self.points, self.texts.join("; "));
        if self.proven && self.points > 0 { Verdict::Confirmed(reason).into() } else { Verdict::Hint(reason).into() }
    }
}

/// A validator: the secret and the whole match in, a verdict out.
type Validator = fn(&[u8], &[u8]) -> Checked;

/// Runs one validator.
///
/// `secret` is what the rule calls the secret, `whole` the whole match. A name that is no validator is
/// [`Verdict::Silent`]; rules are checked against [`NAMES`] when they are loaded.
pub fn check(name: &str, secret: &[u8], whole: &[u8]) -> Checked {
    implementation(name).map_or_else(silent, |validator| validator(secret, whole))
}

fn implementation(name: &str) -> Option<Validator> {
    Some(match name {
        "crc32-base62" => checksum::crc32_base62,
        "crc32-base62-hint" => checksum::crc32_base62_hint,
        "crc32-le-hex" => checksum::crc32_le_hex,
        "github-fine-grained" => checksum::github_fine_grained,
        "gitlab-routable" => checksum::gitlab_routable,
        "confluent" => checksum::confluent,
        "atlassian" => checksum::atlassian,
        "zuplo" => checksum::zuplo,
        "anthropic" => shape::anthropic,
        "aws-key-id" => aws::key_id,
        "aws-secret" => aws::secret,
        "azure-cask" => shape::azure_cask,
        "azure-sas" => uri::azure_sas,
        "base64-json" => json::base64_json,
        "discord-id" => shape::discord_id,
        "jfrog-reference" => shape::jfrog_reference,
        "jwt" => jwt::check,
        "jwt-of-provider" => jwt::of_known_provider,
        "mapbox" => json::mapbox,
        "ngrok-ksuid" => shape::ngrok_ksuid,
        "openai-halves" => shape::openai_halves,
        "pypi-macaroon" => macaroon::pypi,
        "sentry-org" => json::sentry_org,
        "base64-32" => shape::base64_32,
        "base64-64" => shape::base64_64,
        "not-hex" => shape::not_hex,
        "uuid" => shape::uuid,
        "wireguard" => shape::wireguard,
        "google-service-account" => json::google_service_account,
        "jwk" => json::jwk,
        "pem" => pem::check,
        "pgp" => pgp::check,
        "pkcs12" => der::pkcs12,
        "putty" => putty::check,
        "base58check" => currency::base58check,
        "bech32" => currency::bech32,
        "bech32-hint" => currency::bech32_hint,
        "bip39" => bip39::check,
        "nats" => currency::nats,
        "stellar" => currency::stellar,
        "docker-auth" => files::docker_auth,
        "mssql" => assigned::mssql,
        "netrc" => files::netrc,
        "password-value" => files::password_value,
        "pgpass" => files::pgpass,
        "shadow-hash" => files::shadow_hash,
        "uri" => uri::check,
        _ => return None,
    })
}
