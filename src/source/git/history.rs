//! `--history`: every object of a repository, by the walk over its packs (`source/history`).
//!
//! All packs, loose objects and alternates, reachable or not; commits and tags as text (messages, author, committer
//! and tagger fields); names of refs and of tree entries. First everything but trees ([`scan`]), then, when it is known
//! which blobs have findings, the trees ([`History::read_trees`]); [`History::attribute`] says where findings come from.
//! [`blobs`] is the plain version through libgit2: the reference that the walk is compared with.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use git2::{ObjectFormat, ObjectType, Oid};

use super::below;
use super::commit::Links;
use super::contents::Contents;
use super::covered::{self, Covered};
use super::gaps::{Gaps, NAMED};
use super::graph::Graph;
use super::missing;
use super::opened::{Opened, beside};
use super::reach::{self, Tips};
use super::survey::{Seen, Shared, Survey, oid};
use super::tree::Objects;
use super::trees::{Trees, Wanted};
use super::{GitOptions, Ref, Repo, clean};
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::finding::{Exclusion, Finding, OriginKind};
use crate::source::history::object::{Format, Kind, ObjectId};
use crate::source::history::plan::{Part, Plan};
use crate::source::history::reader::{Sighting, TextReader};
use crate::source::history::store::Store;
use crate::source::history::walk;
use crate::source::{Item, MakeVisitor, Visitor};

/// So many objects are read one by one.
const FEW: usize = 4096;

/// What of the history is scanned.
#[derive(Debug, Clone, Default)]
pub struct HistoryOptions {
    /// What every git source can be told.
    pub git: GitOptions,
    /// Only what refs reach whose names one of these globs matches; all objects when empty.
    pub refs: Vec<String>,
    /// Only what refs reach: no reflogs, no unreachable objects.
    pub reachable_only: bool,
    /// Not what these revisions reach: it was scanned before.
    pub not: Vec<String>,
    /// Bytes of object texts held at a time; `None` for the default.
    pub memory: Option<u64>,
    /// So many gaps of each kind are named, the rest counted; `None` for the default.
    pub named_gaps: Option<usize>,
    /// Compare every object's hash with its id.
    pub verify_objects: bool,
}

impl HistoryOptions {
    /// Whether not all objects are asked for.
    fn is_narrow(&self) -> bool {
        self.reachable_only || !self.refs.is_empty() || !self.not.is_empty()
    }
}

/// What was read of a repository, and what is known of it beside the findings.
#[derive(Debug)]
pub struct History {
    pub(super) tips: Tips,
    /// The commits that were read, until they become the graph.
    commits: Vec<(Oid, Links)>,
    pub(super) graph: Graph,
    pub(super) store: Store,
    plan: Plan,
    trees: Part,
    /// Trees that were met before their turn.
    early: Vec<ObjectId>,
    /// The refs that were asked for; `None` for all.
    asked: Option<Vec<Ref>>,
    narrowed: bool,
    /// What was not covered before, when that was asked.
    pub(super) beyond: Option<Vec<ObjectId>>,
    pub(super) walk: walk::Options,
    /// The blobs with findings, and what leads to them.
    pub(super) wanted: Wanted,
    pub(super) contents: Contents,
    pub(super) named_gaps: usize,
    /// By missing object that refs reach the oldest commit that needs it (both in hex; empty where it is not known).
    pub lacks: BTreeMap<String, String>,
    /// What was left out on purpose.
    pub exclusions: Vec<Exclusion>,
}

/// Every blob of the repository, each once, in the order of ids: the reference for faster walks.
///
/// # Errors
/// When the object database cannot be listed, or a blob cannot be read.
pub fn blobs(repo: &Repo, visit: &mut dyn FnMut(Oid, &[u8])) -> Result<()> {
    let odb = repo.odb()?;
    let failed = |error: git2::Error| repo.opener().error(error.message());
    for id in all(repo, &Gaps::default())? {
        if odb.read_header(id).map_err(failed)?.1 == ObjectType::Blob {
            visit(id, odb.read(id).map_err(failed)?.data());
        }
    }
    Ok(())
}

/// The ids of all objects, each once, sorted.
fn all(repo: &Repo, gaps: &Gaps) -> Result<Vec<Oid>> {
    let mut ids = Vec::new();
    let listed = repo.odb()?.foreach(|id| {
        ids.push(clean(*id));
        true
    });
    if let Err(error) = listed {
        let notice = Notice::new(NoticeKind::Unreadable, format!("not all objects can be listed: {}", error.message()));
        gaps.add(notice.mend("see `git fsck`").gap());
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// Shows every blob, commit and tag to readers, one for each thread.
///
/// # Errors
/// When refs or objects cannot be listed, or no ref is as asked.
pub fn scan<T: TextReader>(repo: &Repo, options: &HistoryOptions, make: &(dyn Fn() -> T + Sync)) -> Result<History> {
    scan_beyond(repo, options, None, make)
}

/// As [`scan`], but only objects that are not `covered` are shown.
///
/// # Errors
/// As [`scan`].
pub fn scan_beyond<T: TextReader>(
    repo: &Repo,
    options: &HistoryOptions,
    covered: Option<&Covered<'_>>,
    make: &(dyn Fn() -> T + Sync),
) -> Result<History> {
    let gaps = Gaps::default();
    let whole = !options.is_narrow() && covered.is_none();
    let (tips, opened) = beside(|| Tips::of(repo, &gaps), {
        let (folders, format) = (repo.object_folders(), format(repo));
        let known = covered.is_some();
        move || Opened::new(&folders, format, whole, known)
    });
    let tips = tips?;
    let Opened { store, plan, mut notices } = opened;
    notices.extend(covered.iter().flat_map(|covered| store.check_packs(covered.pack)));
    let narrowed = options.is_narrow();
    let asked = tips.matching(&options.refs);
    if asked.is_empty() && !options.refs.is_empty() {
        return Err(Error::Usage(format!(
            "no ref is as `--refs {}` asks; see git for-each-ref",
            options.refs.join(" ")
        )));
    }
    let mut walk = walk::Options {
        threads: options.git.threads,
        verify_objects: options.verify_objects,
        ..walk::Options::default()
    };
    walk.memory = options.memory.unwrap_or(walk.memory);
    let (mut only, narrow_plan) = match narrowed {
        true => narrow(repo, options, (&store, &walk), &asked, &gaps).map(|(only, plan)| (Some(only), plan))?,
        false => (None, None),
    };
    let beyond = covered.map(|covered| covered::new_objects(&store, Some(covered)));
    if let Some(beyond) = &beyond {
        let asked = |id: &&ObjectId| only.as_ref().is_none_or(|only| only.binary_search(id).is_ok());
        only = Some(beyond.iter().filter(asked).copied().collect());
    }
    // For few objects the packs are not worth a plan.
    let few = only.as_ref().filter(|only| only.len() < FEW);
    let plan = match plan.or(narrow_plan.filter(|_| beyond.is_none() && few.is_none())) {
        Some(plan) => plan,
        None if few.is_some() => Plan::default(),
        None => Plan::new(&store, only.as_deref()),
    };
    let (trees, others) = plan.trees_apart(&store);
    let shared = Shared { shown: repo.shown(), store: &store, gaps: &gaps, max_size: options.git.max_size };
    let seen = Mutex::default();
    match few {
        Some(few) => Survey::new(&shared, &seen, make()).each(few, walk.memory),
        None => walk::walk(&store, &plan, &others, &walk, &|| Survey::new(&shared, &seen, make())),
    }
    let mut seen: Seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    seen.trees.sort();
    if let Some(only) = only.as_ref().filter(|_| narrowed) {
        let lacks = |id: &&ObjectId| few.is_none() && !store.contains(id) && !missing::is_empty_tree(id);
        only.iter().filter(lacks).for_each(|id| missing::gone(&gaps, oid(id), "object"));
    }
    let mut visitor = make();
    notices.into_iter().for_each(|notice| visitor.notice(notice));
    let lacks = gaps.take_needed();
    let named_gaps = options.named_gaps.unwrap_or(NAMED);
    gaps.tell_up_to(named_gaps, repo.shown(), &mut visitor);
    let asked = if let Cow::Owned(asked) = asked { Some(asked) } else { None };
    let mut history = History {
        tips,
        commits: seen.commits,
        graph: Graph::default(),
        store,
        plan,
        trees,
        early: seen.trees,
        asked,
        narrowed,
        beyond,
        walk,
        wanted: Wanted::default(),
        contents: Contents::default(),
        named_gaps,
        lacks,
        exclusions: Vec::new(),
    };
    if let Some(only) = only.filter(|_| narrowed) {
        history.exclude(options, only.len());
    }
    Ok(history)
}

/// The ids of what `options` ask for, sorted, each once, and the plan to look at them where there is one already. `asked`
/// are the refs.
fn narrow(
    repo: &Repo,
    options: &HistoryOptions,
    (store, walk): (&Store, &walk::Options),
    asked: &[Ref],
    gaps: &Gaps,
) -> Result<(Vec<ObjectId>, Option<Plan>)> {
    let objects = Objects::new(repo, gaps)?;
    let not = options.not.iter().map(|revision| repo.resolve(revision)).collect::<Result<Vec<Oid>>>()?;
    match reach::objects(repo, &objects, (asked, &not), options.git.few_commits(store))? {
        Some(ids) => Ok((ids.iter().filter_map(|id| ObjectId::new(id.as_bytes())).collect(), None)),
        None => below::objects(repo, store, walk, gaps, (asked, &not)).map(|(ids, plan)| (ids, Some(plan))),
    }
}

/// The ids of the objects that `options` ask for, sorted, each once; `None` for all.
///
/// # Errors
/// As [`scan`].
pub fn asked_objects(repo: &Repo, options: &HistoryOptions) -> Result<Option<Vec<ObjectId>>> {
    if !options.is_narrow() {
        return Ok(None);
    }
    let gaps = Gaps::default();
    let tips = Tips::of(repo, &gaps)?;
    let asked = tips.matching(&options.refs);
    let (store, _) = Store::open_all(&repo.object_folders(), format(repo));
    narrow(repo, options, (&store, &walk::Options::default()), &asked, &gaps).map(|(ids, _)| Some(ids))
}

pub(super) fn format(repo: &Repo) -> Format {
    match repo.format() {
        ObjectFormat::Sha256 => Format::Sha256,
        ObjectFormat::Sha1 => Format::Sha1,
    }
}

/// Scans the names of refs and of tree entries. The byte range of a finding counts within the name.
fn names(repo: &Repo, visitor: &mut dyn Visitor, refs: &[Ref], names: &BTreeMap<Box<[u8]>, ObjectId>) {
    for reference in refs {
        let count = visitor.coverage().kind("refs");
        (count.found, count.scanned) = (count.found + 1, count.scanned + 1);
        let origin = repo.origin(OriginKind::Ref, reference.target, b"");
        visitor.item(Item::new(origin, reference.name.as_bytes()));
    }
    for (name, &tree) in names {
        visitor.item(Item::new(repo.origin(OriginKind::Ref, oid(&tree), b""), name));
    }
}

impl History {
    /// The id in hex of the object that a [`Sighting`] numbers.
    pub fn object(&self, number: u32) -> Option<String> {
        self.store.id(number).map(|id| id.to_string())
    }

    /// Reads all trees: names are scanned, missing objects looked for, and what leads to the blobs of `sightings` and
    /// `findings` is kept for [`History::attribute`].
    ///
    /// # Errors
    /// When the repository cannot be read any more.
    pub fn read_trees(
        &mut self,
        repo: &Repo,
        (sightings, findings): (&[Sighting], &[Finding]),
        make: &MakeVisitor<'_>,
    ) -> Result<()> {
        let gaps = Gaps::default();
        let in_blobs = findings.iter().filter(|finding| finding.origin.kind == OriginKind::Blob);
        let ids = in_blobs.filter_map(|finding| ObjectId::from_hex(finding.origin.object.as_deref()?.as_bytes()));
        let mut numbers: Vec<u32> = sightings.iter().map(|sighting| sighting.blob).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let wanted = Wanted::new(ids.chain(numbers.into_iter().filter_map(|number| self.store.id(number))));
        let shared = Shared { shown: repo.shown(), store: &self.store, gaps: &gaps, max_size: None };
        let trees = Trees::new(&shared, &wanted, !self.narrowed);
        // Trees are small, and what is gathered of them needs the other half.
        let options = walk::Options { memory: self.walk.memory / 2, ..self.walk };
        let commits = std::mem::take(&mut self.commits);
        let refs = self.leading();
        let graph = || Graph::new(repo, &self.store, commits, (&refs, &self.tips.reflog));
        self.graph = if self.trees.is_empty() {
            graph()?
        } else {
            // On this thread, while others walk already: what it needs for a moment the walk takes again.
            let survey = || trees.survey(make());
            walk::walk_after(graph, (&self.store, &self.plan, &self.trees), &options, &survey)?
        };
        // Nothing is walked any more, and what follows needs the room.
        (self.plan, self.trees) = Default::default();
        let mut early = trees.survey(make());
        for id in &self.early {
            if let Ok((Kind::Tree, text)) = self.store.read(id, None, u64::from(u32::MAX)) {
                early.tree(id, &text);
            }
        }
        drop(early);
        let (found, leads) = trees.end();
        // Wanted objects first, then those that are missing.
        self.contents = match (wanted.blobs.len() + found.missing.len()) as u32 {
            0 => Contents::default(),
            count => Contents::new(leads, count, &self.tree_numbers()),
        };
        if !self.narrowed {
            missing::tell_commits(&repo.shallow(), &self.store, &self.graph, &gaps);
        }
        missing::tell_reachable(&self.graph, (&found.missing, &self.contents), &gaps);
        let mut visitor = make();
        names(
            repo,
            visitor.as_mut(),
            self.asked.as_ref().unwrap_or(&self.tips.refs),
            &found.names.into_iter().collect(),
        );
        self.lacks.append(&mut gaps.take_needed());
        gaps.tell_up_to(self.named_gaps, repo.shown(), visitor.as_mut());
        self.wanted = wanted;
        Ok(())
    }

    /// The refs that may lead to what was scanned: from what was covered before nothing leads to what is new.
    fn leading(&self) -> Cow<'_, [Ref]> {
        let refs = self.asked.as_ref().unwrap_or(&self.tips.refs);
        let Some(beyond) = &self.beyond else { return Cow::Borrowed(refs) };
        let leads = |reference: &&Ref| {
            let id = ObjectId::new(reference.target.as_bytes());
            id.is_none_or(|id| beyond.binary_search(&id).is_ok() || !self.store.contains(&id))
        };
        Cow::Owned(refs.iter().filter(leads).cloned().collect())
    }

    /// The numbers of the trees of all commits, in the order of the graph, then those that refs name.
    fn tree_numbers(&self) -> Vec<Option<u32>> {
        let commits = self.graph.commits.iter().map(|(_, links)| links.tree);
        let odd = self.graph.odd_tips.iter().map(|(_, id)| *id);
        commits.chain(odd).map(|id| self.store.number(&ObjectId::new(id.as_bytes())?)).collect()
    }

    /// Notes what `--refs` and `--reachable-only` left out, `wanted` objects being asked for.
    fn exclude(&mut self, options: &HistoryOptions, wanted: usize) {
        let refs = self.asked.as_ref().map_or(0, |asked| self.tips.refs.len() - asked.len());
        if refs > 0 {
            self.exclusions.push(Exclusion {
                kind: "refs".to_owned(),
                what: format!("refs that are not as {}", options.refs.join(" ")),
                source: "--refs".to_owned(),
                count: refs as u64,
            });
        }
        let objects = self.store.distinct().saturating_sub(wanted);
        if objects > 0 {
            self.exclusions.push(Exclusion {
                kind: "objects".to_owned(),
                what: "objects that the asked refs do not reach".to_owned(),
                source: match () {
                    () if !options.not.is_empty() => "--not",
                    () if options.reachable_only => "--reachable-only",
                    () => "--refs",
                }
                .to_owned(),
                count: objects as u64,
            });
        }
    }
}
