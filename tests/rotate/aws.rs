//! Access keys against moto with signatures and policies enforced, behind a proxy that refuses inactive keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keysweep::rotate::providers::aws_api::{Api, AwsTarget, Fault, signer, tag, tags};
use keysweep::rotate::sigv4::Signer;
use keysweep::secret::Secret;

use crate::crash::{Does, matrix, points, random};
use crate::proxy::{Fate, InactiveKeys, Proxy, answer};
use crate::servers::{Server, moto};
use crate::work::Work;

/// moto, an administrator of everything, and the operator's least-privileged rotator.
pub(crate) struct Cloud {
    pub(crate) moto: Server,
    pub(crate) api: Api,
    pub(crate) root: Signer,
    rotator: Signer,
}

/// What operators are told to allow.
const ROTATOR: &str = include_str!("../../docs/rights/aws-keys.json");

pub(crate) const ANYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// A policy in one line: moto signs line ends otherwise than AWS.
fn line(policy: &str) -> String {
    serde_json::from_str::<serde_json::Value>(policy).expect("JSON").to_string()
}

fn api(port: u16) -> Api {
    let target: AwsTarget = toml::from_str(&format!(
        "name = \"a\"\nenvironment = \"e\"\nendpoint = \"http://127.0.0.1:{port}\"\nprivate-address = true\nplain-http = true"
    ))
    .expect("a target");
    Api::new(&target, ".".as_ref()).expect("an interface")
}

impl Cloud {
    pub(crate) fn start() -> Self {
        let moto = moto();
        let api = api(moto.port);
        let anybody = signer("AKIAIOSFODNN7EXAMPLE", &Secret::new(b"x"), None);
        let root = user(&api, &anybody, "root-admin", ANYTHING);
        let rotator = user(&api, &root, "rotator", ROTATOR);
        Self { moto, api, root, rotator }
    }

    pub(crate) fn call(&self, parameters: &[(&str, &str)]) -> String {
        self.api.query("iam", &self.root, parameters).unwrap_or_else(|fault| panic!("{parameters:?}: {fault}"))
    }

    /// The keys of a user.
    fn keys(&self, user: &str) -> Vec<String> {
        let text = self.call(&[("Action", "ListAccessKeys"), ("UserName", user)]);
        tags(&text, "AccessKeyId").into_iter().map(str::to_owned).collect()
    }

    fn lets_in(&self, key: &Signer) -> bool {
        match self.api.query("sts", key, &[("Action", "GetCallerIdentity")]) {
            Ok(_) => true,
            Err(Fault::Service(403, code, _)) if code == "InvalidClientTokenId" => false,
            Err(fault) => panic!("{fault}"),
        }
    }

    /// A user with a leaked key, and a work folder with policy, leak and destination.
    fn leaked(&self, name: &str, rights: &str, port: u16, self_managed: bool) -> (Work, Signer) {
        let key = user(&self.api, &self.root, name, rights);
        let admin = "admin-key-id = { env = \"ROTATOR_ID\" }\nadmin-secret-key = { env = \"ROTATOR_KEY\" }\n";
        let mut work = Work::new(&format!(
            r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["aws:123456789012:user/app*"]
[[rotation.targets]]
kind = "aws"
name = "account"
environment = "test"
endpoint = "http://127.0.0.1:{port}"
private-address = true
plain-http = true
propagation-seconds = 0
{}
[[rotation.destinations]]
name = "credentials"
owners = ["aws:123456789012:user/{name}"]
keys = {{ "app.aws_access_key_id" = "{{id}}", "app.aws_secret_access_key" = "{{value}}" }}
at.file.path = "deploy/credentials"
"#,
            if self_managed { "" } else { admin }
        ));
        work.environment.push(("ROTATOR_ID".into(), self.rotator.id.clone()));
        work.environment.push(("ROTATOR_KEY".into(), plain(&self.rotator.secret)));
        let pair = format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, plain(&key.secret));
        work.write("leak.txt", &pair);
        work.write("deploy/credentials", &format!("[other]\nx = 1\n[app]\n{pair}region = us-east-1\n"));
        (work, key)
    }

    fn assert_turned(&self, work: &Work, user: &str, old: &Signer) {
        let text = work.read("deploy/credentials");
        let value = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.trim().strip_prefix("= "))
                .expect("a value")
                .to_owned()
        };
        let (id, secret) = (value("aws_access_key_id"), value("aws_secret_access_key"));
        assert_eq!(self.keys(user), std::slice::from_ref(&id), "law 8: exactly one key lives");
        assert!(self.lets_in(&signer(&id, &Secret::new(secret.as_bytes()), None)));
        assert!(!self.lets_in(old));
        work.assert_not_on_disk(&[&plain(&old.secret)], &["leak.txt"]);
        work.assert_not_on_disk(&[&secret], &["deploy/credentials"]);
        work.assert_not_on_disk(&[&plain(&self.rotator.secret)], &[]);
    }
}

pub(crate) fn plain(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

/// A user with rights and a key.
pub(crate) fn user(api: &Api, by: &Signer, name: &str, rights: &str) -> Signer {
    let call = |parameters: &[(&str, &str)]| {
        let all: Vec<(&str, &str)> = parameters.iter().copied().chain([("UserName", name)]).collect();
        api.query("iam", by, &all).unwrap_or_else(|fault| panic!("{parameters:?}: {fault}"))
    };
    call(&[("Action", "CreateUser")]);
    call(&[("Action", "PutUserPolicy"), ("PolicyName", "p"), ("PolicyDocument", &line(rights))]);
    let text = call(&[("Action", "CreateAccessKey")]);
    let part = |name: &str| tag(&text, name).expect("a new key").to_owned();
    signer(&part("AccessKeyId"), &Secret::new(part("SecretAccessKey").as_bytes()), None)
}

/// A proxy that refuses inactive keys, and decides as `more` says otherwise.
fn proxy(cloud: &Cloud, more: impl Fn(&str) -> Fate + Send + Sync + 'static) -> Proxy {
    let inactive = InactiveKeys::default();
    Proxy::start(cloud.moto.port, move |call| match more(call) {
        Fate::Pass => inactive.decide(call),
        // It is applied all the same.
        Fate::Lose => match inactive.decide(call) {
            Fate::Pass => Fate::Lose,
            other => other,
        },
        other => other,
    })
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_leaked_key_is_turned_and_proven_dead() {
    let cloud = Cloud::start();
    let proxy = proxy(&cloud, |_| Fate::Pass);
    let (work, old) =
        cloud.leaked("app", &ANYTHING.replace("\"Action\":\"*\"", "\"Action\":\"s3:GetObject\""), proxy.port, false);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("CreateAccessKey UserName=app") && plan.stdout.contains("two-phase"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    cloud.assert_turned(&work, "app", &old);
    run.assert_silent(&[&plain(&old.secret), &plain(&cloud.rotator.secret)]);
    assert_eq!(work.evidence()["body"]["control"], true);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_9_a_key_that_turns_itself_hands_over_first() {
    let cloud = Cloud::start();
    let proxy = proxy(&cloud, |_| Fate::Pass);
    // Real policies name the user's own ARN as the resource; moto matches only `*` there.
    let (work, old) = cloud.leaked("app", ROTATOR, proxy.port, true);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("the leaked key itself"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    cloud.assert_turned(&work, "app", &old);
    let emergency = work.keysweep(&["rotate", "plan", "deploy/credentials", "--emergency"]);
    assert!(emergency.stdout.contains("nothing could be repaired"), "{emergency:?}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_10_full_quotas_and_read_only_admins_are_refused_before_anything_is_touched() {
    let cloud = Cloud::start();
    let proxy = proxy(&cloud, |_| Fate::Pass);
    let (work, old) = cloud.leaked("app", ANYTHING, proxy.port, false);
    work.plan(&[]);
    cloud.call(&[("Action", "CreateAccessKey"), ("UserName", "app")]);
    let plan = work.keysweep(&["rotate", "plan", "leak.txt"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("as many as may be"), "the plan says so: {plan:?}");
    // The world changed after the plan was made.
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stdout.contains("refused:preflight"), "{run:?}");
    assert!(run.stderr.contains("as many as may be"), "{run:?}");
    assert!(cloud.lets_in(&old) && cloud.keys("app").len() == 2);

    let (mut work, old) = cloud.leaked("app2", ANYTHING, proxy.port, false);
    let reader = user(&cloud.api, &cloud.root, "reader", &ROTATOR.replace("iam:CreateAccessKey", "iam:GetUser"));
    work.environment.push(("ROTATOR_ID".into(), reader.id.clone()));
    work.environment.push(("ROTATOR_KEY".into(), plain(&reader.secret)));
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stdout.contains("refused:issue"), "{run:?}");
    assert!(cloud.lets_in(&old) && cloud.keys("app2").len() == 1);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_4_lost_answers_are_looked_up_and_never_repeated_blindly() {
    let cloud = Cloud::start();
    for (seed, action) in ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"].into_iter().enumerate() {
        let lost = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&lost);
        let proxy = proxy(&cloud, move |call| {
            let hit = call.contains(&format!("Action={action}")) && counter.fetch_add(1, Ordering::SeqCst) == 0;
            if hit { Fate::Lose } else { Fate::Pass }
        });
        let name = format!("app{seed}");
        let (work, old) = cloud.leaked(&name, ANYTHING, proxy.port, false);
        work.plan(&[]);
        let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
        assert_eq!(run.status, Some(0), "{action}: {run:?}");
        assert!(lost.load(Ordering::SeqCst) > 0, "an answer was lost");
        cloud.assert_turned(&work, &name, &old);
    }
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_6_outages_limits_and_captive_pages_prove_nothing() {
    let cloud = Cloud::start();
    let pages = [
        answer("503 Service Unavailable", "", "<html>down</html>"),
        answer("200 OK", "Content-Type: text/html\r\n", "<html>please log in</html>"),
        answer("403 Forbidden", "", "<html>blocked</html>"),
        answer("429 Too Many Requests", "Retry-After: 1\r\n", ""),
    ];
    for (seed, page) in pages.into_iter().enumerate() {
        let broken = Arc::new(AtomicUsize::new(0));
        let switch = Arc::clone(&broken);
        let shown = page.clone();
        let proxy = proxy(&cloud, move |call| {
            // From the moment the key is deleted nobody answers any more.
            if call.contains("Action=DeleteAccessKey") {
                switch.store(1, Ordering::SeqCst);
                return Fate::Pass;
            }
            if switch.load(Ordering::SeqCst) == 1 { shown.clone() } else { Fate::Pass }
        });
        let name = format!("app{seed}");
        let (work, old) = cloud.leaked(&name, ANYTHING, proxy.port, false);
        work.plan(&[]);
        let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
        assert!(run.status == Some(2) && run.stdout.contains("failed:prove-deleted"), "{page:?}: {run:?}");
        broken.store(2, Ordering::SeqCst);
        let run = work.keysweep(&["rotate", "resume", &work.run_name()]);
        assert_eq!(run.status, Some(0), "{run:?}");
        cloud.assert_turned(&work, &name, &old);
    }
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_6_a_key_that_still_works_is_not_called_dead() {
    let cloud = Cloud::start();
    // moto itself lets inactive keys in.
    let (work, old) = cloud.leaked("app", ANYTHING, cloud.moto.port, false);
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stdout.contains("failed:prove-disabled"), "{run:?}");
    assert!(run.stderr.contains("it still lives"), "{run:?}");
    let run = work.keysweep(&["rotate", "rollback", &work.run_name()]);
    assert_eq!(run.status, Some(0), "law 7: {run:?}");
    assert!(cloud.lets_in(&old));
    assert_eq!(cloud.keys("app"), std::slice::from_ref(&old.id), "law 7: the new one is gone");
    assert_eq!(work.read("deploy/credentials").matches(&old.id).count(), 1, "law 7: the destination is restored");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn an_emergency_revokes_first_and_repairs_then() {
    let cloud = Cloud::start();
    let proxy = proxy(&cloud, |_| Fate::Pass);
    let (work, old) = cloud.leaked("app", ANYTHING, proxy.port, false);
    let plan = work.plan(&["--emergency"]);
    assert!(plan.stdout.contains("EMERGENCY"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    cloud.assert_turned(&work, "app", &old);
    let calls = proxy.calls.lock().expect("the list");
    let at = |text: &str| calls.iter().position(|call| call.contains(text)).expect("it was called");
    assert!(at("Action=DeleteAccessKey") < at("Action=CreateAccessKey"));
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn secrets_manager_and_parameters_follow() {
    let cloud = Cloud::start();
    let proxy = proxy(&cloud, |_| Fate::Pass);
    let (work, old) = cloud.leaked("app", ANYTHING, proxy.port, false);
    let admin: AwsTarget = toml::from_str(&format!(
        "name = \"a\"\nenvironment = \"e\"\nendpoint = \"http://127.0.0.1:{}\"\nprivate-address = true\nplain-http = true\n\
         admin-key-id = {{ file = \"root.id\" }}\nadmin-secret-key = {{ file = \"root.key\" }}",
        cloud.moto.port
    ))
    .expect("a target");
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("root.id"), &cloud.root.id).expect("written");
    std::fs::write(outside.path().join("root.key"), plain(&cloud.root.secret)).expect("written");
    let admin = Api::new(&admin, outside.path()).expect("an interface");
    let pair = serde_json::json!({ "id": old.id, "key": plain(&old.secret), "other": "stays" }).to_string();
    let create = serde_json::json!({ "Name": "app/key", "SecretString": pair });
    admin.json("secretsmanager", "secretsmanager.CreateSecret", &create).expect("made");
    let put = serde_json::json!({ "Name": "/app/key", "Value": plain(&old.secret), "Type": "SecureString" });
    admin.json("ssm", "AmazonSSM.PutParameter", &put).expect("made");
    let more = r#"
[[rotation.destinations]]
name = "manager"
owners = ["aws:123456789012:user/app"]
keys = { id = "{id}", key = "{value}" }
at.secrets-manager = { target = "account", name = "app/key" }
[[rotation.destinations]]
name = "parameter"
owners = ["aws:123456789012:user/app"]
keys = { "" = "{value}" }
at.ssm-parameter = { target = "account", name = "/app/key" }
"#;
    // What the run keeps meanwhile lies in the store itself.
    let kept = "[rotation.escrow]\npending = \"manager\"\n";
    work.write("policy.toml", &format!("{}{kept}{more}", work.read("policy.toml")));
    work.plan(&[]);
    // Somebody else's rotation of the same secret is under way: nothing is revoked, and nothing of theirs is moved.
    let manager = |call: &str, body: serde_json::Value| {
        admin.json("secretsmanager", &format!("secretsmanager.{call}"), &body).expect("an answer")
    };
    let token = "of-somebody-else-of-somebody-else";
    let theirs = serde_json::json!({
        "SecretId": "app/key", "ClientRequestToken": token, "SecretString": "{}", "VersionStages": ["AWSPENDING"],
    });
    manager("PutSecretValue", theirs);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stderr.contains("another rotation of it is under way"), "{run:?}");
    assert_eq!(cloud.keys("app").len(), 2, "the old one lives");
    let labels = || manager("ListSecretVersionIds", serde_json::json!({ "SecretId": "app/key" })).to_string();
    assert_eq!(labels().matches("keysweep-").count(), 2, "both values are kept: {}", labels());
    assert!(!work.path().join("home/.config/keysweep/rotate/escrow-identity.txt").exists(), "and nowhere else");
    let away = serde_json::json!({ "SecretId": "app/key", "VersionStage": "AWSPENDING", "RemoveFromVersionId": token });
    manager("UpdateSecretVersionStage", away);
    let run = work.keysweep(&["rotate", "resume", &work.run_name()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    cloud.assert_turned(&work, "app", &old);
    let versions = manager("ListSecretVersionIds", serde_json::json!({ "SecretId": "app/key" }));
    let stages: Vec<&str> = versions["Versions"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|version| version["VersionStages"].as_array().into_iter().flatten())
        .filter_map(serde_json::Value::as_str)
        .collect();
    assert_eq!(labels().matches("keysweep-").count(), 0, "what was kept is forgotten: {}", labels());
    assert!(!stages.contains(&"AWSPENDING") && stages.contains(&"AWSCURRENT"), "{versions}");
    assert!(stages.contains(&"AWSPREVIOUS"), "the way back is there: {versions}");
    let body = serde_json::json!({ "SecretId": "app/key", "VersionStage": "AWSCURRENT" });
    let got = admin.json("secretsmanager", "secretsmanager.GetSecretValue", &body).expect("readable");
    let held: serde_json::Value = serde_json::from_str(got["SecretString"].as_str().expect("text")).expect("JSON");
    assert_eq!(held["other"], "stays");
    assert_eq!(cloud.keys("app"), [held["id"].as_str().expect("an id")]);
    let body = serde_json::json!({ "Name": "/app/key", "WithDecryption": true });
    let parameter = admin.json("ssm", "AmazonSSM.GetParameter", &body).expect("readable");
    assert_eq!(parameter["Parameter"]["Value"], held["key"]);
    work.assert_not_on_disk(&[held["key"].as_str().expect("a key")], &["deploy/credentials"]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix() {
    let cloud = Cloud::start();
    let proxy = proxy(&cloud, |_| Fate::Pass);
    let points = points(false, Does::Both);
    matrix(
        &points,
        |number| cloud.leaked(&format!("app{number}"), ANYTHING, proxy.port, false),
        |_, number, work, old| cloud.assert_turned(work, &format!("app{number}"), &old),
    );
    assert!(proxy.count("Action=CreateAccessKey") > points.len(), "one orphan was made again");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_kills_at_random_moments() {
    let cloud = Cloud::start();
    let proxy = proxy(&cloud, |_| Fate::Pass);
    random(
        |number| cloud.leaked(&format!("app{number}"), ANYTHING, proxy.port, false),
        |number, work, old| cloud.assert_turned(work, &format!("app{number}"), &old),
    );
}
