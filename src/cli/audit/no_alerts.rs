//! What stands for alerts in a program that has no networking.

use std::path::Path;

use crate::audit::document::Document;
use crate::audit::state::State;
use crate::error::Result;

/// No options.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct AlertOptions {}

/// Nobody is told.
#[derive(Debug)]
pub(super) struct Telling;

impl Telling {
    /// Never fails.
    pub(super) fn new(_: Option<&Path>, _: AlertOptions) -> Result<Self> {
        Ok(Self)
    }

    /// Does nothing.
    pub(super) fn enter(&self, _: &State, _: &Document, _: u64) -> Result<()> {
        Ok(())
    }

    /// Does nothing.
    pub(super) fn send(&self, _: &State) -> Result<bool> {
        Ok(true)
    }
}
