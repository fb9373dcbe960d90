//! What is written down of hits that came to nothing: how far they looked, and why they were dropped.

use std::ops::Range;

use super::{Dropped, Open, SHORT_REACH, Scanner};

impl Scanner<'_> {
    /// Writes a hit down that came to nothing, if it looked far.
    pub(super) fn keep_open(&mut self, anchor: usize, context: Range<usize>) {
        if let Some(open) = &mut self.open
            && (anchor - context.start.min(anchor) > SHORT_REACH.0 || context.end > anchor + SHORT_REACH.1)
        {
            open.push(Open { anchor, context });
        }
    }

    pub(super) fn drop_candidate(&mut self, rule: u16, span: Range<usize>, why: &str) {
        if let Some(dropped) = &mut self.dropped {
            dropped.push(Dropped { rule, span, why: why.to_owned() });
        }
    }
}
