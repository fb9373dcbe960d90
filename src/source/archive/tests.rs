//! Every form is read from a sample that its own tool made, and damage to any sample is survived.

use super::{Event, Trouble, open};

const HELLO: &str = "hello hello hello, and aaaaaaaaaaaaaaaaaaaaaaaa\n";

/// Samples by name; `samples/` was made with Python's bz2, lzma, sqlite3 and py7zr, zstd and CPython 3.13.
const SAMPLES: [(&str, &[u8]); 10] = [
    ("hello.bz2", include_bytes!("samples/hello.bz2")),
    ("hello.xz", include_bytes!("samples/hello.xz")),
    ("hello.lzma", include_bytes!("samples/hello.lzma")),
    ("hello.zst", include_bytes!("samples/hello.zst")),
    ("lzma2.7z", include_bytes!("samples/lzma2.7z")),
    ("bzip2.7z", include_bytes!("samples/bzip2.7z")),
    ("deflate.7z", include_bytes!("samples/deflate.7z")),
    ("locked.7z", include_bytes!("samples/locked.7z")),
    ("rows.db", include_bytes!("samples/rows.db")),
    ("hello.pyc", include_bytes!("samples/hello.pyc")),
];

fn sample(name: &str) -> &'static [u8] {
    SAMPLES.iter().find(|(known, _)| *known == name).expect("a sample").1
}

/// Texts with their places, and troubles.
fn look(bytes: &[u8]) -> (Vec<(String, String)>, Vec<Trouble>) {
    let (mut texts, mut troubles) = (Vec::new(), Vec::new());
    open(bytes, 4096, &mut |place, event| match event {
        Event::Text { bytes, .. } => {
            let path: Vec<&str> = place.decode.iter().copied().chain(place.member.iter().map(String::as_str)).collect();
            texts.push((path.join("!"), String::from_utf8_lossy(bytes).into_owned()));
        }
        Event::Trouble(trouble) => troubles.push(trouble),
    });
    (texts, troubles)
}

#[test]
fn compressed_files_are_read() {
    for (name, decoder) in [("hello.bz2", "bzip2"), ("hello.xz", "xz"), ("hello.lzma", "lzma"), ("hello.zst", "zstd")] {
        assert_eq!(look(sample(name)), (vec![(decoder.to_owned(), HELLO.to_owned())], vec![]), "{name}");
    }
}

#[test]
fn files_of_7z_are_read_and_locked_ones_told() {
    for name in ["lzma2.7z", "bzip2.7z", "deflate.7z"] {
        let expected = [("hello.txt".to_owned(), HELLO.to_owned()), ("b/two.txt".to_owned(), "second\n".to_owned())];
        assert_eq!(look(sample(name)), (expected.to_vec(), vec![]), "{name}");
    }
    let (texts, troubles) = look(sample("locked.7z"));
    assert_eq!((texts.len(), troubles), (1, vec![Trouble::Locked]), "the bytes as they are remain");
}

#[test]
fn rows_of_tables_are_read() {
    let (texts, troubles) = look(sample("rows.db"));
    assert_eq!(troubles, []);
    let of = |table: &str| texts.iter().find(|(name, _)| name == table).map_or("", |(_, text)| text.as_str());
    let people = of("people");
    assert!(people.starts_with("name = \"ada\"\nnote = nnnn") && people.contains("nn end\n"), "{people}");
    assert!(people.ends_with("name = \"bob\"\nname = \"eve\"\nnote = \"blob\"\n"), "{people}");
    assert_eq!(of("settings"), "color = \"blue\"\nkey = \"color\"\n");
    assert!(of("sqlite_schema").contains("CREATE TABLE people"));
}

#[test]
fn strings_of_compiled_python_are_read() {
    let (texts, troubles) = look(sample("hello.pyc"));
    assert_eq!((texts.len(), troubles), (1, vec![]));
    assert_eq!(texts[0].0, "pyc");
    assert!(texts[0].1.lines().any(|line| line == "hello from python"), "{texts:?}");
}

#[test]
fn pages_of_pdf_are_read() {
    let content = b"BT (page text) Tj ET";
    let mut packed = vec![0; 200];
    let mut stream = zlib_rs::Deflate::new(6, true, 15);
    stream.compress(content, &mut packed, zlib_rs::DeflateFlush::Finish).expect("compresses");
    packed.truncate(stream.total_out() as usize);
    let mut file =
        b"%PDF-1.4\n1 0 obj\n<< /Title (about) >>\nendobj\n2 0 obj\n<</Filter/FlateDecode/Length 9>>\nstream\n"
            .to_vec();
    file.extend(packed);
    file.extend(b"\nendstream\nendobj\n3 0 obj\n<</Subtype/Image>>\nstream\npixels\nendstream\nendobj\n%%EOF\n");
    let (texts, troubles) = look(&file);
    assert_eq!(troubles, []);
    assert_eq!(texts[0], ("stream 1".to_owned(), "page text\n".to_owned()));
    assert!(texts.len() == 2 && texts[1].0.is_empty() && texts[1].1.contains("/Title (about)"), "{texts:?}");
}

/// Whatever is cut off or flipped: no panic, no endless loop, and never nothing at all.
#[test]
fn damaged_samples_are_survived() {
    for (name, bytes) in SAMPLES {
        let step = bytes.len() / 200 + 1;
        for at in (0..bytes.len()).step_by(step) {
            let (texts, troubles) = look(&bytes[..at]);
            assert!(at == 0 || !texts.is_empty() || !troubles.is_empty(), "{name} cut at {at}");
            for flip in [1, 0x80, 0xff] {
                let mut damaged = bytes.to_vec();
                damaged[at] ^= flip;
                look(&damaged);
            }
        }
    }
}
