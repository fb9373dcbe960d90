//! Findings of matches: where they stand, what reports may show of them, what the bytes round them say. Done while the bytes
//! are there; nothing of a secret is shown but what is public of it.

use super::Worker;
use crate::engine::{Engine, Match, words};
use crate::filter::{Decision, inline};
use crate::finding::position::Locator;
use crate::finding::redact::{excerpt, mask};
use crate::finding::{Finding, Origin, OriginKind, Part, Status};
use crate::secret::Secret;
use crate::source::Item;
use crate::source::encoding::Decoded;

/// A shorter piece of a secret tells nothing of it.
const LEAST_MASKED: usize = 6;

impl Worker<'_> {
    /// Makes findings of the matches of an item, those that count.
    pub(super) fn matched(&mut self, item: &Item<'_>, decoded: &Decoded<'_>, matches: &[Match]) {
        let text = &*decoded.text;
        let engine = self.scan.engine;
        let masks: Vec<_> = matches
            .iter()
            .flat_map(|found| {
                let parts = (0..found.parts.len()).map(|part| (&found.parts[part], found.part_in(text, part)));
                let parts = parts.map(|((rule, span), secret)| (span.clone(), self.shown(engine, *rule, secret)));
                std::iter::once((found.secret.clone(), self.shown(engine, found.rule, found.secret_in(text))))
                    .chain(parts)
            })
            .collect();
        let mut locator = Locator::new(text);
        for found in matches {
            let secret = &text[found.secret.clone()];
            let raw = decoded.raw_offset(found.secret.start)..decoded.raw_offset(found.secret.end);
            if item.accept.is_some_and(|accept| !accept(secret, raw.clone())) {
                continue;
            }
            let mut origin = item.origin.clone();
            let offset = item.start.offset;
            (origin.byte_start, origin.byte_end) = (raw.start as u64 + offset, raw.end as u64 + offset);
            origin.decode.extend(decoded.encoding.map(str::to_owned));
            origin.decode.extend(found.decoded.iter().flat_map(|decoded| &decoded.chain).map(|&name| name.to_owned()));
            let line = locator.line_span(found.secret.start);
            let excerpt = excerpt(text, line, found.secret.clone(), &masks);
            let mut finding = self.place(engine, found, text, &mut locator);
            finding.origin = origin;
            finding.position = item.start.shift(finding.position);
            finding.parts.iter_mut().for_each(|part| part.position = item.start.shift(part.position));
            (finding.excerpt, finding.excerpt_mark) = (excerpt.text, excerpt.mark);
            finding.commit.clone_from(&item.commit);
            self.note_allowances(found, text, &mut finding, matches);
            if let Some(sink) = self.scan.at_once() {
                if self.scan.filter.decide(&mut finding) == Decision::Drop {
                    continue;
                }
                sink(&finding);
            }
            self.mine.findings.push(finding);
        }
    }

    /// Notes what only the bytes tell: a comment beside the match, an allowlist's pattern over its line.
    fn note_allowances(&self, found: &Match, text: &[u8], finding: &mut Finding, all: &[Match]) {
        let rules = || self.scan.engine.rules().rules().iter().map(|rule| rule.id.to_string()).collect();
        if let Some(mut allow) = inline::find(text, found.secret.clone(), &finding.rule, &rules) {
            inline::hide(&mut allow, text, all.iter().map(|other| other.secret.clone()));
            finding.inline_allow = Some(allow);
        }
        if self.scan.context {
            let start = memchr::memrchr2(b'\n', b'\r', &text[..found.span.start]).map_or(0, |at| at + 1);
            let end =
                memchr::memchr2(b'\n', b'\r', &text[found.span.end..]).map_or(text.len(), |at| found.span.end + at);
            finding.context_hits = self.scan.filter.context_hits(&finding.rule, text, found.span.clone(), start..end);
        }
    }

    /// What reports show of a secret.
    fn shown(&self, engine: &Engine, rule: u16, secret: &[u8]) -> String {
        let public = engine
            .rule(rule)
            .literals
            .iter()
            .find(|literal| !literal.ignore_case && secret.starts_with(literal.text.as_bytes()));
        mask(secret, public.map_or(0, |literal| literal.text.len()))
    }

    pub(super) fn place(&self, engine: &Engine, found: &Match, text: &[u8], locator: &mut Locator<'_>) -> Finding {
        let rule = engine.rule(found.rule);
        let secret = found.secret_in(text);
        let parts: Vec<Part> = found
            .parts
            .iter()
            .enumerate()
            .map(|(place, (index, span))| Part {
                rule: engine.rule(*index).id.to_string(),
                secret: Secret::new(found.part_in(text, place)),
                redacted: self.shown(engine, *index, found.part_in(text, place)),
                position: locator.position(span.clone()),
            })
            .collect();
        // What a part masks, no fact shows.
        let is_masked = |value: &str| {
            let shows = |part: &Part| memchr::memmem::find(part.secret.expose(), value.as_bytes()).is_some();
            value.len() >= LEAST_MASKED && parts.iter().any(shows)
        };
        let facts = found.facts.iter().filter(|(_, value)| !is_masked(value));
        let facts = facts.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Finding {
            rule: rule.id.to_string(),
            provider: rule.provider.to_string(),
            description: rule.description.to_string(),
            severity: rule.severity,
            confidence: found.confidence,
            reasons: found.reasons.clone(),
            origin: Origin::new(OriginKind::File, ""),
            position: locator.position(found.secret.clone()),
            commit: None,
            secret: Secret::new(secret),
            redacted: self.shown(engine, found.rule, secret),
            excerpt: String::new(),
            excerpt_mark: 0..0,
            parts,
            facts,
            entropy: words::entropy(secret),
            tags: rule.tags.iter().map(ToString::to_string).collect(),
            fingerprint: String::new(),
            secret_id: String::new(),
            inline_allow: None,
            gives_way: found.gives_way.map(|by| engine.rule(by).id.to_string()),
            context_hits: Vec::new(),
            status: Status::Open,
        }
    }
}
