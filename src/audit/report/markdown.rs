//! `markdown`: the figures, what is open, what was not covered.

use std::io::{self, Write};

use super::text::count;
use crate::audit::document::{Document, SecretEntry};
use crate::audit::figures::duration;
use crate::audit::record::Standing;
use crate::report::escape::{markdown, markdown_code};

/// Open secrets that are listed; a ticket is no database.
const LISTED: usize = 100;

/// Writes it.
pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let run = &document.run;
    let open: Vec<&SecretEntry> = document.secrets.iter().filter(|secret| secret.standing == Standing::Open).collect();
    writeln!(out, "# Audit: {} open\n", count(open.len() as u64, "secret"))?;
    writeln!(
        out,
        "Run {} of {}: {} new, {} reopened, {} closed since the last run. {} of {} covered.\n",
        run.number,
        run.began,
        run.found,
        run.reopened,
        run.closed,
        run.complete,
        count(run.repositories, "repository")
    )?;
    let figures = &document.figures;
    writeln!(out, "| open by severity | | open by age | |\n|---|---|---|---|")?;
    let rows = figures.open_by_severity.len().max(figures.open_by_age.len());
    for at in 0..rows {
        let cell = |bars: &[crate::audit::figures::Bar]| {
            bars.get(at).map_or(" | ".to_owned(), |bar| format!("{} | {}", bar.name, bar.count))
        };
        writeln!(out, "| {} | {} |", cell(&figures.open_by_severity), cell(&figures.open_by_age))?;
    }
    writeln!(out, "\n| | median | 90th percentile | of |\n|---|---|---|---|")?;
    for (what, spread) in [("time to detect", figures.time_to_detect), ("time to close", figures.time_to_remediate)] {
        if spread.count > 0 {
            let (median, p90) = (duration(spread.median), duration(spread.p90));
            writeln!(out, "| {what} | {median} | {p90} | {} |", spread.count)?;
        }
    }
    if !open.is_empty() {
        writeln!(
            out,
            "\n## Open\n\n| severity | rule | first place | places | first seen | |\n|---|---|---|---|---|---|"
        )?;
    }
    for secret in open.iter().take(LISTED) {
        let place = secret.places.first();
        let shown = place.map(|entry| format!("{} {}", entry.repository, entry.place.path)).unwrap_or_default();
        let marks = [(secret.new, "new"), (secret.in_head, "in HEAD")];
        let marks: Vec<&str> = marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| *mark).collect();
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            secret.severity.as_str(),
            markdown(&secret.rule),
            markdown_code(&shown),
            secret.places.len(),
            secret.first_seen,
            marks.join(", ")
        )?;
    }
    if open.len() > LISTED {
        writeln!(out, "\nAnd {} more.", open.len() - LISTED)?;
    }
    if !document.notices.is_empty() {
        writeln!(out, "\n## Notices\n")?;
    }
    for notice in &document.notices {
        let word = if notice.gap { "**not covered**: " } else { "" };
        let path = notice.path.as_ref().map(|path| format!("{}: ", markdown(path))).unwrap_or_default();
        writeln!(out, "- {word}{path}{}", markdown(&notice.message))?;
    }
    Ok(())
}
