//! `jsonl`: one JSON object per line, written while the scan runs; the one format without a fixed order.
//!
//! Every line has a `type`: `finding` and `suppressed` (as in the document's lists), `notice`, and at the end one
//! `summary` with all else the document has.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::ReportOptions;
use super::document::{FindingEntry, SCHEMA, Tool, Totals};
use super::group::by_secret;
use super::scrub::scrub_finding;
use crate::error::Notice;
use crate::finding::{Coverage, Exclusion, Finding, ScanResult, Status};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'l> {
    Finding(FindingEntry),
    Suppressed(FindingEntry),
    Notice(&'l Notice),
    Summary {
        schema: u32,
        tool: Tool,
        mode: &'l str,
        started: &'l str,
        ended: &'l str,
        key_id: &'l str,
        coverage: &'l Coverage,
        exclusions: &'l [Exclusion],
        summary: Totals,
    },
}

/// Writes the whole of `result`, for scans that could not stream.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    for finding in &result.findings {
        write_finding(finding, options, out)?;
    }
    write_end(result, out)
}

/// Writes one decided finding.
///
/// # Errors
/// What `out` says.
pub fn write_finding(finding: &Finding, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let finding = if options.show_secrets { Cow::Borrowed(finding) } else { scrub_finding(finding) };
    let entry = FindingEntry::new(&finding, options);
    let open = finding.status == Status::Open;
    line(out, &if open { Line::Finding(entry) } else { Line::Suppressed(entry) })
}

/// Writes what comes after the findings: notices, then the summary.
///
/// # Errors
/// What `out` says.
pub fn write_end(result: &ScanResult, out: &mut dyn Write) -> io::Result<()> {
    for notice in &result.notices {
        line(out, &Line::Notice(notice))?;
    }
    let open: Vec<&Finding> = result.open().collect();
    let summary = Line::Summary {
        schema: SCHEMA,
        tool: Tool::this(),
        mode: &result.mode,
        started: &result.started,
        ended: &result.ended,
        key_id: &result.key_id,
        coverage: &result.coverage,
        exclusions: &result.exclusions,
        summary: Totals::new(result, by_secret(&open, "").len()),
    };
    line(out, &summary)
}

fn line(out: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
    // One write per line: lines of threads that share a pipe stay whole.
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    out.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::report::{Format, fixture};

    #[test]
    fn every_line_is_an_object_and_the_last_is_the_summary() {
        let rules = fixture::rules();
        let written = fixture::write(Format::Jsonl, &fixture::result(), &fixture::options(&rules, false));
        let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        let types: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
        assert_eq!(types, ["finding", "suppressed", "finding", "finding", "notice", "notice", "summary"]);
        assert_eq!(lines[6]["summary"]["findings"], 3);
        assert_eq!(lines[6]["schema"], 1);
    }
}
