//! The pipeline: items of a source through the engine, findings through the filter, into one sorted result.
//!
//! ```text
//!  Item -> decode -> Scanner::scan -> accept? -> place (line, excerpt, mask) -> [attribute] -> decide -> ScanResult
//! ```
//!
//! `carry.rs` is the same for the history walk, which scans what a delta inserts and carries the rest over.
//!
//! Placing happens in the worker, while the bytes are there. Attribution (history only) and the decision need no
//! bytes, so they happen on findings alone: at the end, or in the worker when the scan streams.

#[cfg(feature = "git")]
mod carry;
mod place;
mod unpack;

#[cfg(feature = "git")]
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::clock;
use crate::engine::{Engine, Match, Scanner};
use crate::error::Notice;
use crate::filter::allowlist::Allowlist;
use crate::filter::{Decision, Filter};
use crate::finding::{Coverage, Finding, Origin, OriginKind, ScanResult};
use crate::source::encoding::decode;
#[cfg(feature = "git")]
use crate::source::history::reader::Sighting;
use crate::source::{Item, Visitor};

/// From this many findings on, decisions are made in parallel.
const PARALLEL_DECISIONS: usize = 64;

/// Where workers leave what they gathered.
#[derive(Debug, Default)]
struct Gathered {
    findings: Vec<Finding>,
    notices: Vec<Notice>,
    coverage: Coverage,
    bytes: u64,
    #[cfg(feature = "git")]
    sightings: Vec<Sighting>,
}

/// How far a scan is, for whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    items: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Items and bytes scanned so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.items.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// Takes findings as they are decided, from any thread.
pub type Sink<'s> = dyn Fn(&Finding) + Sync + 's;

/// One scan under way: the engine, the policy, and what workers gathered.
pub struct Scan<'s> {
    engine: &'s Engine,
    filter: &'s Filter,
    /// Whether an allowlist's pattern needs the match or its line.
    context: bool,
    /// Candidates depend on the bytes round them alone.
    #[cfg(feature = "git")]
    local: bool,
    /// Findings are handed on as soon as they are decided: in the worker, or at the end when `later`.
    stream: Option<&'s Sink<'s>>,
    /// The source attributes findings when all are found; nothing can be decided before.
    later: bool,
    progress: Arc<Progress>,
    started: (SystemTime, Instant),
    /// Two keys of their own, so that no two secrets are taken for one.
    #[cfg(feature = "git")]
    keys: (RandomState, RandomState),
    gathered: Mutex<Gathered>,
}

impl<'s> Scan<'s> {
    /// A scan with `engine`, decided by `filter`.
    pub fn new(engine: &'s Engine, filter: &'s Filter) -> Self {
        Self {
            engine,
            filter,
            context: filter.allowlists.iter().any(Allowlist::needs_context),
            #[cfg(feature = "git")]
            local: engine.is_local(),
            stream: None,
            later: false,
            progress: Arc::default(),
            started: (SystemTime::now(), Instant::now()),
            #[cfg(feature = "git")]
            keys: (RandomState::new(), RandomState::new()),
            gathered: Mutex::default(),
        }
    }

    /// Decides on findings as soon as they are found and hands those that stay to `sink`.
    #[must_use]
    pub fn streaming(mut self, sink: &'s Sink<'s>) -> Self {
        self.stream = Some(sink);
        self
    }

    /// Puts decisions off to the end, for a source that attributes findings when all are found.
    pub fn attribute_later(&mut self) {
        self.later = true;
    }

    /// The sink of findings that are decided in the worker.
    fn at_once(&self) -> Option<&'s Sink<'s>> {
        self.stream.filter(|_| !self.later)
    }

    /// The policy: sources ask it which paths and sizes to leave out.
    pub fn filter(&self) -> &'s Filter {
        self.filter
    }

    /// How far it is; counts go on while it is shared.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// A worker for one more thread.
    pub fn worker(&self) -> Worker<'_> {
        Worker {
            scan: self,
            scanner: self.engine.scanner(),
            mine: Gathered::default(),
            #[cfg(feature = "git")]
            candidates: Vec::new(),
            #[cfg(feature = "git")]
            open: Vec::new(),
        }
    }

    /// The findings so far, for attribution; decided already when the scan streams at once.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.gathered.get_mut().unwrap_or_else(PoisonError::into_inner).findings)
    }

    /// The gaps so far: who keeps them over many scans decides on them by itself.
    pub fn take_gaps(&mut self) -> Vec<Notice> {
        let notices = &mut self.gathered.get_mut().unwrap_or_else(PoisonError::into_inner).notices;
        let (gaps, others) = std::mem::take(notices).into_iter().partition(|notice| notice.gap);
        *notices = others;
        gaps
    }

    /// The sightings so far, in order.
    #[cfg(feature = "git")]
    pub fn take_sightings(&mut self) -> Vec<Sighting> {
        let gathered = self.gathered.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut sightings = std::mem::take(&mut gathered.sightings);
        sightings.sort_unstable();
        sightings
    }

    /// The identity of a rule's secret within this scan.
    #[cfg(feature = "git")]
    fn secret_key(&self, rule: &str, secret: &[u8]) -> u128 {
        let half = |state: &RandomState| u128::from(state.hash_one((rule, secret)));
        half(&self.keys.0) << 64 | half(&self.keys.1)
    }

    /// Decides on `findings` (unless that is done) and ends the scan.
    pub fn finish(self, findings: Vec<Finding>) -> ScanResult {
        let filter = self.filter;
        let at_once = self.at_once().is_some();
        let gathered = self.gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut result = ScanResult { notices: gathered.notices, coverage: gathered.coverage, ..ScanResult::default() };
        result.summary.bytes = gathered.bytes;
        result.summary.rules = self.engine.rules().rules().len() as u32;
        let decide = |mut finding: Finding| (filter.decide(&mut finding) == Decision::Keep).then_some(finding);
        // Slow hashes of guessable values make many decisions worth two threads; few are not worth starting them.
        result.findings = if at_once {
            findings
        } else if findings.len() < PARALLEL_DECISIONS {
            findings.into_iter().filter_map(decide).collect()
        } else {
            findings.into_par_iter().filter_map(decide).collect()
        };
        filter.conclude(&mut result.notices);
        result.exclusions = filter.exclusions();
        result.key_id = filter.key_id();
        result.settle();
        if let Some(sink) = self.stream.filter(|_| !at_once) {
            result.findings.iter().for_each(sink);
        }
        result.started = clock::rfc3339(clock::epoch_seconds(self.started.0));
        result.ended = clock::rfc3339(clock::epoch_seconds(SystemTime::now()));
        result.summary.seconds = self.started.1.elapsed().as_secs_f64();
        result
    }
}

/// One thread's end of a [`Scan`].
pub struct Worker<'w> {
    scan: &'w Scan<'w>,
    scanner: Scanner<'w>,
    mine: Gathered,
    /// Buffers of the history walk.
    #[cfg(feature = "git")]
    candidates: Vec<Match>,
    #[cfg(feature = "git")]
    open: Vec<crate::engine::Open>,
}

impl Visitor for Worker<'_> {
    fn item(&mut self, item: Item<'_>) {
        if !self.unpack(&item) {
            self.text(&item);
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.mine.notices.push(notice);
    }

    fn coverage(&mut self) -> &mut Coverage {
        &mut self.mine.coverage
    }
}

impl Worker<'_> {
    /// Scans an item that is a text, or is taken for one.
    fn text(&mut self, item: &Item<'_>) {
        self.count(item.bytes);
        let decoded = decode(item.bytes);
        let matches = self.matches(&decoded.text, &item.origin);
        if !matches.is_empty() {
            self.matched(item, &decoded, &matches);
        }
    }

    /// The matches of a whole text.
    fn matches(&mut self, text: &[u8], origin: &Origin) -> Vec<Match> {
        let matches = match origin.kind {
            OriginKind::Message | OriginKind::Ref => self.scanner.scan_message(text),
            _ => self.scanner.scan(text),
        };
        if std::mem::take(&mut self.scanner.exhausted) {
            self.mine.notices.push(unpack::decoding_cut(origin, text.len()));
        }
        if self.scanner.too_deep {
            self.mine.notices.push(unpack::encoded_too_often(origin));
        }
        self.note_crowd(origin);
        matches
    }

    fn count(&mut self, bytes: &[u8]) {
        let size = bytes.len() as u64;
        self.mine.bytes += size;
        self.scan.progress.items.fetch_add(1, Ordering::Relaxed);
        self.scan.progress.bytes.fetch_add(size, Ordering::Relaxed);
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        let mut gathered = self.scan.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.findings.append(&mut self.mine.findings);
        gathered.notices.append(&mut self.mine.notices);
        gathered.coverage.merge(std::mem::take(&mut self.mine.coverage));
        gathered.bytes += self.mine.bytes;
        #[cfg(feature = "git")]
        gathered.sightings.append(&mut self.mine.sightings);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::Scan;
    use crate::engine::Engine;
    use crate::filter::Filter;
    use crate::finding::{Commit, Finding, Origin, OriginKind};
    use crate::rules::{RuleSet, template};
    use crate::source::{Item, Visitor as _};

    #[test]
    fn a_stream_gets_every_finding_once_as_the_result_has_it() {
        let token = template::expand("ghp_{mark}{base62:30}{crc32-base62}", 1).expect("a token");
        let text = format!("A={token}\n");
        let engine = Engine::new(RuleSet::builtin()).expect("the built-in rules");
        let filter = Filter::default();
        for later in [false, true] {
            let seen: Mutex<Vec<(String, String, bool)>> = Mutex::default();
            let told = |finding: &Finding| {
                (finding.origin.path.clone(), finding.fingerprint.clone(), finding.commit.is_some())
            };
            let sink = |finding: &Finding| seen.lock().expect("the list").push(told(finding));
            let mut scan = Scan::new(&engine, &filter).streaming(&sink);
            if later {
                scan.attribute_later();
            }
            for path in ["b.env", "a.env"] {
                scan.worker().item(Item {
                    origin: Origin::new(OriginKind::Blob, path),
                    bytes: text.as_bytes(),
                    start: Default::default(),
                    commit: None,
                    accept: None,
                });
            }
            let mut findings = scan.take_findings();
            if later {
                assert!(seen.lock().expect("the list").is_empty(), "nothing is told before it is attributed");
                findings.iter_mut().for_each(|finding| finding.commit = Some(Commit::default()));
            }
            let result = scan.finish(findings);
            let mut seen = std::mem::take(&mut *seen.lock().expect("the list"));
            seen.sort();
            assert_eq!(seen, result.findings.iter().map(told).collect::<Vec<_>>());
            assert!(
                seen.len() == 2
                    && seen.iter().all(|(_, fingerprint, commit)| !fingerprint.is_empty() && *commit == later)
            );
        }
    }
}
