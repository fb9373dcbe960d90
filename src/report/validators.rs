//! The formats against other people's readers: schemas, Microsoft's SARIF validator, JUnit and CSV parsers, on a result
//! that has everything a format has to get right. `tests/run` installs the tools and says where they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Format, Provenance, ReportOptions, fixture};
use crate::finding::ScanResult;

/// A file that goes when the test ends.
struct Written(tempfile::TempDir, &'static str);

impl Written {
    fn new(format: Format, name: &'static str, result: &ScanResult) -> Self {
        let rules = fixture::rules();
        let known = Provenance {
            repository_uri: "https://git.example.invalid/team/app".into(),
            revision: Some("ab".repeat(20)),
            branch: Some("main".into()),
        };
        let options = ReportOptions { provenance: Some(&known), ..fixture::options(&rules, true) };
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), fixture::write(format, result, &options)).expect("written");
        Self(folder, name)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(self.1)
    }
}

fn tools(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run tests/run")).into()
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a tool that must succeed; what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("the tool runs: run tests/run");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn matches_schema(schema: &Path, instance: &Path) {
    let program = tools("KEYSWEEP_TEST_VENV").join("bin/check-jsonschema");
    run(Command::new(program).arg("--schemafile").arg(schema).arg(instance));
}

fn python(script: &str, file: &Path) -> String {
    run(Command::new(tools("KEYSWEEP_TEST_VENV").join("bin/python")).arg("-c").arg(script).arg(file))
}

fn results() -> [ScanResult; 2] {
    [fixture::result(), fixture::clean()]
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn json_is_what_its_schema_says() {
    let schema = in_repository("docs/schema/keysweep-report-1.schema.json");
    run(Command::new(tools("KEYSWEEP_TEST_VENV").join("bin/check-jsonschema")).arg("--check-metaschema").arg(&schema));
    for result in &results() {
        matches_schema(&schema, &Written::new(Format::Json, "report.json", result).path());
    }
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn every_line_of_jsonl_is_what_the_schema_says() {
    let lines = std::fs::read_to_string(Written::new(Format::Jsonl, "report.jsonl", &fixture::result()).path());
    let folder = tempfile::tempdir().expect("a folder");
    let mut schema: serde_json::Value = serde_json::from_str(
        &std::fs::read_to_string(in_repository("docs/schema/keysweep-report-1.schema.json")).expect("the schema"),
    )
    .expect("JSON");
    // The same definitions, with a line as the document.
    let definitions = schema["$defs"].take();
    let line_schema = folder.path().join("line.schema.json");
    let text = serde_json::json!({ "$ref": "#/$defs/line", "$defs": definitions }).to_string();
    std::fs::write(&line_schema, text).expect("written");
    let program = tools("KEYSWEEP_TEST_VENV").join("bin/check-jsonschema");
    let mut command = Command::new(program);
    command.arg("--schemafile").arg(&line_schema);
    for (index, line) in lines.expect("read").lines().enumerate() {
        let path = folder.path().join(format!("{index}.json"));
        std::fs::write(&path, line).expect("written");
        command.arg(path);
    }
    run(&mut command);
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn sarif_passes_the_official_schema_and_microsofts_validator() {
    let folder = tools("KEYSWEEP_TEST_NODE").join("node_modules/@microsoft");
    let program = ["linux", "darwin"].map(|system| folder.join(format!("sarif-multitool-{system}")));
    let folder = program.iter().find(|folder| folder.is_dir()).expect("the multitool: run tests/run");
    for result in &results() {
        let log = Written::new(Format::Sarif, "report.sarif", result);
        matches_schema(&folder.join("sarif-2.1.0.json"), &log.path());
        let found = log.0.path().join("found.sarif");
        for kinds in ["Sarif", "Ghas"] {
            let mut command = Command::new(folder.join("Sarif.Multitool"));
            command.arg("validate").arg(log.path()).arg("--output").arg(&found);
            run(command.args(["--log", "ForceOverwrite", "--rule-kind", kinds, "--level", "Error;Warning"]));
            let found: serde_json::Value =
                serde_json::from_slice(&std::fs::read(&found).expect("the validator writes")).expect("JSON");
            let rules: Vec<&str> = found["runs"][0]["results"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|result| result["ruleId"].as_str())
                // keysweep has no home page to name yet.
                .filter(|&rule| !(rule == "SARIF2005" && env!("CARGO_PKG_REPOSITORY").is_empty()))
                .collect();
            assert!(rules.is_empty(), "{kinds}: {found:#}");
        }
        run(Command::new(tools("KEYSWEEP_TEST_VENV").join("bin/sarif")).arg("summary").arg(log.path()));
    }
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn gitlab_takes_its_report() {
    let schema = in_repository("tests/schema/gitlab-secret-detection-15.0.4.schema.json");
    for result in &results() {
        matches_schema(&schema, &Written::new(Format::Gitlab, "gl-secret-detection-report.json", result).path());
    }
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn junit_reads_as_test_results() {
    let script = "import sys, junitparser as j
x = j.JUnitXml.fromfile(sys.argv[1])
print(x.tests, x.failures, x.errors, x.skipped, sum(1 for s in x for c in s))";
    for (result, expected) in results().iter().zip(["5 3 1 1 5", "1 0 0 0 1"]) {
        let said = python(script, &Written::new(Format::Junit, "report.xml", result).path());
        assert_eq!(said.trim(), expected);
    }
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn csv_reads_back_with_its_columns() {
    let script = "import sys, csv
rows = list(csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))
assert all(None not in row and None not in row.values() for row in rows), rows
print(len(rows), rows[2]['path'])";
    let said = python(script, &Written::new(Format::Csv, "report.csv", &fixture::result()).path());
    assert_eq!(said.trim(), "4 h b/=ü\\u{1b}[31m<img src=x>|`,\"'%::\\n#.txt");
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn html_is_well_formed_and_its_style_is_the_one_its_policy_allows() {
    let script = "import sys, re, base64, hashlib, html.parser
text = open(sys.argv[1], encoding='utf-8').read()
void = {'meta', 'br', 'link', 'img', 'input'}
stack, seen = [], set()
class P(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        seen.add(tag)
        assert not any(name.startswith('on') or name in ('style', 'src') for name, _ in attributes), attributes
        if tag not in void: stack.append(tag)
    def handle_endtag(self, tag):
        assert stack.pop() == tag, tag
P().feed(text)
assert not stack and not seen & {'script', 'img', 'iframe', 'link', 'object', 'form'}, (stack, seen)
style = re.search('<style>(.*?)</style>', text, re.S).group(1)
assert 'sha256-' + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in text";
    for result in &results() {
        python(script, &Written::new(Format::Html, "report.html", result).path());
    }
}
