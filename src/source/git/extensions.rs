//! The one audited `unsafe` call of this crate: telling libgit2 which repository extensions we can live with.

use std::sync::Once;

/// Extensions libgit2 refuses unless told otherwise. Reading survives all of them: a partial clone's missing objects
/// are reported one by one, and where refs are stored as a reftable the `git` program is asked for them.
const READABLE: [&str; 4] = ["partialclone", "refstorage", "compatobjectformat", "submodulepathconfig"];

static ALLOWED: Once = Once::new();

/// Makes libgit2 open repositories with [`READABLE`] extensions and skip hashing every object it reads. Once per
/// process, before the first repository is opened.
pub(super) fn allow() {
    ALLOWED.call_once(|| {
        // Reading a pack entry checks zlib's sum anyway; hashing again doubles the time.
        git2::opts::strict_hash_verification(false);
        #[allow(
            unsafe_code,
            reason = "libgit2 keeps the list in a C static; `Once` makes this the only writer, and \
                                       every reader (opening a repository) comes after `allow`"
        )]
        // SAFETY: see the reason above; the strings are copied by libgit2 during the call.
        let outcome = unsafe { git2::opts::set_extensions(&READABLE) };
        // On failure such repositories are refused when opened, with libgit2's own words.
        drop(outcome);
    });
}
