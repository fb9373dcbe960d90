//! The text between `-----BEGIN ...-----` and `-----END ...-----`, however it was written down: with `\n` escapes,
//! in one line, indented, quoted line by line, commented out, as a patch, in a log.

/// A block's content, cleaned.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Armor {
    /// The base64 characters of the body.
    pub(super) body: Vec<u8>,
    /// What stands after a lone `=` at the end (OpenPGP's check).
    pub(super) check: Option<Vec<u8>>,
    /// A header says that it is encrypted (`Proc-Type: 4,ENCRYPTED`).
    pub(super) encrypted: bool,
    /// Dots or the like stand for a part that was left out.
    pub(super) elided: bool,
    /// Something else than base64 stands in it.
    pub(super) junk: bool,
}

/// Cleans `text`, what stands between the two marks.
pub(super) fn clean(text: &[u8]) -> Armor {
    let text = unescaped(text);
    let mut armor = Armor::default();
    let lines: Vec<&[u8]> =
        text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect();
    // In a patch each line begins with the same sign, which is also a digit of base64.
    let patch = lines.len() > 1 && [b'+', b'-', b'>'].iter().any(|sign| lines.iter().all(|line| line[0] == *sign));
    let columns = log_columns(&lines);
    for line in lines {
        let line = match columns {
            // The line of the end mark has nothing but what stands in front of each line.
            Some(count) => match words(line).nth(count) {
                Some(last) => last,
                None => continue,
            },
            None => line,
        };
        let line = trimmed(if patch { &line[1..] } else { line });
        let long = line.split(u8::is_ascii_whitespace).any(|word| word.len() > 48);
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
        let mut first = true;
        while let Some(word) = words.next() {
            if word.ends_with(b":") && word.len() > 1 {
                let value = words.next().unwrap_or_default();
                armor.encrypted |= word == b"DEK-Info:" || value.ends_with(b"ENCRYPTED");
                if first && !long {
                    // A header of its own line: its value may be several words.
                    break;
                }
                continue;
            }
            first = false;
            armor.word(trimmed(word));
        }
    }
    armor
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// How many words stand in front of the base64 of each line, when it was written to a log (a time, a stream, a step).
fn log_columns(lines: &[&[u8]]) -> Option<usize> {
    const LINE: usize = 48;
    let (last, body) = lines.split_last()?;
    let digits = |line: &[u8], count: usize| {
        let mut rest = words(line).skip(count);
        let word = rest.next().filter(|word| word.iter().all(|byte| is_base64(*byte)));
        word.filter(|_| rest.next().is_none()).map(<[u8]>::len)
    };
    let count = words(body.first()?).count().checked_sub(1).filter(|count| (1..8).contains(count))?;
    let long = digits(body[0], count).filter(|length| *length >= LINE)?;
    let (closing, whole) = body[1..].split_last()?;
    let same = whole.iter().all(|line| digits(line, count) == Some(long));
    (same && digits(closing, count).is_some() && words(last).count() == count).then_some(count)
}

impl Armor {
    fn word(&mut self, word: &[u8]) {
        if word.is_empty() {
            return;
        }
        let dots = |text: &[u8]| text.windows(3).any(|three| three == b"..." || three == b"***" || three == b"xxx");
        if dots(word) && !word.iter().all(|byte| is_base64(*byte)) || word.contains(&0xe2) || word == b".." {
            self.elided = true;
        } else if word.len() == 5 && word[0] == b'=' && word[1..].iter().all(|byte| is_base64(*byte)) {
            self.check = Some(word[1..].to_vec());
        } else if word.iter().all(|byte| is_base64(*byte)) {
            self.body.extend_from_slice(word);
        } else {
            self.junk = true;
        }
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Without the quotes, commas, comment signs and joining operators round it.
fn trimmed(mut line: &[u8]) -> &[u8] {
    loop {
        let before = line.len();
        line = line.trim_ascii();
        match line {
            [
                b'"' | b'\'' | b'`' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'#' | b'*' | b'|' | b'>' | b'<' | b'&',
                rest @ ..,
            ] => {
                line = rest;
            }
            [
                rest @ ..,
                b'"' | b'\'' | b'`' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'*' | b'|' | b'<' | b'&' | b'_',
            ] => {
                line = rest;
            }
            [b'/', b'/', b' ', rest @ ..] => line = rest,
            // A joining operator stands apart from the base64, in which it would be a digit.
            [b'+' | b'.', b' ' | b'\t' | b'"' | b'\'', ..] => line = &line[1..],
            [.., b' ' | b'\t' | b'"' | b'\'', b'+' | b'.'] | [b'+'] => line = &line[..line.len() - 1],
            _ => {}
        }
        if line.len() == before {
            return line;
        }
    }
}

/// Undoes escapes of strings (`\n`, `\/`, `\u002b`, doubled ones too), of URLs (`%0A`) and of XML (`&#10;`).
pub(super) fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    let hex = |digits: Option<&[u8]>| {
        digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
    };
    while at < text.len() {
        match text[at] {
            b'\\' => {
                at += text[at..].iter().take_while(|byte| **byte == b'\\').count();
                match text.get(at) {
                    Some(b'n' | b'r' | b't') => plain.push(b'\n'),
                    Some(b'u') if hex(text.get(at + 3..at + 5)).is_some() => {
                        plain.extend(hex(text.get(at + 3..at + 5)));
                        at += 4;
                    }
                    Some(b'x') if hex(text.get(at + 1..at + 3)).is_some() => {
                        plain.extend(hex(text.get(at + 1..at + 3)));
                        at += 2;
                    }
                    Some(other) => plain.push(*other),
                    None => {}
                }
                at += 1;
            }
            b'%' if hex(text.get(at + 1..at + 3)).is_some() => {
                plain.extend(hex(text.get(at + 1..at + 3)));
                at += 3;
            }
            b'&' => {
                let end = text[at..].iter().take(8).position(|byte| *byte == b';');
                plain.push(b'\n');
                at += end.map_or(1, |end| end + 1);
            }
            b'\r' | b'\t' => {
                plain.push(if text[at] == b'\r' { b'\n' } else { b' ' });
                at += 1;
            }
            byte => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_block_down() {
        for text in [
            "\nAB+/cd==\nEFGH\n",
            "\\nAB+/cd==\\nEFGH\\n",
            "\\\\nAB+\\/cd==\\\\nEFGH",
            " AB+/cd== EFGH ",
            "\r\n  AB+/cd==\r\n\tEFGH",
            "\" +\n  \"AB+/cd==\\n\" +\n  \"EFGH\\n\" +\n \"",
            "\n# AB+/cd==\n# EFGH\n#",
            "\n+AB+/cd==\n+EFGH\n+",
            "\n// AB+/cd==\n// EFGH",
            "%0AAB%2B/cd==%0AEFGH",
            "&#xA;AB+/cd==&#10;EFGH",
            "\\u000aAB\\u002b/cd==\\u000aEFGH",
            "'AB+/cd==',\n'EFGH',",
            "\n * AB+/cd==\n * EFGH\n *",
            "\\\nAB+/cd==\\\nEFGH\\\n",
            "\n\"AB+/cd==\" .\n\"EFGH\" .\n",
        ] {
            let armor = clean(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&armor.body), "AB+/cd==EFGH", "{text:?}");
            assert!(!armor.junk && !armor.elided && !armor.encrypted, "{text:?}");
        }
    }

    #[test]
    fn what_a_log_puts_in_front_of_each_line_is_no_body() {
        let (long, short) = ("QUJD".repeat(16), "QUJDREVG");
        for before in ["#6 0.245", "2031-05-02 10:11:12", "Jan  2 03:04:05 host app[7]:", "app-1 |"] {
            let text = format!("\n{before} {long}\n{before} {long}\n{before} {short}\n{before} ");
            let armor = clean(text.as_bytes());
            assert_eq!(armor.body, format!("{long}{long}{short}").as_bytes(), "{before}");
            assert!(!armor.junk && !armor.elided, "{before}");
        }
        // Words that are no column of a log stay what they are.
        let text = format!("\nkey here {long}\nkey {long}\n");
        assert!(clean(text.as_bytes()).body.starts_with(b"keyhere"));
    }

    #[test]
    fn headers_are_no_body() {
        let long = "QUJD".repeat(16);
        for text in [
            format!("\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00AA\n\n{long}\n"),
            format!(" Proc-Type: 4,ENCRYPTED DEK-Info: AES-128-CBC,00AA {long}"),
            format!("\nProc-Type: 4,ENCRYPTED\nComment: \"several words here\"\n{long}"),
        ] {
            let armor = clean(text.as_bytes());
            assert!(armor.encrypted && !armor.junk && armor.body == long.as_bytes(), "{text:?} {armor:?}");
        }
    }

    #[test]
    fn left_out_parts_and_junk_are_seen() {
        assert!(clean(b"\nMIIE...\n").elided && clean("\nMIIE\u{2026}\n".as_bytes()).elided && clean(b"...").elided);
        assert!(clean(b"\n${KEY}\n").junk && clean(b"\n<key here>\n").junk);
        assert_eq!(clean(b"\nQUJD\n=a+b/\n").check.as_deref(), Some(&b"a+b/"[..]));
        for text in ["\\", "%", "%4", "&", "\\u00", "\\x", "+", "\"", "=", ":", "-"] {
            let _ = clean(text.as_bytes());
        }
    }
}
