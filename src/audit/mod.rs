//! The scheduled audit: what was scanned, what was found, what became of it, over many repositories and runs.
//!
//! ```text
//!  program scans what is new --> Outcome --> ledger --> life of each secret, places, coverage   (state, one commit)
//!                                                          |
//!  rotation's proof, accepted findings ------> settle -----+--> figures --> report
//! ```
//!
//! The state holds no secret: secrets are known by their keyed hashes alone. Nothing here scans or opens a repository.

pub mod alerts;
pub mod check;
pub mod coverage;
pub mod document;
pub mod figures;
pub mod ledger;
pub mod life;
pub mod merge;
pub mod outbox;
pub mod portable;
pub mod record;
pub mod report;
pub mod repositories;
pub mod retention;
pub mod rules;
pub mod runs;
pub mod settle;
pub mod state;
