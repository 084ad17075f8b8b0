//! A service on TLS that reads each request, keeps what it read, complains about what it does not
//! understand, and answers as its mood is. The push services of the tests are made of it.

#![allow(dead_code, reason = "each test binary needs a part of it")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{LOCATION, RETRY_AFTER};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::sync::Notify;

use crate::authority::{Authority, Listening};
use crate::harness::PATIENCE;

/// What the service does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    /// It takes it.
    Fine,
    /// It answers with this status.
    Says(u16),
    /// It answers with this status and this text.
    Explains(u16, String),
    /// It gets too much (429): come again after so many seconds.
    Tired(u64),
    /// It never answers.
    Hangs,
    /// It closes the connection instead of answering.
    Cuts,
    /// It sends the server elsewhere.
    Redirects(String),
    /// It takes it when the test says so (`release`).
    Slow,
}

/// What a request was: something to keep, or something to answer at once that is of no interest.
pub enum Was<T> {
    Kept(T),
    Answered(String),
}

/// Reads a request that came to an origin; the error says what is wrong with it.
type Read<T> = Box<dyn Fn(&Request<Bytes>, &str) -> Result<Was<T>, String> + Send + Sync>;

/// The service.
pub struct Moody<T> {
    listening: Listening,
    state: Arc<State<T>>,
}

struct State<T> {
    origin: Mutex<String>,
    read: Read<T>,
    /// The status of what it takes.
    fine: u16,
    inner: Mutex<Inner<T>>,
    came: Notify,
    released: Notify,
}

struct Inner<T> {
    moods: VecDeque<Mood>,
    mood: Mood,
    came: Vec<T>,
    complaints: Vec<String>,
}

impl<T: Clone + Send + 'static> Moody<T> {
    /// Starts one at 127.0.0.1 that speaks these protocols (ALPN) and takes a request with this
    /// status.
    pub async fn start(
        authority: &Authority,
        protocols: &[&str],
        fine: u16,
        read: impl Fn(&Request<Bytes>, &str) -> Result<Was<T>, String> + Send + Sync + 'static,
    ) -> Self {
        let inner = Inner {
            moods: VecDeque::new(),
            mood: Mood::Fine,
            came: Vec::new(),
            complaints: Vec::new(),
        };
        let state = Arc::new(State {
            origin: Mutex::default(),
            read: Box::new(read),
            fine,
            inner: Mutex::new(inner),
            came: Notify::new(),
            released: Notify::new(),
        });
        let serving = state.clone();
        let tls = authority.vouches(&["127.0.0.1", "localhost"], protocols);
        let listening = Listening::secure("127.0.0.1", tls, move |stream| {
            let state = serving.clone();
            async move {
                let answer = |request| state.clone().answer(request);
                let service = hyper::service::service_fn(answer);
                let server = auto::Builder::new(TokioExecutor::new());
                // A connection that is cut off is what some moods are about.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await;
        *lock(&state.origin) = format!("https://{}", listening.addr);
        Self { listening, state }
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        lock(&self.state.origin).clone()
    }

    /// What it does with the next requests, one by one; after them it is as before.
    pub fn next(&self, moods: impl IntoIterator<Item = Mood>) {
        lock(&self.state.inner).moods.extend(moods);
    }

    /// What it does with all requests from now on.
    pub fn is(&self, mood: Mood) {
        lock(&self.state.inner).mood = mood;
    }

    /// Lets the slow answers go.
    pub fn release(&self) {
        self.state.released.notify_waiters();
    }

    /// Waits until so many requests came, whatever was done with them, and gives them all. None may
    /// have been wrong.
    pub async fn came(&self, count: usize) -> Vec<T> {
        let there = async {
            loop {
                let changed = self.state.came.notified();
                let came = self.all();
                if came.len() >= count {
                    return came;
                }
                changed.await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, there).await;
        came.unwrap_or_else(|_| panic!("{} of {count} pushes came", self.all().len()))
    }

    /// All that came so far. None may have been wrong.
    pub fn all(&self) -> Vec<T> {
        let inner = lock(&self.state.inner);
        assert_eq!(inner.complaints, Vec::<String>::new(), "the service understands each push");
        inner.came.clone()
    }

    /// How many connections there were.
    pub fn reached(&self) -> usize {
        self.listening.reached()
    }
}

impl<T> State<T> {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, &'static str> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| "the body broke off")?.to_bytes();
        let read = (self.read)(&Request::from_parts(head, body), &lock(&self.origin));
        let mood = {
            let mut inner = lock(&self.inner);
            match read {
                Ok(Was::Answered(text)) => {
                    return Ok(Response::new(Full::new(text.into())));
                }
                Ok(Was::Kept(came)) => inner.came.push(came),
                Err(why) => inner.complaints.push(why),
            }
            inner.moods.pop_front().unwrap_or_else(|| inner.mood.clone())
        };
        // Before the notice: whoever waits for this request may release its answer at once.
        let released = self.released.notified();
        self.came.notify_waiters();
        let response = Response::builder();
        let (response, text) = match mood {
            Mood::Fine => (response.status(self.fine), String::new()),
            Mood::Says(status) => (response.status(status), String::new()),
            Mood::Explains(status, text) => (response.status(status), text),
            Mood::Tired(after_s) => (response.status(429).header(RETRY_AFTER, after_s), "".into()),
            Mood::Redirects(to) => (response.status(307).header(LOCATION, to), "".into()),
            Mood::Hangs => std::future::pending().await,
            Mood::Cuts => return Err("cut off"),
            Mood::Slow => {
                released.await;
                (response.status(self.fine), String::new())
            }
        };
        Ok(response.body(Full::new(text.into())).expect("an answer"))
    }
}

/// A header of a request.
pub fn header(request: &Request<Bytes>, name: &str) -> Option<String> {
    request.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
