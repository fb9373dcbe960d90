//! Carries out a run: asks the state machine what comes next, writes the intent down, does it, writes the outcome down.
//!
//! Everything that can be lost by a kill is on disk before the next step: the journal, and the escrow of both values.

mod prove;
mod report;
mod seen;
mod steps;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::destinations::{Destination, DestinationPolicy};
use super::escrow::{Escrow, Material};
use super::evidence::state_word;
use super::fault;
use super::files::{self, Lock};
use super::journal::{self, Entry, Journal};
use super::plan::Item;
use super::policy::Rotation;
use super::providers::{Provider, Subject};
use super::redact::{Guard, hex};
use super::run::{Course, End, Event, Next, State, Step, next, why_not_back};
use super::types::{Identity, Outcome, Report};
use crate::clock;
use crate::error::{Error, Result};

pub use seen::{Places, Seen, see};
use seen::{begun, fold, unfinished};
pub use steps::keeper;

/// Reads a leaked secret again from where it was found.
pub trait SecretSource {
    /// The credential of a plan's entry.
    ///
    /// # Errors
    /// When it is not there any more, or another secret is.
    fn read(&self, item: &Item) -> Result<Material>;
}

/// Is told what happens, in one line each; never a secret.
pub type Tell<'t> = &'t dyn Fn(&str);

/// A run under way.
pub struct Run<'r> {
    /// Its name.
    pub name: String,
    /// Stop as if killed after this step was done and before that was written down (for the drill).
    pub(super) interrupt_after: Option<Step>,
    folder: PathBuf,
    journal: Journal,
    state: State,
    course: Course,
    item: Item,
    identity: Identity,
    provider: Box<dyn Provider>,
    copies: Vec<(&'r DestinationPolicy, Box<dyn Destination>)>,
    escrow: Escrow,
    guard: Guard,
    facts: BTreeMap<String, String>,
    old: Material,
    new: Option<Material>,
    policy: &'r Rotation,
    tell: Tell<'r>,
    /// What the operator's hooks hear first; nothing of a drill, nor of what is over already.
    first: Option<&'static str>,
    heard: bool,
    _lock: Lock,
}

impl<'r> Run<'r> {
    /// Begins a run for a plan's entry.
    ///
    /// # Errors
    /// When another run works on the credential, the escrow does not work, or the secret cannot be read again.
    pub fn begin(
        places: &Places,
        policy: &'r Rotation,
        item: &Item,
        digest: &str,
        source: &dyn SecretSource,
        tell: Tell<'r>,
    ) -> Result<Self> {
        let (identity, course) = parts(item)?;
        let lock = Lock::take(&places.state.join("locks"), &identity.id)?;
        if let Some(other) = unfinished(places, &identity.id) {
            return Err(Error::Usage(format!(
                "run {other} of this credential is not over: resume it, or roll it back"
            )));
        }
        let old = source.read(item)?;
        let name = new_name()?;
        let folder = places.run(&name);
        places.sweep();
        files::private_folder(&folder)?;
        files::sync_folder(&folder)?;
        // Under another name until it says what is begun: what a kill leaves before that is no run.
        let journal = Journal::create(&folder.join("journal.new"), places.chain()?)?;
        let mut run = Self::assemble(places, policy, name, journal, item, (identity, course), lock, tell)?;
        run.learn_old(old);
        let entry = serde_json::to_value(item).map_err(|error| Error::Usage(error.to_string()))?;
        let begin = Entry::Begin { run: run.name.clone(), digest: digest.to_owned(), entry };
        let begun = run.journal.append(begin, &run.guard);
        if let Err(error) = begun.and_then(|()| run.journal.rename(&run.folder.join("journal.jsonl"))) {
            // Nothing was begun, so nothing is to be gone on with.
            let _ = std::fs::remove_dir_all(&run.folder);
            return Err(error);
        }
        for (at, planned) in item.destinations.iter().enumerate() {
            if planned.accepted {
                run.log(Event::Accepted(at), Report::done("accepted when it was planned"))?;
            }
        }
        run.first = Some("begun");
        Ok(run)
    }

    /// Goes on with a run.
    ///
    /// # Errors
    /// As [`Run::begin`], or when its journal was changed.
    pub fn resume(
        places: &Places,
        policy: &'r Rotation,
        name: &str,
        source: &dyn SecretSource,
        tell: Tell<'r>,
    ) -> Result<Self> {
        let path = places.run(name).join("journal.jsonl");
        let chain = places.chain()?;
        let (item, _) = begun(name, &journal::read(&path, &chain)?)?;
        let (identity, course) = parts(&item)?;
        let lock = Lock::take(&places.state.join("locks"), &identity.id)?;
        let (journal, records) = Journal::open(&path, chain)?;
        let mut run = Self::assemble(places, policy, name.to_owned(), journal, &item, (identity, course), lock, tell)?;
        run.state = fold(&run.course, &records);
        for record in &records {
            if let Entry::Event { facts, .. } = &record.entry {
                run.facts.extend(facts.clone());
            }
        }
        if matches!(next(&run.course, &run.state), Next::End(end) if end.over()) {
            return Ok(run);
        }
        let old = match run.escrow.take("old")? {
            Some(old) => old,
            // Both values are gone only at the end of everything.
            None if run.state.scrubbed => Material::default(),
            None => source.read(&item)?,
        };
        run.learn_old(old);
        if let Some(new) = run.escrow.take("new")? {
            run.learn_new(new);
        }
        run.log(Event::Resumed, Report::done("another process goes on"))?;
        run.first = Some("resumed");
        Ok(run)
    }

    #[allow(clippy::too_many_arguments)] // the pieces of one run
    fn assemble(
        places: &Places,
        policy: &'r Rotation,
        name: String,
        journal: Journal,
        item: &Item,
        (identity, course): (Identity, Course),
        lock: Lock,
        tell: Tell<'r>,
    ) -> Result<Self> {
        let folder = places.run(&name);
        let target = item.target.as_deref().and_then(|name| policy.target(name));
        let target =
            target.ok_or_else(|| Error::Usage("the policy does not have the plan's target any more".to_owned()))?;
        let mut copies = Vec::new();
        for planned in &item.destinations {
            let found = policy.destinations.iter().find(|destination| destination.name == planned.name);
            let found = found
                .ok_or_else(|| Error::Usage(format!("the policy does not have destination `{}`", planned.name)))?;
            copies.push((found, found.open(policy)?));
        }
        let provider = target.open(&policy.folder)?;
        let mut guard = Guard::default();
        provider.secrets().iter().for_each(|secret| guard.learn(secret));
        let escrow = Escrow::new(keeper(policy, places)?, folder.clone());
        Ok(Self {
            name,
            interrupt_after: None,
            folder,
            journal,
            state: State::default(),
            course,
            item: item.clone(),
            identity,
            provider,
            copies,
            escrow,
            guard,
            facts: BTreeMap::new(),
            old: Material::default(),
            new: None,
            policy,
            tell,
            first: None,
            heard: false,
            _lock: lock,
        })
    }

    fn learn_old(&mut self, old: Material) {
        old.secrets().for_each(|secret| self.guard.learn(secret));
        self.old = self.provider.normal(&old);
    }

    fn learn_new(&mut self, new: Material) {
        new.secrets().for_each(|secret| self.guard.learn(secret));
        self.new = Some(new);
    }

    /// Speaks to the issuer through this driver from now on (for the drill).
    pub(super) fn speak_through(&mut self, provider: Box<dyn Provider>) {
        self.provider = provider;
        self.first = None;
    }

    /// The folder of the run.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Asks for the way back.
    ///
    /// # Errors
    /// Why there is none.
    pub fn go_back(&mut self) -> Result<()> {
        if let Some(why) = why_not_back(&self.course, &self.state) {
            return Err(Error::Usage(why));
        }
        self.log(Event::Back, Report::done("the operator wants it undone"))
    }

    /// Goes forward again.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn go_forward(&mut self) -> Result<()> {
        self.log(Event::Forward, Report::done("the operator wants to go on after all"))
    }

    /// The operator did what is done by hand.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn hand_done(&mut self) -> Result<()> {
        self.log(Event::HandDone, Report::done("the operator says that it is done"))
    }

    /// A destination may keep the old value.
    ///
    /// # Errors
    /// When there is no such destination, or the journal cannot be written.
    pub fn accept(&mut self, name: &str) -> Result<()> {
        let at = self.item.destinations.iter().position(|planned| planned.name == name);
        let at = at.ok_or_else(|| Error::Usage(format!("the run has no destination `{name}`")))?;
        self.log(Event::Accepted(at), Report::done(format!("destination `{name}` may keep the old value")))
    }

    /// Goes on until nothing more can be done now.
    ///
    /// # Errors
    /// When the journal or the escrow cannot be written: nothing was changed after that.
    pub fn drive(&mut self) -> Result<End> {
        if let Some(word) = self.first.take() {
            self.heard = true;
            self.report(word, "");
        }
        loop {
            match next(&self.course, &self.state) {
                Next::End(end) => {
                    self.report(&format!("ended:{}", state_word(Next::End(end))), "");
                    return Ok(end);
                }
                Next::Reconcile(step) => {
                    self.pause();
                    let report = self.look(step);
                    self.log(Event::Reconciled(step, report.outcome), report)?;
                }
                Next::Do(step) => {
                    self.pause();
                    let name = step.name();
                    fault::point("before-intent", &name);
                    self.log(Event::Intent(step), Report::done(""))?;
                    fault::point("after-intent", &name);
                    let report = self.act(step)?;
                    fault::point("after-act", &name);
                    if self.interrupt_after == Some(step) {
                        return Err(Error::Usage(format!("interrupted after {name}")));
                    }
                    self.log(Event::Ended(step, report.outcome), report)?;
                    fault::point("after-outcome", &name);
                }
            }
        }
    }

    /// Waits before another attempt: longer each time, and as long as was asked for.
    fn pause(&self) {
        let asked = self.facts.get("retry-after").and_then(|text| text.parse::<u64>().ok());
        let wait = match (self.state.failed, self.state.attempts) {
            (Some(_), attempts) if attempts > 0 => {
                asked.map_or(Duration::from_millis(250u64 << attempts.min(6)), Duration::from_secs)
            }
            _ => return,
        };
        std::thread::sleep(wait);
    }

    fn log(&mut self, event: Event, report: Report) -> Result<()> {
        let note = self.guard.redact(&report.note);
        let line = match event {
            Event::Intent(step) => format!("{} …", step.name()),
            Event::Ended(step, Outcome::Done) => format!("{}: {note}", step.name()),
            Event::Ended(step, Outcome::NotDone(_)) => format!("{}: not done: {note}", step.name()),
            Event::Ended(step, Outcome::Unknown) => format!("{}: nobody knows: {note}", step.name()),
            Event::Reconciled(step, outcome) => format!("{}: looked: {outcome:?}: {note}", step.name()),
            _ => note.clone(),
        };
        let entry = Entry::Event { event, note, facts: report.facts.clone() };
        self.journal.append(entry, &self.guard)?;
        self.facts.remove("retry-after");
        self.facts.extend(report.facts);
        self.state.apply(&self.course, event);
        (self.tell)(&line);
        if let Event::Ended(step, outcome) | Event::Reconciled(step, outcome) = event {
            let word = match outcome {
                Outcome::Done => "done",
                Outcome::NotDone(_) => "not-done",
                Outcome::Unknown => "unknown",
            };
            self.report(&format!("{word}:{}", step.name()), &report.note);
        }
        Ok(())
    }

    fn subject(&self, step: Step) -> Subject<'_> {
        Subject {
            run: &self.name,
            identity: &self.identity,
            old: &self.old,
            new: self.new.as_ref(),
            facts: &self.facts,
            signer: self.course.signer(&self.state, step),
        }
    }
}

fn parts(item: &Item) -> Result<(Identity, Course)> {
    if let Some(why) = &item.refused {
        return Err(Error::Usage(format!("the plan refuses it: {why}")));
    }
    match (&item.identity, &item.course) {
        (Some(identity), Some(course)) => Ok((identity.clone(), course.clone())),
        _ => Err(Error::Usage("the plan's entry is not whole".to_owned())),
    }
}

fn new_name() -> Result<String> {
    let mut bytes = [0u8; 4];
    getrandom::fill(&mut bytes).map_err(|error| Error::Usage(format!("the system gives no random bytes: {error}")))?;
    let now = clock::rfc3339(clock::epoch_seconds(SystemTime::now()));
    let now: String = now.chars().filter(char::is_ascii_digit).collect();
    Ok(format!("{}-{}-{}", &now[..8], &now[8..], hex(&bytes)))
}
