//! What the server counts: requests, WebSocket commands, closes and events, as they happen. What
//! other parts know about themselves (connections, the relay, the process) is read when somebody
//! asks.
//!
//! Invariant: only numbers, and labels of which there are few: no id, no address, no text.
//!
//! Called by `http/pipeline` and `ws`, read by `http/metrics`; the bus tells it of events.

use std::fmt::{self, Write};
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelValueEncoder,
};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::bus::{Event, Listener, Source};
use crate::error::{Error, Result};
use crate::hub::close::CloseCode;

/// Upper bounds of how long requests take, in seconds.
const TOOK: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// The pattern of a route: labels are made of these, never of paths.
#[derive(Clone)]
struct Route(Option<MatchedPath>);

impl Route {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("(none)", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl std::hash::Hash for Route {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: Route,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: Route,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Closed {
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Happened {
    kind: &'static str,
}

/// A number that somebody else knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// It only grows: name (without `_total`), what it says, how much.
    Total(&'static str, &'static str, f64),
    /// It goes up and down.
    Level(&'static str, &'static str, f64),
}

/// Reads such numbers.
pub type Read = Box<dyn Fn() -> Vec<Reading> + Send + Sync>;

struct Others(Read);

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Others")
    }
}

impl Collector for Others {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for reading in (self.0)() {
            match reading {
                Reading::Total(name, help, value) => {
                    put(&mut encoder, name, help, &ConstCounter::new(value))?;
                }
                Reading::Level(name, help, value) => {
                    put(&mut encoder, name, help, &ConstGauge::new(value))?;
                }
            }
        }
        Ok(())
    }
}

fn put(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: &impl EncodeMetric,
) -> fmt::Result {
    value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)
}

/// What is counted.
pub struct Counters {
    registry: Registry,
    requests: Family<Answered, Counter>,
    took: Family<Asked, Histogram, fn() -> Histogram>,
    commands: Counter,
    closes: Family<Closed, Counter>,
    events: Family<Happened, Counter>,
}

impl Counters {
    /// Counts from nothing, and reads what others know.
    pub fn new(others: Read) -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let took: Family<Asked, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(TOOK));
        let (commands, closes, events) = (Counter::default(), Family::default(), Family::default());
        registry.register("wechat_http_requests", "Answered requests", requests.clone());
        registry.register(
            "wechat_http_request_seconds",
            "From a request's head to the head of its answer",
            took.clone(),
        );
        registry.register(
            "wechat_websocket_commands",
            "Requests that came by WebSocket",
            commands.clone(),
        );
        registry.register(
            "wechat_websocket_closes",
            "WebSockets that the server closed, by close code",
            closes.clone(),
        );
        registry.register(
            "wechat_events",
            "What happened: rows of chats that are new or changed (message), receipts, calls …",
            events.clone(),
        );
        registry.register_collector(Box::new(Others(others)));
        Self { registry, requests, took, commands, closes, events }
    }

    /// A request was answered.
    pub fn answered(
        &self,
        method: &Method,
        route: Option<&MatchedPath>,
        status: StatusCode,
        took: Duration,
    ) {
        let (method, route) = (label_of(method), Route(route.cloned()));
        let asked = Asked { method, route: route.clone() };
        self.took.get_or_create(&asked).observe(took.as_secs_f64());
        let answered = Answered { method, route, status: status.as_u16() };
        self.requests.get_or_create(&answered).inc();
    }

    /// A request came by WebSocket.
    pub fn commanded(&self) {
        self.commands.inc();
    }

    /// The server closes a WebSocket.
    pub fn closes(&self, code: CloseCode) {
        self.closes.get_or_create(&Closed { code: code.row().number }).inc();
    }

    /// All of it in the text form of OpenMetrics 1.0; fails only by a mistake of ours.
    pub fn text(&self) -> Result<String> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .map_err(Error::internal)?;
        Ok(text)
    }
}

impl Listener for Counters {
    fn on_event(&self, event: &Event, source: Source) {
        // What happened elsewhere is counted there.
        if source == Source::There {
            return;
        }
        if matches!(event, Event::Message(posted) if posted.repeated) {
            return;
        }
        self.events.get_or_create(&Happened { kind: event.kind() }).inc();
    }
}

/// Anybody can make up a method: few labels all the same.
fn label_of(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("other")
}
