//! Whose key it is when the name does not tell all: a provider named in the lines round an assignment, and names that only
//! end in `key`.

use std::ops::Range;

use super::assigned::{NEAR, candidate, span_of, value_context};
use super::assignment::{self, Assignment};
use super::innocent::{NOT_SECRET, listed, word_spans, words};
use super::words::distinct;
use super::{Match, Scanner, boundary, forms, value};
use crate::finding::Reason;

/// A line of so many words at most heads what follows: `[front]`, `# data.gov`, `from findl import Client`.
const HEADING: usize = 4;
/// Shortest value of a plain `key` that is looked at.
const SHORTEST: usize = 8;

/// How a `key` goes on the name in front of it.
pub(super) enum Joined {
    /// `acme_key`.
    Yes,
    /// The same, with a blank behind it: another literal begins at the joint.
    HitTwice,
    /// `acmeKey`, `key`.
    No,
}

/// See [`Joined`].
pub(super) fn joined(text: &[u8], literal: &Range<usize>) -> Joined {
    match text[literal.start] {
        b'_' => Joined::Yes,
        _ if literal.start == 0 || text[literal.start - 1] != b'_' => Joined::No,
        _ if text.get(literal.end) == Some(&b' ') => Joined::HitTwice,
        _ => Joined::Yes,
    }
}

impl Scanner<'_> {
    /// A name ends in `key`, and no `_` joins the two: `acmeKey`, `acme-key`, `key`. That is a secret where a provider is
    /// named in it, or near it and the value has the form of the provider's keys; many other things are called so. Whether
    /// more than the assignment was looked at; `None` when it is to be judged like any other.
    pub(super) fn key_of_provider(
        &mut self,
        text: &[u8],
        literal: Range<usize>,
        index: u16,
        found: &Assignment,
        out: &mut Vec<Match>,
    ) -> Option<bool> {
        let value = found.value(text);
        let ends = literal.end.min(found.name.end) == found.name.end && boundary::is_word(text, &literal);
        if !ends || value.len() < SHORTEST || !value.iter().any(u8::is_ascii_digit) {
            return Some(false);
        }
        if follows_not_secret(text, found.name.start) {
            self.drop_candidate(index, span_of(found), "a word in front of the name says that the value is not secret");
            return Some(false);
        }
        if self.named(text, &literal, found, out) {
            return Some(false);
        }
        let judged = value::plainly_none(&candidate(text, &literal, found, false));
        if let Err(why) = judged
            && why != forms::UUID
        {
            self.drop_candidate(index, span_of(found), why);
            return Some(false);
        }
        // A value that is told by no name but names somebody itself is called after it.
        if is_slug(value) || !self.engine.compiled.providers_in(value).is_empty() {
            self.drop_candidate(index, span_of(found), "the value is words and numbers");
            return Some(false);
        }
        if self.any_name(text, found, &mut false, out)
            || self.by_provider_near(text, found, out)
            || self.by_word_before(text, found, out)
        {
            return Some(true);
        }
        if !follows_a_word(text, found) && self.provider_is_known(text, found) {
            return None;
        }
        self.drop_candidate(index, span_of(found), "no provider of such a key is named in it or near it");
        Some(true)
    }

    /// A UUID stands where a secret does: it is one when a provider is named in the name, or when the provider near it has
    /// such keys.
    pub(super) fn uuid_of_provider(
        &mut self,
        text: &[u8],
        index: u16,
        found: &Assignment,
        out: &mut Vec<Match>,
    ) -> bool {
        if self.by_provider_near(text, found, out) || self.by_word_before(text, found, out) {
            return true;
        }
        let value = found.value(text);
        let ends = self.engine.compiled.key_ends.contains(&index);
        let name = &text[found.name.clone()];
        // `clientRequestToken` tells one request from another.
        let of_a_request = words(name).any(|word| word.eq_ignore_ascii_case(b"request"));
        let grants = forms::names_a_key(name);
        let named = !self.engine.compiled.providers_in(name).is_empty();
        let (points, why) = match named || (ends || grants) && self.provider_is_known(text, found) {
            _ if of_a_request || distinct(value) < 9 => return false,
            true if ends => (14, "a provider of keys is named, and some have UUIDs"),
            true => (7, "a provider of keys is named, and some have UUIDs"),
            false => return false,
        };
        let confidence = i16::from(self.engine.rule(index).confidence);
        let reasons = vec![Reason::new(confidence, "a name for a secret has a value"), Reason::new(points, why)];
        let before = out.len();
        self.conclude(text, index, span_of(found), found.value.clone(), value_context(text, found), reasons, out);
        out.len() > before
    }

    /// What it tells that a provider is named: much, when the name only ends in `key`.
    pub(super) fn of_known_provider(&self, text: &[u8], index: u16, found: &Assignment) -> Option<Reason> {
        let ends = self.engine.compiled.key_ends.contains(&index);
        let known = match ends {
            true => self.provider_is_known(text, found),
            false => !self.engine.compiled.providers_in(&text[found.name.clone()]).is_empty(),
        };
        known.then(|| Reason::new(if ends { 12 } else { 5 }, "a provider of keys is named"))
    }

    /// Whether a contextual rule whose provider is named within [`NEAR`] bytes owns the value.
    pub(super) fn by_provider_near(&mut self, text: &[u8], found: &Assignment, out: &mut Vec<Match>) -> bool {
        let span = span_of(found);
        let start = span.start.saturating_sub(NEAR);
        let near = &text[start..(span.end + NEAR).min(text.len())];
        let owners = self.engine.compiled.providers_near(near);
        for (index, keyword) in owners {
            let keyword = keyword.start + start..keyword.end + start;
            if keyword.start < found.value.end && keyword.end > found.value.start || !boundary::is_word(text, &keyword)
            {
                continue;
            }
            if self.owned(text, index, found, "its provider is not in the name but near it", out) {
                return true;
            }
        }
        false
    }

    /// Whether a contextual rule whose provider is an ordinary word owns the value, and that word stands in a line above that
    /// heads it, or is a part of a host's name.
    pub(super) fn by_word_before(&mut self, text: &[u8], found: &Assignment, out: &mut Vec<Match>) -> bool {
        let mut owners = Vec::new();
        for line in lines_before(text, found) {
            let heads = word_spans(line).nth(HEADING).is_none();
            let named = self.engine.compiled.owners_by_name(line);
            owners.extend(named.into_iter().filter(|(_, word)| heads || in_host(line, word)).map(|(rule, _)| rule));
        }
        owners.sort_unstable();
        owners.dedup();
        owners
            .into_iter()
            .any(|index| self.owned(text, index, found, "its provider is not in the name but heads it", out))
    }

    /// Whether the value has the form of a rule whose provider is not in the name, and `why` that counts less.
    fn owned(&mut self, text: &[u8], index: u16, found: &Assignment, why: &'static str, out: &mut Vec<Match>) -> bool {
        let confidence = i16::from(self.engine.rule(index).confidence);
        let reasons = vec![Reason::new(confidence, "the value has the form of the rule"), Reason::new(-5, why)];
        self.whole_value(text, index, found, reasons, out)
    }

    /// Whether a provider of keys is named in the name, or begins a line above that heads it, or is a part of a host's name
    /// there.
    pub(super) fn provider_is_known(&self, text: &[u8], found: &Assignment) -> bool {
        const IMPORTS: [&[u8]; 5] = [b"from", b"import", b"use", b"using", b"require"];
        let compiled = &self.engine.compiled;
        let known = |line: &[u8]| {
            let heads = word_spans(line).nth(HEADING).is_none();
            let first =
                word_spans(line).find(|word| !IMPORTS.contains(&&line[word.clone()])).map_or(0, |word| word.start);
            compiled.providers_in(line).iter().any(|word| heads && word.start == first || in_api_host(line, word))
        };
        !compiled.providers_in(&text[found.name.clone()]).is_empty() || lines_before(text, found).any(known)
    }
}

/// The lines before an assignment, and what stands in front of it in its own, [`NEAR`] bytes of them; one whose beginning
/// is out of sight is left out.
fn lines_before<'t>(text: &'t [u8], found: &Assignment) -> impl Iterator<Item = &'t [u8]> {
    let end = span_of(found).start;
    let start = end.saturating_sub(NEAR);
    text[start..end].split(|&byte| byte == b'\n').skip(usize::from(start > 0))
}

/// Whether `word` is a part of a host's name in `line`: `https://acme.com/`.
fn in_host(line: &[u8], word: &Range<usize>) -> bool {
    word.start > 0 && matches!(line[word.start - 1], b'.' | b'/') && line.get(word.end) == Some(&b'.')
}

/// The same of a host that serves programs: `https://api.acme.com/`.
fn in_api_host(line: &[u8], word: &Range<usize>) -> bool {
    in_host(line, word) && line[..word.start].ends_with(b"api.")
}

/// Whether the name is the last word of several: `Release GPG key: ...`.
fn follows_a_word(text: &[u8], found: &Assignment) -> bool {
    let blanks = text[..found.name.start].iter().rev().take(2).take_while(|&&byte| byte == b' ').count();
    let before = found.name.start - blanks;
    blanks > 0 && before > 0 && text[before - 1].is_ascii_alphanumeric() && found.name.len() <= KEY.len()
}

/// Whether one of the last words in front of `at`, on its line, says that what follows is no secret: `the public `.
fn follows_not_secret(text: &[u8], at: usize) -> bool {
    let line = &text[at.saturating_sub(assignment::BACK)..at];
    let line = memchr::memrchr(b'\n', line).map_or(line, |end| &line[end + 1..]);
    let last: Vec<&[u8]> = words(line).collect();
    last.iter().rev().take(2).any(|word| listed(NOT_SECRET, word))
}

/// Whether a value is words and numbers: `acme-plugin-2024`.
fn is_slug(value: &[u8]) -> bool {
    let sign = |byte: &u8| matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b' ');
    let plain = |part: &[u8]| part.iter().all(u8::is_ascii_digit) || part.iter().all(u8::is_ascii_alphabetic);
    let mixed = value.split(sign).filter(|part| !plain(part)).count();
    value.iter().any(sign) && (mixed == 0 || mixed == 1 && value.split(sign).count() > 2)
}

/// The name that tells nothing.
const KEY: &[u8] = b"key";

#[cfg(test)]
mod tests {
    use super::is_slug;
    use crate::engine::Engine;
    use crate::rules::{RuleSet, load, template};

    const RULES: &str = r#"
        [[rules]]
        id = "copper-key"
        provider = "Copper CRM"
        description = "x"
        severity = "low"
        confidence = 60
        words = ["copper"]
        regex = '[a-f0-9]{32}'
        entropy = 2.9
        examples = ["COPPER_API_KEY={hex:32}"]
        nearMisses = ["COPPER_API_KEY={hex:31}"]

        [[rules]]
        id = "keys"
        description = "x"
        severity = "low"
        confidence = 38
        generic = true
        keywords = ["key=", "key =", "key:", "key\"", "_key "]
        examples = ["acme_key={alnum:32}"]
        nearMisses = ["acme_key={alnum:3}"]

        [[rules]]
        id = "tokens"
        description = "x"
        severity = "low"
        confidence = 50
        generic = true
        keywords = ["token", "api_key"]
        examples = ["token={alnum:32}"]
        nearMisses = ["token={alnum:3}"]
    "#;

    fn found(form: &str) -> Vec<String> {
        let rules = RuleSet::from_rules(load::load(RULES, "x.toml").expect("sound rules"));
        let engine = Engine::new(rules).expect("sound rules");
        let text = template::expand(form, 3).expect("a sound template");
        let matches = engine.scanner().scan(text.as_bytes());
        let loud = matches.iter().filter(|found| found.confidence >= 50);
        loud.map(|found| engine.rule(found.rule).id.to_string()).collect()
    }

    #[test]
    fn a_name_that_ends_in_key_is_a_key_of_the_provider_in_it_or_above_it() {
        for form in [
            "copperKey = \"{hex:32}\"\n",
            "<add key=\"CopperKey\" value=\"{hex:32}\" />\n",
            "[copper]\nkey = {hex:32}\n",
            "# copper\nkey = \"{hex:32}\"\n",
            "from copper import Client\n\nclient = Client(key=\"{hex:32}\")\n",
            "BASE=https://api.copper.com/v2\nKEY={hex:32}\n",
            "\"copper\": {{\n  \"key\": \"{hex:32}\"\n}}\n",
        ] {
            assert_eq!(found(form), ["copper-key"], "{form}");
        }
        // Of another form than the provider's keys are told to have.
        for form in ["copperKey = \"{alnum:40}\"\n", "[copper]\nkey = {alnum:40}\n"] {
            assert_eq!(found(form), ["keys"], "{form}");
        }
        for form in [
            "someKey = \"{alnum:40}\"\n",
            "key = \"{alnum:40}\"\n",
            "copperCacheKey = \"{hex:32}\"\n",
            "the copper public key: {hex:32}\n",
            "copper keys are good, and this line has more words than a heading\nkey = {hex:32}\n",
            "[copper]\nkey = copper-plugin-{digits:4}\n",
            "[copper]\nkey = copper.label.{digits:4}\n",
            "monkey = {hex:32}\ncopper_turnkey: {hex:32}\n",
        ] {
            assert_eq!(found(form), [] as [&str; 0], "{form}");
        }
    }

    #[test]
    fn a_uuid_is_a_secret_where_a_provider_or_a_grant_is_named() {
        for form in ["COPPER_TOKEN={uuid}\n", "[copper]\napi_key = {uuid}\n", "{{\"access_token\": \"{uuid}\"}}\n"] {
            assert_eq!(found(form), ["tokens"], "{form}");
        }
        assert_eq!(found("copper_key={uuid}\n"), ["keys"]);
        for form in ["TOKEN={uuid}\n", "copperRequestToken: {uuid}\n", "acme_key={uuid}\n", "token_id={uuid}\n"] {
            assert_eq!(found(form), [] as [&str; 0], "{form}");
        }
    }

    #[test]
    fn slugs_are_words_and_numbers() {
        for slug in ["acme-plugin-2024", "app.settings.v2", "a:user:7", "linux-x64-2024"] {
            assert!(is_slug(slug.as_bytes()), "{slug}");
        }
        for other in ["q7Rk-T2vLx9Zp-Wm4NbC8s", "3f2b9c04d71e5a86", "xq7rkt2v", "92|GdBrGZjWYsZAhKuv5"] {
            assert!(!is_slug(other.as_bytes()), "{other}");
        }
    }
}
