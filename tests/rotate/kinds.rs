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
        let example = rules.get(&known.rules[0]).expect("a rule").examples[0].to_string();
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
