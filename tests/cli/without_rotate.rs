//! A build without rotation says so, and offers nothing that it does not have. `.ci/run` makes it.

use crate::support::Folder;

#[test]
fn its_commands_say_what_the_build_lacks() {
    let folder = Folder::new();
    for arguments in [&["rotate", "plan", "."][..], &["verify", "."], &["rotate"]] {
        let run = folder.keysweep(arguments);
        let text = format!("this build has no `{}`: build keysweep with the feature `rotate`", arguments[0]);
        assert!(run.status == 2 && run.stderr.contains(&text), "{}", run.stderr);
    }
    let run = folder.keysweep(&["rotat"]);
    assert!(run.status == 2 && run.stderr.contains("unrecognized subcommand 'rotat'"), "{}", run.stderr);
}

#[test]
fn help_completions_and_manual_pages_do_not_offer_it() {
    let folder = Folder::new();
    let help = folder.keysweep(&["--help"]).stdout;
    assert!(help.contains("  scan ") && !help.contains("  rotate ") && !help.contains("  verify "), "{help}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = folder.keysweep(&["completions", shell]);
        assert!(run.status == 0 && !run.stdout.contains("rotate") && !run.stdout.contains("--evidence"), "{shell}");
    }
    assert_eq!(folder.keysweep(&["man", "--dir", "pages"]).status, 0);
    let pages = std::fs::read_dir(folder.path().join("pages")).expect("pages");
    let names: Vec<String> = pages.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|name| name == "keysweep-scan.1"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("rotate") || name.contains("verify")), "{names:?}");
}
