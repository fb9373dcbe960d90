//! Drives the real binary. One test program for all areas (one link); an area is a module.

mod files;
#[cfg(feature = "cli")]
mod fuzz;
#[cfg(all(feature = "git", unix))]
mod git_ranges;
#[cfg(all(feature = "git", unix))]
mod git_staged;
mod hooks;
mod redaction;
mod reports;
mod support;
mod validators;
