//! A small HTTP/1.1 client: one kept-alive connection, opened again when the server closed it.
//!
//! It follows no redirect and sends one request at a time. Called by `api`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::error::{Error, Result};
use super::stream::{self, Trust};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer of the server.
#[derive(Debug, Clone)]
pub struct Answer {
    /// How the server answered, not judged yet.
    pub status: StatusCode,
    /// As the server sent them.
    pub headers: HeaderMap,
    /// All of it, read to the end.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; `Null` when it is empty or no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as JSON, or the refusal that it is.
    pub fn accepted(&self) -> Result<Value> {
        if self.status.is_success() {
            return Ok(self.json());
        }
        let mut problem = self.json();
        if !problem.is_object() {
            problem = serde_json::json!({ "detail": String::from_utf8_lossy(&self.body) });
        }
        problem["status"] = self.status.as_u16().into();
        Err(Error::refused(&problem))
    }
}

/// One connection to a server.
#[derive(Debug)]
pub struct Http {
    addr: SocketAddr,
    trust: Option<Trust>,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Http {
    /// A client of the server at `addr`; connects with the first request.
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, trust: None, connection: Mutex::new(None) }
    }

    /// The same by HTTPS.
    pub fn secure(addr: SocketAddr, trust: Trust) -> Self {
        Self { trust: Some(trust), ..Self::new(addr) }
    }

    /// The server's address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(value) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(serde_json::to_vec(value)?)
            }
            None => Bytes::new(),
        };
        let request = request
            .header(ACCEPT_LANGUAGE, "en")
            .body(Full::new(body))
            .map_err(|error| Error::protocol(format!("{path}: {error}")))?;
        self.send(request).await
    }

    /// Sends any request and reads the whole answer. `Host` is set here.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Answer> {
        let host = self.addr.to_string().parse();
        request.headers_mut().insert(HOST, host.map_err(|_| Error::protocol("bad host"))?);
        let late = || Error::Late(PATIENCE, format!("answer to {}", request.uri()));
        let error = late();
        timeout(PATIENCE, self.exchange(request)).await.unwrap_or(Err(error))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let mut slot = self.connection.lock().await;
        let mut sender = match slot.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.open().await?,
        };
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        *slot = Some(sender);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = stream::open(self.addr, None, None, self.trust.as_ref()).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Whoever waits for an answer hears of a failure there.
            let _ = connection.await;
        });
        Ok(sender)
    }
}
