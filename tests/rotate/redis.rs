//! Passwords of Redis users on a real server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::crash::{Does, matrix, points, random};
use crate::servers::{REDIS_ADMIN, Server, redis};
use crate::work::{Work, made_up};

/// The password of the least-privileged admin.
const ROTATOR: &str = "made-up-rotator-2"; // keysweep:allow made up

/// What the server answers to inline commands.
fn say(server: &Server, lines: &[&str]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("it answers");
    for line in lines {
        stream.write_all(format!("{line}\r\n").as_bytes()).expect("sent");
    }
    stream.write_all(b"QUIT\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

pub(crate) fn lets_in(server: &Server, user: &str, password: &str) -> bool {
    let answer = say(server, &[&format!("AUTH {user} {password}")]);
    assert!(answer.starts_with("+OK") || answer.starts_with("-WRONGPASS"), "{answer}");
    answer.starts_with("+OK")
}

pub(crate) fn leaked(server: &Server, user: &str, seed: u64) -> (Work, String) {
    let password = made_up("{alnum:24}", seed);
    // What operators are told to grant.
    let rights = include_str!("../../docs/rights/redis.acl").trim().replace("rotator-password", ROTATOR);
    let lines = [format!("AUTH {REDIS_ADMIN}"), format!("ACL SETUSER {user} on >{password} ~* +get"), rights];
    let answer = say(server, &lines.each_ref().map(String::as_str));
    assert!(answer.starts_with("+OK\r\n+OK\r\n+OK"), "{answer}");
    let mut work = Work::new(&format!(
        r#"
[rotation]
proof-samples = 1
[rotation.environments.test]
owners = ["redis:cache:app*"]
[[rotation.targets]]
kind = "redis"
name = "cache"
environment = "test"
host = "127.0.0.1"
port = {}
tls = false
private-address = true
admin-user = "rotator"
admin-password = {{ env = "REDIS_ADMIN" }}
[[rotation.destinations]]
name = "config"
owners = ["redis:cache:{user}"]
keys = {{ "cache.password" = "{{value}}" }}
at.file.path = "deploy/settings.yaml"
"#,
        server.port
    ));
    work.environment.push(("REDIS_ADMIN".into(), ROTATOR.into()));
    work.write("leak.txt", &format!("url: redis://{user}:{password}@cache.harbor.internal:6379/0\n"));
    work.write("deploy/settings.yaml", &format!("cache:\n  host: cache # the server\n  password: \"{password}\"\n"));
    (work, password)
}

pub(crate) fn assert_turned(server: &Server, work: &Work, user: &str, old: &str) {
    let text = work.read("deploy/settings.yaml");
    let new = text.split('"').nth(1).expect("a password").to_owned();
    assert!(lets_in(server, user, &new) && !lets_in(server, user, old));
    work.assert_not_on_disk(&[old, REDIS_ADMIN, ROTATOR], &["leak.txt"]);
    work.assert_not_on_disk(&[&new], &["deploy/settings.yaml"]);
    let passwords = say(server, &[&format!("AUTH {REDIS_ADMIN}"), &format!("ACL GETUSER {user}")]);
    let hashes = passwords.lines().filter(|line| line.len() == 64).count();
    assert_eq!(hashes, 1, "law 8: exactly one password: {passwords}");
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn a_leaked_password_is_turned_and_its_connections_end() {
    let server = redis();
    let (work, old) = leaked(&server, "app", 1);
    let mut open = TcpStream::connect(("127.0.0.1", server.port)).expect("it answers");
    open.write_all(format!("AUTH app {old}\r\n").as_bytes()).expect("sent");
    let mut buffer = [0; 64];
    assert!(open.read(&mut buffer).expect("an answer") > 0);
    let plan = work.plan(&[]);
    assert!(plan.stdout.contains("two-phase"), "{plan:?}");
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&server, &work, "app", &old);
    assert_eq!(open.read(&mut buffer).unwrap_or(0), 0, "its connection was ended");
    let kept = std::fs::read_to_string(server.folder.path().join("users.acl")).expect("readable");
    assert!(kept.contains("user app"), "it lasts over a restart");
    run.assert_silent(&[&old]);
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_crash_matrix() {
    let server = redis();
    matrix(
        &points(true, Does::Delete),
        |number| leaked(&server, &format!("app{number}"), number),
        |_, number, work, old| assert_turned(&server, work, &format!("app{number}"), &old),
    );
}

/// The admin that the policy names is the leaked one: its password is dead before its connections are ended.
#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_9_an_admin_that_leaked_hands_over_to_its_replacement() {
    let server = redis();
    let around = |step: &str| step.ends_with(":issue") || step.ends_with(":delete");
    let points: Vec<String> = points(true, Does::Delete).into_iter().filter(|point| around(point)).collect();
    matrix(
        &points,
        |number| {
            let user = format!("app{number}");
            let (mut work, old) = leaked(&server, &user, number);
            say(&server, &[&format!("AUTH {REDIS_ADMIN}"), &format!("ACL SETUSER {user} +@all")]);
            let policy = work.read("policy.toml");
            work.write("policy.toml", &policy.replace("admin-user = \"rotator\"", &format!("admin-user = \"{user}\"")));
            work.environment.push(("REDIS_ADMIN".into(), old.clone()));
            let mut open = TcpStream::connect(("127.0.0.1", server.port)).expect("it answers");
            open.write_all(format!("AUTH {user} {old}\r\n").as_bytes()).expect("sent");
            let mut buffer = [0; 64];
            assert!(open.read(&mut buffer).expect("an answer") > 0);
            (work, (old, open))
        },
        |_, number, work, (old, mut open)| {
            assert_turned(&server, work, &format!("app{number}"), &old);
            assert_eq!(open.read(&mut [0; 64]).unwrap_or(0), 0, "its connection was ended");
        },
    );
}

#[test]
#[ignore = "needs the servers that tests/run installs"]
fn law_8_kills_at_random_moments() {
    let server = redis();
    random(
        |number| leaked(&server, &format!("app{number}"), number),
        |number, work, old| assert_turned(&server, work, &format!("app{number}"), &old),
    );
}
