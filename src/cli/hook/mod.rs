//! `keysweep hook`: git hooks that stop a credential before it is committed or pushed.
//!
//! ```text
//!  place    where git takes hooks from, and who else manages them
//!  shim     the hook file's text, and how to know it again
//!  install  puts shims beside what is there, takes them away again     global   the same for all repositories
//!  run      what a shim (or the pre-commit framework) calls: scan, then say what to do
//!  status   what is installed                                          doctor   proves that it blocks
//! ```

mod doctor;
mod global;
mod install;
mod place;
mod run;
mod shim;
mod stage;
mod status;

use clap::{Args, Subcommand};

use crate::error::Result;
use stage::Stage;

/// Arguments of `keysweep hook`.
#[derive(Debug, Args)]
pub struct HookArguments {
    /// What to do.
    #[command(subcommand)]
    command: HookCommand,
}

#[derive(Debug, Subcommand)]
enum HookCommand {
    /// Install git hooks here; hooks that are there keep running
    Install(InstallArguments),
    /// Take the hooks away and put back what was there before
    Uninstall(InstallArguments),
    /// Show which hooks are installed; exit status 1 when none is
    Status,
    /// Scan what is about to be committed or pushed (hooks call this)
    Run(Box<run::RunArguments>),
    /// Try to commit a made-up credential in a temporary index: the hook must block it
    Doctor(doctor::DoctorArguments),
}

/// Arguments of `install` and `uninstall`.
#[derive(Debug, Args)]
struct InstallArguments {
    /// For all repositories of this user (core.hooksPath) instead of this one
    #[arg(long)]
    global: bool,
    /// Which hook; may be given several times [default: pre-commit, pre-merge-commit and pre-push]
    #[arg(long = "hook", value_enum, value_name = "HOOK")]
    hooks: Vec<Stage>,
    /// Write hooks even where another tool (husky, lefthook) manages them and may overwrite them
    #[arg(long)]
    force: bool,
}

/// Runs the command; the exit status comes back.
///
/// # Errors
/// When there is no repository, git cannot be asked or a hook cannot be written.
pub fn run(arguments: HookArguments) -> Result<u8> {
    match arguments.command {
        HookCommand::Install(asked) if asked.global => global::install(&asked.stages()),
        HookCommand::Install(asked) => install::here(&asked.stages(), asked.force),
        HookCommand::Uninstall(asked) if asked.global => global::uninstall(asked.named()),
        HookCommand::Uninstall(asked) => install::away(asked.named()),
        HookCommand::Status => status::run(),
        HookCommand::Run(arguments) => run::run(*arguments),
        HookCommand::Doctor(arguments) => doctor::run(&arguments),
    }
}

impl InstallArguments {
    /// The hooks to install.
    fn stages(&self) -> Vec<Stage> {
        if self.hooks.is_empty() { Stage::USUAL.to_vec() } else { self.hooks.clone() }
    }

    /// The hooks to take away: all when none is named.
    fn named(&self) -> &[Stage] {
        if self.hooks.is_empty() { &Stage::ALL } else { &self.hooks }
    }
}
