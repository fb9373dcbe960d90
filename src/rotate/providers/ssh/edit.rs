//! Where an `authorized_keys` file is: on this machine, or behind a login. It is read whole and replaced in one piece, and
//! only while it still holds what was read.

use std::path::{Path, PathBuf};

use super::authorized::Change;
use super::client::{Agent, Client, Host};
use crate::rotate::destinations::file::replace;
use crate::rotate::files;
use crate::rotate::types::{Report, Trouble};

/// Largest file that is edited, in bytes.
const LARGEST: u64 = 1 << 20;

/// Goes where the file is, and refuses what somebody else could turn into another file between two steps. Scripts have a
/// statement on each line, no single quote and no exclamation mark, so that they pass any login shell.
const FIND: &str = r#"f=$1; shift
cd -P -- "$(dirname -- "$f")" || exit 70
f=$(basename -- "$f"); p=$(pwd -P)
[ -L "$f" ] && exit 71
[ -f "$f" ] || exit 71
[ -O "$f" ] && [ -O . ] || exit 72
if [ "$(id -u)" = 0 ]; then d=$p; until [ "$d" = / ]; do d=$(dirname -- "$d"); [ -O "$d" ] || exit 72; done; fi
"#;

const READ: &str = "exec cat <\"$f\"";

/// Takes the old content on standard input; the words are what sed does to it, then the lines to add (as `printf %b` reads
/// them).
const WRITE: &str = r#"umask 077
cmp -s - "$f" || exit 75
t=$(mktemp ".$f.XXXXXX") || exit 73
trap "rm -f -- $t" 0
cp -p -- "$f" "$t" || exit 73
e=$1; shift
sed -e "$e" "$f" >"$t" || exit 73
for l; do printf "%b\n" "$l" >>"$t" || exit 73; done
sync "$t" 2>/dev/null
mv -f -- "$t" "$f" || exit 74
"#;

/// A file.
#[derive(Debug)]
pub(super) enum Place<'p> {
    /// On this machine.
    Here(&'p Path),
    /// Behind a login.
    There(&'p Client, &'p Agent, &'p str, &'p Host, &'p str),
}

impl Place<'_> {
    /// What it holds.
    ///
    /// # Errors
    /// When it cannot be read, or should not be trusted.
    pub(super) fn read(&self) -> Result<String, Trouble> {
        let bytes = match self {
            Self::Here(path) => {
                let kind = std::fs::symlink_metadata(path)
                    .map_err(|error| Trouble::Refused(format!("{}: {error}", path.display())))?;
                if !kind.is_file() {
                    return Err(Trouble::Refused(format!("{} is a link or no regular file", path.display())));
                }
                files::read(path, LARGEST).map_err(|error| Trouble::Unreachable(error.to_string()))?
            }
            Self::There(client, agent, user, host, path) => {
                let words = (&*script(READ), &[(*path).to_owned()][..]);
                let done = client.run(agent, user, host, words, b"")?;
                match done.status {
                    Some(0) => done.out.to_vec(),
                    status => return Err(why(status, path, &host.name)),
                }
            }
        };
        if bytes.len() as u64 >= LARGEST {
            return Err(Trouble::Refused("the file is too long".to_owned()));
        }
        String::from_utf8(bytes).map_err(|_| Trouble::Refused("the file is no UTF-8 text".to_owned()))
    }

    /// Carries out a change of what was read.
    pub(super) fn change(&self, text: &str, change: &Change) -> Report {
        match self {
            Self::Here(path) => match replace(path, change.apply(text).as_bytes()) {
                Ok(()) => Report::done("changed"),
                Err(error) => Report::unknown(format!("{}: {error}", path.display())),
            },
            Self::There(client, agent, user, host, path) => {
                let gone: Vec<String> = change.gone.iter().map(|number| format!("{}d", number + 1)).collect();
                let mut words = vec![(*path).to_owned(), gone.join(";")];
                if !change.added.is_empty() && !text.is_empty() && !text.ends_with('\n') {
                    words.push(String::new());
                }
                words.extend(change.added.iter().map(|line| octal(line)));
                match client.run(agent, user, host, (&script(WRITE), &words), text.as_bytes()) {
                    Ok(done) => match done.status {
                        Some(0) => Report::done("changed"),
                        Some(75) => Report::later("the file was changed by somebody meanwhile"),
                        Some(status @ 70..=74) => why(Some(status), path, &host.name).report(),
                        // The login worked, and the answer is lost.
                        _ => Report::unknown(format!("{}: nobody knows whether it was changed", host.name)),
                    },
                    Err(trouble) => trouble.report(),
                }
            }
        }
    }
}

/// A script in one line.
fn script(rest: &str) -> String {
    [FIND, rest].concat().trim_end().replace('\n', "; ")
}

fn why(status: Option<i32>, path: &str, host: &str) -> Trouble {
    let text = match status {
        Some(70 | 71) => "it is not there, or a link",
        Some(72) => {
            "whoever logs in does not own it and its folder (root: all folders above it), so others could put another \
             file in its place: log in as its owner"
        }
        Some(73) => "no new file can be written beside it",
        Some(74) => "it cannot be replaced",
        _ => return Trouble::Unreachable(format!("{host}: {path} cannot be read")),
    };
    Trouble::Refused(format!("{host}: {path}: {text}"))
}

/// A line that goes through any login shell unharmed: everything but letters and digits as `\0ooo`.
fn octal(line: &str) -> String {
    line.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("\\0{byte:03o}"));
        }
        out
    })
}

/// Whether a path may stand in a remote command.
pub(super) fn plain(path: &Path) -> Option<PathBuf> {
    let text = path.to_str()?;
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+@-".contains(&byte);
    (!text.is_empty() && !text.starts_with('-') && text.bytes().all(fine)).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::octal;

    #[test]
    fn nothing_of_a_line_means_anything_to_a_shell() {
        assert_eq!(octal("a \"'$9"), "a\\0040\\0042\\0047\\00449");
        assert_eq!(octal("\u{e9}"), "\\0303\\0251");
    }
}
