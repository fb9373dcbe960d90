//! How many bytes a second one core gets through: the prefilter alone, then the whole engine on text with hardly any
//! hit, text full of assignments (the generic path) and text full of credentials (anchored patterns, checksums).
//!
//! `cargo bench --bench engine`. The texts are made up from a fixed seed, so that figures compare from day to day;
//! figures on real repositories come from `benches/compare`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keysweep::engine::prefilter::Prefilter;
use keysweep::engine::{Engine, model};
use keysweep::rules::{Method, RuleSet, template};

/// Bytes of each text.
const SIZE: usize = 4 << 20;

/// Words that code is made of; few of them are keywords of rules.
const WORDS: &[&str] = &[
    "return", "match", "self", "buffer", "index", "length", "offset", "result", "value", "struct", "parse", "write",
    "node", "tree", "object", "commit", "path", "error", "config", "module", "import", "const", "static", "public",
    "string", "number", "vector", "iterator", "option", "default", "token", "header", "request", "response",
];

/// Lines that look like credentials being assigned and are none.
const ASSIGNMENTS: &[&str] = &[
    "password = getPassword()",
    "let api_key = env::var(\"API_KEY\")?;",
    "secret: ${SECRET}",
    "auth_token=changeme",
    "\"client_secret\": \"<your client secret>\",",
    "token = self.tokens[index + 1]",
    "private_key_path: /etc/ssl/private/server.key",
    "DB_PASSWORD={{ vault_db_password }}",
];

/// A small random number generator: figures must not depend on a library's.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit
    }

    /// A line of something like code.
    fn code(&mut self, text: &mut String) {
        text.push_str(&"    ".repeat(self.below(4)));
        for _ in 0..2 + self.below(8) {
            text.push_str(WORDS[self.below(WORDS.len())]);
            text.push_str([" ", ".", "(", "_", ", ", " = ", "::", ") "][self.below(8)]);
        }
        text.push_str(";\n");
    }
}

/// A text of code with one line in `every` made by `other`.
fn corpus(every: usize, mut other: impl FnMut(&mut Random, &mut String)) -> Vec<u8> {
    let (mut random, mut text) = (Random(0x9E37_79B9_7F4A_7C15), String::with_capacity(SIZE + 4096));
    while text.len() < SIZE {
        if every > 0 && random.below(every) == 0 {
            other(&mut random, &mut text);
        } else {
            random.code(&mut text);
        }
    }
    text.into_bytes()
}

fn benches(criterion: &mut Criterion) {
    let rules = RuleSet::builtin();
    let examples: Vec<String> = rules
        .rules()
        .iter()
        .filter_map(|rule| template::expand(rule.samples.examples().first()?, 1).ok())
        .filter(|example| example.len() < 400)
        .collect();
    let code = corpus(0, |_, _| {});
    let assignments = corpus(4, |random, text| {
        text.push_str(ASSIGNMENTS[random.below(ASSIGNMENTS.len())]);
        text.push('\n');
    });
    let credentials = corpus(20, |random, text| {
        text.push_str(&examples[random.below(examples.len())]);
        text.push('\n');
    });

    let mut group = criterion.benchmark_group("start");
    group.bench_function("engine with all built-in rules", |bencher| {
        bencher.iter(|| Engine::new(black_box(RuleSet::builtin())).expect("the built-in rules are sound"));
    });
    group.finish();

    let mut group = criterion.benchmark_group("prefilter");
    // As the engine does: only gated three-byte literals say what follows them.
    let literals = rules.rules().iter().flat_map(|rule| {
        let anchors = if let Method::Anchored(anchors) = &rule.method { &anchors[..] } else { &[] };
        rule.literals.iter().enumerate().map(|(index, literal)| {
            let gate = anchors.get(index).map(|anchor| &anchor.gate).filter(|gate| gate.least > 0);
            (literal, gate.map(|gate| gate.set).unwrap_or_default())
        })
    });
    let prefilter = Prefilter::new(literals);
    for (name, text) in [("code", &code), ("assignments", &assignments), ("credentials", &credentials)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut hits = 0u64;
                prefilter.scan(black_box(text), 0, text.len(), |_| hits += 1);
                hits
            });
        });
    }
    group.finish();

    // One evaluation of the model of values; the goal is a microsecond.
    let mut group = criterion.benchmark_group("model");
    let made = |form: &str| template::expand(form, 7).expect("a sound template");
    // With as much text to both sides as is looked at.
    let (mut random, mut around) = (Random(1), String::new());
    while around.len() < 300 {
        random.code(&mut around);
    }
    let token = format!("{around}let api_token = \"{}\";\n{around}", made("{base62:32}"));
    let password = format!("{around}db_password = \"{}\"\n{around}", made("{password}"));
    for (name, text, is_password) in [("token", &token, false), ("password", &password, true)] {
        let behind = |from: usize, part: &str| from + text[from..].find(part).expect("it stands there");
        let start = behind(0, if is_password { "db_password" } else { "api_token" });
        let end = behind(start, " = ");
        let open = behind(end, "\"") + 1;
        let close = behind(open, "\"");
        group.bench_function(name, |bencher| {
            bencher.iter(|| model::points(black_box(text.as_bytes()), start..end, open..close, is_password));
        });
    }
    group.finish();

    let engine = Engine::new(rules).expect("the built-in rules are sound");
    let mut scanner = engine.scanner();
    let mut group = criterion.benchmark_group("scan");
    for (name, text) in [
        ("whole buffer of code", &code),
        ("generic path: assignments", &assignments),
        ("match: credentials", &credentials),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| scanner.scan(black_box(text)).len()));
    }
    group.finish();
}

criterion_group! {
    name = engine;
    config = Criterion::default().sample_size(20);
    targets = benches
}
criterion_main!(engine);
