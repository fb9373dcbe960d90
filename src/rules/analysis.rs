//! What a pattern's syntax tree tells before it is ever compiled: where a literal anchors it, what must follow the
//! literal, what its last class is.
//!
//! Shared with `build.rs`. The point is speed: nearly every hit of a literal is refused by a [`Gate`] in a few
//! nanoseconds, so a pattern is compiled only when a text holds something that looks like a token.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A set of ASCII bytes; bytes above 127 are never in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByteSet(pub u128);

impl ByteSet {
    /// Whether `byte` is in the set.
    #[inline]
    pub const fn contains(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    /// The set with `byte` added; bytes above 127 are left out.
    #[must_use]
    pub const fn with(self, byte: u8) -> Self {
        if byte < 128 { Self(self.0 | 1 << byte) } else { self }
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bytes of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What must follow a literal at once: at least `least` bytes of `set`. `least` 0 asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gate {
    /// The bytes.
    pub set: ByteSet,
    /// How many.
    pub least: u16,
    /// What must follow them: a byte that is not in the set, after so many of it at most (bytes above 127 may be among
    /// them as well).
    pub then: Option<(u8, u16)>,
}

/// A gate with a [`Gate::then`] looks at no more bytes than this.
const FARTHEST_THEN: u32 = 128;

/// Where the pattern begins, seen from a hit of one of its literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Fewest bytes between the pattern's start and the literal.
    pub back_min: u16,
    /// Most bytes; with `back_min` 0 the pattern starts at the literal.
    pub back_max: u16,
    /// What must follow the literal.
    pub gate: Gate,
}

/// What [`analyse`] learns of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// One per literal, same order.
    pub anchors: Vec<Anchor>,
    /// The bytes of the last class: a token followed by one of these goes on.
    pub tail: ByteSet,
    /// Longest match in bytes, when bounded.
    pub longest: Option<usize>,
    /// Number of capture groups, the whole match not counted.
    pub groups: usize,
}

/// Farthest a pattern may reach back from its literal.
pub const LOOK_BACK: usize = 512;

/// Reads `regex` (byte oriented, no Unicode) and finds every literal of `literals` in it. The error is a sentence.
pub fn analyse(regex: &str, literals: &[&str]) -> Result<Analysis, String> {
    let hir = parse(regex)?;
    let properties = hir.properties();
    let groups = properties.explicit_captures_len();
    let longest = properties.maximum_len();
    if properties.minimum_len() == Some(0) {
        return Err("`regex` matches the empty text".to_owned());
    }
    let mut anchors = Vec::with_capacity(literals.len());
    let flat = flatten(&hir);
    for literal in literals {
        let anchor = find(&flat, literal.as_bytes()).ok_or_else(|| {
            format!(
                "literal `{literal}` does not stand at a fixed place of `regex`: write it out in the pattern, at most \
                 {LOOK_BACK} bytes after its start"
            )
        })?;
        anchors.push(anchor);
    }
    Ok(Analysis { anchors, tail: last_class(&hir), longest, groups })
}

/// The pattern's syntax tree, byte oriented.
pub fn parse(regex: &str) -> Result<Hir, String> {
    regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(100)
        .build()
        .parse(regex)
        .map_err(|error| format!("`regex` is not valid: {error}"))
}

/// The top-level sequence of a pattern with captures opened up.
fn flatten(hir: &Hir) -> Vec<&Hir> {
    match hir.kind() {
        HirKind::Concat(items) => items.iter().flat_map(flatten).collect(),
        HirKind::Capture(capture) => flatten(&capture.sub),
        _ => vec![hir],
    }
}

/// Finds `literal` in the sequence: as the text of one element, run together with single-byte neighbours, or as a
/// branch of an alternation.
fn find(items: &[&Hir], literal: &[u8]) -> Option<Anchor> {
    let (mut back_min, mut back_max) = (0usize, 0usize);
    for (index, item) in items.iter().enumerate() {
        if let Some((skip, rest)) = inside(item, literal) {
            let back_min = u16::try_from(back_min + skip.0).ok()?;
            let back_max = back_max + skip.1;
            if back_max > LOOK_BACK {
                return None;
            }
            let gate = if rest { Gate::default() } else { gate(&items[index + 1..]) };
            return Some(Anchor { back_min, back_max: u16::try_from(back_max).ok()?, gate });
        }
        back_min += item.properties().minimum_len()?;
        back_max = back_max.saturating_add(item.properties().maximum_len().unwrap_or(LOOK_BACK + 1));
    }
    None
}

/// Whether `literal` stands in this one element: how far from the element's start (fewest, most), and whether the
/// element goes on behind it.
fn inside(item: &Hir, literal: &[u8]) -> Option<((usize, usize), bool)> {
    match item.kind() {
        HirKind::Literal(text) => {
            let at = text.0.windows(literal.len()).position(|window| window.eq_ignore_ascii_case(literal))?;
            Some(((at, at), at + literal.len() < text.0.len()))
        }
        HirKind::Alternation(branches) => {
            let mut found: Option<((usize, usize), bool)> = None;
            for branch in branches {
                let sequence = flatten(branch);
                if let Some(anchor) = find(&sequence, literal) {
                    let (low, high) = (usize::from(anchor.back_min), usize::from(anchor.back_max));
                    let rest = sequence.len() > 1 || branch.properties().maximum_len() != Some(literal.len());
                    found = Some(match found {
                        None => ((low, high), rest),
                        Some(((a, b), more)) => ((a.min(low), b.max(high)), more || rest),
                    });
                }
            }
            found
        }
        HirKind::Capture(capture) => {
            let sequence = flatten(&capture.sub);
            let anchor = find(&sequence, literal)?;
            Some(((usize::from(anchor.back_min), usize::from(anchor.back_max)), true))
        }
        _ => None,
    }
}

/// The first thing a sequence demands, when it is one class repeated.
fn gate(items: &[&Hir]) -> Gate {
    match items.first().map(|item| item.kind()) {
        Some(HirKind::Repetition(repetition)) => {
            let HirKind::Class(class) = strip(&repetition.sub).kind() else { return Gate::default() };
            let set = bytes(class);
            let next = match items.get(1).map(|item| item.kind()) {
                Some(HirKind::Literal(text)) => text.0.first().filter(|&&byte| byte < 128 && !set.contains(byte)),
                _ => None,
            };
            let then = next.zip(repetition.max.filter(|&most| most <= FARTHEST_THEN));
            Gate {
                set,
                least: u16::try_from(repetition.min).unwrap_or(u16::MAX),
                then: then.map(|(&byte, most)| (byte, most as u16)),
            }
        }
        Some(HirKind::Class(class)) => Gate { set: bytes(class), least: 1, then: None },
        Some(HirKind::Literal(text)) => match text.0.first() {
            Some(&byte) if byte < 128 => Gate { set: ByteSet::default().with(byte), least: 1, then: None },
            _ => Gate::default(),
        },
        _ => Gate::default(),
    }
}

fn strip(hir: &Hir) -> &Hir {
    match hir.kind() {
        HirKind::Capture(capture) => strip(&capture.sub),
        _ => hir,
    }
}

fn bytes(class: &Class) -> ByteSet {
    let mut set = ByteSet::default();
    match class {
        Class::Bytes(class) => {
            for range in class.ranges() {
                for byte in range.start()..=range.end() {
                    set = set.with(byte);
                }
            }
        }
        Class::Unicode(class) => {
            for range in class.ranges() {
                for code in u32::from(range.start())..=u32::from(range.end()).min(127) {
                    set = set.with(code as u8);
                }
            }
        }
    }
    set
}

/// The class that ends a match; empty when it ends in a literal or something unclear.
fn last_class(hir: &Hir) -> ByteSet {
    match hir.kind() {
        HirKind::Concat(items) => items.last().map(last_class).unwrap_or_default(),
        HirKind::Capture(capture) => last_class(&capture.sub),
        HirKind::Repetition(repetition) => last_class(&repetition.sub),
        HirKind::Class(class) => bytes(class),
        HirKind::Alternation(branches) => branches.iter().map(last_class).fold(ByteSet::default(), ByteSet::union),
        _ => ByteSet::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::analyse;

    #[test]
    fn a_prefix_anchors_at_the_start_with_its_class_as_gate() {
        let analysis = analyse("ghp_[A-Za-z0-9]{36}", &["ghp_"]).expect("valid");
        let anchor = analysis.anchors[0];
        assert_eq!((anchor.back_min, anchor.back_max, anchor.gate.least), (0, 0, 36));
        assert!(analysis.tail.contains(b'z') && !analysis.tail.contains(b'-'));
    }

    #[test]
    fn a_literal_in_the_middle_says_how_far_back_to_go() {
        let analysis = analyse(r"([a-z0-9]{14}\.atlasv1\.[a-z0-9_-]{60,70})", &[".atlasv1."]).expect("valid");
        assert_eq!((analysis.anchors[0].back_min, analysis.anchors[0].back_max), (14, 14));
        assert_eq!(analysis.anchors[0].gate.least, 60);
    }

    #[test]
    fn a_byte_that_ends_the_class_belongs_to_the_gate() {
        let then = |regex: &str| analyse(regex, &["x://"]).expect("valid").anchors[0].gate.then;
        assert_eq!(then("x://[^:/@]{1,64}:([^@]{1,9})@"), Some((b':', 64)));
        assert_eq!(then("(?:w|x://)([^:/@]{1,64}):"), Some((b':', 64)));
        // The class holds it, there is no bound, nothing certain follows.
        assert_eq!(then("x://[^/@]{1,64}:"), None);
        assert_eq!(then("x://[^:/@]+:"), None);
        assert_eq!(then("x://[^:/@]{1,64}(?::|@)"), None);
    }

    #[test]
    fn alternated_prefixes_each_anchor() {
        let analysis = analyse("(?:squ_|sqp_|sqa_)[a-f0-9]{40}", &["squ_", "sqa_"]).expect("valid");
        assert!(analysis.anchors.iter().all(|anchor| anchor.back_max == 0));
    }

    #[test]
    fn a_literal_that_is_not_there_is_an_error() {
        assert!(analyse("abc[0-9]+", &["xyz"]).is_err());
    }
}
