//! The crash matrix: a run is killed at a boundary, gone on with, and what is left is looked at (law 8).

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

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

/// How often each driver is killed at a random moment; `KEYSWEEP_TEST_KILLS=25` for a longer look.
fn kills() -> u64 {
    std::env::var("KEYSWEEP_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// What the system shows of every process of a group: arguments and environment.
fn shown(group: u32) -> Vec<u8> {
    let mut seen = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("readable").flatten() {
        let of_group = |stat: &str| {
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.split(' ').nth(2) == Some(&group.to_string()))
        };
        if std::fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| of_group(&stat)) {
            for name in ["cmdline", "environ"] {
                seen.extend(std::fs::read(entry.path().join(name)).unwrap_or_default());
            }
        }
    }
    seen
}

/// Runs the program in a group of its own and kills it after `patience`; whether it was, and what the system showed.
fn run_and_kill(work: &Work, arguments: &[&str], patience: Duration, seen: &mut Vec<u8>) -> bool {
    let mut command = work.command(arguments);
    command.args(["--policy", "policy.toml"]).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().expect("keysweep runs");
    let (group, began) = (child.id(), Instant::now());
    let killed = loop {
        if child.try_wait().expect("its state").is_some() {
            break false;
        }
        if began.elapsed() >= patience {
            child.kill().expect("killed");
            child.wait().expect("its state");
            break true;
        }
        seen.extend(shown(group));
        std::thread::sleep(Duration::from_millis(3));
    };
    // What it started ends with it: an agent that lives on would hold keys.
    let deadline = Instant::now() + Duration::from_secs(5);
    while !shown(group).is_empty() {
        assert!(Instant::now() < deadline, "left behind: {}", String::from_utf8_lossy(&shown(group)));
        std::thread::sleep(Duration::from_millis(20));
    }
    killed
}

/// Kills runs at random moments, and those that go on with them; then goes on to the end, and `turned` looks.
pub(crate) fn random<L>(mut leaked: impl FnMut(u64) -> (Work, L), mut turned: impl FnMut(u64, &Work, L)) {
    let mut whole = Duration::from_secs(60);
    // xorshift: the moments differ from day to day, and are told when something is wrong.
    let day = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_nanos();
    let mut state = u64::try_from(day & u128::from(u32::MAX)).expect("it fits") | 1;
    let mut moment = |whole: Duration| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        whole.mul_f64((state % 10_000) as f64 / 10_000.0)
    };
    for number in 600..=600 + kills() {
        let (work, leak) = leaked(number);
        work.plan(&[]);
        let (mut seen, mut moments) = (Vec::new(), Vec::new());
        if number == 600 {
            // The first one is not killed: that is how long it takes.
            let began = Instant::now();
            assert!(!run_and_kill(&work, &["rotate", "apply", "plan.json", "--yes"], whole, &mut seen));
            whole = began.elapsed();
        } else {
            for _ in 0..2 {
                let patience = moment(whole);
                moments.push(patience);
                match work.runs().pop() {
                    Some(run) => run_and_kill(&work, &["rotate", "resume", &run], patience, &mut seen),
                    None => run_and_kill(&work, &["rotate", "apply", "plan.json", "--yes"], patience, &mut seen),
                };
            }
            let run = match work.runs().pop() {
                Some(run) => work.keysweep(&["rotate", "resume", &run]),
                None => work.keysweep(&["rotate", "apply", "plan.json", "--yes"]),
            };
            assert_eq!(run.status, Some(0), "law 8: killed after {moments:?}: {run:?}");
        }
        let seen = String::from_utf8_lossy(&seen);
        for word in work.words() {
            assert!(!seen.contains(&word), "an argument or the environment of a process has {word} in clear");
        }
        turned(number, &work, leak);
    }
}
