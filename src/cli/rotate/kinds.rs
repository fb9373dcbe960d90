//! `rotate kinds`: the providers a policy may name, and how each is proven.

use std::fmt::Write as _;

use crate::cli::config::PlainFormat;
use crate::cli::gather::print;
use crate::error::{Error, Result};
use crate::rotate::providers::saas::data;

/// Arguments of `rotate kinds`.
#[derive(Debug, clap::Args)]
pub struct KindsArguments {
    /// Form of what is printed
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
}

/// Lists them.
///
/// # Errors
/// When the built-in data is broken.
pub(super) fn run(arguments: &KindsArguments) -> Result<u8> {
    let kinds = data::kinds().map_err(Error::Usage)?;
    let (mut text, mut list) = (String::new(), Vec::new());
    for kind in kinds {
        let (strategy, proof) = (kind.strategy.as_str(), kind.proof.to_string());
        let _ = writeln!(text, "{:30} {:12} {:11} {}", kind.id, strategy, proof, kind.vendor);
        list.push(serde_json::json!({
            "provider": kind.id, "vendor": kind.vendor, "rules": kind.rules, "strategy": strategy, "proof": proof,
            "needs": kind.needs, "rights": kind.rights, "source": kind.source, "steps": kind.steps,
        }));
    }
    match arguments.format {
        PlainFormat::Json => print(&format!("{:#}\n", serde_json::json!({ "schema": 1, "kinds": list })))?,
        PlainFormat::Text => print(&text)?,
    }
    Ok(0)
}
