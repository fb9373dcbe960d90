//! The modes of `keysweep scan` that look at changes instead of files: flags in, a source run, its words out.

use std::path::PathBuf;

use clap::Args;

use crate::error::Result;
use crate::finding::Exclusion;
use crate::pipeline::Scan;
#[cfg(feature = "git")]
use crate::source::git::{GitOptions, Opener, staged};

/// Flags that choose what is scanned; at most one mode.
#[derive(Debug, Default, Args)]
#[group(skip)]
pub struct ModeArguments {
    /// Scan what the next commit would add: the index against HEAD
    #[cfg(feature = "git")]
    #[arg(long, group = "mode", conflicts_with = "targets")]
    pub staged: bool,
}

/// What a mode did, beside the findings the scan gathered.
#[derive(Debug, Default)]
pub struct Ran {
    /// The mode in words, for the reports.
    pub mode: String,
    /// What was left out on purpose.
    pub exclusions: Vec<Exclusion>,
}

impl ModeArguments {
    /// Runs the mode that was asked for; `None` when none was, and files are to be scanned.
    ///
    /// # Errors
    /// When the mode cannot begin: no repository, an unknown revision, an unreadable patch.
    pub fn run(&self, targets: &[PathBuf], scan: &mut Scan<'_>) -> Result<Option<Ran>> {
        let _ = (targets, &scan);
        #[cfg(feature = "git")]
        if self.staged {
            let options = GitOptions::default();
            staged::scan(&Opener::here().open()?, &options, &|| Box::new(scan.worker()))?;
            return Ok(Some(Ran { mode: "staged".to_owned(), ..Ran::default() }));
        }
        Ok(None)
    }
}
