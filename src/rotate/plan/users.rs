//! Who else uses a leaked value: destinations of the policy that hold it although nothing says that they should. They would
//! keep the dead one, so a plan names them before anything is changed. What cannot be read is named too.

use std::collections::BTreeMap;

use super::{Item, User, Wishes};
use crate::rotate::destinations::{Destination, DestinationPolicy};
use crate::rotate::escrow::Material;
use crate::rotate::policy::Rotation;
use crate::rotate::types::Outcome;

/// Destinations by name, opened once; one that cannot be opened has its story.
pub(super) type Opened = BTreeMap<String, Result<Box<dyn Destination>, String>>;

/// Looks for `material` in every destination that the entry does not list. Reads only.
pub(super) fn look(policy: &Rotation, item: &Item, material: &Material, opened: &mut Opened) -> Vec<User> {
    let others = policy.destinations.iter().filter(|other| item.destinations.iter().all(|own| own.name != other.name));
    others.filter_map(|other| one(policy, other, material, opened)).collect()
}

fn one(policy: &Rotation, other: &DestinationPolicy, material: &Material, opened: &mut Opened) -> Option<User> {
    // Its form needs a part that this credential does not have: it holds something else.
    let values = other.values(material).ok()?;
    let driver =
        opened.entry(other.name.clone()).or_insert_with(|| other.open(policy).map_err(|error| error.to_string()));
    let user =
        |place: String, holds: Option<bool>, note: String| Some(User { name: other.name.clone(), place, holds, note });
    let driver = match driver {
        Ok(driver) => driver,
        Err(error) => return user(String::new(), None, error.clone()),
    };
    if !driver.readable() {
        return user(driver.place(), None, "it cannot be read".to_owned());
    }
    let report = driver.holds(&values);
    match report.outcome {
        Outcome::Done => user(driver.place(), Some(true), "it holds the leaked value".to_owned()),
        Outcome::NotDone(_) => None,
        Outcome::Unknown => user(driver.place(), None, report.note),
    }
}

/// Why the plan must not be carried out: somebody holds the value and would not follow (law 5). Where no new value is made,
/// nobody can follow: they are named, and that is all.
pub(super) fn refusal(item: &Item, wishes: &Wishes) -> Option<String> {
    if !item.strategy.issues() {
        return None;
    }
    let left = |user: &&User| user.holds == Some(true) && !wishes.accept_missing.contains(&user.name);
    let names: Vec<&str> = item.users.iter().filter(left).map(|user| user.name.as_str()).collect();
    let owner = item.identity.as_ref().map_or("", |identity| identity.owner.as_str());
    (!names.is_empty() && !wishes.emergency).then(|| {
        format!(
            "`{}` holds it too and would keep the dead value: add `{owner}` to its `owners`, or --accept-missing it",
            names.join("`, `")
        )
    })
}
