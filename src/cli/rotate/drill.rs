//! `rotate drill`: the exercise.

use std::fmt::Write as _;

use crate::cli::config::PlainFormat;
use crate::cli::gather::print;
use crate::error::{Error, Result};
use crate::rotate::drill::{self, Scenario};
use crate::rotate::files;

/// Arguments of `rotate drill`.
#[derive(Debug, clap::Args)]
pub struct DrillArguments {
    /// Against the stand-in that is built in: no account, no network
    #[arg(long, required = true)]
    pub stand_in: bool,
    /// Form of what is printed
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
}

/// Runs every scenario. 0 when every law held, else 2.
///
/// # Errors
/// When the disk says no.
pub(super) fn run(arguments: &DrillArguments) -> Result<u8> {
    let base = super::user_folder("XDG_STATE_HOME", ".local/state")?.join("drill");
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
    let scenarios = results.into_iter().collect::<Result<Vec<Scenario>>>()?;
    if arguments.format == PlainFormat::Text {
        scenarios.iter().try_for_each(|scenario| print(&line(scenario)))?;
    }
    let held = scenarios.iter().all(|scenario| scenario.broken.is_empty());
    let slowest = scenarios.iter().filter_map(|scenario| scenario.time_to_dead_ms).max().unwrap_or(0);
    match arguments.format {
        PlainFormat::Json => {
            let json = serde_json::json!({ "schema": 1, "held": held, "slowest_ms": slowest, "scenarios": scenarios });
            print(&format!("{json:#}\n"))?;
        }
        PlainFormat::Text => {
            let verdict = if held { "every law held" } else { "LAWS WERE BROKEN" };
            print(&format!(
                "rotation drill: {} scenarios, {verdict}, slowest to dead {slowest} ms\n",
                scenarios.len()
            ))?;
        }
    }
    Ok(if held { 0 } else { 2 })
}

fn line(scenario: &Scenario) -> String {
    let mut text = String::new();
    let dead = scenario.time_to_dead_ms.map_or_else(|| "-".to_owned(), |time| format!("{time} ms"));
    let _ = writeln!(text, "{:12} {:28} {:12} dead after {dead}", scenario.strategy, scenario.fault, scenario.end);
    for law in &scenario.broken {
        let _ = writeln!(text, "  BROKEN {law}");
    }
    text
}
