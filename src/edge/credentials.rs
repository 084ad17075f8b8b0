//! What a request's headers say about its caller: the token, and which client of the session it is.
//! Called by `http/extract` and `ws`, which ask `core::auth` whose token it is.

use axum::http::{HeaderMap, header};

use crate::error::Result;
use crate::model::auth::Instance;

/// At most this many bytes of a token; ours have 43.
const TOKEN_BYTES: usize = 256;

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let fits = scheme.eq_ignore_ascii_case("bearer") && (1..=TOKEN_BYTES).contains(&token.len());
    fits.then_some(token)
}

/// What a client calls itself, by the header `Instance`; `None` when it does not say.
pub fn instance(headers: &HeaderMap) -> Result<Option<Instance>> {
    let Some(name) = headers.get("instance") else { return Ok(None) };
    // What is not text cannot be a name, and is refused as one.
    Instance::parse(name.to_str().unwrap_or_default()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_behind_bearer() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, axum::http::HeaderValue::from_static(value));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(read("bearer  abc ").as_deref(), Some("abc"));
        for other in ["abc", "Basic abc", "Bearer ", "Bearer"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
