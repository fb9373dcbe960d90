//! What counts: the options of every command that decides on findings, and the plan they lead to.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::filter::Trust;
use crate::filter::config::build::{Plan, plan, settings};
use crate::filter::config::{Layer, Setting, Source, level, percent, size};
use crate::finding::Severity;

/// Options for what counts.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "What counts")]
pub struct PolicyArguments {
    /// Configuration to use instead of the keysweep.toml found upward from the target (a gitleaks one will do)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Policy: the repository's own config, ignore files, baselines and comments count as far as it says
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Baseline of accepted findings: ours, gitleaks' or detect-secrets'
    #[arg(long, visible_alias = "baseline-path", value_name = "FILE")]
    pub baseline: Vec<PathBuf>,
    /// File of accepted fingerprints [default: .keysweepignore]
    #[arg(long, visible_alias = "gitleaks-ignore-path", value_name = "FILE")]
    pub ignore_file: Vec<PathBuf>,
    /// Report findings of at least this confidence, 0 to 100 [default: 50]
    #[arg(long, value_name = "N", value_parser = percent)]
    pub min_confidence: Option<u8>,
    /// Least severity that makes the exit status 1 [default: low]
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub fail_on: Option<Severity>,
    /// Run this rule and no other; may be given several times (`github-*` for all that begin so)
    #[arg(long, value_name = "ID")]
    pub rule: Vec<String>,
    /// Do not run this rule; may be given several times
    #[arg(long, value_name = "ID")]
    pub disable_rule: Vec<String>,
    /// Leave these paths out, as in .gitignore; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Report findings beside an allow comment as well
    #[arg(long)]
    pub no_inline_allow: bool,
    /// Leave larger files out: bytes, or with kB, MB, GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_size: Option<u64>,
}

impl PolicyArguments {
    /// The command line's layer.
    fn layer(&self) -> Layer {
        let flag = |name: &str| Source::Flag(name.to_owned());
        let list = |values: &[String], name: &str| {
            values.iter().map(|value| Setting::new(value.clone(), flag(name))).collect::<Vec<_>>()
        };
        let paths = |values: &[PathBuf], name: &str| {
            values.iter().map(|value| Setting::new(value.clone(), flag(name))).collect::<Vec<_>>()
        };
        Layer {
            trust: Trust::Operator,
            min_confidence: self.min_confidence.map(|value| Setting::new(value, flag("min-confidence"))),
            fail_on: self.fail_on.map(|value| Setting::new(value, flag("fail-on"))),
            max_size: self.max_size.map(|value| Setting::new(value, flag("max-size"))),
            inline_allow: self.no_inline_allow.then(|| Setting::new(false, flag("no-inline-allow"))),
            exclude: list(&self.exclude, "exclude"),
            only_rules: list(&self.rule, "rule"),
            disabled_rules: list(&self.disable_rule, "disable-rule"),
            baselines: paths(&self.baseline, "baseline"),
            ignore_files: paths(&self.ignore_file, "ignore-file"),
            ..Layer::default()
        }
    }

    /// What a scan of `target` runs with.
    ///
    /// # Errors
    /// When a configuration, ignore file, baseline or key cannot be used.
    pub fn plan(&self, target: &Path) -> Result<Plan> {
        plan(settings(target, self.config.as_deref(), self.policy.as_deref(), self.layer())?)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::PolicyArguments;
    use crate::filter::config::OPTIONS;

    #[test]
    fn flags_and_options_are_the_same_list() {
        let command = PolicyArguments::augment_args(Command::new("test"));
        let mut flags: Vec<&str> = command.get_arguments().filter_map(|argument| argument.get_long()).collect();
        flags.retain(|flag| !matches!(*flag, "config" | "policy" | "help"));
        flags.sort_unstable();
        let mut options: Vec<&str> = OPTIONS.iter().map(|option| option.flag).filter(|flag| !flag.is_empty()).collect();
        options.sort_unstable();
        assert_eq!(flags, options, "an option is missing a flag, or a flag its option in OPTIONS");
    }
}
