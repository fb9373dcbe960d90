//! `keysweep man`: the manual pages, made of the same definitions as `--help`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Command, CommandFactory as _};

use super::Arguments;
use super::output::{reader_may_go, unwritable};
use crate::error::Result;
use crate::report::file::write_file;

/// Arguments of `keysweep man`.
#[derive(Debug, clap::Args)]
pub struct ManArguments {
    /// Write a page per command into DIR (`keysweep.1`, `keysweep-scan.1`, ...) instead of printing the main one
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Prints or writes the pages.
///
/// # Errors
/// When they cannot be written.
pub fn run(arguments: &ManArguments) -> Result<u8> {
    let mut command = Arguments::command();
    command.build();
    let Some(folder) = &arguments.dir else {
        reader_may_go(page(command).and_then(|page| io::stdout().lock().write_all(&page)))?;
        return Ok(0);
    };
    std::fs::create_dir_all(folder).map_err(|source| unwritable(folder, &source))?;
    let mut waiting = vec![command];
    while let Some(command) = waiting.pop() {
        waiting.extend(command.get_subcommands().filter(|one| one.get_name() != "help" && !one.is_hide_set()).cloned());
        let path = folder.join(format!("{}.1", name(&command)));
        page(command)
            .and_then(|page| write_file(&path, false, |out| out.write_all(&page)))
            .map_err(|source| unwritable(&path, &source))?;
    }
    Ok(0)
}

/// `keysweep-scan` for `keysweep scan`.
fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
