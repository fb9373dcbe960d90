//! A scan for commands that look at findings instead of reporting them: `baseline`, `allow`, `explain`.

use std::io::Write as _;
use std::path::PathBuf;

use super::modes::ModeArguments;
use super::scan::{FilesAsked, scan_files};
use crate::engine::Engine;
use crate::error::{Error, Notice, Result};
use crate::filter::Filter;
use crate::finding::{Finding, ScanResult};
use crate::pipeline::Scan;

/// What to scan.
#[derive(Debug, Default, clap::Args)]
pub struct WhatArguments {
    /// Files and folders [default: .]
    pub targets: Vec<PathBuf>,
    /// Scan what git ignores as well
    #[arg(long)]
    pub no_ignore: bool,
    /// Which changes are scanned instead of files.
    #[command(flatten)]
    pub modes: ModeArguments,
}

impl WhatArguments {
    /// The target whose configuration holds.
    pub fn target(&self) -> PathBuf {
        self.targets.first().cloned().unwrap_or_else(|| ".".into())
    }

    /// Scans and decides.
    ///
    /// # Errors
    /// When the scan cannot begin.
    pub fn result(&self, engine: &Engine, filter: &Filter) -> Result<ScanResult> {
        let (scan, findings) = self.run(engine, filter, false)?;
        Ok(scan.finish(findings))
    }

    /// Scans, with `all` also what the policy leaves out; the findings are not decided on yet.
    ///
    /// # Errors
    /// When the scan cannot begin.
    pub fn run<'s>(&self, engine: &'s Engine, filter: &'s Filter, all: bool) -> Result<(Scan<'s>, Vec<Finding>)> {
        let mut scan = Scan::new(engine, filter);
        let mut ran = match self.modes.run(&self.targets, &mut scan)? {
            Some(ran) => ran,
            None => {
                let no_ignore = self.no_ignore;
                let asked = FilesAsked { targets: &self.targets, no_ignore, all, ..FilesAsked::default() };
                scan_files(&asked, &scan)?
            }
        };
        let mut findings = scan.take_findings();
        findings.append(&mut ran.findings);
        Ok((scan, findings))
    }
}

/// Writes lines to standard output.
///
/// # Errors
/// When it is closed.
pub fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|source| Error::Io { path: "standard output".into(), source }),
    }
}

/// Tells notices on standard error; true when one of them is a gap.
pub fn tell(notices: &[Notice]) -> bool {
    for notice in notices {
        let path = notice.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
        anstream::eprintln!("keysweep: {path}{}", notice.message);
        if let Some(mend) = &notice.mend {
            anstream::eprintln!("  {mend}");
        }
    }
    notices.iter().any(|notice| notice.gap)
}
