//! Where reports go and how they look: the options every command that reports has, and what they mean.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum as _;

use crate::error::{Error, Result};
use crate::finding::{Finding, ScanResult};
use crate::report::file::{check_writable, write_file};
use crate::report::scrub::scrub;
use crate::report::{self, Format, ReportOptions, jsonl};
use crate::rules::RuleSet;

/// Columns when no terminal says how many there are.
const COLUMNS: usize = 100;

/// Options for output.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArguments {
    /// Form of the report
    #[arg(long, short = 'f', value_enum, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Write the report to FILE instead of standard output
    #[arg(long, short = 'o', value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write another report; may be given several times
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = parse_report)]
    pub reports: Vec<(Format, PathBuf)>,
    /// Show secrets in clear (text, json, jsonl, gitleaks)
    #[arg(long)]
    pub show_secrets: bool,
    /// Colours: auto follows NO_COLOR, CLICOLOR, CLICOLOR_FORCE and the terminal
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Say why: reasons, refs, suppressed findings, every notice
    #[arg(long, short = 'v', conflicts_with = "quiet")]
    pub verbose: bool,
    /// Print findings and errors alone
    #[arg(long, short = 'q')]
    pub quiet: bool,
    /// No progress on the terminal
    #[arg(long)]
    pub no_progress: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// On a terminal that wants them
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

fn parse_report(text: &str) -> std::result::Result<(Format, PathBuf), String> {
    let known = || {
        let names: Vec<String> = Format::value_variants()
            .iter()
            .filter_map(|format| format.to_possible_value())
            .map(|value| value.get_name().to_owned())
            .collect();
        names.join(", ")
    };
    let Some((format, path)) = text.split_once('=') else {
        return Err(format!("it must be FORMAT=FILE, for example `sarif=keysweep.sarif`; formats: {}", known()));
    };
    let format =
        Format::from_str(format, true).map_err(|_| format!("`{format}` is no format; there are {}", known()))?;
    if path.is_empty() {
        return Err("the file's name is missing after `=`".to_owned());
    }
    Ok((format, path.into()))
}

impl OutputArguments {
    /// Refuses what cannot work, before the scan takes its time: two reports to one file, a folder that is not there.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn check(&self) -> Result<()> {
        let mut seen = HashSet::new();
        for path in self.files() {
            check_writable(path).map_err(|source| unwritable(path, &source))?;
            if !is_special(path) && !seen.insert(path) {
                return Err(Error::Usage(format!("two reports would go to {}: name another file", path.display())));
            }
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        self.output
            .as_deref()
            .into_iter()
            .chain(self.reports.iter().map(|(_, path)| &**path))
            .filter(|path| !is_stdout(path))
    }

    /// Whether findings can be printed as they are decided.
    pub fn streams(&self) -> bool {
        self.format == Format::Jsonl && self.output.as_deref().is_none_or(is_stdout)
    }

    /// Whether a report shows fingerprints.
    pub fn shows_identities(&self) -> bool {
        self.verbose || self.format != Format::Text || self.reports.iter().any(|(format, _)| *format != Format::Text)
    }

    /// Whether progress may be shown: to a terminal, and not between findings that stream to the same one.
    pub fn progress(&self) -> bool {
        let streams_here = self.streams() && io::stdout().is_terminal();
        !self.quiet && !self.no_progress && !streams_here && io::stderr().is_terminal()
    }

    fn options<'r>(&self, rules: &'r RuleSet) -> ReportOptions<'r> {
        ReportOptions {
            show_secrets: self.show_secrets,
            verbose: self.verbose,
            quiet: self.quiet,
            width: COLUMNS,
            ..ReportOptions::new(rules)
        }
    }

    /// Prints the report and writes the files. `streamed` holds the findings that went out already.
    ///
    /// # Errors
    /// When a report cannot be written. A reader of standard output that went away is no error.
    pub fn emit(&self, result: &ScanResult, rules: &RuleSet, streamed: Option<&Stream<'_>>) -> Result<()> {
        let scrubbed = if self.show_secrets { Cow::Borrowed(result) } else { scrub(result) };
        let result = &*scrubbed;
        let formats = || std::iter::once(self.format).chain(self.reports.iter().map(|&(format, _)| format));
        let provenance = formats().any(|format| format == Format::Sarif).then(super::provenance::find).flatten();
        let options = ReportOptions { provenance: provenance.as_ref(), ..self.options(rules) };
        for (format, path) in &self.reports {
            self.write_to(*format, path, result, &options)?;
        }
        match (&self.output, streamed) {
            (_, Some(stream)) => stream.end(result)?,
            (Some(path), None) => self.write_to(self.format, path, result, &options)?,
            (None, None) => self.print(result, &options)?,
        }
        let has_summary = self.format == Format::Text && !self.quiet && self.output.as_deref().is_none_or(is_stdout);
        if !has_summary {
            self.summarize(result);
        }
        Ok(())
    }

    fn write_to(&self, format: Format, path: &Path, result: &ScanResult, options: &ReportOptions<'_>) -> Result<()> {
        if is_stdout(path) {
            return self.print_as(format, result, options);
        }
        write_file(path, self.show_secrets, |out| report::write(format, result, options, out))
            .map_err(|source| unwritable(path, &source))
    }

    fn print(&self, result: &ScanResult, options: &ReportOptions<'_>) -> Result<()> {
        self.print_as(self.format, result, options)
    }

    fn print_as(&self, format: Format, result: &ScanResult, options: &ReportOptions<'_>) -> Result<()> {
        let choice = match self.color {
            When::Auto => anstream::AutoStream::choice(&io::stdout()),
            When::Always => anstream::ColorChoice::Always,
            When::Never => anstream::ColorChoice::Never,
        };
        let options = ReportOptions { color: choice != anstream::ColorChoice::Never, width: columns(), ..*options };
        let stdout = io::stdout().lock();
        let written = if format == Format::Text {
            // On a Windows console that knows no escape sequences this stream turns them into calls.
            let mut out = BufWriter::new(anstream::AutoStream::new(stdout, choice));
            report::write(format, result, &options, &mut out).and_then(|()| out.flush())
        } else {
            let mut out = BufWriter::new(stdout);
            report::write(format, result, &options, &mut out).and_then(|()| out.flush())
        };
        reader_may_go(written)
    }

    /// The summary on standard error; with `--quiet` only gaps.
    fn summarize(&self, result: &ScanResult) {
        let mut out = io::stderr().lock();
        // Nobody is left to tell when standard error cannot be written.
        let _ = if !self.quiet {
            report::write_summary(result, self.verbose, &mut out)
        } else {
            let mut gaps = result.notices.iter().filter(|notice| notice.gap);
            gaps.try_for_each(|gap| writeln!(out, "keysweep: not scanned: {}", report::summary::notice(gap)))
        };
    }
}

/// Findings that are printed as they are decided.
pub struct Stream<'s> {
    options: ReportOptions<'s>,
    state: Mutex<io::Result<()>>,
}

impl<'s> Stream<'s> {
    /// A stream to standard output.
    pub fn new(arguments: &OutputArguments, rules: &'s RuleSet) -> Self {
        Self { options: arguments.options(rules), state: Mutex::new(Ok(())) }
    }

    /// Prints one finding. After the first error nothing more is printed; the end of the stream tells of it.
    pub fn finding(&self, finding: &Finding) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_ok() {
            let mut out = io::stdout().lock();
            *state = jsonl::write_finding(finding, &self.options, &mut out).and_then(|()| out.flush());
        }
    }

    fn end(&self, result: &ScanResult) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written = std::mem::replace(&mut *state, Ok(())).and_then(|()| {
            let mut out = io::stdout().lock();
            jsonl::write_end(result, &mut out).and_then(|()| out.flush())
        });
        reader_may_go(written)
    }
}

/// `| head` closes the pipe early: that ends the report, not the command.
pub(super) fn reader_may_go(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Usage(format!("the report cannot be written to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

pub(super) fn unwritable(path: &Path, source: &io::Error) -> Error {
    let mend = match source.kind() {
        io::ErrorKind::StorageFull => "free some room and run it again",
        _ => "its folder must exist and be writable",
    };
    Error::Usage(format!("the report cannot be written to {}: {source}; {mend}", path.display()))
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// A device or pipe, which takes any number of reports.
fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|known| !known.is_file())
}

/// Columns of the terminal; `COLUMNS` goes before.
fn columns() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|&columns| columns > 0);
    asked
        .or_else(|| terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0)))
        .unwrap_or(COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::parse_report;
    use crate::report::Format;

    #[test]
    fn reports_are_format_and_file() {
        assert_eq!(parse_report("json=a=b.json"), Ok((Format::Json, "a=b.json".into())));
        assert!(parse_report("json").is_err_and(|error| error.contains("FORMAT=FILE")));
        assert!(parse_report("jsn=x").is_err_and(|error| error.contains("json, jsonl")));
        assert!(parse_report("json=").is_err());
    }
}
