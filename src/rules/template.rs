//! Generator templates: test secrets are made up when a test runs, so that no token stands in the repository.
//!
//! A template is text with generators in braces, `{name}` or `{name:argument}`; `{{` and `}}` are braces. Checksums
//! and the `to-` encodings look at what the template produced since the last `{mark}`, or since its start: a
//! checksum is appended, an encoding takes the place of what it encodes. So a GitHub token is
//! `ghp_{mark}{base62:30}{crc32-base62}`. The table of generators stands in `docs/rules.md`, and a test holds it
//! against [`GENERATORS`].

mod checksum;
mod encode;
mod keys;
mod random;
mod token;

use random::Random;

/// Expands `template` with random text drawn from `seed`; the same seed gives the same text.
///
/// # Errors
/// A sentence that names the unknown generator or the fault.
pub fn expand(template: &str, seed: u64) -> Result<String, String> {
    let mut random = Random::new(seed, template);
    let mut made = Made::default();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        made.text.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            made.text.push_str(brace);
            rest = after;
            continue;
        }
        let end = (brace == "{").then(|| rest.find('}')).flatten();
        let Some(end) = end else {
            return Err(format!("template `{template}`: a lone `{brace}`; write `{brace}{brace}`"));
        };
        let (name, argument) = rest[..end].split_once(':').unwrap_or((&rest[..end], ""));
        generate(name, argument, &mut random, &mut made)
            .map_err(|fault| format!("template `{template}`: `{{{}}}`: {fault}", &rest[..end]))?;
        rest = &rest[end + 1..];
    }
    made.text.push_str(rest);
    Ok(made.text)
}

/// What a template has produced so far, and where its last `{mark}` stood.
#[derive(Debug, Default)]
struct Made {
    text: String,
    mark: usize,
}

impl Made {
    /// What was produced since the mark.
    fn marked(&self) -> &str {
        &self.text[self.mark..]
    }

    /// Puts `text` in the place of what was produced since the mark.
    fn replace(&mut self, text: &str) {
        self.text.truncate(self.mark);
        self.text.push_str(text);
    }
}

/// Every generator and what it produces, for the documentation.
pub const GENERATORS: &[(&str, &str)] = &[
    ("base62:N", "N of 0-9 A-Z a-z; N may be a range, `20-30`, here and in all that follow"),
    ("alnum:N", "the same as base62"),
    ("letters:N", "N of A-Z a-z"),
    ("lower:N", "N of a-z"),
    ("upper:N", "N of A-Z"),
    ("digits:N", "N of 0-9, the first not 0"),
    ("hex:N", "N of 0-9 a-f"),
    ("HEX:N", "N of 0-9 A-F"),
    ("loweralnum:N", "N of 0-9 a-z"),
    ("upperalnum:N", "N of 0-9 A-Z"),
    ("base32:N", "N of A-Z 2-7"),
    ("base32lower:N", "N of a-z 2-7"),
    ("base58:N", "N of base58's alphabet (no 0, O, I, l)"),
    ("base64:N", "N of base64's alphabet, no padding"),
    ("base64url:N", "N of base64url's alphabet"),
    ("from:CHARACTERS:N", "N of the characters given"),
    ("base64-bytes:N", "base64 of N random bytes, with padding"),
    ("base64url-bytes:N", "base64url of N random bytes, without padding"),
    ("uuid", "a random UUID (version 4)"),
    ("word", "a word, for names of users and machines"),
    ("password", "a strong password of 14 to 18 characters that is safe in URLs"),
    ("mark", "nothing; checksums and encodings begin here"),
    ("to-base64", "encoding: base64"),
    ("to-base64url", "encoding: base64url without padding"),
    ("to-url", "encoding: percent signs"),
    ("to-escaped", "encoding: newlines and quotes as in a JSON string"),
    ("to-indented:N", "encoding: N blanks before every line"),
    ("crc32-base62", "checksum of GitHub, npm, Vercel: six digits of base 62"),
    ("crc32-hex", "checksum of Zuplo: hex; a `_` at the end is left out"),
    ("crc32-le-hex", "checksum of Grafana: little-endian hex; a `_` at the end is left out"),
    ("atlassian-check", "checksum of Atlassian: upper-case hex"),
    ("confluent-check", "checksum of Confluent: six characters of base64"),
    ("github-fine-grained-check", "checksum of `github_pat_`: eight characters of base32 over the first 77"),
    ("gitlab-routable", "payload, length and checksum of GitLab's routable tokens, behind the prefix"),
    ("aws-key-id", "an access key id that holds an account number; `:ASIA` for another prefix"),
    ("aws-secret", "a secret access key"),
    ("pypi-macaroon", "what follows `pypi-`; `:test` for the test registry"),
    (
        "jwt",
        "a signed token that has not expired; `:expired`, `:none`, `:service-role`, `:anon`, `:kubernetes`, `:jfrog`",
    ),
    ("sentry-org", "what follows `sntrys_`"),
    ("discord-id", "base64 of a bot's id, the first part of its token"),
    ("ngrok-ksuid", "the first part of an ngrok token"),
    ("bech32-age", "an age secret key; `:pq` for a post-quantum one"),
    ("bech32-nsec", "a Nostr secret key"),
    ("base58check-wif", "a Bitcoin private key in import format"),
    ("base58check-xprv", "a BIP-32 extended private key; `:yprv`, `:zprv`, `:tprv` for its other versions"),
    ("stellar-seed", "a Stellar secret seed"),
    ("nats-seed", "a NATS user seed"),
    ("bip39", "a mnemonic of 12 words with a valid checksum"),
    ("wireguard", "a WireGuard private key"),
    ("docker-auth", "base64 of user:password"),
    ("basic-auth-base64", "the same"),
    ("pem-rsa", "an RSA private key (PKCS#1) whose numbers fit together; `:1024` for another size"),
    ("pem-ec", "an EC private key (SEC 1, P-256)"),
    ("pem-dsa", "a DSA private key"),
    ("pem-pkcs8", "an RSA private key (PKCS#8)"),
    ("pem-openssh", "an Ed25519 private key in OpenSSH's format; `:encrypted` for one with a passphrase"),
    ("pem-encrypted", "an encrypted private key (PKCS#8); `:legacy` for OpenSSL's old form"),
    ("putty", "a PuTTY private key file of version 3 with its authentication code"),
    ("pgp", "an OpenPGP private key block with its CRC24"),
    ("pkcs12", "a PKCS#12 key store in base64"),
    ("jwk", "a private JSON Web Key (EC, P-256)"),
    ("json-service-account", "a Google service account's key file; `:sorted`: its fields in the order of their names"),
];

/// Appends what generator `name` makes.
fn generate(name: &str, argument: &str, random: &mut Random, made: &mut Made) -> Result<(), String> {
    let length = count(argument, random);
    let text = match name {
        "mark" => {
            made.mark = made.text.len();
            return Ok(());
        }
        "to-base64" | "to-base64url" | "to-url" | "to-escaped" | "to-indented" => {
            let text = made.marked();
            let encoded = match name {
                "to-base64" => encode::base64(text.as_bytes()),
                "to-base64url" => encode::base64url(text.as_bytes()),
                "to-url" => encode::url(text),
                "to-escaped" => encode::escaped(text),
                _ => encode::indented(text, length?),
            };
            made.replace(&encoded);
            return Ok(());
        }
        "from" => {
            let (characters, length) = argument.rsplit_once(':').ok_or("write `{from:CHARACTERS:N}`")?;
            if !characters.is_ascii() || characters.is_empty() {
                return Err("the characters must be ASCII".to_owned());
            }
            let length = count(length, random)?;
            random.text(characters.as_bytes(), length)
        }
        "base64-bytes" => encode::base64(&random.bytes(length?)),
        "base64url-bytes" => encode::base64url(&random.bytes(length?)),
        "gitlab-routable" if argument.is_empty() => token::gitlab_routable(made.marked(), random),
        "digits" => random.digits(length?),
        _ => match alphabet(name) {
            Some(alphabet) => random.text(alphabet, length?),
            None => {
                let special = checksum::generate(name, made.marked())
                    .or_else(|| token::generate(name, argument, random))
                    .or_else(|| keys::generate(name, argument, random));
                special.ok_or("there is no such generator")?
            }
        },
    };
    made.text.push_str(&text);
    Ok(())
}

fn alphabet(name: &str) -> Option<&'static [u8]> {
    Some(match name {
        "base62" | "alnum" => encode::BASE62,
        "letters" => &encode::BASE62[10..],
        "lower" => &encode::BASE62[36..],
        "upper" => &encode::BASE62[10..36],
        "hex" => b"0123456789abcdef",
        "HEX" => b"0123456789ABCDEF",
        "loweralnum" => encode::BASE36,
        "upperalnum" => &encode::BASE62[..36],
        "base32" => encode::BASE32,
        "base32lower" => b"abcdefghijklmnopqrstuvwxyz234567",
        "base58" => encode::BASE58,
        "base64" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "base64url" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        _ => return None,
    })
}

/// Most characters one generator makes.
const MOST: usize = 100_000;

/// A length: `30`, or one drawn from `20-30`.
fn count(argument: &str, random: &mut Random) -> Result<usize, String> {
    let number = |text: &str| {
        let wrong = || format!("`{text}` is no length from 0 to {MOST}");
        text.parse::<usize>().ok().filter(|length| *length <= MOST).ok_or_else(wrong)
    };
    match argument.split_once('-') {
        Some((least, most)) => {
            let (least, most) = (number(least)?, number(most)?);
            if least > most {
                return Err("a range goes from the lesser to the greater length".to_owned());
            }
            Ok(least + random.below(most - least + 1))
        }
        None => number(argument),
    }
}

#[cfg(test)]
mod tests {
    use super::{GENERATORS, expand};

    #[test]
    fn text_generators_and_braces() {
        assert_eq!(expand("a{{b}}c", 1).expect("valid"), "a{b}c");
        let one = expand("x_{hex:32}-{upper:2-4}", 7).expect("valid");
        assert_eq!(one, expand("x_{hex:32}-{upper:2-4}", 7).expect("valid"));
        assert_ne!(one, expand("x_{hex:32}-{upper:2-4}", 8).expect("valid"));
        assert!(one.starts_with("x_") && (37..=39).contains(&one.len()), "{one}");
        assert_eq!(expand("k={mark}ab\"{to-base64}", 1).expect("valid"), "k=YWIi");
        assert_eq!(expand("{mark}a b/{to-url}!", 1).expect("valid"), "a%20b%2F!");
    }

    #[test]
    fn faults_are_told() {
        for template in
            ["{", "}", "{nothing}", "{hex}", "{hex:x}", "{hex:9-2}", "{hex:1000000}", "{from:abc}", "{jwt:x}"]
        {
            let fault = expand(template, 1).expect_err(template);
            assert!(fault.contains(template), "{fault}");
        }
    }

    #[test]
    fn checksums_of_the_published_samples() {
        let sample = |template: &str| expand(template, 1).expect("valid");
        assert!(sample("ghp_{mark}EXAMPLE0EXAMPLE0EXAMPLE0EXAMPL{crc32-base62}").ends_with("0Lu8TY"));
        assert!(sample("glsa_EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0_{crc32-le-hex}").ends_with("93a951a7"));
        assert!(sample("zpka_{mark}example0example0example0example0_{crc32-hex}").ends_with("b978bc71"));
        assert!(sample("ATATT3xFfGF0EXAMPLE0EXAMPLE0={atlassian-check}").ends_with("44FC9225"));
        let fine =
            "github_pat_11EXAMPLE0EXAMPLE0EXAM_EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0EXA{github-fine-grained-check}";
        assert!(sample(fine).ends_with("CVOS7N3Y"));
    }

    #[test]
    fn every_generator_of_the_list_works() {
        for (form, _) in GENERATORS {
            let form = form.replace("CHARACTERS", "abcdef").replace(":N", ":40");
            let made = expand(&format!("{{{form}}}"), 3).unwrap_or_else(|fault| panic!("{fault}"));
            assert!(!made.is_empty() || form == "mark" || form.starts_with("to-"), "{form}");
        }
    }

    #[test]
    fn validators_accept_what_is_made() {
        use crate::engine::validate::{Verdict, check};
        for (template, validator) in [
            ("glpat-{gitlab-routable}", "gitlab-routable"),
            ("{aws-key-id}", "aws-key-id"),
            ("{aws-secret}", "aws-secret"),
            ("cflt{mark}{base64:54}{confluent-check}", "confluent"),
            ("pypi-{pypi-macaroon}", "pypi-macaroon"),
            ("pypi-{pypi-macaroon:test}", "pypi-macaroon"),
            ("{jwt}", "jwt"),
            ("{jwt:service-role}", "jwt"),
            ("{jwt:kubernetes}", "jwt"),
            ("{jwt:jfrog}", "jwt"),
            ("sntrys_{sentry-org}", "sentry-org"),
            ("{discord-id}.{base64url:6}.{base64url:38}", "discord-id"),
            ("{ngrok-ksuid}_{alnum:21}", "ngrok-ksuid"),
            ("{bech32-age}", "bech32"),
            ("{bech32-age:pq}", "bech32"),
            ("{bech32-nsec}", "bech32"),
            ("{base58check-wif}", "base58check"),
            ("{base58check-xprv}", "base58check"),
            ("{base58check-xprv:tprv}", "base58check"),
            ("{stellar-seed}", "stellar"),
            ("{nats-seed}", "nats"),
            ("{bip39}", "bip39"),
            ("{wireguard}", "wireguard"),
            ("{docker-auth}", "docker-auth"),
            ("{pem-rsa}", "pem"),
            ("{pem-ec}", "pem"),
            ("{pem-dsa}", "pem"),
            ("{pem-pkcs8}", "pem"),
            ("{pem-openssh}", "pem"),
            ("{putty}", "putty"),
            ("{pgp}", "pgp"),
            ("{pkcs12}", "pkcs12"),
            ("{jwk}", "jwk"),
            ("{json-service-account}", "google-service-account"),
            ("{json-service-account:sorted}", "google-service-account"),
        ] {
            for seed in 0..20 {
                let text = expand(template, seed).expect("valid");
                let verdict = check(validator, text.as_bytes(), text.as_bytes()).verdict;
                let speaks_for = match &verdict {
                    Verdict::Confirmed(_) => true,
                    Verdict::Hint(reason) => reason.points >= 0,
                    Verdict::Silent => validator == "aws-secret",
                    Verdict::Rejected(_) => false,
                };
                assert!(speaks_for, "{template} of seed {seed}: {verdict:?}\n{text}");
            }
        }
        for template in [
            "{jwt:none}",
            "{jwt:expired}",
            "{jwt:anon}",
            "{pem-openssh:encrypted}",
            "{pem-encrypted}",
            "{pem-encrypted:legacy}",
        ] {
            let text = expand(template, 5).expect("valid");
            let validator = if template.starts_with("{jwt") { "jwt" } else { "pem" };
            let verdict = check(validator, text.as_bytes(), text.as_bytes()).verdict;
            assert!(matches!(&verdict, Verdict::Hint(reason) if reason.points < 0), "{template}: {verdict:?}");
        }
    }
}
