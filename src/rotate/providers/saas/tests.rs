//! The data of `providers/*.toml` holds together: every kind can be driven, is sourced, and binds what it changes.

use std::collections::BTreeSet;

use super::data::{By, IdFrom, Kind, kinds};
use crate::rotate::types::{Proof, Retry, Strategy};

fn all() -> &'static [Kind] {
    kinds().expect("the files parse")
}

/// Every text of a kind that may hold names.
fn templates(kind: &Kind) -> Vec<String> {
    let mut texts: Vec<String> = kind.headers.values().cloned().collect();
    for (_, change) in kind.changes() {
        texts.push(change.call.clone());
        texts.extend(change.headers.values().cloned());
        texts.extend(change.body.iter().map(ToString::to_string));
        texts.extend(change.form.iter().flatten().map(|(_, value)| value.clone()));
    }
    if let Some(probe) = &kind.probe {
        texts.push(probe.call.clone());
        texts.extend(probe.headers.values().cloned());
        texts.extend(probe.body.iter().map(ToString::to_string));
        texts.extend(probe.form.iter().flatten().map(|(_, value)| value.clone()));
    }
    texts.extend(kind.list.iter().map(|list| list.call.clone()));
    if let Some(IdFrom::Lookup { within, .. }) = &kind.id_from {
        texts.push(within.clone());
    }
    if let Some(IdFrom::List { call, .. } | IdFrom::Public { call, .. } | IdFrom::Lookup { call, .. }) = &kind.id_from {
        texts.push(call.clone());
    }
    texts
}

/// The names in a text: letters, digits and dashes between braces.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| {
        let name = rest.split('}').next()?;
        let plain = |char: char| char.is_ascii_alphanumeric() || "-.".contains(char);
        (!name.is_empty() && name.chars().all(plain)).then_some(name)
    })
}

#[test]
fn at_least_35_kinds_are_documented_or_better() {
    let proven = all().iter().filter(|kind| kind.proof != Proof::Unproven && kind.probe.is_some());
    assert!(proven.count() >= 35);
}

#[test]
fn every_kind_can_be_driven() {
    let mut ids = BTreeSet::new();
    for kind in all() {
        let id = &kind.id;
        assert!(ids.insert(id), "{id} is there twice");
        assert!(kind.source.split(' ').all(|source| source.starts_with("https://")), "{id}: {}", kind.source);
        assert!(kind.host.as_ref().is_none_or(|host| host.starts_with("https://")), "{id}: its host");
        assert!(
            kind.probe.is_some() || kind.pair.is_some() || kind.proof == Proof::Unproven,
            "{id}: death cannot be proven"
        );
        let (issue, list, delete) = (&kind.issue, &kind.list, &kind.delete);
        match kind.strategy {
            Strategy::TwoPhase => assert!(issue.is_some() && list.is_some() && delete.is_some(), "{id}"),
            Strategy::OnePhase => assert!(issue.is_some() && delete.is_none() && list.is_none(), "{id}"),
            Strategy::RevokeOnly => assert!(issue.is_none() && delete.is_some(), "{id}"),
            Strategy::Manual => assert!(kind.changes().count() == 0 && !kind.steps.is_empty(), "{id}"),
        }
        if let Some(issue) = issue {
            assert!(issue.value.is_some() != (kind.pair.is_some() || kind.shown), "{id}: where is the new value?");
            let never = matches!(issue.retry, None | Some(Retry::Never));
            assert!(never || kind.strategy == Strategy::TwoPhase, "{id}: one-phase is never repeated");
            let list = matches!(kind.id_from, Some(IdFrom::List { .. }));
            assert!(!kind.shown || list && kind.strategy == Strategy::OnePhase, "{id}: what shows the new value?");
        }
        for (step, change) in kind.changes() {
            assert!(!change.done.is_empty(), "{id}: {step}");
            assert!(!kind.rights.is_empty(), "{id}: whose rights does {step} need?");
        }
    }
}

#[test]
fn law_1_what_names_an_object_has_a_proven_id() {
    for kind in all() {
        assert!(!kind.uses_id() || kind.id_from.is_some(), "{}: where does the id come from?", kind.id);
        // A value that turns itself needs no admin; whoever else does is named in the policy.
        let by = kind.changes().map(|(_, change)| change.signer);
        assert!(kind.id_from.is_some() || by.into_iter().all(|by| by != By::Own), "{}", kind.id);
    }
}

#[test]
fn names_in_the_calls_are_known() {
    for kind in all() {
        for text in templates(kind) {
            for name in names(&text) {
                let fact = name.strip_prefix("fact.");
                let known = ["token", "value", "id", "run"].contains(&name)
                    || kind.needs.iter().any(|need| need == name)
                    || kind.pair.is_some() && name == "public"
                    || kind.jwt && ["jwt", "email"].contains(&name)
                    || fact.is_some_and(|fact| kind.pair.as_ref().is_some_and(|p| p.facts.contains_key(fact)))
                    || fact.is_some_and(|fact| kind.probe.as_ref().is_some_and(|p| p.facts.contains_key(fact)));
                assert!(known, "{}: `{name}` in `{text}` is not known", kind.id);
            }
            assert!(
                ["GET", "POST", "PUT", "PATCH", "DELETE"].iter().any(|m| text.starts_with(m)) || !text.starts_with('/')
            );
        }
        if let Some(IdFrom::List { call, .. } | IdFrom::Public { call, .. } | IdFrom::Lookup { call, .. }) =
            &kind.id_from
        {
            // Azure lists keys by POST: they are secret, and so no address names them.
            assert!(call.starts_with("GET ") || call.contains("/listKeys?"), "{}", kind.id);
        }
    }
}

#[test]
fn the_guide_lists_every_kind_as_it_is() {
    let guide = include_str!("../../../../docs/providers.md");
    for kind in all() {
        let row = format!("| `{}` | {} | {} | {} |", kind.id, kind.vendor, kind.strategy.as_str(), kind.proof);
        assert!(guide.contains(&row), "docs/providers.md lacks: {row}");
    }
}
