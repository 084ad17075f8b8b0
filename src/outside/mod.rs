//! Requests to addresses that strangers name, such as the endpoint of a push subscription.
//!
//! Invariant: a request reaches a public host by HTTPS, or one that the operator allows, and
//! nothing else. The address is checked as it is connected to, so that a name which leads elsewhere
//! after a look-up gains nothing; a redirect is an answer like any other. Invariant: whatever is on
//! the other side costs at most its [`Bounds`]: nothing is unpacked, and what is longer or later
//! than they say is cut off. Called by the adapters of `push`.

mod address;
mod allowed;
mod connect;
pub mod tls;

use std::error::Error;
use std::fmt;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::ClientConfig;

pub use address::{Address, Unusable};
pub use allowed::Allowed;
pub use connect::{Lookup, SystemLookup};

use connect::{Guarded, Refused};

use crate::error::foreign::{chain, one_line};

/// How long a connection rests before it is closed: long enough for a busy service, too short for
/// resting ones to pile up.
const IDLE_WITHIN: Duration = Duration::from_secs(15);
/// Resting connections to one host.
const IDLE_CONNECTIONS: usize = 4;
/// The head of an answer; a longer one ends the connection.
const HEAD_BYTES: usize = 16 * 1024;
/// What a host may send on one connection before we have read it (HTTP/2).
const WINDOW_BYTES: u32 = 64 * 1024;
/// How often a connection that carries a request is asked whether it still lives (HTTP/2).
const ALIVE_EVERY: Duration = Duration::from_secs(10);

/// What one request, and all of them together, may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// From asking to the end of the answer; then [`Failure::Late`].
    pub within: Duration,
    /// For a connection, before TLS.
    pub connect_within: Duration,
    /// The body of an answer; the rest is not read.
    pub answer_bytes: usize,
    /// Requests under way; more wait, within their time.
    pub at_once: usize,
    /// Open connections, resting ones too; beyond them [`Failure::Busy`].
    pub connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            within: Duration::from_secs(15),
            connect_within: Duration::from_secs(5),
            answer_bytes: 8 * 1024,
            at_once: 128,
            connections: 512,
        }
    }
}

/// What a host answered, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// Redirects are not followed: they are seen here.
    pub status: StatusCode,
    /// At most 16 KiB of them.
    pub headers: HeaderMap,
    /// Its beginning, as it was sent: a compressed one stays so.
    pub body: Bytes,
    /// Whether that is all of it.
    pub whole: bool,
}

/// Why there is no answer. Shows no path, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It is not an address that may be reached from here, or its name leads to such a one.
    Forbidden,
    /// Too many connections are open.
    Busy,
    /// Not all of it happened in time.
    Late,
    /// No connection, no TLS, or a connection that ended early: what went wrong, for a log.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden => f.write_str("this address may not be reached from here"),
            Self::Busy => f.write_str("too many connections are open"),
            Self::Late => f.write_str("no answer in time"),
            Self::Broken(why) => f.write_str(why),
        }
    }
}

impl Error for Failure {}

impl From<&legacy::Error> for Failure {
    fn from(error: &legacy::Error) -> Self {
        let first: &(dyn Error + 'static) = error;
        let mut causes = iter::successors(Some(first), |error| (**error).source());
        match causes.find_map(|cause| cause.downcast_ref()) {
            Some(Refused::Forbidden) => Self::Forbidden,
            Some(Refused::Busy) => Self::Busy,
            // What a host says of itself is not for a log to believe.
            None => Self::Broken(one_line(&chain(error), 200)),
        }
    }
}

/// Sends requests and keeps to the invariants above.
pub struct Client {
    http: legacy::Client<HttpsConnector<Guarded>, Full<Bytes>>,
    bounds: Bounds,
    places: Semaphore,
}

impl Client {
    /// A client that trusts as `tls` says and looks names up by `lookup`.
    pub fn new(
        bounds: Bounds,
        allowed: Allowed,
        tls: ClientConfig,
        lookup: Arc<dyn Lookup>,
    ) -> Self {
        let guarded = Guarded::new(&bounds, allowed, lookup);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .enable_http2()
            .wrap_connector(guarded);
        let http = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_WITHIN)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(HEAD_BYTES)
            .http2_max_header_list_size(HEAD_BYTES as u32)
            .http2_initial_stream_window_size(WINDOW_BYTES)
            .http2_initial_connection_window_size(WINDOW_BYTES)
            .http2_keep_alive_interval(ALIVE_EVERY)
            .http2_keep_alive_timeout(ALIVE_EVERY)
            .build(https);
        Self { http, bounds, places: Semaphore::new(bounds.at_once) }
    }

    /// Sends one request to an absolute address. An answer of any status is an answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let end = Instant::now() + self.bounds.within;
        let late = |_| Failure::Late;
        // The places are never closed.
        let _place = timeout_at(end, self.places.acquire()).await.map_err(late)?;
        let answer = timeout_at(end, self.http.request(request)).await.map_err(late)?;
        let (head, body) = answer.map_err(|error| Failure::from(&error))?.into_parts();
        let (body, whole) = read(body, self.bounds.answer_bytes, end).await;
        Ok(Answer { status: head.status, headers: head.headers, body, whole })
    }
}

/// The beginning of a body, and whether it is all. One that breaks off or comes too late is not:
/// the status was there, and says enough.
async fn read(mut body: Incoming, most_bytes: usize, end: Instant) -> (Bytes, bool) {
    let mut read = BytesMut::new();
    loop {
        let Ok(frame) = timeout_at(end, body.frame()).await else { return (read.freeze(), false) };
        match frame {
            None => return (read.freeze(), true),
            Some(Err(_)) => return (read.freeze(), false),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                let room = most_bytes - read.len();
                read.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    return (read.freeze(), false);
                }
            }
        }
    }
}
