//! Connections: which addresses may be reached, names resolved once and pinned, TLS always verified.
//!
//! A name is resolved, every address is checked, and only checked addresses are connected to: a name that points at a
//! machine of the inner network, at this machine or at a cloud's metadata service is refused unless the operator's policy
//! allows private addresses for the target.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

use super::files;
use super::types::Trouble;
use crate::error::{Error, Result};

/// Longest wait for a connection, and for each answer of a database.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Addresses by name and port.
type Pinned = HashMap<(String, u16), Vec<SocketAddr>>;

/// What may be reached, and whom TLS trusts. Shared by everything that talks to one target.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Addresses of private networks and of this machine are allowed.
    pub private: bool,
    /// Certificates to trust instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Names already resolved and checked.
    pinned: Arc<Mutex<Pinned>>,
}

impl Reach {
    /// A reach with these permissions.
    pub fn new(private: bool, ca_file: Option<PathBuf>) -> Self {
        Self { private, ca_file, pinned: Arc::default() }
    }

    /// The addresses of a name: resolved once, every one checked, the same from then on.
    ///
    /// # Errors
    /// When the name is not known or an address is forbidden.
    pub fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Trouble> {
        let key = (host.to_ascii_lowercase(), port);
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pinned.get(&key) {
            return Ok(known.clone());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = (bare, port).to_socket_addrs();
        let addresses: Vec<SocketAddr> =
            found.map_err(|error| Trouble::Unreachable(format!("{host}: {error}")))?.collect();
        if addresses.is_empty() {
            return Err(Trouble::Unreachable(format!("{host}: the name has no address")));
        }
        for address in &addresses {
            if let Some(kind) = forbidden(address.ip(), self.private) {
                let never = forbidden(address.ip(), true).is_some();
                let way = if never { "it is never reached" } else { "it is not reached unless the policy allows it" };
                return Err(Trouble::Refused(format!("{host} is {}, {kind}: {way}", address.ip())));
            }
        }
        pinned.insert(key, addresses.clone());
        Ok(addresses)
    }

    /// A connection to one of the checked addresses.
    ///
    /// # Errors
    /// When none answers or one is forbidden.
    pub fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Trouble> {
        let mut last = None;
        for address in self.resolve(host, port)? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    let set =
                        stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                    set.map_err(|error| Trouble::Unreachable(format!("{host}: {error}")))?;
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(Trouble::Unreachable(format!("{host}:{port}: {}", last.map(|error| error.to_string()).unwrap_or_default())))
    }

    /// TLS over `stream`; the certificate must be for `host`.
    ///
    /// # Errors
    /// When the certificates to trust cannot be read or the name is none.
    pub fn secure(&self, host: &str, stream: TcpStream) -> Result<Stream, Trouble> {
        let refuse = |error: String| Trouble::Refused(format!("{host}: {error}"));
        let mut roots = rustls::RootCertStore::empty();
        match &self.ca_file {
            Some(path) => {
                for certificate in certificates(path).map_err(|error| refuse(error.to_string()))? {
                    roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
                }
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| refuse(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).map_err(|error| refuse(error.to_string()))?;
        let connection =
            rustls::ClientConnection::new(Arc::new(config), name).map_err(|error| refuse(error.to_string()))?;
        Ok(Stream::Tls(Box::new(rustls::StreamOwned::new(connection, stream))))
    }
}

/// A connection, plain or under TLS.
#[derive(Debug)]
pub enum Stream {
    /// Plain: only where the policy says so.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// The certificates of a PEM file.
///
/// # Errors
/// When there is none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let fail = |message: String| Error::Config { file: path.display().to_string(), message };
    let text = files::read(path, 4 << 20)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| fail(error.to_string()))?;
    if found.is_empty() { Err(fail("it holds no certificate".to_owned())) } else { Ok(found) }
}

/// Why an address must not be reached; `None` when it may. Metadata services and the like are never allowed.
pub fn forbidden(address: IpAddr, private: bool) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address, private),
        IpAddr::V6(address) => {
            // An IPv4 address in the clothes of IPv6 (mapped, NAT64, 6to4, compatible) is what it is underneath.
            if let Some(inner) = inner_v4(address) {
                return forbidden_v4(inner, private);
            }
            let first = address.segments()[0];
            // Teredo hides an address of IPv4 as well, and what was site-local is nobody's any more.
            let tunnel = first == 0x2001 && address.segments()[1] == 0;
            let local = first & 0xff80 == 0xfe80;
            if address.is_unspecified() || address.is_multicast() || tunnel || local {
                return Some("a link-local or special address");
            }
            // Amazon's services of this kind on IPv6 (fd00:ec2::254, ::23), and Google's.
            if matches!(address.segments(), [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, ..]) {
                return Some("a metadata service");
            }
            (!private && (address.is_loopback() || first & 0xfe00 == 0xfc00)).then_some("a private address")
        }
    }
}

fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, ..] => Some(v4(high, low)),
        [0, 0, 0, 0, 0, 0] if high != 0 => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

/// Metadata services outside of 169.254: Alibaba's, Azure's, Oracle's.
const METADATA: [[u8; 4]; 3] = [[100, 100, 100, 200], [168, 63, 129, 16], [192, 0, 0, 192]];

fn forbidden_v4(address: Ipv4Addr, private: bool) -> Option<&'static str> {
    let [a, b, c, d] = address.octets();
    if address.is_link_local() || METADATA.contains(&[a, b, c, d]) {
        return Some("link-local or a metadata service");
    }
    if a == 0 || a >= 224 {
        return Some("a special address");
    }
    let shared = a == 100 && (64..128).contains(&b);
    let inner = address.is_loopback()
        || address.is_private()
        || shared
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && b & 0xfe == 18);
    (!private && inner).then_some("a private address")
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Reach, forbidden};

    #[test]
    fn law_11_private_and_metadata_addresses_are_refused() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "::1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::ffff:0:10.0.0.1",
            "64:ff9b:1::10.0.0.1",
        ] {
            assert!(forbidden(ip(inner), false).is_some(), "{inner}");
            assert!(forbidden(ip(inner), true).is_none(), "{inner} when allowed");
        }
        for never in [
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "192.0.0.192",
            "2001:0:a00:1::1",
            "fec0::1",
            "64:ff9b:1::169.254.169.254",
            "::",
            "::ffff:169.254.169.254",
            "ff02::1",
        ] {
            assert!(forbidden(ip(never), true).is_some(), "{never} even when private ones are allowed");
        }
        for open in ["93.184.216.34", "2606:4700::1111"] {
            assert!(forbidden(ip(open), false).is_none(), "{open}");
        }
    }

    #[test]
    fn law_11_a_name_is_checked_after_it_was_resolved() {
        assert!(Reach::default().resolve("localhost", 80).is_err());
        assert!(Reach::new(true, None).resolve("localhost", 80).is_ok());
    }
}
