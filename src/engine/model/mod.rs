//! The compact model that judges a value by what it is, what it is called and where it stands.
//!
//! ```text
//!  candidate -> features (28 small numbers: a bucket each) -> one weight per bucket -> points, summed by group -> reasons
//! ```
//!
//! An additive model: the weight of each bucket is a number of points of confidence, so the sum explains itself, group by
//! group. There is a column of weights for passwords, which people choose, and one for keys and tokens, which machines
//! make. `scripts/train_value_model.py` trains it on generated secrets and on real code and writes `weights.rs` and
//! `words.bin`; docs/accuracy.md tells what it is worth. What an evaluation costs stands there as well.

pub(super) mod features;
mod known;
mod name;
mod place;
mod tally;
mod weights;

use std::ops::Range;

pub use features::{COUNT, Features, NAMES};
pub(super) use place::NEAR;

use super::assignment::{Operator, Quoting};
use super::value::Candidate;
use features::Group;

/// What a value adds to the rule's confidence, group by group.
pub(super) struct Weighed {
    reasons: [(i16, &'static str); Group::ALL.len()],
    count: usize,
}

impl Weighed {
    /// The groups that count, each with its points and what to say of it.
    pub(super) fn reasons(&self) -> &[(i16, &'static str)] {
        &self.reasons[..self.count]
    }

    /// All points together.
    pub(super) fn points(&self) -> i16 {
        self.reasons().iter().map(|(points, _)| points).sum()
    }
}

/// Weighs the features of a value.
pub(super) fn weigh(features: &Features, password: bool) -> Weighed {
    let column = usize::from(!password);
    let mut sums = [0i32; Group::ALL.len()];
    for (feature, &bucket) in features.iter().enumerate() {
        let weight = weights::WEIGHTS[feature].get(usize::from(bucket)).map_or(0, |columns| columns[column]);
        sums[features::GROUPS[feature] as usize] += i32::from(weight);
    }
    // Groups are rounded one after the other, what is left over going to the next.
    let mut rest = i32::from(weights::INTERCEPT[column]);
    let mut weighed = Weighed { reasons: [(0, ""); Group::ALL.len()], count: 0 };
    for (group, sum) in Group::ALL.into_iter().zip(sums) {
        rest += sum;
        let points = rest.div_euclid(SCALE) + i32::from(rest.rem_euclid(SCALE) * 2 > SCALE);
        rest -= points * SCALE;
        if points != 0 {
            let points = points.clamp(-100, 100) as i16;
            weighed.reasons[weighed.count] = (points, if points > 0 { group.good() } else { group.bad() });
            weighed.count += 1;
        }
    }
    weighed
}

/// The points of the value at `value` under the name at `name`, the whole of it being the keyword: one evaluation, for
/// those who measure what it costs. Both ranges must lie in `text`.
pub fn points(text: &[u8], name: Range<usize>, value: Range<usize>, password: bool) -> i16 {
    let candidate = Candidate {
        text,
        keyword: 0..name.len(),
        name: &text[name.clone()],
        value: &text[value.clone()],
        after: text.get(value.end).copied(),
        name_at: name,
        value_at: value,
        partial: false,
        quoting: Quoting::Quoted(b'"'),
        operator: Operator::Assign,
        password,
    };
    weigh(&features::look(&candidate), password).points()
}

/// Weights are written in tenths of a point.
const SCALE: i32 = 10;

#[cfg(test)]
mod tests {
    use super::{COUNT, NAMES, known, weights};

    #[test]
    fn tables_fit_together() {
        assert_eq!(NAMES.len(), COUNT);
        assert_eq!(weights::WEIGHTS.len(), COUNT);
        assert!(known::known_words() > 500);
    }
}
