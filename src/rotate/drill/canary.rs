//! The drill against a canary: whole runs on a credential of the operator's that exists to be turned. What goes wrong is put
//! between us and its issuer, who notices nothing: answers are lost after they were given, calls are turned away before they
//! are sent, questions stay without an answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::stand_in::Fault;
use super::{Known, Scenario, in_clear, words};
use crate::error::{Error, Result};
use crate::rotate::escrow::Material;
use crate::rotate::evidence::{Evidence, state_word};
use crate::rotate::execute::{Places, Run, see};
use crate::rotate::keys::SigningKey;
use crate::rotate::plan::{Item, Leak, Plan, Wishes};
use crate::rotate::policy::{Aging, Rotation, Target};
use crate::rotate::providers::{Abilities, Acted, Call, Provider, Subject};
use crate::rotate::run::course::Disable;
use crate::rotate::run::{Course, End, Next, Step};
use crate::rotate::types::{Identity, Probe, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// How many questions go wrong.
const WRONG: u32 = 2;

/// A credential that is turned for the exercise.
pub struct Canary<'c> {
    /// What is allowed.
    pub policy: &'c Rotation,
    /// Where runs live.
    pub places: &'c Places,
    /// What the policy says of it.
    pub aging: &'c Aging,
    /// Signs the evidence.
    pub key: &'c SigningKey,
    /// Which key makes secret ids.
    pub key_id: &'c str,
}

/// What goes wrong with a canary that is turned so.
pub fn faults(course: &Course) -> Vec<Fault> {
    let mut faults = vec![Fault::None, Fault::TurnedAway(Step::Issue)];
    // Where a lost answer ends as `lost`, nobody wants to lose one.
    if course.issue != Retry::Never {
        faults.extend([Fault::LostAnswer(Step::Issue), Fault::Killed(Step::Issue)]);
    }
    faults.push(Fault::Killed(Step::Distribute(0)));
    if course.disable.is_some() {
        faults.push(Fault::LostAnswer(Step::Disable));
    }
    if course.delete {
        faults.extend([Fault::LostAnswer(Step::Delete), Fault::TurnedAway(Step::Delete), Fault::Killed(Step::Delete)]);
    }
    faults.extend([Fault::Outage, Fault::SlowDeath, Fault::SlowBirth]);
    if course.disable == Some(Disable::Reversible) {
        faults.push(Fault::RolledBack);
    }
    faults
}

impl Canary<'_> {
    fn target(&self) -> Result<&Target> {
        let target = self.policy.target(&self.aging.target);
        target.ok_or_else(|| Error::Usage(format!("canary `{}`: no target `{}`", self.aging.name, self.aging.target)))
    }

    /// Its plan, as for a leak. Reads only.
    ///
    /// # Errors
    /// When it is no canary, or may not be turned.
    pub fn plan(&self, leak: Leak) -> Result<Plan> {
        let refuse = |why: &str| Err(Error::Usage(format!("canary `{}`: {why}", self.aging.name)));
        if !self.aging.canary {
            return refuse("it is turned many times and something uses it: only one with `canary = true` is drilled");
        }
        let wishes = Wishes { target: Some(self.aging.target.clone()), ..Wishes::default() };
        let plan = Plan::make(self.policy, &[leak], &wishes, self.key_id, &self.key.public())?;
        match plan.entries.first() {
            Some(Item { refused: Some(why), .. }) => refuse(why),
            Some(item) if !item.strategy.issues() => refuse("no call makes a new one, so there is one drill: apply"),
            Some(Item { identity: Some(identity), .. }) if identity.liveness == "live" => Ok(plan),
            _ => refuse("it does not live: put a living one where its `value` says"),
        }
    }

    /// Runs one scenario; what the canary is afterwards comes with it.
    ///
    /// # Errors
    /// When the run cannot begin, or the disk says no.
    pub fn run(&self, plan: &Plan, fault: Fault, old: Material) -> Result<(Scenario, Option<Material>)> {
        let began = Instant::now();
        let item = plan.entries.first().ok_or_else(|| Error::Usage("the plan is empty".to_owned()))?;
        let (source, silent) = (Known(old.clone()), |_: &str| {});
        let provider = || self.target()?.open(&self.policy.folder);
        let straight = provider()?;
        let old = straight.normal(&old);
        let value = old.get("value").cloned().unwrap_or_else(|| Secret::new(b""));
        let watch = Arc::new(Mutex::new(Watch::default()));
        let disturbed = || {
            let (inner, old, watch) = (provider()?, value.clone(), Arc::clone(&watch));
            Ok::<_, Error>(Box::new(Disturbed { inner, fault, strategy: item.strategy, old, watch }))
        };
        let mut run = Run::begin(self.places, self.policy, item, &plan.digest, &source, &silent)?;
        let name = run.name.clone();
        let folder = run.folder().to_owned();
        run.speak_through(disturbed()?);
        run.interrupt_after = fault.interrupts_after();
        let mut end = run.drive();
        drop(run);
        for _ in 0..5 {
            if matches!(end, Ok(end) if end.over()) {
                break;
            }
            let mut run = Run::resume(self.places, self.policy, &name, &source, &silent)?;
            run.speak_through(disturbed()?);
            if fault == Fault::RolledBack {
                run.go_back()?;
            }
            end = run.drive();
        }
        let seen = see(self.places, &name)?;
        let evidence = Evidence::of(&name, &seen, &seen.head, self.key_id, self.key)?;
        let text = serde_json::to_vec(&evidence).map_err(|error| Error::Usage(error.to_string()))?;
        let (new, revoked) = {
            let watch = lock(&watch);
            (watch.new.clone(), watch.revoked.map(|at| at.elapsed().as_millis()))
        };
        let mut broken = Vec::new();
        let mut hold = |law: &str, held: bool| {
            if !held {
                broken.push(law.to_owned());
            }
        };
        let holds = |material: &Material| {
            self.aging.value.read(&self.policy.folder).ok().as_ref() == material.get("value").map(|value| value as _)
        };
        let lives = |material: &Material| straight.probe(material);
        let back = fault == Fault::RolledBack;
        let kept = if back { Some(old.clone()) } else { new.clone() };
        if back {
            hold("law 7: it was not rolled back", seen.next == Next::End(End::RolledBack));
            hold("law 7: the old one does not live", matches!(lives(&old), Probe::Live(_)));
        } else {
            hold("law 8: it did not end well", seen.next == Next::End(End::Proven));
            hold("law 6: the old one lives", matches!(lives(&old), Probe::Dead(_)));
        }
        let kept = kept.filter(|kept| {
            let (alive, held) = (matches!(lives(kept), Probe::Live(_)), holds(kept));
            hold("law 8: the one that should live does not", alive);
            hold("law 8: the canary's `value` is not where the living one is: make it a destination", held);
            alive && held
        });
        hold("law 6: the evidence does not hold", Evidence::check(&text, Some(&self.key.public())).is_ok());
        let values: Vec<String> = [Some(&old), new.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|m| m.text("value"))
            .map(str::to_owned)
            .collect();
        hold("law 2: a value is on disk in clear", !in_clear(&folder, &values)?);
        let scenario = Scenario {
            provider: self.aging.target.clone(),
            strategy: item.strategy.as_str().to_owned(),
            fault: words(fault),
            end: state_word(seen.next),
            time_to_dead_ms: revoked.filter(|_| !back),
            total_ms: began.elapsed().as_millis(),
            broken,
        };
        Ok((scenario, kept))
    }
}

/// What was seen of a run from between us and the issuer.
#[derive(Debug, Default)]
struct Watch {
    /// The fault happened, so many times.
    happened: u32,
    /// When the old one was first revoked.
    revoked: Option<Instant>,
    /// The replacement.
    new: Option<Material>,
}

fn lock(watch: &Mutex<Watch>) -> MutexGuard<'_, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A driver with something wrong on the way.
struct Disturbed {
    inner: Box<dyn Provider>,
    fault: Fault,
    strategy: Strategy,
    old: Secret,
    watch: Arc<Mutex<Watch>>,
}

impl Disturbed {
    /// Whether it is to happen again; counts.
    fn happens(&self, times: u32) -> bool {
        let mut watch = lock(&self.watch);
        watch.happened += 1;
        watch.happened <= times
    }
}

impl Provider for Disturbed {
    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    fn normal(&self, leaked: &Material) -> Material {
        self.inner.normal(leaked)
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        self.inner.identify(old)
    }

    fn calls(&self, identity: &Identity) -> Vec<Call> {
        self.inner.calls(identity)
    }

    fn check(&self, subject: &Subject<'_>) -> Report {
        self.inner.check(subject)
    }

    fn choose(&self, subject: &Subject<'_>) -> Result<Material, Trouble> {
        self.inner.choose(subject)
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        if self.fault == Fault::TurnedAway(step) && self.happens(1) {
            return Report::later("turned away for the drill").fact("retry-after", "1").into();
        }
        let acted = self.inner.act(step, subject);
        let kills = match step {
            Step::Disable | Step::Delete => true,
            Step::Issue => self.strategy == Strategy::OnePhase,
            _ => false,
        };
        if kills && acted.report.outcome == crate::rotate::types::Outcome::Done {
            lock(&self.watch).revoked.get_or_insert_with(Instant::now);
        }
        if self.fault == Fault::LostAnswer(step) && self.happens(1) {
            return Report::unknown("the answer was lost for the drill").into();
        }
        acted
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        self.inner.look(step, subject)
    }

    fn probe(&self, material: &Material) -> Probe {
        let old = material.get("value") == Some(&self.old);
        if !old {
            lock(&self.watch).new = Some(material.clone());
        }
        let revoked = lock(&self.watch).revoked.is_some();
        match self.fault {
            Fault::Outage if old && revoked && self.happens(WRONG) => {
                Probe::Unknown("no answer, for the drill".to_owned())
            }
            Fault::SlowDeath if old && revoked && self.happens(WRONG) => {
                Probe::Live("not yet dead, for the drill".to_owned())
            }
            Fault::SlowBirth if !old && !revoked && self.happens(WRONG) => {
                Probe::Dead("not yet born, for the drill".to_owned())
            }
            _ => self.inner.probe(material),
        }
    }

    fn signs_with(&self, old: &Material) -> bool {
        self.inner.signs_with(old)
    }

    fn secrets(&self) -> Vec<Secret> {
        self.inner.secrets()
    }
}
