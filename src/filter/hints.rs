//! Words of configurations: days, and what a misspelt name was meant to be.

/// Whether `text` is a day, `YYYY-MM-DD`.
///
/// # Errors
/// What it should look like.
pub fn date(text: &str) -> Result<(), String> {
    let at_midnight = crate::clock::parse_rfc3339(&format!("{text}T00:00:00Z"));
    match at_midnight {
        Some(seconds) if crate::clock::day(seconds) == text => Ok(()),
        _ => Err(format!("`{text}` is no day of the form YYYY-MM-DD")),
    }
}

/// `; did you mean …?` when one of `known` is near.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    near(word, known).first().map(|key| format!("; did you mean `{key}`?")).unwrap_or_default()
}

/// Most rules that are suggested.
const SUGGESTED: usize = 3;

/// The same of rules: the nearest ids, else some that hold the word, else where all ids stand.
pub fn nearest_rules<'k>(word: &str, ids: impl IntoIterator<Item = &'k str>) -> String {
    let ids: Vec<&str> = ids.into_iter().collect();
    let plain = word.trim_end_matches('*').to_lowercase();
    let with = |test: &dyn Fn(&str) -> bool| {
        let mut found: Vec<&str> = ids.iter().copied().filter(|id| plain.len() > 2 && test(id)).collect();
        found.sort_unstable_by_key(|id| (id.len(), *id));
        found
    };
    // Half of an id, then a slip of the finger, then a word of ids.
    let mut found = with(&|id| id.starts_with(&plain));
    if found.is_empty() {
        found = near(word, ids.iter().copied());
    }
    if found.is_empty() {
        found = with(&|id| id.contains(&plain));
    }
    found.truncate(SUGGESTED);
    match found.as_slice() {
        [] => "; `keysweep rules list` shows all of them".to_owned(),
        [one] => format!("; did you mean `{one}`?"),
        [others @ .., last] => format!("; did you mean `{}` or `{last}`?", others.join("`, `")),
    }
}

/// Those of `known` that are as near as the nearest or one letter farther, nearest first.
fn near<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let word = plain(word);
    let distance = |key: &str| strsim::damerau_levenshtein(&word, &plain(key));
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|key| (distance(key), key))
        .filter(|&(distance, key)| distance <= 1 + key.len() / 4)
        .collect();
    near.sort_unstable();
    let least = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter().take_while(|(distance, _)| *distance <= least + 1).map(|(_, key)| key).collect()
}

/// Whether `word` is one or two letters away from one of `known`.
pub fn similar<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> bool {
    known.into_iter().any(|key| {
        key.len().abs_diff(word.len()) <= 2
            && strsim::damerau_levenshtein(word, key) <= if key.len() < 8 { 1 } else { 2 }
    })
}

#[cfg(test)]
mod tests {
    use super::{date, nearest, nearest_rules, similar};

    #[test]
    fn days_and_near_names() {
        assert!(date("2028-02-29").is_ok() && date("2026-02-29").is_err() && date("2026-2-9").is_err());
        assert_eq!(nearest("min_confidense", ["max-size", "min-confidence"]), "; did you mean `min-confidence`?");
        assert_eq!(nearest("zzz", ["max-size"]), "");
        let rules = ["gitlab-pat", "github-pat-classic", "gitlab-pat-routable", "aws-access-key-id"];
        assert_eq!(nearest_rules("gitlab-pet", rules), "; did you mean `gitlab-pat`?");
        assert_eq!(
            nearest_rules("pat", rules),
            "; did you mean `gitlab-pat`, `github-pat-classic` or `gitlab-pat-routable`?"
        );
        assert_eq!(nearest_rules("nosuch", rules), "; `keysweep rules list` shows all of them");
        assert!(similar("github-pat-clasic", ["github-pat-classic"]) && !similar("well-known", ["github-pat-classic"]));
    }
}
