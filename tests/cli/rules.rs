//! `keysweep rules`: list, show, check; and that the documentation tells all of the format.

use keysweep::rules::template::GENERATORS;
use keysweep::rules::validators::NAMES;

use crate::support::Folder;

#[test]
fn the_list_and_one_rule_in_both_forms() {
    let folder = Folder::new();
    let table = folder.keysweep(&["rules", "list"]);
    assert_eq!(table.status, 0, "{}", table.stderr);
    let line = table.stdout.lines().find(|line| line.starts_with("github-pat-classic ")).expect("listed");
    assert!(line.contains("critical") && line.contains("GitHub personal access token"), "{line}");
    let json = folder.keysweep(&["rules", "list", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let rules = list["rules"].as_array().expect("a list");
    assert!(rules.len() >= 200 && table.stdout.contains(&format!("\n{} rules\n", rules.len())), "{}", rules.len());
    let shown = folder.keysweep(&["rules", "show", "github-pat-classic", "--format", "json"]);
    let rule: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
    assert_eq!(rule["literals"][0], "ghp_");
    assert!(rules.contains(&rule));
    let text = folder.keysweep(&["rules", "show", "github-pat-classic"]);
    assert!(text.stdout.contains("ghp_[A-Za-z0-9]{36}") && text.stdout.contains("to do"), "{}", text.stdout);
    let unknown = folder.keysweep(&["rules", "show", "github-pat-clasic"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.stderr.contains("did you mean `github-pat-classic`?"), "{}", unknown.stderr);
    let half = folder.keysweep(&["rules", "show", "github-pat"]);
    assert!(half.status == 2 && half.stderr.contains("`github-pat-classic`"), "{}", half.stderr);
    let far = folder.keysweep(&["rules", "show", "qqqq"]);
    assert!(far.status == 2 && far.stderr.contains("`keysweep rules list` shows all of them"), "{}", far.stderr);
}

const GOOD: &str = r#"
provider = "Harbor"

[[rules]]
id = "harbor-token"
description = "Harbor token"
severity = "high"
literals = ["hrb_"]
regex = 'hrb_[a-f0-9]{32}'
entropy = 3.0
rotate = "Issue a new one in Harbor's settings and delete this one."
examples = ["hrb_{hex:32}"]
nearMisses = ["hrb_{hex:31}", "hrb_{hex:33}"]
"#;

#[test]
fn a_good_file_passes_and_its_rules_find_what_they_say() {
    let folder = Folder::new();
    folder.write("own.toml", GOOD);
    let run = folder.keysweep(&["rules", "check", "own.toml"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (0, "own.toml: 1 usable rule: all examples are found, no near miss is\n")
    );
}

#[test]
fn every_fault_is_told_with_file_and_rule() {
    let folder = Folder::new();
    let broken = r#"
[[rules]]
id = "Not Kebab"
description = ""
severity = "huge"
literals = ["xy"]
regex = 'zz[0-9'

[[rules]]
id = "lonely-part"
description = "Wants another rule"
severity = "low"
literals = ["lonely_"]
regex = 'lonely_[0-9]{4,}'
parts = [{ rule = "no-such-rule" }]
examples = ["lonely_{digits:3}", "{nothing}"]
nearMisses = ["lonely_{digits:9}"]
"#;
    folder.write("own.toml", format!("{GOOD}{broken}"));
    let run = folder.keysweep(&["rules", "check", "own.toml"]);
    assert_eq!(run.status, 2);
    for said in [
        "own.toml: rule `Not Kebab`: `id` must be kebab case",
        "own.toml: rule `Not Kebab`: `severity` is `huge`",
        "own.toml: rule `Not Kebab`: `description` is empty",
        "own.toml: rule `Not Kebab`: literal `xy` must be 3 to 64",
        "own.toml: rule `Not Kebab`: `examples` is empty",
        "own.toml: rule `Not Kebab`: `regex` is not valid",
        "own.toml: rule `lonely-part`: its part `no-such-rule` is no rule",
        "own.toml: rule `lonely-part`: example is not found: `lonely_{digits:3}`",
        "own.toml: rule `lonely-part`: near miss is found: `lonely_{digits:9}`",
        "`{nothing}`: there is no such generator",
        "own.toml: rule `lonely-part`: warning: slow: a match has no bound",
        "own.toml: rule `lonely-part`: warning: no `rotate`",
        "2 usable rules: 11 faults",
    ] {
        assert!(run.stdout.contains(said), "`{said}` is not in\n{}", run.stdout);
    }
    folder.write("unknown.toml", GOOD.replace("entropy", "entropie"));
    let run = folder.keysweep(&["rules", "check", "unknown.toml"]);
    assert_eq!(run.status, 2);
    assert!(run.stdout.contains("unknown field `entropie`"), "{}", run.stdout);
    assert_eq!(folder.keysweep(&["rules", "check", "missing.toml"]).status, 2);
}

#[test]
fn a_rule_that_takes_what_a_better_one_explains_is_told_so() {
    let folder = Folder::new();
    let rule = GOOD.replace("hrb_[a-f0-9]{32}", "ghp_[A-Za-z0-9]{36}").replace("[\"hrb_\"]", "[\"ghp_\"]");
    let rule = rule.replace("\"hrb_{hex:32}\"", "\"ghp_{mark}{base62:30}{crc32-base62}\"");
    folder.write("own.toml", rule);
    let run = folder.keysweep(&["rules", "check", "own.toml"]);
    assert_eq!(run.status, 2);
    assert!(run.stdout.contains("`github-pat-classic` finds it"), "{}", run.stdout);
}

#[test]
fn the_documentation_names_every_generator_and_validator() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
    let docs = std::fs::read_to_string(path).expect("docs/rules.md");
    for (form, meaning) in GENERATORS {
        let row = format!("| `{{{form}}}` | {meaning} |");
        assert!(docs.contains(&row), "docs/rules.md lacks the row\n{row}");
    }
    for name in NAMES {
        assert!(docs.contains(&format!("`{name}`")), "docs/rules.md does not name the validator `{name}`");
    }
}
