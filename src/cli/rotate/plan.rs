//! `rotate plan` and `rotate approve`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{LeakArguments, gather, places, policy, signing_key};
use crate::cli::config::PlainFormat;
use crate::cli::gather::print;
use crate::error::{Error, Result};
use crate::report::escape::visible;
use crate::rotate::files;
use crate::rotate::keys::SigningKey;
use crate::rotate::plan::{Item, Plan, Wishes};

/// Arguments of `rotate plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArguments {
    /// Which secrets.
    #[command(flatten)]
    pub leaks: LeakArguments,
    /// What is wished for.
    #[command(flatten)]
    pub wishes: WishArguments,
    /// Write the plan here, for `rotate apply`
    #[arg(long, short = 'o', value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Form of what is printed
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
}

/// What goes beyond the policy.
#[derive(Debug, clap::Args)]
pub struct WishArguments {
    /// Revoke first, repair then
    #[arg(long)]
    pub emergency: bool,
    /// This destination may keep the old value; may be given several times
    #[arg(long, value_name = "NAME")]
    pub accept_missing: Vec<String>,
    /// Use this target's calls although nothing proves that they work; may be given several times
    #[arg(long, value_name = "NAME")]
    pub allow_unproven: Vec<String>,
    /// The target that owns the secrets, where their rule does not say
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
}

impl WishArguments {
    pub(super) fn wishes(&self) -> Wishes {
        Wishes {
            emergency: self.emergency,
            accept_missing: self.accept_missing.clone(),
            allow_unproven: self.allow_unproven.clone(),
            target: self.target.clone(),
        }
    }
}

/// Arguments of `rotate approve`.
#[derive(Debug, clap::Args)]
pub struct ApproveArguments {
    /// The plan
    pub plan: PathBuf,
    /// Your key (ed25519, PKCS#8); made when there is none [default: the user's signing key]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// Plans.
///
/// # Errors
/// When the policy, the scan or an admin credential is unusable.
pub(super) fn run(arguments: &PlanArguments) -> Result<u8> {
    let rotation = policy(arguments.leaks.policy.policy.as_ref())?;
    let leaks = gather(&arguments.leaks)?;
    let key = signing_key(&places(&rotation)?)?;
    let plan = Plan::make(&rotation, &leaks.leaks, &arguments.wishes.wishes(), &leaks.key_id, &key.public())?;
    let gap = leaks.gap;
    Ok(show(&plan, arguments.output.as_ref(), arguments.leaks.policy.policy.as_ref(), arguments.format)?.max(if gap {
        2
    } else {
        0
    }))
}

/// Writes and prints a plan; the exit status comes back.
pub(super) fn show(plan: &Plan, output: Option<&PathBuf>, policy: Option<&PathBuf>, format: PlainFormat) -> Result<u8> {
    let json = serde_json::to_string_pretty(plan).map_err(|error| Error::Usage(error.to_string()))?;
    if let Some(path) = output {
        files::write_private(path, format!("{json}\n").as_bytes())?;
    }
    match format {
        PlainFormat::Json => print(&format!("{json}\n"))?,
        PlainFormat::Text => print(&text(plan, output, policy))?,
    }
    Ok(if plan.entries.iter().any(|item| item.refused.is_some()) { 2 } else { u8::from(!plan.entries.is_empty()) })
}

fn text(plan: &Plan, output: Option<&PathBuf>, policy: Option<&PathBuf>) -> String {
    let mut out = String::new();
    for item in &plan.entries {
        let mut shown = String::new();
        entry(&mut shown, item);
        // What others chose (names of files and of accounts) moves no cursor.
        shown.lines().for_each(|line| out.push_str(&(visible(line) + "\n")));
    }
    if plan.entries.is_empty() {
        out += "Nothing to turn.\n";
        return out;
    }
    let (live, refused) = (
        plan.entries.iter().filter(|item| item.identity.as_ref().is_some_and(|identity| identity.liveness == "live")),
        plan.entries.iter().filter(|item| item.refused.is_some()),
    );
    let _ = writeln!(
        out,
        "{}, {} live, {} refused. Digest {}, good until {}.",
        match plan.entries.len() {
            1 => "1 secret".to_owned(),
            count => format!("{count} secrets"),
        },
        live.count(),
        refused.count(),
        &plan.digest[..16],
        plan.expires
    );
    match output {
        Some(path) => {
            let policy = policy.map(|policy| format!(" --policy {}", policy.display())).unwrap_or_default();
            let _ = writeln!(out, "Look at it, then: keysweep rotate apply {}{policy}", path.display());
        }
        None => out += "Nothing was written; --output FILE keeps the plan.\n",
    }
    out
}

fn entry(out: &mut String, item: &Item) {
    let _ = writeln!(out, "{}  {}  {}", item.rule, item.redacted, item.secret_id);
    for origin in &item.origins {
        let _ = writeln!(out, "  found in     {}", visible(&origin.path));
    }
    if let Some(identity) = &item.identity {
        let _ = writeln!(out, "  owner        {} ({})", identity.owner, identity.liveness);
        for (name, value) in &identity.facts {
            let _ = writeln!(out, "  {name:12} {value}");
        }
        for other in &identity.also_dies {
            let _ = writeln!(out, "  dies with it {other}");
        }
    }
    let proof = item.proof.map(|proof| format!(", calls proven by: {proof}")).unwrap_or_default();
    let _ = writeln!(out, "  strategy     {}{proof}", item.strategy.as_str());
    if item.course.as_ref().is_some_and(|course| course.emergency) {
        let _ = writeln!(out, "  EMERGENCY    revoked first: what uses it fails until it is repaired");
    }
    for call in &item.calls {
        let back = if call.reversible { "can be undone" } else { "final" };
        let _ = writeln!(out, "  {:12} {} (as {}; {back})", call.step, call.call, call.by);
    }
    for copy in &item.destinations {
        let read = if copy.readable { "verified by reading" } else { "write-only" };
        let accepted = if copy.accepted { ", may keep the old value" } else { "" };
        let _ = writeln!(out, "  destination  {}: {} ({read}{accepted}): {}", copy.name, copy.place, copy.state);
    }
    for user in &item.users {
        let held = if user.holds == Some(true) { "USED BY      " } else { "perhaps in   " };
        let _ = writeln!(out, "  {held}{}: {}: {}", user.name, user.place, user.note);
    }
    for line in &item.manual {
        let _ = writeln!(out, "  by hand      {line}");
    }
    if let Some(why) = &item.refused {
        let _ = writeln!(out, "  REFUSED      {why}");
    }
    out.push('\n');
}

/// Approves.
///
/// # Errors
/// When the plan or the key is unusable.
pub(super) fn approve(arguments: &ApproveArguments) -> Result<u8> {
    let bytes = files::read(&arguments.plan, 64 << 20)?;
    let mut plan = Plan::parse(&bytes)?;
    let key = match &arguments.key {
        Some(path) => SigningKey::load_or_make(path)?.0,
        None => {
            let folder = super::user_folder("XDG_CONFIG_HOME", ".config")?.join("rotate");
            SigningKey::load_or_make(&folder.join("signing-key.pk8"))?.0
        }
    };
    plan.approve(&key);
    let json = serde_json::to_string_pretty(&plan).map_err(|error| Error::Usage(error.to_string()))?;
    files::write_private(&arguments.plan, format!("{json}\n").as_bytes())?;
    let own = if key.public() == plan.planner { " (you planned it: it does not count)" } else { "" };
    print(&format!("approved {} as {}{own}\n", &plan.digest[..16], key.public()))?;
    Ok(0)
}
