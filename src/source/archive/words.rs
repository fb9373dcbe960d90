//! Office documents: a paragraph's text is cut into runs wherever its look or its editing changed, so a password may
//! stand in two of them. What stands between the runs of one paragraph is taken out, and each paragraph gets a line.

/// Whether a member of a zip archive holds paragraphs of a document, a presentation or a spreadsheet.
pub(super) fn is_document(name: &str) -> bool {
    name.ends_with(".xml")
        && (["word/", "ppt/slides/", "ppt/notesSlides/"].iter().any(|folder| name.starts_with(folder))
            || name == "xl/sharedStrings.xml")
}

/// The document with the runs of each paragraph joined; `None` when it is no such document.
pub(super) fn joined(text: &[u8]) -> Option<Vec<u8>> {
    // Word's, PowerPoint's and Excel's elements for a run's text.
    ["w:t", "a:t", "t"].into_iter().find_map(|name| joined_by(text, name))
}

fn joined_by(text: &[u8], name: &str) -> Option<Vec<u8>> {
    let close = format!("</{name}>").into_bytes();
    let open = format!("<{name}").into_bytes();
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut any = false;
    for end in memchr::memmem::find_iter(text, &close) {
        if end < at {
            continue;
        }
        any = true;
        let behind = end + close.len();
        let between = &text[behind..];
        // The next run of the same paragraph, with nothing that parts words between them.
        let next = memchr::memmem::find(between, &open).filter(|&next| !parts(&between[..next]));
        let begin = next.and_then(|next| {
            let tag = &between[next + open.len()..];
            let ends = memchr::memchr(b'>', tag)?;
            (matches!(tag[0], b'>' | b' ') && !tag[..ends].ends_with(b"/"))
                .then_some(behind + next + open.len() + ends + 1)
        });
        match begin {
            Some(begin) => {
                out.extend_from_slice(&text[at..end]);
                at = begin;
            }
            None => {
                out.extend_from_slice(&text[at..behind]);
                out.push(b'\n');
                at = behind;
            }
        }
    }
    out.extend_from_slice(&text[at..]);
    any.then_some(out)
}

/// Whether the markup between two runs parts them for who reads them: another paragraph, cell or line, a tab.
fn parts(between: &[u8]) -> bool {
    const PARTING: [&str; 10] =
        ["</w:p>", "</a:p>", "</si>", "<w:br", "<w:tab/>", "<w:cr", "<a:br", "<w:instrText", "<w:del ", "<rPh"];
    PARTING.iter().any(|tag| memchr::memmem::find(between, tag.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn runs_of_a_paragraph_are_one_text() {
        let join = |text: &str| joined(text.as_bytes()).map(|text| String::from_utf8_lossy(&text).into_owned());
        let run = |text: &str| format!("<w:r><w:rPr><w:b/></w:rPr><w:t xml:space=\"preserve\">{text}</w:t></w:r>");
        let paragraphs = format!("<w:p>{}{}</w:p><w:p>{}</w:p>", run("pass"), run("word"), run("next"));
        let joined = join(&paragraphs).expect("a document");
        assert!(joined.contains(">password</w:t>\n") && joined.contains(">next</w:t>\n"), "{joined}");
        let parted =
            join(&format!("<w:p>{}<w:r><w:tab/></w:r>{}</w:p>", run("name"), run("value"))).expect("a document");
        assert!(parted.contains(">name</w:t>\n") && parted.contains(">value</w:t>\n"), "{parted}");
        assert_eq!(join("<si><r><t>a</t></r><r><t>b</t></r></si>").as_deref(), Some("<si><r><t>ab</t>\n</r></si>"));
        assert_eq!(join("<si><t>a</t><t/></si>").as_deref(), Some("<si><t>a</t>\n<t/></si>"));
        assert_eq!(join("<html>"), None);
    }
}
