//! The guard before everything that is written: no line may hold a secret that the run knows, in any usual coding.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Shorter values occur by chance everywhere and are not looked for.
const SHORTEST: usize = 6;

/// The secrets of a run, in every coding that could slip into a text. Overwritten when it goes.
#[derive(Default)]
pub struct Guard {
    forms: Vec<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guard({} forms)", self.forms.len())
    }
}

impl Guard {
    /// From now on nothing that holds `secret` passes.
    pub fn learn(&mut self, secret: &Secret) {
        let bytes = secret.expose();
        if bytes.len() < SHORTEST {
            return;
        }
        let mut forms = vec![
            bytes.to_vec(),
            STANDARD.encode(bytes).into_bytes(),
            STANDARD_NO_PAD.encode(bytes).into_bytes(),
            URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
            percent(bytes).into_bytes(),
            hex(bytes).into_bytes(),
        ];
        if let Ok(text) = std::str::from_utf8(bytes)
            && let Ok(json) = serde_json::to_string(text)
        {
            forms.push(json.as_bytes()[1..json.len() - 1].to_vec());
        }
        for form in forms {
            if !self.forms.iter().any(|known| **known == form) {
                self.forms.push(Zeroizing::new(form));
            }
        }
    }

    /// Whether `text` holds a secret.
    pub fn finds(&self, text: &[u8]) -> bool {
        self.forms.iter().any(|form| memchr::memmem::find(text, form).is_some())
    }

    /// `text` with every secret replaced.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            if let Ok(form) = std::str::from_utf8(form)
                && text.contains(form)
            {
                text = text.replace(form, "[redacted]");
            }
        }
        text
    }
}

/// Percent-encoding of everything that is not unreserved (RFC 3986), as in addresses and signatures.
pub fn percent(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut out, &byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The bytes of lower- or upper-case hex; `None` when it is none.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Guard, hex, percent, unhex};
    use crate::secret::Secret;

    #[test]
    fn no_usual_coding_of_a_secret_passes() {
        let made_up = b"pa/ss\"w+rd 1\n";
        let mut guard = Guard::default();
        guard.learn(&Secret::new(made_up));
        for form in [
            String::from_utf8_lossy(made_up).into_owned(),
            serde_json::to_string(std::str::from_utf8(made_up).expect("text")).expect("JSON"),
            percent(made_up),
            hex(made_up),
            "cGEvc3MidytyZCAxCg==".to_owned(),
        ] {
            let line = format!("before {form} after");
            assert!(guard.finds(line.as_bytes()), "{form}");
            assert!(!guard.finds(guard.redact(&line).as_bytes()), "{form}");
        }
        assert!(!guard.finds(b"nothing here"));
    }

    #[test]
    fn hex_goes_there_and_back() {
        assert_eq!(unhex(&hex(&[0, 255, 16])), Some(vec![0, 255, 16]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
    }
}
