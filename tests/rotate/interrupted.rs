//! Ctrl-C in the middle of a call, two runs at once, and a service that asks to wait before it changes anything.

use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::proxy::{Fate, Proxy, answer};
use crate::saas::{ADMIN, assert_turned, sendgrid};
use crate::simulator::Simulator;
use crate::work::{Run, Work};

/// Long enough to do something else meanwhile.
const A_WHILE: Duration = Duration::from_millis(700);

/// A proxy that takes its time over the first call that begins so, and says when it came.
fn slow(upstream: u16, call: &'static str) -> (Proxy, std::sync::mpsc::Receiver<()>) {
    let (send, came) = std::sync::mpsc::channel();
    let send = Mutex::new(Some(send));
    let proxy = Proxy::start(upstream, move |text| {
        match text.starts_with(call).then(|| send.lock().expect("the sender").take()).flatten() {
            Some(send) => {
                send.send(()).expect("the test waits");
                Fate::Slow(A_WHILE)
            }
            None => Fate::Pass,
        }
    });
    (proxy, came)
}

fn start(work: &Work) -> Child {
    let mut command = work.command(&["rotate", "apply", "plan.json", "--yes", "--policy", "policy.toml"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
}

#[test]
fn law_8_ctrl_c_in_the_middle_of_a_call_is_gone_on_with() {
    let mut seed = 300;
    for call in ["POST /v3/api_keys", "DELETE /v3/api_keys/"] {
        // Before the call arrives, and when it was applied and the answer is on its way.
        for applied in [false, true] {
            seed += 1;
            let simulator = Simulator::start();
            simulator.token(ADMIN);
            let (proxy, came) = slow(simulator.port, call);
            let (work, old) = sendgrid(proxy.port, &simulator, seed, "admin = { env = \"ADMIN\" }");
            work.plan(&[]);
            let child = start(&work);
            came.recv().expect("the call comes");
            if applied {
                std::thread::sleep(A_WHILE + A_WHILE / 2);
            }
            let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            assert!(status.expect("kill runs").success());
            let run = Run::new(&child.wait_with_output().expect("it ends"));
            assert_ne!(run.status, Some(0), "{call}: it was interrupted: {run:?}");
            // What is on its way is not called back: a run that goes on at once must see it come.
            std::thread::sleep(A_WHILE * 3);
            let name = work.run_name();
            let status = work.keysweep(&["rotate", "status"]);
            assert!(status.stdout.contains(&name), "the journal stands: {status:?}");
            let run = work.keysweep(&["rotate", "resume", &name]);
            assert_eq!(run.status, Some(0), "{call}, applied {applied}: {run:?}");
            assert_turned(&simulator, &work, &old);
        }
    }
}

#[test]
fn law_8_a_second_run_is_turned_away_while_the_first_is_in_a_call() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let (proxy, came) = slow(simulator.port, "POST /v3/api_keys");
    let (work, old) = sendgrid(proxy.port, &simulator, 310, "admin = { env = \"ADMIN\" }");
    work.plan(&[]);
    let first = start(&work);
    came.recv().expect("the call comes");
    let second = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(second.status == Some(2) && second.stderr.contains("another run works on"), "{second:?}");
    let resumed = work.keysweep(&["rotate", "resume", &work.run_name()]);
    assert!(resumed.status == Some(2) && resumed.stderr.contains("another run works on"), "{resumed:?}");
    let first = Run::new(&first.wait_with_output().expect("it ends"));
    assert_eq!(first.status, Some(0), "{first:?}");
    assert_eq!(proxy.count("POST /v3/api_keys"), 1);
    assert_turned(&simulator, &work, &old);
}

#[test]
fn law_4_a_change_that_is_turned_away_for_a_while_is_made_once() {
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let (posts, deletes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let proxy = Proxy::start(simulator.port, move |call| {
        let seen = if call.starts_with("POST /v3/api_keys") {
            &posts
        } else if call.starts_with("DELETE /v3/api_keys") {
            &deletes
        } else {
            return Fate::Pass;
        };
        // Both forms of Retry-After, for both changes.
        let header = match seen.fetch_add(1, Ordering::SeqCst) {
            0 => "Retry-After: 1\r\n",
            1 => "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            _ => return Fate::Pass,
        };
        answer("429 Too Many Requests", header, "{}")
    });
    let (work, old) = sendgrid(proxy.port, &simulator, 320, "admin = { env = \"ADMIN\" }");
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!((proxy.count("POST /v3/api_keys"), proxy.count("DELETE /v3/api_keys")), (3, 3));
    assert_turned(&simulator, &work, &old);
    // For ever is not waited: the run stops, and says so.
    let simulator = Simulator::start();
    simulator.token(ADMIN);
    let proxy = Proxy::start(simulator.port, |call| match call.starts_with("POST /v3/api_keys") {
        true => answer("429 Too Many Requests", "Retry-After: 0\r\n", "{}"),
        false => Fate::Pass,
    });
    let (work, old) = sendgrid(proxy.port, &simulator, 321, "admin = { env = \"ADMIN\" }");
    work.plan(&[]);
    let run = work.keysweep(&["rotate", "apply", "plan.json", "--yes"]);
    assert!(run.status == Some(2) && run.stdout.contains("failed:issue"), "{run:?}");
    assert!(simulator.with(|state| state.living()).contains(&old), "nothing is killed");
}
