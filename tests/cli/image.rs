//! `keysweep scan --image`: images made by hand, in both forms.

use serde_json::{Value, json};

use crate::pack::{digest, gzip, tar, zip};
use crate::support::{Folder, github_token};

/// A line that no other layer has.
fn secret(seed: u32) -> Vec<u8> {
    format!("TOKEN={}\n", github_token(seed)).into_bytes()
}

struct Made {
    layers: Vec<Vec<u8>>,
    config: Vec<u8>,
}

/// Three layers: a key, an archive with another beside it, and the key's removal; a variable and a build argument.
fn made() -> Made {
    let jar = zip(&[("conf/app.properties", &secret(2))], true);
    let config = json!({
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Env": ["PATH=/usr/bin", format!("GH_TOKEN={}", github_token(3))], "Labels": {"a": "b"}},
        "history": [{"created_by": format!("RUN |1 TOKEN={} /bin/sh -c make", github_token(4))}],
    });
    Made {
        layers: vec![
            tar(&[("app/", b""), ("app/key.env", &secret(1)), ("etc/motd", b"hello")]),
            gzip(&tar(&[("app/lib.jar", &jar)])),
            tar(&[("app/.wh.key.env", b"")]),
        ],
        config: config.to_string().into_bytes(),
    }
}

fn docker_save(made: &Made, config_name: &str) -> Vec<u8> {
    let names: Vec<String> = made.layers.iter().map(|layer| format!("{}/layer.tar", digest(layer))).collect();
    let manifest = json!([{"Config": config_name, "RepoTags": ["app:1.0"], "Layers": names}]).to_string();
    let mut files: Vec<(&str, &[u8])> = vec![(config_name, &made.config), ("manifest.json", manifest.as_bytes())];
    files.extend(names.iter().map(String::as_str).zip(made.layers.iter().map(Vec::as_slice)));
    tar(&files)
}

/// Files of an OCI layout.
fn layout(made: &Made) -> Vec<(String, Vec<u8>)> {
    let path = |bytes: &[u8]| format!("blobs/sha256/{}", digest(bytes));
    let named = |bytes: &[u8]| json!({"digest": format!("sha256:{}", digest(bytes)), "size": bytes.len()});
    let layers: Vec<Value> = made.layers.iter().map(|layer| named(layer)).collect();
    let manifest = json!({"schemaVersion": 2, "config": named(&made.config), "layers": layers}).to_string();
    let mut first = named(manifest.as_bytes());
    first["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
    let inner = json!({"schemaVersion": 2, "manifests": [first]}).to_string();
    let index = json!({"schemaVersion": 2, "manifests": [named(inner.as_bytes())]}).to_string();
    let mut files = vec![("index.json".to_owned(), index.into_bytes())];
    files.push(("oci-layout".to_owned(), b"{\"imageLayoutVersion\":\"1.0.0\"}".to_vec()));
    let blobs = made.layers.iter().cloned().chain([made.config.clone(), manifest.into(), inner.into()]);
    files.extend(blobs.map(|bytes| (path(&bytes), bytes)));
    files
}

/// Path, members, object, facts of every finding.
fn findings(report: &Value) -> Vec<(String, usize, String, String)> {
    let list = report["findings"].as_array().expect("findings");
    list.iter()
        .map(|finding| {
            let origin = &finding["origin"];
            assert_eq!((origin["kind"].as_str(), origin["repository"].as_str()), (Some("image"), Some("app.tar")));
            let members = origin["member"].as_array().map_or(0, Vec::len);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&origin["path"]), members, text(&origin["object"]), finding["facts"].to_string())
        })
        .collect()
}

fn check(folder: &Folder, made: &Made, title: &str) {
    let run = folder.keysweep(&["scan", "--image", "app.tar", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    assert_eq!((run.status, report["mode"].as_str()), (1, Some(title)), "{report}");
    let config = format!("sha256:{}", digest(&made.config));
    let layer = |at: usize| format!("sha256:{}", digest(&made.layers[at]));
    let facts = |at: usize, gone: &str| format!("{{{gone}\"layer\":\"{at} of 3\"}}");
    assert_eq!(
        findings(&report),
        [
            (".image/config/env".to_owned(), 0, config.clone(), "null".to_owned()),
            (".image/config/history".to_owned(), 0, config, "null".to_owned()),
            ("app/key.env".to_owned(), 0, layer(0), facts(1, "\"gone since layer\":\"3\",")),
            ("app/lib.jar".to_owned(), 1, layer(1), facts(2, "")),
        ]
    );
    assert_eq!(report["coverage"]["kinds"]["layers"], json!({"found": 3, "scanned": 3}));
    assert_eq!(report["coverage"]["complete"], true);
}

#[test]
fn every_layer_of_a_saved_image_is_scanned() {
    let made = made();
    let folder = Folder::new();
    folder.write("app.tar", docker_save(&made, &format!("{}.json", digest(&made.config))));
    check(&folder, &made, "image app.tar (app:1.0)");
}

#[test]
fn an_oci_layout_is_read_as_archive_and_as_folder() {
    let made = made();
    let files = layout(&made);
    let folder = Folder::new();
    let list: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    folder.write("app.tar", tar(&list));
    check(&folder, &made, "image app.tar (latest)");
    let folder = Folder::new();
    for (name, bytes) in &files {
        folder.write(&format!("app.tar/{name}"), bytes);
    }
    check(&folder, &made, "image app.tar (latest)");
}

#[test]
fn what_is_missing_is_a_gap_and_what_is_no_image_is_an_error() {
    let made = made();
    let files = layout(&made);
    let missing = format!("blobs/sha256/{}", digest(&made.layers[1]));
    let kept: Vec<(&str, &[u8])> = files
        .iter()
        .filter(|(name, _)| *name != missing)
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let folder = Folder::new();
    folder.write("app.tar", tar(&kept));
    let run = folder.keysweep(&["scan", "--image", "app.tar", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(run.status, 2, "{report}");
    assert_eq!(findings(&report).len(), 3);
    assert!(report["notices"].to_string().contains("not in it"), "{report}");
    for (content, says) in
        [(tar(&[("a", b"b")]), "no image"), (gzip(b"x"), "no tar archive"), (b"plain".to_vec(), "no tar archive")]
    {
        folder.write("app.tar", content);
        let run = folder.keysweep(&["scan", "--image", "app.tar"]);
        assert_eq!(run.status, 2);
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    assert_eq!(folder.keysweep(&["scan", "--image", "nowhere.tar"]).status, 2);
}
