//! Deltas: applying one while writing down which bytes it copied from where.

use super::fault::Fault;

/// A run of bytes that a delta took from its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Where they stand in the new text.
    pub to: u32,
    /// Where they stand in the base.
    pub from: u32,
    /// How many.
    pub len: u32,
}

impl Copied {
    /// One past its end in the new text.
    pub fn end(&self) -> u32 {
        self.to + self.len
    }
}

/// The two sizes a delta starts with: its base's and its result's, and where its instructions start.
///
/// # Errors
/// When they are cut off.
pub fn sizes(delta: &[u8]) -> Result<(u64, u64, usize), Fault> {
    let mut at = 0;
    let base = size(delta, &mut at)?;
    let result = size(delta, &mut at)?;
    Ok((base, result, at))
}

fn size(delta: &[u8], at: &mut usize) -> Result<u64, Fault> {
    let mut value = 0u64;
    let mut shift = 0;
    loop {
        let byte = *delta.get(*at).ok_or(Fault::Delta("its sizes are cut off"))?;
        *at += 1;
        if shift > 56 {
            return Err(Fault::Delta("its sizes are too large"));
        }
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
}

/// Applies `delta` to `base`: the result is in `out`, the copies in `copied` in order of their place, neighbours that
/// were neighbours in the base joined. At most `limit` bytes are made.
///
/// # Errors
/// When the delta does not fit the base, leaves its own sizes, or makes more than `limit`.
pub fn apply(base: &[u8], delta: &[u8], limit: u64, out: &mut Vec<u8>, copied: &mut Vec<Copied>) -> Result<(), Fault> {
    out.clear();
    copied.clear();
    let (base_size, size, start) = sizes(delta)?;
    if base_size != base.len() as u64 {
        return Err(Fault::Delta("its base has another size"));
    }
    let limit = limit.min(u64::from(u32::MAX));
    if size > limit || base_size > limit {
        return Err(Fault::Memory(size.max(base_size)));
    }
    let size = size as usize;
    // An instruction of seven bytes copies at most 16 MB: a result beyond that cannot come of this delta.
    if size as u64 > (delta.len() as u64).saturating_mul(0xff_ffff) {
        return Err(Fault::Size);
    }
    out.reserve_exact(size);
    let mut at = start;
    while let Some(&code) = delta.get(at) {
        at += 1;
        if code & 0x80 != 0 {
            let mut field = |mask: u8, shift: u32| -> Result<u32, Fault> {
                if code & mask == 0 {
                    return Ok(0);
                }
                let byte = *delta.get(at).ok_or(Fault::Delta("a copy is cut off"))?;
                at += 1;
                Ok(u32::from(byte) << shift)
            };
            let from = field(1, 0)? | field(2, 8)? | field(4, 16)? | field(8, 24)?;
            let mut len = field(16, 0)? | field(32, 8)? | field(64, 16)?;
            if len == 0 {
                len = 0x10000;
            }
            let bytes = (from as usize)
                .checked_add(len as usize)
                .and_then(|end| base.get(from as usize..end))
                .ok_or(Fault::Delta("a copy leaves the base"))?;
            if out.len() + bytes.len() > size {
                return Err(Fault::Delta("it makes more than it says"));
            }
            match copied.last_mut() {
                Some(last) if last.from + last.len == from && last.end() as usize == out.len() => last.len += len,
                _ => copied.push(Copied { to: out.len() as u32, from, len }),
            }
            out.extend_from_slice(bytes);
        } else if code != 0 {
            let end = at + usize::from(code);
            let bytes = delta.get(at..end).ok_or(Fault::Delta("an insert is cut off"))?;
            if out.len() + bytes.len() > size {
                return Err(Fault::Delta("it makes more than it says"));
            }
            out.extend_from_slice(bytes);
            at = end;
        } else {
            return Err(Fault::Delta("an unknown instruction"));
        }
    }
    if out.len() != size {
        return Err(Fault::Delta("it makes less than it says"));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::{Copied, apply};
    use crate::source::history::fault::Fault;

    /// One step of a delta.
    #[derive(Debug, Clone)]
    pub(crate) enum Step {
        /// Copy (from, length) of the base.
        Copy(usize, usize),
        /// Insert these bytes.
        Insert(Vec<u8>),
    }

    /// Writes a delta; the result it should give as well.
    pub(crate) fn write(base: &[u8], steps: &[Step]) -> (Vec<u8>, Vec<u8>) {
        let (mut body, mut result) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Copy(from, len) => {
                    let bytes = &base[*from..*from + *len];
                    for (place, piece) in bytes.chunks(0xff_ffff).enumerate() {
                        copy(&mut body, from + place * 0xff_ffff, piece.len());
                    }
                    result.extend_from_slice(bytes);
                }
                Step::Insert(bytes) => {
                    for piece in bytes.chunks(127) {
                        body.push(piece.len() as u8);
                        body.extend_from_slice(piece);
                    }
                    result.extend_from_slice(bytes);
                }
            }
        }
        let mut delta = Vec::new();
        for mut size in [base.len(), result.len()] {
            while size >= 0x80 {
                delta.push(size as u8 | 0x80);
                size >>= 7;
            }
            delta.push(size as u8);
        }
        delta.extend(body);
        (delta, result)
    }

    fn copy(body: &mut Vec<u8>, from: usize, len: usize) {
        let at = body.len();
        body.push(0x80);
        for place in 0..4 {
            if from >> (8 * place) & 0xff != 0 {
                body[at] |= 1 << place;
                body.push((from >> (8 * place)) as u8);
            }
        }
        for place in 0..3 {
            if len != 0x10000 && len >> (8 * place) & 0xff != 0 {
                body[at] |= 16 << place;
                body.push((len >> (8 * place)) as u8);
            }
        }
    }

    /// Any steps over a base of `len` bytes.
    pub(crate) fn steps(len: usize) -> impl Strategy<Value = Vec<Step>> {
        let copy = (0..=len, 0..=len).prop_map(move |(a, b)| {
            let (from, to) = (a.min(b), a.max(b));
            Step::Copy(from, to - from)
        });
        let insert = prop::collection::vec(any::<u8>(), 1..200).prop_map(Step::Insert);
        prop::collection::vec(prop_oneof![copy, insert], 0..12)
            .prop_map(|steps| steps.into_iter().filter(|step| !matches!(step, Step::Copy(_, 0))).collect())
    }

    proptest! {
        #[test]
        fn what_was_written_comes_back(
            (base, steps) in prop::collection::vec(any::<u8>(), 0..400)
                .prop_flat_map(|base| { let len = base.len(); (Just(base), steps(len)) })
        ) {
            let (delta, wanted) = write(&base, &steps);
            let (mut out, mut copied) = (Vec::new(), Vec::new());
            apply(&base, &delta, 1 << 20, &mut out, &mut copied).expect("a good delta");
            prop_assert_eq!(&out, &wanted);
            let mut end = 0;
            for run in &copied {
                prop_assert!(run.to >= end);
                end = run.end();
                prop_assert_eq!(
                    &out[run.to as usize..end as usize],
                    &base[run.from as usize..(run.from + run.len) as usize]
                );
            }
        }

        #[test]
        fn any_bytes_are_taken(base in prop::collection::vec(any::<u8>(), 0..300), delta in prop::collection::vec(any::<u8>(), 0..300)) {
            let (mut out, mut copied) = (Vec::new(), Vec::new());
            let _ = apply(&base, &delta, 1 << 16, &mut out, &mut copied);
            prop_assert!(out.capacity() <= 1 << 16);
        }
    }

    #[test]
    fn neighbours_are_joined_and_lies_refused() {
        let base = vec![7u8; 100];
        let (delta, _) = write(&base, &[Step::Copy(0, 50), Step::Copy(50, 50)]);
        let (mut out, mut copied) = (Vec::new(), Vec::new());
        apply(&base, &delta, 1000, &mut out, &mut copied).expect("good");
        assert_eq!(copied, [Copied { to: 0, from: 0, len: 100 }]);
        assert_eq!(
            apply(&base[1..], &delta, 1000, &mut out, &mut copied),
            Err(Fault::Delta("its base has another size"))
        );
        assert_eq!(apply(&base, &delta, 99, &mut out, &mut copied), Err(Fault::Memory(100)));
        // 2^40 bytes from a delta of nine bytes
        let bomb = [100, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0x90, 50];
        assert!(matches!(apply(&base, &bomb, u64::MAX, &mut out, &mut copied), Err(Fault::Memory(_))));
    }
}
