//! The API's own description: OpenAPI 3.1 made from the handlers, AsyncAPI 3.1 made from the
//! frames, a page to read and try it that
//! works without any network, and the page that explains error codes.
//!
//! The page runs RapiDoc, which is in `web/vendor` with its licence. Called by `router`.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use tower_http::compression::CompressionLayer;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Info, License, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder, Tag,
};
use utoipa::{PartialSchema, ToSchema};

use super::brand::{title, titled};
use super::kind::{Kinds, Routes, Shape};
use crate::config::brand::Brand;
use crate::error::{Code, Error, Language, Text};
use crate::protocol::asyncapi;
use crate::protocol::envelope::{Envelope, Failure};
use crate::protocol::problem::{self, Problem};

const RAPIDOC: &str = include_str!("../../web/vendor/rapidoc/rapidoc-9.3.8.min.js");
const PAGE: &str = include_str!("docs.html");

const TAGS: [(&str, &str); 13] = [
    ("auth", "Signing up, logging in, devices"),
    ("me", "Your account"),
    ("users", "Other people"),
    ("chats", "Your chats and your settings in them"),
    ("groups", "Groups, members, invitation links"),
    ("messages", "Sending and reading"),
    ("files", "Pictures, films, sound, documents; see docs/files.md"),
    ("calls", "Voice and video calls; see docs/calls.md"),
    ("sync", "Catching up, cursors and receipts"),
    ("search", "Finding people and groups"),
    ("reports", "Telling those who run the server of people, groups and messages"),
    ("original", "The endpoints that the mobile apps have always spoken"),
    ("health", "For load balancers and supervisors"),
];

const DESCRIPTION: &str = "\
Log in with `POST /api/v1/users` (or `/api/v1/auth/codes`), then `POST /api/v1/auth/sessions` with \
the code from the mail, and send the token as `Authorization: Bearer …`.

Ids are 24 hexadecimal digits, times RFC 3339 in UTC. Fields that are null, empty or false may be \
absent. A body with an unknown field is refused. Errors are problems (RFC 9457) with a stable \
`code` and texts in English, Spanish or Chinese by `Accept-Language`; 429 and 503 say in \
`Retry-After` when to come back. Every answer repeats or sets `X-Request-Id`.

Live events come over the WebSocket at `/api/v1/ws`.";

/// The head of a column that says in one language what a code means.
const MEANING: Text = Text { en: "Meaning", es: "Significado" };

/// The name of a failed answer of the original endpoints.
const FAILURE: &str = "Envelope_OriginalFailure";

/// What the description begins with, before the handlers add theirs.
pub(super) fn base() -> OpenApi {
    let mut info = Info::new("WeChat backend", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.to_owned());
    info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    let tag = |(name, description): (&str, &str)| {
        let mut tag = Tag::new(name);
        tag.description = Some(description.to_owned());
        tag
    };
    OpenApiBuilder::new().info(info).tags(Some(TAGS.map(tag))).build()
}

/// Adds what all operations share: the session, and how an error looks.
pub(super) fn finish(mut api: OpenApi, kinds: &Kinds) -> OpenApi {
    let components = api.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("session", SecurityScheme::Http(bearer));
    let problem = Problem::name().into_owned();
    let failure = FAILURE.to_owned();
    components.schemas.insert(problem.clone(), Problem::schema());
    components.schemas.insert(failure.clone(), Envelope::<Failure>::schema());
    let mut nested = Vec::new();
    Envelope::<Failure>::schemas(&mut nested);
    components.schemas.extend(nested);
    for (path, item) in &mut api.paths.paths {
        let (kind, schema) = match kinds.of(&Method::GET, Some(path.as_str()), path).shape {
            Shape::Envelope => ("application/json", &failure),
            Shape::Problem => (problem::MEDIA_TYPE, &problem),
        };
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let error = ResponseBuilder::new().description("An error").content(kind, content).build();
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
            &mut item.head,
            &mut item.options,
        ];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.insert("default".to_owned(), RefOr::T(error.clone()));
        }
    }
    api
}

/// The pages, with the description as a file.
pub(super) fn routes(mut api: OpenApi, brand: &Brand) -> Routes {
    let title = title(brand);
    let mut socket = asyncapi::description();
    socket["info"]["title"] = format!("{title}, WebSocket").into();
    api.info.title = title;
    let file = |text: String| {
        let text: Arc<str> = text.into();
        get(move || async move {
            let kind = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, kind)], text.to_string())
        })
    };
    let html = |text: &str, answer: fn(String) -> Response| {
        let text: Arc<str> = titled(brand, text).into();
        get(move || async move { answer(text.to_string()) })
    };
    Routes::with_problems()
        .route("/api/v1/openapi.json", file(api.to_json().unwrap_or_default()))
        .route("/api/v1/asyncapi.json", file(socket.to_string()))
        // RapiDoc writes style elements of its own as it draws.
        .route("/docs", html(PAGE, |text| styled(Html(text), "'unsafe-inline'")))
        .route("/docs/errors", html(&errors(), page))
        .route("/docs/rapidoc-9.3.8.js", get(script))
        .route("/docs/start.js", get(|| async { javascript(include_str!("docs.js"), "no-cache") }))
        .map(|routes| routes.layer(CompressionLayer::new()))
}

async fn script() -> Response {
    javascript(RAPIDOC, "public, max-age=31536000, immutable")
}

/// A script of our own.
pub(super) fn javascript(text: &'static str, cached: &'static str) -> Response {
    let kind = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static(cached)),
    ];
    (kind, text).into_response()
}

/// A page of our own with its style inside, which loads nothing from elsewhere. Its policy names
/// that one style by its hash.
pub(super) fn page(html: impl Into<String>) -> Response {
    let html = html.into();
    let style = html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let hash = style.map(|(style, _)| BASE64.encode(Sha256::digest(style)));
    let styles = hash.map_or_else(|| "'none'".to_owned(), |hash| format!("'sha256-{hash}'"));
    styled(Html(html), &styles)
}

fn styled<T: IntoResponse>(html: T, styles: &str) -> Response {
    let policy = format!(
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; \
         style-src {styles}; font-src 'self' data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let Ok(policy) = HeaderValue::from_str(&policy) else {
        return Error::internal("a policy that is not a header").into_response();
    };
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, html).into_response()
}

/// The page that explains every code, in every language; problems point here by their `type`.
fn errors() -> String {
    let cells = |tag: &str, text: Text| {
        let cell = |of: Language| format!("<{tag} lang=\"{}\">{}", of.tag(), text.of(of));
        Language::ALL.map(cell).concat()
    };
    let row = |code: Code| {
        let row = code.row();
        format!(
            "<tr id=\"{name}\"><td><code>{name}</code><td>{status}<td>{envelope}{cells}\n",
            name = row.name,
            status = row.status,
            envelope = row.envelope,
            cells = cells("td", problem::title(code)),
        )
    };
    include_str!("errors.html")
        .replace("<!-- meanings -->", &cells("th", MEANING))
        .replace("<!-- rows -->", &Code::ALL.map(row).concat())
}
