//! The end of a run, of a scan or of a merge: what happened is counted, reports are written, then the run has ended.

use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use super::ReportArguments;
use super::alerts::Telling;
use super::log::Log;
use crate::audit::document::{Document, Parts};
use crate::audit::record::{Run, Standing};
use crate::audit::settle::Life;
use crate::audit::state::State;
use crate::audit::{report, repositories, runs};
use crate::cli::output::{reader_may_go, unwritable};
use crate::clock;
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::finding::Severity;
use crate::report::file::{check_writable, write_file};

/// What the end of a run needs to know.
pub(super) struct Ending<'e> {
    pub(super) report: &'e ReportArguments,
    pub(super) telling: &'e Telling,
    pub(super) log: &'e Log<'e>,
    /// Least severity that makes the exit status 1.
    pub(super) fail_on: Severity,
    pub(super) key_id: &'e str,
    /// The runs before this one.
    pub(super) runs: &'e [Run],
    /// The last of them that ended; 0 for none.
    pub(super) after: u64,
}

/// The time.
pub(super) fn now() -> String {
    clock::rfc3339(seconds())
}

/// The time in seconds since 1970.
pub(super) fn seconds() -> i64 {
    clock::epoch_seconds(SystemTime::now())
}

/// The last run that ended; 0 for none.
pub(super) fn last_ended(runs: &[Run]) -> u64 {
    runs.iter().rev().find(|run| !run.ended.is_empty()).map_or(0, |run| run.number)
}

/// Whether reports and the state have a place, before anything is made.
///
/// # Errors
/// When one has not.
pub(super) fn check_places(report: &ReportArguments, path: &Path) -> Result<()> {
    for output in report.output.iter().chain(report.reports.iter().map(|(_, path)| path)) {
        check_writable(output).map_err(|source| unwritable(output, &source))?;
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        let (state, folder) = (path.display(), folder.display());
        return Err(Error::Usage(format!("the state {state} has no folder: make {folder}, or name another place")));
    }
    Ok(())
}

/// Ends a run: counts, reports, writes it down. The exit status comes back.
///
/// # Errors
/// When a report or the state cannot be written.
pub(super) fn conclude(
    state: &State,
    run: &mut Run,
    lives: &[Life],
    (notices, ending): (&[Notice], &Ending<'_>),
) -> Result<u8> {
    let Ending { report, telling, log, fail_on, key_id, runs, after } = *ending;
    count(lives, after, run);
    run.ended = not_before(runs, now(), &mut Vec::new());
    let repositories = &repositories::all(state)?;
    let document = Document::new(&Parts { key_id, run, runs, after, lives, repositories, notices });
    write_reports(report, &document)?;
    // What nobody was told stays new: the run has ended once its report is out and its alerts are on their way.
    telling.enter(state, &document, (after, log))?;
    runs::write(state, run)?;
    let told = telling.send(state, log)?;
    let counts = |life: &&Life| life.secret.severity >= fail_on && life.secret.standing == Standing::Open;
    let mut counting = lives.iter().filter(counts);
    let status = match () {
        () if !told || notices.iter().any(|notice| notice.gap) => 2,
        () => u8::from(counting.any(|life| report.any || life.secret.is_new_since(after))),
    };
    log.end(&document, status);
    let Some(trouble) = log.trouble() else { return Ok(status) };
    anstream::eprintln!("keysweep: {trouble}");
    Ok(2)
}

/// The time, or that of the last run where the clock went back: what came later must not look earlier.
pub(super) fn not_before(runs: &[Run], now: String, notices: &mut Vec<Notice>) -> String {
    let last = runs.iter().map(|run| if run.ended.is_empty() { &run.began } else { &run.ended }).max();
    match last {
        Some(last) if *last > now => {
            let message = format!("the clock says {now}, before the last run ({last}): that run's time is used");
            notices.push(Notice::new(NoticeKind::Information, message).mend("set the clock"));
            last.clone()
        }
        _ => now,
    }
}

/// Counts what happened since the run `after`.
fn count(lives: &[Life], after: u64, run: &mut Run) {
    for severity in [Severity::Low, Severity::Medium, Severity::High, Severity::Critical] {
        run.open.insert(severity.as_str().to_owned(), 0);
    }
    for Life { secret, .. } in lives {
        if secret.standing == Standing::Open {
            *run.open.entry(secret.severity.as_str().to_owned()).or_default() += 1;
            let reopened = secret.has_since(after, &["reopened"]);
            run.reopened += u64::from(reopened);
            run.found += u64::from(!reopened && secret.has_since(after, &["found"]));
        } else {
            // What was accepted before anybody saw it open was not closed, either.
            let was_open = !secret.has_since(after, &["found"]);
            run.closed += u64::from(was_open && secret.has_since(after, &["proven", "accepted"]));
        }
    }
}

fn write_reports(arguments: &ReportArguments, document: &Document) -> Result<()> {
    let all = arguments.verbose || arguments.any;
    let to_file = arguments.output.iter().map(|path| (arguments.format, path));
    for (format, path) in to_file.chain(arguments.reports.iter().map(|(format, path)| (*format, path))) {
        write_file(path, false, |out| report::write(document, format, all, out))
            .map_err(|source| unwritable(path, &source))?;
    }
    if arguments.output.is_none() {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        reader_may_go(report::write(document, arguments.format, all, &mut out).and_then(|()| out.flush()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Run, not_before};

    #[test]
    fn a_clock_that_went_back_gives_the_last_run_s_time_and_a_notice() {
        let run = |began: &str, ended: &str| Run { began: began.to_owned(), ended: ended.to_owned(), ..Run::default() };
        let runs = [run("2026-05-01T00:00:00Z", "2026-05-01T00:10:00Z"), run("2026-05-02T00:00:00Z", "")];
        let mut notices = Vec::new();
        assert_eq!(not_before(&runs, "2026-05-03T00:00:00Z".to_owned(), &mut notices), "2026-05-03T00:00:00Z");
        assert!(notices.is_empty());
        assert_eq!(not_before(&runs, "2026-01-01T00:00:00Z".to_owned(), &mut notices), "2026-05-02T00:00:00Z");
        assert_eq!(notices.len(), 1);
    }
}
