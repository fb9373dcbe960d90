//! Vendors' services against the simulator, with everything going wrong in between.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::crash::matrix;
use crate::proxy::{Fate, Proxy, answer};
use crate::simulator::Simulator;
use crate::work::{Work, made_up};

/// The operator's SendGrid key.
pub(crate) const ADMIN: &str = "SG.made-up-admin-key-id-x.made-up"; // keysweep:allow made up

/// A work folder with one target.
pub(crate) fn work(provider: &str, port: u16, more: &str) -> Work {
    let mut work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 2
[rotation.environments.test]
owners = ["{provider}:service:*"]
[[rotation.targets]]
kind = "saas"
name = "service"
environment = "test"
provider = "{provider}"
address = "http://127.0.0.1:{port}"
private-address = true
plain-http = true
propagation-seconds = 0
{more}
[[rotation.destinations]]
name = "app"
owners = ["{provider}:service:*"]
keys = {{ TOKEN = "{{value}}" }}
at.file.path = "deploy/app.env"
"#
    ));
    work.environment.push(("ADMIN".into(), ADMIN.into()));
    work
}

pub(crate) fn leak(work: &Work, value: &str) {
    work.write("leak.txt", &format!("token: \"{value}\"\n"));
    work.write("deploy/app.env", &format!("A=1\nTOKEN={value}\n"));
}

fn held(work: &Work) -> String {
    work.read("deploy/app.env").lines().find_map(|line| line.strip_prefix("TOKEN=")).expect("a token").to_owned()
}

pub(crate) fn sendgrid(port: u16, simulator: &Simulator, seed: u64, more: &str) -> (Work, String) {
    let value = made_up("SG.{base64url:22}.{base64url:43}", seed);
    simulator.token(&value);
    let work = work("sendgrid-key", port, more);
    leak(&work, &value);
    (work, value)
}

fn github(port: u16, simulator: &Simulator, seed: u64) -> (Work, String) {
    let value = made_up("ghp_{mark}{base62:30}{crc32-base62}", seed);
    simulator.token(&value);
    let work = work("github-pat-classic", port, "");
    leak(&work, &value);
    (work, value)
}

fn gitlab(port: u16, simulator: &Simulator, seed: u64) -> (Work, String) {
    let value = made_up("glpat-{base64url:20}", seed);
    simulator.token(&value);
    let work = work("gitlab-pat", port, "parameters = { expires-at = \"2030-01-01\" }");
    leak(&work, &value);
    (work, value)
}

pub(crate) fn apply(work: &Work) -> crate::work::Run {
    work.keysweep(&["rotate", "apply", "plan.json", "--yes"])
}

/// Exactly one key lives besides the admin's, the destination holds it, and nothing is on disk in clear.
pub(crate) fn assert_turned(simulator: &Simulator, work: &Work, old: &str) {
    let living: Vec<String> = simulator.with(|state| state.living()).into_iter().filter(|key| key != ADMIN).collect();
    let held = held(work);
    assert_eq!(living, [held.as_str()], "law 8: exactly one lives, and the destination holds it");
    work.assert_not_on_disk(&[old, ADMIN], &["leak.txt"]);
    work.assert_not_on_disk(&[&held], &["deploy/app.env"]);
    assert_eq!(work.evidence()["body"]["state"], "proven");
}

#[test]
fn law_1_an_object_that_is_not_proven_to_be_the_leaked_value_is_not_touched() {
    // The self endpoint does not say which one it is.
    let simulator = Simulator::start();
    let (gitlab, old) = gitlab(simulator.port, &simulator, 1);
    simulator.with(|state| state.hides_ids = true);
    let plan = gitlab.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("not proven to be the leaked value"), "{plan:?}");
    assert_eq!(apply(&gitlab).status, Some(2));
    assert_eq!(simulator.with(|state| state.living()), [old], "nothing was touched");
    // A list holds the value twice.
    let simulator = Simulator::start();
    let value = made_up("HRKU-AA{base64url:58}", 2);
    simulator.token(&value);
    let heroku = work("heroku-authorization", simulator.port, "parameters = { scope = \"global\" }");
    heroku.write("leak.txt", &format!("HEROKU_API_KEY={value}\n"));
    heroku.write("deploy/app.env", &format!("TOKEN={value}\n"));
    let plan = heroku.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("not proven to be the leaked value"), "{plan:?}");
    assert_eq!(simulator.with(|state| state.count("DELETE") + state.count("POST")), 0);
}

#[test]
fn law_6_a_token_that_lacks_rights_is_not_called_dead() {
    let refused = |detail: &str| {
        let body = format!("{{\"errors\":[{{\"detail\":\"{detail}\"}}]}}");
        let proxy = Proxy::start(1, move |_| answer("403 Forbidden", "Content-Type: application/json\r\n", &body));
        let work = work("cratesio-token", proxy.port, "");
        leak(&work, &made_up("cio{alnum:32}", 16));
        work.keysweep(&["verify", "leak.txt"])
    };
    let scoped = refused("this token does not have the required permissions to perform this action");
    assert!(scoped.status == Some(2) && scoped.stdout.starts_with("unknown"), "{scoped:?}");
    let dead = refused("authentication failed");
    assert!(dead.status == Some(0) && dead.stdout.starts_with("dead"), "{dead:?}");
}

#[test]
fn tokens_that_revoke_themselves_are_proven_dead() {
    for (seed, provider, value) in
        [(3, "jfrog-token", made_up("{jwt:jfrog}", 3)), (4, "doppler-token", made_up("dp.st.prd.{alnum:43}", 4))]
    {
        let simulator = Simulator::start();
        simulator.token(&value);
        let work = work(provider, simulator.port, "");
        leak(&work, &value);
        let plan = work.plan(&[]);
        assert!(plan.stdout.contains("proven by: documented"), "{seed}: {plan:?}");
        let run = apply(&work);
        assert_eq!(run.status, Some(0), "{provider}: {run:?}");
        assert!(simulator.with(|state| state.living()).is_empty());
        assert_eq!(work.evidence()["body"]["state"], "proven");
    }
}

#[test]
fn law_6_accepted_is_not_dead_and_neither_is_one_replica() {
    let simulator = Simulator::start();
    simulator.with(|state| {
        state.die_after = Duration::from_millis(700);
        state.stale_replicas = 2;
    });
    let (work, old) = github(simulator.port, &simulator, 4);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("revoke-only") && plan.stdout.contains("POST /credentials/revoke"), "{plan:?}");
    let run = apply(&work);
    assert_eq!(run.status, Some(0), "{run:?}");
    run.assert_silent(&[&old]);
    let probes = simulator.with(|state| state.count("GET /user"));
    assert!(probes >= 6, "asked until it was dead everywhere: {probes}");
    assert_eq!(work.evidence()["body"]["state"], "proven");
    work.assert_not_on_disk(&[&old], &["leak.txt", "deploy/app.env"]);
}

#[test]
fn law_12_somebody_elses_token_is_reported_and_not_revoked() {
    let simulator = Simulator::start();
    let (work, old) = github(simulator.port, &simulator, 5);
    let policy = work.read("policy.toml");
    work.write(
        "policy.toml",
        &policy.replace(
            "owners = [\"github-pat-classic:service:*\"]",
            "owners = [\"github-pat-classic:service:user/us\"]",
        ),
    );
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("user/octo` is not among those"), "{plan:?}");
    assert_eq!(apply(&work).status, Some(2));
    assert_eq!(simulator.with(|state| state.living()), [old]);
}

#[test]
fn law_8_a_rotation_whose_answer_is_lost_is_never_repeated_and_ends_as_lost() {
    let simulator = Simulator::start();
    let proxy = Proxy::start(simulator.port, |call| match call.starts_with("POST") {
        true => Fate::Lose,
        false => Fate::Pass,
    });
    let (work, _) = gitlab(proxy.port, &simulator, 6);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("one-phase") && plan.stdout.contains("never repeated"), "{plan:?}");
    let run = apply(&work);
    assert!(run.status == Some(2) && run.stdout.contains("LOST"), "{run:?}");
    let again = work.keysweep(&["rotate", "resume", &work.run_name()]);
    assert!(again.stdout.contains("LOST"), "{again:?}");
    assert_eq!(proxy.count("/self/rotate"), 1, "it is not asked for twice");
    assert_eq!(simulator.with(|state| state.families_lost), 0, "the family lives");
}

#[test]
fn a_token_that_turns_itself_is_turned() {
    let simulator = Simulator::start();
    let (work, old) = gitlab(simulator.port, &simulator, 7);
    work.plan(&[]);
    let run = apply(&work);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&simulator, &work, &old);
}

#[test]
fn a_token_that_died_between_plan_and_apply_is_proven_dead() {
    let simulator = Simulator::start();
    let (work, old) = gitlab(simulator.port, &simulator, 15);
    work.plan(&[]);
    // The issuer does not say any more whose it was.
    simulator.kill_by_hand(&old);
    let run = apply(&work);
    assert_eq!(run.status, Some(0), "{run:?}");
    let evidence = work.evidence();
    assert_eq!((&evidence["body"]["state"], &evidence["body"]["control"]), (&"proven".into(), &false.into()));
    assert_eq!(simulator.with(|state| state.count("POST")), 0, "nothing is changed");
    assert_eq!(held(&work), old);
}

#[test]
fn law_4_a_creation_whose_answer_is_lost_is_found_removed_and_made_anew() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let lost = AtomicUsize::new(0);
    let proxy = Proxy::start(simulator.port, move |call| match call.starts_with("POST /v3/api_keys") {
        true if lost.fetch_add(1, Ordering::SeqCst) == 0 => Fate::Lose,
        _ => Fate::Pass,
    });
    let (work, old) = sendgrid(proxy.port, &simulator, 8, "admin = { env = \"ADMIN\" }");
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("two-phase") && plan.stdout.contains("proven by: contract"), "{plan:?}");
    let run = apply(&work);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(proxy.count("POST /v3/api_keys"), 2);
    assert_turned(&simulator, &work, &old);
}

#[test]
fn law_9_a_key_that_signs_its_own_rotation_hands_over_first() {
    let simulator = Simulator::start();
    simulator.with(|state| state.activate_after = Duration::from_millis(600));
    let (work, old) = sendgrid(simulator.port, &simulator, 9, "");
    work.plan(&[]);
    let run = apply(&work);
    assert_eq!(run.status, Some(0), "a key may need a while to work: {run:?}");
    assert_turned(&simulator, &work, &old);
}

#[test]
fn a_full_quota_is_a_clean_stop() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    simulator.with(|state| state.quota = 2);
    let (work, old) = sendgrid(simulator.port, &simulator, 10, "admin = { env = \"ADMIN\" }");
    work.plan(&[]);
    let run = apply(&work);
    assert!(run.status == Some(2) && run.stdout.contains("refused:issue"), "{run:?}");
    assert!(held(&work) == old && simulator.with(|state| state.living()).contains(&old));
}

#[test]
fn a_service_that_says_later_is_waited_for_and_one_that_says_nothing_proves_nothing() {
    let simulator = Simulator::start();
    let past = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let faults: Vec<Fate> = vec![
        answer("429 Too Many Requests", "Retry-After: 1\r\n", "{}"),
        answer("429 Too Many Requests", past, "{}"),
        Fate::Pass,
    ];
    let seen = AtomicUsize::new(0);
    let proxy = Proxy::start(simulator.port, move |_| {
        faults.get(seen.fetch_add(1, Ordering::SeqCst)).cloned().unwrap_or(Fate::Pass)
    });
    let (work, old) = github(proxy.port, &simulator, 11);
    work.plan(&[]);
    assert_eq!(proxy.count("GET /user"), 3, "both forms of Retry-After");
    // A captive page, an outage, a reset: neither live nor dead, and no plan.
    let page = "<html>log in to the wireless network</html>";
    for fate in [
        answer("200 OK", "Content-Type: text/html\r\n", page),
        answer("401 Unauthorized", "Content-Type: text/html\r\n", page),
        answer("503 Service Unavailable", "", "{}"),
        Fate::Reset,
    ] {
        let shown = format!("{fate:?}");
        let proxy = Proxy::start(simulator.port, move |_| fate.clone());
        let policy = work.read("policy.toml");
        let at = policy.find("127.0.0.1:").expect("an address") + 10;
        let end = at + policy[at..].find('"').expect("its end");
        work.write("policy.toml", &format!("{}{}{}", &policy[..at], proxy.port, &policy[end..]));
        let plan = work.keysweep(&["rotate", "plan", "leak.txt"]);
        assert!(plan.status == Some(2) && plan.stdout.contains("nobody could say"), "{shown}: {plan:?}");
    }
    assert_eq!(simulator.with(|state| state.living()), [old]);
}

#[test]
fn a_refusal_inside_of_a_success_is_read() {
    let simulator = Simulator::start();
    let value = made_up("xoxb-{digits:12}-{digits:13}-{alnum:24}", 12);
    simulator.token(&value);
    let work = work("slack-bot-token", simulator.port, "");
    leak(&work, &value);
    work.plan(&[]);
    let run = apply(&work);
    assert_eq!(run.status, Some(0), "{run:?}");
    let verify = work.keysweep(&["verify", "leak.txt"]);
    assert!(verify.status == Some(0) && verify.stdout.contains("dead"), "{verify:?}");
}

#[test]
fn what_a_person_does_is_waited_for_and_proven() {
    let simulator = Simulator::start();
    let value = made_up("sk_live_{alnum:24}", 13);
    simulator.token(&value);
    let work = work("stripe-key", simulator.port, "");
    leak(&work, &value);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("by hand") && plan.stdout.contains("dashboard.stripe.com/apikeys"), "{plan:?}");
    assert!(plan.stdout.contains("USED BY      app: "), "who breaks is named: {plan:?}");
    let run = apply(&work);
    assert!(run.status == Some(1) && run.stdout.contains("waits for a person"), "{run:?}");
    let name = work.run_name();
    // Said to be done, and it is not.
    let early = work.keysweep(&["rotate", "resume", &name, "--done"]);
    assert_eq!(early.status, Some(1), "{early:?}");
    simulator.kill_by_hand(&value);
    let done = work.keysweep(&["rotate", "resume", &name, "--done"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert_eq!(work.evidence()["body"]["state"], "proven");
    work.assert_not_on_disk(&[&value], &["leak.txt", "deploy/app.env"]);
}

#[test]
fn a_kind_without_a_target_has_its_checklist_and_page() {
    let work = work("stripe-key", 1, "");
    work.write("leak.txt", &format!("token: \"{}\"\n", made_up("ghp_{mark}{base62:30}{crc32-base62}", 14)));
    let plan = work.keysweep(&["rotate", "plan", "leak.txt"]);
    for line in ["https://docs.github.com", "provider \"github-pat-classic\"", "github.com/settings/tokens"] {
        assert!(plan.stdout.contains(line), "{line}: {plan:?}");
    }
}

#[test]
fn a_thousand_findings_of_fifty_secrets_are_fifty_questions() {
    let simulator = Simulator::start();
    let work = work("github-pat-classic", simulator.port, "");
    let policy = work.read("policy.toml");
    work.write("policy.toml", &policy);
    let values: Vec<String> = (0..50).map(|at| made_up("ghp_{mark}{base62:30}{crc32-base62}", 100 + at)).collect();
    values.iter().for_each(|value| simulator.token(value));
    let mut text = String::new();
    for round in 0..20 {
        for value in &values {
            text += &format!("line {round} token: \"{value}\"\n");
        }
    }
    work.write("leak.txt", &text);
    simulator.with(|state| state.delay = Duration::from_millis(50));
    let plan = work.keysweep(&["rotate", "plan", "leak.txt"]);
    assert!(plan.stdout.contains("50 secrets, 50 live"), "{plan:?}");
    assert_eq!(simulator.with(|state| state.calls.len()), 50, "one question per secret");
}

#[test]
fn law_8_crash_matrix() {
    let steps = ["issue", "escrow-new", "verify-new", "distribute-0", "delete", "prove-deleted"];
    let places = ["after-intent", "after-act", "after-outcome"];
    let points: Vec<String> =
        steps.iter().flat_map(|step| places.iter().map(move |place| format!("{place}:{step}"))).collect();
    matrix(
        &points,
        |number| {
            let simulator = Simulator::start();
            simulator.token(ADMIN);
            let (work, old) = sendgrid(simulator.port, &simulator, 100 + number, "admin = { env = \"ADMIN\" }");
            (work, (simulator, old))
        },
        |_, _, work, (simulator, old)| assert_turned(&simulator, work, &old),
    );
}

#[test]
fn rules_exist_and_belong_to_one_kind() {
    let rules = keysweep::rules::RuleSet::builtin();
    let mut taken = std::collections::BTreeSet::new();
    for kind in keysweep::rotate::providers::saas::data::kinds().expect("the files parse") {
        for rule in &kind.rules {
            assert!(rules.get(rule).is_some(), "{}: there is no rule `{rule}`", kind.id);
            assert!(taken.insert(rule), "{}: rule `{rule}` has a kind already", kind.id);
        }
    }
}

#[test]
fn law_5_who_else_holds_the_leaked_value_is_named_before_anything_is_changed() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let (work, old) = sendgrid(simulator.port, &simulator, 400, "admin = { env = \"ADMIN\" }");
    let policy = work.read("policy.toml");
    let more = |owners: &str| {
        format!(
            "{policy}\n[[rotation.destinations]]\nname = \"nightly-job\"\nowners = [\"{owners}\"]\n\
             keys = {{ MAIL = \"{{value}}\" }}\nat.file.path = \"deploy/nightly.env\"\n\
             [[rotation.destinations]]\nname = \"quiet\"\nowners = [\"nobody\"]\nkeys = {{ MAIL = \"{{value}}\" }}\n\
             at.file.path = \"deploy/quiet.env\"\n\
             [[rotation.destinations]]\nname = \"blind\"\nowners = [\"nobody\"]\nkeys = {{ MAIL = \"{{value}}\" }}\n\
             at.command = {{ write = [\"cat\"] }}\n\
             [[rotation.destinations]]\nname = \"of-another-form\"\nowners = [\"nobody\"]\nkeys = {{ URL = \"{{user}}:{{value}}\" }}\n\
             at.file.path = \"deploy/missing.env\"\n"
        )
    };
    work.write("policy.toml", &more("nobody"));
    work.write("deploy/nightly.env", &format!("MAIL={old}\n"));
    work.write("deploy/quiet.env", "MAIL=something-else\n");
    let plan = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("USED BY      nightly-job: file"), "{plan:?}");
    assert!(plan.stdout.contains("perhaps in   blind: command cat: it cannot be read"), "{plan:?}");
    assert!(!plan.stdout.contains("quiet") && !plan.stdout.contains("of-another-form"), "{plan:?}");
    assert!(plan.stdout.contains("add `sendgrid-key:service:"), "the way out is named: {plan:?}");
    plan.assert_silent(&[&old]);
    assert_eq!(apply(&work).status, Some(2), "law 5: nothing is revoked under it");
    assert!(simulator.with(|state| state.living()).contains(&old));
    // Accepted, it may keep the dead value.
    work.plan(&["--accept-missing", "nightly-job"]);
    // Named as an owner's, it follows.
    work.write("policy.toml", &more("sendgrid-key:*"));
    work.plan(&[]);
    let run = apply(&work);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(work.read("deploy/nightly.env"), format!("MAIL={}\n", held(&work)));
    assert_eq!(work.read("deploy/quiet.env"), "MAIL=something-else\n");
}
