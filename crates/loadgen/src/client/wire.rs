//! A WebSocket to the server: text frames in and out, without regard to what they mean.
//!
//! Buffers are small, so that ten thousand of them fit into one process. Called by `connection`,
//! and by the workloads, which look into frames no deeper than they must.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use hyper::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::error::{Error, Result};
use super::stream::{self, Stream, Trust};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "wechat.v1.json";
/// The route of the connection for all chats.
pub const PATH: &str = "/api/v1/ws";
/// How long opening a connection may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a frame is, without what it carries.
#[derive(Debug, Deserialize)]
pub struct Frame<'a> {
    /// The request that it answers.
    #[serde(default)]
    pub re: Option<u64>,
    /// The event that it tells.
    #[serde(default, borrow)]
    pub ev: Option<&'a str>,
    /// A good answer.
    #[serde(default, borrow)]
    pub ok: Option<&'a RawValue>,
    /// A refusal.
    #[serde(default, borrow)]
    pub err: Option<&'a RawValue>,
    /// What the event carries.
    #[serde(default, borrow)]
    pub d: Option<&'a RawValue>,
}

impl<'a> Frame<'a> {
    /// Reads a frame's outside.
    pub fn parse(text: &'a str) -> Result<Self> {
        if !text.starts_with('{') {
            return Err(Error::protocol("a frame that is not an object"));
        }
        Ok(serde_json::from_str(text)?)
    }
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Wire(WebSocketStream<Stream>);

/// Where and how a WebSocket is opened.
#[derive(Debug, Clone, Copy)]
pub struct Dial<'a> {
    /// The server.
    pub addr: SocketAddr,
    /// The route.
    pub path: &'a str,
    /// Sent as `Authorization` on the upgrade; without it the client must `identify`.
    pub token: Option<&'a str>,
    /// The local address to come from.
    pub from: Option<IpAddr>,
    /// What the kernel may hold of what was not read, in bytes; small for a reader that stalls.
    pub receive_buffer: Option<u32>,
    /// Whom to take for the server, under TLS; `None`: in the clear.
    pub trust: Option<&'a Trust>,
}

impl Wire {
    /// Opens a WebSocket.
    pub async fn open(dial: Dial<'_>) -> Result<Self> {
        let Dial { addr, from, receive_buffer, trust, .. } = dial;
        let stream = stream::open(addr, from, receive_buffer, trust).await?;
        let mut request = format!("ws://{}{}", dial.addr, dial.path).into_client_request()?;
        let headers = request.headers_mut();
        let header = |text: &str| text.parse().map_err(|_| Error::protocol("bad header"));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, header(SUBPROTOCOL)?);
        if let Some(token) = dial.token {
            headers.insert(AUTHORIZATION, header(&format!("Bearer {token}"))?);
        }
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        let opening = client_async_with_config(request, stream, Some(config));
        let late = |_| Error::Late(PATIENCE, "WebSocket handshake".into());
        let (socket, _) = timeout(PATIENCE, opening).await.map_err(late)??;
        Ok(Self(socket))
    }

    /// Waits until the server says that the connection is live: nothing is missed from here on.
    pub async fn live(mut self) -> Result<Self> {
        let hello = async {
            while Frame::parse(&self.next().await?)?.ev != Some("hello") {}
            Ok::<(), Error>(())
        };
        let late = |_| Error::Late(PATIENCE, "hello".into());
        timeout(PATIENCE, hello).await.map_err(late)??;
        Ok(self)
    }

    /// Queues a text frame.
    pub async fn feed(&mut self, text: impl Into<Utf8Bytes>) -> Result<()> {
        Ok(self.0.feed(Message::Text(text.into())).await?)
    }

    /// Sends what is queued.
    pub async fn flush(&mut self) -> Result<()> {
        Ok(self.0.flush().await?)
    }

    /// Sends a text frame at once.
    pub async fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<()> {
        Ok(self.0.send(Message::Text(text.into())).await?)
    }

    /// The next text frame. Safe to drop while waiting. Pings are answered underneath.
    pub async fn next(&mut self) -> Result<Utf8Bytes> {
        loop {
            let message = self.0.next().await;
            if let Some(outcome) = sort(message) {
                return outcome;
            }
        }
    }

    /// The next text frame, if one is there already.
    pub fn ready(&mut self) -> Option<Result<Utf8Bytes>> {
        loop {
            let message = self.0.next().now_or_never()?;
            if let Some(outcome) = sort(message) {
                return Some(outcome);
            }
        }
    }

    /// Closes, politely.
    pub async fn close(mut self) {
        let _ = self.0.close(None).await;
    }

    /// The stream underneath, for tests that misbehave.
    pub fn stream(&mut self) -> &mut Stream {
        self.0.get_mut()
    }

    /// Sends any WebSocket message, for tests that misbehave.
    pub async fn send_raw(&mut self, message: Message) -> Result<()> {
        Ok(self.0.send(message).await?)
    }
}

type Incoming = Option<Result<Message, tungstenite::Error>>;

/// What of the WebSocket concerns the protocol; `None` for what does not.
fn sort(message: Incoming) -> Option<Result<Utf8Bytes>> {
    match message {
        Some(Ok(Message::Text(text))) => Some(Ok(text)),
        Some(Ok(Message::Close(frame))) => Some(Err(Error::Closed(close_code(frame.as_ref())))),
        Some(Ok(Message::Binary(_))) => Some(Err(Error::protocol("a binary frame"))),
        Some(Ok(_)) => None,
        Some(Err(error)) => Some(Err(error.into())),
        None => Some(Err(Error::Closed(0))),
    }
}

fn close_code(frame: Option<&CloseFrame>) -> u16 {
    frame.map_or(0, |frame| frame.code.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_shows_its_outside() {
        let reply = Frame::parse(r#"{"re":7,"ok":{"message":{"seq":88}}}"#).expect("a reply");
        assert_eq!(reply.re, Some(7));
        assert_eq!(reply.ok.map(RawValue::get), Some(r#"{"message":{"seq":88}}"#));
        let event = Frame::parse(r#"{"ev":"message","d":{"seq":1}}"#).expect("an event");
        assert_eq!((event.ev, event.re), (Some("message"), None));
        assert!(Frame::parse("[]").is_err());
    }
}
