//! Going back: only to a state that can exist. Before the old one is revoked the new one is removed and destinations get
//! their old value again; after it was disabled it is enabled first; after it was deleted there is no way back.

use super::{Course, Disable, End, Issued, Next, State, Step};
use crate::rotate::types::Strategy;

/// Why a run cannot go back; `None` when it can.
pub fn why_not_back(course: &Course, state: &State) -> Option<String> {
    if state.scrubbed {
        return Some("the run is over".to_owned());
    }
    if course.strategy == Strategy::Manual {
        return Some("what a person does at a console cannot be undone from here".to_owned());
    }
    if state.touched.contains(&Step::Delete) {
        return Some("the old one is deleted (or may be): there is no way back, only forward".to_owned());
    }
    if course.strategy == Strategy::OnePhase && state.touched.contains(&Step::Issue) {
        return Some("making the new one killed the old one (or may have): only forward".to_owned());
    }
    if course.disable == Some(Disable::Final) && state.touched.contains(&Step::Disable) {
        return Some("what was ended cannot be brought back: only forward".to_owned());
    }
    let write_only = |at: &usize| !course.copies.get(*at).is_some_and(|copy| copy.restorable);
    let mut written =
        state.touched.iter().filter_map(|step| if let Step::Distribute(at) = step { Some(*at) } else { None });
    if let Some(at) = written.find(write_only) {
        return Some(format!(
            "destination {at} has the new value and cannot be read, so nobody knows what it held: only forward"
        ));
    }
    None
}

/// What comes next on the way back.
pub(super) fn next(course: &Course, state: &State) -> Next {
    if state.touched.contains(&Step::Disable) {
        return Next::Do(Step::Enable);
    }
    // Nothing is taken away before the old one is seen alive.
    if state.mutated() && !state.done.contains(&Step::VerifyOld) {
        return Next::Do(Step::VerifyOld);
    }
    for at in 0..course.copies.len() {
        if state.touched.contains(&Step::Distribute(at)) {
            return Next::Do(Step::Restore(at));
        }
    }
    if state.issued != Issued::No {
        return Next::Do(Step::Discard);
    }
    if !state.done.contains(&Step::Scrub) {
        return Next::Do(Step::Scrub);
    }
    Next::End(End::RolledBack)
}
