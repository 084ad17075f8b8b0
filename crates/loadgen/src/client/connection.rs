//! A live connection: requests with their replies, and the events that the server sends.
//!
//! Invariant: frames leave in the order of `submit`, many at once when they queue up; events come
//! in the order in which the server sent them. A task of its own owns the socket; it ends when the
//! `Connection` is dropped or the server closes.
//!
//! Called by the story tests. Loads use `Wire`, which costs less.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::backoff::Backoff;
use super::error::{Error, Result};
use super::wire::{Dial, Frame, Wire};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something that the server told.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name: `message`, `chat`, …
    pub name: String,
    /// What it carries.
    pub data: Value,
}

type Reply = oneshot::Sender<Result<Value>>;

struct Request {
    op: &'static str,
    data: Value,
    reply: Reply,
}

/// A live connection.
#[derive(Debug)]
pub struct Connection {
    requests: mpsc::UnboundedSender<Request>,
    events: mpsc::UnboundedReceiver<Event>,
    /// Events that a search skipped, oldest first.
    skipped: VecDeque<Event>,
    closed: watch::Receiver<Option<u16>>,
}

impl Connection {
    /// Opens a connection; with a token it is identified on the upgrade.
    pub async fn open(dial: Dial<'_>) -> Result<Self> {
        Ok(Self::over(Wire::open(dial).await?))
    }

    /// A connection over an open WebSocket.
    pub fn over(wire: Wire) -> Self {
        let (requests, queue) = mpsc::unbounded_channel();
        let (told, events) = mpsc::unbounded_channel();
        let (closing, closed) = watch::channel(None);
        tokio::spawn(async move {
            let code = Driver { wire, told, waiting: HashMap::new(), next_id: 1 }.run(queue).await;
            let _ = closing.send(Some(code));
        });
        Self { requests, events, skipped: VecDeque::new(), closed }
    }

    /// Opens a connection and keeps trying, with growing pauses, until it is open or the server
    /// says not to come back.
    pub async fn insist(dial: Dial<'_>, backoff: &mut Backoff) -> Result<Self> {
        loop {
            match Self::open(dial).await {
                Ok(connection) => {
                    backoff.reset();
                    return Ok(connection);
                }
                Err(error) if error.is_final() => return Err(error),
                Err(_) => tokio::time::sleep(backoff.wait(fastrand::f64())).await,
            }
        }
    }

    /// Queues a request; the answer resolves with the reply. Requests leave in the order of calls,
    /// without waiting for each other.
    pub fn submit(
        &self,
        op: &'static str,
        data: Value,
    ) -> impl Future<Output = Result<Value>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        // If the driver is gone, the reply's sender is dropped with the request.
        let _ = self.requests.send(Request { op, data, reply });
        let closed = self.closed.clone();
        async move {
            let gone = |_| Error::Closed(closed.borrow().unwrap_or_default());
            match timeout(PATIENCE, answer).await {
                Ok(outcome) => outcome.map_err(gone)?,
                Err(_) => Err(Error::Late(PATIENCE, format!("reply to {op}"))),
            }
        }
    }

    /// Sends a request and waits for its reply.
    pub async fn call(&self, op: &'static str, data: Value) -> Result<Value> {
        self.submit(op, data).await
    }

    /// Says who this is, on a connection that was opened without a token.
    pub async fn identify(&self, token: &str) -> Result<Value> {
        self.call("identify", json!({ "token": token })).await
    }

    /// The next event, within `patience`.
    pub async fn event(&mut self, patience: Duration) -> Result<Event> {
        match self.skipped.pop_front() {
            Some(event) => Ok(event),
            None => self.fresh_event(patience, "event").await,
        }
    }

    /// The next event that fits; the others stay for later.
    pub async fn event_that(
        &mut self,
        patience: Duration,
        fits: impl Fn(&Event) -> bool,
    ) -> Result<Event> {
        if let Some(index) = self.skipped.iter().position(&fits) {
            // invariant: the index was found in the same queue.
            return self.skipped.remove(index).ok_or(Error::Closed(0));
        }
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let event = self.fresh_event(left, "such event").await?;
            if fits(&event) {
                return Ok(event);
            }
            self.skipped.push_back(event);
        }
    }

    async fn fresh_event(&mut self, patience: Duration, what: &str) -> Result<Event> {
        match timeout(patience, self.events.recv()).await {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(Error::Closed(self.closed().await)),
            Err(_) => Err(Error::Late(patience, what.into())),
        }
    }

    /// Events that are here already, in order; does not wait.
    pub fn events_now(&mut self) -> Vec<Event> {
        let mut events: Vec<Event> = self.skipped.drain(..).collect();
        events.extend(std::iter::from_fn(|| self.events.try_recv().ok()));
        events
    }

    /// Waits until the connection is closed; its close code, 0 when there was none.
    pub async fn closed(&self) -> u16 {
        let mut closed = self.closed.clone();
        let code = closed.wait_for(Option::is_some).await.map(|code| code.unwrap_or_default());
        code.unwrap_or_default()
    }
}

/// Owns the socket.
struct Driver {
    wire: Wire,
    told: mpsc::UnboundedSender<Event>,
    waiting: HashMap<u64, Reply>,
    next_id: u64,
}

impl Driver {
    /// Runs until either side closes; answers the close code.
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Request>) -> u16 {
        loop {
            let outcome = tokio::select! {
                request = queue.recv() => match request {
                    Some(request) => self.send(request, &mut queue).await,
                    None => {
                        self.wire.close().await;
                        return 0;
                    }
                },
                text = self.wire.next() => text.and_then(|text| self.take(&text)),
            };
            match outcome {
                Ok(()) => {}
                Err(Error::Closed(code)) => return code,
                Err(_) => return 0,
            }
        }
    }

    /// Sends a request and all that wait behind it, in one write.
    async fn send(
        &mut self,
        first: Request,
        queue: &mut mpsc::UnboundedReceiver<Request>,
    ) -> Result<()> {
        let mut next = Some(first);
        while let Some(request) = next {
            let id = self.next_id;
            self.next_id += 1;
            let frame = json!({ "op": request.op, "id": id, "d": request.data });
            self.waiting.insert(id, request.reply);
            self.wire.feed(frame.to_string()).await?;
            next = queue.try_recv().ok();
        }
        self.wire.flush().await
    }

    /// Hands a frame to the request that waits for it.
    fn take(&mut self, text: &str) -> Result<()> {
        let frame = Frame::parse(text)?;
        if let Some(name) = frame.ev {
            let data = frame.d.map_or(Ok(Value::Null), |d| serde_json::from_str(d.get()))?;
            let _ = self.told.send(Event { name: name.to_owned(), data });
            return Ok(());
        }
        let outcome = match (frame.ok, frame.err) {
            (Some(ok), None) => Ok(serde_json::from_str(ok.get())?),
            (None, None) if frame.re.is_some() => Ok(Value::Null),
            (None, Some(err)) => Err(Error::refused(&serde_json::from_str(err.get())?)),
            _ => Err(Error::protocol(format!("neither event nor reply: {text}"))),
        };
        match frame.re.and_then(|id| self.waiting.remove(&id)) {
            Some(reply) => {
                let _ = reply.send(outcome);
                Ok(())
            }
            None => outcome.map(drop),
        }
    }
}
