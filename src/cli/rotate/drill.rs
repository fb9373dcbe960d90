//! `rotate drill`: the exercise, against the stand-in that is built in or a canary of the operator's.

use std::fmt::Write as _;

use super::{due, places, policy, signing_key, user_folder};
use crate::cli::config::PlainFormat;
use crate::cli::gather::print;
use crate::cli::policy::PolicyArguments;
use crate::clock;
use crate::error::{Error, Result};
use crate::filter::config::build::Plan as ScanPlan;
use crate::rotate::drill::canary::{self, Canary};
use crate::rotate::drill::{self, Scenario};
use crate::rotate::escrow::Material;
use crate::rotate::files;

/// Arguments of `rotate drill`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("against").required(true).args(["stand_in", "canary"]))]
pub struct DrillArguments {
    /// Against the stand-in that is built in: no account, no network
    #[arg(long)]
    pub stand_in: bool,
    /// Against this credential of the policy, which says `canary = true`: it is turned once per fault
    #[arg(long, value_name = "NAME")]
    pub canary: Option<String>,
    /// Form of what is printed
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
    /// Policy with a rotation section [default: rotation.toml in the user's config folder]
    #[arg(long, value_name = "FILE", conflicts_with = "stand_in")]
    pub policy: Option<std::path::PathBuf>,
}

/// Runs every scenario. 0 when every law held, else 2.
///
/// # Errors
/// When the disk says no, or the canary may not be turned.
pub(super) fn run(arguments: &DrillArguments) -> Result<u8> {
    let (scenarios, log) = match &arguments.canary {
        Some(name) => against_canary(name, arguments)?,
        None => (against_stand_in()?, user_folder("XDG_STATE_HOME", ".local/state")?.join("rotate")),
    };
    if arguments.format == PlainFormat::Text {
        scenarios.iter().try_for_each(|scenario| print(&line(scenario)))?;
    }
    let held = scenarios.iter().all(|scenario| scenario.broken.is_empty());
    let slowest = scenarios.iter().filter_map(|scenario| scenario.time_to_dead_ms).max().unwrap_or(0);
    let log = log.join("drills.jsonl");
    let provider = scenarios.first().map_or("", |scenario| scenario.provider.as_str());
    // The line for the audit trail: one per drill, beside the runs.
    let entry = serde_json::json!({
        "schema": 1, "time": clock::rfc3339(clock::epoch_seconds(std::time::SystemTime::now())), "provider": provider, "held": held,
        "scenarios": scenarios.len(), "slowest_ms": slowest,
    });
    files::append_private(&log, format!("{entry}\n").as_bytes())?;
    match arguments.format {
        PlainFormat::Json => {
            let json = serde_json::json!({ "schema": 1, "held": held, "slowest_ms": slowest, "scenarios": scenarios });
            print(&format!("{json:#}\n"))?;
        }
        PlainFormat::Text => {
            let verdict = if held { "every law held" } else { "LAWS WERE BROKEN" };
            print(&format!(
                "rotation drill: {} scenarios, {verdict}, slowest to dead {slowest} ms; noted in {}\n",
                scenarios.len(),
                log.display()
            ))?;
        }
    }
    Ok(if held { 0 } else { 2 })
}

fn against_stand_in() -> Result<Vec<Scenario>> {
    let base = user_folder("XDG_STATE_HOME", ".local/state")?.join("drill");
    // They share nothing and mostly wait: all at once.
    let results: Vec<Result<Scenario>> = std::thread::scope(|scope| {
        let base = &base;
        let run = |(at, (strategy, fault))| {
            scope.spawn(move || {
                let folder = base.join(format!("{}-{at}", std::process::id()));
                files::private_folder(&folder)?;
                let scenario = drill::run(strategy, fault, &folder);
                std::fs::remove_dir_all(&folder).map_err(|source| Error::Io { path: folder, source })?;
                scenario
            })
        };
        let threads: Vec<_> = drill::scenarios().into_iter().enumerate().map(run).collect();
        let died = |_| Err(Error::Usage("a scenario died".to_owned()));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(died)).collect()
    });
    results.into_iter().collect()
}

/// One after the other: each turns what the last one left.
fn against_canary(name: &str, arguments: &DrillArguments) -> Result<(Vec<Scenario>, std::path::PathBuf)> {
    let rotation = policy(arguments.policy.as_ref())?;
    let aging = rotation.credentials.iter().find(|aging| aging.name == name);
    let aging = aging.ok_or_else(|| {
        let known: Vec<&str> = rotation.credentials.iter().filter(|a| a.canary).map(|a| a.name.as_str()).collect();
        Error::Usage(format!("the policy has no credential `{name}`; its canaries: {}", known.join(", ")))
    })?;
    let places = places(&rotation)?;
    let scan = PolicyArguments { policy: arguments.policy.clone(), ..PolicyArguments::default() };
    let ScanPlan { filter, .. } = scan.plan(".".as_ref())?;
    let ids = filter.keys.first().ok_or_else(|| Error::Usage("there is no fingerprint key".to_owned()))?;
    let key = signing_key(&places)?;
    let key_id = filter.key_id();
    let canary = Canary { policy: &rotation, places: &places, aging, key: &key, key_id: &key_id };
    let plan = |material: &Material| {
        let value = material.get("value").cloned().unwrap_or_else(|| crate::secret::Secret::new(b""));
        canary.plan(due::leak(aging, ids.secret_id(&aging.rule, &value), material.clone()))
    };
    let value = aging.value.read(&rotation.folder)?;
    let parts = aging.parts.iter();
    let mut material =
        parts.fold(Material::of(value.expose()), |material, (name, part)| material.with(name, part.as_bytes()));
    let course = plan(&material)?.entries.into_iter().find_map(|item| item.course);
    let mut scenarios = Vec::new();
    for fault in course.as_ref().map(canary::faults).unwrap_or_default() {
        anstream::eprintln!("keysweep: {} of {name}", drill::words(fault));
        let (scenario, kept) = canary.run(&plan(&material)?, fault, material.clone())?;
        scenarios.push(scenario);
        // Nobody knows what lives: more would only make it worse.
        let Some(kept) = kept else { break };
        material = kept;
    }
    if let Some(id) = material.text("id").filter(|id| aging.parts.get("id").is_some_and(|known| known != id)) {
        anstream::eprintln!("keysweep: the canary's id is {id} now: write it into the policy's `parts`");
    }
    Ok((scenarios, places.state.clone()))
}

fn line(scenario: &Scenario) -> String {
    let mut text = String::new();
    let dead = scenario.time_to_dead_ms.map_or_else(|| "-".to_owned(), |time| format!("{time} ms"));
    let Scenario { provider, strategy, fault, end, .. } = scenario;
    let _ = writeln!(text, "{provider:12} {strategy:12} {fault:28} {end:12} dead after {dead}");
    for law in &scenario.broken {
        let _ = writeln!(text, "  BROKEN {law}");
    }
    text
}
