//! MariaDB passwords on a real server.

use keysweep::rotate::net::Reach;
use keysweep::rotate::providers::mysql_wire::{Fault, Rows, Server as Address, Session};

use crate::crash::{Does, matrix, points, random};
use crate::servers::{MARIADB_ADMIN, Server, mariadb};
use crate::work::{Work, made_up};

/// The password of the least-privileged admin.
const ROTATOR: &str = "made-up-rotator-3"; // keysweep:allow made up

fn address(server: &Server) -> Address {
    Address { host: "127.0.0.1".into(), port: server.port, tls: false, reach: Reach::new(true, None) }
}

fn admin(server: &Server, sql: &str) -> Rows {
    let mut session = Session::open(&address(server), "root", MARIADB_ADMIN.as_bytes()).expect("the admin logs in");
    session.query(sql).unwrap_or_else(|fault| panic!("{sql}: {fault}"))
}

fn lets_in(server: &Server, user: &str, password: &str) -> bool {
    match Session::open(&address(server), user, password.as_bytes()) {
        Ok(_) => true,
        Err(Fault::Server(1045, _)) => false,
        Err(fault) => panic!("{fault}"),
    }
}

fn leaked(server: &Server, user: &str, seed: u64) -> (Work, String) {
    let password = made_up("{alnum:24}", seed);
    admin(server, &format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'"));
    // What operators are told to grant.
    let rights = include_str!("../../docs/rights/mariadb.sql").replace("rotator-password", ROTATOR);
    rights.lines().skip(1).for_each(|statement| drop(admin(server, statement.trim_end_matches(';'))));
    let mut work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["mariadb:main:app*"]
[[rotation.targets]]
kind = "mariadb"
name = "main"
environment = "test"
host = "127.0.0.1"
port = {}
tls = false
private-address = true
admin-user = "rotator"
admin-password = {{ env = "DB_ADMIN" }}
[[rotation.destinations]]
name = "settings"
owners = ["mariadb:main:{user}"]
keys = {{ "/database/password" = "{{value}}" }}
at.file.path = "deploy/settings.json"
"#,
        server.port
    ));
    work.environment.push(("DB_ADMIN".into(), ROTATOR.into()));
    work.write("leak.txt", &format!("DATABASE_URL=mysql://{user}:{password}@db.harbor.internal:3306/app\n"));
    work.write(
        "deploy/settings.json",
        &format!("{{\n  \"database\": {{ \"password\": \"{password}\", \"x\": 1 }}\n}}\n"),
    );
    (work, password)
}

fn assert_turned(server: &Server, work: &Work, user: &str, old: &str) {
    let settings: serde_json::Value = serde_json::from_str(&work.read("deploy/settings.json")).expect("JSON");
    let new = settings["database"]["password"].as_str().expect("a password").to_owned();
    assert!(lets_in(server, user, &new) && !lets_in(server, user, old));
    work.assert_not_on_disk(&[old, ROTATOR], &["leak.txt"]);
    work.assert_not_on_disk(&[&new], &["deploy/settings.json"]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_leaked_password_is_turned_and_its_connections_end() {
    let server = mariadb();
    let (work, old) = leaked(&server, "app", 1);
    let mut open = Session::open(&address(&server), "app", old.as_bytes()).expect("it lives");
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("ALTER USER app@%"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&server, &work, "app", &old);
    assert!(open.query("SELECT 1").is_err(), "its connection was ended");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn an_account_can_turn_its_own_password() {
    let server = mariadb();
    let (work, old) = leaked(&server, "app", 2);
    let text = work.read("policy.toml");
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("admin-")).collect();
    work.write("policy.toml", &text.join("\n"));
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "law 9: {run:?}");
    assert_turned(&server, &work, "app", &old);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_9_an_account_that_turns_itself_is_gone_on_with_after_any_kill() {
    let server = mariadb();
    let around = |step: &str| step.ends_with(":issue") || step.ends_with(":disable");
    let points: Vec<String> = points(true, Does::Disable).into_iter().filter(|point| around(point)).collect();
    matrix(
        &points,
        |number| {
            let (work, old) = leaked(&server, &format!("app{number}"), number);
            let policy = work.read("policy.toml");
            let policy: Vec<&str> = policy.lines().filter(|line| !line.starts_with("admin-")).collect();
            work.write("policy.toml", &policy.join("\n"));
            (work, old)
        },
        |_, number, work, old| assert_turned(&server, work, &format!("app{number}"), &old),
    );
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix() {
    let server = mariadb();
    matrix(
        &points(true, Does::Disable),
        |number| leaked(&server, &format!("app{number}"), number),
        |_, number, work, old| assert_turned(&server, work, &format!("app{number}"), &old),
    );
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_kills_at_random_moments() {
    let server = mariadb();
    random(
        |number| leaked(&server, &format!("app{number}"), number),
        |number, work, old| assert_turned(&server, work, &format!("app{number}"), &old),
    );
}
