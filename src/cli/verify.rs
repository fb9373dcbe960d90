//! `keysweep verify`: asks the issuers of the policy whether what leaked lives, and whose it is. Changes nothing.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::config::PlainFormat;
use super::gather::print;
use super::rotate::{LeakArguments, gather, policy};
use crate::clock;
use crate::error::Result;
use crate::report::escape::visible;
use crate::rotate::plan::{Plan, Wishes};
use crate::rotate::types::Binding;

/// Arguments of `keysweep verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArguments {
    /// Which secrets.
    #[command(flatten)]
    pub leaks: LeakArguments,
    /// Form of what is printed
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
}

/// Asks. 0 when all that could be asked about is dead, 1 when something lives, 2 when something is unknown.
///
/// # Errors
/// When the policy, the scan or an admin credential is unusable.
pub fn run(arguments: &VerifyArguments) -> Result<u8> {
    let rotation = policy(arguments.leaks.policy.policy.as_ref())?;
    let leaks = gather(&arguments.leaks)?;
    let plan = Plan::make(&rotation, &leaks.leaks, &Wishes::default(), &leaks.key_id, "")?;
    let (mut text, mut list, mut status) = (String::new(), Vec::new(), if leaks.gap { 2 } else { 0 });
    for item in &plan.entries {
        let identity = item.identity.as_ref();
        // What was never known there is not dead: it may live elsewhere.
        let told = identity.filter(|known| known.binding != Binding::Ambiguous || known.liveness != "dead");
        let liveness = told.map_or("unknown", |identity| identity.liveness.as_str());
        let owner = identity.map_or("", |identity| identity.owner.as_str());
        let why = if identity.is_none() { item.refused.clone().unwrap_or_default() } else { String::new() };
        let _ = writeln!(text, "{liveness:8} {}  {}  {}", item.rule, item.redacted, visible(&format!("{owner}{why}")));
        status = status.max(match liveness {
            "dead" => 0,
            "live" => 1,
            _ => 2,
        });
        list.push(serde_json::json!({
            "secret_id": item.secret_id, "rule": item.rule, "redacted": item.redacted, "liveness": liveness,
            "owner": owner, "message": why, "facts": identity.map(|identity| &identity.facts),
        }));
    }
    match arguments.format {
        PlainFormat::Json => {
            let at = clock::rfc3339(clock::epoch_seconds(SystemTime::now()));
            let json = serde_json::json!({ "schema": 1, "key_id": plan.key_id, "at": at, "secrets": list });
            print(&format!("{json:#}\n"))?;
        }
        PlainFormat::Text if list.is_empty() => print("Nothing to ask about.\n")?,
        PlainFormat::Text => print(&text)?,
    }
    Ok(status)
}
