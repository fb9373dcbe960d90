//! PostgreSQL passwords on a real server.

use keysweep::rotate::net::Reach;
use keysweep::rotate::providers::pg_wire::{Fault, Server as Address, Session};

use crate::crash::{Does, matrix, points, random};
use crate::servers::{PG_ADMIN, Server, postgresql};
use crate::work::{Work, made_up};

/// The password of the least-privileged admin.
const PG_ROTATOR: &str = "made-up-rotator-1"; // keysweep:allow made up

fn address(server: &Server) -> Address {
    Address {
        host: "127.0.0.1".into(),
        port: server.port,
        database: "postgres".into(),
        tls: false,
        reach: Reach::new(true, None),
    }
}

pub(crate) fn admin(server: &Server, sql: &str) -> Vec<Vec<Option<String>>> {
    let mut session = loop {
        match Session::open(&address(server), "postgres", PG_ADMIN.as_bytes()) {
            Ok(session) => break session,
            // It listens before it is ready.
            Err(Fault::Server(code, _)) if code == "57P03" => std::thread::sleep(std::time::Duration::from_millis(50)),
            Err(fault) => panic!("the admin logs in: {fault}"),
        }
    };
    session.query(sql).unwrap_or_else(|fault| panic!("{sql}: {fault}"))
}

pub(crate) fn lets_in(server: &Server, user: &str, password: &str) -> bool {
    match Session::open(&address(server), user, password.as_bytes()) {
        Ok(_) => true,
        Err(Fault::Server(code, _)) if code == "28P01" || code == "28000" => false,
        Err(fault) => panic!("{fault}"),
    }
}

fn policy(server: &Server, user: &str, more: &str) -> String {
    format!(
        r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["postgresql:main:app*"]
[[rotation.targets]]
kind = "postgresql"
name = "main"
environment = "test"
host = "127.0.0.1"
port = {port}
tls = false
private-address = true
admin-user = "rotator"
admin-password = {{ env = "PG_ROTATOR" }}
{more}
[[rotation.destinations]]
name = "env-file"
owners = ["postgresql:main:{user}"]
keys = {{ DATABASE_URL = "postgres://{{user}}:{{value:uri}}@db.harbor.internal/app" }}
at.file.path = "deploy/app.env"
"#,
        port = server.port
    )
}

/// A role with a password that stands in `leak.txt` and in `deploy/app.env`.
fn leaked(server: &Server, user: &str, seed: u64, more: &str) -> (Work, String) {
    let password = made_up("{alnum:24}", seed);
    admin(server, &format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'"));
    // What operators are told to grant.
    let rights = include_str!("../../docs/rights/postgresql.sql").replace("rotator-password", PG_ROTATOR);
    let there = !admin(server, "SELECT 1 FROM pg_roles WHERE rolname = 'rotator'").is_empty();
    for statement in rights.replace("GRANT app TO", &format!("GRANT {user} TO")).lines().skip(if there { 3 } else { 1 })
    {
        admin(server, statement);
    }
    let mut work = Work::new(&policy(server, user, more));
    work.environment.push(("PG_ROTATOR".into(), PG_ROTATOR.into()));
    let url = format!("postgres://{user}:{password}@db.harbor.internal/app");
    work.write("leak.txt", &format!("DATABASE_URL={url}\n"));
    work.write("deploy/app.env", &format!("# settings\nDATABASE_URL={url}\nOTHER=1\n"));
    (work, password)
}

/// User and password that the destination holds.
fn held(work: &Work) -> (String, String) {
    let text = work.read("deploy/app.env");
    let url = text.lines().find_map(|line| line.strip_prefix("DATABASE_URL=postgres://")).expect("an address");
    let (user, rest) = url.split_once(':').expect("a user");
    (user.to_owned(), rest.split_once('@').expect("a password").0.to_owned())
}

/// The end of every story: one password lives, the destination holds it, nothing else is on disk.
fn assert_turned(server: &Server, work: &Work, old_user: &str, old: &str) {
    let (user, new) = held(work);
    assert_ne!(new, old);
    assert!(lets_in(server, &user, &new), "the destination's password lives");
    assert!(!lets_in(server, old_user, old), "the leaked one is dead");
    work.assert_not_on_disk(&[old], &["leak.txt"]);
    work.assert_not_on_disk(&[&new], &["deploy/app.env"]);
    work.assert_not_on_disk(&[PG_ROTATOR], &[]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_leaked_password_is_turned_and_proven_dead() {
    let server = postgresql();
    let (work, old) = leaked(&server, "app", 1, "");
    let mut session = Session::open(&address(&server), "app", old.as_bytes()).expect("it lives");
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("ALTER ROLE app") && plan.stdout.contains("one-phase"), "{}", plan.stdout);
    assert!(session.query("SELECT 1").is_ok(), "planning changes nothing");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&server, &work, "app", &old);
    assert!(session.query("SELECT 1").is_err(), "the open session was ended");
    for run in [&plan, &run] {
        run.assert_silent(&[&old, &held(&work).1, PG_ROTATOR]);
    }
    let evidence = work.evidence();
    assert_eq!(evidence["body"]["state"], "proven");
    assert_eq!(evidence["body"]["control"], true);
    let again = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "again.json"]);
    assert!(again.stdout.contains("(dead)"), "{again:?}");
    let dead = work.keysweep(&["rotate", "apply", "again.json", "--yes"]);
    assert_eq!(dead.status, Some(0), "what is dead already is proven so: {dead:?}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn two_roles_take_turns_without_an_outage() {
    let server = postgresql();
    admin(&server, "CREATE ROLE readers; CREATE TABLE t (x int); GRANT SELECT ON t TO readers");
    let (work, old) = leaked(&server, "app", 2, "alternating-users = true");
    admin(&server, "GRANT readers TO app");
    admin(&server, "GRANT readers TO rotator WITH ADMIN OPTION");
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let (user, new) = held(&work);
    assert_eq!(user, "app_b");
    assert_turned(&server, &work, "app", &old);
    let mut session = Session::open(&address(&server), "app_b", new.as_bytes()).expect("it lives");
    session.query("SELECT * FROM t").expect("it has the rights of the group");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_role_can_turn_its_own_password() {
    let server = postgresql();
    let (work, old) = leaked(&server, "app", 3, "");
    let text = work.read("policy.toml");
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("admin-")).collect();
    work.write("policy.toml", &text.join("\n"));
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "law 9: {run:?}");
    assert_turned(&server, &work, "app", &old);
}

/// Its own password signs, and is dead once it is changed: by a kill after that nothing may be stuck.
#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_9_a_role_that_turns_itself_is_gone_on_with_after_any_kill() {
    let server = postgresql();
    let around = |step: &str| step.ends_with(":issue") || step.ends_with(":disable");
    let points: Vec<String> = points(true, Does::Disable).into_iter().filter(|point| around(point)).collect();
    for (named, first) in [(false, 300), (true, 400)] {
        matrix(
            &points,
            |number| {
                let user = format!("app{}", first + number);
                let (mut work, old) = leaked(&server, &user, first + number, "");
                let policy = work.read("policy.toml");
                let policy = match named {
                    // The admin that the policy names is the leaked one.
                    true => policy.replace("admin-user = \"rotator\"", &format!("admin-user = \"{user}\"")),
                    false => policy.lines().filter(|line| !line.starts_with("admin-")).collect::<Vec<_>>().join("\n"),
                };
                work.write("policy.toml", &policy);
                work.environment.push(("PG_ROTATOR".into(), old.clone()));
                (work, old)
            },
            |_, number, work, old| assert_turned(&server, work, &format!("app{}", first + number), &old),
        );
    }
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_12_others_passwords_are_reported_and_not_touched() {
    let server = postgresql();
    let (work, old) = leaked(&server, "other", 4, "");
    let run = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert_eq!(run.status, Some(2), "{run:?}");
    assert!(run.stdout.contains("REFUSED") && run.stdout.contains("owner `postgresql:main:other`"), "{run:?}");
    assert_eq!(work.keysweep(&["rotate", "apply", "plan.json", "--yes"]).status, Some(2));
    assert!(lets_in(&server, "other", &old), "nothing was touched");
    assert_eq!(work.keysweep(&["verify", "leak.txt"]).status, Some(1), "it lives");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_5_nothing_is_changed_when_a_destination_does_not_hold_the_old_value() {
    let server = postgresql();
    let (work, old) = leaked(&server, "app", 5, "");
    work.write("deploy/app.env", "DATABASE_URL=something-else\n");
    let run = work.keysweep(&["rotate", "plan", "leak.txt", "--output", "plan.json"]);
    assert_eq!(run.status, Some(2), "{run:?}");
    // Planned while it held it, changed afterwards: the run looks again before it changes anything.
    let url = format!("postgres://app:{old}@db.harbor.internal/app");
    work.write("deploy/app.env", &format!("DATABASE_URL={url}\n"));
    work.plan(&[]);
    work.write("deploy/app.env", "DATABASE_URL=something-else\n");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(2), "{run:?}");
    assert!(run.stdout.contains("refused:preflight"), "{run:?}");
    assert!(lets_in(&server, "app", &old));
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_7_what_can_be_undone_is_undone() {
    let server = postgresql();
    let (work, old) = leaked(&server, "app", 6, "alternating-users = true");
    work.plan(&[]);
    work.killed_at("after-outcome:disable", &["rotate", "apply", "plan.json", "--yes"]);
    assert!(!lets_in(&server, "app", &old), "it was switched off");
    let name = work.run_name();
    assert_eq!(work.keysweep(&["rotate", "apply", "plan.json", "--yes"]).status, Some(2), "law 8: one run at a time");
    assert_eq!(work.keysweep(&["rotate", "status"]).status, Some(1), "work remains");
    let run = work.keysweep(&["rotate", "rollback", &name]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(held(&work), ("app".to_owned(), old.clone()), "the destination has the old value again");
    assert!(lets_in(&server, "app", &old));
    let roles = admin(&server, "SELECT count(*) FROM pg_roles WHERE rolname = 'app_b'");
    assert_eq!(roles[0][0].as_deref(), Some("0"), "the new role is gone");
    assert_eq!(work.keysweep(&["rotate", "resume", &name]).status, Some(0), "over is over");
}

/// Kills a run at every boundary of every step, goes on, and looks at what is left.
fn crash_matrix(does: Does, more: &str) {
    let server = postgresql();
    let user = |number: u64| format!("app{number}");
    matrix(
        &points(true, does),
        |number| leaked(&server, &user(number), number, more),
        |point, number, work, old| {
            let user = user(number);
            assert_turned(&server, work, &user, &old);
            assert_eq!(work.evidence()["body"]["state"], "proven", "{point}");
            let roles =
                admin(&server, &format!("SELECT rolname FROM pg_roles WHERE rolname LIKE '{user}%' AND rolcanlogin"));
            assert_eq!(roles.len(), 1, "law 8: exactly one lives, killed at {point}: {roles:?}");
        },
    );
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix_of_one_phase() {
    crash_matrix(Does::Disable, "");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix_of_two_phase() {
    crash_matrix(Does::Both, "alternating-users = true");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_kills_at_random_moments() {
    let server = postgresql();
    for (first, more) in [(0, ""), (1_000, "alternating-users = true")] {
        let user = |number: u64| format!("app{}", first + number);
        random(
            |number| leaked(&server, &user(number), first + number, more),
            |number, work, old| {
                assert_turned(&server, work, &user(number), &old);
                let like = format!("SELECT 1 FROM pg_roles WHERE rolname LIKE '{}%' AND rolcanlogin", user(number));
                assert_eq!(admin(&server, &like).len(), 1, "law 8: exactly one lives");
            },
        );
    }
}
