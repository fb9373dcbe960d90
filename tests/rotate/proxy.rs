//! A proxy between the program and a server: it loses answers, turns calls away, and adds what an emulator lacks.

use std::collections::BTreeSet;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is passed on.
    Pass,
    /// It is passed on, and the answer is lost.
    Lose,
    /// It is passed on after this time, and answered after it again.
    Slow(std::time::Duration),
    /// It is not passed on; this is answered.
    Answer(String),
    /// It is not passed on; the connection ends.
    Reset,
}

/// An answer of the proxy's own.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Fate {
    Fate::Answer(format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

/// A proxy that runs until the test ends.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// Every call that came: first line, and body.
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
    /// Every call that was answered by the server, with its answer.
    pub(crate) answers: Arc<Mutex<Vec<(String, String)>>>,
}

impl Proxy {
    /// A proxy before `upstream`; `decide` sees a call as text (head and body).
    pub(crate) fn start(upstream: u16, decide: impl Fn(&str) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let answers: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let (seen, answered) = (Arc::clone(&calls), Arc::clone(&answers));
        let decide = Arc::new(decide);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (decide, seen, answered) = (Arc::clone(&decide), Arc::clone(&seen), Arc::clone(&answered));
                std::thread::spawn(move || serve(stream, upstream, &*decide, &seen, &answered));
            }
        });
        Self { port, calls, answers }
    }

    /// How many calls held this text.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.calls.lock().expect("the list").iter().filter(|call| call.contains(text)).count()
    }
}

fn serve(
    mut client: TcpStream,
    upstream: u16,
    decide: &dyn Fn(&str) -> Fate,
    seen: &Mutex<Vec<String>>,
    answered: &Mutex<Vec<(String, String)>>,
) {
    let Some(call) = read_message(&mut client) else { return };
    let text = String::from_utf8_lossy(&call).into_owned();
    seen.lock().expect("the list").push(text.clone());
    match decide(&text) {
        Fate::Answer(answer) => drop(client.write_all(answer.as_bytes())),
        Fate::Reset => {}
        fate => {
            let slow = if let Fate::Slow(time) = fate { time } else { std::time::Duration::ZERO };
            std::thread::sleep(slow);
            let mut server = TcpStream::connect(("127.0.0.1", upstream)).expect("the server answers");
            server.write_all(&call).expect("passed on");
            let answer = read_message(&mut server).unwrap_or_default();
            answered.lock().expect("the list").push((text, String::from_utf8_lossy(&answer).into_owned()));
            std::thread::sleep(slow);
            if fate != Fate::Lose {
                let _ = client.write_all(&answer);
            }
        }
    }
}

/// A whole HTTP message, by its length or by chunks.
pub(crate) fn read_message(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let read = stream.read(&mut buffer).ok()?;
        message.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&message).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length =
                lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            let whole = match length {
                Some(length) => message.len() >= head.len() + 4 + length,
                None if lower.contains("transfer-encoding: chunked") => body.ends_with("0\r\n\r\n"),
                None => lower.starts_with("get") || lower.starts_with("list") || lower.contains(" 204 ") || read == 0,
            };
            if whole {
                return Some(message);
            }
        }
        if read == 0 {
            return None;
        }
    }
}

/// What moto lacks: a key that is inactive is refused.
#[derive(Default)]
pub(crate) struct InactiveKeys(Mutex<BTreeSet<String>>);

impl InactiveKeys {
    /// The fate of a call to AWS.
    pub(crate) fn decide(&self, call: &str) -> Fate {
        let mut inactive = self.0.lock().expect("the list");
        let signer = call.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if inactive.contains(signer) {
            return refused();
        }
        if call.contains("Action=UpdateAccessKey") {
            let parameter = |name: &str| call.split(name).nth(1).and_then(|rest| rest.split(['&', '\r']).next());
            if let (Some(key), Some(status)) = (parameter("AccessKeyId="), parameter("Status=")) {
                if status == "Inactive" {
                    inactive.insert(key.to_owned());
                } else {
                    inactive.remove(key);
                }
            }
        }
        Fate::Pass
    }
}

fn refused() -> Fate {
    let body = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The security token included in the request \
                is invalid.</Message></Error></ErrorResponse>";
    answer("403 Forbidden", "Content-Type: text/xml\r\n", body)
}
