//! Runs the fuzz targets' bodies over a small corpus, so that they stay true and buildable without a nightly compiler.

#[allow(unreachable_pub)] // it is a crate of its own elsewhere
#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[cfg(all(feature = "git", unix))]
#[allow(unreachable_pub)] // it is a part of another crate elsewhere
#[path = "../../fuzz/src/git.rs"]
mod git_targets;

use crate::support;

/// Texts of every kind the targets read; the mutations below do the rest.
fn corpus() -> Vec<Vec<u8>> {
    let token = support::github_token(7);
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n";
    let rule = "[[rules]]\nid = \"x-y\"\ndescription = \"x\"\nseverity = \"low\"\nliterals = [\"xyz_\"]\n\
        regex = 'xyz_[a-z]{9}'\nvalidators = [\"uuid\"]\nexamples = [\"xyz_{lower:9}\"]\nnearMisses = [\"xyz_\"]\n";
    let texts = [
        String::new(),
        "a".to_owned(),
        format!("key = \"{token}\"\r\n\tpassword: kV9$xw!2Lq\rurl = postgres://app:kV9xw2Lq@db.company.com/x\n"), // keysweep:allow made up
        format!("{}{token}{token}", "ä\u{1F511}\u{202e}\u{1b}[31m".repeat(40)),
        key.replace('\n', "\\n"),
        "ghp_{base62:30}{crc32-base62} {{ {mark}{hex:4096} {nope:1} {base62:99999999999999999999}".to_owned(),
        rule.to_owned(),
        "{\"kty\":\"oct\",\"k\":\"AAAA\",\"private_key\":\"x\"} eyJhbGciOiJub25lIn0.e30. pypi-AgEIcHk AKIA2345"
            .to_owned(),
    ];
    let mut corpus: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
    let encoded = |text: &String| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    corpus.extend(texts.iter().map(|text| format!("x: {}\n{}", encoded(text), encoded(&encoded(text))).into_bytes()));
    let escaped = |text: &String| text.bytes().map(|byte| format!("\\x{byte:02x}%{byte:02X}")).collect::<String>();
    corpus.extend(texts.iter().take(3).map(|text| format!("password%3D{} {text}", escaped(text)).into_bytes()));
    for text in &texts {
        corpus.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        corpus.push([0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect());
        // Numbers in front that several targets read as places.
        corpus.push([&[20, 0, 40, 0][..], text.as_bytes()].concat());
    }
    corpus.push(vec![0; 300]);
    corpus.push((0..=255).cycle().take(700).collect());
    corpus
}

/// Each input, and some of its neighbours: bytes changed, cut, doubled.
fn run(target: fn(&[u8])) {
    run_over(target, corpus());
}

fn run_over(target: fn(&[u8]), corpus: Vec<Vec<u8>>) {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap_or(0) % below.max(1)
    };
    for input in corpus {
        target(&input);
        for _ in 0..24 {
            let mut bytes = input.clone();
            for _ in 0..=next(4) {
                let at = next(bytes.len());
                match next(4) {
                    0 if !bytes.is_empty() => bytes[at] = next(256) as u8,
                    1 => bytes.truncate(at),
                    2 => bytes.extend_from_within(at.min(bytes.len())..),
                    _ => bytes.insert(at.min(bytes.len()), b"\n\0\"={}.-\xff\\"[next(10)]),
                }
            }
            target(&bytes);
        }
    }
}

#[test]
fn scan_holds() {
    run(targets::scan);
}

#[test]
fn assignment_holds() {
    let mut inputs = corpus();
    for text in [
        "export DB_PASSWORD='a' + \"b\" \\\n  \"c\"",
        "password: >-\n  one\n  two\nsecret = <<EOF\nx\nEOF\n<password>a</password>",
        "{\"name\": \"token\", \"value\": \"x\"} --password=y -p z curl -u a:b IDENTIFIED BY 'c'",
        "token := map[string]string{\"a\": `b`}; secret ||= ENV['x'] || 'y' # api_key",
    ] {
        inputs.push([&[9, 0, 0, 0][..], text.as_bytes()].concat());
    }
    run_over(targets::assignment, inputs);
}

#[test]
fn settings_hold() {
    let mut inputs = corpus();
    for text in [
        "min-confidence = 70\nexclude = [\"vendor/**\"]\n[[allow]]\nrule = \"jwt\"\npath = \"**/x\"\nuntil = 2030-01-01\n",
        "title = \"x\"\n[extend]\nuseDefault = true\n[[rules]]\nid = \"a\"\nregex = '(a+)+$'\n[allowlist]\npaths = ['x']\n",
        "{\"version\":\"1.5.0\",\"results\":{\"a\":[{\"type\":\"x\",\"hashed_secret\":\"00\",\"line_number\":1}]}}",
        "{\"salt\":\"00\"}\n{\"id\":\"v1:0123\",\"reason\":\"x\"}\n",
        "v1:0123456789abcdef until 2030-01-01 reason\nabc:def.txt:rule:3\n",
    ] {
        inputs.push(text.as_bytes().to_vec());
    }
    run_over(targets::settings, inputs);
}

#[test]
fn decode_holds() {
    run(targets::decode);
}

#[cfg(feature = "archive")]
#[test]
fn archive_holds() {
    let mut inputs = corpus();
    let files: &[(&str, &[u8])] = &[("a.env", b"KEY=value"), ("b/c", b"text")];
    let archives = [crate::pack::zip(files, true), crate::pack::tar(files), crate::pack::gzip(b"text")];
    inputs.extend(archives.iter().map(|archive| [&[0][..], archive].concat()));
    // Each reader gets each input behind what its files begin with.
    for input in inputs.clone() {
        inputs.extend((1..15).map(|choice| [&[choice][..], &input].concat()));
    }
    run_over(targets::archive, inputs);
}

#[test]
fn validators_hold() {
    run(targets::validators);
}

#[test]
fn template_holds() {
    run(targets::template);
}

#[test]
fn place_holds() {
    run(targets::place);
}

#[test]
fn utf16_holds() {
    run(targets::utf16);
}

#[test]
fn rules_hold() {
    run(targets::rules);
}

#[cfg(all(feature = "git", unix))]
mod git {
    use super::{git_targets as targets, run_over};
    use crate::support::Folder;

    /// What git itself writes: a pack, its index, a multi-pack-index, loose objects; and a delta behind its base.
    fn corpus() -> Vec<Vec<u8>> {
        let folder = Folder::repository();
        for version in 0..4 {
            folder.write("folder/a.txt", format!("{version}\n").repeat(200));
            folder.git(&["add", "-A"]);
            folder.git(&["commit", "-q", "-m", "x"]);
        }
        let objects = folder.path().join(".git/objects");
        let id = folder.git(&["rev-parse", "HEAD"]);
        let mut corpus = vec![std::fs::read(objects.join(&id[..2]).join(&id[2..])).expect("a loose object")];
        corpus.push(folder.git(&["cat-file", "-p", "HEAD"]).into_bytes());
        folder.git(&["repack", "-a", "-d", "-q"]);
        folder.git(&["multi-pack-index", "write"]);
        for entry in std::fs::read_dir(objects.join("pack")).expect("packs") {
            let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
            // An entry of the pack stands at offset 12.
            corpus.push(bytes.get(12..).unwrap_or_default().to_vec());
            corpus.push(bytes);
        }
        let mut tree = b"100644 a\0".to_vec();
        tree.extend([7; 20]);
        tree.extend(b"40000 b\0");
        tree.extend([9; 20]);
        corpus.push(tree);
        // Forty bytes; a delta of forty bytes that copies ten of them and inserts 35.
        let mut delta = (0..40).collect::<Vec<u8>>();
        delta.extend([40, 45, 0x90, 10, 35]);
        delta.extend([b'x'; 35]);
        corpus.push(delta);
        corpus
    }

    #[test]
    fn readers_of_gits_formats_hold() {
        for target in
            [targets::pack_entry, targets::delta, targets::index, targets::multi_index, targets::tree, targets::commit]
        {
            run_over(target, corpus());
        }
    }
}
