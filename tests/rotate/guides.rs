//! Policies that the guides print: each is one that the program reads.

use std::path::Path;

use keysweep::rotate::policy::Rotation;

/// The TOML of a guide, block by block.
fn blocks(guide: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(guide);
    let text = std::fs::read_to_string(path).expect("a guide");
    text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

fn read(text: &str) -> Rotation {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("policy.toml");
    std::fs::write(&path, text).expect("written");
    Rotation::read(&path).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn every_policy_of_the_guide_is_read_and_one_keeps_three_environments_apart() {
    let (mut most, mut count) = (0, 0);
    for block in blocks("rotation.md") {
        // Pieces name an environment that the whole policy defines.
        let whole = match block.contains("[rotation]") {
            true => block,
            false => format!("[rotation]\n[rotation.environments.prod]\n{block}"),
        };
        let policy = read(&whole);
        most = most.max(policy.environments.len());
        count += 1;
    }
    assert!(most == 3 && count >= 6, "{most} environments, {count} blocks");
}
