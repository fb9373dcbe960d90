//! A user's arbitrary pattern over a whole text. A single search is linear, but a pattern that looks far for each of its
//! matches is not, taken together (`(?s)key.*?end|key`), and one with thousands of states is slow at every byte: texts
//! are searched in windows, for a time that grows with them, and a pattern that needs more is left and told of.

use std::time::{Duration, Instant};

use super::{LONG_REACH, MOST_CANDIDATES, Match, Scanner, words};
use crate::finding::Reason;

/// Matches begin in a window of this size, and may reach [`LONG_REACH`] beyond it.
const WINDOW: usize = 1 << 20;
/// How long one pattern may take for one text: this, and a second for each [`RATE`] bytes beside it.
const PATIENCE: Duration = Duration::from_secs(2);
/// See [`PATIENCE`]. Slow patterns that people write do twenty times as much.
const RATE: u64 = 4 << 20;

impl Scanner<'_> {
    /// Adds the matches of a user's pattern.
    pub(super) fn search(&mut self, text: &[u8], index: u16, out: &mut Vec<Match>) {
        let started = Instant::now();
        let patience = PATIENCE + Duration::from_millis((text.len() as u64).saturating_mul(1000) / RATE);
        let most = out.len() + MOST_CANDIDATES;
        let mut at = 0;
        while at <= text.len() {
            if started.elapsed() > patience {
                (self.slow, self.crowded) = (Some(index), true);
                return;
            }
            if out.len() > most {
                self.crowded = true;
                return;
            }
            let core = text.len().min(at + WINDOW);
            let found = self.run(text, at..text.len().min(core + LONG_REACH), false, index);
            let Some((whole, secret)) = found.filter(|(whole, _)| whole.start < core || core == text.len()) else {
                if core == text.len() {
                    return;
                }
                at = core;
                continue;
            };
            at = if whole.is_empty() { whole.end + 1 } else { whole.end };
            let rule = self.engine.rule(index);
            if rule.entropy > 0.0 && words::entropy(&text[secret.clone()]) <= rule.entropy {
                self.drop_candidate(index, whole, "the entropy is too low");
                continue;
            }
            let confidence = rule.confidence;
            out.push(Match {
                rule: index,
                anchor: whole.start,
                span: whole,
                secret,
                context: 0..text.len(),
                confidence,
                proven: false,
                reasons: vec![Reason::new(i16::from(confidence), "it matches the rule's pattern")],
                facts: Vec::new(),
                parts: Vec::new(),
                gives_way: None,
                decoded: None,
            });
        }
    }
}
