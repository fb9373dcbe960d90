//! What an image says it is made of: `manifest.json` of `docker save`, `index.json` and manifests of an OCI layout.

use serde_json::Value;

/// A blob of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    /// `sha256:...`, or the path when there is no digest.
    pub(super) digest: String,
    /// Where it stands in the archive.
    pub(super) path: String,
}

/// One image: an archive may hold several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// `name:tag`.
    pub(super) names: Vec<String>,
    pub(super) config: Option<Blob>,
    /// From the base up.
    pub(super) layers: Vec<Blob>,
}

/// Indexes in indexes, at most.
const DEEPEST: usize = 4;
/// Manifests that are read, at most.
const MOST: usize = 1000;

/// All images; `get` gives a file of the archive. Those of `manifest.json` come first: they have the names.
pub(super) fn read(get: &dyn Fn(&str) -> Option<Vec<u8>>) -> Vec<Manifest> {
    let json = |name: &str| serde_json::from_slice::<Value>(&get(name)?).ok();
    let mut manifests: Vec<Manifest> = Vec::new();
    for one in json("manifest.json").as_ref().and_then(Value::as_array).into_iter().flatten() {
        let blob = |value: &Value| value.as_str().map(|path| Blob { digest: digest_of(path), path: path.to_owned() });
        manifests.push(Manifest {
            names: strings(&one["RepoTags"]),
            config: blob(&one["Config"]),
            layers: one["Layers"].as_array().into_iter().flatten().filter_map(blob).collect(),
        });
    }
    let mut todo: Vec<(Value, Vec<String>, usize)> =
        json("index.json").map(|index| (index, Vec::new(), 0)).into_iter().collect();
    while let Some((value, names, depth)) = todo.pop() {
        if manifests.len() >= MOST {
            break;
        }
        if let Some(layers) = value["layers"].as_array() {
            let layers = layers.iter().filter_map(|layer| by_digest(&layer["digest"])).collect();
            let manifest = Manifest { names: names.clone(), config: by_digest(&value["config"]["digest"]), layers };
            // The archive of a newer `docker save` says the same twice.
            if !manifests.iter().any(|known| same(known, &manifest)) {
                manifests.push(manifest);
            }
        }
        for inner in value["manifests"].as_array().into_iter().flatten().rev().take(MOST) {
            let Some(found) = by_digest(&inner["digest"]).filter(|_| depth < DEEPEST) else { continue };
            let annotations = &inner["annotations"];
            let name = ["io.containerd.image.name", "org.opencontainers.image.ref.name"]
                .into_iter()
                .find_map(|key| annotations[key].as_str());
            let names = name.map_or_else(|| names.clone(), |name| vec![name.to_owned()]);
            todo.extend(json(&found.path).map(|value| (value, names, depth + 1)));
        }
    }
    manifests
}

fn same(a: &Manifest, b: &Manifest) -> bool {
    let digests = |one: &Manifest| -> Vec<String> { one.layers.iter().map(|blob| blob.digest.clone()).collect() };
    digests(a) == digests(b) && a.config.as_ref().map(|one| &one.digest) == b.config.as_ref().map(|one| &one.digest)
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// `algorithm:hex` as a blob of an OCI layout.
fn by_digest(value: &Value) -> Option<Blob> {
    let digest = value.as_str()?;
    let (algorithm, hex) = digest.split_once(':')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain(algorithm) && plain(hex))
        .then(|| Blob { digest: digest.to_owned(), path: format!("blobs/{algorithm}/{hex}") })
}

/// The digest that a path of `docker save` tells: `blobs/sha256/<hex>`, `<hex>.json`, `<hex>/layer.tar`.
fn digest_of(path: &str) -> String {
    let hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let known = path
        .strip_prefix("blobs/sha256/")
        .or_else(|| path.strip_suffix(".json"))
        .or_else(|| path.strip_suffix("/layer.tar"))
        .or_else(|| path.strip_suffix(".tar"));
    known.filter(|text| hex(text)).map_or_else(|| path.to_owned(), |hex| format!("sha256:{hex}"))
}
