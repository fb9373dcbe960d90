//! Values that have the form of a token: which rule owns them whatever their name, and which refuses them.

use std::ops::Range;

use super::assigned::NEAR;
use super::assignment::{self, Assignment};
use super::{Match, Scanner};
use crate::finding::Reason;
use crate::rules::Method;

impl Scanner<'_> {
    /// Whether a rule whose values are known under any name for a secret owns this one; `refused` when its checksum fails.
    pub(super) fn any_name(
        &mut self,
        text: &[u8],
        found: &Assignment,
        refused: &mut bool,
        out: &mut Vec<Match>,
    ) -> bool {
        const CHECKSUMS: [&str; 3] = ["base58check", "nats", "stellar"];
        let compiled = &self.engine.compiled;
        compiled.any_name.iter().any(|&index| {
            let rule = compiled.rule(index);
            let reasons = vec![Reason::new(i16::from(rule.confidence), "the value has the form of the rule")];
            self.refused = None;
            let owned = self.whole_value(text, index, found, reasons, out);
            let checked = rule.validators.iter().any(|name| CHECKSUMS.contains(&&**name));
            *refused |= self.refused.take().is_some() && checked;
            owned && !rule.part_only
        })
    }

    /// Whether the value is a token of a rule that its own validators or its look as a sample refuse: then it is no
    /// secret without a form of its own either. Rules that look far round a token are left out.
    pub(super) fn fails_as_token(&mut self, text: &[u8], found: &Assignment) -> bool {
        if found.joined.is_some() {
            return false;
        }
        let compiled = &self.engine.compiled;
        let mut hits = Vec::new();
        compiled.prefilter.scan(text, found.value.start, found.value.end, |hit| hits.push(hit));
        let dropped = self.dropped.take();
        let mut fails = false;
        for hit in hits {
            if !compiled.prefilter.is_whole(text, &hit) {
                continue;
            }
            // Escaped forms of literals have no owner.
            let Some(&(index, place)) = compiled.owners.get(hit.literal as usize) else { continue };
            let rule = compiled.rule(index);
            let Method::Anchored(anchors) = &rule.method else { continue };
            let anchor = &anchors[usize::from(place)];
            let near = usize::from(anchor.back_max) + usize::from(rule.within) <= NEAR;
            if !near || rule.longest.is_none_or(|longest| longest as usize > assignment::VALUE) {
                continue;
            }
            self.refused = None;
            let literal = hit.start..hit.start + compiled.prefilter.literal_len(hit.literal);
            self.token(text, literal, index, anchor, &mut Vec::new());
            let value = &found.value;
            // All of the value but quotes round it.
            let whole = |span: Range<usize>| {
                value.start <= span.start && span.end <= value.end && span.len() + 2 >= value.len()
            };
            fails |= self.refused.take().is_some_and(whole);
        }
        self.dropped = dropped;
        fails
    }
}
