//! Connection strings of `name=value;` pairs (ADO.NET, ODBC, OLE DB).

use super::placeholder::{self, Host};
use super::{Checked, HOLDS, Weighed, rejected};

/// Longest string that is looked at.
const LONGEST: usize = 4096;

/// SQL Server and its relatives: `Password` or `Pwd` is no placeholder, `Server` or `Data Source` another machine.
/// Facts: host and user.
pub(super) fn mssql(secret: &[u8], whole: &[u8]) -> Checked {
    if whole.len() > LONGEST {
        return rejected("longer than a connection string");
    }
    let text = String::from_utf8_lossy(whole);
    let fields = fields(&text);
    let field = |names: &[&str]| {
        fields.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    };
    let by_name = field(&["password", "pwd"]).map(str::to_owned);
    let given = (secret.len() < whole.len()).then(|| String::from_utf8_lossy(secret).into_owned());
    let Some(password) = given.or(by_name).filter(|password| !password.is_empty()) else {
        return rejected("no password in it");
    };
    if placeholder::is_placeholder(&password) {
        return rejected("its password is a placeholder");
    }
    let server = field(&["server", "data source", "datasource", "address", "addr", "host", "network address"]);
    let host = server.map(host_of);
    let user = field(&["user id", "uid", "user", "username", "userid"]);
    let mut weighed = Weighed::default();
    match host.map(placeholder::host) {
        Some(Host::Example) => return rejected("its host is an example or a template"),
        Some(Host::Real) => weighed.add(HOLDS, "a complete connection string of another machine"),
        Some(kind) => {
            let doubt = placeholder::doubt(kind, user.unwrap_or_default(), &password);
            doubt.into_iter().for_each(|(points, why)| weighed.add(points, why));
        }
        None => {}
    }
    if user.is_some_and(|user| user.eq_ignore_ascii_case(&password)) {
        weighed.add(-30, "user and password are the same");
    }
    weighed.verdict().with_some("host", host).with_some("user", user)
}

/// `tcp:db.company.com,1433` and `db.company.com\INSTANCE` are both `db.company.com`.
fn host_of(server: &str) -> &str {
    let server = server.trim();
    let server = ["tcp:", "np:", "lpc:", "admin:"].iter().find_map(|way| server.strip_prefix(way)).unwrap_or(server);
    server.split([',', '\\', ':']).next().unwrap_or_default().trim()
}

/// The pairs, names in lower case; a value may stand in quotes or braces and hold semicolons there.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some((name, value)) = rest.split_once('=') {
        let name = name.rsplit([';', '"', '\'', '\n', '>']).next().unwrap_or_default().trim().to_ascii_lowercase();
        let value = value.trim_start();
        let close = match value.chars().next() {
            Some('{') => Some('}'),
            Some(quote @ ('"' | '\'')) => Some(quote),
            _ => None,
        };
        let quoted = close.and_then(|close| value[1..].split_once(close));
        let (value, after) = match quoted {
            Some((inner, after)) => (inner, after),
            None => {
                // `<` ends the element of an XML file, unless it opens a placeholder.
                let placeholder = value.starts_with('<');
                let ends = |letter: char| matches!(letter, ';' | '"' | '\n') || letter == '<' && !placeholder;
                let end = value.find(ends).unwrap_or(value.len());
                (value[..end].trim_end(), &value[end..])
            }
        };
        fields.push((name, value.to_owned()));
        rest = after;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn judged(text: &str) -> Checked {
        mssql(text.as_bytes(), text.as_bytes())
    }

    #[test]
    fn strings_come_apart() {
        let pairs = fields("Server=tcp:a.b,1433;Password=\"x;=y\";Pwd={p;q};User ID = me ;Empty=");
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            pairs,
            [("server", "tcp:a.b,1433"), ("password", "x;=y"), ("pwd", "p;q"), ("user id", "me"), ("empty", "")]
        );
    }

    #[test]
    fn real_ones_rise_and_others_fall() {
        let real = judged("Server=tcp:db1.database.windows.net,1433;Database=x;User ID=app;Password=kV9xw2Lq;"); // keysweep:allow made up
        assert!(matches!(&real.verdict, Verdict::Hint(why) if why.points > 0));
        assert_eq!(real.facts, [("host", "db1.database.windows.net".to_owned()), ("user", "app".to_owned())]);
        assert!(
            matches!(judged("Data Source=.\\SQLEXPRESS;Pwd=kV9xw2Lq").verdict, Verdict::Hint(why) if why.points < 0)
        );
        for text in [
            "Server=db.company.com;Password=${PW};",
            "Server=db.company.com;Password=;",
            "Server=db.company.com",
            "",
            "Server=db.example.com;Pwd=kV9xw2Lq", // keysweep:allow made up
            "Server=<server>;Pwd=kV9xw2Lq",       // keysweep:allow made up
            "====",
            "=;=;=",
        ] {
            assert!(matches!(judged(text).verdict, Verdict::Rejected(_)), "{text}");
        }
    }
}
