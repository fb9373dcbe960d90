//! The whole history of a repository, read from its packs without git: every object once, deltas as deltas.
//!
//! ```text
//!  store   packs + indexes (mapped), loose objects, alternates       what is there
//!  plan    forest of every pack, which entries are looked at         what to do
//!  walk    parents before children, all threads, bounded bytes       how: queue (sharing), visit (one object)
//!            inflate -> delta (apply, note what was copied)
//!            dirty   (windows of new bytes, anchors carried over)
//!  reader  whoever looks at the texts: the engine, attribution       why
//! ```
//!
//! docs/history.md draws an example. Nothing here knows rules or findings.

pub mod delta;
pub mod dirty;
pub mod fault;
pub mod forest;
pub mod gathered;
pub mod inflate;
pub mod leads;
pub mod loose;
pub mod object;
pub mod pack;
pub mod plan;
pub mod queue;
pub mod reader;
pub mod store;
#[cfg(test)]
pub(crate) mod tests;
mod visit;
pub mod walk;
