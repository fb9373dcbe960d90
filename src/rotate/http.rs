//! One blocking HTTP client: every call bounded in time and size, redirects handed back and never followed, addresses
//! checked and pinned, TLS verified. It knows what cannot have been applied and what may have been.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Timeout};

use super::net::{self, Reach};
use super::types::{Report, Trouble};
use crate::clock;
use crate::secret::Secret;

/// Longest answer that is read, in bytes.
const LONGEST: u64 = 8 << 20;

/// Longest wait that a `Retry-After` may ask for, in seconds.
pub const LONGEST_WAIT: u64 = 300;

/// A call.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// The whole address.
    pub url: String,
    /// Headers; values may be secret.
    pub headers: Vec<(String, Secret)>,
    /// What is sent.
    pub body: Option<Secret>,
}

impl Request {
    /// A call without body.
    pub fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: None }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), Secret::new(value.as_ref())));
        self
    }

    /// With a body of this type.
    #[must_use]
    pub fn body(mut self, kind: &str, bytes: &[u8]) -> Self {
        self.body = Some(Secret::new(bytes));
        self.header("content-type", kind)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        let text = zeroize::Zeroizing::new(value.to_string());
        self.body("application/json", text.as_bytes())
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; may be secret.
    pub body: Secret,
}

impl Response {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `None` when it is something else (a captive page, an error page).
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(self.body.expose()).ok()
    }

    /// The body as text, for answers that hold no secret.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.expose()).into_owned()
    }

    /// How many seconds the server asks to wait: both forms of `Retry-After`, at most [`LONGEST_WAIT`].
    pub fn retry_after(&self) -> Option<u64> {
        let text = self.header("retry-after")?.trim();
        let seconds = match text.parse::<u64>() {
            Ok(seconds) => seconds,
            Err(_) => {
                let now = clock::epoch_seconds(SystemTime::now());
                u64::try_from(http_date(text)? - now).unwrap_or(0)
            }
        };
        Some(seconds.min(LONGEST_WAIT))
    }

    /// Seconds that the server's clock is ahead of ours; 0 when it does not say.
    pub fn clock_offset(&self) -> i64 {
        let server = self.header("date").and_then(http_date);
        server.map_or(0, |server| server - clock::epoch_seconds(SystemTime::now()))
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nothing can have reached the server.
    NotSent(Trouble),
    /// It may have been applied.
    Unknown(String),
}

impl NoAnswer {
    /// As the report of a call that changes something.
    pub fn report(&self) -> Report {
        match self {
            Self::NotSent(trouble) => trouble.report(),
            Self::Unknown(note) => Report::unknown(note.clone()),
        }
    }

    /// As the trouble of a call that reads.
    pub fn trouble(self) -> Trouble {
        match self {
            Self::NotSent(trouble) => trouble,
            Self::Unknown(note) => Trouble::Unreachable(note),
        }
    }
}

/// The client of one target.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    /// Plain HTTP is allowed (a target of the operator's that says so).
    plain: bool,
}

impl Client {
    /// A client that reaches what `reach` allows; `plain` allows `http:`.
    ///
    /// # Errors
    /// When the certificates to trust cannot be read.
    pub fn new(reach: &Reach, plain: bool) -> Result<Self, Trouble> {
        Self::with_patience(reach, plain, Duration::from_secs(30))
    }

    /// The same, with the longest time for a call.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_patience(reach: &Reach, plain: bool, patience: Duration) -> Result<Self, Trouble> {
        let mut tls =
            TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
        if let Some(path) = &reach.ca_file {
            let found = net::certificates(path).map_err(|error| Trouble::Refused(error.to_string()))?;
            let found: Vec<Certificate<'static>> =
                found.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            tls = tls.root_certs(RootCerts::new_with_certs(&found));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("keysweep/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(patience))
            .timeout_connect(Some(net::PATIENCE.min(patience)))
            .max_idle_connections(0) // a connection that went stale in between would leave a call in doubt
            .tls_config(tls.build())
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Pinned(reach.clone()));
        Ok(Self { agent, plain })
    }

    /// Makes a call.
    ///
    /// # Errors
    /// When there is no answer, and whether the call may have been applied.
    pub fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        let refuse = |message: String| NoAnswer::NotSent(Trouble::Refused(message));
        let uri: Uri = request.url.parse().map_err(|_| refuse("the address is none".to_owned()))?;
        let secure = uri.scheme_str() == Some("https");
        if !secure && (!self.plain || uri.scheme_str() != Some("http")) {
            return Err(refuse(format!("{}: only https is spoken", uri.host().unwrap_or_default())));
        }
        let mut builder = ureq::http::Request::builder().method(request.method).uri(uri.clone());
        for (name, value) in &request.headers {
            let value = ureq::http::HeaderValue::from_bytes(value.expose())
                .map_err(|_| refuse(format!("the value of header `{name}` cannot be sent")))?;
            builder = builder.header(name, value);
        }
        let body = request.body.as_ref().map(|body| body.expose().to_vec()).unwrap_or_default();
        let call = builder.body(body).map_err(|error| refuse(error.to_string()))?;
        let host = uri.host().unwrap_or_default().to_owned();
        let mut answer = self.agent.run(call).map_err(|error| no_answer(&host, error))?;
        let status = answer.status().as_u16();
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let read = answer.body_mut().with_config().limit(LONGEST).read_to_vec();
        let body = read.map_err(|error| NoAnswer::Unknown(format!("{host}: the answer broke off ({error})")))?;
        Ok(Response { status, headers, body: Secret::new(&zeroize::Zeroizing::new(body)) })
    }
}

fn no_answer(host: &str, error: ureq::Error) -> NoAnswer {
    use std::io::ErrorKind;
    match error {
        ureq::Error::HostNotFound => NoAnswer::NotSent(Trouble::Unreachable(format!("{host}: the name is not known"))),
        ureq::Error::ConnectionFailed => NoAnswer::NotSent(Trouble::Unreachable(format!("{host}: nobody answers"))),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            NoAnswer::NotSent(Trouble::Unreachable(format!("{host}: nobody answers in time")))
        }
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            NoAnswer::NotSent(Trouble::Unreachable(format!("{host}: the connection was refused")))
        }
        ureq::Error::Rustls(error) => NoAnswer::NotSent(Trouble::Refused(format!("{host}: TLS: {error}"))),
        ureq::Error::Tls(error) => NoAnswer::NotSent(Trouble::Refused(format!("{host}: TLS: {error}"))),
        ureq::Error::Other(error) => match error.downcast::<Trouble>() {
            Ok(trouble) => NoAnswer::NotSent(*trouble),
            Err(error) => NoAnswer::Unknown(format!("{host}: {error}")),
        },
        ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => NoAnswer::NotSent(Trouble::Refused(format!("{host}: TLS: {error}"))),
            None => NoAnswer::Unknown(format!("{host}: {error}")),
        },
        error => NoAnswer::Unknown(format!("{host}: {error}")),
    }
}

/// Resolves as [`Reach`] does.
#[derive(Debug)]
struct Pinned(Reach);

impl Resolver for Pinned {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let found = self.0.resolve(host, port).map_err(|trouble| ureq::Error::Other(Box::new(trouble)))?;
        let mut addresses = self.empty();
        found.into_iter().take(16).for_each(|address| addresses.push(address));
        Ok(addresses)
    }
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let [_, day, month, year, time, "GMT"] = words[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let (day, year): (u32, u32) = (day.parse().ok()?, year.parse().ok()?);
    clock::parse_rfc3339(&format!("{year:04}-{month:02}-{day:02}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::{Client, NoAnswer, Request, Response, http_date};
    use crate::clock;
    use crate::rotate::net::Reach;
    use crate::rotate::types::{Outcome, Trouble};
    use crate::secret::Secret;

    /// Answers one connection with `answer`, or closes it after reading; the address comes back.
    fn server(answer: Option<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            if let Some(answer) = answer {
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        format!("http://{address}/a")
    }

    fn client() -> Client {
        Client::new(&Reach::new(true, None), true).expect("a client")
    }

    #[test]
    fn law_11_redirects_are_not_followed() {
        let url = server(Some("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"));
        let answer = client().send(&Request::new("GET", url).header("authorization", "made up")).expect("an answer");
        assert_eq!((answer.status, answer.header("location")), (302, Some("http://127.0.0.1:1/")));
    }

    #[test]
    fn law_11_private_addresses_and_plain_http_are_refused_before_anything_is_sent() {
        let url = server(Some("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        let careful = Client::new(&Reach::default(), true).expect("a client");
        let refused = careful.send(&Request::new("GET", url.clone()));
        assert!(matches!(refused, Err(NoAnswer::NotSent(Trouble::Refused(_)))), "{refused:?}");
        let no_plain = Client::new(&Reach::new(true, None), false).expect("a client");
        assert!(matches!(no_plain.send(&Request::new("GET", url)), Err(NoAnswer::NotSent(Trouble::Refused(_)))));
    }

    #[test]
    fn law_4_a_lost_answer_is_unknown_and_a_refused_connection_is_not_sent() {
        let lost = client().send(&Request::new("POST", server(None)).body("text/plain", b"x")).expect_err("no answer");
        assert_eq!(lost.report().outcome, Outcome::Unknown, "{lost:?}");
        let cut = server(Some("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"));
        let lost = client().send(&Request::new("POST", cut)).expect_err("half an answer");
        assert_eq!(lost.report().outcome, Outcome::Unknown, "{lost:?}");
        let refused = client().send(&Request::new("POST", "http://127.0.0.1:1/")).expect_err("nobody is there");
        assert!(matches!(refused, NoAnswer::NotSent(Trouble::Unreachable(_))), "{refused:?}");
    }

    #[test]
    fn both_forms_of_retry_after_are_read_and_bounded() {
        let answer = |value: String| Response {
            status: 429,
            headers: vec![("retry-after".to_owned(), value)],
            body: Secret::new(b""),
        };
        assert_eq!(answer("7".to_owned()).retry_after(), Some(7));
        assert_eq!(answer("999999".to_owned()).retry_after(), Some(300));
        assert_eq!(answer("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()).retry_after(), Some(0), "long ago");
        assert_eq!(answer("soon".to_owned()).retry_after(), None);
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), clock::parse_rfc3339("1994-11-06T08:49:37Z"));
    }
}
