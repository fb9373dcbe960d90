//! Alerts as log lines: JSON into a file, or syslog (RFC 5424) to a socket.

use std::net::UdpSocket;
use std::path::Path;

use super::payload::{seconds, short};
use super::policy::Log;
use crate::audit::alerts::Alert;
use crate::clock;
use crate::error::mend;
use crate::finding::Severity;
use crate::private;

/// syslog's facility `local0`.
const FACILITY: u32 = 16;

/// Where syslog listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'p> {
    /// A socket of this machine.
    Unix(&'p str),
    /// Another machine.
    Udp(&'p str),
}

impl<'p> Place<'p> {
    /// `unix:PATH` or `udp:HOST:PORT`.
    pub fn parse(text: &'p str) -> Option<Self> {
        match text.split_once(':')? {
            ("unix", path) if !path.is_empty() => Some(Self::Unix(path)),
            ("udp", to) if super::smtp::host_and_port(to).is_some() => Some(Self::Udp(to)),
            _ => None,
        }
    }
}

/// The lines: for syslog its messages, else JSON.
pub fn lines(log: &Log, alerts: &[&Alert]) -> Vec<String> {
    let json = |alert: &&Alert| serde_json::to_string(alert).unwrap_or_default();
    match log.syslog {
        Some(_) => alerts.iter().map(|alert| syslog(alert, &json(alert))).collect(),
        None => alerts.iter().map(json).collect(),
    }
}

/// A message of RFC 5424: priority, version 1, time, host, program, no process, kind, no structured data; the text is JSON.
fn syslog(alert: &Alert, json: &str) -> String {
    let severity = match alert.severity {
        Severity::Critical => 2,
        Severity::High => 3,
        Severity::Medium => 4,
        Severity::Low => 5,
    };
    let (priority, at) = (FACILITY * 8 + severity, clock::rfc3339(seconds(alert)));
    // A datagram of 2048 bytes is what every receiver takes (section 6.1).
    let text = if json.len() > 1800 { short(&alert.title, 400) } else { json.to_owned() };
    format!("<{priority}>1 {at} - keysweep - {} - {text}", alert.kind.as_str())
}

/// Writes them.
///
/// # Errors
/// What the system says.
pub fn write(folder: &Path, log: &Log, alerts: &[&Alert], _: i64) -> Result<(), String> {
    let lines = lines(log, alerts);
    if let Some(path) = &log.file {
        return append(&folder.join(path), &lines).map_err(|error| format!("{error}{}", mend(&error)));
    }
    match log.syslog.as_deref().and_then(Place::parse) {
        Some(Place::Udp(to)) => {
            let bind = |address| UdpSocket::bind(address).and_then(|socket| socket.connect(to).map(|()| socket));
            let socket = bind("0.0.0.0:0").or_else(|_| bind("[::]:0")).map_err(|error| error.to_string())?;
            lines.iter().try_for_each(|line| socket.send(line.as_bytes()).map(drop)).map_err(|error| error.to_string())
        }
        Some(Place::Unix(path)) => to_socket(path, &lines),
        None => Err("there is no syslog".to_owned()),
    }
}

#[cfg(unix)]
fn to_socket(path: &str, lines: &[String]) -> Result<(), String> {
    let say = |error: std::io::Error| error.to_string();
    let socket = std::os::unix::net::UnixDatagram::unbound().map_err(say)?;
    // A daemon that reads no more must not hold us up.
    socket.set_write_timeout(Some(std::time::Duration::from_secs(5))).map_err(say)?;
    socket.connect(path).map_err(say)?;
    lines.iter().try_for_each(|line| socket.send(line.as_bytes()).map(drop)).map_err(say)
}

#[cfg(not(unix))]
fn to_socket(_: &str, _: &[String]) -> Result<(), String> {
    Err("this system has no such sockets".to_owned())
}

/// Appends to a private file, all lines or none.
fn append(path: &Path, lines: &[String]) -> std::io::Result<()> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    private::append(&mut private::open_append(path)?, text.as_bytes())
}
