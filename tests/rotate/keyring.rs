//! The escrow's identity in a real keyring: GNOME's, on a message bus of the test's own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::saas::{assert_turned, sendgrid};
use crate::servers::unpacked;
use crate::simulator::Simulator;
use crate::work::Work;

/// A bus and a keyring; they end with the test.
struct Keyring {
    processes: Vec<Child>,
    /// Where the bus listens.
    _folder: tempfile::TempDir,
}

impl Drop for Keyring {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !there() {
        assert!(Instant::now() < deadline, "{what} does not come: run tests/run");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts them in a work folder, for `keysweep` to find.
fn keyring(work: &mut Work) -> Keyring {
    use std::io::Write as _;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).expect("set");
    let path = |name: &str| folder.path().join(name);
    let socket = path("bus");
    std::fs::write(
        path("bus.conf"),
        format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n<busconfig><type>session</type>\
             <listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow send_destination=\"*\" \
             eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n",
            socket.display()
        ),
    )
    .expect("written");
    let bus = unpacked("usr/bin/dbus-daemon")
        .arg(format!("--config-file={}", path("bus.conf").display()))
        .args(["--nofork", "--nopidfile"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a bus");
    let (run, home) = (folder.path().display().to_string(), work.path().join("home").display().to_string());
    let mut keyring = Keyring { processes: vec![bus], _folder: folder };
    wait_for("the bus", || socket.exists());
    let address = format!("unix:path={}", socket.display());
    let environment = [
        ("DBUS_SESSION_BUS_ADDRESS", address.clone()),
        ("XDG_RUNTIME_DIR", run.clone()),
        ("XDG_DATA_HOME", format!("{home}/.local/share")),
        ("HOME", home.clone()),
    ];
    std::fs::create_dir_all(format!("{home}/.local/share/keyrings")).expect("made");
    let mut daemon = unpacked("usr/bin/gnome-keyring-daemon")
        .args(["--unlock", "--components=secrets", "--foreground"])
        .envs(environment.clone())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a keyring");
    daemon.stdin.take().expect("a pipe").write_all(b"made up").expect("sent");
    keyring.processes.push(daemon);
    let tool = unpacked("usr/bin/secret-tool");
    let libraries =
        tool.get_envs().find_map(|(name, value)| (name == "LD_LIBRARY_PATH").then_some(value?)).expect("set");
    let folder = Path::new(tool.get_program()).parent().expect("a folder").display().to_string();
    // Our program itself needs no library of these; what it calls does.
    work.environment.push(("LD_LIBRARY_PATH".into(), libraries.to_string_lossy().into_owned()));
    work.environment.push(("PATH".into(), format!("{folder}:{}", std::env::var("PATH").expect("a path"))));
    work.environment.push(("DBUS_SESSION_BUS_ADDRESS".into(), address));
    work.environment.push(("XDG_RUNTIME_DIR".into(), run));
    wait_for("the keyring", || {
        let mut probe = Command::new(tool.get_program());
        probe.args(["store", "--label=probe", "probe", "probe"]).envs(environment.clone());
        probe.env("LD_LIBRARY_PATH", libraries).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    });
    keyring
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn law_3_what_is_kept_is_opened_with_the_keyring_alone() {
    let simulator = Simulator::start();
    simulator.token(crate::saas::ADMIN);
    let (mut work, old) = sendgrid(simulator.port, &simulator, 31, "admin = { env = \"ADMIN\" }");
    let policy = work.read("policy.toml");
    work.write(
        "policy.toml",
        &policy.replace("[rotation.environments", "[rotation.escrow]\nkeyring = true\n[rotation.environments"),
    );
    let running = keyring(&mut work);
    work.plan(&[]);
    work.killed_at("after-outcome:escrow-new", &["rotate", "apply", "plan.json", "--yes"]);
    let config = work.path().join("home/.config/keysweep/rotate");
    assert!(!config.join("escrow-identity.txt").exists(), "no identity lies in a file");
    let marker = std::fs::read_to_string(config.join("escrow-keyring.txt")).expect("which one it is");
    assert!(marker.starts_with("age1"), "{marker}");
    // Without the keyring nothing is opened, and nothing is made anew.
    drop(running);
    let name = work.run_name();
    let without = work.keysweep(&["rotate", "resume", &name]);
    assert_eq!(without.status, Some(2), "{without:?}");
    assert_eq!(std::fs::read_to_string(config.join("escrow-keyring.txt")).expect("it stays"), marker);
    let _again = keyring(&mut work);
    let run = work.keysweep(&["rotate", "resume", &name]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_turned(&simulator, &work, &old);
}
