//! keysweep finds leaked credentials.
//!
//! The stations data passes, in order; each folder is one of them:
//!
//! ```text
//!  source            engine                         pipeline           filter            report
//!  files, stdin,     prefilter -> matcher ->        places findings    allow, ignore,    text, json,
//!  index, commits,   assignment -> validate ->      (line, excerpt,    baseline,         sarif, ...
//!  history, patch    score: bytes in, matches out   mask)              fingerprint
//! ```
//!
//! [`rules`] says what is looked for; [`finding`], [`secret`] and [`error`] are the plain types that travel.
//! Without features this crate is the engine alone: `Engine::new(RuleSet::builtin())`, then a
//! [`engine::Scanner`] per thread.

pub mod engine;
pub mod error;
pub mod finding;
pub mod rules;
pub mod secret;

#[cfg(all(feature = "audit", feature = "rotate"))]
pub mod alert;
#[cfg(feature = "audit")]
pub mod audit;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod clock;
#[cfg(feature = "cli")]
pub mod filter;
#[cfg(feature = "cli")]
pub mod pipeline;
#[cfg(any(feature = "rotate", feature = "audit"))]
pub mod private;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "rotate")]
pub mod rotate;
#[cfg(feature = "cli")]
pub mod source;

pub use error::{Error, Notice, NoticeKind, Result};
