//! The history walk's end of the pipeline: candidates of new bytes are looked for, those of copied bytes carried over.
//!
//! A carried candidate is the [`Match`] as it was found, in the text it was found in; its anchor says where it stands
//! now. What it looked at was copied whole, so only its place differs. Each blob's candidates are resolved among each
//! other, as those of a text that was scanned whole.

use std::ops::Range;
use std::sync::Arc;

use super::Worker;
use crate::engine::{LONG_REACH, MOST_CANDIDATES, Match, SHORT_REACH};
use crate::engine::{decode, whole};
use crate::finding::{Finding, Origin};
use crate::source::encoding;
use crate::source::history::dirty::{Anchor, Near};
use crate::source::history::reader::{Blob, Sighting, TextReader};
use crate::source::{Item, Visitor as _, is_container};

/// How far round new bytes literals are looked for: a hit left of them may look forward into them, one right of them
/// backward.
const NEAR: Near = Near { left: SHORT_REACH.1 as u32, right: SHORT_REACH.0 as u32 };

/// New bytes with what is [`NEAR`] them, and with what encodings need to each side of them.
fn wide_enough(fresh: &Range<u32>) -> Range<usize> {
    const LEFT: u32 = (decode::NEAR as u32).saturating_sub(NEAR.left);
    const RIGHT: u32 = (decode::NEAR as u32).saturating_sub(NEAR.right);
    fresh.start.saturating_sub(LEFT) as usize..(fresh.end + RIGHT) as usize
}

impl TextReader for Worker<'_> {
    type Found = Arc<Match>;

    fn near(&self) -> Near {
        NEAR
    }

    fn most_anchors(&self) -> usize {
        // Of a text with more candidates the last ones are gone, and an edit may bring them back.
        MOST_CANDIDATES
    }

    fn carries(&self, text: &[u8], fresh: Option<&[Range<u32>]>) -> bool {
        // A text that is nothing but a secret depends on all its bytes: short ones are scanned whole.
        self.scan.local
            && !whole::may_be_one(text)
            && encoding::is_plain(text)
            && !is_container(text)
            && !match fresh {
                None => decode::may_pay(text),
                Some(fresh) => decode::may_pay_in(text, fresh.iter().map(wide_enough)),
            }
    }

    fn look(&mut self, text: &[u8], ranges: &[Range<u32>], out: &mut Vec<Anchor<Arc<Match>>>) {
        self.scanner.open = Some(std::mem::take(&mut self.open));
        let ranges = ranges.iter().map(|range| range.start as usize..range.end as usize);
        self.scanner.candidates_in(text, ranges, &mut self.candidates);
        self.open = self.scanner.open.take().unwrap_or_default();
        let anchor = |at: usize, context: &Range<usize>, found| Anchor {
            at: at as u32,
            before: at.saturating_sub(context.start) as u32,
            after: context.end.saturating_sub(at) as u32,
            found,
        };
        out.extend(self.open.drain(..).map(|open| anchor(open.anchor, &open.context, None)));
        out.extend(self.candidates.drain(..).map(|found| {
            let (at, context) = (found.anchor, found.context.clone());
            anchor(at, &context, Some(Arc::new(found)))
        }));
    }

    fn blob(&mut self, text: &[u8], anchors: Option<&[Anchor<Arc<Match>>]>, blob: &Blob<'_>) {
        let matches = match anchors {
            Some(anchors) => {
                self.count(text);
                let matches = self.resolved(text, anchors);
                if self.scanner.crowded {
                    self.note_crowd(&blob.origin());
                }
                matches
            }
            // Encodings in a text: all of it was looked at, and its finds are like others.
            None if encoding::is_plain(text) && !is_container(text) => {
                self.count(text);
                self.matches(text, &blob.origin())
            }
            None => return self.item(Item::new(blob.origin(), text)),
        };
        if matches.is_empty() {
            return;
        }
        let Some(number) = blob.object.number(blob.store) else {
            return self.matched(&Item::new(blob.origin(), text), &encoding::decode(text), &matches);
        };
        let scan = self.scan;
        self.mine.sightings.extend(matches.iter().map(|found| Sighting {
            secret: scan.secret_key(&scan.engine.rule(found.rule).id, found.secret_in(text)),
            blob: number,
            start: found.secret.start as u32,
            confidence: found.confidence,
        }));
    }

    fn secrets(&mut self, text: &[u8], anchors: Option<&[Anchor<Arc<Match>>]>) -> Option<Vec<u128>> {
        let matches = match anchors {
            Some(anchors) => self.resolved(text, anchors),
            None if encoding::is_plain(text) && !is_container(text) => self.scanner.scan(text),
            None => return None,
        };
        let told = [&mut self.scanner.exhausted, &mut self.scanner.crowded].map(std::mem::take);
        if told != [false, false] {
            return None;
        }
        self.count(text);
        // Of an encoded secret the bytes that stand in the text: those are what a change brings.
        let mut secrets: Vec<u128> =
            matches.iter().map(|found| self.scan.secret_key("", &text[found.secret.clone()])).collect();
        secrets.sort_unstable();
        secrets.dedup();
        Some(secrets)
    }

    fn place(&mut self, text: &[u8], origin: Origin) -> Vec<Finding> {
        let decoded = encoding::decode(text);
        let matches = self.scanner.scan(&decoded.text);
        self.matched(&Item::new(origin, text), &decoded, &matches);
        std::mem::take(&mut self.mine.findings)
    }

    fn secret_key(&self, finding: &Finding) -> u128 {
        self.scan.secret_key(&finding.rule, finding.secret.expose())
    }

    fn reach(&self) -> usize {
        LONG_REACH
    }
}

impl Worker<'_> {
    /// The matches of a text whose candidates stand at `anchors`.
    fn resolved(&mut self, text: &[u8], anchors: &[Anchor<Arc<Match>>]) -> Vec<Match> {
        let mut matches: Vec<Match> = anchors.iter().filter_map(placed).collect();
        if !matches.is_empty() {
            self.scanner.resolve(text, &mut matches);
        }
        matches
    }
}

/// The candidate where its anchor stands now.
fn placed(anchor: &Anchor<Arc<Match>>) -> Option<Match> {
    let mut found = Match::clone(anchor.found.as_deref()?);
    let (from, to) = (found.anchor, anchor.at as usize);
    for range in [&mut found.span, &mut found.secret, &mut found.context] {
        // What was looked at before the anchor stands before it still, so this does not go below zero.
        *range = (range.start + to).saturating_sub(from)..(range.end + to).saturating_sub(from);
    }
    found.anchor = to;
    Some(found)
}
