//! The escrow's age identity in the system's keyring (Secret Service: GNOME Keyring, KWallet and others) instead of a file,
//! through libsecret's own `secret-tool`. It goes in and out by standard streams. Beside our keys lies which one it is.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::age::{Identity, Recipient};
use crate::error::{Error, Result};
use crate::rotate::files;

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
    run(
        &["store", "--label=keysweep escrow", "service", "keysweep", "recipient", &recipient],
        identity.line().as_bytes(),
    )?;
    if look_up(&recipient)?.is_none() {
        return Err(Error::Usage("the keyring does not give back what it was given".to_owned()));
    }
    files::write_private(marker, format!("{recipient}\n").as_bytes())?;
    Ok(identity)
}

fn look_up(recipient: &str) -> Result<Option<Identity>> {
    let (_, out) = run_any(&["lookup", "service", "keysweep", "recipient", recipient], &[])?;
    Ok(std::str::from_utf8(&out).ok().and_then(Identity::parse_file))
}

fn run(arguments: &[&str], input: &[u8]) -> Result<()> {
    match run_any(arguments, input)? {
        (true, _) => Ok(()),
        (false, _) => Err(Error::Usage("the keyring refuses (secret-tool): is it there, and open?".to_owned())),
    }
}

fn run_any(arguments: &[&str], input: &[u8]) -> Result<(bool, Zeroizing<Vec<u8>>)> {
    let fail = |source| Error::Io { path: "secret-tool".into(), source };
    let mut child = Command::new("secret-tool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(fail)?;
    // A few bytes: the pipe takes them whether or not they are read.
    let sent = child.stdin.take().map(|mut stdin| stdin.write_all(input));
    let output = child.wait_with_output().map_err(fail)?;
    Ok((output.status.success() && !matches!(sent, Some(Err(_))), Zeroizing::new(output.stdout)))
}
