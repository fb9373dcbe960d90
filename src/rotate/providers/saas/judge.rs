//! What a probe's answer says of a value: live, dead, or nothing. Whatever is not surely one of the first two is the third.

use std::collections::BTreeMap;

use serde_json::Value;

use super::api::{holds, said};
use super::data::{Listed, Probe as Asked};
use crate::rotate::escrow::Material;
use crate::rotate::http::Response;
use crate::rotate::types::Probe;
use crate::secret::Secret;

pub(super) fn judge(asked: &Asked, answer: &Response, json: Option<&Value>, material: &Material) -> Probe {
    let note = format!("status {}{}", answer.status, said(json));
    // An answer without JSON counts only by a text that the kind names.
    let says = |texts: &[String]| match texts {
        [] => json.is_some(),
        _ => {
            let (body, challenge) = (answer.text(), answer.header("www-authenticate").unwrap_or_default());
            texts.iter().any(|text| body.contains(text.as_str()) || challenge.contains(text.as_str()))
        }
    };
    let is = |conditions: &BTreeMap<String, Vec<Value>>| {
        conditions.is_empty() || json.is_some_and(|json| holds(json, conditions))
    };
    let any = |(pointer, values): (&String, &Vec<Value>)| {
        json.and_then(|json| json.pointer(pointer)).is_some_and(|found| values.contains(found))
    };
    if asked.dead_or.iter().any(any) {
        return Probe::Dead(note);
    }
    if asked.live.contains(&answer.status) && says(&asked.live_text) && is(&asked.live_if) {
        return match (&asked.listed, json) {
            (Some(listed), Some(json)) => in_list(listed, json, material, note),
            _ => Probe::Live(note),
        };
    }
    if asked.listed.is_none() && asked.dead.contains(&answer.status) && says(&asked.dead_text) && is(&asked.dead_if) {
        return Probe::Dead(note);
    }
    match json {
        Some(_) => Probe::Unknown(format!("{note}: that says neither live nor dead")),
        None => Probe::Unknown(format!("{note}: the answer is none of the vendor's")),
    }
}

fn in_list(listed: &Listed, json: &Value, material: &Material, note: String) -> Probe {
    let value = material.get("value").map(Secret::expose).unwrap_or_default();
    match json.pointer(&listed.items).and_then(Value::as_array) {
        None => Probe::Unknown(format!("{note}: the answer holds no list")),
        Some(items) => {
            let same =
                |item: &Value| item.pointer(&listed.value).and_then(Value::as_str).map(str::as_bytes) == Some(value);
            match items.iter().any(same) {
                true => Probe::Live(format!("{note}: the list holds it")),
                false if items.len() >= listed.most => Probe::Unknown(format!("{note}: the list may go on")),
                false => Probe::Dead(format!("{note}: the list of {} does not hold it", items.len())),
            }
        }
    }
}
