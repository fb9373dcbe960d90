//! HTML and XML entities: `&quot;`, `&#61;`, `&#x3d;`.

use super::escape::Unit;

/// The decoder's name.
pub(super) const NAME: &str = "html-entity";

/// Names of the characters that stand in or round credentials.
const NAMED: [(&str, char); 32] = [
    ("quot", '"'),
    ("apos", '\''),
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("nbsp", ' '),
    ("equals", '='),
    ("colon", ':'),
    ("semi", ';'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("bsol", '\\'),
    ("commat", '@'),
    ("plus", '+'),
    ("lowbar", '_'),
    ("hyphen", '-'),
    ("dash", '-'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("ast", '*'),
    ("quest", '?'),
    ("lpar", '('),
    ("rpar", ')'),
    ("lbrace", '{'),
    ("rbrace", '}'),
    ("lsqb", '['),
    ("rsqb", ']'),
    ("NewLine", '\n'),
    ("Tab", '\t'),
];

/// The longest entity that is read, in bytes.
const LONGEST: usize = 12;

/// The escape at the start of `text`.
pub(super) fn unit(text: &[u8]) -> Option<Unit> {
    let body = text.strip_prefix(b"&")?;
    let end = body.iter().take(LONGEST).position(|&byte| byte == b';')?;
    let (body, consumed) = (&body[..end], end + 2);
    let name = std::str::from_utf8(body).ok()?;
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let (digits, radix) = match number.strip_prefix(['x', 'X']) {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
            char::from_u32(u32::from_str_radix(digits, radix).ok().filter(|_| plain)?)?
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some(Unit::character(character, consumed))
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn entities_are_read() {
        for (text, expected) in
            [("&quot;x", "\""), ("&#61;", "="), ("&#x3d;", "="), ("&#X1F511;", "\u{1F511}"), ("&nbsp;", " ")]
        {
            let unit = unit(text.as_bytes()).expect("an entity");
            assert_eq!(&unit.bytes[..usize::from(unit.len)], expected.as_bytes());
        }
        for text in ["&", "&;", "&#;", "&#x;", "&#+1;", "&#xD800;", "&#99999999999;", "&unknown;", "& amp;", "&amp"] {
            assert!(unit(text.as_bytes()).is_none(), "{text}");
        }
    }
}
