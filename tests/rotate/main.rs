//! Rotation against real servers, driving the real binary. Each test starts what it needs on a free port of 127.0.0.1 and
//! stops it by its process id. `tests/run` installs the servers.
#![cfg(all(feature = "rotate", unix))]

mod age;
mod aws;
mod aws_sessions;
mod clouds;
mod contract;
mod crash;
mod deploy_keys;
mod drill;
mod git_hooks;
mod gitlab;
mod guides;
mod hooks;
mod interrupted;
mod keyring;
mod kinds;
mod mariadb;
mod mysql;
mod postgresql;
mod program;
mod proxy;
mod redis;
#[cfg(feature = "audit")]
mod runbooks;
mod saas;
mod servers;
mod simulator;
mod ssh;
mod static_roles;
mod stores;
mod vault;
mod work;
