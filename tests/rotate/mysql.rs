//! MySQL passwords on a real server: second passwords, `caching_sha2_password` and TLS.

use keysweep::rotate::net::Reach;
use keysweep::rotate::providers::mysql_wire::{Fault, Rows, Server as Address, Session};

use crate::crash::{Does, matrix, points, random};
use crate::servers::{MYSQL_ADMIN, Server, mysql};
use crate::work::{Work, made_up};

/// The password of the least-privileged admin.
const ROTATOR: &str = "made-up-rotator-4"; // keysweep:allow made up

fn address(server: &Server) -> Address {
    let reach = Reach::new(true, Some(server.folder.path().join("server.pem")));
    Address { host: "127.0.0.1".into(), port: server.port, tls: true, reach }
}

fn admin(server: &Server, sql: &str) -> Rows {
    let mut session = Session::open(&address(server), "root", MYSQL_ADMIN.as_bytes()).expect("the admin logs in");
    session.query(sql).unwrap_or_else(|fault| panic!("{sql}: {fault}"))
}

fn lets_in(server: &Server, user: &str, password: &str) -> bool {
    match Session::open(&address(server), user, password.as_bytes()) {
        Ok(_) => true,
        Err(Fault::Server(1045, _)) => false,
        Err(fault) => panic!("{fault}"),
    }
}

fn second_passwords(server: &Server, user: &str) -> usize {
    let sql = "SELECT 1 FROM mysql.user WHERE User_attributes->>'$.additional_password' IS NOT NULL AND User = ";
    admin(server, &format!("{sql}'{user}'")).len()
}

/// An account whose password stands in `leak.txt` and in `deploy/settings.json`.
fn leaked(server: &Server, user: &str, seed: u64) -> (Work, String) {
    let password = made_up("{alnum:24}", seed);
    admin(server, &format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'"));
    // What operators are told to grant.
    let rights = include_str!("../../docs/rights/mysql.sql").replace("rotator-password", ROTATOR);
    rights.lines().skip(1).for_each(|statement| drop(admin(server, statement.trim_end_matches(';'))));
    let mut work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["mysql:main:app*"]
[[rotation.targets]]
kind = "mysql"
name = "main"
environment = "test"
host = "127.0.0.1"
port = {}
ca-file = "server.pem"
private-address = true
admin-user = "rotator"
admin-password = {{ env = "DB_ADMIN" }}
[[rotation.destinations]]
name = "settings"
owners = ["mysql:main:{user}"]
keys = {{ "/database/password" = "{{value}}" }}
at.file.path = "deploy/settings.json"
"#,
        server.port
    ));
    work.environment.push(("DB_ADMIN".into(), ROTATOR.into()));
    work.write("server.pem", &std::fs::read_to_string(server.folder.path().join("server.pem")).expect("readable"));
    work.write("leak.txt", &format!("DATABASE_URL=mysql://{user}:{password}@db.harbor.internal:3306/app\n"));
    work.write("deploy/settings.json", &format!("{{\"database\": {{\"password\": \"{password}\"}}}}\n"));
    (work, password)
}

fn without_admin(work: &Work) {
    let text = work.read("policy.toml");
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("admin-")).collect();
    work.write("policy.toml", &text.join("\n"));
}

fn held(work: &Work) -> String {
    let settings: serde_json::Value = serde_json::from_str(&work.read("deploy/settings.json")).expect("JSON");
    settings["database"]["password"].as_str().expect("a password").to_owned()
}

fn assert_turned(server: &Server, work: &Work, user: &str, old: &str) {
    let new = held(work);
    assert!(lets_in(server, user, &new), "the destination's password lives");
    assert!(!lets_in(server, user, old), "the leaked one is dead");
    assert_eq!(second_passwords(server, user), 0, "law 8: exactly one lives");
    work.assert_not_on_disk(&[old], &["leak.txt"]);
    work.assert_not_on_disk(&[ROTATOR], &[]);
    work.assert_not_on_disk(&[&new], &["deploy/settings.json"]);
    let queries = std::fs::read_to_string(server.folder.path().join("queries")).expect("the server's log");
    assert!(queries.contains("ALTER USER") || queries.contains("SET PASSWORD"));
    assert!(!queries.contains(&new), "the server's log has the new password in clear");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn two_passwords_live_together_until_the_old_one_is_discarded() {
    let server = mysql();
    let (work, old) = leaked(&server, "app", 1);
    let mut open = Session::open(&address(&server), "app", old.as_bytes()).expect("it lives");
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("RETAIN CURRENT PASSWORD") && plan.stdout.contains("two-phase"), "{plan:?}");
    work.killed_at("after-outcome:verify-at-0", &["rotate", "apply", "plan.json", "--yes"]);
    assert!(lets_in(&server, "app", &old) && lets_in(&server, "app", &held(&work)), "both live");
    assert!(open.query("SELECT 1").is_ok(), "nobody lost a connection");
    let run = work.keysweep(&["rotate", "resume", &work.run_name()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&server, &work, "app", &old);
    assert!(open.query("SELECT 1").is_err(), "its connection was ended");
    run.assert_silent(&[&old, &held(&work), ROTATOR]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_7_the_way_back_leaves_the_old_password_alone() {
    let server = mysql();
    let (work, old) = leaked(&server, "app", 2);
    work.plan(&[]);
    work.killed_at("after-outcome:distribute-0", &["rotate", "apply", "plan.json", "--yes"]);
    let new = held(&work);
    let run = work.keysweep(&["rotate", "rollback", &work.run_name()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(held(&work), old);
    assert!(lets_in(&server, "app", &old) && !lets_in(&server, "app", &new));
    assert_eq!(second_passwords(&server, "app"), 0);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_10_somebody_elses_second_password_is_not_thrown_away() {
    let server = mysql();
    let (work, old) = leaked(&server, "app", 3);
    let other = made_up("{alnum:24}", 33);
    admin(&server, &format!("ALTER USER 'app'@'%' IDENTIFIED BY '{other}' RETAIN CURRENT PASSWORD"));
    let run = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(run.status == Some(2) && run.stdout.contains("DISCARD OLD PASSWORD"), "{run:?}");
    without_admin(&work);
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stderr.contains("Incorrect current password"), "{run:?}");
    assert!(lets_in(&server, "app", &old) && lets_in(&server, "app", &other), "nothing was touched");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_5_in_an_emergency_the_leaked_password_dies_first() {
    let server = mysql();
    let (work, old) = leaked(&server, "app", 4);
    work.plan(&["--emergency"]);
    work.killed_at("after-outcome:prove-deleted", &["rotate", "apply", "plan.json", "--yes"]);
    assert!(!lets_in(&server, "app", &old) && held(&work) == old, "it is dead before there is a new one");
    let run = work.keysweep(&["rotate", "resume", &work.run_name()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&server, &work, "app", &old);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn who_vouches_for_the_server_is_asked() {
    let server = mysql();
    let (work, _) = leaked(&server, "app", 5);
    let policy = work.read("policy.toml");
    work.write("policy.toml", &policy.replace("ca-file = \"server.pem\"", ""));
    let run = work.keysweep(&["verify", "leak.txt"]);
    assert!(run.status == Some(2) && run.stdout.contains("certificate"), "{run:?}");
    work.write("policy.toml", &policy.replace("ca-file = \"server.pem\"", "tls = false"));
    let run = work.keysweep(&["verify", "leak.txt"]);
    assert!(run.status == Some(2) && run.stderr.contains("needs TLS"), "{run:?}");
    work.write("policy.toml", &policy.replace("kind = \"mysql\"", "kind = \"mariadb\"").replace("mysql:", "mariadb:"));
    let run = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert!(run.status == Some(2) && run.stdout.contains("should be `mysql`"), "{run:?}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix() {
    let server = mysql();
    matrix(
        &points(true, Does::Delete),
        |number| leaked(&server, &format!("app{number}"), number),
        |_, number, work, old| assert_turned(&server, work, &format!("app{number}"), &old),
    );
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix_of_an_account_that_turns_itself() {
    let server = mysql();
    let changes: Vec<String> = points(true, Does::Disable)
        .into_iter()
        .filter(|point| ["issue", "escrow-new", "disable"].iter().any(|step| point.ends_with(step)))
        .collect();
    matrix(
        &changes,
        |number| {
            let (work, old) = leaked(&server, &format!("app{number}"), number);
            without_admin(&work);
            (work, old)
        },
        |_, number, work, old| assert_turned(&server, work, &format!("app{number}"), &old),
    );
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_kills_at_random_moments() {
    let server = mysql();
    random(
        |number| leaked(&server, &format!("app{number}"), number),
        |number, work, old| assert_turned(&server, work, &format!("app{number}"), &old),
    );
}
