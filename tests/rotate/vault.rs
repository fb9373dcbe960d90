//! Tokens, AppRole secret ids and key-value secrets on a real OpenBao.

use keysweep::rotate::providers::vault_api::{Api, VaultTarget};
use keysweep::secret::Secret;
use serde_json::{Value, json};

use crate::crash::{Does, matrix, points, random};
use crate::proxy::{Fate, Proxy};
use crate::servers::{BAO_ROOT, Server, openbao};
use crate::work::Work;

/// What operators are told to allow.
const ROTATOR: &str = include_str!("../../docs/rights/vault.hcl");

pub(crate) struct Bao {
    pub(crate) server: Server,
    pub(crate) api: Api,
    pub(crate) rotator: String,
    _folder: tempfile::TempDir,
}

impl Bao {
    pub(crate) fn start() -> Self {
        let server = openbao();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("root"), BAO_ROOT).expect("written");
        let target: VaultTarget = toml::from_str(&format!(
            "name = \"a\"\nenvironment = \"e\"\naddress = \"http://127.0.0.1:{}\"\nprivate-address = true\nplain-http = true\n\
             admin-token = {{ file = \"root\" }}",
            server.port
        ))
        .expect("a target");
        let api = Api::new(&target, folder.path()).expect("an interface");
        let mut bao = Self { server, api, rotator: String::new(), _folder: folder };
        while bao.api.read("GET", "sys/mounts", None).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(50)); // it listens before it is ready
        }
        bao.write("sys/policies/acl/rotator", &json!({ "policy": ROTATOR }));
        bao.write("sys/policies/acl/app", &json!({ "policy": "path \"secret/data/x\" { capabilities = [\"read\"] }" }));
        bao.rotator = bao.token(&["rotator", "default"], "rotator");
        bao
    }

    pub(crate) fn write(&self, path: &str, body: &Value) -> Value {
        let (report, answer) = self.api.change("POST", path, Some(body));
        assert_eq!(report.outcome, keysweep::rotate::types::Outcome::Done, "{path}: {report:?}");
        answer.unwrap_or_default()
    }

    fn token(&self, policies: &[&str], name: &str) -> String {
        let body = json!({ "policies": policies, "display_name": name, "ttl": "1h", "no_default_policy": !policies.contains(&"default") });
        let answer = self.write("auth/token/create-orphan", &body);
        answer["auth"]["client_token"].as_str().expect("a token").to_owned()
    }

    fn lets_in(&self, token: &str) -> bool {
        let answer =
            self.api.call("POST", "auth/token/lookup", Some(&self.api.token), Some(&json!({ "token": token })));
        match answer.expect("an answer").status {
            200 => true,
            403 => false,
            other => panic!("status {other}"),
        }
    }

    fn policy(&self, port: u16, owner: &str, more: &str) -> String {
        format!(
            r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["vault:main:token-app*", "vault:main:approle/app"]
[[rotation.targets]]
kind = "vault"
name = "main"
environment = "test"
address = "http://127.0.0.1:{port}"
private-address = true
plain-http = true
admin-token = {{ env = "ROTATOR" }}
{more}
[[rotation.destinations]]
name = "store"
owners = ["{owner}"]
keys = {{ credential = "{{value}}" }}
at.vault-kv = {{ target = "main", path = "{path}" }}
"#,
            path = owner.rsplit([':', '/']).next().expect("a name").replace("token-", "")
        )
    }

    /// A token `name` that leaked and stands in the store.
    fn leaked(&self, name: &str, port: u16) -> (Work, String) {
        let token = self.token(&["app", "default"], name);
        self.write(&format!("secret/data/{name}"), &json!({ "data": { "credential": token, "other": "stays" } }));
        let mut work = Work::new(&self.policy(port, &format!("vault:main:token-{name}"), ""));
        work.environment.push(("ROTATOR".into(), self.rotator.clone()));
        work.write("leak.txt", &format!("VAULT_TOKEN={token}\n"));
        (work, token)
    }

    /// What the store holds.
    fn held(&self, name: &str) -> String {
        let found = self.api.read("GET", &format!("secret/data/{name}"), None).expect("readable").expect("there");
        assert_eq!(found["data"]["data"]["other"], "stays");
        found["data"]["data"]["credential"].as_str().expect("a text").to_owned()
    }

    /// How many tokens of this name live.
    fn count(&self, name: &str) -> usize {
        let list = self.api.read("GET", "auth/token/accessors?list=true", None).expect("readable").expect("some");
        let keys = list["data"]["keys"].as_array().expect("a list").clone();
        let look = |accessor: &Value| {
            self.api.read("POST", "auth/token/lookup-accessor", Some(&json!({ "accessor": accessor })))
        };
        let named = format!("token-{name}");
        keys.iter()
            .filter_map(|accessor| look(accessor).ok().flatten())
            .filter(|found| found["data"]["display_name"] == named.as_str())
            .count()
    }

    fn assert_turned(&self, work: &Work, name: &str, old: &str) {
        let new = self.held(name);
        assert!(self.lets_in(&new) && !self.lets_in(old));
        assert_eq!(self.count(name), 1, "law 8: exactly one lives");
        work.assert_not_on_disk(&[old], &["leak.txt"]);
        work.assert_not_on_disk(&[&new, &self.rotator], &[]);
    }
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_leaked_token_is_turned_and_the_store_follows() {
    let bao = Bao::start();
    let (work, old) = bao.leaked("app", bao.server.port);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("every token made with it"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    bao.assert_turned(&work, "app", &old);
    run.assert_silent(&[&old, &bao.held("app"), &bao.rotator]);
    let new = Secret::new(bao.held("app").as_bytes());
    let found =
        bao.api.call("GET", "auth/token/lookup-self", Some(&new), None).expect("an answer").json().expect("JSON");
    assert_eq!(found["data"]["policies"], json!(["app", "default"]), "the same rights, no more");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_6_a_token_that_may_not_ask_about_itself_is_not_called_dead() {
    let bao = Bao::start();
    let (work, _) = bao.leaked("app", bao.server.port);
    let shy = bao.token(&["app"], "app");
    work.write("leak.txt", &format!("VAULT_TOKEN={shy}\n"));
    let own =
        bao.api.call("GET", "auth/token/lookup-self", Some(&Secret::new(shy.as_bytes())), None).expect("an answer");
    assert_eq!(own.status, 403, "it lives, and is refused all the same");
    let run = work.keysweep(&["verify", "leak.txt"]);
    assert!(run.status == Some(1) && run.stdout.starts_with("live"), "{run:?}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_leaked_secret_id_is_turned() {
    let bao = Bao::start();
    bao.write("sys/auth/approle", &json!({ "type": "approle" }));
    bao.write("auth/approle/role/app", &json!({ "policies": ["app"] }));
    let read = |path: &str| bao.api.read("GET", path, None).expect("readable").expect("there");
    let role_id = read("auth/approle/role/app/role-id")["data"]["role_id"].as_str().expect("a text").to_owned();
    let made = bao.write("auth/approle/role/app/secret-id", &json!({}));
    let old = made["data"]["secret_id"].as_str().expect("a text").to_owned();
    bao.write("secret/data/app", &json!({ "data": { "credential": old, "other": "stays" } }));
    let role = format!("rules = [\"generic-secret\"]\napp-role = {{ role = \"app\", role-id = \"{role_id}\" }}");
    let mut work = Work::new(&bao.policy(bao.server.port, "vault:main:approle/app", &role));
    work.environment.push(("ROTATOR".into(), bao.rotator.clone()));
    let with_stdin = |arguments: &[&str]| {
        use std::io::Write as _;
        let mut command = work.command(arguments);
        command.args(["--policy", "policy.toml"]).stdin(std::process::Stdio::piped());
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("keysweep runs");
        child.stdin.take().expect("a pipe").write_all(format!("{old}\n").as_bytes()).expect("sent");
        crate::work::Run::new(&child.wait_with_output().expect("it ends"))
    };
    let plan = with_stdin(&["rotate", "plan", "--secret-stdin", "--secret-rule", "generic-secret", "-o", "plan.json"]);
    assert_eq!(plan.status, Some(1), "{plan:?}");
    let run = with_stdin(&["rotate", "apply", "plan.json", "--yes", "--secret-stdin"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let login = |secret_id: &str| {
        let body = json!({ "role_id": role_id, "secret_id": secret_id });
        bao.api.call("POST", "auth/approle/login", None, Some(&body)).expect("an answer").status
    };
    assert_eq!((login(&bao.held("app")), login(&old)), (200, 400));
    work.assert_not_on_disk(&[&old, &bao.held("app")], &[]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_10_root_tokens_and_weak_admins_are_refused() {
    let bao = Bao::start();
    let (mut work, _) = bao.leaked("app", bao.server.port);
    let root = bao.token(&["root"], "app-root");
    work.write("policy.toml", &bao.policy(bao.server.port, "vault:main:token-app*", ""));
    bao.write("secret/data/app*", &json!({ "data": { "credential": root, "other": "stays" } }));
    work.write("leak.txt", &format!("VAULT_TOKEN={root}\n"));
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "-o", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("it is a root token"), "{plan:?}");
    assert_eq!(work.keysweep(&["rotate", "apply", "plan.json", "--yes"]).status, Some(2));
    assert!(bao.lets_in(&root));

    let (other, old) = bao.leaked("app2", bao.server.port);
    work = other;
    work.environment.push(("ROTATOR".into(), bao.token(&["default"], "weak")));
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "-o", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("the admin token may not"), "{plan:?}");
    assert!(bao.lets_in(&old));
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix_and_lost_answers() {
    let bao = Bao::start();
    matrix(
        &points(false, Does::Delete),
        |number| bao.leaked(&format!("app{number}"), bao.server.port),
        |_, number, work, old| bao.assert_turned(work, &format!("app{number}"), &old),
    );
    for (seed, path) in
        ["auth/token/create-orphan", "auth/token/revoke-accessor", "secret/data/app20"].iter().enumerate()
    {
        let name = format!("app{}", 200 + seed);
        let lost = std::sync::atomic::AtomicBool::new(false);
        let wanted = format!("POST /v1/{path}");
        let proxy = Proxy::start(bao.server.port, move |call| {
            let hit = call.starts_with(&wanted) && !lost.swap(true, std::sync::atomic::Ordering::SeqCst);
            if hit { Fate::Lose } else { Fate::Pass }
        });
        let (work, old) = bao.leaked(&name, proxy.port);
        work.plan(&[]);
        let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
        assert_eq!(run.status, Some(0), "law 4: {path}: {run:?}");
        assert!(proxy.count(path) > 0);
        bao.assert_turned(&work, &name, &old);
    }
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_kills_at_random_moments() {
    let bao = Bao::start();
    random(
        |number| bao.leaked(&format!("app{number}"), bao.server.port),
        |number, work, old| bao.assert_turned(work, &format!("app{number}"), &old),
    );
}
