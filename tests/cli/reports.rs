//! Where reports go, what they look like, what they must never show.

use std::process::Stdio;

use crate::support::{Folder, Run, github_token, keysweep};

fn leaky() -> Folder {
    let folder = Folder::new();
    folder.write("config.env", format!("TOKEN={}\n", github_token(1)));
    folder.write("src/copy.env", format!("TOKEN={}\n", github_token(1)));
    folder
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("a JSON document")
}

#[test]
fn one_secret_in_two_files_is_one_secret_with_two_findings() {
    let run = leaky().keysweep(&["scan", "--format", "json"]);
    assert_eq!(run.status, 1);
    let report = json(&run.stdout);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["secrets"][0]["findings"], serde_json::json!([0, 1]));
    assert_eq!(report["findings"][0]["origin"]["path"], "config.env");
    assert_eq!(report["findings"][0]["origin"]["kind"], "file");
    assert_eq!(report["coverage"]["complete"], true);
    assert!(run.stderr.contains("2 findings (2 critical), 1 different secret."), "{}", run.stderr);
}

#[test]
fn jsonl_ends_with_the_summary() {
    let run = leaky().keysweep(&["scan", "--format", "jsonl"]);
    let lines: Vec<_> = run.stdout.lines().map(json).collect();
    assert_eq!(lines.len(), 3, "{}", run.stdout);
    assert_eq!(lines[2]["type"], "summary");
    assert_eq!(lines[2]["summary"]["secrets"], 1);
}

#[test]
fn one_scan_writes_several_reports() {
    let folder = leaky();
    let run = folder.keysweep(&["scan", "--report", "json=a.json", "--report", "text=b.txt", "-o", "c.txt"]);
    assert_eq!((run.status, &*run.stdout), (1, ""), "{}", run.stderr);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("it was written");
    assert_eq!(json(&read("a.json"))["summary"]["findings"], 2);
    assert_eq!(read("b.txt"), read("c.txt"));
    assert!(run.stderr.contains("Scanned 2 files"), "{}", run.stderr);
}

#[test]
fn secrets_are_shown_only_when_asked() {
    let folder = leaky();
    for format in ["text", "json", "jsonl"] {
        let run = folder.keysweep(&["scan", "-v", "-f", format]);
        assert!(!run.stdout.contains(&github_token(1)[4..16]), "{format}");
        let run = folder.keysweep(&["scan", "-f", format, "--show-secrets"]);
        assert!(run.stdout.contains(&github_token(1)), "{format}");
    }
}

#[cfg(unix)]
#[test]
fn a_report_with_secrets_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = leaky();
    folder.keysweep(&["scan", "-f", "json", "-o", "report.json", "--show-secrets"]);
    let mode = std::fs::metadata(folder.path().join("report.json")).expect("written").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_cannot_be_done_ends_with_2_and_a_sentence() {
    let folder = leaky();
    for (arguments, words) in [
        (vec!["scan", "--format", "yaml"], "yaml"),
        (vec!["scan", "--report", "json"], "FORMAT=FILE"),
        (vec!["scan", "--report", "yaml=x"], "json"),
        (vec!["scan", "--output", "missing/report.txt"], "missing/report.txt"),
        (vec!["scan", "--output", "src"], "src"),
        (vec!["scan", "--report", "json=x", "--report", "text=x"], "two reports"),
        (vec!["scan", "-q", "-v"], "cannot be used with"),
    ] {
        let run = folder.keysweep(&arguments);
        assert_eq!(run.status, 2, "{arguments:?}: {}", run.stdout);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn quiet_prints_findings_alone() {
    let run = leaky().keysweep(&["scan", "-q"]);
    assert!(run.stdout.contains("config.env"));
    assert!(!run.stdout.contains("What to do") && run.stderr.is_empty(), "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    for index in 0..2000 {
        folder.write(&format!("{index}.env"), format!("TOKEN={}\n", github_token(index)));
    }
    for format in ["text", "json", "jsonl"] {
        let mut child = keysweep(folder.path())
            .args(["scan", "-f", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("keysweep starts");
        drop(child.stdout.take());
        let run = Run::new(child.wait_with_output().expect("keysweep ends"));
        assert_eq!(run.status, 1, "{format}: {}", run.stderr);
        assert!(!run.stderr.contains("panicked"), "{format}: {}", run.stderr);
    }
}

#[cfg(unix)]
#[test]
fn control_characters_in_names_do_not_reach_the_terminal() {
    let folder = Folder::new();
    folder.write("a\u{1b}[2J\n.env", format!("TOKEN={}\n", github_token(1)));
    let run = folder.keysweep(&["scan"]);
    assert!(!run.stdout.contains('\u{1b}'), "{}", run.stdout);
    assert!(run.stdout.starts_with("a\\u{1b}[2J\\n.env\n"), "{}", run.stdout);
}

#[test]
fn colours_follow_the_variables_and_the_option() {
    let folder = leaky();
    let colored = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = keysweep(folder.path());
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").args(arguments);
        command.envs(variable);
        Run::new(command.output().expect("keysweep runs")).stdout.contains('\u{1b}')
    };
    assert!(!colored(&["scan"], None), "a pipe gets none");
    assert!(colored(&["scan"], Some(("CLICOLOR_FORCE", "1"))));
    assert!(colored(&["scan", "--color", "always"], Some(("NO_COLOR", "1"))));
    assert!(!colored(&["scan", "--color", "never"], Some(("CLICOLOR_FORCE", "1"))));
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = folder.keysweep(&["completions", shell]);
        assert_eq!(run.status, 0, "{shell}: {}", run.stderr);
        assert!(run.stdout.contains("show-secrets"), "{shell}");
    }
    let run = folder.keysweep(&["man"]);
    assert!(run.status == 0 && run.stdout.contains(".TH keysweep 1"), "{}", run.stdout);
    let run = folder.keysweep(&["man", "--dir", "pages"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let page = std::fs::read_to_string(folder.path().join("pages/keysweep-scan.1")).expect("a page per command");
    assert!(page.contains("show\\-secrets"), "{page}");
}

#[test]
fn sarif_tells_the_repository_without_its_credentials() {
    let folder = Folder::repository();
    folder.git(&["remote", "add", "origin", "https://user:hunter2hunter2@git.example.invalid/team/app.git"]);
    folder.write("a.env", format!("TOKEN={}\n", github_token(1)));
    let mut command = keysweep(folder.path());
    for variable in ["GITHUB_REPOSITORY", "CI_PROJECT_URL", "BUILD_REPOSITORY_URI"] {
        command.env_remove(variable);
    }
    let run = Run::new(command.args(["scan", "-f", "sarif", "a.env"]).output().expect("keysweep runs"));
    let provenance = &json(&run.stdout)["runs"][0]["versionControlProvenance"][0];
    assert_eq!(provenance["repositoryUri"], "https://git.example.invalid/team/app.git");
}

#[test]
fn every_format_tells_of_a_gap() {
    let folder = leaky();
    let words = [
        ("text", "Incomplete: 1 gap"),
        ("json", "\"gap\": true"),
        ("jsonl", "\"gap\":true"),
        ("sarif", "\"executionSuccessful\": false"),
        ("gitlab", "\"status\": \"failure\""),
        ("github", "::error title=keysweep could not scan everything::"),
        ("junit", "errors=\"1\""),
        ("markdown", "**gap**"),
        ("html", "class=\"gap\""),
    ];
    for (format, words) in words {
        let run = folder.keysweep(&["scan", ".", "missing.txt", "--format", format]);
        assert_eq!(run.status, 2, "{format}: a gap beats findings");
        assert!(run.stdout.contains(words), "{format}: {}", run.stdout);
    }
    // These two have no place for it: standard error has.
    for format in ["csv", "gitleaks"] {
        for quiet in [&[][..], &["-q"]] {
            let arguments: Vec<&str> =
                ["scan", ".", "missing.txt", "-f", format].iter().chain(quiet).copied().collect();
            let run = folder.keysweep(&arguments);
            assert!(run.status == 2 && run.stderr.contains("missing.txt"), "{format}: {}", run.stderr);
        }
    }
}

#[test]
fn the_same_input_gives_the_same_report() {
    let folder = Folder::new();
    for index in 0..60 {
        folder.write(&format!("{}/{index}.env", index % 7), format!("TOKEN={}\n", github_token(index % 9)));
    }
    for format in ["text", "json", "sarif", "csv", "html", "gitleaks"] {
        let report = || {
            let text = folder.keysweep(&["scan", "-f", format]).stdout;
            // Times are all that may differ.
            let timed = ["started", "ended", "seconds", "TimeUtc", "Scanned ", "&middot;"];
            let lines = text.lines().filter(|line| !timed.iter().any(|word| line.contains(word)));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let first = report();
        assert_eq!(first, report(), "{format}");
    }
}
