//! gitleaks configurations mean here what they mean there.

use crate::support::{Folder, github_token, keysweep};

const RULES: &str = r#"
title = "ours"
[[rules]]
id = "acme"
description = "Acme key"
regex = '''(?i)acme[_-]?key\s*=\s*"?(AK[a-z0-9]{12})"?'''
keywords = ["acme"]
entropy = 2.0
  [[rules.allowlists]]
  regexTarget = "line"
  regexes = ['''# sample''']
  [rules.allowlist]
  stopWords = ["dummy"]
"#;

fn acme(body: &str) -> String {
    format!("Acme_Key = \"{}{body}\"\n", "AK")
}

#[test]
fn rules_entropy_groups_and_allowlists() {
    let folder = Folder::new();
    folder.write(".gitleaks.toml", RULES);
    for (text, status) in [
        (acme("q1w2e3r4t5y6"), 1),
        (acme("aaaaaaaaaaaa"), 0),
        (acme("dummyq1w2e3r"), 0),
        (acme("q1w2e3r4t5y6").replace('\n', " # sample\n"), 0),
        (format!("T={}\n", github_token(1)), 0),
    ] {
        folder.write("a.txt", &text);
        let run = folder.keysweep(&["scan"]);
        assert_eq!(run.status, status, "{text}: {}{}", run.stdout, run.stderr);
    }
    folder.write("a.txt", acme("q1w2e3r4t5y6"));
    let run = folder.keysweep(&["scan", "--format", "json", "--show-secrets"]);
    assert!(run.stdout.contains(&format!("\"{}q1w2e3r4t5y6\"", "AK")), "the first group is the secret: {}", run.stdout);
    assert!(run.stdout.contains("only the one rule of the gitleaks configuration runs"), "{}", run.stdout);
}

#[test]
fn the_defaults_are_extended_and_rules_disabled() {
    let folder = Folder::new();
    folder.write("a.txt", format!("{}T={}\n", acme("q1w2e3r4t5y6"), github_token(1)));
    let count = |run: &crate::support::Run| {
        let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        json["findings"].as_array().expect("findings").len()
    };
    folder.write(".gitleaks.toml", format!("[extend]\nuseDefault = true\n{}", RULES.replace("title", "description")));
    assert_eq!(count(&folder.keysweep(&["scan", "--format", "json"])), 2);
    folder.write(
        ".gitleaks.toml",
        format!("[extend]\nuseDefault = true\ndisabledRules = ['github-pat-classic', 'no-such']\n{RULES}"),
    );
    let run = folder.keysweep(&["scan", "--format", "json"]);
    assert_eq!(count(&run), 1);
    assert!(run.stdout.contains("`no-such`"), "what cannot be honoured is named: {}", run.stdout);
    folder.write("base.toml", RULES);
    folder.write(".gitleaks.toml", "[extend]\npath = 'base.toml'\n[[rules]]\nid = 'acme'\nentropy = 4.5\n");
    assert_eq!(folder.keysweep(&["scan"]).status, 0, "an extended rule is adjusted");
}

#[test]
fn global_allowlists_have_target_rules_paths_and_commits() {
    let folder = Folder::new();
    folder.write("vendor/a.txt", acme("q1w2e3r4t5y6"));
    for (list, status) in [
        ("[[allowlists]]\npaths = ['''^vendor/''']\n", 0),
        ("[[allowlists]]\ntargetRules = ['other']\npaths = ['''^vendor/''']\n", 1),
        ("[allowlist]\ncondition = 'AND'\npaths = ['''^vendor/''']\nregexes = ['''nothing''']\n", 1),
        ("[allowlist]\nregexTarget = 'match'\nregexes = ['''(?i)^acme''']\n", 0),
    ] {
        folder.write(".gitleaks.toml", format!("{RULES}{list}"));
        let run = folder.keysweep(&["scan"]);
        assert_eq!(run.status, status, "{list}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn required_rules_must_stand_near() {
    let folder = Folder::new();
    let rules = "[[rules]]\nid = 'id'\nregex = '''ID-([0-9]{6})'''\nkeywords = ['id-']\nskipReport = true\n\
                 [[rules]]\nid = 'key'\nregex = '''KEY-([a-z0-9]{12})'''\nkeywords = ['key-']\n\
                 [[rules.required]]\nid = 'id'\nwithinLines = 2\n";
    folder.write(".gitleaks.toml", rules);
    let secret = ["KEY-q1w2e3", "r4t5y6"].concat();
    for (text, status) in [
        (format!("{secret}\n"), 0),
        (format!("ID-123456\n{secret}\n"), 1),
        (format!("ID-123456\n\n\n\n{secret}\n"), 0),
        ("ID-123456\n".to_owned(), 0),
    ] {
        folder.write("a.txt", &text);
        let run = folder.keysweep(&["scan"]);
        assert_eq!(run.status, status, "{text}: {}{}", run.stdout, run.stderr);
    }
    folder.write(".gitleaks.toml", rules.replace("withinLines = 2", "withinColumns = 5"));
    folder.write("a.txt", format!("ID-123456                {secret}\n"));
    assert_eq!(folder.keysweep(&["scan"]).status, 0, "too many columns away");
}

#[test]
fn what_cannot_be_honoured_is_named_and_what_gitleaks_refuses_is_an_error() {
    let folder = Folder::new();
    folder.write("a.txt", "x\n");
    folder.write(
        ".gitleaks.toml",
        "prefilter = 'x'\n[extend]\nurl = 'https://example.invalid'\n[[rules]]\nid = 'p12'\npath = '''\\.p12$'''\n\
         [[rules]]\nid = 'b'\nregex = 'bbb'\nfilter = 'x'\n",
    );
    let run = folder.keysweep(&["scan", "--format", "json"]);
    for part in ["`prefilter`", "`extend.url`", "rule `p12`", "`filter` of rule `b`"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    for broken in [
        "[[rules]]\nid = 'a'\n",
        "[[rules]]\nid = 'a'\nregex = '('\n",
        "[[rules]]\nid = 'a'\nregex = 'a(b)'\nsecretGroup = 2\n",
        "[[rules]]\nid = 'a'\nregex = 'a'\n[[rules.allowlists]]\ndescription = 'empty'\n",
        "[[rules]]\nid = 'a'\nregex = 'a'\n[[rules.required]]\nid = 'missing'\n",
    ] {
        folder.write(".gitleaks.toml", broken);
        assert_eq!(folder.keysweep(&["scan"]).status, 2, "{broken}");
    }
}

#[test]
fn it_is_looked_up_where_gitleaks_looks() {
    let folder = Folder::new();
    folder.write("a.txt", acme("q1w2e3r4t5y6"));
    folder.write("rules/other.toml", RULES);
    assert_eq!(folder.keysweep(&["scan", "a.txt"]).status, 0, "ours alone see nothing");
    assert_eq!(folder.keysweep(&["scan", "a.txt", "--config", "rules/other.toml"]).status, 1);
    for (name, value) in [("GITLEAKS_CONFIG", "rules/other.toml"), ("GITLEAKS_CONFIG_TOML", RULES)] {
        let status = keysweep(folder.path()).args(["scan", "a.txt"]).env(name, value).status().expect("runs");
        assert_eq!(status.code(), Some(1), "{name}");
    }
    folder.write(".gitleaks.toml", RULES);
    folder.write("keysweep.toml", "");
    let run = folder.keysweep(&["scan", "--format", "json", "a.txt"]);
    assert!(run.status == 0 && run.stdout.contains("there is a keysweep.toml"), "{}", run.stdout);
    folder.write("keysweep.toml", "gitleaks-config = '.gitleaks.toml'\n");
    assert_eq!(folder.keysweep(&["scan", "a.txt"]).status, 1);
}
