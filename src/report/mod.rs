//! Reports: one file per format, all over [`write()`].
//!
//! Comes in: a settled [`ScanResult`], its findings masked, and the rules for advice and links. Goes out: bytes.
//! No format prints a secret unless [`ReportOptions::show_secrets`] is set, and then only those that have a place
//! for it (`text`, `json`, `jsonl`, `gitleaks`). All text that a scanned repository controls is escaped for its
//! output.

pub(crate) mod csv;
pub mod document;
pub(crate) mod escape;
pub mod file;
#[cfg(test)]
mod fixture;
mod github;
mod gitlab;
mod gitleaks;
mod group;
mod html;
mod json;
pub mod jsonl;
mod junit;
mod layout;
mod lazily;
mod markdown;
pub(crate) mod page;
mod place;
mod sarif;
pub mod scrub;
pub mod summary;
mod text;
#[cfg(test)]
mod validators;

use std::io::{self, Write};

use crate::finding::ScanResult;
use crate::rules::RuleSet;

/// The formats of `--format` and `--report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Format {
    /// For people: grouped by file, the secret masked, what to do next
    Text,
    /// The versioned JSON document
    Json,
    /// One JSON object per line, written while the scan runs; the last is the summary
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// GitLab's secret detection report
    Gitlab,
    /// Annotations of a GitHub workflow
    Github,
    /// Test results for any CI
    Junit,
    /// A row per finding, for spreadsheets
    Csv,
    /// For a comment or a job summary
    Markdown,
    /// One self-contained page
    Html,
    /// The JSON that gitleaks writes
    Gitleaks,
}

/// Which repository was scanned, where it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Its address, without credentials.
    pub repository_uri: String,
    /// The commit that was scanned, in hex.
    pub revision: Option<String>,
    /// The branch.
    pub branch: Option<String>,
}

/// What a report needs beside the result.
#[derive(Debug, Clone, Copy)]
pub struct ReportOptions<'r> {
    /// The rules, for descriptions, links and what to do.
    pub rules: &'r RuleSet,
    /// Secrets in clear, in the formats that have a place for them.
    pub show_secrets: bool,
    /// Terminal colours.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Reasons, facts, refs, suppressed findings and every notice as well (`text`).
    pub verbose: bool,
    /// Findings alone (`text`).
    pub quiet: bool,
    /// The repository (`sarif`).
    pub provenance: Option<&'r Provenance>,
}

impl<'r> ReportOptions<'r> {
    /// Plain output, 80 columns, everything masked.
    pub fn new(rules: &'r RuleSet) -> Self {
        Self { rules, show_secrets: false, color: false, width: 80, verbose: false, quiet: false, provenance: None }
    }
}

/// Writes `result` in `format`.
///
/// # Errors
/// What `out` says.
pub fn write(format: Format, result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(result, options, out),
        Format::Json => json::write(result, options, out),
        Format::Jsonl => jsonl::write(result, options, out),
        Format::Sarif => sarif::write(result, options, out),
        Format::Gitlab => gitlab::write(result, options, out),
        Format::Github => github::write(result, options, out),
        Format::Junit => junit::write(result, options, out),
        Format::Csv => csv::write(result, options, out),
        Format::Markdown => markdown::write(result, options, out),
        Format::Html => html::write(result, options, out),
        Format::Gitleaks => gitleaks::write(result, options, out),
    }
}

/// The end of a text report, for standard error when the report itself goes elsewhere: counts, figures, what was left
/// out, gaps.
///
/// # Errors
/// What `out` says.
pub fn write_summary(result: &ScanResult, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}.", summary::counts(result))?;
    for line in summary::summary_lines(result, verbose) {
        writeln!(out, "{}", line.words)?;
    }
    Ok(())
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use clap::ValueEnum as _;

    use super::Format;

    #[test]
    fn the_documentation_names_every_format() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reports.md")).expect("the page");
        for format in Format::value_variants() {
            let name = format.to_possible_value().expect("none is hidden").get_name().to_owned();
            assert!(page.contains(&format!("| `{name}` |")), "docs/reports.md does not name {name}");
        }
    }
}
