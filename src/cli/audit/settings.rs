//! What counted when something was scanned, as a digest: under other settings everything is scanned anew.
//!
//! Ignore files are not part of it: the state knows the fingerprints, so each run asks today's files again.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::cli::policy::PolicyArguments;
use crate::filter::Filter;
use crate::filter::config::{OPERATOR_ONLY, Settings};
use crate::finding::identity::hex;

/// The digest of what decides on findings, beside the rules.
pub(super) fn digest(arguments: &PolicyArguments, settings: &Settings, filter: &Filter) -> String {
    let mut text = format!(
        "{} {} {} {:?} {:?} {:?} {:?}",
        filter.min_confidence,
        filter.score_paths,
        filter.inline,
        filter.max_size,
        filter.severity,
        filter.policy,
        arguments.exclude
    );
    let mut disabled: Vec<&String> = filter.disabled.keys().collect();
    disabled.sort();
    let _ = write!(text, " {disabled:?}");
    let variable = |name: &str| std::env::var_os(name).map(std::path::PathBuf::from);
    let named = [variable("KEYSWEEP_CONFIG"), variable("KEYSWEEP_POLICY"), variable("GITLEAKS_CONFIG")];
    let files: Vec<&Path> = [&arguments.config, &arguments.policy, &settings.places.config, &settings.places.gitleaks]
        .into_iter()
        .chain(&named)
        .flatten()
        .map(AsRef::as_ref)
        .chain(settings.all(|layer| &layer.baselines).map(|setting| setting.value.as_path()))
        .collect();
    for path in files {
        let bytes = without_operator_only(std::fs::read(path).unwrap_or_default());
        let _ = write!(text, " {}", hex(&Sha256::digest(&bytes)));
    }
    let excludes = std::env::var_os("KEYSWEEP_EXCLUDE").unwrap_or_default();
    let _ = write!(text, " {excludes:?}");
    hex(&Sha256::digest(text.as_bytes())[..8])
}

/// A configuration without what decides on no finding (whom to tell, what may be rotated), so that a change there scans
/// nothing anew.
fn without_operator_only(bytes: Vec<u8>) -> Vec<u8> {
    let table = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<toml::Table>().ok());
    match table {
        Some(mut table) if OPERATOR_ONLY.iter().any(|name| table.contains_key(*name)) => {
            OPERATOR_ONLY.iter().for_each(|name| drop(table.remove(*name)));
            table.to_string().into_bytes()
        }
        _ => bytes,
    }
}
