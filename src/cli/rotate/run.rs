//! `rotate apply`, `resume` and `rollback`.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::source::{Given, Source};
use super::{PolicyFile, places, policy, signing_key, source, status};
use crate::cli::gather::print;
use crate::cli::policy::PolicyArguments;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::filter::config::build::Plan as ScanPlan;
use crate::report::escape::visible;
use crate::rotate::evidence::{Evidence, state_word};
use crate::rotate::execute::{Places, Run, see};
use crate::rotate::files;
use crate::rotate::plan::Plan;
use crate::rotate::run::{End, Next};

/// Arguments of `rotate apply`.
#[derive(Debug, clap::Args)]
pub struct ApplyArguments {
    /// The plan
    pub plan: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Read the secret from standard input, as it was when the plan was made
    #[arg(long)]
    pub secret_stdin: bool,
    /// Another part of it, not secret: `user=app`; may be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "secret_stdin")]
    pub part: Vec<String>,
    /// What counts where the secret is read again.
    #[command(flatten)]
    pub scan: PolicyArguments,
}

/// Arguments of `rotate resume`.
#[derive(Debug, clap::Args)]
pub struct ResumeArguments {
    /// The run
    pub run: String,
    /// This destination may keep the old value; may be given several times
    #[arg(long, value_name = "NAME")]
    pub accept_missing: Vec<String>,
    /// What was to be done by hand is done
    #[arg(long)]
    pub done: bool,
    /// Go forward again after a rollback was begun
    #[arg(long)]
    pub forward: bool,
    /// Which policy holds.
    #[command(flatten)]
    pub policy: PolicyFile,
}

/// Arguments of `rotate rollback`.
#[derive(Debug, clap::Args)]
pub struct RollbackArguments {
    /// The run
    pub run: String,
    /// Which policy holds.
    #[command(flatten)]
    pub policy: PolicyFile,
}

/// Carries a plan out.
///
/// # Errors
/// When the plan does not hold, or a run cannot begin.
pub(super) fn apply(arguments: &ApplyArguments) -> Result<u8> {
    let rotation = policy(arguments.scan.policy.as_ref())?;
    let plan = Plan::parse(&files::read(&arguments.plan, 64 << 20)?)?;
    plan.check(&rotation)?;
    let ScanPlan { rules, filter, .. } = arguments.scan.plan(".".as_ref())?;
    if filter.key_id() != plan.key_id {
        return Err(Error::Usage(format!(
            "the plan's secret ids are made with key `{}`, ours with `{}`: use the same configuration",
            plan.key_id,
            filter.key_id()
        )));
    }
    let engine = Engine::new(rules)?;
    let given = if arguments.secret_stdin { vec![given(&plan, &filter, &arguments.part)?] } else { Vec::new() };
    let source = Source { engine: &engine, filter: &filter, given };
    if !arguments.yes {
        confirm(&plan)?;
    }
    let places = places(&rotation)?;
    let mut worst = 0;
    for item in &plan.entries {
        if let Some(why) = &item.refused {
            anstream::eprintln!("keysweep: {}: {why}", item.redacted);
            worst = worst.max(2);
            continue;
        }
        let run = Run::begin(&places, &rotation, item, &plan.digest, &source, &say);
        worst = worst.max(match run.and_then(|run| finish(run, &places, &plan.key_id)) {
            Ok(status) => status,
            Err(error) => {
                anstream::eprintln!("keysweep: {}: {error}", item.redacted);
                2
            }
        });
    }
    Ok(worst)
}

fn given(plan: &Plan, filter: &Filter, parts: &[String]) -> Result<Given> {
    let secret = source::from_stdin()?;
    let key = filter.keys.first().ok_or_else(|| Error::Usage("there is no fingerprint key".to_owned()))?;
    let mut ids = plan.entries.iter().map(|item| (key.secret_id(&item.rule, &secret), item));
    let found = ids.find(|(id, item)| *id == item.secret_id);
    let (secret_id, _) = found.ok_or_else(|| Error::Usage("the plan is about another secret".to_owned()))?;
    let mut material = crate::rotate::escrow::Material::of(secret.expose());
    for part in parts {
        let (name, value) =
            part.split_once('=').ok_or_else(|| Error::Usage(format!("--part {part}: it must be NAME=VALUE")))?;
        material = material.with(name, value.as_bytes());
    }
    Ok(Given { secret_id, material })
}

fn confirm(plan: &Plan) -> Result<()> {
    let count = plan.entries.iter().filter(|item| item.refused.is_none()).count();
    if !std::io::stdin().is_terminal() {
        return Err(Error::Usage("nobody is there to ask: give --yes".to_owned()));
    }
    anstream::eprint!("keysweep: change {count} credentials as planned ({})? Type yes: ", &plan.digest[..16]);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|source| Error::Io { path: "standard input".into(), source })?;
    if line.trim() == "yes" { Ok(()) } else { Err(Error::Usage("nothing was changed".to_owned())) }
}

fn say(line: &str) {
    // What an issuer says moves no cursor.
    anstream::eprintln!("  {}", visible(line));
}

/// Drives a run to where it stops, and says how it stands.
fn finish(mut run: Run<'_>, places: &Places, key_id: &str) -> Result<u8> {
    anstream::eprintln!("keysweep: run {}", run.name);
    let end = run.drive()?;
    let (name, folder) = (run.name.clone(), run.folder().to_owned());
    drop(run);
    let seen = see(places, &name)?;
    let key = signing_key(places)?;
    let evidence = Evidence::of(&name, &seen, &seen.head.clone(), key_id, &key)?;
    let json = serde_json::to_string_pretty(&evidence).map_err(|error| Error::Usage(error.to_string()))?;
    files::write_private(&folder.join("evidence.json"), format!("{json}\n").as_bytes())?;
    let advice = match end {
        End::Proven => format!("proven dead; evidence: {}", folder.join("evidence.json").display()),
        End::RolledBack => "rolled back: all is as it was".to_owned(),
        End::Refused(_) => "refused; nothing was changed".to_owned(),
        End::Lost => {
            "LOST: the old one is dead and the new value never arrived. Make a new one by hand, now".to_owned()
        }
        End::ByHand => format!("waits for a person; then: keysweep rotate resume {name} --done"),
        End::Failed(_) | End::Inconclusive(_) => {
            let back = match crate::rotate::run::why_not_back(&course(&seen.item)?, &seen.state) {
                None => format!(", or back: keysweep rotate rollback {name}"),
                Some(_) => String::new(),
            };
            format!("not over; go on: keysweep rotate resume {name}{back}")
        }
    };
    print(&format!("{name}  {}  {}  {advice}\n", state_word(Next::End(end)), seen.item.redacted))?;
    Ok(end.exit_status())
}

fn course(item: &crate::rotate::plan::Item) -> Result<crate::rotate::run::Course> {
    item.course.clone().ok_or_else(|| Error::Usage("the run has no course".to_owned()))
}

/// Goes on with a run.
///
/// # Errors
/// When it cannot be opened, or another process works on it.
pub(super) fn resume(arguments: &ResumeArguments) -> Result<u8> {
    with_run(&arguments.policy, &arguments.run, |run| {
        for name in &arguments.accept_missing {
            run.accept(name)?;
        }
        if arguments.done {
            run.hand_done()?;
        }
        if arguments.forward { run.go_forward() } else { Ok(()) }
    })
}

/// Undoes a run.
///
/// # Errors
/// When there is no way back.
pub(super) fn rollback(arguments: &RollbackArguments) -> Result<u8> {
    with_run(&arguments.policy, &arguments.run, |run| run.go_back())
}

fn with_run(file: &PolicyFile, name: &str, prepare: impl FnOnce(&mut Run<'_>) -> Result<()>) -> Result<u8> {
    let rotation = policy(file.policy.as_ref())?;
    let places = places(&rotation)?;
    status::known(&places, name)?;
    let scan = PolicyArguments { policy: file.policy.clone(), ..PolicyArguments::default() };
    let ScanPlan { rules, filter, .. } = scan.plan(".".as_ref())?;
    let engine = Engine::new(rules)?;
    let key_id = filter.key_id();
    let source = Source { engine: &engine, filter: &filter, given: Vec::new() };
    let mut run = Run::resume(&places, &rotation, name, &source, &say)?;
    prepare(&mut run)?;
    finish(run, &places, &key_id)
}
