//! HTTP to an S3-compatible store, with the TLS that the whole server uses.
//!
//! Every wait is bounded: for a connection, for an answer to begin, for its next bytes. Called by
//! the S3 adapter's client.

use std::error::Error;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::rustls::ClientConfig;

use crate::objects::PIECE;
use crate::outside::tls;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// From the first byte of a request, which may be a whole part, to the head of its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Between two pieces of an answer.
const PIECE_WITHIN: Duration = Duration::from_secs(20);
const IDLE_WITHIN: Duration = Duration::from_secs(20);
const IDLE_CONNECTIONS: usize = 8;

/// Makes the client that the adapter's requests go through.
#[derive(Debug)]
pub(super) struct Connector(ClientConfig);

impl Connector {
    /// One that trusts the public authorities, and those in a PEM file. An error names the cure.
    pub(super) fn trusting(ca: Option<&Path>) -> Result<Self, String> {
        tls::trusting(ca).map(Self).map_err(|why| format!("S3_ENDPOINT: ca={why}"))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_WITHIN));
        let tls = HttpsConnectorBuilder::new()
            .with_tls_config(self.0.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_WITHIN)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(PIECE)
            .build(tls);
        Ok(HttpClient::new(Service(client)))
    }
}

#[derive(Debug)]
struct Service(Client<HttpsConnector<TcpConnector>, HttpRequestBody>);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        match timeout(ANSWER_WITHIN, self.0.request(request)).await {
            Ok(Ok(response)) => Ok(response.map(|body| HttpResponseBody::new(Paced::new(body)))),
            Ok(Err(error)) if error.is_connect() => {
                Err(HttpError::new(HttpErrorKind::Connect, error))
            }
            Ok(Err(error)) => Err(HttpError::new(kind(&error), error)),
            Err(late) => Err(HttpError::new(HttpErrorKind::Timeout, late)),
        }
    }
}

/// What kind of failure it is: whether to try again hangs on it.
fn kind(error: &(dyn Error + 'static)) -> HttpErrorKind {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_timeout() {
                return HttpErrorKind::Timeout;
            }
            if error.is_closed() || error.is_incomplete_message() || error.is_body_write_aborted() {
                return HttpErrorKind::Interrupted;
            }
        }
        if error.is::<std::io::Error>() {
            return HttpErrorKind::Interrupted;
        }
        next = error.source();
    }
    HttpErrorKind::Unknown
}

/// The body of an answer; an error when nothing comes for too long.
struct Paced {
    body: Incoming,
    late: Pin<Box<Sleep>>,
    waiting: bool,
}

impl Paced {
    fn new(body: Incoming) -> Self {
        Self { body, late: Box::pin(sleep(PIECE_WITHIN)), waiting: false }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting = false;
            let failed = |error: hyper::Error| HttpError::new(kind(&error), error);
            return Poll::Ready(frame.map(|frame| frame.map_err(failed)));
        }
        // Only our waiting counts, not that of a slow reader.
        if !std::mem::replace(&mut self.waiting, true) {
            self.late.as_mut().reset(Instant::now() + PIECE_WITHIN);
        }
        ready!(self.late.as_mut().poll(context));
        let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
        Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, late))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
