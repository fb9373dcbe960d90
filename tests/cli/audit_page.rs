//! The audit's page in a real browser: headless Chromium opens, prints and draws it, light and dark.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use keysweep::audit::document::Document;
use keysweep::audit::report::{AuditFormat, write};

use crate::audit::{Fleet, env};
use crate::support::github_token;

/// What a browser said of a page.
struct Opened {
    /// What it asked the outside for.
    urls: BTreeSet<String>,
    dom: String,
    log: String,
}

fn chromium() -> Command {
    let names = ["chromium-headless-shell", "chromium"];
    let found = |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let name = names.iter().find(found).expect("chromium-headless-shell is there: run tests/run");
    let mut command = Command::new(name);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]);
    // Whatever asks for a name gets none.
    command.args(["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--hide-scrollbars"]);
    command
}

fn open(page: &Path, folder: &Path, more: &[&str]) -> Opened {
    let mut command = chromium();
    let net = folder.join("net.json");
    command.env("HOME", folder).current_dir(folder).arg(format!("--log-net-log={}", net.display())).args(more);
    let output = command.arg(format!("file://{}", page.display())).output().expect("it runs");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let asked = std::fs::read_to_string(&net).expect("what it asked for");
    let urls = asked.split("\"url\":\"").skip(1).map(|url| url.split('"').next().unwrap_or_default().to_owned());
    let outside = ["http://", "https://", "ws://", "wss://"];
    let urls: BTreeSet<String> = urls.filter(|url| outside.iter().any(|scheme| url.starts_with(scheme))).collect();
    // What its own policy forbids it would be told of here.
    assert!(!log.contains("Content Security Policy") && !log.contains("Refused to"), "{log}");
    Opened { urls, dom: String::from_utf8_lossy(&output.stdout).into_owned(), log }
}

/// Width, height, brightness of the first pixel (0 to 765), and how many different rows a picture has.
fn picture(path: &Path) -> [u32; 4] {
    let venv = std::env::var_os("KEYSWEEP_TEST_VENV").expect("KEYSWEEP_TEST_VENV is not set: run tests/run");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/png.py");
    let output = Command::new(Path::new(&venv).join("bin/python")).arg(script).arg(path).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u32> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn audited() -> (Fleet, PathBuf) {
    let fleet = Fleet::new();
    for (number, name) in ["billing", "shop", "website"].into_iter().enumerate() {
        fleet.repository(name);
        fleet.commit(name, "config/production.env", &env(number as u32));
        fleet.commit(name, "<b>notes</b>.md", &env(7));
    }
    fleet.git("shop", &["rm", "-q", "config/production.env"]);
    fleet.git("shop", &["commit", "-q", "-m", "remove"]);
    fleet.audit(&[]);
    fleet.commit("website", "deploy.sh", &env(9));
    let run = fleet.run(&["--report", "html=audit.html", "--report", "json=audit.json"]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    // Pictures should not show where a test ran.
    let text = std::fs::read_to_string(fleet.path().join("audit.html")).expect("read");
    let here = fleet.path().canonicalize().expect("it is there").join("repositories").display().to_string();
    let page = fleet.folder.write("page.html", text.replace(&here, "/srv/mirrors"));
    (fleet, page)
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn a_browser_opens_prints_and_draws_the_page_in_light_and_dark() {
    let (fleet, page) = audited();
    let opened = open(&page, fleet.path(), &["--dump-dom"]);
    assert!(opened.urls.is_empty(), "{:?}", opened.urls);
    let asking = fleet.folder.write("asking.html", "<img src=\"http://example.invalid/x.png\">");
    assert_eq!(open(&asking, fleet.path(), &["--dump-dom"]).urls.len(), 1, "one that asks would be seen");
    assert!(opened.dom.contains("<h1>5 secrets open</h1>"), "{}", opened.dom);
    assert_eq!(opened.dom.matches("<tr class=\"critical").count(), 5, "a row for each secret");
    assert!(opened.dom.contains("&lt;b&gt;notes") && !opened.dom.contains("<b>notes"), "a name stays a name");
    assert!((0..10).all(|seed| !opened.dom.contains(&github_token(seed))));
    let draw = |name: &str, scheme: &str| {
        let path = fleet.path().join(name);
        let shot = format!("--screenshot={}", path.display());
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        open(&page, fleet.path(), &[&shot, &scheme, "--window-size=1100,1500"]);
        // KEYSWEEP_TEST_PICTURES=docs/images brings those of the documentation up to date.
        if let Some(to) = std::env::var_os("KEYSWEEP_TEST_PICTURES") {
            std::fs::copy(&path, Path::new(&to).join(name)).expect("copied");
        }
        picture(&path)
    };
    let ([width, height, light, rows], [_, _, dark, _]) = (draw("audit-light.png", "1"), draw("audit-dark.png", "0"));
    assert_eq!((width, height), (1100, 1500));
    assert!(light > 700 && dark < 150, "{light} {dark}");
    assert!(rows > 200, "something is drawn: {rows} different rows");
    let pdf = fleet.path().join("audit.pdf");
    let opened = open(&page, fleet.path(), &[&format!("--print-to-pdf={}", pdf.display())]);
    let bytes = std::fs::read(&pdf).unwrap_or_else(|_| panic!("{}", opened.log));
    assert!(bytes.starts_with(b"%PDF") && bytes.len() > 10_000, "{} bytes", bytes.len());
}

#[test]
#[ignore = "needs the tools that tests/run installs"]
fn a_browser_opens_a_page_of_a_hundred_thousand_places() {
    let (fleet, _) = audited();
    let text = std::fs::read(fleet.path().join("audit.json")).expect("read");
    let mut document: Document = serde_json::from_slice(&text).expect("a document");
    let first = document.secrets[0].clone();
    document.secrets = (0..20_000_u32)
        .map(|number| {
            let mut secret = first.clone();
            secret.secret_id = format!("v1:{number:032x}");
            let place = secret.places[0].clone();
            let at = |at: u32| {
                let mut place = place.clone();
                place.place.path = format!("services/{number}/settings-{at}.env");
                place
            };
            secret.places = (0..5).map(at).collect();
            secret
        })
        .collect();
    // KEYSWEEP_TEST_PAGE=FILE keeps it, to look at how long a browser takes.
    let page = std::env::var_os("KEYSWEEP_TEST_PAGE").map_or(fleet.path().join("large.html"), PathBuf::from);
    let mut out = std::io::BufWriter::new(std::fs::File::create(&page).expect("made"));
    write(&document, AuditFormat::Html, false, &mut out).expect("written");
    drop(out);
    let opened = open(&page, fleet.path(), &["--dump-dom"]);
    assert_eq!(opened.dom.matches("settings-").count(), 100_000);
    let shot = fleet.path().join("large.png");
    open(&page, fleet.path(), &[&format!("--screenshot={}", shot.display()), "--window-size=1100,1500"]);
    assert!(picture(&shot)[3] > 200);
}
