//! `json`: the versioned document, indented.

use std::io::{self, Write};

use super::ReportOptions;
use super::document::Report;
use crate::finding::ScanResult;

/// Writes the document of `result`.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Report::new(result, options))?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use crate::report::document::Report;
    use crate::report::{Format, fixture};

    #[test]
    fn a_report_reads_back_equal() {
        let result = fixture::result();
        for show_secrets in [false, true] {
            let rules = fixture::rules();
            let options = fixture::options(&rules, show_secrets);
            let written = fixture::write(Format::Json, &result, &options);
            let read: Report = serde_json::from_str(&written).expect("it parses");
            assert_eq!(read, Report::new(&result, &options));
            assert_eq!(written.contains(fixture::SECRET), show_secrets);
        }
    }

    #[test]
    fn secrets_point_at_their_findings() {
        let rules = fixture::rules();
        let report = Report::new(&fixture::result(), &fixture::options(&rules, false));
        assert_eq!((report.findings.len(), report.suppressed.len(), report.secrets.len()), (3, 1, 2));
        for secret in &report.secrets {
            assert_eq!(secret.places, secret.findings.len());
            for &index in &secret.findings {
                assert_eq!(report.findings[index].secret_id, secret.secret_id);
            }
        }
        assert_eq!(report.summary.gaps, 1);
        assert!(!report.coverage.complete);
    }
}
