//! What somebody has to be told of, read off the document of a run. Plain data and one pure function; sending is `alert`'s.

use serde::{Deserialize, Serialize};

use super::document::{Document, PlaceEntry, RepositoryEntry, SecretEntry};
use super::record::{Event, Standing};
use crate::clock::parse_rfc3339;
use crate::error::Notice;
use crate::finding::Severity;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A secret was found for the first time.
    New,
    /// A secret that was closed is open again.
    Reopened,
    /// A secret is open for longer than the deadline of its severity.
    Overdue,
    /// The issuer says that an open secret lives.
    Live,
    /// Something is not covered.
    CoverageLost,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::New, Self::Reopened, Self::Overdue, Self::Live, Self::CoverageLost];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Reopened => "reopened",
            Self::Overdue => "overdue",
            Self::Live => "live",
            Self::CoverageLost => "coverage-lost",
        }
    }
}

/// Days that a secret may be open, by severity; without a number there is no deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Deadlines {
    /// For critical ones.
    pub critical: Option<u16>,
    /// For high ones.
    pub high: Option<u16>,
    /// For medium ones.
    pub medium: Option<u16>,
    /// For low ones.
    pub low: Option<u16>,
}

impl Deadlines {
    fn days(&self, severity: Severity) -> Option<u16> {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
        }
    }
}

/// An alert. It holds keyed hashes, names and dates; never a secret, nor its masked form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The same for the same thing in every run: nobody is told of it twice.
    pub key: String,
    /// What it is about.
    pub kind: Kind,
    /// When that happened, RFC 3339 in UTC.
    pub at: String,
    /// How bad it is; lost coverage counts as high.
    pub severity: Severity,
    /// One sentence.
    pub title: String,
    /// Keyed hash of the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_id: Option<String>,
    /// Rule id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// A repository (of many, perhaps).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// A place in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// How many places there are.
    pub places: u64,
    /// Whether HEAD of a repository has it.
    pub in_head: bool,
    /// More, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What is due after the run `after`: of the secrets that are open, and of what was not covered.
pub fn due(document: &Document, deadlines: &Deadlines, after: u64) -> Vec<Alert> {
    let mut all = Vec::new();
    let now = parse_rfc3339(&document.run.ended).unwrap_or_default();
    for secret in document.secrets.iter().filter(|secret| secret.standing == Standing::Open) {
        let last = |what: &[&str]| secret.events.iter().rev().find(|event| what.contains(&&*event.what));
        let Some(opened) = last(&["found", "reopened"]) else { continue };
        if opened.run > after {
            let kind = if opened.what == "reopened" { Kind::Reopened } else { Kind::New };
            all.push(of_secret(kind, secret, opened));
        }
        if let Some(live) = last(&["live", "dead"]).filter(|event| event.what == "live" && event.run > after) {
            all.push(of_secret(Kind::Live, secret, live));
        }
        let open = now - parse_rfc3339(&opened.at).unwrap_or(now);
        if let Some(days) = deadlines.days(secret.severity).filter(|days| open > i64::from(*days) * DAY) {
            let mut alert = of_secret(Kind::Overdue, secret, opened);
            alert.why = format!("open for {} days; {days} are allowed", open / DAY);
            all.push(alert);
        }
    }
    let lost = document.repositories.iter().filter(|repository| !repository.gaps.is_empty());
    all.extend(lost.map(|repository| of_repository(repository, &document.run.ended)));
    let of_none = |notice: &&Notice| {
        notice.gap && !document.repositories.iter().any(|repository| repository.gaps.contains(notice))
    };
    all.extend(document.notices.iter().filter(of_none).map(|notice| of_notice(notice, &document.run.ended)));
    all
}

fn place(entry: &PlaceEntry) -> String {
    match entry.place.path.is_empty() {
        true => format!("({})", entry.place.kind),
        false => format!("{}:{}", entry.place.path, entry.place.line),
    }
}

fn of_secret(kind: Kind, secret: &SecretEntry, event: &Event) -> Alert {
    // What HEAD has is seen first.
    let first = secret.places.iter().max_by_key(|entry| (entry.place.in_head, std::cmp::Reverse(&entry.place.path)));
    let head = match kind {
        Kind::New => "New",
        Kind::Reopened => "Open again:",
        Kind::Overdue => "Overdue:",
        Kind::Live => "Verified live:",
        Kind::CoverageLost => "",
    };
    let where_ = first.map(|entry| format!(" in {}", entry.repository)).unwrap_or_default();
    Alert {
        key: format!("{} {} {}", kind.as_str(), secret.secret_id, event.at),
        kind,
        at: event.at.clone(),
        severity: secret.severity,
        title: format!("{head} {} secret: {}{where_}", secret.severity.as_str(), secret.rule),
        secret_id: Some(secret.secret_id.clone()),
        rule: Some(secret.rule.clone()),
        repository: first.map(|entry| entry.repository.clone()),
        place: first.map(place),
        places: secret.places.len() as u64,
        in_head: secret.in_head,
        why: event.why.clone(),
    }
}

fn lost(name: &str, since: &str, at: &str, why: String) -> Alert {
    Alert {
        key: format!("{} {name} {since}", Kind::CoverageLost.as_str()),
        kind: Kind::CoverageLost,
        at: at.to_owned(),
        severity: Severity::High,
        title: format!("Not covered: {name}"),
        secret_id: None,
        rule: None,
        repository: Some(name.to_owned()),
        place: None,
        places: 0,
        in_head: false,
        why,
    }
}

fn of_repository(repository: &RepositoryEntry, at: &str) -> Alert {
    let mut why = repository.gaps.first().map(|gap| gap.message.clone()).unwrap_or_default();
    if repository.gaps.len() > 1 {
        why = format!("{why}; and {} more", repository.gaps.len() - 1);
    }
    lost(&repository.name, &repository.last_complete, at, why)
}

fn of_notice(notice: &Notice, at: &str) -> Alert {
    lost(notice.path.as_deref().unwrap_or(&notice.message), "", at, notice.message.clone())
}
