//! Providers as data: `providers/*.toml`, a file per family, as types. Parsed at first use; tests check every entry.
//!
//! A kind says how a value is probed, how a new one is made, how the old one is killed, what else dies, and which published
//! page says so. Hosts are constants of the files or come from the operator's policy, never from scanned text.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::rotate::destinations::store::Store;
use crate::rotate::types::{Proof, Retry, Strategy};

/// What the files hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    kinds: Vec<Kind>,
    destinations: Vec<Store>,
}

/// A kind of credential.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Kind {
    /// Its name: `provider = "…"` in a target.
    pub id: String,
    /// Whose it is, for people.
    pub vendor: String,
    /// Rules whose findings may be of this kind.
    pub rules: Vec<String>,
    /// How it is turned.
    pub strategy: Strategy,
    /// How its calls are known to work.
    pub proof: Proof,
    /// The published description or page that says so; several are separated by spaces.
    pub source: String,
    /// Where it is spoken to, unless the target says; none when only the target can.
    #[serde(default)]
    pub host: Option<String>,
    /// Headers of every call. What follows `Basic ` is encoded.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What the target must say in `parameters`.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Where the object's id comes from; none when no call needs one.
    #[serde(default)]
    pub id_from: Option<IdFrom>,
    /// Does a value live?
    pub probe: Option<Probe>,
    /// It is a key pair of ours that logs in by SSH; its public half is known to the vendor. Instead of a probe.
    pub pair: Option<Pair>,
    /// Makes a new one.
    pub issue: Option<Change>,
    /// What was made, with the run's name in it.
    pub list: Option<List>,
    /// Switches the old one off.
    pub disable: Option<Change>,
    /// Switches it on again.
    pub enable: Option<Change>,
    /// Removes it.
    pub delete: Option<Change>,
    /// It is a service account's private key: `{jwt}` is a token that it signs.
    #[serde(default)]
    pub jwt: bool,
    /// The list of `id-from` shows every value whenever it is asked: the new one is read there, and no lost answer loses it.
    #[serde(default)]
    pub shown: bool,
    /// A living value of another account is refused as a dead one is: only what was seen alive here can be told dead.
    #[serde(default)]
    pub tied: bool,
    /// Seconds a change may take until it holds everywhere.
    #[serde(default)]
    pub propagation: u64,
    /// What else ends with it.
    #[serde(default)]
    pub also_dies: Vec<String>,
    /// The least rights of who signs.
    #[serde(default)]
    pub rights: String,
    /// How many calls the vendor takes.
    pub limit: Option<Limit>,
    /// What a person does, where no call does it.
    #[serde(default)]
    pub steps: Vec<String>,
}

/// Where an object's id comes from. Each proves that the object is the leaked value (law 1).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum IdFrom {
    /// The probe's answer holds it: the value itself was let in.
    Probe(String),
    /// It is a piece of the value.
    Value {
        /// What stands between pieces.
        split: String,
        /// Which piece, from 0.
        at: usize,
    },
    /// It was found beside the value, under one of these names.
    Part(Vec<String>),
    /// It was found beside the value, and the vendor shows the public half under it.
    Public {
        /// The call, by the operator's credential.
        call: String,
        /// Where the public half is in the answer: PEM, in base64.
        value: String,
    },
    /// The vendor finds the object by the whole value.
    Lookup {
        /// The call, by the operator's credential.
        call: String,
        /// Where the object's name is in the answer.
        id: String,
        /// What the name begins with where the object is the operator's; the rest is its id.
        within: String,
    },
    /// A list holds exactly this value.
    List {
        /// The call.
        call: String,
        /// Who signs.
        #[serde(default, rename = "as")]
        signer: By,
        /// Where the list is in the answer.
        #[serde(default)]
        items: String,
        /// Where an item's value is.
        value: String,
        /// Where its id is.
        id: String,
    },
}

/// How a key pair is probed, and what is taken over from the old one's item in the list of `id-from`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pair {
    /// Where it logs in, unless the target says.
    pub host: String,
    /// As whom.
    pub user: String,
    /// Whose it is: a template of the target's parameters.
    pub owner: String,
    /// Facts of the item: name and pointer.
    pub facts: BTreeMap<String, String>,
}

/// Who signs a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The value in question.
    #[default]
    Leaked,
    /// The operator's credential.
    Admin,
    /// The operator's where the target has one, else the leaked one, then its replacement.
    Own,
    /// Nobody: the call needs no credential.
    Nobody,
}

/// A call that tells whether a value lives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Probe {
    /// `GET /path`.
    pub call: String,
    /// Who signs.
    #[serde(default, rename = "as")]
    pub signer: By,
    /// Headers of this call.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What is sent, as JSON.
    pub body: Option<Value>,
    /// What is sent, as a form.
    pub form: Option<BTreeMap<String, String>>,
    /// Statuses of a live one.
    #[serde(default = "ok")]
    pub live: Vec<u16>,
    /// What a live one's answer must hold: pointer and values.
    #[serde(default)]
    pub live_if: BTreeMap<String, Vec<Value>>,
    /// Statuses of a dead one.
    #[serde(default = "unauthorized")]
    pub dead: Vec<u16>,
    /// What a dead one's answer must hold.
    #[serde(default)]
    pub dead_if: BTreeMap<String, Vec<Value>>,
    /// Texts of which one stands in a dead one's answer, or in its challenge (`WWW-Authenticate`); JSON is not needed then.
    #[serde(default)]
    pub dead_text: Vec<String>,
    /// What tells a dead one too, whatever the status: pointer and values, any of them.
    #[serde(default)]
    pub dead_or: BTreeMap<String, Vec<Value>>,
    /// Texts of which one must stand in a live one's answer; JSON is not needed then.
    #[serde(default)]
    pub live_text: Vec<String>,
    /// It lives as long as this list of the answer holds exactly it. A value that was never in it cannot be told dead.
    pub listed: Option<Listed>,
    /// Whose it is: a template; `{/login}` is a pointer into the answer.
    #[serde(default)]
    pub owner: String,
    /// Facts worth showing: name and pointer.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// Rights that the value needs to turn itself: pointer, and the words of which one must be there.
    #[serde(default)]
    pub rights: BTreeMap<String, Vec<String>>,
}

/// A list that shows values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Where the list is in the answer.
    #[serde(default)]
    pub items: String,
    /// Where an item's value is.
    pub value: String,
    /// A list this long may go on on another page.
    pub most: usize,
}

fn ok() -> Vec<u16> {
    vec![200]
}

fn unauthorized() -> Vec<u16> {
    vec![401]
}

/// A call that changes something.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Change {
    /// `POST /path`.
    pub call: String,
    /// Who signs.
    #[serde(default, rename = "as")]
    pub signer: By,
    /// Headers of this call.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What is sent, as JSON; `{fact.scopes}` alone is that fact's JSON.
    pub body: Option<Value>,
    /// What is sent, as a form.
    pub form: Option<BTreeMap<String, String>>,
    /// Statuses that mean done.
    pub done: Vec<u16>,
    /// What an answer that means done must hold.
    #[serde(default)]
    pub done_if: BTreeMap<String, Vec<Value>>,
    /// Statuses that mean it was gone already.
    #[serde(default)]
    pub gone: Vec<u16>,
    /// What may be done when the answer is lost; the driver's judgement unless said.
    pub retry: Option<Retry>,
    /// Where the new value is in the answer.
    pub value: Option<String>,
    /// Where the new one's id is.
    pub id: Option<String>,
    /// Where in the answer a JSON file in base64 is that holds the two.
    pub file: Option<String>,
}

/// A call that lists what was made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct List {
    /// `GET /path`.
    pub call: String,
    /// Who signs.
    #[serde(default, rename = "as")]
    pub signer: By,
    /// Headers of this call.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Where the list is in the answer.
    #[serde(default)]
    pub items: String,
    /// Where an item's id is.
    pub id: String,
    /// Where its name is: it holds the run's name. Without names, what was not there before is the run's.
    pub tag: Option<String>,
    /// What follows in an item's id after the last slash is the id.
    #[serde(default)]
    pub last: bool,
    /// A list this long may go on on another page: nothing can be told then.
    pub most: usize,
}

/// Calls within a time.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limit {
    /// How many.
    pub calls: usize,
    /// Within how many seconds.
    pub seconds: u64,
}

/// `providers/*.toml` as one text, packed by the build: they would be one of the larger things in the program.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/providers.toml.z"));

fn data() -> Result<&'static Data, String> {
    static DATA: OnceLock<Result<Data, String>> = OnceLock::new();
    let parsed = DATA.get_or_init(|| {
        let (length, packed) = PACKED.split_at(4);
        let length = u32::from_le_bytes(length.try_into().map_err(|_| "providers: cut off")?);
        let mut text = vec![0; usize::try_from(length).unwrap_or_default()];
        zlib_rs::Inflate::new(true, 15)
            .decompress(packed, &mut text, zlib_rs::InflateFlush::Finish)
            .map_err(|error| format!("providers: {error:?}"))?;
        // By way of a table, as policies are read: the other way is compiled for each type as well.
        let text = String::from_utf8(text).map_err(|error| format!("providers: {error}"))?;
        text.parse().and_then(toml::Table::try_into).map_err(|error: toml::de::Error| format!("providers: {error}"))
    });
    parsed.as_ref().map_err(Clone::clone)
}

/// Every kind; what is wrong with the files stands in the error (tests hold that nothing is).
///
/// # Errors
/// When a file does not parse.
pub fn kinds() -> Result<&'static [Kind], String> {
    data().map(|data| data.kinds.as_slice())
}

/// Every store, of the same files.
///
/// # Errors
/// As [`kinds`].
pub(in crate::rotate) fn stores() -> Result<&'static [Store], String> {
    data().map(|data| data.destinations.as_slice())
}

/// The kind of this name.
pub fn kind(id: &str) -> Option<&'static Kind> {
    kinds().ok()?.iter().find(|kind| kind.id == id)
}

/// The kinds that findings of a rule may be.
pub fn of_rule(rule: &str) -> impl Iterator<Item = &'static Kind> {
    kinds().unwrap_or_default().iter().filter(move |kind| kind.rules.iter().any(|known| known == rule))
}

impl Kind {
    /// The changes it knows, with the names of their steps.
    pub fn changes(&self) -> impl Iterator<Item = (&'static str, &Change)> {
        let all =
            [("issue", &self.issue), ("disable", &self.disable), ("enable", &self.enable), ("delete", &self.delete)];
        all.into_iter().filter_map(|(step, change)| Some((step, change.as_ref()?)))
    }

    /// Whether a change names the object's id.
    pub fn uses_id(&self) -> bool {
        self.changes().any(|(step, change)| {
            let body = change.body.as_ref().map(Value::to_string).unwrap_or_default();
            step != "issue" && (change.call.contains("{id}") || body.contains("{id}"))
        })
    }
}
