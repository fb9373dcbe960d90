//! Objects met lately: neighbouring trees name mostly the same ones, and each look into an index waits for memory.

use crate::source::history::object::ObjectId;
use crate::source::history::store::Store;

/// How many are remembered, a power of two.
const COUNT: usize = 1 << 14;

/// Objects of a store with their numbers, each in the one place that its id gives.
pub(super) struct Lately(Vec<Option<(ObjectId, u32)>>);

impl Lately {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(vec![None; COUNT])
    }

    /// The number of an object in `store`; `None` when it is not there.
    pub(super) fn number(&mut self, store: &Store, id: &[u8]) -> Option<u32> {
        let place = id.first_chunk().map_or(0, |bytes| usize::from(u16::from_le_bytes(*bytes)) % COUNT);
        if let Some((known, number)) = &self.0[place]
            && known.as_bytes() == id
        {
            return Some(*number);
        }
        let id = ObjectId::new(id)?;
        let number = store.number(&id)?;
        self.0[place] = Some((id, number));
        Some(number)
    }
}
