//! The installed programs `ssh`, `ssh-agent` and `ssh-add`, used so that no private key is ever in a file or an argument:
//! a key goes into an agent of its own by standard input, and the agent ends with us, however we end.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::key;
use crate::rotate::files;
use crate::rotate::net::Reach;
use crate::rotate::redact::hex;
use crate::rotate::types::{Probe, Trouble};

/// Longest time that a login, or one command behind it, may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// Largest output that is read, in bytes.
const LARGEST: u64 = 2 << 20;

/// What the agent runs: it says that the agent listens, waits until we close the pipe or die, and ends the agent.
const KEEPER: &str =
    "echo ready; cat >/dev/null; kill \"$SSH_AGENT_PID\"; rm -f \"$SSH_AUTH_SOCK\"; rmdir \"${SSH_AUTH_SOCK%/*}\"";

/// What a login runs in: a program that waits until we close the pipe or die, and ends the login. Nobody but the login holds its
/// standard error, so that its end is seen.
const LEASH: &str = "exec 3>&2 2>/dev/null; \"$0\" \"$@\" 2>&3 3>&- & exec 3>&-; cat >/dev/null; kill $!";

/// A server, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rotate::providers) struct Host {
    pub(in crate::rotate::providers) name: String,
    pub(in crate::rotate::providers) port: u16,
}

impl Host {
    /// `name`, `name:port`, `[address]:port`.
    pub(in crate::rotate::providers) fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (name, port) = rest.split_once(']')?;
                (name, port.strip_prefix(':'))
            }
            None => match text.split_once(':') {
                Some((_, port)) if port.contains(':') => (text, None),
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map_or(Some(22), |port| port.parse().ok())?;
        let plain = |char: char| char.is_ascii_alphanumeric() || ".:-_".contains(char);
        // What begins with a dash would be an option.
        (!name.is_empty() && !name.starts_with('-') && name.chars().all(plain))
            .then(|| Self { name: name.to_owned(), port })
    }

    /// As `known_hosts` names it.
    fn alias(&self) -> String {
        if self.port == 22 { self.name.clone() } else { format!("[{}]:{}", self.name, self.port) }
    }
}

/// An agent that holds one key.
#[derive(Debug)]
pub(in crate::rotate::providers) struct Agent {
    folder: PathBuf,
    child: Child,
    // Its end is the agent's end.
    pipe: Option<ChildStdin>,
}

impl Agent {
    /// An agent with this private key.
    ///
    /// # Errors
    /// When the programs are missing, or the key is none that they read.
    pub(in crate::rotate::providers) fn with(private: &[u8]) -> Result<Self, Trouble> {
        if key::encrypted(private) {
            return Err(Trouble::Refused("the key is protected by a passphrase: nobody here can use it".to_owned()));
        }
        let later = |what: &str, error: &dyn std::fmt::Display| Trouble::Unreachable(format!("{what}: {error}"));
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).map_err(|error| later("random bytes", &error))?;
        let folder = std::env::temp_dir().join(format!("keysweep-{}", hex(&random)));
        files::private_folder(&folder).map_err(|error| later("a folder for the agent", &error))?;
        let started = Command::new("ssh-agent")
            .arg("-a")
            .arg(folder.join("agent"))
            .args(["sh", "-c", KEEPER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                let _ = std::fs::remove_dir(&folder);
                return Err(Trouble::Refused(format!("ssh-agent (of OpenSSH) does not start: {error}")));
            }
        };
        let (pipe, ready) = (child.stdin.take(), child.stdout.take());
        let agent = Self { folder, child, pipe };
        let mut line = String::new();
        let said = ready.map(|out| BufReader::new(out.take(64)).read_line(&mut line));
        if !matches!(said, Some(Ok(_))) || line != "ready\n" {
            return Err(Trouble::Unreachable("ssh-agent does not answer".to_owned()));
        }
        let mut add = Command::new("ssh-add");
        // Asked for a passphrase it must fail, not wait for a person.
        add.args(["-q", "-"]).env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
        let input = Zeroizing::new([private, b"\n"].concat());
        match agent.run(&mut add, &input) {
            Ok(done) if done.status == Some(0) => Ok(agent),
            Ok(_) => Err(Trouble::Refused("it is no private key that OpenSSH can use".to_owned())),
            Err(error) => Err(Trouble::Refused(format!("ssh-add (of OpenSSH): {error}"))),
        }
    }

    /// The public half of its key: `type base64`.
    pub(in crate::rotate::providers) fn public(&self) -> Result<String, Trouble> {
        let fail = |detail: String| Trouble::Unreachable(format!("ssh-add -L: {detail}"));
        let done = self.run(Command::new("ssh-add").arg("-L"), b"").map_err(|error| fail(error.to_string()))?;
        let text = String::from_utf8_lossy(&done.out).into_owned();
        let mut words = text.split_whitespace();
        match (words.next(), words.next()) {
            (Some(kind), Some(blob)) => Ok(format!("{kind} {blob}")),
            _ => Err(fail("it names no key".to_owned())),
        }
    }

    fn run(&self, command: &mut Command, input: &[u8]) -> std::io::Result<Finished> {
        command.env("SSH_AUTH_SOCK", self.folder.join("agent")).env_remove("SSH_AGENT_PID");
        finish(command, input)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.child.wait();
        let _ = std::fs::remove_file(self.folder.join("agent"));
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// What a program left.
#[derive(Debug)]
pub(in crate::rotate::providers) struct Finished {
    /// Its exit status; `None` when a signal ended it, or our patience.
    pub(in crate::rotate::providers) status: Option<i32>,
    pub(in crate::rotate::providers) out: Zeroizing<Vec<u8>>,
    pub(in crate::rotate::providers) said: String,
}

/// Runs a program over `input` and waits, but not for ever.
fn finish(command: &mut Command, input: &[u8]) -> std::io::Result<Finished> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdin, out, said) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        let read = |from: Option<Box<dyn Read + Send>>| {
            let mut bytes = Zeroizing::new(Vec::new());
            from.map(|from| from.take(LARGEST).read_to_end(&mut bytes));
            bytes
        };
        let out = scope.spawn(move || read(out.map(|out| Box::new(out) as Box<dyn Read + Send>)));
        let said = scope.spawn(move || read(said.map(|said| Box::new(said) as Box<dyn Read + Send>)));
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status.code(),
                None if Instant::now() >= deadline => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(3)),
            }
        };
        let (out, said) = (out.join().unwrap_or_default(), said.join().unwrap_or_default());
        Ok(Finished { status, out, said: String::from_utf8_lossy(&said).into_owned() })
    })
}

/// How hosts are logged in to: pinned host keys, checked addresses, nothing of the user's own configuration.
#[derive(Debug)]
pub(in crate::rotate::providers) struct Client {
    pub(in crate::rotate::providers) reach: Reach,
    pub(in crate::rotate::providers) known_hosts: PathBuf,
}

impl Client {
    fn command(&self, mut command: Command, agent: &Agent, user: &str, (host, address): (&Host, IpAddr)) -> Command {
        command.args(["-F", "none", "-T", "-a", "-x", "-e", "none", "-p", &host.port.to_string()]);
        let options = [
            "BatchMode=yes".to_owned(),
            format!("HostName={address}"),
            format!("HostKeyAlias={}", host.alias()),
            format!("UserKnownHostsFile={}", quoted(&self.known_hosts)),
            format!("IdentityAgent={}", quoted(&agent.folder.join("agent"))),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "CheckHostIP=no".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "VerifyHostKeyDNS=no".to_owned(),
            "CanonicalizeHostname=no".to_owned(),
            "IdentityFile=none".to_owned(),
            "PreferredAuthentications=publickey".to_owned(),
            "ControlPath=none".to_owned(),
            "ConnectTimeout=15".to_owned(),
            "ConnectionAttempts=1".to_owned(),
            "ServerAliveInterval=10".to_owned(),
            "LogLevel=VERBOSE".to_owned(),
        ];
        for option in options {
            command.arg("-o").arg(option);
        }
        command.env_remove("SSH_AUTH_SOCK").env_remove("SSH_AGENT_PID").env("LC_ALL", "C");
        command.arg("-l").arg(user);
        command
    }

    /// Does the key log in? Nothing is run there: a forced command would be.
    pub(in crate::rotate::providers) fn login(&self, agent: &Agent, user: &str, host: &Host) -> Probe {
        let addresses = match self.reach.resolve(&host.name, host.port) {
            Ok(addresses) => addresses,
            Err(trouble) => return Probe::Unknown(trouble.to_string()),
        };
        let mut last = Probe::Unknown(format!("{}: it has no address", host.name));
        for address in addresses {
            let mut leashed = Command::new("sh");
            leashed.args(["-c", LEASH, "ssh"]);
            let mut command = self.command(leashed, agent, user, (host, address.ip()));
            last = attempt(command.arg("-N").arg("--").arg(&host.name), user);
            // An answer counts wherever it came from; without one the next address may have it.
            if !matches!(last, Probe::Unknown(_)) {
                break;
            }
        }
        last
    }

    /// Runs `sh -c SCRIPT keysweep WORDS` there, over `input`.
    ///
    /// # Errors
    /// When the login failed, so that nothing was run.
    pub(in crate::rotate::providers) fn run(
        &self,
        agent: &Agent,
        user: &str,
        host: &Host,
        words: (&str, &[String]),
        input: &[u8],
    ) -> Result<Finished, Trouble> {
        let mut line = format!("exec sh -c '{}' keysweep", words.0);
        for word in words.1 {
            line.push_str(&format!(" '{word}'"));
        }
        let mut last = Trouble::Unreachable(format!("{}: it has no address", host.name));
        for address in self.reach.resolve(&host.name, host.port)? {
            let mut command = self.command(Command::new("ssh"), agent, user, (host, address.ip()));
            let run = finish(command.arg("--").arg(&host.name).arg(&line), input);
            let done = run.map_err(|error| Trouble::Refused(format!("ssh does not start: {error}")))?;
            if done.said.lines().any(let_in) {
                return Ok(done);
            }
            let why = format!("{user} at {}: {}", host.alias(), last_line(&done.said));
            if denied(&done.said) {
                return Err(Trouble::Refused(why));
            }
            last = Trouble::Unreachable(why);
        }
        Err(last)
    }
}

/// A path as `ssh` reads it in an option.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

fn let_in(line: &str) -> bool {
    line.starts_with("Authenticated to ")
}

/// The server asks for a second factor: the key itself was taken.
fn half_way(line: &str) -> bool {
    line.starts_with("Authenticated using ") && line.contains("partial success")
}

/// The server would take a key, but not this one.
fn denied(said: &str) -> bool {
    said.lines().any(|line| {
        line.split_once(": Permission denied (")
            .is_some_and(|(_, rest)| rest.split([')', ',']).any(|method| method == "publickey"))
    })
}

/// What `ssh` said last, short enough to show.
fn last_line(said: &str) -> String {
    let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    line.chars().filter(|char| !char.is_control()).take(200).collect()
}

/// Starts a login and ends it as soon as its fate is known.
fn attempt(command: &mut Command, user: &str) -> Probe {
    let started = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return Probe::Unknown(format!("ssh does not start: {error}")),
    };
    let leash = child.stdin.take();
    let (send, lines) = mpsc::sync_channel::<String>(64);
    let reader = child.stderr.take().map(|stderr| {
        std::thread::spawn(move || {
            let said = BufReader::new(stderr.take(LARGEST)).lines().map_while(Result::ok);
            said.take_while(|line| send.send(line.clone()).is_ok()).for_each(drop);
        })
    });
    let deadline = Instant::now() + PATIENCE;
    let mut said = String::new();
    let mut live = false;
    while !live {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                live = let_in(&line) || half_way(&line);
                said.push_str(&line);
                said.push('\n');
            }
            Err(_) => break,
        }
    }
    drop(lines);
    drop(leash);
    let _ = child.wait();
    let _ = reader.map(std::thread::JoinHandle::join);
    if live {
        Probe::Live(format!("{user} is let in"))
    } else if denied(&said) {
        Probe::Dead("Permission denied (publickey)".to_owned())
    } else {
        Probe::Unknown(last_line(&said))
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, denied, half_way, let_in};

    #[test]
    fn hosts_have_a_port_and_are_no_options() {
        let host = |name: &str, port| Some(Host { name: name.to_owned(), port });
        assert_eq!(Host::parse("a.example"), host("a.example", 22));
        assert_eq!(Host::parse("a.example:2222"), host("a.example", 2222));
        assert_eq!(Host::parse("[::1]:2222"), host("::1", 2222));
        assert_eq!(Host::parse("::1"), host("::1", 22));
        assert_eq!(Host::parse("-oProxyCommand=x"), None);
        assert_eq!(Host::parse("a b"), None);
        assert_eq!(Host::parse("a:b"), None);
        assert_eq!(Host::parse("").or(Host::parse(":22")), None);
        assert_eq!(Host::parse("[::1]:2222").expect("a host").alias(), "[::1]:2222");
    }

    #[test]
    fn law_6_only_a_server_that_takes_keys_says_that_one_is_dead() {
        assert!(denied("banner\napp@10.0.0.1: Permission denied (publickey).\n"));
        assert!(denied("app@h: Permission denied (publickey,password).\n"));
        assert!(!denied("app@h: Permission denied (password,keyboard-interactive).\n"), "it did not ask for a key");
        assert!(!denied("Host key verification failed.\n") && !denied("ssh: connect to host h port 22: refused\n"));
        assert!(half_way("Authenticated using \"publickey\" with partial success."));
        assert!(let_in("Authenticated to h ([10.0.0.1]:22) using \"publickey\"."));
    }
}
