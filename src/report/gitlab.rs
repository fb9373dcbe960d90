//! `gitlab`: GitLab's secret detection report, version 15.0.4 of its form.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::escape::visible;
use super::lazily::Lazily;
use super::place::{Hashes, path_or_object};
use super::{ReportOptions, summary};
use crate::error::NoticeKind;
use crate::finding::{Finding, ScanResult, Severity};

/// The version of the form; GitLab refuses those it does not know.
const VERSION: &str = "15.0.4";
/// What GitLab's own analyser writes for a file that no commit brought.
const NO_COMMIT: &str = "0000000";

/// The report; vulnerabilities are made as they are written.
#[derive(Serialize)]
struct Report<V: Serialize> {
    version: &'static str,
    scan: Value,
    vulnerabilities: V,
}

/// Writes the report of open findings; GitLab has no word for accepted ones.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut hashes = Hashes::default();
    let program = json!({
        "id": "keysweep",
        "name": "keysweep",
        "version": env!("CARGO_PKG_VERSION"),
        "vendor": { "name": "keysweep" },
    });
    let messages: Vec<Value> = result
        .notices
        .iter()
        .map(|notice| {
            let level = match notice.kind {
                NoticeKind::Information if !notice.gap => "info",
                _ => "warn",
            };
            json!({ "level": level, "value": summary::notice(notice) })
        })
        .collect();
    let report = Report {
        version: VERSION,
        scan: json!({
            "analyzer": program,
            "scanner": program,
            "type": "secret_detection",
            "status": if result.has_gap() { "failure" } else { "success" },
            "start_time": time(&result.started),
            "end_time": time(&result.ended),
            "messages": messages,
        }),
        vulnerabilities: Lazily::new(result.open().map(|finding| vulnerability(finding, options, &mut hashes))),
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

/// GitLab's times are UTC without saying so.
fn time(rfc3339: &str) -> &str {
    let bare = rfc3339.trim_end_matches('Z');
    if bare.is_empty() { "1970-01-01T00:00:00" } else { bare }
}

fn vulnerability(finding: &Finding, options: &ReportOptions<'_>, hashes: &mut Hashes) -> Value {
    let rule = options.rules.get(&finding.rule);
    let path = path_or_object(finding);
    let position = finding.position;
    let severity = match finding.severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
    };
    let mut commit = json!({ "sha": NO_COMMIT });
    if let Some(known) = &finding.commit {
        commit = json!({ "sha": known.id, "author": known.author, "date": known.date, "message": known.summary });
    }
    let mut vulnerability = json!({
        "id": hashes.next_uuid(finding),
        "name": shorten(&finding.description, 255),
        "description": format!(
            "{} ({}), confidence {}.",
            visible(&finding.description), visible(&finding.redacted), finding.confidence
        ),
        "severity": severity,
        "identifiers": [
            {
                "type": "keysweep_rule_id",
                "name": format!("keysweep rule {}", finding.rule),
                "value": finding.rule,
            },
            {
                "type": "cwe",
                "name": "CWE-798",
                "value": "798",
                "url": "https://cwe.mitre.org/data/definitions/798.html",
            },
        ],
        "location": {
            "file": path,
            "commit": commit,
            "start_line": position.start_line,
            "end_line": position.end_line,
        },
    });
    if let Some(hash) = finding.fingerprint.rsplit(':').next().filter(|hash| !hash.is_empty()) {
        vulnerability["tracking"] = json!({
            "type": "source",
            "items": [{
                "file": path,
                "start_line": position.start_line,
                "end_line": position.end_line,
                "signatures": [{ "algorithm": "hash", "value": hash }],
            }],
        });
    }
    if let Some(rotate) = rule.map(|rule| &*rule.rotate).filter(|rotate| !rotate.is_empty()) {
        vulnerability["solution"] = shorten(rotate, 7000).into();
    }
    if let Some(link) = rule.map(|rule| &*rule.link).filter(|link| link.starts_with("http")) {
        vulnerability["links"] = json!([{ "name": finding.provider, "url": link }]);
    }
    vulnerability
}

/// At most so many characters.
fn shorten(text: &str, most: usize) -> String {
    visible(text).chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::report::{Format, fixture};

    #[test]
    fn a_vulnerability_per_open_finding() {
        let rules = fixture::rules();
        let written = fixture::write(Format::Gitlab, &fixture::result(), &fixture::options(&rules, true));
        assert!(!written.contains(fixture::SECRET), "this format has no place for secrets");
        let report: Value = serde_json::from_str(&written).expect("a report");
        assert_eq!(report["scan"]["status"], "failure");
        assert_eq!(report["scan"]["start_time"], "2026-11-24T03:00:00");
        let found = report["vulnerabilities"].as_array().expect("an array");
        assert_eq!(found.len(), 3);
        assert_eq!(found[0]["location"]["commit"]["sha"], "1a2b3c4d".repeat(5));
        assert_eq!(found[2]["location"]["commit"]["sha"], "0000000");
        assert_eq!(found[0]["severity"], "Critical");
        assert_ne!(found[0]["id"], found[2]["id"]);
    }
}
