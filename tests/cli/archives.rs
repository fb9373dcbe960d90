//! `keysweep scan` over archives and compressed files: by content, nested, damaged, too large.

use serde_json::Value;

use crate::pack::{gzip, tar, zip};
use crate::support::{Folder, github_token};

/// Path, members, decoders, line.
type Found = (String, Vec<String>, Vec<String>, u64);

/// Status, findings and report of a scan of one file.
fn scan(name: &str, content: &[u8]) -> (i32, Vec<Found>, Value) {
    let folder = Folder::new();
    folder.write(name, content);
    let run = folder.keysweep(&["scan", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|name| name.as_str().expect("text").to_owned()).collect()
    };
    let findings = report["findings"].as_array().expect("findings").iter().map(|finding| {
        let origin = &finding["origin"];
        (
            origin["path"].as_str().expect("a path").to_owned(),
            list(&origin["member"]),
            list(&origin["decode"]),
            finding["position"]["start_line"].as_u64().expect("a line"),
        )
    });
    (run.status, findings.collect(), report.clone())
}

fn secret(seed: u32) -> Vec<u8> {
    format!("first line\nTOKEN={}\n", github_token(seed)).into_bytes()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn notices(report: &Value) -> String {
    report["notices"].to_string()
}

#[test]
fn members_are_found_whatever_the_file_is_called() {
    let text = secret(1);
    let long = format!("{}/x.env", "very-long-folder-name".repeat(7));
    let files: &[(&str, &[u8])] = &[("a/", b""), ("a/empty", b""), (&long, &text), ("b.txt", b"nothing")];
    for (name, content, decode) in [
        ("one.zip", zip(files, true), vec![]),
        ("two.docx", zip(files, false), vec![]),
        ("three", tar(files), vec![]),
        ("four.dat", gzip(&tar(files)), words(&["gzip"])),
    ] {
        let (status, findings, report) = scan(name, &content);
        assert_eq!(findings, [(name.to_owned(), vec![long.clone()], decode, 2)], "{name}");
        assert_eq!((status, report["findings"][0]["origin"]["kind"].as_str()), (1, Some("archive")), "{name}");
        assert_eq!(report["coverage"]["complete"], true, "{report}");
        assert_eq!(report["coverage"]["kinds"]["archive members"]["scanned"], 2, "{report}");
    }
    let (_, findings, report) = scan("config.gz", &gzip(&text));
    assert_eq!(findings, [("config.gz".to_owned(), vec![], words(&["gzip"]), 2)]);
    assert!(!notices(&report).contains("gap\":true"));
}

#[test]
fn archives_in_archives_are_opened_and_places_add_up() {
    let inner = zip(&[("deep.env", &secret(2))], true);
    let outer = gzip(&tar(&[("lib/inner.jar", &inner), ("own.env", &secret(3))]));
    let (_, findings, _) = scan("all.tgz", &outer);
    let gzip = words(&["gzip"]);
    assert_eq!(
        findings,
        [
            ("all.tgz".to_owned(), words(&["lib/inner.jar", "deep.env"]), gzip.clone(), 2),
            ("all.tgz".to_owned(), words(&["own.env"]), gzip, 2)
        ]
    );
}

#[test]
fn base64_inside_a_member_keeps_its_place() {
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, secret(4));
    let (_, findings, _) = scan("x.zip", &zip(&[("a", format!("\n\ndata: {encoded}\n").as_bytes())], true));
    assert_eq!(findings, [("x.zip".to_owned(), words(&["a"]), words(&["base64"]), 3)]);
}

#[test]
fn a_cut_archive_is_told_and_read_as_far_as_it_goes() {
    let files: &[(&str, &[u8])] = &[("first.env", &secret(5)), ("second.env", &secret(6))];
    let whole = zip(files, true);
    let cut = &whole[..whole.len() - 150];
    let (status, findings, report) = scan("cut.zip", cut);
    assert_eq!((status, findings.len()), (1, 2), "{report}");
    assert!(notices(&report).contains("zip directory"), "{report}");
    let whole = tar(files);
    let (status, findings, report) = scan("cut.tar", &whole[..1024 + 700]);
    assert_eq!((status, findings.len()), (1, 2), "the second is whole, its padding is not: {report}");
    assert!(notices(&report).contains("cut off"), "{report}");
    let random: Vec<u8> = (0..90_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let whole = gzip(&[&secret(7)[..], &random].concat());
    let (status, findings, report) = scan("cut.gz", &whole[..whole.len() / 2]);
    assert_eq!((status, findings.len()), (1, 1), "{report}");
    assert!(notices(&report).contains("cut off") && !notices(&report).contains("\"gap\":true"), "{report}");
    // What stands before a missing or wrong check sum was read.
    let mut whole = gzip(&secret(7));
    let (status, findings, report) = scan("sum.gz", &whole[..whole.len() - 3]);
    assert_eq!((status, findings.len()), (1, 1), "{report}");
    assert!(notices(&report).contains("cut off"), "{report}");
    let at = whole.len() - 6;
    whole[at] ^= 1;
    let (status, findings, report) = scan("sum.gz", &whole);
    assert_eq!((status, findings.len()), (1, 1), "{report}");
    assert!(notices(&report).contains("check sum"), "{report}");
    // Padding behind the last member, and a second one, are none of it.
    let (status, findings, report) = scan("two.gz", &[&gzip(&secret(7))[..], &gzip(&secret(8)), &[0; 600]].concat());
    assert_eq!((status, findings.len(), notices(&report).as_str()), (1, 2, "[]"), "{report}");
}

#[test]
fn what_only_looks_like_an_archive_is_scanned_as_it_is() {
    let token = github_token(8);
    for start in
        [&b"PK\x03\x04"[..], b"\x1f\x8b\x08\0", b"BZh91AY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c"]
    {
        let content = [start, b" and so on, key=", token.as_bytes(), b" "].concat();
        let (status, findings, report) = scan("odd", &content);
        assert_eq!((status, findings.len()), (1, 1), "{start:?} {report}");
        assert_eq!(findings[0].1, Vec::<String>::new());
        assert!(notices(&report).contains("malformed"), "{report}");
    }
}

#[test]
fn a_script_before_a_zip_and_its_comment_are_scanned() {
    let mut content = format!("#!/usr/bin/env python3\n# {}\n", github_token(9)).into_bytes();
    content.extend(zip(&[("in.env", &secret(10))], true));
    let (_, findings, report) = scan("app", &content);
    let members: Vec<usize> = findings.iter().map(|finding| finding.1.len()).collect();
    assert_eq!(members, [0, 1], "{report}");
}

#[test]
fn bombs_end_as_gaps_and_the_rest_is_scanned() {
    let zeros = vec![0; 150 << 20];
    let bomb = zip(&[("bomb", &zeros)], true);
    assert!(bomb.len() < 200_000);
    let folder = Folder::new();
    folder.write("bomb.zip", &bomb);
    folder.write("other.env", secret(11));
    let run = folder.keysweep(&["scan", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(run.status, 2, "{report}");
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(1));
    assert!(notices(&report).contains("budget"), "{report}");
    // An archive in an archive in an archive ...
    let mut deep = secret(12);
    for _ in 0..12 {
        deep = zip(&[("next", &deep)], true);
    }
    let (status, findings, report) = scan("deep.zip", &deep);
    assert_eq!((status, findings.len()), (2, 0), "{report}");
    assert!(notices(&report).contains("too deep"), "{report}");
}

/// Bundles and packs are read whole: versions that are deltas, by their paths.
#[cfg(all(feature = "git", unix))]
#[test]
fn a_git_bundle_is_read() {
    let folder = Folder::repository();
    let filler: String = (0..500).map(|line| format!("line {line}\n")).collect();
    for (version, seed) in [(1, 20), (2, 21), (3, 22)] {
        let text = format!("{filler}TOKEN={}\nversion {version}\n", github_token(seed));
        folder.write("conf/app.env", text);
        folder.git(&["add", "."]);
        folder.git(&["commit", "--quiet", "-m", &format!("version {version}")]);
    }
    folder.git(&["gc", "--quiet"]);
    folder.git(&["bundle", "create", "--quiet", "all.bundle", "--all"]);
    let bundle = std::fs::read(folder.path().join("all.bundle")).expect("the bundle");
    let (status, findings, report) = scan("all.bundle", &bundle);
    assert_eq!((status, findings.len()), (1, 3), "{report}");
    for (_, member, _, line) in &findings {
        assert!(member[0].starts_with("conf/app.env@") && *line == 501, "{member:?}");
    }
    let (_, findings, report) = scan("cut.bundle", &bundle[..bundle.len() * 2 / 3]);
    assert!(notices(&report).contains("cut off"), "{report}");
    assert!(findings.len() < 3);
}

/// In git's objects encodings and archives are seen through as on disk, in every mode.
#[cfg(all(feature = "git", unix))]
#[test]
fn every_git_mode_decodes_and_unpacks() {
    let folder = Folder::repository();
    folder.write("readme", "text\n");
    folder.git(&["add", "."]);
    folder.git(&["commit", "--quiet", "-m", "start"]);
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, secret(30));
    let filler: String = (0..300).map(|line| format!("line {line}\n")).collect();
    folder.write("values.yaml", format!("{filler}data: {encoded}\n"));
    folder.write("lib.jar", zip(&[("app.env", &secret(31))], true));
    folder.git(&["add", "."]);
    let check = |arguments: &[&str]| {
        let run = folder.keysweep(&[arguments, &["--format", "json"]].concat());
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        let list = report["findings"].as_array().expect("findings");
        let told: Vec<(&str, u64, usize, usize)> = list
            .iter()
            .map(|finding| {
                let origin = &finding["origin"];
                let count = |name: &str| origin[name].as_array().map_or(0, Vec::len);
                let line = finding["position"]["start_line"].as_u64().expect("a line");
                (origin["path"].as_str().expect("a path"), line, count("member"), count("decode"))
            })
            .collect();
        assert_eq!(told, [("lib.jar", 2, 1, 0), ("values.yaml", 301, 0, 1)], "{arguments:?} {report}");
    };
    check(&["scan", "--staged"]);
    folder.git(&["commit", "--quiet", "-m", "secrets"]);
    check(&["scan", "--diff", "HEAD~1..HEAD"]);
    // Later versions have the secret still; a pack has them as deltas.
    for version in 0..4 {
        folder.write("values.yaml", format!("{filler}data: {encoded}\nversion: {version}\n"));
        folder.git(&["commit", "--quiet", "-am", "more"]);
    }
    folder.git(&["gc", "--quiet"]);
    check(&["scan", "--history"]);
    // A change elsewhere in the file brings no new finding.
    let run = folder.keysweep(&["scan", "--diff", "HEAD~1..HEAD"]);
    assert_eq!(run.status, 0, "{}", run.stdout);
}

/// Editing and spell checking cut a paragraph into runs wherever they were at work.
#[test]
fn a_secret_in_two_runs_of_a_document_is_one() {
    let token = github_token(40);
    let (head, tail) = token.split_at(17);
    let run = |text: &str| {
        format!("<w:r w:rsidR=\"00AB12CD\"><w:rPr><w:b/></w:rPr><w:t xml:space=\"preserve\">{text}</w:t></w:r>")
    };
    let document = format!(
        "<?xml version=\"1.0\"?><w:document><w:body><w:p>{}<w:proofErr w:type=\"spellStart\"/>{}{}</w:p><w:p>{}</w:p></w:body></w:document>",
        run("the token is "),
        run(head),
        run(tail),
        run("and so on")
    );
    let (status, findings, report) = scan("notes.docx", &zip(&[("word/document.xml", document.as_bytes())], true));
    assert_eq!((status, findings.len()), (1, 1), "{report}");
    assert_eq!(findings[0].1, words(&["word/document.xml"]));
    let (_, findings, _) = scan("plain.docx", &zip(&[("word/other.txt", document.as_bytes())], true));
    assert_eq!(findings.len(), 0, "only documents are joined");
}
