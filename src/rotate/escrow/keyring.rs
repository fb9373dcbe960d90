//! The escrow's age identity in the system's keyring (Secret Service: GNOME Keyring, KWallet and others) instead of a file,
//! through libsecret's own `secret-tool`; on macOS in the keychain, through `security`. It goes in and out by standard streams.
//! Beside our keys lies which one it is.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::age::{Identity, Recipient};
use crate::error::{Error, Result};
use crate::rotate::files;

/// Whether the system's keyring is macOS' keychain.
const MAC: bool = cfg!(target_os = "macos");

/// The identity that `marker` names, of the keyring; made on first use.
///
/// # Errors
/// When there is no keyring, it is locked, or it does not hold what it was given. Nothing is made anew then: it could open
/// nothing that is kept.
pub fn identity(marker: &Path) -> Result<Identity> {
    if marker.exists() {
        let text = String::from_utf8_lossy(&files::read(marker, 1 << 10)?).trim().to_owned();
        let recipient = Recipient::parse(&text);
        let found = look_up(&text)?.filter(|found| Some(found.recipient()) == recipient);
        return found.ok_or_else(|| {
            Error::Usage(format!(
                "the keyring does not give the escrow's identity {text}: is it the right one, and open?"
            ))
        });
    }
    let identity = Identity::generate().ok_or_else(|| Error::Usage("the system gives no random bytes".to_owned()))?;
    let recipient = identity.recipient().to_string();
    let (stored, _) = run(&Asked::store(MAC, &recipient, identity.line().as_bytes()))?;
    if !stored {
        return Err(Error::Usage("the keyring refuses what it should keep: is it there, and open?".to_owned()));
    }
    if look_up(&recipient)?.is_none() {
        return Err(Error::Usage("the keyring does not give back what it was given".to_owned()));
    }
    files::write_private(marker, format!("{recipient}\n").as_bytes())?;
    Ok(identity)
}

fn look_up(recipient: &str) -> Result<Option<Identity>> {
    let (_, out) = run(&Asked::look_up(MAC, recipient))?;
    Ok(std::str::from_utf8(&out).ok().and_then(Identity::parse_file))
}

/// How a keyring is asked.
struct Asked {
    program: &'static str,
    arguments: Vec<String>,
    input: Zeroizing<Vec<u8>>,
}

impl Asked {
    fn new(program: &'static str, arguments: &[&str], input: &[&[u8]]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { program, arguments, input: Zeroizing::new(input.concat()) }
    }

    /// To keep `line` under `recipient`'s name.
    fn store(mac: bool, recipient: &str, line: &[u8]) -> Self {
        if mac {
            // Its commands come by standard input, so that no argument holds the secret. Neither text has anything to quote.
            let command = format!("add-generic-password -U -s keysweep -a {recipient} -w ");
            return Self::new("security", &["-i"], &[command.as_bytes(), line, b"\n"]);
        }
        let words = ["store", "--label=keysweep escrow", "service", "keysweep", "recipient", recipient];
        Self::new("secret-tool", &words, &[line])
    }

    /// To have it back.
    fn look_up(mac: bool, recipient: &str) -> Self {
        if mac {
            return Self::new("security", &["find-generic-password", "-s", "keysweep", "-a", recipient, "-w"], &[]);
        }
        Self::new("secret-tool", &["lookup", "service", "keysweep", "recipient", recipient], &[])
    }
}

fn run(asked: &Asked) -> Result<(bool, Zeroizing<Vec<u8>>)> {
    let fail = |source| Error::Io { path: asked.program.into(), source };
    let mut child = Command::new(asked.program)
        .args(&asked.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(fail)?;
    // A few bytes: the pipe takes them whether or not they are read.
    let sent = child.stdin.take().map(|mut stdin| stdin.write_all(&asked.input));
    let output = child.wait_with_output().map_err(fail)?;
    Ok((output.status.success() && !matches!(sent, Some(Err(_))), Zeroizing::new(output.stdout)))
}

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn no_argument_holds_what_is_kept() {
        for mac in [false, true] {
            let store = Asked::store(mac, "age1madeup", b"KEPT-IN-THE-RING");
            assert!(store.arguments.iter().all(|argument| !argument.contains("KEPT")), "{:?}", store.arguments);
            assert!(store.input.windows(4).any(|piece| piece == b"KEPT"));
            assert!(Asked::look_up(mac, "age1madeup").input.is_empty());
        }
        let store = Asked::store(true, "age1madeup", b"X");
        assert_eq!(&**store.input, b"add-generic-password -U -s keysweep -a age1madeup -w X\n");
    }
}
