//! The documentation is held against the tree and the program: links lead somewhere, commands and flags exist, the
//! architecture's table is the one that is tested.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::Folder;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file at the top, in docs/ and among the runbooks.
fn documents() -> Vec<(PathBuf, String)> {
    let folders = [package().to_owned(), package().join("docs"), package().join("docs/runbooks")];
    let mut documents: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the folder is readable"))
        .map(|entry| entry.expect("the folder is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.sort();
    documents.into_iter().map(|path| (path.clone(), std::fs::read_to_string(&path).expect("it is UTF-8"))).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for (path, text) in documents() {
        for piece in text.split("](").skip(1) {
            let target = piece.split([')', '#']).next().unwrap_or_default();
            let inside = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            if inside && !path.parent().expect("a folder").join(target).exists() {
                faults.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The `keysweep ...` commands of the shell blocks: words up to a comment, pipe or redirection.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside && line.trim() == "```sh";
            continue;
        }
        for part in line.split(" | ").filter(|_| inside) {
            let part = part.split(" #").next().unwrap_or_default();
            let words: Vec<String> = part.split_whitespace().map(str::to_owned).collect();
            if words.first().is_some_and(|word| word == "keysweep") {
                found.push(words);
            }
        }
    }
    found
}

#[test]
fn commands_and_flags_exist() {
    let folder = Folder::new();
    let mut faults = BTreeSet::new();
    for (path, text) in documents() {
        for words in commands(&text) {
            let is_word = |word: &&String| word.chars().all(|char| char.is_ascii_lowercase() || char == '-');
            let names: Vec<&str> = words[1..].iter().take_while(is_word).map(String::as_str).collect();
            let names: Vec<&str> = names.into_iter().take_while(|name| !name.starts_with('-')).collect();
            // What follows a command may be its argument: the longest row of words that has a help is meant.
            let help = (1..=names.len()).rev().find_map(|count| {
                let run = folder.keysweep(&[&names[..count], &["--help"]].concat());
                (run.status == 0).then_some(run.stdout)
            });
            let Some(help) = help else {
                faults.insert(format!("{}: {}", path.display(), words.join(" ")));
                continue;
            };
            for flag in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
                let flag = flag.split('=').next().unwrap_or(flag);
                if !help.split([' ', ',', '\n', '=', '[', ']']).any(|word| word == flag) {
                    faults.insert(format!("{}: {} has no {flag}", path.display(), words.join(" ")));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_station_is_in_the_architecture() {
    let text = std::fs::read_to_string(package().join("docs/architecture.md")).expect("the document");
    for entry in std::fs::read_dir(package().join("src")).expect("the folder is readable") {
        let name = entry.expect("the folder is readable").file_name().to_string_lossy().into_owned();
        let station = name.strip_suffix(".rs").unwrap_or(&name);
        assert!(station == "lib" || text.contains(&format!("`{station}`")), "docs/architecture.md lacks `{station}`");
    }
}
