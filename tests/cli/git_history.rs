//! `keysweep scan --history`: every object, attributed, in repositories made by real git.

use std::path::Path;

use serde_json::Value;

use crate::support::{Folder, Run, git_command, github_token, keysweep};

fn token(seed: u32) -> String {
    format!("TOKEN={}\n", github_token(seed))
}

/// Commits everything; its id.
fn commit(folder: &Folder, message: &str) -> String {
    folder.git(&["add", "-A"]);
    folder.git(&["commit", "-q", "--allow-empty", "-m", message]);
    folder.git(&["rev-parse", "HEAD"])
}

fn run(folder: &Path, more: &[&str]) -> Run {
    let mut arguments = vec!["scan", "--history", "--format", "json"];
    arguments.extend(more);
    Run::new(keysweep(folder).args(arguments).output().expect("runs"))
}

/// The findings of a run with exit status 1.
fn findings(folder: &Path, more: &[&str]) -> Vec<Value> {
    let run = run(folder, more);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).expect("json");
    report["findings"].as_array().expect("findings").clone()
}

/// The one finding at `path`.
fn at<'f>(findings: &'f [Value], path: &str) -> &'f Value {
    let mut found = findings.iter().filter(|finding| finding["origin"]["path"] == path);
    let first = found.next().unwrap_or_else(|| panic!("nothing at {path}: {findings:?}"));
    assert!(found.next().is_none(), "more than one at {path}: {findings:?}");
    first
}

#[test]
fn a_finding_tells_who_brought_it_and_who_removed_it() {
    let folder = Folder::repository();
    folder.write("dir/a.env", "none\n");
    commit(&folder, "zero");
    folder.write("dir/a.env", token(1));
    folder.write("kept.env", token(2));
    let brought = commit(&folder, "brings");
    folder.write("dir/a.env", format!("# another version\n{}", token(1)));
    commit(&folder, "edits");
    folder.git(&["tag", "v1"]);
    folder.write("dir/a.env", "clean\n");
    folder.git(&["mv", "kept.env", "moved.env"]);
    let removed = commit(&folder, "removes");
    let found = findings(folder.path(), &[]);
    assert_eq!(found.len(), 3, "{found:?}");
    let gone = &at(&found, "dir/a.env")["commit"];
    assert_eq!(gone["id"], *brought);
    assert_eq!(gone["summary"], "brings");
    assert_eq!(gone["author"], "Test Author");
    assert_eq!(gone["in_head"], false);
    assert_eq!(gone["removed_by"], *removed);
    assert_eq!(gone["refs"], serde_json::json!(["refs/heads/main", "refs/tags/v1"]));
    assert!(gone["reach"].is_null());
    let kept = &at(&found, "moved.env")["commit"];
    assert_eq!((&kept["in_head"], &kept["id"]), (&Value::Bool(true), &Value::from(removed)));
    assert_eq!(kept["other_paths"], serde_json::json!(["kept.env"]));
    assert_eq!(kept["other_paths_count"], 1);
    assert!(kept["removed_by"].is_null());
}

#[test]
fn a_secret_at_many_paths_has_a_finding_for_each_and_names_twenty_others() {
    let folder = Folder::repository();
    for number in 0..25 {
        folder.write(&format!("{number:02}.env"), token(1));
    }
    commit(&folder, "copies");
    let found = findings(folder.path(), &[]);
    assert_eq!(found.len(), 25);
    let named: Vec<String> = (0..22).filter(|&number| number != 3).map(|number| format!("{number:02}.env")).collect();
    let commit = &at(&found, "03.env")["commit"];
    assert_eq!(commit["other_paths"], serde_json::json!(named[..20]));
    assert_eq!(commit["other_paths_count"], 24);
}

#[test]
fn stashes_notes_reflogs_and_dangling_objects_are_found() {
    let folder = Folder::repository();
    folder.write("a", "1\n");
    commit(&folder, "one");
    folder.write("stash.env", token(1));
    folder.git(&["add", "."]);
    folder.git(&["stash", "-q"]);
    folder.git(&["notes", "add", "-m", &github_token(2), "HEAD"]);
    folder.write("amended.env", token(3));
    commit(&folder, "to be amended");
    folder.git(&["rm", "-q", "--cached", "amended.env"]);
    std::fs::remove_file(folder.path().join("amended.env")).expect("removed");
    folder.git(&["commit", "-q", "--amend", "--allow-empty", "-m", "amended"]);
    folder.write("dangling", token(4));
    folder.git(&["hash-object", "-w", "dangling"]);
    folder.write("staged.env", token(5));
    folder.git(&["add", "staged.env"]);
    folder.git(&["tag", "-a", "v1", "-m", &github_token(6)]);
    folder.git(&["tag", "of-blob", &folder.git(&["hash-object", "-w", "a"])]);
    commit_unreachable(&folder);
    let found = findings(folder.path(), &[]);
    let stash = at(&found, "stash.env");
    assert_eq!(stash["commit"]["refs"], serde_json::json!(["refs/stash"]));
    assert_eq!(stash["commit"]["in_head"], false);
    assert_eq!(at(&found, "amended.env")["commit"]["reach"], "reflog");
    assert_eq!(at(&found, "lost.env")["commit"]["reach"], "unreachable");
    assert_eq!(at(&found, "staged.env")["origin"]["kind"], "blob");
    let note = found.iter().find(|finding| finding["origin"]["kind"] == "note").expect("a note");
    assert_eq!(note["commit"]["refs"], serde_json::json!(["refs/notes/commits"]));
    let tag = found.iter().find(|finding| finding["origin"]["kind"] == "message").expect("a tag's message");
    assert_eq!(tag["commit"]["refs"], serde_json::json!(["refs/tags/v1"]));
    let lost = found.iter().find(|finding| finding["origin"]["path"] == "" && finding["origin"]["kind"] == "blob");
    assert!(lost.is_some_and(|finding| finding["commit"].is_null()), "a dangling blob: {found:?}");
    assert_eq!(found.len(), 7, "{found:?}");
    let reachable = findings(folder.path(), &["--reachable-only"]);
    assert_eq!(reachable.len(), 3, "stash, note, tag: {reachable:?}");
    let tagged = findings(folder.path(), &["--refs", "v*"]);
    assert_eq!(tagged.len(), 1, "{tagged:?}");
    assert_eq!(run(folder.path(), &["--refs", "main"]).status, 0);
    let none = run(folder.path(), &["--refs", "nothing*"]);
    assert_eq!((none.status, none.stderr.contains("no ref")), (2, true), "{}", none.stderr);
}

/// A commit that nothing names, with `lost.env`.
fn commit_unreachable(folder: &Folder) {
    folder.write("lost.env", token(7));
    let blob = folder.git(&["hash-object", "-w", "lost.env"]);
    std::fs::remove_file(folder.path().join("lost.env")).expect("removed");
    let index = folder.path().join(".git/other-index");
    let with_index = |arguments: &[&str]| {
        let output = git_command(folder.path()).env("GIT_INDEX_FILE", &index).args(arguments).output().expect("git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("hex").trim().to_owned()
    };
    with_index(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},lost.env")]);
    let tree = with_index(&["write-tree"]);
    folder.git(&["commit-tree", "-m", "lost", &tree]);
}

#[test]
fn names_and_messages_hold_secrets_and_never_show_them() {
    let folder = Folder::repository();
    let (in_path, in_ref, in_message) = (github_token(1), github_token(2), github_token(3));
    folder.write(&format!("keys/{in_path}.txt"), token(4));
    commit(&folder, &format!("use {in_message}"));
    folder.git(&["branch", &format!("fix-{in_ref}")]);
    for format in ["json", "jsonl", "text"] {
        let run = folder.keysweep(&["scan", "--history", "--format", format]);
        assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
        for (what, secret) in [("path", &in_path), ("ref", &in_ref), ("message", &in_message)] {
            assert!(!run.stdout.contains(secret.as_str()), "{format} shows the {what}'s");
        }
    }
    let found = findings(folder.path(), &[]);
    let kinds: Vec<&str> = found.iter().filter_map(|finding| finding["origin"]["kind"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "ref").count(), 2, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "message").count(), 1, "{kinds:?}");
}

#[test]
fn merges_are_attributed_to_who_brought_it() {
    let folder = Folder::repository();
    folder.write("base", "1\n");
    commit(&folder, "base");
    folder.git(&["checkout", "-qb", "side"]);
    folder.write("side.env", token(1));
    let side = commit(&folder, "side");
    folder.git(&["checkout", "-q", "main"]);
    commit(&folder, "main");
    folder.git(&["merge", "-q", "--no-ff", "--no-commit", "side"]);
    folder.write("evil.env", token(2));
    let merge = commit(&folder, "merge");
    folder.git(&["rm", "-q", "side.env"]);
    let removed = commit(&folder, "removed");
    // A branch that still has it is merged; the merge keeps the removal and is not the one who removed it.
    folder.git(&["checkout", "-q", "side"]);
    commit(&folder, "more");
    folder.git(&["checkout", "-q", "main"]);
    folder.git(&["merge", "-q", "--no-edit", "side"]);
    let found = findings(folder.path(), &[]);
    assert_eq!(at(&found, "side.env")["commit"]["id"], *side);
    assert_eq!(at(&found, "side.env")["commit"]["removed_by"], *removed);
    assert_eq!(at(&found, "evil.env")["commit"]["id"], *merge);
    assert_eq!(at(&found, "side.env")["commit"]["refs"], serde_json::json!(["refs/heads/main", "refs/heads/side"]));
}

#[test]
fn packs_alternates_bare_and_worktrees_say_the_same() {
    let folder = Folder::repository();
    folder.write("a.env", token(1));
    commit(&folder, "one");
    folder.write("a.env", "clean\n");
    commit(&folder, "two");
    let plain = findings(folder.path(), &[]);
    assert_eq!(plain.len(), 1);
    let other = Folder::new();
    let path = folder.path().to_str().expect("utf-8");
    other.git(&["clone", "-q", "--bare", path, "bare"]);
    other.git(&["clone", "-q", "--shared", path, "shared"]);
    folder.git(&["worktree", "add", "-q", "--detach", "../linked-history"]);
    folder.git(&["worktree", "move", "../linked-history", other.path().join("linked").to_str().expect("utf-8")]);
    folder.git(&["gc", "-q"]);
    for name in ["bare", "shared", "linked"] {
        let found = findings(&other.path().join(name), &[]);
        assert_eq!(found[0]["commit"]["id"], plain[0]["commit"]["id"], "{name}");
        assert_eq!(found[0]["origin"]["path"], "a.env", "{name}");
    }
    let both = findings(other.path(), &["bare", "shared"]);
    assert_eq!(both.len(), 2, "one for each repository");
}

#[test]
fn sha256_and_reftable_repositories_are_attributed() {
    for format in ["--object-format=sha256", "--ref-format=reftable"] {
        let folder = Folder::new();
        folder.git(&["init", "-q", "--initial-branch=main", format]);
        folder.git(&["config", "user.name", "Test Author"]);
        folder.git(&["config", "user.email", "author@example.invalid"]);
        folder.write("a.env", token(1));
        let brought = commit(&folder, "one");
        folder.write("amended.env", token(2));
        commit(&folder, "two");
        folder.git(&["reset", "-q", "--hard", "HEAD~1"]);
        let found = findings(folder.path(), &[]);
        let commit = &at(&found, "a.env")["commit"];
        assert_eq!((&commit["id"], &commit["in_head"]), (&Value::from(brought), &Value::Bool(true)), "{format}");
        assert_eq!(commit["refs"], serde_json::json!(["refs/heads/main"]), "{format}");
        assert_eq!(at(&found, "amended.env")["commit"]["reach"], "reflog", "{format}");
    }
}

#[test]
fn shallow_partial_and_corrupt_repositories_are_gaps() {
    let origin = Folder::repository();
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    origin.write("a.env", token(1));
    commit(&origin, "one");
    origin.git(&["rm", "-q", "a.env"]);
    commit(&origin, "two");
    let folder = Folder::new();
    let url = format!("file://{}", origin.path().display());
    folder.git(&["clone", "-q", "--depth=1", &url, "shallow"]);
    folder.git(&["clone", "-q", "--filter=blob:none", &url, "partial"]);
    folder.git(&["clone", "-q", &url, "corrupt"]);
    let blob = origin.git(&["rev-parse", "HEAD~1:a.env"]);
    let pack = std::fs::read_dir(folder.path().join("corrupt/.git/objects/pack")).expect("packs");
    for file in pack.flatten().filter(|file| file.path().extension().is_some_and(|end| end == "pack")) {
        let unpacked = folder.path().join("corrupt.pack");
        std::fs::rename(file.path(), &unpacked).expect("moved");
        let input = std::fs::File::open(&unpacked).expect("open");
        let status = git_command(&folder.path().join("corrupt"))
            .args(["unpack-objects", "-q"])
            .stdin(input)
            .status()
            .expect("git runs");
        assert!(status.success());
    }
    std::fs::remove_file(folder.path().join(format!("corrupt/.git/objects/{}/{}", &blob[..2], &blob[2..])))
        .expect("removed");
    for (name, words) in [("shallow", "--unshallow"), ("partial", blob.as_str()), ("corrupt", blob.as_str())] {
        let run = run(&folder.path().join(name), &[]);
        assert_eq!(run.status, 2, "{name}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains(words), "{name}: {}", run.stdout);
    }
    assert_eq!(run(origin.path(), &[]).status, 1, "the origin itself is whole");
}

#[test]
fn what_git_pruned_from_unreachable_trees_is_no_gap() {
    let folder = Folder::repository();
    folder.write("a", "1\n");
    commit(&folder, "one");
    folder.write("b", "2\n");
    folder.git(&["add", "b"]);
    folder.git(&["write-tree"]);
    let blob = folder.git(&["hash-object", "b"]);
    folder.git(&["rm", "-q", "--cached", "b"]);
    std::fs::remove_file(folder.path().join(format!(".git/objects/{}/{}", &blob[..2], &blob[2..]))).expect("removed");
    let run = run(folder.path(), &[]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn threads_change_nothing() {
    let folder = Folder::repository();
    for number in 0..80 {
        folder
            .write(&format!("d{}/f{}.env", number % 9, number % 23), format!("{}{}", token(number), token(number / 3)));
        commit(
            &folder,
            &format!("commit {number} {}", if number % 10 == 0 { github_token(900 + number) } else { String::new() }),
        );
    }
    let shown = |threads: &str| {
        let mut command = keysweep(folder.path());
        command.env("RAYON_NUM_THREADS", threads).args(["scan", "--history", "--format", "json"]);
        let run = Run::new(command.output().expect("runs"));
        let report: Value = serde_json::from_str(&run.stdout).expect("json");
        (report["findings"].to_string(), report["coverage"].to_string())
    };
    let one = shown("1");
    assert!(one.0.len() > 10_000);
    assert_eq!(one, shown("4"));
}

#[test]
fn the_reference_walk_sees_the_blobs_that_git_sees() {
    let folder = Folder::repository();
    for number in 0..30 {
        folder.write(&format!("f{}", number % 5), format!("version {number}\n").repeat(20));
        commit(&folder, "packed");
    }
    folder.git(&["repack", "-q", "-a"]); // packed and loose
    folder.write("loose", "only loose\n");
    folder.git(&["hash-object", "-w", "loose"]);
    let other = Folder::new();
    other.git(&["clone", "-q", "--shared", folder.path().to_str().expect("utf-8"), "shared"]);
    let shared = other.path().join("shared");
    std::fs::write(shared.join("own"), "own\n").expect("written");
    for arguments in [&["hash-object", "-w", "own"][..], &["hash-object", "-w", "f0"]] {
        assert!(git_command(&shared).args(arguments).output().expect("git").status.success());
    }
    let arguments = ["cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname) %(objectsize)"];
    let said = git_command(&shared).args(arguments).output().expect("git").stdout;
    let expected: Vec<String> = String::from_utf8(said)
        .expect("text")
        .lines()
        .filter_map(|line| line.strip_prefix("blob ").map(str::to_owned))
        .collect();
    let repo = keysweep::source::git::Opener::at(&shared).open().expect("a repository");
    let mut seen = Vec::new();
    keysweep::source::git::history::blobs(&repo, &mut |id, bytes| seen.push(format!("{id} {}", bytes.len())))
        .expect("readable");
    assert_eq!(seen, expected);
    assert!(seen.len() >= 32);
}

#[test]
fn repositories_without_commits_and_folders_without_repository() {
    let folder = Folder::repository();
    assert_eq!(run(folder.path(), &[]).status, 0);
    let outside = Folder::new();
    let run = run(outside.path(), &[]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("not a git repository"), "{}", run.stderr);
}

#[test]
fn not_leaves_out_what_was_scanned_before() {
    let folder = Folder::repository();
    folder.write("a/old.env", token(1));
    commit(&folder, "old");
    let before = folder.git(&["rev-parse", "HEAD"]);
    folder.write("a/new.env", token(2));
    let new = commit(&folder, "new");
    for packed in [false, true] {
        if packed {
            folder.git(&["gc", "-q"]);
        }
        let found = findings(folder.path(), &["--not", &before]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(at(&found, "a/new.env")["commit"]["id"], *new);
        let nothing = run(folder.path(), &["--not", "HEAD"]);
        assert_eq!(nothing.status, 0, "{}", nothing.stdout);
        let report: Value = serde_json::from_str(&nothing.stdout).expect("json");
        assert_eq!(report["exclusions"][0]["source"], "--not", "{report:#}");
    }
    let unknown = run(folder.path(), &["--not", "nowhere"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.stderr.contains("nowhere"), "{}", unknown.stderr);
}

#[test]
fn hashes_are_compared_when_asked() {
    let folder = Folder::repository();
    folder.write("a.env", "nothing\n");
    commit(&folder, "one");
    // A loose object under another's name: only its hash tells.
    let id = folder.git(&["rev-parse", "HEAD:a.env"]);
    let other = folder.git(&["rev-parse", "HEAD^{tree}"]);
    let place = |id: &str| folder.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
    std::fs::remove_file(place(&id)).expect("a loose object");
    std::fs::copy(place(&other), place(&id)).expect("copied");
    let run = run(folder.path(), &["--verify-objects"]);
    assert_eq!(run.status, 2, "{}", run.stdout);
    assert!(run.stderr.contains(&id) || run.stdout.contains(&id), "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_secret_has_a_lifetime() {
    let folder = Folder::repository();
    let dated = |message: &str, date: &str| {
        folder.git(&["add", "-A"]);
        let mut command = git_command(folder.path());
        command.args(["commit", "-q", "-m", message]).env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date);
        assert!(command.status().expect("git runs").success());
    };
    folder.write("gone.env", token(1));
    folder.write("kept.env", token(2));
    dated("brings", "2024-03-01T12:00:00Z");
    folder.write("gone.env", "clean\n");
    dated("removes", "2024-03-31T12:00:00Z");
    let report: Value = serde_json::from_str(&run(folder.path(), &[]).stdout).expect("json");
    let secrets = report["secrets"].as_array().expect("secrets");
    let of = |path: &str| {
        let at =
            |index: &Value| report["findings"][index.as_u64().expect("an index") as usize]["origin"]["path"] == path;
        secrets.iter().find(|secret| secret["findings"].as_array().expect("findings").iter().any(at)).expect("a secret")
    };
    let gone = of("gone.env");
    assert_eq!(gone["first_seen"], "2024-03-01T12:00:00Z");
    assert_eq!((&gone["last_seen"], &gone["days_exposed"]), (&"2024-03-31T12:00:00Z".into(), &30.into()));
    let kept = of("kept.env");
    assert_eq!(kept["last_seen"], report["ended"], "{kept}");
    assert!(kept["days_exposed"].as_u64() > Some(30));
}

#[test]
fn folders_nested_five_thousand_deep_are_survived() {
    let folder = Folder::repository();
    let path = "d/".repeat(5000);
    let text = token(1);
    let stream = format!(
        "commit refs/heads/deep\ncommitter A <a@example.invalid> 1700000000 +0000\ndata 1\nx\n\
         M 100644 inline {path}a.env\ndata {}\n{text}\nM 100644 inline b.env\ndata {}\n{}\n",
        text.len(),
        text.len(),
        token(2)
    );
    let mut child = git_command(folder.path())
        .args(["fast-import", "--quiet"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("git starts");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), stream.as_bytes()).expect("git reads");
    assert!(child.wait().expect("git ends").success());
    let run = run(folder.path(), &[]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).expect("json");
    let found = report["findings"].as_array().expect("findings");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(at(found, "b.env")["commit"]["id"].is_string());
    assert!(report["notices"].to_string().contains("nested more than 2048 deep"), "{}", report["notices"]);
}

/// Bits of refs and of loose objects flipped, files cut: a gap or nothing, never a crash; the rest is scanned.
#[test]
fn damaged_refs_and_loose_objects_are_told_and_the_rest_is_scanned() {
    let folder = Folder::repository();
    folder.write("a.env", token(1));
    commit(&folder, "one");
    folder.write("b.env", token(2));
    commit(&folder, "two");
    let git = folder.path().join(".git");
    let blob = folder.git(&["rev-parse", "HEAD:b.env"]);
    let object = git.join("objects").join(&blob[..2]).join(&blob[2..]);
    let mut permissions = std::fs::metadata(&object).expect("an object").permissions();
    #[allow(clippy::permissions_set_readonly_false)] // a file of the test's own
    permissions.set_readonly(false);
    std::fs::set_permissions(&object, permissions).expect("set");
    let good = std::fs::read(&object).expect("an object");
    for (name, bad) in [
        ("cut", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("flipped", {
            let mut bytes = good.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            bytes
        }),
    ] {
        std::fs::write(&object, bad).expect("written");
        let run = run(folder.path(), &["--verify-objects"]);
        assert_eq!(run.status, 2, "{name}: {}", run.stderr);
        let report: Value = serde_json::from_str(&run.stdout).expect("json");
        assert!(report["notices"].to_string().contains(&blob), "{name}: {}", report["notices"]);
        at(report["findings"].as_array().expect("findings"), "a.env");
    }
    std::fs::write(&object, &good).expect("written");
    for bad in ["zzzz\n", "", "ref: refs/heads/nowhere\n", "1234567890123456789012345678901234567890\n"] {
        std::fs::write(git.join("refs/heads/broken"), bad).expect("written");
        let run = run(folder.path(), &[]);
        assert!(matches!(run.status, 1 | 2), "{bad:?}: {}", run.stderr);
        let report: Value = serde_json::from_str(&run.stdout).expect("json");
        let found = report["findings"].as_array().expect("findings");
        assert_eq!(found.len(), 2, "{bad:?}: {found:?}");
        if bad.starts_with('1') {
            assert_eq!(run.status, 2, "a ref to nothing is a gap");
        }
    }
}

#[test]
fn both_halves_of_a_credential_in_a_huge_blob_have_their_lines() {
    let folder = Folder::repository();
    let made = |form: &str| keysweep::rules::template::expand(form, 7).expect("a template");
    let mut text = "some words of an ordinary line\n".repeat(300_000); // more than one piece of 8 MB
    let pair =
        format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", made("{aws-key-id}"), made("{aws-secret}"));
    text.push_str(&pair);
    folder.write("big.log", text);
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "x"]);
    let run = folder.keysweep(&["scan", "--history", "--memory", "8", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("a report");
    let finding = &report["findings"][0];
    assert_eq!(finding["position"]["start_line"], 300_002, "{report:#}");
    assert_eq!(finding["parts"][0]["position"]["start_line"], 300_001, "{report:#}");
}

#[test]
fn a_walk_without_memory_is_refused() {
    let folder = Folder::repository();
    let run = folder.keysweep(&["scan", "--history", "--memory", "0"]);
    assert!(run.status == 2 && run.stderr.contains("the least is 1 megabyte"), "{}", run.stderr);
}
