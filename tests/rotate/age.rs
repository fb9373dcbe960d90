//! What the escrow seals is the age format: another implementation (rage, as pyrage) opens it, and the other way round.

use std::io::Write as _;
use std::process::{Command, Stdio};

use keysweep::rotate::escrow::age::{Identity, Recipient, open, seal};

use crate::servers::venv;

/// Runs Python over `input`; what it wrote comes back.
fn python(script: &str, argument: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(venv().join("bin/python"))
        .args(["-c", script, argument])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs: tests/run installs it");
    child.stdin.take().expect("a pipe").write_all(input).expect("sent");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    output.stdout
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn another_implementation_opens_what_we_seal_and_we_open_theirs() {
    let mine = Identity::generate().expect("random bytes");
    for length in [0usize, 1, 65_536, 200_000] {
        let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let sealed = seal(&plain, &[mine.recipient()]).expect("sealed");
        let script = "import sys, pyrage\n\
            who = pyrage.x25519.Identity.from_str(sys.argv[1])\n\
            sys.stdout.buffer.write(pyrage.decrypt(sys.stdin.buffer.read(), [who]))";
        assert_eq!(python(script, &mine.line(), &sealed), plain, "{length}");
        let script = "import sys, pyrage\n\
            who = pyrage.x25519.Recipient.from_str(sys.argv[1])\n\
            sys.stdout.buffer.write(pyrage.encrypt(sys.stdin.buffer.read(), [who]))";
        let theirs = python(script, &mine.recipient().to_string(), &plain);
        assert_eq!(open(&theirs, &mine).expect("opened").expose(), plain, "{length}");
    }
    let made = python("import pyrage; i = pyrage.x25519.Identity.generate(); print(i); print(i.to_public())", "", b"");
    let made = String::from_utf8(made).expect("text");
    let (identity, recipient) = made.trim().split_once('\n').expect("two lines");
    assert_eq!(
        Identity::parse_file(identity).expect("readable").recipient(),
        Recipient::parse(recipient).expect("readable")
    );
}
