//! What the fuzz targets do, one function each: bytes in, a panic when a promise is broken.
//!
//! Kept apart from `fuzz_targets/`, which needs a nightly compiler, so that the project's tests run every function
//! over a small corpus (`tests/cli/fuzz.rs`). Run one with `cargo +nightly fuzz run scan`.

use std::sync::LazyLock;

use keysweep::engine::{Engine, decode, validate};
use keysweep::error::Error;
use keysweep::filter::config::read::{self, Role};
use keysweep::filter::{Trust, baseline::Baseline, config::gitleaks, foreign::Foreign, ignore_file::IgnoreFile};
use keysweep::finding::position::Locator;
use keysweep::finding::redact;
use keysweep::rules::{Method, RuleSet, load, template};
#[cfg(feature = "archive")]
use keysweep::source::archive;
use keysweep::source::encoding;

/// The built-in rules, prepared once.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(RuleSet::builtin()).expect("built-in rules are sound"));

/// The generic rules alone: what the scanner of assignments gives.
static GENERIC: LazyLock<Engine> = LazyLock::new(|| {
    let mut rules = RuleSet::builtin();
    rules.retain(|rule| rule.method == Method::Generic);
    Engine::new(rules).expect("built-in rules are sound")
});

/// Two numbers from the first bytes, and the rest.
fn numbers(data: &[u8]) -> (usize, usize, &[u8]) {
    match data {
        [a, b, c, d, rest @ ..] => {
            (usize::from(u16::from_le_bytes([*a, *b])), usize::from(u16::from_le_bytes([*c, *d])), rest)
        }
        _ => (0, 0, data),
    }
}

/// The engine: matches lie inside the text and in order, and a text gives the same ones every time and in two halves.
pub fn scan(data: &[u8]) {
    scan_with(&ENGINE, data);
}

/// The scanner of assignments, which reads whatever stands round a word for a secret: the same promises.
pub fn assignment(data: &[u8]) {
    scan_with(&GENERIC, data);
}

fn scan_with(engine: &Engine, data: &[u8]) {
    let (cut, _, text) = numbers(data);
    let mut scanner = engine.scanner();
    let matches = scanner.scan(text);
    for found in &matches {
        assert!(found.span.end <= text.len() && found.secret.start <= found.secret.end);
        assert!(found.secret.end <= text.len() && found.confidence <= 100);
    }
    assert!(matches.windows(2).all(|pair| pair[0].secret.start <= pair[1].secret.start));
    let mut again = Vec::new();
    let cut = cut.min(text.len());
    scanner.candidates(text, 0..cut, &mut again);
    scanner.candidates(text, cut..text.len(), &mut again);
    scanner.encoded(text, &mut again);
    scanner.whole(text, &mut again);
    scanner.resolve(text, &mut again);
    let places = |list: &[keysweep::engine::Match]| -> Vec<_> {
        list.iter().map(|found| (found.rule, found.secret.clone(), found.confidence)).collect()
    };
    assert_eq!(places(&matches), places(&again), "cut at {cut}");
}

/// Every decoder: what is found in an encoding lies in the text, only where the cheap test allows it, and an edit of a
/// text without encodings is judged by its new bytes alone.
pub fn decode(data: &[u8]) {
    let (start, length, text) = numbers(data);
    let mut scanner = ENGINE.scanner();
    let mut found = Vec::new();
    scanner.encoded(text, &mut found);
    assert!(found.is_empty() || decode::may_pay(text));
    for found in &found {
        assert!(found.context.end <= text.len() && found.context.start <= found.secret.start);
        assert!(found.secret.end <= found.context.end);
        let chain = found.decoded.as_ref().map_or(0, |decoded| decoded.chain.len());
        assert!((1..=decode::DEEPEST).contains(&chain));
    }
    let start = start.min(text.len());
    let end = start.saturating_add(length).min(text.len());
    let without = [&text[..start], &text[end..]].concat();
    if !decode::may_pay(&without) {
        let new = start.saturating_sub(decode::NEAR)..end.saturating_add(decode::NEAR).min(text.len());
        assert_eq!(decode::may_pay_in(text, [new]), decode::may_pay(text));
    }
}

/// What containers begin with; the first byte of the input chooses one, so that each reader is met.
#[cfg(feature = "archive")]
const MAGICS: [&[u8]; 15] = [
    b"",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"BZh91AY&SY",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0",
    b"7z\xbc\xaf\x27\x1c",
    b"SQLite format 3\0",
    b"%PDF-1.4\n1 0 obj <</Filter/FlateDecode>>\nstream\n",
    b"PACK\0\0\0\x02\0\0\0\x03",
    b"# v2 git bundle\n\nPACK\0\0\0\x02\0\0\0\x03",
    b"\xf3\x0d\r\n",
    b"\xca\xfe\xba\xbe\0\0\0\x41",
    b"[{\"Config\":\"c\",\"Layers\":[\"a/layer.tar\"]}]",
];

/// Every reader of containers: what comes out is within the budget, or the budget's end is told.
#[cfg(feature = "archive")]
pub fn archive(data: &[u8]) {
    let (choice, rest) = data.split_first().map_or((0, data), |(first, rest)| (usize::from(*first), rest));
    let bytes = [MAGICS[choice % MAGICS.len()], rest].concat();
    let (mut total, mut over) = (0u64, false);
    archive::open(&bytes, 4096, &mut |place, event| match event {
        archive::Event::Text { bytes, start, core } => {
            total += bytes.len() as u64;
            assert!(core.is_none_or(|core| core.end <= bytes.len()));
            assert!(start.offset == 0 || !place.member.is_empty() || !place.decode.is_empty());
        }
        archive::Event::Trouble(trouble) => over |= matches!(trouble, archive::Trouble::Budget(_)),
    });
    // Strings taken out of what was unpacked may be handed on beside it.
    let most = 4 * (archive::budget(bytes.len() as u64) + bytes.len() as u64);
    assert!(total <= most || over, "{total} bytes of {}", bytes.len());
}

/// Every validator, over the bytes and over a part of them.
pub fn validators(data: &[u8]) {
    let (start, length, whole) = numbers(data);
    let start = start.min(whole.len());
    let secret = &whole[start..start.saturating_add(length).min(whole.len())];
    for name in validate::NAMES {
        for secret in [secret, whole] {
            let checked = validate::check(name, secret, whole);
            for (_, fact) in checked.facts {
                assert!(!fact.is_empty() && !fact.chars().any(char::is_control), "{name}");
            }
        }
    }
}

/// Templates: the same seed gives the same text; a fault is a sentence.
pub fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expanded = template::expand(text, 7);
    assert_eq!(expanded, template::expand(text, 7));
    if let Err(fault) = expanded {
        assert!(!fault.is_empty());
    }
}

/// Positions and masks: any span of any text has a place, and an excerpt shows no control characters.
pub fn place(data: &[u8]) {
    let (start, length, text) = numbers(data);
    let start = start.min(text.len());
    let end = start.saturating_add(length).min(text.len());
    let mut locator = Locator::new(text);
    let position = locator.position(start..end);
    assert!(position.start_line >= 1 && position.start_column >= 1 && position.end_line >= position.start_line);
    assert!(position.start_column_byte >= position.start_column);
    let line = locator.line_span(start);
    let mask = redact::mask(&text[start..end], 4);
    let masks = [(start..end, mask)];
    let shown = redact::excerpt(text, line, start..end, &masks);
    assert!(!shown.text.chars().any(char::is_control));
    assert!(shown.text.get(shown.mark.clone()).is_some(), "the mark lies on characters of the excerpt");
}

/// UTF-16: every offset of the decoded text has a place in the raw bytes, and places keep their order.
pub fn utf16(data: &[u8]) {
    let decoded = encoding::decode(data);
    let mut before = 0;
    for offset in (0..=decoded.text.len()).step_by(decoded.text.len() / 64 + 1) {
        let raw = decoded.raw_offset(offset);
        assert!(before <= raw && raw <= data.len(), "{offset} is {raw} of {}", data.len());
        before = raw;
    }
}

/// Rule files: rules, or sentences that say what is wrong; what loads can be prepared and run.
pub fn rules(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match load::load(text, "fuzz.toml") {
        Ok(rules) => {
            if let Ok(engine) = Engine::new(RuleSet::from_rules(rules)) {
                let _ = engine.scanner().scan(data);
            }
        }
        Err(faults) => assert!(!faults.is_empty()),
    }
}

/// What repositories bring to configure us, ours and gitleaks' and detect-secrets': settings, or sentences that say what
/// is wrong and where.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let folder = std::path::Path::new(".");
    for trust in [Trust::Repository, Trust::Operator] {
        fault_is_told(read::read(&text, "fuzz", folder, Role::Config(trust)).err());
        fault_is_told(gitleaks::read(&text, "fuzz", folder, trust).err());
        fault_is_told(Baseline::parse(&text, "fuzz", trust).err());
        fault_is_told(IgnoreFile::parse(&text, "fuzz", trust).err());
        fault_is_told(Foreign::json(&text, "fuzz", trust).err());
        let ignored = Foreign::gitleaks_ignore(&text, "fuzz", trust);
        assert!(ignored.notices.iter().all(|notice| !notice.message.is_empty()));
    }
    fault_is_told(read::read(&text, "fuzz", folder, Role::Policy).err());
}

fn fault_is_told(fault: Option<Error>) {
    if let Some(fault) = fault {
        assert!(fault.to_string().starts_with("fuzz") && fault.to_string().len() > 8, "{fault}");
    }
}
