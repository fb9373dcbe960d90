//! Holds the shape of `src/`: which station may use which, who may print, how long a file may be.
//!
//! The stations are the modules at the root of the crate. The test reads the source text: what a station names with
//! `crate::` is what it uses. Unit tests (from `#[cfg(test)]` on) are free.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each station may use beside itself. A new station needs a line here, and in docs/architecture.md.
const MAY_USE: &[(&str, &[&str])] = &[
    // Plain types: they know nothing but each other.
    ("error", &[]),
    ("secret", &[]),
    ("clock", &[]),
    ("private", &["error", "finding"]),
    ("finding", &["error", "secret"]),
    // What is looked for, and the engine that sees only bytes.
    ("rules", &["error", "finding", "secret"]),
    ("engine", &["error", "finding", "rules", "secret"]),
    // Where bytes come from and where findings go. They meet only in the pipeline.
    ("source", &["clock", "error", "finding", "secret"]),
    ("filter", &["clock", "error", "finding", "rules", "secret"]),
    ("report", &["clock", "error", "finding", "rules", "secret"]),
    ("pipeline", &["clock", "engine", "error", "filter", "finding", "rules", "secret", "source"]),
    // Rotation neither looks for secrets nor knows how they were found: the program hands it a way to read one again.
    ("rotate", &["clock", "error", "finding", "private", "secret"]),
    // The audit keeps what scans found and reads what rotation proved; the program does the scanning for it.
    ("audit", &["clock", "error", "finding", "private", "report", "rules"]),
    // Sending what the audit found, with rotation's client: the third station that reaches the network.
    ("alert", &["audit", "clock", "error", "finding", "private", "report", "rotate", "secret"]),
    // The program may use everything.
    (
        "cli",
        &[
            "alert", "audit", "clock", "engine", "error", "filter", "finding", "pipeline", "private", "report",
            "rotate", "rules", "secret", "source",
        ],
    ),
    ("main", &["cli"]),
];

/// Files over [`LONGEST`] lines, each with the reason why it is one idea.
const LONG_FILES: &[(&str, &str)] = &[(
    "source/history/visit.rs",
    "the walk over one tree of deltas: budget, segments and carried findings go together",
)];

/// Lines a file may have, its unit tests not counted.
const LONGEST: usize = 400;

/// A source file without comments and unit tests.
struct Source {
    /// Relative to `src/`, with `/`.
    name: String,
    /// The first line as it stands.
    opening: String,
    lines: usize,
    code: String,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a source file is readable");
        let kept: Vec<&str> = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect();
        let name = path.strip_prefix(root).expect("below src").to_string_lossy().replace('\\', "/");
        let code = kept.iter().filter(|line| !line.trim_start().starts_with("//")).copied().collect::<Vec<_>>();
        Self { name, opening: kept.first().unwrap_or(&"").to_string(), lines: kept.len(), code: code.join("\n") }
    }

    /// The module at the crate's root that the file belongs to.
    fn station(&self) -> &str {
        let first = self.name.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The stations that the file names: after `crate::`, and in `use crate::{...}`; for the program also after
    /// `keysweep::`.
    fn uses(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for path in ["crate::", "keysweep::"] {
            for (at, _) in self.code.match_indices(path) {
                let before = self.code[..at].chars().next_back();
                if before.is_some_and(|char| char.is_alphanumeric() || char == '_' || char == ':') {
                    continue;
                }
                let rest = &self.code[at + path.len()..];
                match rest.strip_prefix('{') {
                    Some(group) => found.extend(first_level(group)),
                    None => found.extend(identifier(rest)),
                }
            }
        }
        found
    }
}

/// The identifier `text` begins with. Types that the crate re-exports at its root (capitals) are plain types.
fn identifier(text: &str) -> Option<String> {
    let end = text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len());
    let word = &text[..end];
    word.starts_with(|char: char| char.is_ascii_lowercase()).then(|| word.to_owned())
}

/// What stands first in each item of a `{a::b, c::{d, e}}` group, its opening brace already taken.
fn first_level(group: &str) -> Vec<String> {
    let (mut depth, mut item, mut items) = (0usize, String::new(), Vec::new());
    for char in group.chars() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(std::mem::take(&mut item)),
            other => item.push(other),
        }
    }
    items.push(item);
    items.iter().filter_map(|item| identifier(item.trim())).collect()
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files): (Vec<PathBuf>, Vec<PathBuf>) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a source folder is readable") {
            let path = entry.expect("a source folder is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files.iter().map(|path| Source::read(&root, path)).collect()
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_station_uses_only_what_it_may() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.name != "lib.rs") {
        let station = source.station();
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == station) else {
            faults.push(format!("src/{}: `{station}` is a new station: say in MAY_USE what it may use", source.name));
            continue;
        };
        for used in source.uses() {
            if used != station && !allowed.contains(&used.as_str()) {
                faults.push(format!("src/{}: `{station}` must not use `{used}`", source.name));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn no_file_reaches_another_station_through_super() {
    let mut faults = Vec::new();
    for source in sources() {
        // Modules above the file: `engine/mod.rs` and `error.rs` have one (the crate), `engine/matcher.rs` two.
        let above = source.name.matches('/').count() + usize::from(!source.name.ends_with("/mod.rs"));
        if source.code.contains(&"super::".repeat(above)) {
            faults.push(format!("src/{}: leave the station with `crate::`, not with `super::`", source.name));
        }
    }
    assert_none(&faults);
}

#[test]
fn only_the_program_prints() {
    let macros = ["println!", "print!", "eprintln!", "eprint!", "dbg!"];
    let faults: Vec<String> = sources()
        .iter()
        .filter(|source| !["cli", "main"].contains(&source.station()))
        .flat_map(|source| {
            let used = macros.iter().filter(|name| source.code.contains(**name));
            used.map(|name| {
                format!("src/{}: `{name}`: only cli/ prints; reports write to the writer they are given", source.name)
            })
        })
        .collect();
    assert_none(&faults);
}

#[test]
fn every_file_opens_with_what_it_owns() {
    let faults: Vec<String> = sources()
        .iter()
        .filter(|source| !source.opening.starts_with("//! "))
        .map(|source| format!("src/{}: begin with `//!` and what the file owns", source.name))
        .collect();
    assert_none(&faults);
}

#[test]
fn files_are_short_or_say_why_not() {
    let sources = sources();
    let mut faults: Vec<String> = sources
        .iter()
        .filter(|source| source.lines > LONGEST && !LONG_FILES.iter().any(|(name, _)| *name == source.name))
        .map(|source| format!("src/{}: {} lines; split it at the next idea", source.name, source.lines))
        .collect();
    for (name, _) in LONG_FILES {
        if !sources.iter().any(|source| source.name == *name && source.lines > LONGEST) {
            faults.push(format!("src/{name} is short (or gone): take it off LONG_FILES"));
        }
    }
    assert_none(&faults);
}

#[test]
fn the_top_folder_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<String> = fs::read_dir(root)
        .expect("the package's folder is readable")
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert!(files.len() <= 14, "{} files at the top: {files:?}", files.len());
}
