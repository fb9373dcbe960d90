//! One run of an audit: find the repositories, look at each, settle all accounts, report.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::alerts::Telling;
use super::conclude::{Ending, check_places, conclude, last_ended, not_before, now, seconds};
use super::log::Log;
use super::renames::Names;
use super::retention::Retention;
use super::scan::{Looked, Scanning, unopened};
use super::targets::{Target, Targets};
use super::{AuditArguments, MEMORY, Shard, key, mirror, settings};
use crate::audit::life::{Moment, Proofs, Verifications};
use crate::audit::record::{Allowed, Repository, Run};
use crate::audit::repositories;
use crate::audit::rules::RuleDigests;
use crate::audit::runs::{self, Untouched};
use crate::audit::settle::{self, Life};
use crate::audit::state::State;
use crate::engine::{Engine, GENERATION};
use crate::error::{Error, Notice, Result};
use crate::filter::Filter;
use crate::filter::config::build::Plan;
use crate::private;

/// Runs the audit; the exit status comes back.
///
/// # Errors
/// When it cannot begin, or the state or a report cannot be written.
pub(super) fn run(arguments: &AuditArguments, path: &Path) -> Result<u8> {
    check_places(&arguments.report, path)?;
    let telling = &Telling::new(arguments.policy.policy.as_deref(), arguments.alerts)?;
    let retention = Retention::read(arguments.policy.policy.as_deref())?;
    let Plan { rules, mut filter, fail_on, settings } = arguments.policy.plan(Path::new("."))?;
    let settings = settings::digest(&arguments.policy, &settings, &filter);
    key::first(&mut filter.keys)?;
    let digests = RuleDigests::of(&rules, &format!("{} {GENERATION}", env!("CARGO_PKG_VERSION")));
    let engine = Engine::new(rules)?;
    let key_id = filter.key_id();
    let mut notices = Vec::new();
    let (proofs, said) = proofs(arguments, &key_id, &mut notices)?;
    let began = now();
    let state = State::open_or_make(path, &key_id, &began)?;
    // The state is ours: so is the log.
    let logs: Vec<PathBuf> = telling.log_files().into_iter().chain(arguments.log.log_file.clone()).collect();
    let lines = retention.shorten_logs(&logs, seconds())?;
    let log = &Log::new(&arguments.log, filter.keys.first())?;
    let runs = runs::all(&state)?;
    let began = not_before(&runs, began, &mut notices);
    let after = last_ended(&runs);
    let shard = arguments.shard.map(Shard::name);
    let mut run = Run { number: state.about().next_run, began: began.clone(), shard, ..Run::default() };
    runs::write(&state, &run)?;
    let jobs = arguments
        .jobs
        .map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), |jobs| usize::from(jobs.get()));
    let memory = arguments.memory.map_or(MEMORY, |megabytes| megabytes.saturating_mul(1 << 20));
    let scanning = Scanning {
        state: &state,
        engine: &engine,
        filter: &filter,
        rules: &digests,
        settings: &settings,
        memory: memory / jobs as u64,
        moment: Moment { run: run.number, now: &began, today: began.get(..10).unwrap_or_default() },
        changed: Mutex::default(),
        log,
    };
    let mirrors = arguments.mirrors.clone().unwrap_or_else(|| path.with_extension("mirrors"));
    let targets = if arguments.targets.is_empty() { vec![PathBuf::from(".")] } else { arguments.targets.clone() };
    let mut targets = Targets::find(&targets, &mirrors);
    let known = repositories::all(&state)?;
    let lost = targets.name_lost(&known);
    let Targets { mut repositories, notices: mut missing, .. } = targets;
    // Where targets could not be found, an address may be one of them.
    let named = missing.is_empty().then(|| repositories.iter().map(|target| target.name.clone()).collect());
    let names = Names::new((&state, &began, &mirrors), &known, named.as_ref());
    if let Some(shard) = arguments.shard {
        repositories.retain(|target| shard.has(&target.name));
    }
    run.repositories = repositories.len() as u64 + missing.len() as u64;
    notices.append(&mut missing);
    log.begin(run.number, Some(run.repositories));
    if repositories.iter().any(|target| target.remote) {
        private::private_folder(&mirrors)?;
    }
    runs::touch(&state, &lost, &scanning.moment)?;
    look_at_all(&scanning, (&repositories, jobs), (known, names), &mut run, &mut notices)?;
    notices.sort();
    notices.dedup();
    let lives = settle::settle(&state, &|id| accepts(&filter, id), (&proofs, &said), &scanning.moment)?;
    let rotations = |past: &dyn Fn(&str) -> bool| rotations(arguments, &key_id, &lives, past);
    retention.enforce(&state, (lines, &rotations), (seconds(), log, &mut notices))?;
    let ending = Ending { report: &arguments.report, telling, log, fail_on, key_id: &key_id, runs: &runs, after };
    conclude(&state, &mut run, &lives, (&notices, &ending))
}

#[cfg(feature = "rotate")]
fn proofs(arguments: &AuditArguments, key_id: &str, notices: &mut Vec<Notice>) -> Result<(Proofs, Verifications)> {
    let said = super::proofs::verifications(&arguments.verified, key_id, notices)?;
    Ok((super::proofs::read(&arguments.evidence, arguments.signer.as_deref(), key_id, notices)?, said))
}

#[cfg(not(feature = "rotate"))]
fn proofs(_: &AuditArguments, _: &str, _: &mut Vec<Notice>) -> Result<(Proofs, Verifications)> {
    Ok(Default::default())
}

#[cfg(feature = "rotate")]
fn rotations(arguments: &AuditArguments, key_id: &str, lives: &[Life], past: &dyn Fn(&str) -> bool) -> Result<u64> {
    super::proofs::remove(&arguments.evidence, (arguments.signer.as_deref(), key_id), lives, past)
}

#[cfg(not(feature = "rotate"))]
fn rotations(_: &AuditArguments, _: &str, _: &[Life], _: &dyn Fn(&str) -> bool) -> Result<u64> {
    Ok(0)
}

/// What today's ignore files say of an identity.
fn accepts(filter: &Filter, id: &str) -> Option<Allowed> {
    let said = filter.ignore_files.iter().find_map(|file| file.check(id, &filter.today)?.ok())?;
    Some(Allowed { by: said.by.to_owned(), reason: said.reason, owner: said.owner, expires: said.expires })
}

/// Looks at all repositories, `jobs` at a time; what happened is told in their order.
fn look_at_all(
    scanning: &Scanning<'_>,
    (repositories, jobs): (&[Target], usize),
    (mut known, names): (BTreeMap<u32, Repository>, Names<'_>),
    run: &mut Run,
    notices: &mut Vec<Notice>,
) -> Result<()> {
    names.enter_all(&mut known, repositories)?;
    let known: HashMap<String, (u32, Repository)> =
        known.into_iter().map(|(number, record)| (record.name.clone(), (number, record))).collect();
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let worker = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(target) = repositories.get(at) else { break };
            let (number, looked) = look_at(scanning, target, known.get(&target.name), &names);
            match &looked {
                Ok(looked) => scanning.log.looked_at(&target.name, looked.new_objects, &looked.gaps),
                Err(error) => scanning.log.looked_at(&target.name, 0, &[unopened(&target.name, error.to_string())]),
            }
            results.lock().unwrap_or_else(PoisonError::into_inner).insert(at, (number, looked));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.min(repositories.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    let mut untouched: BTreeMap<u32, Untouched> = BTreeMap::new();
    for (at, (number, looked)) in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let nothing = match looked {
            Ok(Looked { untouched: nothing, stamp, new_objects, notices: mut more, gaps }) => {
                run.complete += u64::from(gaps.is_empty());
                run.new_objects += new_objects;
                notices.append(&mut more);
                nothing.then_some(Untouched { gaps, stamp: Some(stamp) })
            }
            // One broken repository of many: it is named, the others go on. The state itself is another matter.
            Err(error @ (Error::Git { .. } | Error::Io { .. })) => {
                let gap = unopened(&repositories[at].name, error.to_string());
                notices.push(gap.clone());
                Some(Untouched { gaps: vec![gap], stamp: None })
            }
            Err(error) => return Err(error),
        };
        untouched.extend(number.zip(nothing));
    }
    notices.append(&mut names.notices());
    runs::touch(scanning.state, &untouched, &scanning.moment)
}

/// Looks at one, fetched before where it is a mirror. A mirror that cannot be fetched is looked at as it is. The number of
/// its record comes back with what was found.
fn look_at(
    scanning: &Scanning<'_>,
    target: &Target,
    known: Option<&(u32, Repository)>,
    names: &Names<'_>,
) -> (Option<u32>, Result<Looked>) {
    let fetched = if target.remote { mirror::update(&target.name, &target.path) } else { Ok(()) };
    let stale = fetched.err().map(|said| unopened(&target.name, format!("it cannot be fetched: {said}")));
    if let Some(gap) = stale.as_ref().filter(|_| !target.path.exists()) {
        let looked =
            Looked { untouched: true, notices: vec![gap.clone()], gaps: vec![gap.clone()], ..Looked::default() };
        return (known.map(|known| known.0), Ok(looked));
    }
    match known.map_or_else(|| names.enter(target), |known| Ok(known.clone())) {
        Ok((number, record)) => (Some(number), scanning.look(&target.path, (number, &record), stale.as_ref())),
        Err(error) => (None, Err(error)),
    }
}
