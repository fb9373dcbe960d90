//! Vendors' services, played: tokens with families, lists, quotas, changes that arrive late or on one replica after the other.
//!
//! What it answers follows the vendors' pages (`source` in `providers/*.toml`). It runs until the test ends.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::proxy::read_message;

/// A token.
#[derive(Debug, Clone)]
struct Token {
    id: u64,
    name: String,
    family: u64,
    lives_from: Instant,
    dies_at: Option<Instant>,
}

/// What is played, and how badly.
#[derive(Debug, Default)]
pub(crate) struct State {
    tokens: BTreeMap<String, Token>,
    next: u64,
    /// A new token works only after this.
    pub(crate) activate_after: Duration,
    /// A killed one works on for this long.
    pub(crate) die_after: Duration,
    /// So many probes of a dead token still meet a replica that lets it in.
    pub(crate) stale_replicas: usize,
    /// Most tokens there may be.
    pub(crate) quota: usize,
    /// The self endpoint does not tell the token's id.
    pub(crate) hides_ids: bool,
    /// Calls by what they were.
    pub(crate) calls: Vec<String>,
    /// Every answer takes this long.
    pub(crate) delay: Duration,
    /// What stores hold, by path: a variable, or an envelope that cannot be read.
    pub(crate) stored: BTreeMap<String, Value>,
    /// What values are sealed for.
    pub(crate) public_key: String,
    /// Families that were revoked because a dead member was rotated.
    pub(crate) families_lost: usize,
}

impl State {
    fn add(&mut self, value: &str, name: &str, family: Option<u64>) -> u64 {
        self.next += 1;
        let id = self.next;
        let lives_from = Instant::now() + self.activate_after;
        let family = family.unwrap_or(id);
        self.tokens.insert(value.to_owned(), Token { id, name: name.to_owned(), family, lives_from, dies_at: None });
        id
    }

    fn lives(&mut self, value: &str) -> bool {
        let now = Instant::now();
        let Some(token) = self.tokens.get(value) else { return false };
        if token.lives_from > now {
            return false;
        }
        if token.dies_at.is_none_or(|at| at > now) {
            return true;
        }
        let stale = self.stale_replicas > 0;
        self.stale_replicas = self.stale_replicas.saturating_sub(1);
        stale
    }

    fn kill(&mut self, value: &str) {
        let at = Instant::now() + self.die_after;
        if let Some(token) = self.tokens.get_mut(value) {
            token.dies_at.get_or_insert(at);
        }
    }

    /// Values that live, or will.
    pub(crate) fn living(&self) -> Vec<String> {
        let alive = self.tokens.iter().filter(|(_, token)| token.dies_at.is_none());
        alive.map(|(value, _)| value.clone()).collect()
    }

    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|seen| seen.starts_with(call)).count()
    }
}

/// A running simulator.
pub(crate) struct Simulator {
    pub(crate) port: u16,
    pub(crate) state: Arc<Mutex<State>>,
}

impl Simulator {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State { quota: 100, ..State::default() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { port, state }
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().expect("the state"))
    }

    /// A token that somebody made long ago.
    pub(crate) fn token(&self, value: &str) {
        self.with(|state| {
            let wait = std::mem::take(&mut state.activate_after);
            state.add(value, "made by hand", None);
            state.activate_after = wait;
        });
    }

    /// What a person does at a console.
    pub(crate) fn kill_by_hand(&self, value: &str) {
        self.with(|state| state.kill(value));
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some(call) = read_message(&mut stream) else { return };
    let text = String::from_utf8_lossy(&call).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut first = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let header = |name: &str| {
        head.lines().find_map(|line| line.to_ascii_lowercase().starts_with(name).then(|| line[name.len()..].trim()))
    };
    let bearer = header("authorization: bearer ").or(header("private-token: ")).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let delay = state.lock().expect("the state").delay;
    std::thread::sleep(delay);
    let mut state = state.lock().expect("the state");
    state.calls.push(format!("{method} {path}"));
    let (status, answer) = answer(&mut state, method, path, bearer, &body);
    let answer = if status == 204 { String::new() } else { answer.to_string() };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    );
}

fn answer(state: &mut State, method: &str, path: &str, bearer: &str, body: &Value) -> (u16, Value) {
    let unauthorized = (401, json!({ "message": "401 Unauthorized" }));
    if path.contains("/secrets/") || path.contains("/variables/") {
        return match bearer {
            STORE => store(state, method, path, body),
            _ => unauthorized,
        };
    }
    // Slack refuses inside of a 200; GitHub's bulk endpoint wants nobody's credential.
    match (method, path) {
        ("POST", "/api/auth.test") => {
            return match state.lives(bearer) {
                true => (200, json!({ "ok": true, "team": "t", "team_id": "T1", "user": "u", "user_id": "U1" })),
                false => (200, json!({ "ok": false, "error": "token_revoked" })),
            };
        }
        ("POST", "/v3/auth/revoke") => {
            state.kill(body["token"].as_str().unwrap_or_default());
            return (200, json!({}));
        }
        ("POST", "/credentials/revoke") => {
            if !bearer.is_empty() {
                return (403, json!({ "message": "Forbidden" }));
            }
            for value in body["credentials"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                state.kill(value);
            }
            return (202, json!({}));
        }
        _ => {}
    }
    // A dead member of a family that is rotated again costs the family.
    if path == "/api/v4/personal_access_tokens/self/rotate" && !state.lives(bearer) {
        if let Some(family) = state.tokens.get(bearer).map(|token| token.family) {
            let kin: Vec<String> = state
                .tokens
                .iter()
                .filter(|(_, token)| token.family == family)
                .map(|(value, _)| value.clone())
                .collect();
            kin.iter().for_each(|value| state.kill(value));
            state.families_lost += 1;
        }
        return unauthorized;
    }
    if !state.lives(bearer) {
        return unauthorized;
    }
    let id = state.tokens.get(bearer).map_or(0, |token| token.id);
    match (method, path) {
        ("GET", "/user") => (200, json!({ "login": "octo", "id": 1 })),
        ("GET", "/v1/balance") => (200, json!({ "object": "balance" })),
        ("GET", "/api/v4/personal_access_tokens/self") if state.hides_ids => {
            (200, json!({ "user_id": 7, "active": true, "scopes": ["api"] }))
        }
        ("GET", "/api/v4/personal_access_tokens/self") => {
            (200, json!({ "id": id, "user_id": 7, "active": true, "scopes": ["api"] }))
        }
        ("POST", "/api/v4/personal_access_tokens/self/rotate") => {
            let family = state.tokens.get(bearer).map(|token| token.family);
            state.kill(bearer);
            let value = format!("glpat-new{:017}", state.next + 1);
            let id = state.add(&value, "rotated", family);
            (200, json!({ "id": id, "token": value }))
        }
        ("POST", "/api/auth.revoke") => {
            state.kill(bearer);
            (200, json!({ "ok": true, "revoked": true }))
        }
        ("GET", "/access/api/v1/tokens/me") => (200, json!({ "subject": "user/app", "expiry": 0 })),
        ("DELETE", "/access/api/v1/tokens/me") => {
            state.kill(bearer);
            (204, Value::Null)
        }
        ("GET", "/v3/me") => (200, json!({ "slug": "t1", "type": "service_account", "workplace": { "slug": "w1" } })),
        (_, path) if path.starts_with("/api/v4/") => gitlab(state, method, path, body),
        ("GET", "/account") => (200, json!({ "id": "u1" })),
        ("GET", "/oauth/authorizations") => {
            // Two entries with one value: nobody can say which is meant.
            let entry =
                |id: u64| json!({ "id": id.to_string(), "description": "", "access_token": { "token": bearer } });
            (200, json!([entry(1), entry(2)]))
        }
        ("GET", "/v3/scopes") => (200, json!({ "scopes": ["mail.send", "api_keys.create"] })),
        ("GET", "/v3/api_keys") => {
            let alive = state.tokens.iter().filter(|(_, token)| token.dies_at.is_none());
            let list: Vec<Value> =
                alive.map(|(value, token)| json!({ "api_key_id": middle(value), "name": token.name })).collect();
            (200, json!({ "result": list }))
        }
        ("POST", "/v3/api_keys") => {
            if state.living().len() >= state.quota {
                return (403, json!({ "errors": [{ "message": "maximum number of api keys reached" }] }));
            }
            let value = format!("SG.new{:019}.{}", state.next + 1, "n".repeat(43));
            state.add(&value, body["name"].as_str().unwrap_or_default(), None);
            (
                201,
                json!({ "api_key": value, "api_key_id": middle(&value), "name": body["name"], "scopes": body["scopes"] }),
            )
        }
        ("DELETE", path) if path.starts_with("/v3/api_keys/") => {
            let wanted = path.rsplit('/').next().unwrap_or_default();
            let found = state.tokens.keys().find(|value| middle(value) == wanted).cloned();
            match found.filter(|value| state.tokens[value].dies_at.is_none()) {
                Some(value) => {
                    state.kill(&value);
                    (204, Value::Null)
                }
                None => (404, json!({ "errors": [{ "message": "not found" }] })),
            }
        }
        _ => (404, json!({ "message": "Not Found" })),
    }
}

/// Deploy and trigger tokens of GitLab's project 7, as an administrator sees them.
fn gitlab(state: &mut State, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let not_found = (404, json!({ "message": "404 Not Found" }));
    let shown = |value: &str, token: &Token| {
        json!({
            "id": token.id, "name": token.name, "description": token.name, "token": value, "scopes": ["read_registry"],
            "username": format!("gitlab+deploy-token-{}", token.family), "revoked": token.dies_at.is_some(), "expired": false,
        })
    };
    if (method, path) == ("POST", "/api/v4/admin/token") {
        let value = body["token"].as_str().unwrap_or_default();
        // A revoked one is known for what it was.
        return state.tokens.get(value).map_or(not_found, |token| (200, shown(value, token)));
    }
    let rest = path.strip_prefix("/api/v4/projects/7/").unwrap_or_default();
    let (list, id) = rest.split_once('/').unwrap_or((rest, ""));
    let (prefix, name) = match list {
        "deploy_tokens" => ("gldt-", "name"),
        "triggers" => ("glptt-", "description"),
        _ => return not_found,
    };
    match method {
        "GET" => {
            let alive =
                state.tokens.iter().filter(|(value, token)| value.starts_with(prefix) && token.dies_at.is_none());
            (200, alive.map(|(value, token)| shown(value, token)).collect())
        }
        "POST" => {
            let value = format!("{prefix}new{:017}", state.next + 1);
            // The name to log in with is the old one's.
            let user = body["username"].as_str().and_then(|user| user.rsplit('-').next()?.parse().ok());
            state.add(&value, body[name].as_str().unwrap_or_default(), user);
            (201, shown(&value, &state.tokens[&value]))
        }
        "DELETE" => {
            let found =
                state.tokens.iter().find(|(_, token)| token.id.to_string() == id).map(|(value, _)| value.clone());
            match found {
                Some(value) => {
                    state.kill(&value);
                    (204, Value::Null)
                }
                None => not_found,
            }
        }
        _ => (405, json!({})),
    }
}

/// The operator's token for stores.
pub(crate) const STORE: &str = "made-up-store-token"; // keysweep:allow made up

fn store(state: &mut State, method: &str, path: &str, body: &Value) -> (u16, Value) {
    if path.ends_with("/public-key") {
        return (200, json!({ "key": state.public_key, "key_id": "k1" }));
    }
    if path.ends_with("/repositories") {
        return (200, json!({ "total_count": 2, "repositories": [{ "id": 11 }, { "id": 12 }] }));
    }
    let Some(old) = state.stored.get(path).cloned() else { return (404, json!({ "message": "Not Found" })) };
    match method {
        // What was sealed is never shown.
        "GET" if old.get("updated_at").is_some() => {
            (200, json!({ "name": "N", "updated_at": old["updated_at"], "visibility": old["visibility"] }))
        }
        "GET" => (200, old),
        "PUT" if old.get("updated_at").is_some() => {
            state.next += 1;
            let mut new = body.clone();
            new["updated_at"] = format!("2026-11-25T00:{:02}:00Z", state.next).into();
            if new.get("visibility").is_none() {
                new["visibility"] = old["visibility"].clone();
            }
            state.stored.insert(path.to_owned(), new);
            (204, Value::Null)
        }
        // Another writer came first.
        "PATCH" if body["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] => {
            (409, json!({ "message": "the object has been modified" }))
        }
        "PATCH" | "PUT" => {
            let mut new = old;
            merge(&mut new, body);
            if new.get("metadata").is_some() {
                state.next += 1;
                new["metadata"]["resourceVersion"] = state.next.to_string().into();
            }
            state.stored.insert(path.to_owned(), new.clone());
            (200, new)
        }
        _ => (405, json!({ "message": "no" })),
    }
}

fn merge(into: &mut Value, from: &Value) {
    match from {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| merge(&mut into[name.as_str()], value)),
        other => *into = other.clone(),
    }
}

/// The id inside of a SendGrid key.
fn middle(value: &str) -> &str {
    value.split('.').nth(1).unwrap_or_default()
}
