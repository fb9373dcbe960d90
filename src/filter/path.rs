//! Paths: how much less a finding counts in a test, an example or a lock file, and which files a rule is for.
//!
//! Applied to findings, not to bytes: in a history scan a blob's path is known only after attribution.

use crate::finding::Reason;

/// What a path says about its content: points and why.
type Kind = (i16, &'static str);

const TEST: Kind = (-15, "stands in a test");
const FIXTURE: Kind = (-15, "stands in test data");
const DOCUMENT: Kind = (-10, "stands in documentation");
const EXAMPLE: Kind = (-20, "stands in an example");
const VENDORED: Kind = (-10, "stands in code of others");
const LOCK: Kind = (-40, "stands in a lock file");
const MINIFIED: Kind = (-25, "stands in generated code");
/// The same for what has a form of its own: chance makes random letters, not a provider's name with one of its keys.
const MINIFIED_FORM: Kind = (-10, MINIFIED.1);
const SNAPSHOT: Kind = (-15, "stands in a snapshot");

/// Folder names, lower case, with what they say.
const FOLDERS: &[(&str, Kind)] = &[
    ("test", TEST),
    ("tests", TEST),
    ("__tests__", TEST),
    ("testing", TEST),
    ("spec", TEST),
    ("specs", TEST),
    ("e2e", TEST),
    ("testdata", FIXTURE),
    ("test-data", FIXTURE),
    ("test_data", FIXTURE),
    ("fixture", FIXTURE),
    ("fixtures", FIXTURE),
    ("__fixtures__", FIXTURE),
    ("mock", FIXTURE),
    ("mocks", FIXTURE),
    ("__mocks__", FIXTURE),
    ("cassettes", FIXTURE),
    ("doc", DOCUMENT),
    ("docs", DOCUMENT),
    ("documentation", DOCUMENT),
    ("example", EXAMPLE),
    ("examples", EXAMPLE),
    ("sample", EXAMPLE),
    ("samples", EXAMPLE),
    ("demo", EXAMPLE),
    ("demos", EXAMPLE),
    ("tutorial", EXAMPLE),
    ("tutorials", EXAMPLE),
    ("vendor", VENDORED),
    ("vendored", VENDORED),
    ("node_modules", VENDORED),
    ("bower_components", VENDORED),
    ("third_party", VENDORED),
    ("third-party", VENDORED),
    ("thirdparty", VENDORED),
    ("site-packages", VENDORED),
    ("pods", VENDORED),
    ("__snapshots__", SNAPSHOT),
];

/// Ends of file names, lower case.
const ENDINGS: &[(&str, Kind)] = &[
    (".min.js", MINIFIED),
    (".min.css", MINIFIED),
    (".js.map", MINIFIED),
    (".css.map", MINIFIED),
    (".snap", SNAPSHOT),
    (".example", EXAMPLE),
    (".sample", EXAMPLE),
    (".template", EXAMPLE),
    (".dist", EXAMPLE),
    (".md", DOCUMENT),
    (".mdx", DOCUMENT),
    (".rst", DOCUMENT),
    (".adoc", DOCUMENT),
    (".lock", LOCK),
    ("-lock.json", LOCK),
    ("-lock.yaml", LOCK),
    ("npm-shrinkwrap.json", LOCK),
    ("go.sum", LOCK),
    ("packages.lock.json", LOCK),
    ("package.resolved", LOCK),
];

/// Marks inside file names: `foo_test.go`, `test_foo.py`, `foo.spec.ts`, `.env.example.local`.
const MARKS: &[(&str, Kind)] = &[
    ("_test.", TEST),
    ("_spec.", TEST),
    (".test.", TEST),
    (".spec.", TEST),
    (".example.", EXAMPLE),
    (".sample.", EXAMPLE),
];

/// What the path takes away from a finding of this confidence: the strongest reason alone.
///
/// A credential that is nearly certain (a proven checksum) is one in a test as well: the surer it is, the less the
/// path counts. A value without a form of its own is known by its name and look alone (`formless`), and those of tests
/// and examples have both: there the path counts in full, and more.
pub fn score(path: &str, confidence: u8, formless: bool) -> Option<Reason> {
    let most = match confidence {
        _ if formless => 100,
        90.. => 5,
        75.. => 15,
        _ => 100,
    };
    let (points, why) = kind(path, formless)?;
    let more = if formless && [TEST, FIXTURE, EXAMPLE].contains(&(points, why)) { 10 } else { 0 };
    Some(Reason::new((points - more).max(-most), why))
}

/// The same for something that stands at several paths: what counts is the place where it counts most.
pub fn score_all<'p>(paths: impl Iterator<Item = &'p String>, confidence: u8, formless: bool) -> Option<Reason> {
    let scores: Option<Vec<Reason>> = paths.map(|path| score(path, confidence, formless)).collect();
    scores?.into_iter().max_by_key(|reason| reason.points)
}

fn kind(path: &str, formless: bool) -> Option<Kind> {
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let in_folder = folders
        .split('/')
        .filter_map(|segment| FOLDERS.iter().find(|(folder, _)| *folder == segment))
        .map(|&(_, kind)| kind);
    let at_end = (ENDINGS.iter().filter(|(ending, _)| name.ends_with(ending)))
        .map(|&(_, kind)| if kind == MINIFIED && !formless { MINIFIED_FORM } else { kind });
    let marked = MARKS.iter().filter(|(mark, _)| name.contains(mark)).map(|&(_, kind)| kind);
    let begins = name.starts_with("test_").then_some(TEST);
    // `FooTest.java`, `FooTests.cs`: the capital tells it from `latest.js`.
    let original = &path[path.len() - name.len()..];
    let stem = original.split('.').next().unwrap_or(original);
    let ends = (stem.ends_with("Test") || stem.ends_with("Tests")).then_some(TEST);
    in_folder.chain(at_end).chain(marked).chain(begins).chain(ends).min_by_key(|&(points, _)| points)
}

#[cfg(test)]
mod tests {
    use super::{score, score_all};

    fn points(path: &str, confidence: u8) -> i16 {
        score(path, confidence, false).map_or(0, |reason| reason.points)
    }

    #[test]
    fn tests_docs_and_lock_files_count_less() {
        for (path, expected) in [
            ("src/main.rs", 0),
            ("latest.js", 0),
            ("contest/a.py", 0),
            ("tests/a.py", -15),
            ("pkg/foo_test.go", -15),
            ("src/FooTest.java", -15),
            ("test_login.py", -15),
            ("README.md", -10),
            ("config/.env.example", -20),
            ("Cargo.lock", -40),
            ("package-lock.json", -40),
            ("vendor/x/a.min.js", -10),
            ("vendor/x/tests/a.min.js", -15),
        ] {
            assert_eq!(points(path, 60), expected, "{path}");
        }
        assert_eq!(score("vendor/x/a.min.js", 60, true).map(|reason| reason.points), Some(-25));
    }

    #[test]
    fn of_several_paths_the_worst_counts() {
        let score =
            |paths: [&str; 2]| score_all(paths.map(str::to_owned).iter(), 60, false).map(|reason| reason.points);
        assert_eq!(score(["tests/a", "src/a"]), None);
        assert_eq!(score(["tests/a", "docs/a"]), Some(-10));
    }

    #[test]
    fn a_value_without_a_form_loses_more() {
        let points = |path: &str, confidence| score(path, confidence, true).map_or(0, |reason| reason.points);
        assert_eq!(points("tests/a.py", 60), -25);
        assert_eq!(points("tests/a.py", 98), -25);
        assert_eq!(points("examples/a.py", 98), -30);
        assert_eq!(points("README.md", 98), -10);
        assert_eq!(points("src/a.py", 98), 0);
    }

    #[test]
    fn what_is_certain_loses_little() {
        assert_eq!(points("package-lock.json", 95), -5);
        assert_eq!(points("tests/fixtures/a", 80), -15);
        assert_eq!(points("Ünïcode/tests/ß_test.go", 60), -15);
    }
}
