//! Examples and near misses of rules. Those of the built-in ones, thousands of texts that only tests and `rules show`
//! look at, are one packed text in the program, unpacked when somebody asks.

use std::sync::OnceLock;

use super::Text;

/// Templates that a rule must find, and templates that it must not.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// Of the built-in rule at this place.
    Builtin(u16),
    /// Of a user's rule.
    Own {
        /// Templates that must match.
        examples: Vec<Text>,
        /// Templates that must not.
        near_misses: Vec<Text>,
    },
}

/// Examples and near misses of a rule.
type Lists = [Vec<Text>; 2];

/// Its length, and for each rule its examples, [`LIST`], its near misses, [`RULE`]; each text ends with [`TEXT`].
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/samples.z"));
const TEXT: char = '\u{1e}';
const LIST: char = '\u{1d}';
const RULE: char = '\u{1c}';

impl Samples {
    /// Templates that must match.
    pub fn examples(&self) -> &[Text] {
        match self {
            Self::Builtin(place) => builtin(*place).map_or(&[], |[examples, _]| examples),
            Self::Own { examples, .. } => examples,
        }
    }

    /// Templates that must not.
    pub fn near_misses(&self) -> &[Text] {
        match self {
            Self::Builtin(place) => builtin(*place).map_or(&[], |[_, near_misses]| near_misses),
            Self::Own { near_misses, .. } => near_misses,
        }
    }
}

fn builtin(place: u16) -> Option<&'static Lists> {
    static LISTS: OnceLock<Vec<Lists>> = OnceLock::new();
    LISTS.get_or_init(|| unpack().unwrap_or_default()).get(usize::from(place))
}

fn unpack() -> Option<Vec<Lists>> {
    let (length, packed) = PACKED.split_at_checked(4)?;
    let mut text = vec![0; u32::from_le_bytes(length.try_into().ok()?) as usize];
    zlib_rs::Inflate::new(true, 15).decompress(packed, &mut text, zlib_rs::InflateFlush::Finish).ok()?;
    let text = String::from_utf8(text).ok()?;
    let texts = |list: &str| list.split_terminator(TEXT).map(|text| Text::Owned(text.to_owned())).collect();
    let lists = |rule: &str| rule.split_once(LIST).map(|(examples, misses)| [texts(examples), texts(misses)]);
    text.split_terminator(RULE).map(lists).collect()
}

#[cfg(test)]
mod tests {
    use super::Samples;
    use crate::rules::RuleSet;

    #[test]
    fn every_built_in_rule_has_its_own() {
        let rules = RuleSet::builtin();
        for rule in rules.rules() {
            assert!(!rule.samples.examples().is_empty() && !rule.samples.near_misses().is_empty(), "{}", rule.id);
        }
        let github = rules.get("github-pat-classic").expect("the rule");
        assert!(github.samples.examples().iter().any(|text| text.contains("ghp_")));
        assert_eq!(Samples::Builtin(u16::MAX).examples(), [] as [&str; 0]);
    }
}
