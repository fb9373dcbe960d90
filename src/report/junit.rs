//! `junit`: XML that every CI reads as test results: a finding is a failed test, an accepted one a skipped test, a gap
//! an error, and a clean scan one passed test (many readers refuse a file without any).

use std::io::{self, Write};

use super::escape::{markup, visible};
use super::summary::suppression;
use super::{ReportOptions, summary};
use crate::finding::{Finding, ScanResult, Status};

/// Writes one suite.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let failures = result.open().count();
    let skipped = result.suppressed().count();
    let gaps: Vec<_> = result.notices.iter().filter(|notice| notice.gap).collect();
    let cases = (failures + skipped + gaps.len()).max(1);
    let figures = format!(
        "tests=\"{cases}\" failures=\"{failures}\" errors=\"{}\" skipped=\"{skipped}\" time=\"{:.3}\"",
        gaps.len(),
        result.summary.seconds
    );
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"keysweep\" {figures}>")?;
    writeln!(
        out,
        "  <testsuite name=\"{}\" {figures} timestamp=\"{}\">",
        markup(&format!("keysweep {}", result.mode)),
        markup(result.started.trim_end_matches('Z'))
    )?;
    for finding in &result.findings {
        case(finding, options, out)?;
    }
    for gap in &gaps {
        let place = gap.path.as_deref().or(gap.object.as_deref()).unwrap_or("scan");
        writeln!(out, "    <testcase classname=\"keysweep.coverage\" name=\"{}\">", markup(place))?;
        writeln!(out, "      <error type=\"gap\" message=\"{}\"/>", markup(&summary::notice(gap)))?;
        writeln!(out, "    </testcase>")?;
    }
    if failures + skipped + gaps.len() == 0 {
        writeln!(out, "    <testcase classname=\"keysweep\" name=\"no credentials found\"/>")?;
    }
    let words = format!("{}. {}.", summary::counts(result), summary::figures(result));
    writeln!(out, "    <system-out>{}</system-out>", markup(&words))?;
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

fn case(finding: &Finding, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let path = super::place::path_or_object(finding);
    let position = finding.position;
    let name = format!("{path}:{}:{} {}", position.start_line, position.start_column, finding.rule);
    writeln!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\">",
        markup(&format!("keysweep.{}", finding.rule)),
        markup(&name),
        markup(&path),
        position.start_line
    )?;
    if finding.status == Status::Open {
        let message = format!("{}: {}", finding.severity.as_str(), finding.description);
        writeln!(
            out,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>",
            finding.severity.as_str(),
            markup(&message),
            body(finding, options)
        )?;
    } else {
        writeln!(out, "      <skipped message=\"{}\"/>", markup(&suppression(&finding.status)))?;
    }
    writeln!(out, "    </testcase>")
}

fn body(finding: &Finding, options: &ReportOptions<'_>) -> String {
    let mut lines = vec![
        visible(&finding.excerpt).into_owned(),
        format!("confidence {}, fingerprint {}", finding.confidence, finding.fingerprint),
    ];
    if let Some(commit) = &finding.commit {
        lines.push(format!("commit {} by {} on {}", commit.id, visible(&commit.author), visible(&commit.date)));
    }
    if let Some(rule) = options.rules.get(&finding.rule) {
        lines.extend([&rule.rotate, &rule.link].into_iter().filter(|line| !line.is_empty()).map(ToString::to_string));
    }
    lines.iter().map(|line| markup(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use crate::report::{Format, fixture};

    #[test]
    fn findings_fail_accepted_ones_are_skipped_gaps_are_errors() {
        let rules = fixture::rules();
        let written = fixture::write(Format::Junit, &fixture::result(), &fixture::options(&rules, true));
        assert!(!written.contains(fixture::SECRET), "this format has no place for secrets");
        assert!(written.contains("tests=\"5\" failures=\"3\" errors=\"1\" skipped=\"1\""), "{written}");
        assert!(!written.contains('\u{1b}') && !written.contains("<img"), "{written}");
    }

    #[test]
    fn a_clean_scan_is_a_passed_test() {
        let rules = fixture::rules();
        let written = fixture::write(Format::Junit, &fixture::clean(), &fixture::options(&rules, false));
        assert!(written.contains("tests=\"1\" failures=\"0\""), "{written}");
        assert!(written.contains("no credentials found"), "{written}");
    }
}
