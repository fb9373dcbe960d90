//! The audit's report for people at a terminal: what is new, what is open, what was not covered.

use std::fmt::Write as _;

use crate::audit::document::{Document, SecretEntry};
use crate::audit::figures::duration;
use crate::audit::record::Standing;
use crate::finding::Severity;
use crate::report::escape::visible;

/// Places that are listed of one secret.
const PLACES: usize = 5;

/// How many of something, with its word.
pub fn count(number: u64, word: &str) -> String {
    match (number, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {word}s"),
    }
}

fn entry(out: &mut String, secret: &SecretEntry) {
    let head = if secret.in_head { "in HEAD" } else { "in history" };
    let reopened = secret.events.iter().any(|event| event.what == "reopened");
    let word = match (secret.new, reopened) {
        (true, true) => "reopened",
        (true, false) => "new",
        (false, _) => "open",
    };
    let _ =
        writeln!(out, "{word:8} {:8} {}  {}  {head}", secret.severity.as_str(), secret.rule, visible(&secret.redacted));
    let introduced = secret.introduced.as_deref().map(|date| format!("introduced {date}, ")).unwrap_or_default();
    let verified = secret.verified.as_ref().map(|said| {
        let word = if said.live { "lives" } else { "is dead" };
        format!(", its issuer said on {} that it {word}", said.at)
    });
    let verified = verified.unwrap_or_default();
    let _ = writeln!(out, "  {}  {introduced}first seen {}{verified}", secret.secret_id, secret.first_seen);
    for place in secret.places.iter().take(PLACES) {
        let (repository, path) = (visible(&place.repository), visible(&place.place.path));
        let what =
            if path.is_empty() { format!("({})", place.place.kind) } else { format!("{path}:{}", place.place.line) };
        let _ = writeln!(out, "  {repository}  {what}");
    }
    if secret.places.len() > PLACES {
        let _ = writeln!(out, "  and {} more places", secret.places.len() - PLACES);
    }
}

/// Writes it; with `all` every open secret is listed, else only new ones.
pub fn write(document: &Document, all: bool) -> String {
    let mut out = String::new();
    let open: Vec<&SecretEntry> = document.secrets.iter().filter(|secret| secret.standing == Standing::Open).collect();
    for secret in open.iter().filter(|secret| all || secret.new) {
        entry(&mut out, secret);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    for (at, notice) in document.notices.iter().enumerate() {
        let word = if notice.gap { "not covered" } else { "note" };
        let path = notice.path.as_ref().map(|path| format!("{}: ", visible(path))).unwrap_or_default();
        let object = notice.object.as_ref().map(|object| format!(" ({object})")).unwrap_or_default();
        let _ = writeln!(out, "{word}: {path}{}{object}", visible(&notice.message));
        // Once for all that ask for the same.
        let next = document.notices.get(at + 1).and_then(|next| next.mend.as_ref());
        if let Some(mend) = notice.mend.as_ref().filter(|mend| next != Some(*mend)) {
            let _ = writeln!(out, "  {}", visible(mend));
        }
    }
    let run = &document.run;
    let by = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
    let by = by.iter().filter_map(|severity| {
        let number = run.open.get(severity.as_str()).copied().filter(|number| *number > 0)?;
        Some(format!("{number} {}", severity.as_str()))
    });
    let by: Vec<String> = by.collect();
    let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    let _ = writeln!(
        out,
        "run {}: {} open{by}; since the last run {} new, {} reopened, {} closed",
        run.number,
        count(open.len() as u64, "secret"),
        run.found,
        run.reopened,
        run.closed
    );
    let _ = writeln!(
        out,
        "{} of {} covered, {}",
        run.complete,
        count(run.repositories, "repository"),
        count(run.new_objects, "new object")
    );
    let figures = &document.figures;
    for (what, spread) in [("detect", figures.time_to_detect), ("close", figures.time_to_remediate)] {
        if spread.count > 0 {
            let (median, p90) = (duration(spread.median), duration(spread.p90));
            let _ = writeln!(out, "time to {what}: median {median}, 90th percentile {p90} ({})", spread.count);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn words_have_their_number() {
        assert_eq!(
            [count(1, "repository"), count(2, "repository"), count(0, "secret")],
            ["1 repository", "2 repositories", "0 secrets"]
        );
    }
}
