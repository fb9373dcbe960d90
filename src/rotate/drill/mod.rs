//! The drill: whole runs against a stand-in that misbehaves, in memory, without an account or a network. It tells how each
//! law held and how long it took from revoked to proven dead: the key rotation exercise.

pub mod canary;
pub mod stand_in;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use self::stand_in::{Fault, Left, StandIn};
use super::destinations::{At, DestinationPolicy};
use super::escrow::Material;
use super::evidence::{Evidence, state_word};
use super::execute::{Places, Run, SecretSource, see};
use super::files;
use super::keys::SigningKey;
use super::plan::{Item, Leak, Plan, Wishes};
use super::policy::{Environment, Rotation};
use super::providers::Target;
use super::run::{End, Next, Step};
use super::types::Strategy;
use crate::error::{Error, Result};

/// What came of one scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Scenario {
    /// Whose credential: the target's name.
    pub provider: String,
    /// How it is turned.
    pub strategy: String,
    /// What went wrong on purpose.
    pub fault: String,
    /// How the run ended.
    pub end: String,
    /// From the first revocation to the proof, in milliseconds.
    pub time_to_dead_ms: Option<u128>,
    /// From begin to end, in milliseconds.
    pub total_ms: u128,
    /// Laws that did not hold; none when all did.
    pub broken: Vec<String>,
}

/// All scenarios, in the order they are run.
pub fn scenarios() -> Vec<(Strategy, Fault)> {
    use Fault::{FlappingReplicas, Killed, LostAnswer, None, Outage, RolledBack, SlowBirth, SlowDeath, TurnedAway};
    let two = [
        None,
        LostAnswer(Step::Issue),
        LostAnswer(Step::Distribute(0)),
        LostAnswer(Step::Disable),
        LostAnswer(Step::Delete),
        TurnedAway(Step::Issue),
        TurnedAway(Step::Delete),
        Killed(Step::Issue),
        Killed(Step::Distribute(0)),
        Killed(Step::Delete),
        Outage,
        SlowDeath,
        SlowBirth,
        FlappingReplicas,
        RolledBack,
    ];
    let one = [None, LostAnswer(Step::Issue), TurnedAway(Step::Issue), Killed(Step::Issue), Outage, SlowDeath];
    let only = [None, LostAnswer(Step::Delete), Killed(Step::Delete), SlowDeath];
    let all = |strategy: Strategy, faults: &[Fault]| faults.iter().map(|&fault| (strategy, fault)).collect::<Vec<_>>();
    [all(Strategy::TwoPhase, &two), all(Strategy::OnePhase, &one), all(Strategy::RevokeOnly, &only)].concat()
}

struct Known(Material);

impl SecretSource for Known {
    fn read(&self, _: &Item) -> Result<Material> {
        Ok(self.0.clone())
    }
}

/// Runs one scenario in `folder`, which must be empty and is left with what a run leaves.
///
/// # Errors
/// When the disk says no.
pub fn run(strategy: Strategy, fault: Fault, folder: &Path) -> Result<Scenario> {
    let began = Instant::now();
    let stand_in = StandIn::new(strategy, fault).map_err(|trouble| Error::Usage(trouble.to_string()))?;
    let policy = policy(&stand_in, strategy);
    let places = Places { state: folder.join("state"), config: folder.join("config") };
    let (key, _) = SigningKey::load_or_make(&places.config.join("signing-key.pk8"))?;
    let leak = Leak {
        rule: "stand-in".to_owned(),
        secret_id: "stand-in".to_owned(),
        redacted: "[the stand-in's]".to_owned(),
        advice: String::new(),
        link: String::new(),
        origins: Vec::new(),
        material: stand_in.leaked(),
    };
    let wishes = Wishes { target: Some("stand-in".to_owned()), ..Wishes::default() };
    let plan = Plan::make(&policy, &[leak], &wishes, "drill", &key.public())?;
    let item = plan.entries.first().ok_or_else(|| Error::Usage("the plan is empty".to_owned()))?;
    let (source, silent) = (Known(stand_in.leaked()), |_: &str| {});
    let mut run = Run::begin(&places, &policy, item, &plan.digest, &source, &silent)?;
    let name = run.name.clone();
    run.interrupt_after = fault.interrupts_after();
    let mut end = run.drive();
    drop(run);
    for _ in 0..3 {
        if matches!(end, Ok(end) if end.over()) {
            break;
        }
        let mut run = Run::resume(&places, &policy, &name, &source, &silent)?;
        if fault == Fault::RolledBack {
            run.go_back()?;
        }
        end = run.drive();
    }
    let seen = see(&places, &name)?;
    let evidence = Evidence::of(&name, &seen, &seen.head, "drill", &key)?;
    let text = serde_json::to_vec(&evidence).map_err(|error| Error::Usage(error.to_string()))?;
    let left = stand_in.left();
    let mut broken = judge(strategy, fault, seen.next, &left);
    if Evidence::check(&text, Some(&key.public())).is_err() {
        broken.push("law 6: the evidence does not hold".to_owned());
    }
    if in_clear(folder, &left.values)? {
        broken.push("law 2: a value is on disk in clear".to_owned());
    }
    Ok(Scenario {
        provider: "stand-in".to_owned(),
        strategy: strategy.as_str().to_owned(),
        fault: words(fault),
        end: state_word(seen.next),
        time_to_dead_ms: left.since_revoked.filter(|_| !left.old_lives).map(|time| time.as_millis()),
        total_ms: began.elapsed().as_millis(),
        broken,
    })
}

/// The laws that the end breaks.
fn judge(strategy: Strategy, fault: Fault, next: Next, left: &Left) -> Vec<String> {
    let mut broken = left.broken.clone();
    let mut hold = |law: &str, held: bool| {
        if !held {
            broken.push(law.to_owned());
        }
    };
    if fault == Fault::RolledBack {
        hold("law 7: it was not rolled back", next == Next::End(End::RolledBack));
        hold("law 7: the old one does not live alone", left.old_lives && left.live == 1);
        hold("law 7: the destination does not hold the old one", left.copy_is_old);
        return broken;
    }
    hold("law 8: it did not end well", next == Next::End(End::Proven));
    hold("law 6: the old one lives", !left.old_lives);
    if strategy.issues() {
        hold("law 8: not exactly one lives", left.live == 1);
        hold("law 8: the destination holds one that is dead", left.copy_lives);
    } else {
        hold("law 8: something lives", left.live == 0);
    }
    broken
}

fn policy(stand_in: &StandIn, strategy: Strategy) -> Rotation {
    let owners = vec!["stand-in:*".to_owned()];
    let environment = Environment { owners: owners.clone(), ..Environment::default() };
    let destination = DestinationPolicy {
        name: "stand-in-copy".to_owned(),
        owners,
        rules: Vec::new(),
        secret_ids: Vec::new(),
        keys: BTreeMap::from([("value".to_owned(), "{value}".to_owned())]),
        at: At::StandIn(stand_in.clone()),
    };
    Rotation {
        proof_samples: Some(3),
        environments: BTreeMap::from([("drill".to_owned(), environment)]),
        targets: vec![Target::StandIn(stand_in.clone())],
        destinations: if strategy.issues() { vec![destination] } else { Vec::new() },
        ..Rotation::default()
    }
}

/// Whether a file below `folder` holds one of `values`.
fn in_clear(folder: &Path, values: &[String]) -> Result<bool> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = files::read(&path, 64 << 20)?;
            if values.iter().any(|value| memchr::memmem::find(&bytes, value.as_bytes()).is_some()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What went wrong, in words.
pub fn words(fault: Fault) -> String {
    match fault {
        Fault::None => "none".to_owned(),
        Fault::LostAnswer(step) => format!("answer lost: {}", step.name()),
        Fault::TurnedAway(step) => format!("429: {}", step.name()),
        Fault::Killed(step) => format!("killed: {}", step.name()),
        Fault::Outage => "outage while proving".to_owned(),
        Fault::SlowDeath => "slow death".to_owned(),
        Fault::SlowBirth => "slow birth".to_owned(),
        Fault::FlappingReplicas => "flapping replicas".to_owned(),
        Fault::RolledBack => "rolled back".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::stand_in::{Fault, Left};
    use super::{End, Next, Step, Strategy, judge};

    fn well() -> Left {
        Left {
            live: 1,
            copy_lives: true,
            copy_is_old: false,
            old_lives: false,
            values: Vec::new(),
            broken: Vec::new(),
            since_revoked: None,
        }
    }

    #[test]
    fn the_drill_sees_broken_laws() {
        let proven = Next::End(End::Proven);
        let broken = |strategy, fault, next, left: Left| judge(strategy, fault, next, &left).len();
        assert_eq!(broken(Strategy::TwoPhase, Fault::None, proven, well()), 0);
        assert_eq!(broken(Strategy::TwoPhase, Fault::None, Next::End(End::Failed(Step::Issue)), well()), 1);
        assert_eq!(broken(Strategy::TwoPhase, Fault::None, proven, Left { live: 2, ..well() }), 1);
        assert_eq!(broken(Strategy::OnePhase, Fault::None, proven, Left { copy_lives: false, ..well() }), 1);
        assert_eq!(broken(Strategy::TwoPhase, Fault::None, proven, Left { old_lives: true, live: 2, ..well() }), 2);
        assert_eq!(broken(Strategy::RevokeOnly, Fault::None, proven, well()), 1, "nothing should live");
        assert_eq!(broken(Strategy::TwoPhase, Fault::RolledBack, proven, well()), 3);
        let seen = Left { broken: vec!["law 5".to_owned()], ..well() };
        assert_eq!(broken(Strategy::TwoPhase, Fault::None, proven, seen), 1);
    }
}
