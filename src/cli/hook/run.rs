//! `keysweep hook run`: chooses what to scan from the hook's name or the pre-commit framework's variables, says nothing
//! when all is well, and else says what, where and how to go on.

use std::fmt::Write as _;
use std::path::Path;

use anstream::eprint;
use clap::Args;

use super::place::git;
use super::stage::Stage;
use crate::cli::scan::{self, ScanArguments};
use crate::error::Result;
use crate::finding::{Finding, ScanResult};

/// Arguments of `keysweep hook run`: those of `scan`, whose targets are what git gives the hook as arguments.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The hook that calls; without it the variables of the pre-commit framework say
    #[arg(long, value_enum, value_name = "HOOK")]
    stage: Option<Stage>,
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
    /// What one commit adds to another.
    Range(String),
    /// What a push adds that goes to a remote of this name. What git told, or standard input tells it.
    Push(Option<String>, Option<Pushed>),
    /// What a push brings to this server.
    Receive,
}

/// One ref that is pushed, as the pre-commit framework tells it.
#[derive(Debug, PartialEq, Eq)]
struct Pushed {
    /// What is pushed: a revision.
    tip: String,
    /// What the remote has, when it has anything of it.
    known: Option<String>,
}

/// Runs the hook; 0 lets git go on.
///
/// # Errors
/// When the scan cannot begin. That stops git too.
pub(super) fn run(arguments: RunArguments) -> Result<u8> {
    let mut scan = arguments.scan;
    let given = std::mem::take(&mut scan.targets);
    let first = given.first().map(|word| word.to_string_lossy().into_owned());
    let job = job(arguments.stage, first, |name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let by_hand = job == Job::ByHand;
    let stops = arguments.stage.unwrap_or(match job {
        Job::Push(..) => Stage::PrePush,
        _ => Stage::PreCommit,
    });
    match job {
        Job::Staged | Job::ByHand => scan.modes.staged = true,
        Job::Range(range) => scan.modes.diff = Some(range),
        Job::Push(remote, pushed) => {
            scan.modes.pre_push = true;
            scan.modes.remote = remote;
            scan.modes.told = pushed.map(|pushed| pushed.line()).transpose()?;
        }
        Job::Receive => scan.modes.pre_receive = true,
    }
    scan.output.quiet = !scan.output.verbose;
    let (mut result, mut status) = scan::run_when(&scan, true, |_, status| status != 0)?;
    if by_hand && status == 0 && result.coverage.kind("index entries").found == 0 {
        scan.modes.staged = false;
        (result, status) = scan::run_when(&scan, true, |_, status| status != 0)?;
    }
    if status != 0 {
        eprint!("{}", advice(&result, stops, arguments.stage.is_none()));
    }
    Ok(status)
}

/// Chooses the job. The framework's variables count only where no hook is named.
fn job(stage: Option<Stage>, given: Option<String>, variable: impl Fn(&str) -> Option<String>) -> Job {
    match stage {
        Some(Stage::PreCommit | Stage::PreMergeCommit) => return Job::Staged,
        Some(Stage::PrePush) => return Job::Push(given, None),
        Some(Stage::PreReceive) => return Job::Receive,
        None => {}
    }
    let (from, to) = (variable("PRE_COMMIT_FROM_REF"), variable("PRE_COMMIT_TO_REF"));
    let (remote, branch) = (variable("PRE_COMMIT_REMOTE_NAME"), variable("PRE_COMMIT_LOCAL_BRANCH"));
    match (from, to, remote) {
        (known, Some(tip), Some(remote)) => Job::Push(Some(remote), Some(Pushed { tip, known })),
        (Some(from), Some(to), None) => Job::Range(format!("{from}..{to}")),
        // A branch the remote has nothing of: the framework names only the branch.
        (_, _, Some(remote)) => {
            Job::Push(Some(remote), Some(Pushed { tip: branch.unwrap_or_else(|| "HEAD".to_owned()), known: None }))
        }
        // git names the index to a hook; by hand nobody does.
        _ if variable("GIT_INDEX_FILE").is_some() => Job::Staged,
        _ => Job::ByHand,
    }
}

impl Pushed {
    /// The line git would write to a pre-push hook.
    fn line(&self) -> Result<String> {
        let id = |revision: &str| git(Path::new("."), &["rev-parse", "--verify", "--end-of-options", revision]);
        let tip = id(&self.tip)?;
        let known = match &self.known {
            Some(known) => id(known)?,
            None => "0".repeat(tip.len()),
        };
        Ok(format!("local {tip} remote {known}\n"))
    }
}

/// Allow commands are written out for so many findings; for more, one shows how.
const ALLOWS: usize = 3;

/// What was stopped and how to go on, for a terminal of 80 columns.
fn advice(result: &ScanResult, stage: Stage, framework: bool) -> String {
    let open: Vec<&Finding> = result.open().collect();
    let stops = stage.stops();
    let mut text = String::new();
    if open.is_empty() {
        let _ = writeln!(text, "\nkeysweep stopped this {stops}: not everything could be checked (see above).");
        return text + &skip(stage, framework);
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
            "  1. Take {it} out of the commits that are named (git commit --amend, git\n\
             \x20    rebase -i): another commit on top would still push {it}."
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
    text + &skip(stage, framework)
}

/// How to go on without the check. On a server there is no way.
fn skip(stage: Stage, framework: bool) -> String {
    match stage {
        Stage::PreReceive => String::new(),
        _ if framework => {
            "To go on without this check, once: SKIP=keysweep (the hook's id) in front of git.\n".to_owned()
        }
        stage => format!("To go on without this check, once: git {} --no-verify\n", stage.stops()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(stage: Option<Stage>, variables: &[(&str, &str)]) -> Job {
        job(stage, Some("origin".into()), |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_named_hook_decides() {
        let variables = [("PRE_COMMIT_FROM_REF", "a"), ("PRE_COMMIT_TO_REF", "b")];
        assert_eq!(with(Some(Stage::PreCommit), &variables), Job::Staged);
        assert_eq!(with(Some(Stage::PrePush), &variables), Job::Push(Some("origin".into()), None));
        assert_eq!(with(Some(Stage::PreReceive), &variables), Job::Receive);
    }

    #[test]
    fn the_framework_decides_by_its_variables() {
        assert_eq!(with(None, &[("PRE_COMMIT", "1")]), Job::ByHand);
        assert_eq!(with(None, &[("GIT_INDEX_FILE", "x")]), Job::Staged);
        let range = [("PRE_COMMIT_FROM_REF", "a"), ("PRE_COMMIT_TO_REF", "b")];
        assert_eq!(with(None, &range), Job::Range("a..b".into()));
        let push = |tip: &str, known: Option<&str>| {
            Job::Push(Some("up".into()), Some(Pushed { tip: tip.into(), known: known.map(str::to_owned) }))
        };
        assert_eq!(with(None, &[range[0], range[1], ("PRE_COMMIT_REMOTE_NAME", "up")]), push("b", Some("a")));
        let first = [("PRE_COMMIT_REMOTE_NAME", "up"), ("PRE_COMMIT_LOCAL_BRANCH", "refs/heads/x")];
        assert_eq!(with(None, &first), push("refs/heads/x", None));
    }
}
