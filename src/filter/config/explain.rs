//! `keysweep config --explain`: every effective setting and where it came from.

use serde::Serialize;

use super::build::Plan;
use super::{Kind, Layer, OPTIONS, Opt, Setting, Source};
use crate::filter::Trust;
use crate::finding::identity::Key;

/// One line of the explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The option.
    pub key: String,
    /// Its value, as written in `keysweep.toml`.
    pub value: String,
    /// Where it was set.
    pub source: String,
    /// What it means.
    pub meaning: String,
}

/// Every setting that holds; lists have a row per entry.
pub fn rows(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for option in OPTIONS {
        let values = values(plan, option);
        if values.is_empty() {
            rows.push(row(option.key, option.default, "default", option.doc));
        }
        rows.extend(values.into_iter().map(|(value, source)| row(option.key, &value, &source, option.doc)));
    }
    for setting in plan.settings.all(|layer| &layer.severity) {
        let (rule, level) = &setting.value;
        rows.push(row(
            &format!("severity.{rule}"),
            &quoted(level.as_str()),
            &setting.source.to_string(),
            "Severity of a rule",
        ));
    }
    let key = plan.filter.keys.first().map_or("none", Key::id);
    let from = match key.split(':').next().unwrap_or("") {
        "organisation" => "environment or policy",
        "repository" => "the repository's config or baseline",
        _ => "default",
    };
    rows.push(row("fingerprint", &quoted(key), from, "The key of fingerprints"));
    for list in &plan.filter.allowlists {
        let text = list.description.clone().unwrap_or_else(|| "allowlist".to_owned());
        rows.push(row("allowlists", &quoted(&text), &list.source, "What is accepted"));
    }
    for accept in &plan.filter.accepts {
        rows.push(row("coverage.accept", &quoted(&accept.reason), &accept.source, "A known gap"));
    }
    for (name, file) in [
        ("configuration in use", &plan.settings.places.config),
        ("gitleaks configuration", &plan.settings.places.gitleaks),
    ] {
        if let Some(file) = file {
            rows.push(row(
                name,
                &quoted(&super::discover::shown(file)),
                "found upward from the target",
                "The repository's own",
            ));
        }
    }
    for file in &plan.filter.ignore_files {
        rows.push(row(
            "ignore file in use",
            &quoted(&file.name),
            &format!("{} entries", file.entries().len()),
            "Accepted fingerprints",
        ));
    }
    for baseline in &plan.filter.baselines {
        rows.push(row(
            "baseline in use",
            &quoted(&baseline.name),
            &format!("{} secrets", baseline.len()),
            "Accepted secrets",
        ));
    }
    for foreign in &plan.filter.foreign {
        rows.push(row(
            &format!("{} in use", foreign.by),
            &quoted(&foreign.name),
            "another scanner's",
            "Accepted findings",
        ));
    }
    rows.push(row("rules in use", &plan.rules.rules().len().to_string(), "built in and own", "How many rules run"));
    if let Some(policy) = plan.filter.policy {
        for (key, value) in [
            ("inline-allow", policy.inline_allow),
            ("repository-config", policy.repository_config),
            ("ignore-files", policy.ignore_files),
            ("baselines", policy.baselines),
        ] {
            rows.push(row(
                &format!("policy.{key}"),
                &value.to_string(),
                "--policy",
                "Whether the repository's own counts",
            ));
        }
        if let Some(most) = policy.max_severity {
            rows.push(row("policy.max-severity", &quoted(most.as_str()), "--policy", "Worst a repository may hide"));
        }
        for layer in plan.settings.layers.iter().filter(|layer| layer.trust == Trust::Repository) {
            for option in OPTIONS {
                for (value, source) in layer_values(layer, option) {
                    rows.push(row(
                        &format!("repository's {}", option.key),
                        &value,
                        &source,
                        "Counts as far as the policy says",
                    ));
                }
            }
        }
    }
    rows
}

fn row(key: &str, value: &str, source: &str, meaning: &str) -> Row {
    Row { key: key.to_owned(), value: value.to_owned(), source: source.to_owned(), meaning: meaning.to_owned() }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// The values of an option that hold.
fn values(plan: &Plan, option: &Opt) -> Vec<(String, String)> {
    let layers = plan.settings.layers.iter().filter(|layer| plan.settings.holds(layer));
    let mut values: Vec<_> = layers.flat_map(|layer| layer_values(layer, option)).collect();
    if !matches!(option.kind, Kind::List | Kind::Paths) && values.len() > 1 {
        values.drain(..values.len() - 1);
    }
    values
}

fn layer_values(layer: &Layer, option: &Opt) -> Vec<(String, String)> {
    fn one<T>(setting: &Option<Setting<T>>, show: impl Fn(&T) -> String) -> Vec<(String, String)> {
        setting.iter().map(|setting| (show(&setting.value), setting.source.to_string())).collect()
    }
    fn list<T>(settings: &[Setting<T>], show: impl Fn(&T) -> String) -> Vec<(String, String)> {
        settings.iter().map(|setting| (show(&setting.value), setting.source.to_string())).collect()
    }
    let path = |path: &std::path::PathBuf| quoted(&super::discover::shown(path));
    match option.key {
        "min-confidence" => one(&layer.min_confidence, u8::to_string),
        "fail-on" => one(&layer.fail_on, |level| quoted(level.as_str())),
        "max-size" => one(&layer.max_size, u64::to_string),
        "inline-allow" => one(&layer.inline_allow, bool::to_string),
        "score-paths" => one(&layer.score_paths, bool::to_string),
        "gitleaks-config" => one(&layer.gitleaks_config, path),
        "exclude" => list(&layer.exclude, |text| quoted(text)),
        "only-rules" => list(&layer.only_rules, |text| quoted(text)),
        "disabled-rules" => list(&layer.disabled_rules, |text| quoted(text)),
        "rule-files" => list(&layer.rule_files, path),
        "baseline" => list(&layer.baselines, path),
        "ignore-file" => list(&layer.ignore_files, path),
        _ => vec![(String::new(), Source::Default.to_string())],
    }
}
