//! `keysweep rotate`: plans, runs and evidence. Each file here is one command or what commands share.

mod drill;
mod due;
mod kinds;
mod leaks;
mod plan;
mod run;
mod source;
mod status;

use std::path::PathBuf;

pub(super) use leaks::{LeakArguments, gather};

use crate::error::{Error, Result};
use crate::rotate::execute::Places;
use crate::rotate::keys::SigningKey;
use crate::rotate::policy::Rotation;

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub enum RotateCommand {
    /// Plan, reading only: whose it is, whether it lives, what would be done, what else dies.
    Plan(Box<plan::PlanArguments>),
    /// Approve a plan with a key of your own.
    Approve(plan::ApproveArguments),
    /// Carry a plan out.
    Apply(Box<run::ApplyArguments>),
    /// Show runs and where each stands.
    Status(status::StatusArguments),
    /// Go on with a run that was stopped, or that waits for somebody.
    Resume(run::ResumeArguments),
    /// Undo a run, as far as there is a way back.
    Rollback(run::RollbackArguments),
    /// Prove a run's secret dead again, or check evidence.
    Prove(status::ProveArguments),
    /// Rehearse, with everything going wrong, and say which laws held.
    Drill(drill::DrillArguments),
    /// Plan for what the policy says is too old.
    Due(due::DueArguments),
    /// List the vendors' services that a target may name.
    Kinds(kinds::KindsArguments),
}

/// Which policy holds.
#[derive(Debug, clap::Args)]
pub struct PolicyFile {
    /// Policy with a rotation section [default: rotation.toml in the user's config folder]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

/// Runs a command; the exit status comes back: 0 proven dead, 1 work remains, 2 refused, failed or unknown.
///
/// # Errors
/// When the command cannot begin.
pub fn run(command: &RotateCommand) -> Result<u8> {
    match command {
        RotateCommand::Plan(arguments) => plan::run(arguments),
        RotateCommand::Approve(arguments) => plan::approve(arguments),
        RotateCommand::Apply(arguments) => run::apply(arguments),
        RotateCommand::Status(arguments) => status::run(arguments),
        RotateCommand::Resume(arguments) => run::resume(arguments),
        RotateCommand::Rollback(arguments) => run::rollback(arguments),
        RotateCommand::Prove(arguments) => status::prove(arguments),
        RotateCommand::Drill(arguments) => drill::run(arguments),
        RotateCommand::Due(arguments) => due::run(arguments),
        RotateCommand::Kinds(arguments) => kinds::run(arguments),
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The user's folder of this kind: `$XDG_…_HOME`, else below the home folder.
fn user_folder(variable_name: &str, below_home: &str) -> Result<PathBuf> {
    variable(variable_name)
        .or_else(|| variable("HOME").or_else(|| variable("USERPROFILE")).map(|home| home.join(below_home)))
        .map(|folder| folder.join("keysweep"))
        .ok_or_else(|| Error::Usage(format!("neither {variable_name} nor HOME is set: where is the user's folder?")))
}

/// The policy's rotation section: of the file that is named, else of the user's config folder.
///
/// # Errors
/// When there is none, or it is unusable.
pub(super) fn policy(named: Option<&PathBuf>) -> Result<Rotation> {
    let path = match named {
        Some(path) => path.clone(),
        None => user_folder("XDG_CONFIG_HOME", ".config")?.join("rotation.toml"),
    };
    if named.is_none() && !path.exists() {
        return Err(Error::Usage(format!(
            "there is no policy: give --policy FILE, or write {} (docs/rotation.md has an example)",
            path.display()
        )));
    }
    Rotation::read(&path)
}

/// Where runs and keys are kept.
fn places(policy: &Rotation) -> Result<Places> {
    let state = match &policy.state_folder {
        Some(folder) => policy.folder.join(folder),
        None => user_folder("XDG_STATE_HOME", ".local/state")?.join("rotate"),
    };
    let runs = state.join("runs");
    match std::fs::read_dir(&runs) {
        // Runs that cannot be seen are not no runs.
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(Error::Io { path: runs, source }),
        _ => {}
    }
    Ok(Places { state, config: user_folder("XDG_CONFIG_HOME", ".config")?.join("rotate") })
}

/// The key that signs plans and evidence, made on first use and said so.
fn signing_key(places: &Places) -> Result<SigningKey> {
    let path = places.config.join("signing-key.pk8");
    let (key, made) = SigningKey::load_or_make(&path)?;
    if made {
        anstream::eprintln!("keysweep: made a signing key: {} (public: {})", path.display(), key.public());
    }
    Ok(key)
}
