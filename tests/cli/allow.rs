//! Accepting single findings: inline comments, `keysweep allow`, `.keysweepignore`.

use crate::support::{Folder, Run, github_token};

fn fingerprint(run: &Run) -> String {
    let at = run.stdout.find("\"fingerprint\"").expect("a fingerprint");
    let start = at + run.stdout[at..].find("v1:").expect("an identity");
    run.stdout[start..start + 35].to_owned()
}

#[test]
fn a_comment_beside_a_secret_accepts_it() {
    let folder = Folder::new();
    let token = github_token(1);
    for (text, status) in [
        (format!("T={token}\n"), 1),
        (format!("T={token} # keysweep:allow a test key\n"), 0),
        (format!("T={token} // keysweep:allow github-pat-classic\n"), 0),
        (format!("T={token} // keysweep:allow github-pat-clasic\n"), 1),
        (format!("T={token} # gitleaks:allow\n"), 0),
        (format!("T={token} # pragma: allowlist secret\n"), 0),
        (format!("# keysweep:allow-next-line\nT={token}\n"), 0),
        (format!("# pragma: allowlist nextline secret\r\nT={token}\r\n"), 0),
        (format!("T={token}\n# keysweep:allow\n"), 1),
    ] {
        folder.write("a.env", &text);
        let run = folder.keysweep(&["scan"]);
        assert_eq!(run.status, status, "{}: {}", text.replace(&token, "TOKEN"), run.stdout);
        assert_eq!(folder.keysweep(&["scan", "--no-inline-allow"]).status, 1);
    }
}

#[test]
fn a_reason_does_not_leak_its_neighbour() {
    let folder = Folder::new();
    let (one, two) = (github_token(1), github_token(2));
    folder.write("a.env", format!("T={one} # keysweep:allow like {two}\n"));
    for format in ["text", "json", "sarif", "csv"] {
        let run = folder.keysweep(&["scan", "--verbose", "--format", format]);
        assert!(!run.stdout.contains(&two[6..]) && !run.stdout.contains(&one[6..]), "{format}: {}", run.stdout);
    }
}

#[test]
fn an_allowed_fingerprint_survives_moved_lines_and_the_folder_the_scan_starts_in() {
    let folder = Folder::repository();
    let token = github_token(3);
    folder.write("src/a.env", format!("T={token}\n"));
    let id = fingerprint(&folder.keysweep(&["scan", "--format", "json"]));
    let run = folder.keysweep(&["allow", &id, "--reason", "public sandbox key", "--owner", "payments"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    folder.write("src/a.env", format!("# a new line\n\nOTHER=1\nT={token}\n"));
    assert_eq!(folder.keysweep(&["scan"]).status, 0);
    assert_eq!(folder.keysweep(&["scan", "src"]).status, 0);
    let below = Folder::keysweep_in(&folder, "src", &["scan"]);
    assert_eq!(below.status, 0, "{}", below.stdout);
    folder.git(&["add", "src/a.env"]);
    assert_eq!(folder.keysweep(&["scan", "--staged"]).status, 0, "the index has the same fingerprints");
    folder.write("src/b.env", format!("T={token}\n"));
    assert_eq!(folder.keysweep(&["scan"]).status, 1, "another place is another finding");
}

#[test]
fn a_line_of_a_file_can_be_allowed_until_a_day() {
    let folder = Folder::new();
    folder.write("a.env", format!("X=1\nT={}\n", github_token(4)));
    let run = folder.keysweep(&["allow", "a.env:1", "--reason", "r"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("nothing is reported at a.env:1"), "{}", run.stderr);
    assert_eq!(folder.keysweep(&["allow", "a.env:2", "--reason", "r", "--expires", "2020-02-30"]).status, 2);
    assert_eq!(folder.keysweep(&["allow", "a.env:2", "--reason", "r", "--expires", "2999-01-01"]).status, 0);
    assert_eq!(folder.keysweep(&["scan"]).status, 0);
    let text = std::fs::read_to_string(folder.path().join(".keysweepignore")).expect("written");
    folder.write(".keysweepignore", text.replace("2999-01-01", "2020-01-01"));
    let run = folder.keysweep(&["scan", "--format", "json"]);
    assert_eq!(run.status, 1, "an expired entry counts no more");
    assert!(run.stdout.contains("ran out on 2020-01-01"), "{}", run.stdout);
    assert_eq!(folder.keysweep(&["allow", "a.env:2", "--reason", "again"]).status, 0);
    let text = std::fs::read_to_string(folder.path().join(".keysweepignore")).expect("written");
    assert_eq!(text.matches("v1:").count(), 1, "the new line takes the old one's place: {text}");
    assert_eq!(folder.keysweep(&["scan"]).status, 0);
}

#[test]
fn entries_that_match_nothing_are_told_when_all_was_scanned() {
    let folder = Folder::new();
    folder.write(".keysweepignore", "v1:0123456789abcdef0123456789abcdef reason=old\n");
    folder.write("src/a", "nothing\n");
    let run = folder.keysweep(&["scan", "--format", "json"]);
    assert_eq!(run.status, 0);
    assert!(run.stdout.contains("matches nothing any more"), "{}", run.stdout);
    assert!(!folder.keysweep(&["scan", "src", "--format", "json"]).stdout.contains("matches nothing"));
    folder.write(".keysweepignore", "v1:0123 reason=broken\n");
    assert_eq!(folder.keysweep(&["scan"]).status, 2);
}

#[test]
fn an_organisations_key_changes_fingerprints_and_short_ones_are_refused() {
    let folder = Folder::new();
    folder.write("a.env", format!("T={}\n", github_token(5)));
    let with = |key: &str| {
        let mut command = crate::support::keysweep(folder.path());
        Run::new(
            command.args(["scan", "--format", "json"]).env("KEYSWEEP_FINGERPRINT_KEY", key).output().expect("runs"),
        )
    };
    let (plain, keyed) = (folder.keysweep(&["scan", "--format", "json"]), with(&"k".repeat(32)));
    assert_ne!(fingerprint(&plain), fingerprint(&keyed));
    assert!(plain.stdout.contains("public-default") && keyed.stdout.contains("organisation:"));
    assert!(!keyed.stdout.contains("kkkk"));
    assert_eq!(with("short").status, 2);
    // What was allowed without the key is allowed with it.
    assert_eq!(folder.keysweep(&["allow", &fingerprint(&plain), "--reason", "r"]).status, 0);
    assert_eq!(with(&"k".repeat(32)).status, 0);
}
