//! Dirty regions: which parts of a text a delta made new, and what the base's anchors become in it.
//!
//! ```text
//!  base   |------A1----------A2---------------A3------|
//!            copy \               copy \
//!  text   |--------A1'-----|inserted|----A3'----------|
//!                       [~~~~~~~~~~~~~~]                 window: inserted bytes, widened
//! ```
//!
//! An anchor is a place where a rule's literal stands. Whatever follows from it is a function of its context, the
//! bytes that were looked at to judge it. So: literals in a window are looked for again; an anchor outside keeps its
//! verdict when all its context was copied in one piece (A1), and is judged again where it stands when not (A3).

use std::ops::Range;

use super::delta::Copied;

/// A place where a literal stands, and what came of it.
#[derive(Debug, Clone)]
pub struct Anchor<F> {
    /// Where the literal starts.
    pub at: u32,
    /// How many bytes before `at` were looked at.
    pub before: u32,
    /// How many bytes from `at` on were looked at.
    pub after: u32,
    /// What came of it; `None`: nothing, with these bytes. Places in it must be relative to `at`.
    pub found: Option<F>,
}

/// How far round a new byte literals are looked for again.
///
/// A literal that starts more than `left` bytes before a new byte, or more than `right` after the last one, must
/// have come with all its bytes from the base, and everything that is looked at before an anchor is recorded too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// To the left of the first new byte.
    pub left: u32,
    /// To the right of the last.
    pub right: u32,
}

/// The windows of a text of `len` bytes that `copied` leaves to be looked at, merged, in order.
///
/// The ends of a text count as bytes of their own: a copy that starts the text but did not start the base leaves a
/// junction there.
pub fn windows(copied: &[Copied], base_len: u32, len: u32, near: Near, out: &mut Vec<Range<u32>>) {
    out.clear();
    let mut push = |start: u32, end: u32| {
        let (start, end) = (start.saturating_sub(near.left), end.saturating_add(near.right).min(len));
        match out.last_mut() {
            Some(last) if last.end >= start => last.end = last.end.max(end),
            _ => out.push(start..end),
        }
    };
    let mut end = 0;
    for (place, run) in copied.iter().enumerate() {
        if place > 0 || run.to > 0 || run.from > 0 {
            push(end, run.to);
        }
        end = run.end();
    }
    if !copied.last().is_some_and(|run| run.end() == len && run.from + run.len == base_len) {
        push(end, len);
    }
}

/// Puts the base's anchors that stand outside `windows` where they stand now into `out`; those that must be judged
/// again come into `again`, by their place.
pub fn carry<F: Clone>(
    base: &[Anchor<F>],
    base_len: u32,
    copied: &[Copied],
    len: u32,
    windows: &[Range<u32>],
    out: &mut Vec<Anchor<F>>,
    again: &mut Vec<u32>,
) {
    let mut window = windows.iter().peekable();
    for run in copied {
        let (from, to) = (run.from, run.from + run.len);
        let first = base.partition_point(|anchor| anchor.at < from);
        for anchor in base[first..].iter().take_while(|anchor| anchor.at < to) {
            let at = anchor.at - from + run.to;
            while window.next_if(|window| window.end <= at).is_some() {}
            if window.peek().is_some_and(|window| window.start <= at) {
                continue;
            }
            let low = anchor.at.saturating_sub(anchor.before);
            let high = anchor.at.saturating_add(anchor.after);
            // Whoever looked up to an end of the base may have seen that it is the end.
            let starts = if low == 0 { from == 0 && run.to == 0 } else { low >= from };
            let ends = if high >= base_len { to == base_len && run.end() == len } else { high <= to };
            if starts && ends {
                out.push(Anchor { at, ..anchor.clone() });
            } else if again.last() != Some(&at) {
                again.push(at);
            }
        }
    }
}

/// Puts the places `again`, none of which is in a window, into `windows` as windows of one byte; both are in order.
pub fn insert(again: &[u32], windows: &mut Vec<Range<u32>>) {
    let mut place = windows.len();
    windows.resize(place + again.len(), 0..0);
    // From the end, so that each moves once.
    for (left, &at) in again.iter().enumerate().rev() {
        while place > 0 && windows[place - 1].start > at {
            place -= 1;
            windows[place + left + 1] = windows[place].clone();
        }
        windows[place + left] = at..at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Near, carry, insert, windows};
    use crate::source::history::delta::Copied;

    const NEAR: Near = Near { left: 10, right: 2 };

    fn run(to: u32, from: u32, len: u32) -> Copied {
        Copied { to, from, len }
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init)] // windows are ranges
    fn inserts_junctions_and_ends_are_windows() {
        let mut out = Vec::new();
        windows(&[run(0, 0, 100)], 100, 100, NEAR, &mut out);
        assert_eq!(out, []);
        windows(&[run(0, 0, 50), run(55, 50, 50)], 100, 105, NEAR, &mut out);
        assert_eq!(out, [40..57]);
        // a piece was left out: nothing inserted, yet a junction
        windows(&[run(0, 0, 40), run(40, 60, 40)], 100, 80, NEAR, &mut out);
        assert_eq!(out, [30..42]);
        // both ends are new ends
        windows(&[run(0, 20, 60)], 100, 60, NEAR, &mut out);
        assert_eq!(out, [0..2, 50..60]);
        windows(&[], 100, 30, NEAR, &mut out);
        assert_eq!(out, [0..30]);
        windows(&[], 0, 0, NEAR, &mut out);
        assert_eq!(out, [0..0]);
        // moved blocks
        windows(&[run(0, 50, 50), run(50, 0, 50)], 100, 100, NEAR, &mut out);
        assert_eq!(out, [0..2, 40..52, 90..100]);
    }

    #[test]
    fn places_come_among_windows_in_order() {
        let list = |again: &[u32], windows: &[(u32, u32)]| {
            let mut windows: Vec<_> = windows.iter().map(|&(start, end)| start..end).collect();
            insert(again, &mut windows);
            windows.iter().map(|window| (window.start, window.end)).collect::<Vec<_>>()
        };
        assert_eq!(list(&[], &[(3, 5)]), [(3, 5)]);
        assert_eq!(list(&[7], &[]), [(7, 8)]);
        assert_eq!(list(&[1, 2, 6, 30], &[(3, 5), (8, 20)]), [(1, 2), (2, 3), (3, 5), (6, 7), (8, 20), (30, 31)]);
        assert_eq!(list(&[6, 7], &[(3, 5), (8, 20)]), [(3, 5), (6, 7), (7, 8), (8, 20)]);
    }

    #[test]
    fn anchors_are_carried_only_with_all_their_context() {
        let anchor = |at, before, after| Anchor::<u8> { at, before, after, found: None };
        let base = [anchor(20, 5, 10), anchor(30, 25, 10), anchor(45, 5, 60), anchor(70, 1, 30), anchor(85, 1, 5)];
        // 80 bytes of the base behind 7 new ones, the last 20 cut off
        let copied = [run(7, 0, 80)];
        let (mut out, mut again, mut dirty) = (Vec::new(), Vec::new(), Vec::new());
        windows(&copied, 100, 87, NEAR, &mut dirty);
        assert_eq!(dirty, [0..9, 77..87]);
        carry(&base, 100, &copied, 87, &dirty, &mut out, &mut again);
        assert_eq!(out.iter().map(|anchor| anchor.at).collect::<Vec<_>>(), [27, 37]);
        assert_eq!(again, [52]);
    }
}
