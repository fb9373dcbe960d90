//! `rotate due`: what the policy says is too old is planned for, without any leak.

use std::path::PathBuf;
use std::time::SystemTime;

use super::plan::{WishArguments, show};
use super::{PolicyFile, places, policy, signing_key};
use crate::cli::config::PlainFormat;
use crate::cli::policy::PolicyArguments;
use crate::clock;
use crate::error::{Error, Result};
use crate::filter::config::build::Plan as ScanPlan;
use crate::finding::{Origin, OriginKind};
use crate::rotate::escrow::Material;
use crate::rotate::execute::see;
use crate::rotate::plan::{Leak, Plan};
use crate::rotate::policy::Aging;
use crate::rotate::run::{End, Next};

/// Arguments of `rotate due`.
#[derive(Debug, clap::Args)]
pub struct DueArguments {
    /// What is wished for.
    #[command(flatten)]
    pub wishes: WishArguments,
    /// Write the plan here, for `rotate apply`
    #[arg(long, short = 'o', value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Form of what is printed
    #[arg(long, short = 'f', value_enum, default_value = "text")]
    pub format: PlainFormat,
    /// Which policy holds.
    #[command(flatten)]
    pub policy: PolicyFile,
}

/// Plans for what is too old.
///
/// # Errors
/// When the policy is unusable or a value cannot be read.
pub(super) fn run(arguments: &DueArguments) -> Result<u8> {
    let rotation = policy(arguments.policy.policy.as_ref())?;
    let places = places(&rotation)?;
    let scan = PolicyArguments { policy: arguments.policy.policy.clone(), ..PolicyArguments::default() };
    let ScanPlan { filter, .. } = scan.plan(".".as_ref())?;
    let key = filter.keys.first().ok_or_else(|| Error::Usage("there is no fingerprint key".to_owned()))?;
    let now = clock::epoch_seconds(SystemTime::now());
    let mut entries: Vec<Plan> = Vec::new();
    let signer = signing_key(&places)?;
    let mut wishes = arguments.wishes.wishes();
    let mut leaks = Vec::new();
    for aging in &rotation.credentials {
        let value = aging.value.read(&rotation.folder)?;
        let secret_id = key.secret_id(&aging.rule, &value);
        if now - made(aging, &places)? < i64::from(aging.max_age_days) * 86_400 {
            continue;
        }
        let material = aging
            .parts
            .iter()
            .fold(Material::of(value.expose()), |material, (name, part)| material.with(name, part.as_bytes()));
        wishes.target = Some(aging.target.clone());
        leaks.push(leak(aging, secret_id, material));
        let one = Plan::make(&rotation, &leaks, &wishes, &filter.key_id(), &signer.public())?;
        leaks.clear();
        entries.push(one);
    }
    let plan = Plan::joined(entries, &rotation, &filter.key_id(), &signer.public())?;
    show(&plan, arguments.output.as_ref(), arguments.policy.policy.as_ref(), arguments.format)
}

/// A credential of the policy's as if it had leaked.
pub(super) fn leak(aging: &Aging, secret_id: String, material: Material) -> Leak {
    let length = material.get("value").map_or(0, crate::secret::Secret::len);
    Leak {
        rule: aging.rule.clone(),
        secret_id,
        redacted: format!("{} [{length} bytes]", aging.name),
        advice: String::new(),
        link: String::new(),
        origins: vec![Origin::new(OriginKind::Stdin, format!("policy: {}", aging.name))],
        material,
    }
}

/// When the current value was made: what the policy says, or our last proven run of it, whichever is later.
fn made(aging: &Aging, places: &crate::rotate::execute::Places) -> Result<i64> {
    let said = clock::parse_rfc3339(&format!("{}T00:00:00Z", aging.made));
    let said = said.ok_or_else(|| Error::Usage(format!("credential `{}`: `made` must be YYYY-MM-DD", aging.name)))?;
    let ours = places.runs().into_iter().filter_map(|name| see(places, &name).ok()).filter(|seen| {
        seen.next == Next::End(End::Proven)
            && seen.item.origins.iter().any(|origin| origin.path == format!("policy: {}", aging.name))
    });
    let last = ours.filter_map(|seen| clock::parse_rfc3339(&seen.records.last()?.time)).max();
    Ok(last.map_or(said, |last| last.max(said)))
}
