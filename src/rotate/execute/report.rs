//! What the operator's hooks are told of a run.

use std::time::SystemTime;

use serde_json::json;

use super::Run;
use crate::clock;

impl Run<'_> {
    /// Tells the hooks that hear of `event`. Who cannot be told is named, and the run goes on.
    pub(super) fn report(&self, event: &str, note: &str) {
        if !self.heard {
            return;
        }
        let object = json!({
            "schema": 1,
            "event": event,
            "at": clock::rfc3339(clock::epoch_seconds(SystemTime::now())),
            "run": self.name,
            "owner": self.identity.owner,
            "rule": self.item.rule,
            "secret_id": self.item.secret_id,
            "target": self.item.target,
            "environment": self.item.environment,
            "destinations": self.copies.iter().map(|(policy, _)| policy.name.as_str()).collect::<Vec<_>>(),
            "note": self.guard.redact(note),
        });
        for hook in self.policy.hooks.iter().filter(|hook| hook.hears(event)) {
            if let Err(why) = hook.tell(&self.policy.folder, event, &object) {
                (self.tell)(&format!("hook `{}` was not told of {event}: {}", hook.name, self.guard.redact(&why)));
            }
        }
    }
}
