//! One request to a web address, as a browser would make it, and what it came to.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use jiff::fmt::rfc2822;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::Error as TlsError;
use url::Url;

use super::WITHIN;
use crate::clock::Time;
use crate::outside::tls;

/// At most so many bytes of an answer are read.
const ANSWER_BYTES: u64 = 64 << 10;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// What is there, once.
    Page,
    /// To go on as a WebSocket (RFC 6455).
    WebSocket,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// What the other side's clock says.
    pub(super) date: Option<Time>,
    body: String,
}

impl Answer {
    /// Whether it is how a server of this kind says that it can serve.
    pub(super) fn is_ours(&self) -> bool {
        self.status == 200 && self.body.contains(r#"{"status":"ok"}"#)
    }
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nobody is there, or what is there does not speak as asked.
    Unreachable(String),
    /// Its certificate is not one that this machine believes.
    Distrusted(String),
}

impl Fault {
    pub(super) fn told(&self) -> &str {
        match self {
            Self::Unreachable(why) | Self::Distrusted(why) => why,
        }
    }
}

/// Asks, and believes the public authorities and those in the PEM file `ca`.
pub(super) async fn ask(url: &Url, wish: Wish, ca: Option<&Path>) -> Result<Answer, Fault> {
    match timeout(WITHIN, exchange(url, wish, ca)).await {
        Ok(Ok(text)) => read(&text).ok_or_else(|| Fault::Unreachable("no HTTP comes back".into())),
        Ok(Err(error)) => Err(fault(&error)),
        Err(_) => Err(Fault::Unreachable("no answer in 10 seconds".into())),
    }
}

fn fault(error: &io::Error) -> Fault {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(TlsError::InvalidCertificate(why)) => Fault::Distrusted(why.to_string()),
        _ => Fault::Unreachable(error.to_string()),
    }
}

async fn exchange(url: &Url, wish: Wish, ca: Option<&Path>) -> io::Result<String> {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let request = request(url, host, wish);
    let stream = TcpStream::connect((bare.as_str(), port)).await?;
    if url.scheme() != "https" {
        return speak(stream, &request).await;
    }
    let name = ServerName::try_from(bare).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
    let tls = TlsConnector::from(Arc::new(tls::trusting(ca).map_err(io::Error::other)?));
    speak(tls.connect(name, stream).await?, &request).await
}

fn request(url: &Url, host: &str, wish: Wish) -> String {
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let connection = match wish {
        Wish::Page => "Connection: close",
        Wish::WebSocket => {
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: d2VjaGF0LWRvY3Rvci0xMg=="
        }
    };
    format!("GET {} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n{connection}\r\n\r\n", url.path())
}

/// Writes the request and reads the answer: up to its end, or its head where it has none.
async fn speak(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> io::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut bytes = Vec::new();
    let mut stream = stream.take(ANSWER_BYTES);
    loop {
        match stream.read_buf(&mut bytes).await {
            Ok(0) => break,
            // A WebSocket that is open does not end.
            Ok(_) if bytes.starts_with(b"HTTP/1.1 101") => break,
            Ok(_) => {}
            // Many hang up without the farewell of TLS.
            Err(_) if !bytes.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then(|| moment(value.trim())).flatten()
    };
    Some(Answer { status, date: lines.find_map(header), body: body.to_owned() })
}

fn moment(text: &str) -> Option<Time> {
    Some(Time(rfc2822::parse(text).ok()?.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let text =
            "HTTP/1.1 200 OK\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n{\"status\":\"ok\"}";
        let answer = read(text).expect("an answer");
        assert_eq!(answer.date, Some(Time(1_700_000_000_000)));
        assert!(answer.is_ours());
        assert_eq!(read("HTTP/1.1 101 X").map(|answer| answer.status), Some(101));
        for not in ["", "SSH-2.0", "HTTP/1.1 2", "HTTP/1.1 abc"] {
            assert_eq!(read(not), None, "{not}");
        }
    }
}
