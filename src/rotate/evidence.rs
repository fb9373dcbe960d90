//! Evidence: a signed file that says what was done and how death was proven, which anyone can check again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::execute::Seen;
use super::journal::Entry;
use super::keys::{self, SigningKey};
use super::run::{End, Next, Step};
use crate::error::{Error, Result};

const PURPOSE: &str = "evidence";

/// An answer of the issuer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// During which step.
    pub step: String,
    /// `old` or `new`.
    pub which: String,
    /// `live`, `dead` or `unknown`.
    pub answer: String,
    /// What was answered.
    pub detail: String,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Version of this form: 1.
    pub schema: u32,
    /// The run's name.
    pub run: String,
    /// How it stands: `proven`, …
    pub state: String,
    /// The plan's digest.
    pub plan: String,
    /// Which key the secret's id is made with, where the program knows it.
    pub key_id: String,
    /// The secret's keyed hash.
    pub secret_id: String,
    /// The rule that found it.
    pub rule: String,
    /// Whose it was.
    pub owner: String,
    /// The object at the issuer.
    pub object: String,
    /// How it was turned.
    pub strategy: String,
    /// Destinations, and what is known of each.
    pub destinations: BTreeMap<String, String>,
    /// When it began.
    pub began: String,
    /// When the last line of the journal was written.
    pub ended: String,
    /// All answers, in order.
    pub probes: Vec<Answer>,
    /// Whether death was compared with the life of a replacement.
    pub control: bool,
    /// SHA-256 chain of the journal: its last hash.
    pub journal: String,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What is said.
    pub body: Body,
    /// Who says it: a public key in hex.
    pub signer: String,
    /// Over the body.
    pub signature: String,
}

impl Evidence {
    /// The evidence of a run.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(run: &str, seen: &Seen, journal: &str, key_id: &str, key: &SigningKey) -> Result<Self> {
        let mut probes = Vec::new();
        let mut notes: BTreeMap<String, String> = BTreeMap::new();
        for record in &seen.records {
            match &record.entry {
                Entry::Probe { step, which, answer, detail } => probes.push(Answer {
                    time: record.time.clone(),
                    step: step.name(),
                    which: which.clone(),
                    answer: answer.clone(),
                    detail: detail.clone(),
                }),
                Entry::Event { event: super::run::Event::Ended(Step::VerifyAt(at), outcome), .. } => {
                    if let Some(planned) = seen.item.destinations.get(*at) {
                        notes.insert(planned.name.clone(), format!("{outcome:?}"));
                    }
                }
                _ => {}
            }
        }
        for at in &seen.state.accepted {
            if let Some(planned) = seen.item.destinations.get(*at) {
                notes.insert(planned.name.clone(), "accepted: it may hold the old value".to_owned());
            }
        }
        let time =
            |record: Option<&super::journal::Record>| record.map(|record| record.time.clone()).unwrap_or_default();
        let identity = seen.item.identity.as_ref();
        let body = Body {
            schema: 1,
            run: run.to_owned(),
            state: state_word(seen.next),
            plan: seen.digest.clone(),
            key_id: key_id.to_owned(),
            secret_id: seen.item.secret_id.clone(),
            rule: seen.item.rule.clone(),
            owner: identity.map(|identity| identity.owner.clone()).unwrap_or_default(),
            object: identity.map(|identity| identity.id.clone()).unwrap_or_default(),
            strategy: seen.item.strategy.as_str().to_owned(),
            destinations: notes,
            began: time(seen.records.first()),
            ended: time(seen.records.last()),
            control: probes.iter().any(|probe| probe.which == "new" && probe.answer == "live"),
            probes,
            journal: journal.to_owned(),
        };
        let signature = key.sign(PURPOSE, &text(&body)?);
        Ok(Self { body, signer: key.public(), signature })
    }

    /// Reads evidence and checks its signature, and that it proves what it says. `signer` is whom to trust; without one
    /// only the file's own signer is checked.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn check(bytes: &[u8], signer: Option<&str>) -> Result<Self> {
        let refuse = |message: String| Err(Error::Usage(message));
        let evidence: Self =
            serde_json::from_slice(bytes).map_err(|error| Error::Usage(format!("this is no evidence: {error}")))?;
        if signer.is_some_and(|signer| !signer.eq_ignore_ascii_case(&evidence.signer)) {
            return refuse(format!("it is signed by {}, not by whom you trust", evidence.signer));
        }
        if !keys::verify(&evidence.signer, PURPOSE, &text(&evidence.body)?, &evidence.signature) {
            return refuse("its signature does not fit: it was changed".to_owned());
        }
        if evidence.body.state == "proven" {
            let last: Vec<&Answer> = evidence.body.probes.iter().filter(|probe| probe.which == "old").collect();
            if last.last().is_none_or(|probe| probe.answer != "dead") {
                return refuse("it says proven, but the last answer about the old value is not `dead`".to_owned());
            }
        }
        Ok(evidence)
    }
}

/// How a run stands, as one word.
pub fn state_word(next: Next) -> String {
    match next {
        Next::End(End::Proven) => "proven".to_owned(),
        Next::End(End::RolledBack) => "rolled-back".to_owned(),
        Next::End(End::Refused(step)) => format!("refused:{}", step.name()),
        Next::End(End::Lost) => "lost".to_owned(),
        Next::End(End::Failed(step)) => format!("failed:{}", step.name()),
        Next::End(End::Inconclusive(step)) => format!("inconclusive:{}", step.name()),
        Next::End(End::ByHand) => "by-hand".to_owned(),
        Next::Do(step) => format!("before:{}", step.name()),
        Next::Reconcile(step) => format!("unknown:{}", step.name()),
    }
}

fn text(body: &Body) -> Result<Vec<u8>> {
    serde_json::to_vec(body).map_err(|error| Error::Usage(error.to_string()))
}
