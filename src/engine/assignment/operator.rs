//! What binds a name to its value: the operator behind the name, and where the value may begin.

use std::ops::Range;

use super::fallback::{called, default, expansion};
use super::pair::{attributes, prefixed};
use super::{Operator, View, value};

/// The operator behind `name` and where the value may begin.
pub(super) fn read(view: &View<'_>, name: &Range<usize>) -> Option<(Operator, usize)> {
    let before = name.start.checked_sub(1).map(|at| view.text[at]);
    let (at, closed) = close(view, name, before)?;
    let spaced = view.skip_blanks(at);
    let byte = view.get(spaced)?;
    let next = view.get(spaced + 1);
    let opens_tag = before == Some(b'<') || before == Some(b':') && prefixed(view, name.start - 1);
    if opens_tag && spaced > at && byte.is_ascii_alphabetic() {
        return attributes(view, spaced).map(|end| (Operator::Assign, end));
    }
    let assign = |behind: usize| Some((Operator::Assign, spaced + behind));
    match byte {
        b'=' => match (next, view.get(spaced + 2)) {
            (Some(b'='), Some(b'=')) => Some((Operator::Compare, spaced + 3)),
            (Some(b'='), _) => Some((Operator::Compare, spaced + 2)),
            (Some(b'>'), _) => assign(2),
            (Some(b'~'), _) => None,
            _ => assign(1),
        },
        b'!' if next == Some(b'=') => {
            Some((Operator::Compare, spaced + 2 + usize::from(view.get(spaced + 2) == Some(b'='))))
        }
        b':' if before == Some(b'{') && at == spaced => Some((Operator::Default, spaced + expansion(next))),
        b':' => match next {
            Some(b'=') => assign(2),
            Some(b':') if view.get(spaced + 2) == Some(b'=') => assign(3),
            // POSIX make's immediate assignment with escapes.
            Some(b':') if view.starts(spaced + 2, b":=") => assign(4),
            Some(b':') => None,
            _ => Some((Operator::Assign, typed(view, spaced + 1).unwrap_or_else(|| bold(view, spaced + 1)))),
        },
        b'?' if next == Some(b'?') && view.get(spaced + 2) != Some(b'=') => default(view, spaced + 2),
        b'?' if next == Some(b'?') => assign(3),
        b'?' | b'+' if next == Some(b'=') => assign(2),
        b'?' if next == Some(b':') => Some((Operator::Assign, typed(view, spaced + 2)?)),
        b'|' if next == Some(b'=') => assign(2),
        // PHP appends to a string.
        b'.' if next == Some(b'=') => assign(2),
        b'.' if closed => called(view, spaced),
        b'-' if spaced > at && before != Some(b'-') && dashed(view, spaced).is_some() => dashed(view, spaced),
        b'|' if next == Some(b'|') && view.get(spaced + 2) == Some(b'=') => assign(3),
        b'|' if next == Some(b'|') => default(view, spaced + 2),
        // A cell of a table in Markdown.
        b'|' if spaced > at && view.before(name.start).trim_ascii_end().ends_with(b"|") => assign(1),
        // RSpec: `let(:name) { "value" }`.
        b')' if view.before(name.start).ends_with(b"let(:") || view.before(name.start).ends_with(b"let!(:") => {
            let open = view.skip_blanks(spaced + 1);
            (view.get(open) == Some(b'{')).then(|| braced(view, open + 1)).flatten().map(|at| (Operator::Assign, at))
        }
        // A pair of Kotlin's: `"name" to "value"`.
        b't' if closed && spaced > at && view.starts(spaced, b"to \"") => assign(3),
        b'i' if spaced > at && view.starts(spaced, b"is") => sentence(view, spaced + 2),
        b'w' if spaced > at && view.starts(spaced, b"was") => sentence(view, spaced + 3),
        b'P' | b'p' if spaced > at && view.starts_ignoring_case(spaced, b"pic ") => picture(view, spaced + 4),
        b'o' if spaced > at && view.starts(spaced, b"or ") => default(view, spaced + 3),
        b'<' if next == Some(b'-') => assign(2),
        // A here-string of a shell.
        b'<' if view.starts(spaced, b"<<< ") => assign(3),
        b'-' if closed && next == Some(b'>') => assign(2),
        b'>' if opens_tag => Some((Operator::Assign, spaced)),
        b'(' if !closed => argument(view, spaced + 1),
        // The name is all of its literal.
        b',' if closed && (matches!(before, Some(b'"' | b'\'')) || ends_path(view, name)) || copies(view, name) => {
            argument(view, spaced + 1)
        }
        // A tuple of Erlang; a setting of curl's library.
        b',' if before == Some(b'{') || view.text[name.clone()].starts_with(b"CURLOPT_") => argument(view, spaced + 1),
        b',' if before == Some(b',') => Some((Operator::Space, spaced + 1)),
        b'[' => assign_behind(view, array(view, spaced + 1)?),
        // C++ initializes with braces.
        b'{' if !closed && braced(view, spaced + 1).is_some() => Some((Operator::Assign, braced(view, spaced + 1)?)),
        // `ENV.fetch("NAME") { "value" }`
        b'{' if closed && spaced > at && view.get(at - 1) == Some(b')') => {
            Some((Operator::Default, braced(view, spaced + 1)?))
        }
        b'{' if spaced > at => assign_behind(view, accessors(view, spaced + 1)?),
        b'\n' | b'\r' if !closed => below(view, spaced),
        b'A' | b'a' if spaced > at && view.starts_ignoring_case(spaced, b"as ") => {
            let word =
                (0..24).take_while(|&offset| view.get(spaced + 3 + offset).is_some_and(|b| b.is_ascii_alphanumeric()));
            assign_behind(view, spaced + 3 + word.count())
        }
        b'b' if spaced > at && view.starts(spaced, b"by lazy {") => assign(9),
        // Bold, and the value as code: `**password** `VALUE``.
        b'`' if !closed && spaced > at => sentence(view, spaced - 1),
        _ if !closed && spaced > at && before != Some(b'<') => space(view, name, at, spaced),
        b'"' | b'\'' if spaced > at && view.before(name.start).windows(12).any(|words| words == b"secrets set ") => {
            Some((Operator::Space, spaced))
        }
        _ => None,
    }
}

/// `the password is VALUE`: a word that no sentence has, of at least eight characters, mixed from letters, digits and a
/// sign or capitals.
fn sentence(view: &View<'_>, at: usize) -> Option<(Operator, usize)> {
    if !matches!(view.get(at), Some(b' ' | b':')) {
        return None;
    }
    let mut start = view.skip_blanks(at + 1);
    for phrase in [&b"now "[..], b"changed to ", b"set to ", b"reset to "] {
        if view.starts(start, phrase) {
            start = view.skip_blanks(start + phrase.len());
        }
    }
    let quote = view.get(start).filter(|byte| matches!(byte, b'`' | b'"' | b'\''));
    let from = start + usize::from(quote.is_some());
    let word = (0..64).map_while(|offset| view.get(from + offset).filter(|byte| *byte > b' ' && Some(*byte) != quote));
    let (mut length, mut lower, mut upper, mut digits, mut signs) = (0, 0, 0, 0, 0);
    for byte in word {
        length += 1;
        match byte {
            b'a'..=b'z' => lower += 1,
            b'A'..=b'Z' => upper += 1,
            b'0'..=b'9' => digits += 1,
            b'!' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'@' | b'~' | b'+' => signs += 1,
            _ => {}
        }
    }
    let mixed = digits > 0 && lower > 0 && (upper > usize::from(quote.is_none()) || signs > 0);
    ((8..64).contains(&length) && mixed).then_some((Operator::Space, start))
}

/// Behind the word `VALUE` of COBOL's `PIC X(12) VALUE "..."`, given what is behind `PIC`.
fn picture(view: &View<'_>, at: usize) -> Option<(Operator, usize)> {
    let value = (at..at + 32).find(|&at| view.starts_ignoring_case(at, b" value "))? + 7;
    let literal = view.skip_blanks(value);
    matches!(view.get(literal), Some(b'"' | b'\'')).then_some((Operator::Assign, literal))
}

/// Behind what closes the name: quotes, brackets, a star of bold text; and whether anything did.
fn close(view: &View<'_>, name: &Range<usize>, before: Option<u8>) -> Option<(usize, bool)> {
    let mut at = name.end;
    let mut closed = false;
    while let Some(byte) = view.get(at) {
        match byte {
            b'"' | b'\'' | b'`' => closed = true,
            b'\\' if matches!(view.get(at + 1), Some(b'"' | b'\'')) => {}
            b']' => closed = true,
            b'*' if before == Some(b'*') => {}
            b'}' if before == Some(b'{') => {}
            // `get("name") or "value"`
            b')' if closed => {}
            _ => break,
        }
        at += 1;
        if at > name.end + 4 {
            return None;
        }
    }
    Some((at, closed))
}

/// Behind the dash of `the token - 'value'`, as notes and lists have it.
fn dashed(view: &View<'_>, at: usize) -> Option<(Operator, usize)> {
    let literal = view.skip_blanks(at + 1);
    let quoted = literal > at + 1 && matches!(view.get(literal), Some(b'"' | b'\'' | b'`'));
    quoted.then_some((Operator::Space, literal))
}

/// Behind the stars of `**name:** value`.
fn bold(view: &View<'_>, at: usize) -> usize {
    if view.starts(at, b"**") { at + 2 } else { at }
}

/// The literal that is all there is in the braces that open in front of `at`.
fn braced(view: &View<'_>, at: usize) -> Option<usize> {
    let literal = view.skip_space(at);
    let quote = view.get(literal).filter(|byte| matches!(byte, b'"' | b'\''))?;
    let inside = |&offset: &usize| view.get(literal + offset).is_some_and(|byte| byte > b' ' && byte != quote);
    let end = literal + 1 + (1..256).take_while(inside).count();
    (view.get(end) == Some(quote) && view.get(view.skip_space(end + 1)) == Some(b'}')).then_some(literal)
}

/// A literal behind an equals sign that begins the next line, as formatters break long ones.
fn below(view: &View<'_>, at: usize) -> Option<(Operator, usize)> {
    let line = view.line_end(at)?;
    let sign = view.skip_blanks(line);
    if sign == line || view.get(sign) != Some(b'=') || view.get(sign + 1) != Some(b' ') {
        return None;
    }
    let literal = view.skip_blanks(sign + 1);
    matches!(view.get(literal), Some(b'"' | b'\'' | b'`')).then_some((Operator::Assign, literal))
}

/// Whether the name ends the path of a setting, the first argument of a call: `("db/password", "value")`.
fn ends_path(view: &View<'_>, name: &Range<usize>) -> bool {
    let before = view.before(name.start);
    let path = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'/' | b'_' | b'-');
    let lead = &before[..before.len() - before.iter().rev().take_while(path).count()];
    before.ends_with(b"/") && matches!(lead, [.., b'(', b'"' | b'\''])
}

/// Whether the name is the first argument of `strcpy(`, `put(` and the like.
fn copies(view: &View<'_>, name: &Range<usize>) -> bool {
    const SETTERS: [&[u8]; 8] = [b"set :", b"cpy(", b"put(", b"set(", b"setenv(", b"define(", b"assign(", b"strcmp("];
    let before = view.before(name.start);
    SETTERS.iter().any(|setter| before.ends_with(setter))
}

/// A literal as an argument, on this line or the next; `default="value"` too.
fn argument(view: &View<'_>, at: usize) -> Option<(Operator, usize)> {
    let mut at = view.skip_space(at);
    let mut operator = Operator::Call;
    for word in [&b"default"[..], b"fallback", b"defaultValue"] {
        if view.starts(at, word) && matches!(view.get(at + word.len()), Some(b'=' | b':' | b' ')) {
            at = view.skip_blanks(at + word.len());
            at = view.skip_blanks(at + 1);
            operator = Operator::Default;
            break;
        }
    }
    // `&String::from("value")`
    let inner = value::wrapper(view, at + usize::from(view.get(at) == Some(b'&')));
    if operator == Operator::Call && inner > at + 1 && view.get(inner - 1) == Some(b'(') {
        return Some((operator, inner));
    }
    let prefix = usize::from(matches!(view.get(at), Some(b'@' | b'b' | b'r' | b'u' | b'f')));
    matches!(view.get(at + prefix), Some(b'"' | b'\'')).then_some((operator, at + prefix))
}

/// Behind the brackets of `name[64]`.
fn array(view: &View<'_>, at: usize) -> Option<usize> {
    let digits = (0..8).take_while(|&offset| view.get(at + offset).is_some_and(|byte| byte.is_ascii_digit())).count();
    (view.get(at + digits) == Some(b']')).then_some(at + digits + 1)
}

/// Behind `{ get; set; }`.
fn accessors(view: &View<'_>, at: usize) -> Option<usize> {
    let inside = (0..40).take_while(|&offset| {
        view.get(at + offset).is_some_and(|b| b.is_ascii_lowercase() || matches!(b, b' ' | b';'))
    });
    let end = at + inside.count();
    (view.get(end) == Some(b'}')).then_some(end + 1)
}

/// An equals sign behind blanks.
fn assign_behind(view: &View<'_>, at: usize) -> Option<(Operator, usize)> {
    let at = view.skip_blanks(at);
    (view.get(at) == Some(b'=') && view.get(at + 1) != Some(b'=')).then_some((Operator::Assign, at + 1))
}

/// `--name value`, `name "value"`, `ENV NAME value`, a type between name and equals sign, a line of name and value alone.
fn space(view: &View<'_>, name: &Range<usize>, at: usize, spaced: usize) -> Option<(Operator, usize)> {
    let flag = name.len() > 2 && view.text[name.start] == b'-';
    let lead = view.before(name.start).trim_ascii();
    if !flag && let Some(found) = option(view, lead, spaced) {
        return Some(found);
    }
    // Objective-C's literals begin with `@`.
    let literal = spaced + usize::from(view.get(spaced) == Some(b'@'));
    if flag || matches!(view.get(literal), Some(b'"' | b'\'')) {
        return Some((Operator::Space, literal));
    }
    // `password string = "..."`: Go, SQL; declarators of C are rarer.
    let word = (0..24).take_while(|&offset| view.get(spaced + offset).is_some_and(|byte| byte.is_ascii_alphanumeric()));
    let word = word.count();
    if word > 0
        && let Some(found) = assign_behind(view, spaced + word)
    {
        return Some(found);
    }
    // A field of Go with what it is when nothing else is said: `Name string `default:"value"``.
    if word > 0
        && let Some(found) = tagged(view, spaced + word)
    {
        return Some(found);
    }
    #[rustfmt::skip]
    let leads: [&[u8]; 17] = [
        b"", b"set", b"set $", b"ENV", b"ARG", b"env", b"set -gx", b"set -x", b"set -Ux", b"set -lx", b"set -g",
        // Macros of RPM.
        b"%define", b"%global",
        // Apache, csh, FastCGI's parameters of nginx, a variable of Robot Framework.
        b"SetEnv", b"setenv", b"fastcgi_param", b"${",
    ];
    let short = spaced - at <= 24;
    // `npm config set //host/:_authToken value`
    let command = lead.strip_suffix(b":").unwrap_or(lead);
    let word = command.iter().rev().take_while(|byte| **byte > b' ').count();
    let configured = command[..command.len() - word].trim_ascii_end().ends_with(b"config set")
        || command.ends_with(b"configure set");
    (short && (leads.contains(&lead) || configured) && alone(view, spaced)).then_some((Operator::Space, spaced))
}

/// The literal behind `default:` or `envDefault:` in the tag of a field.
fn tagged(view: &View<'_>, at: usize) -> Option<(Operator, usize)> {
    const FAR: usize = 64;
    let open = view.skip_blanks(at);
    if view.get(open) != Some(b'`') {
        return None;
    }
    let inside = |&at: &usize| view.get(at).is_some_and(|byte| !matches!(byte, b'`' | b'\n'));
    let at = (open + 1..open + FAR).take_while(inside).find(|&at| {
        view.starts_ignoring_case(at, b"default:\"") || view.starts_ignoring_case(at, b"default_value:\"")
    })?;
    let quote = (at..at + 16).find(|&at| view.get(at) == Some(b'"'))?;
    Some((Operator::Default, quote))
}

/// `secret set NAME --body value`, `put-parameter --name NAME --value value`: the option that holds the value.
fn option(view: &View<'_>, lead: &[u8], spaced: usize) -> Option<(Operator, usize)> {
    const OPTIONS: [&[u8]; 5] = [b"--body", b"--value", b"--secret-string", b"--text", b"-b"];
    if view.get(spaced) != Some(b'-') {
        return None;
    }
    // The path of a parameter stands in front of its last word.
    let path = lead.iter().rev().take_while(|byte| **byte > b' ').count();
    let path = if lead.last() == Some(&b'/') { path } else { 0 };
    let lead = lead[..lead.len() - path].trim_ascii_end();
    if ![&b"secret set"[..], b"variable set", b"--name", b"-n", b"--name="].iter().any(|words| lead.ends_with(words)) {
        return None;
    }
    let mut at = spaced;
    for _ in 0..160 {
        match view.get(at)? {
            b'-' => {
                if let Some(option) = OPTIONS.iter().find(|option| view.starts(at, option)) {
                    let behind = at + option.len();
                    match view.get(behind)? {
                        b' ' | b'=' => return Some((Operator::Space, view.skip_blanks(behind + 1))),
                        b'"' | b'\'' if option.len() == 2 => return Some((Operator::Space, behind)),
                        _ => {}
                    }
                }
                while view.get(at).is_some_and(|byte| byte == b'-' || byte.is_ascii_alphanumeric()) {
                    at += 1;
                }
            }
            b'\n' => return None,
            b'\\' if view.line_end(at + 1).is_some() => at = view.line_end(at + 1)?,
            _ => at += 1,
        }
    }
    None
}

/// Whether one word (and a semicolon, at most) stands from `at` to the line's end.
fn alone(view: &View<'_>, at: usize) -> bool {
    let word = (0..128).take_while(|&offset| view.get(at + offset).is_some_and(|byte| byte > b' ')).count();
    let rest = view.skip_blanks(at + word);
    word > 4 && (view.get(rest).is_none() || view.line_end(rest).is_some())
}

/// `: Type = ` behind a name: where the value begins.
fn typed(view: &View<'_>, at: usize) -> Option<usize> {
    let mut start = view.skip_blanks(at);
    if view.starts(start, b"&'") {
        // a reference with its lifetime
        start = (start..start + 24).find(|&at| view.get(at) == Some(b' '))? + 1;
    }
    let of_type = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'<' | b'>' | b'[' | b']' | b'&' | b'?' | b'\'' | b'.' | b':')
    };
    let first = view.get(start)?;
    if !first.is_ascii_alphabetic() && first != b'&' {
        return None;
    }
    let length = (0..48).take_while(|&offset| view.get(start + offset).is_some_and(of_type)).count();
    // `name: QUJD=` at a line's end is padded base64, no type without a value.
    let has_value = |at: &usize| {
        let at = view.skip_blanks(*at);
        let escaped_end = view.get(at) == Some(b'\\') && matches!(view.get(at + 1), Some(b'n' | b'r'));
        !escaped_end && !matches!(view.get(at), None | Some(b'\n' | b'\r' | b'='))
    };
    assign_behind(view, start + length).map(|(_, at)| at).filter(has_value)
}
