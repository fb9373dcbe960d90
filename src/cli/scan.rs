//! `keysweep scan`: raw arguments to one source, one pipeline, the reports.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;

use super::dropped;
use super::gather::WhatArguments;
use super::modes::{ModeArguments, Ran};
use super::output::{OutputArguments, Stream};
use super::policy::PolicyArguments;
use super::progress;
use crate::engine::{self, Engine};
use crate::error::Result;
use crate::filter::Filter;
use crate::filter::config::Settings;
use crate::filter::config::build::Plan;
use crate::finding::{Exclusion, Finding, ScanResult};
use crate::pipeline::Scan;
use crate::source::files::{self, FileOptions, LeftOut};
use crate::source::stdin;

/// Arguments of `keysweep scan`.
#[derive(Debug, Args)]
pub struct ScanArguments {
    /// Files and folders [default: .]
    pub targets: Vec<PathBuf>,
    /// Scan what git ignores as well
    #[arg(long)]
    pub no_ignore: bool,
    /// Scan the files named in FILE (`-` for standard input), one per line or separated by NUL
    #[arg(long, value_name = "FILE", conflicts_with_all = ["targets", "mode"])]
    pub files_from: Option<PathBuf>,
    /// Path under which standard input (`-`) is reported
    #[arg(long, value_name = "PATH")]
    pub stdin_name: Option<String>,
    /// Tell on standard error which candidates in files were dropped, and why
    #[arg(long, conflicts_with_all = ["mode", "files_from", "stdin_name"])]
    pub show_dropped: bool,
    /// Which changes are scanned instead of files.
    #[command(flatten)]
    pub modes: ModeArguments,
    /// What counts.
    #[command(flatten)]
    pub policy: PolicyArguments,
    /// Where reports go.
    #[command(flatten)]
    pub output: OutputArguments,
}

/// Runs the scan; the exit status comes back.
///
/// # Errors
/// When the scan cannot begin or a report cannot be written.
pub fn run(arguments: &ScanArguments) -> Result<u8> {
    Ok(run_when(arguments, arguments.output.shows_identities(), |_, _| true)?.1)
}

/// Runs the scan and prints its report when `wanted` says so of the result and its exit status. `name_all`: every finding
/// has its fingerprint, whether a report needs it or not.
///
/// # Errors
/// As [`run`].
pub(super) fn run_when(
    arguments: &ScanArguments,
    name_all: bool,
    wanted: impl FnOnce(&ScanResult, u8) -> bool,
) -> Result<(ScanResult, u8)> {
    let output = &arguments.output;
    output.check()?;
    if arguments.stdin_name.is_some() && !arguments.targets.iter().any(|target| target.as_os_str() == "-") {
        return Err(crate::Error::Usage(
            "--stdin-name names standard input: write `keysweep scan - --stdin-name PATH`".into(),
        ));
    }
    let target = arguments.targets.first().cloned().unwrap_or_else(|| ".".into());
    let Plan { rules, mut filter, fail_on, settings } = arguments.policy.plan(&target)?;
    filter.name_all = name_all;
    let engine = Engine::new(rules)?;
    let stream = output.streams().then(|| Stream::new(output, engine.rules()));
    let sink = |finding: &Finding| stream.iter().for_each(|stream| stream.finding(finding));
    let mut scan = Scan::new(&engine, &filter);
    if stream.is_some() {
        scan = scan.streaming(&sink);
    }
    let shown = progress::show(output.progress(), scan.progress());
    let mut ran = match arguments.modes.run(&arguments.targets, &mut scan)? {
        Some(ran) => ran,
        None => {
            // Only now an ignore entry that matches nothing is known to be out of date.
            let whole =
                covers(&target, &settings) && arguments.policy.rule.is_empty() && arguments.files_from.is_none();
            filter.whole.store(whole, Ordering::Relaxed);
            scan_files(&arguments.files(), &scan)?
        }
    };
    let mut findings = scan.take_findings();
    findings.append(&mut ran.findings);
    let mut result = scan.finish(findings);
    result.mode = ran.mode;
    result.exclusions.extend(ran.exclusions);
    #[cfg(feature = "git")]
    result.exclusions.extend(large_blobs(&result));
    drop(shown);
    if arguments.show_dropped {
        let what = WhatArguments {
            targets: arguments.targets.clone(),
            no_ignore: arguments.no_ignore,
            ..WhatArguments::default()
        };
        dropped::show(&what, &engine, &filter)?;
    }
    let status = result.exit_status(fail_on);
    if wanted(&result, status) {
        output.emit(&result, engine.rules(), stream.as_ref())?;
    }
    Ok((result, status))
}

/// Whether a scan of `target` sees everything that an ignore file or baseline of the repository is about.
fn covers(target: &Path, settings: &Settings) -> bool {
    target
        .canonicalize()
        .ok()
        .is_some_and(|target| settings.places.root.canonicalize().is_ok_and(|root| root == target))
}

/// What the plain mode is asked for.
#[derive(Debug, Default)]
pub(super) struct FilesAsked<'a> {
    pub(super) targets: &'a [PathBuf],
    pub(super) no_ignore: bool,
    pub(super) stdin_name: Option<&'a str>,
    pub(super) files_from: Option<&'a Path>,
    /// Read what the policy leaves out as well (to explain it).
    pub(super) all: bool,
}

impl ScanArguments {
    fn files(&self) -> FilesAsked<'_> {
        FilesAsked {
            targets: &self.targets,
            no_ignore: self.no_ignore,
            stdin_name: self.stdin_name.as_deref(),
            files_from: self.files_from.as_deref(),
            all: false,
        }
    }
}

/// Which files are read.
///
/// # Errors
/// When a list of files cannot be read.
pub(super) fn file_options<'e>(
    asked: &FilesAsked<'_>,
    filter: &Filter,
    excluded: &'e (dyn Fn(&str) -> bool + Sync),
) -> Result<FileOptions<'e>> {
    let mut options = FileOptions {
        targets: asked.targets.to_vec(),
        no_ignore: asked.no_ignore,
        max_size: filter.max_size.filter(|_| !asked.all),
        excluded: (!filter.exclude.is_empty() && !asked.all).then_some(excluded),
        ..FileOptions::default()
    };
    match asked.files_from {
        Some(list) => options.targets = file_list(list)?,
        None if options.targets.is_empty() => options.targets.push(".".into()),
        None => {}
    }
    Ok(options)
}

/// The plain mode: files and folders, and standard input.
pub(super) fn scan_files(asked: &FilesAsked<'_>, scan: &Scan<'_>) -> Result<Ran> {
    let filter = scan.filter();
    let excluded = |path: &str| filter.excludes_on_disk(path);
    let mut options = file_options(asked, filter, &excluded)?;
    let mode = match asked.files_from {
        Some(list) => format!("files listed in {}", list.display()),
        None => format!("files {}", options.targets.iter().map(|t| t.to_string_lossy()).collect::<Vec<_>>().join(" ")),
    };
    let standard_input = asked.targets.iter().position(|target| target.as_os_str() == "-");
    if let Some(index) = standard_input {
        options.targets.remove(index);
        let name = asked.stdin_name.unwrap_or("standard input");
        stdin::scan(&mut std::io::stdin().lock(), name, engine::LONG_REACH, &mut scan.worker())
            .map_err(|source| crate::Error::Io { path: name.into(), source })?;
    }
    options.remember = cfg!(feature = "git") && !options.no_ignore;
    #[allow(unused_mut)] // without git there is nothing to correct
    let mut left_out = files::scan(&options, &|| Box::new(scan.worker()));
    #[cfg(feature = "git")]
    if left_out.ignored > 0 {
        let folders = options.targets.iter().filter(|target| target.is_dir());
        let missed: Vec<PathBuf> =
            folders.flat_map(|folder| crate::source::git::tracked::missed(folder, &left_out.visited)).collect();
        left_out.ignored = left_out.ignored.saturating_sub(missed.len() as u64);
        let more = files::scan(&FileOptions { targets: missed, ..options }, &|| Box::new(scan.worker()));
        left_out.large += more.large;
    }
    Ok(Ran { mode, exclusions: exclusions(&left_out), ..Ran::default() })
}

/// The paths in a list: separated by NUL when there is one, else by line ends; empty ones are passed over.
fn file_list(list: &Path) -> Result<Vec<PathBuf>> {
    let read = if list.as_os_str() == "-" {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text).map(|_| text)
    } else {
        std::fs::read(list)
    };
    let text = read.map_err(|source| crate::Error::Io { path: list.into(), source })?;
    let separator = if text.contains(&0) { 0 } else { b'\n' };
    let paths = text.split(|&byte| byte == separator).map(|path| path.strip_suffix(b"\r").unwrap_or(path));
    Ok(paths.filter(|path| !path.is_empty()).map(path_of_bytes).collect())
}

#[cfg(unix)]
fn path_of_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

/// The blobs that `--max-size` left out of a git mode: the coverage counts them.
#[cfg(feature = "git")]
fn large_blobs(result: &ScanResult) -> Option<Exclusion> {
    let counts = result.coverage.kinds.values();
    let count: u64 = counts.filter_map(|count| count.skipped.get(crate::source::git::TOO_LARGE)).sum();
    (count > 0).then(|| Exclusion {
        kind: "size".to_owned(),
        what: "blobs larger than the limit".to_owned(),
        source: "--max-size".to_owned(),
        count,
    })
}

/// What the walk left out on purpose, for the report.
fn exclusions(left_out: &LeftOut) -> Vec<Exclusion> {
    let one = |kind: &str, what: &str, source: &str, count: u64| {
        (count > 0).then(|| Exclusion {
            kind: kind.to_owned(),
            what: what.to_owned(),
            source: source.to_owned(),
            count,
        })
    };
    [
        one("git-ignored", "files and folders that git ignores", "see --no-ignore", left_out.ignored),
        one("size", "files larger than the limit", "--max-size", left_out.large),
    ]
    .into_iter()
    .flatten()
    .collect()
}
