//! One repository of an audit: what is new in it is scanned, and everything when rules, settings or gaps ask for it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::gaps;
use super::log::Log;
use crate::audit::coverage;
use crate::audit::ledger::{self, Carrier, Files, Found, Outcome, id_bytes, path_hash};
use crate::audit::life::Moment;
use crate::audit::record::{Kept, Repository};
use crate::audit::rules::{Change, RuleDigests};
use crate::audit::state::State;
use crate::engine::Engine;
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::filter::Filter;
use crate::finding::{Finding, OriginKind};
use crate::pipeline::Scan;
use crate::report::scrub::scrub;
use crate::rules::RuleSet;
use crate::source::git::covered::{self, Covered, Inventory};
use crate::source::git::history::{self, History, HistoryOptions};
use crate::source::git::stamp::stamp;
use crate::source::git::{GitOptions, Opener, Repo, plain};
use crate::source::history::object::ObjectId;
use crate::source::history::reader::TextReader as _;

/// What all repositories of a run are scanned with.
pub(super) struct Scanning<'s> {
    pub(super) state: &'s State,
    pub(super) engine: &'s Engine,
    pub(super) filter: &'s Filter,
    pub(super) rules: &'s RuleDigests,
    pub(super) settings: &'s str,
    /// Bytes of object texts held at a time, in one repository.
    pub(super) memory: u64,
    pub(super) moment: Moment<'s>,
    /// Engines of the rules that changed, by their ids.
    pub(super) changed: Mutex<BTreeMap<Vec<String>, Arc<Engine>>>,
    pub(super) log: &'s Log<'s>,
}

/// What became of a repository.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Nothing was new: the state needs to know no more than that.
    pub(super) untouched: bool,
    /// What the files of the repository were, if all that is to be said of it is said as long as they stay so.
    pub(super) stamp: String,
    pub(super) new_objects: u64,
    pub(super) notices: Vec<Notice>,
    /// Those of the notices that are gaps.
    pub(super) gaps: Vec<Notice>,
}

/// What is said of a repository that could not be opened or fetched.
pub(super) const UNOPENED: &str = "see what git says of it; it is tried again in the next run";

/// The gap of a repository that could not be opened or fetched.
pub(super) fn unopened(name: &str, why: impl Into<String>) -> Notice {
    Notice::new(NoticeKind::Unreadable, why).at(name).mend(UNOPENED).gap()
}

/// Opens a repository of which nobody knows who filled it.
///
/// # Errors
/// When git would not, or something in it is neither file nor folder.
pub(super) fn open(path: &Path) -> Result<Repo> {
    if let Some(special) = plain::special(path) {
        let source = std::io::Error::other("a pipe or a device where git has a file: it is not opened");
        return Err(Error::Io { path: special, source });
    }
    Opener::exactly_at(path).open()
}

/// What one pass over a repository found.
struct Pass {
    findings: Vec<Finding>,
    notices: Vec<Notice>,
    /// What was not covered, accepted or not.
    gaps: Vec<Notice>,
    carriers: BTreeMap<Vec<u8>, Carrier>,
    history: History,
}

/// The bytes of hexadecimal digits.
fn raw(hex: &str) -> Option<Vec<u8>> {
    ObjectId::from_hex(hex.as_bytes()).map(|id| id.as_bytes().to_vec())
}

/// Rule and secret, for telling the secrets of one pass apart.
fn same(finding: &Finding) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(finding.rule.as_bytes());
    hasher.update([0]);
    hasher.update(finding.secret.expose());
    hasher.finalize().into()
}

impl Scanning<'_> {
    /// Scans what is new in the repository at `path` and enters it; `stale` says that the mirror could not be fetched.
    ///
    /// # Errors
    /// When the repository or the state cannot be used.
    pub(super) fn look(
        &self,
        path: &Path,
        (number, record): (u32, &Repository),
        stale: Option<&Notice>,
    ) -> Result<Looked> {
        // Before anything is read: what changes from now on makes another one.
        let stamp = stamp(path).unwrap_or_default();
        if !stamp.is_empty() && record.stamp == stamp && self.is_covered(record) {
            let gaps = Kept::of(record).unwrap_or_default().told(self.filter, stale);
            let notices = gaps.clone();
            let gaps = gaps.into_iter().filter(|notice| notice.gap).collect();
            return Ok(Looked { untouched: true, stamp, new_objects: 0, notices, gaps });
        }
        let repo = open(path)?;
        let opener = repo.opener();
        let head = covered::head(&repo)?;
        let tree = head.map(|(_, tree)| tree.to_string()).unwrap_or_default();
        let has_moved = tree != record.head_tree;
        let files = |needed: bool| -> Result<Option<(String, Files)>> {
            let mut list = Files::new();
            if let Some((_, tree)) = head.filter(|_| needed) {
                covered::files(opener, &tree, &mut |path, id| list.push((path.to_vec(), id.as_bytes().to_vec())))?;
            }
            Ok(needed.then(|| (tree.clone(), list)))
        };
        let mut listed = files(has_moved)?;
        let mut whole = self.must_be_whole(&repo, number, record, listed.as_ref())?;
        let trouble: RefCell<Option<Error>> = RefCell::new(None);
        let known = self.known(number, &trouble);
        let before = Kept::of(record).unwrap_or_default();
        let again = before.again();
        let covered = Covered { pack: &known.0, retain_new: &known.1, again: &again };
        let mut pass = self.pass(&repo, self.engine, (!whole).then_some(&covered))?;
        if let Some(error) = trouble.take() {
            return Err(error);
        }
        let mut gaps = Kept::found(std::mem::take(&mut pass.gaps), &pass.history);
        if !whole {
            // What could not be read before and can be now: where it lies is known by a whole scan alone.
            let still = |id: &ObjectId| {
                let id = id.to_string();
                !pass.history.contains(&id) || gaps.gaps.iter().any(|gap| gap.object.as_ref() == Some(&id))
            };
            if again.iter().all(still) && gaps.carry(&before, &repo, &pass.history)? {
                let again: HashSet<String> = again.iter().map(ToString::to_string).collect();
                pass.findings.retain(|found| found.origin.object.as_ref().is_none_or(|id| !again.contains(id)));
            } else {
                pass = self.pass(&repo, self.engine, None)?;
                gaps = Kept::found(std::mem::take(&mut pass.gaps), &pass.history);
                whole = true;
            }
        }
        if whole && listed.is_none() {
            listed = files(true)?;
        }
        gaps.settle(&pass.history);
        let same_gaps = gaps == before;
        // What is told beside gaps is found in each look alone.
        let stamp = if gaps.rest() && pass.notices.is_empty() { stamp } else { String::new() };
        pass.notices.extend(gaps.told(self.filter, stale));
        let told: Vec<Notice> = pass.notices.iter().filter(|notice| notice.gap).cloned().collect();
        let Inventory { packs, mut new, .. } = pass.history.inventory();
        if !whole {
            new.retain(|id| !again.contains(id));
        }
        let looked = Looked {
            new_objects: new.len() as u64,
            notices: pass.notices,
            gaps: told.clone(),
            stamp,
            untouched: false,
        };
        let nothing = !whole && new.is_empty() && listed.is_none() && pass.findings.is_empty() && same_gaps;
        let packs_known = || packs.iter().all(|sum| known.0(sum));
        if nothing && packs_known() && record.rules == self.rules.all {
            return Ok(Looked { untouched: true, ..looked });
        }
        let outcome = Outcome {
            repository: number,
            found: pass.findings.iter().map(|finding| Found::of(finding, &self.moment)).collect(),
            carriers: pass.carriers,
            head: listed,
            covers: gaps::cover(&gaps.gaps),
            gaps: told,
            kept: gaps,
            packs,
            new: new.iter().map(|id| id.as_bytes().to_vec()).collect(),
            whole,
            exists: &|id| pass.history.contains(id),
            rules: self.rules,
            settings: self.settings,
            stamp: looked.stamp.clone(),
        };
        ledger::apply(self.state, &outcome, &self.moment)?;
        Ok(looked)
    }

    /// Whether all objects of a repository were looked at as this run would.
    fn is_covered(&self, record: &Repository) -> bool {
        record.rules == self.rules.all && record.settings == self.settings && Kept::of(record).is_some()
    }

    /// Asks the state what is covered; its first trouble is kept, and then nothing is.
    #[allow(clippy::type_complexity, reason = "two closures that belong together")]
    fn known<'k>(
        &'k self,
        number: u32,
        trouble: &'k RefCell<Option<Error>>,
    ) -> (impl Fn(&[u8]) -> bool + 'k, impl Fn(&mut Vec<ObjectId>) + 'k) {
        let note = |error: Error| {
            trouble.borrow_mut().get_or_insert(error);
        };
        let pack = move |sum: &[u8]| coverage::has_pack(self.state, number, sum).map_err(note).unwrap_or(false);
        let retain = move |ids: &mut Vec<ObjectId>| {
            let kept: Vec<[u8; 16]> = ids.iter().map(|id| coverage::kept(id.as_bytes())).collect();
            let known = coverage::has_objects(self.state, number, &kept).map_err(note).unwrap_or_default();
            let mut known = known.into_iter();
            ids.retain(|_| !known.next().unwrap_or(false));
        };
        (pack, retain)
    }

    /// Whether everything has to be scanned: it never was, gaps were left that name no object, settings or rules changed
    /// something, or HEAD has a blob with a find at a place where nobody looked at it.
    fn must_be_whole(
        &self,
        repo: &Repo,
        number: u32,
        record: &Repository,
        listed: Option<&(String, Files)>,
    ) -> Result<bool> {
        if record.rules.is_empty() || Kept::of(record).is_none() || record.settings != self.settings {
            return Ok(true);
        }
        let carriers = match listed {
            Some(_) => ledger::carriers(self.state, number)?,
            None => BTreeMap::new(),
        };
        let is_new_place = |(path, blob): &(Vec<u8>, Vec<u8>)| {
            carriers.get(blob).is_some_and(|carrier| !carrier.paths.contains(&path_hash(path)))
        };
        if listed.is_some_and(|(_, files)| files.iter().any(is_new_place)) {
            return Ok(true);
        }
        if record.rules == self.rules.all {
            return Ok(false);
        }
        let Some(before) = ledger::rule_set(self.state, &record.rules)? else { return Ok(true) };
        let all = self.engine.rules();
        let (look_for, doubtful) = match self.rules.since(&before, all) {
            Change::None => return Ok(false),
            Change::All => return Ok(true),
            Change::Rules { look_for, doubtful } => (look_for, doubtful),
        };
        if self.has_found(number, &doubtful)? {
            return Ok(true);
        }
        if look_for.is_empty() {
            return Ok(false);
        }
        let engine = self.engine_of(look_for)?;
        // Of old objects only the rules that changed are asked. Where they find anything, everything is weighed anew.
        let pass = self.pass(repo, &engine, None)?;
        let is_new = |gap: &Notice| !record.kept.gaps.contains(gap);
        Ok(!pass.findings.is_empty() || !pass.carriers.is_empty() || pass.gaps.iter().any(is_new))
    }

    /// The engine of these rules alone, made once for all repositories.
    fn engine_of(&self, ids: Vec<String>) -> Result<Arc<Engine>> {
        let mut engines = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(&ids) {
            return Ok(Arc::clone(engine));
        }
        let rules = self.engine.rules().rules().iter().filter(|rule| ids.iter().any(|id| *id == *rule.id)).cloned();
        let engine = Arc::new(Engine::new(RuleSet::from_rules(rules.collect()))?);
        engines.insert(ids, Arc::clone(&engine));
        Ok(engine)
    }

    /// Whether one of these rules has a place in the repository.
    fn has_found(&self, number: u32, rules: &[String]) -> Result<bool> {
        // What did not count where it stood is known by its blob alone, not by its rule.
        if rules.is_empty() {
            return Ok(false);
        }
        if ledger::carriers(self.state, number)?.values().any(|carrier| carrier.secrets.is_empty()) {
            return Ok(true);
        }
        let lives = crate::audit::settle::lives(self.state)?;
        Ok(lives
            .iter()
            .any(|life| rules.contains(&life.secret.rule) && life.places.iter().any(|place| place.0 == number)))
    }

    /// One pass of `engine` over the repository.
    fn pass(&self, repo: &Repo, engine: &Engine, covered: Option<&Covered<'_>>) -> Result<Pass> {
        let mut scan = Scan::new(engine, self.filter);
        scan.attribute_later();
        let options = HistoryOptions {
            git: GitOptions { max_size: self.filter.max_size, ..GitOptions::default() },
            memory: Some(self.memory),
            named_gaps: Some(gaps::KEPT),
            ..HistoryOptions::default()
        };
        let mut history = history::scan_beyond(repo, &options, covered, &|| scan.worker())?;
        let sightings = scan.take_sightings();
        let mut findings = scan.take_findings();
        history.read_trees(repo, (&sightings, &findings), &|| Box::new(scan.worker()))?;
        findings.append(&mut scan.take_findings());
        let mut seen: Vec<(u128, Vec<u8>)> = Vec::new();
        for sighting in &sightings {
            seen.extend(history.object(sighting.blob).and_then(|id| raw(&id)).map(|id| (sighting.secret, id)));
        }
        let in_blob = |finding: &&Finding| finding.origin.kind == OriginKind::Blob;
        for finding in findings.iter().filter(in_blob) {
            let key = scan.worker().secret_key(finding);
            seen.extend(finding.origin.object.as_deref().and_then(raw).map(|id| (key, id)));
        }
        let attributed = history.attribute(repo, (sightings, findings), &|| scan.worker())?;
        let (mut keys, mut paths): (HashMap<[u8; 32], u128>, HashMap<u128, BTreeSet<u64>>) = Default::default();
        for finding in &attributed {
            let key = scan.worker().secret_key(finding);
            keys.insert(same(finding), key);
            let others = finding.commit.iter().flat_map(|commit| &commit.other_paths);
            let all = others.chain([&finding.origin.path]).map(|path| path_hash(path.as_bytes()));
            paths.entry(key).or_default().extend(all);
        }
        let gaps = scan.take_gaps();
        let mut result = scan.finish(attributed);
        result.notices.extend(gaps);
        let mut ids: HashMap<u128, Vec<u8>> = HashMap::new();
        for finding in &result.findings {
            if let Some(&key) = keys.get(&same(finding)) {
                ids.insert(key, id_bytes(&finding.secret_id)?);
            }
        }
        let mut carriers: BTreeMap<Vec<u8>, Carrier> = BTreeMap::new();
        let mut done: HashSet<(u128, Vec<u8>)> = HashSet::new();
        for (key, blob) in seen {
            if done.insert((key, blob.clone())) {
                let carrier = carriers.entry(blob).or_default();
                carrier.secrets.extend(ids.get(&key).cloned());
                carrier.paths.extend(paths.get(&key).into_iter().flatten());
            }
        }
        let scrubbed = scrub(&result).into_owned();
        let (gaps, notices) = scrubbed.notices.into_iter().partition(|notice| notice.gap);
        Ok(Pass { findings: scrubbed.findings, notices, gaps, carriers, history })
    }
}
