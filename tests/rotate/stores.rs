//! Stores of vendors' services as destinations, in whole runs against the simulator.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::proxy::{Fate, Proxy, answer};
use crate::servers::venv;
use crate::simulator::{STORE, Simulator};
use crate::work::{Work, made_up};

/// A leaked SendGrid key whose copy is in a store.
fn work(simulator: &Simulator, port: u16, seed: u64, store: &str, parameters: &str) -> (Work, String) {
    let value = made_up("SG.{base64url:22}.{base64url:43}", seed);
    simulator.token(&value);
    let mut work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["sendgrid-key:service:*"]
[[rotation.targets]]
kind = "saas"
name = "service"
environment = "test"
provider = "sendgrid-key"
address = "http://127.0.0.1:{}"
private-address = true
plain-http = true
[[rotation.destinations]]
name = "copy"
owners = ["sendgrid-key:service:*"]
keys = {{ SENDGRID = "{{value}}" }}
[rotation.destinations.at.service]
provider = "{store}"
address = "http://127.0.0.1:{port}"
private-address = true
plain-http = true
token = {{ env = "STORE" }}
parameters = {{ {parameters} }}
"#,
        simulator.port
    ));
    work.environment.push(("STORE".into(), STORE.into()));
    work.write("leak.txt", &format!("token: \"{value}\"\n"));
    (work, value)
}

/// Runs Python with PyNaCl, which is libsodium: not the library we seal with.
fn python(script: &str, input: &str) -> String {
    let mut child = Command::new(venv().join("bin/python"))
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs: tests/run installs it");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("sent");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn the_living(simulator: &Simulator) -> String {
    let living = simulator.with(|state| state.living());
    assert_eq!(living.len(), 1, "exactly one lives");
    living[0].clone()
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn a_sealed_secret_is_opened_by_its_owner_and_nobody_loses_sight_of_it() {
    let simulator = Simulator::start();
    let keys = python(
        "import nacl.public, base64\nk = nacl.public.PrivateKey.generate()\n\
         print(base64.b64encode(bytes(k)).decode(), base64.b64encode(bytes(k.public_key)).decode())",
        "",
    );
    let (private, public) = keys.split_once(' ').expect("two keys");
    let path = "/orgs/o/actions/secrets/SENDGRID";
    simulator.with(|state| {
        state.public_key = public.to_owned();
        state.stored.insert(path.into(), json!({ "updated_at": "2026-01-01T00:00:00Z", "visibility": "selected" }));
    });
    let (work, old) = work(&simulator, simulator.port, 1, "github-organization-secret", "org = \"o\"");
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("github-organization-secret o (write-only)"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let stored = simulator.with(|state| state.stored[path].clone());
    assert_eq!(stored["visibility"], "selected", "who may use it stays");
    assert_eq!(stored["selected_repository_ids"], json!([11, 12]));
    let script = "import sys, nacl.public, base64\nk, c = sys.stdin.read().split()\n\
                  box = nacl.public.SealedBox(nacl.public.PrivateKey(base64.b64decode(k)))\n\
                  print(box.decrypt(base64.b64decode(c)).decode())";
    let opened = python(script, &format!("{private} {}", stored["encrypted_value"].as_str().expect("sealed")));
    assert_eq!(opened, the_living(&simulator));
    run.assert_silent(&[&old, &opened, STORE]);
    work.assert_not_on_disk(&[&old, &opened, STORE], &["leak.txt"]);
}

#[test]
fn law_8_a_write_only_store_is_written_again_after_a_kill() {
    let path = "/repos/o/r/actions/secrets/SENDGRID";
    for (seed, point) in
        [(2, "after-act:distribute-0"), (3, "after-outcome:distribute-0"), (4, "after-intent:verify-at-0")]
    {
        let simulator = Simulator::start();
        simulator.with(|state| {
            state.public_key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned();
            state.stored.insert(path.into(), json!({ "updated_at": "2026-01-01T00:00:00Z", "visibility": null }));
        });
        let (work, _) = work(&simulator, simulator.port, seed, "github-actions-secret", "owner = \"o\", repo = \"r\"");
        work.plan(&[]);
        work.killed_at(point, &["rotate", "apply", "plan.json", "--yes"]);
        let run = work.keysweep(&["rotate", "resume", &work.run_name()]);
        assert_eq!(run.status, Some(0), "{point}: {run:?}");
        the_living(&simulator);
        assert!(simulator.with(|state| state.stored[path]["encrypted_value"].is_string()), "{point}");
    }
}

#[test]
fn law_5_a_variable_that_holds_something_else_stops_the_run() {
    let simulator = Simulator::start();
    let path = "/api/v4/projects/7/variables/SENDGRID";
    let parameters = "project = \"7\", scope = \"*\"";
    let (work, old) = work(&simulator, simulator.port, 5, "gitlab-project-variable", parameters);
    simulator.with(|state| state.stored.insert(path.into(), json!({ "key": "SENDGRID", "value": "something else" })));
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("does not hold the leaked value"), "{plan:?}");
    simulator.with(|state| state.stored.insert(path.into(), json!({ "key": "SENDGRID", "value": old })));
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(simulator.with(|state| state.stored[path]["value"].clone()), json!(the_living(&simulator)));
}

/// A store that is played here: what it holds, as Google and Azure show it, one version after the other.
#[test]
fn stores_of_clouds_get_a_new_version_that_keeps_what_belongs_to_it() {
    let simulator = Simulator::start();
    for (seed, store, parameters) in [(21, "google-secret", "project = \"p\""), (22, "azure-key-vault-secret", "")] {
        let held = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let shared = std::sync::Arc::clone(&held);
        let json_answer = |body: Value| answer("200 OK", "Content-Type: application/json\r\n", &body.to_string());
        let proxy = Proxy::start(1, move |call| {
            let (head, body) = call.split_once("\r\n\r\n").expect("a call");
            let mut held = shared.lock().expect("the value");
            if !head.contains(&format!("authorization: Bearer {STORE}")) {
                return answer("401 Unauthorized", "", "{}");
            }
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            let first = head.lines().next().unwrap_or_default();
            match first.trim_end_matches(" HTTP/1.1") {
                "GET /v1/projects/p/secrets/SENDGRID/versions/latest:access" => json_answer(
                    json!({ "name": "projects/1/secrets/SENDGRID/versions/4", "payload": { "data": base64(&held) } }),
                ),
                "POST /v1/projects/p/secrets/SENDGRID:addVersion" => {
                    *held = unbase64(body["payload"]["data"].as_str().expect("base64"));
                    json_answer(json!({ "name": "projects/1/secrets/SENDGRID/versions/5", "state": "ENABLED" }))
                }
                "GET /secrets/SENDGRID?api-version=7.4" => json_answer(json!({
                    "value": *held, "id": "v4", "contentType": "text/plain", "tags": { "team": "mail" },
                    "attributes": { "enabled": true, "created": 1_700_000_000, "exp": 1_700_086_400 },
                })),
                "PUT /secrets/SENDGRID?api-version=7.4" => {
                    assert_eq!(body["contentType"], "text/plain", "what is left out would be gone in the new version");
                    assert_eq!(body["tags"], json!({ "team": "mail" }));
                    let now =
                        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("now").as_secs();
                    let runs_out = body["attributes"]["exp"].as_u64().expect("it runs out, as the old one did");
                    assert!((now + 86_390..=now + 86_410).contains(&runs_out), "after as long a time: {runs_out}");
                    *held = body["value"].as_str().expect("a text").to_owned();
                    json_answer(json!({ "value": *held, "id": "v5" }))
                }
                _ => answer("404 Not Found", "", "{}"),
            }
        });
        let (work, old) = work(&simulator, proxy.port, seed, store, parameters);
        held.lock().expect("the value").clone_from(&old);
        work.plan(&[]);
        let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
        assert_eq!(run.status, Some(0), "{store}: {run:?}");
        let new = held.lock().expect("the value").clone();
        assert_eq!(new, the_living(&simulator), "{store}");
        simulator.kill_by_hand(&new);
    }
}

/// Stores that show what they hold, or when it changed: path, what stands there, and where the value comes.
#[test]
fn doppler_circleci_buildkite_and_azure_devops_follow() {
    let stores = [
        (
            "circleci-context-variable",
            "context = \"c1\"",
            "/api/v2/context/c1/environment-variable",
            json!({ "items": [{ "variable": "SENDGRID", "context_id": "c1" }], "next_page_token": null }),
        ),
        (
            "doppler-secret",
            "project = \"shop\", config = \"prd\"",
            "/v3/configs/config/secret",
            json!({ "name": "SENDGRID", "value": { "raw": "OLD", "computed": "OLD" } }),
        ),
        (
            "buildkite-secret",
            "organization = \"acme\", cluster = \"c1\", secret = \"s1\"",
            "/v2/organizations/acme/clusters/c1/secrets/s1",
            json!({ "id": "s1", "key": "SENDGRID", "updated_at": "2026-01-01T00:00:00Z" }),
        ),
        (
            "azure-devops-variable-group",
            "organization = \"acme\", project = \"shop\", group = \"3\"",
            "/acme/shop/_apis/distributedtask/variablegroups/3",
            json!({
                "id": 3, "name": "mail", "type": "Vsts", "modifiedOn": "2026-01-01T00:00:00Z",
                "variableGroupProjectReferences": [{ "name": "mail", "projectReference": { "id": "p" } }],
                "variables": { "SENDGRID": { "isSecret": true, "value": null }, "HOST": { "value": "mail.example" } },
            }),
        ),
    ];
    for (seed, (store, parameters, path, state)) in (60..).zip(stores) {
        let simulator = Simulator::start();
        let held = std::sync::Arc::new(std::sync::Mutex::new((state, Value::Null)));
        let shared = std::sync::Arc::clone(&held);
        let proxy = Proxy::start(1, move |call| {
            let (head, body) = call.split_once("\r\n\r\n").expect("a call");
            let basic = format!("authorization: Basic {}", base64(&format!(":{STORE}")));
            let ways = [format!("authorization: Bearer {STORE}"), basic, format!("circle-token: {STORE}")];
            if !ways.iter().any(|way| head.contains(way)) {
                return answer("401 Unauthorized", "", "{}");
            }
            let mut words = head.lines().next().unwrap_or_default().split(' ');
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let mut held = shared.lock().expect("what is held");
            let (state, sent) = &mut *held;
            match method {
                "GET" if target.split('?').next() == Some(path) => {}
                "POST" if target == "/v3/configs/config/secrets" => {
                    *sent = serde_json::from_str(body).expect("JSON");
                    state["value"]["raw"] = sent["secrets"]["SENDGRID"].clone();
                }
                "PUT" if !target.contains("/api/v2/") || target == format!("{path}/SENDGRID") => {
                    *sent = serde_json::from_str(body).expect("JSON");
                    for time in ["updated_at", "modifiedOn"] {
                        if state.get(time).is_some() {
                            state[time] = "2026-11-29T00:00:00Z".into();
                        }
                    }
                }
                _ => return answer("404 Not Found", "", "{}"),
            }
            answer("200 OK", "Content-Type: application/json\r\n", &state.to_string())
        });
        let (work, old) = work(&simulator, proxy.port, seed, store, parameters);
        if store == "doppler-secret" {
            held.lock().expect("what is held").0["value"]["raw"] = old.as_str().into();
        }
        work.plan(&[]);
        let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
        assert_eq!(run.status, Some(0), "{store}: {run:?}");
        let (new, sent) = (the_living(&simulator), held.lock().expect("what is held").1.clone());
        match store {
            "doppler-secret" => {
                assert_eq!(sent, json!({ "project": "shop", "config": "prd", "secrets": { "SENDGRID": new } }));
            }
            "buildkite-secret" | "circleci-context-variable" => assert_eq!(sent, json!({ "value": new })),
            _ => {
                assert_eq!(sent["variables"]["SENDGRID"], json!({ "isSecret": true, "value": new }));
                assert_eq!(
                    sent["variables"]["HOST"],
                    json!({ "value": "mail.example" }),
                    "what is left out would be gone"
                );
                assert_eq!((&sent["name"], &sent["type"]), (&json!("mail"), &json!("Vsts")));
                assert!(sent["variableGroupProjectReferences"].is_array() && sent.get("id").is_none());
            }
        }
        work.assert_not_on_disk(&[&old, &new, STORE], &["leak.txt"]);
    }
}

#[test]
fn programs_of_the_operators_are_given_the_value_by_standard_input() {
    let simulator = Simulator::start();
    let (work, old) = crate::saas::sendgrid(simulator.port, &simulator, 90, "");
    let at = "at.command = { write = [\"sh\", \"-c\", \"cat >kept-$KEYSWEEP_KEY\"], read = [\"sh\", \"-c\", \"cat kept-$KEYSWEEP_KEY\"] }";
    let policy = work.read("policy.toml").replace("at.file.path = \"deploy/app.env\"", at);
    work.write("policy.toml", &policy);
    work.write("kept-TOKEN", "somebody else's\n");
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("holds something else"), "{plan:?}");
    work.write("kept-TOKEN", &format!("{old}\n"));
    work.plan(&[]);
    work.killed_at("after-act:distribute-0", &["rotate", "apply", "plan.json", "--yes"]);
    let run = work.keysweep(&["rotate", "resume", &work.run_name()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(work.read("kept-TOKEN"), the_living(&simulator));
    run.assert_silent(&[&old, &work.read("kept-TOKEN")]);
}

#[test]
fn a_group_variable_follows() {
    let simulator = Simulator::start();
    let path = "/api/v4/groups/acme/variables/SENDGRID";
    let parameters = "group = \"acme\", scope = \"*\"";
    let (work, old) = work(&simulator, simulator.port, 23, "gitlab-group-variable", parameters);
    simulator
        .with(|state| state.stored.insert(path.into(), json!({ "key": "SENDGRID", "value": old, "masked": true })));
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let stored = simulator.with(|state| state.stored[path].clone());
    assert_eq!((&stored["value"], &stored["masked"]), (&json!(the_living(&simulator)), &json!(true)));
}

#[test]
fn law_4_another_writer_and_a_lost_answer_are_seen() {
    let simulator = Simulator::start();
    let path = "/api/v1/namespaces/shop/secrets/mail";
    let times = std::sync::atomic::AtomicUsize::new(0);
    let proxy = Proxy::start(simulator.port, move |call| {
        if !call.starts_with("PATCH") {
            return Fate::Pass;
        }
        match times.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => answer("409 Conflict", "", "{}"),
            1 => Fate::Lose,
            _ => Fate::Pass,
        }
    });
    let (work, old) = work(&simulator, proxy.port, 6, "kubernetes-secret", "namespace = \"shop\", name = \"mail\"");
    let encoded = base64(&old);
    let secret = json!({ "data": { "SENDGRID": encoded, "OTHER": "eA==" }, "metadata": { "resourceVersion": "5" } });
    simulator.with(|state| state.stored.insert(path.into(), secret));
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let stored: Value = simulator.with(|state| state.stored[path].clone());
    assert_eq!(stored["data"], json!({ "SENDGRID": base64(&the_living(&simulator)), "OTHER": "eA==" }));
    assert_eq!(proxy.count("PATCH"), 2, "refused once, then applied and looked for");
}

fn base64(text: &str) -> String {
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let number = chunk.iter().fold(0u32, |n, byte| n << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let index = (number >> (18 - 6 * at)) as usize & 63;
            out.push(if at <= chunk.len() { char::from(letters[index]) } else { '=' });
        }
    }
    out
}

fn unbase64(text: &str) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut number, mut bits, mut out) = (0u32, 0, Vec::new());
    for letter in text.bytes().take_while(|letter| *letter != b'=') {
        let value = letters.iter().position(|known| *known == letter).expect("base64");
        number = number << 6 | u32::try_from(value).expect("small");
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((number >> bits & 255) as u8);
        }
    }
    String::from_utf8(out).expect("text")
}
