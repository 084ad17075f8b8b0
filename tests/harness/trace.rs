//! A record of what a device was sent, one JSON line for each thing, so that another client can
//! live the same life: `e2e/lives.mjs` plays it into the library, which is written in another
//! language.
//!
//! `hello` · `event`, as it was told · `asked`: what the device has, the server's answer, and
//! `all`, what it would tell a device that has nothing, from which follows what it tells any other
//! · `answered`: that answer arrived · `reply`: the row that a request of its own gave · `cut` ·
//! `end`, with `all` and how much is unread in each chat.
//!
//! Called by `Device`, for the lives of `equality`.

use std::collections::BTreeMap;
use std::fs::{File, create_dir_all};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

/// Where the lines of one device go.
pub struct Trace(BufWriter<File>);

impl Trace {
    /// A new one in the folder that `EQUALITY_TRACE` names; `None` where nothing is recorded.
    pub fn begin(name: &str, user: &str) -> Option<Self> {
        let folder = std::env::var_os("EQUALITY_TRACE")?;
        create_dir_all(&folder).expect("a folder for traces");
        let file = File::create(Path::new(&folder).join(name)).expect("a file for a trace");
        let mut trace = Self(BufWriter::new(file));
        trace.line(&json!({ "is": "device", "user": user }));
        Some(trace)
    }

    /// A connection is live.
    pub fn hello(&mut self, data: &Value) {
        self.line(&json!({ "is": "hello", "d": data }));
    }

    /// What the server told on it.
    pub fn event(&mut self, name: &str, data: &Value) {
        self.line(&json!({ "is": "event", "ev": name, "d": data }));
    }

    /// A question, its answer, and all that there is at that moment.
    pub fn asked(&mut self, have: &Value, news: &Value, all: &Value) {
        self.line(&json!({ "is": "asked", "have": have, "news": news, "all": all }));
    }

    /// The answer to the last question arrived.
    pub fn answered(&mut self) {
        self.line(&json!({ "is": "answered" }));
    }

    /// A request of its own gave this row.
    pub fn reply(&mut self, message: &Value) {
        self.line(&json!({ "is": "reply", "message": message }));
    }

    /// The connection is gone.
    pub fn cut(&mut self) {
        self.line(&json!({ "is": "cut" }));
    }

    /// What the device must have come to.
    pub fn end(&mut self, all: &Value, unread: &BTreeMap<String, u64>) {
        self.line(&json!({ "is": "end", "all": all, "unread": unread }));
        self.0.flush().expect("a trace is written");
    }

    fn line(&mut self, line: &Value) {
        writeln!(self.0, "{line}").expect("a trace is written");
    }
}
