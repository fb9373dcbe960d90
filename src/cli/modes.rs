//! The modes of `keysweep scan` that look at changes instead of files: flags in, a source run, its words out.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;

use crate::error::Result;
use crate::finding::{Exclusion, Finding};
use crate::pipeline::Scan;
#[cfg(feature = "git")]
use crate::source::git::{GitOptions, Opener, Repo, commits, history, history::HistoryOptions, ranges, staged};
#[cfg(feature = "archive")]
use crate::source::image::Image;
use crate::source::patch;

/// Flags that choose what is scanned; at most one mode.
#[derive(Debug, Default, Args)]
#[group(skip)]
pub struct ModeArguments {
    /// Scan what the next commit would add: the index against HEAD
    #[cfg(feature = "git")]
    #[arg(long, group = "mode", conflicts_with = "targets")]
    pub staged: bool,
    /// Scan what the commits from A to B add (an end left out is HEAD)
    #[cfg(feature = "git")]
    #[arg(long, value_name = "A..B", group = "mode", conflicts_with = "targets", allow_hyphen_values = true)]
    pub diff: Option<String>,
    /// Scan what the commits since a revision add: REV..HEAD
    #[cfg(feature = "git")]
    #[arg(long, value_name = "REV", group = "mode", conflicts_with = "targets")]
    pub since: Option<String>,
    /// Scan what a push adds; reads standard input as git's pre-push hook does
    #[cfg(feature = "git")]
    #[arg(long, group = "mode", conflicts_with = "targets")]
    pub pre_push: bool,
    /// With --pre-push: where the push goes (the hook's first argument)
    #[cfg(feature = "git")]
    #[arg(long, value_name = "NAME", requires = "pre_push")]
    pub remote: Option<String>,
    /// Scan what a push brings to this server; reads standard input as git's pre-receive hook does
    #[cfg(feature = "git")]
    #[arg(long, group = "mode", conflicts_with = "targets")]
    pub pre_receive: bool,
    /// Scan every object of repositories: all refs, stashes, notes, reflogs, unreachable objects, messages
    #[cfg(feature = "git")]
    #[arg(long, group = "mode")]
    pub history: bool,
    /// With --history: only what refs like GLOB reach (`main`, `release-*`, `refs/pull/*`); repeatable
    #[cfg(feature = "git")]
    #[arg(long, value_name = "GLOB", requires = "history")]
    pub refs: Vec<String>,
    /// With --history: only what refs reach; no reflogs, no unreachable objects
    #[cfg(feature = "git")]
    #[arg(long, requires = "history")]
    pub reachable_only: bool,
    /// With --history: not what REV reaches, since it was scanned before; repeatable
    #[cfg(feature = "git")]
    #[arg(long, value_name = "REV", requires = "history")]
    pub not: Vec<String>,
    /// With --history: megabytes of object texts held at a time, above the mapped packs [default: 256]
    #[cfg(feature = "git")]
    #[arg(long, value_name = "MB", requires = "history", value_parser = megabytes)]
    pub memory: Option<u64>,
    /// With --history: compare every object's hash with its id
    #[cfg(feature = "git")]
    #[arg(long, requires = "history")]
    pub verify_objects: bool,
    /// What git told the hook, where that is known already; else standard input says it.
    #[cfg(feature = "git")]
    #[arg(skip)]
    pub told: Option<String>,
    /// Scan a container image: what `docker save` writes, or an OCI layout (archive or folder); every layer
    #[cfg(feature = "archive")]
    #[arg(long, value_name = "IMAGE.tar", group = "mode", conflicts_with = "targets")]
    pub image: Option<PathBuf>,
    /// Scan what a unified diff adds (`-` for standard input)
    #[arg(long, value_name = "FILE", group = "mode", conflicts_with = "targets")]
    pub patch: Option<PathBuf>,
}

/// What a mode did, beside the findings the scan gathered.
#[derive(Debug, Default)]
pub struct Ran {
    /// The mode in words, for the reports.
    pub mode: String,
    /// What was left out on purpose.
    pub exclusions: Vec<Exclusion>,
    /// Findings that were taken from the scan to be attributed.
    pub findings: Vec<Finding>,
}

impl ModeArguments {
    /// Runs the mode that was asked for; `None` when none was, and files are to be scanned.
    ///
    /// # Errors
    /// When the mode cannot begin: no repository, an unknown revision, an unreadable patch.
    pub fn run(&self, targets: &[PathBuf], scan: &mut Scan<'_>) -> Result<Option<Ran>> {
        #[cfg(not(feature = "git"))]
        let _ = targets;
        if let Some(file) = &self.patch {
            let name = if file.as_os_str() == "-" { "standard input".into() } else { file.to_string_lossy() };
            let read = if file.as_os_str() == "-" {
                let mut bytes = Vec::new();
                std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
            } else {
                std::fs::read(file)
            };
            let bytes = read.map_err(|source| crate::Error::Io { path: (&*name).into(), source })?;
            patch::scan(&bytes, &name, &mut scan.worker());
            return Ok(Some(Ran { mode: format!("patch {name}"), ..Ran::default() }));
        }
        #[cfg(feature = "git")]
        if self.staged {
            let options = GitOptions { max_size: scan.filter().max_size, ..GitOptions::default() };
            staged::scan(&Opener::here().open()?, &options, &|| Box::new(scan.worker()))?;
            return Ok(Some(Ran { mode: "staged".to_owned(), ..Ran::default() }));
        }
        #[cfg(feature = "archive")]
        if let Some(path) = &self.image {
            let image = Image::open(path)?;
            scan.attribute_later();
            image.scan(&|| Box::new(scan.worker()));
            let mut findings = scan.take_findings();
            image.place(&mut findings);
            return Ok(Some(Ran { mode: format!("image {}", image.title()), findings, ..Ran::default() }));
        }
        #[cfg(feature = "git")]
        if let Some((mode, select)) = self.range() {
            let repo = Opener::here().open()?;
            let options = GitOptions { max_size: scan.filter().max_size, ..GitOptions::default() };
            commits::scan(&repo, &select(&repo)?, &options, &|| scan.worker())?;
            return Ok(Some(Ran { mode, ..Ran::default() }));
        }
        #[cfg(feature = "git")]
        if self.history {
            return self.all_history(targets, scan).map(Some);
        }
        Ok(None)
    }

    /// `--history`, repository by repository.
    #[cfg(feature = "git")]
    fn all_history(&self, targets: &[PathBuf], scan: &mut Scan<'_>) -> Result<Ran> {
        let openers = match targets {
            [] => vec![Opener::here()],
            named => named.iter().map(|path| Opener::at(path)).collect(),
        };
        let options = HistoryOptions {
            git: GitOptions { max_size: scan.filter().max_size, ..GitOptions::default() },
            refs: self.refs.clone(),
            reachable_only: self.reachable_only,
            not: self.not.clone(),
            memory: self.memory.map(|megabytes| megabytes.saturating_mul(1 << 20)),
            named_gaps: None,
            verify_objects: self.verify_objects,
        };
        scan.attribute_later();
        let mut ran = Ran::default();
        let mut names = Vec::new();
        for opener in openers {
            let repo = opener.open()?;
            let mut history = history::scan(&repo, &options, &|| scan.worker())?;
            ran.exclusions.append(&mut history.exclusions);
            let sightings = scan.take_sightings();
            let mut findings = scan.take_findings();
            history.read_trees(&repo, (&sightings, &findings), &|| Box::new(scan.worker()))?;
            findings.append(&mut scan.take_findings());
            ran.findings.extend(history.attribute(&repo, (sightings, findings), &|| scan.worker())?);
            names.push(repo.shown().to_owned());
        }
        ran.mode = format!("history {}", names.join(" "));
        Ok(ran)
    }

    /// The range of commits that was asked for, in words, and how to find it.
    #[cfg(feature = "git")]
    fn range(&self) -> Option<(String, Box<Select<'_>>)> {
        if let Some(range) = &self.diff {
            return Some((format!("diff {range}"), Box::new(|repo| ranges::diff(repo, range))));
        }
        if let Some(revision) = &self.since {
            return Some((format!("since {revision}"), Box::new(|repo| ranges::since(repo, revision))));
        }
        if self.pre_push {
            let select = |repo: &Repo| ranges::pre_push(repo, &self.told()?, self.remote.as_deref());
            return Some(("pre-push".to_owned(), Box::new(select)));
        }
        let select = |repo: &Repo| ranges::pre_receive(repo, &self.told()?);
        self.pre_receive.then(|| ("pre-receive".to_owned(), Box::new(select) as Box<Select<'_>>))
    }

    /// A hook's lines.
    #[cfg(feature = "git")]
    fn told(&self) -> Result<String> {
        match &self.told {
            Some(lines) => Ok(lines.clone()),
            None => std::io::read_to_string(std::io::stdin())
                .map_err(|source| crate::Error::Io { path: "standard input".into(), source }),
        }
    }
}

/// Finds the commits of a range in a repository.
#[cfg(feature = "git")]
type Select<'s> = dyn Fn(&Repo) -> Result<ranges::Selection> + 's;

/// A whole number of megabytes, at least one: a walk that may hold nothing would read every base anew for each delta.
#[cfg(feature = "git")]
pub(super) fn megabytes(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("a walk needs memory: the least is 1 megabyte".to_owned()),
        Ok(megabytes) => Ok(megabytes),
        Err(_) => Err(format!("`{text}` must be a whole number of megabytes, like 256")),
    }
}
