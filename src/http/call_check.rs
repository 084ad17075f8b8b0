//! The page `/call-test`: checks from a browser whether calls will work, and says what to do.
//!
//! It needs no framework and loads nothing from elsewhere. Called by `router`.

use axum::routing::get;

use super::docs::{javascript, page};
use super::kind::Routes;

const PAGE: &str = include_str!("call_check.html");
const SCRIPT: &str = concat!(include_str!("words.js"), include_str!("call_check.js"));

pub(super) fn routes() -> Routes {
    Routes::with_envelopes()
        .route("/call-test", get(|| async { page(PAGE) }))
        .route("/call-test.js", get(|| async { javascript(SCRIPT, "no-cache") }))
}
