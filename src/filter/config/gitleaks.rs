//! `.gitleaks.toml` read as it is: its rules and allowlists mean here what they mean there.
//!
//! A rule becomes a [`Method::Search`] rule of ours. What cannot be honoured (rules over file names alone,
//! `extend.url`, betterleaks' expressions) is named in a notice, never dropped silently; a pattern or allowlist that
//! gitleaks itself refuses is an error.

use std::collections::HashSet;
use std::path::Path;

use super::gitleaks_raw::{RawAllowlist, RawConfig, RawRule, Rest, parse};
use super::read::{condition, target};
use super::{Layer, Setting, Source, discover};
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::filter::Trust;
use crate::filter::allowlist::Allowlist;
use crate::filter::pattern::{Pattern, dialect};
use crate::finding::Severity;
use crate::rules::{FIRST_GROUP, Literal, Method, PartOf, PathTest, Rule, RuleSet, Samples};

/// Confidence of a rule we know nothing about: its author wants its findings shown, whatever the path.
const CONFIDENCE: u8 = 75;

/// How many files may extend one another, as in gitleaks.
const DEEPEST: usize = 2;

/// `withinLines` when none is given: anywhere in the file.
const ANYWHERE: u32 = 1 << 20;

/// Reads a configuration of gitleaks. `name` is what messages call it, `folder` what `extend.path` is relative to.
///
/// # Errors
/// [`Error::Config`] for what gitleaks refuses as well.
pub fn read(text: &str, name: &str, folder: &Path, trust: Trust) -> Result<Layer> {
    let mut importer = Importer { layer: Layer { trust, ..Layer::default() }, rules: Vec::new(), default: false };
    importer.file(text, name, folder, 0)?;
    importer.layer.own_rules_only = !importer.default;
    importer.finish(name)
}

struct Importer {
    layer: Layer,
    /// Rules by id in order, with the file they come from; those of an extended file first.
    rules: Vec<(RawRule, String)>,
    /// The built-in rules run as well.
    default: bool,
}

impl Importer {
    fn tell(&mut self, file: &str, message: String) {
        self.layer.notices.push(Notice::new(NoticeKind::Configuration, message).at(file));
    }

    fn rest(&mut self, file: &str, place: &str, rest: &Rest) {
        for key in rest.keys() {
            let why = match key.as_str() {
                "filter" | "validate" | "prefilter" => "is an expression of betterleaks, which is not evaluated here",
                "specificity" | "tokenefficiency" => "is a setting of betterleaks that has no meaning here",
                _ => "is not known here",
            };
            self.tell(file, format!("`{key}` {place} {why}: it is not honoured"));
        }
    }

    fn file(&mut self, text: &str, name: &str, folder: &Path, depth: usize) -> Result<()> {
        let fail = |message: String| Error::Config { file: name.to_owned(), message };
        let RawConfig { extend, rules, allowlist, allowlists, mut rest } = parse(text).map_err(fail)?;
        for key in ["title", "description", "minversion", "betterleaksminversion"] {
            rest.remove(key);
        }
        self.rest(name, "of the file", &rest);
        self.rest(name, "of [extend]", &extend.rest);
        if !extend.url.is_empty() {
            self.tell(name, "`extend.url` is not honoured: nothing is loaded from the network".to_owned());
        }
        if extend.usedefault {
            self.default = true;
        }
        if !extend.path.is_empty() {
            if extend.usedefault {
                return Err(fail("`extend.path` and `extend.useDefault` exclude each other".to_owned()));
            }
            if depth >= DEEPEST {
                self.tell(name, format!("`extend.path` is not honoured: more than {DEEPEST} files extend one another"));
            } else {
                // gitleaks takes the path from the current folder; beside the file is where people put it.
                let beside = folder.join(&extend.path);
                let path = if beside.is_file() { beside } else { extend.path.clone().into() };
                let inner = discover::read(&path)?;
                let parent = path.parent().unwrap_or(folder).to_owned();
                self.file(&inner, &discover::shown(&path), &parent, depth + 1)?;
            }
        }
        let disabled: HashSet<&str> = extend.disabledrules.iter().map(String::as_str).collect();
        self.rules.retain(|(rule, _)| !disabled.contains(rule.id.as_str()));
        if self.default {
            let builtin = RuleSet::builtin();
            for id in &extend.disabledrules {
                if builtin.get(id).is_some() {
                    let source = Source::File(name.to_owned(), 1);
                    self.layer.disabled_rules.push(Setting::new(id.clone(), source));
                } else {
                    self.tell(name, format!("`disabledRules`: no built-in rule of keysweep is called `{id}`"));
                }
            }
        }
        for rule in rules {
            self.rest(name, &format!("of rule `{}`", rule.id), &rule.rest);
            for required in &rule.required {
                self.rest(name, &format!("of a required rule of `{}`", rule.id), &required.rest);
            }
            self.add(rule, name).map_err(fail)?;
        }
        for list in allowlist.into_iter().chain(allowlists) {
            self.allowlist(list, name, None).map_err(fail)?;
        }
        Ok(())
    }

    /// A rule of the same id in an extended file is adjusted: what is given replaces, allowlists add up.
    fn add(&mut self, rule: RawRule, file: &str) -> Result<(), String> {
        if rule.id.is_empty() {
            return Err("a rule has no `id`".to_owned());
        }
        let Some((base, _)) = self.rules.iter_mut().find(|(known, _)| known.id == rule.id) else {
            self.rules.push((rule, file.to_owned()));
            return Ok(());
        };
        base.description = rule.description.or(base.description.take());
        base.regex = rule.regex.or(base.regex.take());
        base.path = rule.path.or(base.path.take());
        base.secretgroup = rule.secretgroup.or(base.secretgroup);
        base.entropy = rule.entropy.or(base.entropy);
        for (more, known) in [(rule.keywords, &mut base.keywords), (rule.tags, &mut base.tags)] {
            if let Some(more) = more {
                known.get_or_insert_default().extend(more);
            }
        }
        base.allowlists.extend(rule.allowlist.into_iter().chain(rule.allowlists));
        base.required.extend(rule.required);
        Ok(())
    }

    fn finish(mut self, name: &str) -> Result<Layer> {
        for (mut rule, file) in std::mem::take(&mut self.rules) {
            let id = rule.id.clone();
            let fail = |message: String| Error::Rule { file: file.clone(), rule: id.clone(), message };
            let lists: Vec<_> = rule.allowlist.take().into_iter().chain(std::mem::take(&mut rule.allowlists)).collect();
            let builtin = self.default && RuleSet::builtin().get(&id).is_some();
            match (&rule.regex, &rule.path) {
                (None, None) if builtin => {
                    if rule.entropy.is_some() || rule.keywords.is_some() || !rule.required.is_empty() {
                        self.tell(
                            &file,
                            format!("rule `{id}` adjusts a built-in rule: only its allowlists are honoured"),
                        );
                    }
                }
                (None, None) if self.default => {
                    self.tell(
                        &file,
                        format!("rule `{id}` adjusts a rule of gitleaks that keysweep does not have under this name"),
                    );
                    continue;
                }
                (None, None) => return Err(fail("it has neither `regex` nor `path`".to_owned())),
                (None, Some(_)) => {
                    self.tell(
                        &file,
                        format!(
                            "rule `{id}` looks at file names alone; keysweep reports secrets, so it is not honoured"
                        ),
                    );
                    continue;
                }
                (Some(_), _) => {
                    let converted = self.convert(rule).map_err(fail)?;
                    self.layer.rules.push(converted);
                }
            }
            for list in lists {
                self.allowlist(list, &file, Some(&id)).map_err(fail)?;
            }
        }
        for rule in &self.layer.rules {
            for part in rule.parts.iter() {
                let known = self.layer.rules.iter().any(|other| other.id == part.rule)
                    || (self.default && RuleSet::builtin().get(&part.rule).is_some());
                if !known {
                    let message = format!("it requires the rule `{}`, which is not there", part.rule);
                    return Err(Error::Rule { file: name.to_owned(), rule: rule.id.to_string(), message });
                }
            }
        }
        Ok(self.layer)
    }

    fn convert(&mut self, rule: RawRule) -> Result<Rule, String> {
        let regex = dialect(rule.regex.as_deref().unwrap_or(""))?;
        let groups = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build()
            .parse(&regex)
            .map_or(0, |hir| hir.properties().explicit_captures_len());
        let group = rule.secretgroup.filter(|&group| group > 0);
        if group.is_some_and(|group| usize::from(group) > groups) {
            return Err(format!("`secretGroup` is {}, but the pattern has {groups} groups", group.unwrap_or(0)));
        }
        let mut parts = Vec::new();
        for required in rule.required {
            if let Some(columns) = required.withincolumns {
                self.layer.within_columns.insert((rule.id.clone(), required.id.clone()), columns);
            }
            let within_lines = required.withinlines.unwrap_or(ANYWHERE);
            parts.push(PartOf { rule: required.id.into(), within_lines, missing: 100 });
        }
        let path = rule.path.map(|path| dialect(&path)).transpose()?;
        let literals: Vec<Literal> = rule
            .keywords
            .unwrap_or_default()
            .into_iter()
            .filter(|keyword| !keyword.is_empty())
            .map(|keyword| Literal::new(keyword.to_ascii_lowercase(), true))
            .collect();
        Ok(Rule {
            description: rule.description.filter(|text| !text.is_empty()).unwrap_or_else(|| rule.id.clone()).into(),
            id: rule.id.into(),
            provider: "custom".into(),
            severity: Severity::High,
            confidence: CONFIDENCE,
            literals: literals.into(),
            method: Method::Search,
            regex: regex.into(),
            secret_group: group.unwrap_or(FIRST_GROUP),
            entropy: rule.entropy.unwrap_or(0.0),
            keywords: Vec::new().into(),
            words: Vec::new().into(),
            within: 0,
            keywords_required: false,
            validators: Vec::new().into(),
            free_standing: true,
            any_name: false,
            parts: parts.into(),
            part_only: rule.skipreport,
            path: path.map(|regex| PathTest { regex: regex.into() }),
            tags: rule.tags.unwrap_or_default().into_iter().map(Into::into).collect::<Vec<_>>().into(),
            identify: "".into(),
            rotate: "".into(),
            link: "".into(),
            fact: "".into(),
            samples: Samples::Own { examples: Vec::new(), near_misses: Vec::new() },
            tail: Default::default(),
            longest: None,
        })
    }

    fn allowlist(&mut self, raw: RawAllowlist, file: &str, rule: Option<&str>) -> Result<(), String> {
        self.rest(file, "of an allowlist", &raw.rest);
        let patterns = |list: &[String]| -> Result<Vec<Pattern>, String> {
            list.iter().map(|text| Pattern::new(text).map_err(|fault| format!("`{text}`: {fault}"))).collect()
        };
        let list = Allowlist {
            source: file.to_owned(),
            trust: self.layer.trust,
            description: raw.description.filter(|text| !text.is_empty()),
            rules: rule.map_or(raw.targetrules, |rule| vec![rule.to_owned()]),
            all: condition(&raw.condition)?,
            commits: raw.commits,
            paths: patterns(&raw.paths)?,
            target: target(&raw.regextarget)?,
            regexes: patterns(&raw.regexes)?,
            stopwords: raw.stopwords.iter().map(|word| word.to_ascii_lowercase()).collect(),
            ..Allowlist::default()
        };
        if list.is_empty() {
            return Err("an allowlist needs `commits`, `paths`, `regexes` or `stopwords`".to_owned());
        }
        self.layer.allowlists.push(list);
        Ok(())
    }
}
