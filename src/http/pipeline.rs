//! What every request passes through, whatever its path: it gets an id and a language, is counted,
//! is sent on to HTTPS if it should have come by that, runs under a time limit with panics caught,
//! has its error written in the right shape, and leaves with security headers and one line in the
//! log.
//!
//! Invariant: no query string, header or body reaches the log; of a path, only the route's pattern
//! does, because an invitation's code is a secret.
//!
//! Called by `router`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::timeout;

use super::Http;
use super::answer;
use super::claims::check_host;
use super::context::{Context, REQUEST_ID};
use super::kind::Kinds;
use crate::edge::address::Client;
use crate::edge::fault::{Fault, status_of};
use crate::error::{Code, Error, Result, Text};

/// How long a handler may take.
const HANDLER: Duration = Duration::from_secs(60);
/// How long one that brings a file may take: as long as it comes at all.
const UPLOAD: Duration = Duration::from_secs(24 * 60 * 60);
const SLOW: Text = Text {
    en: "The server took too long. Try again shortly; repeating with the same key is safe.",
    es: "El servidor tardó demasiado. Inténtalo de nuevo en breve; repetir con la misma clave es \
         seguro.",
};

/// What wraps requests: what handlers share, and what each route is like.
#[derive(Clone)]
pub struct Pipeline {
    /// What handlers share.
    pub http: Arc<Http>,
    /// The kinds of all routes.
    pub kinds: Arc<Kinds>,
}

/// Wraps a request.
pub async fn wrap(
    State(Pipeline { http, kinds }): State<Pipeline>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let pattern = route.as_ref().map(MatchedPath::as_str);
    let kind = kinds.of(&method, pattern, request.uri().path());
    let context = Arc::new(Context::of(&http, kind, &request));
    request.extensions_mut().insert(context.clone());
    let (parts, body) = request.into_parts();
    let stay = http.https.stay(&parts);
    let mut response = match check(&http, &context, &parts) {
        Ok(()) => match http.https.elsewhere(&parts, kind) {
            Some(redirect) => redirect,
            None => run(Request::from_parts(parts, body), next, &context).await,
        },
        Err(error) => error.into_response(),
    };
    if let Some(Fault(fault)) = response.extensions_mut().remove::<Fault>() {
        response = answer::written(&fault, &context, &response);
        log_fault(&fault, &context);
    }
    if status_is_ours(response.status()) {
        http.core.operator.failed();
    }
    put_headers(response.headers_mut(), &context, stay);
    let took = started.elapsed();
    http.counters.answered(&method, route.as_ref(), response.status(), took);
    log_access(&method, pattern.unwrap_or("(none)"), response.status(), took, &context);
    response
}

/// Refuses what may not even be looked at.
fn check(http: &Http, context: &Context, parts: &Parts) -> Result<()> {
    let client = Client { ip: context.ip, forwarded: context.forwarded };
    http.limiter.check_ip(client, context.kind.class)?;
    check_host(parts)?;
    http.own_pages.check(parts)
}

/// Runs the handler; a panic or a handler that does not end becomes an error.
async fn run(request: Request, next: Next, context: &Context) -> Response {
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    let within = if context.upload { UPLOAD } else { HANDLER };
    match timeout(within, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => Error::internal(words_of(&*panic)).into_response(),
        Err(_) => Error::new(Code::Unavailable, SLOW).into_response(),
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a handler panicked: {}", words.unwrap_or_default())
}

fn put_headers(headers: &mut HeaderMap, context: &Context, stay: Option<&'static str>) {
    const CSP: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
    const PERMISSIONS: &str = "microphone=(self), camera=(self), display-capture=(self), \
                               geolocation=(), payment=(), usb=()";
    let mut put = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    put(header::CONTENT_SECURITY_POLICY, CSP);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::X_FRAME_OPTIONS, "DENY");
    put(header::REFERRER_POLICY, "no-referrer");
    put(header::CACHE_CONTROL, "no-store");
    put(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    put(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    if let Some(stay) = stay {
        put(header::STRICT_TRANSPORT_SECURITY, stay);
    }
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

fn log_fault(fault: &Error, context: &Context) {
    if !status_is_ours(status_of(fault.code)) {
        return;
    }
    let causes =
        std::iter::successors(fault.cause().map(|c| c as &dyn std::error::Error), |c| c.source());
    let cause: Vec<String> = causes.map(ToString::to_string).collect();
    let (request_id, cause) = (&context.request_id, cause.join(": "));
    tracing::error!(request_id, code = fault.code.row().name, cause, "request failed");
}

/// Whether the operator should hear of it: our faults, but not what we simply do not offer.
fn status_is_ours(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
}

fn log_access(method: &Method, route: &str, status: StatusCode, took: Duration, context: &Context) {
    tracing::info!(
        target: "access",
        method = %method,
        route,
        status = status.as_u16(),
        took_us = took.as_micros() as u64,
        ip = %context.ip,
        user = context.user.get().map(tracing::field::display),
        request_id = context.request_id,
        "request"
    );
}
