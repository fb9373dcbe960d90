//! Settings: where they come from, which holds, and what a repository may decide.

use crate::support::{Folder, github_token, keysweep};

fn with_token() -> (Folder, String) {
    let folder = Folder::new();
    let token = github_token(7);
    folder.write("src/app.env", format!("TOKEN={token}\n"));
    (folder, token)
}

#[test]
fn unknown_keys_are_errors_that_suggest_the_nearest() {
    let (folder, _) = with_token();
    folder.write("keysweep.toml", "min-confidense = 40\n\n[[allowlists]]\npathes = ['a']\n\n[polcy]\n");
    let run = folder.keysweep(&["scan"]);
    assert_eq!(run.status, 2, "{}", run.stderr);
    for part in
        ["keysweep.toml: line 1: `min-confidense`", "did you mean `min-confidence`?", "line 4", "`paths`?", "`policy`?"]
    {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

#[test]
fn a_repository_cannot_configure_what_is_the_operators() {
    let (folder, _) = with_token();
    for section in ["rotation", "verify", "alerts", "policy"] {
        folder.write("keysweep.toml", format!("[{section}]\n"));
        let run = folder.keysweep(&["scan"]);
        assert_eq!(run.status, 2);
        assert!(run.stderr.contains("--policy"), "{}", run.stderr);
    }
}

#[test]
fn the_command_line_beats_the_environment_and_that_the_file() {
    let (folder, _) = with_token();
    folder.write("keysweep.toml", "fail-on = 'critical'\nexclude = ['other/']\n");
    folder.write("rules.toml", "");
    let explain = |environment: Option<(&str, &str)>, arguments: &[&str]| {
        let mut command = keysweep(folder.path());
        command.args(["config", "--explain"]).args(arguments);
        if let Some((name, value)) = environment {
            command.env(name, value);
        }
        String::from_utf8_lossy(&command.output().expect("keysweep runs").stdout).into_owned()
    };
    let line = |text: &str, key: &str| text.lines().find(|line| line.starts_with(key)).unwrap_or("").to_owned();
    let text = explain(None, &[]);
    assert!(
        line(&text, "fail-on").contains("\"critical\"") && line(&text, "fail-on").contains("keysweep.toml:1"),
        "{text}"
    );
    assert!(line(&text, "min-confidence").contains("default"), "{text}");
    let text = explain(Some(("KEYSWEEP_FAIL_ON", "high")), &[]);
    assert!(line(&text, "fail-on").contains("environment KEYSWEEP_FAIL_ON"), "{text}");
    let text = explain(Some(("KEYSWEEP_FAIL_ON", "high")), &["--fail-on", "medium", "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let row = rows["settings"].as_array().expect("rows").iter().find(|row| row["key"] == "fail-on").expect("a row");
    assert_eq!((&row["value"], &row["source"]), (&"\"medium\"".into(), &"--fail-on".into()));
}

#[test]
fn what_counts_can_be_chosen_on_the_command_line() {
    let (folder, _) = with_token();
    assert_eq!(folder.keysweep(&["scan"]).status, 1);
    for arguments in
        [&["scan", "--exclude", "src/"][..], &["scan", "--disable-rule", "github-*"], &["scan", "--max-size", "10"]]
    {
        assert_eq!(folder.keysweep(arguments).status, 0, "{arguments:?}");
    }
    assert_eq!(folder.keysweep(&["scan", "--rule", "github-pat-classic"]).status, 1);
    let run = folder.keysweep(&["scan", "--rule", "github-pat-clasic"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("did you mean `github-pat-classic`?"), "{}", run.stderr);
}

#[test]
fn the_config_is_found_upward_and_no_farther_than_the_repository() {
    let (folder, _) = with_token();
    folder.git(&["init", "--quiet", "inner"]);
    folder.write("keysweep.toml", "disabled-rules = ['github-pat-classic']\n");
    folder.write("inner/deep/a.env", format!("TOKEN={}\n", github_token(8)));
    assert_eq!(folder.keysweep(&["scan", "src"]).status, 0, "found above src");
    assert_eq!(folder.keysweep(&["scan", "inner/deep"]).status, 1, "another repository's config does not count");
    folder.write("inner/keysweep.toml", "exclude = ['deep/']\n");
    assert_eq!(folder.keysweep(&["scan", "inner"]).status, 0);
}

#[test]
fn allowlists_suppress_by_path_word_pattern_and_line() {
    let (folder, token) = with_token();
    for (list, status) in [
        ("paths = ['\\.env$']".to_owned(), 0),
        (format!("stopwords = ['{}']", token[10..16].to_lowercase()), 0),
        ("regexTarget = 'line'\nregexes = ['^TOKEN=']".to_owned(), 0),
        ("regexTarget = 'secret'\nregexes = ['^TOKEN=']".to_owned(), 1),
        ("paths = ['\\.env$']\ntargetRules = ['npm-token']".to_owned(), 1),
        ("condition = 'AND'\npaths = ['\\.env$']\nstopwords = ['nothing of it']".to_owned(), 1),
        ("paths = ['\\.env$']\nexpires = '2020-01-01'".to_owned(), 1),
    ] {
        folder.write("keysweep.toml", format!("[[allowlists]]\ndescription = 'known'\n{list}\n"));
        let run = folder.keysweep(&["scan"]);
        assert_eq!(run.status, status, "{list}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn a_known_gap_is_accepted_until_its_day() {
    let folder = Folder::new();
    let accept = |day: &str| format!("[[coverage.accept]]\npath = 'gone.txt'\nreason = 'lost'\nexpires = '{day}'\n");
    assert_eq!(folder.keysweep(&["scan", "gone.txt"]).status, 2);
    folder.write("keysweep.toml", accept("2999-01-01"));
    assert_eq!(folder.keysweep(&["scan", "gone.txt"]).status, 0);
    folder.write("keysweep.toml", accept("2020-01-01"));
    assert_eq!(folder.keysweep(&["scan", "gone.txt"]).status, 2);
}

#[test]
fn under_a_policy_the_repository_hides_nothing_unless_it_may() {
    let (folder, token) = with_token();
    folder.write("src/app.env", format!("TOKEN={token} # keysweep:allow why not\n"));
    folder.write("keysweep.toml", "exclude = ['src/']\ndisabled-rules = ['github-pat-classic']\n");
    folder.write("ci/policy.toml", "[policy]\n");
    assert_eq!(folder.keysweep(&["scan"]).status, 0);
    assert_eq!(folder.keysweep(&["scan", "--policy", "ci/policy.toml"]).status, 1);
    for policy in ["inline-allow = true", "repository-config = true"] {
        folder.write("ci/policy.toml", format!("[policy]\n{policy}\n"));
        let run = folder.keysweep(&["scan", "--policy", "ci/policy.toml", "--format", "json"]);
        assert_eq!(run.status, 0, "{policy}: {}", run.stdout);
        assert!(run.stdout.contains("\"suppressed\""), "what it hides is reported: {}", run.stdout);
        folder.write("ci/policy.toml", format!("[policy]\n{policy}\nmax-severity = 'medium'\n"));
        assert_eq!(folder.keysweep(&["scan", "--policy", "ci/policy.toml"]).status, 1, "{policy}");
    }
}

#[test]
#[cfg(feature = "git")]
fn a_policy_holds_in_the_hook_as_well() {
    let folder = Folder::repository();
    folder.write("src/a.env", format!("TOKEN={} # keysweep:allow why not\n", github_token(9)));
    folder.write("keysweep.toml", "exclude = ['src/']\n[severity]\ngithub-pat-classic = 'low'\n");
    folder.write("ci/policy.toml", "[policy]\nrepository-config = true\nmax-severity = 'medium'\n");
    folder.git(&["add", "."]);
    assert_eq!(folder.keysweep(&["scan", "--staged"]).status, 0, "excluded in every mode");
    for mode in [&["scan", "--staged"][..], &["scan"]] {
        let run = folder.keysweep(&[mode, &["--policy", "ci/policy.toml"]].concat());
        assert_eq!(run.status, 1, "a repository cannot call a finding mild to hide it: {}", run.stdout);
    }
}

#[test]
fn a_repository_cannot_replace_a_rule_under_a_policy() {
    let (folder, _) = with_token();
    folder.write(
        ".gitleaks.toml",
        "[extend]\nuseDefault = true\n[[rules]]\nid = 'github-pat-classic'\nregex = 'nothing'\n",
    );
    folder.write("ci/policy.toml", "[policy]\nrepository-config = true\n");
    let run = folder.keysweep(&["scan", "--policy", "ci/policy.toml", "--format", "json"]);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stdout.contains("does not replace the built-in one"), "{}", run.stdout);
}

#[test]
fn own_rules_stand_in_the_config() {
    let folder = Folder::new();
    folder.write("a.txt", format!("k = {}-q1w2e3r4t5y6\n", "acmekey"));
    let rule = "[[rules]]\nid = 'acme-key'\ndescription = 'Acme key'\nseverity = 'high'\nliterals = ['acmekey-']\n\
                regex = 'acmekey-[a-z0-9]{12}'\nexamples = ['acmekey-{base36:12}']\nnearMisses = ['acmekey-{base36:3}']\n";
    folder.write("keysweep.toml", rule);
    let run = folder.keysweep(&["scan"]);
    assert!(run.status == 1 && run.stdout.contains("acme-key"), "{}{}", run.stdout, run.stderr);
    folder.write("keysweep.toml", rule.replace("severity = 'high'", "severity = 'bad'"));
    let run = folder.keysweep(&["scan"]);
    assert!(run.status == 2 && run.stderr.contains("acme-key") && run.stderr.contains("severity"), "{}", run.stderr);
}

#[test]
#[cfg(feature = "git")]
fn a_blob_with_two_paths_is_excluded_only_under_both() {
    let folder = Folder::repository();
    let text = format!("TOKEN={}\n", github_token(10));
    folder.write("fixtures/a.env", &text);
    folder.write("src/a.env", &text);
    folder.git(&["add", "."]);
    folder.git(&["commit", "--quiet", "--message", "add"]);
    assert_eq!(folder.keysweep(&["scan", "--history", "--exclude", "fixtures/"]).status, 1);
    assert_eq!(folder.keysweep(&["scan", "--history", "--exclude", "src/"]).status, 1);
    assert_eq!(folder.keysweep(&["scan", "--history", "--exclude", "fixtures/", "--exclude", "src/"]).status, 0);
}
