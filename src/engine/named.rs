//! Owners by name: contextual rules whose providers are called by ordinary words (`copper`, `front`), or are so many
//! that the prefilter should not look for them.
//!
//! The generic path has found a name that holds a word for a secret (`COPPER_API_TOKEN`); here the other words of that
//! name say which rules own it. So these words cost nothing where no secret is named. Names of providers are known beside
//! them: a key that is called by one is likelier a key, whatever its form.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::innocent::{NOT_SECRET, listed, word_spans, words};
use crate::rules::{Method, RuleSet};

/// Most words of a name that may make one word of a rule (`privateai` is written `private_ai`).
const JOINED: usize = 3;

/// The words of all rules, in small letters, and the rules of each; the names of all providers.
#[derive(Debug)]
pub(super) struct Names {
    words: HashMap<Box<[u8]>, Vec<u16>>,
    providers: HashSet<Box<[u8]>>,
}

impl Names {
    pub(super) fn new(rules: &RuleSet) -> Self {
        let mut words: HashMap<Box<[u8]>, Vec<u16>> = HashMap::new();
        let mut providers: HashSet<Box<[u8]>> = HashSet::new();
        for (index, rule) in rules.rules().iter().enumerate() {
            for word in rule.words.iter() {
                words.entry(word.as_bytes().into()).or_default().push(index as u16);
                providers.insert(word.as_bytes().into());
            }
            if rule.method != Method::Generic {
                let letters = |name: &str| -> Box<[u8]> {
                    let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
                    letters.map(|byte| byte.to_ascii_lowercase()).collect()
                };
                let telling = |word: &&str| word.len() >= TELLING && !COMMON.contains(word);
                let names = std::iter::once(letters(&rule.provider));
                let names = names.chain(rule.provider.split(' ').filter(telling).map(letters));
                providers.extend(names.filter(|name| name.len() >= SHORTEST));
            }
        }
        Self { words, providers }
    }

    /// The rules that have a word of `name`, and where in the name it stands.
    pub(super) fn owners(&self, name: &[u8]) -> Vec<(u16, Range<usize>)> {
        let mut owners = Vec::new();
        if self.words.is_empty() {
            return owners;
        }
        joined(name, |word, span| {
            owners.extend(self.words.get(word).into_iter().flatten().map(|&rule| (rule, span.clone())));
        });
        owners
    }

    /// Where providers are named in `name`.
    pub(super) fn providers(&self, name: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        joined(name, |word, span| {
            if self.providers.contains(word) {
                found.push(span);
            }
        });
        found
    }
}

/// Shortest name of a provider that tells something.
const SHORTEST: usize = 4;
/// Shortest word of a name of several words that does.
const TELLING: usize = 6;
/// Words of providers' names that others have as well.
const COMMON: &[&str] = &[
    "Account",
    "Analytics",
    "Business",
    "Connect",
    "Database",
    "Developer",
    "Digital",
    "Enterprise",
    "Exchange",
    "Express",
    "Framework",
    "General",
    "Identity",
    "Language",
    "Machine",
    "Manager",
    "Market",
    "Monitor",
    "Network",
    "Networking",
    "Networks",
    "Online",
    "Password",
    "Payment",
    "Payments",
    "Platform",
    "Private",
    "Project",
    "Public",
    "Registry",
    "Screenshot",
    "Search",
    "Secret",
    "Security",
    "Server",
    "Service",
    "Services",
    "Software",
    "Storage",
    "Studio",
    "System",
    "Systems",
    "Tokens",
    "Translate",
    "Weather",
    "Website",
];

/// Calls `each` with every word of a name, and with what neighbouring words make together, in small letters.
fn joined(name: &[u8], mut each: impl FnMut(&[u8], Range<usize>)) {
    let spans: Vec<Range<usize>> = word_spans(name).collect();
    let mut joined = Vec::new();
    for first in 0..spans.len() {
        joined.clear();
        for span in spans[first..].iter().take(JOINED) {
            joined.extend(name[span.clone()].iter().map(u8::to_ascii_lowercase));
            each(&joined, spans[first].start..span.end);
        }
    }
}

/// Last words of a name that begins with a provider's and yet tells of no credential: its ids, places, revisions.
#[rustfmt::skip]
const NOT_CREDENTIAL: &[&str] = &[
    "account", "build", "channel", "checksum", "commit", "digest", "domain", "email", "etag", "file", "filename",
    "fingerprint", "guid", "hash", "host", "hostname", "id", "ids", "image", "index", "md5", "message", "name", "org",
    "organization", "path", "project", "public", "ref", "region", "release", "rev", "revision", "sha", "sha1",
    "sha256", "site", "space", "tag", "team", "type", "uri", "url", "user", "username", "uuid", "version",
    "workspace", "zone",
];

/// Whether what follows a provider's keyword in `name` says that the value is one of the provider's ids or the like.
pub(super) fn tells_of_no_credential(name: &[u8], keyword: &std::ops::Range<usize>) -> bool {
    let behind = || words(name.get(keyword.end..).unwrap_or_default());
    behind().last().is_some_and(|word| listed(NOT_CREDENTIAL, word)) || behind().any(|word| listed(NOT_SECRET, word))
}

/// Whether a value is itself the name of a credential: `snowflake_pass`, `API_TOKEN`.
pub(super) fn names_a_credential(value: &[u8]) -> bool {
    #[rustfmt::skip]
    const LAST: &[&str] = &["pass", "password", "passwd", "pwd", "secret", "token", "key", "credential", "credentials"];
    let plain = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.');
    value.iter().all(plain) && words(value).last().is_some_and(|word| word.len() < value.len() && listed(LAST, word))
}

#[cfg(test)]
mod tests {
    use super::{Names, names_a_credential, tells_of_no_credential};
    use crate::engine::Engine;
    use crate::rules::{RuleSet, load};

    const RULES: &str = r#"
        [[rules]]
        id = "copper-key"
        description = "x"
        severity = "low"
        words = ["copper", "privateai", "ai21"]
        regex = '[a-f0-9]{32}'
        entropy = 2.9
        examples = ["COPPER_API_KEY={hex:32}"]
        nearMisses = ["COPPER_API_KEY={hex:31}"]

        [[rules]]
        id = "tokens"
        description = "x"
        severity = "low"
        generic = true
        keywords = ["token", "api_key"]
        examples = ["token={alnum:32}"]
        nearMisses = ["token={alnum:3}"]
    "#;

    fn rules() -> RuleSet {
        RuleSet::from_rules(load::load(RULES, "x.toml").expect("sound rules"))
    }

    #[test]
    fn words_stand_whole_in_any_spelling() {
        let names = Names::new(&rules());
        for name in [
            "COPPER_TOKEN",
            "copperApiKey",
            "my-copper.token",
            "private_ai_token",
            "privateAiToken",
            "ai21ApiKey",
            "AI21_KEY",
        ] {
            assert_eq!(names.owners(name.as_bytes()).len(), 1, "{name}");
        }
        for name in ["coppered_token", "COPPERS_TOKEN", "token", "private_token", "ai_private", ""] {
            assert!(names.owners(name.as_bytes()).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_word_counts_beside_a_word_for_a_secret_and_not_alone() {
        let engine = Engine::new(rules()).expect("sound rules");
        let found = |text: &str| -> Vec<String> {
            let matches = engine.scanner().scan(text.as_bytes());
            matches.iter().map(|found| engine.rule(found.rule).id.to_string()).collect()
        };
        let value = "3f2b9c04d71e5a868b5d0e6fa4c29137";
        assert_eq!(found(&format!("COPPER_API_KEY={value}\n")), ["copper-key"]);
        assert_eq!(found(&format!("\"copperToken\": \"{value}\"\n")), ["copper-key"]);
        assert_eq!(found(&format!("OTHER_API_KEY={value}\n")), ["tokens"]);
        for quiet in ["copper", "copper_hash", "copper_token_id", "copper_token_url", "public_copper_token"] {
            assert!(found(&format!("{quiet}={value}\n")).is_empty(), "{quiet}");
        }
    }

    #[test]
    fn a_providers_ids_are_no_credentials() {
        let tells = |name: &str, keyword: &str| {
            let at = name.find(keyword).expect("keyword there");
            tells_of_no_credential(name.as_bytes(), &(at..at + keyword.len()))
        };
        for name in ["datadog_trace_id", "datadogTraceId", "datadog-release", "DATADOG_SITE".to_lowercase().as_str()] {
            assert!(tells(name, "datadog"), "{name}");
        }
        for name in ["datadog", "datadog_api_key", "datadogApiKey", "datadog_key_test", "site_datadog_key"] {
            assert!(!tells(name, "datadog"), "{name}");
        }
        assert!(!tells("twilio_account_sid", "twilio_account_sid"));
    }

    #[test]
    fn names_of_credentials_are_no_values() {
        for name in ["snowflake_pass", "API_TOKEN", "dbPassword", "client-secret"] {
            assert!(names_a_credential(name.as_bytes()), "{name}");
        }
        for value in ["Zx81kLmQ99pRtYv2", "token", "correct-horse-battery", "kQzVxKEYz"] {
            assert!(!names_a_credential(value.as_bytes()), "{value}");
        }
    }
}
