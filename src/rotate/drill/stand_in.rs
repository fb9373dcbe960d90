//! The stand-in: an issuer and a destination in memory, which misbehave when asked to and watch over the laws.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::destinations::{Destination, Values};
use super::super::escrow::Material;
use super::super::providers::{Abilities, Acted, Call, Provider, Subject, random_text};
use super::super::run::Step;
use super::super::run::course::Disable;
use super::super::types::{Binding, Chooser, Identity, Probe, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// How the stand-in misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not at all.
    None,
    /// The answer to the first call of this step is lost after it was applied.
    LostAnswer(Step),
    /// The first call of this step is turned away (429).
    TurnedAway(Step),
    /// The process is killed after this step was done and before that was written down.
    Killed(Step),
    /// Nobody answers the first questions whether the old one lives, once it was revoked.
    Outage,
    /// What is revoked lives on for a while.
    SlowDeath,
    /// What is made does not live at once.
    SlowBirth,
    /// Two replicas learn of changes one after the other, and answer in turn.
    FlappingReplicas,
    /// The operator goes back after the old one was switched off.
    RolledBack,
}

impl Fault {
    /// The step after which the run is interrupted, if it is.
    pub(super) fn interrupts_after(self) -> Option<Step> {
        match self {
            Self::Killed(step) => Some(step),
            Self::RolledBack => Some(Step::Disable),
            _ => None,
        }
    }
}

/// How long slow things take.
const SLOW: Duration = Duration::from_millis(900);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Live,
    Off,
    Dead,
}

#[derive(Debug, Clone)]
struct Credential {
    id: String,
    life: Life,
    /// What it was before, as slow replicas still think.
    before: Life,
    since: Instant,
    run: String,
}

/// What is so.
#[derive(Debug)]
struct World {
    strategy: Strategy,
    fault: Fault,
    /// The fault struck already.
    struck: bool,
    credentials: BTreeMap<String, Credential>,
    copy: Vec<u8>,
    probes: u32,
    made: u32,
    /// When the leaked one was revoked.
    revoked: Option<Instant>,
    /// Laws that were seen broken.
    broken: Vec<String>,
}

/// A handle to the stand-in: issuer, destination and observer are clones of it.
#[derive(Debug, Clone)]
pub struct StandIn {
    world: Arc<Mutex<World>>,
    leaked: Secret,
}

/// What is left at the end.
#[derive(Debug)]
pub struct Left {
    /// How many credentials live.
    pub live: usize,
    /// The destination holds one that lives.
    pub copy_lives: bool,
    /// The destination holds the leaked one.
    pub copy_is_old: bool,
    /// The leaked one lives.
    pub old_lives: bool,
    /// All values that ever were.
    pub values: Vec<String>,
    /// Laws that were seen broken.
    pub broken: Vec<String>,
    /// From the first revocation to now.
    pub since_revoked: Option<Duration>,
}

impl StandIn {
    /// A stand-in with one live credential, which the destination holds.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(strategy: Strategy, fault: Fault) -> Result<Self, Trouble> {
        let value = random_text(32)?;
        let mut world = World {
            strategy,
            fault,
            struck: false,
            credentials: BTreeMap::new(),
            copy: value.as_bytes().to_vec(),
            probes: 0,
            made: 0,
            revoked: None,
            broken: Vec::new(),
        };
        world.add(&value, "leaked", Life::Live, "");
        Ok(Self { world: Arc::new(Mutex::new(world)), leaked: Secret::new(value.as_bytes()) })
    }

    /// The credential that leaked.
    pub fn leaked(&self) -> Material {
        Material::of(self.leaked.expose())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left.
    pub fn left(&self) -> Left {
        let world = self.world();
        let old = String::from_utf8_lossy(self.leaked.expose()).into_owned();
        let lives = |value: &str| world.credentials.get(value).is_some_and(|found| found.life == Life::Live);
        let copy = String::from_utf8_lossy(&world.copy).into_owned();
        Left {
            live: world.credentials.values().filter(|found| found.life == Life::Live).count(),
            copy_lives: lives(&copy),
            copy_is_old: copy == old,
            old_lives: lives(&old),
            values: world.credentials.keys().cloned().collect(),
            broken: world.broken.clone(),
            since_revoked: world.revoked.map(|at| at.elapsed()),
        }
    }
}

impl World {
    fn add(&mut self, value: &str, id: &str, life: Life, run: &str) {
        let found = Credential { id: id.into(), life, before: Life::Dead, since: Instant::now(), run: run.into() };
        self.credentials.insert(value.to_owned(), found);
    }

    fn set(&mut self, value: &str, life: Life) {
        if let Some(found) = self.credentials.get_mut(value)
            && found.life != life
        {
            (found.before, found.life, found.since) = (found.life, life, Instant::now());
        }
    }

    fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.fault == fault && !self.struck;
        self.struck |= strikes;
        strikes
    }

    /// A call that changes something, with the faults that were asked for.
    fn call(&mut self, step: Step, change: impl FnOnce(&mut Self)) -> Report {
        if self.strikes(Fault::TurnedAway(step)) {
            return Report::later("429: too many calls").fact("retry-after", "1");
        }
        change(self);
        if self.strikes(Fault::LostAnswer(step)) {
            return Report::unknown("the answer was lost");
        }
        Report::done("done")
    }

    /// Watches law 5 where the leaked one is revoked.
    fn revoke(&mut self, value: &str, life: Life) {
        if self.strategy == Strategy::TwoPhase && self.copy == value.as_bytes() {
            self.broken.push("law 5: it was revoked while the destination held it".to_owned());
        }
        self.set(value, life);
        self.revoked.get_or_insert_with(Instant::now);
    }

    fn made_by(&self, run: &str) -> Option<String> {
        let mut all = self.credentials.iter().filter(|(_, found)| found.run == run && found.life != Life::Dead);
        all.next().map(|(value, _)| value.clone())
    }
}

fn text(secret: Option<&Secret>) -> String {
    String::from_utf8_lossy(secret.map(Secret::expose).unwrap_or_default()).into_owned()
}

impl Provider for StandIn {
    fn abilities(&self) -> Abilities {
        let strategy = self.world().strategy;
        let one_phase = strategy == Strategy::OnePhase;
        Abilities {
            strategy,
            chooser: if one_phase { Chooser::Us } else { Chooser::Issuer },
            issue: if one_phase { Retry::RetrySafe } else { Retry::ReconcileFirst },
            disable: (strategy == Strategy::TwoPhase).then_some(Disable::Reversible),
            delete: !one_phase,
            delete_retry: Retry::RetrySafe,
            propagation: 1,
            proof: Proof::Documented,
        }
    }

    fn identify(&self, old: &Material) -> Result<Identity, Trouble> {
        let value = text(old.get("value"));
        let life = self.world().credentials.get(&value).map_or(Life::Dead, |found| found.life);
        Ok(Identity {
            owner: "stand-in:app".to_owned(),
            id: "stand-in:leaked".to_owned(),
            binding: Binding::SelfEndpoint,
            liveness: if life == Life::Live { "live" } else { "dead" }.to_owned(),
            facts: BTreeMap::new(),
            also_dies: Vec::new(),
        })
    }

    fn calls(&self, _: &Identity) -> Vec<Call> {
        Vec::new()
    }

    fn check(&self, _: &Subject<'_>) -> Report {
        Report::done("all rights")
    }

    fn choose(&self, _: &Subject<'_>) -> Result<Material, Trouble> {
        Ok(Material::of(random_text(32)?.as_bytes()))
    }

    fn act(&self, step: Step, subject: &Subject<'_>) -> Acted {
        let old = text(subject.old.get("value"));
        let mut world = self.world();
        match step {
            Step::Issue => {
                let one_phase = world.strategy == Strategy::OnePhase;
                let value = match (one_phase, subject.new) {
                    (true, Some(new)) => text(new.get("value")),
                    _ => match random_text(32) {
                        Ok(value) => value.to_string(),
                        Err(trouble) => return trouble.report().into(),
                    },
                };
                let report = world.call(step, |world| {
                    world.made += 1;
                    let id = format!("new-{}", world.made);
                    world.add(&value, &id, Life::Live, subject.run);
                    if one_phase {
                        world.revoke(&old, Life::Dead);
                    }
                });
                let shown = report.outcome == super::super::types::Outcome::Done && !one_phase;
                Acted { report, new: shown.then(|| Material::of(value.as_bytes())) }
            }
            Step::Disable => world.call(step, |world| world.revoke(&old, Life::Off)).into(),
            Step::Enable => world.call(step, |world| world.set(&old, Life::Live)).into(),
            Step::Delete => world.call(step, |world| world.revoke(&old, Life::Dead)).into(),
            Step::Discard => {
                let made = world.made_by(subject.run);
                world.call(step, |world| made.iter().for_each(|value| world.set(value, Life::Dead))).into()
            }
            _ => Report::refused("there is no such step here").into(),
        }
    }

    fn look(&self, step: Step, subject: &Subject<'_>) -> Report {
        let world = self.world();
        let old = world.credentials.get(&text(subject.old.get("value"))).map_or(Life::Dead, |found| found.life);
        let made = world.made_by(subject.run).and_then(|value| world.credentials.get(&value));
        let done = match step {
            Step::Issue => made.is_some(),
            Step::Discard => made.is_none(),
            Step::Disable => old != Life::Live,
            Step::Enable => old == Life::Live,
            Step::Delete => old == Life::Dead,
            _ => return Report::unknown("there is nothing to look at"),
        };
        let id = made.map(|found| found.id.clone()).unwrap_or_default();
        if done { Report::done("it was done").fact("id", id) } else { Report::refused("it was not done") }
    }

    fn probe(&self, material: &Material) -> Probe {
        let value = text(material.get("value"));
        let old = value.as_bytes() == self.leaked.expose();
        let mut world = self.world();
        world.probes += 1;
        let turn = world.probes.is_multiple_of(2);
        if old && world.revoked.is_some() && world.fault == Fault::Outage {
            // The first questions are lost; then it is over.
            if world.revoked.is_some_and(|at| at.elapsed() < SLOW) {
                return Probe::Unknown("503: nobody answers".to_owned());
            }
        }
        let Some(found) = world.credentials.get(&value) else { return Probe::Dead("401: unknown".to_owned()) };
        let slow = match world.fault {
            Fault::SlowDeath => old,
            Fault::SlowBirth => !old,
            Fault::FlappingReplicas => turn,
            _ => false,
        };
        let life = if slow && found.since.elapsed() < SLOW { found.before } else { found.life };
        match life {
            Life::Live => Probe::Live("200".to_owned()),
            Life::Off => Probe::Dead("401: switched off".to_owned()),
            Life::Dead => Probe::Dead("401: unknown".to_owned()),
        }
    }
}

impl Destination for StandIn {
    fn place(&self) -> String {
        "the stand-in's destination".to_owned()
    }

    fn readable(&self) -> bool {
        true
    }

    fn check(&self, old: &Values) -> Report {
        self.holds(old)
    }

    fn write(&self, _: &Values, to: &Values) -> Report {
        let step = Step::Distribute(0);
        let mut world = self.world();
        world.call(step, |world| {
            if let Some(value) = to.values().next() {
                world.copy = value.expose().to_vec();
            }
        })
    }

    fn holds(&self, values: &Values) -> Report {
        let world = self.world();
        let same = values.values().next().is_some_and(|value| world.copy == value.expose());
        if same { Report::done("it holds it") } else { Report::refused("it holds something else") }
    }
}
