//! `gitleaks`: the array that gitleaks writes, for pipelines that read it.
//!
//! Secrets are `REDACTED` as with its `--redact`. Suppressed findings are left out, as gitleaks leaves out allowed
//! ones.

use std::io::{self, Write};

use serde::Serialize;

use super::ReportOptions;
use super::place::path_or_object;
use crate::clock;
use crate::finding::{Finding, ScanResult};

const REDACTED: &str = "REDACTED";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Leak {
    #[serde(rename = "RuleID")]
    rule_id: String,
    description: String,
    start_line: u32,
    end_line: u32,
    start_column: u32,
    end_column: u32,
    r#match: String,
    secret: String,
    file: String,
    symlink_file: String,
    commit: String,
    entropy: f64,
    author: String,
    email: String,
    date: String,
    message: String,
    tags: Vec<String>,
    fingerprint: String,
}

/// Writes the array.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let leaks: Vec<Leak> = result.open().map(|finding| leak(finding, options)).collect();
    serde_json::to_writer_pretty(&mut *out, &leaks)?;
    writeln!(out)
}

fn leak(finding: &Finding, options: &ReportOptions<'_>) -> Leak {
    let secret = if options.show_secrets {
        String::from_utf8_lossy(finding.secret.expose()).into_owned()
    } else {
        REDACTED.to_owned()
    };
    let mark = finding.excerpt_mark.clone();
    let (before, after) = (finding.excerpt.get(..mark.start), finding.excerpt.get(mark.end..));
    let file = path_or_object(finding);
    let position = finding.position;
    let commit = finding.commit.as_ref();
    let id = commit.map_or("", |commit| &commit.id);
    let place = format!("{file}:{}:{}", finding.rule, position.start_line);
    let text = |field: fn(&crate::finding::Commit) -> &str| commit.map_or("", field).to_owned();
    Leak {
        rule_id: finding.rule.clone(),
        description: finding.description.clone(),
        start_line: position.start_line,
        end_line: position.end_line,
        start_column: position.start_column,
        end_column: position.end_column.saturating_sub(1),
        r#match: format!("{}{secret}{}", before.unwrap_or(""), after.unwrap_or("")),
        secret,
        symlink_file: String::new(),
        commit: id.to_owned(),
        entropy: (f64::from(finding.entropy) * 1000.0).round() / 1000.0,
        author: text(|commit| &commit.author),
        email: text(|commit| &commit.email),
        date: commit
            .map(|commit| clock::parse_rfc3339(&commit.date).map_or(commit.date.clone(), clock::rfc3339))
            .unwrap_or_default(),
        message: text(|commit| &commit.summary),
        tags: finding.tags.clone(),
        fingerprint: if id.is_empty() { place } else { format!("{id}:{place}") },
        file,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::report::{Format, fixture};

    #[test]
    fn leaks_look_like_gitleaks_own() {
        let rules = fixture::rules();
        let written = fixture::write(Format::Gitleaks, &fixture::result(), &fixture::options(&rules, false));
        let leaks: Vec<Value> = serde_json::from_str(&written).expect("an array");
        assert_eq!(leaks.len(), 3);
        assert_eq!(leaks[0]["Secret"], "REDACTED");
        assert_eq!(leaks[0]["Match"], "TOKEN=REDACTED # ünï");
        assert_eq!(leaks[0]["Date"], "2024-05-01T10:00:00Z");
        assert_eq!(leaks[0]["Fingerprint"], format!("{}:config/app.env:test-token:12", "1a2b3c4d".repeat(5)));
        assert_eq!(leaks[2]["Fingerprint"], "src/main.rs:test-token:40");
        let shown = fixture::write(Format::Gitleaks, &fixture::result(), &fixture::options(&rules, true));
        let leaks: Vec<Value> = serde_json::from_str(&shown).expect("an array");
        assert_eq!(leaks[0]["Match"], format!("TOKEN={} # ünï", fixture::SECRET));
    }
}
