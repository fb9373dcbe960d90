//! The names a rule may give in `validators`. Shared with `build.rs`; [`crate::engine::validate`] implements each.

/// Every validator, by family. A test of `engine::validate` asserts that each is implemented.
pub const NAMES: &[&str] = &[
    // Checksums over the token's own text.
    "crc32-base62",
    "crc32-base62-hint",
    "crc32-le-hex",
    "github-fine-grained",
    "gitlab-routable",
    "confluent",
    "atlassian",
    "zuplo",
    // Tokens with an inner structure.
    "anthropic",
    "aws-key-id",
    "aws-secret",
    "azure-cask",
    "azure-sas",
    "base64-json",
    "discord-id",
    "jfrog-reference",
    "jwt",
    "jwt-of-provider",
    "mapbox",
    "ngrok-ksuid",
    "openai-halves",
    "pypi-macaroon",
    "sentry-org",
    // Shapes.
    "base64-32",
    "base64-64",
    "not-hex",
    "uuid",
    "wireguard",
    // Keys and key files.
    "google-service-account",
    "jwk",
    "pem",
    "pgp",
    "pkcs12",
    "putty",
    // Currencies and key seeds.
    "base58check",
    "bech32",
    "bech32-hint",
    "bip39",
    "nats",
    "stellar",
    // Addresses and files that hold a password.
    "docker-auth",
    "mssql",
    "netrc",
    "password-value",
    "pgpass",
    "shadow-hash",
    "uri",
];
