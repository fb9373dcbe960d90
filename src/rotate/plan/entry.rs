//! One entry of a plan: whose the secret is, what would be done, and why not.

use std::collections::BTreeMap;

use super::{Item, Leak, Planned, Wishes, users};
use crate::error::Result;
use crate::rotate::destinations::DestinationPolicy;
use crate::rotate::escrow::Material;
use crate::rotate::policy::{Rotation, matches};
use crate::rotate::providers::{Provider, Subject, Target, saas};
use crate::rotate::run::course::Signer;
use crate::rotate::run::{Copy, Course};
use crate::rotate::types::{Binding, Fault, Identity, Outcome, Proof, Report, Retry, Strategy, Trouble};
use crate::secret::Secret;

/// Drivers by name, opened once.
#[derive(Default)]
pub(super) struct Drivers {
    targets: BTreeMap<String, Box<dyn Provider>>,
    held: users::Index,
}

impl Drivers {
    /// What the drivers sign with.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        self.targets.values().flat_map(|driver| driver.secrets()).collect()
    }
}

pub(super) fn item(policy: &Rotation, leak: &Leak, wishes: &Wishes, drivers: &mut Drivers) -> Result<Item> {
    let mut item = Item {
        secret_id: leak.secret_id.clone(),
        rule: leak.rule.clone(),
        redacted: leak.redacted.clone(),
        origins: leak.origins.clone(),
        target: None,
        environment: None,
        identity: None,
        strategy: Strategy::Manual,
        proof: None,
        course: None,
        calls: Vec::new(),
        destinations: Vec::new(),
        users: Vec::new(),
        manual: Vec::new(),
        refused: None,
    };
    let takes = |target: &&Target| match &wishes.target {
        Some(name) => target.name() == name,
        None => target.takes(&leak.rule),
    };
    let mut targets: Vec<&Target> = policy.targets.iter().filter(takes).collect();
    targets.sort_by_key(|target| !target.picky());
    if targets.is_empty() {
        item.manual = by_hand(leak);
        item.refused = Some("no target of the policy issues this kind: do it by hand".to_owned());
        return Ok(item);
    }
    let mut troubles = Vec::new();
    let mut best: Option<(&Target, Identity)> = None;
    for target in targets {
        if !drivers.targets.contains_key(target.name()) {
            drivers.targets.insert(target.name().to_owned(), target.open(&policy.folder)?);
        }
        let Some(driver) = drivers.targets.get(target.name()) else { continue };
        match driver.identify(&driver.normal(&leak.material)) {
            Ok(identity) => {
                let live = identity.liveness == "live";
                if live || best.is_none() {
                    best = Some((target, identity));
                }
                if live || target.picky() {
                    break;
                }
            }
            Err(trouble) => troubles.push(format!("{}: {trouble}", target.name())),
        }
    }
    let Some((target, identity)) = best else {
        item.refused = Some(format!("nobody could say whose it is: {}", troubles.join("; ")));
        return Ok(item);
    };
    if let Some(driver) = drivers.targets.get(target.name()) {
        fill(policy, leak, wishes, &mut item, target, identity, driver.as_ref());
        let live = item.identity.as_ref().is_some_and(|identity| identity.liveness == "live");
        if live && item.refused.is_none() {
            let material = driver.normal(&leak.material);
            item.users = drivers.held.look(policy, &item, &material);
            item.refused = users::refusal(&item, wishes).or_else(|| why_not(&item, driver.as_ref(), &material));
        }
    }
    Ok(item)
}

#[allow(clippy::too_many_arguments)] // the pieces of one entry
fn fill(
    policy: &Rotation,
    leak: &Leak,
    wishes: &Wishes,
    item: &mut Item,
    target: &Target,
    identity: Identity,
    driver: &dyn Provider,
) {
    let abilities = driver.abilities();
    item.target = Some(target.name().to_owned());
    item.environment = Some(target.environment().to_owned());
    item.strategy = abilities.strategy;
    item.proof = Some(abilities.proof);
    item.calls = driver.calls(&identity);
    item.manual = driver.manual();
    let material = driver.normal(&leak.material);
    let dead = identity.liveness == "dead";
    let holds = |destination: &&DestinationPolicy| {
        abilities.strategy.issues() && destination.holds(&identity.owner, &leak.rule, &leak.secret_id)
    };
    let mut faults = Vec::new();
    for destination in policy.destinations.iter().filter(holds) {
        match planned(policy, destination, &material, wishes) {
            Ok((planned, fault)) => {
                if let Some(fault) = fault.filter(|_| !planned.accepted) {
                    faults.push(format!("destination `{}`: {fault}", destination.name));
                }
                item.destinations.push(planned);
            }
            Err(error) => faults.push(format!("destination `{}`: {error}", destination.name)),
        }
    }
    let course = Course {
        strategy: abilities.strategy,
        emergency: wishes.emergency,
        chooser: abilities.chooser,
        issue: abilities.issue,
        disable: abilities.disable,
        delete: abilities.delete,
        delete_retry: abilities.delete_retry,
        copies: item.destinations.iter().map(|planned| Copy { restorable: planned.readable }).collect(),
        soak: policy.soak_seconds > 0,
        signs_itself: driver.signs_with(&material),
    };
    let allowed = policy
        .environments
        .get(target.environment())
        .is_some_and(|environment| environment.owners.iter().any(|pattern| matches(pattern, &identity.owner)));
    item.refused = if identity.binding == Binding::Ambiguous && dead {
        Some(
            "what answers is not proven to be the leaked value's issuer: a dead one is refused so, and one that lives elsewhere"
                .to_owned(),
        )
    } else if identity.binding == Binding::Ambiguous {
        Some("what would be changed is not proven to be the leaked value".to_owned())
    } else if dead || abilities.strategy == Strategy::Manual {
        None // nothing is changed by us: it is only proven
    } else if !allowed {
        Some(format!("owner `{}` is not among those of environment `{}`", identity.owner, target.environment()))
    } else if abilities.proof == Proof::Unproven && !wishes.allow_unproven.iter().any(|kind| kind == target.name()) {
        item.manual.insert(0, leak.advice.clone());
        Some(format!("its calls are unproven: do it by hand, or --allow-unproven {}", target.name()))
    } else if course.strategy.issues() && item.destinations.is_empty() {
        Some("no destination of the policy holds it, so nobody would get the new value".to_owned())
    } else if !faults.is_empty() && !wishes.emergency {
        Some(faults.join("; "))
    } else {
        course.refusal().map(str::to_owned)
    };
    if abilities.issue == Retry::Never && abilities.strategy.issues() {
        item.manual.push("if the answer to `issue` is lost, a person must look: it is never repeated".to_owned());
    }
    item.course = Some(course);
    item.identity = Some(identity);
}

/// No run is called so: nothing at an issuer carries it.
const NO_RUN: &str = "plan-without-run";

/// What its issuer says against it: too few rights, a full quota, a root key (law 10). What cannot be told now is asked again
/// before anything is changed.
fn why_not(item: &Item, driver: &dyn Provider, old: &Material) -> Option<String> {
    let (Some(identity), Some(course)) = (&item.identity, &item.course) else { return None };
    if course.strategy == Strategy::Manual {
        return None;
    }
    let facts = BTreeMap::new();
    let signer = if course.signs_itself { Signer::Old } else { Signer::Admin };
    let report = driver.check(&Subject { run: NO_RUN, identity, old, new: None, facts: &facts, signer });
    (report.outcome == Outcome::NotDone(Fault::Final)).then_some(report.note)
}

/// The checklist for a secret that no target takes, and the kinds that could.
fn by_hand(leak: &Leak) -> Vec<String> {
    let mut lines: Vec<String> =
        [&leak.advice, &leak.link].into_iter().filter(|line| !line.is_empty()).cloned().collect();
    for kind in saas::data::of_rule(&leak.rule) {
        lines.extend(kind.steps.iter().cloned());
        lines.push(format!(
            "a target of kind \"saas\" with provider \"{}\" would do this: {} ({})",
            kind.id,
            kind.strategy.as_str(),
            kind.proof
        ));
    }
    lines
}

fn planned(
    policy: &Rotation,
    destination: &DestinationPolicy,
    material: &Material,
    wishes: &Wishes,
) -> Result<(Planned, Option<String>)> {
    let driver = destination.open(policy)?;
    let report = match destination.values(material) {
        Ok(values) => match (driver.check(&values), material.get("value")) {
            (report, Some(value)) if report.outcome == Outcome::Done => {
                driver.elsewhere(&values, value).map_or(report, Report::refused)
            }
            (report, _) => report,
        },
        Err(fault) => Trouble::Refused(fault).report(),
    };
    let fault = (report.outcome != Outcome::Done).then(|| report.note.clone());
    let planned = Planned {
        name: destination.name.clone(),
        place: driver.place(),
        readable: driver.readable(),
        state: report.note,
        accepted: wishes.accept_missing.contains(&destination.name),
    };
    Ok((planned, fault))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Drivers, fill, item};
    use crate::rotate::escrow::Material;
    use crate::rotate::plan::{Item, Leak, Wishes};
    use crate::rotate::policy::{Environment, Rotation};
    use crate::rotate::providers::{Abilities, Acted, Call, Provider, Subject, Target};
    use crate::rotate::run::Step;
    use crate::rotate::types::{Binding, Chooser, Identity, Probe, Proof, Report, Retry, Strategy, Trouble};

    /// A kind that is killed by a call that nobody has proven.
    struct Unproven;

    impl Provider for Unproven {
        fn abilities(&self) -> Abilities {
            Abilities {
                strategy: Strategy::RevokeOnly,
                chooser: Chooser::Issuer,
                issue: Retry::Never,
                disable: None,
                delete: true,
                delete_retry: Retry::ReconcileFirst,
                propagation: 0,
                proof: Proof::Unproven,
            }
        }

        fn identify(&self, _: &Material) -> Result<Identity, Trouble> {
            Ok(identity())
        }

        fn calls(&self, _: &Identity) -> Vec<Call> {
            vec![Call::new("delete", "DELETE /token", "the leaked one", false)]
        }

        fn check(&self, _: &Subject<'_>) -> Report {
            Report::done("")
        }

        fn choose(&self, _: &Subject<'_>) -> Result<Material, Trouble> {
            Err(Trouble::Refused(String::new()))
        }

        fn act(&self, _: Step, _: &Subject<'_>) -> Acted {
            Report::refused("").into()
        }

        fn look(&self, _: Step, _: &Subject<'_>) -> Report {
            Report::refused("")
        }

        fn probe(&self, _: &Material) -> Probe {
            Probe::Live(String::new())
        }
    }

    fn identity() -> Identity {
        Identity {
            owner: "kind:service:user/app".to_owned(),
            id: "kind:service:1".to_owned(),
            binding: Binding::SelfEndpoint,
            liveness: "live".to_owned(),
            facts: BTreeMap::new(),
            also_dies: Vec::new(),
        }
    }

    #[test]
    fn law_13_unproven_calls_are_refused_unless_the_operator_insists() {
        let target = "kind = \"saas\"\nname = \"service\"\nenvironment = \"test\"\nprovider = \"jfrog-token\"\n";
        let target: Target = toml::from_str(target).expect("a target");
        let environment = Environment { owners: vec!["kind:*".to_owned()], ..Environment::default() };
        let policy =
            Rotation { environments: BTreeMap::from([("test".to_owned(), environment)]), ..Rotation::default() };
        let leak = Leak {
            rule: "a-rule".to_owned(),
            secret_id: "s".to_owned(),
            redacted: "x".to_owned(),
            advice: "revoke it in the settings".to_owned(),
            link: String::new(),
            origins: Vec::new(),
            material: Material::of(b"made up"),
        };
        let plan = |wishes: &Wishes| -> Item {
            let mut entry = item(&policy, &leak, wishes, &mut Drivers::default()).expect("an entry");
            entry.refused = None;
            fill(&policy, &leak, wishes, &mut entry, &target, identity(), &Unproven);
            entry
        };
        let refused = plan(&Wishes::default());
        assert!(refused.refused.is_some_and(|why| why.contains("--allow-unproven service")));
        assert_eq!(refused.manual.first(), Some(&leak.advice), "what a person does is said");
        let wishes = Wishes { allow_unproven: vec!["service".to_owned()], ..Wishes::default() };
        let insisted = plan(&wishes);
        assert_eq!((insisted.refused, insisted.proof), (None, Some(Proof::Unproven)), "the plan says so");
    }
}
