//! `keysweep scan` over files on disk.

use crate::support::{Folder, github_token};

#[test]
fn a_token_in_a_file_is_found_and_not_shown() {
    let folder = Folder::new();
    let token = github_token(1);
    folder.write("config.env", format!("TOKEN={token}\n"));
    let run = folder.keysweep(&["scan"]);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stdout.contains("config.env"), "{}", run.stdout);
    assert!(run.stdout.contains("github-pat-classic"), "{}", run.stdout);
    assert!(!run.stdout.contains(&token[4..]), "the secret must not be shown");
}
