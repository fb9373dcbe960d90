//! Findings by secret: the same key in forty files is one secret in forty places.

use std::collections::HashMap;

use crate::clock;
use crate::finding::{Commit, Finding};

/// The findings of one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretGroup {
    /// Indexes of its findings, ascending; never empty.
    pub(crate) findings: Vec<usize>,
    /// Author date of its oldest commit, in UTC.
    pub(crate) first_seen: Option<String>,
    /// When its last place lost it, in UTC: the date of the removing commit, or when the scan ended while it is there.
    pub(crate) last_seen: Option<String>,
    /// Days between the two.
    pub(crate) days_exposed: Option<u64>,
}

/// The secrets of `findings`, in the order of their first place. A finding without a secret id (a library user's,
/// who ran no filter) is told apart by its bytes, which stay inside this function.
/// `ended` is when the scan ended, RFC 3339.
pub(crate) fn by_secret(findings: &[&Finding], ended: &str) -> Vec<SecretGroup> {
    let now = clock::parse_rfc3339(ended);
    let mut places: HashMap<(&str, &[u8]), usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let id = if finding.secret_id.is_empty() { finding.secret.expose() } else { finding.secret_id.as_bytes() };
        let place = *places.entry((&finding.rule, id)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(index);
    }
    groups
        .into_iter()
        .map(|members| {
            let commits = || members.iter().filter_map(|&index| findings[index].commit.as_ref());
            let first = commits().filter_map(|commit| clock::parse_rfc3339(&commit.date)).min();
            let last = commits().filter_map(|commit| last_seen(commit, now)).max();
            SecretGroup {
                first_seen: first.map(clock::rfc3339),
                last_seen: last.map(clock::rfc3339),
                days_exposed: first.zip(last).map(|(first, last)| (last - first).max(0) as u64 / 86_400),
                findings: members,
            }
        })
        .collect()
}

/// When the place of a finding lost its secret; `now` while it is there: in HEAD, or on a ref where nothing removed it.
fn last_seen(commit: &Commit, now: Option<i64>) -> Option<i64> {
    let dated = clock::parse_rfc3339(commit.removed_at.as_deref().unwrap_or(&commit.date));
    let is_there =
        commit.in_head.is_some_and(|in_head| in_head || commit.removed_by.is_none() && commit.reach.is_none());
    if is_there { now.max(dated) } else { dated }
}

#[cfg(test)]
mod tests {
    use super::by_secret;
    use crate::report::fixture;

    #[test]
    fn one_secret_in_two_places_is_one_group_with_its_dates() {
        let result = fixture::result();
        let open: Vec<_> = result.open().collect();
        let groups = by_secret(&open, "2024-06-01T00:00:00Z");
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].findings, [0, 2]);
        assert_eq!(groups[0].first_seen.as_deref(), Some("2024-05-01T10:00:00Z"));
        assert_eq!(groups[0].last_seen.as_deref(), Some("2024-05-11T09:00:00Z"));
        assert_eq!(groups[0].days_exposed, Some(9));
        assert_eq!((groups[1].first_seen.as_ref(), groups[1].days_exposed), (None, None));
    }
}
