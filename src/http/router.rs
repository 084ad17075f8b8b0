//! Every route of the server, in one place. Called by `app`, and by the test that holds
//! `docs/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use tower::ServiceExt;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::openapi::OpenApi;

use super::kind::{Kinds, Routes};
use super::pipeline::{self, Pipeline};
use super::{
    Http, address, answer, auth, call_check, calls, changes, chats, contacts, docs, export, files,
    groups, health, install, invites, mailbox, me, members, messages, metrics, missed, operator,
    operator_reports, original, original_send, pictures, presence, push, receipts, recovery,
    reports, search, server, sync, uploads, users, web,
};
use crate::config::values::Origins;

/// All routes. `sockets` serves the WebSockets: `/api/v1/ws`, and `/nch` when it is an upgrade;
/// `origins` names the web pages of other origins that may call.
pub fn router(http: Arc<Http>, sockets: Router, origins: Origins) -> Router {
    let diverted = from_fn_with_state(sockets.clone(), divert);
    let open = original::open_route().map(|routes| routes.route_layer(diverted));
    let socket = any(move |request: Request| lead(sockets, request));
    let (routes, kinds) = all(&http, open, socket).into_parts();
    let kinds = Arc::new(kinds);
    let pipeline = Pipeline { http: http.clone(), kinds: kinds.clone() };
    let routes = Router::<()>::from(routes.with_state(http))
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_method)
        .layer(from_fn_with_state(pipeline, pipeline::wrap));
    let own = from_fn_with_state((kinds, routes.clone()), own_options);
    routes.layer(cors(origins)).layer(own)
}

/// Leads an OPTIONS to a route that answers it itself past what answers browsers before they call:
/// that takes every OPTIONS for such a one.
async fn own_options(
    State((kinds, routes)): State<(Arc<Kinds>, Router)>,
    request: Request,
    next: Next,
) -> Response {
    let asks = *request.method() == Method::OPTIONS;
    let browser = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let own = asks && !browser && kinds.has(request.method(), request.uri().path());
    if own { lead(routes, request).await } else { next.run(request).await }
}

/// Every route of a server, with `open` at `/nch` and `socket` at `/api/v1/ws`.
fn all(http: &Http, open: Routes, socket: MethodRouter<Arc<Http>>) -> Routes {
    let (routes, api) = described(open);
    let routes = routes
        .merge(docs::routes(api, &http.welcome.brand))
        .merge(call_check::routes())
        .merge(missed::routes())
        .merge(address::page_routes())
        .merge(web::routes());
    let sockets = Routes::with_problems().route("/api/v1/ws", socket);
    routes.merge(metrics::routes()).merge(of_some(http)).merge(sockets)
}

/// What only some servers have: for the person at their machine, or for devices that do not believe
/// them yet.
fn of_some(http: &Http) -> Routes {
    let mut routes = Routes::with_problems();
    if let Some(mailbox) = &http.welcome.mailbox {
        routes = routes.merge(mailbox::routes(mailbox.clone()));
    }
    if !http.welcome.demo.is_empty() {
        routes = routes.merge(server::demo_routes());
    }
    if http.install.is_some() {
        routes = routes.merge(install::routes());
    }
    routes
}

/// The kind of every route.
#[cfg(test)]
pub(super) fn kinds(http: &Http) -> Kinds {
    all(http, original::open_route(), any(answer::no_route)).into_parts().1
}

/// The description of the API (OpenAPI 3.1).
pub fn description() -> OpenApi {
    described(original::open_route()).1
}

fn described(open: Routes) -> (Routes, OpenApi) {
    let v1 = Routes::with_problems()
        .merge(server::routes())
        .merge(auth::routes())
        .merge(me::routes())
        .merge(address::routes())
        .merge(recovery::routes())
        .merge(export::routes())
        .merge(push::routes())
        .merge(users::routes())
        .merge(presence::routes())
        .merge(chats::routes())
        .merge(contacts::routes())
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
        .merge(receipts::routes())
        .merge(search::routes())
        .merge(operator::routes())
        .merge(operator_reports::routes())
        .merge(reports::routes());
    Routes::with_problems()
        .nest("/api/v1", v1)
        .merge(original::routes())
        .merge(original_send::routes())
        .merge(open)
        .merge(health::routes())
        .described(docs::base(), docs::finish)
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
