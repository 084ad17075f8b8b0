//! Uploads in pieces, which continue after a broken connection: tus 1.0 (<https://tus.io>), its
//! core with creation, expiration and termination. The rules are in `core::files`.
//!
//! The upload's id is that of the file that it becomes.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::{Stream, StreamExt};
use jiff::fmt::rfc2822::DateTimePrinter;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::InPath;
use super::kind::{self, Routes};
use super::params::UploadPath;
use crate::clock::Time;
use crate::core::files::{Claim, Progress};
use crate::error::{Code, Error, Result, Text, text};
use crate::id::FileId;
use crate::model::auth::Caller;
use crate::protocol::files::Upload;

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,expiration,termination";
const PIECE_TYPE: &str = "application/offset+octet-stream";
/// At most this many bytes of what a client says about an upload.
const METADATA_BYTES: usize = 4096;

const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const SPOKEN: HeaderName = HeaderName::from_static("tus-version");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");

const OTHER_VERSION: Text =
    Text { en: "This server speaks tus 1.0.0.", es: "Este servidor habla tus 1.0.0." };
const NO_NUMBER: Text =
    Text { en: "This header must be a whole number.", es: "Esta cabecera es un número entero." };
const BAD_METADATA: Text = Text {
    en: "Upload-Metadata must be a list of names with base64 values: filename, kind, duration_ms.",
    es: "Upload-Metadata es una lista de nombres con valores en base64: filename, kind, \
         duration_ms.",
};
const WRONG_TYPE: Text = Text {
    en: "Send pieces with the header 'Content-Type: application/offset+octet-stream'.",
    es: "Envía los trozos con la cabecera 'Content-Type: application/offset+octet-stream'.",
};
const BROKEN: Text = Text {
    en: "The connection broke. Ask for the upload's offset, and continue from there.",
    es: "Se cortó la conexión. Pregunta hasta dónde ha llegado la subida y sigue desde ahí.",
};

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(capabilities, create))
        .routes(routes!(progress, offset, cancel))
        .uploads(kind::Upload::Yes, routes!(append))
        .map(|routes| routes.layer(from_fn(speak_tus)))
}

/// Refuses other versions of the protocol, and says its own in every answer.
async fn speak_tus(request: Request, next: Next) -> Response {
    let version = request.headers().get(RESUMABLE);
    let other = version.is_some_and(|version| version.as_bytes() != VERSION.as_bytes());
    let mut response = if other {
        Error::new(Code::Precondition, OTHER_VERSION).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(RESUMABLE, HeaderValue::from_static(VERSION));
    if other {
        headers.insert(SPOKEN, HeaderValue::from_static(VERSION));
    }
    response
}

/// Ask what uploads in pieces can do
#[utoipa::path(
    options, path = "/uploads", tag = "files", operation_id = "uploadCapabilities",
    responses((status = 204, description = "In headers: version, extensions, largest size")),
)]
async fn capabilities(State(http): State<Arc<Http>>) -> Response {
    let most = http.core.files.rules().most().to_string();
    let headers = [
        (SPOKEN, VERSION.to_owned()),
        (HeaderName::from_static("tus-extension"), EXTENSIONS.to_owned()),
        (HeaderName::from_static("tus-max-size"), most),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Begin an upload in pieces
#[utoipa::path(
    post, path = "/uploads", tag = "files", operation_id = "beginUpload",
    security(("session" = [])),
    params(
        ("upload-length" = u64, Header, description = "How many bytes it will have"),
        ("upload-metadata" = Option<String>, Header,
            description = "`filename`, `kind` (auto, voice, document), `duration_ms`; values in \
                           base64"),
    ),
    responses((status = 201, description = "Begun",
        headers(("location" = String, description = "Where to send the pieces")))),
)]
async fn create(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response> {
    let length = number(&headers, &LENGTH)?;
    let Metadata { name, claim } = metadata(&headers)?;
    let (id, progress) = http.core.files.begin(&caller, length, &name, claim).await?;
    let location = (header::LOCATION, format!("/api/v1/uploads/{id}"));
    Ok((StatusCode::CREATED, [location, expires(progress.expires)]).into_response())
}

/// Ask how far an upload has got
#[utoipa::path(
    head, path = "/uploads/{upload}", tag = "files", operation_id = "uploadOffset",
    security(("session" = [])), params(UploadPath),
    responses((status = 200, description = "In headers: `upload-offset`, `upload-length`")),
)]
async fn offset(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<Response> {
    let progress = http.core.files.progress(&caller, path.id("upload")?).await?;
    let length = (LENGTH, progress.length.to_string());
    let headers = [come_to(&progress), length, expires(progress.expires)];
    Ok((StatusCode::OK, headers).into_response())
}

/// Read an upload
///
/// The file is in the answer once it is whole.
#[utoipa::path(
    get, path = "/uploads/{upload}", tag = "files", operation_id = "readUpload",
    security(("session" = [])), params(UploadPath),
    responses((status = 200, description = "How far it has come", body = Upload)),
)]
async fn progress(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Upload>> {
    let id: FileId = path.id("upload")?;
    let progress = http.core.files.progress(&caller, id).await?;
    Ok(Answer(Upload::of(id, progress)))
}

/// Continue an upload
///
/// After the last piece the file is there, under the upload's id.
#[utoipa::path(
    patch, path = "/uploads/{upload}", tag = "files", operation_id = "continueUpload",
    security(("session" = [])),
    request_body(content = String, content_type = "application/offset+octet-stream"),
    params(
        UploadPath,
        ("upload-offset" = u64, Header, description = "How far it has come"),
    ),
    responses((status = 204, description = "Taken; in headers: `upload-offset`")),
)]
async fn append(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    request: Request,
) -> Result<Response> {
    let _seat = http.uploads.take(caller.user)?;
    let id = path.id("upload")?;
    let headers = request.headers();
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes()).unwrap_or_default();
    if !kind.eq_ignore_ascii_case(PIECE_TYPE.as_bytes()) {
        return Err(Error::new(Code::UnsupportedMedia, WRONG_TYPE));
    }
    let offset = number(headers, &OFFSET)?;
    let progress = http.core.files.append(&caller, id, offset, pieces(request)).await?;
    let headers = [come_to(&progress), expires(progress.expires)];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Cancel an upload
#[utoipa::path(
    delete, path = "/uploads/{upload}", tag = "files", operation_id = "cancelUpload",
    security(("session" = [])), params(UploadPath),
    responses((status = 204, description = "Gone")),
)]
async fn cancel(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    http.core.files.cancel(&caller, path.id("upload")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn pieces(request: Request) -> impl Stream<Item = Result<bytes::Bytes>> + Send + 'static {
    let body = request.into_body().into_data_stream();
    body.map(|piece| piece.map_err(|_| Error::new(Code::BadRequest, BROKEN)))
}

fn come_to(progress: &Progress) -> (HeaderName, String) {
    (OFFSET, progress.offset.to_string())
}

fn expires(at: Time) -> (HeaderName, String) {
    let stamp = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    let written = DateTimePrinter::new().timestamp_to_rfc9110_string(&stamp);
    (HeaderName::from_static("upload-expires"), written.unwrap_or_default())
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64> {
    let named = |text| Error::field_named(name.as_str(), text);
    let value = headers.get(name).ok_or_else(|| named(text::MISSING))?;
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or_else(|| named(NO_NUMBER))
}

struct Metadata {
    name: String,
    claim: Claim,
}

/// What a client says about an upload; unknown names are ignored.
fn metadata(headers: &HeaderMap) -> Result<Metadata> {
    let bad = || Error::field("upload-metadata", BAD_METADATA);
    let (mut name, mut kind, mut millis) = (String::new(), None, None);
    let Some(value) = headers.get("upload-metadata") else {
        return Ok(Metadata { name, claim: Claim::default() });
    };
    let text = value.to_str().ok().filter(|text| text.len() <= METADATA_BYTES).ok_or_else(bad)?;
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value =
            BASE64.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let value = value.ok_or_else(bad)?;
        match key {
            "filename" => name = value,
            "kind" => kind = Some(value),
            "duration_ms" => millis = Some(value.parse().map_err(|_| bad())?),
            _ => {}
        }
    }
    Ok(Metadata { name, claim: Claim::of(kind.as_deref(), millis)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::files::Meant;

    fn read(text: &str) -> Option<(String, Meant)> {
        let mut headers = HeaderMap::new();
        headers.insert("upload-metadata", text.parse().expect("a value"));
        metadata(&headers).ok().map(|metadata| (metadata.name, metadata.claim.meant))
    }

    #[test]
    fn what_a_client_says_is_read_and_what_is_unknown_ignored() {
        // "foto ñ.jpg" and "voice"
        let both = "filename Zm90byDDsS5qcGc=, kind dm9pY2U=,is_confidential,x eA==";
        assert_eq!(read(both), Some(("foto ñ.jpg".into(), Meant::Voice)));
        assert_eq!(read(""), Some((String::new(), Meant::Auto)));
        for bad in ["filename ???", "kind eA==", "duration_ms eA==", "filename /w=="] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_moment_is_written_as_http_does() {
        assert_eq!(expires(Time(0)).1, "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
