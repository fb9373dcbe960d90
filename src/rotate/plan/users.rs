//! Who else uses a leaked value: destinations of the policy that hold it although nothing says that they should. They would
//! keep the dead one, so a plan names them before anything is changed. What cannot be read is named too.
//!
//! Each destination is read once for a whole plan, and of what it holds only hashes stay, under a key that is made for the
//! plan and forgotten with it: a leaked value is looked for by its hash.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Item, User, Wishes};
use crate::rotate::destinations::{self, DestinationPolicy};
use crate::rotate::escrow::Material;
use crate::rotate::policy::Rotation;
use crate::secret::Secret;

/// What a destination holds: hashes by name.
type Held = BTreeMap<String, [u8; 32]>;

/// What was seen of a destination.
struct Seen {
    place: String,
    /// Why not, where it could not be read.
    held: Result<Held, String>,
}

/// What the destinations hold, by their names; filled as they are asked for.
#[derive(Default)]
pub(super) struct Index {
    key: Zeroizing<[u8; 32]>,
    seen: BTreeMap<String, Seen>,
}

impl Index {
    fn hash(&self, value: &Secret) -> Option<[u8; 32]> {
        let mut hash = Hmac::<Sha256>::new_from_slice(&*self.key).ok()?;
        hash.update(value.expose());
        Some(hash.finalize().into_bytes().into())
    }

    fn read(&self, policy: &Rotation, other: &DestinationPolicy) -> Seen {
        let driver = match other.open(policy) {
            Ok(driver) => driver,
            Err(error) => return Seen { place: String::new(), held: Err(error.to_string()) },
        };
        let place = driver.place();
        if !driver.readable() {
            return Seen { place, held: Err("it cannot be read".to_owned()) };
        }
        let mut held = Held::new();
        for name in other.keys.keys() {
            match driver.shows(name) {
                Ok(Some(value)) => held.extend(self.hash(&value).map(|hash| (name.clone(), hash))),
                Ok(None) => {}
                Err(why) => return Seen { place, held: Err(why) },
            }
        }
        Seen { place, held: Ok(held) }
    }

    /// Looks for `material` in every destination that the entry does not list. Reads only.
    pub(super) fn look(&mut self, policy: &Rotation, item: &Item, material: &Material) -> Vec<User> {
        let others =
            policy.destinations.iter().filter(|other| item.destinations.iter().all(|own| own.name != other.name));
        if self.seen.is_empty() && getrandom::fill(&mut *self.key).is_err() {
            let note = "the system gives no random bytes: it could not be looked at";
            let user = |other: &DestinationPolicy| User {
                name: other.name.clone(),
                place: String::new(),
                holds: None,
                note: note.to_owned(),
            };
            return others.map(user).collect();
        }
        others.filter_map(|other| self.one(policy, other, material)).collect()
    }

    fn one(&mut self, policy: &Rotation, other: &DestinationPolicy, material: &Material) -> Option<User> {
        // A form that needs a part that this credential does not have belongs to something else.
        let forms = other.keys.iter().filter(|(_, template)| template.contains("{value"));
        let wanted: Held = forms
            .filter_map(|(name, template)| {
                Some((name.clone(), self.hash(&destinations::render(template, material).ok()?)?))
            })
            .collect();
        if wanted.is_empty() {
            return None;
        }
        if !self.seen.contains_key(&other.name) {
            let seen = self.read(policy, other);
            self.seen.insert(other.name.clone(), seen);
        }
        let seen = self.seen.get(&other.name)?;
        let user = |holds, note: &str| {
            Some(User { name: other.name.clone(), place: seen.place.clone(), holds, note: note.to_owned() })
        };
        match &seen.held {
            Ok(held) if wanted.iter().any(|(name, hash)| held.get(name) == Some(hash)) => {
                user(Some(true), "it holds the leaked value")
            }
            Ok(_) => None,
            Err(why) => user(None, why),
        }
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
