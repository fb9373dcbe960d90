//! Rotation: from a leaked credential to a proven dead one, with its replacement in place.
//!
//! ```text
//!  findings -> plan (reads only, reviewed) -> run: a pure state machine over a journal -> evidence
//!                                               |  providers: identify, issue, disable, delete, probe
//!                                               |  destinations: write, read back
//! ```
//!
//! The laws it keeps are listed in docs/rotation.md, and each has a test. This folder never looks for secrets and never
//! prints: the program hands it a way to read a secret again, and shows what it reports.

pub mod destinations;
pub mod drill;
pub mod escrow;
pub mod evidence;
pub mod execute;
mod fault;
pub use crate::private as files;
pub mod hooks;
pub mod http;
pub mod journal;
pub mod keys;
pub mod net;
pub mod plan;
pub mod policy;
pub mod providers;
pub mod redact;
pub mod run;
pub mod sigv4;
pub mod types;
