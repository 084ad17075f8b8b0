//! Reads requests: who calls, path, query, body. Anything that does not fit becomes an error that
//! names the field. Called by handlers.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Query as Pairs, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Http;
use super::context::Context;
use crate::edge::credentials::{bearer, instance};
use crate::error::{Code, Error, Result, Text, text};
use crate::model::auth::Caller;
use crate::model::text::ClientMsgId;
use crate::protocol::bodies;

/// At most this many bytes of a body.
pub const BODY_BYTES: usize = 1024 * 1024;
/// How long a body may take to arrive.
pub const BODY_TIME: Duration = Duration::from_secs(30);

const TOO_LARGE: Text = Text {
    en: "A request body can have at most {} bytes.",
    es: "El cuerpo de una petición admite como máximo {} bytes.",
};
const TOO_SLOW: Text = Text {
    en: "The body did not arrive in time, or the connection broke. Try again.",
    es: "El cuerpo no llegó a tiempo o se cortó la conexión. Inténtalo de nuevo.",
};
const NO_JSON_TYPE: Text = Text {
    en: "Send JSON with the header 'Content-Type: application/json'.",
    es: "Envía JSON con la cabecera 'Content-Type: application/json'.",
};
const BAD_PATH: Text = Text {
    en: "The path is not UTF-8 after percent-decoding.",
    es: "La ruta no es UTF-8 tras decodificar los porcentajes.",
};
const BAD_QUERY: Text =
    Text { en: "The query string cannot be read.", es: "No se puede leer la cadena de consulta." };
const NO_PARAMETER: Text = Text {
    en: "There is no parameter of this name here. Check the spelling, or leave it out.",
    es: "Ese parámetro no existe aquí. Revisa cómo está escrito o quítalo.",
};
const TWICE: Text =
    Text { en: "This parameter is given twice.", es: "Este parámetro aparece dos veces." };
const NO_NUMBER: Text =
    Text { en: "Give a whole number from {} to {}.", es: "Esto es un número entero de {} a {}." };

impl FromRequestParts<Arc<Http>> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Self> {
        let nobody = || Error::new(Code::Unauthenticated, text::UNAUTHENTICATED);
        let token = bearer(&parts.headers).ok_or_else(nobody)?;
        let caller = http.core.auth.authenticate(token).await?;
        let caller = Caller { instance: instance(&parts.headers)?, ..caller };
        if let Some(context) = parts.extensions.get::<Arc<Context>>() {
            context.user.set(caller.user).ok();
        }
        http.limiter.check_user(caller.user)?;
        Ok(caller)
    }
}

impl FromRequestParts<Arc<Http>> for Known {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Http>) -> Result<Self> {
        let context = parts.extensions.get::<Arc<Context>>().cloned();
        context.map(Self).ok_or_else(|| Error::internal("a request outside the pipeline"))
    }
}

/// What is known of the request: id, language, address.
pub struct Known(pub Arc<Context>);

/// The parameters in the path, by name.
pub struct InPath(Vec<(String, String)>);

impl FromRequestParts<Arc<Http>> for InPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Http>) -> Result<Self> {
        let bad = |_| Error::new(Code::BadRequest, BAD_PATH);
        let raw = RawPathParams::from_request_parts(parts, state).await.map_err(bad)?;
        Ok(Self(raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}

impl InPath {
    /// The text of a parameter that the route names.
    pub fn text(&self, name: &'static str) -> Result<&str> {
        let found = self.0.iter().find(|pair| pair.0 == name);
        found.map(|pair| pair.1.as_str()).ok_or(Error::field(name, text::MISSING))
    }

    /// A parameter that holds an id; `BadField` if it does not parse.
    pub fn id<T: FromStr>(&self, name: &'static str) -> Result<T> {
        self.text(name)?.parse().map_err(|_| Error::field(name, text::BAD_ID))
    }

    /// A position: a whole number from 1 on.
    pub fn seq(&self, name: &'static str) -> Result<u64> {
        number(name, self.text(name)?, 1, i64::MAX as u64)
    }
}

/// The parameters in the query, by name.
pub struct InQuery(Vec<(String, String)>);

impl FromRequestParts<Arc<Http>> for InQuery {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Http>) -> Result<Self> {
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        pairs.map(|pairs| Self(pairs.0)).map_err(|_| Error::new(Code::BadRequest, BAD_QUERY))
    }
}

impl InQuery {
    /// Refuses parameters with other names, so that a typing mistake is not lost in silence.
    pub fn only(self, names: &[&str]) -> Result<Self> {
        match self.0.iter().find(|pair| !names.contains(&pair.0.as_str())) {
            Some((name, _)) => Err(Error::field_named(name, NO_PARAMETER)),
            None => Ok(self),
        }
    }

    /// The text of a parameter; `None` when it is not there.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>> {
        let mut found = self.0.iter().filter(|pair| pair.0 == name);
        let first = found.next().map(|pair| pair.1.as_str());
        if found.next().is_some() { Err(Error::field(name, TWICE)) } else { Ok(first) }
    }

    /// The text of a parameter that must be there.
    pub fn required(&self, name: &'static str) -> Result<&str> {
        let found = self.text(name)?.filter(|text| !text.is_empty());
        found.ok_or(Error::field(name, text::MISSING))
    }

    /// A parameter that holds an id; `BadField` if it does not parse.
    pub fn id<T: FromStr>(&self, name: &'static str) -> Result<Option<T>> {
        let bad = |_| Error::field(name, text::BAD_ID);
        self.text(name)?.map(|text| text.parse().map_err(bad)).transpose()
    }

    /// A whole number from `low` to `high`.
    pub fn number(&self, name: &'static str, low: u64, high: u64) -> Result<Option<u64>> {
        self.text(name)?.map(|text| number(name, text, low, high)).transpose()
    }

    /// Which page of a list: the number in an opaque cursor, 0 when there is none.
    pub fn page(&self, name: &'static str) -> Result<u32> {
        Ok(self.number(name, 0, 999_999_999)?.unwrap_or_default() as u32)
    }

    /// How many rows a page has: from 1 to `most`, by default `usual`.
    pub fn limit(&self, usual: u32, most: u32) -> Result<u32> {
        let limit = self.number("limit", 1, u64::from(most))?;
        Ok(limit.map_or(usual, |limit| limit as u32))
    }
}

/// The key of a request that may be repeated; `None` when there is none.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<ClientMsgId>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    // What is not text cannot be a key, and is refused as one.
    ClientMsgId::parse("idempotency-key", value.to_str().unwrap_or_default()).map(Some)
}

fn number(name: &'static str, text: &str, low: u64, high: u64) -> Result<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && (low..=high).contains(number));
    number.ok_or_else(|| Error::field(name, NO_NUMBER).arg(low.to_string()).arg(high.to_string()))
}

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Http>> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &Arc<Http>) -> Result<Self> {
        let body = json_bytes(request).await?;
        bodies::read(&body).map(Self)
    }
}

/// A JSON body that may be left out or null: then everything is as by default.
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<Http>> for OptionalJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &Arc<Http>) -> Result<Self> {
        let body = json_bytes(request).await?;
        if body.is_empty() || body == b"null"[..] {
            Ok(Self(T::default()))
        } else {
            bodies::read(&body).map(Self)
        }
    }
}

/// The bytes of a body that claims to be JSON; a body that claims nothing must be empty, as any
/// page can make a browser send one.
pub async fn json_bytes(request: Request) -> Result<Bytes> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| !is_json(kind.as_bytes())) {
        return Err(Error::new(Code::UnsupportedMedia, NO_JSON_TYPE));
    }
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_BYTES as u64) {
        return Err(too_large());
    }
    let bytes = read_body(body).await?;
    if kind.is_none() && !bytes.is_empty() {
        return Err(Error::new(Code::UnsupportedMedia, NO_JSON_TYPE));
    }
    Ok(bytes)
}

async fn read_body(body: Body) -> Result<Bytes> {
    match timeout(BODY_TIME, to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(broken(error.into_inner().as_ref())),
        Err(_) => Err(Error::new(Code::BadRequest, TOO_SLOW)),
    }
}

/// Why a body did not come whole.
fn broken(cause: &(dyn std::error::Error + 'static)) -> Error {
    let too_long = cause.is::<LengthLimitError>();
    if too_long { too_large() } else { Error::new(Code::BadRequest, TOO_SLOW) }
}

fn too_large() -> Error {
    Error::new(Code::TooLarge, TOO_LARGE).arg(BODY_BYTES.to_string())
}

/// `application/json` or a type that ends in `+json` (RFC 6839, section 3.1).
fn is_json(kind: &[u8]) -> bool {
    let kind = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"application/json")
        || (kind.len() > 5 && kind[kind.len() - 5..].eq_ignore_ascii_case(b"+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> InQuery {
        let uri = format!("/?{text}").parse().expect("a URI");
        InQuery(Pairs::<Vec<(String, String)>>::try_from_uri(&uri).expect("readable").0)
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let field = |error: Error| error.field.map(|field| field.into_owned());
        let unknown = query("limit=1&lmiit=2").only(&["limit"]).err().and_then(field);
        assert_eq!(unknown.as_deref(), Some("lmiit"));
        for text in [
            "limit=",
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=x",
            "limit=1&limit=2",
            "limit=99999999999999999999",
            "limit=+1",
        ] {
            let error = query(text).limit(50, 200).expect_err(text);
            assert_eq!(field(error).as_deref(), Some("limit"), "{text}");
        }
        assert_eq!(query("limit=7").limit(50, 200).ok(), Some(7));
        assert_eq!(query("").limit(50, 200).ok(), Some(50));
    }

    #[test]
    fn json_is_known_by_its_type() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert!(is_json(kind.as_bytes()), "{kind}");
        }
        for kind in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            assert!(!is_json(kind.as_bytes()), "{kind}");
        }
    }
}
