//! Webhooks: signed, tried three times, bounded in time.
//!
//! `json` is signed when there is a key: `X-Keysweep-Signature: v1=` and HMAC-SHA-256, in hex, over the value of
//! `X-Keysweep-Timestamp`, a full stop, and the body. `X-Keysweep-Delivery` is the same for each try of one message.

use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::Delivery;
use super::payload::{Shape, bodies};
use super::policy::Webhook;
use crate::audit::alerts::Alert;
use crate::finding::identity::hex;
use crate::rotate::http::{Client, NoAnswer, Request};
use crate::rotate::net::Reach;
use crate::rotate::types::Trouble;
use crate::secret::Secret;

/// Where PagerDuty's events go.
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// Seconds to wait before each further try.
const WAITS: [u64; 2] = [1, 4];

/// Longest that a server's `Retry-After` is waited for, in seconds.
const LONGEST_WAIT: u64 = 30;

/// The signature of a body.
pub fn signature(key: &[u8], timestamp: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1={}", hex(&mac.finalize().into_bytes()))
}

/// Sends; what arrived comes back.
pub fn send(folder: &Path, hook: &Webhook, alerts: &[&Alert], now: i64) -> Delivery {
    let mut delivery = Delivery::default();
    if let Err(trouble) = send_all(folder, hook, alerts, (now, &mut delivery.sent)) {
        delivery.trouble = Some(trouble);
    }
    delivery
}

fn send_all(
    folder: &Path,
    hook: &Webhook,
    alerts: &[&Alert],
    (now, sent): (i64, &mut Vec<String>),
) -> Result<(), String> {
    let read = |reference: &crate::rotate::policy::Reference| reference.read(folder).map_err(|error| error.to_string());
    let url = match &hook.url {
        Some(reference) => read(reference)?,
        None => Secret::new(PAGERDUTY.as_bytes()),
    };
    let url = std::str::from_utf8(url.expose()).map_err(|_| "the address is none".to_owned())?;
    let key = hook.key.as_ref().map(read).transpose()?;
    let routing = key.as_ref().filter(|_| hook.shape == Shape::Pagerduty);
    let routing = routing.map(|key| String::from_utf8_lossy(key.expose()).into_owned()).unwrap_or_default();
    let reach = Reach::new(hook.private, hook.ca_file.as_ref().map(|path| folder.join(path)));
    let patience = Duration::from_secs(hook.timeout_seconds.into());
    let client = Client::with_patience(&reach, hook.plain, patience).map_err(|trouble| trouble.to_string())?;
    for (keys, body) in bodies(hook.shape, alerts, &routing) {
        let body = zeroize::Zeroizing::new(body.to_string());
        let mut request = Request::new("POST", url).body("application/json", body.as_bytes());
        if hook.shape == Shape::Json {
            let delivery = hex(&Sha256::digest(keys.join("\n").as_bytes())[..16]);
            request = request.header("x-keysweep-delivery", delivery).header("x-keysweep-timestamp", now.to_string());
            if let Some(key) = &key {
                request = request.header("x-keysweep-signature", signature(key.expose(), now, body.as_bytes()));
            }
        }
        persist(&client, &request)?;
        sent.extend(keys);
    }
    Ok(())
}

/// Makes a call until it arrives, three times at most. Twice is better than never: receivers tell by the delivery's id.
fn persist(client: &Client, request: &Request) -> Result<(), String> {
    let mut waits = WAITS.iter();
    loop {
        let (said, wait) = match client.send(request) {
            Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
            Ok(answer) if answer.status == 429 || answer.status >= 500 => {
                (format!("it answers with status {}", answer.status), answer.retry_after().unwrap_or(0))
            }
            Ok(answer) => return Err(format!("it refuses with status {}", answer.status)),
            Err(NoAnswer::NotSent(Trouble::Refused(why))) => return Err(why),
            Err(no_answer) => (no_answer.trouble().to_string(), 0),
        };
        let Some(&seconds) = waits.next() else { return Err(said) };
        std::thread::sleep(Duration::from_secs(seconds.max(wait.min(LONGEST_WAIT))));
    }
}
