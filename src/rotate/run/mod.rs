//! The run as a pure state machine: what happened comes in, what comes next goes out. It does nothing itself.
//!
//! ```text
//!  Event, Event, ... -> State --next(Course)--> Do(step) | Reconcile(step) | End
//! ```
//!
//! The journal is the list of events, so a run that was killed is resumed by folding it again. The laws of
//! docs/rotation.md are checked in every reachable state by `run/tests.rs`.

mod back;
pub mod course;
mod next;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::types::{Chooser, Fault, Outcome, Retry};
pub use back::why_not_back;
pub use course::{Copy, Course, Disable, Signer};
pub use next::{LIMIT, next};

/// When death is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// After it was disabled.
    Disabled,
    /// After it was deleted.
    Deleted,
    /// Once more when the replacement is in place (emergencies: only now there is one to compare with).
    Repaired,
}

/// One thing that is done. Destinations go by their number in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Whose is it, does it live?
    Identify,
    /// May we, and can every destination be written?
    Preflight,
    /// Keep the old value until it is proven dead.
    EscrowOld,
    /// Keep the new value before it is used.
    EscrowNew,
    /// Make the new one.
    Issue,
    /// Does the new one work?
    VerifyNew,
    /// Write the new one to a destination.
    Distribute(usize),
    /// Does the destination hold it?
    VerifyAt(usize),
    /// Wait, and look whether the destinations still hold it.
    Soak,
    /// Switch the old one off.
    Disable,
    /// Is it dead?
    Prove(When),
    /// Remove the old one.
    Delete,
    /// Forget what was kept.
    Scrub,
    /// A person does what no API does.
    ByHand,
    /// Remove a new one that nobody can use.
    Discard,
    /// Switch the old one on again.
    Enable,
    /// Does the old one live again?
    VerifyOld,
    /// Write the old value back to a destination.
    Restore(usize),
}

impl Step {
    /// Whether the step changes something outside this machine.
    pub fn mutates(self) -> bool {
        matches!(
            self,
            Self::Issue
                | Self::Distribute(_)
                | Self::Disable
                | Self::Delete
                | Self::Discard
                | Self::Enable
                | Self::Restore(_)
        )
    }

    /// Its name in the journal, in fault points and for people.
    pub fn name(self) -> String {
        match self {
            Self::Identify => "identify".into(),
            Self::Preflight => "preflight".into(),
            Self::EscrowOld => "escrow-old".into(),
            Self::EscrowNew => "escrow-new".into(),
            Self::Issue => "issue".into(),
            Self::VerifyNew => "verify-new".into(),
            Self::Distribute(at) => format!("distribute-{at}"),
            Self::VerifyAt(at) => format!("verify-at-{at}"),
            Self::Soak => "soak".into(),
            Self::Disable => "disable".into(),
            Self::Prove(When::Disabled) => "prove-disabled".into(),
            Self::Prove(When::Deleted) => "prove-deleted".into(),
            Self::Prove(When::Repaired) => "prove-repaired".into(),
            Self::Delete => "delete".into(),
            Self::Scrub => "scrub".into(),
            Self::ByHand => "by-hand".into(),
            Self::Discard => "discard".into(),
            Self::Enable => "enable".into(),
            Self::VerifyOld => "verify-old".into(),
            Self::Restore(at) => format!("restore-{at}"),
        }
    }
}

/// What happened. The journal is a list of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A step is about to be done. On disk before it is.
    Intent(Step),
    /// It ended.
    Ended(Step, Outcome),
    /// We looked what became of it: `Unknown` when that cannot be told either.
    Reconciled(Step, Outcome),
    /// The old one was dead when we came.
    AlreadyDead,
    /// Another process goes on: what was only in memory is gone. Attempts count anew.
    Resumed,
    /// The operator wants it undone.
    Back,
    /// The operator wants to go on after all.
    Forward,
    /// The operator says that the manual steps are done.
    HandDone,
    /// The operator accepts that a destination keeps the old value.
    Accepted(usize),
}

/// How a run stands when nothing more can be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The old one is proven dead, the new one is everywhere. Over.
    Proven,
    /// All is as it was. Over.
    RolledBack,
    /// Refused before anything was changed. Over.
    Refused(Step),
    /// One-phase, and the new value is lost. Over, and loud.
    Lost,
    /// The step did not work. `resume` tries again.
    Failed(Step),
    /// Nobody can say whether the step was done. `resume` looks again.
    Inconclusive(Step),
    /// A person has something to do. `resume` looks whether it is done.
    ByHand,
}

impl End {
    /// Whether nothing will ever follow.
    pub fn over(self) -> bool {
        matches!(self, Self::Proven | Self::RolledBack | Self::Refused(_) | Self::Lost)
    }

    /// Exit status: 0 proven dead, 1 work remains, 2 refused, failed or unknown.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Proven | Self::RolledBack => 0,
            Self::ByHand => 1,
            Self::Refused(_) | Self::Lost | Self::Failed(_) | Self::Inconclusive(_) => 2,
        }
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// Do a step.
    Do(Step),
    /// Look what became of a step whose answer is lost.
    Reconcile(Step),
    /// Stop.
    End(End),
}

/// Whether a new credential exists at the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Issued {
    /// No.
    #[default]
    No,
    /// Perhaps: the answer is lost.
    Maybe,
    /// Yes.
    Yes,
}

/// Where a run stands. Made by folding events; equal states have equal futures.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct State {
    /// Steps that are done.
    pub done: BTreeSet<Step>,
    /// The step that was begun and of which nobody knows the end.
    pub open: Option<Step>,
    /// The open step was begun more than once.
    pub doubt: bool,
    /// Only looking can tell what became of the open step.
    pub look: bool,
    /// The step that surely failed last, and how.
    pub failed: Option<(Step, Fault)>,
    /// Attempts at the step under way.
    pub attempts: u8,
    /// How often a destination was found not to hold what was written.
    pub rewrites: u8,
    /// Whether a new one exists.
    pub issued: Issued,
    /// The new value is in this process's memory.
    pub in_memory: bool,
    /// The new value may be in escrow.
    pub kept: bool,
    /// The answer to a step that may never be repeated was lost, and it was found not done.
    pub stuck: Option<Step>,
    /// Going back.
    pub back: bool,
    /// What was kept is gone, or may be.
    pub scrubbed: bool,
    /// The old one was dead already.
    pub already_dead: bool,
    /// The operator said that manual steps are done.
    pub hand_done: bool,
    /// Destinations that may keep the old value.
    pub accepted: BTreeSet<usize>,
    /// Steps whose intent was ever written and that may have been done.
    pub touched: BTreeSet<Step>,
}

impl State {
    /// The state after `events`.
    pub fn of<'e>(course: &Course, events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut state = Self::default();
        for event in events {
            state.apply(course, *event);
        }
        state
    }

    /// Takes one more event.
    pub fn apply(&mut self, course: &Course, event: Event) {
        match event {
            Event::Intent(step) => {
                // Done again although nobody knows what became of the first time: a "not done" of the second time says
                // nothing about the first.
                self.doubt = step.mutates() && self.open == Some(step);
                self.open = Some(step);
                self.failed = None;
                self.attempts = self.attempts.saturating_add(1);
                if step.mutates() {
                    self.touched.insert(step);
                }
                match step {
                    // What the issuer shows is kept at once, before the outcome is written: it may be there from now on.
                    Step::Issue => (self.issued, self.kept) = (Issued::Maybe, course.chooser == Chooser::Issuer),
                    Step::EscrowNew => self.kept = true,
                    Step::Scrub => self.scrubbed = true,
                    _ => {}
                }
            }
            Event::Ended(step, outcome) => self.ended(course, step, outcome, true),
            Event::Reconciled(step, outcome) => {
                self.attempts = self.attempts.saturating_add(1);
                match outcome {
                    Outcome::NotDone(_) if course.retry(step) == Retry::Never => {
                        self.ended(course, step, outcome, false);
                        self.stuck = Some(step);
                    }
                    Outcome::NotDone(_) => {
                        // It was looked at, so it may be tried again, but not for ever.
                        self.ended(course, step, Outcome::NotDone(Fault::Transient), false);
                    }
                    other => self.ended(course, step, other, false),
                }
            }
            Event::AlreadyDead => self.already_dead = true,
            Event::Resumed => {
                self.in_memory = false;
                self.afresh();
            }
            Event::Back => {
                self.back = true;
                self.stuck = None;
                self.afresh();
            }
            // What was kept may be gone: nothing can be begun again without it.
            Event::Forward if self.scrubbed => {}
            Event::Forward => {
                self.back = false;
                self.done.remove(&Step::VerifyOld);
                self.done.remove(&Step::Discard);
                self.afresh();
            }
            Event::HandDone => self.hand_done = true,
            Event::Accepted(at) => {
                self.accepted.insert(at);
                self.failed = None;
            }
        }
    }

    fn afresh(&mut self) {
        self.attempts = 0;
        self.rewrites = 0;
        self.failed = None;
    }

    fn ended(&mut self, course: &Course, step: Step, outcome: Outcome, first_hand: bool) {
        match outcome {
            // Where what was kept cannot be read now, it may still be there.
            Outcome::Unknown if step == Step::EscrowNew => self.failed = Some((step, Fault::Transient)),
            Outcome::Unknown if !step.mutates() => {
                self.open = None;
                self.failed = Some((step, Fault::Transient));
            }
            Outcome::Unknown => self.open = Some(step),
            Outcome::NotDone(_) if first_hand && self.doubt => self.look = true,
            Outcome::Done => {
                (self.doubt, self.look) = (false, false);
                self.open = None;
                self.failed = None;
                self.attempts = 0;
                self.done.insert(step);
                self.settle(course, step, first_hand);
            }
            Outcome::NotDone(fault) => {
                (self.doubt, self.look) = (false, false);
                self.open = None;
                self.failed = Some((step, fault));
                self.touched.remove(&step);
                match step {
                    Step::Issue => self.issued = Issued::No,
                    Step::EscrowNew if !first_hand => self.kept = false,
                    // The destination does not hold it (any more): write it again.
                    Step::VerifyAt(at) if fault == Fault::Final => {
                        self.rewrites = self.rewrites.saturating_add(1);
                        self.done.remove(&Step::Distribute(at));
                    }
                    Step::Soak if fault == Fault::Final => {
                        self.done.retain(|step| !matches!(step, Step::VerifyAt(_)));
                    }
                    _ => {}
                }
            }
        }
    }

    /// What else a step that was done changes.
    fn settle(&mut self, course: &Course, step: Step, first_hand: bool) {
        match step {
            Step::Issue => {
                self.issued = Issued::Yes;
                // The issuer shows a value once: who only found it there does not have it.
                self.in_memory = first_hand && course.chooser == Chooser::Issuer;
            }
            Step::Discard => {
                self.issued = Issued::No;
                (self.in_memory, self.kept) = (false, false);
                self.touched.remove(&Step::Issue);
                self.done.retain(|step| !matches!(step, Step::Issue | Step::EscrowNew | Step::VerifyNew));
                if !self.back {
                    self.done.remove(&Step::Discard);
                }
            }
            Step::Enable => {
                self.touched.remove(&Step::Disable);
                self.done.remove(&Step::Disable);
            }
            Step::Restore(at) => {
                self.touched.remove(&Step::Distribute(at));
                self.done.remove(&Step::Distribute(at));
                self.done.remove(&Step::VerifyAt(at));
            }
            _ => {}
        }
    }

    /// Whether anything outside this machine was, or may have been, changed.
    pub fn mutated(&self) -> bool {
        !self.touched.is_empty()
    }
}
