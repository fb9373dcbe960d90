//! The hook file we write: a few lines of shell that run the hook that was there before and then keysweep.
//!
//! The text is made from the hook's name and the program's path alone, so an old or damaged shim is mended by writing
//! it again. The hook that was there lies beside it under [`before`]'s name, untouched.

use std::path::{Path, PathBuf};

use super::stage::Stage;

/// What every shim contains, whatever its version.
const MARK: &str = "# keysweep hook:";

/// Set for the hook by `keysweep hook doctor`: the shim then leaves out the hooks of others, which could change things.
pub(super) const DOCTOR: &str = "KEYSWEEP_HOOK_DOCTOR";

/// Where a shim finds more hooks to run first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chain {
    /// The hook that was in the same folder before.
    Before,
    /// The repository's own hook, which a global folder hides.
    Repository,
}

/// Where the hook that was there before is kept.
pub(super) fn before(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".before-keysweep");
    file.with_file_name(name)
}

/// Whether `file` is a shim of ours.
pub(super) fn is_ours(file: &Path) -> bool {
    std::fs::read(file).is_ok_and(|text| text.windows(MARK.len()).any(|window| window == MARK.as_bytes()))
}

/// The shim of a hook that scans.
pub(super) fn scanning(stage: Stage, program: Option<&Path>, chain: Chain) -> String {
    let name = stage.name();
    let mut text = header(name, chain);
    if stage.reads_input() {
        // Both hooks must get all of it; the x keeps the final newline.
        text.push_str("input=$(cat; echo x)\ninput=${input%x}\n");
    }
    let feed = if stage.reads_input() { "printf '%s' \"$input\" | " } else { "" };
    text.push_str(&format!(
        "if [ -z \"${DOCTOR}\" ] && [ -x \"$first\" ]; then\n    {feed}\"$first\" \"$@\" || exit $?\nfi\n"
    ));
    let program = program.map(|path| quoted(&path.to_string_lossy())).unwrap_or_else(|| "''".to_owned());
    text.push_str(&format!(
        "keysweep={program}\n\
         if [ ! -x \"$keysweep\" ] && ! keysweep=$(command -v keysweep); then\n\
         \x20   echo 'keysweep is not installed (any more), so this {stops} was not checked.' >&2\n\
         \x20   echo 'Install it, or remove this hook: '\"$0\" >&2\n\
         \x20   exit 1\n\
         fi\n\
         {feed}\"$keysweep\" hook run --stage {name} -- \"$@\"\n",
        stops = stage.stops(),
    ));
    text
}

/// The shim of a hook that only runs the repository's own, because a global folder hides it.
pub(super) fn passing(name: &str) -> String {
    format!("{}[ -x \"$first\" ] || exit 0\nexec \"$first\" \"$@\"\n", header(name, Chain::Repository))
}

/// What it is, and `$first`: the hook to run first.
fn header(name: &str, chain: Chain) -> String {
    let (option, first) = match chain {
        Chain::Before => ("", format!("first=$(dirname \"$0\")/{name}.before-keysweep\n")),
        Chain::Repository => (
            " --global",
            format!(
                "folder=.git\n\
                 {{ [ -z \"$GIT_DIR\" ] && [ -d .git ]; }} || folder=$(git rev-parse --git-common-dir)\n\
                 first=$folder/hooks/{name}\n"
            ),
        ),
    };
    format!(
        "#!/bin/sh\n\
         {MARK} {name}. Written by `keysweep hook install{option}`;\n\
         # `keysweep hook uninstall{option}` takes it away again. Changes here are lost.\n\
         {first}"
    )
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_quotes_and_spaces_stays_one_word() {
        let text = scanning(Stage::PreCommit, Some(Path::new("/it's a/dir/keysweep")), Chain::Before);
        assert!(text.contains(r"keysweep='/it'\''s a/dir/keysweep'"), "{text}");
    }

    #[test]
    fn the_hook_before_lies_beside() {
        assert_eq!(before(Path::new("hooks/pre-push")), Path::new("hooks/pre-push.before-keysweep"));
    }
}
