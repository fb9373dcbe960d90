//! `--history`: every object of a repository, one after the other through libgit2. The plain version: [`blobs`] is
//! the reference that faster walks are compared with.
//!
//! All packs, loose objects and alternates, reachable or not; commits and tags as text (messages, author, committer
//! and tagger fields); names of refs and of tree entries. Objects carry no path or commit: see
//! [`History::attribute`], which looks for them where there is a finding.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use git2::{ObjectType, Oid};

use super::commit::{Links, links, tagged};
use super::commits::message;
use super::gaps::Gaps;
use super::reach::{self, Tips};
use super::tree::{Objects, entries};
use super::workers::{Hand, share};
use super::{GitOptions, Ref, Repo, TOO_LARGE, clean};
use crate::error::{Error, Notice, NoticeKind, Result};
use crate::finding::{Exclusion, OriginKind};
use crate::source::{Item, MakeVisitor};

/// So many objects are worth a thread.
const PIECE: usize = 256;

/// What of the history is scanned.
#[derive(Debug, Clone, Default)]
pub struct HistoryOptions {
    /// What every git source can be told.
    pub git: GitOptions,
    /// Only what refs reach whose names one of these globs matches; all objects when empty.
    pub refs: Vec<String>,
    /// Only what refs reach: no reflogs, no unreachable objects.
    pub reachable_only: bool,
}

/// What a walk over all objects learned beside the findings.
#[derive(Debug, Default)]
pub struct History {
    pub(super) tips: Tips,
    /// All commits that were seen, sorted by id.
    pub(super) commits: Vec<(Oid, Links)>,
    /// What was left out on purpose.
    pub exclusions: Vec<Exclusion>,
}

/// What the threads gather.
#[derive(Default)]
struct Seen {
    commits: Vec<(Oid, Links)>,
    /// Names of tree entries, each with the smallest tree that has it.
    names: HashMap<Box<[u8]>, Oid>,
    /// Whether something is named that is not there.
    missing: bool,
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

/// Hands every object's bytes to a visitor.
///
/// # Errors
/// When refs or objects cannot be listed, or no ref is as asked.
pub fn scan(repo: &Repo, options: &HistoryOptions, make: &MakeVisitor<'_>) -> Result<History> {
    let gaps = Gaps::default();
    let objects = Objects::new(repo, &gaps)?;
    let tips = Tips::of(repo, &gaps)?;
    let narrowed = options.reachable_only || !options.refs.is_empty();
    let wanted = tips.matching(&options.refs);
    if wanted.is_empty() && !options.refs.is_empty() {
        return Err(Error::Usage(format!(
            "no ref is as `--refs {}` asks; see git for-each-ref",
            options.refs.join(" ")
        )));
    }
    let ids = if narrowed { reach::objects(repo, &objects, &wanted, None)? } else { all(repo, &gaps)? };
    let known: HashSet<Oid> = if narrowed { HashSet::new() } else { ids.iter().copied().collect() };
    let seen = Mutex::new(Seen::default());
    share(repo, &ids, PIECE, options.git.threads, make, &|hand, piece| {
        let Some(objects) = Objects::or_gap(hand.repo, &gaps) else { return };
        let mut mine = Seen::default();
        for &id in piece {
            one(hand, &objects, id, &options.git, &mut mine, (!narrowed).then_some(&known));
        }
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.commits.append(&mut mine.commits);
        seen.missing |= mine.missing;
        #[allow(clippy::iter_over_hash_type, reason = "the smallest tree wins, in whatever order they come")]
        for (name, tree) in mine.names {
            seen.names.entry(name).and_modify(|smallest| *smallest = tree.min(*smallest)).or_insert(tree);
        }
    });
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    if seen.missing {
        // Unreachable objects may lack what git has pruned already. Of reachable ones all must be there.
        reach::objects(repo, &objects, &tips.refs, Some(&known))?;
    }
    let mut visitor = make();
    let mut hand = Hand { repo, visitor: visitor.as_mut() };
    names(&mut hand, &wanted, &seen.names.into_iter().collect());
    let mut history = History { tips, commits: seen.commits, exclusions: Vec::new() };
    history.commits.sort_by_key(|commit| commit.0);
    if narrowed {
        history.exclude(&wanted, options, all(repo, &gaps)?.len().saturating_sub(ids.len()));
    }
    drop(objects);
    gaps.tell(repo.shown(), visitor.as_mut());
    Ok(history)
}

fn one(
    hand: &mut Hand<'_>,
    objects: &Objects<'_>,
    id: Oid,
    options: &GitOptions,
    seen: &mut Seen,
    known: Option<&HashSet<Oid>>,
) {
    // A header tells too little to be worth its look-up, unless sizes are limited.
    if let Some(limit) = options.max_size
        && let Ok((size, ObjectType::Blob)) = objects.odb.read_header(id)
        && size as u64 > limit
    {
        let count = hand.visitor.coverage().kind("blobs");
        count.found += 1;
        *count.skipped.entry(TOO_LARGE.to_owned()).or_default() += 1;
        return;
    }
    let Some(object) = objects.read(id, "object") else { return };
    let mut need = |id: &Oid| seen.missing |= known.is_some_and(|known| !known.contains(id));
    match object.kind() {
        ObjectType::Blob => {
            let count = hand.visitor.coverage().kind("blobs");
            (count.found, count.scanned) = (count.found + 1, count.scanned + 1);
            hand.visitor.item(Item::new(hand.repo.origin(OriginKind::Blob, id, b""), object.data()));
        }
        ObjectType::Commit => {
            message(hand, id, object.data(), "commits");
            match links(object.data()) {
                Some(links) => {
                    need(&links.tree);
                    links.parents.iter().for_each(&mut need);
                    seen.commits.push((id, links));
                }
                None => objects.malformed(id, "a commit is malformed: where its files came from is not known"),
            }
        }
        ObjectType::Tag => {
            message(hand, id, object.data(), "tags");
            tagged(object.data()).iter().for_each(need);
        }
        _ => {
            let count = hand.visitor.coverage().kind("trees");
            (count.found, count.scanned) = (count.found + 1, count.scanned + 1);
            for entry in entries(object.data(), objects.id_size) {
                let Some(entry) = entry else { return objects.malformed(id, super::tree::MALFORMED) };
                if entry.kind().is_some() {
                    need(&entry.id);
                }
                match seen.names.get_mut(entry.name) {
                    Some(smallest) => *smallest = id.min(*smallest),
                    None => drop(seen.names.insert(entry.name.into(), id)),
                }
            }
        }
    }
}

/// Scans the names of refs and of tree entries. The byte range of a finding counts within the name.
fn names(hand: &mut Hand<'_>, refs: &[Ref], names: &BTreeMap<Box<[u8]>, Oid>) {
    for reference in refs {
        let count = hand.visitor.coverage().kind("refs");
        (count.found, count.scanned) = (count.found + 1, count.scanned + 1);
        let origin = hand.repo.origin(OriginKind::Ref, reference.target, b"");
        hand.visitor.item(Item::new(origin, reference.name.as_bytes()));
    }
    for (name, &tree) in names {
        hand.visitor.item(Item::new(hand.repo.origin(OriginKind::Ref, tree, b""), name));
    }
}

impl History {
    /// Notes what `--refs` and `--reachable-only` left out.
    fn exclude(&mut self, wanted: &[Ref], options: &HistoryOptions, objects: usize) {
        let refs = self.tips.refs.len() - wanted.len();
        if refs > 0 {
            self.exclusions.push(Exclusion {
                kind: "refs".to_owned(),
                what: format!("refs that are not as {}", options.refs.join(" ")),
                source: "--refs".to_owned(),
                count: refs as u64,
            });
        }
        if objects > 0 {
            self.exclusions.push(Exclusion {
                kind: "objects".to_owned(),
                what: "objects that the asked refs do not reach".to_owned(),
                source: if options.reachable_only { "--reachable-only" } else { "--refs" }.to_owned(),
                count: objects as u64,
            });
        }
    }
}
