//! Files: uploaded in one request, fetched, linked to. The rules are in `core::files`; uploads in
//! pieces are in `uploads`.
//!
//! Invariant: only pictures, films and sound of known types are shown in place, each in a sandbox
//! of its own; everything else can only be saved.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, InQuery, Json, idempotency_key};
use super::kind::{Routes, Upload};
use super::multipart::{Form, Part};
use super::params::FilePath;
use super::ranges::Wanted;
use crate::clock::Time;
use crate::core::files::{Claim, Content, Given, SignedLink, Size, Staged};
use crate::error::{Code, Error, Result, Text, text};
use crate::id::FileId;
use crate::model::auth::Caller;
use crate::model::files::{File, FileKind, FileName};
use crate::protocol::files::{AskLinks, Attachment, FileLinks, UploadForm, url_of};
use crate::protocol::values::Id;

/// At most this many bytes of a poster.
pub const POSTER_BYTES: usize = 4 * 1024 * 1024;
/// Characters of a file's name that need no escape (RFC 8187, section 3.2.1).
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');
/// Types that browsers show in place.
const IN_PLACE: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const ONE_FILE: Text = Text {
    en: "A form has one part 'file', with the file, and at most one 'poster'.",
    es: "Un formulario tiene una parte 'file', con el archivo, y como máximo una 'poster'.",
};
const NO_SIZE: Text =
    Text { en: "size is small or large.", es: "size es small (pequeña) o large (grande)." };
const NO_RANGE: Text = Text {
    en: "The file ends before this range; it has {} bytes.",
    es: "El archivo termina antes de este rango; tiene {} bytes.",
};
const NO_MILLIS: Text = Text {
    en: "Give a whole number of milliseconds.",
    es: "Esto es un número entero de milisegundos.",
};
const NO_FIELD: Text = Text {
    en: "There is no field of this name here. Check the spelling, or leave it out.",
    es: "Ese campo no existe aquí. Revisa cómo está escrito o quítalo.",
};

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .uploads(Upload::Yes, routes!(upload))
        .routes(routes!(fetch, delete))
        .routes(routes!(info))
        .routes(routes!(links))
}

/// Upload a file
///
/// In one request; for phones and large files there are uploads in pieces (`/uploads`). The content
/// decides the type. Pictures are rebuilt without location and camera data, and get smaller
/// versions. With `kind=document` a file is kept as it is and never shown in place. Repeat it with
/// the same `Idempotency-Key` after a lost connection: the file is stored once.
#[utoipa::path(
    post, path = "/files", tag = "files", operation_id = "uploadFile",
    security(("session" = [])),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    params(("idempotency-key" = Option<String>, Header, description = "Your key for this file")),
    responses((status = 201, description = "The file", body = Attachment,
        headers(("location" = String, description = "Where its bytes are")))),
)]
async fn upload(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Response> {
    let _seat = http.uploads.take(caller.user)?;
    let key = idempotency_key(request.headers())?.map(|key| key.as_str().to_owned());
    let mut form = Form::of(request)?;
    match received(&http, &caller, &mut form, key).await {
        Ok(file) => Ok(created(file)),
        Err(error) => {
            form.drain().await;
            Err(error)
        }
    }
}

fn created(file: File) -> Response {
    let location = [(header::LOCATION, url_of(file.id))];
    (StatusCode::CREATED, location, Answer(Attachment::from(file))).into_response()
}

/// The fields of an upload, as far as they have come.
#[derive(Default)]
struct Fields {
    kind: Option<String>,
    duration_ms: Option<u64>,
    poster: Option<Vec<u8>>,
    file: Option<Received>,
}

/// A file that came in a form.
pub(super) struct Received {
    staged: Staged,
    name: String,
}

impl Received {
    /// Takes the bytes of a part.
    pub(super) async fn of(http: &Http, caller: &Caller, part: Part) -> Result<Self> {
        let name = part.file_name().unwrap_or_default().to_owned();
        let staged = http.core.files.receive(caller, part.pieces()).await?;
        Ok(Self { staged, name })
    }

    /// Makes a file of them, once under a key.
    pub(super) async fn kept(self, http: &Http, caller: &Caller, key: String) -> Result<File> {
        let given = Given { name: self.name, key: Some(key), ..Given::default() };
        http.core.files.keep(caller, self.staged, given).await
    }
}

async fn received(
    http: &Http,
    caller: &Caller,
    form: &mut Form,
    key: Option<String>,
) -> Result<File> {
    let mut fields = Fields::default();
    while let Some(part) = form.next().await? {
        fields.take(http, caller, part).await?;
    }
    let Fields { kind, duration_ms, poster, file } = fields;
    let claim = Claim::of(kind.as_deref(), duration_ms)?;
    let Received { staged, name } = file.ok_or(Error::field("file", text::MISSING))?;
    let files = &http.core.files;
    let poster = match poster {
        Some(bytes) => Some(files.look_at_picture("poster", bytes).await?),
        None => None,
    };
    files.keep(caller, staged, Given { name, claim, poster, key }).await
}

impl Fields {
    async fn take(&mut self, http: &Http, caller: &Caller, mut part: Part) -> Result<()> {
        if part.is_left_empty().await? {
            return Ok(());
        }
        match part.name() {
            "kind" => self.kind = Some(part.text("kind", 32).await?),
            "duration_ms" => {
                let text = part.text("duration_ms", 32).await?;
                let millis =
                    text.trim().parse().map_err(|_| Error::field("duration_ms", NO_MILLIS));
                self.duration_ms = Some(millis?);
            }
            "poster" if self.poster.is_none() => {
                self.poster = Some(part.bytes("poster", POSTER_BYTES).await?);
            }
            "file" if self.file.is_none() => {
                self.file = Some(Received::of(http, caller, part).await?);
            }
            "file" | "poster" => return Err(Error::new(Code::BadRequest, ONE_FILE)),
            other => return Err(Error::field_named(other, NO_FIELD)),
        }
        Ok(())
    }
}

/// Fetch a file
///
/// For people who may see it at this moment: its owner, people who see a message with it, people
/// who see the person or group whose picture it is. With a session, or with a link from
/// `/files/links`. Ranges and conditions work.
#[utoipa::path(
    get, path = "/files/{file}", tag = "files", operation_id = "fetchFile",
    security(("session" = [])),
    params(
        FilePath,
        ("size" = Option<String>, Query,
            description = "`small`: a picture of at most 320 pixels; `large`: of at most 1,280"),
        ("download" = Option<u8>, Query, description = "1: for saving, whatever it is"),
        ("until" = Option<u64>, Query, description = "Of a link"),
        ("for" = Option<Id>, Query, description = "Of a link"),
        ("via" = Option<Id>, Query, description = "Of a link"),
        ("sig" = Option<String>, Query, description = "Of a link"),
        ("range" = Option<String>, Header, description = "A range of bytes"),
    ),
    responses(
        (status = 200, description = "Its bytes", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 304, description = "The caller has it"),
    ),
)]
async fn fetch(
    State(http): State<Arc<Http>>,
    path: InPath,
    query: InQuery,
    mut parts: Parts,
) -> Result<Response> {
    let query = query.only(&["size", "download", "until", "for", "via", "sig"])?;
    let id = path.id("file")?;
    let caller = viewer(&http, &mut parts, id, &query).await?;
    let size = match query.text("size")? {
        None => Size::Original,
        Some("small") => Size::Small,
        Some("large") => Size::Large,
        Some(_) => return Err(Error::field("size", NO_SIZE)),
    };
    let download = query.number("download", 0, 1)? == Some(1);
    let content = http.core.files.content(&caller, id, size).await?;
    served(&http, &parts, &content, download).await
}

/// Who fetches: by a link, or with a session.
async fn viewer(
    http: &Arc<Http>,
    parts: &mut Parts,
    file: FileId,
    query: &InQuery,
) -> Result<Caller> {
    let Some(signature) = query.text("sig")? else {
        return Caller::from_request_parts(parts, http).await;
    };
    let missing = |name| Error::field(name, text::MISSING);
    let until = query.number("until", 0, i64::MAX as u64)?.ok_or_else(|| missing("until"))?;
    let user = query.id("for")?.ok_or_else(|| missing("for"))?;
    let session = query.id("via")?.ok_or_else(|| missing("via"))?;
    let (caller, until) = (Caller { user, session, instance: None }, Time(until as i64));
    let caller = http.core.files.follow(SignedLink { file, caller, until, signature }).await?;
    http.limiter.check_user(caller.user)?;
    Ok(caller)
}

async fn served(http: &Http, parts: &Parts, content: &Content, download: bool) -> Result<Response> {
    let etag = format!("\"{}\"", content.digest);
    let whole = content.size;
    let (status, range) = match Wanted::of(&parts.headers, &etag, whole) {
        Wanted::Unchanged => (StatusCode::NOT_MODIFIED, 0..0),
        Wanted::Whole => (StatusCode::OK, 0..whole),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nowhere => return Ok(nowhere(whole)),
    };
    let length = range.end - range.start;
    let mut response = match status {
        StatusCode::NOT_MODIFIED => status.into_response(),
        _ if parts.method == Method::HEAD => status.into_response(),
        _ => {
            let bytes = http.core.files.read(content, range.clone()).await?;
            (status, Body::from_stream(bytes)).into_response()
        }
    };
    let headers = response.headers_mut();
    put_headers(headers, content, download);
    put(headers, header::ETAG, &etag);
    if status != StatusCode::NOT_MODIFIED {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let (first, last) = (range.start, range.end - 1);
        put(headers, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{whole}"));
    }
    Ok(response)
}

fn nowhere(size: u64) -> Response {
    let mut response = Error::new(Code::BadRange, NO_RANGE).arg(size.to_string()).into_response();
    put(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

fn put(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    // Anything that cannot be a header's value is left out; ours are ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn put_headers(headers: &mut HeaderMap, content: &Content, download: bool) {
    const SANDBOX: &str = "sandbox; default-src 'none'";
    let fixed = [
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        // What a browser kept for one session is nothing to the next.
        (header::VARY, "authorization"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    put(headers, header::CONTENT_TYPE, &content.media_type);
    let in_place = !download && is_shown_in_place(content);
    let how = if in_place { "inline" } else { "attachment" };
    put(headers, header::CONTENT_DISPOSITION, &disposition(how, &content.file.facts.name));
}

fn is_shown_in_place(content: &Content) -> bool {
    let kind = content.file.facts.kind;
    let media_type = content.media_type.as_str();
    let plays = media_type.starts_with("video/") || media_type.starts_with("audio/");
    kind != FileKind::Document && (IN_PLACE.contains(&media_type) || (kind.plays() && plays))
}

/// The name for clients that read only ASCII (RFC 6266, section 4.3), and as it is.
fn disposition(how: &str, name: &FileName) -> String {
    let plain = |c: char| if c.is_ascii_graphic() && !"\"\\%;".contains(c) { c } else { '_' };
    let ascii: String = name.as_str().chars().map(plain).collect();
    let exact = utf8_percent_encode(name.as_str(), ATTR_CHAR);
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{exact}")
}

/// Read what is known about a file
#[utoipa::path(
    get, path = "/files/{file}/info", tag = "files", operation_id = "readFile",
    security(("session" = [])), params(FilePath),
    responses((status = 200, description = "The file", body = Attachment)),
)]
async fn info(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Attachment>> {
    let file = http.core.files.look_up(&caller, path.id("file")?).await?;
    Ok(Answer(file.into()))
}

/// Delete a file
///
/// One of yours that is in no message that you see and is nobody's picture.
#[utoipa::path(
    delete, path = "/files/{file}", tag = "files", operation_id = "deleteFile",
    security(("session" = [])), params(FilePath),
    responses((status = 204, description = "It goes within minutes")),
)]
async fn delete(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    http.core.files.delete(&caller, path.id("file")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make links that need no header
///
/// For `<img>` and `<video>`: each works for 10 minutes, as long as your session is open and you
/// may see the file. At most 50 at once; files that you may not see are left out.
#[utoipa::path(
    post, path = "/files/links", tag = "files", operation_id = "linkFiles",
    security(("session" = [])), request_body = AskLinks,
    responses((status = 200, description = "The links", body = FileLinks)),
)]
async fn links(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<AskLinks>,
) -> Result<Answer<FileLinks>> {
    let files: Vec<FileId> = body.files.into_iter().map(Into::into).collect();
    let links = http.core.files.links(&caller, &files).await?;
    Ok(Answer(FileLinks { links: links.into_iter().map(Into::into).collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_so_that_nothing_can_follow_it() {
        let write = |name: &str| disposition("attachment", &FileName::of(name));
        assert_eq!(
            write("foto \u{f1}.jpg"),
            "attachment; filename=\"foto__.jpg\"; filename*=UTF-8''foto%20%C3%B1.jpg"
        );
        let evil = write("a\"; x=\"y\r\nSet-Cookie: z.txt");
        assert_eq!(evil.matches('"').count(), 2, "{evil}");
        assert!(evil.is_ascii() && !evil.contains(['\r', '\n']), "{evil}");
    }
}
