//! The course of a run: what kind of credential it is, as far as the order of steps depends on it. Fixed by the plan.

use serde::{Deserialize, Serialize};

use super::{State, Step, When};
use crate::rotate::types::{Chooser, Retry, Strategy};

/// What "disable" can do for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disable {
    /// It can be switched on again: the point up to which one may go back.
    Reversible,
    /// It ends what the old value still holds (open sessions); that cannot be undone.
    Final,
}

/// A destination, as far as the order of steps depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Copy {
    /// Its value can be read, so the old one can be put back.
    pub restorable: bool,
}

/// Who signs a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signer {
    /// The operator's own credential.
    Admin,
    /// The leaked one, where it is what we work with.
    Old,
    /// Its replacement.
    New,
}

/// What the order of steps depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Course {
    /// How it is turned.
    pub strategy: Strategy,
    /// Revoke first, repair then.
    pub emergency: bool,
    /// Who thinks of the new value.
    pub chooser: Chooser,
    /// What may be done when the answer to `issue` is lost.
    pub issue: Retry,
    /// Whether the old one can be disabled, and how.
    pub disable: Option<Disable>,
    /// Whether the old one is deleted (revoked for good).
    pub delete: bool,
    /// What may be done when the answer to `delete` is lost.
    pub delete_retry: Retry,
    /// The destinations.
    pub copies: Vec<Copy>,
    /// Whether there is a time of waiting before the old one is touched.
    pub soak: bool,
    /// The leaked credential is the one we sign with.
    pub signs_itself: bool,
}

impl Course {
    /// Why such a course must not be begun; `None` when it may.
    pub fn refusal(&self) -> Option<&'static str> {
        let kills = self.delete || self.disable.is_some() || self.strategy == Strategy::OnePhase;
        if self.strategy == Strategy::RevokeOnly && !kills {
            return Some("there is no call that revokes it");
        }
        if self.strategy == Strategy::TwoPhase && !kills {
            return Some("there is no call that revokes the old one");
        }
        if self.signs_itself && self.emergency && self.strategy == Strategy::TwoPhase {
            return Some(
                "the leaked credential is the one that signs: revoked first, nothing could be repaired; give another \
                 admin credential, or leave --emergency out",
            );
        }
        None
    }

    /// The steps, first to last.
    pub fn order(&self, already_dead: bool) -> Vec<Step> {
        use Step::{
            ByHand, Delete, Disable, Distribute, EscrowNew, EscrowOld, Identify, Issue, Preflight, Prove, Scrub, Soak,
            VerifyAt, VerifyNew,
        };
        if already_dead {
            return vec![Identify, EscrowOld, Prove(When::Deleted), Scrub];
        }
        if self.strategy == Strategy::Manual {
            return vec![Identify, EscrowOld, ByHand, Prove(When::Deleted), Scrub];
        }
        let mut make = Vec::new();
        if self.strategy.issues() {
            make.extend(match self.chooser {
                Chooser::Us => [EscrowNew, Issue, VerifyNew],
                Chooser::Issuer => [Issue, EscrowNew, VerifyNew],
            });
            make.extend((0..self.copies.len()).map(Distribute));
            make.extend((0..self.copies.len()).map(VerifyAt));
        }
        let mut kill = Vec::new();
        if self.disable.is_some() {
            kill.push(Disable);
        }
        if self.disable.is_some() && (self.delete || self.strategy == Strategy::OnePhase) {
            kill.push(Prove(When::Disabled));
        }
        if self.delete {
            kill.push(Delete);
        }
        kill.push(Prove(When::Deleted));
        let mut order = vec![Identify, Preflight, EscrowOld];
        if self.emergency && self.strategy != Strategy::OnePhase {
            order.append(&mut kill);
            if !make.is_empty() {
                order.append(&mut make);
                order.push(Prove(When::Repaired));
            }
        } else {
            order.append(&mut make);
            if self.soak && self.strategy == Strategy::TwoPhase && !self.copies.is_empty() {
                order.push(Soak);
            }
            order.append(&mut kill);
        }
        order.push(Scrub);
        order
    }

    /// What may be done when the answer to a step is lost.
    pub fn retry(&self, step: Step) -> Retry {
        match step {
            // Who changed itself is not let in a second time with the old value.
            Step::Issue
                if self.signs_itself && self.strategy == Strategy::OnePhase && self.issue == Retry::RetrySafe =>
            {
                Retry::ReconcileFirst
            }
            Step::Issue => self.issue,
            Step::Delete => self.delete_retry,
            _ if step.mutates() => Retry::ReconcileFirst,
            _ => Retry::RetrySafe,
        }
    }

    /// Who signs a step. A credential that signs itself hands over to its replacement before it is killed (law 9).
    pub fn signer(&self, state: &State, step: Step) -> Signer {
        if !self.signs_itself {
            return Signer::Admin;
        }
        let handed_over = state.done.contains(&Step::VerifyNew);
        match step {
            Step::Disable | Step::Delete | Step::Enable if handed_over => Signer::New,
            _ => Signer::Old,
        }
    }
}
