//! An image's configuration as texts that people can read: variables, history, and all the rest.

use serde_json::Value;

/// The texts of a configuration, each with its name. One that is no JSON is a text as it is.
pub(super) fn texts(bytes: &[u8]) -> Vec<(&'static str, String)> {
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else {
        return vec![("raw", String::from_utf8_lossy(bytes).into_owned())];
    };
    let (mut variables, mut history, mut rest) = (String::new(), String::new(), String::new());
    for part in ["config", "container_config"] {
        if let Some(list) = value.get_mut(part).and_then(|part| part.get_mut("Env")).map(Value::take) {
            for variable in list.as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !variables.lines().any(|line| line == variable) {
                    variables.push_str(variable);
                    variables.push('\n');
                }
            }
        }
    }
    for step in value.get_mut("history").map(Value::take).as_ref().and_then(Value::as_array).into_iter().flatten() {
        for key in ["created_by", "comment", "author"] {
            if let Some(text) = step[key].as_str() {
                history.push_str(text);
                history.push('\n');
            }
        }
    }
    leaves("", &value, &mut rest);
    [("env", variables), ("history", history), ("other", rest)]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// Every string as `key: "value"`; serde_json bounds how deep they can be.
fn leaves(key: &str, value: &Value, out: &mut String) {
    match value {
        Value::String(text) => {
            out.push_str(&format!("{key}: {}\n", Value::String(text.clone())));
        }
        Value::Array(list) => {
            // A command line reads as one.
            if list.iter().all(Value::is_string) && !list.is_empty() {
                let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                out.push_str(&format!("{key}: {}\n", words.join(" ")));
            } else {
                list.iter().for_each(|item| leaves(key, item, out));
            }
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| leaves(key, item, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::texts;

    #[test]
    fn a_configuration_is_read_in_parts() {
        let text = r#"{"architecture":"amd64","config":{"Env":["A=1","B=2"],"Cmd":["sh","-c","x"],"Labels":{"k":"v"}},
            "container_config":{"Env":["A=1"]},"history":[{"created_by":"ENV B=2"},{"comment":"c"}]}"#;
        assert_eq!(
            texts(text.as_bytes()),
            [
                ("env", "A=1\nB=2\n".to_owned()),
                ("history", "ENV B=2\nc\n".to_owned()),
                ("other", "architecture: \"amd64\"\nCmd: sh -c x\nk: \"v\"\n".to_owned()),
            ]
        );
        assert_eq!(texts(b"no json"), [("raw", "no json".to_owned())]);
        assert_eq!(texts(b"{}"), []);
    }
}
