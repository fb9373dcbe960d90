//! Is this value a secret? The judgement of the generic path, cheapest test first, every verdict in words.
//!
//! A value is dropped when it is plainly something else (a call, a template, a placeholder, a path, a UUID, an
//! identifier). What is left gets points for what random text has: class changes, costly letters, entropy.

use super::assignment::{Operator, Quoting};
use super::innocent::{expression, name_fits, something_else, template};
use super::words::{distinct, entropy, has_run, letter_cost, placeholder, reads_as_words, transitions};
use crate::finding::Reason;

/// A value and how it stands.
pub(crate) struct Candidate<'t> {
    /// The whole name.
    pub(crate) name: &'t [u8],
    /// Where the keyword stands in the name.
    pub(crate) keyword: std::ops::Range<usize>,
    pub(crate) value: &'t [u8],
    pub(crate) quoting: Quoting,
    pub(crate) operator: Operator,
    /// The byte behind the value.
    pub(crate) after: Option<u8>,
    /// Passwords may be chosen by people; tokens and keys are made by machines.
    pub(crate) password: bool,
}

/// Points for the value, or why it is none.
pub(crate) fn judge(candidate: &Candidate<'_>) -> Result<Vec<Reason>, &'static str> {
    let value = candidate.value;
    let least = if candidate.password { 5 } else { 8 };
    if value.len() < least {
        return Err("the value is too short");
    }
    if value.len() > 512 {
        return Err("the value is too long for a secret without a shape of its own");
    }
    name_fits(candidate)?;
    expression(candidate)?;
    template(value)?;
    something_else(value, candidate.password)?;
    if let Some(word) = placeholder(value) {
        // A long random value may hold a short word by chance; a placeholder is mostly the word.
        if value.len() < word.len() * 4 || letter_cost(value).is_some_and(|cost| cost < 5.0) {
            return Err("the value holds a placeholder word");
        }
    }
    if distinct(value) < 5 || has_run(value, 6) {
        return Err("the value repeats or counts");
    }
    points(candidate)
}

/// What random text has, in points.
fn points(candidate: &Candidate<'_>) -> Result<Vec<Reason>, &'static str> {
    let value = candidate.value;
    let mut reasons = Vec::new();
    let entropy = entropy(value);
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let most = (value.len() as f32).min(if hex { 16.0 } else { 64.0 }).log2();
    let share = entropy / most;
    let changes = transitions(value);
    let cost = letter_cost(value).unwrap_or(0.0);
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let signs = value.len() - digits - letters;
    if reads_as_words(value) {
        if !candidate.password {
            return Err("the value reads as words");
        }
        // A password of plain words and nothing else cannot be told from a label.
        if digits == 0 && signs == 0 || !matches!(candidate.quoting, Quoting::Quoted(_) | Quoting::Bare) {
            return Err("the value reads as words");
        }
        if value.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.')) {
            return Err("the value reads as an identifier");
        }
        reasons.push(Reason::new(-10, "it reads as words with digits or signs"));
    } else if changes > 0.35 || cost > 5.6 {
        reasons.push(Reason::new(20, "its characters look random"));
    } else if cost > 5.0 || changes > 0.25 {
        reasons.push(Reason::new(10, "its characters look fairly random"));
    }
    if candidate.password {
        let kinds = u8::from(digits > 0)
            + u8::from(signs > 0)
            + u8::from(value.iter().any(u8::is_ascii_uppercase))
            + u8::from(value.iter().any(u8::is_ascii_lowercase));
        if kinds < 2 && !(hex && value.len() >= 16) && cost < 5.6 {
            return Err("the value is too plain for a password");
        }
        if disguised(value) {
            reasons.push(Reason::new(-20, "it is the word password with digits for letters"));
        }
        if kinds >= 3 {
            reasons.push(Reason::new(10, "it mixes kinds of characters as passwords do"));
        }
    } else {
        if share < 0.8 || entropy < 2.8 {
            return Err("the value's entropy is too low");
        }
        if digits == 0 && (value.len() < 20 || cost < 5.4) {
            return Err("the value has no digit and is too plain for a key");
        }
        if value.len() >= 16 && share > 0.85 {
            reasons.push(Reason::new(10, "its entropy is that of random text"));
        }
        match value.len() {
            ..12 => reasons.push(Reason::new(-30, "it is short for a key")),
            12..16 => reasons.push(Reason::new(-15, "it is short for a key")),
            _ => {}
        }
    }
    if hex && matches!(value.len(), 32 | 40 | 64) && !candidate.password {
        reasons.push(Reason::new(-5, "it has the form of a digest as well"));
    }
    if candidate.operator == Operator::Compare {
        reasons.push(Reason::new(-10, "it is compared, not assigned"));
    }
    if candidate.operator == Operator::Call {
        reasons.push(Reason::new(-5, "it is an argument"));
    }
    Ok(reasons)
}

/// `P4ssw0rd` and the like: a placeholder word written with digits and signs for letters.
fn disguised(value: &[u8]) -> bool {
    let plain: Vec<u8> = value
        .iter()
        .map(|byte| match byte {
            b'0' => b'o',
            b'1' | b'!' => b'i',
            b'3' => b'e',
            b'4' | b'@' => b'a',
            b'5' | b'$' => b's',
            b'7' => b't',
            other => *other,
        })
        .collect();
    placeholder(&plain).is_some()
}

#[cfg(test)]
mod tests {
    use super::{Candidate, judge};
    use crate::engine::assignment::read;

    fn verdict(text: &str, keyword: &str) -> Result<i16, &'static str> {
        let at = text.find(keyword).expect("keyword there");
        let found = read(text.as_bytes(), at..at + keyword.len()).found.ok_or("no assignment")?;
        judge(&Candidate {
            name: &text.as_bytes()[found.name.clone()],
            keyword: at - found.name.start..at - found.name.start + keyword.len(),
            value: &text.as_bytes()[found.value.clone()],
            quoting: found.quoting,
            operator: found.operator,
            after: text.as_bytes().get(found.value.end).copied(),
            password: keyword.contains("pass"),
        })
        .map(|reasons| reasons.iter().map(|reason| reason.points).sum())
    }

    #[test]
    fn quiet_about_what_is_no_secret() {
        for (text, keyword) in [
            ("password = getPassword()", "password"),
            ("password = ${VAR}", "password"),
            ("password: \"{{ vault_pw }}\"", "password"),
            ("password = changeme", "password"),
            ("password=\"Enter your password\"", "password"),
            ("token: 123e4567-e89b-12d3-a456-426614174000", "token"),
            ("password = request.form.password", "password"),
            ("token = nextToken;", "token"),
            ("token_type = \"Zx81kLmQ99pRtYv2\"", "token"),
            ("tokenizer = \"Zx81kLmQ99pRtYv2\"", "token"),
            ("secret = \"/run/secrets/db_pw1\"", "secret"),
            ("secret: 'aws-load-balancer-tls'", "secret"),
            ("password: null", "password"),
            ("token = os.environ[\"A1b2C3d4E5f6\"]", "token"),
            ("WRONG_password: STATUS = 0xC000006AL;", "password"),
            ("self.password = module.params['password']", "password"),
            ("'PWDpassword' => \\&PWD_ftp9", "password"),
            ("password_hash = \"x9$kQ2mZpL7v\"", "password"),
            ("token: \"bkua_{hex:40}\"", "token"),
            ("secret = \"{0}-kV9xw2LqP8\"", "secret"),
            ("password = f\"{user.name}-kV9#xw2!\"", "password"),
        ] {
            assert!(verdict(text, keyword).is_err(), "{text}: {:?}", verdict(text, keyword));
        }
    }

    #[test]
    fn loud_about_what_is() {
        for (text, keyword) in [
            ("password = \"kV9#xw2!pQ\"", "password"),        // keysweep:allow made up
            ("DB_password=Summer2024!\n", "password"),        // keysweep:allow made up
            ("secret: 'q7Gf0ZxT2mV8LkWp3Rb6YdNc'", "secret"), // keysweep:allow made up
            ("token = \"8f14e45fceea167a5a36dedd4bea2543\"", "token"), // keysweep:allow made up
            ("password = \"k9}V9#x{w2!pQ\"", "password"),     // keysweep:allow made up
        ] {
            assert!(verdict(text, keyword).is_ok(), "{text}: {:?}", verdict(text, keyword));
        }
    }
}
