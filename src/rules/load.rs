//! Loads a user's own rules: the same format, the same checks as the built-in ones, at run time.

use std::borrow::Cow;

use super::schema::{MethodKind, Prepared, RuleFile, prepare};
use super::{Literal, Method, PartOf, PathTest, Rule, Samples, Text};
use crate::error::Error;
use crate::finding::Severity;

/// Parses and checks a rule file's text. `file` names it in errors; every fault is told, not the first.
///
/// # Errors
/// A list of [`Error::Rule`] (or one [`Error::Config`] when the file is no TOML of this form).
pub fn load(text: &str, file: &str) -> Result<Vec<Rule>, Vec<Error>> {
    let parsed: RuleFile = toml::from_str(text)
        .map_err(|error| vec![Error::Config { file: file.to_owned(), message: error.to_string() }])?;
    from_file(parsed, file)
}

/// The rules of a parsed file (or of a config's `[[rules]]`).
///
/// # Errors
/// A list of [`Error::Rule`], one per fault.
pub fn from_file(parsed: RuleFile, file: &str) -> Result<Vec<Rule>, Vec<Error>> {
    let (rules, errors) = sort_out(parsed, file);
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

/// The sound rules of a parsed file, and the faults of the others, every one.
pub fn sort_out(mut parsed: RuleFile, file: &str) -> (Vec<Rule>, Vec<Error>) {
    let mut rules: Vec<Rule> = Vec::new();
    let mut errors = Vec::new();
    for raw in std::mem::take(&mut parsed.rules) {
        let id = raw.id.clone();
        let error = |message: String| Error::Rule { file: file.to_owned(), rule: id.clone(), message };
        match prepare(raw, &parsed) {
            Ok(_) if rules.iter().any(|known| known.id == *id) => {
                errors.push(error("this id stands twice in the file".to_owned()));
            }
            Ok(prepared) => rules.push(rule(prepared)),
            Err(faults) => errors.extend(faults.into_iter().map(error)),
        }
    }
    (rules, errors)
}

fn rule(prepared: Prepared) -> Rule {
    let Prepared { raw, method, literals, anchors, tail, longest } = prepared;
    let own = |list: Vec<String>| list.into_iter().map(Cow::Owned).collect::<Vec<Text>>();
    let texts = |list: Vec<String>| Cow::Owned(own(list));
    Rule {
        id: raw.id.into(),
        provider: raw.provider.into(),
        description: raw.description.into(),
        severity: match raw.severity.as_str() {
            "low" => Severity::Low,
            "medium" => Severity::Medium,
            "high" => Severity::High,
            _ => Severity::Critical,
        },
        confidence: raw.confidence,
        literals: literals
            .into_iter()
            .map(|(text, ignore_case)| Literal::new(text, ignore_case))
            .collect::<Vec<_>>()
            .into(),
        method: match method {
            MethodKind::Anchored => Method::Anchored(anchors.into()),
            MethodKind::Assigned => Method::Assigned,
            MethodKind::Generic => Method::Generic,
            MethodKind::Whole(lines) => Method::Whole(lines),
        },
        regex: raw.regex.into(),
        secret_group: raw.secret_group,
        entropy: raw.entropy,
        keywords: texts(raw.keywords),
        words: texts(raw.words),
        within: raw.within,
        keywords_required: raw.keywords_required,
        validators: texts(raw.validators),
        free_standing: raw.free_standing,
        any_name: raw.any_name,
        parts: raw
            .parts
            .into_iter()
            .map(|part| PartOf { rule: part.rule.into(), within_lines: part.within_lines, missing: part.missing })
            .collect::<Vec<_>>()
            .into(),
        part_only: raw.part_only,
        path: raw.path.map(|regex| PathTest { regex: regex.into() }),
        tags: texts(raw.tags),
        identify: raw.identify.into(),
        rotate: raw.rotate.into(),
        link: raw.link.into(),
        fact: raw.fact.into(),
        samples: Samples::Own { examples: own(raw.examples), near_misses: own(raw.near_misses) },
        tail,
        longest,
    }
}
