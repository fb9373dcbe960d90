//! Who brought a secret, where it lay, who removed it, which refs still hold it: looked up for findings alone, in one
//! pass over commits and (reduced) trees.
//!
//! Of the same secret of the same rule at the same path one finding is left: the version of the file that convinces
//! most (of equals the oldest), with the commit that brought the secret to that path first. Blobs that no commit has
//! (dangling, or staged only) keep a finding when their secret is found nowhere else.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use aho_corasick::AhoCorasick;

use super::Repo;
use super::commit::describe;
use super::contents::{Blob, Contents, EMPTY, Node};
use super::gaps::Gaps;
use super::graph::{Graph, Place};
use super::history::History;
use super::secrets::{Attributed, Key, Secrets};
use super::tree::{DEEPEST, Objects};
use crate::clock;
use crate::error::{Notice, NoticeKind, Result};
use crate::finding::{Finding, OriginKind};
use crate::source::history::reader::{Sighting, TextReader};

/// Index of a path.
type Path = u32;

/// So many other paths of a secret are named with each of its findings; every path has a finding of its own.
const MOST_PATHS: usize = 20;

impl History {
    /// Attributes what was found in this history.
    ///
    /// # Errors
    /// When the repository cannot be read any more.
    pub fn attribute<T: TextReader>(
        &self,
        repo: &Repo,
        (sightings, findings): (Vec<Sighting>, Vec<Finding>),
        make: &(dyn Fn() -> T + Sync),
    ) -> Result<Vec<Finding>> {
        if sightings.is_empty() && findings.is_empty() {
            return Ok(findings);
        }
        let gaps = Gaps::default();
        let objects = Objects::new(repo, &gaps)?;
        let (in_blobs, others): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|finding| finding.origin.kind == OriginKind::Blob);
        // What stands in a commit's own text must not be shown with the files it brought, and a secret in a name must
        // not be shown as a path.
        let withheld: HashSet<String> = others.iter().filter_map(|finding| finding.origin.object.clone()).collect();
        let masks: Vec<(String, String)> = others
            .iter()
            .filter(|finding| finding.origin.kind == OriginKind::Ref)
            .map(|finding| (String::from_utf8_lossy(finding.secret.expose()).into_owned(), finding.redacted.clone()))
            .collect();
        let mut visitor = make();
        let key_of = |finding: &Finding| visitor.secret_key(finding);
        let mut secrets = Secrets::new(self, &self.wanted, &sightings, in_blobs, &key_of);
        drop(sightings);
        let traces = Traces::follow(&self.graph, &self.contents, &secrets);
        if traces.too_deep {
            let message =
                format!("folders are nested more than {DEEPEST} deep: what lies deeper is scanned, not named");
            gaps.add(Notice::new(NoticeKind::Budget, message));
        }
        let mut attributed = traces.attributed(&self.graph, &objects, &mut secrets, &withheld);
        attributed.extend(secrets.orphans(repo, &self.wanted));
        let mut result = secrets.findings(self, repo, attributed, &gaps, make);
        result.extend(self.graph.messages(others));
        // Most names hold no secret: all are asked for at once.
        let any = AhoCorasick::new(masks.iter().map(|(secret, _)| secret)).ok();
        for finding in &mut result {
            hide(finding, &masks, any.as_ref());
        }
        drop(objects);
        gaps.tell_up_to(self.named_gaps, repo.shown(), &mut visitor);
        Ok(result)
    }
}

/// Masks secrets in names that a finding shows.
fn hide(finding: &mut Finding, masks: &[(String, String)], any: Option<&AhoCorasick>) {
    let Finding { origin, commit, .. } = finding;
    let lists = commit.iter_mut().flat_map(|commit| commit.refs.iter_mut().chain(&mut commit.other_paths));
    for name in std::iter::once(&mut origin.path).chain(lists) {
        if any.is_some_and(|any| !any.is_match(name.as_bytes())) {
            continue;
        }
        for (secret, mask) in masks {
            if name.contains(&**secret) {
                *name = name.replace(&**secret, mask);
            }
        }
    }
}

/// What the pass over commits found.
#[derive(Default)]
struct Traces {
    paths: Vec<Vec<u8>>,
    /// Commits that brought a secret to a path.
    brought: BTreeMap<(Key, Path), Vec<Place>>,
    /// Commits that took it away.
    removed: HashMap<(Key, Path), Vec<Place>>,
    /// The first commit with a blob at a path.
    first: BTreeMap<(Path, Blob), Place>,
    /// Some places lie too deep to be named.
    too_deep: bool,
    /// What HEAD has.
    in_head: HashSet<(Key, Path)>,
}

impl Traces {
    fn follow(graph: &Graph, contents: &Contents, secrets: &Secrets) -> Self {
        let mut traces = Self::default();
        if secrets.of_blob.is_empty() {
            return traces;
        }
        let mut paths: HashMap<Vec<u8>, Path> = HashMap::new();
        traces.too_deep = contents.too_deep();
        let mut path_of = |path: &[u8], list: &mut Vec<Vec<u8>>| {
            *paths.entry(path.to_vec()).or_insert_with(|| {
                list.push(path.to_vec());
                (list.len() - 1) as Path
            })
        };
        let roots = contents.roots();
        for (place, &root) in roots.iter().enumerate().take(graph.commits.len()) {
            let before: Vec<Node> = graph.parents(place).iter().map(|&parent| roots[parent]).collect();
            contents.differences(root, &before, &mut |path, blob, there| {
                let path = path_of(path, &mut traces.paths);
                traces.first.entry((path, blob)).or_insert(place);
                for &key in secrets.of(Some(blob)) {
                    if !there.iter().any(|&other| secrets.of(other).contains(&key)) {
                        traces.brought.entry((key, path)).or_default().push(place);
                    }
                }
            });
            // A merge takes away only what all of its parents have: else it merely keeps a removal.
            let Some((&parent, further)) = before.split_first() else { continue };
            contents.differences(parent, &[root], &mut |path, blob, there| {
                for &key in secrets.of(Some(blob)) {
                    let gone = !secrets.of(there[0]).contains(&key);
                    if gone && further.iter().all(|&other| secrets.of(contents.at(other, path)).contains(&key)) {
                        let path = path_of(path, &mut traces.paths);
                        traces.removed.entry((key, path)).or_default().push(place);
                    }
                }
            });
        }
        if let Some(head) = graph.head {
            contents.differences(roots[head], &[EMPTY], &mut |path, blob, _| {
                let path = path_of(path, &mut traces.paths);
                traces.in_head.extend(secrets.of(Some(blob)).iter().map(|&key| (key, path)));
            });
        }
        traces
    }

    /// One finding for each secret and path.
    fn attributed(
        &self,
        graph: &Graph,
        objects: &Objects<'_>,
        secrets: &mut Secrets,
        withheld: &HashSet<String>,
    ) -> Vec<Attributed> {
        let mut versions: BTreeMap<(Key, Path), Vec<(Place, Blob)>> = BTreeMap::new();
        for (&(path, blob), &place) in &self.first {
            for &key in secrets.of(Some(blob)) {
                versions.entry((key, path)).or_default().push((place, blob));
            }
        }
        let mut paths_of: HashMap<Key, Vec<Path>> = HashMap::new();
        for &(key, path) in self.brought.keys() {
            paths_of.entry(key).or_default().push(path);
        }
        #[allow(clippy::iter_over_hash_type, reason = "each list is sorted by itself")]
        for paths in paths_of.values_mut() {
            paths.sort_unstable_by_key(|&path| &self.paths[path as usize]);
        }
        let shown = |path: Path| String::from_utf8_lossy(&self.paths[path as usize]).into_owned();
        let starts: Vec<Vec<Place>> = self.brought.values().cloned().collect();
        let refs = graph.refs_reaching(&starts);
        let mut list = Vec::with_capacity(refs.len());
        for ((&(key, path), brought), refs) in self.brought.iter().zip(refs) {
            let Some(&oldest) = brought.iter().min_by_key(|&&place| (graph.reach[place], place)) else { continue };
            let evidence = versions.get(&(key, path)).into_iter().flatten();
            let best = evidence
                .filter_map(|&(place, blob)| {
                    Some((Reverse(secrets.confidence(key, blob)?), graph.reach[place], place, blob))
                })
                .min();
            let Some((.., blob)) = best else { continue };
            secrets.attributed.insert(key);
            let first = graph.commits[oldest].0;
            let Some(object) = objects.read(first, "commit") else { continue };
            let mut commit = describe(first, object.data(), withheld.contains(&first.to_string()));
            let in_head = self.in_head.contains(&(key, path));
            commit.in_head = Some(in_head);
            if !in_head && let Some(removed) = self.removed.get(&(key, path)) {
                let last = removed.iter().max_by_key(|&&place| (graph.of_head[place], place));
                commit.removed_by = last.map(|&place| graph.commits[place].0.to_string());
                commit.removed_at = last.map(|&place| clock::rfc3339(graph.commits[place].1.time));
            }
            commit.reach = graph.reach_in_words(oldest);
            let others = paths_of[&key].iter().filter(|&&other| other != path);
            commit.other_paths = others.take(MOST_PATHS).map(|&other| shown(other)).collect();
            commit.other_paths_count = paths_of[&key].len() as u64 - 1;
            // Notes come last: when the first is one, all are.
            let is_note = refs.names.first().is_some_and(|name| name.starts_with("refs/notes/"));
            (commit.refs, commit.refs_count) = (refs.names, refs.count);
            commit.refs.sort();
            list.push(Attributed { key, blob, path: shown(path), commit: Some(commit), is_note, reach: None });
        }
        list
    }
}
