//! Telling people what an audit found: webhooks, e-mail, log lines. What is due is the audit's; this sends it.
//!
//! ```text
//!  audit: document of a run -> alerts that are due -> outbox in the state
//!                                                        |  per channel
//!                      payload (a shape for each service) <-- send --> webhook, mail, log
//! ```
//!
//! Every channel is bounded in time, and one that hangs holds up no other. Addresses and keys of channels are secrets: they
//! come from the environment, a file or a program, and stand in no message.

pub mod log;
pub mod mail;
pub mod payload;
pub mod policy;
pub mod smtp;
pub mod webhook;

use crate::audit::alerts::Alert;
use policy::{Channel, Policy};

/// What became of a channel's alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Keys of the alerts that arrived.
    pub sent: Vec<String>,
    /// Why the others did not.
    pub trouble: Option<String>,
}

/// Sends each channel its alerts, all channels at a time; what became of them comes back in the order of `work`.
pub fn deliver(policy: &Policy, work: &[(&Channel, Vec<&Alert>)], now: i64) -> Vec<Delivery> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            work.iter().map(|(channel, alerts)| scope.spawn(move || send(policy, channel, alerts, now))).collect();
        let failed = || Delivery { sent: Vec::new(), trouble: Some("it could not be sent".to_owned()) };
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| failed())).collect()
    })
}

fn send(policy: &Policy, channel: &Channel, alerts: &[&Alert], now: i64) -> Delivery {
    let all = |result: Result<(), String>| match result {
        Ok(()) => Delivery { sent: alerts.iter().map(|alert| alert.key.clone()).collect(), trouble: None },
        Err(trouble) => Delivery { sent: Vec::new(), trouble: Some(trouble) },
    };
    match channel {
        Channel::Webhook(hook) => webhook::send(&policy.folder, hook, alerts, now),
        Channel::Mail(mail) => all(mail::send(&policy.folder, mail, alerts, now)),
        Channel::Log(log) => all(log::write(&policy.folder, log, alerts, now)),
    }
}

/// What would be sent, as text.
pub fn preview(channel: &Channel, alerts: &[&Alert], now: i64) -> String {
    match channel {
        Channel::Webhook(hook) => {
            let bodies = payload::bodies(hook.shape, alerts, "[routing key]");
            bodies.iter().map(|(_, body)| format!("{body}\n")).collect()
        }
        Channel::Mail(mail) => mail::message(mail, alerts, now),
        Channel::Log(log) => log::lines(log, alerts).iter().map(|line| format!("{line}\n")).collect(),
    }
}
