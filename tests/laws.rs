//! Laws that hold between stations, as property tests.

use keysweep::engine::{Engine, Match, Open, SHORT_REACH, Scanner};
use keysweep::rules::{RuleSet, template};
use proptest::prelude::*;

/// Candidates and open hits of a text after an edit, from those before it: only what the edit could have changed is
/// looked at again. This is what the delta walk does, and what [`Match::context`] and [`Open`] promise.
fn after_edit(
    scanner: &mut Scanner<'_>,
    (matches, open): (&[Match], &[Open]),
    text: &[u8],
    (start, old_end, new_end): (usize, usize, usize),
) -> Vec<Match> {
    let (backward, forward) = SHORT_REACH;
    let mut out = Vec::new();
    // A hit left of the edit may look forward into it, one right of it backward.
    let window = start.saturating_sub(forward)..(new_end + backward).min(text.len());
    scanner.candidates(text, window.clone(), &mut out);
    let move_by = |at: usize| if at >= old_end { at - old_end + new_end } else { at };
    // Whoever looked up to an end may have seen that it is one.
    let old_len = text.len() - new_end + old_end;
    let carried = |context: &std::ops::Range<usize>| {
        let ends = context.end >= old_len && old_end == old_len;
        let starts = context.start == 0 && start == 0;
        context.end <= start && !ends || context.start >= old_end && !starts
    };
    let mut again = Vec::new();
    for found in matches {
        let anchor = move_by(found.anchor);
        if (start..old_end).contains(&found.anchor) || window.contains(&anchor) {
            continue;
        }
        if carried(&found.context) {
            let mut moved = found.clone();
            for range in [&mut moved.span, &mut moved.secret, &mut moved.context] {
                *range = move_by(range.start)..move_by(range.end.max(1) - 1) + 1;
            }
            moved.anchor = anchor;
            out.push(moved);
        } else {
            again.push(anchor);
        }
    }
    for hit in open {
        let anchor = move_by(hit.anchor);
        if !(start..old_end).contains(&hit.anchor) && !window.contains(&anchor) && !carried(&hit.context) {
            again.push(anchor);
        }
    }
    again.sort_unstable();
    again.dedup();
    for anchor in again {
        scanner.candidates(text, anchor..anchor + 1, &mut out);
    }
    out
}

fn comparable(scanner: &mut Scanner<'_>, text: &[u8], mut candidates: Vec<Match>) -> Vec<(u16, usize, usize, u8)> {
    scanner.resolve(text, &mut candidates);
    candidates.iter().map(|found| (found.rule, found.secret.start, found.secret.end, found.confidence)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// The law of the delta walk, on one edit: what was not looked at cannot matter.
    #[test]
    fn an_edit_changes_only_what_looked_at_it(
        pieces in prop::collection::vec(0usize..22, 1..40), seed in 0u64..500,
        at in 0.0f64..1.0, cut in 0usize..300, insert in prop::collection::vec(0usize..22, 0..4),
    ) {
        let mut fields: Vec<String> = ["ghp_{mark}{base62:30}{crc32-base62}", "{alnum:20}", "{hex:32}", "{password}"]
            .iter().map(|template| template::expand(template, seed).expect("template")).collect();
        fields.extend(["password = \"", "api_key: ", "\"", "\n", "token", " = ", "example ", "-----BEGIN RSA PRIVATE KEY-----\n",
            "eyJhbGciOiJIUzI1NiJ9.", &"lorem ipsum = dolor; ".repeat(12), "=\n", "%3D", "&quot;", "\\u0022", "ghp_", "%2",
            "password: aHVudGVyMi5zZWNyZXQ=\n", "postgres%3A%2F%2Fapp%3A"].map(str::to_owned));
        let text: String = pieces.iter().map(|piece| fields[*piece].as_str()).collect();
        let inserted: String = insert.iter().map(|piece| fields[*piece].as_str()).collect();
        let start = (at * text.len() as f64) as usize;
        let old_end = (start + cut).min(text.len());
        let edited = format!("{}{inserted}{}", &text[..start], &text[old_end..]);
        let engine = Engine::new(RuleSet::builtin()).expect("built-in rules");
        let mut scanner = engine.scanner();
        scanner.open = Some(Vec::new());
        let mut before = Vec::new();
        scanner.candidates(text.as_bytes(), 0..text.len(), &mut before);
        let open = scanner.open.replace(Vec::new()).expect("was set");
        let edit = (start, old_end, start + inserted.len());
        let carried = after_edit(&mut scanner, (&before, &open), edited.as_bytes(), edit);
        let mut whole = Vec::new();
        scanner.candidates(edited.as_bytes(), 0..edited.len(), &mut whole);
        prop_assert_eq!(
            comparable(&mut scanner, edited.as_bytes(), carried),
            comparable(&mut scanner, edited.as_bytes(), whole)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    /// No bytes make the engine panic, and every range it gives lies in the text.
    #[test]
    fn any_bytes_are_survived(pieces in prop::collection::vec(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        Just(b"password=".to_vec()), Just(b"\"token\": \"".to_vec()), Just(b"<secret>".to_vec()),
        Just(b"api_key".to_vec()), Just(b" := \\\"".to_vec()), Just(b"ghp_".to_vec()), Just(b"-----BEGIN".to_vec()),
        Just(b" PRIVATE KEY-----".to_vec()), Just(b"eyJ".to_vec()), Just(b"postgres://a:b@".to_vec()),
        Just(b"AKIA".to_vec()), Just(vec![0u8; 9]), Just(b"A1b2C3d4E5f6G7h8".to_vec()), Just(b"\r\n".to_vec()),
    ], 0..40)) {
        let text = pieces.concat();
        let engine = Engine::new(RuleSet::builtin()).expect("built-in rules");
        let mut scanner = engine.scanner();
        scanner.dropped = Some(Vec::new());
        scanner.open = Some(Vec::new());
        for found in scanner.scan(&text) {
            for range in [&found.span, &found.secret, &found.context] {
                prop_assert!(range.start <= range.end && range.end <= text.len());
            }
            prop_assert!(found.context.start <= found.span.start && found.span.end <= found.context.end);
            prop_assert!(found.span.start <= found.secret.start && found.secret.end <= found.span.end);
        }
    }
}
