//! Passwords and hosts that stand for others: templates, samples, local machines.

use std::net::IpAddr;

use super::super::words::{self, has_field};

/// Whether a password is a template (`${X}`, `<password>`, `{{ x }}`, `%s`, `:param`) or a word that stands for one.
pub(super) fn is_placeholder(password: &str) -> bool {
    const WORDS: [&str; 40] = [
        "password",
        "passwd",
        "pass",
        "pwd",
        "pw",
        "secret",
        "token",
        "changeme",
        "change_me",
        "change-me",
        "changeit",
        "example",
        "test",
        "testing",
        "guest",
        "user",
        "username",
        "admin",
        "root",
        "postgres",
        "mysql",
        "redis",
        "mongo",
        "default",
        "foo",
        "bar",
        "baz",
        "foobar",
        "hunter2",
        "open sesame",
        "opensesame",
        "null",
        "none",
        "nil",
        "undefined",
        "empty",
        "string",
        "value",
        "dummy",
        "fake",
    ];
    const PHRASES: [&str; 17] = [
        "yourpassword",
        "yourstrong",
        "your_",
        "your-",
        "mypassword",
        "my_password",
        "my-password",
        "mysecret",
        "xxxx",
        "****",
        "....",
        "password123",
        "placeholder",
        "redacted",
        "enter_",
        "insert_",
        "replace",
    ];
    let lower = password.trim().to_ascii_lowercase();
    if lower.is_empty() || is_template(&lower) || WORDS.contains(&lower.as_str()) {
        return true;
    }
    // `alicespassword`, `passwd-on-proxy`
    if lower.contains("passw") && lower.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_')) {
        return true;
    }
    let first = lower.as_bytes()[0];
    lower.bytes().all(|byte| byte == first) || PHRASES.iter().any(|phrase| lower.contains(phrase))
}

/// Whether the value is filled in elsewhere: an expansion, an interpolation, a format's directive, a look-up.
pub(super) fn is_template(value: &str) -> bool {
    const PAIRS: [(&str, &str); 12] = [
        ("${", "}"),
        ("{{", "}}"),
        ("<", ">"),
        ("$(", ")"),
        ("#{", "}"),
        ("%(", ")"),
        ("{", "}"),
        ("[", "]"),
        ("%", "%"),
        ("@@", "@@"),
        ("__", "__"),
        ("`", "`"),
    ];
    const STARTS: [&str; 8] = ["enc[", "vault:", "op://", "env(", "env.", "os.", "process.env", "secretref:"];
    let stands_in = |(open, close): &(&str, &str)| {
        value.find(open).is_some_and(|at| value[at + open.len()..].find(close).is_some_and(|end| end > 0))
    };
    // Brackets and percent signs occur in passwords; there they must be the whole value, an escape at the end of a
    // literal (`{p}\n`) aside.
    let (inside, around) = PAIRS.split_at(6);
    let mut whole = value;
    while let Some(shorter) = ["\\n", "\\r", "\\t"].iter().find_map(|escape| whole.strip_suffix(escape)) {
        whole = shorter;
    }
    let wraps = |(open, close): &(&str, &str)| {
        whole.len() > open.len() + close.len() && whole.starts_with(open) && whole.ends_with(close)
    };
    let variable = value.strip_prefix('$').is_some_and(|name| {
        name.len() > 1
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.as_bytes()[0].is_ascii_digit()
    });
    let parameter = value
        .strip_prefix(':')
        .is_some_and(|name| name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    variable
        || parameter
        || has_field(value.as_bytes())
        || ["%s", "%d", "%v", "%q", "%r", "%@", "{}", "{0}", "{1}", "?"].contains(&value)
        || inside.iter().any(stands_in)
        || around.iter().any(wraps)
        || STARTS.iter().any(|start| value.starts_with(start))
}

/// Whether a program or a shell fills the host in: `{}`, `${DB_HOST}`, `%s`, `$HOST`.
pub(super) fn is_filled_in(host: &str) -> bool {
    let format = ["%s", "%v", "%@"].contains(&host);
    format || is_template(host) && (host.starts_with('$') || host.starts_with('{') || host.starts_with("#{"))
}

/// What kind of machine a host name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// A machine that may hold something.
    Real,
    /// This machine.
    Local,
    /// One that is known by a bare name only: a container beside it, or a machine of somebody's own network.
    Bare,
    /// A name that documentation uses (RFC 2606, 6761) or a template: nothing stands there.
    Example,
}

/// Judges a host, without its port.
pub(super) fn host(name: &str) -> Host {
    // Manual pages write `\&` where a point must not end a line.
    let name = name.split('/').next().unwrap_or_default().replace("\\&", "");
    let name = name.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    if name.is_empty() || matches!(name.as_str(), "." | "(local)" | "localhost" | "host.docker.internal") {
        return Host::Local;
    }
    // A socket of this machine, as a path.
    if name.starts_with("%2f")
        || name.starts_with("(localdb)")
        || name.ends_with(".localhost")
        || name.ends_with(".localdomain")
    {
        return Host::Local;
    }
    if let Ok(address) = name.parse::<IpAddr>() {
        let documentation = match address {
            IpAddr::V4(address) => address.is_documentation(),
            IpAddr::V6(address) => address.segments()[..2] == [0x2001, 0x0db8],
        };
        return match documentation {
            true => Host::Example,
            false if address.is_loopback() || address.is_unspecified() => Host::Local,
            false => Host::Real,
        };
    }
    let labels: Vec<&str> = name.split('.').collect();
    let last = labels[labels.len() - 1];
    let second = labels.len().checked_sub(2).map(|at| labels[at]);
    let samples = ["example", "invalid", "test"];
    if samples.contains(&last) || second == Some("example") && ["com", "org", "net", "edu"].contains(&last) {
        return Host::Example;
    }
    let stand_ins =
        ["host", "hostname", "server", "servername", "yourhost", "myhost", "your-host", "my-host", "foo", "bar"];
    let template = is_template(&name) || name.contains(['<', '>', '{', '}', '$', '*']) || name.starts_with("your");
    if template || stand_ins.contains(&name.as_str()) {
        return Host::Example;
    }
    if labels.len() == 1 { Host::Bare } else { Host::Real }
}

/// What takes from the confidence of a password for a host of this kind, and why.
pub(super) fn doubt(kind: Host, user: &str, password: &str) -> Option<(i16, &'static str)> {
    match kind {
        Host::Local => Some((-40, "its host is this machine")),
        Host::Bare if chosen(user, password) => Some((-15, "its host is a bare name")),
        Host::Bare => Some((-40, "its host is a bare name")),
        Host::Example | Host::Real => None,
    }
}

/// Whether user and password are literals that somebody chose: where the host does not tell whether anything stands there,
/// they count. Scott's tiger is every manual's.
pub(super) fn chosen(user: &str, password: &str) -> bool {
    let bytes = password.as_bytes();
    bytes.len() >= 8
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().any(u8::is_ascii_alphabetic)
        && words::placeholder(bytes).is_none()
        && !is_template(user)
        && !(user.eq_ignore_ascii_case("scott") && password.starts_with("tiger"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        for text in [
            "",
            "password",
            "PASS",
            "${DB_PASS}",
            "pre-${X}-post",
            "<password>",
            "{{ db.password }}",
            "%s",
            "$PASSWORD",
            "xxxxxxxx",
            "********",
            ":password",
            "%PASSWORD%",
            "your_password",
            "{password}",
            "changeme",
            "[password]",
            "ATBB{alnum:24}{HEX:8}",
            "vault:secret/x",
            "aaaa",
            "alicespassword",
            "passwd-on-proxy",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["kV9$xw!2Lq", "tr0ub4dor&3", "p%40ss%2Fw0rd9", "S{3d]f<9", "Summer2024!", "$2kdj39!", "a[b]c9K"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn a_bare_name_is_doubted_less_with_a_password_that_somebody_chose() {
        let points = |kind, user, password| doubt(kind, user, password).map(|(points, _)| points);
        assert_eq!(points(Host::Bare, "app", "Heron!dune4431"), Some(-15));
        for (user, password) in [("app", "secret"), ("scott", "tiger^5HHH"), ("${USER}", "Heron!dune4431")] {
            assert_eq!(points(Host::Bare, user, password), Some(-40), "{user}");
        }
        assert_eq!(points(Host::Local, "app", "Heron!dune4431"), Some(-40));
        assert_eq!(points(Host::Real, "app", "secret"), None);
    }

    #[test]
    fn hosts() {
        for name in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "0.0.0.0", ".", "(localdb)\\v11", ""] {
            assert_eq!(host(name), Host::Local, "{name}");
        }
        for name in ["db", "postgres", "SQLPROD01", "mssql2017"] {
            assert_eq!(host(name), Host::Bare, "{name}");
        }
        for name in [
            "example.com",
            "db.example.org.",
            "x.test",
            "y.invalid",
            "${HOST}",
            "<host>",
            "192.0.2.7",
            "HOST",
            "example\\&.org/deb",
        ] {
            assert_eq!(host(name), Host::Example, "{name}");
        }
        for name in ["db.company.com", "10.1.2.3", "cluster0.abcde.mongodb.net", "notexample.com", "test.company.de"] {
            assert_eq!(host(name), Host::Real, "{name}");
        }
    }
}
