//! The life of a secret: what opens it, what closes it, what opens it again. Pure functions over records.
//!
//! A secret is open from the run that finds it. Only a proof of its death or a decision closes it; that it disappears
//! from HEAD, or that its repository is gone, does not.

use std::collections::BTreeMap;

use super::record::{Allowed, Event, Place, Secret, Standing, Verified};
use crate::clock::parse_rfc3339;

/// A run as events name it.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'m> {
    /// Its number.
    pub run: u64,
    /// When it began, RFC 3339 in UTC.
    pub now: &'m str,
    /// The day, `YYYY-MM-DD`.
    pub today: &'m str,
}

/// That a secret was rotated and proven dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// The rotation's name.
    pub run: String,
}

/// What issuers said, by secret id.
pub type Verifications = BTreeMap<String, Verified>;

/// Proofs by secret id.
pub type Proofs = BTreeMap<String, Proof>;

impl Allowed {
    /// Whether it counts on this day.
    pub fn holds(&self, today: &str) -> bool {
        self.expires.as_deref().is_none_or(|day| day >= today)
    }
}

/// Whether `one` is later than `other`; dates that cannot be read are compared as text.
fn is_later(one: &str, other: &str) -> bool {
    match (parse_rfc3339(one), parse_rfc3339(other)) {
        (Some(one), Some(other)) => one > other,
        _ => one > other,
    }
}

impl Secret {
    fn event(&mut self, moment: &Moment<'_>, at: &str, what: &str, why: String) {
        self.events.push(Event { at: at.to_owned(), run: moment.run, what: what.to_owned(), why });
    }

    /// When it was closed last, if it is closed.
    pub fn closed_at(&self) -> Option<&str> {
        let closing = self.events.iter().rev().find(|event| ["proven", "accepted"].contains(&&*event.what));
        closing.filter(|_| self.standing != Standing::Open).map(|event| &*event.at)
    }

    /// Whether it was found or opened again by a run after this one, and is open.
    pub fn is_new_since(&self, run: u64) -> bool {
        self.standing == Standing::Open && self.has_since(run, &["found", "reopened"])
    }

    /// Whether one of these events is from a run after this one.
    pub fn has_since(&self, run: u64, events: &[&str]) -> bool {
        self.events.iter().any(|event| event.run > run && events.contains(&&*event.what))
    }

    /// A run saw a place of it that was not known.
    pub fn seen_at(&mut self, place: &Place, moment: &Moment<'_>) {
        moment.now.clone_into(&mut self.last_seen);
        if let Some(date) = &place.introduced
            && self.introduced.as_ref().is_none_or(|known| is_later(known, date))
        {
            self.introduced = Some(date.clone());
        }
        let again = self.standing == Standing::Proven
            && place.introduced.as_deref().is_some_and(|date| self.closed_at().is_some_and(|at| is_later(date, at)));
        if again {
            self.standing = Standing::Open;
            self.event(moment, moment.now, "reopened", "a commit made after its death brings it again".to_owned());
        }
    }

    /// Its issuer was asked. A proof that the issuer contradicts later counts no more; a dead one stays open: what is dead
    /// today may be switched on again, and only a rotation proves it. Whether anything changed comes back.
    pub fn verified(&mut self, said: &Verified, moment: &Moment<'_>) -> bool {
        if self.verified.as_ref().is_some_and(|known| !is_later(&said.at, &known.at)) {
            return false;
        }
        if self.verified.as_ref().is_none_or(|known| known.live != said.live) {
            self.event(moment, &said.at, if said.live { "live" } else { "dead" }, String::new());
        }
        if said.live
            && self.standing == Standing::Proven
            && self.closed_at().is_some_and(|closed| is_later(&said.at, closed))
        {
            self.standing = Standing::Open;
            self.event(moment, &said.at, "reopened", "its issuer says that it lives".to_owned());
        }
        self.verified = Some(said.clone());
        true
    }

    /// Decides how it stands, given all its places. Whether that changed comes back.
    pub fn settle(&mut self, places: &[Option<Allowed>], proof: Option<&Proof>, moment: &Moment<'_>) -> bool {
        let before = (self.standing, self.allowed_until.clone());
        let opened = self.events.iter().rev().find(|event| event.what == "reopened").map(|event| event.at.clone());
        if let Some(proof) = proof
            && self.standing != Standing::Proven
            && opened.is_none_or(|opened| is_later(&proof.at, &opened))
        {
            self.standing = Standing::Proven;
            self.allowed_until = None;
            self.event(moment, &proof.at, "proven", format!("rotation {}", proof.run));
        }
        let all = !places.is_empty() && places.iter().all(Option::is_some);
        match self.standing {
            Standing::Open if all => {
                self.standing = Standing::Accepted;
                let by = places.iter().flatten().next();
                let why = by.map(|by| by.reason.clone().unwrap_or_else(|| by.by.clone())).unwrap_or_default();
                self.event(moment, moment.now, "accepted", why);
            }
            Standing::Accepted if !all => {
                self.standing = Standing::Open;
                self.event(moment, moment.now, "reopened", "what accepted it counts no more for all places".to_owned());
            }
            _ => {}
        }
        self.allowed_until = match self.standing {
            Standing::Accepted => places.iter().flatten().filter_map(|allowed| allowed.expires.clone()).min(),
            _ => None,
        };
        before != (self.standing, self.allowed_until.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, Proof};
    use crate::audit::record::{Allowed, Event, Place, Secret, Standing, Verified};
    use crate::finding::Severity;

    fn secret() -> Secret {
        Secret {
            secret_id: "v1:00".to_owned(),
            rule: "r".to_owned(),
            provider: String::new(),
            severity: Severity::High,
            redacted: String::new(),
            introduced: Some("2026-01-05T00:00:00Z".to_owned()),
            first_seen: "2026-02-01T00:00:00Z".to_owned(),
            last_seen: "2026-02-01T00:00:00Z".to_owned(),
            standing: Standing::Open,
            allowed_until: None,
            verified: None,
            events: vec![Event {
                at: "2026-02-01T00:00:00Z".to_owned(),
                run: 1,
                what: "found".to_owned(),
                why: String::new(),
            }],
        }
    }

    fn place(introduced: &str) -> Place {
        Place {
            fingerprint: String::new(),
            kind: "blob".to_owned(),
            path: "a".to_owned(),
            line: 1,
            object: None,
            commit: None,
            introduced: Some(introduced.to_owned()),
            in_head: true,
            first_seen: String::new(),
            allowed: None,
        }
    }

    fn until(day: &str) -> Option<Allowed> {
        Some(Allowed { by: "ignore-file".to_owned(), reason: None, owner: None, expires: Some(day.to_owned()) })
    }

    const MARCH: Moment<'static> = Moment { run: 2, now: "2026-03-01T00:00:00Z", today: "2026-03-01" };

    #[test]
    fn a_decision_closes_when_it_is_about_all_places_and_its_end_opens_again() {
        let mut secret = secret();
        assert!(secret.is_new_since(0) && !secret.is_new_since(1));
        assert!(!secret.settle(&[until("2026-04-01"), None], None, &MARCH), "one place is open");
        assert!(secret.settle(&[until("2026-04-01"), until("2026-03-15")], None, &MARCH));
        assert_eq!((secret.standing, secret.allowed_until.as_deref()), (Standing::Accepted, Some("2026-03-15")));
        assert_eq!(secret.closed_at(), Some(MARCH.now));
        let later = Moment { run: 3, now: "2026-03-16T00:00:00Z", today: "2026-03-16" };
        assert!(
            !until("2026-03-15").expect("one").holds(later.today)
                && until("2026-03-16").expect("one").holds(later.today)
        );
        assert!(secret.settle(&[until("2026-04-01"), None], None, &later));
        assert_eq!((secret.standing, secret.closed_at()), (Standing::Open, None));
        assert!(secret.is_new_since(2));
    }

    #[test]
    fn a_proof_closes_and_only_a_later_commit_opens_again() {
        let mut secret = secret();
        let proof = Proof { at: "2026-02-10T00:00:00Z".to_owned(), run: "r1".to_owned() };
        assert!(secret.settle(&[None], Some(&proof), &MARCH));
        assert_eq!((secret.standing, secret.closed_at()), (Standing::Proven, Some("2026-02-10T00:00:00Z")));
        assert!(!secret.settle(&[None], Some(&proof), &MARCH), "once");
        secret.seen_at(&place("2026-02-10T02:00:00+03:00"), &MARCH);
        assert_eq!(secret.standing, Standing::Proven, "an old commit of another repository");
        secret.seen_at(&place("2026-02-10T04:00:00+03:00"), &MARCH);
        assert_eq!(secret.standing, Standing::Open);
        assert!(!secret.settle(&[None], Some(&proof), &MARCH), "the old proof counts no more");
        let proof = Proof { at: "2026-03-02T00:00:00Z".to_owned(), run: "r2".to_owned() };
        assert!(secret.settle(&[None], Some(&proof), &MARCH));
        assert_eq!(secret.introduced.as_deref(), Some("2026-01-05T00:00:00Z"));
    }

    #[test]
    fn what_the_issuer_says_is_kept_and_contradicts_a_proof_but_closes_nothing() {
        let mut secret = secret();
        let said = |at: &str, live: bool| Verified { at: at.to_owned(), live };
        assert!(secret.verified(&said("2026-02-02T00:00:00Z", false), &MARCH));
        assert_eq!(secret.standing, Standing::Open, "dead today is no proof");
        assert!(!secret.verified(&said("2026-02-01T00:00:00Z", true), &MARCH), "older than what is known");
        let proof = Proof { at: "2026-02-10T00:00:00Z".to_owned(), run: "r1".to_owned() };
        assert!(secret.settle(&[None], Some(&proof), &MARCH));
        assert!(secret.verified(&said("2026-02-09T00:00:00Z", true), &MARCH));
        assert_eq!(secret.standing, Standing::Proven, "it lived before its proof");
        assert!(secret.verified(&said("2026-02-11T00:00:00Z", true), &MARCH));
        assert_eq!(secret.standing, Standing::Open);
        assert!(!secret.settle(&[None], Some(&proof), &MARCH), "the old proof counts no more");
        let live = secret.events.iter().filter(|event| event.what == "live").count();
        assert_eq!(live, 1, "said twice, noted once");
    }
}
