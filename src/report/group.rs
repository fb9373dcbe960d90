//! Findings by secret: the same key in forty files is one secret in forty places.

use std::collections::HashMap;

use crate::clock;
use crate::finding::Finding;

/// The findings of one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretGroup {
    /// Indexes of its findings, ascending; never empty.
    pub(crate) findings: Vec<usize>,
    /// Author date of its oldest commit, in UTC.
    pub(crate) first_seen: Option<String>,
    /// Author date of its newest commit, in UTC.
    pub(crate) last_seen: Option<String>,
}

/// The secrets of `findings`, in the order of their first place. A finding without a secret id (a library user's,
/// who ran no filter) is told apart by its bytes, which stay inside this function.
pub(crate) fn by_secret(findings: &[&Finding]) -> Vec<SecretGroup> {
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
            let dates = || {
                let commits = members.iter().filter_map(|&index| findings[index].commit.as_ref());
                commits.filter_map(|commit| clock::parse_rfc3339(&commit.date))
            };
            SecretGroup {
                first_seen: dates().min().map(clock::rfc3339),
                last_seen: dates().max().map(clock::rfc3339),
                findings: members,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::by_secret;
    use crate::report::fixture;

    #[test]
    fn one_secret_in_two_places_is_one_group_with_its_dates() {
        let result = fixture::result();
        let open: Vec<_> = result.open().collect();
        let groups = by_secret(&open);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].findings, [0, 2]);
        assert_eq!(groups[0].first_seen.as_deref(), Some("2024-05-01T10:00:00Z"));
        assert_eq!(groups[1].first_seen, None);
    }
}
