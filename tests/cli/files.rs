//! `keysweep scan` over files on disk.

use crate::support::{Folder, github_token};

#[test]
fn a_token_in_a_file_is_found_and_not_shown() {
    let folder = Folder::new();
    let token = github_token(1);
    folder.write("config.env", format!("TOKEN={token}\n"));
    let run = folder.keysweep(&["scan"]);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stdout.contains("config.env"), "{}", run.stdout);
    assert!(run.stdout.contains("github-pat-classic"), "{}", run.stdout);
    assert!(!run.stdout.contains(&token[4..]), "the secret must not be shown");
}

/// Line and column of the only finding, from the JSON report.
fn place(run: &crate::support::Run) -> (u64, u64, u64) {
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{}", run.stdout);
    let position = &findings[0]["position"];
    let number = |key: &str| position[key].as_u64().expect("a number");
    (number("start_line"), number("start_column"), number("start_column_byte"))
}

#[test]
fn line_ends_and_encodings_give_the_right_place() {
    let token = github_token(2);
    let cases = [
        ("lf", format!("a\nb\nkey: {token}\n").into_bytes(), (3, 6, 6)),
        ("crlf", format!("a\r\nb\r\nkey: {token}\r\n").into(), (3, 6, 6)),
        ("cr", format!("a\rb\rkey: {token}\r").into(), (3, 6, 6)),
        ("no final newline", format!("é {token}").into(), (1, 3, 4)),
        ("nul", format!("a\0b\n\0key={token}\0").into(), (2, 6, 6)),
        ("invalid utf-8", [b"\xfa\xfe\xfa\n\xff ", token.as_bytes(), b"\xff"].concat(), (2, 3, 3)),
        ("utf-8 mark", [b"\xef\xbb\xbf", token.as_bytes()].concat(), (1, 1, 1)),
        ("empty lines", format!("\n\n\n{token}").into(), (4, 1, 1)),
    ];
    for (name, content, expected) in cases {
        let folder = Folder::new();
        folder.write("file", content);
        assert_eq!(place(&folder.keysweep(&["scan", "--format", "json"])), expected, "{name}");
    }
    for (name, big, mark) in
        [("le", false, false), ("be", true, false), ("le mark", false, true), ("be mark", true, true)]
    {
        let text = format!("{}first line of a longer text\r\nkey = {token}\r\n", if mark { "\u{feff}" } else { "" });
        let units = text.encode_utf16();
        let content: Vec<u8> =
            if big { units.flat_map(u16::to_be_bytes).collect() } else { units.flat_map(u16::to_le_bytes).collect() };
        let folder = Folder::new();
        folder.write("file", content);
        assert_eq!(place(&folder.keysweep(&["scan", "--format", "json"])).0, 2, "{name}");
    }
}

#[test]
fn a_file_that_is_a_secret_and_nothing_else_is_found_by_its_name() {
    let folder = Folder::new();
    let made = |form: &str, seed| keysweep::rules::template::expand(form, seed).expect("a template");
    let secrets = [
        (".vault-token", made("{uuid}\n", 1)),
        ("config/master.key", made("{hex:32}", 2)),
        ("config/credentials/production.key", made("{hex:32}\n", 3)),
        ("home/.erlang.cookie", made("{upperalnum:20}", 4)),
        ("run/secrets/db_password", made("{password}\n", 5)),
        ("password.txt", made("{password}\r\n", 6)),
        ("etc/openvpn/auth.txt", made("{word}\n{password}\n", 7)),
    ];
    for (name, text) in &secrets {
        folder.write(name, text);
    }
    let run = folder.keysweep(&["scan", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    for (name, text) in &secrets {
        let mine: Vec<_> = findings.iter().filter(|one| one["origin"]["path"].as_str() == Some(name)).collect();
        assert_eq!(mine.len(), 1, "{name}: {}", run.stdout);
        assert!(mine[0]["rule"].as_str().is_some_and(|rule| rule.ends_with("-file")), "{name}");
        assert!(!run.stdout.contains(text.lines().last().expect("a line")), "{name} is shown");
    }
    assert_eq!(findings.len(), secrets.len());

    // Others of that name, and others that hold such a value.
    let folder = Folder::new();
    let hex = made("{hex:40}\n", 8);
    let words = "Ask the operators for the password.\n";
    let others = [
        ("docs/password.txt", words),
        ("deploy/token", "{{ vault_token }}\n"),
        ("run/secrets/db_password", "changeme\n"),
        (".python-version", "3.11.7\n"),
        ("REVISION", &hex),
        ("etc/openvpn/auth.txt", "user\npassword\n"),
        ("pass.txt", "one\ntwo\nthree\n"),
        ("secrets/README", words),
        ("api_key", "<your key>\n"),
        ("token", ""),
    ];
    for (name, text) in others {
        folder.write(name, text);
    }
    let run = folder.keysweep(&["scan"]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    // Dropped for its path, and told so.
    let told = folder.keysweep(&["scan", "--show-dropped"]);
    assert!(told.stdout.contains("REVISION") || told.stderr.contains("REVISION"), "{}{}", told.stdout, told.stderr);

    // In the history as in files, and as a change.
    let folder = Folder::repository();
    folder.write("deploy/secrets/jwt_secret", made("{alnum:48}\n", 9));
    folder.git(&["add", "-A"]);
    assert_eq!(folder.keysweep(&["scan", "--staged"]).status, 1);
    folder.git(&["commit", "-q", "-m", "x"]);
    folder.git(&["rm", "-q", "deploy/secrets/jwt_secret"]);
    folder.git(&["commit", "-q", "-m", "y"]);
    assert_eq!(folder.keysweep(&["scan"]).status, 0);
    let run = folder.keysweep(&["scan", "--history"]);
    assert!(run.status == 1 && run.stdout.contains("secret-file"), "{}", run.stdout);
}

#[test]
fn one_line_of_a_hundred_megabytes() {
    let folder = Folder::new();
    let token = github_token(3);
    let mut content = b"filler = words; ".repeat(100 * 65536);
    let at = content.len();
    content.extend_from_slice(format!(" {token} ").as_bytes());
    content.extend_from_slice(&b"more words; ".repeat(1000));
    folder.write("line", content);
    let run = folder.keysweep(&["scan", "--format", "json"]);
    assert_eq!(place(&run), (1, at as u64 + 2, at as u64 + 2));
    assert!(run.stdout.len() < 10_000, "the excerpt is short");
}

#[test]
fn what_is_walked_and_what_is_not() {
    let folder = Folder::repository();
    let token = |seed| format!("key = {}\n", github_token(seed));
    folder.write(".hidden/.env", token(10));
    folder.write(".gitignore", "ignored/\n*.log\n");
    folder.write("ignored/a", token(11));
    folder.write("b.log", token(12));
    folder.write(".git/hooks/pre-push", token(13));
    folder.write(".git/description", token(14));
    folder.git(&["config", "remote.origin.url", &format!("https://x:{}@example.invalid/r", github_token(15))]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(".", folder.path().join("loop")).expect("a link");
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("outside")).expect("a link");
    }
    let run = folder.keysweep(&["scan"]);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    for found in [".hidden/.env", ".git/hooks/pre-push", ".git/config"] {
        assert!(run.stdout.contains(found), "{found} is missing: {}", run.stdout);
    }
    for silent in ["ignored/a", "b.log", "description", "loop"] {
        assert!(!run.stdout.contains(silent), "{silent} must not be there: {}", run.stdout);
    }
    assert!(
        format!("{}{}", run.stdout, run.stderr).contains("2 files and folders that git ignores"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    // Ignored, but tracked all the same: git would commit it, so it is scanned.
    folder.git(&["add", "--force", "b.log"]);
    let forced = folder.keysweep(&["scan"]);
    assert!(forced.stdout.contains("b.log") && !forced.stdout.contains("ignored/a"), "{}", forced.stdout);
    let all = folder.keysweep(&["scan", "--no-ignore"]);
    assert!(all.stdout.contains("ignored/a") && all.stdout.contains("b.log"), "{}", all.stdout);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_a_gap_and_the_rest_is_scanned() {
    let folder = Folder::new();
    folder.write("found", github_token(20));
    // A name that cannot be opened even by root: a link target that vanished is no file, so the target is named.
    let run = folder.keysweep(&["scan", "found", "missing"]);
    assert_eq!(run.status, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("found"), "{}", run.stdout);
    assert!(format!("{}{}", run.stdout, run.stderr).contains("missing"), "{}{}", run.stdout, run.stderr);
}

#[cfg(unix)]
#[test]
fn special_files_do_not_hang() {
    let folder = Folder::new();
    assert!(std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().expect("mkfifo").success());
    folder.write("found", github_token(21));
    assert_eq!(folder.keysweep(&["scan"]).status, 1);
}

#[test]
fn standard_input_has_the_name_it_is_given() {
    use std::io::Write as _;
    let folder = Folder::new();
    let mut child = crate::support::keysweep(folder.path())
        .args(["scan", "-", "--stdin-name", "pasted.txt"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("keysweep runs");
    child.stdin.take().expect("a pipe").write_all(github_token(22).as_bytes()).expect("written");
    let run = crate::support::Run::new(child.wait_with_output().expect("it ends"));
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("pasted.txt"), "{}", run.stdout);
}

#[test]
fn a_list_of_files_is_scanned_and_nothing_else() {
    let folder = Folder::new();
    folder.write("one", github_token(30));
    folder.write("two words", github_token(31));
    folder.write("three", github_token(32));
    for list in ["one\ntwo words\r\n\n", "one\0two words\0"] {
        folder.write("list", list);
        let run = folder.keysweep(&["scan", "--files-from", "list"]);
        assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains("one") && run.stdout.contains("two words"), "{}", run.stdout);
        assert!(!run.stdout.contains("three"), "{}", run.stdout);
    }
}

#[test]
fn thousands_of_passwords_cost_no_slow_hash_that_nobody_asked_for() {
    let folder = Folder::new();
    let lines: String = (0..6000u64).fold(String::new(), |lines, seed| {
        let password = keysweep::rules::template::expand("{password}", seed).expect("a template");
        lines + &format!("password = \"{password}\"\n")
    });
    folder.write("dump.ini", &lines);
    let begun = std::time::Instant::now();
    let run = folder.keysweep(&["scan", "--no-progress"]);
    let plain = begun.elapsed();
    assert_eq!(run.status, 1, "{}", run.stderr);
    let count = run.stdout.matches("generic-password").count();
    assert!(count > 5000, "{count} of 6,000");

    // Named, they are the same findings; a hash takes a few milliseconds of one of two cores.
    let begun = std::time::Instant::now();
    let named = folder.keysweep(&["scan", "--no-progress", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&named.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    assert_eq!(findings.len() + 1, count, "the rule is named once more where it is told what to do");
    assert!(findings.iter().all(|finding| finding["fingerprint"].as_str().is_some_and(|id| id.len() == 35)));
    assert!(plain < begun.elapsed(), "{plain:?}");

    // What was accepted stays accepted, by either report.
    let id = findings[7]["secret_id"].as_str().expect("an id");
    folder.write(".keysweepignore", format!("{id} reason=\"made up\"\n"));
    folder.write("dump.ini", lines.lines().take(20).collect::<Vec<_>>().join("\n"));
    for arguments in [&["scan"][..], &["scan", "--format", "json"]] {
        let run = folder.keysweep(arguments);
        assert!((run.stdout + &run.stderr).contains("1 suppressed"), "{arguments:?}");
    }
}
