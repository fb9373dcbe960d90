//! What a webhook is sent, in the form its service reads. Pure functions.
//!
//! Forms: Slack's incoming webhooks (blocks), Microsoft Teams' workflows (an adaptive card), PagerDuty's Events API v2, and
//! our own JSON for everything else.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::audit::alerts::{Alert, Kind};
use crate::clock::parse_rfc3339;
use crate::finding::Severity;
use crate::finding::identity::hex;
use crate::report::escape::visible;

/// Alerts that a message for people lists; of the others it says how many there are.
pub const LISTED: usize = 20;

/// Longest text of one alert in a message for people, in characters.
const LONGEST: usize = 800;

/// The form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Ours: `{schema, kind, alerts[]}`, signed.
    #[default]
    Json,
    /// Slack's incoming webhook.
    Slack,
    /// A workflow of Microsoft Teams.
    Teams,
    /// PagerDuty's Events API v2: one event for each alert.
    Pagerduty,
}

/// A text that cannot be too long, nor hold what a terminal or mail reader would obey.
pub fn short(text: &str, longest: usize) -> String {
    let text = visible(text);
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into_owned(),
    }
}

/// What a message says in one line: how many of which kind.
pub fn headline(alerts: &[&Alert]) -> String {
    let count = |kind: Kind| alerts.iter().filter(|alert| alert.kind == kind).count();
    let counts = Kind::ALL.iter().map(|kind| (count(*kind), kind.as_str())).filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, kind)| format!("{count} {kind}")).collect();
    format!("keysweep audit: {}", counts.join(", "))
}

/// An alert in a few lines.
pub fn lines(alert: &Alert) -> Vec<String> {
    let mut lines = vec![short(&alert.title, LONGEST)];
    if let Some(place) = &alert.place {
        let more = if alert.places > 1 { format!(" and {} more places", alert.places - 1) } else { String::new() };
        let head = if alert.in_head { "in HEAD" } else { "in history" };
        lines.push(format!("{}{more} ({head})", short(place, LONGEST)));
    }
    if !alert.why.is_empty() {
        lines.push(short(&alert.why, LONGEST));
    }
    lines.extend(alert.secret_id.as_ref().map(|id| format!("{id}, {}", alert.at)));
    lines
}

/// How many are not listed, in words.
pub fn rest(alerts: &[&Alert]) -> Option<String> {
    (alerts.len() > LISTED).then(|| format!("and {} more: see the report", alerts.len() - LISTED))
}

/// The bodies to send, each with the keys of the alerts in it. `routing_key` is PagerDuty's.
pub fn bodies(shape: Shape, alerts: &[&Alert], routing_key: &str) -> Vec<(Vec<String>, Value)> {
    let keys = || alerts.iter().map(|alert| alert.key.clone()).collect();
    match shape {
        Shape::Json => vec![(keys(), json!({ "schema": 1, "kind": "alerts", "alerts": alerts }))],
        Shape::Slack => vec![(keys(), slack(alerts))],
        Shape::Teams => vec![(keys(), teams(alerts))],
        Shape::Pagerduty => {
            alerts.iter().map(|alert| (vec![alert.key.clone()], pagerduty(alert, routing_key))).collect()
        }
    }
}

/// Slack obeys three characters; the text of a section may have 3,000, a message 50 blocks.
fn slack(alerts: &[&Alert]) -> Value {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let section = |text: String| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    let head = headline(alerts);
    let mut blocks = vec![json!({ "type": "header", "text": { "type": "plain_text", "text": short(&head, 140) } })];
    blocks.extend(alerts.iter().take(LISTED).map(|alert| {
        let lines = lines(alert);
        let (first, more) = lines.split_at(1);
        section(short_slack(&format!("*{}*\n{}", escape(&first.concat()), escape(&more.join("\n")))))
    }));
    blocks.extend(rest(alerts).map(section));
    json!({ "text": head, "blocks": blocks })
}

/// Escapes may make a text longer than Slack takes; it is cut before one, not in it.
fn short_slack(text: &str) -> String {
    let Some((at, _)) = text.char_indices().nth(2900) else { return text.to_owned() };
    let cut = &text[..at];
    let cut = cut.rfind('&').filter(|amp| !cut[*amp..].contains(';')).map_or(cut, |amp| &cut[..amp]);
    format!("{cut}…")
}

fn teams(alerts: &[&Alert]) -> Value {
    let block = |text: String| json!({ "type": "TextBlock", "text": text, "wrap": true, "separator": true });
    let head =
        json!({ "type": "TextBlock", "text": headline(alerts), "weight": "Bolder", "size": "Medium", "wrap": true });
    let mut body = vec![head];
    // A card is markdown: what a name could mean there is taken away. A card may have 28 kB.
    let plain = |text: &str| {
        let obeyed = |char: char| "\\`*_[]()#<>!|~".contains(char);
        text.chars().flat_map(|char| obeyed(char).then_some('\\').into_iter().chain([char])).collect::<String>()
    };
    let text = |alert: &&&Alert| short_card(&plain(&lines(alert).join("\n\n")));
    body.extend(alerts.iter().take(LISTED).map(|alert| block(text(&alert))));
    body.extend(rest(alerts).map(block));
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "body": body,
    });
    let kind = "application/vnd.microsoft.card.adaptive";
    json!({ "type": "message", "attachments": [{ "contentType": kind, "contentUrl": null, "content": card }] })
}

fn short_card(text: &str) -> String {
    match text.char_indices().nth(500) {
        Some((at, _)) => format!("{}…", text[..at].trim_end_matches('\\')),
        None => text.to_owned(),
    }
}

fn pagerduty(alert: &Alert, routing_key: &str) -> Value {
    let severity = match alert.severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "info",
    };
    // At most 255 characters, whatever a repository is called.
    let key = format!("keysweep-{}", hex(&Sha256::digest(alert.key.as_bytes())));
    json!({
        "routing_key": routing_key, "event_action": "trigger", "dedup_key": key,
        "payload": {
            "summary": short(&alert.title, 1000), "source": short(alert.repository.as_deref().unwrap_or("keysweep"), 400),
            "severity": severity, "timestamp": alert.at, "component": alert.rule, "class": alert.kind.as_str(),
            "custom_details": alert,
        },
    })
}

/// Seconds since 1970 of an alert; 0 when its date is none.
pub fn seconds(alert: &Alert) -> i64 {
    parse_rfc3339(&alert.at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{LISTED, Shape, bodies};
    use crate::audit::alerts::{Alert, Kind};
    use crate::finding::Severity;

    fn alert(number: usize, name: &str) -> Alert {
        Alert {
            key: format!("new {number}"),
            kind: Kind::New,
            at: "2026-11-25T00:00:00Z".to_owned(),
            severity: Severity::Critical,
            title: format!("New critical secret: r in {name}"),
            secret_id: Some(format!("v1:{number:032x}")),
            rule: Some("r".to_owned()),
            repository: Some(name.to_owned()),
            place: Some(format!("{name}:1")),
            places: 3,
            in_head: true,
            why: String::new(),
        }
    }

    #[test]
    fn names_give_no_orders_to_the_service_that_shows_them() {
        let hostile = alert(1, "<!channel> [x](http://y) *b*\u{202e}\u{7}");
        let slack = bodies(Shape::Slack, &[&hostile], "")[0].1.to_string();
        assert!(!slack.contains("<!channel>") && slack.contains("&lt;!channel&gt;"), "{slack}");
        let teams = bodies(Shape::Teams, &[&hostile], "")[0].1.clone();
        let text = teams["attachments"][0]["content"]["body"][1]["text"].as_str().expect("a text");
        assert!(text.contains("\\[x\\]\\(http") && !text.contains('\u{202e}') && !text.contains('\u{7}'), "{text}");
    }

    #[test]
    fn messages_stay_within_what_services_take_however_many_and_long() {
        let all: Vec<Alert> = (0..500).map(|number| alert(number, &"<&>".repeat(2000))).collect();
        let all: Vec<&Alert> = all.iter().collect();
        let slack = &bodies(Shape::Slack, &all, "")[0].1;
        let blocks = slack["blocks"].as_array().expect("blocks");
        assert_eq!(blocks.len(), LISTED + 2);
        for block in blocks {
            let text = block["text"]["text"].as_str().expect("a text");
            assert!(text.chars().count() <= 3000 && !text.ends_with("&am…"), "{}", text.len());
        }
        assert!(blocks[LISTED + 1].to_string().contains("and 480 more"));
        assert!(bodies(Shape::Teams, &all, "")[0].1.to_string().len() < 28_000);
        let events = bodies(Shape::Pagerduty, &all, "key");
        assert_eq!(events.len(), 500);
        for (keys, event) in &events {
            assert_eq!(keys.len(), 1);
            assert!(event["dedup_key"].as_str().is_some_and(|key| key.len() <= 255));
            assert!(event["payload"]["summary"].as_str().is_some_and(|text| text.chars().count() <= 1024));
        }
        assert_ne!(events[0].1["dedup_key"], events[1].1["dedup_key"]);
    }
}
