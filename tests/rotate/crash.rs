//! The crash matrix: a run is killed at a boundary, gone on with, and what is left is looked at (law 8).

use crate::work::Work;

/// Around a step: before its intent is on disk, after it, after the act, after its outcome is on disk.
pub(crate) const PLACES: [&str; 4] = ["before-intent", "after-intent", "after-act", "after-outcome"];

/// What a kind does beyond what all do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// The old one is dead once the new one is made.
    Nothing,
    /// The old one is switched off, and that is all.
    Disable,
    /// The old one is deleted.
    Delete,
    /// First the one, then the other.
    Both,
}

/// The steps of a run with one destination. Who makes up the new value keeps it before it is set; what the issuer makes up is
/// kept when it is there.
pub(crate) fn steps(ours: bool, does: Does) -> Vec<&'static str> {
    let mut steps = vec!["identify", "preflight", "escrow-old"];
    steps.extend(if ours { ["escrow-new", "issue"] } else { ["issue", "escrow-new"] });
    steps.extend(["verify-new", "distribute-0", "verify-at-0"]);
    if matches!(does, Does::Disable | Does::Both) {
        steps.extend(["disable", "prove-disabled"]);
    }
    if matches!(does, Does::Delete | Does::Both) {
        steps.push("delete");
    }
    steps.extend(["prove-deleted", "scrub"]);
    steps
}

/// Every boundary of every step; where the issuer makes up the value also the moment before it is kept.
pub(crate) fn points(ours: bool, does: Does) -> Vec<String> {
    let all = steps(ours, does);
    let mut points: Vec<String> =
        all.iter().flat_map(|step| PLACES.iter().map(move |place| format!("{place}:{step}"))).collect();
    if !ours {
        points.push("before-keep:issue".to_owned());
    }
    points
}

/// For each point, a leak of its own number, a kill, and going on; `turned` looks at what came of it.
pub(crate) fn matrix<L>(
    points: &[String],
    mut leaked: impl FnMut(u64) -> (Work, L),
    mut turned: impl FnMut(&str, u64, &Work, L),
) {
    for (number, point) in (100..).zip(points) {
        let (work, leak) = leaked(number);
        work.plan(&[]);
        work.killed_at(point, &["rotate", "apply", "plan.json", "--yes"]);
        let run = work.keysweep(&["rotate", "resume", &work.run_name()]);
        assert_eq!(run.status, Some(0), "law 8: killed at {point}: {run:?}");
        turned(point, number, &work, leak);
    }
}
