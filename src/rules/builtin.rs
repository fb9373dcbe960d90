//! The built-in rules as `build.rs` wrote them from `rules/*.toml`.

use std::borrow::Cow::Borrowed as B;

// Which of these occur depends on the rules.
#[allow(unused_imports)]
use super::{Anchor, ByteSet, Gate, Literal, Method, PartOf, PathTest, Rule, Samples};
use crate::finding::Severity;

include!(concat!(env!("OUT_DIR"), "/builtin_rules.rs"));
