//! `sarif`: SARIF 2.1.0, as GitHub code scanning and other viewers read it.
//!
//! Findings carry their own `primaryLocationLineHash`, made of keyed hashes: GitHub could not compute it for a line
//! of an old commit, and it holds no personal data. Suppressed findings are results with a suppression.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::ReportOptions;
use super::escape::{uri_path, visible};
use super::lazily::Lazily;
use super::place::{Hashes, place_uri};
use crate::error::{Notice, NoticeKind};
use crate::finding::{Finding, ScanResult, Severity, Status};
use crate::rules::Rule;

/// What relative paths are relative to.
const ROOT: &str = "%SRCROOT%";

/// A log; the results are made as they are written.
#[derive(Serialize)]
struct Log<R: Serialize> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<R>; 1],
}

#[derive(Serialize)]
struct Run<R: Serialize> {
    #[serde(flatten)]
    head: Value,
    results: R,
}

/// Writes the log.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in &result.findings {
        rules.entry(&finding.rule).or_insert(finding);
    }
    let indexes: HashMap<&str, usize> = rules.keys().enumerate().map(|(index, id)| (*id, index)).collect();
    let descriptors: Vec<Value> =
        rules.iter().map(|(id, finding)| descriptor(finding, options.rules.get(id))).collect();
    let mut hashes = Hashes::default();
    let results = result.findings.iter().map(|finding| entry(finding, indexes[&*finding.rule], &hashes.next(finding)));
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run { head: head(result, options, &descriptors), results: Lazily::new(results) }],
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

/// All of the run but its results.
fn head(result: &ScanResult, options: &ReportOptions<'_>, descriptors: &[Value]) -> Value {
    let mut driver = json!({
        "name": "keysweep",
        "version": env!("CARGO_PKG_VERSION"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": descriptors,
    });
    let home = env!("CARGO_PKG_REPOSITORY");
    if !home.is_empty() {
        driver["informationUri"] = home.into();
    }
    let area = result.mode.split(' ').next().unwrap_or_default();
    let mut run = json!({
        "tool": { "driver": driver },
        "automationDetails": { "id": format!("keysweep/{}/", uri_path(area)) },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": { ROOT: { "description": { "text": "What was scanned." } } },
        "invocations": [invocation(result)],
    });
    if let Some(known) = options.provenance {
        let mut provenance = json!({ "repositoryUri": known.repository_uri, "mappedTo": { "uriBaseId": ROOT } });
        for (key, value) in [("revisionId", &known.revision), ("branch", &known.branch)] {
            if let Some(value) = value {
                provenance[key] = value.as_str().into();
            }
        }
        run["versionControlProvenance"] = json!([provenance]);
    }
    run
}

fn invocation(result: &ScanResult) -> Value {
    let mut invocation = json!({ "executionSuccessful": !result.has_gap() });
    for (key, time) in [("startTimeUtc", &result.started), ("endTimeUtc", &result.ended)] {
        if !time.is_empty() {
            invocation[key] = time.as_str().into();
        }
    }
    invocation["toolExecutionNotifications"] = result.notices.iter().map(notification).collect();
    invocation
}

fn notification(notice: &Notice) -> Value {
    let level = match notice.kind {
        _ if notice.gap => "error",
        NoticeKind::Information => "note",
        _ => "warning",
    };
    let mut text = visible(&notice.message).trim_end_matches('.').to_owned();
    if let Some(mend) = &notice.mend {
        text.push_str(&format!("; {}", visible(mend)));
    }
    let mut notification = json!({ "level": level, "message": { "text": text } });
    if let Some(path) = &notice.path {
        notification["locations"] = json!([{ "physicalLocation": { "artifactLocation": artifact(place_uri(path)) } }]);
    }
    notification
}

/// How bad, as GitHub's figure from 0.1 to 10.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

fn descriptor(finding: &Finding, rule: Option<&Rule>) -> Value {
    let precision = match rule.map_or(finding.confidence, |rule| rule.confidence) {
        90.. => "very-high",
        75.. => "high",
        50.. => "medium",
        _ => "low",
    };
    let sentence = format!("{}.", visible(&finding.description).trim_end_matches('.'));
    let mut tags = vec!["security", "secret", "external/cwe/cwe-798"];
    tags.extend(finding.tags.iter().map(String::as_str));
    let rotate = rule.map_or("", |rule| &rule.rotate);
    let help = if rotate.is_empty() { "Revoke it where it was issued, then take it out of the code." } else { rotate };
    let mut descriptor = json!({
        "id": finding.rule,
        "name": pascal(&finding.rule),
        "shortDescription": { "text": sentence },
        "fullDescription": { "text": format!("A credential in the code: {sentence} Whoever can read the code can use it.") },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": {
            "security-severity": security_severity(finding.severity),
            "precision": precision,
            "problem.severity": if finding.severity >= Severity::High { "error" } else { "warning" },
            "tags": tags,
        },
    });
    if let Some(link) = rule.map(|rule| &*rule.link).filter(|link| link.starts_with("http")) {
        descriptor["helpUri"] = link.into();
    }
    descriptor
}

/// `github-pat-classic` as `GithubPatClassic`.
fn pascal(id: &str) -> String {
    id.split('-')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

fn artifact(uri: String) -> Value {
    // An absolute URI has no base.
    if uri.starts_with("file:") { json!({ "uri": uri }) } else { json!({ "uri": uri, "uriBaseId": ROOT }) }
}

fn entry(finding: &Finding, rule_index: usize, line_hash: &str) -> Value {
    let position = finding.position;
    let mut text = format!("{}: {}.", visible(&finding.description), visible(&finding.redacted));
    let mut properties = json!({ "confidence": finding.confidence, "provider": finding.provider });
    if let Some(commit) = &finding.commit {
        text.push_str(&format!(" In commit {}.", visible(&commit.id)));
        properties["commit"] = commit.id.as_str().into();
        properties["date"] = commit.date.as_str().into();
        if let Some(in_head) = commit.in_head {
            properties["inHead"] = in_head.into();
        }
    }
    if let Some(object) = &finding.origin.object {
        properties["object"] = object.as_str().into();
    }
    if !finding.origin.member.is_empty() {
        text.push_str(&format!(" Inside {}.", visible(&finding.origin.member.join(" > "))));
        properties["member"] = json!(finding.origin.member);
    }
    let location = artifact(super::place::uri(finding));
    let related: Vec<Value> = finding
        .parts
        .iter()
        .map(|part| {
            let position = part.position;
            json!({
                "message": { "text": format!("{}: {}", part.rule, part.redacted) },
                "physicalLocation": { "artifactLocation": location, "region": {
                    "startLine": position.start_line, "startColumn": position.start_column,
                    "endLine": position.end_line, "endColumn": position.end_column,
                }},
            })
        })
        .collect();
    let mut entry = json!({
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": level(finding.severity),
        "rank": f64::from(finding.confidence),
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": location,
            "region": {
                "startLine": position.start_line, "startColumn": position.start_column,
                "endLine": position.end_line, "endColumn": position.end_column,
            },
            "contextRegion": {
                "startLine": position.start_line, "endLine": position.end_line,
                "snippet": { "text": finding.excerpt },
            },
        }}],
        "partialFingerprints": { "primaryLocationLineHash": line_hash },
        "suppressions": suppressions(&finding.status),
        "properties": properties,
    });
    if !finding.fingerprint.is_empty() {
        entry["fingerprints"] = json!({ "keysweep/v1": finding.fingerprint });
        entry["partialFingerprints"]["keysweepSecretId/v1"] = finding.secret_id.as_str().into();
    }
    if !related.is_empty() {
        entry["relatedLocations"] = related.into();
    }
    entry
}

fn suppressions(status: &Status) -> Vec<Value> {
    match status {
        Status::Open => Vec::new(),
        Status::Suppressed { by, .. } => vec![json!({
            "kind": if by == "inline" { "inSource" } else { "external" },
            "status": "accepted",
            "justification": super::summary::suppression(status),
        })],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::pascal;
    use crate::report::{Format, Provenance, ReportOptions, fixture};

    fn log(options: &ReportOptions<'_>) -> Value {
        let written = fixture::write(Format::Sarif, &fixture::result(), options);
        serde_json::from_str(&written).expect("a log")
    }

    #[test]
    fn results_say_where_how_bad_and_who_accepted_them() {
        let rules = fixture::rules();
        let log = log(&fixture::options(&rules, true));
        let run = &log["runs"][0];
        let results = run["results"].as_array().expect("results");
        assert_eq!(results.len(), 4);
        assert_eq!(results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "config/app.env");
        assert_eq!(results[0]["partialFingerprints"]["primaryLocationLineHash"], format!("{:032x}:1", 12));
        assert_eq!(results[1]["suppressions"][0]["kind"], "inSource");
        assert_eq!(results[2]["relatedLocations"][0]["message"]["text"], "test-id: tid_[redacted; 22 bytes]");
        let descriptors = run["tool"]["driver"]["rules"].as_array().expect("rules");
        for result in results {
            let index = result["ruleIndex"].as_u64().expect("an index") as usize;
            assert_eq!(descriptors[index]["id"], result["ruleId"]);
        }
        assert_eq!(descriptors[1]["properties"]["security-severity"], "9.5");
        let text = log.to_string();
        assert!(!text.contains("Jane") && !text.contains("jane@"), "no personal data");
        assert!(!text.contains(fixture::SECRET), "this format has no place for secrets");
    }

    #[test]
    fn a_gap_is_no_success() {
        let rules = fixture::rules();
        let invocation = &log(&fixture::options(&rules, false))["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(invocation["toolExecutionNotifications"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn provenance_is_told_where_known() {
        let rules = fixture::rules();
        let known = Provenance {
            repository_uri: "https://git.example.invalid/team/app".into(),
            revision: Some("ab".repeat(20)),
            branch: None,
        };
        let options = ReportOptions { provenance: Some(&known), ..fixture::options(&rules, false) };
        let provenance = &log(&options)["runs"][0]["versionControlProvenance"][0];
        assert_eq!(provenance["repositoryUri"], known.repository_uri);
        assert!(provenance.get("branch").is_none());
    }

    #[test]
    fn names_are_pascal_case() {
        assert_eq!(pascal("github-pat-classic"), "GithubPatClassic");
    }
}
