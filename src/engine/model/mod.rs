//! The compact model that judges a value by what it is, what it is called and where it stands.
//!
//! ```text
//!  candidate -> features (29 small numbers: a bucket each) -> one weight per bucket -> points, summed by group -> reasons
//! ```
//!
//! An additive model: the weight of each bucket is a number of points of confidence, so the sum explains itself, group by
//! group. There is a column of weights for passwords, which people choose, and one for keys and tokens, which machines
//! make. `scripts/train_value_model.py` trains it on generated secrets and on real code and writes `weights.rs` and
//! `words.bin`; docs/accuracy.md tells what it is worth. An evaluation takes well under a microsecond.

pub(super) mod features;
mod weights;

pub use features::{COUNT, Features, NAMES};

use features::Group;

/// Points of a value, group by group; their sum is what the value adds to the rule's confidence.
pub(super) fn weigh(features: &Features, password: bool) -> Vec<(i16, &'static str)> {
    let column = usize::from(!password);
    let mut sums = [0i32; Group::ALL.len()];
    for (feature, &bucket) in features.iter().enumerate() {
        let weight = weights::WEIGHTS[feature].get(usize::from(bucket)).map_or(0, |columns| columns[column]);
        sums[features::GROUPS[feature] as usize] += i32::from(weight);
    }
    // Groups are rounded one after the other, what is left over going to the next.
    let mut rest = i32::from(weights::INTERCEPT[column]);
    let mut reasons = Vec::new();
    for (group, sum) in Group::ALL.into_iter().zip(sums) {
        rest += sum;
        let points = rest.div_euclid(SCALE) + i32::from(rest.rem_euclid(SCALE) * 2 > SCALE);
        rest -= points * SCALE;
        if points != 0 {
            let points = points.clamp(-100, 100) as i16;
            reasons.push((points, if points > 0 { group.good() } else { group.bad() }));
        }
    }
    reasons
}

/// Weights are written in tenths of a point.
const SCALE: i32 = 10;

#[cfg(test)]
mod tests {
    use super::{COUNT, NAMES, features, weights};

    #[test]
    fn tables_fit_together() {
        assert_eq!(NAMES.len(), COUNT);
        assert_eq!(weights::WEIGHTS.len(), COUNT);
        assert!(features::known_words() > 500);
    }
}
