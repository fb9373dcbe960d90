//! Deploy keys: a vendor's calls, played here as GitHub's page tells them, change what a real OpenSSH server lets in.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::proxy::{Fate, Proxy, read_message};
use crate::servers::{Account, key_pair, openssh};
use crate::work::Work;

/// The keys of a repository, as the vendor lists them.
type Keys = Arc<Mutex<Vec<Value>>>;

/// A vendor whose keys the account's `authorized_keys` holds. Returns its port.
fn vendor(account: &Arc<Account>, keys: &Keys) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    // The thread outlives the test; the server must not.
    let (account, keys) = (Arc::downgrade(account), Arc::clone(keys));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Some(account) = account.upgrade() else { break };
            let Some(call) = read_message(&mut stream) else { continue };
            let text = String::from_utf8_lossy(&call).into_owned();
            let (head, body) = text.split_once("\r\n\r\n").expect("a call");
            let mut keys = keys.lock().expect("the list");
            let (status, answer) = if !head.contains("Bearer made-up-admin") {
                (401, json!({ "message": "Bad credentials" }))
            } else if head.starts_with("GET /repos/acme/web/keys") {
                (200, keys.clone().into())
            } else if head.starts_with("POST /repos/acme/web/keys") {
                let mut key: Value = serde_json::from_str(body).expect("JSON");
                let used = keys.iter().any(|known| known["key"] == key["key"]);
                key["id"] = (keys.len() + 100).into();
                if used {
                    (422, json!({ "message": "key is already in use" }))
                } else {
                    keys.push(key.clone());
                    (201, key)
                }
            } else if let Some(id) = head.strip_prefix("DELETE /repos/acme/web/keys/") {
                let id = id.split(' ').next().unwrap_or_default();
                let before = keys.len();
                keys.retain(|key| key["id"].as_u64() != id.parse().ok());
                (if keys.len() < before { 204 } else { 404 }, Value::Null)
            } else {
                (404, json!({ "message": "Not Found" }))
            };
            admit(&account, &keys);
            let body = if answer.is_null() { String::new() } else { answer.to_string() };
            let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n");
            let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        }
    });
    port
}

fn admit(account: &Account, keys: &[Value]) {
    let lines = keys.iter().map(|key| format!("{}\n", key["key"].as_str().expect("a key")));
    account.write_keys(&lines.collect::<String>());
}

fn work(account: &Account, keys: &Keys, port: u16) -> (Work, String) {
    let work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["github-deploy-key:repository:repo/acme/web"]
[[rotation.targets]]
kind = "saas"
provider = "github-deploy-key"
name = "repository"
environment = "test"
rules = ["private-key-openssh"]
address = "http://127.0.0.1:{port}"
admin = {{ command = ["echo", "made-up-admin"] }}
parameters = {{ owner = "acme", repo = "web" }}
known-hosts = "known_hosts"
ssh-host = "127.0.0.1:{}"
private-address = true
plain-http = true
propagation-seconds = 0
[[rotation.destinations]]
name = "runner"
owners = ["github-deploy-key:*"]
keys = {{ key = "{{value}}" }}
at.file = {{ path = "deploy/id", form = "whole" }}
"#,
        account.server.port
    ));
    work.write("known_hosts", &account.known_host());
    key_pair(&work.path().join("leak.txt"), "ed25519");
    let public = work.read("leak.txt.pub").split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let mut list = keys.lock().expect("the list");
    *list = vec![
        json!({ "id": 1, "title": "a colleague's", "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMade0up", "read_only": true }),
        json!({ "id": 7, "title": "runner", "key": public, "read_only": false }),
    ];
    admit(account, &list);
    drop(list);
    let old = work.read("leak.txt");
    work.write("deploy/id", &old);
    (work, old)
}

fn assert_turned(keys: &Keys, work: &Work, old: &str) {
    let list = keys.lock().expect("the list").clone();
    assert_eq!(list.len(), 2, "law 8: {list:?}");
    assert_eq!(list[0]["id"], 1, "the colleague's is untouched");
    assert!(list[1]["title"].as_str().is_some_and(|title| title.starts_with("keysweep-")), "{list:?}");
    assert_eq!(list[1]["read_only"], false, "rights are taken over");
    let new = work.read("deploy/id");
    assert!(new != old && new.starts_with("-----BEGIN OPENSSH"));
    let body = |text: &str| text.lines().nth(2).expect("a line").to_owned();
    work.assert_not_on_disk(&[&body(old)], &["leak.txt"]);
    work.assert_not_on_disk(&[&body(&new)], &["deploy/id"]);
    let evidence = work.evidence();
    assert_eq!((&evidence["body"]["state"], &evidence["body"]["control"]), (&"proven".into(), &true.into()));
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_deploy_key_is_turned_with_its_rights_and_proven_by_logins() {
    let (account, keys) = (Arc::new(openssh("git")), Keys::default());
    let port = vendor(&account, &keys);
    let (work, old) = work(&account, &keys, port);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("DELETE /repos/acme/web/keys/7"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&keys, &work, &old);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_1_a_key_that_another_repository_knows_is_not_touched() {
    let (account, keys) = (Arc::new(openssh("git")), Keys::default());
    let port = vendor(&account, &keys);
    let (work, _) = work(&account, &keys, port);
    let here = account.keys();
    keys.lock().expect("the list").remove(1);
    account.write_keys(&here);
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("does not list it"), "{plan:?}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_4_lost_answers_and_kills_leave_one_key() {
    let (account, keys) = (Arc::new(openssh("git")), Keys::default());
    let upstream = vendor(&account, &keys);
    for lost in ["POST", "DELETE"] {
        let first = std::sync::atomic::AtomicBool::new(true);
        let proxy = Proxy::start(upstream, move |call| {
            let lose = call.starts_with(lost) && first.swap(false, std::sync::atomic::Ordering::SeqCst);
            if lose { Fate::Lose } else { Fate::Pass }
        });
        let (work, old) = work(&account, &keys, proxy.port);
        work.plan(&[]);
        let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
        assert_eq!(run.status, Some(0), "the answer to {lost} is lost: {run:?}");
        assert_turned(&keys, &work, &old);
    }
    for point in
        ["after-intent:issue", "after-act:issue", "after-act:distribute-0", "after-intent:delete", "after-act:delete"]
    {
        let (work, old) = work(&account, &keys, upstream);
        work.plan(&[]);
        work.killed_at(point, &["rotate", "apply", "plan.json", "--yes"]);
        let run = work.keysweep(&["rotate", "resume", &work.run_name()]);
        assert_eq!(run.status, Some(0), "law 8: killed at {point}: {run:?}");
        assert_turned(&keys, &work, &old);
    }
}
