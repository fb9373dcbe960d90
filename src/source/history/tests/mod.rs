//! The laws of the walk, on packs written here and on repositories that git made.

mod hostile;
mod law;
pub(crate) mod packs;
mod toy;
