//! The law of streams, as a property test: any chunking of a text gives the findings of the whole.
#![cfg(feature = "cli")]

use keysweep::engine::{Engine, Scanner};
use keysweep::rules::{RuleSet, template};
use keysweep::source::stream::{Window, Windows};
use proptest::prelude::*;

fn windowed(scanner: &mut Scanner<'_>, pieces: &[&[u8]], block: usize) -> Vec<(u16, u64, u64)> {
    let mut found = Vec::new();
    let mut windows = Windows::new(block, 4096);
    let mut visit = |window: &Window<'_>| {
        for one in scanner.scan(window.text) {
            if window.core.contains(&one.secret.start) {
                let offset = window.start.offset;
                found.push((one.rule, one.secret.start as u64 + offset, one.secret.end as u64 + offset));
            }
        }
    };
    for piece in pieces {
        windows.feed(piece, &mut visit);
    }
    windows.finish(&mut visit);
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// The law: any chunking gives the findings of the whole.
    #[test]
    fn any_chunking_gives_the_same_findings(
        seeds in prop::collection::vec((0u64..1000, 0usize..3000), 1..12),
        cuts in prop::collection::vec(1usize..2000, 1..20),
        block in 1000usize..6000,
    ) {
        let mut text = String::new();
        for (seed, filler) in seeds {
            text.extend(std::iter::repeat_n("some words and = signs; ", filler / 24));
            text.push_str("\nkey = ");
            text.push_str(&template::expand("ghp_{mark}{base62:30}{crc32-base62}", seed).expect("template"));
            text.push_str("\npassword = \"");
            text.push_str(&template::expand("{alnum:18}", seed).expect("template"));
            text.push_str("\"\n");
            // A table whose head is one, and one in the middle of which a row looks like one.
            text.push_str(if seed % 2 == 0 { "\n" } else { "a,b\n" });
            text.push_str("user,the-password\nbob,");
            text.push_str(&template::expand("{alnum:16}", seed).expect("template"));
            text.push('\n');
        }
        let engine = Engine::new(RuleSet::builtin()).expect("built-in rules");
        let mut scanner = engine.scanner();
        let whole: Vec<_> = scanner.scan(text.as_bytes()).iter()
            .map(|one| (one.rule, one.secret.start as u64, one.secret.end as u64)).collect();
        prop_assert!(!whole.is_empty());
        let mut pieces = Vec::new();
        let mut rest = text.as_bytes();
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let cut = (*cuts.next().expect("endless")).min(rest.len());
            pieces.push(&rest[..cut]);
            rest = &rest[cut..];
        }
        prop_assert_eq!(&windowed(&mut scanner, &pieces, block), &whole);
        prop_assert_eq!(&windowed(&mut scanner, &[text.as_bytes()], block), &whole);
    }
}
