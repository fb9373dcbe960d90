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
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    known
        .into_iter()
        .map(|key| (strsim::damerau_levenshtein(&plain(word), &plain(key)), key))
        .min()
        .filter(|&(distance, key)| distance <= 1 + key.len() / 4)
        .map(|(_, key)| format!("; did you mean `{key}`?"))
        .unwrap_or_default()
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
    use super::{date, nearest, similar};

    #[test]
    fn days_and_near_names() {
        assert!(date("2028-02-29").is_ok() && date("2026-02-29").is_err() && date("2026-2-9").is_err());
        assert_eq!(nearest("min_confidense", ["max-size", "min-confidence"]), "; did you mean `min-confidence`?");
        assert_eq!(nearest("zzz", ["max-size"]), "");
        assert!(similar("github-pat-clasic", ["github-pat-classic"]) && !similar("well-known", ["github-pat-classic"]));
    }
}
