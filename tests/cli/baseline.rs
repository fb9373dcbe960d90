//! Baselines: ours and those of other scanners.

use crate::support::{Folder, github_token};

fn read(folder: &Folder) -> String {
    std::fs::read_to_string(folder.path().join(".keysweep.baseline")).expect("a baseline")
}

#[test]
fn a_baseline_accepts_today_and_nothing_new() {
    let folder = Folder::repository();
    let token = github_token(1);
    folder.write("a.env", format!("T={token}\n"));
    let run = folder.keysweep(&["baseline", "create"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let text = read(&folder);
    assert!(!text.contains(&token[4..]), "no secret: {text}");
    assert_eq!(text.lines().count(), 2, "a header and a line: {text}");
    assert_eq!(folder.keysweep(&["scan"]).status, 0);
    std::fs::create_dir(folder.path().join("moved")).expect("a folder");
    std::fs::rename(folder.path().join("a.env"), folder.path().join("moved/b.env")).expect("moved");
    assert_eq!(folder.keysweep(&["scan"]).status, 0, "a moved file stays accepted");
    folder.write("c.env", format!("T={}\n", github_token(2)));
    assert_eq!(folder.keysweep(&["scan"]).status, 1, "a new secret is not");
    assert_eq!(folder.keysweep(&["baseline", "create"]).status, 2, "it is not overwritten");
    assert_eq!(folder.keysweep(&["baseline", "update"]).status, 0);
    assert_eq!(folder.keysweep(&["scan"]).status, 0);
    assert!(read(&folder).starts_with(text.lines().next().expect("a header")), "the salt stays");
}

#[test]
fn audit_tells_what_is_gone_and_update_drops_it() {
    let folder = Folder::new();
    folder.write("a.env", format!("T={}\nU={}\n", github_token(1), github_token(2)));
    assert_eq!(folder.keysweep(&["baseline", "create"]).status, 0);
    folder.write("a.env", format!("T={}\n", github_token(1)));
    folder.write("new.env", format!("T={}\n", github_token(3)));
    let run = folder.keysweep(&["baseline", "audit"]);
    assert!(run.stdout.contains("1 present, 1 gone"), "{}", run.stdout);
    let run = folder.keysweep(&["baseline", "audit", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let states: Vec<_> = json["entries"].as_array().expect("entries").iter().map(|entry| &entry["state"]).collect();
    assert!(states.contains(&&"present".into()) && states.contains(&&"gone".into()), "{}", run.stdout);
    assert_eq!(folder.keysweep(&["baseline", "update", "--prune-only"]).status, 0);
    assert_eq!(read(&folder).lines().count(), 2);
    assert_eq!(folder.keysweep(&["scan"]).status, 1, "--prune-only accepts nothing new");
    assert_eq!(folder.keysweep(&["baseline", "update", "gone-folder"]).status, 2);
    assert_eq!(read(&folder).lines().count(), 2, "nothing is dropped when not all was scanned");
}

#[test]
fn git_merges_the_baselines_of_two_branches() {
    let folder = Folder::repository();
    folder.write("base.env", format!("T={}\n", github_token(1)));
    assert_eq!(folder.keysweep(&["baseline", "create"]).status, 0);
    folder.git(&["add", "."]);
    folder.git(&["commit", "--quiet", "--message", "base"]);
    for (branch, seeds) in [("one", [2, 3, 4]), ("two", [5, 6, 7])] {
        folder.git(&["checkout", "--quiet", "-b", branch, "main"]);
        let text: String = seeds.map(|seed| format!("T={}\n", github_token(seed))).concat();
        folder.write(&format!("{branch}.env"), text);
        assert_eq!(folder.keysweep(&["baseline", "update"]).status, 0);
        folder.git(&["add", "."]);
        folder.git(&["commit", "--quiet", "--message", branch]);
    }
    folder.git(&["merge", "--quiet", "--no-edit", "one"]);
    let run = folder.keysweep(&["scan"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    folder.write(".keysweep.baseline", format!("{}<<<<<<< ours\n", read(&folder)));
    let run = folder.keysweep(&["scan"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("merge conflict"), "{}", run.stderr);
}

#[test]
fn guessable_passwords_are_accepted_as_well() {
    let folder = Folder::new();
    let word: String = ["Tr0ub", "4dor", "&3xq"].concat();
    folder.write("a.yml", format!("database_password: \"{word}\"\n"));
    let run = folder.keysweep(&["scan", "--min-confidence", "1"]);
    if run.status == 1 {
        assert_eq!(folder.keysweep(&["baseline", "create", "--min-confidence", "1"]).status, 0);
        assert_eq!(folder.keysweep(&["scan", "--min-confidence", "1"]).status, 0);
    }
}

#[test]
fn gitleaks_reports_are_baselines() {
    let folder = Folder::new();
    let (one, two, three) = (github_token(1), github_token(2), github_token(3));
    folder.write("a.env", format!("T={one}\nU={two}\n"));
    let entry = |secret: &str, line: u32| serde_json::json!({"RuleID": "some-rule", "File": "a.env", "StartLine": line, "Secret": secret, "Commit": ""});
    let report = serde_json::json!([entry(&one, 40), entry("REDACTED", 2)]);
    folder.write("gl.json", report.to_string());
    let scan = |folder: &Folder| folder.keysweep(&["scan", "a.env", "--baseline-path", "gl.json"]);
    let run = scan(&folder);
    assert_eq!(run.status, 0, "{}", run.stdout);
    folder.write("a.env", format!("T={one}\nU={two}\nV={three}\n"));
    assert_eq!(scan(&folder).status, 1);
    folder.write("gl.json", "{\"neither\": 1}");
    assert_eq!(scan(&folder).status, 2);
}

#[test]
fn a_gitleaksignore_counts_by_place() {
    let folder = Folder::repository();
    folder.write("src/a.env", format!("T={}\n", github_token(1)));
    folder.write(".gitleaksignore", "# comment\nsrc/a.env:github-pat:1\nnonsense\n");
    let run = folder.keysweep(&["scan", "--format", "json"]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    assert!(run.stdout.contains("line 3 is no gitleaks fingerprint"), "{}", run.stdout);
    folder.write("src/a.env", format!("\nT={}\n", github_token(1)));
    let run = folder.keysweep(&["scan", "--format", "json"]);
    assert_eq!(run.status, 1, "the line moved");
    assert!(run.stdout.contains("1 of 1 entries match nothing"), "{}", run.stdout);
}

#[test]
fn a_detect_secrets_baseline_counts_by_hash() {
    use sha1::Digest as _;
    let folder = Folder::new();
    let token = github_token(1);
    folder.write("a.env", format!("\n\nT={token}\n"));
    let hash: String = sha1::Sha1::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let baseline = |hash: &str| {
        serde_json::json!({
            "version": "1.5.0", "plugins_used": [], "filters_used": [], "generated_at": "2026-01-01T00:00:00Z",
            "results": {"a.env": [{"type": "x", "filename": "a.env", "hashed_secret": hash, "line_number": 1}]},
        })
    };
    folder.write(".secrets.baseline", format!("{:#}", baseline(&hash)));
    let run = folder.keysweep(&["scan"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    folder.write(".secrets.baseline", baseline(&"0".repeat(40)).to_string());
    assert_eq!(folder.keysweep(&["scan"]).status, 1);
}

#[test]
#[cfg(feature = "git")]
fn history_is_accepted_by_baselines_commits_and_paths_too() {
    let folder = Folder::repository();
    folder.write("old/a.env", format!("T={}\n", github_token(1)));
    folder.git(&["add", "."]);
    folder.git(&["commit", "--quiet", "--message", "add"]);
    let commit = folder.git(&["rev-parse", "HEAD"]);
    folder.git(&["rm", "--quiet", "old/a.env"]);
    folder.git(&["commit", "--quiet", "--message", "remove"]);
    let history = |folder: &Folder, more: &[&str]| folder.keysweep(&[&["scan", "--history"], more].concat());
    assert_eq!(history(&folder, &[]).status, 1);
    assert_eq!(history(&folder, &["--exclude", "old/"]).status, 0);
    folder.write("keysweep.toml", format!("[[allowlists]]\ncommits = ['{commit}']\n"));
    assert_eq!(history(&folder, &[]).status, 0);
    folder.write("keysweep.toml", "");
    folder.write(".gitleaksignore", format!("{commit}:old/a.env:github-pat:1\n"));
    let run = history(&folder, &[]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    std::fs::remove_file(folder.path().join(".gitleaksignore")).expect("removed");
    assert_eq!(folder.keysweep(&["baseline", "create", "--history"]).status, 0);
    assert_eq!(read(&folder).lines().count(), 2);
    let run = history(&folder, &[]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    let run = folder.keysweep(&["baseline", "audit", "--history"]);
    assert!(run.stdout.contains("1 present, 0 gone"), "{}", run.stdout);
}
