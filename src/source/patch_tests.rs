//! Tests of the patch parser: what git and diff write, and what breaks on the way.

use super::{Piece, parse, unquote};

/// Hunks as `path:line text added-texts`, and other pieces by name.
fn pieces(patch: &[u8]) -> Vec<String> {
    let mut list = Vec::new();
    parse(patch, &mut |piece| {
        list.push(match piece {
            Piece::Hunk { path, text, added, line, .. } => {
                let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\n', "|").replace('\r', "~");
                let added: Vec<String> = added.into_iter().map(|range| shown(&text[range])).collect();
                format!("{path}:{line} {} +{}", shown(&text), added.join(","))
            }
            Piece::Text { text, line, .. } => format!("text {line}: {}", String::from_utf8_lossy(text).trim()),
            Piece::Binary => "binary".to_owned(),
            Piece::Other => return,
            Piece::Broken { line, what } => format!("broken {line}: {what}"),
        });
    });
    list
}

#[test]
fn git_diffs() {
    let patch =
        b"diff --git a/x.env b/x.env\nindex 1..2 100644\n--- a/x.env\n+++ b/x.env\n@@ -1,2 +1,3 @@ fn x\n one\n-two\n\
                  +TWO\n+three\n@@ -9 +10,2 @@\n nine\n+ten\ndiff --git a/gone b/gone\ndeleted file mode 100644\n\
                  --- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-was\n";
    let list = pieces(patch);
    assert_eq!(list[1], "x.env:1 one|TWO|three| +TWO|three|");
    assert_eq!(list[2], "x.env:10 nine|ten| +ten|");
    assert_eq!(list[4], "/dev/null:0  +");
}

#[test]
fn plain_diffs_with_dates_and_odd_ends() {
    let patch = b"--- old/a b.txt\t2024-01-01 00:00:00\n+++ new/a b.txt\t2024-01-02 00:00:00\n@@ -1 +1,2 @@\n-x\n\
                  \\ No newline at end of file\n+x\n+y\r\n\\ No newline at end of file\n";
    assert_eq!(pieces(patch), ["new/a b.txt:1 x|y~| +x|y~|"]);
}

#[test]
fn combined_diffs_count_what_no_parent_has() {
    let patch = b"diff --cc a.txt\nindex 1,2..3\n--- a/a.txt\n+++ b/a.txt\n@@@ -1,2 -1,2 +1,3 @@@\n  same\n- theirs\n \
                  -ours\n++evil\n+ mine\n";
    assert_eq!(pieces(patch)[1], "a.txt:1 same|evil|mine| +evil|");
}

#[test]
fn text_round_diffs_is_text() {
    let patch =
        b"From: me\nSubject: x\n\nbody\n---\n a | 1 +\n\ndiff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -0,0 +1 @@\n+a\n\
                  -- \n2.47\n";
    let list = pieces(patch);
    assert!(list[0].starts_with("text 0: From: me"), "{list:?}");
    assert_eq!(list[1], "a:1 a| +a|");
    assert!(list[2].starts_with("text 12: --"), "{list:?}");
}

#[test]
fn quoted_names_binary_files_and_mnemonic_prefixes() {
    assert_eq!(unquote(b"\"caf\\303\\251 \\\"x\\\"\\t\""), "caf\u{e9} \"x\"\t".as_bytes());
    let patch =
        b"diff --git \"i/caf\\303\\251\" \"w/caf\\303\\251\"\n--- \"i/caf\\303\\251\"\n+++ \"w/caf\\303\\251\"\n\
                  @@ -0,0 +1 @@\n+a\ndiff --git a/x.png b/x.png\nBinary files a/x.png and b/x.png differ\n";
    let list = pieces(patch);
    assert_eq!(list[0], "caf\u{e9}:1 a| +a|");
    assert_eq!(list[1], "binary");
}

#[test]
fn crlf_patches_and_cut_blanks() {
    let patch = b"--- a/x\r\n+++ b/x\r\n@@ -1,3 +1,4 @@\r\n a\r\n\r\n+b\r\n c\r\n";
    assert_eq!(pieces(patch), ["b/x:1 a~|~|b~|c~| +b~|"]);
}

#[test]
fn broken_hunks_give_what_they_have() {
    let cut = pieces(b"--- x\n+++ x\n@@ -1,5 +1,6 @@\n a\n+b\n");
    assert_eq!(cut, ["x:1 a|b| +b|", "broken 3: the patch ends inside a hunk"]);
    let longer = pieces(b"--- x\n+++ x\n@@ -1 +1,2 @@\n a\n+b\n+c\n");
    assert_eq!(longer, ["x:1 a|b|c| +b|c|", "broken 3: the hunk goes on after its end"]);
    let other = pieces(b"--- x\n+++ x\n@@ -1,9 +1,9 @@\n+b\nhello\n");
    assert_eq!(other[..2], ["x:1 b| +b|".to_owned(), "broken 3: the hunk ends before it should".to_owned()]);
    assert!(other[2].ends_with("hello"));
}

#[test]
fn no_bytes_make_it_panic() {
    let seed = b"diff --git a/x b/x\n--- a/x\n+++ \"b/\\3\n@@@ -1 -1 +1 @@@\n++a\n@@ -1,2 +1,99999999999 @@\n@@ -1 +1 @@\n\\\n+";
    for start in 0..seed.len() {
        for end in start..seed.len() {
            parse(&seed[start..end], &mut |_| {});
        }
    }
}
