//! What is really so out there while a run is explored, and what may be heard of it.

use super::super::{Course, Step};
use crate::rotate::types::{Chooser, Fault, Outcome, Strategy};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Old {
    Live,
    Off,
    Dead,
}

/// What is really so out there, which the machine only hears about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) old: Old,
    pub(super) sessions: bool,
    /// New credentials that live.
    pub(super) new: u8,
    /// The value of the live new one is in escrow, or in memory.
    pub(super) escrow_new: bool,
    pub(super) escrow_old: bool,
    pub(super) memory: bool,
    /// Which destinations hold the new value.
    pub(super) holds_new: Vec<bool>,
    pub(super) proven: bool,
}

impl World {
    pub(super) fn fresh(course: &Course) -> Self {
        Self {
            old: Old::Live,
            sessions: true,
            new: 0,
            escrow_new: false,
            escrow_old: false,
            memory: false,
            holds_new: vec![false; course.copies.len()],
            proven: false,
        }
    }

    /// Does a step for real.
    pub(super) fn apply(&mut self, course: &Course, step: Step) {
        match step {
            Step::EscrowOld => self.escrow_old = true,
            Step::EscrowNew => self.escrow_new = true,
            Step::Issue => {
                self.new = match course.chooser {
                    Chooser::Us => 1,
                    Chooser::Issuer => self.new + 1,
                };
                self.memory = course.chooser == Chooser::Issuer;
                if course.strategy == Strategy::OnePhase {
                    self.old = Old::Dead;
                }
            }
            Step::Distribute(at) => self.holds_new[at] = true,
            Step::Restore(at) => self.holds_new[at] = false,
            Step::Disable if course.strategy == Strategy::OnePhase => self.sessions = false,
            Step::Disable => self.old = Old::Off,
            Step::Enable => self.old = Old::Live,
            Step::Delete => self.old = Old::Dead,
            Step::Discard => (self.new, self.escrow_new, self.memory) = (0, false, false),
            Step::Prove(_) => self.proven = true,
            Step::Scrub => (self.escrow_old, self.escrow_new) = (false, false),
            _ => {}
        }
    }

    /// Whether a look finds the step done, or a reading step answers yes.
    pub(super) fn holds(&self, course: &Course, step: Step) -> bool {
        match step {
            Step::Issue => self.new > 0,
            Step::VerifyNew => self.new > 0 && (self.escrow_new || self.memory),
            Step::Distribute(at) | Step::VerifyAt(at) => self.holds_new[at],
            Step::Restore(at) => !self.holds_new[at],
            Step::Disable if course.strategy == Strategy::OnePhase => !self.sessions,
            Step::Disable | Step::Prove(_) => self.old != Old::Live,
            Step::Enable | Step::VerifyOld => self.old == Old::Live,
            Step::Delete => self.old == Old::Dead,
            Step::Discard => self.new == 0,
            Step::EscrowNew => self.escrow_new || course.chooser == Chooser::Us || self.memory,
            _ => true,
        }
    }
}

/// What may come of doing a step: was it done for real, and what is heard of it; `None` is a kill.
pub(super) fn outcomes(course: &Course, world: &World, step: Step) -> Vec<(bool, Option<Outcome>)> {
    if step.mutates() {
        return vec![
            (true, Some(Outcome::Done)),
            (false, Some(Outcome::NotDone(Fault::Transient))),
            (false, Some(Outcome::NotDone(Fault::Final))),
            (true, Some(Outcome::Unknown)),
            (false, Some(Outcome::Unknown)),
            (true, None),
            (false, None),
        ];
    }
    let answer = if world.holds(course, step) { Outcome::Done } else { Outcome::NotDone(Fault::Final) };
    let mut all =
        vec![(answer == Outcome::Done, Some(answer)), (false, Some(Outcome::NotDone(Fault::Transient))), (false, None)];
    if matches!(step, Step::Identify | Step::Preflight | Step::VerifyNew) {
        all.push((false, Some(Outcome::NotDone(Fault::Final))));
    }
    if matches!(step, Step::EscrowOld | Step::EscrowNew | Step::Scrub) {
        // Kept, and killed before it was written down.
        all.push((true, None));
    }
    all
}
