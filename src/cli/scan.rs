//! `keysweep scan`: raw arguments to one source, one pipeline, the reports.

use std::path::PathBuf;

use clap::Args;

use crate::engine::Engine;
use crate::error::Result;
use crate::filter::Filter;
use crate::finding::Severity;
use crate::pipeline::Scan;
use crate::report::{self, Format, ReportOptions};
use crate::rules::RuleSet;
use crate::source::files::{self, FileOptions};

/// Arguments of `keysweep scan`.
#[derive(Debug, Args)]
pub struct ScanArguments {
    /// Files and folders [default: .]
    pub targets: Vec<PathBuf>,
    /// Scan what git ignores as well
    #[arg(long)]
    pub no_ignore: bool,
}

/// Runs the scan; the exit status comes back.
///
/// # Errors
/// When the scan cannot begin or a report cannot be written.
pub fn run(arguments: &ScanArguments) -> Result<u8> {
    let engine = Engine::new(RuleSet::builtin())?;
    let mut scan = Scan::new(&engine);
    let mut options =
        FileOptions { targets: arguments.targets.clone(), no_ignore: arguments.no_ignore, ..FileOptions::default() };
    if options.targets.is_empty() {
        options.targets.push(".".into());
    }
    files::scan(&options, &|| Box::new(scan.worker()));
    let findings = scan.take_findings();
    let result = scan.finish(findings, &Filter::default());
    let options = ReportOptions { rules: engine.rules(), show_secrets: false, color: false, width: 80 };
    report::write(Format::Text, &result, &options, &mut std::io::stdout().lock())
        .map_err(|source| crate::Error::Io { path: "standard output".into(), source })?;
    Ok(result.exit_status(Severity::Low))
}
