//! Budgets of one text, and what is told of what lies behind them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Engine, Scanner};
use crate::rules::RuleSet;

const PLACEHOLDER: &str = "password: changeme\n";
const SECRET: &str = "db_password = \"kV9#xw2!pQ7z\"\n"; // keysweep:allow made up

fn with_scanner<T>(check: impl FnOnce(&mut Scanner<'_>) -> T) -> T {
    let engine = Engine::new(RuleSet::builtin()).expect("the built-in rules");
    check(&mut engine.scanner())
}

#[test]
fn names_that_come_to_nothing_have_a_budget() {
    with_scanner(|scanner| {
        scanner.most_in_vain = 1000; // two keywords stand in each name
        let text = |placeholders: usize| PLACEHOLDER.repeat(placeholders) + SECRET;
        assert_eq!(scanner.scan(text(400).as_bytes()).len(), 1);
        assert!(!scanner.crowded);
        // The hits of a piece are judged until the budget is gone.
        assert_eq!(scanner.scan(text(600).as_bytes()).len(), 0);
        assert!(std::mem::take(&mut scanner.crowded));
        // Each text has its own.
        assert_eq!(scanner.scan(text(400).as_bytes()).len(), 1);
        assert!(!scanner.crowded);
        // What stands in an encoding counts as well.
        let encoded = format!("data: {}\n{SECRET}", STANDARD.encode(PLACEHOLDER.repeat(600)));
        scanner.scan(encoded.as_bytes());
        assert!(std::mem::take(&mut scanner.crowded));
    });
}

/// The delta walk scans a text whole that holds more hits than it carries; so a hit that counts must be one of those (but
/// for one at the very beginning of a text).
#[test]
fn what_counts_as_in_vain_is_carried_as_open() {
    with_scanner(|scanner| {
        for line in
            [PLACEHOLDER, "token = next()\n", "<password>x</password>\n", "secret&quot;: x\n", "api_key=\\u0041\n"]
        {
            scanner.open = Some(Vec::new());
            let mut found = Vec::new();
            let text = line.repeat(100);
            scanner.candidates(text.as_bytes(), 0..text.len(), &mut found);
            let open = scanner.open.take().expect("the list");
            assert!(
                scanner.vain >= 100 && scanner.vain <= open.len() + 1,
                "{line}: {} of {}",
                scanner.vain,
                open.len()
            );
        }
    });
}

#[test]
fn an_encoding_too_deep_is_told_and_nothing_else_is() {
    let wrapped = |times: usize| {
        let text = format!("# settings of the application\n{SECRET}");
        (0..times).fold(text, |text, _| STANDARD.encode(text))
    };
    with_scanner(|scanner| {
        for times in 1..=5 {
            assert_eq!(scanner.scan(format!("data: {}\n", wrapped(times)).as_bytes()).len(), 1, "{times}");
            assert!(!scanner.too_deep, "{times}");
        }
        scanner.scan(format!("data: {}\n", wrapped(6)).as_bytes());
        assert!(scanner.too_deep);
        scanner.scan(SECRET.as_bytes());
        assert!(!scanner.too_deep);
        let noise: Vec<u8> = (0..60_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        scanner.scan(format!("data: {}\n", STANDARD.encode(STANDARD.encode(noise))).as_bytes());
        assert!(!scanner.too_deep);
    });
}

#[test]
fn escapes_may_begin_a_value() {
    with_scanner(|scanner| {
        for text in [
            "db_password = &quot;kV9#xw2!pQ7z&quot;\n",         // keysweep:allow made up
            "db_password =3D \"kV9#xw2!pQ7z\"\n",               // keysweep:allow made up
            "\"db_password = \\\\\\\"kV9#xw2!pQ7z\\\\\\\"\"\n", // keysweep:allow made up
            "{\"manifest\": \"data:\\n  password: a1Y5I3h3MiFwUTd6dw==\\n\"}\n", // keysweep:allow made up
        ] {
            assert_eq!(scanner.scan(text.as_bytes()).len(), 1, "{text}");
        }
    });
}

#[test]
fn long_runs_are_decoded_in_pieces_that_overlap() {
    const PIECE: usize = 8 << 20;
    let filler = "some words of a log file, line by line\n";
    let mut text = filler.repeat(PIECE / filler.len());
    // On the border of two pieces, and at the end.
    text.truncate(PIECE - 20);
    text.push('\n');
    text.push_str(SECRET);
    text.push_str(&filler.repeat(9000));
    text.push_str("api_secret = \"q7Gf0ZxT2mV8LkWp3Rb6YdNc\"\n"); // keysweep:allow made up
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    with_scanner(|scanner| {
        for encoded in [STANDARD.encode(&text), hex] {
            let found = scanner.scan(format!("data: {encoded}\n").as_bytes());
            assert_eq!(found.len(), 2, "{:?}", found.iter().map(|found| found.span.clone()).collect::<Vec<_>>());
        }
    });
}
