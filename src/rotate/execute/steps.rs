//! How each step is done, and how it is found out what became of one.

use zeroize::Zeroizing;

use super::{Places, Run};
use crate::error::{Error, Result};
use crate::rotate::escrow::age::Identity as AgeIdentity;
use crate::rotate::escrow::{Keeper, keyring};
use crate::rotate::fault;
use crate::rotate::files;
use crate::rotate::policy::Rotation;
use crate::rotate::run::{Event, Issued, Step};
use crate::rotate::types::{Binding, Chooser, Outcome, Report, Trouble};

/// Who keeps values meanwhile: what the policy says, else an age identity of our own, made on first use.
///
/// # Errors
/// When it cannot be had.
pub fn keeper(policy: &Rotation, places: &Places) -> Result<Keeper> {
    let escrow = &policy.escrow;
    if let Some(name) = &escrow.pending {
        let alone =
            !escrow.keyring && escrow.age_identity.is_none() && escrow.seal.is_empty() && escrow.open.is_empty();
        return match policy.versions(name)? {
            versions if alone => Ok(Keeper::Pending(versions)),
            _ => Err(Error::Usage("[rotation.escrow]: `pending` stands alone".to_owned())),
        };
    }
    match (&escrow.age_identity, escrow.seal.is_empty(), escrow.open.is_empty()) {
        (None, true, true) if escrow.keyring => {
            files::private_folder(&places.config)?;
            Keeper::of(keyring::identity(&places.config.join("escrow-keyring.txt"))?, &escrow.age_recipients)
        }
        _ if escrow.keyring => Err(Error::Usage("[rotation.escrow]: `keyring` stands alone".to_owned())),
        (None, false, false) => Ok(Keeper::Command { seal: escrow.seal.clone(), open: escrow.open.clone() }),
        (Some(path), true, true) => Keeper::age(&policy.folder.join(path), &escrow.age_recipients),
        (None, true, true) => {
            let path = places.config.join("escrow-identity.txt");
            if !path.exists() {
                let identity = AgeIdentity::generate();
                let identity = identity.ok_or_else(|| Error::Usage("the system gives no random bytes".to_owned()))?;
                let text = Zeroizing::new(format!("# recipient: {}\n{}\n", identity.recipient(), *identity.line()));
                // Of two first runs at once both must open what either keeps.
                files::make_once(&path, text.as_bytes())?;
            }
            files::only_ours(&path)?;
            Keeper::age(&path, &escrow.age_recipients)
        }
        _ => Err(Error::Usage(
            "[rotation.escrow]: give `age-identity`, or `keyring`, or `pending`, or both `seal` and `open`".to_owned(),
        )),
    }
}

impl Run<'_> {
    /// Does a step. An error is trouble with our own disk: nothing is changed after that.
    pub(super) fn act(&mut self, step: Step) -> Result<Report> {
        Ok(match step {
            Step::Identify => self.identify()?,
            Step::Preflight => self.preflight(),
            Step::EscrowOld => self.escrow_old(),
            Step::EscrowNew => self.escrow_new(),
            Step::Issue => self.issue(),
            Step::VerifyNew => self.verify_new(),
            Step::Distribute(at) => self.write(at, true),
            Step::Restore(at) => self.write(at, false),
            Step::VerifyAt(at) => self.verify_at(at),
            Step::Soak => self.soak(),
            Step::Prove(when) => self.prove(when)?,
            Step::VerifyOld => self.verify_old(),
            Step::Scrub => self.scrub()?,
            Step::ByHand => Report::later("a person has something to do"),
            Step::Discard => {
                let report = self.provider.act(step, &self.subject(step)).report;
                if report.outcome == Outcome::Done {
                    self.escrow.forget("new")?;
                    self.new = None;
                }
                report
            }
            Step::Disable | Step::Delete | Step::Enable => self.provider.act(step, &self.subject(step)).report,
        })
    }

    /// Finds out what became of a step.
    pub(super) fn look(&mut self, step: Step) -> Report {
        match step {
            Step::EscrowNew => match self.escrow.take("new") {
                Ok(Some(new)) => {
                    self.learn_new(new);
                    Report::done("the new value was kept")
                }
                Ok(None) => Report::refused("the new value was not kept"),
                Err(error) => Report::unknown(error.to_string()),
            },
            Step::Distribute(at) => self.compare(at, true),
            Step::Restore(at) => self.compare(at, false),
            _ => self.provider.look(step, &self.subject(step)),
        }
    }

    /// The world must still be the planned one.
    fn identify(&mut self) -> Result<Report> {
        let identity = match self.provider.identify(&self.old) {
            Ok(identity) => identity,
            Err(trouble) => return Ok(trouble.report()),
        };
        if identity.liveness == "dead" {
            // An issuer seldom says whose a dead one was; nothing of it is changed any more, and its death is proven.
            let detail = format!("{}: dead", self.identity.owner);
            self.note_probe(Step::Identify, "old", "dead", &detail)?;
            self.log(Event::AlreadyDead, Report::done("it is dead already"))?;
            return Ok(Report::done(detail));
        }
        if identity.id != self.identity.id || identity.owner != self.identity.owner {
            return Ok(Report::refused("it belongs to somebody else than the plan says"));
        }
        if identity.binding == Binding::Ambiguous {
            return Ok(Report::refused("what would be changed is not proven to be the leaked value"));
        }
        let detail = format!("{}: {}", identity.owner, identity.liveness);
        self.note_probe(Step::Identify, "old", &identity.liveness.clone(), &detail)?;
        self.identity = identity;
        Ok(Report::done(detail))
    }

    fn preflight(&self) -> Report {
        if let Err(error) = self.escrow.check() {
            return Report::refused(error.to_string());
        }
        let report = self.provider.check(&self.subject(Step::Preflight));
        if report.outcome != Outcome::Done {
            return report;
        }
        for (at, (policy, destination)) in self.copies.iter().enumerate() {
            let checked = match policy.values(&self.old) {
                Ok(values) => destination.check(&values),
                Err(fault) => Report::refused(fault),
            };
            if checked.outcome != Outcome::Done && !self.state.accepted.contains(&at) && !self.course.emergency {
                return Report { note: format!("destination `{}`: {}", policy.name, checked.note), ..checked };
            }
        }
        report
    }

    fn escrow_old(&self) -> Report {
        match self.escrow.keep("old", &self.old) {
            Ok(()) => Report::done("the old value is kept until it is proven dead"),
            Err(error) => Report::refused(error.to_string()),
        }
    }

    fn escrow_new(&mut self) -> Report {
        if self.course.chooser == Chooser::Us && self.new.is_none() {
            match self.escrow.take("new") {
                Ok(Some(new)) => self.learn_new(new),
                Ok(None) => match self.provider.choose(&self.subject(Step::EscrowNew)) {
                    Ok(new) => self.learn_new(new),
                    Err(trouble) => return trouble.report(),
                },
                Err(error) => return Report::refused(error.to_string()),
            }
        }
        match &self.new {
            Some(new) => match self.escrow.keep("new", new) {
                Ok(()) => Report::done("the new value is kept"),
                Err(error) => Report::later(error.to_string()),
            },
            None => Report::refused("there is no new value"),
        }
    }

    /// What the issuer shows is kept before anything is written down: a kill loses as little as it can.
    fn issue(&mut self) -> Report {
        let acted = self.provider.act(Step::Issue, &self.subject(Step::Issue));
        let Some(new) = acted.new else { return acted.report };
        fault::point("before-keep", "issue");
        let kept = self.escrow.keep("new", &new);
        self.learn_new(new);
        match kept {
            Ok(()) => acted.report,
            // It is still in memory; EscrowNew tries again.
            Err(error) => Report { note: format!("{} (not kept yet: {error})", acted.report.note), ..acted.report },
        }
    }

    fn values(&self, at: usize, new: bool) -> Result<super::super::destinations::Values, Report> {
        let material = if new { self.new.as_ref() } else { Some(&self.old) };
        let material = material.ok_or_else(|| Report::refused("there is no such value"))?;
        self.copies[at].0.values(material).map_err(Report::refused)
    }

    fn write(&self, at: usize, new: bool) -> Report {
        match (self.values(at, !new), self.values(at, new)) {
            (Ok(from), Ok(to)) => self.copies[at].1.write(&from, &to),
            (Err(report), _) | (_, Err(report)) => report,
        }
    }

    fn compare(&self, at: usize, new: bool) -> Report {
        match self.values(at, new) {
            Ok(values) => self.copies[at].1.holds(&values),
            Err(report) => report,
        }
    }

    fn verify_at(&self, at: usize) -> Report {
        let name = &self.copies[at].0.name;
        let report = self.compare(at, true);
        Report { note: format!("destination `{name}`: {}", report.note), ..report }
    }

    fn soak(&self) -> Report {
        std::thread::sleep(std::time::Duration::from_secs(self.policy.soak_seconds));
        for at in (0..self.copies.len()).filter(|at| !self.state.accepted.contains(at)) {
            let report = self.verify_at(at);
            if report.outcome != Outcome::Done {
                return report;
            }
        }
        Report::done(format!("all destinations held it for {} s", self.policy.soak_seconds))
    }

    fn scrub(&mut self) -> Result<Report> {
        self.escrow.forget("old")?;
        let held = (0..self.copies.len()).any(|at| !self.state.accepted.contains(&at));
        if held || self.state.issued == Issued::No {
            self.escrow.forget("new")?;
            return Ok(Report::done("what was kept is gone"));
        }
        Ok(Report::done("the old value is gone; the new one stays in escrow, for no destination holds it"))
    }
}

impl From<Trouble> for Report {
    fn from(trouble: Trouble) -> Self {
        trouble.report()
    }
}
