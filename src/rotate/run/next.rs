//! What comes next.

use super::{Course, End, Issued, Next, State, Step, back};
use crate::rotate::types::{Chooser, Fault, Retry, Strategy};

/// How often a step is tried, and how often its end is looked for, before the run stops. `resume` counts anew.
pub const LIMIT: u8 = 3;

/// What comes next in `state`.
pub fn next(course: &Course, state: &State) -> Next {
    if let Some(step) = state.open
        && step.mutates()
    {
        // Asked once more what became of it; a step that is the same twice is simply done again.
        if state.attempts >= LIMIT {
            return Next::End(End::Inconclusive(step));
        }
        return if course.retry(step) == Retry::RetrySafe && !state.look {
            Next::Do(step)
        } else {
            Next::Reconcile(step)
        };
    }
    if let Some(step) = state.stuck {
        return Next::End(End::Failed(step));
    }
    if let Some((step, fault)) = state.failed
        && let Some(end) = failed(course, state, step, fault)
    {
        return Next::End(end);
    }
    if state.back { back::next(course, state) } else { forward(course, state) }
}

/// How the run stands after a step surely failed; `None` when something can still be tried.
fn failed(course: &Course, state: &State, step: Step, fault: Fault) -> Option<End> {
    if fault == Fault::Transient && state.attempts < LIMIT {
        return None;
    }
    if step == Step::ByHand {
        return Some(End::ByHand);
    }
    // Read again, the manual steps may just not be done yet.
    if course.strategy == Strategy::Manual && matches!(step, Step::Prove(_)) {
        return Some(End::ByHand);
    }
    // The destination did not keep it: written again, as long as attempts last.
    if matches!(step, Step::VerifyAt(_)) && fault == Fault::Final && state.rewrites < LIMIT {
        return None;
    }
    if fault == Fault::Final && !state.mutated() && matches!(step, Step::Identify | Step::Preflight | Step::Issue) {
        return Some(End::Refused(step));
    }
    Some(End::Failed(step))
}

fn forward(course: &Course, state: &State) -> Next {
    if state.already_dead && state.mutated() {
        // Cannot be: identification comes before every change. Stop rather than guess.
        return Next::End(End::Inconclusive(Step::Identify));
    }
    if !state.already_dead
        && let Some(next) = orphan(course, state)
    {
        return next;
    }
    for step in course.order(state.already_dead) {
        let accepted = match step {
            Step::Distribute(at) | Step::VerifyAt(at) => state.accepted.contains(&at),
            _ => false,
        };
        if state.done.contains(&step) || accepted {
            continue;
        }
        if step == Step::ByHand {
            if state.hand_done {
                continue;
            }
            return Next::End(End::ByHand);
        }
        return Next::Do(step);
    }
    Next::End(End::Proven)
}

/// A new one that exists, but whose value nobody has: removed and made again, or lost for good.
fn orphan(course: &Course, state: &State) -> Option<Next> {
    let have = state.in_memory || state.done.contains(&Step::EscrowNew);
    if !course.strategy.issues() || course.chooser == Chooser::Us || state.issued != Issued::Yes || have {
        return None;
    }
    if state.kept {
        return Some(if state.attempts >= LIMIT {
            Next::End(End::Inconclusive(Step::EscrowNew))
        } else {
            Next::Reconcile(Step::EscrowNew)
        });
    }
    Some(match course.strategy {
        Strategy::OnePhase => Next::End(End::Lost),
        _ => Next::Do(Step::Discard),
    })
}
