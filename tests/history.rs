//! The law of the history walk, with the real engine on repositories that real git made and packed: what is found is
//! what scanning every blob whole finds, and every finding is attributed as following the commits one by one says.
#![cfg(all(feature = "git", unix))]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keysweep::engine::{Engine, MOST_CANDIDATES};
use keysweep::filter::Filter;
use keysweep::pipeline::Scan;
use keysweep::rules::{RuleSet, template};
use keysweep::source::git::history::{self, HistoryOptions};
use keysweep::source::git::{GitOptions, Opener, commits, ranges};
use proptest::prelude::*;

fn git(folder: &Path, arguments: &[&str], input: &[u8]) {
    let mut child = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("git starts");
    child.stdin.take().expect("piped").write_all(input).expect("git reads");
    assert!(child.wait().expect("git ends").success(), "git {arguments:?}");
}

/// Where secrets stand: blob, offset, confidence.
type Places = BTreeSet<(String, u32, u8)>;

/// What the walk finds, and what scanning every blob whole does.
fn both(repository: &Path, options: &HistoryOptions) -> (Places, Places) {
    let engine = Engine::new(RuleSet::builtin()).expect("built-in rules");
    let filter = Filter::default();
    let repo = Opener::at(repository).open().expect("a repository");
    let mut scan = Scan::new(&engine, &filter);
    scan.attribute_later();
    let walked = history::scan(&repo, options, &|| scan.worker()).expect("scans");
    let sightings = scan.take_sightings();
    let mut places: Places = sightings
        .iter()
        .map(|one| (walked.object(one.blob).expect("a blob's number"), one.start, one.confidence))
        .collect();
    // Texts that were decoded or streamed are findings already; of the others only places are known.
    let mut decoded: BTreeSet<String> = BTreeSet::new();
    for finding in scan.take_findings() {
        let blob = finding.origin.object.clone().unwrap_or_default();
        decoded.insert(blob);
    }
    let mut naive = Places::new();
    let mut scanner = engine.scanner();
    history::blobs(&repo, &mut |id, text| {
        for found in scanner.scan(text) {
            naive.insert((id.to_string(), found.secret.start as u32, found.confidence));
        }
    })
    .expect("all blobs are read");
    places.retain(|place| !decoded.contains(&place.0));
    naive.retain(|place| !decoded.contains(&place.0));
    (places, naive)
}

/// A text of lines, some of which hold secrets.
fn line(kind: u8, seed: u64) -> String {
    let secret = |form: &str| template::expand(form, seed % 7).expect("a template");
    match kind {
        0 => format!("token = \"{}\"\n", secret("ghp_{mark}{base62:30}{crc32-base62}")),
        1 => format!("password: {}\n", secret("{password}")),
        2 => format!(
            "aws_access_key_id = {}\naws_secret_access_key = {}\n",
            secret("{aws-key-id}"),
            secret("{aws-secret}")
        ),
        3 => format!("{}\n", secret("{pem-ec}")),
        4 => "# keysweep:allow\n".to_owned(),
        5 => format!("api_key = {}", secret("{hex:32}")),
        // A table, and what makes its head one or not: a blank line in front of it, another row, the start of the text.
        7 => format!("user,the-password,role\nbob,{},admin\n", secret("{password}")),
        8 => " \n".to_owned(),
        10 => format!("bob,{},admin\n", secret("{password}")),
        9 => format!("id-{seed},kind-token,checked\n"),
        // A text that is nothing but this is a secret.
        11 => format!("{}\n", secret("{hex:32}")),
        6 => format!("url = postgres://app:{}@db.{}.internal/main\n", secret("{password}"), secret("{word}")),
        _ => format!("some words of line {seed} and more of them = {}\n", seed % 5),
    }
}

/// One commit: (file, at which line, how many lines go, lines that come).
type Edit = (usize, prop::sample::Index, usize, Vec<(u8, u64)>);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let lines = prop::collection::vec((0u8..18, 0u64..400), 0..6);
    prop::collection::vec((0usize..5, any::<prop::sample::Index>(), 0usize..4, lines), 4..40)
}

/// The last one is short: it is a secret and nothing else, or more than that.
const FILES: [&str; 5] =
    ["config/app.env", "src/deep/down/main.py", "README", "config/other/app.yaml", "run/secrets/db_token"];

/// A repository with these commits; what each has.
fn repository(edits: &[Edit]) -> (tempfile::TempDir, Vec<BTreeMap<&'static str, String>>) {
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["init", "-q", "-b", "main"], b"");
    let mut lines: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let (mut versions, mut stream) = (Vec::new(), String::new());
    for (count, (file, at, cut, added)) in edits.iter().enumerate() {
        let file = lines.entry(FILES[*file]).or_insert_with(|| match file {
            4 => vec![line(11, 0)],
            _ => (0..60).map(|seed| line(99, seed)).collect(),
        });
        let at = at.index(file.len() + 1);
        let end = (at + cut).min(file.len());
        file.splice(at..end, added.iter().map(|(kind, seed)| line(*kind, *seed)));
        let texts: BTreeMap<_, _> = lines.iter().map(|(path, lines)| (*path, lines.concat())).collect();
        let _ =
            writeln!(stream, "commit refs/heads/main\ncommitter A <a@example.invalid> {} +0000", 1_700_000_000 + count);
        let _ = writeln!(stream, "data 1\nx");
        for (path, text) in &texts {
            let _ = write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
        }
        versions.push(texts);
    }
    git(folder.path(), &["fast-import", "--quiet"], stream.as_bytes());
    (folder, versions)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_walk_finds_what_scanning_every_blob_finds(
        edits in edits(), window in 1u32..20, depth in 1u32..60, threads in 1usize..3, small in any::<bool>(),
    ) {
        let (folder, versions) = repository(&edits);
        let (window, depth) = (format!("--window={window}"), format!("--depth={depth}"));
        git(folder.path(), &["repack", "-a", "-d", "-f", "-q", &window, &depth], b"");
        let options = HistoryOptions {
            git: GitOptions { threads, ..GitOptions::default() },
            memory: small.then_some(0),
            ..HistoryOptions::default()
        };
        let (walked, naive) = both(folder.path(), &options);
        prop_assert_eq!(walked, naive);

        // Attribution: the first commit of each secret at each path, and whether HEAD has it.
        let engine = Engine::new(RuleSet::builtin()).expect("built-in rules");
        let filter = Filter::default();
        let mut scanner = engine.scanner();
        let mut expected: BTreeMap<(String, Vec<u8>), (usize, bool)> = BTreeMap::new();
        let mut known: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
        for (place, version) in versions.iter().enumerate() {
            for (path, text) in version {
                let secrets = known.entry(text.clone()).or_insert_with(|| {
                    scanner.scan(text.as_bytes()).iter().map(|one| text.as_bytes()[one.secret.clone()].to_vec()).collect()
                });
                for secret in secrets {
                    let head = place + 1 == versions.len();
                    let entry = expected.entry(((*path).to_owned(), secret.clone())).or_insert((place, head));
                    entry.1 |= head;
                }
            }
        }
        let repo = Opener::at(folder.path()).open().expect("a repository");
        let mut scan = Scan::new(&engine, &filter);
        scan.attribute_later();
        let mut walked = history::scan(&repo, &options, &|| scan.worker()).expect("scans");
        let sightings = scan.take_sightings();
        let mut findings = scan.take_findings();
        walked.read_trees(&repo, (&sightings, &findings), &|| Box::new(scan.worker())).expect("reads");
        findings.append(&mut scan.take_findings());
        let findings = walked.attribute(&repo, (sightings, findings), &|| scan.worker()).expect("attributes");
        let mut found: BTreeMap<(String, Vec<u8>), (usize, bool)> = BTreeMap::new();
        for finding in &findings {
            let commit = finding.commit.as_ref().expect("attributed");
            let when = commit.date.get(11..19).expect("a date with a time").split(':')
                .fold(0, |total, part| total * 60 + part.parse::<usize>().expect("digits"));
            // 1,700,000,000 is 22:13:20.
            let place = (when + 86_400 - (22 * 3600 + 13 * 60 + 20)) % 86_400;
            let key = (finding.origin.path.clone(), finding.secret.expose().to_vec());
            let entry = found.entry(key).or_insert((place, false));
            *entry = (entry.0.min(place), entry.1 | (commit.in_head == Some(true)));
        }
        prop_assert_eq!(found, expected);
    }
}

/// Of a text with too many candidates the last ones are gone. An edit in front brings them back, so nothing may be
/// carried from it.
#[test]
fn what_was_too_much_is_found_when_an_edit_makes_room() {
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["init", "-q", "-b", "main"], b"");
    let token = template::expand("ghp_{mark}{base62:30}{crc32-base62}", 3).expect("a template");
    let lines: Vec<String> = (0..MOST_CANDIDATES + 9).map(|at| format!("{at} {token}\n")).collect();
    let mut stream = String::new();
    for (at, text) in [lines.concat(), lines[MOST_CANDIDATES - 5000..].concat()].iter().enumerate() {
        let _ = writeln!(stream, "commit refs/heads/main\ncommitter A <a@example.invalid> {at} +0000\ndata 1\nx");
        let _ = write!(stream, "M 100644 inline tokens\ndata {}\n{text}\n", text.len());
    }
    git(folder.path(), &["fast-import", "--quiet"], stream.as_bytes());
    git(folder.path(), &["repack", "-a", "-d", "-f", "-q"], b"");
    let (walked, naive) = both(folder.path(), &HistoryOptions::default());
    assert_eq!(walked.len(), 10_000 + 5_009);
    assert!(walked == naive, "the walk finds {} and not {}", walked.len(), naive.len());
}

/// A commit: its parents (among those before it; often the second is no other), a file, its content.
type Step = (prop::sample::Index, prop::sample::Index, usize, u8);

/// A repository with branches and merges: after each commit a branch `b0`, `b1` and so on.
fn branches(steps: &[Step]) -> tempfile::TempDir {
    const PATHS: [&str; 5] = ["a", "deep/down/b", "deep/c", "other/down/b", "deep/down/more/d"];
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["init", "-q", "-b", "b0"], b"");
    let mut stream = String::new();
    for (at, (first, second, path, content)) in steps.iter().enumerate() {
        let _ =
            writeln!(stream, "commit refs/heads/b{at}\nmark :{}\ncommitter A <a@example.invalid> {at} +0000", at + 1);
        let _ = writeln!(stream, "data 1\nx");
        if at > 0 {
            let (first, second) = (first.index(at), second.index(at * 3));
            let _ = writeln!(stream, "from :{}", first + 1);
            if second < at && second != first {
                let _ = writeln!(stream, "merge :{}", second + 1);
            }
        }
        let mut text: String = (0..40).map(|line| format!("{line} of {}\n", content % 6)).collect();
        text += &line(content % 9, u64::from(*content));
        let path = PATHS[path % PATHS.len()];
        match content % 7 {
            6 if at > 0 => drop(writeln!(stream, "D {path}")),
            _ => drop(write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len())),
        }
    }
    git(folder.path(), &["fast-import", "--quiet"], stream.as_bytes());
    folder
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Commit by commit or in one walk over all trees: the same objects; without `not`, those that git names.
    #[test]
    fn ranges_are_the_same_by_either_way(
        steps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..5, 0u8..42), 2..40),
        asked in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        not in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        packed in any::<bool>(),
    ) {
        let folder = branches(&steps);
        if packed {
            git(folder.path(), &["repack", "-a", "-d", "-f", "-q"], b"");
        }
        let names = |indexes: &[prop::sample::Index]| -> Vec<String> {
            indexes.iter().map(|index| format!("b{}", index.index(steps.len()))).collect()
        };
        let (asked, not) = (names(&asked), names(&not));
        let repo = Opener::at(folder.path()).open().expect("a repository");
        let objects = |few_commits| {
            let options =
                HistoryOptions {
                    refs: asked.clone(),
                    not: not.clone(),
                    git: GitOptions { few_commits, ..GitOptions::default() },
                    ..HistoryOptions::default()
                };
            let ids = history::asked_objects(&repo, &options).expect("reads").expect("a range");
            ids.iter().map(ToString::to_string).collect::<BTreeSet<String>>()
        };
        let at_once = objects(Some(0));
        prop_assert_eq!(&at_once, &objects(None));
        if not.is_empty() {
            let mut list = Command::new("git");
            list.current_dir(folder.path()).args(["rev-list", "--objects"]).args(&asked);
            let listed = list.output().expect("git lists").stdout;
            let ids = String::from_utf8_lossy(&listed).lines().map(|line| line[..40].to_owned()).collect();
            prop_assert_eq!(at_once, ids);
        }
    }
}

/// What a range of commits adds, by either way: every finding in full, what was covered, what was told.
fn added(path: &Path, range: &str, few_commits: Option<usize>) -> (Vec<String>, String, Vec<String>) {
    let engine = Engine::new(RuleSet::builtin()).expect("built-in rules");
    let filter = Filter::default();
    let mut scan = Scan::new(&engine, &filter);
    let repo = Opener::at(path).open().expect("a repository");
    let selection = ranges::diff(&repo, range).expect("a range");
    let options = GitOptions { few_commits, ..GitOptions::default() };
    commits::scan(&repo, &selection, &options, &|| scan.worker()).expect("scans");
    let mut findings: Vec<String> = scan.take_findings().iter().map(|finding| format!("{finding:?}")).collect();
    findings.sort();
    let result = scan.finish(Vec::new());
    let mut notices: Vec<String> = result.notices.iter().map(|notice| format!("{notice:?}")).collect();
    notices.sort();
    (findings, format!("{:?}", result.coverage), notices)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// A range's commits each alone, or with what a walk over everything knows: the same findings, in repositories
    /// with branches and merges, and in those that lack an object.
    #[test]
    fn long_ranges_are_as_short_ones(
        steps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..5, 0u8..42), 2..30),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        lost in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let folder = branches(&steps);
        let range = format!("b{}..b{}", from.index(steps.len()), to.index(steps.len()));
        match lost {
            None => git(folder.path(), &["repack", "-a", "-d", "-f", "-q"], b""),
            Some(lost) => lose(folder.path(), &lost),
        }
        let alone = added(folder.path(), &range, None);
        prop_assert_eq!(added(folder.path(), &range, Some(0)), alone);
    }

    #[test]
    fn long_ranges_of_secrets_are_as_short_ones(edits in edits(), from in any::<prop::sample::Index>()) {
        let (folder, versions) = repository(&edits);
        let range = format!("main~{}..main", from.index(versions.len()));
        let alone = added(folder.path(), &range, None);
        prop_assert_eq!(added(folder.path(), &range, Some(0)), alone);
    }
}

/// Deletes a tree or blob of a repository.
fn lose(repository: &Path, which: &prop::sample::Index) {
    let git = |arguments: &[&str]| {
        let ended = Command::new("git").current_dir(repository).args(arguments).output().expect("git starts");
        String::from_utf8_lossy(&ended.stdout).into_owned()
    };
    let all = git(&["cat-file", "--batch-all-objects", "--batch-check"]);
    let mut files: Vec<PathBuf> = all
        .lines()
        .filter(|line| !line.contains("commit"))
        .map(|line| repository.join(".git/objects").join(&line[..2]).join(&line[2..40]))
        .filter(|file| file.exists())
        .collect();
    if !files.is_empty() {
        std::fs::remove_file(files.swap_remove(which.index(files.len()))).expect("it is there");
    }
}

/// The same on real repositories: `KEYSWEEP_TEST_REPOSITORIES=path:path cargo test --release --test history -- --ignored`.
#[test]
#[ignore = "needs real repositories, named in KEYSWEEP_TEST_REPOSITORIES; minutes each"]
fn the_walk_finds_what_scanning_every_blob_finds_in_real_repositories() {
    let named = std::env::var_os("KEYSWEEP_TEST_REPOSITORIES").unwrap_or_default();
    for repository in std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()) {
        let repository: PathBuf = repository;
        let (walked, naive) = both(&repository, &HistoryOptions::default());
        let missing: Vec<_> = naive.difference(&walked).take(5).collect();
        let extra: Vec<_> = walked.difference(&naive).take(5).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{repository:?}: missing {missing:?}, extra {extra:?}");
    }
}
