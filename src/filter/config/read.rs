//! `keysweep.toml` (and `--policy` files, the same format): text to a [`Layer`], every fault told with its line.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Kind, Layer, OPERATOR_ONLY, OPTIONS, Opt, Setting, Source, TABLES, level, percent, size};
use crate::error::{Error, Result};
use crate::filter::accept::Accept;
use crate::filter::allowlist::{Allowlist, Target};
use crate::filter::pattern::Pattern;
use crate::filter::{Policy, Trust, date, nearest};
use crate::finding::identity::is_identity;
use crate::rules::load;
use crate::rules::schema::{RawRule, RuleFile};

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A configuration: the repository's own, or one named by the operator.
    Config(Trust),
    /// A `--policy` file.
    Policy,
}

/// Parses a configuration. `name` is what messages call it, `folder` what its paths are relative to.
///
/// # Errors
/// [`Error::Config`] with one line per fault.
pub fn read(text: &str, name: &str, folder: &Path, role: Role) -> Result<Layer> {
    let text = text.trim_start_matches('\u{feff}');
    let fail = |message: String| Error::Config { file: name.to_owned(), message };
    let table = DeTable::parse(text).map_err(|error| fail(error.to_string()))?;
    let trust = if let Role::Config(trust) = role { trust } else { Trust::Operator };
    let mut reader =
        Reader { text, name, folder, role, faults: Vec::new(), layer: Layer { trust, ..Layer::default() } };
    reader.top(table.get_ref());
    if !reader.layer_has_rules(table.get_ref()) {
        return reader.done();
    }
    match toml::from_str::<Rules>(text) {
        Ok(Rules { rules }) => {
            match load::from_file(RuleFile { provider: "custom".to_owned(), link: String::new(), rules }, name) {
                Ok(rules) => reader.layer.rules = rules,
                Err(errors) => reader.faults.extend(errors.iter().map(|error| (usize::MAX, error.within(name)))),
            }
        }
        Err(error) => reader.faults.push((usize::MAX, format!("[[rules]]: {}", error.message()))),
    }
    reader.done()
}

/// The rules among all else in a configuration.
#[derive(serde::Deserialize)]
struct Rules {
    #[serde(default)]
    rules: Vec<RawRule>,
}

struct Reader<'t> {
    text: &'t str,
    name: &'t str,
    folder: &'t Path,
    role: Role,
    /// With their lines.
    faults: Vec<(usize, String)>,
    layer: Layer,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl Reader<'_> {
    fn done(mut self) -> Result<Layer> {
        if self.faults.is_empty() {
            return Ok(self.layer);
        }
        self.faults.sort();
        let messages: Vec<String> = self.faults.into_iter().map(|(_, message)| message).collect();
        Err(Error::Config { file: self.name.to_owned(), message: messages.join("\n") })
    }

    fn layer_has_rules(&self, table: &DeTable<'_>) -> bool {
        table.iter().any(|(key, _)| key.get_ref() == "rules")
    }

    fn line<T>(&self, value: &Spanned<T>) -> usize {
        1 + self.text.as_bytes()[..value.span().start.min(self.text.len())].iter().filter(|&&b| b == b'\n').count()
    }

    fn source<T>(&self, value: &Spanned<T>) -> Source {
        Source::File(self.name.to_owned(), self.line(value))
    }

    fn fault<T>(&mut self, at: &Spanned<T>, message: impl std::fmt::Display) {
        let line = self.line(at);
        self.faults.push((line, format!("line {line}: {message}")));
    }

    fn unknown<T>(&mut self, at: &Spanned<T>, key: &str, known: impl IntoIterator<Item = &'static str>) {
        let hint = nearest(key, known);
        self.fault(at, format!("`{key}` is unknown{hint}"));
    }

    fn top(&mut self, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            if let Some(option) = OPTIONS.iter().find(|option| option.key == name) {
                if let Err(message) = self.option(option, value) {
                    self.fault(value, format!("`{name}`: {message}"));
                }
                continue;
            }
            match name {
                "severity" => self.severity(value),
                "fingerprint" => self.fingerprint(value),
                "allowlists" => self.each(value, name, Self::allowlist),
                "coverage" => self.coverage(value),
                "policy" => self.policy(key, value),
                "rules" => {}
                _ if OPERATOR_ONLY.contains(&name) => {
                    if self.role != Role::Policy {
                        self.fault(
                            key,
                            format!(
                                "[{name}] is not read from a repository's configuration, which whoever can push could \
                                 change: put it into a file given with --policy"
                            ),
                        );
                    }
                }
                _ => {
                    let known = OPTIONS.iter().map(|option| option.key).chain(TABLES.iter().map(|table| table.0));
                    self.unknown(key, name, known);
                }
            }
        }
    }

    fn option(&mut self, option: &Opt, value: &Value<'_>) -> Result<(), String> {
        let source = self.source(value);
        let plain = match value.get_ref() {
            DeValue::Integer(number) => Some(number.as_str().replace('_', "")),
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            _ => None,
        };
        let list = match value.get_ref() {
            DeValue::Array(items) => items
                .iter()
                .map(|item| Ok(Setting::new(text(item)?, self.source(item))))
                .collect::<Result<Vec<_>, String>>()?,
            DeValue::String(text) => vec![Setting::new(text.to_string(), source.clone())],
            _ if matches!(option.kind, Kind::List | Kind::Paths) => return Err("must be a list of texts".to_owned()),
            _ => Vec::new(),
        };
        if !matches!(option.kind, Kind::List | Kind::Paths) && plain.is_none() {
            return Err("must be a single value".to_owned());
        }
        set(&mut self.layer, option, &plain.unwrap_or_default(), list, &source, Some(self.folder))
    }

    fn severity(&mut self, value: &Value<'_>) {
        for (key, value) in self.table(value, "severity").into_iter().flat_map(|table| table.iter()) {
            match text(value).and_then(|text| level(&text)) {
                Ok(severity) => {
                    let source = self.source(value);
                    self.layer.severity.push(Setting::new((key.get_ref().to_string(), severity), source));
                }
                Err(message) => self.fault(value, message),
            }
        }
    }

    fn fingerprint(&mut self, value: &Value<'_>) {
        for (key, value) in self.table(value, "fingerprint").into_iter().flat_map(|table| table.iter()) {
            let source = self.source(value);
            match (key.get_ref().as_ref(), text(value)) {
                ("salt", Ok(salt)) if salt.len() >= 16 => self.layer.salt = Some(Setting::new(salt, source)),
                ("salt", _) => self.fault(value, "`salt` must be a text of at least 16 characters"),
                ("key-file", Ok(file)) if self.role == Role::Policy => {
                    self.layer.key_file = Some(Setting::new(self.folder.join(file), source));
                }
                ("key-file", Ok(_)) => self.fault(key, "`key-file` is read from a --policy file alone"),
                ("key-file", Err(message)) => self.fault(value, message),
                (other, _) => self.unknown(key, other, ["salt", "key-file"]),
            }
        }
    }

    fn coverage(&mut self, value: &Value<'_>) {
        for (key, value) in self.table(value, "coverage").into_iter().flat_map(|table| table.iter()) {
            match key.get_ref().as_ref() {
                "accept" => self.each(value, "coverage.accept", Self::accept),
                other => self.unknown(key, other, ["accept"]),
            }
        }
    }

    fn accept(&mut self, at: &Value<'_>, table: &DeTable<'_>) {
        let mut accept = Accept { source: format!("{}:{}", self.name, self.line(at)), ..Accept::default() };
        for (key, value) in table.iter() {
            let result = text(value).and_then(|text| {
                match key.get_ref().as_ref() {
                    "object" => accept.object = Some(text.to_ascii_lowercase()),
                    "path" => accept.path = Some(text),
                    "reason" => accept.reason = text,
                    "expires" => accept.expires = Some(date(&text).map(|()| text)?),
                    other => return Err(unknown(other, &["object", "path", "reason", "expires"])),
                }
                Ok(())
            });
            result.unwrap_or_else(|message| self.fault(key, message));
        }
        if accept.object.is_none() && accept.path.is_none() {
            self.fault(at, "[[coverage.accept]] needs an `object` or a `path`");
        }
        if accept.reason.is_empty() {
            self.fault(at, "[[coverage.accept]] needs a `reason`");
        }
        self.layer.accepts.push(accept);
    }

    fn allowlist(&mut self, at: &Value<'_>, table: &DeTable<'_>) {
        const KEYS: &[&str] = &[
            "description",
            "reason",
            "owner",
            "expires",
            "condition",
            "regexTarget",
            "targetRules",
            "paths",
            "regexes",
            "stopwords",
            "commits",
            "secrets",
        ];
        let source = format!("{}:{}", self.name, self.line(at));
        let mut list = Allowlist { source, trust: self.layer.trust, ..Allowlist::default() };
        for (key, value) in table.iter() {
            let mut read = || -> Result<(), String> {
                match key.get_ref().as_ref() {
                    "description" | "reason" => list.description = Some(text(value)?),
                    "owner" => list.owner = Some(text(value)?),
                    "expires" => {
                        let day = text(value)?;
                        date(&day)?;
                        list.expires = Some(day);
                    }
                    "condition" => list.all = condition(&text(value)?)?,
                    "regexTarget" => list.target = target(&text(value)?)?,
                    "targetRules" => list.rules = texts(value)?,
                    "paths" => list.paths = patterns(&texts(value)?)?,
                    "regexes" => list.regexes = patterns(&texts(value)?)?,
                    "stopwords" => {
                        list.stopwords = texts(value)?.iter().map(|word| word.to_ascii_lowercase()).collect()
                    }
                    "commits" => list.commits = texts(value)?,
                    "secrets" => {
                        list.secrets = texts(value)?;
                        if let Some(wrong) = list.secrets.iter().find(|id| !is_identity(id)) {
                            return Err(format!("`{wrong}` is no fingerprint (`v1:` and 32 hex digits)"));
                        }
                    }
                    other => return Err(unknown(other, KEYS)),
                }
                Ok(())
            };
            read().unwrap_or_else(|message| self.fault(key, message));
        }
        if list.is_empty() {
            self.fault(at, "an allowlist needs `paths`, `regexes`, `stopwords`, `commits` or `secrets`");
        }
        self.layer.allowlists.push(list);
    }

    fn policy(&mut self, at: &Spanned<std::borrow::Cow<'_, str>>, value: &Value<'_>) {
        const KEYS: &[&str] = &["inline-allow", "repository-config", "ignore-files", "baselines", "max-severity"];
        if self.role != Role::Policy {
            self.fault(at, "[policy] is read from a file given with --policy alone");
            return;
        }
        let mut policy = Policy::default();
        for (key, value) in self.table(value, "policy").into_iter().flat_map(|table| table.iter()) {
            let flag = value.get_ref().as_bool().ok_or_else(|| "must be true or false".to_owned());
            let result = match key.get_ref().as_ref() {
                "inline-allow" => flag.map(|flag| policy.inline_allow = flag),
                "repository-config" => flag.map(|flag| policy.repository_config = flag),
                "ignore-files" => flag.map(|flag| policy.ignore_files = flag),
                "baselines" => flag.map(|flag| policy.baselines = flag),
                "max-severity" => {
                    text(value).and_then(|text| level(&text)).map(|most| policy.max_severity = Some(most))
                }
                other => Err(unknown(other, KEYS)),
            };
            result.unwrap_or_else(|message| self.fault(key, message));
        }
        self.layer.policy = Some(policy);
    }

    fn table<'v>(&mut self, value: &'v Value<'v>, name: &str) -> Option<&'v DeTable<'v>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.fault(value, format!("`{name}` must be a table: [{name}]"));
        }
        table
    }

    fn each(&mut self, value: &Value<'_>, name: &str, read: fn(&mut Self, &Value<'_>, &DeTable<'_>)) {
        let Some(items) = value.get_ref().as_array() else {
            return self.fault(value, format!("`{name}` must be a list of tables: [[{name}]]"));
        };
        for item in items.iter() {
            match item.get_ref().as_table() {
                Some(table) => read(self, item, table),
                None => self.fault(item, format!("`{name}` must be a list of tables: [[{name}]]")),
            }
        }
    }
}

/// Sets one option in a layer. `single` is the value of a single one, `list` of a list; `folder` is what paths are
/// relative to.
///
/// # Errors
/// What the value must be.
pub fn set(
    layer: &mut Layer,
    option: &Opt,
    single: &str,
    list: Vec<Setting<String>>,
    source: &Source,
    folder: Option<&Path>,
) -> Result<(), String> {
    let flag = || match single {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    };
    let path = |text: &str| folder.map_or_else(|| PathBuf::from(text), |folder| folder.join(text));
    let paths = |list: Vec<Setting<String>>| -> Vec<Setting<PathBuf>> {
        list.into_iter().map(|setting| Setting::new(path(&setting.value), setting.source)).collect()
    };
    let source = source.clone();
    match option.key {
        "min-confidence" => layer.min_confidence = Some(Setting::new(percent(single)?, source)),
        "fail-on" => layer.fail_on = Some(Setting::new(level(single)?, source)),
        "max-size" => layer.max_size = Some(Setting::new(size(single)?, source)),
        "inline-allow" => layer.inline_allow = Some(Setting::new(flag()?, source)),
        "score-paths" => layer.score_paths = Some(Setting::new(flag()?, source)),
        "gitleaks-config" => layer.gitleaks_config = Some(Setting::new(path(single), source)),
        "exclude" => layer.exclude.extend(list),
        "only-rules" => layer.only_rules.extend(list),
        "disabled-rules" => layer.disabled_rules.extend(list),
        "rule-files" => layer.rule_files.extend(paths(list)),
        "baseline" => layer.baselines.extend(paths(list)),
        "ignore-file" => layer.ignore_files.extend(paths(list)),
        other => return Err(format!("option `{other}` cannot be set")),
    }
    Ok(())
}

fn text(value: &Value<'_>) -> Result<String, String> {
    value.get_ref().as_str().map(str::to_owned).ok_or_else(|| "must be a text".to_owned())
}

fn texts(value: &Value<'_>) -> Result<Vec<String>, String> {
    let items = value.get_ref().as_array().ok_or_else(|| "must be a list of texts".to_owned())?;
    items.iter().map(text).collect()
}

fn patterns(list: &[String]) -> Result<Vec<Pattern>, String> {
    list.iter().map(|text| Pattern::new(text).map_err(|fault| format!("`{text}`: {fault}"))).collect()
}

fn unknown(key: &str, known: &'static [&'static str]) -> String {
    format!("`{key}` is unknown{}", nearest(key, known.iter().copied()))
}

/// gitleaks' `condition`: true for AND.
pub(super) fn condition(text: &str) -> Result<bool, String> {
    match text.to_ascii_uppercase().as_str() {
        "AND" | "&&" => Ok(true),
        "OR" | "||" | "" => Ok(false),
        _ => Err(format!("`condition` is `{text}`; it must be OR or AND")),
    }
}

/// gitleaks' `regexTarget`.
pub(super) fn target(text: &str) -> Result<Target, String> {
    match text {
        "" | "secret" => Ok(Target::Secret),
        "match" => Ok(Target::Match),
        "line" => Ok(Target::Line),
        _ => Err(format!("`regexTarget` is `{text}`; it must be secret, match or line")),
    }
}
