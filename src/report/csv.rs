//! `csv`: RFC 4180, a row per finding, suppressed ones with their status. Cells that a spreadsheet would take for a
//! formula are made text.

use std::io::{self, Write};

use super::ReportOptions;
use super::escape::visible;
use super::summary::suppression;
use crate::finding::{Finding, ScanResult, Status};

const COLUMNS: [&str; 20] = [
    "status",
    "severity",
    "confidence",
    "rule",
    "description",
    "path",
    "start_line",
    "start_column",
    "end_line",
    "end_column",
    "commit",
    "author",
    "date",
    "in_head",
    "object",
    "redacted",
    "fingerprint",
    "secret_id",
    "rotate",
    "accepted",
];

/// Writes the header and the rows.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    row(out, &COLUMNS.map(str::to_owned))?;
    for finding in &result.findings {
        row(out, &cells(finding, options))?;
    }
    Ok(())
}

fn cells(finding: &Finding, options: &ReportOptions<'_>) -> [String; 20] {
    let position = finding.position;
    let commit = finding.commit.as_ref();
    let text = |field: fn(&crate::finding::Commit) -> &str| commit.map_or("", field).to_owned();
    let mut path = finding.origin.path.clone();
    for member in &finding.origin.member {
        path.push_str(" > ");
        path.push_str(member);
    }
    [
        if finding.status == Status::Open { "open" } else { "suppressed" }.to_owned(),
        finding.severity.as_str().to_owned(),
        finding.confidence.to_string(),
        finding.rule.clone(),
        finding.description.clone(),
        path,
        position.start_line.to_string(),
        position.start_column.to_string(),
        position.end_line.to_string(),
        position.end_column.to_string(),
        text(|commit| &commit.id),
        text(|commit| &commit.author),
        text(|commit| &commit.date),
        commit.and_then(|commit| commit.in_head).map(|in_head| in_head.to_string()).unwrap_or_default(),
        finding.origin.object.clone().unwrap_or_default(),
        finding.redacted.clone(),
        finding.fingerprint.clone(),
        finding.secret_id.clone(),
        options.rules.get(&finding.rule).map(|rule| rule.rotate.to_string()).unwrap_or_default(),
        suppression(&finding.status),
    ]
}

pub(crate) fn row(out: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

fn cell(text: &str) -> String {
    let mut text = visible(text).into_owned();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        text.insert(0, '\'');
    }
    if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, cell};
    use crate::report::{Format, fixture};

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell("-2,3"), "\"'-2,3\"");
    }

    #[test]
    fn a_row_per_finding() {
        let rules = fixture::rules();
        let written = fixture::write(Format::Csv, &fixture::result(), &fixture::options(&rules, true));
        assert!(!written.contains(fixture::SECRET), "this format has no place for secrets");
        let rows: Vec<&str> = written.split_terminator("\r\n").collect();
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[0].split(',').count(), COLUMNS.len());
        assert!(rows[1].starts_with("open,critical,95,test-token,Test token (made up),config/app.env,12,7,12,36,"));
        assert!(rows[1].contains(",'=Jane "), "{}", rows[1]);
        assert!(rows[2].starts_with("suppressed,"));
    }
}
