//! Addresses that hold a password: `scheme://user:password@host`, JDBC's parameters, Azure's signed queries.

use super::codec::{base64, contains};
use super::placeholder::{self, Host};
use super::{Checked, HOLDS, Weighed, date, hint, rejected, silent};

/// Longest address that is looked at.
const LONGEST: usize = 4096;

/// What an address says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Address {
    scheme: String,
    user: String,
    password: String,
    /// Without ports; MongoDB and others list several.
    hosts: Vec<String>,
}

/// URIs with user information (RFC 3986 section 3.2) and JDBC addresses with a password among their parameters.
/// Facts: scheme, host and user.
pub(super) fn check(secret: &[u8], whole: &[u8]) -> Checked {
    let source = if contains(secret, b"://") { secret } else { whole };
    if source.len() > LONGEST {
        return rejected("longer than an address");
    }
    let text = String::from_utf8_lossy(source);
    let Some(mut address) = oracle(&text).or_else(|| parse(&text)) else { return rejected("no address in it") };
    if !contains(secret, b"://") {
        // The rule already knows which part is the password.
        address.password = percent_decoded(&String::from_utf8_lossy(secret));
    }
    judge(&address)
}

fn judge(address: &Address) -> Checked {
    if address.password.is_empty() {
        return rejected("no password in it");
    }
    if placeholder::is_placeholder(&address.password) {
        return rejected("its password is a placeholder");
    }
    let port = address.password.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=5).contains(&port) && matches!(address.password.as_bytes().get(port), Some(b'/' | b',')) {
        return rejected("what looks like its password is a port and more");
    }
    let kinds: Vec<Host> = address.hosts.iter().map(|name| placeholder::host(name)).collect();
    let chosen = || placeholder::chosen(&address.user, &address.password);
    let filled_in = address.hosts.iter().any(|host| placeholder::is_filled_in(host));
    if !kinds.is_empty() && kinds.iter().all(|kind| *kind == Host::Example) && !(filled_in && chosen()) {
        return rejected("its host is an example or a template");
    }
    let mut weighed = Weighed::default();
    if filled_in {
        weighed.add(-10, "its host is filled in elsewhere");
    } else if kinds.contains(&Host::Real) {
        weighed.add(HOLDS / 2, "a complete address of another machine");
    } else {
        let kind = if kinds.contains(&Host::Bare) { Host::Bare } else { Host::Local };
        let doubt = placeholder::doubt(kind, &address.user, &address.password);
        doubt.into_iter().for_each(|(points, why)| weighed.add(points, why));
    }
    if address.password.eq_ignore_ascii_case(&address.user) {
        weighed.add(-30, "user and password are the same");
    } else if placeholder::is_template(&address.user) {
        weighed.add(-30, "its user is a template");
    }
    if !address.password.is_ascii() {
        weighed.add(-20, "a password of letters beyond ASCII");
    }
    if address.password.len() < 4 {
        weighed.add(-20, "a password of under four characters");
    }
    let hosts = address.hosts.join(", ");
    weighed.verdict().with("scheme", &address.scheme).with("host", hosts).with("user", &address.user)
}

/// Takes an address apart. Passwords with a raw `/`, `#` or `?` (not allowed, but common) are understood.
fn parse(text: &str) -> Option<Address> {
    let at = text.find("://")?;
    let named = |letter: char| letter.is_ascii_alphanumeric() || "+.-:".contains(letter);
    let start = text[..at]
        .rfind(|letter| !named(letter))
        .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
    let scheme = text[start..at].trim_matches(':').to_ascii_lowercase();
    let rest = &text[at + 3..];
    let rest =
        &rest[..rest.find(|letter: char| letter.is_whitespace() || "\"'`\\".contains(letter)).unwrap_or(rest.len())];
    let mut authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let raw = |sign: &usize| rest[..*sign].contains(':') && !rest[..*sign].contains('=');
    if !authority.contains('@')
        && let Some(sign) = rest.find('@').filter(raw)
    {
        let end = rest[sign..].find(['/', '?', '#']).map_or(rest.len(), |end| sign + end);
        authority = &rest[..end];
    }
    let (information, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = information.split_once(':').unwrap_or((information, ""));
    let mut address = Address {
        scheme,
        user: percent_decoded(user),
        password: percent_decoded(password),
        hosts: hosts.split([',', ';']).filter(|host| !host.contains('=')).map(without_port).collect(),
    };
    if address.password.is_empty() {
        // jdbc:postgresql://host/db?user=u&password=p, jdbc:sqlserver://host;user=u;password=p
        for parameter in rest.split(['?', '&', ';']) {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            match name.to_ascii_lowercase().as_str() {
                "password" | "pwd" | "pass" => address.password = percent_decoded(value),
                "user" | "username" | "uid" => address.user = percent_decoded(value),
                _ => {}
            }
        }
    }
    Some(address)
}

/// Oracle's own form: `jdbc:oracle:thin:user/password@//host:1521/service`, with or without the slashes.
fn oracle(text: &str) -> Option<Address> {
    let (_, rest) = text.split_once("jdbc:oracle:")?.1.split_once(':')?;
    let (information, place) = rest.split_once('@')?;
    let (user, password) = information.split_once('/')?;
    let host = place.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    let address = Address {
        scheme: "jdbc:oracle".into(),
        user: user.into(),
        password: password.into(),
        hosts: vec![without_port(host)],
    };
    Some(address)
}

fn without_port(host: &str) -> String {
    match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, _)) => address.to_owned(),
        None => host.split(':').next().unwrap_or_default().to_owned(),
    }
}

/// Percent-decodes (RFC 3986 section 2.1); a percent sign without two digits stays.
pub(super) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Azure's shared access signatures: `sig` is base64 of 32 bytes, `se` says when it expires.
pub(super) fn azure_sas(secret: &[u8], whole: &[u8]) -> Checked {
    azure_sas_at(if whole.len() >= secret.len() { whole } else { secret }, date::now())
}

fn azure_sas_at(query: &[u8], now: i64) -> Checked {
    if query.len() > LONGEST {
        return rejected("longer than a signature's query");
    }
    let query = String::from_utf8_lossy(query);
    let field = |name: &str| {
        let pairs = query.split(['?', '&', ';', '"', '\'', ' ']);
        pairs
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| percent_decoded(value))
    };
    let Some(signature) = field("sig") else { return silent() };
    if base64(signature.as_bytes()).is_none_or(|bytes| bytes.len() != 32) {
        return rejected("its signature is not the base64 of 32 bytes");
    }
    let expiry = field("se");
    // Service Bus counts seconds, storage writes a date.
    let end = expiry.as_deref().and_then(|text| date::end_of_day(text).or_else(|| text.parse().ok()));
    match end {
        Some(end) if end < now => {
            let mut weighed = Weighed::default();
            weighed.add(-30, "it has expired");
            weighed.verdict().with_some("expired", date::day(end - 1))
        }
        Some(end) => hint(HOLDS, "its signature is complete").with_some("expires", date::day(end - 1)),
        None => hint(HOLDS, "its signature is complete"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::codec::to_base64;
    use super::*;

    fn points(text: &str) -> i16 {
        match check(text.as_bytes(), text.as_bytes()).verdict {
            Verdict::Confirmed(reason) | Verdict::Hint(reason) => reason.points,
            Verdict::Rejected(_) => -100,
            Verdict::Silent => 0,
        }
    }

    #[test]
    fn addresses_come_apart() {
        let address =
            parse("see jdbc:mongodb+srv://us%65r:p%40s/s#1@a.company.com:27017,b.company.com/db?x=y rest").unwrap(); // keysweep:allow made up
        assert_eq!((address.scheme.as_str(), address.user.as_str()), ("jdbc:mongodb+srv", "user"));
        assert_eq!(address.password, "p@s/s#1");
        assert_eq!(address.hosts, ["a.company.com", "b.company.com"]);
        let address = parse("redis://:k9Xv2w@[2001:4860::1]:6379/0").unwrap(); // keysweep:allow made up
        assert_eq!((address.user.as_str(), address.password.as_str()), ("", "k9Xv2w"));
        assert_eq!(address.hosts, ["2001:4860::1"]);
        let address = parse("jdbc:sqlserver://db.company.com:1433;user=sa;password=k9Xv2w").unwrap(); // keysweep:allow made up
        assert_eq!((address.password.as_str(), address.hosts), ("k9Xv2w", vec!["db.company.com".to_owned()]));
        assert_eq!(parse("no address"), None);
    }

    #[test]
    fn real_ones_rise_and_others_fall() {
        let real = "postgres://app:kV9xw2Lq@db.company.com:5432/main"; // keysweep:allow made up
        assert!(points(real) > 0);
        assert!(check(b"kV9xw2Lq", real.as_bytes()).facts.contains(&("host", "db.company.com".to_owned())));
        for local in
            ["postgres://app:kV9xw2Lq@localhost/main", "amqp://a:kV9xw2Lq@127.0.0.1", "redis://:kestrel@redis:6379"]
        {
            assert!((-60..=-30).contains(&points(local)), "{local}");
        }
        assert_eq!(points("redis://:kV9xw2Lq@redis:6379"), -15); // keysweep:allow made up
        for sample in [
            "https://user:pass@host.company.com",
            "postgres://u:${PW}@db.company.com/x",
            "amqp://guest:guest@mq.company.com",
            "https://u:kV9xw2Lq@example.com/",
            "mysql://u:<password>@db.company.com",
            "postgres://u:%s@db.company.com",
            "https://company.com/path",
            "https://token@company.com",
            "redis://:@db.company.com",
            "",
        ] {
            assert_eq!(points(sample), -100, "{sample}");
        }
    }

    #[test]
    fn signatures_expire() {
        let query = format!(
            "https://x.blob.core.windows.net/c?sv=2022-11-02&se=2023-11-30T00%3A00Z&sr=c&sig={}",
            to_base64(&[0xfb; 32]).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
        );
        let live = azure_sas_at(query.as_bytes(), 1_700_000_000);
        assert_eq!(live.facts, [("expires", "2023-11-30".to_owned())]);
        assert!(matches!(live.verdict, Verdict::Hint(why) if why.points > 0));
        assert!(matches!(azure_sas_at(query.as_bytes(), 1_800_000_000).verdict, Verdict::Hint(why) if why.points < 0));
        assert!(matches!(azure_sas_at(b"?sig=abc", 0).verdict, Verdict::Rejected(_)));
    }
}
