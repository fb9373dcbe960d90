//! What an audit tells while it runs: sentences for people, or with `--log-format json` an event a line for programs.
//!
//! Events name repositories and secrets by keyed hashes. Names, paths, messages and people are personal data and stand in them
//! with `--log-personal` alone.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::conclude::now;
use crate::audit::document::Document;
use crate::audit::record::Standing;
use crate::error::{Error, Notice, Result, mend};
use crate::finding::identity::Key;
use crate::private;

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Sentences, where something needs one
    Text,
    /// A JSON object for each event
    Json,
}

/// Options for the log.
#[derive(Debug, Clone, clap::Args)]
pub struct LogOptions {
    /// Form of what is told while the audit runs
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Append events to FILE instead of standard error (JSON)
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Name repositories, paths and people in events, not only keyed hashes (JSON)
    #[arg(long)]
    pub log_personal: bool,
}

/// Where events go.
enum Out {
    Stderr,
    /// And why an event could not be written first.
    File(PathBuf, File, Option<String>),
}

/// Where it is told.
pub(super) struct Log<'k> {
    /// Nothing for sentences.
    out: Option<Mutex<Out>>,
    personal: bool,
    key: Option<&'k Key>,
    run: AtomicU64,
}

impl<'k> Log<'k> {
    /// Opens the log; `key` makes the hashes of names.
    ///
    /// # Errors
    /// When its file cannot be opened.
    pub(super) fn new(options: &LogOptions, key: Option<&'k Key>) -> Result<Self> {
        let out = match (options.log_format, &options.log_file) {
            (LogFormat::Text, Some(_)) => {
                return Err(Error::Usage("--log-file takes events: give --log-format json".to_owned()));
            }
            (LogFormat::Text, None) => None,
            (LogFormat::Json, None) => Some(Out::Stderr),
            (LogFormat::Json, Some(path)) => {
                let file = private::open_append(path).map_err(|source| Error::Io { path: path.clone(), source })?;
                Some(Out::File(path.clone(), file, None))
            }
        };
        Ok(Self { out: out.map(Mutex::new), personal: options.log_personal, key, run: AtomicU64::new(0) })
    }

    /// Which run events belong to from now on.
    pub(super) fn begin(&self, run: u64, repositories: Option<u64>) {
        self.run.store(run, Ordering::Relaxed);
        self.event("info", "run-began", json!({ "repositories": repositories }), &json!({}));
    }

    /// Why events are missing from the log, in a sentence; `None` when none is.
    pub(super) fn trouble(&self) -> Option<String> {
        match &*self.out.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner) {
            Out::File(path, _, Some(why)) => {
                Some(format!("{}: events are missing from the log: {why}", path.display()))
            }
            _ => None,
        }
    }

    /// Writes an event; `personal` is left out unless it is asked for. A log that cannot be written stops no audit: it is
    /// told at the end.
    pub(super) fn event(&self, level: &str, name: &str, fields: Value, personal: &Value) {
        let Some(out) = &self.out else { return };
        let mut event = Map::new();
        event.insert("time".to_owned(), now().into());
        event.insert("level".to_owned(), level.into());
        event.insert("event".to_owned(), name.into());
        event.insert("run".to_owned(), self.run.load(Ordering::Relaxed).into());
        let more = [Some(fields), self.personal.then(|| personal.clone())];
        for fields in more.into_iter().flatten() {
            if let Value::Object(fields) = fields {
                event.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
            }
        }
        let mut line = Value::Object(event).to_string();
        line.push('\n');
        match &mut *out.lock().unwrap_or_else(PoisonError::into_inner) {
            Out::Stderr => drop(std::io::stderr().write_all(line.as_bytes())),
            Out::File(_, file, trouble) => {
                if let Err(error) = private::append(file, line.as_bytes()) {
                    trouble.get_or_insert_with(|| format!("{error}{}", mend(&error)));
                }
            }
        }
    }

    /// The keyed hash of a repository's name.
    fn hash(&self, name: &str) -> Value {
        self.key.map_or(Value::Null, |key| key.name_id(name).into())
    }

    /// A repository was looked at.
    pub(super) fn looked_at(&self, name: &str, new_objects: u64, gaps: &[Notice]) {
        if self.out.is_none() {
            return;
        }
        let level = if gaps.is_empty() { "info" } else { "warning" };
        let fields = json!({ "repository": self.hash(name), "new_objects": new_objects, "gaps": gaps.len() });
        self.event(level, "repository-looked-at", fields, &json!({ "repository_name": name }));
        for gap in gaps {
            let fields = json!({ "repository": self.hash(name), "kind": gap.kind, "object": gap.object });
            let personal = json!({ "repository_name": name, "path": gap.path, "message": gap.message });
            self.event("warning", "not-covered", fields, &personal);
        }
    }

    /// The run is over: what became of secrets, and how it ended.
    pub(super) fn end(&self, document: &Document, status: u8) {
        if self.out.is_none() {
            return;
        }
        let run = &document.run;
        for secret in &document.secrets {
            for event in secret.events.iter().filter(|event| event.run == run.number) {
                let repositories: Vec<Value> = {
                    let mut names: Vec<&str> = secret.places.iter().map(|place| &*place.repository).collect();
                    names.dedup();
                    names.into_iter().map(|name| self.hash(name)).collect()
                };
                let level = if secret.standing == Standing::Open { "warning" } else { "info" };
                let fields = json!({
                    "secret_id": secret.secret_id, "rule": secret.rule, "severity": secret.severity,
                    "repositories": repositories, "places": secret.places.len(), "in_head": secret.in_head,
                });
                let places = secret.places.iter().take(20);
                let places: Vec<Value> = places
                    .map(|entry| json!({ "repository_name": entry.repository, "path": entry.place.path }))
                    .collect();
                let personal = json!({ "why": event.why, "where": places });
                self.event(level, &format!("secret-{}", event.what), fields, &personal);
            }
        }
        let level = if status == 2 { "error" } else { "info" };
        let fields = json!({
            "status": status, "repositories": run.repositories, "complete": run.complete,
            "new_objects": run.new_objects, "found": run.found, "reopened": run.reopened, "closed": run.closed,
            "open": run.open,
        });
        self.event(level, "run-ended", fields, &json!({}));
    }

    /// Something about alerts or retention that people have to know: a sentence, or an event.
    #[cfg(feature = "rotate")]
    pub(super) fn tell(&self, name: &str, fields: Value, sentence: &str) {
        match self.out {
            Some(_) => self.event("warning", name, fields, &json!({ "message": sentence })),
            None => anstream::eprintln!("keysweep: {sentence}"),
        }
    }
}
