//! `github`: workflow commands that GitHub Actions turns into annotations.
//!
//! GitHub shows the first ten errors and ten warnings of a step, so the worst come first. Everything inside a command
//! is encoded: a path cannot begin a command of its own.

use std::io::{self, Write};

use super::escape::visible;
use super::{ReportOptions, summary};
use crate::finding::{Finding, OriginKind, ScanResult, Severity};

/// Writes one command per open finding and notice, then the summary as plain text.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    for severity in summary::SEVERITIES {
        for finding in result.open().filter(|finding| finding.severity == severity) {
            writeln!(out, "{}", annotation(finding, options))?;
        }
    }
    for notice in &result.notices {
        let (command, title) = match notice.gap {
            true => ("error", "keysweep could not scan everything"),
            false => ("notice", "keysweep"),
        };
        writeln!(out, "::{command} title={}::{}", property(title), data(&summary::notice(notice)))?;
    }
    writeln!(out, "keysweep: {}. {}.", summary::counts(result), summary::figures(result))
}

fn annotation(finding: &Finding, options: &ReportOptions<'_>) -> String {
    let command = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "notice",
    };
    let position = finding.position;
    let mut properties = Vec::new();
    let mut message = format!("{} ({})", finding.description, finding.redacted);
    if is_here(finding) {
        properties.push(format!("file={}", property(&finding.origin.path)));
        properties.push(format!("line={}", position.start_line));
        properties.push(format!("endLine={}", position.end_line));
        // GitHub takes columns only within one line.
        if position.start_line == position.end_line {
            properties.push(format!("col={}", position.start_column));
            properties.push(format!("endColumn={}", position.end_column));
        }
    } else {
        message.push_str(&format!(" at {}:{}", super::place::path_or_object(finding), position.start_line));
    }
    if let Some(commit) = &finding.commit {
        message.push_str(&format!(" in commit {}", commit.id));
    }
    message.push('.');
    if let Some(rule) = options.rules.get(&finding.rule).filter(|rule| !rule.rotate.is_empty()) {
        message.push_str(&format!(" {}", rule.rotate));
    }
    properties.push(format!("title={}", property(&format!("keysweep: {}", finding.rule))));
    format!("::{command} {}::{}", properties.join(","), data(&message))
}

/// Whether the checked-out files have the line: an annotation elsewhere would point at the wrong one.
fn is_here(finding: &Finding) -> bool {
    let in_head = finding.commit.as_ref().and_then(|commit| commit.in_head);
    !finding.origin.path.is_empty()
        && match finding.origin.kind {
            OriginKind::File | OriginKind::Index | OriginKind::Patch | OriginKind::Stdin | OriginKind::Archive => true,
            OriginKind::Commit => in_head != Some(false),
            OriginKind::Blob => in_head == Some(true),
            OriginKind::Message | OriginKind::Note | OriginKind::Ref | OriginKind::Image => false,
        }
}

/// What stands after `::`.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use crate::report::{Format, fixture};

    #[test]
    fn annotations_are_encoded_and_the_worst_come_first() {
        let rules = fixture::rules();
        let written = fixture::write(Format::Github, &fixture::result(), &fixture::options(&rules, true));
        assert!(!written.contains(fixture::SECRET), "this format has no place for secrets");
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 6, "{written}");
        // A finding that HEAD does not have any more points at no line.
        assert!(lines[0].starts_with("::error title=keysweep%3A test-token::Test token (made up)"), "{}", lines[0]);
        assert!(
            lines[1].starts_with(
                "::error file=src/main.rs,line=40,endLine=40,col=7,endColumn=36,title=keysweep%3A test-token::"
            ),
            "{}",
            lines[1]
        );
        assert!(
            lines[2].starts_with("::error file=h b/=ü\\u{1b}[31m<img src=x>|`%2C\"'%25%3A%3A\\n#.txt,line=3,"),
            "{}",
            lines[2]
        );
        assert!(written.contains("::error title=keysweep could not scan everything::src/locked.txt"), "{written}");
    }
}
