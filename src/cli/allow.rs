//! `keysweep allow`: accept one finding, with a reason, an owner and a day on which it counts again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::baseline::write_file;
use super::gather::{WhatArguments, print, tell};
use super::policy::PolicyArguments;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::filter::config::build::Plan;
use crate::filter::config::discover;
use crate::filter::ignore_file::{IgnoreFile, NAME, render};
use crate::filter::{Trust, date};
use crate::finding::identity::is_identity;

/// Head of a new ignore file.
const HEAD: &str = "# Accepted findings: a fingerprint per line, with reason, owner and the day until which it counts.\n\
                    # `keysweep allow` adds lines; `keysweep explain FINGERPRINT` tells what one is about.\n";

/// Arguments of `keysweep allow`.
#[derive(Debug, clap::Args)]
pub struct AllowArguments {
    /// A fingerprint or secret id from a report, or FILE:LINE
    #[arg(value_name = "FINGERPRINT|FILE:LINE", required = true)]
    pub what: Vec<String>,
    /// Why this is no problem
    #[arg(long)]
    pub reason: String,
    /// Who answers for it
    #[arg(long)]
    pub owner: Option<String>,
    /// The last day it is accepted
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = |text: &str| date(text).map(|()| text.to_owned()))]
    pub expires: Option<String>,
    /// What counts.
    #[command(flatten)]
    pub policy: PolicyArguments,
}

/// Runs the command.
///
/// # Errors
/// When nothing is found at the place, or the file cannot be written.
pub fn run(arguments: &AllowArguments) -> Result<u8> {
    if arguments.reason.trim().is_empty() {
        return Err(Error::Usage("--reason is empty: say why this is no problem".to_owned()));
    }
    let places = discover::discover(Path::new("."));
    let path = arguments.policy.ignore_file.first().cloned().unwrap_or_else(|| places.root.join(NAME));
    let shown = discover::shown(&path);
    let (mut text, known) = match discover::read(&path) {
        Ok(text) => {
            let known = IgnoreFile::parse(&text, &shown, Trust::Repository)?;
            (text, known)
        }
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            (HEAD.to_owned(), IgnoreFile::default())
        }
        Err(error) => return Err(error),
    };
    let policy = PolicyArguments { ignore_file: Vec::new(), ..arguments.policy.clone() };
    let mut said = String::new();
    for what in &arguments.what {
        let ids =
            if is_identity(what) { vec![(what.clone(), String::new())] } else { at_place(what, &policy, &mut said)? };
        for (id, about) in ids {
            if known.get(&id).is_some() {
                // A new line for the same finding takes the old one's place.
                text = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with(&id))
                    .map(|line| format!("{line}\n"))
                    .collect();
            }
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            let (owner, expires) = (arguments.owner.as_deref(), arguments.expires.as_deref());
            text.push_str(&render(&id, Some(arguments.reason.trim()), owner, expires));
            text.push('\n');
            said.push_str(&format!("{shown}: {id} is accepted{about}\n"));
        }
    }
    write_file(&path, &text)?;
    print(&said)?;
    Ok(0)
}

/// Fingerprints of the open findings on a line.
fn at_place(what: &str, policy: &PolicyArguments, said: &mut String) -> Result<Vec<(String, String)>> {
    let (file, line) = place(what).ok_or_else(|| {
        Error::Usage(format!("`{what}` is neither a fingerprint (`v1:` and 32 hex digits) nor FILE:LINE"))
    })?;
    let Plan { rules, filter, .. } = policy.plan(&file)?;
    let engine = Engine::new(rules)?;
    let scan = WhatArguments { targets: vec![file], no_ignore: true, ..WhatArguments::default() };
    let result = scan.result(&engine, &filter)?;
    if result.has_gap() {
        tell(&result.notices);
    }
    let found: Vec<_> = result
        .open()
        .filter(|finding| (finding.position.start_line..=finding.position.end_line).contains(&line))
        .map(|finding| (finding.fingerprint.clone(), format!(" ({} at {what})", finding.rule)))
        .collect();
    if found.is_empty() {
        return Err(Error::Usage(format!("nothing is reported at {what}: `keysweep explain {what}` tells why")));
    }
    if result.key_id == "public-default" && said.is_empty() {
        said.push_str(
            "Note: fingerprints are made with the public default key; `keysweep init` gives this repository its own salt\n",
        );
    }
    Ok(found)
}

/// `FILE:LINE` (or `FILE:LINE:COLUMN`) as a path and a line.
pub(super) fn place(text: &str) -> Option<(PathBuf, u32)> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|&line| line > 0);
    let (file, last) = text.rsplit_once(':')?;
    let last = number(last)?;
    if let Some((inner, line)) = file.rsplit_once(':')
        && let Some(line) = number(line)
        && !Path::new(file).exists()
    {
        return Some((inner.into(), line));
    }
    (!file.is_empty()).then(|| (file.into(), last))
}
