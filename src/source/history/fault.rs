//! What can be wrong with one object or index file. The walk turns each into a [`Notice`](crate::error::Notice).

use super::object::ObjectId;

/// Why an object or index could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A file could not be opened or read.
    #[error("{0}")]
    Io(String),
    /// A pack, index or multi-pack-index is not in its form.
    #[error("{0}")]
    File(&'static str),
    /// An entry's header is cut off or of an unknown type.
    #[error("its header is damaged")]
    Header,
    /// The bytes in the pack are not those the index was made of.
    #[error("its CRC-32 differs from the index's")]
    Crc,
    /// The compressed stream is damaged or cut off.
    #[error("its compressed data is damaged")]
    Inflate,
    /// The header lies about the size.
    #[error("it has another size than its header says")]
    Size,
    /// A delta that does not fit its base.
    #[error("its delta is damaged: {0}")]
    Delta(&'static str),
    /// A delta that builds on itself.
    #[error("its delta builds on itself")]
    Cycle,
    /// A delta whose base is not there.
    #[error("its delta's base {0} is missing")]
    BaseMissing(ObjectId),
    /// A delta whose base cannot be read.
    #[error("its delta's base cannot be read")]
    BaseLost,
    /// A delta whose base is not where it says.
    #[error("its delta's base is not in the pack")]
    BaseOffset,
    /// More memory than allowed.
    #[error("it takes {0} bytes, more than --memory allows")]
    Memory(u64),
    /// More work than any honest pack asks for.
    #[error("the pack unfolds to more data than the limit allows")]
    Work,
    /// The content is not what the id says (`--verify-objects`).
    #[error("its content has another hash: {0}")]
    Hash(ObjectId),
    /// No object of this id.
    #[error("it is missing")]
    Missing,
}
