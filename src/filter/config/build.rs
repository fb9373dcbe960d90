//! From settings to what a scan runs with: the rules and the filter.

use std::collections::HashMap;
use std::path::Path;

use super::discover::{self, Places};
use super::read::{self, Role};
use super::{Layer, MIN_CONFIDENCE, OPTIONS, Setting, Settings, Source, gitleaks, gitleaks_raw};
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::filter::baseline::Baseline;
use crate::filter::foreign::Foreign;
use crate::filter::ignore_file::IgnoreFile;
use crate::filter::pattern::Pattern;
use crate::filter::policy::RepositoryWishes;
use crate::filter::{Filter, Trust, exclude::Excludes, nearest_rules};
use crate::finding::Severity;
use crate::finding::identity::Key;
use crate::rules::{Rule, RuleSet, load};

/// What a scan runs with.
#[derive(Debug)]
pub struct Plan {
    /// The rules that run.
    pub rules: RuleSet,
    /// What is decided about their findings.
    pub filter: Filter,
    /// Least severity that makes the exit status 1.
    pub fail_on: Severity,
    /// Where the settings come from.
    pub settings: Settings,
}

/// The settings that hold for a target: its files, the environment, `flags` on top.
///
/// # Errors
/// When a file cannot be read or says what it must not.
pub fn settings(target: &Path, config: Option<&Path>, policy: Option<&Path>, flags: Layer) -> Result<Settings> {
    let places = discover::discover(target);
    let mut layers = Vec::new();
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let named = config.map(Path::to_owned).or_else(|| variable("KEYSWEEP_CONFIG").map(Into::into));
    let mut unread = None;
    if let Some(path) = &named {
        layers.extend(file(path, Trust::Operator)?);
    } else if let Some(path) = &places.config {
        layers.extend(file(path, Trust::Repository)?);
        unread =
            places.gitleaks.as_ref().filter(|_| layers.iter().all(|layer: &Layer| layer.gitleaks_config.is_none()));
    } else if let Some(path) = variable("GITLEAKS_CONFIG") {
        let path = Path::new(&path);
        layers.push(gitleaks::read(&discover::read(path)?, &discover::shown(path), folder(path), Trust::Operator)?);
    } else if let Some(text) = variable("GITLEAKS_CONFIG_TOML") {
        let text = text.to_string_lossy();
        layers.push(gitleaks::read(&text, "GITLEAKS_CONFIG_TOML", Path::new("."), Trust::Operator)?);
    } else if let Some(path) = &places.gitleaks {
        layers.push(gitleaks::read(&discover::read(path)?, &discover::shown(path), folder(path), Trust::Repository)?);
    }
    if let (Some(path), Some(layer)) = (unread, layers.first_mut()) {
        let message = "it is not read, because there is a keysweep.toml";
        let mend = "set `gitleaks-config = \".gitleaks.toml\"` there to use both";
        layer.notices.push(Notice::new(NoticeKind::Configuration, message).at(discover::shown(path)).mend(mend));
    }
    layers.push(environment()?);
    if let Some(path) = policy.map(Path::to_owned).or_else(|| variable("KEYSWEEP_POLICY").map(Into::into)) {
        let mut layer = read::read(&discover::read(&path)?, &discover::shown(&path), folder(&path), Role::Policy)?;
        layer.policy.get_or_insert_default();
        layers.push(layer);
    }
    layers.push(flags);
    Ok(Settings { layers, places })
}

/// A configuration file, with the gitleaks configuration it names.
fn file(path: &Path, trust: Trust) -> Result<Vec<Layer>> {
    let (text, shown) = (discover::read(path)?, discover::shown(path));
    let theirs = path.file_name().is_some_and(|name| name.to_string_lossy().contains("leaks.toml"));
    if theirs || gitleaks_raw::looks_like(&text) {
        return Ok(vec![gitleaks::read(&text, &shown, folder(path), trust)?]);
    }
    let layer = read::read(&text, &shown, folder(path), Role::Config(trust))?;
    let mut layers = Vec::new();
    if let Some(other) = &layer.gitleaks_config {
        let path = &other.value;
        layers.push(gitleaks::read(&discover::read(path)?, &discover::shown(path), folder(path), trust)?);
    }
    layers.push(layer);
    Ok(layers)
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// `KEYSWEEP_MIN_CONFIDENCE` and so on: every option has its variable; lists are separated by commas.
fn environment() -> Result<Layer> {
    let mut layer = Layer { trust: Trust::Operator, ..Layer::default() };
    for option in OPTIONS {
        let name = format!("KEYSWEEP_{}", option.key.to_ascii_uppercase().replace('-', "_"));
        let Some(value) = std::env::var_os(&name).filter(|value| !value.is_empty()) else { continue };
        let value = value.to_string_lossy();
        let source = Source::Environment(name.clone());
        let list = value.split(',').map(|item| Setting::new(item.trim().to_owned(), source.clone())).collect();
        read::set(&mut layer, option, &value, list, &source, None)
            .map_err(|message| Error::Usage(format!("{name}: {message}")))?;
    }
    Ok(layer)
}

/// Builds the plan.
///
/// # Errors
/// When a rule, key, baseline or ignore file cannot be used.
pub fn plan(mut settings: Settings) -> Result<Plan> {
    let policy = settings.policy();
    let wishes_count = policy.is_none_or(|policy| policy.repository_config);
    let mut filter = Filter { policy, ..Filter::default() };
    let rules = select_rules(&settings, wishes_count, &mut filter)?;
    filter.min_confidence = settings.last(|layer| layer.min_confidence.as_ref()).map_or(MIN_CONFIDENCE, |s| s.value);
    filter.inline = settings.last(|layer| layer.inline_allow.as_ref()).is_none_or(|s| s.value);
    filter.score_paths = settings.last(|layer| layer.score_paths.as_ref()).is_none_or(|s| s.value);
    for glob in settings.all(|layer| &layer.exclude) {
        exclude(&mut filter.exclude, glob)?;
    }
    if policy.is_some() {
        filter.repository = wishes(&settings)?;
    }
    for layer in settings.layers.iter().filter(|layer| layer.trust == Trust::Operator || wishes_count) {
        let overrides = layer.severity.iter().map(|setting| setting.value.clone());
        // Under a policy a repository may call its rules worse, not milder: `max-severity` holds.
        let milder =
            |(rule, severity): &(String, Severity)| rules.get(rule).is_some_and(|rule| *severity < rule.severity);
        let bound = policy.is_some() && layer.trust == Trust::Repository;
        filter.severity.extend(overrides.filter(|setting| !(bound && milder(setting))));
        filter.within_columns.extend(layer.within_columns.clone());
    }
    let fail_on = settings.last(|layer| layer.fail_on.as_ref()).map_or(Severity::Low, |s| s.value);
    filter.max_size = settings.last(|layer| layer.max_size.as_ref()).map(|s| s.value);
    accepted(&settings, &mut filter)?;
    filter.keys = keys(&settings, &filter)?;
    for layer in &mut settings.layers {
        filter.notices.append(&mut layer.notices);
        filter.allowlists.append(&mut layer.allowlists);
        if layer.trust == Trust::Operator || policy.is_none() {
            filter.accepts.append(&mut layer.accepts);
        }
    }
    filter.root = Some(settings.places.root.clone());
    filter.rules = rules.rules().iter().map(|rule| rule.id.to_string()).collect();
    filter.rule_paths = rules
        .rules()
        .iter()
        .filter_map(|rule| Some((rule.id.to_string(), Pattern::new(&rule.path.as_ref()?.regex).ok()?)))
        .collect();
    Ok(Plan { rules, filter, fail_on, settings })
}

/// Built-in rules and own ones.
fn select_rules(settings: &Settings, repository_counts: bool, filter: &mut Filter) -> Result<RuleSet> {
    let counts = |layer: &&Layer| layer.trust == Trust::Operator || repository_counts;
    // Under a policy a repository may add rules, never take away.
    let own_only = settings.layers.iter().any(|layer| layer.own_rules_only && settings.holds(layer));
    let mut rules = if own_only { RuleSet::from_rules(Vec::new()) } else { RuleSet::builtin() };
    let mut own: Vec<Rule> = Vec::new();
    for layer in settings.layers.iter().filter(counts) {
        let before = own.len();
        own.extend(layer.rules.iter().cloned());
        for path in &layer.rule_files {
            let shown = discover::shown(&path.value);
            own.extend(load::load(&discover::read(&path.value)?, &shown).map_err(|errors| Error::Config {
                file: shown.clone(),
                message: errors.iter().map(|error| error.within(&shown)).collect::<Vec<_>>().join("\n"),
            })?);
        }
        if settings.policy().is_some() && layer.trust == Trust::Repository {
            // A rule of the same name would take the built-in one's place and could see nothing.
            for rule in own.split_off(before) {
                if rules.get(&rule.id).is_some() {
                    let message =
                        format!("the repository's rule `{}` does not replace the built-in one under a policy", rule.id);
                    filter.notices.push(Notice::new(NoticeKind::Configuration, message));
                } else {
                    own.push(rule);
                }
            }
        }
    }
    if own_only {
        let count: usize =
            settings.layers.iter().filter(|layer| layer.own_rules_only).map(|layer| layer.rules.len()).sum();
        let run = match count {
            1 => "one rule of the gitleaks configuration runs".to_owned(),
            count => format!("{count} rules of the gitleaks configuration run"),
        };
        let message = format!("only the {run}, as it does not extend the defaults");
        filter.notices.push(
            Notice::new(NoticeKind::Configuration, message)
                .mend("add `[extend]` with `useDefault = true` to run the built-in rules as well"),
        );
    }
    if !own.is_empty() {
        rules.extend(own);
    }
    let only: Vec<&Setting<String>> = settings.all(|layer| &layer.only_rules).collect();
    let disabled: Vec<&Setting<String>> = settings.all(|layer| &layer.disabled_rules).collect();
    for setting in only.iter().chain(&disabled) {
        known(setting, &rules)?;
    }
    for setting in settings.all(|layer| &layer.severity).map(|s| Setting::new(s.value.0.clone(), s.source.clone())) {
        known(&setting, &rules)?;
    }
    // They run all the same: what they see must not come out as the finding of a more general rule.
    for rule in rules.rules() {
        if let Some(setting) = disabled.iter().find(|setting| names(&setting.value, &rule.id)) {
            filter.disabled.insert(rule.id.to_string(), setting.source.to_string());
        }
    }
    if !only.is_empty() {
        let wanted = |id: &str| only.iter().any(|setting| names(&setting.value, id));
        // Halves of a wanted credential stay, as halves.
        let halves: Vec<Rule> = rules
            .rules()
            .iter()
            .filter(|rule| wanted(&rule.id))
            .flat_map(|rule| rule.parts.iter())
            .filter(|part| !wanted(&part.rule))
            .filter_map(|part| Some(Rule { part_only: true, ..rules.get(&part.rule)?.clone() }))
            .collect();
        rules.retain(|rule| wanted(&rule.id));
        rules.extend(halves);
    }
    Ok(rules)
}

/// Whether `pattern` (an id, or the beginning of ids and `*`) names the rule `id`.
fn names(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |start| id.starts_with(start))
}

fn known(setting: &Setting<String>, rules: &RuleSet) -> Result<()> {
    if rules.rules().iter().any(|rule| names(&setting.value, &rule.id)) {
        return Ok(());
    }
    let near = nearest_rules(&setting.value, rules.rules().iter().map(|rule| rule.id.as_ref()));
    Err(Error::Usage(format!("{}: no rule is called `{}`{near}", setting.source, setting.value)))
}

fn exclude(excludes: &mut Excludes, glob: &Setting<String>) -> Result<()> {
    excludes
        .add(&glob.value, &glob.source.to_string())
        .map_err(|message| Error::Usage(format!("{}: `{}` is no glob: {message}", glob.source, glob.value)))
}

/// Under a policy: what the repository's config would leave out.
fn wishes(settings: &Settings) -> Result<RepositoryWishes> {
    let mut wishes = RepositoryWishes::default();
    for layer in settings.layers.iter().filter(|layer| layer.trust == Trust::Repository) {
        wishes.min_confidence = layer.min_confidence.as_ref().map(|setting| setting.value).or(wishes.min_confidence);
        wishes.disabled_rules.extend(layer.disabled_rules.iter().map(|setting| setting.value.clone()));
        wishes.only_rules.extend(layer.only_rules.iter().map(|setting| setting.value.clone()));
        for glob in &layer.exclude {
            exclude(&mut wishes.exclude, glob)?;
        }
    }
    Ok(wishes)
}

/// Ignore files and baselines: those that were named, else those of the usual names.
fn accepted(settings: &Settings, filter: &mut Filter) -> Result<()> {
    let Places { ignore_file, baseline, gitleaks_ignore, detect_secrets, .. } = &settings.places;
    let named = |get: fn(&Layer) -> &[Setting<std::path::PathBuf>]| -> Vec<(std::path::PathBuf, Trust)> {
        settings
            .layers
            .iter()
            .flat_map(|layer| get(layer).iter().map(|setting| (setting.value.clone(), layer.trust)))
            .collect()
    };
    let or_usual = |named: Vec<(std::path::PathBuf, Trust)>, usual: [&Option<std::path::PathBuf>; 2]| {
        if named.is_empty() {
            usual.into_iter().flatten().map(|path| (path.clone(), Trust::Repository)).collect()
        } else {
            named
        }
    };
    for (path, trust) in or_usual(named(|layer| &layer.ignore_files), [ignore_file, gitleaks_ignore]) {
        let (text, shown) = (discover::read(&path)?, discover::shown(&path));
        if path.file_name().is_some_and(|name| name == discover::GITLEAKS_IGNORE) {
            filter.foreign.push(Foreign::gitleaks_ignore(&text, &shown, trust));
        } else {
            filter.ignore_files.push(IgnoreFile::parse(&text, &shown, trust)?);
        }
    }
    for (path, trust) in or_usual(named(|layer| &layer.baselines), [baseline, detect_secrets]) {
        let (text, shown) = (discover::read(&path)?, discover::shown(&path));
        // Ours has one object per line, each with a `key` or a `secret`; the others are one JSON document.
        let first =
            text.trim_start_matches('\u{feff}').lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
        let ours = first.is_empty()
            || first.starts_with("<<<<<<<")
            || serde_json::from_str::<serde_json::Value>(first)
                .is_ok_and(|value| value.get("keysweep-baseline").is_some() || value.get("rule").is_some());
        if ours {
            filter.baselines.push(Baseline::parse(&text, &shown, trust)?);
        } else {
            filter.foreign.push(Foreign::json(&text, &shown, trust)?);
        }
    }
    Ok(())
}

/// An organisation's own keys: that of the environment, that of a file (the one `in_policy` unless the environment names one).
///
/// # Errors
/// When one cannot be read or is too short.
pub fn own_keys(in_policy: Option<std::path::PathBuf>) -> Result<Vec<Key>> {
    let mut keys: Vec<Key> = Vec::new();
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(key) = variable("KEYSWEEP_FINGERPRINT_KEY") {
        keys.push(Key::organisation(key.as_encoded_bytes())?);
    }
    if let Some(path) = variable("KEYSWEEP_FINGERPRINT_KEY_FILE").map(Into::into).or(in_policy) {
        let bytes = std::fs::read(&path).map(zeroize::Zeroizing::new).map_err(|source| Error::Io { path, source })?;
        keys.push(Key::organisation(&bytes)?);
    }
    Ok(keys)
}

/// The keys of identities: an organisation's own, else the repository's salt, else the public one; ignore files may
/// have been written under any of them.
fn keys(settings: &Settings, filter: &Filter) -> Result<Vec<Key>> {
    let mut keys = own_keys(settings.last(|layer| layer.key_file.as_ref()).map(|setting| setting.value.clone()))?;
    keys.extend(settings.layers.iter().rev().filter_map(|layer| Some(Key::repository(&layer.salt.as_ref()?.value))));
    keys.extend(filter.baselines.iter().filter_map(|baseline| Some(Key::repository(baseline.salt()?))));
    keys.push(Key::public());
    let mut seen = HashMap::new();
    keys.retain(|key| seen.insert(key.id().to_owned(), ()).is_none());
    Ok(keys)
}
