//! Files, in the language of the stories: forms, fetches, uploads in pieces that break.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use loadgen::client::http::{Answer, Http};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Person;

/// A picture, a film, and sound.
pub const STILL: &[u8] = include_bytes!("../../crates/media/tests/fixtures/still.jpg");
pub const CLIP: &[u8] = include_bytes!("../../crates/media/tests/fixtures/clip.mp4");
pub const VOICE: &[u8] = include_bytes!("../../crates/media/tests/fixtures/voice.webm");

/// A form with these parts: name, name of the file or nothing, content.
pub fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = match *file {
            "" => String::new(),
            file => format!("; filename=\"{file}\""),
        };
        let head = format!("--b7\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b7--\r\n");
    body
}

/// What `form` makes.
pub const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=b7");

impl Person {
    /// Any request of this person, on a connection of its own.
    pub async fn sends(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("authorization", format!("Bearer {}", self.token()));
        let request = request.body(Full::new(body.into())).expect("a request");
        Http::new(self.api.addr()).send(request).await.expect("an answer")
    }

    /// Uploads a file in one request.
    pub async fn uploads(&self, kind: &str, name: &str, content: &[u8]) -> Value {
        let body = form(&[("kind", "", kind.as_bytes()), ("file", name, content)]);
        let answer = self.sends(Method::POST, "/api/v1/files", &[FORM], body).await;
        answer.accepted().expect("uploaded")
    }

    /// Fetches bytes.
    pub async fn fetches(&self, url: &str, headers: &[(&str, &str)]) -> Answer {
        self.sends(Method::GET, url, headers, Bytes::new()).await
    }

    /// Begins an upload in pieces; its path.
    pub async fn begins(&self, length: usize) -> String {
        let length = length.to_string();
        let headers = [("upload-length", length.as_str())];
        let begun = self.sends(Method::POST, "/api/v1/uploads", &headers, Bytes::new()).await;
        assert_eq!(begun.status.as_u16(), 201, "{begun:?}");
        begun.headers["location"].to_str().expect("ASCII").to_owned()
    }

    /// How far an upload has come.
    pub async fn offset(&self, path: &str) -> usize {
        let answer = self.sends(Method::HEAD, path, &[], Bytes::new()).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        let offset = answer.headers["upload-offset"].to_str().expect("ASCII");
        offset.parse().expect("a number")
    }

    /// Sends a piece.
    pub async fn appends(&self, path: &str, offset: usize, piece: Bytes) -> Answer {
        let offset = offset.to_string();
        let headers = [
            ("upload-offset", offset.as_str()),
            ("content-type", "application/offset+octet-stream"),
        ];
        self.sends(Method::PATCH, path, &headers, piece).await
    }

    /// Announces all that is left of an upload, sends so much of it, and breaks the connection.
    pub async fn breaks(&self, path: &str, offset: usize, rest: &[u8], sent: usize) {
        let addr = self.api.addr();
        let mut stream = TcpStream::connect(addr).await.expect("connected");
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n\
             Content-Length: {}\r\n\r\n",
            self.token(),
            rest.len()
        );
        stream.write_all(head.as_bytes()).await.expect("open");
        stream.write_all(&rest[..sent]).await.expect("open");
        stream.flush().await.expect("open");
    }
}
