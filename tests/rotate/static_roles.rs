//! Passwords that a real OpenBao owns on a real PostgreSQL (static roles).

use serde_json::json;

use crate::crash::{Does, matrix, points};
use crate::postgresql::{admin, lets_in};
use crate::proxy::{Fate, Proxy};
use crate::servers::{PG_ADMIN, Server, postgresql};
use crate::vault::Bao;
use crate::work::Work;

/// Both servers, the one owning `postgres` on the other.
fn servers() -> (Server, Bao) {
    let (postgres, bao) = (postgresql(), Bao::start());
    admin(&postgres, "SELECT 1"); // ready
    bao.write("sys/mounts/database", &json!({ "type": "database" }));
    bao.write(
        "database/config/main",
        &json!({
            "plugin_name": "postgresql-database-plugin", "allowed_roles": "*", "username": "postgres", "password": PG_ADMIN,
            "connection_url":
                format!("postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{}/postgres?sslmode=disable", postgres.port),
        }),
    );
    (postgres, bao)
}

/// A role whose password leaked and stands in a file.
fn leaked(postgres: &Server, bao: &Bao, role: &str, port: u16) -> (Work, String) {
    admin(postgres, &format!("CREATE ROLE {role} LOGIN"));
    let body = json!({ "db_name": "main", "username": role, "rotation_period": "24h" });
    bao.write(&format!("database/static-roles/{role}"), &body);
    let old = shown(bao, role);
    let mut work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["vault:main:static-role/app*"]
[[rotation.targets]]
kind = "vault"
name = "main"
environment = "test"
address = "http://127.0.0.1:{port}"
private-address = true
plain-http = true
admin-token = {{ env = "ROTATOR" }}
static-role = {{ role = "{role}", host = "127.0.0.1", port = {}, tls = false }}
[[rotation.destinations]]
name = "job"
owners = ["vault:main:static-role/{role}"]
keys = {{ PASSWORD = "{{value}}" }}
at.file.path = "deploy/job.env"
"#,
        postgres.port
    ));
    work.environment.push(("ROTATOR".into(), bao.rotator.clone()));
    work.write("deploy/job.env", &format!("PASSWORD={old}\n"));
    let encoded = old.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    work.write("leak.txt", &format!("DATABASE_URL=postgres://{role}:{encoded}@db.harbor.internal/app\n"));
    (work, old)
}

fn shown(bao: &Bao, role: &str) -> String {
    let found = bao.api.read("GET", &format!("database/static-creds/{role}"), None).expect("readable").expect("there");
    found["data"]["password"].as_str().expect("a password").to_owned()
}

fn assert_turned(postgres: &Server, bao: &Bao, work: &Work, role: &str, old: &str) {
    let new = shown(bao, role);
    assert_eq!(work.read("deploy/job.env"), format!("PASSWORD={new}\n"), "law 8: the copy follows");
    assert!(lets_in(postgres, role, &new) && !lets_in(postgres, role, old));
    work.assert_not_on_disk(&[old, &bao.rotator, PG_ADMIN], &[]);
    work.assert_not_on_disk(&[&new], &["deploy/job.env"]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_password_that_the_server_owns_is_turned_by_it() {
    let (postgres, bao) = servers();
    let (work, old) = leaked(&postgres, &bao, "app", bao.server.port);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("one-phase") && plan.stdout.contains("POST /v1/database/rotate-role/app"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&postgres, &bao, &work, "app", &old);
    assert_eq!(work.evidence()["body"]["control"], true);
    run.assert_silent(&[&old, &shown(&bao, "app")]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_1_a_password_that_server_and_database_do_not_agree_on_is_refused() {
    let (postgres, bao) = servers();
    let (work, old) = leaked(&postgres, &bao, "app", bao.server.port);
    admin(&postgres, "ALTER ROLE app PASSWORD 'made-up-elsewhere'");
    let plan = work.keysweep(&["rotate", "plan", "leak.txt"]);
    assert!(plan.status == Some(2) && plan.stdout.contains("mend that first"), "{plan:?}");
    assert_eq!(shown(&bao, "app"), old, "nothing was touched");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix_and_lost_answers() {
    let (postgres, bao) = servers();
    matrix(
        &points(false, Does::Nothing),
        |number| leaked(&postgres, &bao, &format!("app{number}"), bao.server.port),
        |_, number, work, old| assert_turned(&postgres, &bao, work, &format!("app{number}"), &old),
    );
    let first = std::sync::atomic::AtomicBool::new(true);
    let proxy = Proxy::start(bao.server.port, move |call| {
        let lose =
            call.starts_with("POST /v1/database/rotate-role") && first.swap(false, std::sync::atomic::Ordering::SeqCst);
        if lose { Fate::Lose } else { Fate::Pass }
    });
    let (work, old) = leaked(&postgres, &bao, "app_lost", proxy.port);
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "law 4: {run:?}");
    assert_eq!(proxy.count("POST /v1/database/rotate-role"), 1, "what was done is not done again");
    assert_turned(&postgres, &bao, &work, "app_lost", &old);
}
