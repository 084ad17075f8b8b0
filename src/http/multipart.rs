//! Multipart bodies (RFC 7578), read as they arrive and never as a whole.
//!
//! The framework's parser takes everything that has arrived before it looks at any of it, and has
//! no limit for what is between two parts; so here it is fed one piece at a time, and a limited
//! amount of head. A refused body is read on for a while, so that its sender gets to read why.
//! Called by `files` and `original`.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use multer::{Field, Multipart};
use tokio::time::timeout;

use super::disposition::file_name;
use crate::error::{Code, Error, Result, Text};

/// At most this many parts of a body.
pub const FORM_PARTS: usize = 40;
/// At most about so many bytes before a part begins: the head of the part, and a piece of it.
pub const PART_HEAD_BYTES: u64 = 256 * 1024;
/// The parser is fed at most so many bytes at once, however many came: less than `PART_HEAD_BYTES`.
const PIECE_BYTES: usize = 64 * 1024;
/// How long nothing may come.
const STALL: Duration = Duration::from_secs(30);
/// How much more is read of a body that is refused, and for how long.
const DRAIN_BYTES: u64 = 64 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

const NO_FORM: Text = Text {
    en: "Send a form with the header 'Content-Type: multipart/form-data; boundary=…'.",
    es: "Envía un formulario con la cabecera 'Content-Type: multipart/form-data; boundary=…'.",
};
const BROKEN: Text =
    Text { en: "The form cannot be read: {}.", es: "No se puede leer el formulario: {}." };
const STALLED: Text = Text {
    en: "Nothing arrived for {} s, or the connection broke. Try again.",
    es: "No llegó nada durante {} s o se cortó la conexión. Inténtalo de nuevo.",
};
const MANY: Text =
    Text { en: "A form has at most {} parts.", es: "Un formulario tiene como máximo {} partes." };
const TOO_LONG: Text =
    Text { en: "This field has at most {} bytes.", es: "Este campo tiene como máximo {} bytes." };
const NO_TEXT: Text = Text { en: "This is not UTF-8 text.", es: "Esto no es texto en UTF-8." };

/// Whether a body says that it is a form with parts.
pub fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes()).unwrap_or_default();
    kind.get(..19).is_some_and(|kind| kind.eq_ignore_ascii_case(b"multipart/form-data"))
}

/// A form on its way.
pub struct Form {
    parts: Multipart<'static>,
    allowance: Arc<AtomicU64>,
    count: usize,
}

impl Form {
    /// The form that a request brings.
    pub fn of(request: Request) -> Result<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let no_form = |_| Error::new(Code::UnsupportedMedia, NO_FORM);
        let boundary = multer::parse_boundary(kind).map_err(no_form)?;
        let allowance = Arc::new(AtomicU64::new(0));
        let body = request.into_body().into_data_stream();
        let fed = Fed { body, came: Bytes::new(), allowance: allowance.clone(), rests: false };
        Ok(Self { parts: Multipart::new(fed, boundary), allowance, count: 0 })
    }

    /// The next part; the one before it is over.
    pub async fn next(&mut self) -> Result<Option<Part>> {
        self.count += 1;
        if self.count > FORM_PARTS {
            return Err(Error::new(Code::BadRequest, MANY).arg(FORM_PARTS.to_string()));
        }
        self.allowance.store(PART_HEAD_BYTES, Ordering::Relaxed);
        let next = timeout(STALL, self.parts.next_field()).await.map_err(|_| stalled())?;
        let next = next.map_err(|error| broken(&error))?;
        self.allowance.store(u64::MAX, Ordering::Relaxed);
        Ok(next.map(Part::of))
    }

    /// Reads on without keeping anything, for a while: a client that is refused while it still
    /// sends would see a broken connection instead of the reason.
    pub async fn drain(mut self) {
        self.allowance.store(DRAIN_BYTES, Ordering::Relaxed);
        let rest = async { while let Ok(Some(_)) = self.parts.next_field().await {} };
        // What does not come in time is not waited for.
        let _ = timeout(DRAIN_TIME, rest).await;
    }
}

/// A part of a form.
pub struct Part {
    field: Field<'static>,
    file_name: Option<String>,
    /// What was read of it to see whether there is anything.
    begun: Option<Bytes>,
}

impl Part {
    fn of(field: Field<'static>) -> Self {
        let disposition = field.headers().get(header::CONTENT_DISPOSITION);
        let file_name = disposition.and_then(|value| file_name(value.as_bytes()));
        Self { field, file_name, begun: None }
    }

    /// The field's name.
    pub fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    /// The name of the file, if it is one.
    pub fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    /// Whether this is what a browser sends for a file input in which nobody chose a file: no name
    /// and no bytes.
    pub async fn is_left_empty(&mut self) -> Result<bool> {
        if self.file_name.as_deref() != Some("") {
            return Ok(false);
        }
        self.begun = self.next().await?;
        Ok(self.begun.is_none())
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(begun) = self.begun.take() {
            return Ok(Some(begun));
        }
        loop {
            let next = timeout(STALL, self.field.chunk()).await.map_err(|_| stalled())?;
            match next.map_err(|error| broken(&error))? {
                Some(piece) if piece.is_empty() => {}
                other => return Ok(other),
            }
        }
    }

    /// All of it, at most `most` bytes.
    pub async fn bytes(mut self, field: &'static str, most: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            if bytes.len() + piece.len() > most {
                return Err(Error::field(field, TOO_LONG).arg(most.to_string()));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// A text of at most `most` bytes.
    pub async fn text(self, field: &'static str, most: usize) -> Result<String> {
        let bytes = self.bytes(field, most).await?;
        String::from_utf8(bytes).map_err(|_| Error::field(field, NO_TEXT))
    }

    /// Its bytes as they come.
    pub fn pieces(self) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        let begun = futures_util::stream::iter(self.begun.map(Ok));
        begun.chain(futures_util::stream::unfold(Some(self.field), |field| async {
            let mut field = field?;
            match field.chunk().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(field))),
                Ok(None) => None,
                Err(error) => Some((Err(broken(&error)), None)),
            }
        }))
    }
}

fn stalled() -> Error {
    Error::new(Code::BadRequest, STALLED).arg(STALL.as_secs().to_string())
}

fn broken(error: &multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) if cause.is::<TooMuch>() => {
            Error::new(Code::BadRequest, BROKEN).arg(cause.to_string())
        }
        multer::Error::StreamReadFailed(_) => stalled(),
        other => Error::new(Code::BadRequest, BROKEN).arg(other.to_string()),
    }
}

/// More came than there is allowance for.
#[derive(Debug, thiserror::Error)]
#[error("the head of a part is too long")]
struct TooMuch;

/// Feeds the parser one piece a poll, and no more than there is allowance for.
struct Fed {
    body: BodyDataStream,
    /// What came and was not fed yet.
    came: Bytes,
    allowance: Arc<AtomicU64>,
    rests: bool,
}

impl Stream for Fed {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rests) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.came.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                Some(Ok(came)) => self.came = came,
                other => return Poll::Ready(other.map(|came| came.map_err(Into::into))),
            }
        }
        let length = self.came.len().min(PIECE_BYTES);
        let piece = self.came.split_to(length);
        self.rests = true;
        let left = self.allowance.load(Ordering::Relaxed);
        match left.checked_sub(piece.len() as u64) {
            None => Poll::Ready(Some(Err(TooMuch.into()))),
            Some(_) if left == u64::MAX => Poll::Ready(Some(Ok(piece))),
            Some(less) => {
                self.allowance.store(less, Ordering::Relaxed);
                Poll::Ready(Some(Ok(piece)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::stream;

    use super::*;

    const BOUNDARY: &str = "x7";

    fn form(pieces: Vec<Bytes>) -> Form {
        let body = stream::iter(pieces.into_iter().map(Ok::<_, axum::BoxError>));
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = Request::builder().header("content-type", kind);
        Form::of(request.body(Body::from_stream(body)).expect("a request")).expect("a form")
    }

    fn head(name: &str, file: &str) -> String {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; \
             filename=\"{file}\"\r\n\r\n"
        )
    }

    #[tokio::test]
    async fn parts_are_read_one_after_the_other_however_they_are_cut() {
        let text =
            format!("{}hola\r\n{}\u{f1}\r\n--{BOUNDARY}--\r\n", head("a", "1"), head("b", "2"));
        let pieces = text.into_bytes().chunks(3).map(Bytes::copy_from_slice).collect();
        let mut form = form(pieces);
        for (name, file, bytes) in [("a", "1", "hola"), ("b", "2", "ñ")] {
            let part = form.next().await.expect("readable").expect("a part");
            assert_eq!((part.name(), part.file_name()), (name, Some(file)));
            assert_eq!(part.text("x", 10).await.expect("short"), bytes);
        }
        assert!(form.next().await.expect("readable").is_none());
    }

    #[tokio::test]
    async fn a_body_that_comes_at_once_is_read_in_pieces() {
        let content = "x".repeat(3 * PART_HEAD_BYTES as usize);
        let text = format!("{}{content}\r\n--{BOUNDARY}--\r\n", head("a", "1"));
        let mut form = form(vec![Bytes::from(text)]);
        let part = form.next().await.expect("readable").expect("a part");
        assert_eq!(part.text("a", content.len()).await.expect("fits"), content);
        assert!(form.next().await.expect("readable").is_none());
    }

    #[tokio::test]
    async fn what_has_no_end_is_refused_early() {
        let endless: Vec<_> = std::iter::repeat_n(Bytes::from(vec![b'x'; 64 * 1024]), 64).collect();
        let refused = form(endless.clone()).next().await.err().expect("no head ends here");
        assert_eq!(refused.code, Code::BadRequest);
        let mut pieces = vec![Bytes::from(head("a", "1"))];
        pieces.extend(endless);
        let mut form = form(pieces);
        let part = form.next().await.expect("readable").expect("a part");
        let refused = part.bytes("a", 100_000).await.expect_err("too long");
        assert_eq!(refused.field.as_deref(), Some("a"));
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused() {
        for kind in ["application/json", "multipart/form-data", "multipart/mixed; boundary=x", ""] {
            let request = Request::builder().header("content-type", kind);
            let refused = Form::of(request.body(Body::empty()).expect("a request")).err();
            assert_eq!(refused.map(|error| error.code), Some(Code::UnsupportedMedia), "{kind}");
        }
    }
}
