//! `keysweep hook run`: chooses what to scan from the hook's name or the pre-commit framework's variables, says nothing
//! when all is well, and else says what, where and how to go on.

use std::fmt::Write as _;

use anstream::eprint;
use clap::Args;

use super::stage::Stage;
use crate::cli::scan::{self, ScanArguments};
use crate::error::Result;
use crate::finding::{Finding, ScanResult};

/// Arguments of `keysweep hook run`: those of `scan`, and what the hook knows.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The hook that calls; without it the variables of the pre-commit framework say
    #[arg(long, value_enum, value_name = "HOOK")]
    stage: Option<Stage>,
    /// Where a push goes, as git tells the pre-push hook
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    #[command(flatten)]
    scan: ScanArguments,
}

/// What a hook scans.
#[derive(Debug, PartialEq, Eq)]
enum Job {
    /// The index against HEAD.
    Staged,
    /// The same; and the whole work tree when nothing is staged (`pre-commit run --all-files`).
    ByHand,
}

/// Runs the hook; 0 lets git go on.
///
/// # Errors
/// When the scan cannot begin. That stops git too.
pub(super) fn run(arguments: RunArguments) -> Result<u8> {
    let job = job(arguments.stage, |name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let mut scan = arguments.scan;
    // A framework's user may have asked for file names: what is scanned does not depend on them.
    scan.targets.clear();
    scan.output.quiet = !scan.output.verbose;
    scan.modes.staged = true;
    let (mut result, mut status) = scan::run_when(&scan, |_, status| status != 0)?;
    if job == Job::ByHand && status == 0 && result.coverage.kind("index entries").found == 0 {
        scan.modes.staged = false;
        (result, status) = scan::run_when(&scan, |_, status| status != 0)?;
    }
    if status != 0 {
        eprint!("{}", advice(&result, arguments.stage));
    }
    Ok(status)
}

/// Chooses the job.
fn job(stage: Option<Stage>, variable: impl Fn(&str) -> Option<String>) -> Job {
    match stage {
        Some(_) => Job::Staged,
        // git names the index to a hook; by hand nobody does.
        None if variable("GIT_INDEX_FILE").is_some() => Job::Staged,
        None => Job::ByHand,
    }
}

/// Allow commands are written out for so many findings; for more, one shows how.
const ALLOWS: usize = 3;

/// What was stopped and how to go on, for a terminal of 80 columns.
fn advice(result: &ScanResult, stage: Option<Stage>) -> String {
    let open: Vec<&Finding> = result.open().collect();
    let stops = stage.map_or("commit", Stage::stops);
    let mut text = String::new();
    if open.is_empty() {
        let _ = writeln!(text, "\nkeysweep stopped this {stops}: not everything could be checked (see above).");
        return text + &skip(stage);
    }
    let one = open.len() == 1;
    let (count, it, is) = if one {
        ("a credential".to_owned(), "it", "It is")
    } else {
        (format!("{} credentials", open.len()), "them", "They are")
    };
    let _ = writeln!(text, "\nkeysweep stopped this {stops}: it would add {count}. {is} listed above.");
    if stops == "push" {
        let _ = writeln!(
            text,
            "  1. Take {it} out of the commits that are named (git commit --amend, git rebase -i):\n\
             \x20    another commit on top would still push {it}."
        );
    } else {
        let _ = writeln!(text, "  1. Take {it} out of the file and stage the file again.");
    }
    let _ = writeln!(
        text,
        "  2. Keep {it} in a secret store or the environment, and read {it} from there.\n\
         \x20 3. Was {it} ever pushed or shared? Then rotate {it} first: {it} counts as known.\n\
         \x20 4. No secret after all? Allow {it}, with a reason:"
    );
    for finding in open.iter().take(ALLOWS) {
        let _ = writeln!(text, "       keysweep allow {} --reason \"...\"", finding.fingerprint);
    }
    if open.len() > ALLOWS {
        let _ = writeln!(text, "       (and so on; `--format json` lists every fingerprint)");
    }
    let _ = writeln!(text, "     or in a comment on the line: keysweep:allow {} the reason", open[0].rule);
    text + &skip(stage)
}

/// How to go on without the check.
fn skip(stage: Option<Stage>) -> String {
    match stage {
        None => "To go on without this check, once: SKIP=keysweep in front of the command.\n".to_owned(),
        Some(Stage::PreReceive) => String::new(),
        Some(stage) => format!("To go on without this check, once: git {} --no-verify\n", stage.stops()),
    }
}
