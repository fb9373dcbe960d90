//! The protocol of MariaDB and MySQL, as much as rotation needs: log in (native password, and SHA-256 under TLS), one text
//! query at a time.

use std::io::{Read as _, Write as _};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::rotate::net::{Reach, Stream};
use crate::rotate::types::Trouble;

/// Where a server is.
#[derive(Debug, Clone)]
pub struct Server {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether TLS is spoken (and the certificate verified).
    pub tls: bool,
    /// What may be reached.
    pub reach: Reach,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server said no: its error number and message.
    Server(u16, String),
    /// Nothing was sent.
    NotSent(Trouble),
    /// The connection broke: what was sent last may have been done.
    Broken(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(number, message) => write!(f, "{message} (error {number})"),
            Self::NotSent(trouble) => write!(f, "{trouble}"),
            Self::Broken(message) => f.write_str(message),
        }
    }
}

// Capability flags of the protocol.
const LONG_PASSWORD: u32 = 1;
const PROTOCOL_41: u32 = 1 << 9;
const SSL: u32 = 1 << 11;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH: u32 = 1 << 19;

/// Largest packet that is read.
const LARGEST: usize = 16 << 20;

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::Broken(format!("the connection broke: {error}"))
}

/// A session.
#[derive(Debug)]
pub struct Session {
    stream: Stream,
    sequence: u8,
}

/// Rows of texts.
pub type Rows = Vec<Vec<Option<String>>>;

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// [`Fault::Server`] when the server refuses, else the connection did not come about.
    pub fn open(server: &Server, user: &str, password: &[u8]) -> Result<Self, Fault> {
        let stream = Stream::Plain(server.reach.connect(&server.host, server.port).map_err(Fault::NotSent)?);
        let mut session = Self { stream, sequence: 0 };
        let greeting = session.receive()?;
        let (nonce, plugin) = parse_greeting(&greeting)?;
        let mut flags = LONG_PASSWORD | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGIN_AUTH;
        if server.tls {
            flags |= SSL;
            session.send(&head(flags))?;
            let Stream::Plain(plain) = session.stream else { return Err(broken("no plain stream")) };
            session.stream = server.reach.secure(&server.host, plain).map_err(Fault::NotSent)?;
        }
        let answer = answer(&plugin, password, &nonce, server.tls)?;
        let mut packet = Zeroizing::new(head(flags));
        packet.extend_from_slice(user.as_bytes());
        packet.push(0);
        packet.push(u8::try_from(answer.len()).map_err(broken)?);
        packet.extend_from_slice(&answer);
        packet.extend_from_slice(plugin.as_bytes());
        packet.push(0);
        session.send(&packet)?;
        session.authenticate(password, server.tls)?;
        Ok(session)
    }

    fn authenticate(&mut self, password: &[u8], tls: bool) -> Result<(), Fault> {
        for _ in 0..8 {
            let packet = self.receive()?;
            match packet.first() {
                Some(0x00) => return Ok(()),
                Some(0xff) => return Err(server_fault(&packet)),
                // Another way to log in is asked for.
                Some(0xfe) => {
                    let end = packet.iter().skip(1).position(|&byte| byte == 0).map_or(packet.len(), |at| at + 1);
                    let plugin = String::from_utf8_lossy(&packet[1..end]).into_owned();
                    let nonce = packet.get(end + 1..).unwrap_or_default();
                    let nonce = nonce.strip_suffix(b"\0").unwrap_or(nonce);
                    let answer = answer(&plugin, password, nonce, tls)?;
                    self.send(&answer)?;
                }
                // caching_sha2_password: known (3), or the password itself is asked for (4).
                Some(0x01) if packet.get(1) == Some(&3) => {}
                Some(0x01) if tls => {
                    let clear = Zeroizing::new([password, b"\0"].concat());
                    self.send(&clear)?;
                }
                _ => {
                    let note = "the server asks for the password in clear over a connection without TLS";
                    return Err(Fault::NotSent(Trouble::Refused(note.to_owned())));
                }
            }
        }
        Err(broken("the server never decides"))
    }

    /// Runs a statement; its rows come back.
    ///
    /// # Errors
    /// [`Fault::Server`] when the server refuses (nothing was done), [`Fault::Broken`] when nobody knows.
    pub fn query(&mut self, sql: &str) -> Result<Rows, Fault> {
        self.sequence = 0;
        let packet = Zeroizing::new([b"\x03", sql.as_bytes()].concat());
        self.send(&packet)?;
        let first = self.receive()?;
        match first.first() {
            Some(0x00) => return Ok(Vec::new()),
            Some(0xff) => return Err(server_fault(&first)),
            _ => {}
        }
        let columns = Fields(&first).number().ok_or_else(|| broken("an odd answer"))?;
        for _ in 0..columns {
            self.receive()?;
        }
        self.receive()?; // the end of the columns
        let mut rows = Vec::new();
        loop {
            let packet = self.receive()?;
            match packet.first() {
                Some(0xfe) if packet.len() < 9 => return Ok(rows),
                Some(0xff) => return Err(server_fault(&packet)),
                _ => {}
            }
            let mut fields = Fields(&packet);
            let row: Option<Vec<_>> = (0..columns).map(|_| fields.text()).collect();
            rows.push(row.ok_or_else(|| broken("an odd row"))?);
        }
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), Fault> {
        let length =
            u32::try_from(packet.len()).ok().filter(|&length| length < 1 << 24).ok_or_else(|| broken("too long"))?;
        let [a, b, c, _] = length.to_le_bytes();
        let whole = Zeroizing::new([&[a, b, c, self.sequence], packet].concat());
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.write_all(&whole).and_then(|()| self.stream.flush()).map_err(broken)
    }

    fn receive(&mut self) -> Result<Vec<u8>, Fault> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).map_err(broken)?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
        if length > LARGEST {
            return Err(broken("the server says too much"));
        }
        self.sequence = head[3].wrapping_add(1);
        let mut packet = vec![0; length];
        self.stream.read_exact(&mut packet).map_err(broken)?;
        if packet.is_empty() { Err(broken("an empty answer")) } else { Ok(packet) }
    }
}

fn head(flags: u32) -> Vec<u8> {
    let mut packet = flags.to_le_bytes().to_vec();
    packet.extend_from_slice(&(LARGEST as u32).to_le_bytes());
    packet.push(45); // utf8mb4
    packet.extend_from_slice(&[0; 23]);
    packet
}

/// The nonce and the way to log in that the server proposes.
fn parse_greeting(packet: &[u8]) -> Result<(Vec<u8>, String), Fault> {
    let odd = || broken("this is no server of this kind");
    if packet.first() == Some(&0xff) {
        return Err(server_fault(packet));
    }
    if packet.first() != Some(&10) {
        return Err(odd());
    }
    let version_end = packet.iter().position(|&byte| byte == 0).ok_or_else(odd)?;
    let rest = packet.get(version_end + 5..).ok_or_else(odd)?;
    let mut nonce = rest.get(..8).ok_or_else(odd)?.to_vec();
    let more = rest.get(8 + 1 + 2 + 1 + 2 + 2 + 1 + 10..).ok_or_else(odd)?;
    let end = more.iter().position(|&byte| byte == 0).ok_or_else(odd)?;
    nonce.extend_from_slice(&more[..end]);
    let plugin = more.get(end + 1..).unwrap_or_default();
    let plugin = plugin.split(|&byte| byte == 0).next().unwrap_or_default();
    Ok((nonce, String::from_utf8_lossy(plugin).into_owned()))
}

/// What proves the password, in the way that is asked for.
fn answer(plugin: &str, password: &[u8], nonce: &[u8], tls: bool) -> Result<Zeroizing<Vec<u8>>, Fault> {
    if password.is_empty() {
        return Ok(Zeroizing::new(Vec::new()));
    }
    let xor = |a: &[u8], b: &[u8]| Zeroizing::new(a.iter().zip(b).map(|(a, b)| a ^ b).collect::<Vec<u8>>());
    match plugin {
        "mysql_native_password" | "" => {
            let once = Sha1::digest(password);
            let twice = Sha1::digest(once);
            Ok(xor(&once, &Sha1::digest([nonce, &twice[..]].concat())))
        }
        "caching_sha2_password" => {
            let once = Sha256::digest(password);
            let twice = Sha256::digest(once);
            Ok(xor(&once, &Sha256::digest([&twice[..], nonce].concat())))
        }
        "mysql_clear_password" if tls => Ok(Zeroizing::new([password, b"\0"].concat())),
        other => {
            let note = format!("the server asks for a way to log in that is not known here ({other})");
            Err(Fault::NotSent(Trouble::Refused(note.chars().take(200).collect())))
        }
    }
}

fn server_fault(packet: &[u8]) -> Fault {
    let number = u16::from_le_bytes([packet.get(1).copied().unwrap_or(0), packet.get(2).copied().unwrap_or(0)]);
    let text = packet.get(3..).unwrap_or_default();
    let text = if text.first() == Some(&b'#') { text.get(6..).unwrap_or_default() } else { text };
    Fault::Server(number, String::from_utf8_lossy(text).into_owned())
}

/// Values with their lengths in front.
struct Fields<'p>(&'p [u8]);

impl Fields<'_> {
    fn number(&mut self) -> Option<u64> {
        let (&first, rest) = self.0.split_first()?;
        let size = match first {
            0..=0xfa => {
                self.0 = rest;
                return Some(u64::from(first));
            }
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            _ => return None,
        };
        let (bytes, rest) = rest.split_at_checked(size)?;
        self.0 = rest;
        Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A text; the inner `None` is NULL.
    fn text(&mut self) -> Option<Option<String>> {
        if let Some((0xfb, rest)) = self.0.split_first() {
            self.0 = rest;
            return Some(None);
        }
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(String::from_utf8_lossy(bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{Fields, parse_greeting, server_fault};

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// Whatever a server says, nothing panics.
        #[test]
        fn no_packet_breaks_the_reader(packet in proptest::collection::vec(any::<u8>(), 1..80)) {
            let _ = parse_greeting(&packet);
            let _ = server_fault(&packet);
            let mut fields = Fields(&packet);
            while fields.text().is_some() {}
        }
    }
}
