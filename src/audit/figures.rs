//! The figures of an audit: how much is open and how old, how long it takes to detect and to close, what is covered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::{Repository, Secret, Standing};
use super::settle::Life;
use crate::clock::parse_rfc3339;
use crate::finding::Severity;

/// Ages in which open secrets are counted: the name, and the seconds it goes up to.
const AGES: [(&str, i64); 4] =
    [("under a day", 86_400), ("under a week", 604_800), ("under 30 days", 2_592_000), ("under 90 days", 7_776_000)];

/// The last of the ages.
const OLDER: &str = "90 days or more";

/// Median and 90th percentile of some durations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// Half of them are at most so long, in seconds; 0 when there are none.
    pub median: u64,
    /// Nine of ten are at most so long, in seconds.
    pub p90: u64,
}

/// A count with its name, in an order of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// What is counted.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// What is covered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// Repositories the state knows.
    pub repositories: u64,
    /// Of those, how many were covered whole when they were looked at last.
    pub complete: u64,
    /// How many never were.
    pub never: u64,
    /// Objects that are covered.
    pub objects: u64,
    /// What could not be covered, at the last look.
    pub gaps: u64,
}

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Open secrets by severity, the worst first.
    pub open_by_severity: Vec<Bar>,
    /// Open secrets by the time since a run saw them first.
    pub open_by_age: Vec<Bar>,
    /// Seconds from the commit that brought a secret to the run that saw it first.
    pub time_to_detect: Spread,
    /// Seconds from the run that saw a secret first to the proof or decision that closed it.
    pub time_to_remediate: Spread,
    /// What is covered.
    pub coverage: Covered,
}

impl Spread {
    /// Of durations in seconds: the smallest value that half, or nine tenths, do not exceed.
    pub fn of(mut durations: Vec<u64>) -> Self {
        durations.sort_unstable();
        let at = |tenths: usize| {
            let place = (durations.len() * tenths).div_ceil(10).saturating_sub(1);
            durations.get(place).copied().unwrap_or_default()
        };
        Self { count: durations.len() as u64, median: at(5), p90: at(9) }
    }
}

/// Seconds between two dates; 0 when the second is earlier (clocks of authors are their own).
fn between(from: &str, to: &str) -> Option<u64> {
    Some(parse_rfc3339(to)?.saturating_sub(parse_rfc3339(from)?).max(0).unsigned_abs())
}

fn bars<'n>(names: impl Iterator<Item = &'n str>, of: impl Iterator<Item = &'n str>) -> Vec<Bar> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    of.for_each(|name| *counts.entry(name).or_default() += 1);
    names.map(|name| Bar { name: name.to_owned(), count: counts.get(name).copied().unwrap_or_default() }).collect()
}

fn age(secret: &Secret, now: &str) -> &'static str {
    let seconds = between(&secret.first_seen, now).unwrap_or_default();
    AGES.iter().find(|(_, up_to)| seconds < up_to.unsigned_abs()).map_or(OLDER, |(name, _)| name)
}

impl Figures {
    /// The figures at the time `now` (RFC 3339).
    pub fn of(lives: &[Life], repositories: &BTreeMap<u32, Repository>, now: &str) -> Self {
        let open = || lives.iter().map(|life| &life.secret).filter(|secret| secret.standing == Standing::Open);
        let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
        let secrets = || lives.iter().map(|life| &life.secret);
        let detect = secrets().filter_map(|secret| between(secret.introduced.as_deref()?, &secret.first_seen));
        let remediate = secrets().filter_map(|secret| between(&secret.first_seen, secret.closed_at()?));
        let records = || repositories.values();
        Self {
            open_by_severity: bars(severities.iter().map(|it| it.as_str()), open().map(|it| it.severity.as_str())),
            open_by_age: bars(AGES.iter().map(|(name, _)| *name).chain([OLDER]), open().map(|it| age(it, now))),
            time_to_detect: Spread::of(detect.collect()),
            time_to_remediate: Spread::of(remediate.collect()),
            coverage: Covered {
                repositories: repositories.len() as u64,
                complete: records().filter(|record| record.gaps.is_empty() && !record.last_complete.is_empty()).count()
                    as u64,
                never: records().filter(|record| record.last_complete.is_empty()).count() as u64,
                objects: records().map(|record| record.objects).sum(),
                gaps: records().map(|record| record.gaps.len() as u64).sum(),
            },
        }
    }
}

/// A duration as people say it: `5 min`, `3 h`, `12 days`.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::{Spread, between, duration};

    #[test]
    fn half_and_nine_tenths_do_not_exceed_median_and_p90() {
        assert_eq!(Spread::of(Vec::new()), Spread { count: 0, median: 0, p90: 0 });
        assert_eq!(Spread::of(vec![7]), Spread { count: 1, median: 7, p90: 7 });
        assert_eq!(Spread::of((1..=10).rev().collect()), Spread { count: 10, median: 5, p90: 9 });
        assert_eq!(Spread::of((1..=11).collect()), Spread { count: 11, median: 6, p90: 10 });
    }

    #[test]
    fn durations_count_zones_and_never_go_below_zero() {
        assert_eq!(between("2026-01-01T02:00:00+02:00", "2026-01-01T00:01:00Z"), Some(60));
        assert_eq!(between("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"), Some(0));
        assert_eq!(between("yesterday", "2026-01-01T00:00:00Z"), None);
        assert_eq!([59, 61, 7200, 200_000].map(duration), ["59 s", "1 min", "2 h", "2 days"]);
    }
}
