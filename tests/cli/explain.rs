//! `keysweep explain` and `keysweep init`.

use crate::support::{Folder, github_token};

#[test]
fn a_line_is_explained_whatever_became_of_it() {
    let folder = Folder::new();
    let token = github_token(1);
    let mut broken = token.clone();
    let last = if broken.pop() == Some('0') { '1' } else { '0' };
    broken.push(last);
    folder.write("a.env", format!("T={token}\nU={token} # keysweep:allow why\nV={broken}\nplain\n"));
    let explain = |what: &str| folder.keysweep(&["explain", what]);
    let run = explain("a.env:1");
    assert!(
        run.stdout.contains("github-pat-classic: reported") && run.stdout.contains("fingerprint v1:"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains(&token[4..]));
    let run = explain("a.env:2");
    assert!(run.stdout.contains("suppressed by inline: why"), "{}", run.stdout);
    let run = explain("a.env:4");
    assert!(run.stdout.contains("no rule sees anything on line 4"), "{}", run.stdout);
    let run = folder.keysweep(&["explain", "a.env:1", "--min-confidence", "100", "--exclude", "*.env"]);
    assert!(run.stdout.contains("the path is excluded by `*.env` (--exclude)"), "{}", run.stdout);
    let run = folder.keysweep(&["explain", "a.env:3", "--format", "json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&run.stdout).is_ok_and(|json| json["candidates"].is_array()));
}

#[test]
fn what_was_dropped_is_told_when_asked_for() {
    let folder = Folder::new();
    folder.write("a.env", format!("T={}\nDB_PASSWORD=${{PASSWORD}}\n", github_token(1)));
    let run = folder.keysweep(&["scan", ".", "--show-dropped", "--min-confidence", "100"]);
    let dropped: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("dropped ")).collect();
    let tells = |place: &str, why: &str| dropped.iter().any(|line| line.contains(place) && line.contains(why));
    assert!(tells("a.env:2 generic-password", "a template or a reference"), "{}", run.stderr);
    let run = folder.keysweep(&["scan", ".", "--show-dropped", "--disable-rule", "github-pat-classic"]);
    assert!(run.stderr.contains("a.env:1 github-pat-classic: the rule is switched off"), "{}", run.stderr);
    assert!(!folder.keysweep(&["scan", "."]).stderr.contains("dropped "));
}

#[test]
fn a_fingerprint_and_a_rule_are_explained() {
    let folder = Folder::new();
    folder.write("a.env", format!("T={}\n", github_token(1)));
    let at = folder.keysweep(&["explain", "a.env:1"]).stdout;
    let id = at.split("fingerprint ").nth(1).expect("a fingerprint").trim().to_owned();
    assert_eq!(folder.keysweep(&["allow", &id, "--reason", "sandbox"]).status, 0);
    let run = folder.keysweep(&["explain", &id]);
    assert!(run.stdout.contains("accepts it, reason: sandbox") && run.stdout.contains("a.env:1:"), "{}", run.stdout);
    assert_eq!(folder.keysweep(&["explain", "v1:00000000000000000000000000000000"]).status, 2);
    let run = folder.keysweep(&["explain", "github-pat-classic"]);
    assert!(run.stdout.contains("severity") && run.stdout.contains("ghp_"), "{}", run.stdout);
    let run = folder.keysweep(&["explain", "github-pat-clasic"]);
    assert!(run.status == 2 && run.stderr.contains("did you mean `github-pat-classic`?"), "{}", run.stderr);
}

#[test]
fn init_writes_a_start_and_overwrites_nothing() {
    let folder = Folder::repository();
    folder.git(&["remote", "add", "origin", "https://github.com/example/example"]);
    let run = folder.keysweep(&["init"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    for file in ["keysweep.toml", ".pre-commit-config.yaml", ".github/workflows/keysweep.yml"] {
        assert!(folder.path().join(file).is_file(), "{file}: {}", run.stdout);
    }
    let run = folder.keysweep(&["scan", "--format", "json"]);
    assert!(run.status == 0 && run.stdout.contains("repository:"), "the salt is in use: {}{}", run.stdout, run.stderr);
    let before = std::fs::read(folder.path().join("keysweep.toml")).expect("written");
    let run = folder.keysweep(&["init", "--ci", "gitlab"]);
    assert!(run.stdout.contains("left as it is"), "{}", run.stdout);
    assert_eq!(std::fs::read(folder.path().join("keysweep.toml")).expect("there"), before);
    assert!(folder.path().join(".gitlab-ci.yml").is_file());
    assert_eq!(folder.keysweep(&["init", "--force"]).status, 0);
    assert_ne!(std::fs::read(folder.path().join("keysweep.toml")).expect("there"), before, "a new salt");
}

#[test]
fn a_line_that_is_not_there_is_told() {
    let folder = Folder::new();
    folder.write("short.txt", "one\ntwo");
    let run = folder.keysweep(&["explain", "short.txt:9"]);
    assert!(run.stdout.contains("has 2 lines, so there is no line 9"), "{}{}", run.stdout, run.stderr);
    let run = folder.keysweep(&["explain", "short.txt:2"]);
    assert!(run.stdout.contains("no rule sees anything on line 2"), "{}{}", run.stdout, run.stderr);
}
