//! Every reachable state of every course, with every outcome, every lost answer and every kill: the laws hold.

mod world;

use std::collections::HashSet;

use self::world::{Old, World, outcomes};
use super::{Copy, Course, Disable, End, Event, Next, Signer, State, Step, next, why_not_back};
use crate::rotate::types::{Chooser, Fault, Outcome, Retry, Strategy};

/// Laws that must hold before a step is done.
fn check_step(course: &Course, state: &State, world: &World, step: Step) {
    let context = || format!("{course:?}\n{state:?}\n{world:?}\n{step:?}");
    if step.mutates() {
        assert!(world.escrow_old, "law 3: the old value is escrowed before the first change: {}", context());
        assert!(state.done.contains(&Step::Preflight), "law 10: checked before the first change: {}", context());
    }
    if step == Step::Issue && course.chooser == Chooser::Us {
        assert!(world.escrow_new, "law 3: a value we choose is escrowed before it is set: {}", context());
    }
    if step == Step::Issue {
        assert!(course.chooser == Chooser::Us || world.new == 0, "law 8: never a second new one: {}", context());
        assert!(
            course.issue != Retry::Never || state.stuck.is_none(),
            "law 4: never again after a lost answer: {}",
            context()
        );
    }
    if step == Step::EscrowNew && course.chooser == Chooser::Issuer {
        assert!(world.memory, "only a value that is known can be kept: {}", context());
    }
    if matches!(step, Step::Distribute(_)) {
        assert!(world.escrow_new && world.new > 0, "law 3: a new value is escrowed before it is used: {}", context());
    }
    if step == Step::VerifyNew {
        assert!(world.escrow_new, "law 3: a new value is escrowed before it is used: {}", context());
    }
    if matches!(step, Step::Disable | Step::Delete) && !course.emergency {
        for (at, holds_new) in world.holds_new.iter().enumerate() {
            assert!(
                *holds_new || state.accepted.contains(&at),
                "law 5: nothing is revoked while a destination holds the old value: {}",
                context()
            );
        }
    }
    if matches!(step, Step::Disable | Step::Delete) && course.signs_itself && course.strategy.issues() {
        assert_eq!(course.signer(state, step), Signer::New, "law 9: {}", context());
    }
    if step == Step::Discard {
        assert!(world.old == Old::Live || course.emergency, "law 8: never without any live one: {}", context());
    }
}

/// Laws that must hold where a run is over.
fn check_end(course: &Course, state: &State, world: &World, end: End) {
    let context = || format!("{course:?}\n{state:?}\n{world:?}\n{end:?}");
    match end {
        End::Proven => {
            assert!(world.proven && world.old != Old::Live, "law 6: dead is proven: {}", context());
            if course.strategy.issues() {
                assert_eq!(world.new, 1, "law 8: exactly one lives: {}", context());
                for (at, holds_new) in world.holds_new.iter().enumerate() {
                    assert!(*holds_new || state.accepted.contains(&at), "law 8: every destination: {}", context());
                }
            }
        }
        End::RolledBack => {
            assert_eq!((world.old, world.new), (Old::Live, 0), "law 7: all is as it was: {}", context());
            assert!(world.holds_new.iter().all(|new| !new), "law 7: destinations too: {}", context());
        }
        End::Refused(_) => {
            assert_eq!((world.old, world.new), (Old::Live, 0), "law 10: nothing was touched: {}", context());
            assert!(world.holds_new.iter().all(|new| !new), "law 10: nothing was touched: {}", context());
        }
        End::Lost => assert!(
            course.strategy == Strategy::OnePhase && course.chooser == Chooser::Issuer && !world.escrow_new,
            "law 8: only the named exception is lost: {}",
            context()
        ),
        End::Failed(_) | End::Inconclusive(_) | End::ByHand => {}
    }
}

/// With nothing going wrong any more, where does the run end?
fn perfect(course: &Course, state: &State, world: &World) -> (End, World) {
    let (mut state, mut world) = (state.clone(), world.clone());
    state.apply(course, Event::Resumed);
    world.memory = false;
    let mut nudges = 0;
    for _ in 0..200 {
        match next(course, &state) {
            Next::Do(step) => {
                check_step(course, &state, &world, step);
                state.apply(course, Event::Intent(step));
                let answer = step.mutates() || world.holds(course, step);
                if answer {
                    world.apply(course, step);
                    state.apply(course, Event::Ended(step, Outcome::Done));
                } else {
                    state.apply(course, Event::Ended(step, Outcome::NotDone(Fault::Final)));
                }
            }
            Next::Reconcile(step) => {
                let done = if world.holds(course, step) { Outcome::Done } else { Outcome::NotDone(Fault::Final) };
                state.apply(course, Event::Reconciled(step, done));
            }
            Next::End(End::ByHand) if world.old == Old::Live => {
                world.old = Old::Dead;
                state.apply(course, Event::HandDone);
            }
            Next::End(end) if end.over() || nudges == 3 => return (end, world),
            Next::End(_) => {
                nudges += 1;
                state.apply(course, Event::Resumed);
                world.memory = false;
            }
        }
    }
    panic!("a run without trouble does not end: {course:?}\n{state:?}\n{world:?}");
}

/// Visits every state that can be reached; how many there are comes back.
fn explore(course: &Course) -> usize {
    assert_eq!(course.refusal(), None);
    let mut seen: HashSet<(State, World)> = HashSet::new();
    let mut stack = vec![(State::default(), World::fresh(course))];
    let mut all: Vec<(State, World)> = Vec::new();
    while let Some((state, world)) = stack.pop() {
        if !seen.insert((state.clone(), world.clone())) {
            continue;
        }
        all.push((state.clone(), world.clone()));
        let with = |event: Event| {
            let mut state = state.clone();
            state.apply(course, event);
            state
        };
        match next(course, &state) {
            Next::Do(step) => {
                check_step(course, &state, &world, step);
                assert!(
                    state.open != Some(step) || !step.mutates() || course.retry(step) == Retry::RetrySafe,
                    "law 4: a lost answer is never answered by doing it again: {course:?}\n{state:?}"
                );
                for (applied, heard) in outcomes(course, &world, step) {
                    let mut after = with(Event::Intent(step));
                    let mut world = world.clone();
                    if applied {
                        world.apply(course, step);
                    }
                    if step == Step::Issue && course.chooser == Chooser::Issuer && applied && heard.is_none() {
                        // Killed when it was kept already, but not yet written down.
                        let mut after = after.clone();
                        after.apply(course, Event::Resumed);
                        stack.push((after, World { memory: false, escrow_new: true, ..world.clone() }));
                    }
                    match heard {
                        Some(outcome) => {
                            after.apply(course, Event::Ended(step, outcome));
                            if step == Step::Issue && outcome != Outcome::Done {
                                world.memory = false;
                            }
                        }
                        None => {
                            after.apply(course, Event::Resumed);
                            world.memory = false;
                        }
                    }
                    stack.push((after, world));
                }
            }
            Next::Reconcile(step) => {
                let truth = if world.holds(course, step) { Outcome::Done } else { Outcome::NotDone(Fault::Final) };
                for outcome in [truth, Outcome::Unknown] {
                    stack.push((with(Event::Reconciled(step, outcome)), world.clone()));
                }
            }
            Next::End(end) => {
                check_end(course, &state, &world, end);
                if !end.over() {
                    let mut world = world.clone();
                    world.memory = false;
                    stack.push((with(Event::Resumed), world.clone()));
                    if end == End::ByHand {
                        stack.push((with(Event::HandDone), world.clone()));
                        world.old = Old::Dead;
                        stack.push((with(Event::HandDone), world.clone()));
                    }
                    if let End::Failed(Step::Distribute(at) | Step::VerifyAt(at)) = end {
                        stack.push((with(Event::Accepted(at)), world.clone()));
                    }
                    if state.back {
                        stack.push((with(Event::Forward), world));
                    }
                }
            }
        }
        if !state.back
            && why_not_back(course, &state).is_none()
            && !matches!(next(course, &state), Next::End(e) if e.over())
        {
            let mut world = world.clone();
            world.memory = false;
            let mut back = with(Event::Resumed);
            back.apply(course, Event::Back);
            stack.push((back, world));
        }
    }
    // Law 8: whatever happened, a run that is resumed ends well.
    for (state, world) in &all {
        if matches!(next(course, state), Next::End(end) if end.over()) {
            continue;
        }
        let (end, after) = perfect(course, state, world);
        let stuck = state.stuck.is_some() || (course.issue == Retry::Never && state.open == Some(Step::Issue));
        if !(end.over() || stuck && end == End::Failed(Step::Issue)) {
            // Going back can stop only because the old one does not live: then forward works.
            assert!(state.back && world.old != Old::Live, "law 8: {end:?}\n{course:?}\n{state:?}\n{world:?}");
        }
        // Nothing is accepted on the way of `perfect`, so the accepted destinations are still those of `state`.
        check_end(course, state, &after, end);
    }
    seen.len()
}

fn course(strategy: Strategy, chooser: Chooser, copies: usize) -> Course {
    Course {
        strategy,
        emergency: false,
        chooser,
        issue: if chooser == Chooser::Us { Retry::RetrySafe } else { Retry::ReconcileFirst },
        disable: None,
        delete: strategy != Strategy::OnePhase,
        delete_retry: Retry::RetrySafe,
        copies: vec![Copy { restorable: true }; copies],
        soak: false,
        signs_itself: false,
    }
}

#[test]
fn laws_hold_in_every_state_of_two_phase_runs() {
    let mut states = 0;
    for chooser in [Chooser::Us, Chooser::Issuer] {
        for disable in [None, Some(Disable::Reversible), Some(Disable::Final)] {
            for (emergency, signs_itself) in [(false, false), (true, false), (false, true)] {
                for delete_retry in [Retry::RetrySafe, Retry::ReconcileFirst] {
                    let course = Course {
                        disable,
                        emergency,
                        signs_itself,
                        delete_retry,
                        soak: true,
                        ..course(Strategy::TwoPhase, chooser, 1)
                    };
                    states += explore(&course);
                }
            }
        }
    }
    assert!(states > 5_000, "{states}");
}

#[test]
fn laws_hold_with_several_destinations() {
    let mut mixed = course(Strategy::TwoPhase, Chooser::Issuer, 2);
    mixed.copies[1].restorable = false;
    mixed.disable = Some(Disable::Reversible);
    assert!(explore(&mixed) > 500);
    assert!(explore(&course(Strategy::TwoPhase, Chooser::Us, 0)) > 100);
}

#[test]
fn laws_hold_in_every_state_of_one_phase_runs() {
    for (chooser, issue) in [
        (Chooser::Us, Retry::RetrySafe),
        (Chooser::Us, Retry::ReconcileFirst),
        (Chooser::Issuer, Retry::ReconcileFirst),
        (Chooser::Issuer, Retry::Never),
    ] {
        for disable in [None, Some(Disable::Final)] {
            for emergency in [false, true] {
                let course = Course { issue, disable, emergency, ..course(Strategy::OnePhase, chooser, 2) };
                assert!(explore(&course) > 150);
            }
        }
    }
}

#[test]
fn laws_hold_where_nothing_is_issued() {
    for strategy in [Strategy::RevokeOnly, Strategy::Manual] {
        for emergency in [false, true] {
            let course = Course { emergency, ..course(strategy, Chooser::Issuer, 0) };
            assert!(explore(&course) > 20);
            explore(&Course { disable: Some(Disable::Reversible), ..course });
        }
    }
}

#[test]
fn a_lost_answer_of_a_one_phase_issue_is_lost_and_said_so() {
    let course = course(Strategy::OnePhase, Chooser::Issuer, 0);
    let mut events = Vec::new();
    for step in [Step::Identify, Step::Preflight, Step::EscrowOld] {
        events.extend([Event::Intent(step), Event::Ended(step, Outcome::Done)]);
    }
    events.extend([Event::Intent(Step::Issue), Event::Resumed, Event::Reconciled(Step::Issue, Outcome::Done)]);
    assert_eq!(next(&course, &State::of(&course, &events)), Next::Reconcile(Step::EscrowNew), "it may have been kept");
    events.push(Event::Reconciled(Step::EscrowNew, Outcome::NotDone(Fault::Final)));
    assert_eq!(next(&course, &State::of(&course, &events)), Next::End(End::Lost));
}

#[test]
fn what_is_dead_already_is_only_proven() {
    let course = course(Strategy::TwoPhase, Chooser::Issuer, 1);
    let mut state = State::default();
    state.apply(&course, Event::AlreadyDead);
    let mut steps = Vec::new();
    while let Next::Do(step) = next(&course, &state) {
        steps.push(step);
        state.apply(&course, Event::Intent(step));
        state.apply(&course, Event::Ended(step, Outcome::Done));
    }
    assert!(steps.iter().all(|step| !step.mutates()), "{steps:?}");
    assert_eq!(next(&course, &state), Next::End(End::Proven));
}

#[test]
fn courses_that_would_end_badly_are_refused() {
    let emergency = Course { emergency: true, signs_itself: true, ..course(Strategy::TwoPhase, Chooser::Issuer, 0) };
    assert!(emergency.refusal().is_some());
    let harmless = Course { delete: false, ..course(Strategy::RevokeOnly, Chooser::Issuer, 0) };
    assert!(harmless.refusal().is_some());
}
