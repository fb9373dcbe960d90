//! Every crate that is linked may be: its licence is one that a program under MIT or Apache-2.0 may contain.

use std::process::Command;

use serde_json::Value;

/// Licences without conditions beyond naming the author.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression lets us choose only allowed licences. `/` is an old way to write OR.
fn allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let alternatives = split(&expression, " OR ");
    if alternatives.len() > 1 {
        return alternatives.into_iter().any(allowed);
    }
    let parts = split(&expression, " AND ");
    if parts.len() > 1 {
        return parts.into_iter().all(allowed);
    }
    let text = expression.trim();
    match text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(inner) => allowed(inner),
        None => ALLOWED.contains(&text),
    }
}

/// Splits at `word` outside parentheses.
fn split<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    let (mut parts, mut depth, mut start, mut at) = (Vec::new(), 0i32, 0, 0);
    while at < text.len() {
        match text.as_bytes()[at] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ if depth == 0 && text[at..].starts_with(word) => {
                parts.push(&text[start..at]);
                start = at + word.len();
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&text[start..]);
    parts
}

#[test]
fn licences_allow_it() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let faults: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(allowed))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(packages.len() > 20 && faults.is_empty(), "{faults:#?}");
}

/// The crates that a build with these features links.
fn linked(features: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn only_rotation_links_network_code() {
    let network =
        ["rustls ", "ring ", "ureq ", "webpki-roots ", "native-tls ", "openssl ", "postgres-protocol ", "tokio "];
    let found = |features: &[&str]| -> Vec<&str> {
        let crates = linked(features);
        network.into_iter().filter(|name| crates.lines().any(|line| line.starts_with(name))).collect()
    };
    assert_eq!(found(&["--no-default-features"]), [] as [&str; 0]);
    assert_eq!(found(&["--no-default-features", "--features", "cli"]), [] as [&str; 0]);
    assert_eq!(found(&["--no-default-features", "--features", "git"]), [] as [&str; 0]);
    assert_eq!(found(WITHOUT_ROTATE), [] as [&str; 0]);
    assert_eq!(found(&[]), ["rustls ", "ring ", "ureq ", "webpki-roots ", "postgres-protocol "]);
}

/// Everything but rotation.
const WITHOUT_ROTATE: &[&str] = &["--no-default-features", "--features", "git,archive,audit"];

/// What rotation alone needs is not linked where it is left out, so the size of such a build does not grow with it.
#[test]
fn a_build_without_rotation_links_nothing_of_its_own() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("readable");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let features = manifest["features"].as_table().expect("a table");
    let needs = |feature: &str| -> Vec<String> {
        let words = features[feature].as_array().expect("a list").iter().filter_map(|word| word.as_str());
        words.filter_map(|word| word.strip_prefix("dep:")).map(|name| format!("{name} ")).collect()
    };
    let own = needs("rotate");
    let others: Vec<String> = ["cli", "git", "archive", "audit"].iter().flat_map(|feature| needs(feature)).collect();
    assert!(own.len() > 5, "{own:?}");
    assert_eq!(own.iter().filter(|name| others.contains(name)).count(), 0, "another feature brings them too");
    let (without, with) = (linked(WITHOUT_ROTATE), linked(&[]));
    let has = |text: &str, name: &str| text.lines().any(|line| line.starts_with(name));
    let leaked: Vec<&String> = own.iter().filter(|name| has(&without, name)).collect();
    assert_eq!(leaked, [] as [&String; 0]);
    assert!(own.iter().all(|name| has(&with, name)));
}

#[test]
fn expressions_mean_what_they_say() {
    assert!(allowed("MIT OR GPL-3.0"));
    assert!(allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(allowed("Unlicense/MIT"));
    assert!(!allowed("GPL-3.0"));
    assert!(!allowed("MIT AND GPL-3.0"));
    assert!(!allowed("(GPL-2.0 OR LGPL-2.1) AND MIT"));
}
