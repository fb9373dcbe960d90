//! Drives the real binary. One test program for all areas (one link); an area is a module.

mod allow;
#[cfg(feature = "archive")]
mod archives;
#[cfg(all(feature = "audit", unix))]
mod audit;
#[cfg(all(feature = "audit", feature = "rotate", unix))]
mod audit_alerts;
#[cfg(all(feature = "audit", unix))]
mod audit_faults;
#[cfg(all(feature = "audit", unix))]
mod audit_gaps;
#[cfg(all(feature = "audit", unix))]
mod audit_logs;
#[cfg(all(feature = "audit", unix))]
mod audit_page;
#[cfg(all(feature = "audit", unix))]
mod audit_shards;
mod baseline;
mod config;
mod documentation;
mod explain;
mod files;
#[cfg(feature = "cli")]
mod fuzz;
#[cfg(all(feature = "git", unix))]
mod git_history;
#[cfg(all(feature = "git", unix))]
mod git_ranges;
#[cfg(all(feature = "git", unix))]
mod git_staged;
mod gitleaks;
#[cfg(all(feature = "git", unix))]
mod hooks;
#[cfg(feature = "archive")]
mod hostile;
#[cfg(feature = "archive")]
mod image;
#[cfg(feature = "archive")]
mod pack;
mod patch;
#[cfg(all(feature = "git", unix))]
mod pre_commit;
mod redaction;
mod reports;
mod rules;
#[cfg(feature = "audit")]
mod schedules;
mod support;
mod validators;
#[cfg(all(not(feature = "rotate"), feature = "cli"))]
mod without_rotate;
