//! Checksums over what a template has produced. The rules they follow: `engine/validate/checksum.rs` says for each
//! which part of the token it covers.

use sha2::{Digest, Sha256};

use super::encode::{self, BASE62};

/// The checksum `name` over `text`.
pub(super) fn generate(name: &str, text: &str) -> Option<String> {
    let crc = crc32fast::hash(text.as_bytes());
    let crc_before_dash = crc32fast::hash(text.strip_suffix('_').unwrap_or(text).as_bytes());
    Some(match name {
        "crc32-base62" => encode::number(u64::from(crc), BASE62, 6),
        "crc32-hex" => format!("{crc_before_dash:08x}"),
        "crc32-le-hex" => format!("{:08x}", crc_before_dash.swap_bytes()),
        "atlassian-check" => format!("{crc:08X}"),
        "confluent-check" => encode::base64(&crc.to_le_bytes())[..6].to_owned(),
        "github-fine-grained-check" => encode::base32(&Sha256::digest(text))[..8].to_owned(),
        _ => return None,
    })
}
