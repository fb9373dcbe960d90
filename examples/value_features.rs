//! Prints what the model of values looks at, for `scripts/train_value_model.py`: a line per value that it weighs.
//!
//! `cargo run --example value_features FOLDER`: path, first line, last line, the value's bytes in hex, 1 for a password,
//! then the bucket of each feature. Without a folder: the names of the features.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use keysweep::engine::Engine;
use keysweep::engine::model;
use keysweep::rules::{Method, RuleSet};

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let Some(top) = std::env::args_os().nth(1) else {
        return writeln!(out, "{}", model::NAMES.join("\t"));
    };
    let mut rules = RuleSet::builtin();
    rules.retain(|rule| rule.method == Method::Generic);
    let engine = Engine::new(rules).map_err(io::Error::other)?;
    let mut scanner = engine.scanner();
    let mut folders = vec![Path::new(&top).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read(&path) else { continue };
            scanner.judged = Some(Vec::new());
            scanner.scan(&text);
            for judged in scanner.judged.take().unwrap_or_default() {
                let line = |at: usize| text[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
                let hex: String = text[judged.value.clone()].iter().map(|byte| format!("{byte:02x}")).collect();
                let buckets: Vec<String> = judged.features.iter().map(u8::to_string).collect();
                let (first, last) = (line(judged.name.start), line(judged.value.end));
                let (path, password) = (path.display(), u8::from(judged.password));
                writeln!(out, "{path}\t{first}\t{last}\t{hex}\t{password}\t{}", buckets.join("\t"))?;
            }
        }
    }
    Ok(())
}
