//! The property that matters most of a report: it never leaks. Secrets of every rule are planted, the real binary
//! reports them in every format, and every output is searched for every piece of every secret, in clear and in the
//! encodings that a format might use.

use std::collections::{BTreeSet, HashSet};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use keysweep::rules::RuleSet;

use crate::support::{Folder, github_token};

/// A piece of so many bytes counts as a leak.
const PIECE: usize = 12;

const FORMATS: [&str; 11] =
    ["text", "json", "jsonl", "sarif", "gitlab", "github", "junit", "csv", "markdown", "html", "gitleaks"];

/// A password that needs escaping in every format; another one for each seed.
fn awkward_password(seed: u32) -> String {
    const CHARACTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789<>&%|~^@!*_-";
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(CHARACTERS[(state >> 20) as usize % CHARACTERS.len()])
    };
    (0..28).map(|_| next()).collect()
}

/// A tree with an example of every rule whose templates can be expanded, and some cases of their own.
fn plant(seed: u32) -> (Folder, usize) {
    let folder = Folder::repository();
    let mut planted = 0;
    for rule in RuleSet::builtin().rules() {
        for (index, template) in rule.samples.examples().iter().enumerate() {
            if let Ok(text) = keysweep::rules::template::expand(template, u64::from(seed)) {
                folder.write(&format!("rules/{}-{index}.env", rule.id), format!("# settings\n{text}\n"));
                planted += 1;
            }
        }
    }
    let token = github_token(seed);
    let other = github_token(seed + 1000);
    folder.write("two-on-a-line.env", format!("A={token} B={other} # and once more {token}\n"));
    folder.write(&format!("named-{token}.env"), format!("TOKEN={token}\n"));
    folder.write("long-line.js", format!("{}token=\"{other}\";{}\n", "x=1;".repeat(400), "y=2;".repeat(400)));
    folder.write("password.yaml", format!("db_password: '{}'\n", awkward_password(seed)));
    let utf16: Vec<u8> = format!("$token = '{token}'\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    folder.write("script.ps1", utf16);
    folder.write("accepted.env", format!("TOKEN={other} # keysweep:allow {token}\n"));
    (folder, planted + 6)
}

/// Every piece of `secret` in clear, and some of it in every encoding, but those that stand in `public`.
fn pieces(secret: &[u8], public: &HashSet<&[u8]>, into: &mut BTreeSet<Vec<u8>>) {
    for (index, piece) in secret.windows(PIECE).enumerate().filter(|(_, piece)| !public.contains(piece)) {
        into.insert(piece.to_vec());
        // Every fourth is enough to notice an encoding.
        if index % 4 != 0 {
            continue;
        }
        let text = String::from_utf8_lossy(piece);
        into.insert(piece.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into());
        into.insert(piece.iter().map(|byte| format!("{byte:02X}")).collect::<String>().into());
        into.insert(piece.iter().map(|byte| format!("%{byte:02X}")).collect::<String>().into());
        let some_percent = |byte: &u8| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        into.insert(piece.iter().map(some_percent).collect::<String>().into());
        let escaped = serde_json::to_string(&text).expect("a string");
        into.insert(escaped.trim_matches('"').into());
        let entities = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        into.insert(entities.replace('\'', "&#39;").into());
        into.insert(piece.iter().rev().copied().collect());
    }
    // The same bytes begin at each of three places of a base64 group.
    for lead in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(b' ', lead).chain(secret.iter().copied()).collect();
        let whole = padded.len() / 3 * 3;
        for engine in [STANDARD, URL_SAFE] {
            let encoded = engine.encode(&padded[..whole]);
            let inner = if lead == 0 { &encoded[..] } else { encoded.get(4..).unwrap_or("") };
            into.extend(inner.as_bytes().windows(PIECE * 4 / 3).step_by(4).map(<[u8]>::to_vec));
        }
    }
}

#[test]
fn no_output_leaks_a_piece_of_a_secret() {
    let public: String = RuleSet::builtin()
        .rules()
        .iter()
        .flat_map(|rule| {
            let literals = rule.literals.iter().map(|literal| literal.text.to_string());
            [&rule.id, &rule.description, &rule.rotate, &rule.link].map(ToString::to_string).into_iter().chain(literals)
        })
        .collect::<Vec<_>>()
        .join("\n");
    let public_text = public;
    let public: HashSet<&[u8]> = public_text.as_bytes().windows(PIECE).collect();
    let loud: &[&[&str]] = &[&["-v", "--color", "always"]];
    let quiet: &[&[&str]] = &[&["-q"], &["--no-ignore", "--output", "report"]];
    for (seed, variants) in [(1, loud), (2, quiet)] {
        let (folder, planted) = plant(seed);
        // What there is to leak is what the program itself shows when asked to.
        let shown = folder.keysweep(&["scan", "--format", "json", "--show-secrets"]);
        let report: serde_json::Value = serde_json::from_str(&shown.stdout).expect("a report");
        let mut forbidden = BTreeSet::new();
        let findings = ["findings", "suppressed"].iter().flat_map(|list| report[list].as_array().expect("a list"));
        let mut count = 0;
        for finding in findings {
            let parts = finding["parts"].as_array().into_iter().flatten();
            for shown in std::iter::once(finding).chain(parts) {
                let secret = shown["secret"].as_str().expect("the secret");
                let prefix = shown["redacted"].as_str().and_then(|mask| mask.split("[redacted").next()).unwrap_or("");
                assert!(secret.starts_with(prefix) && prefix.len() * 3 <= secret.len(), "{prefix}");
                // Of a long secret (a private key) both ends are enough.
                let body = &secret.as_bytes()[prefix.len()..];
                let ends = if body.len() > 600 { [&body[..300], &body[body.len() - 300..]] } else { [body, &[]] };
                for end in ends {
                    pieces(end, &public, &mut forbidden);
                }
                count += 1;
            }
        }
        assert!(count * 3 >= planted * 2, "only {count} of {planted} planted secrets were found");
        // What a rule's text says of itself is no leak, base64 of a private key's first line for one.
        let is_public = |piece: &Vec<u8>| memchr::memmem::find(public_text.as_bytes(), piece).is_some();
        let forbidden: Vec<Vec<u8>> = forbidden.into_iter().filter(|piece| !is_public(piece)).collect();
        let search = AhoCorasick::new(&forbidden).expect("patterns");
        assert!(search.is_match(&shown.stdout), "a leak would be noticed");
        let check = |what: &str, output: &str| {
            if let Some(found) = search.find(output) {
                let context = output[..found.start()].rsplit('\n').next().unwrap_or("");
                panic!("{what} leaks {:?} after {context:?}", String::from_utf8_lossy(&forbidden[found.pattern()]));
            }
        };
        for format in FORMATS {
            for more in variants {
                let arguments: Vec<&str> = ["scan", "--format", format].iter().chain(*more).copied().collect();
                let run = folder.keysweep(&arguments);
                assert!(run.status == 1, "{arguments:?}: {}", run.stderr);
                check(&format!("{arguments:?}"), &run.stdout);
                check(&format!("standard error of {arguments:?}"), &run.stderr);
                if let Ok(written) = std::fs::read_to_string(folder.path().join("report")) {
                    check(&format!("the file of {arguments:?}"), &written);
                    std::fs::remove_file(folder.path().join("report")).expect("removed");
                }
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn errors_and_gaps_leak_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let token = github_token(7);
    folder.write("a.env", format!("TOKEN={token}\n"));
    let locked = folder.write(&format!("locked-{token}.env"), "nothing");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).expect("permissions are set");
    // The superuser reads it all the same; then there is no gap to look at.
    let gap = std::fs::read(&locked).is_err();
    for format in FORMATS {
        let run = folder.keysweep(&["scan", "-v", "--format", format]);
        assert_eq!(run.status, if gap { 2 } else { 1 });
        assert!(!run.stdout.contains(&token[4..16]) && !run.stderr.contains(&token[4..16]), "{format}: {}", run.stderr);
    }
    folder.write("broken.toml", format!("token = \"{token}\"\n[[[\n"));
    let run = folder.keysweep(&["scan", "--config", "broken.toml"]);
    assert_eq!(run.status, 2);
    assert!(!run.stderr.contains(&token[4..16]), "{}", run.stderr);
}
