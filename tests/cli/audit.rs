//! `keysweep audit`: many repositories, only what is new, the life of each secret, and a state that survives.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Folder, Run, github_token, keysweep};

pub(crate) const KEY: &str = "a key of the organisation, for tests"; // keysweep:allow made up

/// A folder of repositories and a state.
pub(crate) struct Fleet {
    pub(crate) folder: Folder,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self { folder: Folder::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs git in a repository of the fleet.
    pub(crate) fn git(&self, repository: &str, arguments: &[&str]) -> String {
        let path = format!("repositories/{repository}");
        let more = ["-C", &path, "-c", "user.name=Test", "-c", "user.email=test@example.invalid"];
        self.folder.git(&[&more, arguments].concat())
    }

    pub(crate) fn repository(&self, name: &str) {
        std::fs::create_dir_all(self.path().join("repositories").join(name)).expect("made");
        self.git(name, &["init", "--quiet", "--initial-branch=main"]);
    }

    /// Writes a file and commits everything.
    pub(crate) fn commit(&self, repository: &str, file: &str, content: &str) -> String {
        self.folder.write(&format!("repositories/{repository}/{file}"), content);
        self.git(repository, &["add", "-A"]);
        self.git(repository, &["commit", "-q", "-m", "edit"]);
        self.git(repository, &["rev-parse", "HEAD"])
    }

    pub(crate) fn command(&self, state: &str, more: &[&str]) -> Command {
        let mut command = keysweep(self.path());
        command.env("KEYSWEEP_FINGERPRINT_KEY", KEY).args(["audit", "repositories", "--state", state]).args(more);
        command
    }

    pub(crate) fn run(&self, more: &[&str]) -> Run {
        Run::new(self.command("state", more).output().expect("runs"))
    }

    /// Audits; the exit status and the document.
    pub(crate) fn audit(&self, more: &[&str]) -> (i32, Value) {
        self.audit_with("state", more)
    }

    pub(crate) fn audit_with(&self, state: &str, more: &[&str]) -> (i32, Value) {
        let run = Run::new(self.command(state, more).args(["--format", "json"]).output().expect("runs"));
        let document = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
        (run.status, document)
    }

    pub(crate) fn state(&self, command: &str) -> Run {
        self.folder.keysweep(&["audit", "state", command, "--state", "state"])
    }

    pub(crate) fn secrets(&self, document: &Value) -> Vec<Value> {
        document["secrets"].as_array().expect("secrets").clone()
    }
}

pub(crate) fn env(seed: u32) -> String {
    format!("TOKEN={}\n", github_token(seed))
}

/// What a document says that must not depend on how often the audit ran: secrets, places, HEAD.
pub(crate) fn essence(document: &Value) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for secret in document["secrets"].as_array().expect("secrets") {
        for place in secret["places"].as_array().expect("places") {
            lines.push(format!(
                "{} {} {} {} {} {}",
                secret["secret_id"],
                secret["rule"],
                place["repository"],
                place["path"],
                place["kind"],
                place["in_head"]
            ));
        }
    }
    lines.sort();
    lines
}

#[test]
fn only_new_objects_are_scanned_and_only_new_secrets_fail() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.repository("deep/two.git");
    fleet.commit("deep/two.git", "b.env", &env(1));
    let (status, document) = fleet.audit(&[]);
    assert_eq!(status, 1, "{document:#}");
    let secrets = fleet.secrets(&document);
    assert_eq!(secrets.len(), 1, "one secret in two repositories: {document:#}");
    assert_eq!(secrets[0]["places"].as_array().expect("places").len(), 2);
    assert_eq!((&secrets[0]["new"], &secrets[0]["in_head"]), (&true.into(), &true.into()));
    assert_eq!((&document["run"]["new_objects"], &document["run"]["found"]), (&6.into(), &1.into()));
    let (status, document) = fleet.audit(&[]);
    assert_eq!(status, 0, "nothing is new");
    assert_eq!((&document["run"]["new_objects"], &document["run"]["found"]), (&0.into(), &0.into()));
    assert_eq!(fleet.audit(&["--any"]).0, 1, "but something is open");
    fleet.commit("one", "c.env", &env(2));
    fleet.git("one", &["gc", "--quiet"]);
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, &document["run"]["new_objects"]), (1, &3.into()), "a pack that is new holds old objects");
    assert_eq!(document["run"]["open"]["critical"], 2, "{document:#}");
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, &document["run"]["new_objects"]), (0, &0.into()));
}

#[test]
fn a_secret_that_leaves_head_stays_open_and_one_that_comes_back_is_no_new_one() {
    let fleet = Fleet::new();
    fleet.repository("one");
    let first = fleet.commit("one", "a.env", &env(1));
    fleet.audit(&[]);
    fleet.commit("one", "a.env", "clean\n");
    let (status, document) = fleet.audit(&[]);
    let secret = &fleet.secrets(&document)[0];
    assert_eq!((status, &secret["standing"], &secret["in_head"]), (0, &"open".into(), &false.into()));
    assert_eq!(secret["places"][0]["commit"], *first);
    fleet.git("one", &["revert", "--no-edit", "HEAD"]);
    let (status, document) = fleet.audit(&[]);
    let secret = &fleet.secrets(&document)[0];
    assert_eq!((status, &secret["in_head"], &secret["events"].as_array().map(Vec::len)), (0, &true.into(), &Some(1)));
    // Moved to another file: HEAD has it at a place where nobody looked.
    fleet.git("one", &["mv", "a.env", "moved.env"]);
    fleet.git("one", &["commit", "-q", "-m", "move"]);
    let (_, document) = fleet.audit(&[]);
    let secret = &fleet.secrets(&document)[0];
    let in_head: Vec<_> =
        secret["places"].as_array().expect("places").iter().map(|p| (&p["path"], &p["in_head"])).collect();
    assert_eq!(in_head, [(&"a.env".into(), &false.into()), (&"moved.env".into(), &true.into())]);
    // Rewritten and pruned: it leaked all the same.
    fleet.git("one", &["checkout", "-q", "--orphan", "fresh"]);
    fleet.git("one", &["rm", "-rfq", "."]);
    fleet.commit("one", "clean", "clean\n");
    fleet.git("one", &["branch", "-D", "main"]);
    fleet.git("one", &["reflog", "expire", "--expire=now", "--all"]);
    fleet.git("one", &["gc", "--quiet", "--prune=now"]);
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, &fleet.secrets(&document)[0]["standing"]), (0, &"open".into()));
}

#[test]
fn incremental_runs_say_what_one_whole_run_says() {
    let fleet = Fleet::new();
    fleet.repository("one");
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for step in 0..14 {
        let file = ["a.env", "dir/b.env", "tests/fixture.py", "c.txt"][next(4) as usize];
        let secret = match next(3) {
            0 => String::new(),
            _ => env(next(4) as u32),
        };
        match next(6) {
            0 if step > 2 => {
                fleet.git("one", &["mv", "-k", "a.env", "tests/renamed.env"]);
                fleet.git("one", &["commit", "-q", "--allow-empty", "-m", &format!("move {step}")]);
            }
            1 if step > 2 => drop(fleet.git("one", &["checkout", "-q", "-B", "other", "HEAD~1"])),
            2 => drop(fleet.git("one", &["gc", "--quiet"])),
            _ => drop(fleet.commit("one", file, &format!("line {step}\n{secret}password = \"{}\"\n", next(3)))),
        }
        let (status, incremental) = fleet.audit(&[]);
        let fresh = format!("fresh-{step}");
        let (_, whole) = fleet.audit_with(&fresh, &[]);
        assert_ne!(status, 2);
        let (mine, theirs) = (essence(&incremental), essence(&whole));
        assert_eq!(mine, theirs, "step {step}");
    }
}

#[test]
fn rules_that_change_are_looked_for_in_old_objects_too() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.repository("two");
    fleet.commit("two", "b.txt", "ACME-12345678-KEY\n");
    let acme = "[[rules]]\nid = \"acme\"\ndescription = \"An Acme key\"\nseverity = \"high\"\nliterals = [\"ACME-\"]\n\
                regex = \"ACME-[0-9]{8}-KEY\"\nexamples = [\"ACME-{digits:8}-KEY\"]\nnearMisses = [\"ACME-{digits:7}-KEY\"]\n";
    let (_, document) = fleet.audit(&[]);
    assert_eq!(fleet.secrets(&document).len(), 1);
    fleet.folder.write("keysweep.toml", acme);
    let (status, document) = fleet.audit(&["--config", "keysweep.toml"]);
    assert_eq!(status, 1, "{document:#}");
    assert_eq!(document["run"]["found"], 1);
    let rules: Vec<Value> = fleet.secrets(&document).iter().map(|secret| secret["rule"].clone()).collect();
    assert!(rules.contains(&"acme".into()), "{rules:?}");
    let (status, document) = fleet.audit(&["--config", "keysweep.toml"]);
    assert_eq!((status, &document["run"]["new_objects"]), (0, &0.into()));
    // A rule that is switched off: what it found is not reported any more, and that is said.
    let (status, document) = fleet.audit(&["--config", "keysweep.toml", "--disable-rule", "acme"]);
    assert_eq!(status, 0);
    let acme = fleet.secrets(&document).into_iter().find(|secret| secret["rule"] == "acme").expect("kept");
    assert_eq!((&acme["standing"], &acme["events"][1]["what"]), (&"accepted".into(), &"accepted".into()));
}

#[test]
fn decisions_close_and_open_again() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let (_, document) = fleet.audit(&[]);
    let secret = fleet.secrets(&document)[0].clone();
    let id = secret["secret_id"].as_str().expect("an id");
    fleet.folder.write("ignore", format!("{id} expires=2999-01-01 owner=ops reason=\"rotated by hand\"\n"));
    let (_, document) = fleet.audit(&["--ignore-file", "ignore"]);
    let secret = fleet.secrets(&document)[0].clone();
    assert_eq!(
        (&secret["standing"], &secret["allowed_until"]),
        (&"accepted".into(), &"2999-01-01".into()),
        "{secret:#}"
    );
    assert_eq!(document["run"]["closed"], 1);
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, &document["run"]["reopened"]), (1, &1.into()), "the decision is gone");
    assert_eq!(fleet.secrets(&document)[0]["standing"], "open");
}

#[test]
fn broken_and_gone_repositories_are_named_and_the_others_go_on() {
    let fleet = Fleet::new();
    for name in ["a", "b", "c"] {
        fleet.repository(name);
        fleet.commit(name, "a.env", &env(u32::from(name.as_bytes()[0])));
    }
    std::fs::write(fleet.path().join("repositories/b/.git/HEAD"), "nonsense").expect("written");
    let (status, document) = fleet.audit(&[]);
    assert_eq!(status, 2);
    assert_eq!(fleet.secrets(&document).len(), 2, "{document:#}");
    let named = document["notices"].to_string();
    assert!(named.contains("repositories/b"), "{named}");
    // A lost object: what is there is scanned, each time again, until all is covered.
    std::fs::write(fleet.path().join("repositories/b/.git/HEAD"), "ref: refs/heads/main\n").expect("written");
    let blob = fleet.git("b", &["rev-parse", "HEAD:a.env"]);
    let loose = fleet.path().join("repositories/b/.git/objects").join(&blob[..2]).join(&blob[2..]);
    let kept = std::fs::read(&loose).expect("read");
    std::fs::remove_file(&loose).expect("removed");
    for _ in 0..2 {
        assert_eq!(fleet.audit(&[]).0, 2, "a gap stays one");
    }
    std::fs::write(&loose, kept).expect("written");
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, fleet.secrets(&document).len()), (1, 3), "{document:#}");
    // One that lost its HEAD, its objects, or all that it was, is named, too.
    let at = |name: &str| fleet.path().join("repositories").join(name);
    for part in [".git/HEAD", ".git/objects", ".git"] {
        std::fs::rename(at("b").join(part), fleet.path().join("part")).expect("moved");
        let (status, document) = fleet.audit(&[]);
        assert!(status == 2 && document["notices"].to_string().contains("repositories/b"), "{part}: {document:#}");
        assert_eq!(document["figures"]["coverage"]["complete"], 2, "{part}: {document:#}");
        std::fs::rename(fleet.path().join("part"), at("b").join(part)).expect("moved");
        assert_eq!(fleet.audit(&[]).0, 0);
    }
    // Another repository above it is not taken for it.
    fleet.folder.git(&["init", "--quiet", "."]);
    std::fs::rename(at("b/.git/HEAD"), fleet.path().join("part")).expect("moved");
    let (status, document) = fleet.audit(&[]);
    assert!(status == 2 && document["notices"].to_string().contains("no whole git repository"), "{document:#}");
    std::fs::rename(fleet.path().join("part"), at("b/.git/HEAD")).expect("moved");
    assert_eq!(fleet.audit(&[]).0, 0);
    std::fs::remove_dir_all(fleet.path().join(".git")).expect("removed");
    // A bare one likewise; and one in which a pipe would keep us waiting for ever.
    fleet.git("b", &["clone", "--quiet", "--bare", ".", "../bare.git"]);
    fleet.audit(&[]);
    std::fs::remove_file(at("bare.git/HEAD")).expect("removed");
    let (status, document) = fleet.audit(&[]);
    assert!(status == 2 && document["notices"].to_string().contains("bare.git"), "{document:#}");
    let pipe = Command::new("mkfifo").arg(at("bare.git/HEAD")).status().expect("runs");
    let (status, document) = fleet.audit(&[]);
    assert!(pipe.success() && status == 2, "{document:#}");
    assert!(document["notices"].to_string().contains("a pipe or a device"), "{document:#}");
    std::fs::remove_dir_all(at("bare.git")).expect("removed");
    // Moved: known by its objects.
    fleet.git("c", &["gc", "--quiet"]);
    fleet.audit(&[]);
    std::fs::rename(fleet.path().join("repositories/c"), fleet.path().join("repositories/moved")).expect("moved");
    std::fs::remove_dir_all(fleet.path().join("repositories/a")).expect("removed");
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, &document["run"]["new_objects"]), (0, &0.into()), "{document:#}");
    let notices = document["notices"].to_string();
    assert!(notices.contains("moved") && notices.contains("gone"), "{notices}");
    assert_eq!(document["repositories"].as_array().map(Vec::len), Some(4));
    assert_eq!(fleet.secrets(&document).len(), 3, "what leaked stays leaked");
}

#[test]
fn targets_that_are_none_are_named_with_a_mend() {
    let fleet = Fleet::new();
    fleet.folder.write("empty/readme", "nothing\n");
    fleet.folder.write("nothing.list", "# nobody\n\n");
    fleet.folder.write("wrong.list", "empty/readme\n");
    for (target, says, mend) in [
        ("nosuch", "No such file", "check the path"),
        ("empty", "no repository in this folder", "four folders deep"),
        ("nothing.list", "names nothing", "a text file with one of these a line"),
        ("wrong.list", "this is no repository", "check the path"),
        ("/dev/null", "names nothing", "a text file with one of these a line"),
    ] {
        let mut command = keysweep(fleet.path());
        command.env("KEYSWEEP_FINGERPRINT_KEY", KEY).args(["audit", target, "--state", "state", "--format", "json"]);
        let run = Run::new(command.output().expect("runs"));
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        let notice = &document["notices"][0];
        let told = (notice["message"].as_str().expect("a message"), notice["mend"].as_str().expect("a mend"));
        assert!(run.status == 2 && told.0.contains(says) && told.1.contains(mend), "{target}: {told:?}");
    }
}

#[test]
fn a_gap_of_one_object_stays_one_and_the_rest_counts_as_covered() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.commit("one", "b.env", &env(2));
    let blob = fleet.git("one", &["rev-parse", "HEAD:b.env"]);
    let loose = fleet.path().join("repositories/one/.git/objects").join(&blob[..2]).join(&blob[2..]);
    let kept = std::fs::read(&loose).expect("read");
    std::fs::remove_file(&loose).expect("removed");
    std::fs::write(&loose, b"nonsense").expect("written");
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, fleet.secrets(&document).len()), (2, 1), "{document:#}");
    fleet.commit("one", "c.env", &env(3));
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, &document["run"]["new_objects"]), (2, &3.into()), "{document:#}");
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, &document["run"]["new_objects"]), (2, &0.into()), "{document:#}");
    std::fs::remove_file(&loose).expect("removed");
    std::fs::write(&loose, kept).expect("written");
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, fleet.secrets(&document).len()), (1, 3), "{document:#}");
    let (_, whole) = fleet.audit_with("whole", &[]);
    assert_eq!(essence(&document), essence(&whole));
    assert_eq!(fleet.audit(&[]).0, 0);
}

#[test]
fn the_state_is_private_has_one_user_and_no_secret() {
    let fleet = Fleet::new();
    fleet.repository("one");
    let token = github_token(1);
    fleet.commit("one", &format!("{token}.env"), &env(1));
    fleet.audit(&[]);
    fleet.audit(&[]);
    for file in ["state", "state.sum", "state.previous"] {
        use std::os::unix::fs::PermissionsExt as _;
        let path = fleet.path().join(file);
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600, "{file}");
        let bytes = std::fs::read(&path).expect("read");
        assert!(memchr::memmem::find(&bytes, token.as_bytes()).is_none(), "{file} holds the secret");
    }
    let run = fleet.run(&[]);
    assert!(!run.stdout.contains(&token) && !run.stderr.contains(&token));
    let check = fleet.state("check");
    assert_eq!(check.status, 0, "{}{}", check.stdout, check.stderr);
    assert!(check.stdout.contains("1 secret"), "{}", check.stdout);
    // Another key makes other hashes: refused.
    let other = Run::new(
        fleet.command("state", &[]).env("KEYSWEEP_FINGERPRINT_KEY", "another key, long enough").output().expect("runs"),
    );
    assert!(other.status == 2 && other.stderr.contains("key"), "{}", other.stderr);
    let lock = std::fs::File::open(fleet.path().join("state.lock")).expect("the lock");
    lock.lock().expect("taken");
    let run = fleet.run(&[]);
    assert!(run.status == 2 && run.stderr.contains("another audit"), "{}", run.stderr);
}

#[test]
fn two_audits_at_once_one_works_and_one_is_told() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let start = || fleet.command("state", &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let both = [start(), start()];
    let statuses: Vec<Run> = both.map(|child| Run::new(child.wait_with_output().expect("ends"))).into();
    for run in &statuses {
        assert!(run.status < 2 || run.stderr.contains("another audit"), "{} {}", run.status, run.stderr);
    }
    assert!(statuses.iter().any(|run| run.status == 1), "one of them found it");
    assert_eq!(fleet.state("check").status, 0);
}

/// Copies the state and what stands beside it.
fn save(folder: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for name in ["state", "state.sum", "state.previous", "state.previous.sum"] {
        let _ = std::fs::remove_file(to.join(name));
        if folder.join(name).exists() {
            std::fs::copy(folder.join(name), to.join(name)).expect("copied");
        }
    }
}

#[test]
fn damage_at_any_byte_is_found_and_the_last_generation_brings_it_back() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.audit(&[]);
    fleet.audit(&[]);
    let good: PathBuf = fleet.path().join("good");
    save(fleet.path(), &good);
    let bytes = std::fs::read(fleet.path().join("state")).expect("read");
    for at in (0..bytes.len()).step_by(bytes.len() / 23).chain([bytes.len() - 1]) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        std::fs::write(fleet.path().join("state"), &damaged).expect("written");
        let run = fleet.run(&[]);
        assert!(
            run.status == 2 && run.stderr.contains("damaged") && run.stderr.contains("restore"),
            "{at}: {}",
            run.stderr
        );
        assert!(run.stdout.is_empty());
    }
    let run = fleet.state("restore");
    assert_eq!(run.status, 0, "{}", run.stderr);
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, fleet.secrets(&document).len()), (0, 1));
    // Cut short, and both generations gone bad.
    std::fs::write(fleet.path().join("state"), &bytes[..bytes.len() / 2]).expect("written");
    std::fs::write(fleet.path().join("state.previous"), b"x").expect("written");
    let run = fleet.run(&[]);
    assert!(run.status == 2 && run.stderr.contains("backup"), "{}", run.stderr);
    assert_eq!(fleet.state("restore").status, 2);
    // Without a sum, because a process died, the pages are walked: wrong answers are not given, nor is there a panic.
    for at in (0..bytes.len()).step_by(bytes.len() / 40) {
        save(&good, fleet.path());
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        std::fs::write(fleet.path().join("state"), &damaged).expect("written");
        std::fs::remove_file(fleet.path().join("state.sum")).expect("removed");
        let run = fleet.state("check");
        match run.status {
            0 => assert!(run.stdout.contains("1 secret,"), "{at}: {}", run.stdout),
            _ => assert!(run.status == 2 && run.stderr.contains("state"), "{at}: {} {}", run.status, run.stderr),
        }
    }
}

#[test]
fn killed_at_any_moment_nothing_is_lost() {
    let fleet = Fleet::new();
    for number in 0..6 {
        let name = format!("r{number}");
        fleet.repository(&name);
        fleet.commit(&name, "a.env", &env(number));
        fleet.commit(&name, "b.env", &env(number + 50));
    }
    let (_, whole) = fleet.audit_with("whole", &[]);
    let mut new_in_all = false;
    let report = fleet.path().join("round.json");
    for round in 0..14_u64 {
        let mut child = fleet
            .command("state", &["--report", "json=round.json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        std::thread::sleep(Duration::from_millis(round * round / 2 + round * 3));
        let _ = child.kill();
        child.wait().expect("ends");
        // Its report is out, whole, before the run counts as ended.
        if let Ok(text) = std::fs::read(&report) {
            let document: Value = serde_json::from_slice(&text).expect("a whole report");
            let secrets = document["secrets"].as_array().expect("secrets");
            new_in_all |= secrets.iter().any(|secret| secret["new"] == true);
        }
        if fleet.path().join("state").exists() {
            let check = fleet.state("check");
            assert_eq!(check.status, 0, "round {round}: {}", check.stderr);
        }
    }
    let (status, document) = fleet.audit(&[]);
    // What a run found that nobody heard the end of is still new.
    assert!(status == 1 || new_in_all, "{document:#}");
    assert_eq!(essence(&document), essence(&whole));
}

#[test]
fn a_state_without_a_folder_is_refused_before_a_key_is_made() {
    let fleet = Fleet::new();
    fleet.repository("one");
    let config = fleet.path().join("config");
    let mut command = fleet.command("nowhere/state", &[]);
    command.env_remove("KEYSWEEP_FINGERPRINT_KEY").env("XDG_CONFIG_HOME", &config);
    let run = Run::new(command.output().expect("runs"));
    assert!(run.status == 2 && run.stderr.contains("make nowhere"), "{}", run.stderr);
    assert!(!config.exists());
}

#[test]
fn reports_of_all_forms_say_the_same_and_load_nothing() {
    let fleet = Fleet::new();
    fleet.repository("one");
    let token = github_token(1);
    fleet.commit("one", "<script>alert(1)<script>.env", &env(1));
    fleet.commit("one", "=formula|a.env", &env(2));
    let reports = ["markdown=a.md", "csv=a.csv", "html=a.html", "json=a.json"];
    let run = fleet.run(&reports.map(|report| ["--report", report]).concat());
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stdout.contains("2 secrets open (2 critical)") || run.stdout.contains("2 secrets"), "{}", run.stdout);
    let read = |name: &str| std::fs::read_to_string(fleet.path().join(name)).expect("written");
    let html = read("a.html");
    for wrong in ["<script", "src=", "href=", "url(", "@import", "style=", token.as_str()] {
        assert!(!html.contains(wrong), "{wrong}");
    }
    assert!(html.contains("default-src 'none'") && html.contains("&lt;script&gt;") && html.contains("<svg"));
    assert_eq!(html.matches("<tr class=\"").count(), 2, "a row for each secret");
    let csv = read("a.csv");
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(!csv.contains(",=formula"), "{csv}");
    let markdown = read("a.md");
    assert!(markdown.contains("# Audit: 2 secrets open") && markdown.contains("formula\\|a.env"), "{markdown}");
    let document: Value = serde_json::from_str(&read("a.json")).expect("json");
    assert_eq!(document["figures"]["open_by_age"][0], serde_json::json!({"name": "under a day", "count": 2}));
    assert_eq!(document["figures"]["coverage"]["objects"], 6);
    assert_eq!(document["figures"]["time_to_detect"]["count"], 2);
    assert!(fleet.run(&["--report", "pdf=a.pdf"]).stderr.contains("no format"));
}

#[cfg(feature = "rotate")]
#[test]
fn a_backup_is_sealed_proves_itself_and_another_machine_goes_on_from_it() {
    use keysweep::rotate::escrow::age::Identity;
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.audit(&[]);
    let identity = Identity::generate().expect("random bytes");
    fleet.folder.write("identity", identity.line().as_bytes());
    fleet.folder.write("other", Identity::generate().expect("random bytes").line().as_bytes());
    let recipient = identity.recipient().to_string();
    let state = |arguments: &[&str]| fleet.folder.keysweep(&[&["audit", "state"], arguments].concat());
    let run = state(&["backup", "--state", "state", "--to", "b.age", "--recipient", &recipient]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let sealed = std::fs::read(fleet.path().join("b.age")).expect("written");
    assert!(memchr::memmem::find(&sealed, b"repositories/one").is_none(), "it is sealed");
    let run = state(&["drill", "--from", "b.age", "--identity", "identity"]);
    assert!(run.status == 0 && run.stdout.contains("usable") && run.stdout.contains("1 secret,"), "{}", run.stdout);
    assert_eq!(state(&["drill", "--from", "b.age", "--identity", "other"]).status, 2);
    let mut damaged = sealed.clone();
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    fleet.folder.write("damaged.age", &damaged);
    assert_eq!(state(&["drill", "--from", "damaged.age", "--identity", "identity"]).status, 2);
    // Sealed properly, but no state: nothing is replaced.
    let nothing = keysweep::rotate::escrow::age::seal(b"nothing", &[identity.recipient()]).expect("sealed");
    fleet.folder.write("nothing.age", nothing);
    let before = std::fs::read(fleet.path().join("state")).expect("read");
    assert_eq!(state(&["restore", "--state", "state", "--from", "nothing.age", "--identity", "identity"]).status, 2);
    assert_eq!(std::fs::read(fleet.path().join("state")).expect("read"), before);
    let run = state(&["restore", "--state", "elsewhere", "--from", "b.age", "--identity", "identity"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let (status, document) = fleet.audit_with("elsewhere", &[]);
    assert_eq!((status, &document["run"]["new_objects"], &document["run"]["number"]), (0, &0.into(), &2.into()));
}

#[test]
fn jobs_change_nothing_and_shards_are_parts_of_the_whole() {
    let fleet = Fleet::new();
    for number in 0..7 {
        let name = format!("r{number}");
        fleet.repository(&name);
        fleet.commit(&name, "a.env", &env(number));
    }
    let (_, one) = fleet.audit_with("one", &["--jobs", "1"]);
    let (_, many) = fleet.audit_with("many", &["--jobs", "4"]);
    assert_eq!(essence(&one), essence(&many));
    let mut parts = Vec::new();
    for part in 1..=3 {
        let (_, document) = fleet.audit_with(&format!("part{part}"), &["--shard", &format!("{part}/3")]);
        parts.extend(essence(&document));
    }
    parts.sort();
    assert_eq!(parts, essence(&one), "each repository is in one part");
    assert!(fleet.run(&["--shard", "4/3"]).stderr.contains("K from 1 to N"));
}

#[test]
fn addresses_are_mirrored_fetched_and_named_when_they_fail() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let address = format!("file://{}", fleet.path().join("repositories/one").display());
    fleet.folder.write("list", format!("# ours\n{address}\n"));
    let audit = || {
        let mut command = keysweep(fleet.path());
        command.env("KEYSWEEP_FINGERPRINT_KEY", KEY).args(["audit", "list", "--state", "state", "--format", "json"]);
        let run = Run::new(command.output().expect("runs"));
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        (run.status, document)
    };
    let (status, document) = audit();
    assert_eq!((status, &document["repositories"][0]["name"]), (1, &address.as_str().into()), "{document:#}");
    fleet.commit("one", "b.env", &env(2));
    let (status, document) = audit();
    assert_eq!((status, &document["run"]["new_objects"]), (1, &3.into()));
    std::fs::rename(fleet.path().join("repositories/one"), fleet.path().join("away")).expect("moved");
    let (status, document) = audit();
    assert_eq!((status, fleet.secrets(&document).len()), (2, 2), "{document:#}");
    assert!(document["notices"].to_string().contains("cannot be fetched"), "{document:#}");
    std::fs::rename(fleet.path().join("away"), fleet.path().join("repositories/one")).expect("moved");
    let (status, document) = audit();
    assert_eq!((status, &document["run"]["new_objects"]), (0, &0.into()), "coverage was kept: {document:#}");
}

#[test]
fn a_repository_whose_files_are_as_they_were_is_not_opened_and_any_change_opens_it() {
    let fleet = Fleet::new();
    fleet.repository("one");
    let first = fleet.commit("one", "a.env", &env(1));
    // What changed a moment ago may change again unseen.
    std::thread::sleep(Duration::from_millis(2100));
    fleet.audit(&[]);
    let stamp = || {
        let run = fleet.folder.keysweep(&["audit", "state", "export", "--state", "state", "--to", "export"]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let text = std::fs::read_to_string(fleet.path().join("export")).expect("read");
        std::fs::remove_file(fleet.path().join("export")).expect("removed");
        let line = text.lines().find(|line| line.contains("\"record\":\"repository\"")).expect("a repository");
        let record: Value = serde_json::from_str(line).expect("JSON");
        record["repository"]["stamp"].as_str().unwrap_or_default().to_owned()
    };
    let before = stamp();
    assert_ne!(before, "");
    // A file that git would trip over, in a place that says nothing about objects and refs: nobody looks.
    let index = fleet.path().join("repositories/one/.git/index");
    std::fs::write(&index, "nonsense").expect("written");
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, &document["run"]["complete"], stamp()), (0, &1.into(), before.clone()), "{document:#}");
    std::fs::remove_file(&index).expect("removed");
    fleet.git("one", &["reset", "--quiet", "--hard"]);
    fleet.commit("one", "b.env", &env(2));
    let (status, document) = fleet.audit(&[]);
    assert_eq!((status, fleet.secrets(&document).len(), stamp().as_str()), (1, 2, ""), "{document:#}");
    fleet.git("one", &["reset", "--quiet", "--hard", &first]);
    let (status, document) = fleet.audit(&[]);
    let in_head: Vec<&Value> =
        document["secrets"].as_array().expect("a list").iter().map(|it| &it["in_head"]).collect();
    assert_eq!(status, 0);
    assert!(in_head.contains(&&true.into()) && in_head.contains(&&false.into()), "{document:#}");
    // The acceptance of a gap, other settings, other rules ask again although no file changed.
    std::thread::sleep(Duration::from_millis(2100));
    fleet.audit(&[]);
    assert_ne!(stamp(), "");
    let (_, document) = fleet.audit(&["--min-confidence", "99"]);
    assert_eq!(document["run"]["complete"], 1);
}

#[test]
fn a_renamed_remote_keeps_its_record_and_a_fork_has_its_own() {
    let fleet = Fleet::new();
    fleet.repository("one");
    for number in 0..6 {
        fleet.commit("one", &format!("{number}.txt"), &format!("text {number}\n"));
    }
    fleet.commit("one", "a.env", &env(1));
    fleet.repository("other");
    fleet.commit("other", "b.env", &env(2));
    let audit = |names: &[&str]| {
        let mut command = keysweep(fleet.path());
        command.env("KEYSWEEP_FINGERPRINT_KEY", KEY).arg("audit");
        let address = |name: &&str| format!("file://{}", fleet.path().join("repositories").join(name).display());
        command.args(names.iter().map(address)).args(["--state", "state", "--format", "json"]);
        let run = Run::new(command.output().expect("runs"));
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        (run.status, document)
    };
    let names = |document: &Value| -> Vec<String> {
        let list = document["repositories"].as_array().expect("repositories");
        let name = |entry: &Value| entry["name"].as_str().and_then(|name| name.rsplit('/').next()).map(str::to_owned);
        list.iter().filter_map(name).collect()
    };
    let (_, before) = audit(&["one", "other"]);
    // Renamed, and a commit more: its record goes on, with what was known of its secret.
    std::fs::rename(fleet.path().join("repositories/one"), fleet.path().join("repositories/renamed")).expect("moved");
    fleet.commit("renamed", "c.txt", "more\n");
    let (status, document) = audit(&["renamed", "other"]);
    assert_eq!((status, &document["run"]["new_objects"]), (0, &3.into()), "{document:#}");
    assert_eq!(names(&document), ["other", "renamed"]);
    let entry = &document["repositories"][1];
    assert_eq!(entry["formerly"], serde_json::json!([before["repositories"][0]["name"]]));
    assert_eq!(entry["first_seen"], before["repositories"][0]["first_seen"]);
    assert!(document["notices"].to_string().contains("renamed: its record goes on"), "{document:#}");
    assert_eq!(fleet.secrets(&document).len(), 2);
    // A fork beside it is another repository; and so is what has another history when one goes.
    fleet.git("renamed", &["clone", "--quiet", ".", "../fork"]);
    let (_, document) = audit(&["renamed", "other", "fork"]);
    assert_eq!(names(&document), ["fork", "other", "renamed"], "{document:#}");
    fleet.repository("new");
    fleet.commit("new", "d.env", &env(3));
    let (status, document) = audit(&["renamed", "new", "fork"]);
    assert_eq!((status, names(&document)), (1, vec!["fork".into(), "new".into(), "other".into(), "renamed".into()]));
    assert!(document["notices"].to_string().contains("none of the targets"), "{document:#}");
    // An address that fails becomes no repository of its own before it was seen.
    std::fs::rename(fleet.path().join("repositories/new"), fleet.path().join("away")).expect("moved");
    let (status, document) = audit(&["renamed", "newer", "fork"]);
    assert_eq!((status, names(&document).len()), (2, 4), "{document:#}");
    std::fs::rename(fleet.path().join("away"), fleet.path().join("repositories/newer")).expect("moved");
    let (status, document) = audit(&["renamed", "newer", "fork"]);
    assert_eq!((status, names(&document)), (0, vec!["fork".into(), "newer".into(), "other".into(), "renamed".into()]));
    // What is a path today had an address before.
    let run = Run::new(
        keysweep(fleet.path())
            .env("KEYSWEEP_FINGERPRINT_KEY", KEY)
            .args(["audit", "repositories/other", "--state", "state", "--format", "json"])
            .output()
            .expect("runs"),
    );
    assert!(run.status == 0 && run.stdout.contains("renamed: its record goes on"), "{}{}", run.stdout, run.stderr);
}

#[cfg(feature = "rotate")]
#[test]
fn evidence_of_the_same_key_closes_and_other_evidence_does_not() {
    use keysweep::rotate::evidence::{Answer, Body, Evidence};
    use keysweep::rotate::keys::SigningKey;
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let (_, document) = fleet.audit(&[]);
    let secret = fleet.secrets(&document)[0].clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (signer, _) = SigningKey::load_or_make(&fleet.path().join("signing.pk8")).expect("made");
    let proof = |key_id: &str, answer: &str| {
        let probe = Answer {
            time: "2999-01-01T00:00:00Z".to_owned(),
            step: "prove".to_owned(),
            which: "old".to_owned(),
            answer: answer.to_owned(),
            detail: String::new(),
        };
        let body = Body {
            schema: 1,
            run: "r1".to_owned(),
            state: "proven".to_owned(),
            plan: String::new(),
            key_id: key_id.to_owned(),
            secret_id: text(&secret["secret_id"]),
            rule: "github-pat".to_owned(),
            owner: String::new(),
            object: String::new(),
            strategy: "alternating".to_owned(),
            destinations: Default::default(),
            began: "2998-12-31T00:00:00Z".to_owned(),
            ended: "2999-01-01T00:00:00Z".to_owned(),
            probes: vec![probe],
            control: true,
            journal: String::new(),
        };
        let signature = signer.sign("evidence", &serde_json::to_vec(&body).expect("json"));
        let evidence = Evidence { body, signer: signer.public(), signature };
        fleet.folder.write("evidence/r1/evidence.json", serde_json::to_vec(&evidence).expect("json"));
    };
    let audit = |more: &[&str]| {
        let (status, document) = fleet.audit(&[&["--evidence", "evidence"], more].concat());
        assert_eq!(status, 0, "{document:#}");
        (text(&fleet.secrets(&document)[0]["standing"]), document)
    };
    let key_id = text(&document["key_id"]);
    proof("organisation:00000000", "dead");
    let (standing, document) = audit(&[]);
    assert!(standing == "open" && document["notices"].to_string().contains("another key"), "{document:#}");
    proof(&key_id, "live");
    assert_eq!(audit(&[]).0, "open", "it proves nothing");
    proof(&key_id, "dead");
    assert_eq!(audit(&["--signer", "00"]).0, "open", "nobody trusts the signer");
    let (standing, document) = audit(&["--signer", &signer.public()]);
    assert_eq!((&*standing, &document["run"]["closed"]), ("proven", &1.into()));
    assert_eq!(fleet.secrets(&document)[0]["closed"], "2999-01-01T00:00:00Z");
    assert_eq!(fleet.audit(&[]).1["secrets"][0]["standing"], "proven", "it stays so");
}
