//! Reports: one file per format, all over [`write`].

use std::io::{self, Write};

use crate::finding::ScanResult;
use crate::rules::RuleSet;

/// The formats of `--format` and `--report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Format {
    /// For people.
    Text,
}

/// What a report needs beside the result.
#[derive(Debug, Clone, Copy)]
pub struct ReportOptions<'r> {
    /// The rules, for descriptions, links and what to do.
    pub rules: &'r RuleSet,
    /// Secrets in clear.
    pub show_secrets: bool,
    /// Terminal colours.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// Writes `result` in `format`.
///
/// # Errors
/// What `out` says.
pub fn write(format: Format, result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => {
            for finding in result.open() {
                let position = finding.position;
                writeln!(
                    out,
                    "{}:{}:{} {} {}",
                    finding.origin.path, position.start_line, position.start_column, finding.rule, finding.excerpt
                )?;
            }
            let _ = (options.rules, options.show_secrets, options.color, options.width);
            Ok(())
        }
    }
}
