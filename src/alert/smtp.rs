//! SMTP (RFC 5321), as much of it as one message needs: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, QUIT.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::policy::{Mail, Tls};
use crate::rotate::net::{Reach, Stream};
use crate::secret::Secret;

/// Longest time for a whole message.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest answer, in bytes.
const LONGEST: usize = 16 << 10;

/// `host:port`, the host perhaps in brackets.
pub fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    (!host.is_empty() && !host.contains(char::is_whitespace)).then_some((host, port.parse().ok()?))
}

/// A conversation.
struct Talk {
    stream: Stream,
    /// What was read and not used.
    rest: Vec<u8>,
    until: Instant,
}

impl Talk {
    /// Sends a line and reads the answer, which must have a code that begins with `wanted`.
    fn say(&mut self, line: &str, wanted: char) -> Result<String, String> {
        let bytes = Zeroizing::new(format!("{line}\r\n"));
        self.write(bytes.as_bytes())?;
        self.hear(wanted)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush())
            .map_err(|error| format!("it cannot be spoken to ({error})"))
    }

    /// Reads an answer: lines of `250-text`, the last one `250 text`.
    fn hear(&mut self, wanted: char) -> Result<String, String> {
        let mut answer = String::new();
        loop {
            let line = self.line()?;
            let last = line.as_bytes().get(3) != Some(&b'-');
            answer.push_str(&line);
            answer.push('\n');
            if answer.len() > LONGEST {
                return Err("it talks without an end".to_owned());
            }
            if last {
                break;
            }
        }
        match answer.starts_with(wanted) {
            true => Ok(answer),
            // Its code alone: the text may repeat what it was told.
            false => Err(format!("it answers with code {}", answer.get(..3).unwrap_or("none"))),
        }
    }

    fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.rest.len() > LONGEST || Instant::now() > self.until {
                return Err("it does not come to an end".to_owned());
            }
            let mut piece = [0; 1024];
            let got = self.stream.read(&mut piece).map_err(|error| match error.kind() {
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                    "it does not answer in time".to_owned()
                }
                _ => format!("it does not answer ({error})"),
            })?;
            if got == 0 {
                return Err("it hangs up".to_owned());
            }
            self.rest.extend_from_slice(&piece[..got]);
        }
    }

    fn hello(&mut self) -> Result<String, String> {
        self.say("EHLO keysweep.invalid", '2').map(|answer| answer.to_ascii_uppercase())
    }
}

/// Sends a message: complete lines, none of which begins with a full stop.
///
/// # Errors
/// Why it was not taken.
pub fn send(folder: &Path, mail: &Mail, login: Option<(&str, &Secret)>, message: &str) -> Result<(), String> {
    let (host, port) = host_and_port(&mail.server).ok_or("`server` must be host:port")?;
    let reach = Reach::new(mail.private, mail.ca_file.as_ref().map(|path| folder.join(path)));
    let stream = reach.connect(host, port).map_err(|trouble| trouble.to_string())?;
    let secure = |stream| reach.secure(host, stream).map_err(|trouble| trouble.to_string());
    let stream = if mail.tls == Tls::Implicit { secure(stream)? } else { Stream::Plain(stream) };
    let mut talk = Talk { stream, rest: Vec::new(), until: Instant::now() + PATIENCE };
    talk.hear('2')?;
    let mut can = talk.hello()?;
    if mail.tls == Tls::Starttls {
        if !can.contains("STARTTLS") {
            return Err("it offers no TLS: say `tls = \"none\"` where that is what you want".to_owned());
        }
        talk.say("STARTTLS", '2')?;
        // What came before TLS could be anybody's.
        if !talk.rest.is_empty() {
            return Err("it said something between STARTTLS and TLS".to_owned());
        }
        let Talk { stream: Stream::Plain(stream), until, .. } = talk else { return Err("it is under TLS".to_owned()) };
        talk = Talk { stream: secure(stream)?, rest: Vec::new(), until };
        can = talk.hello()?;
    }
    if let Some((user, password)) = login {
        if !can.lines().any(|line| line.contains("AUTH") && line.contains("PLAIN")) {
            return Err("it offers no AUTH PLAIN".to_owned());
        }
        let plain = Zeroizing::new([b"\0", user.as_bytes(), b"\0", password.expose()].concat());
        let plain = Zeroizing::new(BASE64.encode(&*plain));
        talk.say(&Zeroizing::new(format!("AUTH PLAIN {}", *plain)), '2')?;
    }
    talk.say(&format!("MAIL FROM:<{}>", mail.from), '2')?;
    for to in &mail.to {
        talk.say(&format!("RCPT TO:<{to}>"), '2')?;
    }
    talk.say("DATA", '3')?;
    talk.write(message.as_bytes())?;
    talk.say(".", '2')?;
    // It was taken; how we part does not matter.
    let _ = talk.say("QUIT", '2');
    Ok(())
}
