//! Decoding, as property tests: a secret in any text, encoded in any form or several, is found at its place.

use keysweep::engine::{Engine, Match, Scanner, decode};
use keysweep::rules::{RuleSet, template};
use proptest::prelude::*;

/// How a text is encoded, and the names the chain has for it.
struct Form {
    chain: &'static [&'static str],
    encode: fn(&[u8]) -> Vec<u8>,
}

fn base64(alphabet: &base64::engine::GeneralPurpose, bytes: &[u8]) -> String {
    base64::Engine::encode(alphabet, bytes)
}

fn standard(bytes: &[u8]) -> String {
    base64(&base64::engine::general_purpose::STANDARD, bytes)
}

fn wrapped(bytes: &[u8], width: usize, end: &str) -> Vec<u8> {
    let text = standard(bytes);
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).expect("ascii")).collect();
    lines.join(end).into_bytes()
}

fn each(bytes: &[u8], one: fn(u8) -> String) -> Vec<u8> {
    bytes.iter().map(|&byte| one(byte)).collect::<String>().into_bytes()
}

fn deflate(bytes: &[u8], header: bool) -> Vec<u8> {
    let mut out = vec![0; bytes.len() + 1000];
    let mut stream = zlib_rs::Deflate::new(6, header, 15);
    stream.compress(bytes, &mut out, zlib_rs::DeflateFlush::Finish).expect("compresses");
    out.truncate(stream.total_out() as usize);
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(deflate(bytes, false));
    out.extend(crc32fast::hash(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

const FORMS: &[Form] = &[
    Form { chain: &["base64"], encode: |bytes| standard(bytes).into_bytes() },
    Form {
        chain: &["base64"],
        encode: |bytes| base64(&base64::engine::general_purpose::STANDARD_NO_PAD, bytes).into_bytes(),
    },
    Form { chain: &["base64"], encode: |bytes| base64(&base64::engine::general_purpose::URL_SAFE, bytes).into_bytes() },
    Form {
        chain: &["base64"],
        encode: |bytes| base64(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes).into_bytes(),
    },
    Form { chain: &["base64"], encode: |bytes| wrapped(bytes, 76, "\n") },
    Form { chain: &["base64"], encode: |bytes| wrapped(bytes, 64, "\r\n    ") },
    Form { chain: &["base64"], encode: |bytes| wrapped(bytes, 60, "\\n") },
    Form { chain: &["base64"], encode: |bytes| standard(bytes).replace('/', "\\/").into_bytes() },
    Form {
        chain: &["percent", "base64"],
        encode: |bytes| {
            let text = standard(bytes);
            let each = text.bytes().enumerate().map(|(at, byte)| match at % 20 {
                19 => format!("%{byte:02X}"),
                _ => char::from(byte).to_string(),
            });
            format!("q%3D{}", each.collect::<String>()).into_bytes()
        },
    },
    Form { chain: &["hex"], encode: |bytes| each(bytes, |byte| format!("{byte:02x}")) },
    Form { chain: &["hex"], encode: |bytes| each(bytes, |byte| format!("{byte:02X}")) },
    Form { chain: &["percent"], encode: |bytes| each(bytes, |byte| format!("%{byte:02X}")) },
    Form { chain: &["escapes"], encode: |bytes| each(bytes, |byte| format!("\\x{byte:02x}")) },
    Form { chain: &["escapes"], encode: |bytes| each(bytes, |byte| format!("\\u{byte:04x}")) },
    Form { chain: &["html-entity"], encode: |bytes| each(bytes, |byte| format!("&#{byte};")) },
    Form { chain: &["html-entity"], encode: |bytes| each(bytes, |byte| format!("&#x{byte:x};")) },
    Form { chain: &["quoted-printable"], encode: |bytes| each(bytes, |byte| format!("={byte:02X}")) },
    Form { chain: &["base64", "gzip"], encode: |bytes| standard(&gzip(bytes)).into_bytes() },
    Form { chain: &["base64", "zlib"], encode: |bytes| standard(&deflate(bytes, true)).into_bytes() },
    Form { chain: &["hex", "gzip"], encode: |bytes| each(&gzip(bytes), |byte| format!("{byte:02x}")) },
    Form {
        chain: &["base64", "utf-16le"],
        encode: |bytes| {
            let wide: Vec<u8> = bytes.iter().flat_map(|&byte| [byte, 0]).collect();
            standard(&wide).into_bytes()
        },
    },
];

fn token(seed: u64) -> String {
    template::expand("ghp_{mark}{base62:30}{crc32-base62}", seed).expect("a template")
}

fn engine() -> Engine {
    Engine::new(RuleSet::builtin()).expect("built-in rules")
}

fn chain(found: &Match) -> Vec<&'static str> {
    found.decoded.as_ref().map(|decoded| decoded.chain.clone()).unwrap_or_default()
}

/// The one match of `token` in `text`, which must lie in `place`.
fn one(scanner: &mut Scanner<'_>, text: &[u8], token: &str, place: std::ops::Range<usize>) -> Match {
    let matches = scanner.scan(text);
    let mut found = matches.iter().filter(|found| found.secret_in(text) == token.as_bytes());
    let first = found.next().unwrap_or_else(|| panic!("nothing in {}", String::from_utf8_lossy(text)));
    assert!(place.start <= first.secret.start && first.secret.end <= place.end, "{:?} in {place:?}", first.secret);
    assert!(first.context.start <= first.span.start && first.span.end <= first.context.end);
    assert!(first.context.end <= text.len());
    assert!(found.next().is_none(), "twice in {}", String::from_utf8_lossy(text));
    first.clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// The law: whatever stands round a secret, and in whatever forms it is encoded, it is found with its chain.
    #[test]
    fn an_encoded_secret_is_found_where_it_stands(
        seed in 0u64..10_000, forms in prop::collection::vec(0..FORMS.len(), 1..4),
        before in "[ -~]{0,40}", inner in "[a-z .,;\\n]{0,90}", behind in "[a-z .,;\\n]{0,90}",
        quote in prop_oneof![Just("\""), Just("'"), Just("\n"), Just(" ")],
    ) {
        let token = token(seed);
        let mut content = format!("{inner}\nvalue: {token}\n{behind}").into_bytes();
        let mut names: Vec<&str> = Vec::new();
        for &form in &forms {
            content = (FORMS[form].encode)(&content);
            names.splice(0..0, FORMS[form].chain.iter().copied());
        }
        prop_assume!(names.len() <= decode::DEEPEST);
        let mut text = format!("some text {before}\nx={quote}").into_bytes();
        let start = text.len();
        text.extend_from_slice(&content);
        let end = text.len();
        text.extend_from_slice(format!("{quote}\nmore text\n").as_bytes());
        prop_assert!(decode::may_pay(&text));
        let engine = engine();
        let found = one(&mut engine.scanner(), &text, &token, start..end);
        prop_assert_eq!(chain(&found), names);
    }

    /// Any bytes at all are scanned without a panic, and every place lies inside the text.
    #[test]
    fn any_bytes_are_decoded_without_harm(
        pieces in prop::collection::vec(prop_oneof![
            "[A-Za-z0-9+/=_-]{0,80}", "(\\\\x[0-9a-f]{2}){0,20}", "(%[0-9A-F]{2}){0,20}", "(&#[0-9]{2,3};){0,12}",
            "(=[0-9A-F]{2}|=\\n){0,20}", "[ -~\\n]{0,30}", Just("H4sIAAAAAAAA".to_owned()), Just("eJwrzs9NVSjISczMU0gt".to_owned()),
            Just("password%3D".to_owned()), Just("ghp_%41".to_owned()), Just("token&quot;:&quot;".to_owned()),
        ], 0..12),
        noise in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut text = pieces.concat().into_bytes();
        text.extend_from_slice(&noise);
        text.extend_from_slice(pieces.concat().as_bytes());
        let engine = engine();
        for found in engine.scanner().scan(&text) {
            for range in [&found.span, &found.secret, &found.context] {
                prop_assert!(range.start <= range.end && range.end <= text.len());
            }
            prop_assert!(found.span.start <= found.secret.start && found.secret.end <= found.span.end);
            prop_assert!(found.context.start <= found.span.start && found.span.end <= found.context.end);
        }
    }
}

/// What escapes leave readable: the secret's own characters, with everything round them escaped.
#[test]
fn escapes_among_plain_text_are_seen_through() {
    let engine = engine();
    let mut scanner = engine.scanner();
    let password = template::expand("{password}", 5).expect("a template").replace('!', "x");
    let token = token(4);
    for (form, texts) in [
        (
            "percent",
            [
                format!("https://x.company.com/?q=%7B%22password%22%3A%22{password}%22%7D&x=1"),
                format!("body=db_password%3D{password}%0Auser%3Dx"),
                format!("next=postgres%3A%2F%2Fapp%3A{password}%40db.company.com%2Fx"),
                format!("token%3D{token}%26a"),
            ],
        ),
        (
            "escapes",
            [
                format!("\"\\u0022password\\u0022:\\u0022{password}\\u0022\""),
                format!("\"db_password\\u003d{password}\\u000ax=1\""),
                format!("\"{{\\\\\\\"password\\\\\\\":\\\\\\\"{password}\\\\\\\"}}\""),
                format!("'\\x22password\\x22: \\x22{password}\\x22'"),
            ],
        ),
        (
            "html-entity",
            [
                format!("<input value=\"{{&quot;password&quot;: &quot;{password}&quot;}}\">"),
                format!("<a>password&#61;&#34;{password}&#34;</a>"),
                format!("<x y='&quot;db_password&quot;:&quot;{password}&quot;'/>"),
                format!("<x y='password&#x3d;&#x27;{password}&#x27;'/>"),
            ],
        ),
        (
            "quoted-printable",
            [
                format!("the password=3D\"{password}\" is=\n new"),
                format!("here: {}=\n{} and", &token[..21], &token[21..]),
                format!("here: {}=\r\n{}", &token[..9], &token[9..]),
                format!("PASSWORD=3D{password}\n"),
            ],
        ),
    ] {
        for text in texts {
            let wanted = if text.contains("ghp_") { &token } else { &password };
            let matches = scanner.scan(text.as_bytes());
            let found = matches.iter().find(|found| found.secret_in(text.as_bytes()) == wanted.as_bytes());
            let found = found.unwrap_or_else(|| panic!("nothing in {text}"));
            assert!(found.decoded.is_none() || chain(found) == [form], "{text}: {:?}", chain(found));
        }
    }
}

/// In mail a token may begin right behind an escape; behind letters and digits it is none.
#[test]
fn a_token_begins_behind_an_escape_of_mail() {
    let (engine, token) = (engine(), token(4));
    let count = |text: String| engine.scanner().scan(text.as_bytes()).len();
    assert_eq!(count(format!("the link=3D{token} in mail")), 1);
    assert_eq!(count(format!("the link=41{token} in mail")), 0);
    assert_eq!(count(format!("the link 3D{token} in mail")), 0);
}

/// A Kubernetes Secret's values are judged by what they decode to.
#[test]
fn a_value_is_judged_by_its_text() {
    let engine = engine();
    let mut scanner = engine.scanner();
    let password = template::expand("{password}", 9).expect("a template");
    let text = format!("data:\n  db-password: {}\n", standard(password.as_bytes()));
    let matches = scanner.scan(text.as_bytes());
    assert_eq!(matches.len(), 1, "{matches:?}");
    assert_eq!(matches[0].secret_in(text.as_bytes()), password.as_bytes());
    assert_eq!(chain(&matches[0]), ["base64"]);
    for harmless in ["changeme", "Enter your password", "getPassword()"] {
        let text = format!("data:\n  db-password: {}\n", standard(harmless.as_bytes()));
        assert!(scanner.scan(text.as_bytes()).is_empty(), "{harmless}");
    }
}

/// What five levels hide is found, what six hide is not; and the innermost of a Helm release is five deep.
#[test]
fn depth_is_bounded() {
    let engine = engine();
    let mut scanner = engine.scanner();
    let token = token(11);
    let mut text = format!("key: {token} and more text").into_bytes();
    for depth in 1..8 {
        text = standard(&text).into_bytes();
        let found = scanner.scan(&text).len();
        assert_eq!(found, usize::from(depth <= decode::DEEPEST), "{depth}");
    }
    let manifest = format!("kind: ConfigMap\ndata:\n  conf: {}\n", standard(format!("token = {token}\n").as_bytes()));
    let chart = format!("{{\"name\":\"x\",\"data\":\"{}\"}}", standard(manifest.as_bytes()));
    let release = format!("release: {}\n", standard(standard(&gzip(chart.as_bytes())).as_bytes()));
    let found = one(&mut scanner, release.as_bytes(), &token, 9..release.len());
    assert_eq!(chain(&found), ["base64", "base64", "gzip", "base64", "base64"]);
}

/// A stream that decompresses to a thousand times its size is read up to the budget, and the scanner says so.
#[test]
fn a_bomb_is_cut_off() {
    let engine = engine();
    let mut scanner = engine.scanner();
    let token = token(3);
    let mut content = format!("key: {token}\n").into_bytes();
    content.resize(40 << 20, b'a');
    let packed = gzip(&content);
    let text = standard(&packed).into_bytes();
    assert!(decode::budget(text.len()) < content.len() / 2);
    one(&mut scanner, &text, &token, 0..text.len());
    assert!(std::mem::take(&mut scanner.exhausted));
    scanner.scan(b"nothing");
    assert!(!scanner.exhausted);
}

/// The cheap test is quiet about what code and data are full of.
#[test]
fn ordinary_text_does_not_pay() {
    for text in [
        "import com.company.internal.framework.SomeVeryLongClassNameThatNeverEnds;",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "integrity sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DmdLgJxqkTPlM5GnRnE5LoVM5b4Yb5g==",
        "/usr/share/some-directory/another_directory/yet-another-directory/and-one-more/file",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "================================================================================",
        "----------------------------------------------------------------------",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    ] {
        assert!(!decode::may_pay(text.as_bytes()), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    /// The law of the delta walk: in a text that came from one without encodings, one look at what is new decides.
    #[test]
    fn an_edit_pays_where_it_is_new(
        pieces in prop::collection::vec(0usize..8, 0..30), insert in prop::collection::vec(0usize..8, 0..3),
        at in 0.0f64..1.0, cut in 0usize..120, seed in 0u64..50,
    ) {
        let encoded = standard(template::expand("some text and {alnum:20} more", seed).expect("a template").as_bytes());
        let half = encoded.len() / 2;
        let fields =
            [&encoded[..half], &encoded[half..], "\n", " = ", "word_and_more", "\"", "c2VjcmV0", "\\x41\\x42\\x43"];
        let text: String = pieces.iter().map(|&piece| fields[piece]).collect();
        let inserted: String = insert.iter().map(|&piece| fields[piece]).collect();
        let start = (at * text.len() as f64) as usize;
        let end = (start + cut).min(text.len());
        let edited = format!("{}{inserted}{}", &text[..start], &text[end..]);
        if !decode::may_pay(text.as_bytes()) {
            let new = start.saturating_sub(decode::NEAR)..(start + inserted.len() + decode::NEAR).min(edited.len());
            prop_assert_eq!(decode::may_pay_in(edited.as_bytes(), [new]), decode::may_pay(edited.as_bytes()));
        }
    }
}
