//! E-mail: one message for all alerts of a run, as text.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use super::payload::{LISTED, headline, lines, rest};
use super::policy::Mail;
use super::smtp;
use crate::audit::alerts::Alert;
use crate::clock;
use crate::finding::identity::hex;

/// The date as RFC 5322 has it: `Wed, 25 Nov 2026 15:53:31 +0000`.
fn date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = clock::rfc3339(seconds);
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|it| it.parse::<usize>().ok()).unwrap_or(1);
    let weekday = DAYS[usize::try_from(seconds.div_euclid(86_400).rem_euclid(7)).unwrap_or(0)];
    let month = MONTHS[(number(5..7) - 1).min(11)];
    format!("{weekday}, {} {month} {} {} +0000", number(8..10), &text[..4], &text[11..19])
}

/// The message, lines ended with CR and LF. The body is base64, so no line of it is long or begins with a full stop.
pub fn message(mail: &Mail, alerts: &[&Alert], now: i64) -> String {
    let subject = headline(alerts);
    let mut text = String::new();
    for alert in alerts.iter().take(LISTED * 5) {
        text += &format!("{}\r\n", lines(alert).join("\r\n  "));
        text += "\r\n";
    }
    if alerts.len() > LISTED * 5 {
        text += &rest(alerts)
            .map(|_| format!("and {} more: see the report\r\n", alerts.len() - LISTED * 5))
            .unwrap_or_default();
    }
    let id = hex(&Sha256::digest(alerts.iter().flat_map(|alert| [&*alert.key, "\n"]).collect::<String>())[..16]);
    let host = mail.from.rsplit('@').next().unwrap_or("localhost");
    let encoded = BASE64.encode(&text);
    let body: Vec<&str> =
        encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!(
        "From: {}\r\nTo: {}\r\nSubject: {subject}\r\nDate: {}\r\nMessage-ID: <{id}@{host}>\r\nMIME-Version: 1.0\r\n\
         Auto-Submitted: auto-generated\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        mail.from,
        mail.to.join(", "),
        date(now),
        body.join("\r\n")
    )
}

/// Sends it.
///
/// # Errors
/// What the server said, or why it was not reached.
pub fn send(folder: &Path, mail: &Mail, alerts: &[&Alert], now: i64) -> Result<(), String> {
    let password = mail.password.as_ref().map(|it| it.read(folder)).transpose().map_err(|error| error.to_string())?;
    let login = mail.user.as_deref().zip(password.as_ref());
    smtp::send(folder, mail, login, &message(mail, alerts, now))
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_mail() {
        assert_eq!(date(0), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(date(1_795_622_011), "Wed, 25 Nov 2026 15:53:31 +0000");
    }
}
