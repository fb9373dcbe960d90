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

/// Generators and validators were written apart, from the same facts: what one makes the other must take, always.
#[test]
fn what_templates_make_is_taken_with_every_seed() {
    let cases = [
        ("ghp_{mark}{base62:30}{crc32-base62}", "crc32-base62"),
        ("vcp_{mark}{base64url:50}{crc32-base62}", "crc32-base62"),
        ("{mark}glsa_{base62:32}_{crc32-le-hex}", "crc32-le-hex"),
        ("glpat-{gitlab-routable}", "gitlab-routable"),
        ("cflt{mark}{base64:54}{confluent-check}", "confluent"),
        ("{mark}ATATT3xFfGF0{base64url:171}={atlassian-check}", "atlassian"),
        ("zpka_{mark}{loweralnum:32}_{crc32-hex}", "zuplo"),
        ("{aws-key-id}", "aws-key-id"),
        ("pypi-{pypi-macaroon}", "pypi-macaroon"),
        ("sntrys_{sentry-org}_{base64:43}", "sentry-org"),
        ("{jwt}", "jwt"),
        ("{discord-id}.{base64url:6}.{base64url:38}", "discord-id"),
        ("{ngrok-ksuid}_{base62:21}", "ngrok-ksuid"),
        ("{bech32-age}", "bech32"),
        ("{base58check-wif}", "base58check"),
        ("{base58check-xprv}", "base58check"),
        ("{stellar-seed}", "stellar"),
        ("{nats-seed}", "nats"),
        ("{bip39}", "bip39"),
        ("{wireguard}", "wireguard"),
        ("{base64-bytes:64}", "base64-64"),
        ("{base64-bytes:32}", "base64-32"),
        ("{docker-auth}", "docker-auth"),
        ("postgres://{word}:{password}@db.company.com:5432/main", "uri"),
        ("Server=tcp:db.company.com,1433;User ID=app;Password={password};", "mssql"),
        ("{pem-ec}", "pem"),
        ("{pem-dsa}", "pem"),
        ("{pem-openssh}", "pem"),
        ("{putty}", "putty"),
        ("{pgp}", "pgp"),
        ("{pkcs12}", "pkcs12"),
        ("{jwk}", "jwk"),
    ];
    for (template, name) in cases {
        for seed in 0..200 {
            let text = crate::rules::template::expand(template, seed).expect("a sound template");
            let checked = check(name, text.as_bytes(), text.as_bytes());
            let points = match &checked.verdict {
                Verdict::Confirmed(reason) | Verdict::Hint(reason) => reason.points,
                _ => -100,
            };
            // A twelfth of the numbers that fit into an access key id have more than 12 digits.
            assert!(points > 0 || name == "aws-key-id" && points > -20, "{template} {seed}: {:?}", checked.verdict);
        }
    }
    let mut taken = 0;
    for seed in 0..2000 {
        let key = crate::rules::template::expand("{aws-secret}", seed).expect("a sound template");
        taken += usize::from(!matches!(check("aws-secret", key.as_bytes(), b"").verdict, Verdict::Rejected(_)));
        let id = crate::rules::template::expand("{uuid}", seed).expect("a sound template");
        assert_eq!(check("uuid", id.as_bytes(), b"").verdict, Verdict::Silent, "{seed}");
    }
    assert!(taken >= 1999, "{taken} of 2000");
}
