//! Tests of the state: forms, older and newer.

use super::{ALERTS, About, META, SCHEMA, State, failed, to_json};
use crate::audit::check::contents;
use crate::audit::repositories;
use crate::error::Result;

fn set_schema(state: &State, schema: u32, with_alerts: bool) -> Result<()> {
    let about = About { schema, ..state.about().clone() };
    state.write(|write| {
        write.open_table(META).map_err(failed)?.insert("about", &*to_json(&about)?).map_err(failed)?;
        if !with_alerts {
            write.delete_table(ALERTS).map_err(failed)?;
        }
        Ok(())
    })
}

#[test]
fn a_state_of_an_older_form_is_brought_up_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let state = State::open_or_make(&path, "key", "2026-01-01T00:00:00Z").expect("made");
    repositories::add(&state, &["one"], "2026-01-01T00:00:00Z").expect("entered");
    set_schema(&state, 1, false).expect("as form 1 was");
    drop(state);
    let state = State::open_or_make(&path, "key", "2026-01-02T00:00:00Z").expect("opened");
    assert_eq!(state.about().schema, SCHEMA);
    assert_eq!(contents(&state).expect("fits together").repositories, 1);
    drop(state);
    assert_eq!(State::open(&path).expect("opened").about().schema, SCHEMA, "it was written down");
}

#[test]
fn a_state_of_a_newer_form_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let state = State::open_or_make(&path, "key", "2026-01-01T00:00:00Z").expect("made");
    set_schema(&state, SCHEMA + 1, true).expect("as a newer program makes it");
    drop(state);
    let refused = State::open(&path).expect_err("refused").to_string();
    assert!(refused.contains("newer keysweep"), "{refused}");
}
