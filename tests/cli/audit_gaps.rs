//! An audit of repositories that lack objects: what is covered stays so, the gap alone is told again.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::audit::{Fleet, env, essence};

fn loose(fleet: &Fleet, id: &str) -> PathBuf {
    fleet.path().join("repositories/one/.git/objects").join(&id[..2]).join(&id[2..])
}

/// Takes a loose object away; its bytes.
fn take(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("read");
    std::fs::remove_file(path).expect("removed");
    bytes
}

fn gaps(document: &Value) -> Vec<String> {
    let notices = document["notices"].as_array().expect("notices");
    notices.iter().filter(|notice| notice["gap"] == true).map(Value::to_string).collect()
}

/// Audits, and compares with a whole audit; exit status, new objects, the document.
fn audit(fleet: &Fleet, more: &[&str]) -> (i32, u64, Value) {
    let (status, document) = fleet.audit(more);
    let name = format!("whole-{}", document["run"]["number"]);
    let (_, whole) = fleet.audit_with(&name, more);
    assert_eq!(essence(&document), essence(&whole));
    assert_eq!(gaps(&document), gaps(&whole), "the gaps of a whole audit");
    (status, document["run"]["new_objects"].as_u64().expect("a number"), document)
}

/// A repository whose second commit lacks a blob, with two more branches: `keeps` has it too, `other` has not.
fn lacking() -> (Fleet, PathBuf, Vec<u8>) {
    let fleet = Fleet::new();
    fleet.repository("one");
    fleet.commit("one", "a.env", &env(1));
    fleet.git("one", &["branch", "other"]);
    fleet.commit("one", "lost.env", &env(2));
    fleet.git("one", &["branch", "keeps"]);
    let path = loose(&fleet, &fleet.git("one", &["rev-parse", "HEAD:lost.env"]));
    let bytes = take(&path);
    (fleet, path, bytes)
}

#[test]
fn a_missing_object_is_told_in_each_run_and_nothing_is_scanned_for_it() {
    let (fleet, path, bytes) = lacking();
    let (status, new, document) = audit(&fleet, &[]);
    assert_eq!((status, new, gaps(&document).len()), (2, 5, 1), "{document:#}");
    for _ in 0..2 {
        assert_eq!(audit(&fleet, &[]).1, 0, "what is covered stays so");
    }
    // A new commit on top of it.
    fleet.folder.write("repositories/one/c.env", env(3));
    fleet.git("one", &["add", "c.env"]);
    let tree = fleet.git("one", &["write-tree", "--missing-ok"]);
    let commit = fleet.git("one", &["commit-tree", "-p", "HEAD", "-m", "more", &tree]);
    fleet.git("one", &["update-ref", "HEAD", &commit]);
    let (status, new, document) = audit(&fleet, &[]);
    assert_eq!((status, new, &document["run"]["found"]), (2, 3, &1.into()), "{document:#}");
    // It is back: what is in it is found, where it lies.
    std::fs::write(path, bytes).expect("written");
    let (status, _, document) = audit(&fleet, &[]);
    assert_eq!((status, &document["run"]["found"]), (1, &1.into()), "{document:#}");
    assert!(document["secrets"].to_string().contains("lost.env"));
    assert_eq!(audit(&fleet, &[]).0, 0);
}

#[test]
fn refs_that_move_or_go_take_a_gap_along_only_when_nothing_needs_it_any_more() {
    let (fleet, _, _) = lacking();
    assert_eq!(audit(&fleet, &[]).0, 2);
    // Force pushes beside it and of it: another branch still has the commit.
    fleet.git("one", &["update-ref", "refs/heads/other", "refs/heads/keeps"]);
    assert_eq!(audit(&fleet, &[]).1, 0);
    fleet.git("one", &["update-ref", "refs/heads/main", "main~1"]);
    let (status, new, _) = audit(&fleet, &[]);
    assert_eq!((status, new), (2, 0), "keeps has it");
    fleet.git("one", &["branch", "-D", "keeps"]);
    let (status, new, _) = audit(&fleet, &[]);
    assert_eq!((status, new), (2, 0), "other has it");
    fleet.git("one", &["branch", "-D", "other"]);
    let (status, _, document) = audit(&fleet, &[]);
    assert_eq!(status, 0, "only reflogs have it: {document:#}");
    assert_eq!(audit(&fleet, &[]).1, 0);
}

#[test]
fn many_gaps_are_kept_by_name_and_each_can_be_accepted() {
    let fleet = Fleet::new();
    fleet.repository("one");
    for number in 0..30 {
        fleet.folder.write(&format!("repositories/one/f{number}"), format!("{number}\n"));
    }
    fleet.commit("one", "a.env", &env(1));
    let list = fleet.git("one", &["ls-tree", "HEAD"]);
    let lost: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_once('\t').filter(|(_, name)| name.starts_with('f')))
        .filter_map(|(entry, _)| entry.split(' ').nth(2))
        .collect();
    assert_eq!(lost.len(), 30);
    lost.iter().for_each(|id| drop(take(&loose(&fleet, id))));
    let (status, _, document) = audit(&fleet, &[]);
    assert_eq!((status, gaps(&document).len()), (2, 21), "the first are named");
    assert!(document["notices"].to_string().contains("10 more objects"), "the rest are counted");
    assert_eq!(audit(&fleet, &[]).1, 0);
    let accept: String =
        lost.iter().map(|id| format!("[[coverage.accept]]\nobject = \"{id}\"\nreason = \"lost\"\n")).collect();
    fleet.folder.write("accept.toml", accept);
    let with = ["--config", "accept.toml"];
    let (status, new, _) = audit(&fleet, &with);
    assert!(status == 0 && new > 0, "other settings: everything is scanned");
    let (status, new, document) = audit(&fleet, &with);
    assert_eq!((status, new), (0, 0), "{document:#}");
    // What was accepted is not covered: once it is there it is scanned.
    fleet.folder.write("repositories/one/x", "0\n");
    fleet.git("one", &["hash-object", "-w", "x"]);
    std::fs::remove_file(fleet.path().join("repositories/one/x")).expect("removed");
    let (status, new, _) = audit(&fleet, &with);
    assert!(status == 0 && new > 0, "{status} {new}");
    assert_eq!(audit(&fleet, &with).1, 0);
}

#[test]
fn an_object_that_cannot_be_read_and_then_goes_is_missing_or_needed_no_more() {
    let (fleet, path, _) = lacking();
    std::fs::write(&path, b"nonsense").expect("written");
    assert_eq!(audit(&fleet, &[]).0, 2);
    std::fs::remove_file(&path).expect("removed");
    let (status, _, document) = audit(&fleet, &[]);
    assert!(status == 2 && gaps(&document)[0].contains("missing from the repository"), "{document:#}");
    std::fs::write(&path, b"nonsense").expect("written");
    assert_eq!(fleet.audit(&[]).0, 2);
    std::fs::remove_file(&path).expect("removed");
    for branch in ["main", "keeps"] {
        fleet.git("one", &["update-ref", &format!("refs/heads/{branch}"), "other"]);
    }
    assert_eq!(audit(&fleet, &[]).0, 0, "no ref leads to it");
}

#[test]
fn a_shallow_clone_is_told_in_each_run_until_it_is_whole() {
    let fleet = Fleet::new();
    fleet.repository("full");
    fleet.commit("full", "a.env", &env(1));
    fleet.commit("full", "b.env", &env(2));
    let from = format!("file://{}", fleet.path().join("repositories/full").display());
    std::fs::create_dir_all(fleet.path().join("shallow")).expect("made");
    fleet.folder.git(&["clone", "-q", "--depth", "1", &from, "shallow/one"]);
    std::fs::rename(fleet.path().join("repositories/full"), fleet.path().join("full")).expect("moved");
    std::fs::rename(fleet.path().join("shallow/one"), fleet.path().join("repositories/one")).expect("moved");
    assert_eq!(audit(&fleet, &[]).0, 2);
    let (status, new, document) = audit(&fleet, &[]);
    assert_eq!((status, new), (2, 0), "{document:#}");
    let from = format!("file://{}", fleet.path().join("full").display());
    fleet.git("one", &["fetch", "-q", "--unshallow", &from]);
    assert_ne!(audit(&fleet, &[]).0, 2, "whole");
    let (status, new, _) = audit(&fleet, &[]);
    assert_eq!((status, new), (0, 0));
}
