//! Every route of the server, in one place. Called by `app`, and by the test that holds
//! `docs/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::any;
use tower::ServiceExt;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{
    Http, answer, auth, call_test, calls, changes, chats, docs, files, groups, health, invites,
    mailbox, me, members, messages, metrics, original, original_send, pictures, pipeline, presence,
    search, server, sync, uploads, users, web,
};
use crate::config::values::Origins;

/// All routes. `sockets` serves the WebSockets: `/api/v1/ws`, and `/nch` when it is an upgrade;
/// `origins` names the web pages of other origins that may call.
pub fn router(http: Arc<Http>, sockets: Router, origins: Origins) -> Router {
    let open = original::open_route().route_layer(from_fn_with_state(sockets.clone(), divert));
    let (routes, api) = described(open);
    let socket = any(move |request: Request| lead(sockets, request));
    let routes = routes.merge(docs::routes(&api)).merge(call_test::routes()).merge(web::routes());
    let routes = routes.merge(metrics::routes());
    let routes = routes.merge(at_the_machine(&http)).with_state(http.clone());
    let routes = routes
        .route("/api/v1/ws", socket)
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_method)
        .layer(from_fn_with_state(http, pipeline::wrap));
    let asked = from_fn_with_state(routes.clone(), ask_uploads);
    routes.layer(cors(origins)).layer(asked)
}

/// Leads the question of what uploads can do past what answers browsers before they call: that
/// takes every OPTIONS for such a one.
async fn ask_uploads(State(routes): State<Router>, request: Request, next: Next) -> Response {
    let asks = request.method() == Method::OPTIONS && request.uri().path() == "/api/v1/uploads";
    let browser = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if asks && !browser { lead(routes, request).await } else { next.run(request).await }
}

/// What this server has for the person at its machine.
fn at_the_machine(http: &Http) -> Router<Arc<Http>> {
    let mut routes = Router::new();
    if let Some(mailbox) = &http.welcome.mailbox {
        routes = routes.merge(mailbox::routes(mailbox.clone()));
    }
    if !http.welcome.demo.is_empty() {
        routes = routes.merge(server::demo_routes());
    }
    routes
}

/// The description of the API (OpenAPI 3.1).
pub fn description() -> OpenApi {
    described(original::open_route()).1
}

fn described(open: OpenApiRouter<Arc<Http>>) -> (Router<Arc<Http>>, OpenApi) {
    let v1 = OpenApiRouter::new()
        .merge(server::routes())
        .merge(auth::routes())
        .merge(me::routes())
        .merge(users::routes())
        .merge(presence::routes())
        .merge(chats::routes())
        .merge(groups::routes())
        .merge(members::routes())
        .merge(invites::routes())
        .merge(messages::routes())
        .merge(calls::routes())
        .merge(files::routes())
        .merge(uploads::routes())
        .merge(pictures::routes())
        .merge(changes::routes())
        .merge(sync::routes())
        .merge(search::routes());
    let all = OpenApiRouter::with_openapi(docs::base())
        .nest("/api/v1", v1)
        .merge(original::routes())
        .merge(original_send::routes())
        .merge(open)
        .merge(health::routes());
    let (routes, api) = all.split_for_parts();
    (routes, docs::finish(api))
}

/// Leads upgrades to a WebSocket to where they are served.
async fn divert(State(sockets): State<Router>, request: Request, next: Next) -> Response {
    let upgrade = request.headers().get(header::UPGRADE);
    if !upgrade.is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return next.run(request).await;
    }
    lead(sockets, request).await
}

async fn lead(sockets: Router, request: Request) -> Response {
    match sockets.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// What pages of other origins may send.
const SENT: [&str; 13] = [
    "authorization",
    "content-type",
    "accept-language",
    "idempotency-key",
    "instance",
    "x-request-id",
    "range",
    "if-range",
    "if-none-match",
    "tus-resumable",
    "upload-length",
    "upload-metadata",
    "upload-offset",
];
/// What they may read.
const EXPOSED: [&str; 15] = [
    "x-request-id",
    "retry-after",
    "location",
    "etag",
    "accept-ranges",
    "content-range",
    "content-disposition",
    "content-length",
    "tus-resumable",
    "tus-version",
    "tus-extension",
    "tus-max-size",
    "upload-offset",
    "upload-length",
    "upload-expires",
];

/// Which web pages of other origins may call; tokens travel in a header, so no cookie is allowed.
fn cors(origins: Origins) -> CorsLayer {
    let allowed = move |origin: &HeaderValue, _: &_| {
        origin.to_str().is_ok_and(|origin| origins.allow(origin))
    };
    let sent = SENT.into_iter().map(HeaderName::from_static).collect::<Vec<_>>();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers(sent)
        .expose_headers(EXPOSED.map(HeaderName::from_static))
        .max_age(std::time::Duration::from_secs(3600))
}
