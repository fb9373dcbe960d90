//! Rules: what is looked for. Plain data, built in (parsed and checked when the program is built) or a user's own.
//!
//! `rules/*.toml` -> [`schema`] (parse, check) -> [`analysis`] (where a literal anchors the pattern, what may follow
//! it) -> `build.rs` writes them as constants -> [`RuleSet::builtin`]. A user's file takes the same road at run time.

pub mod analysis;
mod builtin;
pub mod check;
pub mod grams;
pub mod load;
mod samples;
pub mod schema;
pub mod template;
pub mod validators;

use std::borrow::Cow;

pub use analysis::{Anchor, ByteSet, Gate};
pub use grams::DEEPEST_GRAM;
pub use samples::Samples;

use crate::finding::Severity;

/// Text that is fixed when the program is built, or owned when it comes from a user's file.
pub type Text = Cow<'static, str>;
/// A list likewise.
pub type List<T> = Cow<'static, [T]>;

/// A string that must occur where a rule matches. The prefilter looks for all literals of all rules in one pass.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Literal {
    /// The bytes; lower case when `ignore_case`.
    pub text: Text,
    /// ASCII letters match in either case.
    pub ignore_case: bool,
    /// Where its two rarest grams begin, in bytes from its start.
    pub rarest: u8,
}

impl Literal {
    /// A literal that is not built in.
    pub fn new(text: impl Into<Text>, ignore_case: bool) -> Self {
        let text = text.into();
        let rarest = grams::rarest(text.as_bytes(), &grams::CommonGrams::new());
        Self { text, ignore_case, rarest }
    }
}

/// As [`Rule::secret_group`]: the first capture group that is not empty, else the whole match (gitleaks' default).
pub const FIRST_GROUP: u8 = 255;

/// How a rule finds its candidates.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// A literal of the rule is hit and the pattern is run anchored there. One anchor per literal, same order.
    Anchored(List<Anchor>),
    /// A keyword stands in the name of an assignment (or as a word before the value), and the pattern must match
    /// the whole value.
    Assigned,
    /// A user's arbitrary pattern, searched in the text round a keyword's hit, or everywhere when it has none.
    Search,
    /// The hand-shaped generic assignment path (passwords and secrets without a shape of their own).
    Generic,
    /// The text is so many lines of one word each and nothing else, and the last of them is the secret.
    Whole(u8),
}

/// Another rule whose match belongs to this credential when it stands near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartOf {
    /// The other rule's id.
    pub rule: Text,
    /// Farthest distance between the two, in lines.
    pub within_lines: u32,
    /// Confidence taken away when it is missing.
    pub missing: i16,
}

/// Which files a test of the path applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTest {
    /// Regular expression over the path with `/`.
    pub regex: Text,
}

/// One kind of credential: how it looks, how it is checked, how it is turned.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique name, kebab case.
    pub id: Text,
    /// Who issues it.
    pub provider: Text,
    /// One line that a person understands.
    pub description: Text,
    /// How bad a leak is.
    pub severity: Severity,
    /// Base confidence, 0 to 100.
    pub confidence: u8,
    /// Fixed text inside the secret, or beside it for `Assigned`.
    pub literals: List<Literal>,
    /// How candidates are found.
    pub method: Method,
    /// Byte-oriented pattern (ASCII classes, no Unicode folding). Empty for `Generic` and `Whole`.
    pub regex: Text,
    /// Capture group that is the secret; 0 is the whole match, [`FIRST_GROUP`] the first that is not empty.
    pub secret_group: u8,
    /// Least Shannon entropy in bits per byte; 0 for none.
    pub entropy: f32,
    /// Words of which one must stand within `within` bytes (or raises the confidence: see `keywords_required`).
    pub keywords: List<Text>,
    /// `Assigned`: words that count, whole, in names that also hold a word of a generic rule; small letters and digits.
    pub words: List<Text>,
    /// Bytes to each side in which the keywords are looked for.
    pub within: u16,
    /// Whether a match without a keyword near is dropped (else it only loses confidence).
    pub keywords_required: bool,
    /// Checksum and structure tests, by name.
    pub validators: List<Text>,
    /// Whether the byte before and after may belong to a longer word (for tokens inside larger encodings).
    pub free_standing: bool,
    /// Also tried on values of generic assignments whose name holds no keyword of this rule.
    pub any_name: bool,
    /// Credentials of which this is the secret half.
    pub parts: List<PartOf>,
    /// This rule's matches are reported only as a part of another finding.
    pub part_only: bool,
    /// Files it is looked for in; all when `None`.
    pub path: Option<PathTest>,
    /// Free words for grouping.
    pub tags: List<Text>,
    /// Request that tells whose it is, as the facts give it.
    pub identify: Text,
    /// What to do when it leaked, in one sentence.
    pub rotate: Text,
    /// The provider's own page about it.
    pub link: Text,
    /// Row of the facts it was made from; empty when none.
    pub fact: Text,
    /// Templates that must match, and templates that must not.
    pub samples: Samples,
    /// Bytes that surely cannot end a token of this rule because they belong to its last class.
    pub tail: ByteSet,
    /// Longest match of the pattern in bytes; `None` when it is not bounded.
    pub longest: Option<u32>,
}

/// The rules of one scan. A rule is known by its index from here on.
#[derive(Debug, Clone)]
pub struct RuleSet {
    rules: Cow<'static, [Rule]>,
}

impl RuleSet {
    /// The built-in rules; costs nothing.
    pub fn builtin() -> Self {
        Self { rules: Cow::Borrowed(builtin::RULES) }
    }

    /// These rules and no others.
    pub fn from_rules(rules: Vec<Rule>) -> Self {
        Self { rules: Cow::Owned(rules) }
    }

    /// All rules, in order of index.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Adds rules; one with an id that is there replaces it.
    pub fn extend(&mut self, more: impl IntoIterator<Item = Rule>) {
        let rules = self.rules.to_mut();
        for rule in more {
            match rules.iter_mut().find(|known| known.id == rule.id) {
                Some(known) => *known = rule,
                None => rules.push(rule),
            }
        }
    }

    /// Keeps the rules for which `keep` holds.
    pub fn retain(&mut self, keep: impl FnMut(&Rule) -> bool) {
        self.rules.to_mut().retain(keep);
    }

    /// The rule of this id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}
