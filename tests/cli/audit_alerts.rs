//! Alerts of an audit: what is sent to whom, once, without a secret, whatever the other side does.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::audit::{Fleet, env};
use crate::support::{Run, github_token};

const HOOK_KEY: &str = "a key for signatures, for tests"; // keysweep:allow made up

/// What a hook was sent.
#[derive(Debug, Clone)]
struct Call {
    headers: Vec<(String, String)>,
    body: String,
}

impl Call {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("json")
    }
}

/// A hook on this machine: answers with the statuses it is given, then with the last one; 0 stands for never.
struct Hook {
    url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Hook {
    fn new(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let noted = Arc::clone(&calls);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for (at, stream) in listener.incoming().enumerate() {
                let mut stream = stream.expect("a client");
                let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
                let (mut headers, mut line) = (Vec::new(), String::new());
                while reader.read_line(&mut line).is_ok_and(|got| got > 0) && line.trim() != "" {
                    let header = line.trim().split_once(": ").map(|(a, b)| (a.to_ascii_lowercase(), b.to_owned()));
                    headers.extend(header);
                    line.clear();
                }
                let mut call = Call { headers, body: String::new() };
                let mut body = vec![0; call.header("content-length").parse().unwrap_or(0)];
                reader.read_exact(&mut body).expect("a body");
                call.body = String::from_utf8(body).expect("text");
                noted.lock().expect("locked").push(call);
                match statuses[at.min(statuses.len() - 1)] {
                    0 => held.push(stream),
                    status => {
                        drop(write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
                    }
                }
            }
        });
        Self { url, calls }
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("locked").clone()
    }
}

fn webhook(name: &str, variable: &str, more: &str) -> String {
    format!(
        "[[alerts.webhooks]]\nname = \"{name}\"\nurl = {{ env = \"{variable}\" }}\nprivate = true\nplain = true\n{more}\n"
    )
}

fn audit(fleet: &Fleet, hooks: &[(&str, &Hook)], more: &[&str]) -> Run {
    let mut command = fleet.command("state", &["--policy", "alerts.toml"]);
    command.args(more).env("HOOK_KEY", HOOK_KEY);
    for (variable, hook) in hooks {
        command.env(variable, &hook.url);
    }
    Run::new(command.output().expect("runs"))
}

/// HMAC-SHA-256 as RFC 2104 writes it down.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], text].concat());
    let outer = Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner].concat());
    outer.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[test]
fn a_hook_is_told_once_signed_and_without_a_secret() {
    let fleet = Fleet::new();
    fleet.repository("one");
    let token = github_token(1);
    fleet.commit("one", &format!("{token}.env"), &env(1));
    let hook = Hook::new(&[200]);
    fleet.folder.write("alerts.toml", webhook("ours", "HOOK", "key = { env = \"HOOK_KEY\" }"));
    let run = audit(&fleet, &[("HOOK", &hook)], &[]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let calls = hook.calls();
    assert_eq!(calls.len(), 1);
    let signed = format!("{}.{}", calls[0].header("x-keysweep-timestamp"), calls[0].body);
    assert_eq!(calls[0].header("x-keysweep-signature"), format!("v1={}", hmac(HOOK_KEY.as_bytes(), signed.as_bytes())));
    let alerts = calls[0].json()["alerts"].as_array().expect("alerts").clone();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!((&alerts[0]["kind"], &alerts[0]["severity"]), (&"new".into(), &"critical".into()));
    assert_eq!(audit(&fleet, &[("HOOK", &hook)], &[]).status, 0);
    assert_eq!(hook.calls().len(), 1, "nothing is new");
    // Accepted, and the decision taken back: reopened.
    let id = alerts[0]["secret_id"].as_str().expect("an id");
    fleet.folder.write("ignore", format!("{id} expires=2999-01-01 owner=ops reason=known\n"));
    assert_eq!(audit(&fleet, &[("HOOK", &hook)], &["--ignore-file", "ignore"]).status, 0);
    assert_eq!(audit(&fleet, &[("HOOK", &hook)], &[]).status, 1);
    let kinds: Vec<Value> = hook.calls().iter().map(|call| call.json()["alerts"][0]["kind"].clone()).collect();
    assert_eq!(kinds, ["new", "reopened"]);
    for call in hook.calls() {
        assert!(!call.body.contains(&token), "{}", call.body);
    }
    for file in ["state", "state.previous"] {
        let bytes = std::fs::read(fleet.path().join(file)).expect("read");
        for secret in [token.as_bytes(), HOOK_KEY.as_bytes(), hook.url.as_bytes()] {
            assert!(memchr::memmem::find(&bytes, secret).is_none(), "{file}");
        }
    }
}

#[test]
fn a_hook_that_fails_is_tried_again_in_the_run_and_in_the_next_one() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.folder.write("alerts.toml", webhook("ours", "HOOK", ""));
    let hook = Hook::new(&[503, 200]);
    assert_eq!(audit(&fleet, &[("HOOK", &hook)], &[]).status, 1, "the second try arrived");
    let calls = hook.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].header("x-keysweep-delivery"), calls[1].header("x-keysweep-delivery"), "one message");
    fleet.commit("one", "b.env", &env(2));
    let refusing = Hook::new(&[404]);
    let run = audit(&fleet, &[("HOOK", &refusing)], &[]);
    assert!(run.status == 2 && run.stderr.contains("`ours`: it refuses with status 404"), "{}", run.stderr);
    assert!(!run.stderr.contains(&refusing.url), "an address of a hook is a secret");
    assert_eq!(refusing.calls().len(), 1, "a refusal is one");
    // Nothing is new any more, but it still waits; nor is anything lost when the next run only looks after alerts.
    let alerts = ["audit", "alerts", "--state", "state", "--policy", "alerts.toml"];
    let mut command = crate::support::keysweep(fleet.path());
    let run = Run::new(command.args(alerts).env("HOOK", &hook.url).output().expect("runs"));
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(hook.calls().len(), 3);
    assert_eq!(hook.calls()[2].json()["alerts"].as_array().map(Vec::len), Some(1));
    assert_eq!(audit(&fleet, &[("HOOK", &hook)], &[]).status, 0);
    assert_eq!(hook.calls().len(), 3, "told once");
}

#[test]
fn a_hook_that_hangs_ends_and_holds_up_no_other() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let log = "[[alerts.logs]]\nname = \"lines\"\nfile = \"alerts.jsonl\"\n";
    fleet.folder.write("alerts.toml", webhook("slow", "HOOK", "timeout-seconds = 1") + log);
    let hook = Hook::new(&[0]);
    let run = audit(&fleet, &[("HOOK", &hook)], &[]);
    assert!(run.status == 2 && run.stderr.contains("`slow`"), "{}", run.stderr);
    assert!(run.stdout.contains("1 secret open"), "the report is out: {}", run.stdout);
    let path = fleet.path().join("alerts.jsonl");
    let lines = std::fs::read_to_string(&path).expect("written");
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fleet.state("check").status, 0);
}

#[test]
fn services_are_sent_their_own_forms_and_no_more_than_they_should() {
    let fleet = Fleet::new();
    fleet.repository("one");
    for number in 0..3 {
        fleet.commit("one", &format!("{number}.env"), &env(number));
    }
    let (slack, teams, pager) = (Hook::new(&[200]), Hook::new(&[202]), Hook::new(&[202]));
    let policy = "[alerts]\nmost-per-hour = 2\n".to_owned()
        + &webhook("chat", "SLACK", "shape = \"slack\"")
        + &webhook("cards", "TEAMS", "shape = \"teams\"")
        + &webhook("pager", "PAGER", "shape = \"pagerduty\"\nkey = { env = \"HOOK_KEY\" }");
    fleet.folder.write("alerts.toml", policy);
    let hooks = [("SLACK", &slack), ("TEAMS", &teams), ("PAGER", &pager)];
    let run = audit(&fleet, &hooks, &[]);
    assert!(run.status == 1 && run.stderr.contains("1 alert wait for a later run"), "{}", run.stderr);
    let message = slack.calls()[0].json();
    assert_eq!((slack.calls().len(), message["blocks"].as_array().map(Vec::len)), (1, Some(4)), "{message:#}");
    assert!(message["text"].as_str().is_some_and(|text| text.contains("3 new")), "{message:#}");
    let card = &teams.calls()[0].json()["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(card["content"]["body"].as_array().map(Vec::len), Some(4));
    let events = pager.calls();
    assert_eq!(events.len(), 2, "the third is held back");
    for event in events.iter().map(Call::json) {
        assert_eq!((&event["event_action"], &event["payload"]["severity"]), (&"trigger".into(), &"critical".into()));
        assert_eq!(event["routing_key"], HOOK_KEY);
    }
    assert_ne!(events[0].json()["dedup_key"], events[1].json()["dedup_key"]);
    for number in 0..3 {
        for call in slack.calls().iter().chain(&teams.calls()).chain(&pager.calls()) {
            assert!(!call.body.contains(&github_token(number)));
        }
    }
}

#[test]
fn overdue_live_and_lost_coverage_are_told_and_a_dry_run_leaves_them_due() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.repository("two");
    fleet.commit("one", "a.env", &env(1));
    fleet.commit("two", "clean", "clean\n");
    let policy = "[alerts]\non = [\"overdue\", \"live\", \"coverage-lost\"]\ndeadlines = { critical = 0 }\n";
    fleet
        .folder
        .write("alerts.toml", policy.to_owned() + "[[alerts.logs]]\nname = \"lines\"\nfile = \"alerts.jsonl\"\n");
    let (_, document) = fleet.audit(&[]);
    let secret = fleet.secrets(&document)[0]["secret_id"].clone();
    // Its deadline is over a second later.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    std::fs::write(fleet.path().join("repositories/two/.git/HEAD"), "nonsense").expect("written");
    let verified = |at: &str, key: &Value| {
        let said = json!([{ "secret_id": secret, "liveness": "live", "rule": "r", "owner": "somebody" }]);
        fleet
            .folder
            .write("verified.json", json!({ "schema": 1, "key_id": key, "at": at, "secrets": said }).to_string());
    };
    verified("2026-11-20T00:00:00Z", &"organisation:00000000".into());
    let run = audit(&fleet, &[], &["--verified", "verified.json", "--dry-run"]);
    assert!(run.stderr.contains("overdue") && !run.stderr.contains("Verified live"), "{}", run.stderr);
    verified("2026-11-20T00:00:00Z", &document["key_id"]);
    for _ in 0..2 {
        let run = audit(&fleet, &[], &["--verified", "verified.json", "--dry-run"]);
        assert_eq!(run.status, 2, "a repository cannot be opened");
        for kind in ["overdue", "\"live\"", "coverage-lost"] {
            assert!(run.stderr.contains(kind), "{kind}: {}", run.stderr);
        }
        assert!(!run.stderr.contains(&github_token(1)));
        assert!(!fleet.path().join("alerts.jsonl").exists(), "nothing is sent");
    }
    audit(&fleet, &[], &[]);
    let kinds = || {
        let text = std::fs::read_to_string(fleet.path().join("alerts.jsonl")).expect("written");
        let kind = |line: &str| serde_json::from_str::<Value>(line).expect("json")["kind"].as_str().map(str::to_owned);
        let mut kinds: Vec<String> = text.lines().filter_map(kind).collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(), ["coverage-lost", "live", "overdue"]);
    audit(&fleet, &[], &[]);
    assert_eq!(kinds().len(), 3, "told once");
    // Mended and lost again: that is another time.
    std::fs::write(fleet.path().join("repositories/two/.git/HEAD"), "ref: refs/heads/main\n").expect("written");
    audit(&fleet, &[], &[]);
    assert_eq!(kinds().len(), 3);
    std::fs::write(fleet.path().join("repositories/two/.git/HEAD"), "nonsense").expect("written");
    audit(&fleet, &[], &[]);
    assert_eq!(kinds(), ["coverage-lost", "coverage-lost", "live", "overdue"]);
    let (_, document) = fleet.audit(&[]);
    assert_eq!(fleet.secrets(&document)[0]["verified"], json!({ "at": "2026-11-20T00:00:00Z", "live": true }));
}

#[test]
fn syslog_gets_a_line_of_its_form_for_each() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let path = fleet.path().join("log.socket");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("bound");
    let syslog = format!("[[alerts.logs]]\nname = \"syslog\"\nsyslog = \"unix:{}\"\n", path.display());
    fleet.folder.write("alerts.toml", syslog);
    assert_eq!(audit(&fleet, &[], &[]).status, 1);
    let mut bytes = [0; 4096];
    let got = socket.recv(&mut bytes).expect("a line");
    let line = std::str::from_utf8(&bytes[..got]).expect("text");
    let (head, text) = line.split_once(" - keysweep - new - ").expect("host, program, kind");
    assert!(head.starts_with("<130>1 20") && head.ends_with('Z'), "{line}");
    assert_eq!(serde_json::from_str::<Value>(text).expect("json")["kind"], "new");
    assert!(!line.contains(&github_token(1)));
}

#[test]
fn alerts_are_read_from_the_operator_alone_and_change_no_coverage() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.folder.write("keysweep.toml", "[alerts]\n");
    let run = fleet.run(&[]);
    assert!(run.status == 2 && run.stderr.contains("--policy"), "{}", run.stderr);
    std::fs::remove_file(fleet.path().join("keysweep.toml")).expect("removed");
    fleet.folder.write("alerts.toml", "[alerts]\n");
    audit(&fleet, &[], &[]);
    fleet.folder.write("alerts.toml", "[alerts]\nmost-per-hour = 3\n");
    let run = audit(&fleet, &[], &[]);
    assert!(run.status == 0 && run.stdout.contains("0 new objects"), "{}", run.stdout);
    fleet.folder.write("alerts.toml", "[alerts]\nmost = 3\n");
    let run = audit(&fleet, &[], &[]);
    assert!(run.status == 2 && run.stderr.contains("most"), "{}", run.stderr);
    let hook = Hook::new(&[200]);
    fleet.folder.write("alerts.toml", webhook("ours", "HOOK", ""));
    let mut command = crate::support::keysweep(fleet.path());
    command.args(["audit", "alerts", "--state", "state", "--policy", "alerts.toml", "--test"]).env("HOOK", &hook.url);
    assert_eq!(Run::new(command.output().expect("runs")).status, 0);
    assert!(hook.calls()[0].body.contains("This is a test"));
}

/// A mail server that keeps what it takes.
struct MailServer {
    process: std::process::Child,
    port: String,
}

impl MailServer {
    fn new(fleet: &Fleet, more: &[&str]) -> Self {
        let venv = std::env::var_os("KEYSWEEP_TEST_VENV").expect("KEYSWEEP_TEST_VENV is not set: run tests/run");
        let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/smtp_server.py");
        std::fs::create_dir_all(fleet.path().join("mail")).expect("made");
        let mut command = std::process::Command::new(std::path::Path::new(&venv).join("bin/python"));
        command.current_dir(fleet.path()).arg(script).arg("mail").args(more);
        let pipes = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut process = pipes.spawn().expect("python runs");
        let mut port = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut port).expect("a port");
        Self { process, port: port.trim().to_owned() }
    }

    fn mails(&self, fleet: &Fleet) -> Vec<Value> {
        let read = |at: usize| std::fs::read(fleet.path().join(format!("mail/{at}.json"))).ok();
        (0..).map_while(read).map(|text| serde_json::from_slice(&text).expect("json")).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn mail(server: &MailServer, more: &str) -> String {
    format!(
        "[[alerts.mail]]\nname = \"mail\"\nserver = \"localhost:{}\"\nfrom = \"audit@example.invalid\"\n\
         to = [\"security@example.invalid\", \"ops@example.invalid\"]\nprivate = true\n{more}\n",
        server.port
    )
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn a_mail_server_takes_one_message_for_all_alerts_of_a_run() {
    let fleet = Fleet::new();
    fleet.repository("one");
    for number in 0..3 {
        fleet.commit("one", &format!("{number}.env"), &env(number));
    }
    fleet.commit("one", "gr\u{fc}n.env", &env(3));
    let server = MailServer::new(&fleet, &[]);
    fleet.folder.write("alerts.toml", mail(&server, "tls = \"none\""));
    let run = audit(&fleet, &[], &[]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let mails = server.mails(&fleet);
    assert_eq!(mails.len(), 1);
    let (headers, text) = (&mails[0]["headers"], mails[0]["text"].as_str().expect("a text"));
    assert_eq!(mails[0]["to"], json!(["security@example.invalid", "ops@example.invalid"]));
    assert_eq!((&headers["Subject"], &mails[0]["defects"]), (&"keysweep audit: 4 new".into(), &json!([])));
    assert_eq!(headers["To"], "security@example.invalid, ops@example.invalid");
    assert!(text.contains("gr\u{fc}n.env:1") && text.matches("New critical secret").count() == 4, "{text}");
    assert!((0..4).all(|number| !mails[0].to_string().contains(&github_token(number))));
    assert_eq!(audit(&fleet, &[], &[]).status, 0);
    assert_eq!(server.mails(&fleet).len(), 1, "told once");
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn a_password_goes_to_a_mail_server_under_verified_tls_alone() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
    let made = std::process::Command::new("openssl")
        .current_dir(fleet.path())
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-keyout", "mail.key", "-out", "mail.pem"])
        .args([&subject[..], &leaf[..]].concat())
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let server = MailServer::new(&fleet, &["mail.pem", "mail.key", "audit", HOOK_KEY]);
    let login = "user = \"audit\"\npassword = { env = \"HOOK_KEY\" }\n";
    fleet.folder.write("alerts.toml", mail(&server, login));
    let run = audit(&fleet, &[], &[]);
    assert!(run.status == 2 && run.stderr.contains("`mail`"), "nobody vouches for it: {}", run.stderr);
    fleet.folder.write("wrong", "another one");
    fleet.folder.write(
        "alerts.toml",
        mail(&server, "user = \"audit\"\npassword = { file = \"wrong\" }\nca-file = \"mail.pem\""),
    );
    let run = audit(&fleet, &[], &[]);
    assert!(run.status == 2 && run.stderr.contains("code 535"), "{}", run.stderr);
    assert_eq!(server.mails(&fleet), Vec::<Value>::new());
    fleet.folder.write("alerts.toml", mail(&server, &format!("{login}ca-file = \"mail.pem\"")));
    let run = audit(&fleet, &[], &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let mails = server.mails(&fleet);
    assert_eq!((mails.len(), &mails[0]["tls"], &mails[0]["authenticated"]), (1, &true.into(), &true.into()));
    assert!(!run.stderr.contains(HOOK_KEY));
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn another_program_reads_our_syslog() {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("bound");
    let port = socket.local_addr().expect("an address").port();
    fleet.folder.write("alerts.toml", format!("[[alerts.logs]]\nname = \"l\"\nsyslog = \"udp:127.0.0.1:{port}\"\n"));
    assert_eq!(audit(&fleet, &[], &[]).status, 1);
    let mut bytes = [0; 4096];
    let got = socket.recv(&mut bytes).expect("a line");
    let venv = std::env::var_os("KEYSWEEP_TEST_VENV").expect("KEYSWEEP_TEST_VENV is not set: run tests/run");
    let script = "import sys, json\nfrom syslog_rfc5424_parser import SyslogMessage\n\
                  m = SyslogMessage.parse(sys.argv[1])\nprint(m.severity.name, m.facility.name, m.appname, m.msgid)\n\
                  assert json.loads(m.msg)['kind'] == 'new'";
    let output = std::process::Command::new(std::path::Path::new(&venv).join("bin/python"))
        .args(["-c", script, std::str::from_utf8(&bytes[..got]).expect("text")])
        .output()
        .expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), "crit local0 keysweep new", "{}", String::from_utf8_lossy(&output.stderr));
}
