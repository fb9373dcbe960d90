//! Reads `rules/*.toml`, checks every rule and writes them as constants: nothing is parsed when the program starts.
//!
//! A broken rule breaks the build and names its file and id.

#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "src/rules/analysis.rs"]
mod analysis;
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "src/rules/grams.rs"]
mod grams;
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "src/rules/schema.rs"]
mod schema;
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "src/rules/validators.rs"]
mod validators;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, process};

use grams::CommonGrams;
use schema::{MethodKind, Prepared, RuleFile, prepare};

fn main() {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=providers");
    pack_providers();
    println!("cargo::rerun-if-changed=src/rules/grams.rs");
    println!("cargo::rerun-if-changed=src/rules/schema.rs");
    println!("cargo::rerun-if-changed=src/rules/analysis.rs");
    println!("cargo::rerun-if-changed=src/rules/validators.rs");
    let mut files: Vec<_> = fs::read_dir("rules")
        .expect("the folder rules/ is readable")
        .map(|entry| entry.expect("the folder rules/ is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let (mut rules, mut faults): (Vec<Prepared>, Vec<String>) = (Vec::new(), Vec::new());
    for path in &files {
        read(path, &mut rules, &mut faults);
    }
    for rule in &rules {
        for part in &rule.raw.parts {
            if !rules.iter().any(|other| other.raw.id == part.rule) {
                faults.push(format!("rule `{}`: its part `{}` is no rule", rule.raw.id, part.rule));
            }
        }
    }
    if !faults.is_empty() {
        for fault in faults {
            println!("cargo::error={}", fault.replace('\n', " "));
        }
        process::exit(1);
    }
    pack_samples(&rules);
    let mut out = String::from("/// Every built-in rule, by file and place.\npub(super) static RULES: &[Rule] = &[\n");
    let common = common_grams("rules/prefilter/grams.toml");
    for (place, rule) in rules.iter().enumerate() {
        write_rule(&mut out, rule, place, &common);
    }
    out.push_str("];\n");
    let target = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("builtin_rules.rs");
    fs::write(target, out).expect("OUT_DIR is writable");
}

/// `providers/*.toml` as one packed text. They are parsed at first use, and their tests say what is
/// wrong with them.
fn pack_providers() {
    let mut files: Vec<_> = fs::read_dir("providers")
        .expect("the folder providers/ is readable")
        .map(|entry| entry.expect("the folder providers/ is readable").path())
        .collect();
    files.sort();
    let mut text = String::new();
    for path in files {
        let file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for line in file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            text.push_str(line);
            text.push('\n');
        }
    }
    pack("providers.toml.z", &text);
}

/// Examples and near misses of every rule as one packed text, as `src/rules/samples.rs` reads it.
fn pack_samples(rules: &[Prepared]) {
    let mut text = String::new();
    for rule in rules {
        for (list, end) in [(&rule.raw.examples, '\u{1d}'), (&rule.raw.near_misses, '\u{1c}')] {
            for sample in list {
                assert!(!sample.contains(|c| matches!(c, '\u{1c}'..='\u{1e}')), "{}: {sample:?}", rule.raw.id);
                text.extend([sample.as_str(), "\u{1e}"]);
            }
            text.push(end);
        }
    }
    pack("samples.z", &text);
}

/// Writes a text packed, its length before it.
fn pack(name: &str, text: &str) {
    let mut packed = vec![0; text.len() + 64];
    let mut deflate = zlib_rs::Deflate::new(9, true, 15);
    let done = deflate.compress(text.as_bytes(), &mut packed, zlib_rs::DeflateFlush::Finish);
    assert_eq!(done.expect("it is packed"), zlib_rs::Status::StreamEnd, "there is room for it");
    packed.truncate(usize::try_from(deflate.total_out()).expect("small"));
    let length = u32::try_from(text.len()).expect("small").to_le_bytes();
    let target = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join(name);
    fs::write(target, [&length[..], &packed].concat()).expect("OUT_DIR is writable");
}

fn read(path: &Path, rules: &mut Vec<Prepared>, faults: &mut Vec<String>) {
    let name = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return faults.push(format!("{name}: {error}")),
    };
    let mut file: RuleFile = match toml::from_str(&text) {
        Ok(file) => file,
        Err(error) => return faults.push(format!("{name}: {error}")),
    };
    for raw in std::mem::take(&mut file.rules) {
        let id = raw.id.clone();
        if rules.iter().any(|known| known.raw.id == id) {
            faults.push(format!("{name}: rule `{id}`: this id is taken"));
            continue;
        }
        match prepare(raw, &file) {
            Ok(prepared) => rules.push(prepared),
            Err(list) => faults.extend(list.into_iter().map(|fault| format!("{name}: rule `{id}`: {fault}"))),
        }
    }
}

fn common_grams(path: &str) -> CommonGrams {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let table: BTreeMap<String, u32> = toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let gram = |text: &str| <[u8; 4]>::try_from(text.as_bytes()).unwrap_or_else(|_| panic!("{path}: {text:?}"));
    table.iter().map(|(text, &count)| (gram(text), count)).collect()
}

fn write_rule(out: &mut String, rule: &Prepared, place: usize, common: &CommonGrams) {
    let raw = &rule.raw;
    let texts = |list: &[String]| {
        let items: Vec<String> = list.iter().map(|text| format!("B({text:?})")).collect();
        format!("B(&[{}])", items.join(", "))
    };
    let literals: Vec<String> = rule
        .literals
        .iter()
        .map(|(text, ignore_case)| {
            let rarest = grams::rarest(text.as_bytes(), common);
            format!("Literal {{ text: B({text:?}), ignore_case: {ignore_case}, rarest: {rarest} }}")
        })
        .collect();
    let method = match rule.method {
        MethodKind::Assigned => "Method::Assigned".to_owned(),
        MethodKind::Generic => "Method::Generic".to_owned(),
        MethodKind::Whole(lines) => format!("Method::Whole({lines})"),
        MethodKind::Anchored => {
            let anchors: Vec<String> = rule
                .anchors
                .iter()
                .map(|anchor| {
                    format!(
                        "Anchor {{ back_min: {}, back_max: {}, gate: Gate {{ set: ByteSet({}), least: {}, then: {:?} }} }}",
                        anchor.back_min, anchor.back_max, anchor.gate.set.0, anchor.gate.least, anchor.gate.then
                    )
                })
                .collect();
            format!("Method::Anchored(B(&[{}]))", anchors.join(", "))
        }
    };
    let parts: Vec<String> = raw
        .parts
        .iter()
        .map(|part| {
            format!(
                "PartOf {{ rule: B({:?}), within_lines: {}, missing: {} }}",
                part.rule, part.within_lines, part.missing
            )
        })
        .collect();
    let severity = format!("Severity::{}{}", raw.severity[..1].to_uppercase(), &raw.severity[1..]);
    let path = raw.path.as_ref().map_or("None".to_owned(), |regex| format!("Some(PathTest {{ regex: B({regex:?}) }})"));
    writeln!(
        out,
        "Rule {{ id: B({:?}), provider: B({:?}), description: B({:?}), severity: {severity}, confidence: {}, \
         literals: B(&[{}]), method: {method}, regex: B({:?}), secret_group: {}, entropy: {:?}f32, keywords: {}, \
         words: {}, within: {}, keywords_required: {}, validators: {}, free_standing: {}, any_name: {}, parts: B(&[{}]), \
         part_only: {}, path: {path}, tags: {}, identify: B({:?}), rotate: B({:?}), link: B({:?}), fact: B({:?}), \
         samples: Samples::Builtin({place}), tail: ByteSet({}), longest: {:?} }},",
        raw.id,
        raw.provider,
        raw.description,
        raw.confidence,
        literals.join(", "),
        raw.regex,
        raw.secret_group,
        raw.entropy,
        texts(&raw.keywords),
        texts(&raw.words),
        raw.within,
        raw.keywords_required,
        texts(&raw.validators),
        raw.free_standing,
        raw.any_name,
        parts.join(", "),
        raw.part_only,
        texts(&raw.tags),
        raw.identify,
        raw.rotate,
        raw.link,
        raw.fact,
        rule.tail.0,
        rule.longest,
    )
    .expect("writing to a string");
}
