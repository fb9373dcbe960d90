//! What every validator has to stand: hostile bytes, and being in the list.

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};

use super::{NAMES, Verdict, check, implementation};

#[test]
fn every_listed_name_is_implemented_once() {
    let mut names = NAMES.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), NAMES.len(), "a name stands twice");
    for name in NAMES {
        assert!(implementation(name).is_some(), "{name}");
    }
    assert_eq!(check("no-such-validator", b"x", b"x").verdict, Verdict::Silent);
}

#[test]
fn a_rule_with_an_unknown_validator_is_refused() {
    let rule = |validator: &str| {
        format!(
            "[[rules]]\nid = \"x\"\ndescription = \"x\"\nseverity = \"low\"\nliterals = [\"xyz_\"]\nregex = 'xyz_[a-z]{{9}}'\n\
             validators = [\"{validator}\"]\nexamples = [\"xyz_{{lower:9}}\"]\nnearMisses = [\"xyz_{{lower:8}}\"]\n"
        )
    };
    assert!(crate::rules::load::load(&rule("jwt"), "rules.toml").is_ok());
    let errors = crate::rules::load::load(&rule("jwtt"), "rules.toml").expect_err("no such validator");
    assert!(errors.iter().any(|error| error.to_string().contains("`jwtt`")), "{errors:?}");
}

#[test]
fn hostile_input_is_refused_without_a_panic() {
    let megabyte = |byte: u8| vec![byte; 1 << 20];
    let mut inputs: Vec<Vec<u8>> =
        [0, 0xff, b'A', b'=', b'.', b'_', b'{', b'1', b':', b'%', b'\\', b' ', b'$', b'"', b'-']
            .into_iter()
            .flat_map(|byte| [vec![byte], vec![byte; 40], megabyte(byte)])
            .collect();
    inputs.push(Vec::new());
    for start in [
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "PuTTY-User-Key-File-3: ",
        "postgres://a:",
        "Password=",
        "{\"kty\":",
        "eyJ",
        "pypi-AgE",
        "machine x password ",
        "$6$",
        "sntrys_",
        "AKIA",
        "glpat-",
        "https://x/?sig=",
    ] {
        inputs.push(start.as_bytes().to_vec());
        for byte in [b'A', b'\n', b':', 0xe9] {
            inputs.push([start.as_bytes(), &vec![byte; 100_000]].concat());
        }
    }
    for name in NAMES {
        for input in &inputs {
            let _ = (check(name, input, input), check(name, b"", input), check(name, input, b""));
        }
        let empty = check(name, b"", b"").verdict;
        assert!(!matches!(empty, Verdict::Confirmed(_)), "{name} confirms nothing at all");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for name in NAMES {
            let _ = check(name, &bytes, &bytes);
        }
    }

    /// Text of the characters that tokens are made of comes further than bytes do.
    #[test]
    fn arbitrary_text_never_panics(
        text in "(-----BEGIN |glpat-|pypi-|eyJ|a://b:|Server=;|\\{\"d\":\"|\\$6\\$)?[A-Za-z0-9+/=._:@;%\\\\\"'\\-\n ]{0,200}(-----|é|\\$)?",
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = text.as_bytes();
        let part = &bytes[..cut.index(bytes.len() + 1)];
        for name in NAMES {
            let (whole, inner) = (check(name, bytes, bytes), check(name, part, bytes));
            for (_, fact) in whole.facts.iter().chain(&inner.facts) {
                prop_assert!(fact.chars().count() <= 120 && !fact.chars().any(char::is_control));
            }
        }
    }
}
