//! Where an operator's command goes: to the server that runs on these data, through its socket,
//! else to the data themselves. Both ways lead to the same handlers. Called by `cli`.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::{Duration, timeout};
use tower::ServiceExt;

use super::offline::{self, Offline};
use super::{Outside, StartError, ids, socket};
use crate::config::{Config, DataDir};
use crate::edge::limits::Limiter;
use crate::edge::tls::Secure;
use crate::http::{Http, at_socket, router};

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(60);
/// An answer may have so many bytes.
const ANSWER_BYTES: usize = 16 << 20;

/// The way to the handlers.
enum Way {
    /// The server's socket.
    Socket(PathBuf),
    /// The data, which no server works on.
    Here(Box<Router>, Box<Offline>),
}

/// What answers an operator's commands.
pub struct Desk(Way);

/// Opens the desk of the data that the settings name.
pub async fn open(config: &Config) -> Result<Desk, StartError> {
    let data = &config.data_dir;
    if DataDir::held(data).is_some() {
        let path = socket::path_in(data);
        return match UnixStream::connect(&path).await {
            Ok(_) => Ok(Desk(Way::Socket(path))),
            Err(error) => Err(StartError::from(format!(
                "A server works on {}, and its socket {} cannot be used: {error}. Run this as the \
                 server's user or as root; if it is an older server, start it again.",
                data.display(),
                path.display()
            ))),
        };
    }
    let outside = Outside::default();
    let data = offline::open(config, outside.clone()).await?;
    let limiter = Arc::new(Limiter::new(None, None));
    let http = Http::new(data.core().clone(), config, limiter, ids(&outside));
    let routes = router::router(Arc::new(http), Router::new(), config.cors_origins.clone());
    Ok(Desk(Way::Here(Box::new(at_socket(routes)), Box::new(data))))
}

impl Desk {
    /// Asks for a path below `/api/v1/operator`; what comes back, or what is wrong in words.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        match timeout(WITHIN, self.exchange(method, path, body)).await {
            Ok(answer) => answer,
            Err(_) => Err("The server did not answer in a minute.".to_owned()),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let request = request(method, path, body).map_err(|error| error.to_string())?;
        let (status, bytes) = match &self.0 {
            Way::Socket(socket) => through(socket, request).await?,
            Way::Here(routes, _) => {
                let request = request.map(Body::new);
                let response = match (**routes).clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                collected(response).await?
            }
        };
        let told: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(told);
        }
        let words = told["detail"].as_str().map(str::to_owned);
        Err(words.unwrap_or_else(|| format!("The server answered {status}.")))
    }

    /// Lets go of the data.
    pub async fn close(self) {
        if let Way::Here(_, data) = self.0 {
            data.close().await;
        }
    }
}

fn request(
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v1/operator{path}"))
        .header(header::HOST, "localhost")
        .extension(Secure);
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(Full::new(bytes))
}

async fn through(socket: &PathBuf, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), String> {
    let told = |error: &dyn std::fmt::Display| format!("The server's socket failed: {error}.");
    let stream = UnixStream::connect(socket).await.map_err(|error| told(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| told(&error))?;
    let talking = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| told(&error))?;
    let answer = collected(response).await;
    talking.abort();
    answer
}

async fn collected<B>(response: Response<B>) -> Result<(u16, Bytes), String>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let status = response.status().as_u16();
    let body = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES);
    let bytes = body.collect().await.map_err(|error| format!("The answer broke off: {error}."))?;
    Ok((status, bytes.to_bytes()))
}
