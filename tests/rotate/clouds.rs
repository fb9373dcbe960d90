//! Keys of Google's service accounts and of Azure's storage accounts, in whole runs against servers that are played here as the
//! vendors' pages tell. What Google would check is checked by openssl, not by the library we sign with.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::crash::matrix;
use crate::proxy::{Fate, Proxy, answer};
use crate::work::{Work, made_up};

const ADMIN: &str = "made-up-cloud-admin"; // keysweep:allow made up

fn said(status: &str, body: &Value) -> Fate {
    answer(status, "Content-Type: application/json\r\n", &body.to_string())
}

fn first_line(call: &str) -> (&str, &str) {
    let mut words = call.lines().next().unwrap_or_default().split(' ');
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl runs: tests/run installs it");
    child.stdin.take().expect("a pipe").write_all(input).expect("sent");
    child.wait_with_output().expect("it ends").stdout
}

fn base64(bytes: &[u8]) -> String {
    String::from_utf8(openssl(&["base64", "-A"], bytes)).expect("text")
}

fn unbase64(text: &str) -> Vec<u8> {
    let mut plain = text.replace('-', "+").replace('_', "/");
    while !plain.len().is_multiple_of(4) {
        plain.push('=');
    }
    openssl(&["base64", "-d", "-A"], plain.as_bytes())
}

/// A service account with its keys: id, and public half.
#[derive(Default)]
struct Account {
    keys: BTreeMap<String, (String, bool)>,
    made: usize,
}

const EMAIL: &str = "app@made-up.iam.gserviceaccount.com";

impl Account {
    /// Makes a key; its file comes back.
    fn make(&mut self) -> String {
        self.made += 1;
        let private = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"");
        let public = String::from_utf8(openssl(&["pkey", "-pubout"], &private)).expect("text");
        let id = format!("{:040x}", 0xa11ce + self.made);
        self.keys.insert(id.clone(), (public, true));
        let private = json!(String::from_utf8(private).expect("text"));
        // In Google's order.
        format!(
            "{{\n  \"type\": \"service_account\",\n  \"project_id\": \"made-up\",\n  \"private_key_id\": \"{id}\",\n  \
             \"private_key\": {private},\n  \"client_email\": \"{EMAIL}\",\n  \"client_id\": \"1\"\n}}\n"
        )
    }

    /// What the token endpoint says to an assertion.
    fn token(&self, call: &str, folder: &Path) -> Fate {
        let assertion = call.split("assertion=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default();
        let parts: Vec<&str> = assertion.split('.').collect();
        let [head, claims, signature] = parts[..] else { return said("400 Bad Request", &json!({})) };
        let json = |part: &str| serde_json::from_slice::<Value>(&unbase64(part)).expect("JSON");
        let (head, read) = (json(head), json(claims));
        assert_eq!((&read["iss"], &head["alg"]), (&json!(EMAIL), &json!("RS256")));
        assert_eq!(read["aud"], "https://oauth2.googleapis.com/token");
        let signed = &assertion[..assertion.rfind('.').expect("a dot")];
        std::fs::write(folder.join("signature"), unbase64(signature)).expect("written");
        let fits = self.keys.values().filter(|(_, enabled)| *enabled).any(|(public, _)| {
            std::fs::write(folder.join("public"), public).expect("written");
            let (public, signature) = (folder.join("public"), folder.join("signature"));
            let arguments = ["dgst", "-sha256", "-verify", public.to_str().expect("text"), "-signature"];
            let said = openssl(&[&arguments[..], &[signature.to_str().expect("text")]].concat(), signed.as_bytes());
            said.starts_with(b"Verified OK")
        });
        match fits {
            true => said("200 OK", &json!({ "access_token": "made-up", "expires_in": 3599, "token_type": "Bearer" })),
            false => {
                let error = json!({ "error": "invalid_grant", "error_description": "Invalid JWT Signature." });
                said("400 Bad Request", &error)
            }
        }
    }

    fn answer(&mut self, call: &str, folder: &Path) -> Fate {
        let (method, target) = first_line(call);
        if target == "/token" {
            return self.token(call, folder);
        }
        if !call.contains(&format!("authorization: Bearer {ADMIN}")) {
            return said("401 Unauthorized", &json!({ "error": { "status": "UNAUTHENTICATED" } }));
        }
        let path = target.split('?').next().unwrap_or_default();
        let keys = "/v1/projects/-/serviceAccounts/app%40made-up.iam.gserviceaccount.com/keys";
        let rest = path.strip_prefix(keys).expect("a key's path").trim_start_matches('/');
        let (id, verb) = rest.split_once(':').unwrap_or((rest, ""));
        let name = |id: &str| format!("projects/made-up/serviceAccounts/{EMAIL}/keys/{id}");
        match (method, id, verb) {
            ("GET", "", _) => {
                let list: Vec<Value> = self.keys.keys().map(|id| json!({ "name": name(id) })).collect();
                said("200 OK", &json!({ "keys": list }))
            }
            ("POST", "", _) => {
                let file = self.make();
                let id = serde_json::from_str::<Value>(&file).expect("JSON")["private_key_id"].clone();
                let id = id.as_str().expect("text");
                said("200 OK", &json!({ "name": name(id), "privateKeyData": base64(file.as_bytes()) }))
            }
            (_, id, _) if !self.keys.contains_key(id) => said("404 Not Found", &json!({ "error": { "code": 404 } })),
            ("GET", id, _) => {
                said("200 OK", &json!({ "name": name(id), "publicKeyData": base64(self.keys[id].0.as_bytes()) }))
            }
            ("POST", id, "disable" | "enable") => {
                self.keys.get_mut(id).expect("a key").1 = verb == "enable";
                said("200 OK", &json!({}))
            }
            ("DELETE", id, _) => {
                self.keys.remove(id);
                said("200 OK", &json!({}))
            }
            _ => said("405 Method Not Allowed", &json!({})),
        }
    }
}

/// A work folder with a leaked key's file, the same file in use, and the account behind a proxy that loses what `lose` says.
fn google(lose: &'static str) -> (Work, Proxy, Arc<Mutex<Account>>) {
    let account = Arc::new(Mutex::new(Account::default()));
    let file = account.lock().expect("the account").make();
    let folder = tempfile::tempdir().expect("a folder");
    let (shared, lost) = (Arc::clone(&account), Mutex::new(false));
    let proxy = Proxy::start(1, move |call| {
        let fate = shared.lock().expect("the account").answer(call, folder.path());
        let mut lost = lost.lock().expect("whether");
        match !lose.is_empty() && !*lost && call.starts_with(lose) && call.contains("/keys HTTP") {
            true => {
                *lost = true;
                Fate::Reset
            }
            false => fate,
        }
    });
    let mut work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 2
[rotation.environments.test]
owners = ["google-service-account-key:cloud:account/*@made-up.iam.gserviceaccount.com"]
[[rotation.targets]]
kind = "saas"
name = "cloud"
environment = "test"
provider = "google-service-account-key"
address = "http://127.0.0.1:{}"
private-address = true
plain-http = true
propagation-seconds = 0
admin = {{ env = "ADMIN" }}
[[rotation.destinations]]
name = "app"
owners = ["google-service-account-key:cloud:*"]
keys = {{ private_key = "{{value}}", private_key_id = "{{id}}" }}
at.file.path = "deploy/key.json"
"#,
        proxy.port
    ));
    work.environment.push(("ADMIN".into(), ADMIN.into()));
    work.write("leak.json", &file);
    work.write("leak.txt", &file);
    work.write("deploy/key.json", &file);
    (work, proxy, account)
}

fn the_key(account: &Mutex<Account>) -> String {
    let account = account.lock().expect("the account");
    let ids: Vec<String> = account.keys.keys().cloned().collect();
    assert_eq!(ids.len(), 1, "exactly one lives: {ids:?}");
    ids[0].clone()
}

#[test]
fn a_service_accounts_key_is_turned_and_its_lost_replacement_is_found_by_what_was_there_before() {
    let (work, proxy, account) = google("POST");
    let old = the_key(&account);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("two-phase") && plan.stdout.contains(&format!("account/{EMAIL}")), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let new = the_key(&account);
    assert_ne!(new, old);
    assert_eq!(account.lock().expect("the account").made, 3, "one was lost and removed");
    let held: Value = serde_json::from_str(&work.read("deploy/key.json")).expect("JSON");
    assert_eq!((&held["private_key_id"], &held["client_email"]), (&json!(new), &json!(EMAIL)));
    assert_eq!(proxy.count(":disable HTTP"), 1, "it can still be switched on again between");
    assert_eq!(work.evidence()["body"]["state"], "proven");
    let leaked: Value = serde_json::from_str(&work.read("leak.json")).expect("JSON");
    let line = leaked["private_key"].as_str().expect("text").lines().nth(3).expect("a line").to_owned();
    work.assert_not_on_disk(&[&line, ADMIN], &["leak.txt", "leak.json"]);
}

#[test]
fn law_1_a_key_id_that_stands_beside_another_key_is_not_believed() {
    let (work, proxy, account) = google("");
    let other = account.lock().expect("the account").make();
    let id =
        |file: &str| serde_json::from_str::<Value>(file).expect("JSON")["private_key_id"].as_str().map(str::to_owned);
    let leak = work.read("leak.json");
    let leak = leak.replace(&id(&leak).expect("an id"), &id(&other).expect("an id"));
    work.write("leak.txt", &leak);
    work.write("deploy/key.json", &leak);
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("not proven to be the leaked value"), "{plan:?}");
    assert_eq!(proxy.count("DELETE") + proxy.count(":disable"), 0);
}

#[test]
fn law_8_crash_matrix_of_a_service_accounts_key() {
    let steps = ["issue", "escrow-new", "distribute-0", "disable", "delete"];
    let points: Vec<String> = steps.iter().map(|step| format!("after-act:{step}")).collect();
    matrix(
        &points,
        |_| {
            let (work, proxy, account) = google("");
            let old = the_key(&account);
            (work, (proxy, account, old))
        },
        |point, _, _, (_, account, old)| assert_ne!(the_key(&account), old, "{point}"),
    );
}

/// A storage account's keys by name.
type Slots = Arc<Mutex<BTreeMap<&'static str, String>>>;

/// A storage account's two keys, and a policy for it.
fn azure(seed: u64, lose: bool) -> (Work, Proxy, Slots, String) {
    let key = |seed: u64| made_up("{base64-bytes:64}", seed);
    let old = key(seed);
    let keys = Arc::new(Mutex::new(BTreeMap::from([("key1", old.clone()), ("key2", key(seed + 1))])));
    let (shared, times) = (Arc::clone(&keys), Mutex::new(0));
    let proxy = Proxy::start(1, move |call| {
        let (method, target) = first_line(call);
        if !call.contains(&format!("authorization: Bearer {ADMIN}")) {
            return said("401 Unauthorized", &json!({ "error": { "code": "AuthenticationFailed" } }));
        }
        let at = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/shop/";
        let verb = target.strip_prefix(at).and_then(|rest| rest.split('?').next()).unwrap_or_default();
        let mut keys = shared.lock().expect("the keys");
        match (method, verb) {
            ("POST", "listKeys") => {}
            ("POST", "regenerateKey") => {
                let name = if call.contains("\"key1\"") { "key1" } else { "key2" };
                let mut times = times.lock().expect("how often");
                *times += 1;
                keys.insert(name, made_up("{base64-bytes:64}", seed + 100 + *times));
                if lose && *times == 1 {
                    return Fate::Reset;
                }
            }
            _ => return said("404 Not Found", &json!({ "error": { "code": "NotFound" } })),
        }
        let list: Vec<Value> = keys
            .iter()
            .map(|(name, value)| json!({ "keyName": name, "value": value, "permissions": "FULL" }))
            .collect();
        said("200 OK", &json!({ "keys": list }))
    });
    let mut work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 2
[rotation.environments.test]
owners = ["azure-storage-key:cloud:account/shop"]
[[rotation.targets]]
kind = "saas"
name = "cloud"
environment = "test"
provider = "azure-storage-key"
address = "http://127.0.0.1:{}"
private-address = true
plain-http = true
admin = {{ env = "ADMIN" }}
parameters = {{ subscription = "s", group = "g", account = "shop" }}
[[rotation.destinations]]
name = "app"
owners = ["azure-storage-key:cloud:*"]
keys = {{ AZURE_STORAGE_KEY = "{{value}}" }}
at.file.path = "deploy/app.env"
"#,
        proxy.port
    ));
    work.environment.push(("ADMIN".into(), ADMIN.into()));
    work.write("leak.txt", &format!("AZURE_STORAGE_KEY={old}\n"));
    work.write("deploy/app.env", &format!("AZURE_STORAGE_KEY={old}\n"));
    (work, proxy, keys, old)
}

#[test]
fn law_4_a_storage_key_whose_regeneration_lost_its_answer_is_read_and_not_regenerated_twice() {
    let (work, proxy, keys, old) = azure(500, true);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("one-phase") && plan.stdout.contains("shared access signature"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(proxy.count("/regenerateKey?"), 1);
    let keys = keys.lock().expect("the keys").clone();
    assert_eq!(work.read("deploy/app.env"), format!("AZURE_STORAGE_KEY={}\n", keys["key1"]));
    assert!(keys["key1"] != old && work.evidence()["body"]["state"] == "proven");
    work.assert_not_on_disk(&[&old, ADMIN], &["leak.txt"]);
}

#[test]
fn law_8_a_storage_key_is_never_lost_by_a_kill() {
    let points = ["after-intent:issue", "after-act:issue", "after-act:distribute-0"].map(str::to_owned);
    matrix(
        &points,
        |number| {
            let (work, proxy, keys, _) = azure(1000 * number, false);
            (work, (proxy, keys))
        },
        |point, _, work, (proxy, keys)| {
            let key = keys.lock().expect("the keys")["key1"].clone();
            assert_eq!(work.read("deploy/app.env"), format!("AZURE_STORAGE_KEY={key}\n"));
            assert_eq!(proxy.count("/regenerateKey?"), 1, "{point}");
        },
    );
}

#[test]
fn law_6_a_key_of_another_account_is_not_called_dead() {
    let (work, proxy, _, _) = azure(580, false);
    work.write("leak.txt", &format!("AZURE_STORAGE_KEY={}\n", made_up("{base64-bytes:64}", 999)));
    let verify = work.keysweep(&["verify", "leak.txt"]);
    assert!(verify.status == Some(2) && verify.stdout.starts_with("unknown"), "{verify:?}");
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("not proven to be the leaked value"), "{plan:?}");
    assert_eq!(proxy.count("/regenerateKey?"), 0);
}
