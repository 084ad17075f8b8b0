//! How an error leaves a handler: as a response of its status that carries the error itself.
//!
//! The code around the handler knows the language and the shape that the path promises, and writes
//! the body. Returned by handlers of `http` and `ws`; read by `http/pipeline`.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::error::{Code, Error};

/// An error on its way to the pipeline.
#[derive(Clone)]
pub struct Fault(pub Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = status_of(self.code);
        let mut response = status.into_response();
        response.extensions_mut().insert(Fault(Arc::new(self)));
        response
    }
}

/// The HTTP status of a code.
pub fn status_of(code: Code) -> StatusCode {
    StatusCode::from_u16(code.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
