//! `--show-dropped`: the candidates that are no findings, and why, on standard error.
//!
//! What the engine drops it only knows while it looks, so the files are scanned once more, this time writing that down;
//! what the policy drops comes from the findings before they are decided on.

use std::sync::{Mutex, PoisonError};

use super::gather::WhatArguments;
use super::scan::{FilesAsked, file_options};
use crate::engine::{Engine, Scanner};
use crate::error::{Notice, Result};
use crate::filter::{Decision, Filter};
use crate::finding::Coverage;
use crate::finding::position::Locator;
use crate::source::encoding::decode;
use crate::source::{Item, Visitor, files};

/// Most lines that are shown.
const MOST: usize = 100_000;

/// Path, line, rule and reason.
type Dropped = (String, u32, String, String);

/// Scans the files of `what` and tells what was dropped.
///
/// # Errors
/// When the scan cannot begin.
pub(super) fn show(what: &WhatArguments, engine: &Engine, filter: &Filter) -> Result<()> {
    let mut all = by_policy(what, engine, filter)?;
    all.append(&mut by_engine(what, engine, filter)?);
    all.sort();
    all.dedup();
    let more = all.len().saturating_sub(MOST);
    for (path, line, rule, why) in all.iter().take(MOST) {
        anstream::eprintln!("dropped {path}:{line} {rule}: {why}");
    }
    match (all.len(), more) {
        (0, _) => anstream::eprintln!("no candidate was dropped"),
        (_, 0) => {}
        _ => anstream::eprintln!("and {more} more"),
    }
    Ok(())
}

/// Findings that the policy does not keep.
fn by_policy(what: &WhatArguments, engine: &Engine, filter: &Filter) -> Result<Vec<Dropped>> {
    let (_, findings) = what.run(engine, filter, false)?;
    let dropped = findings.into_iter().filter_map(|mut finding| {
        let (decision, mut steps) = filter.explain(&mut finding);
        let why = steps.pop().filter(|_| decision == Decision::Drop)?;
        let why = why.strip_prefix("dropped: ").map(str::to_owned).unwrap_or(why);
        let why = format!("{why} (it has {})", finding.confidence);
        Some((finding.origin.path, finding.position.start_line, finding.rule, why))
    });
    Ok(dropped.collect())
}

/// Candidates that the engine drops.
fn by_engine(what: &WhatArguments, engine: &Engine, filter: &Filter) -> Result<Vec<Dropped>> {
    let excluded = |path: &str| filter.excludes_on_disk(path);
    let asked = FilesAsked { targets: &what.targets, no_ignore: what.no_ignore, ..FilesAsked::default() };
    let options = file_options(&asked, filter, &excluded)?;
    let found = Mutex::default();
    files::scan(&options, &|| {
        let mut scanner = engine.scanner();
        scanner.dropped = Some(Vec::new());
        Box::new(Worker { engine, scanner, found: &found, coverage: Coverage::default() })
    });
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Notes what the scanner drops.
struct Worker<'w> {
    engine: &'w Engine,
    scanner: Scanner<'w>,
    found: &'w Mutex<Vec<Dropped>>,
    coverage: Coverage,
}

impl Visitor for Worker<'_> {
    fn item(&mut self, item: Item<'_>) {
        let decoded = decode(item.bytes);
        self.scanner.scan(&decoded.text);
        let Some(dropped) = self.scanner.dropped.replace(Vec::new()).filter(|dropped| !dropped.is_empty()) else {
            return;
        };
        let mut locator = Locator::new(&decoded.text);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST.saturating_sub(found.len());
        found.extend(dropped.into_iter().take(room).map(|dropped| {
            let line = locator.position(dropped.span).start_line;
            (item.origin.path.clone(), line, self.engine.rule(dropped.rule).id.to_string(), dropped.why)
        }));
    }

    /// The scan itself has told it.
    fn notice(&mut self, _: Notice) {}

    fn coverage(&mut self) -> &mut Coverage {
        &mut self.coverage
    }
}
