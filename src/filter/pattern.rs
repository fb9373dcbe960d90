//! Regular expressions of configurations: checked when they are read, compiled when they are first needed.

use std::sync::OnceLock;

use regex_automata::meta::{self, Regex};
use regex_automata::util::syntax;

/// A pattern over bytes, in the dialect of rules (Go's RE2 but for a few rare forms).
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Checks `text`.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn new(text: &str) -> Result<Self, String> {
        Ok(Self { text: dialect(text)?, compiled: OnceLock::new() })
    }

    /// Whether it matches somewhere in `bytes`; `None` when it is too large to be compiled.
    pub fn test(&self, bytes: &[u8]) -> Option<bool> {
        let regex = self.compiled.get_or_init(|| {
            Regex::builder()
                .syntax(syntax::Config::new().unicode(false).utf8(false))
                .configure(meta::Config::new().utf8_empty(false).nfa_size_limit(Some(10 << 20)))
                .build(&self.text)
                .ok()
        });
        regex.as_ref().map(|regex| regex.is_match(bytes))
    }

    /// Whether it matches somewhere in `bytes`.
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        self.test(bytes) == Some(true)
    }

    /// As written (or with `(?u)` in front when it needs Unicode).
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// `pattern` in the form the engine compiles: as it is where ASCII rules do, else with Unicode switched on.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn dialect(pattern: &str) -> Result<String, String> {
    let parse = |text: &str| {
        regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(text).map_err(|error| {
            let (message, span) = match &error {
                regex_syntax::Error::Parse(error) => (error.kind().to_string(), Some(*error.span())),
                regex_syntax::Error::Translate(error) => (error.kind().to_string(), Some(*error.span())),
                _ => (error.to_string(), None),
            };
            match span {
                Some(span) => format!("{message} (column {} of the pattern)", span.start.column),
                None => message,
            }
        })
    };
    match parse(pattern) {
        Ok(_) => Ok(pattern.to_owned()),
        Err(error) => {
            let unicode = format!("(?u){pattern}");
            parse(&unicode).map(|_| unicode).map_err(|_| error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_are_checked_first_and_compiled_later() {
        let pattern = Pattern::new(r"(?i)\.(p12|pfx)$").expect("a pattern");
        assert!(pattern.is_match(b"keys/A.P12") && !pattern.is_match(b"a.p12.txt"));
        assert!(Pattern::new(r"\p{Greek}+").expect("unicode is switched on").is_match("λ".as_bytes()));
        let error = Pattern::new("(?<=a)b").expect_err("look-behind");
        assert!(error.contains("look-around"), "{error}");
    }
}
