//! Answers: a value as JSON, and errors: a problem (RFC 9457) in `/api/v1`, the envelope at the
//! original endpoints.
//!
//! A handler returns the error; the pipeline, which knows the path, the language and the request's
//! id, writes the body. Causes go only to the log. Called by handlers and `pipeline`.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::context::Context;
use super::kind::Shape;
use crate::edge::fault::status_of;
use crate::error::{Code, Error, Text};
use crate::protocol::envelope::Envelope;
use crate::protocol::json;
use crate::protocol::problem::{self, Problem};

pub(super) const NO_ROUTE: Text = Text {
    en: "Nothing here. See /docs for what there is.",
    es: "No hay nada en esta dirección. Lo que hay está en /docs.",
};
const NO_METHOD: Text = Text {
    en: "This address does not accept this method; the header Allow lists the ones that it does.",
    es: "Esta dirección no admite este método; la cabecera Allow dice cuáles admite.",
};

/// A good answer, in JSON.
pub struct Answer<T>(pub T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let text = match json::to_string(&self.0) {
            Ok(text) => text,
            Err(error) => return Error::internal(error).into_response(),
        };
        let mut response = Response::new(Body::from(text));
        let kind = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// The answer for an unknown path.
pub async fn no_route() -> Error {
    Error::not_found(NO_ROUTE)
}

/// The answer for a known path and an unknown method.
pub async fn no_method() -> Error {
    Error::new(Code::MethodNotAllowed, NO_METHOD)
}

/// Writes an error down for its caller; keeps what headers the response has.
pub fn written(fault: &Error, context: &Context, response: &Response) -> Response {
    let mut answer = match context.kind.shape {
        Shape::Envelope => {
            let failure = Envelope::failure(fault, context.language, &context.request_id);
            Answer(failure).into_response()
        }
        Shape::Problem => {
            let problem = Problem::of(fault, context.language, Some(&context.request_id));
            let mut answer = Answer(problem).into_response();
            let kind = HeaderValue::from_static(problem::MEDIA_TYPE);
            answer.headers_mut().insert(header::CONTENT_TYPE, kind);
            answer
        }
    };
    *answer.status_mut() = status_of(fault.code);
    let headers = answer.headers_mut();
    let kept = [header::ALLOW, header::VARY, header::CONTENT_RANGE];
    for (name, value) in response.headers() {
        // How resumable uploads are spoken is said whatever the answer (`uploads`).
        if kept.contains(name) || name.as_str().starts_with("tus-") {
            headers.append(name, value.clone());
        }
    }
    if let Some(wait) = fault.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(problem::whole_seconds(wait)));
    }
    if fault.code == Code::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    answer
}
