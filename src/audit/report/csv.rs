//! `csv`: a row for each place of each secret, open or closed.

use std::io::{self, Write};

use crate::audit::document::Document;
use crate::audit::record::Standing;
use crate::report::csv::row;

const COLUMNS: [&str; 17] = [
    "standing",
    "new",
    "severity",
    "rule",
    "redacted",
    "repository",
    "path",
    "line",
    "in_head",
    "introduced",
    "first_seen",
    "last_seen",
    "closed",
    "allowed_until",
    "commit",
    "secret_id",
    "verified",
];

/// The word of a standing.
pub(super) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Open => "open",
        Standing::Proven => "proven",
        Standing::Accepted => "accepted",
    }
}

/// Writes the header and the rows.
pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    row(out, &COLUMNS.map(str::to_owned))?;
    for secret in &document.secrets {
        let verified = secret.verified.as_ref().map_or("", |said| if said.live { "live" } else { "dead" });
        for entry in &secret.places {
            let place = &entry.place;
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            row(
                out,
                &[
                    standing(secret.standing).to_owned(),
                    secret.new.to_string(),
                    secret.severity.as_str().to_owned(),
                    secret.rule.clone(),
                    secret.redacted.clone(),
                    entry.repository.clone(),
                    place.path.clone(),
                    place.line.to_string(),
                    place.in_head.to_string(),
                    text(&place.introduced),
                    secret.first_seen.clone(),
                    secret.last_seen.clone(),
                    text(&secret.closed),
                    text(&secret.allowed_until),
                    text(&place.commit),
                    secret.secret_id.clone(),
                    verified.to_owned(),
                ],
            )?;
        }
    }
    Ok(())
}
