//! The drill is the program's own rehearsal: no server, no network.

use crate::work::{Run, Work};

#[test]
fn every_law_holds_in_the_drill_and_nothing_is_left() {
    let work = Work::new("");
    let run = work.command(&["rotate", "drill", "--stand-in", "--format", "json"]).output().expect("it runs");
    let run = Run::new(&run);
    assert_eq!(run.status, Some(0), "{run:?}");
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["held"], true);
    let scenarios = report["scenarios"].as_array().expect("a list");
    assert!(scenarios.len() >= 25, "{}", scenarios.len());
    let ends = |word: &str| scenarios.iter().filter(|scenario| scenario["end"] == word).count();
    assert_eq!((ends("rolled-back"), ends("proven")), (1, scenarios.len() - 1));
    let left = work.path().join("home/.local/state/keysweep/drill");
    assert_eq!(std::fs::read_dir(left).expect("readable").count(), 0);
}
