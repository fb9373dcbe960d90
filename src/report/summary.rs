//! What a scan comes to, in words: counts, figures, what was skipped and why, gaps and how to mend them. Shared by
//! every format for people and by the line on standard error.

use std::collections::BTreeMap;

use super::escape::visible;
use super::group::by_secret;
use crate::error::Notice;
use crate::finding::{Finding, ScanResult, Severity, Status};

/// All severities, worst first.
pub(crate) const SEVERITIES: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];

/// `3 findings (2 critical, 1 high), 2 secrets; 1 suppressed`, or `No findings`.
pub fn counts(result: &ScanResult) -> String {
    let open: Vec<&Finding> = result.open().collect();
    let mut words = if open.is_empty() {
        "No findings".to_owned()
    } else {
        let levels: Vec<String> = SEVERITIES
            .iter()
            .map(|&level| (open.iter().filter(|finding| finding.severity == level).count(), level))
            .filter(|&(count, _)| count > 0)
            .map(|(count, level)| format!("{} {}", number(count as u64), level.as_str()))
            .collect();
        let secrets = by_secret(&open, "").len();
        format!(
            "{} ({}), {}",
            plural(open.len() as u64, "finding"),
            levels.join(", "),
            plural(secrets as u64, if secrets == open.len() { "secret" } else { "different secret" }),
        )
    };
    let suppressed = result.suppressed().count();
    if suppressed > 0 {
        words.push_str(&format!("; {} suppressed", number(suppressed as u64)));
    }
    words
}

/// `Scanned 1,204 files, 12.4 MB, with 201 rules in 0.12 s`.
pub fn figures(result: &ScanResult) -> String {
    let mut kinds: Vec<String> = result
        .coverage
        .kinds
        .iter()
        .filter(|(_, count)| count.found > 0 || count.scanned > 0)
        .map(|(kind, count)| match count.scanned {
            1 => format!("1 {}", singular(kind)),
            scanned => format!("{} {kind}", number(scanned)),
        })
        .collect();
    if kinds.is_empty() {
        kinds.push("nothing".to_owned());
    }
    format!(
        "Scanned {}, {}, with {} in {}",
        kinds.join(", "),
        bytes(result.summary.bytes),
        plural(u64::from(result.summary.rules), "rule"),
        seconds(result.summary.seconds)
    )
}

/// What was left out and why, one sentence part each: `31 files (git-ignored)`; empty when nothing was.
pub fn skipped(result: &ScanResult) -> Vec<String> {
    let mut reasons: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (kind, count) in &result.coverage.kinds {
        for (reason, skipped) in &count.skipped {
            *reasons.entry((reason, kind)).or_default() += skipped;
        }
    }
    // The exclusion tells of the same files, with the flag that asked for it.
    let by_size = result.exclusions.iter().any(|exclusion| exclusion.kind == "size" && exclusion.count > 0);
    let mut words: Vec<String> = reasons
        .into_iter()
        .filter(|&((reason, _), count)| count > 0 && !(by_size && reason.starts_with("larger than")))
        .map(|((reason, kind), count)| {
            let kind = if count == 1 { singular(kind) } else { kind.to_owned() };
            format!("{} {} ({})", number(count), visible(&kind), visible(reason))
        })
        .collect();
    words.extend(result.exclusions.iter().filter(|exclusion| exclusion.count > 0).map(|exclusion| {
        format!("{} {} ({})", number(exclusion.count), visible(&exclusion.what), visible(&exclusion.source))
    }));
    words
}

/// A notice in one line: where, what, how to mend it.
pub fn notice(notice: &Notice) -> String {
    let mut words = String::new();
    let place = notice.path.as_deref().or(notice.object.as_deref());
    if let Some(place) = place {
        words.push_str(&visible(place));
        if let (Some(_), Some(object)) = (&notice.path, &notice.object) {
            words.push_str(&format!(" ({})", visible(object)));
        }
        words.push_str(": ");
    }
    words.push_str(visible(&notice.message).trim_end_matches('.'));
    if let Some(mend) = &notice.mend {
        words.push_str(&format!("; {}", visible(mend)));
    }
    words
}

/// A line of the summary.
pub(super) struct SummaryLine {
    /// What it says.
    pub(super) words: String,
    /// Whether it tells of a gap.
    pub(super) gap: bool,
}

/// Figures, what was skipped, gaps with how to mend them, other notices (their number, or each with `verbose`).
pub(super) fn summary_lines(result: &ScanResult, verbose: bool) -> Vec<SummaryLine> {
    let plain = |words: String| SummaryLine { words, gap: false };
    let mut lines = vec![plain(format!("{}.", figures(result)))];
    let left_out = skipped(result);
    if !left_out.is_empty() {
        lines.push(plain(format!("Left out: {}.", left_out.join(", "))));
    }
    let gaps: Vec<_> = result.notices.iter().filter(|notice| notice.gap).collect();
    if !gaps.is_empty() {
        let count = plural(gaps.len() as u64, "gap");
        lines.push(SummaryLine { words: format!("Incomplete: {count}. What could not be scanned:"), gap: true });
        let shown = if verbose { gaps.len() } else { MOST_GAPS };
        lines.extend(
            gaps.iter()
                .take(shown)
                .map(|notice| SummaryLine { words: format!("- {}", self::notice(notice)), gap: true }),
        );
        if gaps.len() > shown {
            lines.push(SummaryLine {
                words: format!("- and {} more (-v names them all)", gaps.len() - shown),
                gap: true,
            });
        }
    }
    let others: Vec<_> = result.notices.iter().filter(|notice| !notice.gap).collect();
    if verbose || others.len() <= MOST_NOTICES {
        lines.extend(others.iter().map(|notice| plain(format!("Note: {}", self::notice(notice)))));
    } else {
        lines.push(plain(format!("{} (-v shows them).", plural(others.len() as u64, "notice"))));
    }
    lines
}

/// Gaps named without `-v`.
const MOST_GAPS: usize = 20;
/// Notices shown without `-v`.
const MOST_NOTICES: usize = 5;

/// By what a finding was suppressed, in words.
pub(super) fn suppression(status: &Status) -> String {
    match status {
        Status::Open => String::new(),
        Status::Suppressed { by, reason, owner, expires } => {
            let mut words = by.clone();
            for (label, value) in [("", reason), ("by ", owner), ("until ", expires)] {
                if let Some(value) = value {
                    words.push_str(&format!("; {label}{value}"));
                }
            }
            words
        }
    }
}

/// `1 finding`, `1,204 findings`.
pub(crate) fn plural(count: u64, word: &str) -> String {
    format!("{} {word}{}", number(count), if count == 1 { "" } else { "s" })
}

/// The name of one of a kind (`files`, `index entries`).
fn singular(kind: &str) -> String {
    match (kind.strip_suffix("ies"), kind.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => kind.to_owned(),
    }
}

/// With a comma at every thousand.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `512 bytes`, `12.4 MB` (powers of 1000).
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return plural(count, "byte");
    }
    let mut value = count as f64;
    let mut unit = "bytes";
    for next in UNITS {
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

fn seconds(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2} s"),
        value if value < 120.0 => format!("{value:.1} s"),
        value => format!("{} min {:02} s", number((value / 60.0) as u64), value as u64 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, counts, figures, notice, number, seconds, singular, skipped};
    use crate::report::fixture;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            (number(0), number(999), number(1000), number(1_234_567)),
            ("0".into(), "999".into(), "1,000".into(), "1,234,567".into())
        );
        assert_eq!(
            (bytes(1), bytes(999), bytes(1000), bytes(999_999), bytes(12_400_000)),
            ("1 byte".into(), "999 bytes".into(), "1.0 kB".into(), "1.0 MB".into(), "12.4 MB".into())
        );
        assert_eq!(
            (seconds(0.123), seconds(61.25), seconds(600.0)),
            ("0.12 s".into(), "61.2 s".into(), "10 min 00 s".into())
        );
        assert_eq!((singular("files"), singular("index entries")), ("file".into(), "index entry".into()));
    }

    #[test]
    fn a_scan_in_words() {
        let result = fixture::result();
        assert_eq!(counts(&result), "3 findings (2 critical, 1 high), 2 different secrets; 1 suppressed");
        assert_eq!(figures(&result), "Scanned 1,204 files, 12.4 MB, with 2 rules in 0.12 s");
        assert_eq!(skipped(&result), ["31 files (git-ignored)", "2 vendor/** (keysweep.toml)"]);
        assert_eq!(notice(&result.notices[0]), "src/locked.txt: Permission denied; run as a user who may read it");
    }
}
