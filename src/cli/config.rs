//! `keysweep config`: every effective setting and where it came from, or all that could be set.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::gather::{print, tell};
use super::policy::PolicyArguments;
use crate::error::Result;
use crate::filter::config::explain::{Row, rows};
use crate::filter::config::{OPTIONS, TABLES};

/// Arguments of `keysweep config`.
#[derive(Debug, clap::Args)]
pub struct ConfigArguments {
    /// The file or folder whose settings are asked for
    #[arg(default_value = ".")]
    pub target: PathBuf,
    /// Print every effective setting and where it came from (else: all that can be set, as a keysweep.toml)
    #[arg(long)]
    pub explain: bool,
    /// Form of the explanation
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
    /// What counts.
    #[command(flatten)]
    pub policy: PolicyArguments,
}

/// The forms of commands that print a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PlainFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Runs the command.
///
/// # Errors
/// When a configuration is unusable.
pub fn run(arguments: &ConfigArguments) -> Result<u8> {
    if !arguments.explain {
        print(&reference(None))?;
        return Ok(0);
    }
    let plan = arguments.policy.plan(&arguments.target)?;
    let rows = rows(&plan);
    match arguments.format {
        PlainFormat::Json => {
            let json = serde_json::json!({ "schema": 1, "settings": rows, "notices": plan.filter.notices });
            print(&format!("{json:#}\n"))?;
        }
        PlainFormat::Text => {
            print(&table(&rows))?;
            tell(&plan.filter.notices);
        }
    }
    Ok(0)
}

fn table(rows: &[Row]) -> String {
    let width = |get: fn(&Row) -> &str| rows.iter().map(|row| get(row).chars().count()).max().unwrap_or(0).min(48);
    let (keys, values) = (width(|row| &row.key), width(|row| &row.value));
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "{:keys$}  {:values$}  {}", row.key, row.value, row.source);
    }
    text
}

/// A `keysweep.toml` with every option at its default, commented out; with a salt when one is given.
pub fn reference(salt: Option<&str>) -> String {
    let mut text = String::from("# Settings of keysweep. `keysweep config --explain` prints what holds and why.\n\n");
    for option in OPTIONS {
        let default = match option.default {
            "none" => "\"\"".to_owned(),
            word if word.starts_with(|c: char| c.is_ascii_lowercase()) && !matches!(word, "true" | "false") => {
                format!("\"{word}\"")
            }
            other => other.to_owned(),
        };
        let _ = writeln!(text, "# {}.\n# {} = {default}\n", option.doc, option.key);
    }
    if let Some(salt) = salt {
        let _ = writeln!(
            text,
            "# Fingerprints are keyed hashes: the salt keeps them the same for the whole team, and of no use to others\n\
             # who cannot read this repository.\n[fingerprint]\nsalt = \"{salt}\"\n"
        );
    }
    for (name, doc) in TABLES.iter().filter(|(name, _)| *name != "policy" && (*name != "fingerprint" || salt.is_none()))
    {
        let head = if matches!(*name, "allowlists" | "rules") { format!("[[{name}]]") } else { format!("[{name}]") };
        let _ = writeln!(text, "# {doc}.\n# {head}\n");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
