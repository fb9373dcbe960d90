//! Is this value a secret? The judgement of the generic path, cheapest test first, every verdict in words.
//!
//! A value is dropped when it is plainly something else (a call, a template, a placeholder, a path, a UUID). What is
//! left is weighed by the model.

use std::ops::Range;

use super::assignment::{Operator, Quoting};
use super::forms;
use super::innocent::{expression, name_fits, place_fits, something_else, template};
use super::model::{self, Features, features};
use super::texts::plainly_text;
use super::words::{
    counts_in_hex, distinct, has_run, letter_cost, placeholder, reads_as_words, repeats, surely_reads_as_words,
};
use crate::finding::Reason;

/// A value and how it stands.
pub(crate) struct Candidate<'t> {
    /// The text it stands in.
    pub(crate) text: &'t [u8],
    /// Where the name stands in it.
    pub(crate) name_at: Range<usize>,
    /// Where the value stands in it.
    pub(crate) value_at: Range<usize>,
    /// The whole name.
    pub(crate) name: &'t [u8],
    /// Where the keyword stands in the name.
    pub(crate) keyword: Range<usize>,
    pub(crate) value: &'t [u8],
    /// Something that is no literal belongs to the value as well.
    pub(crate) partial: bool,
    pub(crate) quoting: Quoting,
    pub(crate) operator: Operator,
    /// The byte behind the value.
    pub(crate) after: Option<u8>,
    /// Passwords may be chosen by people; tokens and keys are made by machines.
    pub(crate) password: bool,
}

/// Least confidence of a value that is worth carrying along; below it the model says that it is something else.
const LEAST: i16 = 20;

/// What the model makes of a value that is not plainly something else: points on top of `base`.
pub(crate) fn weigh(features: &Features, password: bool, base: u8) -> Result<Vec<Reason>, &'static str> {
    let weighed = model::weigh(features, password);
    if i16::from(base) + weighed.points() >= LEAST {
        return Ok(weighed.reasons().iter().map(|&(points, why)| Reason::new(points, why)).collect());
    }
    Err(weighed.reasons().iter().min_by_key(|(points, _)| points).map_or("nothing speaks for it", |(_, why)| why))
}

/// What the model looks at, or why the value is none.
pub(crate) fn judge(candidate: &Candidate<'_>) -> Result<Features, &'static str> {
    plainly_none(candidate)?;
    Ok(features::look(candidate))
}

/// Whether the value is a random UUID under a name that only secrets have: the model knows UUIDs as names of things.
pub(crate) fn is_random_key(candidate: &Candidate<'_>) -> bool {
    forms::random_uuid(candidate.value) && forms::names_a_key(candidate.name)
}

/// Whether the value is random hexadecimal digits under a name that only secrets have: fewer digits than a digest has are
/// mostly names of things to the model.
pub(crate) fn is_short_key(candidate: &Candidate<'_>) -> bool {
    // `"AWS::ApiGateway::ApiKey": "9f1c15d9a67db5e7"`: of a type, its digest.
    let of_a_type = candidate.text[..candidate.name_at.start].ends_with(b"::");
    !of_a_type && forms::short_random_hex(candidate.value) && forms::names_a_key(candidate.name)
}

/// Whether the name says secret and nothing more, which people choose as often as machines make it, and the value is made
/// as people make passwords: letters and digits with capitals or a sign among them.
pub(crate) fn may_be_chosen(candidate: &Candidate<'_>) -> bool {
    let value = candidate.value;
    let any = |test: fn(&u8) -> bool| value.iter().any(test);
    let secret = candidate.keyword.end == candidate.name.len()
        && candidate.name[candidate.keyword.clone()].eq_ignore_ascii_case(b"secret");
    if candidate.password || !secret {
        return false;
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let sign = any(|byte| matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'*' | b'?' | b'@' | b'^' | b'+'));
    (8..=32).contains(&value.len())
        && digits > 1
        && any(u8::is_ascii_lowercase)
        && (any(u8::is_ascii_uppercase) || sign)
        && !any(|byte| matches!(byte, b'/' | b':' | b'-' | b'{' | b'(' | b' '))
}

/// What can be told without weighing, cheapest test first.
pub(super) fn plainly_none(candidate: &Candidate<'_>) -> Result<(), &'static str> {
    let value = candidate.value;
    let least = if candidate.password { 5 } else { 8 };
    if value.len() < least {
        return Err("the value is too short");
    }
    if !value.iter().any(u8::is_ascii_alphanumeric)
        && !String::from_utf8_lossy(value).chars().any(char::is_alphanumeric)
    {
        return Err("the value holds neither letter nor digit");
    }
    // Passwords are short; keys may be as long as a value is read.
    if candidate.password && value.len() > 512 {
        return Err("the value is too long for a secret without a shape of its own");
    }
    if candidate.partial {
        return Err("the value is put together with something that does not stand here");
    }
    name_fits(candidate)?;
    place_fits(candidate)?;
    template(value)?;
    expression(candidate)?;
    if let [b'"' | b'\'', inner @ .., b'"' | b'\''] = value
        && !inner.is_empty()
    {
        template(inner)?;
    }
    plainly_text(candidate)?;
    something_else(value, candidate.password, is_random_key(candidate))?;
    if let Some(word) = placeholder(value) {
        // A long random value may hold a short word by chance; a placeholder is mostly the word.
        if word.len() >= 7 || value.len() < word.len() * 4 || letter_cost(value).is_some_and(|cost| cost < 5.0) {
            return Err("the value holds a placeholder word");
        }
    }
    if distinct(value) < 5 || has_run(value, 6) || repeats(value) || counts_in_hex(value) {
        return Err("the value repeats or counts");
    }
    if candidate.password {
        if value.iter().all(u8::is_ascii_alphabetic) && reads_as_words(value) {
            return Err("the value reads as words");
        }
        if disguised(value) {
            return Err("the value is the word password with digits for letters");
        }
    } else if surely_reads_as_words(value) || reads_as_words(value) && !value.iter().any(u8::is_ascii_digit) {
        return Err("the value reads as words");
    }
    Ok(())
}

/// `P4ssw0rd` and the like: a placeholder word written with digits and signs for letters, and hardly more.
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
    placeholder(&plain).is_some_and(|word| plain.len() < word.len() + 6)
}

#[cfg(test)]
mod tests {
    use super::{is_short_key, judge, weigh};
    use crate::engine::assigned::candidate;
    use crate::engine::assignment::{Assignment, read};

    /// The keyword in a text, and the assignment that it names.
    fn assigned(text: &str, keyword: &str) -> Option<(std::ops::Range<usize>, Assignment)> {
        let at = text.find(keyword).expect("keyword there");
        let literal = at..at + keyword.len();
        read(text.as_bytes(), literal.clone()).found.map(|found| (literal, found))
    }

    fn verdict(text: &str, keyword: &str) -> Result<i16, &'static str> {
        let password = keyword.contains("pass");
        let (literal, found) = assigned(text, keyword).ok_or("no assignment")?;
        judge(&candidate(text.as_bytes(), &literal, &found, password))
            .and_then(|features| weigh(&features, password, 50))
            .map(|reasons| reasons.iter().map(|reason| reason.points).sum())
    }

    #[test]
    fn short_hex_is_a_key_under_the_name_of_one_alone() {
        let is_key = |text: &str, keyword: &str| {
            let (literal, found) = assigned(text, keyword).expect("an assignment");
            is_short_key(&candidate(text.as_bytes(), &literal, &found, false))
        };
        assert!(is_key("api_key = \"9f1c15d9a67db5e7\"", "key") && is_key("ApiKey: '9f1c15d9a67db5e7'", "Key")); // keysweep:allow made up
        assert!(!is_key("key = \"9f1c15d9a67db5e7\"", "key"));
        assert!(!is_key("\"AWS::ApiGateway::ApiKey\": \"9f1c15d9a67db5e7\"", "Key"));
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
            ("password: '!#$%.:-@*?'", "password"),
            ("password=#{Shell.escape name} x", "password"),
            ("credential_pass *cred;", "pass"),
            ("password: ENC(q7Gf0ZxT2mV8LkWp3Rb6YdNc)", "password"),
            ("root_password_sha2 = 8f14e45fceea167a5a36dedd4bea2543", "password"),
            ("name=\"authenticity_token\" value=\"q7Gf0ZxT2mV8LkWp3Rb6YdNc\"", "token"),
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
