//! What can go wrong between a client and the server.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// A refusal by the server: a problem document (RFC 9457) or the `err` of a reply frame.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// HTTP status.
    #[serde(default)]
    pub status: u16,
    /// The stable name of what went wrong.
    #[serde(default)]
    pub code: String,
    /// For people.
    #[serde(default)]
    pub detail: String,
    /// The field of the request that is wrong.
    #[serde(default)]
    pub field: Option<String>,
}

/// What went wrong.
#[derive(Debug)]
pub enum Error {
    /// The network or a file.
    Io(io::Error),
    /// HTTP itself.
    Http(hyper::Error),
    /// The WebSocket itself.
    Socket(Box<tokio_tungstenite::tungstenite::Error>),
    /// The server said no.
    Refused(Problem),
    /// The server closed the connection, with this code (0 when it gave none).
    Closed(u16),
    /// The server sent something else than the protocol says.
    Protocol(String),
    /// It took longer than the caller wanted to wait.
    Late(Duration, String),
}

/// The result of nearly everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Something that the protocol does not allow.
    pub fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol(what.into())
    }

    /// A refusal from its JSON.
    pub fn refused(problem: &Value) -> Self {
        match Problem::deserialize(problem) {
            Ok(problem) => Self::Refused(problem),
            Err(_) => Self::protocol(format!("this is not a problem document: {problem}")),
        }
    }

    /// The refusal, if it is one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the server said not to come back (close codes from 4500 on).
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Closed(code) if *code >= 4500)
            || self.problem().is_some_and(|problem| matches!(problem.status, 401 | 403))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Http(error) => write!(f, "HTTP: {error}"),
            Self::Socket(error) => write!(f, "WebSocket: {error}"),
            Self::Refused(problem) => {
                write!(f, "refused: {} {} {}", problem.status, problem.code, problem.detail)
            }
            Self::Closed(code) => write!(f, "closed by the server with code {code}"),
            Self::Protocol(what) => write!(f, "against the protocol: {what}"),
            Self::Late(wait, what) => write!(f, "no {what} within {} ms", wait.as_millis()),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<hyper::Error> for Error {
    fn from(error: hyper::Error) -> Self {
        Self::Http(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Protocol(format!("JSON: {error}"))
    }
}

impl From<tokio_tungstenite::tungstenite::Error> for Error {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        use tokio_tungstenite::tungstenite::Error as Socket;
        match error {
            Socket::ConnectionClosed | Socket::AlreadyClosed => Self::Closed(0),
            Socket::Io(error) => Self::Io(error),
            Socket::Http(answer) => from_handshake(&answer),
            other => Self::Socket(Box::new(other)),
        }
    }
}

/// A refused upgrade carries a problem document or an envelope in its body, or nothing.
fn from_handshake(answer: &hyper::Response<Option<Vec<u8>>>) -> Error {
    let status = answer.status().as_u16();
    let body = answer.body().as_deref().unwrap_or_default();
    let mut problem = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| Problem::deserialize(&value).ok())
        .unwrap_or_else(|| Problem {
            status,
            code: String::new(),
            detail: String::from_utf8_lossy(body).into_owned(),
            field: None,
        });
    problem.status = status;
    Error::Refused(problem)
}
