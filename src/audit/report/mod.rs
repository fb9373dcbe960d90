//! The audit's report in its forms: one document, a file for each form. None of them loads anything or holds a secret.

mod csv;
mod html;
mod markdown;
pub mod text;

use std::io::{self, Write};

use super::document::Document;

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AuditFormat {
    /// For people at a terminal
    Text,
    /// For programs: docs/schema/keysweep-audit-1.schema.json
    Json,
    /// For a ticket or a chat
    Markdown,
    /// For a spreadsheet: a row for each place of each secret
    Csv,
    /// One page with charts that needs nothing else
    Html,
}

/// Writes a report; with `all` every open secret is listed where else only new ones are (text).
///
/// # Errors
/// Those of `out`.
pub fn write(document: &Document, format: AuditFormat, all: bool, out: &mut dyn Write) -> io::Result<()> {
    match format {
        AuditFormat::Text => out.write_all(text::write(document, all).as_bytes()),
        AuditFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, document)?;
            writeln!(out)
        }
        AuditFormat::Markdown => markdown::write(document, out),
        AuditFormat::Csv => csv::write(document, out),
        AuditFormat::Html => html::write(document, out),
    }
}
