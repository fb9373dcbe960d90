//! PostgreSQL's protocol, as much as rotation needs: log in (SCRAM, MD5, password under TLS), one simple query at a time.

use std::io::{Read as _, Write as _};

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{DataRowBody, ErrorResponseBody};
use postgres_protocol::message::{backend::Message, frontend};

use crate::rotate::net::{Reach, Stream};
use crate::rotate::types::Trouble;

/// Where a server is.
#[derive(Debug, Clone)]
pub struct Server {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database to log in to.
    pub database: String,
    /// Whether TLS is spoken (and the certificate verified).
    pub tls: bool,
    /// What may be reached.
    pub reach: Reach,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server said no: its SQLSTATE and message.
    Server(String, String),
    /// Nothing was sent.
    NotSent(Trouble),
    /// The connection broke: what was sent last may have been done.
    Broken(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(code, message) => write!(f, "{message} (SQLSTATE {code})"),
            Self::NotSent(trouble) => write!(f, "{trouble}"),
            Self::Broken(message) => f.write_str(message),
        }
    }
}

/// A session.
#[derive(Debug)]
pub struct Session {
    stream: Stream,
    input: BytesMut,
}

/// Rows of texts.
pub type Rows = Vec<Vec<Option<String>>>;

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::Broken(format!("the connection broke: {error}"))
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// [`Fault::Server`] when the server refuses, else the connection did not come about.
    pub fn open(server: &Server, user: &str, password: &[u8]) -> Result<Self, Fault> {
        let mut stream = Stream::Plain(server.reach.connect(&server.host, server.port).map_err(Fault::NotSent)?);
        if server.tls {
            let mut request = BytesMut::new();
            frontend::ssl_request(&mut request);
            let mut answer = [0];
            stream.write_all(&request).and_then(|()| stream.read_exact(&mut answer)).map_err(broken)?;
            let Stream::Plain(plain) = stream else { return Err(broken("no plain stream")) };
            if answer != *b"S" {
                let message = format!("{}: the server speaks no TLS", server.host);
                return Err(Fault::NotSent(Trouble::Refused(message)));
            }
            stream = server.reach.secure(&server.host, plain).map_err(Fault::NotSent)?;
        }
        let mut session = Self { stream, input: BytesMut::new() };
        let mut out = BytesMut::new();
        let parameters =
            [("user", user), ("database", server.database.as_str()), ("application_name", "keysweep rotate")];
        frontend::startup_message(parameters, &mut out).map_err(broken)?;
        session.send(&out)?;
        session.authenticate(user, password, server.tls)?;
        loop {
            match session.receive()? {
                Message::ReadyForQuery(_) => return Ok(session),
                Message::ErrorResponse(body) => return Err(server_fault(&body)),
                _ => {}
            }
        }
    }

    fn authenticate(&mut self, user: &str, password: &[u8], tls: bool) -> Result<(), Fault> {
        let refuse = |message: &str| Fault::NotSent(Trouble::Refused(message.to_owned()));
        let mut scram: Option<ScramSha256> = None;
        loop {
            let mut out = BytesMut::new();
            match self.receive()? {
                Message::AuthenticationOk => return Ok(()),
                Message::AuthenticationCleartextPassword if tls => {
                    frontend::password_message(password, &mut out).map_err(broken)?;
                }
                Message::AuthenticationCleartextPassword => {
                    return Err(refuse("the server asks for the password in clear over a connection without TLS"));
                }
                Message::AuthenticationMd5Password(body) => {
                    let hashed = md5_hash(user.as_bytes(), password, body.salt());
                    frontend::password_message(hashed.as_bytes(), &mut out).map_err(broken)?;
                }
                Message::AuthenticationSasl(body) => {
                    let known = body.mechanisms().any(|name| Ok(name == SCRAM_SHA_256)).map_err(broken)?;
                    if !known {
                        return Err(refuse("the server asks for a way to log in that is not known here"));
                    }
                    let exchange = ScramSha256::new(password, ChannelBinding::unsupported());
                    frontend::sasl_initial_response(SCRAM_SHA_256, exchange.message(), &mut out).map_err(broken)?;
                    scram = Some(exchange);
                }
                Message::AuthenticationSaslContinue(body) => {
                    let exchange = scram.as_mut().ok_or_else(|| broken("an answer out of turn"))?;
                    exchange.update(body.data()).map_err(broken)?;
                    frontend::sasl_response(exchange.message(), &mut out).map_err(broken)?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    // The server proves that it knows the password too: nobody stands in between.
                    let exchange = scram.as_mut().ok_or_else(|| broken("an answer out of turn"))?;
                    exchange.finish(body.data()).map_err(broken)?;
                    continue;
                }
                Message::ErrorResponse(body) => return Err(server_fault(&body)),
                _ => return Err(refuse("the server asks for a way to log in that is not known here")),
            }
            self.send(&out)?;
        }
    }

    /// Runs statements; the rows of the last that has any come back.
    ///
    /// # Errors
    /// [`Fault::Server`] when the server refuses (nothing was done), [`Fault::Broken`] when nobody knows.
    pub fn query(&mut self, sql: &str) -> Result<Rows, Fault> {
        let mut out = BytesMut::new();
        frontend::query(sql, &mut out).map_err(broken)?;
        self.send(&out)?;
        let (mut rows, mut fault) = (Vec::new(), None);
        loop {
            match self.receive()? {
                Message::RowDescription(_) => rows.clear(),
                Message::DataRow(body) => {
                    rows.push(row(&body)?);
                }
                Message::ErrorResponse(body) => fault = Some(server_fault(&body)),
                Message::ReadyForQuery(_) => return fault.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).map_err(broken)
    }

    fn receive(&mut self) -> Result<Message, Fault> {
        loop {
            if let Some(message) = Message::parse(&mut self.input).map_err(broken)? {
                return Ok(message);
            }
            if self.input.len() > 16 << 20 {
                return Err(broken("the server says too much"));
            }
            let mut buffer = [0; 8192];
            match self.stream.read(&mut buffer).map_err(broken)? {
                0 => return Err(broken("the server closed it")),
                read => self.input.extend_from_slice(&buffer[..read]),
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut out = BytesMut::new();
        frontend::terminate(&mut out);
        let _ = self.send(&out);
    }
}

/// The texts of a row.
fn row(body: &DataRowBody) -> Result<Vec<Option<String>>, Fault> {
    let mut ranges = body.ranges();
    let mut row = Vec::new();
    while let Some(range) = ranges.next().map_err(broken)? {
        row.push(range.map(|range| String::from_utf8_lossy(&body.buffer()[range]).into_owned()));
    }
    Ok(row)
}

fn server_fault(body: &ErrorResponseBody) -> Fault {
    let (mut code, mut message) = (String::new(), String::new());
    let mut fields = body.fields();
    while let Ok(Some(field)) = fields.next() {
        match field.type_() {
            b'C' => code = String::from_utf8_lossy(field.value_bytes()).into_owned(),
            b'M' => message = String::from_utf8_lossy(field.value_bytes()).into_owned(),
            _ => {}
        }
    }
    Fault::Server(code, message)
}

/// A name as SQL quotes it.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL quotes it, whatever the server's settings.
pub fn literal(text: &str) -> String {
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{identifier, literal};

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(identifier("a\"; DROP ROLE b"), "\"a\"\"; DROP ROLE b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
    }
}
