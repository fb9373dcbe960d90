//! The real binary's reports against other people's readers, in every mode. The formats' corners are held by
//! `src/report/validators.rs`; here it is the modes that differ: origins, commits, coverage.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Folder, github_token};

fn tools(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run tests/run")).into()
}

fn matches_schema(schema: &Path, instance: &Path) {
    let program = tools("KEYSWEEP_TEST_VENV").join("bin/check-jsonschema");
    let output = Command::new(program).arg("--schemafile").arg(schema).arg(instance).output();
    let output = output.expect("check-jsonschema runs: run tests/run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn sarif_schema() -> PathBuf {
    let folder = tools("KEYSWEEP_TEST_NODE").join("node_modules/@microsoft");
    let packages = std::fs::read_dir(folder).expect("the multitool: run tests/run");
    let schemas = packages.flatten().map(|package| package.path().join("sarif-2.1.0.json"));
    schemas.into_iter().find(|schema| schema.is_file()).expect("the multitool brings the schema")
}

/// A repository with a secret that was removed, one that stands, one that is staged, one in a message.
fn repository() -> Folder {
    let folder = Folder::repository();
    folder.write("old/app.env", format!("TOKEN={}\n", github_token(1)));
    folder.git(&["add", "."]);
    folder.git(&["commit", "--quiet", "--message", &format!("Add {}", github_token(2))]);
    folder.git(&["rm", "--quiet", "old/app.env"]);
    folder.write("src/näme with space.env", format!("TOKEN={}\n", github_token(3)));
    folder.git(&["add", "."]);
    folder.git(&["commit", "--quiet", "--message", "Move it"]);
    folder.write("staged.env", format!("TOKEN={} # keysweep:allow\n", github_token(4)));
    folder.write("more.env", format!("TOKEN={}\n", github_token(5)));
    folder.git(&["add", "."]);
    folder
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn reports_of_every_mode_are_what_their_schemas_say() {
    let folder = repository();
    let help = folder.keysweep(&["scan", "--help"]).stdout;
    let modes: [&[&str]; 4] = [&["."], &["--staged"], &["--diff", "HEAD~1..HEAD"], &["--history"]];
    for mode in modes.into_iter().filter(|mode| mode[0] == "." || help.contains(mode[0])) {
        let reports = folder.path().join(".git/reports");
        std::fs::create_dir_all(&reports).expect("a folder");
        let path = |name: &str| reports.join(name);
        let mut arguments: Vec<String> = vec!["scan".into(), "-q".into()];
        arguments.extend(mode.iter().map(ToString::to_string));
        for (format, name) in [("json", "r.json"), ("sarif", "r.sarif"), ("gitlab", "r.gitlab.json")] {
            arguments.push(format!("--report={format}={}", path(name).display()));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = folder.keysweep(&arguments);
        assert_eq!(run.status, 1, "{mode:?}: {}", run.stderr);
        matches_schema(&in_repository("docs/schema/keysweep-report-1.schema.json"), &path("r.json"));
        matches_schema(&sarif_schema(), &path("r.sarif"));
        matches_schema(
            &in_repository("tests/schema/gitlab-secret-detection-15.0.4.schema.json"),
            &path("r.gitlab.json"),
        );
    }
}

#[cfg(feature = "audit")]
#[test]
#[ignore = "needs the tools that tests/run installs"]
fn the_audit_s_document_is_what_its_schema_says() {
    let folder = repository();
    let schema = in_repository("docs/schema/keysweep-audit-1.schema.json");
    let audit = |more: &[&str]| {
        let mut command = crate::support::keysweep(folder.path());
        command.env("KEYSWEEP_FINGERPRINT_KEY", "a key of the organisation, for tests"); // keysweep:allow made up
        command.args(["audit", ".", "missing", "--state", ".git/audit", "--report", "json=.git/audit.json"]).args(more);
        let output = command.output().expect("runs");
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
        matches_schema(&schema, &folder.path().join(".git/audit.json"));
        let text = std::fs::read_to_string(folder.path().join(".git/audit.json")).expect("written");
        serde_json::from_str::<serde_json::Value>(&text).expect("json")
    };
    let document = audit(&[]);
    let secrets = document["secrets"].as_array().expect("secrets");
    assert!(secrets.len() >= 3, "{document:#}");
    let id = secrets[0]["secret_id"].as_str().expect("an id");
    folder.write("accepted", format!("{id} owner=ops expires=2999-01-01 reason=known\n"));
    let document = audit(&["--ignore-file", "accepted"]);
    assert!(document["secrets"].to_string().contains("allowed_until"), "{document:#}");
    #[cfg(feature = "rotate")]
    {
        let secrets = serde_json::json!([{ "secret_id": id, "liveness": "live" }]);
        let said = serde_json::json!({ "schema": 1, "key_id": document["key_id"], "at": "2026-01-01T00:00:00Z", "secrets": secrets });
        folder.write("verified.json", said.to_string());
        let document = audit(&["--verified", "verified.json", "--shard", "1/1"]);
        assert!(document["secrets"].to_string().contains("\"live\":true"), "{document:#}");
        assert_eq!(document["run"]["shard"], "1/1");
    }
}
