//! What a kind's probe makes of its vendor's answers: a living value's, a dead one's, and one that proves neither. The answers
//! are those of the vendors' pages and programs (`source` in `providers/*.toml`).

use keysweep::rotate::escrow::Material;
use keysweep::rotate::providers::Provider as _;
use keysweep::rotate::providers::saas::{Saas, SaasTarget, data};

use crate::proxy::{Proxy, answer};
use crate::saas::work;

/// A status, headers, a body.
type Said = (&'static str, &'static str, &'static str);

const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html\r\n";

/// Kind, and the answers: live, dead, neither.
const ANSWERS: &[(&str, Said, Said, Said)] = &[
    (
        "huggingface-token",
        ("200 OK", JSON, r#"{"type":"user","name":"app","auth":{"accessToken":{"displayName":"ci","role":"write"}}}"#),
        ("401 Unauthorized", JSON, r#"{"error":"Invalid credentials in Authorization header"}"#),
        ("429 Too Many Requests", JSON, r#"{"error":"Too many requests"}"#),
    ),
    (
        "digitalocean-token",
        ("200 OK", JSON, r#"{"account":{"uuid":"u","status":"active"}}"#),
        ("401 Unauthorized", JSON, r#"{"id":"Unauthorized","message":"Unable to authenticate you"}"#),
        ("403 Forbidden", JSON, r#"{"id":"Forbidden","message":"You do not have access"}"#),
    ),
    (
        "cloudflare-user-token",
        ("200 OK", JSON, r#"{"success":true,"result":{"id":"t1","status":"active"}}"#),
        ("401 Unauthorized", JSON, r#"{"success":false,"errors":[{"code":1000,"message":"Invalid API Token"}]}"#),
        ("200 OK", JSON, r#"{"success":true,"result":{"id":"t1","status":"disabled"}}"#),
    ),
    (
        "azure-entra-secret",
        ("200 OK", JSON, r#"{"access_token":"made-up","expires_in":3599}"#),
        ("401 Unauthorized", JSON, r#"{"error":"invalid_client","error_codes":[7000215]}"#),
        ("400 Bad Request", JSON, r#"{"error":"unauthorized_client","error_codes":[700016]}"#),
    ),
    (
        "buildkite-token",
        ("200 OK", JSON, r#"{"uuid":"u","scopes":["read_user"]}"#),
        ("401 Unauthorized", JSON, r#"{"message":"Authentication required"}"#),
        ("403 Forbidden", JSON, r#"{"message":"Your IP address is not allowed"}"#),
    ),
    (
        "terraform-cloud-token",
        ("200 OK", JSON, r#"{"data":{"id":"user-1","attributes":{"username":"app"}}}"#),
        ("401 Unauthorized", JSON, r#"{"errors":[{"status":"401","title":"unauthorized"}]}"#),
        ("404 Not Found", JSON, r#"{"errors":[{"status":"404","title":"not found"}]}"#),
    ),
    (
        "npm-token",
        ("200 OK", JSON, r#"{"username":"app"}"#),
        ("401 Unauthorized", JSON, r#"{"message":"Unauthorized"}"#),
        ("403 Forbidden", JSON, r#"{"message":"Forbidden"}"#),
    ),
    (
        "docker-hub-token",
        ("200 OK", JSON, r#"{"access_token":"made-up"}"#),
        ("401 Unauthorized", JSON, r#"{"message":"Incorrect authentication credentials"}"#),
        ("429 Too Many Requests", JSON, r#"{"message":"Too many requests"}"#),
    ),
    (
        "slack-user-token",
        ("200 OK", JSON, r#"{"ok":true,"team_id":"T1","user_id":"U1","team":"a","user":"b"}"#),
        ("200 OK", JSON, r#"{"ok":false,"error":"token_revoked"}"#),
        ("200 OK", JSON, r#"{"ok":false,"error":"ratelimited"}"#),
    ),
    (
        "datadog-api-key",
        ("200 OK", JSON, r#"{"data":{"id":"o","attributes":{"valid":true,"api_key_id":"k"}}}"#),
        ("403 Forbidden", JSON, r#"{"errors":["Forbidden"]}"#),
        ("429 Too Many Requests", JSON, r#"{"errors":["Too many requests"]}"#),
    ),
    (
        "telegram-bot-token",
        ("200 OK", JSON, r#"{"ok":true,"result":{"id":1}}"#),
        ("401 Unauthorized", JSON, r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#),
        ("404 Not Found", JSON, r#"{"ok":false,"error_code":404,"description":"Not Found"}"#),
    ),
    (
        "pagerduty-key",
        ("200 OK", JSON, r#"{"abilities":[]}"#),
        ("401 Unauthorized", JSON, r#"{"error":{"message":"Unauthorized"}}"#),
        ("403 Forbidden", JSON, r#"{"error":{"message":"Forbidden"}}"#),
    ),
    (
        "sentry-token",
        ("200 OK", JSON, r#"[{"slug":"acme"}]"#),
        ("401 Unauthorized", JSON, r#"{"detail":"Invalid token"}"#),
        ("403 Forbidden", JSON, r#"{"detail":"You do not have permission to perform this action."}"#),
    ),
    (
        "grafana-service-account-token",
        ("200 OK", JSON, r#"{"id":1,"name":"Main"}"#),
        ("401 Unauthorized", JSON, r#"{"message":"Invalid API key"}"#),
        ("403 Forbidden", JSON, r#"{"message":"Permission denied"}"#),
    ),
    (
        "gitlab-runner-token",
        ("200 OK", JSON, r#"{"id":7,"token_expires_at":null}"#),
        ("403 Forbidden", JSON, r#"{"message":"403 Forbidden"}"#),
        ("404 Not Found", JSON, r#"{"message":"404 Not Found"}"#),
    ),
    (
        "jenkins-token",
        ("200 OK", JSON, r#"{"id":"app","fullName":"App"}"#),
        (
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=\"Jenkins\"\r\n",
            "<html>HTTP ERROR 401 Unauthorized</html>",
        ),
        ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"proxy\"\r\n", "<html>HTTP ERROR 401 Unauthorized</html>"),
    ),
    (
        "teamcity-token",
        ("200 OK", JSON, r#"{"username":"app","id":7}"#),
        ("401 ", "WWW-Authenticate: Basic realm=\"TeamCity\"\r\n", "Authentication required"),
        ("401 ", HTML, "<html>sign in to the network</html>"),
    ),
    (
        "fly-token",
        ("200 OK", JSON, r#"{"total_apps":0,"apps":[]}"#),
        ("401 Unauthorized", JSON, r#"{"error":"unauthorized"}"#),
        ("404 Not Found", JSON, r#"{"error":"organization not found"}"#),
    ),
    (
        "pypi-token",
        ("400 Bad Request", HTML, "None is an invalid value for Metadata-Version. See core-metadata"),
        ("403 Forbidden", HTML, "403 Invalid or non-existent authentication information. See help/#invalid-auth"),
        ("403 Forbidden", HTML, "The user 'app' isn't allowed to upload to project 'other'"),
    ),
    (
        "databricks-token",
        ("200 OK", JSON, r#"{"id":"1","userName":"app@example.com"}"#),
        ("403 Forbidden", JSON, r#"{"error_code":403,"message":"Invalid access token. [ReqId: 1]"}"#),
        ("403 Forbidden", JSON, r#"{"error_code":403,"message":"Source IP address: 192.0.2.1 is blocked"}"#),
    ),
    (
        "vultr-key",
        ("200 OK", JSON, r#"{"api_keys":[]}"#),
        ("401 Unauthorized", JSON, r#"{"error":"Invalid API token.","status":401}"#),
        ("401 Unauthorized", JSON, r#"{"error":"Unauthorized IP address: 192.0.2.1","status":401}"#),
    ),
    (
        "rubygems-key",
        ("200 OK", JSON, "[]"),
        ("401 Unauthorized", HTML, "Access Denied. Please sign up for an account at https://rubygems.org"),
        ("403 Forbidden", HTML, "This API key cannot perform the specified action on this gem."),
    ),
    (
        "circleci-token",
        ("200 OK", JSON, r#"{"id":"u-1","login":"app","name":"App"}"#),
        ("401 Unauthorized", JSON, r#"{"message":"You must log in first."}"#),
        ("403 Forbidden", JSON, r#"{"message":"Forbidden"}"#),
    ),
    (
        "azure-devops-pat",
        ("200 OK", JSON, r#"{"count":0,"value":[]}"#),
        ("401 Unauthorized", HTML, "<title>Access Denied: The Personal Access Token used has expired.</title>"),
        ("203 Non-Authoritative Information", HTML, "<title>Azure DevOps Services | Sign In</title>"),
    ),
    (
        "google-api-key",
        ("403 Forbidden", JSON, r#"{"error":{"details":[{"reason":"API_KEY_SERVICE_BLOCKED"}]}}"#),
        ("400 Bad Request", JSON, r#"{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}"#),
        ("400 Bad Request", JSON, r#"{"error":{"details":[{"reason":"USER_PROJECT_INVALID"}]}}"#),
    ),
    (
        "anthropic-key",
        ("200 OK", JSON, r#"{"data":[]}"#),
        ("401 Unauthorized", JSON, r#"{"type":"error","error":{"type":"authentication_error"}}"#),
        ("401 Unauthorized", JSON, r#"{"type":"error","error":{"type":"permission_error"}}"#),
    ),
    (
        "mailgun-key",
        ("200 OK", JSON, r#"{"items":[]}"#),
        ("401 Unauthorized", HTML, "Forbidden"),
        ("401 Unauthorized", HTML, "<html>sign in to the network</html>"),
    ),
];

#[test]
fn law_6_only_the_vendors_own_refusal_of_a_dead_value_calls_it_dead() {
    let rules = keysweep::rules::RuleSet::builtin();
    for (kind, live, dead, neither) in ANSWERS {
        let known = data::kind(kind).unwrap_or_else(|| panic!("there is no kind {kind}"));
        let example = rules.get(&known.rules[0]).expect("a rule").samples.examples()[0].to_string();
        let text = keysweep::rules::template::expand(&example, 77).expect("a template");
        let needs: Vec<String> = known.needs.iter().map(|need| format!("{need} = \"made-up\"")).collect();
        for (word, (status, headers, body)) in [("live", live), ("dead", dead), ("unknown", neither)] {
            let proxy = Proxy::start(1, move |_| answer(status, headers, body));
            let admin = match &known.id_from {
                Some(data::IdFrom::Lookup { .. }) => "admin = { command = [\"echo\", \"made-up-admin\"] }\n",
                _ => "",
            };
            let work = work(kind, proxy.port, &format!("{admin}parameters = {{ {} }}", needs.join(", ")));
            work.write("leak.txt", &text);
            let verify = work.keysweep(&["verify", "leak.txt"]);
            // Nobody saw it alive, and another account's living value would be refused with the same words.
            let told = if known.tied && word == "dead" { "unknown" } else { word };
            assert!(verify.stdout.starts_with(told), "{kind}: {status} {body}: {verify:?}");
            let target = format!(
                "name = \"s\"\nenvironment = \"e\"\nprovider = \"{kind}\"\naddress = \"http://127.0.0.1:{}\"\n\
                 private-address = true\nplain-http = true\nparameters = {{ {} }}\n",
                proxy.port,
                needs.join(", ")
            );
            let target: SaasTarget = toml::from_str(&target).expect("a target");
            let probe = Saas::new(&target, work.path()).expect("a driver").probe(&Material::of(text.as_bytes()));
            assert_eq!(probe.word(), word, "{kind}: {status} {body}: {probe:?}");
        }
    }
}

/// What any service, or a box in between, may answer to anything.
const OUTAGES: &[Said] = &[
    ("500 Internal Server Error", HTML, "<html>sorry</html>"),
    ("503 Service Unavailable", JSON, r#"{"message":"try later"}"#),
    ("429 Too Many Requests", "Retry-After: 1\r\n", ""),
    ("200 OK", HTML, "<html>sign in to the network</html>"),
    ("401 Unauthorized", HTML, "<html>sign in to the network</html>"),
    ("302 Found", "Location: https://elsewhere.example/\r\n", ""),
    ("407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\n", ""),
];

#[test]
fn law_6_no_kind_takes_an_outage_or_a_captive_page_for_an_answer() {
    // Most of it is waiting, as services ask for.
    std::thread::scope(|scope| {
        for kind in data::kinds().expect("the kinds") {
            scope.spawn(move || OUTAGES.iter().for_each(|outage| proves_nothing(kind, outage)));
        }
    });
}

fn proves_nothing(kind: &data::Kind, &(status, headers, body): &Said) {
    let proxy = Proxy::start(1, move |_| answer(status, headers, body));
    let work = work(&kind.id, proxy.port, "");
    work.write("known_hosts", "");
    let needs: Vec<String> = kind.needs.iter().map(|need| format!("{need} = \"made-up\"")).collect();
    let target = format!(
        "name = \"s\"\nenvironment = \"e\"\nprovider = \"{}\"\naddress = \"http://127.0.0.1:{}\"\n\
         private-address = true\nplain-http = true\nadmin = {{ command = [\"echo\", \"made-up-admin\"] }}\n\
         known-hosts = \"known_hosts\"\nparameters = {{ {} }}\n",
        kind.id,
        proxy.port,
        needs.join(", ")
    );
    let target: SaasTarget = toml::from_str(&target).expect("a target");
    let driver = Saas::new(&target, work.path()).expect("a driver");
    let material = Material::of(b"made-up-value-of-no-kind").with("user", b"made-up").with("id", b"made-up");
    let probe = driver.probe(&material);
    assert_eq!(probe.word(), "unknown", "{}: {status} {body}: {probe:?}", kind.id);
}

#[test]
fn what_an_issuer_says_brings_neither_a_value_nor_a_cursor_to_the_terminal() {
    let value = crate::work::made_up("sk_live_{alnum:24}", 5);
    let echo = value.clone();
    let refusing = Proxy::start(1, move |_| {
        answer("400 Bad Request", JSON, &format!(r#"{{"error":{{"message":"nobody knows {echo}"}}}}"#))
    });
    let greeting = Proxy::start(1, |_| {
        answer("200 OK", JSON, r#"{"account":{"uuid":"u\u001b[2J","status":"a\u001b[2J\n  owner  root"}}"#)
    });
    let other = crate::work::made_up("dop_v1_{hex:64}", 5);
    for (kind, value, proxy) in [("stripe-key", &value, &refusing), ("digitalocean-token", &other, &greeting)] {
        let work = work(kind, proxy.port, "");
        work.write("leak.txt", &format!("token: \"{value}\"\n"));
        for arguments in [&["verify", "leak.txt"][..], &["rotate", "plan", "leak.txt", "--output", "plan.json"]] {
            let run = work.keysweep(arguments);
            run.assert_silent(&[value, "\u{1b}", "\n  owner  root"]);
        }
        work.assert_not_on_disk(&[value], &["leak.txt"]);
    }
}

/// The guide's tables of tests: what they name is there, at the level that they say.
#[test]
fn the_guide_names_tests_that_exist() {
    let guide = include_str!("../../docs/providers.md");
    let tables = guide.split_once("## Where each of them is tested").expect("the section").1;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rotate");
    let (mut rows, mut named) = (0, 0);
    for row in tables.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, id, level, tests] = cells[..] else { panic!("{row}") };
        let id = id.trim_matches('`');
        if let Some(kind) = data::kind(id) {
            assert_eq!(kind.proof.to_string(), level, "{row}");
        }
        assert!(id.starts_with("at.") || guide.contains(&format!("| `{id}` | ")), "{row}");
        for test in tests.split(", ") {
            let (file, name) = test.trim_matches('`').split_once("::").expect("file::name");
            let text = std::fs::read_to_string(folder.join(file).with_extension("rs")).expect("a file of tests");
            assert!(text.contains(&format!("fn {name}()")), "{row}: there is no test {test}");
            named += 1;
        }
        rows += 1;
    }
    assert!(rows >= 70 && named >= rows, "{rows} rows, {named} tests");
}
