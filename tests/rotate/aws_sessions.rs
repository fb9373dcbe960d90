//! Temporary keys of roles against moto with policies enforced. A proxy adds AWS' words about who denies, which moto lacks.

use std::sync::atomic::{AtomicBool, Ordering};

use keysweep::rotate::providers::aws_api::{Fault, signer, tag};
use keysweep::rotate::sigv4::Signer;
use keysweep::secret::Secret;

use crate::aws::{ANYTHING, Cloud, plain, user};
use crate::proxy::{Fate, Proxy, answer};
use crate::work::Work;

/// What operators are told to allow.
const RIGHTS: &str = include_str!("../../docs/rights/aws-sessions.json");

const TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;

/// A session of a role.
fn session(cloud: &Cloud, role: &str) -> Signer {
    let arn = format!("arn:aws:iam::123456789012:role/{role}");
    let parameters = [("Action", "AssumeRole"), ("RoleArn", &*arn), ("RoleSessionName", "job")];
    let text = cloud.api.query("sts", &cloud.root, &parameters).expect("a session");
    let part = |name: &str| tag(&text, name).expect("it is there").to_owned();
    let token = Secret::new(part("SessionToken").as_bytes());
    signer(&part("AccessKeyId"), &Secret::new(part("SecretAccessKey").as_bytes()), Some(&token))
}

/// The words of AWS for a session that the policy denies, once the policy was put.
fn aws(port: u16) -> Proxy {
    let denied = AtomicBool::new(false);
    Proxy::start(port, move |call| {
        if call.contains("Action=PutRolePolicy") {
            denied.store(true, Ordering::SeqCst);
        }
        if call.contains("Credential=ASIA")
            && call.contains("Action=GetAccountSummary")
            && denied.load(Ordering::SeqCst)
        {
            let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: \
                        iam:GetAccountSummary on resource: * with an explicit deny in an identity-based policy\
                        </Message></Error></ErrorResponse>";
            return answer("403 Forbidden", "Content-Type: text/xml\r\n", body);
        }
        Fate::Pass
    })
}

fn work(rotator: &Signer, port: u16, key: &Signer) -> Work {
    let common = format!(
        "kind = \"aws\"\nenvironment = \"test\"\nendpoint = \"http://127.0.0.1:{port}\"\nprivate-address = true\n\
         plain-http = true\npropagation-seconds = 0\nadmin-key-id = {{ env = \"ROTATOR_ID\" }}\n\
         admin-secret-key = {{ env = \"ROTATOR_KEY\" }}\n"
    );
    let mut work = Work::new(&format!(
        "[rotation]\nproof-samples = 2\n[rotation.environments.test]\nowners = [\"aws:123456789012:role/app*\"]\n\
         [[rotation.targets]]\nname = \"users\"\n{common}\
         [[rotation.targets]]\nname = \"sessions\"\nsessions = true\n{common}"
    ));
    work.environment.push(("ROTATOR_ID".into(), rotator.id.clone()));
    work.environment.push(("ROTATOR_KEY".into(), plain(&rotator.secret)));
    let token = plain(key.session.as_ref().expect("a session"));
    work.write(
        "leak.txt",
        &format!(
            "aws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {token}\n",
            key.id,
            plain(&key.secret)
        ),
    );
    work
}

fn role(cloud: &Cloud, name: &str) {
    cloud.call(&[("Action", "CreateRole"), ("RoleName", name), ("AssumeRolePolicyDocument", TRUST)]);
    cloud.call(&[("Action", "PutRolePolicy"), ("RoleName", name), ("PolicyName", "p"), ("PolicyDocument", ANYTHING)]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn sessions_of_a_role_are_denied_and_that_is_proven_by_a_denied_call() {
    let cloud = Cloud::start();
    role(&cloud, "app");
    let rotator = user(&cloud.api, &cloud.root, "session-rotator", RIGHTS);
    let key = session(&cloud, "app");
    let proxy = aws(cloud.moto.port);
    let work = work(&rotator, proxy.port, &key);
    let ask = |key: &Signer| cloud.api.query("iam", key, &[("Action", "GetAccountSummary")]);
    assert!(ask(&key).is_ok(), "it may do everything");
    let plan = work.plan(&[]);
    for line in [
        "revoke-only",
        "aws:123456789012:role/app (live)",
        "PolicyName=AWSRevokeOlderSessions",
        "every session of role",
    ] {
        assert!(plan.stdout.contains(line), "{line}: {plan:?}");
    }
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(work.evidence()["body"]["state"], "proven");
    let denied = ask(&key).expect_err("moto denies it by the policy");
    assert!(matches!(&denied, Fault::Service(403, code, _) if code == "AccessDenied"), "{denied}");
    let policy =
        cloud.call(&[("Action", "GetRolePolicy"), ("RoleName", "app"), ("PolicyName", "AWSRevokeOlderSessions")]);
    assert!(policy.contains("TokenIssueTime") && policy.contains("DateLessThan"), "{policy}");
    work.assert_not_on_disk(&[&plain(&key.secret), &plain(key.session.as_ref().expect("one"))], &["leak.txt"]);
    let again = work.keysweep(&["verify", "leak.txt"]);
    assert!(again.stdout.contains("dead"), "{again:?}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_6_a_denial_that_does_not_say_by_whom_proves_nothing() {
    let cloud = Cloud::start();
    role(&cloud, "app");
    let rotator = user(&cloud.api, &cloud.root, "session-rotator", RIGHTS);
    let key = session(&cloud, "app");
    // moto's own words name no policy.
    let work = work(&rotator, cloud.moto.port, &key);
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stdout.contains("failed:prove-deleted"), "{run:?}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_12_roles_of_others_and_weak_admins_change_nothing() {
    let cloud = Cloud::start();
    role(&cloud, "theirs");
    role(&cloud, "app");
    let weak = user(
        &cloud.api,
        &cloud.root,
        "weak",
        &RIGHTS.replace("GetRolePolicy", "ListUsers").replace("PutRolePolicy", "ListRoles"),
    );
    let proxy = aws(cloud.moto.port);
    let first = work(&weak, proxy.port, &session(&cloud, "theirs"));
    let plan = first.keysweep(&["rotate", "plan", "leak.txt"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("role/theirs` is not among those"), "{plan:?}");
    let second = work(&weak, proxy.port, &session(&cloud, "app"));
    let plan = second.keysweep(&["rotate", "plan", "leak.txt", "-o", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("not authorized to perform: iam:GetRolePolicy"), "{plan:?}");
    assert_eq!(second.keysweep(&["rotate", "apply", "plan.json", "--yes"]).status, Some(2));
    assert_eq!(proxy.count("Action=PutRolePolicy"), 0);
}
