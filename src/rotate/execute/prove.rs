//! Probes that prove: the new one lives, the old one is dead. One answer proves nothing; several in a row, over the time a
//! change needs to arrive everywhere, with the replacement seen alive by the same probe in between, do.

use std::time::{Duration, Instant};

use super::Run;
use crate::error::Result;
use crate::rotate::journal::Entry;
use crate::rotate::run::{Issued, Step, When};
use crate::rotate::types::{Probe, Report};

/// Time that a kind without propagation is given, in seconds.
const LEAST_PATIENCE: u64 = 3;

/// Shortest time between two answers.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);

impl Run<'_> {
    pub(super) fn note_probe(&mut self, step: Step, which: &str, answer: &str, detail: &str) -> Result<()> {
        let detail = self.guard.redact(detail);
        let entry = Entry::Probe { step, which: which.to_owned(), answer: answer.to_owned(), detail };
        self.journal.append(entry, &self.guard)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(LEAST_PATIENCE.max(self.provider.abilities().propagation * 3))
    }

    /// The new one lives: several times in a row, for replicas learn of it one by one.
    pub(super) fn verify_new(&mut self) -> Report {
        let Some(new) = self.new.clone() else { return Report::refused("there is no new value") };
        let deadline = Instant::now() + self.patience();
        let mut row = 0;
        loop {
            let probe = self.provider.probe(&new);
            row = if matches!(probe, Probe::Live(_)) { row + 1 } else { 0 };
            if row >= self.policy.samples() {
                return Report::done(format!("the new one lives: {}", probe.detail()));
            }
            if Instant::now() >= deadline {
                return match probe {
                    Probe::Dead(detail) => Report::refused(format!("the new one does not work: {detail}")),
                    other => Report::later(other.detail().to_owned()),
                };
            }
            std::thread::sleep(SHORTEST_PAUSE);
        }
    }

    pub(super) fn verify_old(&mut self) -> Report {
        let deadline = Instant::now() + self.patience();
        loop {
            match self.provider.probe(&self.old) {
                Probe::Live(detail) => return Report::done(format!("the old one lives: {detail}")),
                probe if Instant::now() >= deadline => {
                    return match probe {
                        Probe::Dead(detail) => Report::refused(format!("the old one does not live: {detail}")),
                        other => Report::later(other.detail().to_owned()),
                    };
                }
                _ => std::thread::sleep(SHORTEST_PAUSE),
            }
        }
    }

    /// The old one is dead, and the same probe says live for the new one meanwhile.
    pub(super) fn prove(&mut self, when: When) -> Result<Report> {
        let step = Step::Prove(when);
        let propagation = self.provider.abilities().propagation;
        let window = Duration::from_secs(self.policy.proof_seconds.max(propagation * 2));
        let samples = self.policy.samples();
        let pause = (window / samples.saturating_sub(1).max(1)).max(SHORTEST_PAUSE);
        let deadline = Instant::now() + window * 3 + self.patience();
        let control = self.new.clone().filter(|_| self.state.issued == Issued::Yes);
        let mut row = 0;
        loop {
            let old = self.provider.probe(&self.old);
            self.note_probe(step, "old", old.word(), old.detail())?;
            let mut counts = matches!(old, Probe::Dead(_));
            let mut last = old.clone();
            if let (true, Some(new)) = (counts, &control) {
                let alive = self.provider.probe(new);
                self.note_probe(step, "new", alive.word(), alive.detail())?;
                counts = matches!(alive, Probe::Live(_));
                if !counts {
                    last = alive;
                }
            }
            row = if counts { row + 1 } else { 0 };
            if row >= samples {
                let with =
                    if control.is_some() { "while the new one lives" } else { "with nothing to compare it with" };
                return Ok(Report::done(format!(
                    "dead {row} times over {} s {with}: {}",
                    window.as_secs(),
                    old.detail()
                )));
            }
            if Instant::now() >= deadline {
                return Ok(match old {
                    Probe::Live(detail) => Report::refused(format!("it still lives: {detail}")),
                    _ => Report::later(format!("death is not proven: {}", last.detail())),
                });
            }
            std::thread::sleep(pause);
        }
    }
}
